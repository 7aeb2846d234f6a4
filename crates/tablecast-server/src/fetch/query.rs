//! SQL that a person wrote: its parameters bound from the address, its answer cut at the most rows.

use std::time::Instant;

use tablecast_connector::{Result, Statement, Value};
use tablecast_sql::{check_reads, is_fleeting, named_parameters};

use super::page::Page;
use super::{limits, magic, trace};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::{Published, QueryOptions, Site};

/// A query's answer.
#[derive(Debug)]
pub(crate) struct QueryData {
    pub(crate) page: Page,
    pub(crate) milliseconds: f64,
}

/// SQL to run: what a visitor typed, or a configured query.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    Typed(&'a str),
    Configured(&'a str, &'a QueryOptions),
}

impl<'a> Wanted<'a> {
    pub(crate) fn sql(self) -> &'a str {
        match self {
            Self::Typed(sql) => sql,
            Self::Configured(_, options) => &options.sql,
        }
    }

    pub(crate) fn configured(self) -> Option<(&'a str, &'a QueryOptions)> {
        match self {
            Self::Typed(_) => None,
            Self::Configured(name, options) => Some((name, options)),
        }
    }

    /// Whoever configured the site is trusted to have written a query that may be run: it may be a pragma that the
    /// source lets pass, and whoever may see the query may run it.
    fn is_trusted(self) -> bool {
        self.configured()
            .is_some_and(|(_, options)| options.is_trusted.unwrap_or(true))
    }

    /// The names of its parameters: those listed in the configuration, then those found in the SQL. Magic ones are
    /// not a visitor's to give.
    pub(crate) fn parameters(self) -> Vec<String> {
        let listed = self
            .configured()
            .and_then(|(_, options)| options.params.clone());
        let mut names = listed.unwrap_or_default();
        for name in named_parameters(self.sql()) {
            let is_given = self.configured().is_none() || !magic::is_magic(&name);
            if is_given && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Whether its answer depends on more than data and address.
    pub(crate) fn is_of_the_moment(self) -> bool {
        is_fleeting(self.sql())
            || named_parameters(self.sql())
                .iter()
                .any(|name| magic::is_magic(name))
    }

    /// The statement with each of its parameters bound: to the address's argument of that name, as text, or to an
    /// empty text; magic ones of configured queries to what they stand for.
    pub(crate) fn statement(self, request: &Request) -> Result<Statement> {
        let listed = self
            .configured()
            .and_then(|(_, options)| options.params.clone());
        let mut parameters: Vec<(String, Value)> = Vec::new();
        for name in listed
            .into_iter()
            .flatten()
            .chain(named_parameters(self.sql()))
        {
            if parameters.iter().any(|(known, _)| *known == name) {
                continue;
            }
            let value = if self.configured().is_some() && magic::is_magic(&name) {
                magic::value(&name, request)?
            } else {
                request.arguments.first(&name).unwrap_or_default().into()
            };
            parameters.push((name, value));
        }
        Ok(Statement {
            sql: self.sql().to_owned(),
            parameters,
        })
    }
}

/// Refuses SQL that the visitor may not run.
pub(crate) fn check(site: &Site, published: &Published, wanted: Wanted<'_>) -> Result<()> {
    if wanted.is_trusted() {
        return Ok(());
    }
    site.require(Action::ExecuteSql, Subject::Database(&published.name))?;
    check_reads(wanted.sql())
}

/// Runs a statement that may only read.
pub(crate) async fn fetch(
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Wanted<'_>,
    statement: &Statement,
) -> Result<QueryData> {
    let settings = &site.configuration.settings;
    check(site, published, wanted)?;
    let started = Instant::now();
    let rows_max = settings.number("max_returned_rows");
    let limits = limits(request, settings)?.rows(rows_max + 1);
    let rows = trace::execute(published, statement, &limits).await?;
    let page = Page::gather(rows, rows_max).await?;
    Ok(QueryData {
        page,
        milliseconds: started.elapsed().as_secs_f64() * 1000.0,
    })
}
