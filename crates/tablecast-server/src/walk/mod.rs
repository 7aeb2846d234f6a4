//! The walk of a request through the rooms, for each kind of page: plan, fetch, respond.

mod autocomplete;
mod download;
mod export;
mod jump;
mod lists;
mod picture;
mod profile;
pub(crate) mod queries;
mod query;
mod row;
mod schema;
mod table;

use tablecast_connector::{Error, Result};

use crate::Site;
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::target::{Format, Target};
use crate::response::{Reply, html, introspection, openapi};

pub(crate) async fn walk(site: &Site, request: &Request) -> Result<Reply> {
    let is_picture = matches!(&request.target, Target::TablePage { page, .. } if page == "picture");
    let is_only_drawn = request.format == Format::Svg && !is_picture;
    if request.format == Format::Unknown || is_without_rows(request) || is_only_drawn {
        return Err(no_such_format());
    }
    match &request.target {
        Target::Home => lists::home(site, request).await,
        Target::Static(name) => html::asset(name),
        Target::Introspection(page) => match page.as_str() {
            "openapi" => {
                site.require(Action::ViewInstance, Subject::Site)?;
                Ok(Reply::json(&openapi::document(site, request).await?))
            }
            "jump" => jump::jump(site, request).await,
            "queries" => queries::list(site, request, None),
            "schema" => schema::of_site(site, request).await,
            _ => about(site, request, page),
        },
        Target::Database(name) => lists::database(site, request, name).await,
        Target::File {
            database,
            extension,
        } => download::container(site, request, database, extension).await,
        Target::Query(database) => query::run_query(site, request, site.database(database)?).await,
        Target::DatabasePage { database, page } => match page.as_str() {
            "schema" => schema::of_database(site, request, database).await,
            "queries" => queries::list(site, request, Some(site.database(database)?)),
            "query/parameters" => query::parameters(site, request, site.database(database)?),
            _ => {
                site.database(database)?;
                Err(no_page(page))
            }
        },
        Target::TablePage {
            database,
            table,
            page,
        } => match page.as_str() {
            "schema" => schema::of_table(site, request, database, table).await,
            "autocomplete" => autocomplete::autocomplete(site, request, database, table).await,
            "fragment" => table::fragment(site, request, database, table).await,
            "picture" => picture::picture(site, request, database, table).await,
            "profile" => profile::profile(site, request, database, table).await,
            "definition" => queries::definition(site, database, table),
            _ => Err(no_page(page)),
        },
        Target::Table { database, table } => {
            table::table_or_query(site, request, database, table).await
        }
        Target::Row {
            database,
            table,
            key,
        } => row::one_row(site, request, database, table, key).await,
        Target::Nothing => Err(Error::not_found("There is no such page")),
    }
}

fn no_page(page: &str) -> Error {
    Error::not_found(format!("There is no page /-/{page}"))
}

/// Whether rows are asked for where there are none.
fn is_without_rows(request: &Request) -> bool {
    let wants_rows = request.format.is_export() || request.format == Format::Blob;
    // SQL behind a database's address is sent on to the page for queries.
    let is_query = matches!(request.target, Target::Database(_)) && request.arguments.has("sql");
    wants_rows && !request.target.has_rows() && !is_query
}

fn no_such_format() -> Error {
    Error::not_found(
        "There is no such format; there are .json, .csv, .ndjson, .parquet, .arrow, .xlsx and .blob",
    )
}

fn is_json(request: &Request) -> bool {
    request.format == Format::Json
}

fn about(site: &Site, request: &Request, page: &str) -> Result<Reply> {
    site.require(Action::ViewInstance, Subject::Site)?;
    let json = introspection::to_json(site, page)?;
    Ok(if is_json(request) {
        Reply::json(&json)
    } else {
        html::introspection(site, request, page, &json)
    })
}

/// The whole address of a table.
fn table_address(request: &Request, database: &str, table: &str) -> String {
    let path = format!("/{}/{}", tilde_encode(database), tilde_encode(table));
    format!("{}{}", request.origin, request.link(&path))
}
