//! SQL: the page where a person writes it, and configured queries.

use std::collections::BTreeMap;

use tablecast_connector::{Error, Result};

use crate::fetch::query::{self, Wanted};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::target::Format;
use crate::response::extras::{self, Scope};
use crate::response::json::Writing;
use crate::response::{self, Reply, blob, csv, html};
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
    let fetched = query::fetch(site, request, published, wanted, &statement).await;
    if request.format == Format::Html {
        return html::query(site, request, published, Some(wanted), Some(fetched)).await;
    }
    let data = fetched?;
    let no_labels = BTreeMap::new();
    match request.format {
        Format::Csv => {
            let width = data.page.columns.len();
            let path = request
                .path
                .rsplit_once('.')
                .map_or(request.path.as_str(), |(path, _)| path);
            let base = format!("{}{}", request.origin, request.link(path));
            let writing = csv::Writing {
                width,
                keys: &[],
                labels: &no_labels,
                base,
                name: "query",
            };
            csv::reply(request, &data.page, &writing)
        }
        Format::Blob => blob::reply(request, &data.page, ""),
        _ => {
            let writing = Writing::parse(&request.arguments)?;
            response::query::to_json(request, published, &statement, &data, &writing)
        }
    }
}
