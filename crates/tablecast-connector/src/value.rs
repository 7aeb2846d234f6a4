//! Owned values: what is bound to a parameter, compared with, or counted by a facet. And `SQLite`'s affinities, the
//! rules by which a text from a query string becomes a number.

use serde::{Deserialize, Serialize};

/// One value of `SQLite`'s five storage classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// No value.
    Null,
    /// An integer between `i64::MIN` and `u64::MAX`.
    Integer(i128),
    /// A floating-point number. NaN counts as null in filters, sorts, facets and aggregates.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

/// A column's type affinity, as in `SQLite`'s documentation of data types, section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Affinity {
    /// Stores text; numbers become text.
    Text,
    /// Text that looks like a number becomes one.
    Numeric,
    /// As `Numeric`; whole reals become integers.
    Integer,
    /// As `Numeric`; integers become reals.
    Real,
    /// Nothing is converted.
    Blob,
}

impl Affinity {
    /// The affinity of a column declared with type `declared`, by `SQLite`'s five rules in their order.
    pub fn of_declaration(declared: &str) -> Self {
        let declared = declared.to_ascii_uppercase();
        let has = |part| declared.contains(part);
        if has("INT") {
            Self::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Self::Text
        } else if has("BLOB") || declared.is_empty() {
            Self::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Self::Real
        } else {
            Self::Numeric
        }
    }

    /// `SQLite`'s name of the affinity, as in `column_details`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "TEXT",
            Self::Numeric => "NUMERIC",
            Self::Integer => "INTEGER",
            Self::Real => "REAL",
            Self::Blob => "BLOB",
        }
    }

    /// Whether a text compared with such a column becomes a number if it looks like one.
    pub fn is_numeric(self) -> bool {
        matches!(self, Self::Numeric | Self::Integer | Self::Real)
    }

    /// `text` as `SQLite` sees it when it is compared with a column of this affinity.
    pub fn comparand(self, text: &str) -> Value {
        if self.is_numeric() {
            number(text).unwrap_or_else(|| text.into())
        } else {
            text.into()
        }
    }
}

/// The number that `text` is, by `SQLite`'s rule: the whole of it is a number, but for ASCII white space around it.
///
/// Integers outside `i64` become reals, except those up to `u64::MAX`, which some containers hold exactly.
pub fn number(text: &str) -> Option<Value> {
    let text = text.trim_matches(|c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c'));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        if let Ok(integer) = text.parse::<i128>()
            && integer >= i128::from(i64::MIN)
            && integer <= i128::from(u64::MAX)
        {
            return Some(Value::Integer(integer));
        }
    } else if !is_decimal(digits) {
        return None;
    }
    text.parse().ok().map(Value::Real)
}

/// Whether unsigned `text` is digits with at most one point and an exponent: no `inf`, `nan` or hexadecimal.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['+', '-']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    exponent_ok && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affinity_follows_the_five_rules_in_order() {
        for (declared, affinity) in [
            ("INTEGER", Affinity::Integer),
            ("charint", Affinity::Integer),
            ("varchar(20)", Affinity::Text),
            ("", Affinity::Blob),
            ("double precision", Affinity::Real),
            ("FLOATING POINT", Affinity::Integer),
            ("decimal(10,5)", Affinity::Numeric),
        ] {
            assert_eq!(Affinity::of_declaration(declared), affinity, "{declared}");
        }
    }

    #[test]
    fn a_text_is_a_number_only_as_a_whole() {
        for (text, value) in [
            ("7", Some(Value::Integer(7))),
            (" -7 ", Some(Value::Integer(-7))),
            ("7.", Some(Value::Real(7.0))),
            (".5", Some(Value::Real(0.5))),
            ("1e3", Some(Value::Real(1000.0))),
            (
                "18446744073709551615",
                Some(Value::Integer(18_446_744_073_709_551_615)),
            ),
            (
                "18446744073709551616",
                Some(Value::Real(18_446_744_073_709_551_616.0)),
            ),
            ("7a", None),
            ("", None),
            (".", None),
            ("inf", None),
            ("0x10", None),
            ("1e", None),
            ("--1", None),
        ] {
            assert_eq!(number(text), value, "{text:?}");
        }
    }
}
