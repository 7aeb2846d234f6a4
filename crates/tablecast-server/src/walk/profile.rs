//! The profile of a column under the filters of a table's page.

use tablecast_connector::{Error, Result, did_you_mean};

use super::is_json;
use crate::Site;
use crate::fetch::{Place, profile};
use crate::names::tilde_encode;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::response::profile::to_json;
use crate::response::{Reply, html};

pub(super) async fn profile(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
) -> Result<Reply> {
    let place = Place::find(site, database, table).await?;
    if !site.configuration.settings.is_on("allow_facet") {
        return Err(Error::invalid("Profiles are not allowed (allow_facet)"));
    }
    let column = column(request, &place)?;
    let mut asked = request.clone();
    asked.path = format!("/{}/{}", tilde_encode(database), tilde_encode(table));
    asked.arguments = request.arguments.without("_column");
    let mut plan = TablePlan::make(site, &asked, &place).await?;
    // The order says nothing of what a column holds.
    plan.sort_shown = None;
    if let Some(reason) = &plan.info.unreadable {
        let message = format!("{} cannot be read: {reason}", plan.info.name);
        return Err(Error::unreadable(message));
    }
    let profile = profile::read(site, request, &place, &plan, &column).await?;
    let json = to_json(&place, &column, &profile);
    let mut reply = if is_json(request) {
        Reply::json(&json)
    } else {
        html::profile(site, request, &asked, &plan, (&column, &profile))
    };
    // Another time, more of the rows may be read.
    reply.once = profile.sampled_within_ms.is_some();
    let name = http::header::HeaderName::from_static("tablecast-warning");
    Ok(plan
        .warnings
        .iter()
        .fold(reply, |reply, warning| reply.with(name.clone(), warning)))
}

/// The name of the column that is asked for, as the table writes it.
fn column(request: &Request, place: &Place<'_>) -> Result<String> {
    let mut typed = request.arguments.all("_column");
    let (Some(typed), None) = (typed.next(), typed.next()) else {
        return Err(Error::invalid("_column= must name one column"));
    };
    let shown = || {
        place
            .info
            .columns
            .iter()
            .filter(|column| column.hidden != 1)
    };
    if shown().any(|column| column.name == typed) {
        return Ok(typed.to_owned());
    }
    let error = Error::invalid(format!("{} has no column {typed:?}", place.info.name));
    let meant = did_you_mean(typed, shown().map(|column| column.name.as_str()));
    Err(match meant {
        Some(name) => error.hint(format!("Did you mean {name}?")),
        None => error,
    })
}
