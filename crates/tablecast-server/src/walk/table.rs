//! The page of a table or a view, in each format.

use tablecast_connector::{Error, ErrorKind, Result};

use super::export;
use super::query::run;
use crate::fetch::Place;
use crate::fetch::query::Wanted;
use crate::fetch::table::{TableData, Wants};
use crate::names::{tilde_decode, tilde_encode};
use crate::permission::{Action, Subject};
use crate::plan::picture::RowsOfArray;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::extras::{self, Scope};
use crate::response::json::Writing;
use crate::response::{self, Reply, blob, html};
use crate::{Site, TableOptions};

pub(super) async fn table_or_query(
    site: &Site,
    request: &Request,
    database: &str,
    name: &str,
) -> Result<Reply> {
    let published = site.database(database)?;
    let queries = site
        .configuration
        .databases
        .get(database)
        .map(|options| &options.queries);
    if let Some(query) = queries.and_then(|queries| queries.get(name)) {
        site.require(Action::ViewQuery, Subject::Query(database, name))?;
        if query.write {
            return Err(Error::forbidden(
                "This query writes, and this server only reads",
            ));
        }
        return run(site, request, published, Wanted::Configured(name, query)).await;
    }
    match Place::find(site, database, name).await {
        Ok(place) => table(site, request, &place).await,
        Err(error) if error.kind() == ErrorKind::NotFound => match old_name(name) {
            Some(new) if published.database.table_info(&new).await.is_ok() => {
                let format = request
                    .path
                    .rsplit_once('.')
                    .map_or("", |(_, format)| format);
                let dot = if format.is_empty() { "" } else { "." };
                let mark = if request.query.is_empty() { "" } else { "?" };
                let path = format!(
                    "/{}/{}{dot}{format}{mark}{}",
                    tilde_encode(database),
                    tilde_encode(&new),
                    request.query
                );
                Ok(Reply::redirect(&request.link(&path)))
            }
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The name that a table of nested groups had with the forerunner, `%group%table`, as it is now: `group/table`.
fn old_name(name: &str) -> Option<String> {
    name.strip_prefix('%').map(|rest| rest.replace('%', "/"))
}

async fn table(site: &Site, request: &Request, place: &Place<'_>) -> Result<Reply> {
    if let Some(location) = form_redirect(request) {
        return Ok(Reply::redirect(&location).with_link(&format!("<{location}>; rel=preload")));
    }
    let mut plan = TablePlan::make(site, request, place).await?;
    if request.format == Format::Json {
        extras::check(&plan.arguments.extras, Scope::Table)?;
    }
    if let Some(reason) = &plan.info.unreadable {
        return Err(Error::new(
            ErrorKind::Unreadable,
            format!("{} cannot be read: {reason}", plan.info.name),
        ));
    }
    let reply = match request.format {
        Format::Json => {
            let writing = Writing::parse(&request.arguments)?;
            let wants = response::table::wants(request, &plan);
            let data = TableData::fetch(site, request, place, &plan, wants, |c| {
                is_labelled(request, c, false)
            })
            .await?;
            let reply = response::table::to_json(request, place, &plan, &data, &writing).await?;
            complete(reply, &data)
        }
        format if format.is_export() => export::table(site, request, place, &plan).await?,
        Format::Blob => {
            let wants = Wants {
                count: false,
                facets: false,
                suggestions: false,
            };
            let data = TableData::fetch(site, request, place, &plan, wants, |_| false).await?;
            blob::reply(request, &data.page, &plan.info.name)?
        }
        _ => {
            let data = shown(site, request, place, &mut plan).await?;
            complete(
                html::table(site, request, place, &plan, &data).await?,
                &data,
            )
        }
    };
    let name = http::header::HeaderName::from_static("tablecast-warning");
    Ok(plan
        .warnings
        .iter()
        .fold(reply, |reply, warning| reply.with(name.clone(), warning)))
}

/// What a page shows. Of an array whose rows are too large for it, or that cannot be read in time, it shows the picture
/// alone, and says so.
async fn shown(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &mut TablePlan,
) -> Result<TableData> {
    let wanted = |switch: &str| !request.arguments.is_on(switch);
    let rows = RowsOfArray::of(&plan.info);
    let wants = Wants {
        count: wanted("_nocount"),
        facets: wanted("_nofacet"),
        suggestions: wanted("_nofacet")
            && wanted("_nosuggest")
            && rows.is_none_or(|rows| rows.are_facets),
    };
    let is_labelled = |column: &str| is_labelled(request, column, true);
    if let (Some(rows), false) = (rows, request.arguments.has("_size")) {
        plan.with_rows(rows.at_most);
        if rows.at_most == 0 {
            let note =
                "Each row is too large for a page: the picture shows them. _size=1 reads one.";
            plan.warnings.push(note.to_owned());
        }
    }
    let data = TableData::fetch(site, request, place, plan, wants, is_labelled).await;
    let is_asked = request.arguments.first("_size") == Some("0");
    match (data, rows) {
        (Err(error), Some(_)) if error.kind() == ErrorKind::TimedOut && plan.size > 0 => {
            plan.with_rows(0);
            let note = "The rows cannot be read in time: the picture shows them.";
            plan.warnings.push(note.to_owned());
            let mut data = TableData::fetch(site, request, place, plan, wants, is_labelled).await?;
            (data.is_without_rows, data.is_late) = (true, true);
            Ok(data)
        }
        (Ok(mut data), Some(_)) if !is_asked => {
            data.is_without_rows = plan.size == 0;
            Ok(data)
        }
        (data, _) => data,
    }
}

/// The answer, not to be kept if another time facets may be counted that were late.
fn complete(mut reply: Reply, data: &TableData) -> Reply {
    reply.once |= data.is_late || !data.timed_out.is_empty();
    reply
}

/// The rows of a table's page alone, as HTML to put into another page; with `_row`, of one row.
pub(super) async fn fragment(
    site: &Site,
    request: &Request,
    database: &str,
    name: &str,
) -> Result<Reply> {
    let place = Place::find(site, database, name).await?;
    let mut asked = request.clone();
    asked.path = format!("/{}/{}", tilde_encode(database), tilde_encode(name));
    if let Some(key) = request.arguments.first("_row") {
        let keys: Vec<&str> = place.info.identity.columns();
        let parts: Vec<String> = key.split(',').map(tilde_decode).collect();
        if keys.is_empty() || keys.len() != parts.len() {
            return Err(Error::invalid(
                "_row does not match the primary key for this table",
            ));
        }
        let mut arguments = request.arguments.without("_row");
        for (key, part) in keys.into_iter().zip(&parts) {
            arguments = arguments.without(key).with(&format!("{key}__exact"), part);
        }
        asked.arguments = arguments;
    }
    let plan = TablePlan::make(site, &asked, &place).await?;
    let wants = Wants {
        count: false,
        facets: false,
        suggestions: false,
    };
    let data = TableData::fetch(site, &asked, &place, &plan, wants, |c| {
        is_labelled(&asked, c, true)
    })
    .await?;
    html::fragment(site, &asked, &place, &plan, &data).await
}

/// Whether a column is shown with labels: all or some if asked for, by default on pages.
pub(super) fn is_labelled(request: &Request, column: &str, default: bool) -> bool {
    let arguments = &request.arguments;
    let all = arguments.is_on("_labels") || (default && !arguments.is_off("_labels"));
    all || arguments.all("_label").any(|asked| asked == column)
}

/// The address that a filter form's fields stand for.
fn form_redirect(request: &Request) -> Option<String> {
    let arguments = &request.arguments;
    let is_field = |name: &str| {
        name.starts_with("_filter_column")
            || name.starts_with("_filter_op")
            || name.starts_with("_filter_value")
    };
    let mut changed = false;
    let mut cleaned = arguments.clone();
    for (name, column) in arguments
        .iter()
        .filter(|(name, _)| name.starts_with("_filter_column"))
    {
        changed = true;
        let suffix = name.trim_start_matches("_filter_column");
        let operator = arguments
            .first(&format!("_filter_op{suffix}"))
            .unwrap_or("exact");
        let value = arguments
            .first(&format!("_filter_value{suffix}"))
            .unwrap_or_default();
        let (operator, fixed) = operator.split_once("__").unwrap_or((operator, value));
        if !column.is_empty() {
            cleaned = cleaned.with(&format!("{column}__{operator}"), fixed);
        }
    }
    let names: Vec<String> = cleaned
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| is_field(name))
        .collect();
    for name in &names {
        changed = true;
        cleaned = cleaned.without(name);
    }
    if cleaned.is_on("_sort_by_desc")
        && let Some(sort) = cleaned.first("_sort").map(str::to_owned)
    {
        changed = true;
        cleaned = cleaned
            .without("_sort")
            .without("_sort_by_desc")
            .with("_sort_desc", &sort);
    }
    for name in ["_search", "_sort", "_sort_desc"] {
        cleaned = cleaned.without_pair(name, "");
    }
    changed.then(|| request.address(&cleaned))
}

impl TableOptions {
    /// The title to show, if one is configured.
    pub(crate) fn title(&self) -> Option<&str> {
        self.metadata
            .get("title")
            .and_then(serde_json::Value::as_str)
    }
}
