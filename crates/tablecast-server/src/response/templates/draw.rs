//! A page drawn by people's templates: chosen by its names, with what is documented for it and what built-in templates
//! need besides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header;
use minijinja::Value;
use minijinja::value::{Serde, ValueKind};
use serde_json::{Map, Value as Json};
use tablecast_connector::Error;

use super::functions::{self, Crumbs, Urls};
use super::request::{Asked, path_with_replaced_args};
use crate::Site;
use crate::apart::apart;
use crate::error::Shown;
use crate::request::Request;
use crate::response::Reply;
use crate::response::html::{self, Page, escape};

/// What is documented of a page, in order.
#[derive(Default)]
pub(crate) struct Documented {
    /// Names of templates that may draw it; the first that people have wins, and the last is the built-in one.
    pub(crate) names: Vec<String>,
    pub(crate) context: Vec<(&'static str, Value)>,
}

impl Documented {
    pub(super) fn add(&mut self, name: &'static str, value: impl Into<Value>) {
        self.context.push((name, value.into()));
    }

    pub(super) fn add_json(&mut self, name: &'static str, value: impl serde::Serialize) {
        self.context.push((name, Value::from(Serde(value))));
    }

    pub(super) fn add_constant(&mut self, name: &'static str, answer: impl Into<Value>) {
        self.context
            .push((name, functions::constant(answer.into())));
    }
}

/// Whether what is documented of a page is needed at all.
pub(crate) fn is_wanted(site: &Site, request: &Request) -> bool {
    site.templates.is_some() || is_shown(site, request)
}

/// Whether a page shows its context in place of itself.
fn is_shown(site: &Site, request: &Request) -> bool {
    let asked = request.arguments.first("_context");
    site.configuration.settings.is_on("template_debug") && asked.is_some_and(|it| !it.is_empty())
}

/// The page as an answer.
pub(in crate::response) fn draw(
    site: &Site,
    request: &Request,
    page: Page<'_>,
    mut documented: Documented,
) -> Reply {
    let templates = site.templates.as_ref();
    let own = |name: &&String| templates.is_some_and(|templates| templates.has(name));
    let fallback = format!("default:{}", page.template);
    let chosen = documented
        .names
        .iter()
        .find(own)
        .unwrap_or(&fallback)
        .clone();
    let considered: Vec<String> = documented
        .names
        .iter()
        .map(|name| {
            let is_chosen = *name == chosen || (chosen == fallback && *name == page.template);
            if is_chosen {
                format!("*{name}")
            } else {
                name.clone()
            }
        })
        .collect();
    if !documented.names.is_empty() {
        documented.add("select_templates", Value::from(considered));
    }
    let built_in = html::context(site, request, page);
    let json_url = built_in
        .get("json_url")
        .and_then(Json::as_str)
        .map(str::to_owned);
    let was_read = of_every_page(request, &built_in, &mut documented);
    let reply = match templates {
        _ if is_shown(site, request) => shown(&documented),
        Some(templates) => {
            let context = merged(site, request, built_in, documented);
            let drawn = templates
                .environment
                .get_template(&chosen)
                .and_then(|template| apart(|| template.render(context)));
            match drawn {
                Ok(html) => Reply::html(html),
                Err(error) => return failed(site, request, &chosen, &error),
            }
        }
        // The context alone is made where it is shown or drawn.
        None => shown(&documented),
    };
    private_if(
        was_read.load(Ordering::Relaxed),
        html::with_alternate(reply, json_url.as_deref()),
    )
}

/// A page that looked at headers or cookies is this visitor's alone.
pub(super) fn private_if(was_read: bool, mut reply: Reply) -> Reply {
    if was_read {
        reply.once = true;
        if !reply.headers.contains_key(header::CACHE_CONTROL) {
            reply = reply.with(header::CACHE_CONTROL, "no-cache, private");
        }
    }
    reply
}

/// The built-in page of an error, for a template that cannot be drawn. The cause goes to the log.
pub(super) fn failed(
    site: &Site,
    request: &Request,
    name: &str,
    error: &minijinja::Error,
) -> Reply {
    let mut cause = error.to_string();
    let mut deeper = std::error::Error::source(error);
    while let Some(error) = deeper {
        cause = format!("{cause}; {error}");
        deeper = error.source();
    }
    let message = format!("The template {name} could not be drawn");
    let shown = Shown::new(&Error::internal(message).caused_by(cause));
    let mut reply = html::built_in_error(site, request, &shown);
    reply.status = shown.status;
    reply
}

/// What stands in every page's context; and whether the visitor's headers were read, once it is drawn.
pub(super) fn of_every_page(
    request: &Request,
    built_in: &Map<String, Json>,
    documented: &mut Documented,
) -> Arc<std::sync::atomic::AtomicBool> {
    let (asked, was_read) = Asked::new(request);
    let base = request.base.as_str();
    let none = || Value::from(Vec::<Value>::new());
    documented.add("request", Value::from_object(asked));
    documented.add("crumb_items", functions::crumb_items(base));
    documented.add(
        "urls",
        Value::from_object(Urls {
            base: base.to_owned(),
        }),
    );
    documented.add("actor", ());
    documented.add_constant("menu_links", none());
    documented.add("display_actor", functions::display_actor());
    documented.add("show_logout", false);
    documented.add("zip", functions::zip());
    documented.add("body_scripts", none());
    documented.add("format_bytes", functions::format_bytes());
    documented.add_constant("show_messages", none());
    for name in ["extra_css_urls", "extra_js_urls"] {
        documented.add_json(name, built_in.get(name));
    }
    documented.add("base_url", base);
    documented.add("datasette_version", "1.0a41");
    was_read
}

/// What is documented, over what built-in templates need.
pub(super) fn merged(
    site: &Site,
    request: &Request,
    built_in: Map<String, Json>,
    documented: Documented,
) -> Value {
    let base = request.base.as_str();
    let crumbs = Crumbs {
        base: base.to_owned(),
    };
    let mut all = BTreeMap::from([
        ("static".to_owned(), functions::file(base, &site.mounts)),
        (
            "append_querystring".to_owned(),
            functions::append_querystring(),
        ),
        (
            "path_with_replaced_args".to_owned(),
            path_with_replaced_args(request),
        ),
        ("fix_path".to_owned(), functions::fix_path(base)),
        ("csrftoken".to_owned(), functions::constant("".into())),
        ("crumbs".to_owned(), Value::from_object(crumbs)),
    ]);
    for (name, value) in built_in {
        all.insert(name, Value::from(Serde(value)));
    }
    for (name, value) in documented.context {
        all.insert(name.to_owned(), value);
    }
    Value::from(all)
}

/// What is documented, as JSON, in place of the page.
fn shown(documented: &Documented) -> Reply {
    let members = documented.context.iter().map(|(name, value)| {
        let json = match value.kind() {
            _ if *name == "request" => Some(value.to_string().into()),
            ValueKind::Plain => None,
            _ => serde_json::to_value(value).ok(),
        };
        let json = json.unwrap_or_else(|| format!("<{name}>").into());
        ((*name).to_owned(), json)
    });
    let json = Json::Object(members.collect());
    let lines = serde_json::to_string_pretty(&json).unwrap_or_default();
    Reply::html(format!("<pre>{}</pre>", escape(&lines)))
}
