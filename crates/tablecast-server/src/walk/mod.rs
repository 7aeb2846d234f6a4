//! The walk of a request through the rooms, for each kind of page: plan, fetch, respond.

mod lists;
mod query;
mod row;
mod schema;
mod table;

use tablecast_connector::{Error, Result};

use crate::Site;
use crate::names::tilde_encode;
use crate::request::Request;
use crate::request::target::{Format, Target};
use crate::response::{Reply, html, introspection};

pub(crate) async fn walk(site: &Site, request: &Request) -> Result<Reply> {
    if request.format == Format::Unknown {
        return Err(Error::not_found(
            "There is no such format; there are .json, .csv and .blob",
        ));
    }
    match &request.target {
        Target::Home => lists::home(site, request).await,
        Target::Static(name) => html::asset(name),
        Target::Introspection(page) => about(site, request, page),
        Target::Database(name) => lists::database(site, request, name).await,
        Target::Query(database) => query::run_query(site, request, site.database(database)?).await,
        Target::DatabasePage { database, page } if page == "schema" => {
            schema::schema(site, request, database, None).await
        }
        Target::DatabasePage { database, page } => {
            site.database(database)?;
            Err(Error::not_found(format!("There is no page /-/{page}")))
        }
        Target::TablePage {
            database,
            table,
            page,
        } if page == "schema" => schema::schema(site, request, database, Some(table)).await,
        Target::TablePage { page, .. } => {
            Err(Error::not_found(format!("There is no page /-/{page}")))
        }
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

fn is_json(request: &Request) -> bool {
    request.format == Format::Json
}

fn about(site: &Site, request: &Request, page: &str) -> Result<Reply> {
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
