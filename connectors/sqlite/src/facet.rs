//! Counts the values of a column by hashing them as they come, which takes half the time that SQLite needs to
//! sort them. It gives up, for SQLite to do it, where there are too many different values to hold.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

use rusqlite::Connection;
use tablecast_connector::{Batch, Cell, Limits, Result, Statement, Value, compare_values};

use crate::run::{Next, run};

/// Different values that are held at most.
const VALUES_MAX: usize = 200_000;

/// Bytes of different texts and blobs that are held at most.
const BYTES_MAX: usize = 64 << 20;

/// The `limit` commonest values of the statement's one column with their counts, by count descending, then value
/// ascending. `None` if there are too many different ones. Nulls are not counted.
pub(crate) fn count_values(
    connection: &mut Connection,
    statement: &Statement,
    limits: &Limits,
    file: &str,
    limit: usize,
) -> Result<Option<Vec<(Value, u64)>>> {
    let mut counts = Counts::default();
    let mut failed = None;
    // The limits on rows and bytes are about the answer, not about what is read for it.
    let limits = Limits {
        rows: None,
        bytes: None,
        ..limits.clone()
    };
    run(
        connection,
        statement,
        &limits,
        file,
        |_| Next::More,
        |batch| match counts.add(&batch) {
            Ok(()) if counts.is_small() => Next::More,
            Ok(()) => Next::Enough,
            Err(error) => {
                failed = Some(error);
                Next::Enough
            }
        },
    )?;
    match failed {
        Some(error) => Err(error),
        None => Ok(counts.is_small().then(|| counts.commonest(limit))),
    }
}

/// How often each value came. A whole real number is the integer that it equals, as in SQLite; it is shown as that of
/// the two which came first.
#[derive(Default)]
struct Counts {
    integers: HashMap<i64, (u64, Shown)>,
    reals: HashMap<u64, u64>,
    texts: HashMap<Box<str>, u64>,
    blobs: HashMap<Box<[u8]>, u64>,
    bytes: usize,
}

#[derive(Clone, Copy)]
enum Shown {
    Integer,
    Real,
}

impl Counts {
    fn add_whole(&mut self, integer: i64, shown: Shown) {
        self.integers.entry(integer).or_insert((0, shown)).0 += 1;
    }

    fn add(&mut self, batch: &Batch) -> Result<()> {
        let columns = batch.columns()?;
        let Some(column) = columns.first() else {
            return Ok(());
        };
        for row in 0..batch.rows() {
            match column.cell(row) {
                Cell::Integer(integer) => self.add_whole(integer, Shown::Integer),
                Cell::Real(real) => match whole(real) {
                    Some(integer) => self.add_whole(integer, Shown::Real),
                    None => *self.reals.entry(real.to_bits()).or_default() += 1,
                },
                Cell::Text(text) => self.bytes += add_one(&mut self.texts, text),
                Cell::Bytes(blob) => self.bytes += add_one(&mut self.blobs, blob),
                _ => {}
            }
        }
        Ok(())
    }

    fn is_small(&self) -> bool {
        let values = self.integers.len() + self.reals.len() + self.texts.len() + self.blobs.len();
        values <= VALUES_MAX && self.bytes <= BYTES_MAX
    }

    fn commonest(self, limit: usize) -> Vec<(Value, u64)> {
        let integers = self
            .integers
            .into_iter()
            .map(|(integer, (count, shown))| match shown {
                Shown::Integer => (integer.into(), count),
                Shown::Real => ((integer as f64).into(), count),
            });
        let reals = self
            .reals
            .into_iter()
            .map(|(bits, count)| (f64::from_bits(bits).into(), count));
        let texts = self
            .texts
            .into_iter()
            .map(|(text, count)| (String::from(text).into(), count));
        let blobs = self
            .blobs
            .into_iter()
            .map(|(blob, count)| (Value::Blob(blob.into()), count));
        let mut all: Vec<(Value, u64)> = integers.chain(reals).chain(texts).chain(blobs).collect();
        all.sort_by(|(a, count_of_a), (b, count_of_b)| {
            Reverse(count_of_a)
                .cmp(&Reverse(count_of_b))
                .then_with(|| compare_values(a, b))
        });
        all.truncate(limit);
        all
    }
}

/// Counts one more of `value`; gives the bytes newly held.
fn add_one<T>(counts: &mut HashMap<Box<T>, u64>, value: &T) -> usize
where
    T: ?Sized + Eq + Hash,
    Box<T>: for<'a> From<&'a T>,
{
    if let Some(count) = counts.get_mut(value) {
        *count += 1;
        return 0;
    }
    counts.insert(value.into(), 1);
    size_of_val(value)
}

/// The integer that a real number equals, if it is one.
fn whole(real: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (real.fract() == 0.0 && (-BEYOND..BEYOND).contains(&real)).then_some(real as i64)
}
