//! Counts the values of columns by hashing them as they come, which takes half the time that SQLite needs to
//! sort them. It gives up, for SQLite to do it, where there are too many different values to hold.

use std::collections::HashMap;
use std::hash::Hash;

use rusqlite::Connection;
use tablecast_connector::{Batch, Cell, Limits, Result, Statement, Value, compare_values};

use crate::run::{Next, run};

/// Values of a column, each with how often it came.
pub(crate) type Counted = Vec<(Value, u64)>;

/// Different values that are held at most.
const VALUES_MAX: usize = 200_000;

/// Bytes of different texts and blobs that are held at most.
const BYTES_MAX: usize = 64 << 20;

/// For each column of the statement as many of its commonest values as `most` says, with their counts, by count
/// descending, then value ascending. `None` if there are too many different ones. Nulls are not counted.
pub(crate) fn count_values(
    connection: &mut Connection,
    statement: &Statement,
    limits: &Limits,
    file: &str,
    most: &[usize],
) -> Result<Option<Vec<Counted>>> {
    let mut counts: Vec<Counts> = most.iter().map(|_| Counts::default()).collect();
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
        |batch| match add(&mut counts, &batch) {
            Ok(()) if are_small(&counts) => Next::More,
            Ok(()) => Next::Enough,
            Err(error) => {
                failed = Some(error);
                Next::Enough
            }
        },
    )?;
    match failed {
        Some(error) => Err(error),
        None if !are_small(&counts) => Ok(None),
        None => {
            let counted = counts.into_iter().zip(most);
            Ok(Some(
                counted
                    .map(|(counts, most)| counts.commonest(*most))
                    .collect(),
            ))
        }
    }
}

fn add(counts: &mut [Counts], batch: &Batch) -> Result<()> {
    for (counts, column) in counts.iter_mut().zip(batch.columns()?) {
        for row in 0..batch.rows() {
            counts.add(column.cell(row));
        }
    }
    Ok(())
}

/// Whether what is held together is little enough.
fn are_small(counts: &[Counts]) -> bool {
    let values: usize = counts.iter().map(Counts::values).sum();
    let bytes: usize = counts.iter().map(|counts| counts.bytes).sum();
    values <= VALUES_MAX && bytes <= BYTES_MAX
}

/// A map with a seed of its own, so that nobody can make up values that collide.
type Hashed<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// How often each value came. A whole real number is the integer that it equals, as in SQLite; it is shown as that of
/// the two which came first.
#[derive(Default)]
struct Counts {
    integers: Hashed<i64, (u64, Shown)>,
    reals: Hashed<u64, u64>,
    texts: Hashed<Box<str>, u64>,
    blobs: Hashed<Box<[u8]>, u64>,
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

    fn add(&mut self, cell: Cell<'_>) {
        match cell {
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

    fn values(&self) -> usize {
        self.integers.len() + self.reals.len() + self.texts.len() + self.blobs.len()
    }

    fn commonest(self, limit: usize) -> Counted {
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
        let mut all: Counted = integers.chain(reals).chain(texts).chain(blobs).collect();
        let order = |(a, count_of_a): &(Value, u64), (b, count_of_b): &(Value, u64)| {
            count_of_b
                .cmp(count_of_a)
                .then_with(|| compare_values(a, b))
        };
        if limit < all.len() {
            all.select_nth_unstable_by(limit, order);
            all.truncate(limit);
        }
        all.sort_unstable_by(order);
        all
    }
}

/// Counts one more of `value`; gives the bytes newly held.
fn add_one<T>(counts: &mut Hashed<Box<T>, u64>, value: &T) -> usize
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
