//! Counts and facets in one pass over a scan. Several tasks count side by side, each with tallies of its own, which
//! are put together at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use tablecast_connector::{
    Answer, Batch, Count, Error, ErrorKind, FacetKind, Limits, Result, Scan,
};

use crate::condition::Condition;
use crate::counted;
use crate::groups::Groups;
use crate::runtime::{again, parallelism, start};
use crate::selection::Selection;

/// What a tally counts.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// Rows; all tasks together stop at `at_most`.
    Rows {
        at_most: Option<u64>,
        met: Arc<AtomicU64>,
    },
    /// The values of the column at this place.
    Values {
        place: usize,
        kind: FacetKind,
        limit: u64,
    },
}

/// One want of a pass.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    pub(crate) subject: Subject,
    /// When this want alone fails.
    pub(crate) deadline: Option<Instant>,
    /// Filtered rows enough.
    pub(crate) sample: Option<u64>,
}

/// A pass over a scan.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    pub(crate) scan: Arc<Scan>,
    pub(crate) condition: Condition,
    pub(crate) tallies: Vec<Tally>,
    pub(crate) limits: Limits,
}

/// What one task has counted for one want.
#[derive(Debug)]
struct Counter {
    tally: Tally,
    groups: Groups,
    rows: u64,
    failure: Option<Error>,
    is_done: bool,
}

impl Pass {
    /// Reads everything once: in order if only the first rows count, otherwise partitions side by side.
    pub(crate) async fn run(self) -> Vec<Result<Answer>> {
        let pass = Arc::new(self);
        let next = Arc::new(AtomicUsize::new(0));
        let has_sample = pass.tallies.iter().any(|tally| tally.sample.is_some());
        let workers = if has_sample {
            1
        } else {
            parallelism().min(pass.scan.partitions.len()).max(1)
        };
        let others: Vec<_> = (1..workers)
            .map(|_| start(work(Arc::clone(&pass), Arc::clone(&next))))
            .collect();
        let mut counted = work(Arc::clone(&pass), next).await;
        for task in others {
            let part = match task {
                Ok(task) => task.ended().await.and_then(|part| part),
                // Without a place for helpers, one task does it all.
                Err(_) => continue,
            };
            counted = counted.and_then(|whole| merge(whole, part?));
        }
        answers(&pass, counted)
    }
}

/// Takes partition after partition until none is left or all tallies are done.
async fn work(pass: Arc<Pass>, next: Arc<AtomicUsize>) -> Result<Vec<Counter>> {
    let mut counters: Vec<Counter> = pass.tallies.iter().cloned().map(Counter::new).collect();
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(partition) = pass.scan.partitions.get(at) else {
            return Ok(counters);
        };
        let mut stream = pass.scan.reader.open(partition, &pass.limits).await?;
        while let Some(batch) = stream.next().await {
            pass.limits.check()?;
            take(&mut counters, &batch?, &pass.condition)?;
            if counters.iter().all(|counter| counter.is_done) {
                return Ok(counters);
            }
        }
    }
}

fn take(counters: &mut [Counter], batch: &Batch, condition: &Condition) -> Result<()> {
    let selection = Selection::of(batch, condition)?;
    for counter in counters.iter_mut().filter(|counter| !counter.is_done) {
        if let Err(error) = counter.take(batch, &selection) {
            counter.failure = Some(error);
            counter.is_done = true;
        }
    }
    Ok(())
}

impl Counter {
    fn new(tally: Tally) -> Self {
        Self {
            is_done: tally.sample == Some(0)
                || matches!(
                    &tally.subject,
                    Subject::Rows {
                        at_most: Some(0),
                        ..
                    }
                ),
            tally,
            groups: Groups::default(),
            rows: 0,
            failure: None,
        }
    }

    fn take(&mut self, batch: &Batch, selection: &Selection) -> Result<()> {
        if let Some(error) = late(self.tally.deadline) {
            return Err(error);
        }
        let left = self.tally.sample.map_or(u64::MAX, |most| most - self.rows);
        let rows = (selection.len() as u64).min(left);
        match &self.tally.subject {
            Subject::Rows { at_most, met } => {
                let met = met.fetch_add(rows, Ordering::Relaxed) + rows;
                self.is_done = at_most.is_some_and(|most| met >= most);
            }
            Subject::Values {
                place,
                kind: FacetKind::Column,
                ..
            } if add_array(&mut self.groups, batch, *place, selection, rows)? => {}
            Subject::Values { place, kind, .. } => {
                let columns = batch.columns()?;
                let column = columns.get(*place).ok_or_else(|| {
                    Error::internal("A scan gave fewer columns than it was asked for")
                })?;
                let groups = &mut self.groups;
                let mut chosen = selection.iter().take(rows as usize);
                chosen.try_for_each(|row| groups.add(&column.cell(row), *kind))?;
            }
        }
        self.rows += rows;
        self.is_done |= self.tally.sample.is_some_and(|most| self.rows >= most);
        Ok(())
    }

    fn merge(mut self, other: Self) -> Self {
        self.rows += other.rows;
        self.failure = self
            .failure
            .or(other.failure)
            .or_else(|| late(self.tally.deadline))
            .or_else(|| self.groups.merge(other.groups).err());
        self
    }

    fn answer(self) -> Result<Answer> {
        if let Some(error) = self.failure {
            return Err(error);
        }
        Ok(match self.tally.subject {
            Subject::Rows { at_most, .. } => Answer::Count(count(self.rows, at_most)),
            Subject::Values { limit, .. } => {
                let (values, more) = self.groups.commonest(limit);
                Answer::Facet { values, more }
            }
        })
    }
}

/// Counts the first rows of a selection by a whole array; whether it could.
fn add_array(
    groups: &mut Groups,
    batch: &Batch,
    place: usize,
    selection: &Selection,
    rows: u64,
) -> Result<bool> {
    let (Some(arrow), Selection::Stretch(stretch)) = (batch.as_arrow(), selection) else {
        return Ok(false);
    };
    let rows = stretch.start..stretch.start + rows as usize;
    match arrow.columns().get(place) {
        Some(array) => counted::add(groups, array, &rows),
        None => Ok(false),
    }
}

fn late(deadline: Option<Instant>) -> Option<Error> {
    let is_late = deadline.is_some_and(|end| Instant::now() >= end);
    is_late.then(|| Error::new(ErrorKind::TimedOut, "The time limit was reached"))
}

/// `rows` counted, of which no more than `at_most` are told.
fn count(rows: u64, at_most: Option<u64>) -> Count {
    Count {
        rows: at_most.map_or(rows, |most| rows.min(most)),
        truncated: at_most.is_some_and(|most| rows >= most),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "for `and_then`")]
fn merge(whole: Vec<Counter>, part: Vec<Counter>) -> Result<Vec<Counter>> {
    let pairs = whole.into_iter().zip(part);
    Ok(pairs.map(|(whole, part)| whole.merge(part)).collect())
}

fn answers(pass: &Pass, counted: Result<Vec<Counter>>) -> Vec<Result<Answer>> {
    match counted {
        Ok(counters) => counters.into_iter().map(Counter::answer).collect(),
        Err(error) => pass.tallies.iter().map(|_| Err(again(&error))).collect(),
    }
}
