//! What is documented of the home page, a database and a query.

use std::collections::BTreeMap;

use minijinja::Value;
use serde_json::{Value as Json, json};
use tablecast_connector::Result;

use super::cells::{raw, shown};
use super::draw::Documented;
use super::rows::{csv, renderers};
use crate::error::Shown;
use crate::fetch::database::{Contents, contents};
use crate::fetch::query::{QueryData, Wanted};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::database as lists;
use crate::response::extras::{color, parameters};
use crate::response::html::{class, other_format, sql_url};
use crate::{Published, Site};

pub(crate) fn home(
    site: &Site,
    request: &Request,
    databases: &[(&Published, Contents)],
    cards: &[Json],
) -> Documented {
    let is_default = request.path == "/-/";
    let names = if is_default {
        "default:index.html"
    } else {
        "index.html"
    };
    let mut page = Documented {
        names: vec![names.to_owned()],
        context: Vec::new(),
    };
    let json = lists::home(site, request, databases);
    let mut items = json.get("databases").cloned().unwrap_or_default();
    // The built-in page reads its own members of the same items.
    let all = items.as_array_mut().into_iter().flatten();
    for (item, card) in all.zip(cards) {
        if let (Some(item), Some(card)) = (item.as_object_mut(), card.as_object()) {
            item.extend(card.clone());
        }
    }
    page.add_json("databases", items);
    page.add_json("metadata", json.get("metadata"));
    page.add("private", false);
    page.add_constant("top_homepage", "");
    page.add("homepage_actions", Vec::<Value>::new());
    page.add("noindex", is_default);
    page.add("alternate_url_json", other_format(request, "json"));
    page
}

/// What is documented of the page of an error.
pub(crate) fn error(shown: &Shown) -> Documented {
    let status = shown.status.as_u16();
    let mut page = Documented {
        names: vec![format!("{status}.html"), "error.html".to_owned()],
        context: Vec::new(),
    };
    page.add("ok", false);
    page.add("error", shown.message.as_str());
    page.add("status", status);
    page
}

pub(crate) fn database(
    site: &Site,
    request: &Request,
    published: &Published,
    contents: &Contents,
) -> Documented {
    let mut page = Documented {
        names: vec![
            format!("database-{}.html", class(&published.name)),
            "database.html".to_owned(),
        ],
        context: Vec::new(),
    };
    let json = lists::database(site, request, published, contents);
    for name in [
        "database",
        "private",
        "path",
        "size",
        "tables",
        "hidden_count",
        "views",
        "queries",
        "queries_more",
        "queries_count",
        "allow_execute_sql",
        "table_columns",
        "metadata",
    ] {
        page.add_json(name, json.get(name));
    }
    page.add("database_color", color(&published.name));
    page.add(
        "database_page_data",
        Value::from(BTreeMap::<String, Value>::new()),
    );
    page.add_constant("database_actions", Vec::<Value>::new());
    page.add("show_hidden", request.arguments.first("_show_hidden"));
    let details = published.database.details();
    page.add("editable", details.is_mutable);
    let allow_download = site.configuration.settings.is_on("allow_download");
    page.add(
        "allow_download",
        allow_download && !details.is_mutable && !details.is_memory,
    );
    page.add("attached_databases", Vec::<Value>::new());
    page.add("alternate_url_json", other_format(request, "json"));
    page.add_constant("top_database", "");
    page
}

pub(crate) async fn query(
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Option<Wanted<'_>>,
    data: Option<&QueryData>,
    error: Option<&str>,
) -> Result<Documented> {
    let name = &published.name;
    let configured = wanted.and_then(Wanted::configured);
    let mut names = vec![
        format!("query-{}.html", class(name)),
        "query.html".to_owned(),
    ];
    if let Some((query, _)) = configured {
        names.insert(0, format!("query-{}-{}.html", class(name), class(query)));
    }
    let mut page = Documented {
        names,
        context: Vec::new(),
    };
    let query = statement(&mut page, site, request, published, wanted)?;
    page.add("error", error);
    page.add("editable", configured.is_none());
    let may_run = site.allows(Action::ExecuteSql, Subject::Database(name));
    page.add("allow_execute_sql", may_run);
    page.add("save_query_url", ());
    page.add(
        "edit_sql_url",
        may_run.then(|| sql_url(request, name, &query)),
    );
    let found = contents(site, published, None).await?;
    let json = lists::database(site, request, published, &found);
    page.add_json("tables", json.get("tables"));
    let columns = data
        .map(|data| data.page.columns.clone())
        .unwrap_or_default();
    let (display_rows, rows) = match data {
        Some(data) => cells(site, request, data)?,
        None => (Vec::new(), Vec::new()),
    };
    page.add("display_rows", display_rows);
    page.add("columns", columns);
    page.add("rows", rows);
    page.add_json("renderers", renderers(request, &request.arguments));
    page.add("url_csv", csv(request, false).0);
    page.add_json("table_columns", json.get("table_columns"));
    page.add("alternate_url_json", other_format(request, "json"));
    page.add_constant("top_query", "");
    page.add_constant("top_stored_query", "");
    page.add_constant("query_actions", Vec::<Value>::new());
    Ok(page)
}

/// What is told of the statement itself: its SQL with its parameters, which are the answer, too.
fn statement(
    page: &mut Documented,
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Option<Wanted<'_>>,
) -> Result<Json> {
    let name = &published.name;
    let configured = wanted.and_then(Wanted::configured);
    let options = configured.map(|(_, options)| options);
    let sql = wanted.map_or("", Wanted::sql);
    let bound: Vec<(String, tablecast_connector::Value)> = wanted
        .map(|wanted| {
            wanted
                .statement(request)
                .map(|statement| statement.parameters)
        })
        .transpose()?
        .unwrap_or_default();
    let query = json!({ "sql": sql, "params": parameters(&bound) });
    page.add("database", name.as_str());
    page.add("database_color", color(name));
    page.add_json("query", &query);
    page.add("stored_query", configured.map(|(name, _)| name));
    page.add("private", false);
    page.add(
        "stored_query_write",
        options.is_some_and(|options| options.write),
    );
    let metadata = match configured {
        Some((query, options)) => lists::query_json(name, query, options),
        None => site.configuration.database(name).metadata.into(),
    };
    page.add_json("metadata", metadata);
    page.add("db_is_immutable", !published.database.details().is_mutable);
    hiding(
        page,
        request,
        options.is_some_and(|options| options.hide_sql),
    );
    let values = wanted.map(Wanted::parameters).unwrap_or_default();
    let values = values.into_iter().map(|name| {
        let typed = request.arguments.first(&name).unwrap_or_default();
        (name.clone(), Value::from(typed))
    });
    page.add("named_parameter_values", Value::from_pairs(values));
    Ok(query)
}

/// Whether the SQL is hidden, and how to change that.
fn hiding(page: &mut Documented, request: &Request, by_default: bool) {
    let arguments = &request.arguments;
    let (hides, shows) = (arguments.is_on("_hide_sql"), arguments.is_on("_show_sql"));
    let is_hidden = hides || (by_default && !shows);
    let bare = arguments.without("_hide_sql").without("_show_sql");
    let link = match (is_hidden, by_default) {
        (true, true) => bare.with("_show_sql", "1"),
        (false, false) => bare.with("_hide_sql", "1"),
        _ => bare,
    };
    let kept = match (hides, shows) {
        (true, _) => "<input type=\"hidden\" name=\"_hide_sql\" value=\"1\">",
        (_, true) => "<input type=\"hidden\" name=\"_show_sql\" value=\"1\">",
        _ => "",
    };
    page.add("hide_sql", is_hidden);
    page.add("show_hide_link", request.address(&link));
    page.add("show_hide_text", if is_hidden { "show" } else { "hide" });
    page.add("show_hide_hidden", Value::from_safe_string(kept.to_owned()));
}

/// The rows of a query: as pages show them, and as they are.
fn cells(site: &Site, request: &Request, data: &QueryData) -> Result<(Vec<Value>, Vec<Value>)> {
    let drawn = crate::response::html::query_cells(site, request, data)?;
    let mut drawn = drawn.iter();
    let (mut display, mut rows) = (Vec::new(), Vec::with_capacity(data.page.rows));
    data.page.each_row(|row| {
        let columns = data.page.columns.iter().enumerate();
        let cells = columns.clone().zip(&mut drawn);
        display.push(
            cells
                .map(|((place, _), html)| shown(html.to_owned(), &row.cell(place)))
                .collect(),
        );
        let cells = columns.map(|(place, name)| (name.clone(), raw(&row.cell(place))));
        rows.push(Value::from_pairs(cells));
    })?;
    Ok((display, rows))
}
