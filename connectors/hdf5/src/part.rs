//! The rows of one part of a scan: read stretch by stretch, tested, and put into batches.
//!
//! Rows that pass are kept as bytes until they make a batch worth sending; a large block of which all rows pass is a
//! batch at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::Schema;
use tablecast_connector::{Batch, Limits, Partition};

use crate::array::{array, arrow};
use crate::column::ColumnPlace;
use crate::error::{Error, Result, damaged};
use crate::filter::{Block, Test};
use crate::format::value::ValueReader;
use crate::rows::{Course, ReadRows, Rows, Stretch, Stretches};
use crate::scan::{OnNotText, guarded};
use crate::table::Table;

/// Batches hold at least this many rows, if there are so many.
const BATCH_ROWS: usize = 8192;
/// And at most about this many bytes, if a single row is not larger.
const BATCH_BYTES: usize = 1 << 20;
/// Rows at a time whose cells are in a heap, and may have any size.
const HEAP_ROWS: u64 = 1024;

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
    reader: Box<dyn ReadRows>,
    stretches: Stretches,
    /// What is left of the stretch that is being read.
    stretch: Stretch,
    left: u64,
    stride: usize,
    has_heap: bool,
    passes: Vec<bool>,
    /// Rows that passed and are not in a batch yet, one after the other, and their numbers.
    kept: Vec<u8>,
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
            Ok((
                plan.rows.open(&plan.columns)?,
                stretches,
                plan.rows.row_bytes()?,
            ))
        };
        let (reader, stretches, stride) =
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
            kept: Vec::new(),
            numbers: Vec::new(),
            stretch: Stretch {
                rows: 0..0,
                passes: false,
            },
            stride,
            has_heap,
            reader,
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
            let is_full = self.numbers.len() >= self.batch_rows() || self.kept.len() >= BATCH_BYTES;
            if is_full || start.elapsed() > TURN {
                break;
            }
            has_more = self.has_rows()?;
        }
        if self.numbers.is_empty() && !has_more {
            return Ok(None);
        }
        let (kept, numbers) = (
            std::mem::take(&mut self.kept),
            std::mem::take(&mut self.numbers),
        );
        let batch = self
            .plan
            .build(&kept, Numbers::Listed(&numbers), self.stride);
        (self.kept, self.numbers) = (kept, numbers);
        self.kept.clear();
        self.numbers.clear();
        batch.map(Some)
    }

    fn batch_rows(&self) -> usize {
        if self.has_heap {
            HEAP_ROWS as usize
        } else {
            BATCH_ROWS
        }
    }

    /// Reads the next block. A large one of which all rows pass is a batch at once, the rows of others are kept.
    fn block(&mut self) -> Result<Option<Batch>> {
        let first = self.stretch.rows.start;
        let end = if self.has_heap {
            self.stretch.rows.end.min(first + HEAP_ROWS)
        } else {
            self.stretch.rows.end
        };
        let (rows, bytes) = self.reader.read(first, end)?;
        self.stretch.rows.start += rows;
        let rows = rows as usize;
        let test = self.plan.test.as_ref().filter(|_| !self.stretch.passes);
        let Some(test) = test else {
            let is_worth_it = rows >= BATCH_ROWS / 2 || bytes.len() >= BATCH_BYTES / 4;
            let is_last = self.plan.course.is_none() && first + rows as u64 >= end;
            if self.numbers.is_empty() && rows as u64 <= self.left && (is_worth_it || is_last) {
                self.left -= rows as u64;
                let numbers = Numbers::From(first, rows);
                return self.plan.build(bytes, numbers, self.stride).map(Some);
            }
            let rows = self.left.min(rows as u64) as usize;
            self.left -= rows as u64;
            self.kept.extend_from_slice(&bytes[..rows * self.stride]);
            self.numbers
                .extend((0..rows).map(|row| first as i64 + row as i64));
            return Ok(None);
        };
        let columns = &self.plan.table.columns;
        test.run(
            Block {
                bytes,
                first_row: first,
                rows,
                stride: self.stride,
                columns,
            },
            &mut self.passes,
        );
        for (row, _) in self
            .passes
            .iter()
            .enumerate()
            .filter(|(_, passes)| **passes)
        {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            self.kept
                .extend_from_slice(&bytes[row * self.stride..(row + 1) * self.stride]);
            self.numbers.push(first as i64 + row as i64);
        }
        Ok(None)
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

    /// How many rows of the next block pass; nothing is read where all do.
    fn count_block(&mut self) -> Result<u64> {
        let rows = self.stretch.rows.clone();
        let Some(test) = self.plan.test.as_ref().filter(|_| !self.stretch.passes) else {
            self.stretch.rows.start = rows.end;
            return Ok(rows.end - rows.start);
        };
        let (read, bytes) = self.reader.read(rows.start, rows.end)?;
        let block = Block {
            bytes,
            first_row: rows.start,
            rows: read as usize,
            stride: self.stride,
            columns: &self.plan.table.columns,
        };
        test.run(block, &mut self.passes);
        self.stretch.rows.start += read;
        Ok(self.passes.iter().filter(|passes| **passes).count() as u64)
    }
}

impl Iterator for PartRows {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = guarded(|| self.batch());
        if batch.is_err() {
            self.left = 0;
            self.numbers.clear();
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
    fn build(&self, bytes: &[u8], numbers: Numbers<'_>, stride: usize) -> Result<Batch> {
        let mut values = ValueReader::new(self.rows.file(), Some(&self.table.paths));
        let arrays = self.wanted.iter().map(|wanted| match wanted {
            Wanted::RowNumber => Ok(numbers.array()),
            Wanted::Column(at) => {
                let column = self
                    .table
                    .columns
                    .get(*at)
                    .ok_or_else(|| damaged("a column is gone"))?;
                array(column, bytes, numbers.rows(), stride, &mut values)
                    .map_err(|error| self.named(error, *at, numbers))
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
