//! Types of columns that are found from their texts, and arrays that are built of them.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_schema::DataType;

/// What the cells of a column have been so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// There was none but empty ones.
    #[default]
    Nothing,
    /// `true` and `false`; of JSON alone.
    Boolean,
    /// Whole numbers that reals hold exactly.
    SmallInteger,
    /// Whole numbers of up to 64 bits.
    Integer,
    /// Numbers.
    Real,
    /// Anything.
    Text,
}

/// Beyond this, reals do not hold all whole numbers.
const EXACT_REAL: u64 = 1 << 53;

impl Class {
    /// The class of a cell of delimited text: a number if it is written as numbers are, without anything that would be
    /// lost, such as leading zeros.
    pub(crate) fn of_text(cell: &[u8]) -> Self {
        if cell.is_empty() {
            return Self::Nothing;
        }
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        let is_padded = matches!(digits, [b'0', b'0'..=b'9', ..]);
        match digits {
            [b'0'..=b'9', ..] if is_padded => Self::Text,
            [b'0'..=b'9', ..] if digits.iter().all(u8::is_ascii_digit) => integer(cell),
            [b'0'..=b'9' | b'.', ..] if is_real(digits) => Self::Real,
            b"NaN" | b"nan" | b"inf" | b"Infinity" => Self::Real,
            _ => Self::Text,
        }
    }

    /// The class of a column with cells of both.
    pub(crate) fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, class) | (class, Self::Nothing) => class,
            (a, b) if a == b => a,
            // Long whole numbers among reals would be rounded.
            (Self::Boolean, _)
            | (_, Self::Boolean)
            | (Self::Integer, Self::Real)
            | (Self::Real, Self::Integer) => Self::Text,
            (a, b) => a.max(b),
        }
    }

    /// The type of the column.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::SmallInteger | Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Nothing | Self::Text => DataType::Utf8,
        }
    }
}

fn integer(cell: &[u8]) -> Class {
    if cell == b"-0" {
        return Class::Real;
    }
    match std::str::from_utf8(cell)
        .ok()
        .and_then(|text| text.parse::<i64>().ok())
    {
        Some(number) if number.unsigned_abs() <= EXACT_REAL => Class::SmallInteger,
        Some(_) => Class::Integer,
        None => Class::Text,
    }
}

/// Digits with a point or an exponent.
fn is_real(digits: &[u8]) -> bool {
    let (mantissa, exponent) = match digits.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (digits.get(..at), digits.get(at + 1..)),
        None => (Some(digits), None),
    };
    let mantissa = mantissa.unwrap_or_default();
    let is_mantissa = mantissa.iter().any(u8::is_ascii_digit)
        && memchr::memchr_iter(b'.', mantissa).count() <= 1
        && mantissa
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.');
    let is_exponent = exponent.is_none_or(|exponent| {
        let digits = exponent
            .strip_prefix(b"-")
            .or_else(|| exponent.strip_prefix(b"+"))
            .unwrap_or(exponent);
        !digits.is_empty() && digits.len() <= 4 && digits.iter().all(u8::is_ascii_digit)
    });
    is_mantissa && is_exponent
}

/// An array that is being built.
#[derive(Debug)]
pub(crate) enum Builder {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Text(StringBuilder),
}

impl Builder {
    pub(crate) fn new(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Int64 => Self::Integer(Int64Builder::new()),
            DataType::Float64 => Self::Real(Float64Builder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Puts down a null, which is an empty text for a text of delimited values.
    pub(crate) fn push_null(&mut self) {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Integer(builder) => builder.append_null(),
            Self::Real(builder) => builder.append_null(),
            Self::Text(builder) => builder.append_null(),
        }
    }

    /// Puts down a cell of delimited text; whether it fits.
    pub(crate) fn push_text(&mut self, cell: &str) -> bool {
        match self {
            Self::Text(builder) => builder.append_value(cell),
            _ if cell.is_empty() => self.push_null(),
            Self::Integer(builder) => match cell.parse() {
                Ok(number) => builder.append_value(number),
                Err(_) => return false,
            },
            Self::Real(builder) => match cell.parse() {
                Ok(number) => builder.append_value(number),
                Err(_) => return false,
            },
            Self::Boolean(_) => return false,
        }
        true
    }

    /// The cells so far.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_loses_nothing_is_a_number() {
        for (cell, class) in [
            ("", Class::Nothing),
            ("0", Class::SmallInteger),
            ("-12", Class::SmallInteger),
            ("9007199254740993", Class::Integer),
            ("-9223372036854775808", Class::Integer),
            ("9223372036854775808", Class::Text),
            ("007", Class::Text),
            ("-01.5", Class::Text),
            ("+1", Class::Text),
            (" 1", Class::Text),
            ("1.5", Class::Real),
            (".5", Class::Real),
            ("5.", Class::Real),
            ("-0", Class::Real),
            ("1e10", Class::Real),
            ("1E-3", Class::Real),
            ("1e", Class::Text),
            ("1e5x", Class::Text),
            ("1.2.3", Class::Text),
            (".", Class::Text),
            ("-", Class::Text),
            ("NaN", Class::Real),
            ("-inf", Class::Real),
            ("0x10", Class::Text),
            ("2020-01-02", Class::Text),
        ] {
            assert_eq!(Class::of_text(cell.as_bytes()), class, "{cell:?}");
            let mut builder = Builder::new(&class.data_type());
            assert!(builder.push_text(cell), "{cell:?}");
        }
    }

    #[test]
    fn columns_of_several_classes_take_the_wider_one() {
        use Class as C;
        for (a, b, both) in [
            (C::SmallInteger, C::Integer, C::Integer),
            (C::SmallInteger, C::Real, C::Real),
            (C::Integer, C::Real, C::Text),
            (C::Boolean, C::SmallInteger, C::Text),
            (C::Nothing, C::Boolean, C::Boolean),
            (C::Real, C::Text, C::Text),
        ] {
            assert_eq!(a.with(b), both);
            assert_eq!(b.with(a), both);
        }
    }
}
