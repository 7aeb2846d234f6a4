//! A manifest's tables as the seam asks for them: described by the manifest or their first rows, scanned from what is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema};
use tablecast_connector::{
    Batch, BlockingScan, BlockingSource, Details, Error, ErrorKind, Identity, Limits, OutputColumn,
    Partition, Predicate, Promises, ROWID, Result, ScanRequest, Sort, Support, TableInfo, Value,
    is_rowid_name,
};

use crate::column::Column;
use crate::keep::Keep;
use crate::load::{Loaded, Parameters, load};
use crate::manifest::Table;
use crate::origin::{ApiFilter, Origin};

/// An opened manifest.
#[derive(Debug)]
pub(crate) struct ManifestSource {
    details: Details,
    tables: Vec<Arc<Table>>,
    /// Columns that were found from first rows, by the table's place. They stay as long as the program runs.
    found: Mutex<HashMap<usize, Vec<Column>>>,
    keep: Arc<Keep>,
}

impl ManifestSource {
    pub(crate) fn new(details: Details, tables: Vec<Arc<Table>>) -> Self {
        Self {
            details,
            tables,
            found: Mutex::default(),
            keep: Arc::default(),
        }
    }

    fn table(&self, name: &str) -> Result<(usize, &Arc<Table>)> {
        let mut all = self.tables.iter().enumerate();
        all.find(|(_, table)| table.name == name)
            .ok_or_else(|| Error::not_found(format!("no such table: {name}")))
    }

    /// The columns as far as they are known without asking anybody.
    fn known(&self, at: usize, table: &Table) -> Option<Vec<Column>> {
        let found = || {
            let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.get(&at).cloned()
        };
        table.columns.clone().or_else(found)
    }

    fn columns(&self, at: usize, table: &Arc<Table>) -> Result<Vec<Column>> {
        if let Some(known) = self.known(at, table) {
            return Ok(known);
        }
        let read = Arc::clone(table);
        let loaded = self.keep.loaded(
            &(at, Parameters::new()),
            table.cache,
            &Limits::none(),
            move || load(&read, None, &Parameters::new()),
        )?;
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let columns = found.entry(at).or_insert_with(|| loaded.columns.clone());
        Ok(columns.clone())
    }
}

impl BlockingSource for ManifestSource {
    fn details(&self) -> Details {
        self.details.clone()
    }

    fn table_names(&self) -> Result<Vec<String>> {
        Ok(self.tables.iter().map(|table| table.name.clone()).collect())
    }

    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
        let (at, table) = self.table(table)?;
        match self.columns(at, table) {
            Ok(columns) => Ok(Arc::new(table.info(&columns))),
            // A table that cannot be described now is listed with the reason, and the others are served.
            Err(error) => {
                let mut info = TableInfo::new(&table.name, Vec::new(), Identity::None);
                let told = error.message();
                let named = told.strip_prefix(&format!("{}: ", table.name));
                info.unreadable = Some(named.unwrap_or(told).to_owned());
                Ok(Arc::new(info))
            }
        }
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let (at, table) = self.table(&request.table)?;
        let Some(columns) = self.known(at, table) else {
            return Err(Error::new(
                ErrorKind::Unreadable,
                format!("{} has not been read yet", table.name),
            ));
        };
        let output = output(&table.info(&columns), request)?;
        let (parameters, filters) = parameters(table, &request.filters);
        let mut promises = Promises::nothing(request);
        promises.filters = filters;
        if table.key.is_empty() {
            promises.order = Identity::RowNumber { seekable: false }.order();
        }
        promises.sort = Support::exact_if(is_given(&promises.order, &request.sort));
        let (table, keep, names) = (Arc::clone(table), Arc::clone(&self.keep), output.clone());
        Ok(BlockingScan {
            columns: output,
            promises,
            partitions: vec![Partition {
                start: 0,
                end: u64::MAX,
                note: String::new(),
            }],
            rows: None,
            open: Arc::new(move |_, limits| {
                let key = (at, parameters.clone());
                let (read, known, sent) = (Arc::clone(&table), columns.clone(), parameters.clone());
                let loaded = keep.loaded(&key, table.cache, limits, move || {
                    load(&read, Some(known), &sent)
                })?;
                Ok(Box::new(Scanning {
                    loaded,
                    columns: names.clone(),
                    at: 0,
                    rows: 0,
                    limits: limits.clone(),
                }))
            }),
        })
    }
}

/// Whether rows in the order `given` are in the order `wanted`.
fn is_given(given: &[Sort], wanted: &[Sort]) -> bool {
    wanted.is_empty() || (!given.is_empty() && wanted.starts_with(given))
}

/// The columns that come, by the names of the table.
fn output(info: &TableInfo, request: &ScanRequest) -> Result<Vec<OutputColumn>> {
    let one = |name: &String| match info.column(name) {
        Some(column) => Ok(OutputColumn {
            name: column.name.clone(),
            data_type: Some(column.data_type.clone()),
        }),
        None if is_rowid_name(name) && matches!(info.identity, Identity::RowNumber { .. }) => {
            Ok(OutputColumn {
                name: ROWID.to_owned(),
                data_type: Some(DataType::Int64),
            })
        }
        None => Err(Error::not_found(format!("no such column: {name}"))),
    };
    request.columns.iter().map(one).collect()
}

/// What the server is to filter by, and what that does of each filter. A parameter is sent once.
fn parameters(table: &Table, filters: &[Predicate]) -> (Parameters, Vec<Support>) {
    let mut parameters = Parameters::new();
    let offered: &[ApiFilter] = match &table.origin {
        Origin::Api(api) => &api.filters,
        Origin::Command(_) => &[],
    };
    let mut one = |predicate: &Predicate| {
        let Predicate::Compare {
            column,
            comparison,
            value,
        } = predicate
        else {
            return Support::Unsupported;
        };
        let taken = offered.iter().find(|filter| {
            filter.column == *column
                && filter.comparison == *comparison
                && !parameters.iter().any(|(name, _)| *name == filter.parameter)
        });
        let value = match value {
            Value::Integer(number) => Some(number.to_string()),
            Value::Real(number) if number.is_finite() => Some(number.to_string()),
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        };
        match (taken, value) {
            (Some(filter), Some(value)) => {
                parameters.push((filter.parameter.clone(), value));
                filter.support
            }
            _ => Support::Unsupported,
        }
    };
    let support = filters.iter().map(&mut one).collect();
    (parameters, support)
}

/// The batches of what was read, with the columns that are wanted.
struct Scanning {
    loaded: Arc<Loaded>,
    columns: Vec<OutputColumn>,
    at: usize,
    rows: i64,
    limits: Limits,
}

impl Scanning {
    fn batch(&self, from: &RecordBatch) -> Result<Batch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        let mut fields = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let array: ArrayRef = if let Some(array) = from.column_by_name(&column.name) {
                Arc::clone(array)
            } else {
                let rows = self.rows..self.rows + from.num_rows() as i64;
                Arc::new(Int64Array::from_iter_values(rows))
            };
            fields.push(Field::new(&column.name, array.data_type().clone(), true));
            arrays.push(array);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(from.num_rows()));
        let schema = Arc::new(Schema::new(fields));
        RecordBatch::try_new_with_options(schema, arrays, &options)
            .map(Batch::from)
            .map_err(|cause| Error::internal("A batch cannot be made").caused_by(cause))
    }
}

impl Iterator for Scanning {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let loaded = Arc::clone(&self.loaded);
        let from = loaded.batches.get(self.at)?;
        if let Err(error) = self.limits.check() {
            self.at = usize::MAX;
            return Some(Err(error));
        }
        let batch = self.batch(from);
        self.at += 1;
        self.rows += from.num_rows() as i64;
        Some(batch)
    }
}
