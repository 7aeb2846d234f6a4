//! The course of a page in the order of a column without an index: one pass over that column and the tested ones finds
//! which rows come first, and only these are read whole.

use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use tablecast_connector::{Direction, Limits, Partition};

use crate::column::Element;
use crate::error::{Result, damaged};
use crate::feed::Feed;
use crate::filter::{Block, Test, Verdict};
use crate::format::datatype::Padding;
use crate::format::value::trimmed;
use crate::number::{Number, Places, Visit};
use crate::rows::{Course, Rows, Stretch, Stretches, Wish};
use crate::scan::{guarded, threads};
use crate::table::Table;

/// Fewer rows are not worth a second thread.
const ROWS_OF_A_THREAD: u64 = 1 << 16;

/// The first rows of an order.
pub struct Top {
    table: Arc<Table>,
    rows: Arc<dyn Rows>,
    test: Test,
    /// Outside of these, the test is true of no row.
    stretch: Range<u64>,
    column: usize,
    cells: Cells,
    direction: Direction,
    limit: usize,
}

/// What is put in order.
#[derive(Clone, Copy)]
enum Cells {
    Number(Number),
    Text(Padding),
}

/// The course of a wish; `None` if it is not for the first rows by one column of numbers or texts.
pub fn top(table: &Arc<Table>, rows: &Arc<dyn Rows>, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
    let (column, direction, limit) = wish.first_by(&table.columns)?;
    let cells = match &table.columns.get(column)?.element {
        Element::Number(number) => Cells::Number(*number),
        Element::Text(padding) => Cells::Text(*padding),
        _ => return None,
    };
    Some(Arc::new(Arc::new(Top {
        table: Arc::clone(table),
        rows: Arc::clone(rows),
        test: wish.test.clone(),
        stretch: wish.rows.clone(),
        column,
        cells,
        direction,
        limit: limit as usize,
    })))
}

impl Course for Arc<Top> {
    fn is_in_order(&self) -> bool {
        true
    }

    fn parts(&self, _: usize) -> Vec<Partition> {
        vec![Partition {
            start: self.stretch.start,
            end: self.stretch.end,
            note: "the first in order".to_owned(),
        }]
    }

    fn open(&self, _: &Partition, limits: &Limits) -> Result<Stretches> {
        let rows = match self.cells {
            Cells::Number(_) => self.first::<NumberKey>(limits)?,
            Cells::Text(_) => self.first::<TextKey>(limits)?,
        };
        Ok(Box::new(rows.into_iter().map(|row| {
            Ok(Stretch {
                rows: row..row + 1,
                passes: true,
            })
        })))
    }
}

impl Top {
    /// The numbers of the first rows, in order. Several threads look, each through rows of its own.
    fn first<K: Key>(&self, limits: &Limits) -> Result<Vec<u64>> {
        let count = self.stretch.end.saturating_sub(self.stretch.start);
        let workers = (count / ROWS_OF_A_THREAD).clamp(1, threads() as u64);
        let share = count.div_ceil(workers);
        let parts = (0..workers).map(|worker| {
            let start = self.stretch.start + (worker * share).min(count);
            start..start.saturating_add(share).min(self.stretch.end)
        });
        let found: Vec<Result<Best<K>>> = std::thread::scope(|scope| {
            let looking: Vec<_> = parts
                .map(|rows| scope.spawn(|| guarded(|| self.look::<K>(rows, limits))))
                .collect();
            let ended = |handle: std::thread::ScopedJoinHandle<'_, _>| {
                handle
                    .join()
                    .unwrap_or_else(|_| Err(damaged("a thread ended early")))
            };
            looking.into_iter().map(ended).collect()
        });
        let mut all = Vec::new();
        for best in found {
            all.extend(best?.heap);
        }
        all.sort_unstable();
        all.truncate(self.limit);
        Ok(all.into_iter().map(|(_, row)| row).collect())
    }

    fn look<K: Key>(&self, rows: Range<u64>, limits: &Limits) -> Result<Best<K>> {
        let mut columns = vec![self.column];
        self.test.columns(&mut columns);
        columns.sort_unstable();
        columns.dedup();
        let (table, from) = (&self.table, self.rows.as_ref());
        let mut feed = match Feed::of_columns(table, from, &columns)? {
            Some(feed) => feed,
            None => Feed::of_rows(table, from, &columns)?,
        };
        let seats = feed.seats().to_vec();
        let place = table.columns.get(self.column);
        let seat = seats.get(self.column).copied().flatten();
        let (Some(place), Some(seat)) = (place, seat) else {
            return Err(damaged("a column is gone"));
        };
        let mut best = Best {
            limit: self.limit,
            heap: BinaryHeap::new(),
        };
        let mut passes = Vec::new();
        let mut row = rows.start;
        while row < rows.end {
            limits.check()?;
            let (verdict, end) = feed.verdict(&self.test, row);
            if verdict == Verdict::Never {
                row = end;
                continue;
            }
            let (read, lanes) = feed.read(row, rows.end)?;
            if verdict == Verdict::Open {
                let block = Block {
                    first_row: row,
                    rows: read as usize,
                    lanes: &lanes,
                    columns: &table.columns,
                    seats: &seats,
                };
                self.test.run(block, &mut passes);
            } else {
                passes.clear();
                passes.resize(read as usize, true);
            }
            if let Some(lane) = lanes.get(seat.lane) {
                let places = lane.places(place, seat.offset, read as usize);
                K::offer(self.cells, self.direction, places, row, &passes, &mut best);
            }
            row += read;
        }
        Ok(best)
    }
}

/// The best rows so far; the last of them on top.
struct Best<K> {
    limit: usize,
    heap: BinaryHeap<(K, u64)>,
}

impl<K: Ord> Best<K> {
    /// Rows come by ascending number: of equal keys, those that are there already stay.
    fn offer(&mut self, key: K, row: u64) {
        if self.heap.len() < self.limit {
            self.heap.push((key, row));
        } else if let Some(mut last) = self.heap.peek_mut()
            && key < last.0
        {
            *last = (key, row);
        }
    }

    /// The key that must be undercut.
    fn bar(&self) -> Option<&K> {
        let is_full = self.heap.len() >= self.limit;
        self.heap.peek().filter(|_| is_full).map(|(key, _)| key)
    }
}

/// A cell as it is put in order: what comes first is the least.
trait Key: Ord + Send + Sized {
    fn offer(
        cells: Cells,
        direction: Direction,
        places: Places<'_>,
        first_row: u64,
        passes: &[bool],
        best: &mut Best<Self>,
    );
}

/// Nulls, then numbers, in 65 bits; all bits turned if the order is descending.
type NumberKey = u128;

impl Key for NumberKey {
    fn offer(
        cells: Cells,
        direction: Direction,
        places: Places<'_>,
        first_row: u64,
        passes: &[bool],
        best: &mut Best<Self>,
    ) {
        let Cells::Number(number) = cells else { return };
        let mask = match direction {
            Direction::Ascending => 0,
            Direction::Descending => u128::MAX,
        };
        let bar = best.bar().copied().unwrap_or(u128::MAX);
        let mut numbers = Numbers {
            mask,
            bar,
            row: first_row,
            passes: passes.iter(),
            best,
        };
        number.each(places, &mut numbers);
    }
}

struct Numbers<'a> {
    mask: u128,
    bar: u128,
    row: u64,
    passes: std::slice::Iter<'a, bool>,
    best: &'a mut Best<NumberKey>,
}

impl Numbers<'_> {
    #[inline]
    fn key(&mut self, key: u128) {
        let key = key ^ self.mask;
        let row = self.row;
        self.row += 1;
        let passes = self.passes.next().copied().unwrap_or(false);
        if passes && key <= self.bar {
            self.best.offer(key, row);
            self.bar = self.best.bar().copied().unwrap_or(u128::MAX);
        }
    }
}

/// Set for all that are not null.
const IS_NUMBER: u128 = 1 << 64;
const SIGN: u64 = 1 << 63;

impl Visit for Numbers<'_> {
    #[inline]
    fn signed(&mut self, number: i64) {
        self.key(IS_NUMBER | u128::from(number as u64 ^ SIGN));
    }

    #[inline]
    fn unsigned(&mut self, number: u64) {
        self.key(IS_NUMBER | u128::from(number));
    }

    #[inline]
    fn real(&mut self, number: f64) {
        if number.is_nan() {
            return self.key(0);
        }
        // The negative zero plus zero is zero.
        let bits = (number + 0.0).to_bits();
        let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
        self.key(IS_NUMBER | u128::from(ordered));
    }
}

/// A text, and whether the order is descending.
#[derive(PartialEq, Eq)]
struct TextKey(Vec<u8>, bool);

impl Ord for TextKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.0.cmp(&other.0);
        if self.1 { order.reverse() } else { order }
    }
}

impl PartialOrd for TextKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Key for TextKey {
    fn offer(
        cells: Cells,
        direction: Direction,
        places: Places<'_>,
        first_row: u64,
        passes: &[bool],
        best: &mut Best<Self>,
    ) {
        let Cells::Text(padding) = cells else { return };
        let is_down = direction == Direction::Descending;
        let rows = (first_row..).zip(places.elements()).zip(passes);
        for ((row, cell), _) in rows.filter(|(_, passes)| **passes) {
            let text = trimmed(cell, padding);
            let is_better = |bar: &Self| {
                if is_down {
                    text > bar.0.as_slice()
                } else {
                    text < bar.0.as_slice()
                }
            };
            if best.bar().is_none_or(is_better) {
                best.offer(Self(text.to_vec(), is_down), row);
            }
        }
    }
}
