//! What templates can call: addresses of the site, files, and the functions that Datasette documents.

use std::sync::Arc;

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest};
use minijinja::{Error as Failure, ErrorKind, State, Value};

use super::environment::Given;
use crate::mounts::Mount;
use crate::names::{query_encode, tilde_encode};
use crate::response::html::static_hash;

type Called = std::result::Result<Value, Failure>;

/// `urls`: addresses of the site, under its `base_url`.
#[derive(Debug)]
pub(super) struct Urls {
    /// With a slash at its end.
    pub(super) base: String,
}

impl Urls {
    fn path(&self, path: &str) -> String {
        // What comes from another of these methods lies under the base already.
        let is_whole = self.base != "/" && path.starts_with(&self.base);
        if is_whole {
            return path.to_owned();
        }
        format!("{}{}", self.base, path.strip_prefix('/').unwrap_or(path))
    }

    fn database(&self, database: &str) -> String {
        self.path(&tilde_encode(database))
    }

    fn table(&self, database: &str, table: &str) -> String {
        format!("{}/{}", self.database(database), tilde_encode(table))
    }
}

impl Object for Urls {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Called {
        let names: &[&str] = match method {
            "instance" => &["format"],
            "path" => &["path", "format"],
            "static" => &["path"],
            "static_plugins" => &["plugin", "path"],
            "logout" => &[],
            "database" => &["database", "format"],
            "database_query" => &["database", "sql", "format"],
            "table" => &["database", "table", "format"],
            "query" => &["database", "query", "format"],
            "row" => &["database", "table", "row_path", "format"],
            "row_blob" => &["database", "table", "row_path", "column"],
            _ => return Err(Failure::from(ErrorKind::UnknownMethod)),
        };
        let given = Given::new(&format!("urls.{method}"), arguments, names)?;
        let text = |place: usize| given.text(place);
        let (path, format) = match method {
            "instance" => (self.path(""), given.at(0)),
            "path" => (self.path(&text(0)), given.at(1)),
            "static" => (self.path(&format!("-/static/{}", text(0))), None),
            "static_plugins" => {
                let path = format!("-/static-plugins/{}/{}", text(0), text(1));
                (self.path(&path), None)
            }
            "logout" => (self.path("-/logout"), None),
            "database" => (self.database(&text(0)), given.at(1)),
            "database_query" => {
                let (database, sql) = (self.database(&text(0)), query_encode(&text(1)));
                (format!("{database}/-/query?sql={sql}"), given.at(2))
            }
            "row" => (
                format!("{}/{}", self.table(&text(0), &text(1)), text(2)),
                given.at(3),
            ),
            "row_blob" => {
                let table = self.table(&text(0), &text(1));
                let column = query_encode(&text(3));
                (
                    format!("{table}/{}.blob?_blob_column={column}", text(2)),
                    None,
                )
            }
            _ => (self.table(&text(0), &text(1)), given.at(2)),
        };
        Ok(match format {
            Some(format) => with_format(&path, &format.to_string()),
            None => path,
        }
        .into())
    }
}

/// An address in another format: its ending comes before the query string.
fn with_format(path: &str, format: &str) -> String {
    match path.split_once('?') {
        Some((path, query)) => format!("{path}.{format}?{query}"),
        None => format!("{path}.{format}"),
    }
}

/// `static()`: the address of a file, of ours or of a folder of people's own, with the hash of what it holds.
pub(super) fn file(base: &str, mounts: &Arc<Vec<Mount>>) -> Value {
    let (base, mounts) = (base.to_owned(), Arc::clone(mounts));
    Value::from_function(move |ordered: Rest<Value>, by_name: Kwargs| -> Called {
        let invalid = |detail: String| Failure::new(ErrorKind::InvalidOperation, detail);
        let given = Given::of("static", &ordered, &by_name, &["path", "plugin", "mount"])?;
        let path = given.text(0);
        if given.at(1).is_some() {
            return Err(invalid("static(): there are no plugins".to_owned()));
        }
        let (place, hash) = match given.at(2).map(ToString::to_string) {
            None => match static_hash(&path) {
                // Templates taken over from Datasette name its scripts, which are not here: only those are missing.
                "" => return Ok(format!("{base}-/static/{path}").into()),
                hash => ("-/static".to_owned(), hash.to_owned()),
            },
            Some(mount) => {
                let wanted = mount.trim_matches('/');
                let Some(found) = mounts.iter().find(|it| it.path() == wanted) else {
                    return Err(invalid(format!(
                        "static(): no files are served under /{wanted}/"
                    )));
                };
                let hash = found.hash(&path);
                let hash = hash.map_err(|error| invalid(format!("static(): {error}")))?;
                (wanted.to_owned(), hash)
            }
        };
        Ok(format!("{base}{place}/{path}?_hash={hash}").into())
    })
}

/// A function that answers the same, whatever it is asked.
pub(super) fn constant(answer: Value) -> Value {
    Value::from_function(move |_: Rest<Value>, _: Kwargs| answer.clone())
}

/// `zip`: the items of several lists, side by side, as long as the shortest.
pub(super) fn zip() -> Value {
    Value::from_function(|lists: Rest<Value>| -> Called {
        let mut columns = Vec::new();
        for list in lists.iter() {
            columns.push(list.try_iter()?.collect::<Vec<_>>());
        }
        let rows = columns.iter().map(Vec::len).min().unwrap_or_default();
        let row = |place: usize| {
            let cells = columns
                .iter()
                .filter_map(|column| column.get(place).cloned());
            Value::from(cells.collect::<Vec<_>>())
        };
        Ok(Value::from((0..rows).map(row).collect::<Vec<_>>()))
    })
}

/// `format_bytes`: a size for people, in steps of 1024.
pub(super) fn format_bytes() -> Value {
    Value::from_function(|bytes: f64| {
        let mut size = bytes;
        let mut units = ["bytes", "KB", "MB", "GB", "TB"].into_iter();
        let mut unit = units.next().unwrap_or_default();
        while size >= 1024.0 {
            let Some(next) = units.next() else { break };
            (size, unit) = (size / 1024.0, next);
        }
        if unit == "bytes" {
            format!("{size:.0} {unit}")
        } else {
            format!("{size:.1} {unit}")
        }
    })
}

/// `display_actor`: what a signed-in visitor is called.
pub(super) fn display_actor() -> Value {
    Value::from_function(|actor: Value| -> Called {
        for key in ["display", "name", "username", "login", "id"] {
            let value = actor.get_attr(key)?;
            if value.is_true() {
                return Ok(value.to_string().into());
            }
        }
        Ok(actor.to_string().into())
    })
}

/// `fix_path`: a path under the base.
pub(super) fn fix_path(base: &str) -> Value {
    let urls = Urls {
        base: base.to_owned(),
    };
    Value::from_function(move |path: &str| urls.path(path))
}

/// `append_querystring`: an address with more arguments.
pub(super) fn append_querystring() -> Value {
    Value::from_function(|url: &str, query: &str| {
        let mark = if url.contains('?') { "&" } else { "?" };
        format!("{url}{mark}{query}")
    })
}

/// `crumb_items`: the pages above one about a database and a table.
pub(super) fn crumb_items(base: &str) -> Value {
    let urls = Urls {
        base: base.to_owned(),
    };
    Value::from_function(move |ordered: Rest<Value>, by_name: Kwargs| -> Called {
        let given = Given::of(
            "crumb_items",
            &ordered,
            &by_name,
            &["request", "table", "database"],
        )?;
        Ok(Value::from(crumbs(&urls, &given.text(2), &given.text(1))))
    })
}

fn crumbs(urls: &Urls, database: &str, table: &str) -> Vec<Value> {
    let item = |href: String, label: &str| {
        Value::from_pairs([("href", Value::from(href)), ("label", Value::from(label))])
    };
    let mut items = vec![item(urls.path(""), "home")];
    if !database.is_empty() {
        items.push(item(urls.database(database), database));
        if !table.is_empty() {
            items.push(item(urls.table(database, table), table));
        }
    }
    items
}

/// `crumbs`, as templates taken over from Datasette use it: `crumbs.nav(request=…, database=…, table=…)`.
#[derive(Debug)]
pub(super) struct Crumbs {
    pub(super) base: String,
}

impl Object for Crumbs {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call_method(
        self: &Arc<Self>,
        state: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Called {
        if method != "nav" {
            return Err(Failure::from(ErrorKind::UnknownMethod));
        }
        let given = Given::new("crumbs.nav", arguments, &["request", "database", "table"])?;
        let template = state.get_template("default:_crumbs.html")?;
        let named: Kwargs = [
            ("database", given.text(1).into()),
            ("table", given.text(2).into()),
        ]
        .into_iter()
        .collect();
        let context = Value::from_pairs([("crumb_items", crumb_items(&self.base))]);
        let mut captured = template.render_captured(context)?;
        let html = captured.with_state_mut(|state| {
            state.call_macro("nav", &[Value::UNDEFINED, Value::from(named)])
        })?;
        Ok(Value::from_safe_string(html))
    }
}
