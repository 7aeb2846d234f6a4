//! The home page and the page of a database: what is there, with counts.

use std::time::Duration;

use futures::future::join_all;
use tablecast_connector::Result;

use super::is_json;
use crate::error::Shown;
use crate::fetch::beside::COUNT_MAX;
use crate::fetch::database::{Contents, Counting, contents};
use crate::fetch::structure::add_structure;
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::{self, Reply, html};
use crate::{Published, Site};

/// Counting each table of the home page may take this long.
const HOME_COUNT_MS: u64 = 50;

pub(super) async fn home(site: &Site, request: &Request) -> Result<Reply> {
    let counting = Counting {
        time_limit: Duration::from_millis(HOME_COUNT_MS),
        at_most: None,
    };
    site.require(Action::ViewInstance, Subject::Site)?;
    let each = site.viewed().map(|published| async move {
        let counting = response::database::is_counted(published).then_some(counting);
        // One that broke while it was served does not take the others' list along.
        let found = contents(site, published, counting).await;
        let contents = found.unwrap_or_else(|error| Contents {
            problem: Some(Shown::new(&error).message),
            ..Contents::default()
        });
        (published, contents)
    });
    let databases: Vec<(&Published, Contents)> = join_all(each).await;
    Ok(if is_json(request) {
        Reply::json(&response::database::home(site, request, &databases))
    } else {
        html::home(site, request, &databases)
    })
}

pub(super) async fn database(site: &Site, request: &Request, name: &str) -> Result<Reply> {
    if let Some(name) = name.strip_prefix(":memory:") {
        let mark = if request.query.is_empty() { "" } else { "?" };
        let format = request.format.suffix();
        let path = format!("/_memory{name}{format}{mark}{}", request.query);
        return Ok(Reply::moved(&request.link(&path)));
    }
    let published = site.database(name)?;
    site.require(Action::ViewDatabase, Subject::Database(name))?;
    if request.arguments.has("sql") {
        let suffix = request.format.suffix();
        let path = format!("/{}/-/query{suffix}?{}", tilde_encode(name), request.query);
        return Ok(Reply::redirect(&request.link(&path)));
    }
    let time = site.configuration.settings.number("sql_time_limit_ms");
    let counting = Counting {
        time_limit: Duration::from_millis(time),
        at_most: Some(COUNT_MAX + 1),
    };
    let mut contents = contents(site, published, Some(counting)).await?;
    add_structure(published, &mut contents).await?;
    Ok(if is_json(request) {
        let json = response::database::database(site, request, published, &contents);
        Reply::json(&json)
    } else {
        html::database(site, request, published, &contents)
    })
}
