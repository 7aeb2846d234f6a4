//! Predicates, compiled to tests on the bytes of rows.
//!
//! A predicate is brought into a form without `not` first: under SQL's three-valued logic each leaf then only has to
//! know for which rows it is true. Numbers are tested against an interval of their own type, so that a comparison is
//! exact whatever was written on the other side of it.

use std::ops::Range;

use memchr::memmem::Finder;
use tablecast_connector::{Cell, Comparison, Predicate, ROWID, Value, glob, like, sqlite_text};

use crate::column::{ColumnPlace, Element};
use crate::format::datatype::Padding;
use crate::format::value::trimmed;
use crate::number::{Number, Places, Visit};

/// A condition that is true or not for each row.
#[derive(Debug)]
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
    /// What a number is as text.
    Written {
        column: usize,
        pattern: Pattern,
        outside: bool,
    },
}

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<T> {
    from: T,
    to: T,
}

impl<T: PartialOrd> Interval<T> {
    fn holds(&self, number: &T) -> bool {
        *number >= self.from && *number <= self.to
    }
}

/// What is asked of a text.
#[derive(Debug)]
pub enum TextTest {
    In(Vec<Vec<u8>>),
    Compare(Comparison, Vec<u8>),
    Matches(Pattern),
}

/// A `like` or `glob` pattern; the plain ones are told apart.
#[derive(Debug)]
pub enum Pattern {
    Like(String),
    Glob(String),
    /// `%…%` without letters: bytes that are there or not.
    Contains(Box<Finder<'static>>),
    /// `%…%` with letters.
    ContainsLetters(Vec<u8>),
    /// `…%`.
    StartsWith(String),
}

/// Compiles a predicate over these columns; `None` if one of its parts cannot be decided exactly here.
pub fn compile(predicate: &Predicate, columns: &[ColumnPlace]) -> Option<Test> {
    Compiler { columns }.test(predicate, false)
}

struct Compiler<'a> {
    columns: &'a [ColumnPlace],
}

impl Compiler<'_> {
    fn test(&self, predicate: &Predicate, is_negated: bool) -> Option<Test> {
        Some(match predicate {
            Predicate::Constant(holds) => Test::Constant(*holds != is_negated),
            Predicate::Not(inner) => self.test(inner, !is_negated)?,
            Predicate::All(inner) | Predicate::Any(inner) => {
                let tests = inner
                    .iter()
                    .map(|inner| self.test(inner, is_negated))
                    .collect::<Option<_>>()?;
                if matches!(predicate, Predicate::All(_)) == is_negated {
                    Test::Any(tests)
                } else {
                    Test::All(tests)
                }
            }
            Predicate::Compare {
                column,
                comparison,
                value,
            } => {
                let comparison = if is_negated {
                    opposite(*comparison)
                } else {
                    *comparison
                };
                self.compare(column, comparison, value)?
            }
            Predicate::In { column, values } => self.among(column, values, is_negated)?,
            Predicate::IsNull(column) => self.null(column, is_negated)?,
            Predicate::Like { column, pattern } => {
                self.pattern(column, like_pattern(pattern), is_negated)?
            }
            Predicate::Glob { column, pattern } => {
                self.pattern(column, Pattern::Glob(pattern.clone()), is_negated)?
            }
            Predicate::ArrayContains { .. } | Predicate::Date { .. } => return None,
        })
    }

    /// The scalar column of this name; a column called like the row number comes before it.
    fn column(&self, name: &str) -> Option<(usize, &ColumnPlace)> {
        let found = self
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name);
        found.filter(|(_, column)| column.is_scalar())
    }

    fn is_row_number(&self, name: &str) -> bool {
        name == ROWID && !self.columns.iter().any(|column| column.name == name)
    }

    fn compare(&self, name: &str, comparison: Comparison, value: &Value) -> Option<Test> {
        let outside = comparison == Comparison::NotEqual;
        if self.is_row_number(name) {
            return Some(Test::Rows {
                intervals: integers(comparison, value)?,
                outside,
            });
        }
        let (column, place) = self.column(name)?;
        match (&place.element, value) {
            (Element::Number(_), Value::Integer(_) | Value::Real(_)) => Some(Test::Number {
                column,
                intervals: integers(comparison, value)?,
                reals: reals(comparison, value)?,
                outside,
            }),
            (Element::Text(padding), Value::Text(text)) => Some(Test::Text {
                column,
                padding: *padding,
                test: TextTest::Compare(comparison, text.clone().into_bytes()),
                outside: false,
            }),
            _ => None,
        }
    }

    fn among(&self, name: &str, values: &[Value], outside: bool) -> Option<Test> {
        let values: Vec<&Value> = values
            .iter()
            .filter(|value| **value != Value::Null)
            .collect();
        let all = |f: &dyn Fn(&Value) -> Option<Vec<Interval<i128>>>| {
            values
                .iter()
                .map(|value| f(value))
                .collect::<Option<Vec<_>>>()
                .map(|lists| lists.concat())
        };
        let whole = || all(&|value| integers(Comparison::Equal, value));
        if self.is_row_number(name) {
            return Some(Test::Rows {
                intervals: whole()?,
                outside,
            });
        }
        let (column, place) = self.column(name)?;
        match &place.element {
            Element::Number(_) => {
                let reals = values
                    .iter()
                    .map(|value| reals(Comparison::Equal, value))
                    .collect::<Option<Vec<_>>>()?;
                Some(Test::Number {
                    column,
                    intervals: whole()?,
                    reals: reals.concat(),
                    outside,
                })
            }
            Element::Text(padding) => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(text.clone().into_bytes()),
                    _ => None,
                });
                let mut texts = texts.collect::<Option<Vec<_>>>()?;
                texts.sort_unstable();
                Some(Test::Text {
                    column,
                    padding: *padding,
                    test: TextTest::In(texts),
                    outside,
                })
            }
            _ => None,
        }
    }

    fn null(&self, name: &str, is_negated: bool) -> Option<Test> {
        if self.is_row_number(name) {
            return Some(Test::Constant(is_negated));
        }
        let (column, place) = self
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)?;
        match &place.element {
            Element::Number(number) if place.is_scalar() && is_real(*number) => {
                Some(Test::IsNumber {
                    column,
                    wanted: is_negated,
                })
            }
            // Only references and dates may be null.
            Element::Other(_) if place.is_scalar() => None,
            _ => Some(Test::Constant(is_negated)),
        }
    }

    fn pattern(&self, name: &str, pattern: Pattern, outside: bool) -> Option<Test> {
        let (column, place) = self.column(name)?;
        match &place.element {
            Element::Text(padding) => Some(Test::Text {
                column,
                padding: *padding,
                test: TextTest::Matches(pattern),
                outside,
            }),
            Element::Number(_) => Some(Test::Written {
                column,
                pattern,
                outside,
            }),
            _ => None,
        }
    }
}

fn is_real(number: Number) -> bool {
    matches!(
        number,
        Number::F16(_)
            | Number::F32(_)
            | Number::F64(_)
            | Number::Time64(_)
            | Number::OddFloat { .. }
    )
}

fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}

/// The whole numbers for which the comparison holds; those for which `=` does, if it is `!=`.
fn integers(comparison: Comparison, value: &Value) -> Option<Vec<Interval<i128>>> {
    // The nearest whole numbers on both sides of the value, which are the same if it is one.
    let (below, above) = match value {
        Value::Integer(number) => (*number, *number),
        Value::Real(number) if number.is_nan() => return None,
        Value::Real(number) => (number.floor() as i128, number.ceil() as i128),
        _ => return None,
    };
    let is_whole = below == above;
    let (from, to) = match comparison {
        Comparison::Equal | Comparison::NotEqual if is_whole => (below, below),
        Comparison::Equal | Comparison::NotEqual => return Some(Vec::new()),
        Comparison::Less => (i128::MIN, above.saturating_sub(1)),
        Comparison::LessOrEqual => (i128::MIN, below),
        Comparison::Greater => (below.saturating_add(1), i128::MAX),
        Comparison::GreaterOrEqual => (above, i128::MAX),
    };
    Some(vec![Interval { from, to }])
}

/// The same for real numbers.
fn reals(comparison: Comparison, value: &Value) -> Option<Vec<Interval<f64>>> {
    // The nearest real numbers on both sides of the value, which are the same if it is one.
    let (below, above) = match value {
        Value::Real(number) if number.is_nan() => return None,
        Value::Real(number) => (*number, *number),
        Value::Integer(number) => {
            let near = *number as f64;
            match (near as i128).cmp(number) {
                std::cmp::Ordering::Equal => (near, near),
                std::cmp::Ordering::Less => (near, near.next_up()),
                std::cmp::Ordering::Greater => (near.next_down(), near),
            }
        }
        _ => return None,
    };
    let is_exact = below >= above;
    let (from, to) = match comparison {
        Comparison::Equal | Comparison::NotEqual if is_exact => (below, below),
        Comparison::Equal | Comparison::NotEqual => return Some(Vec::new()),
        Comparison::Less => (
            f64::NEG_INFINITY,
            if is_exact { below.next_down() } else { below },
        ),
        Comparison::LessOrEqual => (f64::NEG_INFINITY, below),
        Comparison::Greater => (
            if is_exact { above.next_up() } else { above },
            f64::INFINITY,
        ),
        Comparison::GreaterOrEqual => (above, f64::INFINITY),
    };
    // Nothing is below minus infinity, nor above infinity.
    let is_possible = match comparison {
        Comparison::Less => value != &Value::Real(f64::NEG_INFINITY),
        Comparison::Greater => value != &Value::Real(f64::INFINITY),
        _ => true,
    };
    Some(if is_possible {
        vec![Interval { from, to }]
    } else {
        Vec::new()
    })
}

fn like_pattern(pattern: &str) -> Pattern {
    let special = |text: &str| text.contains(['%', '_']);
    let inner = pattern
        .strip_prefix('%')
        .and_then(|rest| rest.strip_suffix('%'));
    match (inner, pattern.strip_suffix('%')) {
        (Some(inner), _) if !special(inner) => {
            if inner.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                Pattern::ContainsLetters(inner.as_bytes().to_vec())
            } else {
                Pattern::Contains(Box::new(Finder::new(inner.as_bytes()).into_owned()))
            }
        }
        (_, Some(start)) if !special(start) => Pattern::StartsWith(start.to_owned()),
        _ => Pattern::Like(pattern.to_owned()),
    }
}

impl Pattern {
    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::ContainsLetters(letters) => text
                .windows(letters.len())
                .any(|part| part.eq_ignore_ascii_case(letters)),
            Self::StartsWith(start) => text
                .get(..start.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes())),
            Self::Like(pattern) => like(&String::from_utf8_lossy(text), pattern),
            Self::Glob(pattern) => glob(&String::from_utf8_lossy(text), pattern),
        }
    }
}

impl TextTest {
    fn holds(&self, text: &[u8]) -> bool {
        match self {
            Self::In(texts) => texts
                .binary_search_by(|known| known.as_slice().cmp(text))
                .is_ok(),
            Self::Compare(Comparison::Equal, value) => text == value,
            Self::Compare(comparison, value) => comparison.holds(text.cmp(value)),
            Self::Matches(pattern) => pattern.matches(text),
        }
    }
}

/// Rows that follow each other, to be tested.
#[derive(Clone, Copy)]
pub struct Block<'a> {
    pub bytes: &'a [u8],
    pub first_row: u64,
    pub rows: usize,
    /// Bytes of a row.
    pub stride: usize,
    pub columns: &'a [ColumnPlace],
}

impl Block<'_> {
    fn places(&self, column: usize) -> Option<(Places<'_>, &ColumnPlace)> {
        let place = self.columns.get(column)?;
        let (rows, stride) = (self.rows, self.stride);
        Some((
            Places {
                block: self.bytes,
                rows,
                stride,
                offset: place.offset,
                per_row: 1,
                bytes: place.bytes,
            },
            place,
        ))
    }

    fn numbers(&self, column: usize, visit: &mut impl Visit) {
        if let Some((
            places,
            ColumnPlace {
                element: Element::Number(number),
                ..
            },
        )) = self.places(column)
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
                    passes.extend(
                        places
                            .elements()
                            .map(|text| test.holds(trimmed(text, *padding)) != *outside),
                    );
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
    passes.resize(block.rows, is_and);
    let mut part = Vec::new();
    for test in tests {
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

fn within<T: PartialOrd>(intervals: &[Interval<T>], number: &T) -> bool {
    intervals.iter().any(|interval| interval.holds(number))
}

/// A single interval, cut to what 64 bits with a sign hold: the common case, tested without wide numbers.
fn narrowed(intervals: &[Interval<i128>]) -> Option<Interval<i64>> {
    let [interval] = intervals else { return None };
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    if interval.from > most || interval.to < least {
        return Some(Interval { from: 1, to: 0 });
    }
    let clamp = |number: i128| number.clamp(least, most) as i64;
    Some(Interval {
        from: clamp(interval.from),
        to: clamp(interval.to),
    })
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
