//! Numbers that mean a moment or a stretch of time: shown as text, or as a number of seconds; compared as stored.

use std::cmp::Ordering;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, StringBuilder};
use tablecast_connector::{Comparison, Predicate, Value, compare_values};

use super::calendar::{Calendar, Zone};
use super::monotone::{compared, inside, outside, without};
use crate::filter::{Interval, Test};
use crate::number::{Number, Places, Visit};

/// Whole numbers on a calendar. Those outside of its bounds are null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    pub number: Number,
    pub calendar: Calendar,
}

/// Whole numbers of parts of a second, shown as seconds. The least of all numbers is null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Duration {
    pub number: Number,
    pub per_second: i64,
}

impl Moment {
    fn range(&self) -> RangeInclusive<i64> {
        let (first, last) = self.calendar.bounds();
        first..=last
    }

    /// The texts of stored numbers.
    pub fn array(&self, places: Places<'_>) -> ArrayRef {
        let mut texts = Texts {
            calendar: self.calendar,
            range: self.range(),
            text: String::new(),
            builder: StringBuilder::with_capacity(places.rows, places.rows * 20),
        };
        self.number.each(places, &mut texts);
        Arc::new(texts.builder.finish())
    }

    /// The condition on the stored number that a condition on the text comes to, if that is exactly known.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Option<Test> {
        let range = self.range();
        if let Predicate::IsNull(_) = leaf {
            let intervals = if is_negated {
                inside(&range)
            } else {
                outside(&range)
            };
            return Some(number_test(column, intervals));
        }
        if !self.calendar.is_monotone() {
            return None;
        }
        let mut intervals = Vec::new();
        match leaf {
            Predicate::Compare {
                comparison,
                value: Value::Text(text),
                ..
            } => intervals = self.compared(*comparison, text, Whole::All),
            Predicate::In { values, .. } => {
                for value in values {
                    match value {
                        Value::Text(text) => {
                            intervals.extend(self.compared(Comparison::Equal, text, Whole::All));
                        }
                        Value::Null => {}
                        _ => return None,
                    }
                }
            }
            Predicate::Like { pattern, .. } => {
                let (start, whole) = match pattern.strip_suffix('%') {
                    Some(start) => (start, Whole::Start),
                    None => (pattern.as_str(), Whole::All),
                };
                if start.contains(['%', '_']) {
                    return None;
                }
                // All letters of these texts are capitals, and the case of patterns does not matter.
                let start = start.to_ascii_uppercase();
                intervals = self.compared(Comparison::Equal, &start, whole);
            }
            Predicate::Date { value, .. } if self.starts_with_date() => {
                if value.len() == 10 {
                    intervals = self.compared(Comparison::Equal, value, Whole::Start);
                }
            }
            _ => return None,
        }
        if is_negated {
            intervals = without(&range, intervals);
        }
        Some(number_test(column, intervals))
    }

    /// Whether `date()` of each text is its first ten characters.
    fn starts_with_date(&self) -> bool {
        matches!(
            self.calendar,
            Calendar::Day { .. }
                | Calendar::Instant {
                    zone: Zone::None,
                    ..
                }
        )
    }

    fn compared(&self, comparison: Comparison, value: &str, whole: Whole) -> Vec<Interval<i128>> {
        let compare = |number: i64| -> Ordering {
            let mut text = String::new();
            self.calendar.write(number, &mut text);
            let text = match whole {
                Whole::All => text.as_bytes(),
                Whole::Start => text
                    .as_bytes()
                    .get(..value.len())
                    .unwrap_or(text.as_bytes()),
            };
            text.cmp(value.as_bytes())
        };
        compared(&self.range(), comparison, compare)
    }
}

/// How much of a text is compared.
#[derive(Clone, Copy)]
enum Whole {
    All,
    /// As much as the value has.
    Start,
}

fn number_test(column: usize, intervals: Vec<Interval<i128>>) -> Test {
    Test::Number {
        column,
        intervals,
        reals: Vec::new(),
        outside: false,
    }
}

struct Texts {
    calendar: Calendar,
    range: RangeInclusive<i64>,
    text: String,
    builder: StringBuilder,
}

impl Visit for Texts {
    fn signed(&mut self, number: i64) {
        if self.range.contains(&number) {
            self.text.clear();
            self.calendar.write(number, &mut self.text);
            self.builder.append_value(&self.text);
        } else {
            self.builder.append_null();
        }
    }

    fn unsigned(&mut self, number: u64) {
        self.signed(i64::try_from(number).unwrap_or(i64::MIN));
    }

    fn real(&mut self, _: f64) {
        self.builder.append_null();
    }
}

impl Duration {
    /// All numbers that are not null.
    const RANGE: RangeInclusive<i64> = i64::MIN + 1..=i64::MAX;

    /// The type as people of pandas write it.
    pub fn declared(&self) -> &'static str {
        match super::calendar::unit_of(self.per_second) {
            "s" => "timedelta64[s]",
            "ms" => "timedelta64[ms]",
            "us" => "timedelta64[us]",
            _ => "timedelta64[ns]",
        }
    }

    /// The seconds of stored numbers.
    pub fn array(&self, places: Places<'_>) -> ArrayRef {
        let mut seconds = Seconds {
            per_second: self.per_second,
            builder: Float64Builder::with_capacity(places.rows),
        };
        self.number.each(places, &mut seconds);
        Arc::new(seconds.builder.finish())
    }

    /// The condition on the stored number that a condition on the seconds comes to, if that is exactly known.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Option<Test> {
        let equal = |comparison, value: &Value| {
            compared(&Self::RANGE, comparison, |number| {
                compare_values(&Value::Real(seconds(number, self.per_second)), value)
            })
        };
        let is_number = |value: &Value| matches!(value, Value::Integer(_) | Value::Real(_));
        let mut intervals = match leaf {
            Predicate::IsNull(_) => {
                let intervals = if is_negated {
                    inside(&Self::RANGE)
                } else {
                    outside(&Self::RANGE)
                };
                return Some(number_test(column, intervals));
            }
            Predicate::Compare {
                comparison, value, ..
            } if is_number(value) => equal(*comparison, value),
            Predicate::In { values, .. } => {
                let mut intervals = Vec::new();
                for value in values.iter().filter(|value| **value != Value::Null) {
                    if !is_number(value) {
                        return None;
                    }
                    intervals.extend(equal(Comparison::Equal, value));
                }
                intervals
            }
            _ => return None,
        };
        if is_negated {
            intervals = without(&Self::RANGE, intervals);
        }
        Some(number_test(column, intervals))
    }
}

fn seconds(number: i64, per_second: i64) -> f64 {
    number as f64 / per_second as f64
}

struct Seconds {
    per_second: i64,
    builder: Float64Builder,
}

impl Visit for Seconds {
    fn signed(&mut self, number: i64) {
        let value = (number != i64::MIN).then(|| seconds(number, self.per_second));
        self.builder.append_option(value);
    }

    fn unsigned(&mut self, number: u64) {
        self.signed(i64::try_from(number).unwrap_or(i64::MIN));
    }

    fn real(&mut self, _: f64) {
        self.builder.append_null();
    }
}
