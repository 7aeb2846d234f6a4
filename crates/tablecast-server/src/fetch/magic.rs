//! Magic parameters of configured queries: values that come from the request, the clock or chance instead of a form.

use std::time::{SystemTime, UNIX_EPOCH};

use tablecast_connector::{Error, Result, TimeUnit, Timestamp, Value};

use crate::request::Request;

/// The most characters that `_random_chars_N` gives.
const RANDOM_CHARACTERS_MAX: usize = 1024;

/// The first words of the names of magic parameters.
const KINDS: &[&str] = &["header", "actor", "cookie", "now", "random"];

/// Whether a parameter is magic: `_kind_key` with one of the kinds.
pub(crate) fn is_magic(name: &str) -> bool {
    split(name).is_some()
}

fn split(name: &str) -> Option<(&str, &str)> {
    let (kind, key) = name.strip_prefix('_')?.split_once('_')?;
    KINDS.contains(&kind).then_some((kind, key))
}

/// What a magic parameter stands for. `InvalidRequest` where the request has no such thing.
pub(crate) fn value(name: &str, request: &Request) -> Result<Value> {
    let missing = || {
        Error::invalid(format!(
            "This request has no value for the parameter :{name}"
        ))
    };
    let (kind, key) = split(name).ok_or_else(missing)?;
    match (kind, key) {
        ("header", key) => {
            let name = key.replace('_', "-");
            Ok(request.header(&name).unwrap_or_default().into())
        }
        ("cookie", key) => request.cookie(key).map(Value::from).ok_or_else(missing),
        ("now", "epoch") => Ok(Value::Integer(now_seconds().into())),
        ("now", "date_utc") => Ok(now().split('T').next().unwrap_or_default().into()),
        ("now", "datetime_utc") => Ok(format!("{}Z", now()).into()),
        ("random", key) => {
            let number = key.strip_prefix("chars_");
            let number = number.and_then(|number| number.parse().ok());
            number
                .filter(|number| *number <= RANDOM_CHARACTERS_MAX)
                .and_then(random_characters)
                .map(Value::Text)
                .ok_or_else(missing)
        }
        // Nobody can sign in.
        _ => Err(missing()),
    }
}

fn now_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// The time in UTC, to seconds, as ISO 8601 without zone.
fn now() -> String {
    let now = Timestamp {
        value: now_seconds(),
        unit: TimeUnit::Second,
        utc: false,
    };
    now.to_string()
}

/// Hexadecimal digits that nobody can guess. `None` if the system gives no chance.
fn random_characters(number: usize) -> Option<String> {
    let mut bytes = vec![0; number.div_ceil(2)];
    getrandom::fill(&mut bytes).ok()?;
    let mut text = crate::names::hexadecimal(&bytes);
    text.truncate(number);
    Some(text)
}
