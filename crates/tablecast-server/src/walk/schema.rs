//! The statements that make a database's tables.

use tablecast_connector::Result;

use crate::Site;
use crate::fetch::Place;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::{self, Reply, html};

/// The statements that make a database's tables, or one of them.
pub(super) async fn schema(
    site: &Site,
    request: &Request,
    database: &str,
    table: Option<&str>,
) -> Result<Reply> {
    let published = site.database(database)?;
    let names = if let Some(table) = table {
        vec![Place::find(site, database, table).await?.info.name.clone()]
    } else {
        let mut names = published.database.table_names().await?;
        names.extend(published.database.view_names().await?);
        names
    };
    let mut statements = Vec::new();
    for name in &names {
        statements.extend(published.database.table_definition(name).await?);
        statements.extend(published.database.indices_definition(name).await?);
    }
    let end = if table.is_some() || statements.is_empty() {
        ""
    } else {
        ";"
    };
    let text = statements.join(
        ";
",
    ) + end;
    Ok(match request.format {
        Format::Json => {
            let mut json = serde_json::json!({ "ok": true, "database": database, "schema": text });
            if let (Some(table), Some(members)) = (table, json.as_object_mut()) {
                members.insert("table".to_owned(), table.into());
            }
            Reply::json(&json)
        }
        Format::Markdown => {
            let title = table.unwrap_or(database);
            let body = format!("# Schema for {title}\n\n```sql\n{text}\n```\n");
            Reply::new(http::StatusCode::OK, response::TEXT, body)
        }
        _ => html::schema(site, request, published, table, &text),
    })
}
