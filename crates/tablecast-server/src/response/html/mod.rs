//! Pages: what was fetched, as contexts for the templates under `templates/`.
//!
//! Templates escape everything; only cells, which are escaped here, and configured HTML descriptions are marked safe.

mod assets;
mod cells;
mod columns;
mod form;
mod grid;
mod lists;
mod picture;
mod profile;
mod table;
mod texts;

use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Value as Context};
use serde_json::{Map, Value as Json, json};

use super::Reply;
use super::templates::{Documented, draw};
use crate::Site;
use crate::extra_urls::OfPage;
use crate::names::tilde_encode;
use crate::request::Request;
use crate::request::target::Target;

pub(crate) use assets::{asset, hash as static_hash};
pub(crate) use cells::{escape, typed};
pub(crate) use form::words;
pub(crate) use grid::Cells;
pub(crate) use lists::{database, home, queries};
pub(crate) use picture::picture;
pub(crate) use profile::profile;
pub(crate) use table::{fragment, row, sql_url, table};
pub(crate) use texts::{built_in_error, cells as query_cells, error, introspection, query, schema};

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../templates/", $name)))),*]
    };
}

const TEMPLATES: &[(&str, &str)] = templates![
    "_crumbs.html",
    "_description_source_license.html",
    "_facet_results.html",
    "_footer.html",
    "_suggested_facets.html",
    "_table.html",
    "base.html",
    "database.html",
    "error.html",
    "index.html",
    "picture.html",
    "profile.html",
    "queries.html",
    "query.html",
    "row.html",
    "table.html",
    "text.html",
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A template that does not parse is found by the test below; at run time its page says so.
    if let Err(error) = built_in(&mut environment, &[""]) {
        eprintln!("built-in templates: {error}");
    }
    environment
});

/// Adds the built-in templates, each under its name behind each of these prefixes.
pub(super) fn built_in(
    environment: &mut Environment<'static>,
    prefixes: &[&str],
) -> Result<(), minijinja::Error> {
    if let Ok(syntax) = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
    {
        environment.set_syntax(syntax);
    }
    for (name, source) in TEMPLATES {
        for prefix in prefixes {
            environment.add_template_owned(format!("{prefix}{name}"), *source)?;
        }
    }
    Ok(())
}

/// What a page's template is given, beside what every page has.
pub(super) struct Page<'a> {
    pub(super) template: &'a str,
    pub(super) context: Json,
    /// The names of the databases and tables above the page.
    pub(super) crumbs: Vec<(String, String)>,
    pub(super) warnings: &'a [String],
}

impl Page<'_> {
    /// What a page without a built-in template has: what every page has.
    pub(super) fn empty() -> Self {
        Self {
            template: "",
            context: Json::Null,
            crumbs: Vec::new(),
            warnings: &[],
        }
    }
}

/// The page as an answer, with a link to its JSON.
pub(super) fn render(site: &Site, request: &Request, page: Page<'_>) -> Reply {
    if site.templates.is_some() {
        return draw(site, request, page, Documented::default());
    }
    render_built_in(site, request, page)
}

/// What a page's template is given.
pub(super) fn context(site: &Site, request: &Request, page: Page<'_>) -> Map<String, Json> {
    let mut context = common(site, request);
    context.insert("warnings".to_owned(), page.warnings.into());
    let crumbs: Vec<Json> = page
        .crumbs
        .into_iter()
        .map(|(name, url)| json!({ "name": name, "url": url }))
        .collect();
    context.insert("crumb_links".to_owned(), crumbs.into());
    if let Json::Object(own) = page.context {
        context.extend(own);
    }
    context
}

/// The answer with a link to the same page as JSON.
pub(super) fn with_alternate(reply: Reply, json_url: Option<&str>) -> Reply {
    match json_url {
        Some(url) => {
            let link = format!("<{url}>; rel=\"alternate\"; type=\"application/json+datasette\"");
            reply.with_link(&link)
        }
        None => reply,
    }
}

fn render_built_in(site: &Site, request: &Request, page: Page<'_>) -> Reply {
    let name = page.template;
    let context = context(site, request, page);
    let rendered = ENVIRONMENT
        .get_template(name)
        .and_then(|template| template.render(Context::from(Serde(&context))));
    match rendered {
        Ok(html) => {
            let json_url = context.get("json_url").and_then(Json::as_str);
            with_alternate(Reply::html(html), json_url)
        }
        Err(error) => {
            eprintln!("template {name}: {error:#}");
            let mut reply = Reply::html(
                "This page could not be drawn; the reason is in the server's log.".to_owned(),
            );
            reply.status = http::StatusCode::INTERNAL_SERVER_ERROR;
            reply
        }
    }
}

/// What every page has.
fn common(site: &Site, request: &Request) -> Map<String, Json> {
    let metadata = super::database::site_metadata(&site.configuration.metadata);
    let text = |name: &str| metadata.get(name).and_then(Json::as_str);
    let credits: Vec<Json> = ["license", "source", "about"]
        .iter()
        .filter_map(|what| {
            let url = text(&format!("{what}_url")).filter(|url| cells::is_web_address(url));
            Some(json!({ "what": what, "text": text(what)?, "url": url }))
        })
        .collect();
    let (database, table) = request.target.subject();
    let extra = OfPage::new(&site.configuration, database, table);
    let context = json!({
        "base": request.base,
        "extra_css_urls": extra.css(&request.base),
        "extra_js_urls": extra.js(&request.base),
        "css_hash": assets::hash("site.css"),
        "js_hash": assets::hash("site.js"),
        "site_title": text("title").unwrap_or("Tablecast"),
        "title": text("title").unwrap_or("Tablecast"),
        "version": env!("CARGO_PKG_VERSION"),
        "credits": credits,
        "body_class": body_class(&request.target),
        "json_url": other_format(request, "json"),
    });
    context.as_object().cloned().unwrap_or_default()
}

fn body_class(target: &Target) -> String {
    match target {
        Target::Home => "index".to_owned(),
        Target::Database(database) => format!("db db-{}", class(database)),
        Target::Table { database, table } => {
            format!("table db-{} table-{}", class(database), class(table))
        }
        Target::Row {
            database, table, ..
        } => format!("row db-{} table-{}", class(database), class(table)),
        Target::Query(database) => format!("query db-{}", class(database)),
        _ => String::new(),
    }
}

/// A name as it may stand in a class: other characters left out, and a hash added if there were any.
pub(in crate::response) fn class(name: &str) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(valid) {
        return name.to_owned();
    }
    let clean: String = name
        .chars()
        .map(|c| if c == ' ' { '-' } else { c })
        .filter(|c| valid(*c))
        .collect();
    format!(
        "{}-{}",
        clean.trim_start_matches(|c: char| !c.is_ascii_alphabetic()),
        super::extras::color(name)
    )
}

/// The whole address of this page in another format.
pub(super) fn other_format(request: &Request, format: &str) -> String {
    let path = if request.path == "/" || request.path == "/-/" {
        "/"
    } else {
        request.path.as_str()
    };
    let mark = if request.query.is_empty() { "" } else { "?" };
    format!(
        "{}{}.{format}{mark}{}",
        request.origin,
        request.link(path),
        request.query
    )
}

/// The path of a database.
pub(super) fn database_path(request: &Request, database: &str) -> String {
    request.link(&format!("/{}", tilde_encode(database)))
}

/// The path of a table.
pub(super) fn table_path(request: &Request, database: &str, table: &str) -> String {
    format!(
        "{}/{}",
        database_path(request, database),
        tilde_encode(table)
    )
}

/// A number with commas between thousands.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        for (name, _) in TEMPLATES {
            assert!(ENVIRONMENT.get_template(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(thousands),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
