//! `request` as templates see it. A page that looks at headers or cookies depends on who asks, and says so, for it must
//! not be kept for others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use minijinja::value::{Enumerator, Kwargs, Object, Rest, Serde};
use minijinja::{Error as Failure, State, Value};

use super::environment::Given;
use crate::names::tilde_encode;
use crate::request::Request;
use crate::request::arguments::Arguments;
use crate::request::target::Target;

type Called = std::result::Result<Value, Failure>;

/// A request, read only.
#[derive(Debug)]
pub(super) struct Asked {
    values: BTreeMap<&'static str, Value>,
}

/// Names with values that only the visitor's browser tells.
#[derive(Debug)]
struct Personal {
    values: BTreeMap<String, String>,
    was_read: Arc<AtomicBool>,
}

/// The arguments of an address: a name may come more than once.
#[derive(Debug)]
struct Repeated {
    arguments: Arguments,
}

impl Asked {
    /// The request, and whether its headers or cookies were read, which is known after drawing.
    pub(super) fn new(request: &Request) -> (Self, Arc<AtomicBool>) {
        let was_read = Arc::new(AtomicBool::new(false));
        let path = request.link(&request.path);
        let mark = if request.query.is_empty() { "" } else { "?" };
        let full = format!("{path}{mark}{}", request.query);
        let (scheme, host) = request.origin.split_once("://").unwrap_or_default();
        let personal = |values: BTreeMap<String, String>| {
            Value::from_object(Personal {
                values,
                was_read: Arc::clone(&was_read),
            })
        };
        let headers = request.headers().iter().filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        });
        let values = BTreeMap::from([
            ("method", "GET".into()),
            ("url", format!("{}{full}", request.origin).into()),
            ("scheme", scheme.into()),
            ("host", host.into()),
            ("path", path.into()),
            ("full_path", full.into()),
            ("query_string", request.query.as_str().into()),
            ("args", arguments(request.arguments.clone())),
            ("url_vars", Value::from(Serde(url_vars(request)))),
            ("actor", ().into()),
            ("headers", personal(headers.collect())),
            ("cookies", personal(request.cookies())),
        ]);
        (Self { values }, was_read)
    }
}

fn arguments(arguments: Arguments) -> Value {
    Value::from_object(Repeated { arguments })
}

/// What the parts of the path stand for, as they are written in it.
fn url_vars(request: &Request) -> serde_json::Value {
    let format = request.format.suffix().strip_prefix('.');
    match &request.target {
        Target::Table { database, table } => serde_json::json!({
            "database": tilde_encode(database), "table": tilde_encode(table), "format": format
        }),
        Target::Row {
            database,
            table,
            key,
        } => serde_json::json!({
            "database": tilde_encode(database), "table": tilde_encode(table), "pks": key, "format": format
        }),
        Target::Database(database) | Target::Query(database) => {
            serde_json::json!({ "database": tilde_encode(database), "format": format })
        }
        _ => serde_json::json!({}),
    }
}

impl Object for Asked {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.values.get(key.as_str()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "<Request {}>",
            self.values.get("full_path").cloned().unwrap_or_default()
        )
    }
}

impl Object for Personal {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.was_read.store(true, Ordering::Relaxed);
        let key = key.as_str()?;
        let found = self
            .values
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str().into())
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        self.was_read.store(true, Ordering::Relaxed);
        Enumerator::Values(
            self.values
                .keys()
                .map(|name| name.as_str().into())
                .collect(),
        )
    }
}

impl Object for Repeated {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.arguments.first(key.as_str()?).map(Value::from)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.arguments.iter() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Called {
        match method {
            "getlist" => {
                let given = Given::new("args.getlist", arguments, &["name"])?;
                let name = given.text(0);
                Ok(self.arguments.all(&name).map(Value::from).collect())
            }
            "get" => {
                let given = Given::new("args.get", arguments, &["name", "default"])?;
                let found = self.arguments.first(&given.text(0)).map(Value::from);
                Ok(found
                    .or_else(|| given.at(1).cloned())
                    .unwrap_or_else(|| ().into()))
            }
            _ => Err(Failure::from(minijinja::ErrorKind::UnknownMethod)),
        }
    }
}

/// `path_with_replaced_args`: the address of this page with some arguments replaced, or left out where they are none.
pub(super) fn path_with_replaced_args(request: &Request) -> Value {
    let (path, own) = (request.link(&request.path), request.arguments.clone());
    Value::from_function(move |ordered: Rest<Value>, by_name: Kwargs| -> Called {
        let names = ["request", "args", "path"];
        let given = Given::of("path_with_replaced_args", &ordered, &by_name, &names)?;
        let mut replaced = own.clone();
        if let Some(changes) = given.at(1) {
            for pair in changes.try_iter()? {
                // A dict gives its names, a list gives pairs.
                let (name, value) = match pair.as_str() {
                    Some(name) => (name.to_owned(), changes.get_item(&pair)?),
                    None => (
                        pair.get_item_by_index(0)?.to_string(),
                        pair.get_item_by_index(1)?,
                    ),
                };
                replaced = if value.is_none() || value.is_undefined() {
                    replaced.without(&name)
                } else {
                    replaced.replacing(&name, &value.to_string())
                };
            }
        }
        let path = given
            .at(2)
            .map_or_else(|| path.clone(), ToString::to_string);
        let query = replaced.to_query();
        let mark = if query.is_empty() { "" } else { "?" };
        Ok(format!("{path}{mark}{query}").into())
    })
}
