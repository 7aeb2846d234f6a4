//! The course of an order: the rows as a complete index of the file has them, equal cells by row number.
//!
//! Each row is looked at before it is given: if its cell is not the one that the index has, the index is not used any
//! more, and the request fails rather than give a wrong order.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use tablecast_connector::{Direction, Limits, Partition};

use super::column::{ColumnIndex, Found, Search};
use super::key::{Edge, Key, Spans, order, rows_with};
use super::places::{Places, intersection, union};
use crate::error::{Result, damaged};
use crate::filter::Test;
use crate::format::dataset::Dataset;
use crate::format::rows::RowReader;
use crate::rows::{Course, Stretch, Stretches};

/// Rows with equal cells that are put in order at a time.
const TIES_MAX: usize = 1 << 16;

/// All rows that may pass, in the order of a column.
pub struct ByOrder {
    pub index: Arc<ColumnIndex>,
    pub direction: Direction,
    /// The column's place in the table, and where it is in a row.
    pub column: usize,
    pub offset: usize,
    pub name: String,
    pub dataset: Arc<Dataset>,
    /// The values that the filter is true of, if it says so.
    pub spans: Option<Spans>,
    /// The filter, which the scan applies; here it tells which rows of equal cells need not be looked at.
    pub test: Arc<Test>,
}

impl Course for Arc<ByOrder> {
    fn is_in_order(&self) -> bool {
        true
    }

    fn parts(&self, _: usize) -> Vec<Partition> {
        vec![Partition {
            start: 0,
            end: self.index.rows(),
            note: "in the order of an index".to_owned(),
        }]
    }

    fn open(&self, _: &Partition, limits: &Limits) -> Result<Stretches> {
        let walk = Walk::new(self, limits).inspect_err(|_| self.index.give_up())?;
        Ok(Box::new(walk))
    }
}

struct Walk {
    course: Arc<ByOrder>,
    limits: Limits,
    search: Search,
    rows: RowReader,
    /// Stretches of the sorted column that are left, the next one first. Those of NaN are one run each.
    left: VecDeque<(Range<usize>, bool)>,
    /// What is left of a run of equal cells: its places, and the rows in which those that are to come lie.
    run: Option<(Range<usize>, Range<u64>)>,
    /// The next rows of the run, in order, and their cell.
    ties: VecDeque<u64>,
    key: Key,
    is_done: bool,
}

impl Walk {
    fn new(course: &Arc<ByOrder>, limits: &Limits) -> Result<Self> {
        let index = &course.index;
        let mut search = Search::new(index)?;
        let count = usize::try_from(index.rows()).map_err(damaged)?;
        let slice_rows = index.slice_rows() as usize;
        let mut places: Places = std::iter::once(0..count).collect();
        if let Some(spans) = &course.spans {
            let mut all = Vec::new();
            for slice in 0..index.slices() {
                let start = slice as usize * slice_rows;
                let found = search.places(slice, spans)?;
                all.extend(
                    found
                        .into_iter()
                        .map(|part| start + part.start..start + part.end),
                );
            }
            places = union(all);
        }
        let nulls = if index.cells.is_real() {
            let border = Spans::One(Edge::After(Key::Real(f64::INFINITY)), Edge::End);
            let mut start = count;
            for slice in (0..index.slices()).rev() {
                match search.places(slice, &border)?.first() {
                    Some(part) => start = slice as usize * slice_rows + part.start,
                    None => break,
                }
            }
            start
        } else {
            count
        };
        let numbers = intersection(&places, std::slice::from_ref(&(0..nulls)));
        let nulls = intersection(&places, std::slice::from_ref(&(nulls..count)));
        let numbers = numbers.into_iter().map(|part| (part, false));
        let nulls = nulls.into_iter().map(|part| (part, true));
        let left = match course.direction {
            Direction::Ascending => nulls.chain(numbers).collect(),
            Direction::Descending => numbers.rev().chain(nulls).collect(),
        };
        Ok(Self {
            rows: RowReader::new(&course.dataset)?,
            course: Arc::clone(course),
            limits: limits.clone(),
            search,
            left,
            run: None,
            ties: VecDeque::new(),
            key: Key::Whole(0),
            is_done: false,
        })
    }

    fn next_row(&mut self) -> Result<Option<u64>> {
        loop {
            if let Some(row) = self.ties.pop_front() {
                self.check(row)?;
                return Ok(Some(row));
            }
            self.limits.check()?;
            if let Some((places, rows)) = self.run.take() {
                self.refill(places, rows)?;
                continue;
            }
            let Some((places, is_null)) = self.left.pop_front() else {
                return Ok(None);
            };
            if places.start < places.end {
                self.start(places, is_null)?;
            }
        }
    }

    /// Starts the next run of a stretch, and puts back what is left of it.
    fn start(&mut self, places: Range<usize>, is_null: bool) -> Result<()> {
        let (run, key) = if is_null {
            (places.clone(), Key::Real(f64::NAN))
        } else {
            self.run_of(&places)?
        };
        let rest = match self.course.direction {
            Direction::Ascending => run.end..places.end,
            Direction::Descending => places.start..run.start,
        };
        if !is_null && rest.start < rest.end {
            self.left.push_front((rest, false));
        }
        let all = 0..self.course.index.rows();
        let rows = rows_with(&self.course.test, self.course.column, &key, &all);
        self.key = key;
        self.run = Some((run, rows));
        Ok(())
    }

    /// The run at the near end of a stretch, and its cell.
    fn run_of(&mut self, places: &Range<usize>) -> Result<(Range<usize>, Key)> {
        let index = Arc::clone(&self.course.index);
        let slice_rows = index.slice_rows() as usize;
        let is_up = self.course.direction == Direction::Ascending;
        let at = if is_up { places.start } else { places.end - 1 };
        let (slice, within) = (at / slice_rows, at % slice_rows);
        let cell = self.search.cells(slice as u64, within, within + 1)?;
        let key = index.cells.key(&cell);
        // Most runs are short: the next cells are looked at before a search is made.
        let (from, to) = if is_up {
            (at, (at + 8).min(places.end).min((slice + 1) * slice_rows))
        } else {
            (
                at.saturating_sub(7)
                    .max(places.start)
                    .max(slice * slice_rows),
                at + 1,
            )
        };
        let start = slice * slice_rows;
        let near = self.search.cells(slice as u64, from - start, to - start)?;
        let cells = near.chunks_exact(cell.len().max(1));
        let equal = |cell: &[u8]| index.cells.compare(cell, &key).is_eq();
        let length = if is_up {
            cells.take_while(|cell| equal(cell)).count()
        } else {
            cells.rev().take_while(|cell| equal(cell)).count()
        };
        if length < to - from {
            let run = if is_up {
                at..at + length
            } else {
                at + 1 - length..at + 1
            };
            return Ok((run, key));
        }
        let span = Spans::One(Edge::Before(key.clone()), Edge::After(key.clone()));
        let mut run = at..at + 1;
        let mut slice = slice as u64;
        loop {
            let start = slice as usize * slice_rows;
            let found = self.search.places(slice, &span)?;
            let Some(part) = found.first() else { break };
            run = run.start.min(start + part.start)..run.end.max(start + part.end);
            let goes_on = if is_up {
                part.end == slice_rows && slice + 1 < index.slices()
            } else {
                part.start == 0 && slice > 0
            };
            if !goes_on {
                break;
            }
            slice = if is_up { slice + 1 } else { slice - 1 };
        }
        Ok((run.start.max(places.start)..run.end.min(places.end), key))
    }

    /// The next rows of a run, in order.
    fn refill(&mut self, places: Range<usize>, rows: Range<u64>) -> Result<()> {
        let slice_rows = self.course.index.slice_rows() as usize;
        let mut found: Vec<u64> = Vec::new();
        let mut wanted = rows.clone();
        let mut at = places.start;
        while at < places.end && wanted.start < wanted.end {
            self.limits.check()?;
            let slice = at / slice_rows;
            let start = slice * slice_rows;
            // In steps, so that no more than two lots are in memory.
            let end = (start + slice_rows).min(places.end).min(at + TIES_MAX);
            let (from, to) = (at - start, end - start);
            self.search.each(slice as u64, from, to, |one| match one {
                Found::Row(row) if wanted.contains(&row) => found.push(row),
                _ => {}
            })?;
            if found.len() > TIES_MAX {
                found.select_nth_unstable(TIES_MAX - 1);
                found.truncate(TIES_MAX);
                wanted.end = found.last().map_or(wanted.end, |last| last + 1);
            }
            at = end;
        }
        found.sort_unstable();
        if wanted.end < rows.end {
            self.run = Some((places, wanted.end..rows.end));
        }
        self.ties = found.into();
        Ok(())
    }

    /// Holds the row against the index.
    fn check(&mut self, row: u64) -> Result<()> {
        let course = &self.course;
        let (_, bytes) = self.rows.read(row, row + 1)?;
        let cell = bytes.get(course.offset..).unwrap_or_default();
        let length = course.index.cell_bytes().min(cell.len());
        let key = course.index.cells.key(&cell[..length]);
        if order(&key, &self.key).is_eq() {
            return Ok(());
        }
        self.course.index.give_up();
        let name = &self.course.name;
        let message = format!("the file's index of column {name} does not fit its rows");
        Err(damaged(message).hint("The index is not used from now on: ask again"))
    }
}

impl Iterator for Walk {
    type Item = Result<Stretch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_done {
            return None;
        }
        let row = self.next_row();
        self.is_done = !matches!(row, Ok(Some(_)));
        if row.is_err() && self.limits.check().is_ok() {
            self.course.index.give_up();
        }
        let stretch = |row| Stretch {
            rows: row..row + 1,
            passes: false,
        };
        row.map(|row| row.map(stretch)).transpose()
    }
}
