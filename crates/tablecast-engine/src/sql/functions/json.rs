//! Functions of JSON texts, and what `json_each` takes apart. Where SQLite gives a value of any type, these give its text:
//! a column of a plan has one type.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]

use serde_json::Value as Json;
use tablecast_connector::{Error, Result, Value, number, real_text};

use super::rows::{Gives, RowFunction, any_null, function, internal, text};

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("json", 1..=1, Text, |values| of_first(values, |json| json
        .to_string()
        .into())),
    function!("json_extract", 2..=2, Text, |values| of_place(values, sql)),
    function!("json_type", 1..=2, Text, |values| of_place(
        values,
        |json| type_of(json).into()
    )),
    function!("json_array_length", 1..=2, Integer, |values| of_place(
        values,
        |json| Value::from(json.as_array().map_or(0, Vec::len) as i64)
    )),
    function!("json_valid", 1..=1, Integer, |values| Ok(
        match values.first().and_then(text) {
            Some(text) => Value::from(i64::from(serde_json::from_str::<Json>(&text).is_ok())),
            None => Value::Null,
        }
    )),
    internal("json_contains", 2, Gives::Boolean, contains),
    internal("json_number", 1, Gives::Real, as_number),
];

/// The columns of `json_each`.
pub(in crate::sql) const EACH: &[&str] = &["key", "value", "type", "atom", "fullkey", "path"];

/// One column of what `json_each` gives for a text and a path: an entry for each element.
pub(in crate::sql) fn each(column: &str, values: &[Value]) -> Result<Vec<Option<String>>> {
    if any_null(values) {
        return Ok(Vec::new());
    }
    let json = parsed(values)?;
    let path = values
        .get(1)
        .and_then(text)
        .unwrap_or_else(|| "$".to_owned());
    let Some(json) = found(&json, &path)? else {
        return Ok(Vec::new());
    };
    let entry = |key: Option<String>, step: &str, element: &Json| match column {
        "key" => key,
        "type" => Some(type_of(element).to_owned()),
        "atom" if element.is_array() || element.is_object() => None,
        "value" | "atom" => text(&sql(element)),
        "fullkey" => Some(format!("{path}{step}")),
        _ => Some(path.clone()),
    };
    Ok(match json {
        Json::Array(elements) => {
            let elements = elements.iter().enumerate();
            elements
                .map(|(at, element)| entry(Some(at.to_string()), &format!("[{at}]"), element))
                .collect()
        }
        Json::Object(members) => {
            let members = members.iter();
            members
                .map(|(name, member)| entry(Some(name.clone()), &step(name), member))
                .collect()
        }
        other => vec![entry(None, "", other)],
    })
}

/// How a path goes on to a member.
fn step(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    if is_plain {
        format!(".{name}")
    } else {
        format!(".{}", Json::from(name))
    }
}

fn parsed(values: &[Value]) -> Result<Json> {
    let text = values.first().and_then(text).unwrap_or_default();
    serde_json::from_str(&text).map_err(|cause| Error::invalid("malformed JSON").caused_by(cause))
}

/// Something of the first argument; null of null.
fn of_first(values: &[Value], tell: impl Fn(&Json) -> Value) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    parsed(values).map(|json| tell(&json))
}

/// Something of what lies at the path of the second argument, or of all; null if nothing lies there.
fn of_place(values: &[Value], tell: impl Fn(&Json) -> Value) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let json = parsed(values)?;
    let path = values.get(1).and_then(text);
    let found = match &path {
        Some(path) => found(&json, path)?,
        None => Some(&json),
    };
    Ok(found.map_or(Value::Null, tell))
}

/// What lies at a path: `$`, then `.name`, `."name"`, `[3]` or `[#-1]`.
fn found<'a>(json: &'a Json, path: &str) -> Result<Option<&'a Json>> {
    let wrong = || Error::invalid(format!("bad JSON path: '{path}'"));
    let mut rest = path.strip_prefix('$').ok_or_else(wrong)?;
    let mut place = Some(json);
    while !rest.is_empty() {
        if let Some(behind) = rest.strip_prefix('[') {
            let (index, behind) = behind.split_once(']').ok_or_else(wrong)?;
            let elements = place.and_then(Json::as_array);
            let length = elements.map_or(0, Vec::len);
            let at = match index.strip_prefix("#-") {
                Some(back) => length.checked_sub(back.parse().map_err(|_| wrong())?),
                None => Some(index.parse().map_err(|_| wrong())?),
            };
            place = elements.and_then(|elements| elements.get(at?));
            rest = behind;
        } else {
            let behind = rest.strip_prefix('.').ok_or_else(wrong)?;
            let (name, behind) = if let Some(quoted) = behind.strip_prefix('"') {
                quoted.split_once('"').ok_or_else(wrong)?
            } else {
                behind.split_at(behind.find(['.', '[']).unwrap_or(behind.len()))
            };
            if name.is_empty() {
                return Err(wrong());
            }
            place = place
                .and_then(Json::as_object)
                .and_then(|members| members.get(name));
            rest = behind;
        }
    }
    Ok(place)
}

/// As SQLite sees it: true is 1, and what has parts is its JSON.
fn sql(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(truth) => Value::from(i64::from(*truth)),
        Json::Number(digits) => match digits.as_i64() {
            Some(integer) => Value::from(integer),
            None => digits
                .as_f64()
                .map_or(Value::Null, |real| real_text(real).into()),
        },
        Json::String(text) => text.as_str().into(),
        parts => parts.to_string().into(),
    }
}

fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(true) => "true",
        Json::Bool(false) => "false",
        Json::Number(number) if number.is_f64() => "real",
        Json::Number(_) => "integer",
        Json::String(_) => "text",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// Whether the second argument is an element of the first, as `x in (select value from json_each(list))` is.
fn contains(values: &[Value]) -> Result<Value> {
    let (Some(list), Some(wanted)) = (values.first(), values.get(1)) else {
        return Ok(Value::Null);
    };
    if *list == Value::Null {
        return Ok(Value::from(0_i64));
    }
    let json = parsed(values)?;
    let elements: Vec<&Json> = match &json {
        Json::Array(elements) => elements.iter().collect(),
        Json::Object(members) => members.values().collect(),
        other => vec![other],
    };
    if *wanted == Value::Null && !elements.is_empty() {
        return Ok(Value::Null);
    }
    let is_wanted = |element: &&Json| match (element, wanted) {
        (Json::String(_) | Json::Array(_) | Json::Object(_), Value::Text(text)) => {
            sql(element) == Value::Text(text.clone())
        }
        (Json::Bool(_) | Json::Number(_), Value::Integer(_) | Value::Real(_)) => {
            super::rows::real(wanted) == json_real(element)
        }
        _ => false,
    };
    if elements.iter().any(is_wanted) {
        return Ok(Value::from(1_i64));
    }
    let has_null = elements.iter().any(|element| element.is_null());
    Ok(if has_null {
        Value::Null
    } else {
        Value::from(0_i64)
    })
}

fn json_real(json: &Json) -> Option<f64> {
    match json {
        Json::Bool(truth) => Some(f64::from(u8::from(*truth))),
        number => number.as_f64(),
    }
}

/// The number that a text of JSON is, to compare it with numbers: a text that is none is larger than all.
fn as_number(values: &[Value]) -> Result<Value> {
    Ok(match values.first().and_then(text) {
        None => Value::Null,
        Some(text) => match number(&text) {
            Some(Value::Integer(integer)) => Value::Real(integer as f64),
            Some(Value::Real(real)) => Value::Real(real),
            _ => Value::Real(f64::INFINITY),
        },
    })
}
