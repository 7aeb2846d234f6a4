//! Several files as one table: their rows one file behind the other, the values that the names of their folders tell as
//! columns behind those of the files.
//!
//! Columns are put together by their names: one that a file lacks is null there, one whose type differs has a type for
//! all. Filters reach the files where they mean the same there.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, StringArray, new_null_array,
};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::compute::cast;
use tablecast_connector::{
    Batch, BatchStream, BoxFuture, Column, Error, Identity, Limits, OpenPartition, OutputColumn,
    Partition, Predicate, Promises, ROWID, Result, Scan, ScanRequest, Storage, Support, TableInfo,
    Value, is_rowid_name,
};

use crate::table::FileTable;

/// What an empty value is called in the names of folders.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A file of the table, with the values that the names of its folders tell.
pub(crate) struct Link {
    pub(crate) table: Arc<dyn FileTable>,
    pub(crate) keys: Vec<(String, String)>,
}

/// The table.
pub(crate) struct Chained {
    info: Arc<TableInfo>,
    links: Vec<Link>,
    /// For each file, the rows in front of it; nothing if they are not all counted.
    before: Vec<u64>,
    rows: Option<u64>,
}

impl Chained {
    pub(crate) fn new(name: &str, links: Vec<Link>) -> Self {
        let columns = columns(&links);
        let counts: Option<Vec<u64>> = links.iter().map(|link| link.table.rows()).collect();
        let mut rows = Some(0_u64);
        let mut before = Vec::new();
        for count in counts.iter().flatten() {
            before.push(rows.unwrap_or_default());
            rows = rows.and_then(|rows| rows.checked_add(*count));
        }
        let hidden = columns.iter().any(|column| is_rowid_name(&column.name));
        let is_numbered = links
            .iter()
            .all(|link| matches!(link.table.info().identity, Identity::RowNumber { .. }));
        let identity = if counts.is_none() || hidden || !is_numbered {
            Identity::None
        } else {
            Identity::RowNumber { seekable: true }
        };
        let mut info = TableInfo::new(name, columns, identity);
        info.metadata.description = Some(format!("{} files as one table", links.len()));
        info.unreadable = links
            .iter()
            .find_map(|link| link.table.info().unreadable.clone());
        Self {
            info: Arc::new(info),
            rows: counts.and(rows),
            before,
            links,
        }
    }

    fn is_numbered(&self) -> bool {
        self.info.identity != Identity::None
    }

    /// Where the cells of a column come from in the file `link`.
    fn origin(&self, link: &Link, name: &str) -> Result<Origin> {
        if name == ROWID && self.info.column(ROWID).is_none() && self.is_numbered() {
            return Ok(Origin::RowNumber);
        }
        let column = self.info.columns.iter().find(|column| column.name == name);
        let column = column.ok_or_else(|| {
            Error::invalid(format!("no such column: {name}")).within(&self.info.name)
        })?;
        if let Some((_, value)) = link.keys.iter().find(|(key, _)| key == name) {
            return Ok(Origin::Key(value.clone()));
        }
        let has = link
            .table
            .info()
            .columns
            .iter()
            .any(|own| own.name == column.name);
        Ok(if has { Origin::File } else { Origin::Nowhere })
    }

    /// The filter as the file `link` takes it, if it means the same there.
    fn within(&self, link: &Link, before: u64, filter: &Predicate) -> Option<Predicate> {
        let own = link.table.info();
        let is_same = filter.columns().iter().all(|name| {
            let is_key = link.keys.iter().any(|(key, _)| key == name);
            let column = self.info.columns.iter().find(|column| column.name == *name);
            let known = own.columns.iter().find(|column| column.name == *name);
            match (column, known) {
                (Some(column), Some(known)) => !is_key && column.data_type == known.data_type,
                (None, _) => *name == ROWID && self.is_numbered(),
                _ => false,
            }
        });
        is_same.then(|| shifted(filter, before))?
    }

    fn link_scan(&self, at: usize, request: &ScanRequest) -> Result<LinkScan> {
        let link = self
            .links
            .get(at)
            .ok_or_else(|| Error::internal("A file of a table is not there"))?;
        let before = self.before.get(at).copied().unwrap_or(0);
        let origins: Vec<Origin> = request
            .columns
            .iter()
            .map(|name| self.origin(link, name))
            .collect::<Result<_>>()?;
        let columns = request.columns.iter().zip(&origins);
        let columns =
            columns.filter(|(_, origin)| matches!(origin, Origin::File | Origin::RowNumber));
        let filters: Vec<Option<Predicate>> = request
            .filters
            .iter()
            .map(|filter| self.within(link, before, filter))
            .collect();
        let scan = link.table.scan(&ScanRequest {
            table: link.table.info().name.clone(),
            columns: columns.map(|(name, _)| name.clone()).collect(),
            filters: filters.iter().flatten().cloned().collect(),
            sort: Vec::new(),
            limit: None,
        })?;
        let mut said = scan.promises.filters.iter().copied();
        let promises = filters
            .iter()
            .map(|filter| match filter {
                Some(_) => said.next().unwrap_or(Support::Unsupported),
                None => Support::Unsupported,
            })
            .collect();
        Ok(LinkScan {
            scan,
            origins,
            before,
            promises,
        })
    }
}

/// Columns of all files, then those of the folders' names.
fn columns(links: &[Link]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for link in links {
        for own in &link.table.info().columns {
            match columns.iter_mut().find(|column| column.name == own.name) {
                None => columns.push(own.clone()),
                Some(column) => {
                    column.not_null &= own.not_null;
                    let common = common(&column.data_type, &own.data_type);
                    if common != column.data_type {
                        *column = Column::new(&column.name, common);
                    }
                }
            }
        }
    }
    for column in &mut columns {
        let is_everywhere = links.iter().all(|link| {
            let own = &link.table.info().columns;
            own.iter().any(|own| own.name == column.name)
        });
        column.not_null &= is_everywhere;
    }
    for (name, _) in links.iter().flat_map(|link| &link.keys) {
        let is_integer = links.iter().all(|link| {
            let value = link.keys.iter().find(|(key, _)| key == name);
            value.is_none_or(|(_, value)| {
                value == NOTHING || value.parse::<i64>().is_ok_and(|n| n.to_string() == *value)
            })
        });
        let data_type = if is_integer {
            DataType::Int64
        } else {
            DataType::Utf8
        };
        let column = Column::new(name, data_type);
        match columns.iter_mut().find(|known| known.name == *name) {
            Some(known) => *known = column,
            None => columns.push(column),
        }
    }
    columns
}

/// A type that holds the cells of both.
fn common(a: &DataType, b: &DataType) -> DataType {
    if a == b {
        return a.clone();
    }
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => other.clone(),
        (a, b) if a.is_signed_integer() && b.is_signed_integer() => DataType::Int64,
        (a, b) if a.is_floating() && b.is_floating() => DataType::Float64,
        (DataType::Float64, b) if b.is_signed_integer() => DataType::Float64,
        (a, DataType::Float64) if a.is_signed_integer() => DataType::Float64,
        _ => DataType::Utf8,
    }
}

/// The predicate with row numbers as the file counts them that has `before` rows in front; `None` if that cannot be said.
fn shifted(filter: &Predicate, before: u64) -> Option<Predicate> {
    if !filter.columns().contains(&ROWID) || before == 0 {
        return Some(filter.clone());
    }
    let each = |parts: &[Predicate]| -> Option<Vec<Predicate>> {
        parts.iter().map(|part| shifted(part, before)).collect()
    };
    Some(match filter {
        Predicate::Compare {
            column,
            comparison,
            value: Value::Integer(value),
        } if column == ROWID => Predicate::Compare {
            column: column.clone(),
            comparison: *comparison,
            value: Value::Integer(value - i128::from(before)),
        },
        Predicate::All(parts) => Predicate::All(each(parts)?),
        Predicate::Any(parts) => Predicate::Any(each(parts)?),
        Predicate::Not(inner) => Predicate::Not(Box::new(shifted(inner, before)?)),
        other if !other.columns().contains(&ROWID) => other.clone(),
        _ => return None,
    })
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    File,
    RowNumber,
    Key(String),
    Nowhere,
}

struct LinkScan {
    scan: Scan,
    origins: Vec<Origin>,
    before: u64,
    promises: Vec<Support>,
}

impl FileTable for Chained {
    fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }

    fn storage(&self) -> Option<Storage> {
        let parts: Vec<Storage> = self
            .links
            .iter()
            .filter_map(|link| link.table.storage())
            .collect();
        let sum = |of: fn(&Storage) -> Option<u64>| parts.iter().map(of).sum::<Option<u64>>();
        Some(Storage {
            shape: self.rows.into_iter().collect(),
            element: "file".to_owned(),
            chunks: None,
            filters: Vec::new(),
            bytes: sum(|storage| storage.bytes),
            stored_bytes: sum(|storage| storage.stored_bytes),
        })
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        let links = (0..self.links.len())
            .map(|at| self.link_scan(at, request))
            .collect::<Result<Vec<_>>>()?;
        let columns: Vec<OutputColumn> = request
            .columns
            .iter()
            .map(|name| {
                let column = self.info.columns.iter().find(|column| column.name == *name);
                OutputColumn {
                    name: name.clone(),
                    data_type: Some(
                        column.map_or(DataType::Int64, |column| column.data_type.clone()),
                    ),
                }
            })
            .collect();
        let order = self.info.identity.order();
        let is_ordered = request.sort.is_empty() || order.starts_with(&request.sort);
        let filters = (0..request.filters.len())
            .map(|filter| {
                let said = links.iter().map(|link| link.promises.get(filter).copied());
                weakest(said.flatten())
            })
            .collect();
        let rows = links.iter().map(|link| {
            let is_whole = request.filters.is_empty()
                || link
                    .promises
                    .iter()
                    .all(|promise| *promise == Support::Exact);
            link.scan.rows.filter(|_| is_whole)
        });
        let rows = rows.sum::<Option<u64>>();
        let mut partitions = Vec::new();
        for (at, link) in links.iter().enumerate() {
            partitions.extend(
                link.scan
                    .partitions
                    .iter()
                    .enumerate()
                    .map(|(part, _)| Partition {
                        start: at as u64,
                        end: part as u64,
                        note: String::new(),
                    }),
            );
        }
        let fields = columns.iter().map(|column| {
            let data_type = column.data_type.clone().unwrap_or(DataType::Null);
            Field::new(&column.name, data_type, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Scan {
            columns,
            promises: Promises {
                filters,
                sort: Support::exact_if(is_ordered),
                limit: Support::Unsupported,
                order,
            },
            partitions,
            rows,
            reader: Arc::new(Reader {
                links: links.into_iter().map(Arc::new).collect(),
                schema,
            }),
        })
    }
}

fn weakest(promises: impl Iterator<Item = Support>) -> Support {
    promises
        .reduce(|a, b| match (a, b) {
            (Support::Exact, Support::Exact) => Support::Exact,
            (Support::Unsupported, Support::Unsupported) => Support::Unsupported,
            _ => Support::Inexact,
        })
        .unwrap_or(Support::Unsupported)
}

struct Reader {
    links: Vec<Arc<LinkScan>>,
    schema: SchemaRef,
}

impl OpenPartition for Reader {
    fn open<'a>(
        &'a self,
        partition: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>> {
        Box::pin(async move {
            let link = self.links.get(partition.start as usize);
            let part = link.and_then(|link| link.scan.partitions.get(partition.end as usize));
            let (Some(link), Some(part)) = (link, part) else {
                return Err(Error::internal("A part of a table is not there"));
            };
            let stream: Box<dyn BatchStream> = Box::new(Linked {
                batches: link.scan.reader.open(part, limits).await?,
                link: Arc::clone(link),
                schema: Arc::clone(&self.schema),
            });
            Ok(stream)
        })
    }
}

struct Linked {
    batches: Box<dyn BatchStream>,
    link: Arc<LinkScan>,
    schema: SchemaRef,
}

impl BatchStream for Linked {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        Box::pin(async move {
            let batch = self.batches.next().await?;
            Some(batch.and_then(|batch| self.shaped(&batch)))
        })
    }
}

impl Linked {
    fn shaped(&self, batch: &Batch) -> Result<Batch> {
        let batch = batch
            .as_arrow()
            .ok_or_else(|| Error::internal("A file gave no Arrow rows"))?;
        let rows = batch.num_rows();
        let mut read = batch.columns().iter();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.link.origins.len());
        for (origin, field) in self.link.origins.iter().zip(self.schema.fields()) {
            let mut own = || {
                let own = read.next();
                own.ok_or_else(|| {
                    Error::internal("A file gave fewer columns than it was asked for")
                })
            };
            columns.push(match origin {
                Origin::File => typed(own()?, field.data_type())?,
                Origin::RowNumber => numbered(own()?, self.link.before)?,
                Origin::Key(value) => repeated(value, field.data_type(), rows),
                Origin::Nowhere => new_null_array(field.data_type(), rows),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map(Into::into)
            .map_err(|cause| Error::internal("Rows do not fit their columns").caused_by(cause))
    }
}

fn typed(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    if array.data_type() == data_type {
        return Ok(Arc::clone(array));
    }
    cast(array, data_type).map_err(|cause| {
        Error::unreadable(format!(
            "Cells of type {} cannot be read as {data_type}",
            array.data_type()
        ))
        .caused_by(cause)
    })
}

fn numbered(array: &ArrayRef, before: u64) -> Result<ArrayRef> {
    let numbers =
        arrow_array::cast::AsArray::as_primitive_opt::<arrow_array::types::Int64Type>(array);
    let numbers = numbers.ok_or_else(|| Error::internal("A row number is no number"))?;
    let before = before as i64;
    let shifted = numbers.values().iter().map(|number| number + before);
    Ok(Arc::new(Int64Array::from_iter_values(shifted)))
}

fn repeated(value: &str, data_type: &DataType, rows: usize) -> ArrayRef {
    match (value, value.parse::<i64>()) {
        (NOTHING, _) => new_null_array(data_type, rows),
        (_, Ok(number)) if *data_type == DataType::Int64 => {
            Arc::new(Int64Array::from_value(number, rows))
        }
        _ => Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
            value, rows,
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_two_types_have_one_for_both() {
        use DataType as T;
        for (a, b, both) in [
            (T::Int64, T::Int64, T::Int64),
            (T::Int16, T::Int32, T::Int64),
            (T::Int64, T::Float64, T::Float64),
            (T::Int64, T::Utf8, T::Utf8),
            (T::Null, T::Date32, T::Date32),
            (T::UInt64, T::Int64, T::Utf8),
        ] {
            assert_eq!(common(&a, &b), both);
            assert!(b == T::Date32 || common(&b, &a) == both);
        }
    }
}
