//! The plain executor: what a request's answer is, found row by row over rows in memory, as slowly as can be seen to be
//! right. Whatever is fast is compared with it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use tablecast_connector::{Cell, Direction, Predicate, Sort, Value, compare_values};

use crate::dataset::Table;

/// Rows as plain values.
pub type Values = Vec<Vec<Value>>;

/// The table's rows that pass, in the table's order.
pub fn rows_that_pass(table: &Table, predicate: &Predicate) -> Values {
    let passes = |row: &&Vec<Value>| passes(table, row, predicate);
    table.rows.iter().filter(passes).cloned().collect()
}

/// Whether a row of the table passes. A column that is not there is null.
pub fn passes(table: &Table, row: &[Value], predicate: &Predicate) -> bool {
    let cell_of = |column: &str| {
        let place = table
            .columns
            .iter()
            .position(|known| known.name.eq_ignore_ascii_case(column));
        place
            .and_then(|place| row.get(place))
            .map_or(Cell::Null, cell)
    };
    predicate.matches(&cell_of) == Some(true)
}

/// Puts rows of the table in order: by the first sort, ties by the second, and so on. Nulls are the smallest.
pub fn put_in_order(table: &Table, rows: &mut Values, order: &[Sort]) {
    let places: Vec<(usize, Direction)> = order
        .iter()
        .filter_map(|sort| Some((table.position(&sort.column)?, sort.direction)))
        .collect();
    rows.sort_by(|a, b| {
        let unequal = places.iter().map(|(place, direction)| {
            let order = match (a.get(*place), b.get(*place)) {
                (Some(a), Some(b)) => compare_values(a, b),
                _ => Ordering::Equal,
            };
            match direction {
                Direction::Ascending => order,
                Direction::Descending => order.reverse(),
            }
        });
        unequal
            .into_iter()
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    });
}

/// The values of a column with their counts, in the order of facets: by count descending, then value ascending.
pub fn counted<'a>(
    rows: impl IntoIterator<Item = &'a Vec<Value>>,
    place: usize,
) -> Vec<(Value, u64)> {
    let mut counts: BTreeMap<Key, u64> = BTreeMap::new();
    let cells = rows.into_iter().filter_map(|row| row.get(place));
    for value in cells.filter(|value| **value != Value::Null) {
        *counts.entry(Key(value.clone())).or_default() += 1;
    }
    let mut counts: Vec<(Value, u64)> = counts
        .into_iter()
        .map(|(key, rows)| (key.0, rows))
        .collect();
    // The order by value stays among equal counts.
    counts.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    counts
}

/// Compares rows value by value, first to last.
pub fn compare_rows(a: &[Value], b: &[Value]) -> Ordering {
    let unequal = a
        .iter()
        .zip(b)
        .map(|(a, b)| compare_values(a, b))
        .find(|order| order.is_ne());
    unequal.unwrap_or(Ordering::Equal)
}

/// A value as the cell that it was.
pub fn cell(value: &Value) -> Cell<'_> {
    match value {
        Value::Null => Cell::Null,
        Value::Integer(integer) => i64::try_from(*integer)
            .map(Cell::Integer)
            .or_else(|_| u64::try_from(*integer).map(Cell::Unsigned))
            .unwrap_or(Cell::Null),
        Value::Real(real) => Cell::Real(*real),
        Value::Text(text) => Cell::Text(text),
        Value::Blob(bytes) => Cell::Bytes(bytes),
    }
}

/// A value by `SQLite`'s order, in which a whole number and a real of the same size are one.
struct Key(Value);

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        compare_values(&self.0, &other.0)
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}
