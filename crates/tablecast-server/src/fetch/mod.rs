//! The third room: asks what was planned, side by side, under the request's limits.

pub(crate) mod beside;
pub(crate) mod counting;
pub(crate) mod database;
pub(crate) mod export;
pub(crate) mod facets;
pub(crate) mod labels;
pub(crate) mod magic;
pub(crate) mod page;
pub(crate) mod picture;
pub(crate) mod profile;
pub(crate) mod query;
pub(crate) mod row;
pub(crate) mod said;
pub(crate) mod structure;
pub(crate) mod table;
pub(crate) mod trace;

use std::sync::Arc;
use std::time::Duration;

use tablecast_connector::{Error, Limits, Result, TableInfo};

use crate::Published;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::{Settings, Site};

/// A table of the site, found.
pub(crate) struct Place<'a> {
    pub(crate) published: &'a Published,
    pub(crate) info: Arc<TableInfo>,
}

impl<'a> Place<'a> {
    pub(crate) async fn find(site: &'a Site, database: &str, table: &str) -> Result<Self> {
        let published = site.database(database)?;
        let found = published.database.table_info(table).await;
        if found.is_err() {
            // Where nothing may be seen, nothing is told of what is there.
            site.require(Action::ViewTable, Subject::Table(database, table))?;
        }
        let info = found.map_err(|error| {
            if error.kind() == tablecast_connector::ErrorKind::NotFound {
                Error::not_found("Table not found")
                    .hint(format!("There is no table or view {table:?}"))
            } else {
                error
            }
        })?;
        site.require(Action::ViewTable, Subject::Table(database, &info.name))?;
        Ok(Self { published, info })
    }

    /// The columns that identify a row; none if nothing does.
    pub(crate) fn keys(&self) -> Vec<String> {
        let columns = self.info.identity.columns();
        columns.into_iter().map(str::to_owned).collect()
    }
}

/// The limits of a request: the setting's time, or less if the reader asks for less; and only as long as somebody waits.
pub(crate) fn limits(request: &Request, settings: &Settings) -> Result<Limits> {
    let time = time_limit_ms(request, settings)?;
    Ok(waiting(request).within(Duration::from_millis(time)))
}

/// No limits but that somebody waits.
pub(crate) fn waiting(request: &Request) -> Limits {
    Limits {
        cancel: request.cancel.clone(),
        ..Limits::none()
    }
}

/// The milliseconds that one thing asked of a source may take.
pub(crate) fn time_limit_ms(request: &Request, settings: &Settings) -> Result<u64> {
    let setting = settings.number("sql_time_limit_ms");
    let asked = match request.arguments.first("_timelimit") {
        None | Some("" | "0") => setting,
        Some(typed) => typed.parse().map_err(|_| {
            Error::invalid(format!(
                "_timelimit must be a number of milliseconds, not {typed:?}"
            ))
        })?,
    };
    Ok(setting.min(asked))
}
