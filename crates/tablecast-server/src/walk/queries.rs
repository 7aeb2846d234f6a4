//! The lists of configured queries, of a database or of the whole site.

use serde_json::{Value as Json, json};
use tablecast_connector::{Error, Result, like};
use tablecast_sql::named_parameters;

use crate::names::{tilde_decode, tilde_encode};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::arguments::Arguments;
use crate::request::target::Format;
use crate::response::database::query_json;
use crate::response::extras::color;
use crate::response::{Reply, html};
use crate::{Published, QueryOptions, Site};

/// Queries in one answer, of JSON and of HTML.
const ROWS: usize = 50;
const ROWS_OF_PAGE: usize = 20;

/// A configured query and where it belongs.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    pub(crate) database: &'a str,
    pub(crate) name: &'a str,
    pub(crate) query: &'a QueryOptions,
}

impl Listed<'_> {
    /// Its place in the list: queries of the site go by database first.
    fn key(&self) -> (String, String, String) {
        (
            self.database.to_owned(),
            self.query.sort_key(self.name),
            self.name.to_owned(),
        )
    }
}

/// Which queries are wanted.
struct Wanted<'a> {
    typed: Option<&'a str>,
    writes: Option<bool>,
    private: Option<bool>,
    source: Option<&'a str>,
    owner: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn parse(arguments: &'a Arguments) -> Result<Self> {
        let text = |name| arguments.first(name).filter(|text| !text.is_empty());
        Ok(Self {
            typed: text("q"),
            writes: switch(arguments, "is_write")?,
            private: switch(arguments, "is_private")?,
            source: text("source"),
            owner: text("owner_id"),
        })
    }

    /// Configured queries are nobody's own, and never private.
    fn takes(&self, listed: &Listed<'_>) -> bool {
        let query = listed.query;
        let pattern = self.typed.map(|typed| format!("%{typed}%"));
        let texts = [
            Some(listed.name),
            query.title.as_deref(),
            query.description.as_deref(),
            Some(query.sql.as_str()),
        ];
        let holds = |pattern: String| texts.into_iter().flatten().any(|text| like(text, &pattern));
        pattern.is_none_or(holds)
            && self.writes.is_none_or(|writes| writes == query.write)
            && self.private.is_none_or(|private| !private)
            && self.source.is_none_or(|source| source == "config")
            && self.owner.is_none()
    }
}

fn switch(arguments: &Arguments, name: &str) -> Result<Option<bool>> {
    let typed = arguments
        .first(name)
        .unwrap_or_default()
        .to_ascii_lowercase();
    match typed.as_str() {
        "" => Ok(None),
        "1" | "true" | "t" | "yes" | "on" => Ok(Some(true)),
        "0" | "false" | "f" | "no" | "off" => Ok(Some(false)),
        _ => Err(Error::invalid(format!("{name} must be 0 or 1"))),
    }
}

/// The queries of `published`, or of the whole site.
pub(super) fn list(site: &Site, request: &Request, published: Option<&Published>) -> Result<Reply> {
    match published {
        Some(published) => {
            site.require(Action::ViewDatabase, Subject::Database(&published.name))?;
        }
        None => site.require(Action::ViewInstance, Subject::Site)?,
    }
    let arguments = &request.arguments;
    let page_rows = page_rows(site, request)?;
    let wanted = Wanted::parse(arguments)?;
    let databases = site
        .viewed()
        .filter(|it| published.is_none_or(|only| only.name == it.name));
    let mut all: Vec<Listed<'_>> = databases
        .flat_map(|it| {
            let queries = site.queries(&it.name).into_iter();
            queries.map(|(name, query)| Listed {
                database: &it.name,
                name,
                query,
            })
        })
        .collect();
    all.sort_by_cached_key(Listed::key);
    let facets = facets(request, &wanted, &all);
    let after = arguments
        .first("_next")
        .map(|token| position(token, published))
        .transpose()?;
    let mut shown = all.into_iter().filter(|listed| {
        wanted.takes(listed) && after.as_ref().is_none_or(|after| listed.key() > *after)
    });
    let queries: Vec<Listed<'_>> = shown.by_ref().take(page_rows).collect();
    let next = queries.last().filter(|_| shown.next().is_some());
    let next = next.map(|last| token(last, published));
    if request.format != Format::Json {
        let next_url = next.map(|next| request.address(&arguments.replacing("_next", &next)));
        return Ok(html::queries(
            site,
            request,
            published,
            &queries,
            next_url.as_deref(),
        ));
    }
    let next_url = next
        .as_ref()
        .map(|next| request.absolute(&arguments.replacing("_next", next)));
    let text = |name| arguments.first(name).unwrap_or_default();
    Ok(Reply::json(&json!({
        "ok": true,
        "database": published.map(|published| &published.name),
        "database_color": published.map(|published| color(&published.name)),
        "queries": queries.iter().map(|it| query_json(it.database, it.name, it.query)).collect::<Vec<_>>(),
        "next": next,
        "next_url": next_url,
        "limit": page_rows,
        "show_private_note": false,
        "show_trusted_note": queries.iter().any(|it| it.query.is_trusted.unwrap_or(true)),
        "query_list_path": list_path(request, published),
        "show_database": published.is_none(),
        "facets": facets,
        "filters": {
            "q": text("q"),
            "is_write": text("is_write"),
            "is_private": text("is_private"),
            "source": text("source"),
            "owner_id": text("owner_id"),
        },
    })))
}

fn list_path(request: &Request, published: Option<&Published>) -> String {
    let database = published.map_or_else(String::new, |it| format!("/{}", tilde_encode(&it.name)));
    request.link(&format!("{database}/-/queries"))
}

fn page_rows(site: &Site, request: &Request) -> Result<usize> {
    let max = site.configuration.settings.number("max_returned_rows") as usize;
    let rows = match request.arguments.first("_size") {
        None | Some("") if request.format == Format::Json => ROWS,
        None | Some("") => ROWS_OF_PAGE,
        Some("max") => max,
        Some(typed) => typed
            .parse()
            .map_err(|_| Error::invalid("_size must be a positive integer"))?,
    };
    if rows > max {
        return Err(Error::invalid(format!("_size must be <= {max}")));
    }
    Ok(rows.max(1))
}

fn token(last: &Listed<'_>, published: Option<&Published>) -> String {
    let (database, sort_key, name) = last.key();
    let parts = [
        published.is_none().then_some(database),
        Some(sort_key),
        Some(name),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .map(|part| tilde_encode(&part))
        .collect();
    parts.join(",")
}

fn position(token: &str, published: Option<&Published>) -> Result<(String, String, String)> {
    let mut parts: Vec<String> = token.split(',').map(tilde_decode).collect();
    if let Some(published) = published {
        parts.insert(0, published.name.clone());
    }
    match <[String; 3]>::try_from(parts) {
        Ok([database, sort_key, name]) => Ok((database, sort_key, name)),
        Err(_) => Err(Error::invalid("_next does not belong to this page")),
    }
}

/// How many queries read and write, are private or not, with links that choose them.
fn facets(request: &Request, wanted: &Wanted<'_>, all: &[Listed<'_>]) -> Json {
    let path = request.link(&request.path.replace(".json", ""));
    let item = |label: &str, field: &str, chosen: Option<bool>, value: bool| {
        let asked = Wanted {
            writes: if field == "is_write" {
                Some(value)
            } else {
                wanted.writes
            },
            private: if field == "is_private" {
                Some(value)
            } else {
                wanted.private
            },
            ..*wanted
        };
        let excluded = chosen.is_some_and(|chosen| chosen != value);
        let count = if excluded {
            0
        } else {
            all.iter().filter(|it| asked.takes(it)).count()
        };
        let active = chosen == Some(value);
        if count == 0 && !active {
            return None;
        }
        let arguments = request.arguments.without("_next");
        let arguments = if active {
            arguments.without(field)
        } else {
            arguments.replacing(field, if value { "1" } else { "0" })
        };
        let query = arguments.to_query();
        let mark = if query.is_empty() { "" } else { "?" };
        Some(
            json!({ "label": label, "count": count, "href": format!("{path}{mark}{query}"), "active": active }),
        )
    };
    let items = |items: [Option<Json>; 2]| items.into_iter().flatten().collect::<Vec<_>>();
    json!([
        {
            "title": "Mode",
            "items": items([
                item("Read-only", "is_write", wanted.writes, false),
                item("Writable", "is_write", wanted.writes, true),
            ]),
        },
        {
            "title": "Visibility",
            "items": items([
                item("Not private", "is_private", wanted.private, false),
                item("Private", "is_private", wanted.private, true),
            ]),
        },
    ])
}

/// `/database/query/-/definition`: a configured query as it is.
pub(super) fn definition(site: &Site, database: &str, name: &str) -> Result<Reply> {
    let published = site.database(database)?;
    let options = site.configuration.databases.get(&published.name);
    let query = options.and_then(|options| options.queries.get(name));
    let query = query.ok_or_else(|| Error::not_found(format!("Query not found: {name}")))?;
    site.require(Action::ViewQuery, Subject::Query(database, name))?;
    let mut json = query_json(database, name, query);
    if let Some(members) = json.as_object_mut() {
        members.remove("private");
        if query.params.is_none() {
            let found: Vec<String> = named_parameters(&query.sql)
                .into_iter()
                .filter(|name| !name.starts_with('_'))
                .collect();
            members.insert("parameters".to_owned(), found.into());
        }
    }
    Ok(Reply::json(&json!({
        "ok": true,
        "unstable": crate::response::database::UNSTABLE,
        "query": json,
    })))
}
