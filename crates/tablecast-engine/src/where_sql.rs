//! Conditions that a person wrote (`_where`), over a source that takes no SQL: the source seen through them, as another
//! source whose scans run a statement of the front end. All else (sorts, pages, counts, facets) is then done as ever.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use datafusion::arrow::compute::cast;
use tablecast_connector::{
    Batch, BatchStream, BoxFuture, Details, Dialect, Error, Filter, Identity, Limits,
    OpenPartition, OutputColumn, Partition, Predicate, Promises, ROWID, Result, Scan, ScanRequest,
    Source, Statement, Support, TableInfo, Value,
};
use tablecast_sql::{quote_always, sign};

use crate::request;
use crate::selection::unexpected;

/// A condition with the values of its parameters.
#[derive(Clone, Debug)]
struct Condition {
    text: String,
    parameters: Vec<(String, Value)>,
}

/// One table of a source, without the rows that do not meet the conditions.
struct Filtered {
    inner: Arc<dyn Source>,
    table: Arc<TableInfo>,
    conditions: Vec<Condition>,
}

/// `source` seen through those of `filters` that are SQL, and the other filters. `Unsupported` names a dialect that is
/// not SQLite's.
pub(crate) fn seen_through(
    source: &Arc<dyn Source>,
    table: &Arc<TableInfo>,
    filters: &[Filter],
) -> Result<(Arc<dyn Source>, Vec<Filter>)> {
    let mut conditions = Vec::new();
    let mut others = Vec::new();
    for filter in filters {
        let Filter::Sql {
            text,
            dialect,
            parameters,
        } = filter
        else {
            others.push(filter.clone());
            continue;
        };
        if *dialect != Dialect::sqlite() {
            return Err(Error::unsupported(format!(
                "Conditions in the SQL dialect {} are not understood",
                dialect.0
            )));
        }
        conditions.push(Condition {
            text: text.clone(),
            parameters: parameters.clone(),
        });
    }
    if conditions.is_empty() {
        return Ok((Arc::clone(source), others));
    }
    let filtered = Filtered {
        inner: Arc::clone(source),
        table: Arc::clone(table),
        conditions,
    };
    Ok((Arc::new(filtered), others))
}

impl Filtered {
    /// The statement that reads `columns` of the rows that meet the conditions, and `more`.
    fn statement(&self, columns: &[String], more: &[String]) -> Statement {
        let names: Vec<String> = columns.iter().map(|name| quoted(name)).collect();
        let names = if names.is_empty() {
            "1".to_owned()
        } else {
            names.join(", ")
        };
        // A comment at the end of a condition must not reach what follows.
        let written = self.conditions.iter().map(|c| format!("({}\n)", c.text));
        let conditions: Vec<String> = written.chain(more.iter().cloned()).collect();
        let table = quote_always(&self.table.name);
        Statement {
            sql: format!(
                "select {names} from {table} where {}",
                conditions.join(" and ")
            ),
            parameters: self
                .conditions
                .iter()
                .flat_map(|condition| condition.parameters.clone())
                .collect(),
        }
    }
}

fn quoted(name: &str) -> String {
    if name == ROWID {
        name.to_owned()
    } else {
        quote_always(name)
    }
}

/// A comparison of the row number as SQL, so that a page in the middle is not read from the start.
fn of_row_number(predicate: &Predicate) -> Option<String> {
    let Predicate::Compare {
        column,
        comparison,
        value: Value::Integer(number),
    } = predicate
    else {
        return None;
    };
    let sign = sign(*comparison);
    (column == ROWID).then(|| format!("{ROWID} {sign} {number}"))
}

impl Source for Filtered {
    fn details(&self) -> Details {
        self.inner.details()
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.table_names()
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.inner.table_info(table)
    }

    fn scan(&self, wanted: &ScanRequest) -> Result<Scan> {
        let mut promises = Promises::nothing(wanted);
        let mut more = Vec::new();
        if matches!(self.table.identity, Identity::RowNumber { .. }) {
            for (filter, promise) in wanted.filters.iter().zip(&mut promises.filters) {
                if let Some(sql) = of_row_number(filter) {
                    more.push(sql);
                    *promise = Support::Exact;
                }
            }
            // Statements without an order read a table in its own.
            promises.order.extend(self.table.identity.order());
        }
        let columns = wanted
            .columns
            .iter()
            .map(|name| {
                Ok(OutputColumn {
                    name: name.clone(),
                    data_type: Some(returned_type(
                        &request::column(&self.table, name)?.data_type,
                    )),
                })
            })
            .collect::<Result<Vec<OutputColumn>>>()?;
        let reader = Reader {
            source: Arc::clone(&self.inner),
            statement: self.statement(&wanted.columns, &more),
            columns: columns.clone(),
        };
        Ok(Scan {
            columns,
            promises,
            partitions: vec![Partition {
                start: 0,
                end: u64::MAX,
                note: String::new(),
            }],
            rows: None,
            reader: Arc::new(reader),
        })
    }
}

/// The type in which a column comes back from SQL: its own, but for what is a text there.
fn returned_type(data_type: &DataType) -> DataType {
    let is_plain = data_type.is_numeric()
        || matches!(
            data_type,
            DataType::Boolean | DataType::Utf8 | DataType::Binary | DataType::Null
        );
    if is_plain {
        data_type.clone()
    } else {
        crate::exposed::exposed_type(data_type)
    }
}

struct Reader {
    source: Arc<dyn Source>,
    statement: Statement,
    columns: Vec<OutputColumn>,
}

impl OpenPartition for Reader {
    fn open<'a>(
        &'a self,
        _: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>> {
        Box::pin(async move {
            let limits = Limits {
                rows: None,
                bytes: None,
                ..limits.clone()
            };
            let source = crate::sql::only(Arc::clone(&self.source));
            let rows = crate::sql::execute(source, self.statement.clone(), &limits).await?;
            let stream: Box<dyn BatchStream> = Box::new(Returned {
                batches: rows.batches,
                columns: self.columns.clone(),
            });
            Ok(stream)
        })
    }
}

/// Batches with the columns' own types again.
struct Returned {
    batches: Box<dyn BatchStream>,
    columns: Vec<OutputColumn>,
}

impl BatchStream for Returned {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        Box::pin(async move {
            let batch = self.batches.next().await?;
            Some(batch.and_then(|batch| returned(&batch, &self.columns)))
        })
    }
}

fn returned(batch: &Batch, columns: &[OutputColumn]) -> Result<Batch> {
    let Some(arrow) = batch.as_arrow() else {
        return Ok(batch.clone());
    };
    if columns.is_empty() {
        return Ok(crate::selection::first_columns(arrow, 0)?.into());
    }
    let mut fields = Vec::with_capacity(columns.len());
    let mut arrays = Vec::with_capacity(columns.len());
    for (array, column) in arrow.columns().iter().zip(columns) {
        let data_type = column.data_type.as_ref().unwrap_or(array.data_type());
        fields.push(arrow_schema::Field::new(
            &column.name,
            data_type.clone(),
            true,
        ));
        arrays.push(cast(array, data_type).map_err(unexpected)?);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map(Batch::from)
        .map_err(unexpected)
}
