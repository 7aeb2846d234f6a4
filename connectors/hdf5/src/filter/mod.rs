//! Predicates, compiled to tests on the bytes of rows.
//!
//! A predicate is brought into a form without `not` first: under SQL's three-valued logic each leaf then only has to
//! know for which rows it is true. Numbers are tested against an interval of their own type, so that a comparison is
//! exact whatever was written on the other side of it.

mod compile;
mod interval;
mod kernel;
mod pattern;
mod zone;

use std::ops::Range;

use tablecast_connector::{Cell, Comparison, sqlite_text};

use crate::column::{ColumnPlace, Element};
use crate::element::packed::PackedTest;
use crate::format::datatype::Padding;
use crate::format::value::trimmed;
use crate::number::{Number, Places, Visit};
pub use compile::{compile, opposite};
use interval::narrowed;
pub use interval::{Interval, integers, reals, within};
pub use pattern::{Pattern, TextTest};
pub use zone::{Verdict, Zone};

/// A condition that is true or not for each row.
#[derive(Debug, Clone)]
pub enum Test {
    Constant(bool),
    All(Vec<Test>),
    Any(Vec<Test>),
    /// The row number lies in one of these.
    Rows {
        intervals: Vec<Interval<i128>>,
        outside: bool,
    },
    Number {
        column: usize,
        intervals: Vec<Interval<i128>>,
        reals: Vec<Interval<f64>>,
        outside: bool,
    },
    /// A number that is not NaN, or one that is.
    IsNumber {
        column: usize,
        wanted: bool,
    },
    Text {
        column: usize,
        padding: Padding,
        test: TextTest,
        outside: bool,
    },
    /// What a packed number is understood as.
    Packed {
        column: usize,
        test: Box<PackedTest>,
    },
    /// What a number is as text.
    Written {
        column: usize,
        pattern: Pattern,
        outside: bool,
    },
}

/// Bytes of rows that follow each other: whole rows, or one column of them.
#[derive(Debug, Clone, Copy)]
pub struct Lane<'a> {
    pub bytes: &'a [u8],
    /// Bytes from a row to the next.
    pub stride: usize,
}

/// Where the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Which of the lanes they are in.
    pub lane: usize,
    /// Where in a row of the lane the first one is.
    pub offset: usize,
}

impl<'a> Lane<'a> {
    /// The elements of a column of the first `rows` rows.
    pub fn places(self, column: &ColumnPlace, offset: usize, rows: usize) -> Places<'a> {
        Places {
            block: self.bytes,
            rows,
            stride: self.stride,
            offset,
            per_row: column.elements(),
            bytes: column.bytes,
        }
    }
}

/// Rows that follow each other, to be tested.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub first_row: u64,
    pub rows: usize,
    pub lanes: &'a [Lane<'a>],
    pub columns: &'a [ColumnPlace],
    /// By column; of those that are not read there is none.
    pub seats: &'a [Option<Seat>],
}

impl Block<'_> {
    fn places(&self, column: usize) -> Option<(Places<'_>, &ColumnPlace)> {
        let place = self.columns.get(column).filter(|place| place.is_scalar())?;
        let seat = self.seats.get(column).copied().flatten()?;
        let lane = self.lanes.get(seat.lane)?;
        Some((lane.places(place, seat.offset, self.rows), place))
    }

    fn numbers(&self, column: usize, visit: &mut impl Visit) {
        if let Some((places, place)) = self.places(column)
            && let Some(number) = place.element.stored_number()
        {
            number.each(places, visit);
        }
    }
}

impl Test {
    /// For each row whether the test is true of it; replaces what `passes` holds.
    pub fn run(&self, block: Block<'_>, passes: &mut Vec<bool>) {
        passes.clear();
        match self {
            Self::Constant(holds) => passes.resize(block.rows, *holds),
            Self::All(tests) => fold(tests, block, passes, true),
            Self::Any(tests) => fold(tests, block, passes, false),
            Self::Rows { intervals, outside } => {
                let first = i128::from(block.first_row);
                let rows = (0..block.rows)
                    .map(|row| within(intervals, &(first + row as i128)) != *outside);
                passes.extend(rows);
            }
            Self::Number {
                column,
                intervals,
                reals,
                outside,
            } => {
                if let Some((places, place)) = block.places(*column)
                    && let Some(number) = place.element.stored_number()
                    && kernel::number(number, places, (intervals, reals), *outside, passes)
                {
                    passes.resize(block.rows, false);
                    return;
                }
                let whole = narrowed(intervals);
                block.numbers(
                    *column,
                    &mut Within {
                        intervals,
                        whole,
                        reals,
                        outside: *outside,
                        passes,
                    },
                );
            }
            Self::IsNumber { column, wanted } => block.numbers(
                *column,
                &mut IsNumber {
                    wanted: *wanted,
                    passes,
                },
            ),
            Self::Text {
                column,
                padding,
                test,
                outside,
            } => {
                if let Some((places, _)) = block.places(*column) {
                    if let TextTest::Compare(Comparison::Equal, value) = test
                        && kernel::equal(places, *padding, value, *outside, passes)
                    {
                        passes.resize(block.rows, false);
                        return;
                    }
                    passes.extend(
                        places
                            .elements()
                            .map(|text| test.holds(trimmed(text, *padding)) != *outside),
                    );
                }
            }
            Self::Packed { column, test } => {
                if let Some((places, _)) = block.places(*column) {
                    test.run(places, passes);
                }
            }
            Self::Written {
                column,
                pattern,
                outside,
            } => {
                let boolean = block
                    .places(*column)
                    .map(|(_, place)| matches!(place.element, Element::Number(Number::Boolean)));
                let is_boolean = boolean.unwrap_or(false);
                block.numbers(
                    *column,
                    &mut Written {
                        pattern,
                        outside: *outside,
                        is_boolean,
                        passes,
                    },
                );
            }
        }
        // A test that could not look at its column holds for no row.
        passes.resize(block.rows, false);
    }

    /// Adds the places of the columns that are looked at.
    pub fn columns(&self, places: &mut Vec<usize>) {
        match self {
            Self::Constant(_) | Self::Rows { .. } => {}
            Self::All(tests) | Self::Any(tests) => {
                for test in tests {
                    test.columns(places);
                }
            }
            Self::Number { column, .. }
            | Self::IsNumber { column, .. }
            | Self::Text { column, .. }
            | Self::Packed { column, .. }
            | Self::Written { column, .. } => places.push(*column),
        }
    }

    /// The test that is true where all of these are. Intervals of one column become one.
    pub fn all(tests: Vec<Self>) -> Self {
        let mut all: Vec<Self> = Vec::with_capacity(tests.len());
        for test in tests {
            if !all.iter_mut().any(|known| known.narrow(&test)) {
                all.push(test);
            }
        }
        Self::All(all)
    }

    /// Narrows a test to where another one holds as well; whether it could.
    fn narrow(&mut self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Number {
                    column,
                    intervals,
                    reals,
                    outside: false,
                },
                Self::Number {
                    column: same,
                    intervals: more,
                    reals: more_reals,
                    outside: false,
                },
            ) if column == same => match (
                intervals.as_mut_slice(),
                more.as_slice(),
                reals.as_mut_slice(),
                more_reals.as_slice(),
            ) {
                ([whole], [other], [real], [other_real]) => {
                    whole.narrow(other);
                    real.narrow(other_real);
                    true
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether it looks at row numbers.
    pub fn looks_at_row_numbers(&self) -> bool {
        match self {
            Self::Rows { .. } => true,
            Self::All(tests) | Self::Any(tests) => tests.iter().any(Self::looks_at_row_numbers),
            _ => false,
        }
    }

    /// The stretch of rows outside of which the test is true of none.
    pub fn rows(&self, all: Range<u64>) -> Range<u64> {
        match self {
            Self::Constant(false) => all.start..all.start,
            Self::All(tests) => tests.iter().fold(all, |rows, test| test.rows(rows)),
            Self::Rows {
                intervals,
                outside: false,
            } => {
                let from = intervals.iter().map(|interval| interval.from).min();
                let to = intervals
                    .iter()
                    .map(|interval| interval.to.saturating_add(1))
                    .max();
                let (Some(from), Some(to)) = (from, to) else {
                    return all.start..all.start;
                };
                let clamp = |row: i128| row.clamp(all.start.into(), all.end.into()) as u64;
                let (from, to) = (clamp(from), clamp(to));
                from..to.max(from)
            }
            _ => all,
        }
    }

    /// Whether the test is true of every row in its stretch.
    pub fn is_only_a_stretch(&self) -> bool {
        match self {
            Self::Constant(_) => true,
            Self::Rows {
                intervals,
                outside: false,
            } => intervals.len() <= 1,
            Self::All(tests) => tests.iter().all(Self::is_only_a_stretch),
            _ => false,
        }
    }
}

fn fold(tests: &[Test], block: Block<'_>, passes: &mut Vec<bool>, is_and: bool) {
    let Some((first, others)) = tests.split_first() else {
        passes.resize(block.rows, is_and);
        return;
    };
    first.run(block, passes);
    let mut part = Vec::new();
    for test in others {
        // Nothing changes any more once all rows are decided.
        if passes.iter().all(|pass| *pass != is_and) {
            return;
        }
        test.run(block, &mut part);
        for (pass, part) in passes.iter_mut().zip(&part) {
            *pass = if is_and { *pass & part } else { *pass | part };
        }
    }
}

struct Within<'a> {
    intervals: &'a [Interval<i128>],
    whole: Option<Interval<i64>>,
    reals: &'a [Interval<f64>],
    outside: bool,
    passes: &'a mut Vec<bool>,
}

impl Visit for Within<'_> {
    #[inline]
    fn signed(&mut self, number: i64) {
        let holds = match &self.whole {
            Some(interval) => interval.holds(&number),
            None => within(self.intervals, &i128::from(number)),
        };
        self.passes.push(holds != self.outside);
    }

    #[inline]
    fn unsigned(&mut self, number: u64) {
        self.passes
            .push(within(self.intervals, &i128::from(number)) != self.outside);
    }

    #[inline]
    fn real(&mut self, number: f64) {
        self.passes
            .push(within(self.reals, &number) != self.outside && !number.is_nan());
    }
}

struct IsNumber<'a> {
    wanted: bool,
    passes: &'a mut Vec<bool>,
}

impl Visit for IsNumber<'_> {
    fn signed(&mut self, _: i64) {
        self.passes.push(self.wanted);
    }
    fn unsigned(&mut self, _: u64) {
        self.passes.push(self.wanted);
    }
    fn real(&mut self, number: f64) {
        self.passes.push(number.is_nan() != self.wanted);
    }
}

struct Written<'a> {
    pattern: &'a Pattern,
    outside: bool,
    is_boolean: bool,
    passes: &'a mut Vec<bool>,
}

impl Written<'_> {
    fn cell(&mut self, cell: Cell<'_>) {
        let matches = sqlite_text(&cell).map(|text| self.pattern.matches(text.as_bytes()));
        self.passes
            .push(matches.is_some_and(|matches| matches != self.outside));
    }
}

impl Visit for Written<'_> {
    fn signed(&mut self, number: i64) {
        self.cell(if self.is_boolean {
            Cell::Boolean(number != 0)
        } else {
            Cell::Integer(number)
        });
    }
    fn unsigned(&mut self, number: u64) {
        self.cell(Cell::Unsigned(number));
    }
    fn real(&mut self, number: f64) {
        self.cell(Cell::Real(number));
    }
}
