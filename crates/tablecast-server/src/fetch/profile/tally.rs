//! What is told of a column's values, gathered from one pass over them. Memory is bounded: beyond the bound, no further
//! values are held, and the answer says so.

use std::collections::HashMap;
use std::hash::Hash;

use tablecast_connector::{Cell, Value, compare_values};

use super::bins::{Bin, Bins};
use super::calendar::Calendar;

/// Different values that are held at most.
const VALUES_MAX: usize = 200_000;

/// Bytes of different values that are held at most.
const BYTES_MAX: usize = 32 << 20;

/// The commonest values that are told.
const VALUES_SHOWN: usize = 10;

/// What all values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Number,
    Text,
    /// Dates or moments in ISO 8601.
    Date,
    Bytes,
    /// Several of them.
    Mixed,
    /// There is none but null.
    Null,
}

/// What a column holds.
#[derive(Debug)]
pub(crate) struct Profile {
    /// The rows that were read.
    pub(crate) rows: u64,
    /// The milliseconds within which not all rows could be read; `None` if all were.
    pub(crate) sampled_within_ms: Option<u64>,
    pub(crate) nulls: u64,
    pub(crate) kind: Kind,
    /// Different values other than null; `None` where there are bytes, which are not told apart.
    pub(crate) distinct: Option<u64>,
    /// Whether there are more different values than were held.
    pub(crate) distinct_truncated: bool,
    /// Of numbers and texts; numbers are less than texts.
    pub(crate) min: Option<Value>,
    pub(crate) max: Option<Value>,
    /// Of the numbers.
    pub(crate) mean: Option<f64>,
    /// The shortest and the longest: characters of texts, or bytes if there is no text.
    pub(crate) lengths: Option<(u64, u64)>,
    /// The commonest values, by count descending, then value ascending.
    pub(crate) values: Vec<(Value, u64)>,
    pub(crate) histogram: Option<Histogram>,
}

/// Values in bins.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// The calendar's unit, of dates.
    pub(crate) unit: Option<&'static str>,
    pub(crate) bins: Vec<Bin>,
}

/// What was gathered so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    nulls: u64,
    booleans: u64,
    numbers: u64,
    texts: u64,
    blobs: u64,
    held: Held,
    smallest_number: Option<Value>,
    largest_number: Option<Value>,
    smallest_text: Option<String>,
    largest_text: Option<String>,
    sum: Sum,
    text_lengths: Option<(u64, u64)>,
    blob_lengths: Option<(u64, u64)>,
    bins: Bins,
    calendar: Calendar,
    /// Values that are no dates.
    undated: u64,
}

impl Tally {
    pub(super) fn add(&mut self, cell: &Cell<'_>) {
        self.rows += 1;
        match cell {
            cell if cell.is_null() => self.nulls += 1,
            Cell::Boolean(boolean) => {
                self.booleans += 1;
                self.add_integer(i128::from(*boolean));
            }
            Cell::Integer(integer) => self.add_integer(i128::from(*integer)),
            Cell::Unsigned(integer) => self.add_integer(i128::from(*integer)),
            Cell::Real(real) => self.add_real(*real),
            Cell::Text(text) => self.add_text(text),
            Cell::Bytes(bytes) => self.add_blob(bytes),
            Cell::Decimal(..) => {
                let text = cell.iso().unwrap_or_default();
                match text.parse::<i128>() {
                    Ok(integer) => self.add_integer(integer),
                    Err(_) => self.add_real(text.parse().unwrap_or(f64::INFINITY)),
                }
            }
            other => match other.to_value() {
                Value::Text(text) => self.add_text(&text),
                _ => self.add_text(""),
            },
        }
    }

    fn add_integer(&mut self, integer: i128) {
        self.sum.integers = self.sum.integers.saturating_add(integer);
        self.held.integer(integer);
        self.bins.add_integer(integer);
        self.add_number(Value::Integer(integer));
    }

    fn add_real(&mut self, real: f64) {
        self.sum.add(real);
        // A whole real number is the integer that it equals, and the negative zero is zero.
        match whole(real) {
            Some(integer) => self.held.integer(integer),
            None => self.held.real(real),
        }
        self.bins.add_real(real);
        self.add_number(Value::Real(real));
    }

    fn add_number(&mut self, number: Value) {
        self.numbers += 1;
        self.undated += 1;
        let is_beyond = |known: &Option<Value>, order| {
            known
                .as_ref()
                .is_none_or(|known| compare_values(&number, known) == order)
        };
        if is_beyond(&self.smallest_number, std::cmp::Ordering::Less) {
            self.smallest_number = Some(number.clone());
        }
        if is_beyond(&self.largest_number, std::cmp::Ordering::Greater) {
            self.largest_number = Some(number);
        }
    }

    fn add_text(&mut self, text: &str) {
        self.texts += 1;
        if self
            .smallest_text
            .as_deref()
            .is_none_or(|known| text < known)
        {
            self.smallest_text = Some(text.to_owned());
        }
        if self
            .largest_text
            .as_deref()
            .is_none_or(|known| text > known)
        {
            self.largest_text = Some(text.to_owned());
        }
        extend(&mut self.text_lengths, text.chars().count());
        self.held.text(text);
        // Once a text is no date, none needs to be looked at.
        if self.undated > 0 || !self.calendar.add(text) {
            self.undated += 1;
        }
    }

    fn add_blob(&mut self, bytes: &[u8]) {
        self.blobs += 1;
        self.undated += 1;
        extend(&mut self.blob_lengths, bytes.len());
    }

    /// What was gathered. `is_unique` says that no value comes twice.
    pub(super) fn profile(self, is_unique: bool, sampled_within_ms: Option<u64>) -> Profile {
        let kind = self.kind();
        let histogram = match kind {
            Kind::Number => numbers(self.bins),
            Kind::Date => self.calendar.shown().map(|(unit, bins)| Histogram {
                unit: Some(unit),
                bins,
            }),
            _ => None,
        };
        let found = self.rows - self.nulls;
        let is_full = self.held.is_full;
        // What is declared to be unique is believed as long as nothing held came twice.
        let is_unique = is_unique && is_full && self.held.are_single();
        let distinct = if is_unique { found } else { self.held.count() };
        let text = |text: Option<String>| text.map(Value::Text);
        Profile {
            rows: self.rows,
            sampled_within_ms,
            nulls: self.nulls,
            kind,
            distinct: (self.blobs == 0).then_some(distinct),
            distinct_truncated: is_full && !is_unique,
            min: self.smallest_number.or_else(|| text(self.smallest_text)),
            max: text(self.largest_text).or(self.largest_number),
            mean: self.sum.mean(self.numbers),
            lengths: self.text_lengths.or(self.blob_lengths),
            values: self.held.commonest(),
            histogram,
        }
    }

    fn kind(&self) -> Kind {
        let found = self.rows - self.nulls;
        match found {
            0 => Kind::Null,
            _ if self.booleans == found => Kind::Boolean,
            _ if self.numbers == found => Kind::Number,
            _ if self.undated == 0 => Kind::Date,
            _ if self.texts == found => Kind::Text,
            _ if self.blobs == found => Kind::Bytes,
            _ => Kind::Mixed,
        }
    }
}

fn numbers(bins: Bins) -> Option<Histogram> {
    let bins = bins.shown();
    (!bins.is_empty()).then_some(Histogram { unit: None, bins })
}

fn extend(lengths: &mut Option<(u64, u64)>, length: usize) {
    let length = length as u64;
    let (least, most) = lengths.unwrap_or((length, length));
    *lengths = Some((least.min(length), most.max(length)));
}

/// The integer that a real number equals, if it is one that integers of 64 bits hold.
fn whole(real: f64) -> Option<i128> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (real.fract() == 0.0 && (-BEYOND..BEYOND).contains(&real)).then_some(real as i128)
}

/// A sum whose rounding errors are summed, too (Neumaier).
#[derive(Debug, Default)]
struct Sum {
    integers: i128,
    reals: f64,
    lost: f64,
    /// The sum in units of 2^64, for numbers whose sum is beyond what a real number holds.
    large: f64,
}

/// 2^64.
const LARGE: f64 = 18_446_744_073_709_551_616.0;

impl Sum {
    fn add(&mut self, real: f64) {
        self.large += real / LARGE;
        let sum = self.reals + real;
        self.lost += if self.reals.abs() >= real.abs() {
            (self.reals - sum) + real
        } else {
            (real - sum) + self.reals
        };
        self.reals = sum;
    }

    /// `None` of no numbers, or where infinities leave none.
    fn mean(&self, numbers: u64) -> Option<f64> {
        let lost = if self.lost.is_finite() {
            self.lost
        } else {
            0.0
        };
        let mut mean = (self.integers as f64 + (self.reals + lost)) / numbers as f64;
        if !mean.is_finite() {
            mean = self.large / numbers as f64 * LARGE;
        }
        (numbers > 0 && mean.is_finite()).then_some(mean)
    }
}

/// How often each value came. Bytes are not told apart.
#[derive(Debug, Default)]
struct Held {
    integers: HashMap<i128, u64>,
    reals: HashMap<u64, u64>,
    texts: HashMap<Box<str>, u64>,
    bytes: usize,
    /// Whether a value came for which there was no room.
    is_full: bool,
}

impl Held {
    fn has_room(&self) -> bool {
        self.count() < VALUES_MAX as u64 && self.bytes < BYTES_MAX
    }

    fn count(&self) -> u64 {
        (self.integers.len() + self.reals.len() + self.texts.len()) as u64
    }

    fn are_single(&self) -> bool {
        let counts = self.integers.values().chain(self.reals.values());
        counts.chain(self.texts.values()).all(|count| *count == 1)
    }

    fn integer(&mut self, integer: i128) {
        let has_room = self.has_room();
        let added = count(&mut self.integers, &integer, has_room, || integer);
        self.is_full |= !added;
    }

    fn real(&mut self, real: f64) {
        let has_room = self.has_room();
        let bits = real.to_bits();
        let added = count(&mut self.reals, &bits, has_room, || bits);
        self.is_full |= !added;
    }

    fn text(&mut self, text: &str) {
        let has_room = self.has_room();
        let mut bytes = 0;
        let added = count(&mut self.texts, text, has_room, || {
            bytes = text.len();
            text.into()
        });
        self.bytes += bytes;
        self.is_full |= !added;
    }

    fn commonest(self) -> Vec<(Value, u64)> {
        let integers = self
            .integers
            .into_iter()
            .map(|(integer, count)| (Value::Integer(integer), count));
        let reals = self
            .reals
            .into_iter()
            .map(|(bits, count)| (f64::from_bits(bits).into(), count));
        let mut numbers: Vec<(Value, u64)> = integers.chain(reals).collect();
        let texts = self
            .texts
            .into_iter()
            .map(|(text, count)| (String::from(text).into(), count));
        numbers.extend(texts);
        let order = |(a, m): &(Value, u64), (b, n): &(Value, u64)| {
            n.cmp(m).then_with(|| compare_values(a, b))
        };
        if numbers.len() > VALUES_SHOWN {
            numbers.select_nth_unstable_by(VALUES_SHOWN, order);
            numbers.truncate(VALUES_SHOWN);
        }
        numbers.sort_by(order);
        numbers
    }
}

/// Counts one more of `value`, if it is held or there is room for it; whether that was so.
fn count<K, Q>(
    counts: &mut HashMap<K, u64>,
    value: &Q,
    has_room: bool,
    owned: impl FnOnce() -> K,
) -> bool
where
    K: Hash + Eq + std::borrow::Borrow<Q>,
    Q: Hash + Eq + ?Sized,
{
    if let Some(count) = counts.get_mut(value) {
        *count += 1;
    } else if has_room {
        counts.insert(owned(), 1);
    } else {
        return false;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(cells: &[Cell<'_>]) -> Profile {
        let mut tally = Tally::default();
        for cell in cells {
            tally.add(cell);
        }
        tally.profile(false, None)
    }

    #[test]
    fn integers_stay_exact_and_whole_reals_are_integers() {
        let large = i64::MAX;
        let found = profile(&[
            Cell::Integer(large),
            Cell::Integer(large - 1),
            Cell::Real(2.0),
            Cell::Integer(2),
            Cell::Real(f64::NAN),
            Cell::Null,
        ]);
        assert_eq!((found.rows, found.nulls, found.distinct), (6, 2, Some(3)));
        assert_eq!(found.max, Some(Value::Integer(large.into())));
        assert_eq!(found.values.first(), Some(&(Value::Integer(2), 2)));
        assert_eq!(found.kind, Kind::Number);
    }

    #[test]
    fn a_column_of_dates_is_one_only_if_all_are() {
        let dates = [Cell::Text("2020-01-01"), Cell::Text("2021-01-01")];
        assert_eq!(profile(&dates).kind, Kind::Date);
        assert!(profile(&dates).histogram.is_some());
        let [first, second] = dates;
        let mixed = profile(&[first, Cell::Text("unknown"), second]);
        assert_eq!(mixed.kind, Kind::Text);
        assert!(mixed.histogram.is_none());
        assert_eq!(mixed.max, Some("unknown".into()));
        assert_eq!(mixed.lengths, Some((7, 10)));
        let bytes = profile(&[Cell::Bytes(&[1, 2]), Cell::Bytes(&[])]);
        assert_eq!(
            (bytes.kind, bytes.lengths, bytes.distinct),
            (Kind::Bytes, Some((0, 2)), None)
        );
        assert_eq!(profile(&[Cell::Null]).kind, Kind::Null);
        assert_eq!(profile(&[first, Cell::Integer(1)]).kind, Kind::Mixed);
    }

    #[test]
    fn more_values_than_are_held_are_said_to_be_more() {
        let mut tally = Tally::default();
        for integer in 0..=VALUES_MAX as i64 {
            tally.add(&Cell::Integer(integer));
            tally.add(&Cell::Integer(7));
        }
        let found = tally.profile(false, None);
        assert_eq!(
            (found.distinct, found.distinct_truncated),
            (Some(VALUES_MAX as u64), true)
        );
        assert_eq!(
            found.values.first(),
            Some(&(Value::Integer(7), VALUES_MAX as u64 + 2))
        );
    }

    #[test]
    fn a_mean_is_known_where_the_sum_is_not() {
        let cells = [1.7e308, 1.7e308, 1.6e308].map(Cell::Real);
        let mean = profile(&cells).mean.expect("a mean");
        assert!((mean / 1.667e308 - 1.0).abs() < 1e-3, "{mean}");
        assert_eq!(profile(&[Cell::Real(f64::INFINITY)]).mean, None);
    }
}
