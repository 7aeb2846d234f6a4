//! Rows of a table by what a person types of their key or label, for fields that take a reference.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Error, ErrorKind, ROWID, Result, Statement, TableKind};
use tablecast_sql::{Completion, syntax_of};

use crate::Site;
use crate::fetch::Place;
use crate::fetch::facets::value_json;
use crate::fetch::limits;
use crate::fetch::page::Page;
use crate::plan::labels::label_column;
use crate::request::Request;
use crate::response::Reply;

/// The most rows told.
const ROWS_MAX: u64 = 10;

/// Looking everywhere may take this long; then only keys that start with the text are looked for.
const TIME_LIMIT: Duration = Duration::from_millis(500);

pub(super) async fn autocomplete(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
) -> Result<Reply> {
    let place = Place::find(site, database, table).await?;
    if place.info.kind == TableKind::View {
        return Err(Error::invalid("Autocomplete is only available for tables"));
    }
    let typed = request.arguments.first("q").unwrap_or_default();
    let first_rows = typed.is_empty() && request.arguments.is_on("_initial");
    if typed.is_empty() && !first_rows {
        return Ok(Reply::json(&json!({ "ok": true, "rows": [] })));
    }
    let mut keys = place.keys();
    if keys.is_empty() {
        keys.push(ROWID.to_owned());
    }
    let options = site.configuration.table(database, &place.info.name);
    let label = label_column(&place.info, &options);
    let completion = Completion {
        syntax: syntax_of(&place.published.database.dialect())?,
        table: &place.info.name,
        keys: &keys,
        label: label.as_deref(),
        rows_max: ROWS_MAX,
    };
    let page = if first_rows {
        run(site, request, &place, completion.first_rows()).await?
    } else {
        match run(site, request, &place, completion.anywhere(typed)).await {
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                run(site, request, &place, completion.key_starts_with(typed)).await?
            }
            page => page?,
        }
    };
    Ok(Reply::json(
        &json!({ "ok": true, "rows": rows(&page, &keys, label.as_deref())? }),
    ))
}

async fn run(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    statement: Statement,
) -> Result<Page> {
    let limits = limits(request, &site.configuration.settings)?;
    let limits = limits.within(TIME_LIMIT).rows(ROWS_MAX);
    let rows = place
        .published
        .database
        .execute(&statement, &limits)
        .await?;
    Page::gather(rows, ROWS_MAX).await
}

fn rows(page: &Page, keys: &[String], label: Option<&str>) -> Result<Vec<Json>> {
    let mut rows = Vec::new();
    page.each_row(|row| {
        let named = |name: &str| {
            let place = page.columns.iter().position(|known| known == name);
            place.map_or(Json::Null, |place| value_json(&row.cell(place).to_value()))
        };
        let keys: Map<String, Json> = keys.iter().map(|key| (key.clone(), named(key))).collect();
        let mut item = Map::from_iter([("pks".to_owned(), keys.into())]);
        if let Some(label) = label {
            item.insert("label".to_owned(), named(label));
        }
        rows.push(item.into());
    })?;
    Ok(rows)
}
