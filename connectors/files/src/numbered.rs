//! Tables whose rows are read one after the other by code of ours: numbered in the order of the file, in pieces that can
//! each be read by themselves where the format allows.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use tablecast_connector::{
    Batch, Batches, Column, Comparison, Error, Identity, Limits, OutputColumn, Partition, Pool,
    Predicate, Promises, ROWID, Result, Scan, ScanRequest, Storage, Support, TableInfo, Value,
    is_rowid_name, open_on,
};

use tablecast_engine::{shown, shown_type};

use crate::table::FileTable;

/// Parts into which the pieces of a table are put together for a scan.
const PARTITIONS_MAX: usize = 32;

/// Rows that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The number of its first row.
    pub(crate) first_row: u64,
    /// How many rows it has; `None` if that is not known before they are read.
    pub(crate) rows: Option<u64>,
}

/// Pieces with these numbers of rows, one behind the other; at least one.
pub(crate) fn pieces(counts: impl IntoIterator<Item = u64>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut first_row = 0;
    for rows in counts {
        pieces.push(Piece {
            first_row,
            rows: Some(rows),
        });
        first_row += rows;
    }
    if pieces.is_empty() {
        pieces.push(Piece {
            first_row: 0,
            rows: Some(0),
        });
    }
    pieces
}

/// Batches as they are read.
pub(crate) type RecordBatches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// Reads the rows of a table.
pub(crate) trait ReadRows: Send + Sync {
    /// The pieces in order; at least one.
    fn pieces(&self) -> &[Piece];

    /// The rows of these pieces, in order, with these columns. Blocks, in the iterator, too. A batch of no columns tells
    /// its number of rows. `limits` are checked between batches by the caller, within long batches by the reader.
    fn read(
        &self,
        pieces: Range<usize>,
        columns: &[usize],
        limits: &Limits,
    ) -> Result<RecordBatches>;
}

/// A table of rows that are read one after the other.
pub(crate) struct RowsTable {
    info: Arc<TableInfo>,
    rows: Arc<dyn ReadRows>,
    /// How many there are; `None` if that is not known, or if not all of them can be read.
    count: Option<u64>,
    storage: Option<Storage>,
    pool: Arc<Pool>,
}

impl RowsTable {
    pub(crate) fn new(
        name: &str,
        columns: Vec<Column>,
        rows: Arc<dyn ReadRows>,
        pool: &Arc<Pool>,
    ) -> Self {
        let hidden = columns.iter().any(|column| is_rowid_name(&column.name));
        let identity = if hidden {
            // A column of that name hides the row number.
            Identity::None
        } else {
            Identity::RowNumber {
                seekable: rows.pieces().len() > 1,
            }
        };
        let last = rows.pieces().last();
        let count = last.and_then(|last| Some(last.first_row + last.rows?));
        Self {
            info: Arc::new(TableInfo::new(name, columns, identity)),
            rows,
            count,
            storage: None,
            pool: Arc::clone(pool),
        }
    }

    /// With what is said about the table, and how it is stored.
    pub(crate) fn described(
        mut self,
        storage: Option<Storage>,
        change: impl FnOnce(&mut TableInfo),
    ) -> Self {
        let mut info = TableInfo::clone(&self.info);
        change(&mut info);
        self.info = Arc::new(info);
        self.storage = storage;
        self
    }

    fn place(&self, name: &str) -> Result<Wanted> {
        let place = self
            .info
            .columns
            .iter()
            .position(|column| column.name == name);
        match place {
            Some(place) => Ok(Wanted::Column(place)),
            None if name == ROWID => Ok(Wanted::RowNumber),
            None => Err(Error::invalid(format!("no such column: {name}")).within(&self.info.name)),
        }
    }

    /// The numbers of the rows that can pass, and what of each filter that decides.
    fn numbers(&self, filters: &[Predicate]) -> (Range<u64>, Vec<Support>) {
        let mut numbers = 0..u64::MAX;
        let has_number = self.info.column(ROWID).is_none();
        let promises = filters.iter().map(|filter| {
            let decided = has_number.then(|| numbers_of(filter)).flatten();
            let Some(decided) = decided else {
                return Support::Unsupported;
            };
            numbers = numbers.start.max(decided.start)..numbers.end.min(decided.end);
            Support::Exact
        });
        let promises = promises.collect();
        (numbers, promises)
    }
}

/// The row numbers for which a comparison of them holds.
fn numbers_of(filter: &Predicate) -> Option<Range<u64>> {
    let Predicate::Compare {
        column,
        comparison,
        value: Value::Integer(value),
    } = filter
    else {
        return None;
    };
    if column != ROWID {
        return None;
    }
    let at = |value: i128| u64::try_from(value.max(0)).unwrap_or(u64::MAX);
    Some(match comparison {
        Comparison::Equal => at(*value)..at(value + 1),
        Comparison::Greater => at(value + 1)..u64::MAX,
        Comparison::GreaterOrEqual => at(*value)..u64::MAX,
        Comparison::Less => 0..at(*value),
        Comparison::LessOrEqual => 0..at(value + 1),
        Comparison::NotEqual => return None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Column(usize),
    RowNumber,
}

impl FileTable for RowsTable {
    fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    fn rows(&self) -> Option<u64> {
        self.count
    }

    fn storage(&self) -> Option<Storage> {
        self.storage.clone()
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        let wanted: Vec<Wanted> = request
            .columns
            .iter()
            .map(|name| self.place(name))
            .collect::<Result<_>>()?;
        let (numbers, filters) = self.numbers(&request.filters);
        let order = self.info.identity.order();
        let is_ordered = request.sort.is_empty() || order.starts_with(&request.sort);
        let is_filtered = filters.iter().all(|support| *support == Support::Exact);
        let limit = request.limit.filter(|_| is_filtered && is_ordered);
        let columns: Vec<OutputColumn> = wanted
            .iter()
            .zip(&request.columns)
            .map(|(wanted, name)| OutputColumn {
                name: name.clone(),
                data_type: Some(self.type_of(*wanted)),
            })
            .collect();
        let count = self.count.filter(|_| is_filtered).map(|rows| {
            let end = numbers.end.min(rows);
            let rows = end.saturating_sub(numbers.start);
            limit.map_or(rows, |limit| rows.min(limit))
        });
        let shape = Shape {
            schema: schema(&columns),
            wanted,
            numbers: numbers.clone(),
            limit,
        };
        Ok(Scan {
            partitions: self.partitions(&numbers, limit.is_some()),
            columns,
            promises: Promises {
                filters,
                sort: Support::exact_if(is_ordered),
                limit: Support::exact_if(limit.is_some()),
                order,
            },
            rows: count,
            reader: self.reader(shape),
        })
    }
}

impl RowsTable {
    fn type_of(&self, wanted: Wanted) -> DataType {
        match wanted {
            Wanted::RowNumber => DataType::Int64,
            Wanted::Column(place) => {
                let column = self.info.columns.get(place);
                column.map_or(DataType::Null, |column| column.data_type.clone())
            }
        }
    }

    /// Pieces with rows within `numbers`, put together as neighbours; in one if there is a limit for all.
    fn partitions(&self, numbers: &Range<u64>, in_one: bool) -> Vec<Partition> {
        let pieces = self.rows.pieces();
        let first = pieces.partition_point(|piece| {
            piece
                .rows
                .is_some_and(|rows| piece.first_row + rows <= numbers.start)
        });
        let behind = pieces.partition_point(|piece| piece.first_row < numbers.end);
        let count = behind.saturating_sub(first);
        let parts = if in_one { 1 } else { count.min(PARTITIONS_MAX) };
        (0..parts)
            .map(|part| Partition {
                start: (first + count * part / parts) as u64,
                end: (first + count * (part + 1) / parts) as u64,
                note: String::new(),
            })
            .filter(|part| part.start < part.end)
            .collect()
    }

    fn reader(&self, shape: Shape) -> Arc<dyn tablecast_connector::OpenPartition> {
        let rows = Arc::clone(&self.rows);
        let shape = Arc::new(shape);
        open_on(
            &self.pool,
            Arc::new(move |partition, limits| {
                limits.check()?;
                let pieces = partition.start as usize..partition.end as usize;
                let first = rows.pieces().get(pieces.start);
                let columns: Vec<usize> = shape.columns();
                let numbered = Numbered {
                    next: first.map_or(0, |piece| piece.first_row),
                    left: shape.limit.unwrap_or(u64::MAX),
                    batches: rows.read(pieces, &columns, limits)?,
                    shape: Arc::clone(&shape),
                    limits: limits.clone(),
                };
                let batches: Batches = Box::new(numbered);
                Ok(batches)
            }),
        )
    }
}

fn schema(columns: &[OutputColumn]) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let data_type = column.data_type.clone().unwrap_or(DataType::Null);
        Field::new(&column.name, data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of a table whose rows come with this schema.
pub(crate) fn columns_of(schema: &Schema) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields
        .map(|field| {
            let mut column = Column::new(field.name(), shown_type(field.data_type()));
            column.declared_type = field.data_type().to_string();
            column.not_null = !field.is_nullable();
            column
        })
        .collect()
}

/// What comes of the rows that are read.
struct Shape {
    schema: SchemaRef,
    wanted: Vec<Wanted>,
    numbers: Range<u64>,
    limit: Option<u64>,
}

impl Shape {
    fn columns(&self) -> Vec<usize> {
        let columns = self.wanted.iter().filter_map(|wanted| match wanted {
            Wanted::Column(place) => Some(*place),
            Wanted::RowNumber => None,
        });
        columns.collect()
    }
}

/// Rows with their numbers, from the first wanted to the last.
struct Numbered {
    batches: RecordBatches,
    /// The number of the next row that is read.
    next: u64,
    left: u64,
    shape: Arc<Shape>,
    limits: Limits,
}

impl Iterator for Numbered {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.left == 0 || self.next >= self.shape.numbers.end {
                return None;
            }
            if let Err(error) = self.limits.check() {
                return Some(Err(error));
            }
            let batch = match self.batches.next()? {
                Ok(batch) => batch,
                Err(error) => return Some(Err(error)),
            };
            let rows = batch.num_rows() as u64;
            let first = self.next;
            self.next += rows;
            let start = self.shape.numbers.start.clamp(first, self.next);
            let end = self.shape.numbers.end.clamp(start, self.next);
            let end = end.min(start.saturating_add(self.left));
            if start < end {
                self.left -= end - start;
                let part = batch.slice((start - first) as usize, (end - start) as usize);
                return Some(self.shaped(&part, start));
            }
        }
    }
}

impl Numbered {
    fn shaped(&self, batch: &RecordBatch, first: u64) -> Result<Batch> {
        let rows = batch.num_rows();
        let mut read = batch.columns().iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.shape.wanted.len());
        for wanted in &self.shape.wanted {
            columns.push(match wanted {
                Wanted::RowNumber => {
                    let first = first as i64;
                    Arc::new(Int64Array::from_iter_values(first..first + rows as i64))
                }
                Wanted::Column(_) => shown(read.next().ok_or_else(|| {
                    Error::internal("A reader gave fewer columns than it was asked for")
                })?)?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.shape.schema);
        RecordBatch::try_new_with_options(schema, columns, &options)
            .map(Into::into)
            .map_err(|cause| Error::internal("Rows do not fit their columns").caused_by(cause))
    }
}
