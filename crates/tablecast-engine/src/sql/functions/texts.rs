//! Functions of texts.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]

use tablecast_connector::{Error, Result, Value, glob, like, like_escaped};

use super::rows::{RowFunction, any_null, function, integer, text};

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("like", 2..=3, Boolean, |values| match values.get(2) {
        Some(escape) => escaped_like(values, escape),
        None => compared(values, like),
    }),
    function!("escape_fts", 1..=1, Text, |values| mapped(
        values,
        tablecast_sql::escape_fts
    )),
    function!("concat_ws", 2..=64, Text, concat_ws),
    function!("octet_length", 1..=1, Integer, octet_length),
    function!("glob", 2..=2, Boolean, |values| compared(values, glob)),
    function!("length", 1..=1, Integer, length),
    function!("lower", 1..=1, Text, |values| mapped(
        values,
        str::to_ascii_lowercase
    )),
    function!("upper", 1..=1, Text, |values| mapped(
        values,
        str::to_ascii_uppercase
    )),
    function!("substr", 2..=3, Text, substr),
    function!("substring", 2..=3, Text, substr),
    function!("trim", 1..=2, Text, |values| trimmed(values, true, true)),
    function!("ltrim", 1..=2, Text, |values| trimmed(values, true, false)),
    function!("rtrim", 1..=2, Text, |values| trimmed(values, false, true)),
    function!("replace", 3..=3, Text, replace),
    function!("instr", 2..=2, Integer, instr),
    function!("hex", 1..=1, Text, hex),
    function!("unicode", 1..=1, Integer, unicode),
    function!("char", 0..=64, Text, chars),
    function!("quote", 1..=1, Text, quote),
    function!("typeof", 1..=1, Text, type_of),
    function!("concat", 1..=64, Text, concat),
];

fn argument(values: &[Value], place: usize) -> String {
    values.get(place).and_then(text).unwrap_or_default()
}

fn mapped(values: &[Value], with: impl Fn(&str) -> String) -> Result<Value> {
    Ok(match values.first().and_then(text) {
        Some(text) => with(&text).into(),
        None => Value::Null,
    })
}

/// The pattern comes first.
fn compared(values: &[Value], matches: fn(&str, &str) -> bool) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    Ok(Value::Integer(i128::from(matches(
        &argument(values, 1),
        &argument(values, 0),
    ))))
}

/// Behind the escape character, `%`, `_` and itself mean themselves.
fn escaped_like(values: &[Value], escape: &Value) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let mut escape = text(escape).unwrap_or_default();
    let sign = escape.pop().filter(|_| escape.is_empty());
    let Some(sign) = sign else {
        return Err(Error::invalid(
            "ESCAPE expression must be a single character",
        ));
    };
    let (pattern, whole) = (argument(values, 0), argument(values, 1));
    let holds = like_escaped(&whole, &pattern, sign);
    Ok(Value::Integer(i128::from(holds)))
}

fn concat_ws(values: &[Value]) -> Result<Value> {
    let Some((separator, values)) = values.split_first() else {
        return Ok(Value::Null);
    };
    Ok(match text(separator) {
        Some(separator) => {
            let texts: Vec<String> = values.iter().filter_map(text).collect();
            texts.join(&separator).into()
        }
        None => Value::Null,
    })
}

fn octet_length(values: &[Value]) -> Result<Value> {
    Ok(match values.first() {
        Some(Value::Blob(bytes)) => Value::from(bytes.len() as i64),
        Some(value) => text(value).map_or(Value::Null, |text| Value::from(text.len() as i64)),
        None => Value::Null,
    })
}

fn length(values: &[Value]) -> Result<Value> {
    Ok(match values.first() {
        Some(Value::Blob(bytes)) => Value::Integer(bytes.len() as i128),
        Some(value) => text(value).map_or(Value::Null, |text| {
            Value::Integer(text.chars().count() as i128)
        }),
        None => Value::Null,
    })
}

/// Characters from 1; from the end if negative; a negative length takes those before.
fn substr(values: &[Value]) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let chars: Vec<char> = argument(values, 0).chars().collect();
    let count = chars.len() as i64;
    let start = values.get(1).and_then(integer).unwrap_or(1);
    let length = values.get(2).and_then(integer).unwrap_or(i64::MAX);
    let mut from = if start > 0 {
        start - 1
    } else {
        count.saturating_add(start)
    };
    if start == 0 {
        from = -1;
    }
    let mut end = from.saturating_add(length);
    if length < 0 {
        (from, end) = (end, from);
    }
    let (from, end) = (from.clamp(0, count) as usize, end.clamp(0, count) as usize);
    Ok(chars
        .get(from..end.max(from))
        .unwrap_or_default()
        .iter()
        .collect::<String>()
        .into())
}

fn trimmed(values: &[Value], start: bool, end: bool) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let set: Vec<char> = if values.len() > 1 {
        argument(values, 1).chars().collect()
    } else {
        vec![' ']
    };
    let whole = argument(values, 0);
    let mut text = whole.as_str();
    if start {
        text = text.trim_start_matches(set.as_slice());
    }
    if end {
        text = text.trim_end_matches(set.as_slice());
    }
    Ok(text.into())
}

fn replace(values: &[Value]) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let (whole, from, to) = (
        argument(values, 0),
        argument(values, 1),
        argument(values, 2),
    );
    if from.is_empty() {
        return Ok(whole.into());
    }
    if to.len() > from.len() && whole.matches(&from).count() * to.len() > 1 << 24 {
        return Err(Error::too_large(
            "replace() would make a text of more than 16 MB",
        ));
    }
    Ok(whole.replace(&from, &to).into())
}

fn instr(values: &[Value]) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let whole = argument(values, 0);
    let place = whole
        .find(&argument(values, 1))
        .and_then(|place| whole.get(..place));
    Ok(Value::Integer(
        place.map_or(0, |before| before.chars().count() as i128 + 1),
    ))
}

fn hex(values: &[Value]) -> Result<Value> {
    let bytes = match values.first() {
        Some(Value::Blob(bytes)) => bytes.clone(),
        Some(value) => text(value).unwrap_or_default().into_bytes(),
        None => Vec::new(),
    };
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digit = |digit: u8| {
        char::from_digit(u32::from(digit), 16)
            .unwrap_or('0')
            .to_ascii_uppercase()
    };
    Ok(digits.map(digit).collect::<String>().into())
}

fn unicode(values: &[Value]) -> Result<Value> {
    let first = values
        .first()
        .and_then(text)
        .and_then(|text| text.chars().next());
    Ok(first.map_or(Value::Null, |c| Value::Integer(i128::from(u32::from(c)))))
}

fn chars(values: &[Value]) -> Result<Value> {
    let chars = values.iter().map(|value| {
        let point = integer(value).and_then(|point| u32::try_from(point).ok());
        point
            .and_then(char::from_u32)
            .unwrap_or(char::REPLACEMENT_CHARACTER)
    });
    Ok(chars.collect::<String>().into())
}

fn quote(values: &[Value]) -> Result<Value> {
    Ok(match values.first() {
        None | Some(Value::Null) => "NULL".into(),
        Some(Value::Text(text)) => format!("'{}'", text.replace('\'', "''")).into(),
        Some(blob @ Value::Blob(_)) => match hex(std::slice::from_ref(blob))? {
            Value::Text(digits) => format!("X'{digits}'").into(),
            other => other,
        },
        Some(number) => text(number).unwrap_or_default().into(),
    })
}

fn type_of(values: &[Value]) -> Result<Value> {
    Ok(match values.first() {
        None | Some(Value::Null) => "null",
        Some(Value::Integer(_)) => "integer",
        Some(Value::Real(_)) => "real",
        Some(Value::Text(_)) => "text",
        Some(Value::Blob(_)) => "blob",
    }
    .into())
}

fn concat(values: &[Value]) -> Result<Value> {
    Ok(values.iter().filter_map(text).collect::<String>().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn substr_counts_as_sqlite_does() {
        for (start, length, expected) in [
            (2, None, "bcd"),
            (-2, None, "cd"),
            (0, Some(2), "a"),
            (2, Some(2), "bc"),
            (3, Some(-2), "ab"),
            (-1, Some(5), "d"),
            (9, Some(1), ""),
        ] {
            let mut values = vec![Value::from("abcd"), Value::from(i64::from(start))];
            values.extend(length.map(|length: i64| Value::from(length)));
            assert_eq!(
                substr(&values).expect("a text"),
                Value::from(expected),
                "{start} {length:?}"
            );
        }
    }
}
