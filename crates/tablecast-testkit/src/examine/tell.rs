//! Says requests and answers so that a person can try them: addresses as the site has them, rows cut to what is read.

use std::fmt::Write;

use tablecast_connector::{Direction, Error, Filter, Position, Value};

use super::question::Question;
use crate::plain::Values;

/// The most characters of one value, and rows of one answer, that are told.
const CHARACTERS: usize = 60;
const ROWS: usize = 3;

/// The address of a question behind its database's.
pub(super) fn address(question: &Question) -> String {
    let mut parts: Vec<String> = question
        .filters
        .iter()
        .map(|filter| match filter {
            Filter::Condition {
                column,
                operator,
                value,
            } => format!(
                "{}__{}={}",
                escaped(column),
                operator.name(),
                escaped(value)
            ),
            other => format!("{other:?}"),
        })
        .collect();
    if let Some(sort) = &question.sort {
        let name = match sort.direction {
            Direction::Ascending => "_sort",
            Direction::Descending => "_sort_desc",
        };
        parts.push(format!("{name}={}", escaped(&sort.column)));
    }
    match &question.position {
        None => {}
        Some(Position::Offset(rows)) => parts.push(format!("_next={rows}")),
        Some(Position::After { sort, key }) => {
            let values: Vec<String> = sort.iter().chain(key).map(value).collect();
            parts.push(format!("_next={}", escaped(&values.join(","))));
        }
    }
    if let Some(limit) = question.limit {
        parts.push(format!("_size={limit}"));
    }
    let path = format!("/{}", tilde(&question.table));
    if parts.is_empty() {
        path
    } else {
        format!("{path}?{}", parts.join("&"))
    }
}

/// A name as it stands in a path.
pub(super) fn tilde(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') {
            text.push(char::from(byte));
        } else {
            // A write into a string does not fail.
            let _ = write!(text, "~{byte:02X}");
        }
    }
    text
}

/// A text as it stands in a query string, as legible as can be.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '%' | '&' | '+' | '#' | ' ' | '\0'..='\x1f' => {
                let _ = write!(escaped, "%{:02X}", u32::from(character));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A value as SQL writes it, cut.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => format!("{:?}", cut(text)),
        Value::Blob(bytes) => format!("a blob of {} bytes", bytes.len()),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn row(values: &[Value]) -> String {
    let shown: Vec<String> = values.iter().take(8).map(value).collect();
    let more = if values.len() > 8 { ", …" } else { "" };
    format!("({}{more})", shown.join(", "))
}

/// What belongs and what came, told from the first row that differs on.
pub(super) fn rows(expected: &Values, got: &Values) -> (String, String) {
    let same = expected.iter().zip(got).take_while(|(a, b)| a == b).count();
    (rows_from(expected, same), rows_from(got, same))
}

fn rows_from(rows: &Values, first: usize) -> String {
    let shown: Vec<String> = rows
        .iter()
        .skip(first)
        .take(ROWS)
        .map(|values| row(values))
        .collect();
    match shown.as_slice() {
        [] => format!("{} rows, and no more", rows.len()),
        shown => format!(
            "{} rows; from row {} on {}",
            rows.len(),
            first + 1,
            shown.join(" ")
        ),
    }
}

/// An error with its kind, what its reader is told, and what the log says besides.
pub(super) fn error(error: &Error) -> String {
    let told = format!("an error ({:?}): {}", error.kind(), cut(error.message()));
    match std::error::Error::source(error) {
        Some(cause) => format!("{told}: {}", cut(&cause.to_string())),
        None => told,
    }
}
