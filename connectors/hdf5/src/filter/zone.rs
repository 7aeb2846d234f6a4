//! Zones: the least and the greatest number of a column in a stretch of rows, and what they say about a test.
//!
//! Where all numbers of a stretch lie outside of what a filter asks for, or all of them inside, its rows are decided
//! without a look at them.

use super::Test;
use super::interval::Interval;
use crate::number::{Number, Places, Visit};

/// What is known of the numbers of a column in some rows that follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone {
    /// Between which all of them lie that are not NaN.
    span: Span,
    has_nan: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Span {
    Nothing,
    Whole(i128, i128),
    Real(f64, f64),
}

/// Of which rows of a stretch a test is true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Of none of them.
    Never,
    /// Of each of them.
    Always,
    /// Nobody knows without a look.
    Open,
}

impl Zone {
    /// The zone of the numbers at these places.
    pub fn of(number: Number, places: Places<'_>) -> Self {
        let mut ends = Ends::default();
        number.each(places, &mut ends);
        let whole = ends.signed.0 <= ends.signed.1;
        let unsigned = ends.unsigned.0 <= ends.unsigned.1;
        let span = if whole {
            Span::Whole(ends.signed.0.into(), ends.signed.1.into())
        } else if unsigned {
            Span::Whole(ends.unsigned.0.into(), ends.unsigned.1.into())
        } else if ends.real.0 <= ends.real.1 {
            Span::Real(ends.real.0, ends.real.1)
        } else {
            Span::Nothing
        };
        Self {
            span,
            has_nan: ends.has_nan,
        }
    }

    /// Whether the numbers are in none of the intervals, or all in one of them.
    fn verdict(&self, wholes: &[Interval<i128>], reals: &[Interval<f64>]) -> Verdict {
        match self.span {
            Span::Nothing => Verdict::Never,
            Span::Whole(least, most) => compared(wholes, least, most),
            Span::Real(least, most) => compared(reals, least, most),
        }
    }
}

fn compared<T: PartialOrd + Copy>(intervals: &[Interval<T>], least: T, most: T) -> Verdict {
    let meets = |interval: &Interval<T>| interval.from <= most && interval.to >= least;
    let holds = |interval: &Interval<T>| interval.from <= least && interval.to >= most;
    if intervals.iter().any(holds) {
        Verdict::Always
    } else if intervals.iter().any(meets) {
        Verdict::Open
    } else {
        Verdict::Never
    }
}

impl Verdict {
    fn known(holds: bool) -> Self {
        if holds { Self::Always } else { Self::Never }
    }

    fn opposite(self) -> Self {
        match self {
            Self::Never => Self::Always,
            Self::Always => Self::Never,
            Self::Open => Self::Open,
        }
    }
}

impl Test {
    /// What the test is in rows whose zones are these, by column.
    pub fn verdict(&self, zone: &dyn Fn(usize) -> Option<Zone>) -> Verdict {
        match self {
            Self::Constant(holds) => Verdict::known(*holds),
            Self::All(tests) => folded(tests, zone, Verdict::Never, Verdict::Always),
            Self::Any(tests) => folded(tests, zone, Verdict::Always, Verdict::Never),
            Self::Number {
                column,
                intervals,
                reals,
                outside,
            } => {
                let Some(zone) = zone(*column) else {
                    return Verdict::Open;
                };
                let inside = zone.verdict(intervals, reals);
                let verdict = if *outside && zone.span != Span::Nothing {
                    inside.opposite()
                } else {
                    inside
                };
                // NaN passes no comparison.
                if zone.has_nan && verdict == Verdict::Always {
                    Verdict::Open
                } else {
                    verdict
                }
            }
            Self::IsNumber { column, wanted } => match zone(*column) {
                Some(zone) if !zone.has_nan => Verdict::known(*wanted),
                Some(zone) if zone.span == Span::Nothing => Verdict::known(!*wanted),
                _ => Verdict::Open,
            },
            Self::Rows { .. } | Self::Text { .. } | Self::Packed { .. } | Self::Written { .. } => {
                Verdict::Open
            }
        }
    }
}

/// The verdict of several tests: one of them decides alone, or all of them together.
fn folded(
    tests: &[Test],
    zone: &dyn Fn(usize) -> Option<Zone>,
    alone: Verdict,
    together: Verdict,
) -> Verdict {
    let mut all = together;
    for test in tests {
        let verdict = test.verdict(zone);
        if verdict == alone {
            return alone;
        }
        if verdict != together {
            all = Verdict::Open;
        }
    }
    all
}

/// The least and the greatest; the greatest is below the least where there are none.
struct Ends {
    signed: (i64, i64),
    unsigned: (u64, u64),
    real: (f64, f64),
    has_nan: bool,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            signed: (i64::MAX, i64::MIN),
            unsigned: (u64::MAX, u64::MIN),
            real: (f64::INFINITY, f64::NEG_INFINITY),
            has_nan: false,
        }
    }
}

impl Visit for Ends {
    #[inline]
    fn signed(&mut self, number: i64) {
        self.signed = (self.signed.0.min(number), self.signed.1.max(number));
    }

    #[inline]
    fn unsigned(&mut self, number: u64) {
        self.unsigned = (self.unsigned.0.min(number), self.unsigned.1.max(number));
    }

    #[inline]
    fn real(&mut self, number: f64) {
        self.has_nan |= number.is_nan();
        // The lesser of NaN and a number is the number.
        self.real = (self.real.0.min(number), self.real.1.max(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::datatype::Order;

    fn zone(numbers: &[f64]) -> Zone {
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        Zone::of(Number::F64(Order::Little), places(&bytes, numbers.len(), 8))
    }

    fn places(block: &[u8], rows: usize, bytes: usize) -> Places<'_> {
        Places {
            block,
            rows,
            stride: bytes,
            offset: 0,
            per_row: 1,
            bytes,
        }
    }

    fn within(from: f64, to: f64, outside: bool) -> Test {
        Test::Number {
            column: 0,
            intervals: Vec::new(),
            reals: vec![Interval { from, to }],
            outside,
        }
    }

    #[test]
    fn a_zone_decides_what_it_can_and_nan_passes_nothing() {
        let (plain, holed, empty) = (
            zone(&[1.0, 3.0, -2.0]),
            zone(&[1.0, f64::NAN, 2.0]),
            zone(&[f64::NAN]),
        );
        for (known, test, expected) in [
            (plain, within(-2.0, 3.0, false), Verdict::Always),
            (plain, within(-2.0, 3.0, true), Verdict::Never),
            (plain, within(4.0, 9.0, false), Verdict::Never),
            (plain, within(4.0, 9.0, true), Verdict::Always),
            (plain, within(0.0, 9.0, false), Verdict::Open),
            (holed, within(0.0, 9.0, false), Verdict::Open),
            (holed, within(3.0, 9.0, false), Verdict::Never),
            (holed, within(3.0, 9.0, true), Verdict::Open),
            (empty, within(3.0, 9.0, false), Verdict::Never),
            (empty, within(3.0, 9.0, true), Verdict::Never),
        ] {
            assert_eq!(
                test.verdict(&|_| Some(known)),
                expected,
                "{test:?} {known:?}"
            );
            assert_eq!(test.verdict(&|_| None), Verdict::Open);
        }
        for (known, expected) in [
            (plain, Verdict::Always),
            (holed, Verdict::Open),
            (empty, Verdict::Never),
        ] {
            let is_number = |wanted| Test::IsNumber { column: 0, wanted };
            assert_eq!(is_number(true).verdict(&|_| Some(known)), expected);
            assert_eq!(
                is_number(false).verdict(&|_| Some(known)),
                expected.opposite()
            );
        }
    }

    #[test]
    fn several_tests_are_decided_as_one() {
        let known = zone(&[1.0, 3.0]);
        let (yes, no, open) = (
            within(0.0, 9.0, false),
            within(5.0, 9.0, false),
            within(2.0, 9.0, false),
        );
        let all = |tests: &[&Test]| Test::All(tests.iter().map(|&test| test.clone()).collect());
        let any = |tests: &[&Test]| Test::Any(tests.iter().map(|&test| test.clone()).collect());
        for (test, expected) in [
            (all(&[]), Verdict::Always),
            (any(&[]), Verdict::Never),
            (all(&[&yes, &open]), Verdict::Open),
            (all(&[&open, &no]), Verdict::Never),
            (any(&[&open, &yes]), Verdict::Always),
            (any(&[&no, &no]), Verdict::Never),
            (any(&[&no, &open]), Verdict::Open),
        ] {
            assert_eq!(test.verdict(&|_| Some(known)), expected, "{test:?}");
        }
    }

    #[test]
    fn whole_numbers_of_64_bits_keep_all_digits() {
        let numbers = [u64::MAX - 1, u64::MAX];
        let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
        let known = Zone::of(Number::U64(Order::Little), places(&bytes, 2, 8));
        let test = |from: i128| Test::Number {
            column: 0,
            intervals: vec![Interval {
                from,
                to: i128::MAX,
            }],
            reals: Vec::new(),
            outside: false,
        };
        let most = i128::from(u64::MAX);
        for (from, expected) in [
            (most - 1, Verdict::Always),
            (most, Verdict::Open),
            (most + 1, Verdict::Never),
        ] {
            assert_eq!(test(from).verdict(&|_| Some(known)), expected);
        }
    }
}
