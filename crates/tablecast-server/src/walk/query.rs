//! SQL: the page where a person writes it, and configured queries.

use serde_json::json;
use tablecast_connector::{Error, Result};

use super::export;
use crate::fetch::query::{self, Wanted};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::target::Format;
use crate::response::database::UNSTABLE;
use crate::response::extras::{self, Scope};
use crate::response::json::Writing;
use crate::response::{self, Reply, blob, html};
use crate::{Published, Site};

pub(super) async fn run_query(
    site: &Site,
    request: &Request,
    published: &Published,
) -> Result<Reply> {
    site.require(Action::ExecuteSql, Subject::Database(&published.name))?;
    let sql = request.arguments.first("sql").unwrap_or_default();
    if sql.trim().is_empty() {
        if request.format == Format::Html {
            return html::query(site, request, published, None, None).await;
        }
        return Err(Error::invalid("?sql= is required"));
    }
    run(site, request, published, Wanted::Typed(sql)).await
}

/// The names of the parameters of SQL, for which a page that runs it needs fields.
pub(super) fn parameters(site: &Site, request: &Request, published: &Published) -> Result<Reply> {
    site.require(Action::ExecuteSql, Subject::Database(&published.name))?;
    let others = request.arguments.iter().filter(|(name, _)| *name != "sql");
    let others: Vec<&str> = others.map(|(name, _)| name).collect();
    if !others.is_empty() {
        return Err(Error::invalid(format!(
            "Invalid keys: {}",
            others.join(", ")
        )));
    }
    let sql = request.arguments.first("sql").unwrap_or_default();
    Ok(Reply::json(&json!({
        "ok": true,
        "unstable": UNSTABLE,
        "parameters": Wanted::Typed(sql).parameters(),
    })))
}

pub(super) async fn run(
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Wanted<'_>,
) -> Result<Reply> {
    if request.format == Format::Json {
        extras::check(
            &crate::request::table::extras(&request.arguments),
            Scope::Query,
        )?;
    }
    let statement = wanted.statement(request)?;
    if request.format.is_export() {
        return export::query(site, request, published, wanted, &statement).await;
    }
    let fetched = query::fetch(site, request, published, wanted, &statement).await;
    if request.format == Format::Html {
        return html::query(site, request, published, Some(wanted), Some(fetched)).await;
    }
    let data = fetched?;
    if request.format == Format::Blob {
        return blob::reply(request, &data.page, "");
    }
    let writing = Writing::parse(&request.arguments)?;
    response::query::to_json(request, published, &statement, &data, &writing)
}
