//! Page tokens: where a page ended, as it stands behind `_next`. Parts are tilde-encoded and separated by commas; a
//! sorted page's first part is the sort value, `$null` for null; `$empty` is an empty text that stands alone.

use tablecast_connector::{Error, Identity, Position, Result, Value};

use crate::names::{tilde_decode, tilde_encode};

const NULL: &str = "$null";
const EMPTY: &str = "$empty";

/// The position that a token stands for.
pub(crate) fn position(token: &str, identity: &Identity, is_sorted: bool) -> Result<Position> {
    let keys = identity.columns().len();
    if keys == 0 {
        let offset = token
            .parse()
            .ok()
            .filter(|offset| i64::try_from(*offset).is_ok());
        let wrong = || Error::invalid("_next is not a number of rows to skip");
        return offset.map(Position::Offset).ok_or_else(wrong);
    }
    let mut parts: Vec<&str> = token.split(',').collect();
    if parts.len() != keys + usize::from(is_sorted) {
        return Err(Error::invalid("_next does not belong to this page")
            .hint("Use the next_url of the page before, without changing the sort order"));
    }
    let sort = is_sorted.then(|| match parts.remove(0) {
        NULL => Value::Null,
        typed => decoded(typed),
    });
    Ok(Position::After {
        sort,
        key: parts.into_iter().map(decoded).collect(),
    })
}

fn decoded(part: &str) -> Value {
    match part {
        // A dollar of a text is encoded.
        EMPTY => Value::Text(String::new()),
        part => Value::Text(tilde_decode(part)),
    }
}

/// The token of a page that ended at a row with these values.
pub(crate) fn token(sort: Option<&Value>, key: &[Value]) -> String {
    let sort = sort.map(|value| {
        if *value == Value::Null {
            NULL.to_owned()
        } else {
            part(value)
        }
    });
    let parts: Vec<String> = sort.into_iter().chain(key.iter().map(part)).collect();
    match parts.as_slice() {
        // An argument without a value counts as none.
        [only] if only.is_empty() => EMPTY.to_owned(),
        parts => parts.join(","),
    }
}

/// A row's place in a path.
pub(crate) fn row_path(key: &[Value]) -> String {
    let parts: Vec<String> = key.iter().map(part).collect();
    parts.join(",")
}

fn part(value: &Value) -> String {
    tilde_encode(&text(value))
}

/// A value as text from which the same value is read again.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        // As a number that is too large: the words for it would be read as texts.
        Value::Real(real) if real.is_infinite() && *real > 0.0 => "9e999".to_owned(),
        Value::Real(real) if real.is_infinite() => "-9e999".to_owned(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_plain_writing_is_written_so_that_it_is_read_again() {
        let identity = Identity::Key(vec!["a".to_owned()]);
        for (value, written) in [
            (Value::from(""), "$empty"),
            (Value::from("$empty"), "~24empty"),
            (Value::Real(f64::INFINITY), "9e999"),
            (Value::Real(f64::NEG_INFINITY), "-9e999"),
        ] {
            let told = token(None, std::slice::from_ref(&value));
            assert_eq!(told, written);
            let read = position(&told, &identity, false).expect("a token");
            let Position::After { key, .. } = read else {
                panic!("{read:?}");
            };
            assert_eq!(text(&key[0]), text(&value));
        }
        assert_eq!(row_path(&["".into()]), "");
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let identity = Identity::Key(vec!["a".to_owned(), "b".to_owned()]);
        let key = [Value::from("x,/"), Value::from(7)];
        let written = token(Some(&Value::Null), &key);
        assert_eq!(written, "$null,x~2C~2F,7");
        let read = Position::After {
            sort: Some(Value::Null),
            key: vec!["x,/".into(), "7".into()],
        };
        assert_eq!(position(&written, &identity, true).expect("a token"), read);
        assert!(position(&written, &identity, false).is_err());
        assert!(position("x", &Identity::None, false).is_err());
    }
}
