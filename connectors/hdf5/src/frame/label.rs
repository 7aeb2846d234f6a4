//! Values of pickles as labels and cells: numbers, texts, and what pandas pickles as objects (dates, decimals, scalars).

use serde_json::Value as Json;

use crate::element::calendar::{Calendar, Zone};
use crate::pickle::Plain;

/// A value that is one cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    Null,
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    /// Something else, as text.
    Other(String),
}

/// The name of a column with this label; those of several levels are joined by slashes.
pub fn name(label: &Plain) -> String {
    match label {
        Plain::Tuple(parts) => {
            let parts: Vec<String> = parts.iter().map(name).collect();
            parts.join("/")
        }
        label => match scalar(label) {
            Scalar::Null => "None".to_owned(),
            Scalar::Boolean(true) => "True".to_owned(),
            Scalar::Boolean(false) => "False".to_owned(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Real(real) => format!("{real:?}"),
            Scalar::Text(text) | Scalar::Other(text) => text,
            Scalar::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        },
    }
}

/// The value as a cell.
pub fn scalar(value: &Plain) -> Scalar {
    match value {
        Plain::None => Scalar::Null,
        Plain::Boolean(boolean) => Scalar::Boolean(*boolean),
        Plain::Integer(number) => Scalar::Integer(*number),
        Plain::Large(number) => Scalar::Other(number.clone()),
        Plain::Real(real) if real.is_nan() => Scalar::Null,
        Plain::Real(real) => Scalar::Real(*real),
        Plain::Text(text) => Scalar::Text(text.clone()),
        Plain::Bytes(bytes) => Scalar::Bytes(bytes.clone()),
        Plain::Name(name) if is_missing(name) => Scalar::Null,
        Plain::Made {
            name,
            arguments,
            state,
        } => made(name, arguments, state),
        other => Scalar::Other(json(other).to_string()),
    }
}

/// The value as JSON, for metadata and cells without a type of their own.
pub fn json(value: &Plain) -> Json {
    match value {
        Plain::List(items) | Plain::Tuple(items) => items.iter().map(json).collect(),
        Plain::Dict(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| (name(key), json(value)));
            Json::Object(pairs.collect())
        }
        Plain::Name(name) if !is_missing(name) => name.as_str().into(),
        value => match scalar(value) {
            Scalar::Null => Json::Null,
            Scalar::Boolean(boolean) => boolean.into(),
            Scalar::Integer(number) => number.into(),
            Scalar::Real(real) => real.into(),
            Scalar::Text(text) | Scalar::Other(text) => text.into(),
            Scalar::Bytes(bytes) => String::from_utf8_lossy(&bytes).into(),
        },
    }
}

fn is_missing(name: &str) -> bool {
    matches!(
        name,
        "pandas.NA"
            | "pandas._libs.missing.NA"
            | "pandas._libs.tslibs.nattype.NaT"
            | "pandas._libs.tslib.NaT"
            | "pandas.tslib.NaT"
    )
}

/// Dates and times as Python pickles them, and the scalars of numpy and pandas.
fn made(name: &str, arguments: &[Plain], state: &Plain) -> Scalar {
    let other = || {
        let arguments: Vec<String> = arguments
            .iter()
            .map(|value| json(value).to_string())
            .collect();
        Scalar::Other(format!("{name}({})", arguments.join(", ")))
    };
    let found = match (name, arguments) {
        ("datetime.date", [Plain::Bytes(bytes)]) => date(bytes),
        ("datetime.datetime", [Plain::Bytes(bytes), ..]) => date_and_time(bytes),
        ("decimal.Decimal", [Plain::Text(text)]) => Some(Scalar::Other(text.clone())),
        (
            "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar",
            [kind, Plain::Bytes(bytes)],
        ) => numpy_scalar(kind, bytes),
        (
            "builtins.complex" | "__builtin__.complex",
            [Plain::Real(real), Plain::Real(imaginary)],
        ) => Some(Scalar::Other(format!("{{\"r\":{real},\"i\":{imaginary}}}"))),
        (name, [Plain::Integer(value), rest @ ..]) if name.ends_with("._unpickle_timestamp") => {
            Some(timestamp(*value, rest))
        }
        (name, [Plain::Integer(value), rest @ ..]) if name.ends_with(".Timestamp") => {
            Some(timestamp(*value, rest))
        }
        (name, _) if name.ends_with("._nat_unpickle") || name.ends_with(".__nat_unpickle") => {
            Some(Scalar::Null)
        }
        (name, [Plain::Integer(value), rest @ ..])
            if name.ends_with("._timedelta_unpickle") || name.ends_with(".Timedelta") =>
        {
            let per_second = resolution(rest.last());
            Some(Scalar::Real(*value as f64 / per_second as f64))
        }
        ("uuid.UUID", _) => uuid(state),
        _ => None,
    };
    found.unwrap_or_else(other)
}

/// Parts of a second that pandas counts in, by numpy's number of the unit.
fn resolution(unit: Option<&Plain>) -> i64 {
    match unit {
        Some(Plain::Integer(7)) => 1,
        Some(Plain::Integer(8)) => 1000,
        Some(Plain::Integer(9)) => 1_000_000,
        _ => 1_000_000_000,
    }
}

/// A timestamp: what follows its count is a frequency, a zone and, in newer files, a unit.
fn timestamp(count: i64, rest: &[Plain]) -> Scalar {
    let zone = match rest.get(1) {
        None | Some(Plain::None) => Zone::None,
        Some(zone) => super::columns::zone(zone),
    };
    let calendar = Calendar::Instant {
        per_second: resolution(rest.get(2)),
        zone,
    };
    moment(calendar, count)
}

fn moment(calendar: Calendar, count: i64) -> Scalar {
    let (first, last) = calendar.bounds();
    if !(first..=last).contains(&count) {
        return Scalar::Null;
    }
    let mut text = String::new();
    calendar.write(count, &mut text);
    Scalar::Text(text)
}

fn date(bytes: &[u8]) -> Option<Scalar> {
    let &[high, low, month, day] = bytes else {
        return None;
    };
    let year = 256 * u32::from(high) + u32::from(low);
    Some(Scalar::Text(format!("{year:04}-{month:02}-{day:02}")))
}

fn date_and_time(bytes: &[u8]) -> Option<Scalar> {
    let &[high, low, month, day, hour, minute, second, a, b, c] = bytes else {
        return None;
    };
    let year = 256 * u32::from(high) + u32::from(low);
    // The highest bit of the month tells which of two equal local times it is.
    let month = month & 0x7f;
    let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let part = (u32::from(a) << 16) | (u32::from(b) << 8) | u32::from(c);
    Some(Scalar::Text(if part == 0 {
        text
    } else {
        format!("{text}.{part:06}")
    }))
}

fn numpy_scalar(kind: &Plain, bytes: &[u8]) -> Option<Scalar> {
    let Plain::Made {
        arguments, state, ..
    } = kind
    else {
        return None;
    };
    let code = arguments.first()?.text()?;
    let is_big = state.items().and_then(|state| state.get(1)?.text()) == Some(">");
    let mut little = bytes.to_vec();
    if is_big {
        little.reverse();
    }
    let unsigned = |bytes: &[u8]| {
        crate::format::header::little_endian(bytes.get(..bytes.len().min(8)).unwrap_or_default())
    };
    Some(match (code, bytes.len()) {
        ("b1", 1) => Scalar::Boolean(bytes != [0]),
        ("f8", 8) => real(f64::from_bits(unsigned(&little))),
        ("f4", 4) => real(f32::from_bits(unsigned(&little) as u32).into()),
        ("i1", 1) => Scalar::Integer((unsigned(&little) as u8 as i8).into()),
        ("i2", 2) => Scalar::Integer((unsigned(&little) as u16 as i16).into()),
        ("i4", 4) => Scalar::Integer((unsigned(&little) as u32 as i32).into()),
        ("i8", 8) | ("u1", 1) | ("u2", 2) | ("u4", 4) => Scalar::Integer(unsigned(&little) as i64),
        ("u8", 8) => match i64::try_from(unsigned(&little)) {
            Ok(number) => Scalar::Integer(number),
            Err(_) => Scalar::Other(unsigned(&little).to_string()),
        },
        _ => return None,
    })
}

fn real(real: f64) -> Scalar {
    if real.is_nan() {
        Scalar::Null
    } else {
        Scalar::Real(real)
    }
}

fn uuid(state: &Plain) -> Option<Scalar> {
    let number = match state.at("int")? {
        Plain::Integer(number) => u128::try_from(*number).ok()?,
        Plain::Large(digits) => digits.parse().ok()?,
        _ => return None,
    };
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    Some(Scalar::Text(parts.join("-")))
}
