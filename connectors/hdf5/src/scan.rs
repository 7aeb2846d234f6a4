//! Scans: which rows are read in which parts, which filters are decided here, and the loop over blocks of rows.
//!
//! A predicate on the row number becomes a stretch of rows, so that a page costs the same wherever it is.

use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use tablecast_connector::{
    Batch, Batches, BlockingScan, Direction, Identity, Limits, OutputColumn, Partition, Promises,
    ROWID, ScanRequest, Sort, Support,
};

use crate::array::{array, arrow};
use crate::error::{Error, Result, damaged};
use crate::filter::{Block, Test, compile};
use crate::format::dataset::{Dataset, Layout};
use crate::format::rows::RowReader;
use crate::format::value::ValueReader;
use crate::table::Table;

/// Batches hold at least this many rows, if there are so many.
const BATCH_ROWS: usize = 8192;
/// And at most about this many bytes, if a single row is not larger.
const BATCH_BYTES: usize = 1 << 20;
/// Rows at a time whose cells are in a heap, and may have any size.
const HEAP_ROWS: u64 = 1024;
/// A scan of fewer bytes than this is not worth a second thread.
const PARTITION_BYTES: u64 = 1 << 20;

/// How long one batch may be looked for. Then one comes, be it empty, so that a long search lets others have the thread.
const TURN: Duration = Duration::from_millis(20);

/// Told when a column of texts, given by its place, turns out to hold something else.
pub type OnNotText = Arc<dyn Fn(usize) + Send + Sync>;

/// Plans a scan of a table whose rows can be read.
pub fn scan(
    table: &Arc<Table>,
    dataset: &Arc<Dataset>,
    request: &ScanRequest,
    on_not_text: OnNotText,
) -> Result<BlockingScan> {
    let wanted = request
        .columns
        .iter()
        .map(|name| wanted(table, name))
        .collect::<Result<Vec<_>>>()?;
    let mut promises = Promises::nothing(request);
    let mut tests = Vec::new();
    for (predicate, support) in request.filters.iter().zip(&mut promises.filters) {
        check_columns(table, &predicate.columns())?;
        if let Some(test) = compile(predicate, &table.columns) {
            tests.push(test);
            *support = Support::Exact;
        }
    }
    let is_all_done = tests.len() == request.filters.len();
    let test = Test::All(tests);
    let mut rows = test.rows(0..dataset.rows());
    let is_plain = test.is_only_a_stretch();
    order(table, request, &mut promises);
    let mut limit = None;
    if is_all_done && promises.sort == Support::Exact {
        promises.limit = Support::Exact;
        limit = request.limit;
        if let (true, Some(limit)) = (is_plain, limit) {
            rows.end = rows.end.min(rows.start.saturating_add(limit));
        }
    }
    // Which rows come first is only known to one who reads from the start.
    let parts = if limit.is_some() && !is_plain {
        1
    } else {
        threads()
    };
    let known = (is_all_done && is_plain).then_some(rows.end - rows.start);
    let plan = Arc::new(Plan {
        table: Arc::clone(table),
        dataset: Arc::clone(dataset),
        schema: Arc::new(schema(table, &request.columns, &wanted)),
        test: (!is_plain).then_some(test),
        limit: limit.filter(|_| !is_plain),
        wanted,
        on_not_text,
    });
    Ok(BlockingScan {
        columns: outputs(&plan.schema),
        promises,
        partitions: partitions(dataset, rows, parts),
        rows: known,
        open: Arc::new(move |partition, limits| {
            let rows = partition.start..partition.end.min(plan.dataset.rows());
            let batches: Batches = Box::new(PartRows::new(Arc::clone(&plan), rows, limits)?);
            Ok(batches)
        }),
    })
}

/// How many threads a scan can use.
pub fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// A column that was asked for: its place among the table's, or the row number.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Column(usize),
    RowNumber,
}

fn wanted(table: &Table, name: &str) -> Result<Wanted> {
    let found = table.columns.iter().position(|column| column.name == name);
    match found {
        Some(at) => Ok(Wanted::Column(at)),
        None if name == ROWID => Ok(Wanted::RowNumber),
        None => Err(Error::not_found(format!(
            "Column not found: {name} in {}",
            table.info.name
        ))),
    }
}

fn check_columns(table: &Table, names: &[&str]) -> Result<()> {
    names
        .iter()
        .try_for_each(|name| wanted(table, name).map(|_| ()))
}

fn order(table: &Table, request: &ScanRequest, promises: &mut Promises) {
    let by_row_number = Sort {
        column: ROWID.to_owned(),
        direction: Direction::Ascending,
    };
    let has_row_number = matches!(table.info.identity, Identity::RowNumber { .. });
    let is_wanted = request
        .sort
        .first()
        .is_none_or(|first| has_row_number && *first == by_row_number);
    promises.sort = if is_wanted {
        Support::Exact
    } else {
        Support::Unsupported
    };
    if has_row_number {
        promises.order.push(by_row_number);
    }
}

fn schema(table: &Table, names: &[String], wanted: &[Wanted]) -> Schema {
    let fields = names.iter().zip(wanted).map(|(name, wanted)| {
        let data_type = match wanted {
            Wanted::RowNumber => DataType::Int64,
            Wanted::Column(at) => table
                .columns
                .get(*at)
                .map_or(DataType::Null, super::column::ColumnPlace::data_type),
        };
        Field::new(name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn outputs(schema: &Schema) -> Vec<OutputColumn> {
    let output = |field: &Arc<Field>| OutputColumn {
        name: field.name().clone(),
        data_type: Some(field.data_type().clone()),
    };
    schema.fields().iter().map(output).collect()
}

/// Parts of about the same number of rows, whose borders are borders of chunks.
fn partitions(dataset: &Dataset, rows: Range<u64>, parts: usize) -> Vec<Partition> {
    let part = |start, end| Partition {
        start,
        end,
        note: String::new(),
    };
    let count = rows.end.saturating_sub(rows.start);
    let bytes = count.saturating_mul(dataset.row_bytes().unwrap_or(1) as u64);
    let parts = (bytes / PARTITION_BYTES).clamp(1, parts as u64);
    let height = match &dataset.layout {
        Layout::Chunked(chunking) => chunking.dims.get(dataset.main).copied().unwrap_or(1).max(1),
        _ => 1,
    };
    let length = (count / parts)
        .div_ceil(height)
        .max(1)
        .saturating_mul(height);
    let mut partitions = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        // Only the first part may start within a chunk.
        let end = (start / height * height)
            .saturating_add(length)
            .min(rows.end);
        let end = if partitions.len() as u64 + 1 >= parts {
            rows.end
        } else {
            end
        };
        partitions.push(part(start, end));
        start = end;
    }
    if partitions.is_empty() {
        partitions.push(part(rows.start, rows.start));
    }
    partitions
}

struct Plan {
    table: Arc<Table>,
    dataset: Arc<Dataset>,
    schema: Arc<Schema>,
    wanted: Vec<Wanted>,
    /// `None` if all rows of the stretch pass.
    test: Option<Test>,
    /// The most rows, where not all rows pass.
    limit: Option<u64>,
    on_not_text: OnNotText,
}

/// The rows of one part, batch by batch.
struct PartRows {
    plan: Arc<Plan>,
    limits: Limits,
    reader: RowReader,
    rows: Range<u64>,
    left: u64,
    stride: usize,
    has_heap: bool,
    passes: Vec<bool>,
    /// Rows that passed and are not in a batch yet, one after the other, and their numbers.
    kept: Vec<u8>,
    numbers: Vec<i64>,
}

impl PartRows {
    fn new(plan: Arc<Plan>, rows: Range<u64>, limits: &Limits) -> Result<Self> {
        let reader = guarded(|| RowReader::new(&plan.dataset))
            .map_err(|error| error.within(&plan.table.info.name))?;
        let has_heap = plan.wanted.iter().any(|wanted| match wanted {
            Wanted::Column(at) => plan
                .table
                .columns
                .get(*at)
                .is_some_and(super::column::ColumnPlace::is_in_heap),
            Wanted::RowNumber => false,
        });
        Ok(Self {
            left: plan.limit.unwrap_or(u64::MAX),
            stride: plan.dataset.row_bytes()?,
            limits: limits.clone(),
            passes: Vec::new(),
            kept: Vec::new(),
            numbers: Vec::new(),
            has_heap,
            reader,
            rows,
            plan,
        })
    }

    fn batch(&mut self) -> Result<Option<Batch>> {
        if self.plan.wanted.is_empty() {
            return self.count();
        }
        let start = Instant::now();
        while self.rows.start < self.rows.end && self.left > 0 {
            self.limits.check()?;
            if let Some(batch) = self.block()? {
                return Ok(Some(batch));
            }
            let is_full = self.numbers.len() >= self.batch_rows() || self.kept.len() >= BATCH_BYTES;
            if is_full || start.elapsed() > TURN {
                break;
            }
        }
        if self.numbers.is_empty() && (self.rows.start >= self.rows.end || self.left == 0) {
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
        let first = self.rows.start;
        let end = if self.has_heap {
            self.rows.end.min(first + HEAP_ROWS)
        } else {
            self.rows.end
        };
        let (rows, bytes) = self.reader.read(first, end)?;
        self.rows.start += rows;
        let rows = rows as usize;
        let Some(test) = &self.plan.test else {
            if self.numbers.is_empty()
                && (rows >= BATCH_ROWS / 2
                    || self.rows.start >= self.rows.end
                    || bytes.len() >= BATCH_BYTES / 4)
            {
                return self
                    .plan
                    .build(bytes, Numbers::From(first, rows), self.stride)
                    .map(Some);
            }
            self.kept.extend_from_slice(bytes);
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
        if self.rows.start >= self.rows.end || self.left == 0 {
            return Ok(None);
        }
        let mut count = 0;
        if let Some(test) = &self.plan.test {
            let start = Instant::now();
            let columns = &self.plan.table.columns;
            while self.rows.start < self.rows.end && count < self.left && start.elapsed() < TURN {
                self.limits.check()?;
                let first_row = self.rows.start;
                let (rows, bytes) = self.reader.read(first_row, self.rows.end)?;
                let block = Block {
                    bytes,
                    first_row,
                    rows: rows as usize,
                    stride: self.stride,
                    columns,
                };
                test.run(block, &mut self.passes);
                count += self.passes.iter().filter(|passes| **passes).count() as u64;
                self.rows.start += rows;
            }
        } else {
            count = self.rows.end - self.rows.start;
            self.rows.start = self.rows.end;
        }
        let count = count.min(self.left);
        self.left -= count;
        let options = RecordBatchOptions::new().with_row_count(Some(count as usize));
        let batch =
            RecordBatch::try_new_with_options(Arc::clone(&self.plan.schema), Vec::new(), &options);
        batch.map(|batch| Some(batch.into())).map_err(arrow)
    }
}

impl Iterator for PartRows {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = guarded(|| self.batch());
        if batch.is_err() {
            self.rows.start = self.rows.end;
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
        let mut values = ValueReader::new(&self.dataset.file, Some(&self.table.paths));
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

/// Runs what reads bytes that anybody may have written: a panic in it is an error of the file.
pub fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let cause = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let cause = cause
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(damaged("the file is damaged in a way that is not known").caused_by(cause))
    })
}
