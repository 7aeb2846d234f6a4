//! The course of a filter: only the rows that an index of the file names, and those that are not in the index yet.
//!
//! What the index names is still tested. If it names many rows, all are read instead: that is faster.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use tablecast_connector::{Limits, Partition};

use super::column::{ColumnIndex, Found, Search};
use super::key::Spans;
use crate::error::Result;
use crate::rows::{Course, Stretch, Stretches};

/// Of so many rows one may be named by an index that is worth using.
const SELECTIVE: u64 = 12;
/// Rows and buckets that are listed at most.
const LISTED_MAX: u64 = 4 << 20;

/// The rows that may pass a filter, by one of several indexes.
pub struct ByFilter {
    /// Each with the values that the filter is true of; one of them is used.
    pub indexes: Vec<(Arc<ColumnIndex>, Spans)>,
    /// The rows of the table that may pass.
    pub rows: Range<u64>,
    /// Rows of a chunk.
    pub height: u64,
    /// So many rows between two that are wanted are read with them.
    pub gap: u64,
    pub found: OnceLock<Arc<Vec<Range<u64>>>>,
}

/// Where in which slice.
type Named = Vec<(u64, Range<usize>)>;

impl ByFilter {
    /// The stretches to be read, in order.
    fn found(&self, limits: &Limits) -> Result<Arc<Vec<Range<u64>>>> {
        if let Some(found) = self.found.get() {
            return Ok(Arc::clone(found));
        }
        let found = Arc::new(self.look_up(limits)?);
        Ok(Arc::clone(self.found.get_or_init(|| found)))
    }

    fn look_up(&self, limits: &Limits) -> Result<Vec<Range<u64>>> {
        let all = vec![self.rows.clone()];
        let mut best: Option<(u64, usize, Search, Named)> = None;
        for (at, (index, spans)) in self.indexes.iter().enumerate() {
            let Some((search, named)) = places(index, spans, limits)? else {
                continue;
            };
            let count: usize = named.iter().map(|(_, places)| places.len()).sum();
            let rows = (count as u64).saturating_mul(index.rows_of_entry());
            if best.as_ref().is_none_or(|(least, ..)| rows < *least) {
                best = Some((rows, at, search, named));
            }
        }
        let Some((rows, at, mut search, named)) = best else {
            return Ok(all);
        };
        let Some((index, _)) = self.indexes.get(at) else {
            return Ok(all);
        };
        let entries: u64 = named.iter().map(|(_, places)| places.len() as u64).sum();
        let is_exact = index.rows_of_entry() == 1;
        let is_worth_it = !is_exact || rows < (self.rows.end - self.rows.start) / SELECTIVE;
        if !is_worth_it || entries > LISTED_MAX {
            return Ok(all);
        }
        let Some(mut found) = listed(&mut search, &named, limits)? else {
            return Ok(all);
        };
        // Rows that were added behind the index's back.
        if index.rows() < self.rows.end {
            found.push(index.rows()..self.rows.end);
        }
        Ok(self.joined(found))
    }

    fn joined(&self, mut found: Vec<Range<u64>>) -> Vec<Range<u64>> {
        found.sort_unstable_by_key(|rows| rows.start);
        let mut joined: Vec<Range<u64>> = Vec::new();
        for rows in found {
            let rows = rows.start.max(self.rows.start)..rows.end.min(self.rows.end);
            if rows.start >= rows.end {
                continue;
            }
            match joined.last_mut() {
                Some(last) if rows.start <= last.end.saturating_add(self.gap) => {
                    last.end = last.end.max(rows.end);
                }
                _ => joined.push(rows),
            }
        }
        joined
    }
}

/// The rows named, in any order; `None` if the index does not fit its table.
fn listed(search: &mut Search, named: &Named, limits: &Limits) -> Result<Option<Vec<Range<u64>>>> {
    let mut found: Vec<Range<u64>> = Vec::new();
    for (slice, places) in named {
        limits.check()?;
        let named = search.each(*slice, places.start, places.end, |one| {
            let rows = match one {
                Found::Row(row) => row..row + 1,
                Found::Rows(from, to) => from..to,
            };
            // Neighbours often name the same bucket.
            if found.last() != Some(&rows) {
                found.push(rows);
            }
        });
        if named.is_err() {
            search.index.give_up();
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// Where the values are in the index; `None` if it does not fit its table.
fn places(
    index: &Arc<ColumnIndex>,
    spans: &Spans,
    limits: &Limits,
) -> Result<Option<(Search, Named)>> {
    let look = || -> Result<Option<(Search, Named)>> {
        let (mut search, mut named) = (Search::new(index)?, Vec::new());
        for slice in 0..index.slices() {
            let places = search.places(slice, spans)?;
            named.extend(places.into_iter().map(|places| (slice, places)));
        }
        Ok(Some((search, named)))
    };
    limits.check()?;
    look().or_else(|_| {
        index.give_up();
        Ok(None)
    })
}

impl Course for ByFilter {
    fn is_in_order(&self) -> bool {
        false
    }

    fn parts(&self, most: usize) -> Vec<Partition> {
        let count = self.rows.end - self.rows.start;
        let height = self.height.max(1);
        let length = (count / most.max(1) as u64 / height + 1) * height;
        let mut parts = Vec::new();
        let mut start = self.rows.start;
        loop {
            let end = (start / height * height)
                .saturating_add(length)
                .min(self.rows.end);
            let is_last = parts.len() + 1 >= most || end >= self.rows.end;
            let end = if is_last { self.rows.end } else { end };
            parts.push(Partition {
                start,
                end,
                note: "as an index names them".to_owned(),
            });
            if is_last {
                return parts;
            }
            start = end;
        }
    }

    fn open(&self, part: &Partition, limits: &Limits) -> Result<Stretches> {
        let found = self.found(limits)?;
        let (start, end) = (part.start, part.end);
        let mut at = found.partition_point(|rows| rows.end <= start);
        Ok(Box::new(std::iter::from_fn(move || {
            let rows = found.get(at).filter(|rows| rows.start < end)?;
            at += 1;
            Some(Ok(Stretch {
                rows: rows.start.max(start)..rows.end.min(end),
                passes: false,
            }))
        })))
    }
}
