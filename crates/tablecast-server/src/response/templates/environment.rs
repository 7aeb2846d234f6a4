//! Jinja as people's templates know it from Datasette: its filters, Python's methods, everything escaped, and the
//! built-in templates below people's own, each also under `default:`.
//!
//! A template is stopped when its fuel is gone, so that none runs for ever or fills the memory.

use std::fmt::Write;

use minijinja::value::{Kwargs, Rest, ValueKind};
use minijinja::{AutoEscape, Environment, Error as Failure, ErrorKind, Output, State, Value};
use minijinja_contrib::filters as more;
use minijinja_contrib::pycompat::unknown_method_callback;
use tablecast_connector::{Error, Result};

use crate::names::query_encode;
use crate::response::html::{built_in, class, escape};

/// Instructions, and 64 bytes each of what is made by them. A page of a thousand rows with fifty columns takes a fifth.
const FUEL: u64 = 5_000_000;

/// The environment with the built-in templates, to which others are added.
pub(super) fn environment() -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    let syntax = environment.syntax().clone();
    built_in(&mut environment, &["", "default:"])
        .map_err(|error| Error::internal("A built-in template is broken").caused_by(error))?;
    environment.set_syntax(syntax);
    environment.set_fuel(Some(FUEL));
    // What it would tell in the log is the data of the page.
    environment.set_debug(false);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.set_formatter(print);
    environment.set_unknown_method_callback(unknown_method_callback);
    environment.add_filter("escape", escaped);
    environment.add_filter("e", escaped);
    environment.add_filter("forceescape", |value: &str| safe(escape(value)));
    environment.add_filter("to_css_class", |value: &str| class(value));
    environment.add_filter("quote_plus", |value: &Value| {
        query_encode(&value.to_string())
    });
    environment.add_filter("escape_sqlite", |value: &str| tablecast_sql::quote(value));
    environment.add_filter("escape_css_string", css_string);
    environment.add_filter(
        "truncate",
        |value: &Value, ordered: Rest<Value>, by_name: Kwargs| truncate(value, &ordered, &by_name),
    );
    environment.add_filter("filesizeformat", more::filesizeformat);
    environment.add_filter("pluralize", more::pluralize);
    environment.add_filter("striptags", more_tags);
    environment.add_filter("center", center);
    Ok(environment)
}

fn safe(html: String) -> Value {
    Value::from_safe_string(html)
}

fn escaped(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    safe(escape(&text(value)))
}

/// A value as Python writes it.
fn text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Undefined => String::new(),
        ValueKind::None => "None".to_owned(),
        ValueKind::Bool if value.is_true() => "True".to_owned(),
        ValueKind::Bool => "False".to_owned(),
        _ => value.to_string(),
    }
}

/// Writes a value as Jinja does. Slashes stay, so that addresses can stand in scripts.
fn print(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> std::result::Result<(), Failure> {
    let escapes = matches!(state.auto_escape(), AutoEscape::Html) && !value.is_safe();
    let text = text(value);
    if escapes && value.kind() != ValueKind::Number {
        out.write_str(&escape(&text))?;
    } else {
        out.write_str(&text)?;
    }
    Ok(())
}

/// A text as it may stand between quotes in a style sheet.
fn css_string(value: &str) -> String {
    value.chars().fold(String::new(), |mut out, c| {
        if "'\"\\\n\r\u{c}<>&".contains(c) {
            out.push('\\');
            // Writing to a text cannot fail.
            let _ = write!(out, "{:06x}", u32::from(c));
        } else {
            out.push(c);
        }
        out
    })
}

/// A text cut to a length between words, where it is clearly longer.
fn truncate(
    value: &Value,
    ordered: &[Value],
    by_name: &Kwargs,
) -> std::result::Result<String, Failure> {
    let names = ["length", "killwords", "end", "leeway"];
    let given = Given::of("truncate", ordered, by_name, &names)?;
    let number = |place: usize, default: usize| {
        let number = given.at(place).map_or(Some(default), Value::as_usize);
        let detail = "truncate() takes lengths that are numbers";
        number.ok_or_else(|| Failure::new(ErrorKind::InvalidOperation, detail))
    };
    let (length, leeway) = (number(0, 255)?, number(3, 5)?);
    let (text, end) = (
        value.to_string(),
        given
            .at(2)
            .map_or_else(|| "...".to_owned(), ToString::to_string),
    );
    if text.chars().count() <= length.saturating_add(leeway) {
        return Ok(text);
    }
    let kept = length.saturating_sub(end.chars().count());
    let start: String = text.chars().take(kept).collect();
    let cuts_words = given.at(1).is_some_and(Value::is_true);
    let start = match start.rsplit_once(' ') {
        Some((whole, _)) if !cuts_words => whole,
        _ => &start,
    };
    Ok(format!("{start}{end}"))
}

fn more_tags(value: &Value) -> String {
    more::striptags(value.to_string())
}

fn center(value: &Value, width: Option<usize>) -> String {
    // No line of a page is longer.
    let width = width.unwrap_or(80).min(1000);
    format!("{:^width$}", value.to_string())
}

/// The arguments of a call by their names, whether they were given in order or by name.
pub(super) struct Given(Vec<Option<Value>>);

impl Given {
    /// The arguments of a method.
    pub(super) fn new(
        function: &str,
        arguments: &[Value],
        names: &[&str],
    ) -> std::result::Result<Self, Failure> {
        let (ordered, by_name): (Rest<Value>, Kwargs) = minijinja::value::from_args(arguments)?;
        Self::of(function, &ordered, &by_name, names)
    }

    /// The arguments of a function.
    pub(super) fn of(
        function: &str,
        ordered: &[Value],
        by_name: &Kwargs,
        names: &[&str],
    ) -> std::result::Result<Self, Failure> {
        if ordered.len() > names.len() {
            let names = names.join(", ");
            let detail = format!("{function}() takes no more than {names}");
            return Err(Failure::new(ErrorKind::InvalidOperation, detail));
        }
        let mut values: Vec<Option<Value>> = ordered.iter().cloned().map(Some).collect();
        values.resize(names.len(), None);
        for (place, name) in values.iter_mut().zip(names) {
            if by_name.has(name) {
                *place = Some(by_name.get(name)?);
            }
        }
        by_name.assert_all_used()?;
        Ok(Self(values))
    }

    /// The value at a place, unless it is missing or none.
    pub(super) fn at(&self, place: usize) -> Option<&Value> {
        let value = self.0.get(place)?.as_ref()?;
        (!value.is_none() && !value.is_undefined()).then_some(value)
    }

    /// The text at a place; empty if it is missing.
    pub(super) fn text(&self, place: usize) -> String {
        self.at(place).map(ToString::to_string).unwrap_or_default()
    }
}
