//! The lists: databases of the site, tables of a database (as a tree where their names have slashes).

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tablecast_connector::{Group, Storage};

use super::{Page, database_path, render, table_path, thousands};
use crate::fetch::database::{Contents, TableItem};
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::{Reply, templates};
use crate::walk::queries::Listed;
use crate::{Published, Site};

/// Tables shown of each database on the home page.
const TABLES_SHOWN: usize = 5;

pub(crate) fn home(site: &Site, request: &Request, databases: &[(&Published, Contents)]) -> Reply {
    let items: Vec<Json> = databases
        .iter()
        .map(|(published, contents)| card(request, published, contents))
        .collect();
    let metadata = &site.configuration.metadata;
    let heading = metadata
        .get("title")
        .and_then(Json::as_str)
        .unwrap_or("Tablecast");
    let context = json!({
        "heading": heading,
        "description": metadata.get("description"),
        "description_html": metadata.get("description_html"),
        "databases": items,
    });
    let page = Page {
        template: "index.html",
        context,
        crumbs: Vec::new(),
        warnings: &[],
    };
    if templates::is_wanted(site, request) {
        let cards: Vec<Json> = databases
            .iter()
            .map(|(published, contents)| card(request, published, contents))
            .collect();
        let documented = templates::home(site, request, databases, &cards);
        return templates::draw(site, request, page, documented);
    }
    render(site, request, page)
}

fn card(request: &Request, published: &Published, contents: &Contents) -> Json {
    let shown: Vec<&TableItem> = contents
        .tables
        .iter()
        .filter(|table| !table.hidden)
        .collect();
    let mut largest = shown.clone();
    largest.sort_by_key(|table| std::cmp::Reverse(table.count.map(|count| count.rows)));
    let tables: Vec<Json> = largest
        .iter()
        .take(TABLES_SHOWN)
        .map(|table| {
            json!({
                "name": table.info.name,
                "url": table_path(request, &published.name, &table.info.name),
                "count": table.count.map(|count| thousands(count.rows)),
            })
        })
        .collect();
    json!({
        "name": published.name,
        "url": database_path(request, &published.name),
        "summary": contents.problem.is_none().then(|| summary(published, contents)),
        "problem": contents.problem,
        "tables": tables,
        "more": shown.len().saturating_sub(TABLES_SHOWN) + contents.views.len(),
    })
}

fn summary(published: &Published, contents: &Contents) -> String {
    let shown = contents.tables.iter().filter(|table| !table.hidden);
    let rows: u64 = shown
        .clone()
        .filter_map(|table| table.count)
        .map(|count| count.rows)
        .sum();
    let plural = |number: usize, what: &str| {
        format!("{number} {what}{}", if number == 1 { "" } else { "s" })
    };
    let mut parts = vec![plural(shown.count(), "table")];
    if !contents.views.is_empty() {
        parts.push(plural(contents.views.len(), "view"));
    }
    if rows > 0 {
        parts.push(format!("{} rows", thousands(rows)));
    }
    let details = published.database.details();
    parts.push(details.connector.clone());
    if let Some(size) = details.size {
        parts.push(bytes(size));
    }
    parts.join(" · ")
}

fn bytes(size: u64) -> String {
    let mut value = size as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" {
                format!("{size} bytes")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

pub(crate) fn database(
    site: &Site,
    request: &Request,
    published: &Published,
    contents: &Contents,
) -> Reply {
    let options = site.configuration.database(&published.name);
    let mut tree = Node::default();
    let mut hidden = Vec::new();
    for table in &contents.tables {
        if table.hidden {
            hidden.push(entry(request, published, table, &table.info.name));
        } else {
            let stored = table.storage.as_ref().and_then(|it| it.stored_bytes);
            tree.add(&table.info.name, stored.unwrap_or(0), &|label| {
                entry(request, published, table, label)
            });
        }
    }
    let said = contents.groups.iter();
    let said = said.map(|group| (group.path.as_str(), group)).collect();
    let link =
        |name: &String| json!({ "name": name, "url": table_path(request, &published.name, name) });
    let path = database_path(request, &published.name);
    let context = json!({
        "title": published.name,
        "heading": options.metadata.get("title").and_then(Json::as_str).unwrap_or(&published.name),
        "description": options.metadata.get("description"),
        "description_html": options.metadata.get("description_html"),
        "summary": summary(published, contents),
        "allow_sql": site.allows(Action::ExecuteSql, Subject::Database(&published.name)),
        "query_url": format!("{path}/-/query"),
        "schema_url": format!("{path}/-/schema"),
        "example_sql": example_sql(contents),
        "tree": tree.to_json("", &said),
        "hidden": hidden,
        "view_links": contents.views.iter().map(link).collect::<Vec<_>>(),
        "query_links": site.queries(&published.name).iter().map(|(name, query)| json!({ "name": query.title.as_deref().unwrap_or(name), "url": table_path(request, &published.name, name) })).collect::<Vec<_>>(),
    });
    let page = Page {
        template: "database.html",
        context,
        crumbs: Vec::new(),
        warnings: &[],
    };
    if templates::is_wanted(site, request) {
        let documented = templates::database(site, request, published, contents);
        return templates::draw(site, request, page, documented);
    }
    render(site, request, page)
}

/// A list of configured queries, of one database or of the site.
pub(crate) fn queries(
    site: &Site,
    request: &Request,
    published: Option<&Published>,
    queries: &[Listed<'_>],
    next_url: Option<&str>,
) -> Reply {
    let items: Vec<Json> = queries
        .iter()
        .map(|it| {
            json!({
                "title": it.query.title.as_deref().unwrap_or(it.name),
                "url": table_path(request, it.database, it.name),
                "database": published.is_none().then_some(it.database),
                "description": it.query.description,
            })
        })
        .collect();
    let context = json!({
        "title": "Queries",
        "heading": "Queries",
        "list_url": request.link(&request.path),
        "search": request.arguments.first("q").unwrap_or_default(),
        "query_links": items,
        "next_url": next_url,
    });
    let crumbs = published.map(|published| {
        let name = published.name.clone();
        (name, database_path(request, &published.name))
    });
    render(
        site,
        request,
        Page {
            template: "queries.html",
            context,
            crumbs: crumbs.into_iter().collect(),
            warnings: &[],
        },
    )
}

fn example_sql(contents: &Contents) -> String {
    let first = contents
        .tables
        .iter()
        .find(|table| !table.hidden && table.info.unreadable.is_none());
    first.map_or_else(
        || "select 1".to_owned(),
        |table| {
            format!(
                "select * from {} limit 10",
                tablecast_sql::quote(&table.info.name)
            )
        },
    )
}

fn entry(request: &Request, published: &Published, table: &TableItem, label: &str) -> Json {
    let columns: Vec<&str> = table
        .info
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let count = table.count.map(|count| {
        if count.truncated {
            ">10,000".to_owned()
        } else {
            thousands(count.rows)
        }
    });
    json!({
        "label": label,
        "url": table_path(request, &published.name, &table.info.name),
        "columns": columns.join(", "),
        "count": count,
        "unreadable": table.info.unreadable,
        "storage": table.storage.as_ref().map(stored),
    })
}

/// How a table is stored, in words: `float32 · 48 × 9 × 18 · chunks 1 × 9 × 18 · gzip · 31.1 kB in 12.3 kB (2.5 : 1)`.
fn stored(storage: &Storage) -> String {
    let mut parts = vec![storage.element.clone()];
    if !storage.shape.is_empty() {
        parts.push(lengths(&storage.shape));
    }
    if let Some(chunks) = &storage.chunks {
        parts.push(format!("chunks {}", lengths(chunks)));
    }
    if !storage.filters.is_empty() {
        parts.push(storage.filters.join(", "));
    }
    match (storage.bytes, storage.stored_bytes, storage.ratio()) {
        (Some(all), Some(stored), Some(ratio)) if !storage.filters.is_empty() => {
            parts.push(format!(
                "{} in {} ({ratio:.1} : 1)",
                bytes(all),
                bytes(stored)
            ));
        }
        (Some(all), Some(stored), _) if all != stored => {
            parts.push(format!("{}, {} stored", bytes(all), bytes(stored)));
        }
        (Some(all), ..) => parts.push(bytes(all)),
        _ => {}
    }
    parts.join(" · ")
}

fn lengths(shape: &[u64]) -> String {
    let lengths: Vec<String> = shape.iter().map(|length| thousands(*length)).collect();
    lengths.join(" × ")
}

/// What is said about a group, for its place in the tree.
fn group_said(group: &Group) -> Json {
    let attributes = group.metadata.attributes.iter();
    json!({
        "title": group.metadata.title,
        "attributes": attributes
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect::<Vec<_>>(),
    })
}

/// Tables by the groups that the slashes in their names make.
#[derive(Default)]
struct Node {
    groups: Vec<(String, Node)>,
    tables: Vec<Json>,
    /// Tables in it and its groups, and the bytes that they take in the container, as far as known.
    count: usize,
    stored_bytes: u64,
}

impl Node {
    fn add(&mut self, rest: &str, stored_bytes: u64, entry: &dyn Fn(&str) -> Json) {
        self.count += 1;
        self.stored_bytes = self.stored_bytes.saturating_add(stored_bytes);
        let Some((group, inner)) = rest
            .split_once('/')
            .filter(|(group, inner)| !group.is_empty() && !inner.is_empty())
        else {
            self.tables.push(entry(rest));
            return;
        };
        let place = self
            .groups
            .iter()
            .position(|(name, _)| name == group)
            .unwrap_or_else(|| {
                self.groups.push((group.to_owned(), Self::default()));
                self.groups.len() - 1
            });
        if let Some((_, node)) = self.groups.get_mut(place) {
            node.add(inner, stored_bytes, entry);
        }
    }

    /// The tree at `path`, with what is said about its groups.
    fn to_json(&self, path: &str, said: &BTreeMap<&str, &Group>) -> Json {
        let groups: Vec<Json> = self
            .groups
            .iter()
            .map(|(name, node)| {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}/{name}")
                };
                let mut json = node.to_json(&path, said);
                if let Some(members) = json.as_object_mut() {
                    members.insert("name".to_owned(), name.clone().into());
                }
                json
            })
            .collect();
        let size = (self.stored_bytes > 0).then(|| bytes(self.stored_bytes));
        json!({
            "groups": groups,
            "tables": self.tables,
            "count": self.count,
            "size": size,
            "said": said.get(path).map(|group| group_said(group)),
        })
    }
}
