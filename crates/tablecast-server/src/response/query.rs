//! A query's answer as JSON.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Result, Statement};

use super::Reply;
use super::extras::{self, Scope};
use super::json::{Shape, Shown, Writing, reply};
use crate::Published;
use crate::fetch::query::QueryData;
use crate::request::Request;
use crate::request::table::extras as extra_names;

pub(crate) fn to_json(
    request: &Request,
    published: &Published,
    statement: &Statement,
    data: &QueryData,
    writing: &Writing<'_>,
) -> Result<Reply> {
    let names = extra_names(&request.arguments);
    extras::check(&names, Scope::Query)?;
    if writing.shape == Shape::Object {
        return Err(tablecast_connector::Error::invalid(
            "_shape=object is only available on tables",
        ));
    }
    let mut envelope = Map::from_iter([
        ("ok".to_owned(), Json::from(true)),
        ("truncated".to_owned(), data.page.more.into()),
    ]);
    for name in &names {
        if name == "render_cell" {
            let none = BTreeMap::new();
            let cells = extras::render_cell(&data.page, data.page.columns.len(), &none)?;
            envelope.insert(name.clone(), cells);
            continue;
        }
        let value = extras::common(name, request, published).unwrap_or_else(|| match name.as_str() {
            "columns" => data.page.columns.clone().into(),
            "query" => json!({ "sql": statement.sql, "params": extras::parameters(&statement.parameters) }),
            "metadata" => json!({}),
            "extras" => extras::list(request, &names, Scope::Query),
            _ => Json::Null,
        });
        envelope.insert(name.clone(), value);
    }
    let labels = BTreeMap::new();
    let shown = Shown {
        page: &data.page,
        width: data.page.columns.len(),
        keys: &[],
        labels: &labels,
    };
    reply(&shown, writing, &envelope)
}
