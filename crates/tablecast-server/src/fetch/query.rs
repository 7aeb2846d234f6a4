//! SQL that a person wrote: its parameters bound from the address, its answer cut at the most rows.

use std::time::Instant;

use tablecast_connector::{Error, Result, Statement, Value};
use tablecast_sql::{check_reads, named_parameters};

use super::limits;
use super::page::Page;
use crate::request::Request;
use crate::{Published, Site};

/// A query's answer.
#[derive(Debug)]
pub(crate) struct QueryData {
    pub(crate) page: Page,
    pub(crate) milliseconds: f64,
}

/// The statement with each of its named parameters bound: to the address's argument of that name, as text, or to an
/// empty text.
pub(crate) fn statement(request: &Request, sql: &str) -> Statement {
    let parameters = named_parameters(sql).into_iter().map(|name| {
        let value = request.arguments.first(&name).unwrap_or_default();
        (name.clone(), Value::from(value))
    });
    Statement {
        sql: sql.to_owned(),
        parameters: parameters.collect(),
    }
}

/// Runs a statement that may only read.
pub(crate) async fn fetch(
    site: &Site,
    request: &Request,
    published: &Published,
    statement: &Statement,
) -> Result<QueryData> {
    let settings = &site.configuration.settings;
    if !settings.is_on("default_allow_sql") {
        return Err(Error::forbidden("execute-sql is not allowed"));
    }
    check_reads(&statement.sql)?;
    let started = Instant::now();
    let rows_max = settings.number("max_returned_rows");
    let limits = limits(request, settings)?.rows(rows_max + 1);
    let rows = published.database.execute(statement, &limits).await?;
    let page = Page::gather(rows, rows_max).await?;
    Ok(QueryData {
        page,
        milliseconds: started.elapsed().as_secs_f64() * 1000.0,
    })
}
