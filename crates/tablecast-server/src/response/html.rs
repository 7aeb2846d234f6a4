//! temporary
use super::Reply;
use crate::error::Shown;
use crate::fetch::Place;
use crate::fetch::database::Contents;
use crate::fetch::labels::Labels;
use crate::fetch::query::QueryData;
use crate::fetch::table::TableData;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::response::row::RowData;
use crate::{Published, QueryOptions, Site};
use std::collections::BTreeMap;
use tablecast_connector::{Error, Result, Statement};
pub(crate) fn asset(_: &str) -> Result<Reply> {
    Err(Error::not_found("x"))
}
pub(crate) fn error(_: &Site, _: &Request, shown: &Shown) -> Reply {
    Reply::html(shown.message.clone())
}
pub(crate) fn introspection(_: &Site, _: &Request, _: &str, json: &serde_json::Value) -> Reply {
    Reply::html(json.to_string())
}
pub(crate) fn home(_: &Site, _: &Request, _: &[(&Published, Contents)]) -> Reply {
    Reply::html(String::new())
}
pub(crate) fn database(_: &Site, _: &Request, _: &Published, _: &Contents) -> Reply {
    Reply::html(String::new())
}
pub(crate) fn schema(_: &Site, _: &Request, _: &Published, _: Option<&str>, t: &str) -> Reply {
    Reply::html(t.to_owned())
}
pub(crate) async fn table(
    _: &Site,
    _: &Request,
    _: &Place<'_>,
    _: &TablePlan,
    _: &TableData,
) -> Result<Reply> {
    Ok(Reply::html(String::new()))
}
pub(crate) async fn row(
    _: &Site,
    _: &Request,
    _: &Place<'_>,
    _: &RowData,
    _: &BTreeMap<String, Labels>,
) -> Result<Reply> {
    Ok(Reply::html(String::new()))
}
pub(crate) async fn query(
    _: &Site,
    _: &Request,
    _: &Published,
    _: Option<&Statement>,
    _: Option<Result<QueryData>>,
    _: Option<(&str, &QueryOptions)>,
) -> Result<Reply> {
    Ok(Reply::html(String::new()))
}
