//! Batches of a guest, checked: JSON rows and Arrow streams become record batches of just the columns and types that the
//! table is known by, or an error that names table, column and row.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use serde_json::Value as Json;
use tablecast_connector::{Error, OutputColumn, ROWID, Result};

use crate::kind::{array_of, narrowed};

/// A batch of a guest may not hold more rows: an Arrow column of nulls takes no bytes however long it is.
const ROWS_MAX: usize = 4 << 20;

/// The columns that are to come.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) table: String,
    /// In the order in which the guest was asked for them.
    pub(crate) columns: Vec<OutputColumn>,
    /// Where the row number goes among them, if it is counted here.
    pub(crate) counted_at: Option<usize>,
}

impl Shape {
    /// Rows of cells, of which `done` came before.
    pub(crate) fn of_rows(&self, rows: &[Vec<Json>], done: u64) -> Result<RecordBatch> {
        let width = self.columns.len();
        if let Some(at) = rows.iter().position(|row| row.len() != width) {
            let cells = rows.get(at).map_or(0, Vec::len);
            return Err(self.misfit(
                done + at as u64,
                None,
                &format!("it has {cells} cells instead of {width}"),
            ));
        }
        let mut arrays = Vec::with_capacity(width);
        for (at, column) in self.columns.iter().enumerate() {
            let cells: Vec<&Json> = rows.iter().filter_map(|row| row.get(at)).collect();
            let data_type = column.data_type.clone().unwrap_or(DataType::Null);
            let array = array_of(&cells, &data_type).map_err(|(row, problem)| {
                self.misfit(done + row as u64, Some(&column.name), &problem)
            })?;
            arrays.push(array);
        }
        self.batch(arrays, rows.len(), done)
    }

    /// An Arrow stream of one or more batches, of which rows `done` came before.
    pub(crate) fn of_arrow(&self, payload: Vec<u8>, done: u64) -> Result<Vec<RecordBatch>> {
        // Lengths and offsets in the stream are a stranger's; the decoder checks them, and where it has overlooked one
        // it stops with a panic.
        let decoded = catch_unwind(AssertUnwindSafe(|| decode(payload)))
            .unwrap_or_else(|_| Err("its parts do not fit together".to_owned()));
        let decoded = decoded.map_err(|problem| {
            Error::unreadable(format!(
                "{}: the connector sent invalid Arrow: {problem}",
                self.table
            ))
        })?;
        let mut done = done;
        let mut batches = Vec::with_capacity(decoded.len());
        for batch in decoded {
            let rows = batch.num_rows();
            if rows > ROWS_MAX {
                return Err(Error::unreadable(format!(
                    "{}: the connector sent a batch of {rows} rows; {ROWS_MAX} are allowed",
                    self.table
                )));
            }
            let arrays = self.arrays_of(&batch)?;
            batches.push(self.batch(arrays, rows, done)?);
            done += rows as u64;
        }
        Ok(batches)
    }

    fn arrays_of(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let one = |column: &OutputColumn| {
            let array = batch.column_by_name(&column.name).ok_or_else(|| {
                let come: Vec<&str> = batch
                    .schema_ref()
                    .fields()
                    .iter()
                    .map(|f| f.name().as_str())
                    .collect();
                Error::unreadable(format!(
                    "{}: the connector's batch has no column {:?}; it has {}",
                    self.table,
                    column.name,
                    come.join(", ")
                ))
            })?;
            let wanted = column.data_type.clone().unwrap_or(DataType::Null);
            if *array.data_type() == wanted {
                return Ok(Arc::clone(array));
            }
            if !same_family(array.data_type(), &wanted) {
                return Err(Error::unreadable(format!(
                    "{}: the connector's column {:?} is of the type {}, not {wanted} as it told before",
                    self.table,
                    column.name,
                    array.data_type()
                )));
            }
            narrowed(array, &wanted).map_err(|problem| {
                Error::unreadable(format!(
                    "{}, column {:?}: {problem}",
                    self.table, column.name
                ))
            })
        };
        self.columns.iter().map(one).collect()
    }

    fn batch(&self, mut arrays: Vec<ArrayRef>, rows: usize, done: u64) -> Result<RecordBatch> {
        if let Some(at) = self.counted_at {
            let first = i64::try_from(done).unwrap_or(i64::MAX);
            let numbers: Int64Array = (0..rows as i64)
                .map(|row| Some(first.saturating_add(row)))
                .collect();
            arrays.insert(at, Arc::new(numbers));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema(), arrays, &options)
            .map_err(|cause| Error::internal("A batch cannot be made").caused_by(cause))
    }

    fn schema(&self) -> SchemaRef {
        let fields = self.output().into_iter().map(|column| {
            Field::new(
                column.name,
                column.data_type.unwrap_or(DataType::Null),
                true,
            )
        });
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The columns that come out: those of the guest and the row number.
    pub(crate) fn output(&self) -> Vec<OutputColumn> {
        let mut columns = self.columns.clone();
        if let Some(at) = self.counted_at {
            columns.insert(
                at,
                OutputColumn {
                    name: ROWID.to_owned(),
                    data_type: Some(DataType::Int64),
                },
            );
        }
        columns
    }

    fn misfit(&self, row: u64, column: Option<&str>, problem: &str) -> Error {
        let place = column.map_or_else(String::new, |column| format!(", column {column:?}"));
        Error::unreadable(format!("{}, row {row}{place}: {problem}", self.table))
    }
}

fn decode(payload: Vec<u8>) -> Result<Vec<RecordBatch>, String> {
    let mut decoder = StreamDecoder::new();
    let mut buffer = Buffer::from_vec(payload);
    let mut batches = Vec::new();
    while !buffer.is_empty() {
        let before = buffer.len();
        if let Some(batch) = decoder
            .decode(&mut buffer)
            .map_err(|problem| problem.to_string())?
        {
            batches.push(batch);
        }
        if buffer.len() == before {
            return Err("bytes follow its end".to_owned());
        }
    }
    decoder.finish().map_err(|problem| problem.to_string())?;
    Ok(batches)
}

/// Whether values of the one type may stand in a column of the other: the same kind of value in another width.
fn same_family(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (from, to) {
        (T::Dictionary(_, values), to) => values.as_ref() == to || same_family(values, to),
        (T::Null, _)
        | (T::Utf8 | T::LargeUtf8 | T::Utf8View, T::Utf8)
        | (T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_), T::Binary)
        | (T::Date32 | T::Date64, T::Date32)
        | (T::Boolean, T::Boolean) => true,
        (T::Timestamp(_, a), T::Timestamp(_, b)) => a.is_some() == b.is_some(),
        (from, to) if to.is_floating() => from.is_numeric(),
        (from, to) => from.is_integer() && to.is_integer(),
    }
}
