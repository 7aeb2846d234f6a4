//! Pages that are a text or a form: SQL queries, schemas, what the site tells of itself, errors.

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{ErrorKind, Result};

use super::cells::Showing;
use super::grid::{Cells, Head, grid};
use super::{Page, class, database_path, other_format, render};
use crate::error::Shown;
use crate::fetch::query::{QueryData, Wanted};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::target::Target;
use crate::response::{Reply, templates};
use crate::{Published, Site};

/// Tables that an editor completes.
const TABLES_MAX: usize = 500;

pub(crate) fn error(site: &Site, request: &Request, shown: &Shown) -> Reply {
    if site.templates.is_some() {
        let documented = templates::error(shown);
        return templates::draw(site, request, error_page(request, shown), documented);
    }
    built_in_error(site, request, shown)
}

/// The page of an error as it comes with the program.
pub(crate) fn built_in_error(site: &Site, request: &Request, shown: &Shown) -> Reply {
    super::render_built_in(site, request, error_page(request, shown))
}

fn error_page<'a>(request: &Request, shown: &Shown) -> Page<'a> {
    let heading = match shown.status.as_u16() {
        403 => "Forbidden".to_owned(),
        400 if is_no_query(&shown.message) => "Invalid SQL".to_owned(),
        status => format!("Error {status}"),
    };
    let context = json!({
        "title": heading,
        "heading": heading,
        "error": shown.message,
        "hint": shown.hint,
        "json_url": null,
    });
    Page {
        template: "error.html",
        context,
        crumbs: above(request),
        warnings: &[],
    }
}

/// Whether a message tells that a text cannot be a reading query at all.
fn is_no_query(message: &str) -> bool {
    message.starts_with("Statement must") || message.starts_with("Statement contained")
}

/// The database and table above a page that could not be shown, by their names in the address.
fn above(request: &Request) -> Vec<(String, String)> {
    match &request.target {
        Target::Table { database, .. } | Target::Row { database, .. } | Target::Query(database) => {
            vec![(database.clone(), database_path(request, database))]
        }
        _ => Vec::new(),
    }
}

pub(crate) fn introspection(site: &Site, request: &Request, page: &str, json: &Json) -> Reply {
    let text = serde_json::to_string_pretty(json).unwrap_or_default();
    text_page(site, request, &format!("{page}.json"), &text, Vec::new())
}

pub(crate) fn schema(
    site: &Site,
    request: &Request,
    published: Option<&Published>,
    heading: &str,
    text: &str,
) -> Reply {
    let crumbs = published.map(|published| {
        let name = published.name.clone();
        (name, database_path(request, &published.name))
    });
    text_page(site, request, heading, text, crumbs.into_iter().collect())
}

fn text_page(
    site: &Site,
    request: &Request,
    heading: &str,
    text: &str,
    crumbs: Vec<(String, String)>,
) -> Reply {
    let context = json!({ "title": heading, "heading": heading, "text": text });
    render(
        site,
        request,
        Page {
            template: "text.html",
            context,
            crumbs,
            warnings: &[],
        },
    )
}

/// The page of a query: of one that a person typed (none yet, if `statement` is `None`) or of a configured one.
pub(crate) async fn query(
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Option<Wanted<'_>>,
    fetched: Option<Result<QueryData>>,
) -> Result<Reply> {
    let (data, error) = match fetched {
        Some(Ok(data)) => (Some(data), None),
        // What cannot be a query at all is no page; what fails as SQL is shown beside it, to be mended.
        Some(Err(error))
            if error.kind() == ErrorKind::Forbidden || is_no_query(error.message()) =>
        {
            return Err(error);
        }
        Some(Err(error)) => (None, Some(error)),
        None => (None, None),
    };
    let configured = wanted.and_then(Wanted::configured);
    let options = configured.map(|(_, options)| options);
    let heading = match configured {
        Some((name, options)) => options
            .title
            .clone()
            .unwrap_or_else(|| format!("{}: {name}", published.name)),
        None => published.name.clone(),
    };
    let sql = wanted.map_or("", Wanted::sql);
    let hide = request.arguments.is_on("_hide_sql")
        || options.is_some_and(|o| o.hide_sql && !request.arguments.is_on("_show_sql"));
    let grid = match &data {
        Some(data) => Some(grid(&head(data), &cells(site, request, data)?)),
        None => None,
    };
    let context = json!({
        "title": format!("{}: {sql}", published.name),
        "heading": heading,
        "description": options.and_then(|options| options.description.clone()),
        "description_html": options.and_then(|options| options.description_html.clone()),
        "error": error.as_ref().map(tablecast_connector::Error::message),
        "form_url": request.link(&request.path),
        "editable": configured.is_none(),
        "completion": tables(site, published).await?,
        "editor_hash": super::assets::hash("editor.js"),
        "hide_sql": hide,
        "sql": sql,
        "lines": sql.lines().count().clamp(4, 20),
        "parameters": wanted.map(|wanted| parameters(request, wanted)),
        "row_count": data.as_ref().map(|data| data.page.rows),
        "grid": grid,
        "truncated": data.as_ref().is_some_and(|data| data.page.more),
        "csv_url": wanted.map(|_| other_format(request, "csv")),
        "exports": data.as_ref().map(|_| super::table::exports(request)),
        "milliseconds": data.as_ref().map(|data| format!("{:.1}", data.milliseconds)),
    });
    let crumbs = vec![(
        published.name.clone(),
        database_path(request, &published.name),
    )];
    let page = Page {
        template: "query.html",
        context,
        crumbs,
        warnings: &[],
    };
    if templates::is_wanted(site, request) {
        let error = error.as_ref().map(tablecast_connector::Error::message);
        let data = data.as_ref();
        let documented = templates::query(site, request, published, wanted, data, error).await?;
        return Ok(templates::draw(site, request, page, documented));
    }
    Ok(render(site, request, page))
}

/// The tables of a database with their columns, for an editor to complete: JSON.
async fn tables(site: &Site, published: &Published) -> Result<String> {
    let database = &published.database;
    let mut tables = Map::new();
    for name in database.table_names().await?.into_iter().take(TABLES_MAX) {
        if !site.allows(Action::ViewTable, Subject::Table(&published.name, &name)) {
            continue;
        }
        let info = database.table_info(&name).await?;
        let columns: Vec<&str> = info
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        tables.insert(name, columns.into());
    }
    let views = database.view_names().await?.into_iter();
    let viewed =
        views.filter(|view| site.allows(Action::ViewTable, Subject::Table(&published.name, view)));
    tables.extend(viewed.map(|view| (view, json!([]))));
    Ok(Json::Object(tables).to_string())
}

fn parameters(request: &Request, wanted: Wanted<'_>) -> Vec<Json> {
    let fields = wanted.parameters().into_iter().map(|name| {
        let typed = request.arguments.first(&name).unwrap_or_default();
        json!({ "name": name, "value": typed })
    });
    fields.collect()
}

fn head(data: &QueryData) -> Vec<Head> {
    let head = |name: &String| Head {
        name: name.clone(),
        class: format!("col-{}", class(name)),
        ..Head::default()
    };
    data.page.columns.iter().map(head).collect()
}

pub(crate) fn cells(site: &Site, request: &Request, data: &QueryData) -> Result<Cells> {
    let characters_max = site.configuration.settings.number("truncate_cells_html") as usize;
    let showing = Showing { characters_max };
    let path = request
        .path
        .rsplit_once('.')
        .map_or(request.path.as_str(), |(path, _)| path);
    let mut cells = Cells::new(data.page.columns.len(), data.page.rows);
    data.page.each_row(|row| {
        for (place, column) in data.page.columns.iter().enumerate() {
            let cell = row.cell(place);
            let blob_url = || {
                let tablecast_connector::Cell::Bytes(bytes) = cell else {
                    return None;
                };
                let hash = crate::response::blob::hash_of(bytes);
                let column = crate::names::query_encode(column);
                let path = request.link(path);
                Some(format!(
                    "{path}.blob?{}&_blob_column={column}&_blob_hash={hash}",
                    request.query
                ))
            };
            cells.add(|out| showing.cell(&cell, blob_url, out));
        }
    })?;
    Ok(cells)
}
