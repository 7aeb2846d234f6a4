//! A table's rows as typed Arrow columns, for joins with other sources. A cell that does not fit the type of its column
//! is an error that names table, column and row, never a null.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema as ArrowSchema};
use tablecast_connector::{
    Affinity, Batch, BatchStream, BoxFuture, Cell, Column, ColumnView, Direction, Error, Limits,
    OpenPartition, OutputColumn, Partition, Predicate, Promises, ROWID, Result, Scan, ScanRequest,
    Sort, Statement, Support, TableInfo, Value,
};
use tablecast_sql::{Parameters, quote_always, sign};

use crate::source::{Inner, readable};
use crate::stream::{BatchReceiver, Streams};
use crate::tables::is_row_number;

/// Promises a scan. The schema is read if it is not known, which is the only I/O.
pub(crate) fn scan(inner: &Arc<Inner>, streams: Streams, request: &ScanRequest) -> Result<Scan> {
    let facts = inner.facts(&request.table)?;
    let info = readable(&facts)?;
    let columns = request
        .columns
        .iter()
        .map(|name| output_column(info, name))
        .collect::<Result<Vec<_>>>()?;
    let mut parameters = Parameters::default();
    let mut conditions = Vec::new();
    let filters: Vec<Support> = request
        .filters
        .iter()
        .map(|filter| match condition(info, filter, &mut parameters) {
            Some(sql) => {
                conditions.push(sql);
                Support::Exact
            }
            None => Support::Unsupported,
        })
        .collect();
    let all_exact = filters.iter().all(|support| *support == Support::Exact);
    let sort = sort_terms(info, &request.sort);
    let limit = request
        .limit
        .filter(|_| all_exact && (sort.is_some() || request.sort.is_empty()));
    let has_row_number = info.identity.columns() == [ROWID];
    let order = match (&sort, has_row_number) {
        (Some(_), _) if !request.sort.is_empty() => request.sort.clone(),
        (_, true) => info.identity.order(),
        _ => Vec::new(),
    };
    let promises = Promises {
        filters,
        sort: Support::exact_if(sort.is_some()),
        limit: Support::exact_if(limit.is_some()),
        order: order.clone(),
    };
    let sql = statement(info, &columns, &conditions, &order, limit);
    let reader = Arc::new(TypedReader {
        inner: Arc::clone(inner),
        streams,
        table: request.table.clone(),
        columns: columns.clone(),
        statement: Statement {
            sql,
            parameters: parameters.into_named(),
        },
    });
    Ok(Scan {
        columns,
        promises,
        partitions: vec![Partition {
            start: 0,
            end: 1,
            note: String::new(),
        }],
        rows: None,
        reader,
    })
}

fn output_column(info: &TableInfo, name: &str) -> Result<OutputColumn> {
    let data_type = match info.column(name) {
        Some(column) => column.data_type.clone(),
        None if is_row_number(info, name) => DataType::Int64,
        None => {
            return Err(Error::not_found(format!(
                "Column not found: {}.{name}",
                info.name
            )));
        }
    };
    Ok(OutputColumn {
        name: name.to_owned(),
        data_type: Some(data_type),
    })
}

fn statement(
    info: &TableInfo,
    columns: &[OutputColumn],
    conditions: &[String],
    order: &[Sort],
    limit: Option<u64>,
) -> String {
    // What tells the row comes last, to name the row of a cell that does not fit.
    let mut wanted: Vec<String> = columns
        .iter()
        .map(|column| quote_always(&column.name))
        .collect();
    let key = info.identity.columns().into_iter().map(|name| match name {
        ROWID => ROWID.to_owned(),
        name => quote_always(name),
    });
    wanted.push(
        key.reduce(|key, name| format!("{key} || ',' || {name}"))
            .unwrap_or_else(|| "null".to_owned()),
    );
    let mut sql = format!(
        "select {} from {}",
        wanted.join(", "),
        quote_always(&info.name)
    );
    if !conditions.is_empty() {
        sql = format!("{sql} where {}", conditions.join(" and "));
    }
    if !order.is_empty() {
        let terms: Vec<String> = order.iter().map(sort_term).collect();
        sql = format!("{sql} order by {}", terms.join(", "));
    }
    match limit {
        Some(limit) => format!("{sql} limit {limit}"),
        None => sql,
    }
}

fn sort_term(sort: &Sort) -> String {
    let name = quote_always(&sort.column);
    match sort.direction {
        Direction::Ascending => format!("{name} collate binary"),
        Direction::Descending => format!("{name} collate binary desc"),
    }
}

/// The sort if SQLite does it: it does for every column that it has.
fn sort_terms<'a>(info: &TableInfo, sort: &'a [Sort]) -> Option<&'a [Sort]> {
    let is_known =
        |sort: &Sort| info.column(&sort.column).is_some() || is_row_number(info, &sort.column);
    sort.iter().all(is_known).then_some(sort)
}

/// The predicate in SQL, if SQLite does exactly what it means.
fn condition(
    info: &TableInfo,
    predicate: &Predicate,
    parameters: &mut Parameters,
) -> Option<String> {
    Some(match predicate {
        Predicate::Constant(holds) => i32::from(*holds).to_string(),
        Predicate::Compare {
            column,
            comparison,
            value,
        } => {
            let name = compared(info, column, value)?;
            format!(
                "{name} collate binary {} :{}",
                sign(*comparison),
                parameters.add(value.clone())
            )
        }
        Predicate::In { column, values } => {
            let name = values
                .iter()
                .map(|value| compared(info, column, value))
                .collect::<Option<Vec<_>>>()?;
            let Some(name) = name.into_iter().next() else {
                return Some("0".to_owned());
            };
            let places: Vec<String> = values
                .iter()
                .map(|value| format!(":{}", parameters.add(value.clone())))
                .collect();
            format!("{name} collate binary in ({})", places.join(", "))
        }
        Predicate::IsNull(column) => format!("{} is null", named(info, column)?),
        Predicate::Not(inner) => format!("not ({})", condition(info, inner, parameters)?),
        Predicate::All(inner) => joined(info, inner, " and ", "1", parameters)?,
        Predicate::Any(inner) => joined(info, inner, " or ", "0", parameters)?,
        _ => return None,
    })
}

fn joined(
    info: &TableInfo,
    inner: &[Predicate],
    word: &str,
    empty: &str,
    parameters: &mut Parameters,
) -> Option<String> {
    let parts: Vec<String> = inner
        .iter()
        .map(|part| condition(info, part, parameters))
        .collect::<Option<_>>()?;
    Some(if parts.is_empty() {
        empty.to_owned()
    } else {
        format!("({})", parts.join(word))
    })
}

fn named(info: &TableInfo, column: &str) -> Option<String> {
    let is_known = info.column(column).is_some() || is_row_number(info, column);
    is_known.then(|| quote_always(column))
}

/// The column's name, if comparing it with the value converts neither: a text column with a number would be.
fn compared(info: &TableInfo, column: &str, value: &Value) -> Option<String> {
    let affinity = info
        .column(column)
        .map_or(Affinity::Integer, |known: &Column| known.affinity);
    let fits = match value {
        Value::Integer(integer) => affinity != Affinity::Text && i64::try_from(*integer).is_ok(),
        Value::Real(real) => affinity != Affinity::Text && !real.is_nan(),
        Value::Text(_) => matches!(affinity, Affinity::Text | Affinity::Blob),
        Value::Blob(_) => true,
        Value::Null => false,
    };
    named(info, column).filter(|_| fits)
}

struct TypedReader {
    inner: Arc<Inner>,
    streams: Streams,
    table: String,
    columns: Vec<OutputColumn>,
    statement: Statement,
}

impl OpenPartition for TypedReader {
    fn open<'a>(
        &'a self,
        _: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>> {
        Box::pin(async move {
            let connections = Arc::clone(&self.inner.connections);
            let started = self
                .streams
                .start(connections, self.statement.clone(), limits.clone());
            let (_, cells) = started.await?;
            let stream: Box<dyn BatchStream> = Box::new(TypedStream {
                cells,
                typing: Typing {
                    table: self.table.clone(),
                    columns: self.columns.clone(),
                },
            });
            Ok(stream)
        })
    }
}

struct TypedStream {
    cells: BatchReceiver,
    typing: Typing,
}

impl BatchStream for TypedStream {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        Box::pin(async move {
            let batch = self.cells.next().await?;
            Some(batch.and_then(|batch| self.typing.apply(&batch)))
        })
    }
}

/// What cells must be, and how to name one that is not.
struct Typing {
    table: String,
    columns: Vec<OutputColumn>,
}

impl Typing {
    fn apply(&self, batch: &Batch) -> Result<Batch> {
        let views = batch.columns()?;
        let mut fields = Vec::with_capacity(self.columns.len());
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, view) in self.columns.iter().zip(&views) {
            let data_type = column.data_type.clone().unwrap_or(DataType::Utf8);
            let array = typed(view, batch.rows(), &data_type)
                .map_err(|row| self.misfit(&column.name, &data_type, batch, &views, row))?;
            fields.push(Field::new(&column.name, data_type, true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.rows()));
        RecordBatch::try_new_with_options(Arc::new(ArrowSchema::new(fields)), arrays, &options)
            .map(Batch::from)
            .map_err(|cause| Error::internal("Rows do not fit their own columns").caused_by(cause))
    }

    fn misfit(
        &self,
        column: &str,
        data_type: &DataType,
        batch: &Batch,
        views: &[ColumnView<'_>],
        row: usize,
    ) -> Error {
        let number = match views.last().map(|view| view.cell(row)) {
            Some(Cell::Integer(number)) => format!("row {number}"),
            Some(Cell::Text(key)) => format!("row {key}"),
            _ => format!("row {} of a batch of {}", row + 1, batch.rows()),
        };
        Error::new(
            tablecast_connector::ErrorKind::Unreadable,
            format!(
                "{}.{column}, {number}: the value is not of type {data_type}",
                self.table
            ),
        )
        .hint("Leave the column out, or cast it in SQL")
    }
}

/// The cells as an array; the number of the first row that does not fit otherwise.
fn typed(view: &ColumnView<'_>, rows: usize, data_type: &DataType) -> Result<ArrayRef, usize> {
    match data_type {
        DataType::Int64 => {
            let mut array = Int64Builder::with_capacity(rows);
            for row in 0..rows {
                array.append_option(match view.cell(row) {
                    Cell::Null => None,
                    Cell::Integer(integer) => Some(integer),
                    _ => return Err(row),
                });
            }
            Ok(Arc::new(array.finish()))
        }
        DataType::Float64 => {
            let mut array = Float64Builder::with_capacity(rows);
            for row in 0..rows {
                array.append_option(match view.cell(row) {
                    Cell::Null => None,
                    Cell::Real(real) => Some(real),
                    // A number with affinity "numeric" is kept as an integer where it is whole.
                    Cell::Integer(integer) if integer.unsigned_abs() <= 1 << 53 => {
                        Some(integer as f64)
                    }
                    _ => return Err(row),
                });
            }
            Ok(Arc::new(array.finish()))
        }
        DataType::Binary => {
            let mut array = BinaryBuilder::new();
            for row in 0..rows {
                match view.cell(row) {
                    Cell::Null => array.append_null(),
                    Cell::Bytes(bytes) => array.append_value(bytes),
                    _ => return Err(row),
                }
            }
            Ok(Arc::new(array.finish()))
        }
        _ => {
            let mut array = StringBuilder::new();
            for row in 0..rows {
                match view.cell(row) {
                    Cell::Null => array.append_null(),
                    Cell::Text(text) => array.append_value(text),
                    _ => return Err(row),
                }
            }
            Ok(Arc::new(array.finish()))
        }
    }
}
