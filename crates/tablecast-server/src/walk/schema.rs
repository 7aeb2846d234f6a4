//! The statements that make the tables of the site, of a database, or one table.

use serde_json::json;
use tablecast_connector::{Error, ErrorKind, Result};

use crate::fetch::Place;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::target::Format;
use crate::response::{self, Reply, html};
use crate::{Published, Site};

/// What is shown of one database or table: its name and its statements.
struct Section {
    name: String,
    schema: String,
}

impl Section {
    fn markdown(&self) -> String {
        format!("# Schema for {}\n\n```sql\n{}\n```", self.name, self.schema)
    }
}

/// Every database that the visitor may see, by name.
pub(super) async fn of_site(site: &Site, request: &Request) -> Result<Reply> {
    let mut databases: Vec<&Published> = site.viewed().collect();
    databases.sort_by_key(|published| &published.name);
    let mut sections = Vec::new();
    for published in databases {
        sections.push(Section {
            name: published.name.clone(),
            schema: of_all_tables(site, published).await?,
        });
    }
    Ok(match request.format {
        Format::Json => {
            let schemas = sections
                .iter()
                .map(|section| json!({ "database": section.name, "schema": section.schema }));
            Reply::json(&json!({ "ok": true, "schemas": schemas.collect::<Vec<_>>() }))
        }
        Format::Markdown => {
            let parts: Vec<String> = sections.iter().map(Section::markdown).collect();
            text(parts.join("\n\n"))
        }
        _ => {
            let all: Vec<String> = sections
                .iter()
                .map(|section| format!("-- {}\n{}", section.name, section.schema))
                .collect();
            html::schema(
                site,
                request,
                None,
                "Schema for all databases",
                &all.join("\n\n"),
            )
        }
    })
}

/// All tables of a database that the visitor may see.
pub(super) async fn of_database(site: &Site, request: &Request, database: &str) -> Result<Reply> {
    require(site, Action::ViewDatabase, Subject::Database(database))?;
    let published = site.database(database)?;
    let section = Section {
        name: database.to_owned(),
        schema: of_all_tables(site, published).await?,
    };
    Ok(match request.format {
        Format::Json => {
            Reply::json(&json!({ "ok": true, "database": database, "schema": section.schema }))
        }
        Format::Markdown => text(section.markdown() + "\n"),
        _ => {
            let heading = format!("Schema for {database}");
            html::schema(site, request, Some(published), &heading, &section.schema)
        }
    })
}

/// One table or view.
pub(super) async fn of_table(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
) -> Result<Reply> {
    require(site, Action::ViewTable, Subject::Table(database, table))?;
    let place = Place::find(site, database, table).await?;
    let definition = place
        .published
        .database
        .table_definition(&place.info.name)
        .await?;
    let schema = definition.ok_or_else(|| Error::not_found("Table not found"))?;
    let section = Section {
        name: format!("{database}.{table}"),
        schema,
    };
    Ok(match request.format {
        Format::Json => Reply::json(
            &json!({ "ok": true, "database": database, "table": table, "schema": section.schema }),
        ),
        Format::Markdown => text(section.markdown() + "\n"),
        _ => {
            let heading = format!("Schema for {}", section.name);
            html::schema(
                site,
                request,
                Some(place.published),
                &heading,
                &section.schema,
            )
        }
    })
}

/// These pages name the action that is refused.
fn require(site: &Site, action: Action, subject: Subject<'_>) -> Result<()> {
    if site.allows(action, subject) {
        return Ok(());
    }
    Err(Error::forbidden(action.name()))
}

/// The statements of tables, views and indexes, in the container's order.
async fn of_all_tables(site: &Site, published: &Published) -> Result<String> {
    let database = &published.database;
    let mut names = database.table_names().await?;
    names.extend(database.view_names().await?);
    let mut statements = Vec::new();
    for name in &names {
        if !site.allows(Action::ViewTable, Subject::Table(&published.name, name)) {
            continue;
        }
        for found in [
            database
                .table_definition(name)
                .await
                .map(|found| found.into_iter().collect()),
            database.indices_definition(name).await,
        ] {
            match found {
                Ok(found) => statements.extend::<Vec<String>>(found),
                // One that cannot be read has no definition to show.
                Err(error) if error.kind() == ErrorKind::Unreadable => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(statements.join(";\n"))
}

fn text(body: String) -> Reply {
    Reply::new(http::StatusCode::OK, response::TEXT, body)
}
