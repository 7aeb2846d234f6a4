//! A row as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Result, Value};
use tablecast_sql::{quote, quote_always};

use super::Reply;
use super::extras::{self, Scope};
use super::json::{Shown, Writing, reply};
use crate::fetch::page::Page;
use crate::fetch::row::{Reference, references};
use crate::fetch::{Place, labels::Labels};
use crate::names::{query_encode, tilde_encode};
use crate::plan::paging;
use crate::request::Request;
use crate::request::table::extras as extra_names;
use crate::{Site, TableOptions};

/// A row's page, fetched.
pub(crate) struct RowData {
    pub(crate) page: Page,
    pub(crate) key: Vec<Value>,
    pub(crate) keys: Vec<String>,
    pub(crate) options: TableOptions,
    pub(crate) milliseconds: f64,
}

impl RowData {
    /// The row's value in a column.
    pub(crate) fn value(&self, column: &str) -> Option<Value> {
        let place = self
            .page
            .columns
            .iter()
            .position(|known| known.eq_ignore_ascii_case(column))?;
        let mut value = None;
        self.page
            .each_row(|row| value = Some(row.cell(place).to_value()))
            .ok()?;
        value.filter(|value| *value != Value::Null)
    }
}

pub(crate) async fn to_json(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    data: &RowData,
    writing: &Writing<'_>,
) -> Result<Reply> {
    let primary: Vec<String> = data
        .keys
        .iter()
        .filter(|key| *key != tablecast_connector::ROWID)
        .cloned()
        .collect();
    let names = extra_names(&request.arguments);
    extras::check(&names, Scope::Row)?;
    let mut envelope = Map::from_iter([
        ("ok".to_owned(), true.into()),
        ("database".to_owned(), place.published.name.clone().into()),
        ("table".to_owned(), place.info.name.clone().into()),
        (
            "primary_keys".to_owned(),
            if primary.is_empty() {
                data.keys.clone()
            } else {
                primary
            }
            .into(),
        ),
        (
            "primary_key_values".to_owned(),
            data.key.iter().map(paging::text).collect::<Vec<_>>().into(),
        ),
        ("query_ms".to_owned(), data.milliseconds.into()),
        ("truncated".to_owned(), false.into()),
    ]);
    for name in &names {
        let value = match extras::common(name, request, place.published) {
            Some(mut value) => {
                if let (Some(debug), "debug") = (value.as_object_mut(), name.as_str()) {
                    debug.insert("resolved".to_owned(), resolved(place, data));
                }
                value
            }
            None => extra(name, site, request, place, data).await?,
        };
        envelope.insert(name.clone(), value);
    }
    let labels: BTreeMap<String, Labels> = BTreeMap::new();
    let shown = Shown {
        page: &data.page,
        width: data.page.columns.len(),
        keys: &data.keys,
        labels: &labels,
    };
    reply(&shown, writing, &envelope)
}

pub(super) async fn extra(
    name: &str,
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    data: &RowData,
) -> Result<Json> {
    Ok(match name {
        "columns" => data.page.columns.clone().into(),
        "primary_keys" => data.keys.clone().into(),
        "table" => place.info.name.clone().into(),
        "column_details" => extras::column_details(&place.info),
        "render_cell" => extras::render_cell(
            &data.page,
            data.page.columns.len(),
            &data.options.column_types,
        )?,
        "column_types" => Json::Object(data.options.column_types.clone().into_iter().collect()),
        "metadata" => data.options.metadata.clone().into(),
        "query" => query(place, data),
        "extras" => extras::list(request, &extra_names(&request.arguments), Scope::Row),
        "foreign_key_tables" => {
            let references = references(site, request, place, |column| data.value(column)).await?;
            references
                .iter()
                .map(|reference| reference_json(request, place, reference))
                .collect()
        }
        _ => Json::Null,
    })
}

pub(crate) fn reference_json(request: &Request, place: &Place<'_>, reference: &Reference) -> Json {
    let (database, table) = (
        tilde_encode(&place.published.name),
        tilde_encode(&reference.table),
    );
    let column = &reference.column;
    let argument = if column.starts_with('_') {
        format!("{column}__exact")
    } else {
        column.clone()
    };
    let query = format!(
        "{}={}",
        query_encode(&argument),
        query_encode(&reference.value)
    );
    json!({
        "other_table": reference.table,
        "column": reference.other_column,
        "other_column": reference.column,
        "count": reference.count,
        "link": request.link(&format!("/{database}/{table}?{query}")),
    })
}

/// What the address was understood as.
fn resolved(place: &Place<'_>, data: &RowData) -> Json {
    let query = query(place, data);
    json!({
        "table": place.info.name,
        "sql": query.get("sql"),
        "params": query.get("params"),
        "pks": data.keys,
        "pk_values": data.key.iter().map(paging::text).collect::<Vec<_>>(),
    })
}

/// The SQL that gives the row.
fn query(place: &Place<'_>, data: &RowData) -> Json {
    let conditions: Vec<String> = data
        .keys
        .iter()
        .enumerate()
        .map(|(number, key)| format!("{}=:p{number}", quote_always(key)))
        .collect();
    let columns = if data.keys == [tablecast_connector::ROWID] {
        "rowid, *"
    } else {
        "*"
    };
    let sql = format!(
        "select {columns} from {} where {}",
        quote(&place.info.name),
        conditions.join(" AND ")
    );
    let named: Vec<(String, Value)> = data
        .key
        .iter()
        .enumerate()
        .map(|(number, value)| (format!("p{number}"), value.clone()))
        .collect();
    json!({ "sql": sql, "params": extras::parameters(&named) })
}
