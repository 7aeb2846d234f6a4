//! The borrowed view of one cell, which all writers (JSON, CSV, HTML) read, whatever the source keeps its rows in.
//!
//! Invariant: reading a cell allocates nothing.

use std::fmt;

use arrow_schema::TimeUnit;

use crate::Value;
use crate::batch::ColumnView;

/// One cell.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// A boolean. In comparisons and SQL it is 0 or 1.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// An integer that may lie above `i64::MAX`.
    Unsigned(u64),
    /// A floating-point number; NaN counts as null.
    Real(f64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Days since 1970-01-01.
    Date(i64),
    /// A time of day, in this unit.
    Time(i64, TimeUnit),
    /// A moment, in this unit since 1970-01-01T00:00:00.
    Timestamp(Timestamp),
    /// A decimal: the integer divided by ten to the power of the scale.
    Decimal(i128, i8),
    /// A list of cells.
    List(List<'a>),
    /// Named cells.
    Struct(Struct<'a>),
}

/// A moment in a unit since 1970-01-01T00:00:00. Displayed as ISO 8601, with `+00:00` if it is known to be UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamp {
    /// The count of units.
    pub value: i64,
    /// The unit.
    pub unit: TimeUnit,
    /// Whether the moment is in UTC (otherwise in an unknown zone).
    pub utc: bool,
}

/// A list cell: a stretch of another column.
#[derive(Clone, Copy, Debug)]
pub struct List<'a> {
    pub(crate) values: &'a ColumnView<'a>,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl<'a> List<'a> {
    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Cell<'a>> + use<'a> {
        let values = self.values;
        (self.start..self.end).map(move |row| values.cell(row))
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

/// A struct cell: one row of several named columns.
#[derive(Clone, Copy, Debug)]
pub struct Struct<'a> {
    pub(crate) fields: &'a [(String, ColumnView<'a>)],
    pub(crate) row: usize,
}

impl<'a> Struct<'a> {
    /// The members in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'a str, Cell<'a>)> + use<'a> {
        let row = self.row;
        self.fields
            .iter()
            .map(move |(name, column)| (name.as_str(), column.cell(row)))
    }
}

impl Cell<'_> {
    /// Whether the cell counts as null: null or NaN.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Real(real) => real.is_nan(),
            _ => false,
        }
    }

    /// The cell as a value that can be bound, compared and put into a page token. Dates, times and decimals become
    /// text; lists and structs become JSON text.
    pub fn to_value(&self) -> Value {
        match *self {
            _ if self.is_null() => Value::Null,
            Self::Boolean(boolean) => Value::Integer(i128::from(boolean)),
            Self::Integer(integer) => Value::Integer(i128::from(integer)),
            Self::Unsigned(integer) => Value::Integer(i128::from(integer)),
            Self::Real(real) => Value::Real(real),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::Bytes(bytes) => Value::Blob(bytes.to_vec()),
            Self::List(_) | Self::Struct(_) => {
                let mut json = Vec::new();
                crate::json::write_cell(self, crate::json::Infinity::Null, &mut json);
                Value::Text(String::from_utf8_lossy(&json).into_owned())
            }
            other => Value::Text(other.iso().unwrap_or_default()),
        }
    }

    /// Dates, times and moments as ISO 8601 and decimals in full; `None` for every other cell.
    pub fn iso(&self) -> Option<String> {
        match *self {
            Self::Date(days) => Some(Day(days).to_string()),
            Self::Time(value, unit) => Some(Clock::new(value, unit).to_string()),
            Self::Timestamp(timestamp) => Some(timestamp.to_string()),
            Self::Decimal(integer, scale) => Some(decimal_text(integer, scale)),
            _ => None,
        }
    }
}

fn decimal_text(integer: i128, scale: i8) -> String {
    let sign = if integer < 0 { "-" } else { "" };
    let digits = integer.unsigned_abs().to_string();
    match usize::try_from(scale) {
        Ok(0) => format!("{sign}{digits}"),
        Ok(scale) => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
        Err(_) => format!(
            "{sign}{digits}{}",
            "0".repeat(usize::from(scale.unsigned_abs()))
        ),
    }
}

const fn units_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

const fn fraction_digits(unit: TimeUnit) -> usize {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_day = 86_400 * units_per_second(self.unit);
        let day = Day(self.value.div_euclid(per_day));
        let clock = Clock::new(self.value.rem_euclid(per_day), self.unit);
        write!(f, "{day}T{clock}{}", if self.utc { "+00:00" } else { "" })
    }
}

/// A day, counted from 1970-01-01 in the proleptic Gregorian calendar.
struct Day(i64);

impl fmt::Display for Day {
    /// Howard Hinnant's `civil_from_days`: eras of 400 years that start on the first of March.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shifted = i128::from(self.0) + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = year_of_era + era * 400 + i128::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A time of day with the fraction that its unit has, left out if it is zero.
struct Clock {
    seconds: i64,
    fraction: i64,
    digits: usize,
}

impl Clock {
    fn new(value: i64, unit: TimeUnit) -> Self {
        let per_second = units_per_second(unit);
        Self {
            seconds: value.div_euclid(per_second),
            fraction: value.rem_euclid(per_second),
            digits: fraction_digits(unit),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (
            self.seconds / 3600,
            self.seconds / 60 % 60,
            self.seconds % 60,
        );
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}")?;
        if self.fraction != 0 {
            write!(f, ".{:0width$}", self.fraction, width = self.digits)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_iso_8601() {
        for (value, unit, utc, text) in [
            (0, TimeUnit::Second, true, "1970-01-01T00:00:00+00:00"),
            (-1, TimeUnit::Second, false, "1969-12-31T23:59:59"),
            (
                951_782_400_123,
                TimeUnit::Millisecond,
                false,
                "2000-02-29T00:00:00.123",
            ),
            (
                i64::MIN,
                TimeUnit::Nanosecond,
                false,
                "1677-09-21T00:12:43.145224192",
            ),
        ] {
            assert_eq!(Timestamp { value, unit, utc }.to_string(), text);
        }
    }

    #[test]
    fn decimals_are_shown_in_full() {
        assert_eq!(decimal_text(-5, 2), "-0.05");
        assert_eq!(decimal_text(12345, 2), "123.45");
        assert_eq!(decimal_text(12, -2), "1200");
    }
}
