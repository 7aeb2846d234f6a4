//! The rows of one part of a scan: read stretch by stretch, tested, and put into batches.
//!
//! Rows that pass are kept as bytes until they make a batch worth sending; a large block of which all rows pass is a
//! batch at once.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use tablecast_connector::{Batch, Limits, Partition};

use crate::array::{arrow, cells};
use crate::column::ColumnPlace;
use crate::error::{Error, Result, damaged};
use crate::feed::{Feed, seats_in_rows};
use crate::filter::{Block, Lane, Seat, Test, Verdict};
use crate::format::value::ValueReader;
use crate::rows::{Course, Rows, Stretch, Stretches};
use crate::scan::{OnNotText, guarded};
use crate::table::Table;

/// Batches hold at least this many rows, if there are so many.
const BATCH_ROWS: usize = 1 << 15;
/// And at most about this many bytes, if a single row is not larger.
const BATCH_BYTES: usize = 1 << 20;
/// Rows at a time whose cells are in a heap, and may have any size.
const HEAP_ROWS: u64 = 1024;

/// A scan of fewer rows reads them whole.
const ROWS_LONG: u64 = 1 << 14;

/// How long one batch may be looked for. Then one comes, be it empty, so that a long search lets others have the thread.
const TURN: Duration = Duration::from_millis(20);

/// A column that was asked for: its place among the table's, or the row number.
#[derive(Debug, Clone, Copy)]
pub enum Wanted {
    Column(usize),
    RowNumber,
}

/// What all parts of a scan share.
pub struct Plan {
    pub table: Arc<Table>,
    pub rows: Arc<dyn Rows>,
    pub schema: Arc<Schema>,
    pub wanted: Vec<Wanted>,
    /// The places of all columns that are read.
    pub columns: Vec<usize>,
    /// `None` if all rows pass.
    pub test: Option<Test>,
    /// `None` is from the first row of a part to its last.
    pub course: Option<Arc<dyn Course>>,
    /// The most rows, where it is not known before which ones they are.
    pub limit: Option<u64>,
    pub on_not_text: OnNotText,
}

/// The rows of one part, batch by batch.
pub struct PartRows {
    plan: Arc<Plan>,
    limits: Limits,
    feed: Feed,
    /// Where the columns are in what the feed reads, which is tested.
    tested: Vec<Option<Seat>>,
    /// Where they are in what is put into batches: whole rows, though single columns are tested.
    whole: Option<Vec<Option<Seat>>>,
    stretches: Stretches,
    /// What is left of the stretch that is being read.
    stretch: Stretch,
    left: u64,
    has_heap: bool,
    passes: Vec<bool>,
    kept: Kept,
}

/// Rows that passed and are not in a batch yet: their lanes, each with its stride, and their numbers.
#[derive(Default)]
struct Kept {
    lanes: Vec<(Vec<u8>, usize)>,
    numbers: Vec<i64>,
}

impl PartRows {
    /// Opens `part` of the plan.
    pub fn new(plan: Arc<Plan>, part: &Partition, limits: &Limits) -> Result<Self> {
        let open = || {
            let stretches: Stretches = match &plan.course {
                Some(course) => course.open(part, limits)?,
                None => Box::new(std::iter::once(Ok(Stretch {
                    rows: part.start..part.end,
                    passes: plan.test.is_none(),
                }))),
            };
            Ok((plan.feed(part)?, stretches))
        };
        let ((feed, is_whole), stretches) =
            guarded(open).map_err(|error| error.within(&plan.table.info.name))?;
        let has_heap = plan.wanted.iter().any(|wanted| match wanted {
            Wanted::Column(at) => plan
                .table
                .columns
                .get(*at)
                .is_some_and(ColumnPlace::is_in_heap),
            Wanted::RowNumber => false,
        });
        Ok(Self {
            left: plan.limit.unwrap_or(u64::MAX),
            limits: limits.clone(),
            passes: Vec::new(),
            kept: Kept::default(),
            stretch: Stretch {
                rows: 0..0,
                passes: false,
            },
            tested: feed.seats().to_vec(),
            whole: is_whole.then(|| seats_in_rows(&plan.table)),
            has_heap,
            feed,
            stretches,
            plan,
        })
    }

    /// Whether there are rows to read; goes on to the next stretch if one is done.
    fn has_rows(&mut self) -> Result<bool> {
        let count = self.plan.rows.count();
        while self.left > 0 {
            if self.stretch.rows.start < self.stretch.rows.end {
                return Ok(true);
            }
            let Some(next) = self.stretches.next() else {
                self.left = 0;
                return Ok(false);
            };
            self.stretch = next?;
            self.stretch.rows.end = self.stretch.rows.end.min(count);
        }
        Ok(false)
    }

    fn batch(&mut self) -> Result<Option<Batch>> {
        if self.plan.wanted.is_empty() {
            return self.count();
        }
        let start = Instant::now();
        let mut has_more = self.has_rows()?;
        while has_more {
            self.limits.check()?;
            let batch = self.block()?;
            if batch.is_some() {
                return Ok(batch);
            }
            let rows = self.kept.numbers.len();
            let is_full = rows >= self.batch_rows() || self.kept.bytes() >= BATCH_BYTES;
            if is_full || start.elapsed() > TURN {
                break;
            }
            has_more = self.has_rows()?;
        }
        if self.kept.numbers.is_empty() && !has_more {
            return Ok(None);
        }
        let seats = self.whole.as_ref().unwrap_or(&self.tested);
        let numbers = Numbers::Listed(&self.kept.numbers);
        let batch = self.plan.build(&self.kept.lanes(), seats, numbers);
        self.kept.clear();
        batch.map(Some)
    }

    fn batch_rows(&self) -> usize {
        if self.has_heap {
            HEAP_ROWS as usize
        } else {
            BATCH_ROWS
        }
    }

    /// The next rows of the stretch, and whether all of them are known to pass; `None` if none does, and they are behind
    /// us.
    fn upcoming(&mut self) -> Option<(Range<u64>, bool)> {
        let mut rows = self.stretch.rows.clone();
        let Some(test) = self.plan.test.as_ref().filter(|_| !self.stretch.passes) else {
            return Some((rows, true));
        };
        let (verdict, end) = self.feed.verdict(test, rows.start);
        if verdict == Verdict::Open {
            return Some((rows, false));
        }
        rows.end = rows.end.min(end);
        if verdict == Verdict::Never {
            self.stretch.rows.start = rows.end;
            return None;
        }
        Some((rows, true))
    }

    /// Reads the next block. A large one of which all rows pass is a batch at once, the rows of others are kept.
    fn block(&mut self) -> Result<Option<Batch>> {
        let Some((mut rows, passes)) = self.upcoming() else {
            return Ok(None);
        };
        if self.has_heap {
            rows.end = rows.end.min(rows.start + HEAP_ROWS);
        }
        if passes {
            return self.take(rows);
        }
        self.search(&rows)?;
        Ok(None)
    }

    /// Takes the next of these rows, which all pass.
    fn take(&mut self, rows: Range<u64>) -> Result<Option<Batch>> {
        let first = rows.start;
        let (read, lanes) = match &self.whole {
            Some(_) => self
                .feed
                .read_whole(first, rows.end)
                .map(|(read, lane)| (read, vec![lane]))?,
            None => self.feed.read(first, rows.end)?,
        };
        self.stretch.rows.start += read;
        let bytes: usize = lanes.iter().map(|lane| lane.bytes.len()).sum();
        let is_worth_it = read as usize >= BATCH_ROWS / 2 || bytes >= BATCH_BYTES / 4;
        let is_last = self.plan.course.is_none() && first + read >= rows.end;
        if self.kept.numbers.is_empty() && read <= self.left && (is_worth_it || is_last) {
            self.left -= read;
            let seats = self.whole.as_ref().unwrap_or(&self.tested);
            let numbers = Numbers::From(first, read as usize);
            return self.plan.build(&lanes, seats, numbers).map(Some);
        }
        let taken = self.left.min(read);
        self.left -= taken;
        self.kept.extend(&lanes, 0..taken as usize, first);
        Ok(None)
    }

    /// Keeps those of the next of these rows that pass.
    fn search(&mut self, rows: &Range<u64>) -> Result<()> {
        let Self {
            plan,
            feed,
            tested,
            whole,
            stretch,
            left,
            passes,
            kept,
            ..
        } = self;
        let (read, lanes) = feed.read(rows.start, rows.end)?;
        stretch.rows.start += read;
        plan.run(&lanes, tested, rows.start, read, passes);
        let mut found = runs(passes, *left);
        *left -= found.iter().map(|run| run.len() as u64).sum::<u64>();
        if whole.is_none() {
            for run in found {
                kept.extend(&lanes, run, rows.start);
            }
            return Ok(());
        }
        for run in &mut found {
            while run.start < run.end {
                let (from, to) = (run.start as u64, run.end as u64);
                let first = rows.start + from;
                let (read, lane) = feed.read_whole(first, rows.start + to)?;
                kept.extend(&[lane], 0..read as usize, first);
                run.start += read as usize;
            }
        }
        Ok(())
    }

    /// A batch without columns: how many rows there are, in as much of the part as a turn allows.
    fn count(&mut self) -> Result<Option<Batch>> {
        let mut count = 0;
        let start = Instant::now();
        let mut has_more = self.has_rows()?;
        if !has_more {
            return Ok(None);
        }
        while has_more && start.elapsed() < TURN {
            self.limits.check()?;
            let found = self.count_block()?.min(self.left);
            self.left -= found;
            count += found;
            has_more = self.has_rows()?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(count as usize));
        let batch =
            RecordBatch::try_new_with_options(Arc::clone(&self.plan.schema), Vec::new(), &options);
        batch.map(|batch| Some(batch.into())).map_err(arrow)
    }

    /// How many rows of the next block pass; nothing is read where that is known.
    fn count_block(&mut self) -> Result<u64> {
        let Some((rows, passes)) = self.upcoming() else {
            return Ok(0);
        };
        if passes {
            self.stretch.rows.start = rows.end;
            return Ok(rows.end - rows.start);
        }
        let (read, lanes) = self.feed.read(rows.start, rows.end)?;
        self.stretch.rows.start += read;
        let passes = &mut self.passes;
        self.plan
            .run(&lanes, &self.tested, rows.start, read, passes);
        Ok(count_of(passes))
    }
}

/// How many rows pass; bytes are added up, many at a time.
fn count_of(passes: &[bool]) -> u64 {
    let few = passes.chunks(u8::MAX as usize);
    let counts = few.map(|few| few.iter().map(|&passes| u8::from(passes)).sum::<u8>());
    counts.map(u64::from).sum()
}

/// Where rows pass that follow each other, `most` rows at most.
fn runs(passes: &[bool], most: u64) -> Vec<Range<usize>> {
    let mut left = usize::try_from(most).unwrap_or(usize::MAX);
    let mut runs: Vec<Range<usize>> = Vec::new();
    // Most filters pass few rows: those between are passed over, many at a time.
    for (start, some) in (0..).step_by(64).zip(passes.chunks(64)) {
        if !some.contains(&true) {
            continue;
        }
        for (row, _) in (start..).zip(some).filter(|(_, passes)| **passes) {
            if left == 0 {
                return runs;
            }
            left -= 1;
            match runs.last_mut() {
                Some(run) if run.end == row => run.end += 1,
                _ => runs.push(row..row + 1),
            }
        }
    }
    runs
}

impl Kept {
    /// Adds some of the rows of these lanes, whose first row has the number `first`.
    fn extend(&mut self, lanes: &[Lane<'_>], rows: Range<usize>, first: u64) {
        self.lanes.resize_with(lanes.len(), Default::default);
        for ((bytes, stride), lane) in self.lanes.iter_mut().zip(lanes) {
            *stride = lane.stride;
            let found = lane
                .bytes
                .get(rows.start * lane.stride..rows.end * lane.stride);
            bytes.extend_from_slice(found.unwrap_or_default());
        }
        let numbers = rows.map(|row| first as i64 + row as i64);
        self.numbers.extend(numbers);
    }

    fn lanes(&self) -> Vec<Lane<'_>> {
        let lanes = self.lanes.iter().map(|(bytes, stride)| Lane {
            bytes,
            stride: *stride,
        });
        lanes.collect()
    }

    fn bytes(&self) -> usize {
        self.lanes.iter().map(|(bytes, _)| bytes.len()).sum()
    }

    fn clear(&mut self) {
        self.lanes.iter_mut().for_each(|(bytes, _)| bytes.clear());
        self.numbers.clear();
    }
}

impl Iterator for PartRows {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = guarded(|| self.batch());
        if batch.is_err() {
            self.left = 0;
            self.kept.clear();
        }
        batch
            .map_err(|error| error.within(&self.plan.table.info.name))
            .transpose()
    }
}

/// The numbers of the rows of a batch.
#[derive(Clone, Copy)]
enum Numbers<'a> {
    From(u64, usize),
    Listed(&'a [i64]),
}

impl Numbers<'_> {
    fn rows(&self) -> usize {
        match self {
            Self::From(_, rows) => *rows,
            Self::Listed(numbers) => numbers.len(),
        }
    }

    fn array(&self) -> ArrayRef {
        match self {
            Self::From(first, rows) => {
                Arc::new((*first as i64..*first as i64 + *rows as i64).collect::<Int64Array>())
            }
            Self::Listed(numbers) => Arc::new(Int64Array::from(numbers.to_vec())),
        }
    }

    /// For messages.
    fn bounds(&self) -> (i64, i64) {
        match self {
            Self::From(first, rows) => (*first as i64, *first as i64 + *rows as i64 - 1),
            Self::Listed(numbers) => (
                numbers.first().copied().unwrap_or(0),
                numbers.last().copied().unwrap_or(0),
            ),
        }
    }
}

impl Plan {
    /// What a part is read by, and whether whole rows are to be read besides.
    ///
    /// Columns are worth taking apart for those who pass through many rows, not for those who pick a few.
    fn feed(&self, part: &Partition) -> Result<(Feed, bool)> {
        let (table, rows) = (&self.table, self.rows.as_ref());
        let is_long = self.test.is_some() || part.end - part.start >= rows.height().max(ROWS_LONG);
        if self.course.is_none() && is_long {
            if let Some(feed) = Feed::of_columns(table, rows, &self.columns)? {
                return Ok((feed, false));
            }
            let mut tested = Vec::new();
            if let Some(test) = &self.test {
                test.columns(&mut tested);
                tested.sort_unstable();
                tested.dedup();
            }
            if self.test.is_some()
                && let Some(feed) = Feed::of_columns(table, rows, &tested)?
            {
                return Ok((feed, true));
            }
        }
        Ok((Feed::of_rows(table, rows, &self.columns)?, false))
    }

    /// Puts the test to some rows.
    fn run(
        &self,
        lanes: &[Lane<'_>],
        seats: &[Option<Seat>],
        first_row: u64,
        rows: u64,
        passes: &mut Vec<bool>,
    ) {
        let block = Block {
            first_row,
            rows: rows as usize,
            lanes,
            columns: &self.table.columns,
            seats,
        };
        match &self.test {
            Some(test) => test.run(block, passes),
            None => passes.clear(),
        }
    }

    fn build(
        &self,
        lanes: &[Lane<'_>],
        seats: &[Option<Seat>],
        numbers: Numbers<'_>,
    ) -> Result<Batch> {
        let mut values = ValueReader::new(self.rows.file(), Some(&self.table.paths));
        let gone = || damaged("a column is gone");
        let arrays = self.wanted.iter().map(|wanted| match wanted {
            Wanted::RowNumber => Ok(numbers.array()),
            Wanted::Column(at) => {
                let column = self.table.columns.get(*at).ok_or_else(gone)?;
                let seat = seats.get(*at).copied().flatten().ok_or_else(gone)?;
                let empty = Lane {
                    bytes: &[],
                    stride: 0,
                };
                // Without rows there are no lanes.
                let lane = lanes.get(seat.lane).copied().unwrap_or(empty);
                let places = lane.places(column, seat.offset, numbers.rows());
                cells(column, places, &mut values).map_err(|error| self.named(error, *at, numbers))
            }
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .map(Batch::from)
            .map_err(arrow)
    }

    fn named(&self, error: Error, column: usize, numbers: Numbers<'_>) -> Error {
        let (first, last) = numbers.bounds();
        if crate::array::NotText::is(&error) {
            (self.on_not_text)(column);
            let hint = "The texts of this column are given as bytes from now on: ask again";
            return error.within(format!("rows {first} to {last}")).hint(hint);
        }
        error.within(format!("rows {first} to {last} cannot be read"))
    }
}
