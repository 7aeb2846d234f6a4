//! The cells of an indexed column as they lie in the index, and where the values that a filter names lie among them.

use std::cmp::Ordering;

use tablecast_connector::Comparison;

use crate::column::{ColumnPlace, Element};
use crate::filter::{Interval, Test, TextTest};
use crate::format::datatype::{Order, Padding};
use crate::format::value::trimmed;
use crate::number::Number;

/// How the bytes of a cell are put in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cells {
    Number(Number),
    Text(Padding),
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    Whole(i128),
    Real(f64),
    Text(Vec<u8>),
}

/// A place between the cells of a sorted column.
#[derive(Debug, Clone, PartialEq)]
pub enum Edge {
    Start,
    Before(Key),
    After(Key),
    End,
}

/// Which values a test can be true of, as stretches of the sorted column.
#[derive(Debug, Clone, PartialEq)]
pub enum Spans {
    One(Edge, Edge),
    All(Vec<Spans>),
    Any(Vec<Spans>),
}

impl Cells {
    /// Of a column; `None` if its stored order is not that of its cells.
    pub fn of(place: &ColumnPlace) -> Option<Self> {
        match &place.element {
            _ if !place.is_scalar() => None,
            Element::Text(padding) => Some(Self::Text(*padding)),
            Element::Marked(marked) => Some(Self::Text(marked.padding)),
            element => {
                let number = element.stored_number()?;
                let is_odd = matches!(
                    number,
                    Number::Time64(_)
                        | Number::F16(_)
                        | Number::OddInteger { .. }
                        | Number::OddFloat { .. }
                );
                (!is_odd).then_some(Self::Number(number))
            }
        }
    }

    /// The value of a cell.
    pub fn key(self, cell: &[u8]) -> Key {
        match self {
            Self::Text(padding) => Key::Text(trimmed(cell, padding).to_vec()),
            Self::Number(number) => numeric(number, cell),
        }
    }

    /// How a cell compares with a value; NaN is behind all others.
    pub fn compare(self, cell: &[u8], key: &Key) -> Ordering {
        match (self, key) {
            (Self::Text(padding), Key::Text(text)) => trimmed(cell, padding).cmp(text),
            (Self::Number(number), key) => order(&numeric(number, cell), key),
            (Self::Text(_), _) => Ordering::Greater,
        }
    }

    /// Whether some cells may be NaN.
    pub fn is_real(self) -> bool {
        matches!(self, Self::Number(number) if number.is_real())
    }
}

/// The order of the keys of one column; NaN is behind all others.
pub fn order(one: &Key, other: &Key) -> Ordering {
    match (one, other) {
        (Key::Whole(one), Key::Whole(other)) => one.cmp(other),
        (Key::Real(one), Key::Real(other)) => one
            .partial_cmp(other)
            .unwrap_or_else(|| one.is_nan().cmp(&other.is_nan())),
        (Key::Text(one), Key::Text(other)) => one.cmp(other),
        // Keys of one column are of one kind.
        _ => Ordering::Greater,
    }
}

fn numeric(number: Number, cell: &[u8]) -> Key {
    fn sized<const N: usize>(cell: &[u8], order: Order) -> [u8; N] {
        let mut bytes = cell.first_chunk::<N>().copied().unwrap_or([0; N]);
        if order == Order::Big {
            bytes.reverse();
        }
        bytes
    }
    let little = Order::Little;
    match number {
        Number::Boolean => Key::Whole(sized::<1>(cell, little).map(|byte| byte != 0)[0].into()),
        Number::I8 => Key::Whole(i8::from_le_bytes(sized(cell, little)).into()),
        Number::U8 => Key::Whole(u8::from_le_bytes(sized(cell, little)).into()),
        Number::I16(order) => Key::Whole(i16::from_le_bytes(sized(cell, order)).into()),
        Number::U16(order) => Key::Whole(u16::from_le_bytes(sized(cell, order)).into()),
        Number::I32(order) => Key::Whole(i32::from_le_bytes(sized(cell, order)).into()),
        Number::U32(order) => Key::Whole(u32::from_le_bytes(sized(cell, order)).into()),
        Number::I64(order) => Key::Whole(i64::from_le_bytes(sized(cell, order)).into()),
        Number::U64(order) => Key::Whole(u64::from_le_bytes(sized(cell, order)).into()),
        Number::F32(order) => Key::Real(f32::from_le_bytes(sized(cell, order)).into()),
        Number::F64(order) => Key::Real(f64::from_le_bytes(sized(cell, order))),
        // Columns of these are not indexed.
        Number::F16(_)
        | Number::Time64(_)
        | Number::OddInteger { .. }
        | Number::OddFloat { .. } => Key::Real(f64::NAN),
    }
}

/// Outside of which values of the column the test is true of none; `None` if that cannot be said.
pub fn spans(test: &Test, at: usize, cells: Cells) -> Option<Spans> {
    match test {
        Test::Constant(false) => Some(Spans::Any(Vec::new())),
        Test::All(tests) => {
            let known: Vec<Spans> = tests
                .iter()
                .filter_map(|test| spans(test, at, cells))
                .collect();
            (!known.is_empty()).then_some(Spans::All(known))
        }
        Test::Any(tests) => {
            let all = tests.iter().map(|test| spans(test, at, cells));
            all.collect::<Option<Vec<_>>>().map(Spans::Any)
        }
        Test::Number {
            column,
            intervals,
            reals,
            outside: false,
        } if *column == at => Some(Spans::Any(if cells.is_real() {
            reals.iter().map(|part| between(part, Key::Real)).collect()
        } else {
            let whole = intervals.iter();
            whole.map(|part| between(part, Key::Whole)).collect()
        })),
        Test::IsNumber { column, wanted } if *column == at && cells.is_real() => {
            let border = Edge::After(Key::Real(f64::INFINITY));
            Some(if *wanted {
                Spans::One(Edge::Start, border)
            } else {
                Spans::One(border, Edge::End)
            })
        }
        Test::Text {
            column,
            test,
            outside: false,
            ..
        } if *column == at => texts(test),
        _ => None,
    }
}

fn between<T: Copy>(interval: &Interval<T>, key: impl Fn(T) -> Key) -> Spans {
    Spans::One(
        Edge::Before(key(interval.from)),
        Edge::After(key(interval.to)),
    )
}

fn texts(test: &TextTest) -> Option<Spans> {
    let one = |text: &Vec<u8>| {
        let key = Key::Text(text.clone());
        Spans::One(Edge::Before(key.clone()), Edge::After(key))
    };
    Some(match test {
        TextTest::In(texts) => Spans::Any(texts.iter().map(one).collect()),
        TextTest::Compare(comparison, value) => {
            let (before, after) = (
                Edge::Before(Key::Text(value.clone())),
                Edge::After(Key::Text(value.clone())),
            );
            match comparison {
                Comparison::Equal => Spans::One(before, after),
                Comparison::Less => Spans::One(Edge::Start, before),
                Comparison::LessOrEqual => Spans::One(Edge::Start, after),
                Comparison::Greater => Spans::One(after, Edge::End),
                Comparison::GreaterOrEqual => Spans::One(before, Edge::End),
                Comparison::NotEqual => return None,
            }
        }
        TextTest::Matches(_) => return None,
    })
}

/// Outside of which rows the test is true of none, where the column's cell is `key`.
pub fn rows_with(
    test: &Test,
    at: usize,
    key: &Key,
    all: &std::ops::Range<u64>,
) -> std::ops::Range<u64> {
    let none = all.start..all.start;
    match test {
        Test::Number {
            column,
            intervals,
            reals,
            outside,
        } if *column == at => {
            let holds = match key {
                Key::Whole(number) => intervals.iter().any(|part| part.holds(number)),
                Key::Real(number) => reals.iter().any(|part| part.holds(number)),
                Key::Text(_) => true,
            };
            let is_nan = matches!(key, Key::Real(number) if number.is_nan());
            if holds != *outside && !is_nan {
                all.clone()
            } else {
                none
            }
        }
        Test::Text {
            column,
            test,
            outside,
            ..
        } if *column == at => match key {
            Key::Text(cell) if test.holds(cell) == *outside => none,
            _ => all.clone(),
        },
        Test::IsNumber { column, wanted } if *column == at => match key {
            Key::Real(number) if number.is_nan() == *wanted => none,
            _ => all.clone(),
        },
        Test::All(tests) => tests
            .iter()
            .fold(all.clone(), |rows, test| rows_with(test, at, key, &rows)),
        Test::Any(tests) => {
            let parts = tests.iter().map(|test| rows_with(test, at, key, all));
            parts
                .filter(|rows| rows.start < rows.end)
                .reduce(|one, other| one.start.min(other.start)..one.end.max(other.end))
                .unwrap_or(none)
        }
        other => other.rows(all.clone()),
    }
}
