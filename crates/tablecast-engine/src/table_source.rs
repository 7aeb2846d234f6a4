//! Any DataFusion [`TableProvider`] as a table of a source: its own scan with columns, filters and limit handed over, and
//! its statistics for counts.
//!
//! Filters are handed over in a form that lets no fewer rows pass, and are promised as inexact: what the seam means by a
//! comparison is decided in one place, whatever DataFusion makes of NaN or the negative zero.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::stats::Precision;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use futures::{FutureExt, StreamExt};
use tablecast_connector::{
    BatchStream, BoxFuture, Capabilities, Column, Details, Error, Identity, Limits, OpenPartition,
    OutputColumn, Partition, Promises, ROWID, Result, Scan, ScanRequest, Source, Support,
    TableInfo, is_rowid_name,
};

use crate::expression::weaker;
use crate::failure::from_datafusion;
use crate::memory::environment;
use crate::selection::unexpected;
use crate::shown::{shown, shown_type};
use crate::stream::{Next, produce};

/// What an error of the provider means for its readers, if it is not the engine's.
type Explain = Arc<dyn Fn(&datafusion::error::DataFusionError) -> Option<Error> + Send + Sync>;

/// A DataFusion table.
#[derive(Clone)]
pub struct ProvidedTable {
    info: Arc<TableInfo>,
    provider: Arc<dyn TableProvider>,
    schema: SchemaRef,
    row_number: Option<String>,
    partitions: usize,
    rows: Option<u64>,
    explain: Explain,
}

impl fmt::Debug for ProvidedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProvidedTable")
            .field("table", &self.info.name)
            .finish_non_exhaustive()
    }
}

impl ProvidedTable {
    /// A table whose rows have no identity. How many there are is known if the provider's statistics are exact.
    pub fn new(name: &str, provider: Arc<dyn TableProvider>) -> Self {
        let schema = provider.schema();
        let rows = match provider.statistics().map(|statistics| statistics.num_rows) {
            Some(Precision::Exact(rows)) => Some(rows as u64),
            _ => None,
        };
        Self {
            info: Arc::new(TableInfo::new(name, columns(&schema, None), Identity::None)),
            provider,
            schema,
            row_number: None,
            partitions: 1,
            rows,
            explain: Arc::new(|_| None),
        }
    }

    /// The provider's column `column`, of type `Int64`, numbers the rows: they come ascending by it, from partition to
    /// partition too, and a filter on it makes the provider start there. It is no column of the table.
    #[must_use]
    pub fn numbered_by(mut self, column: &str) -> Self {
        let columns = columns(&self.schema, Some(column));
        // A column of that name hides the row number.
        let hidden = columns.iter().any(|column| is_rowid_name(&column.name));
        let identity = if hidden {
            Identity::None
        } else {
            Identity::RowNumber { seekable: true }
        };
        let info = TableInfo::new(self.info.name.clone(), columns, identity);
        self.info = Arc::new(TableInfo {
            metadata: self.info.metadata.clone(),
            ..info
        });
        self.row_number = Some(column.to_owned());
        self
    }

    /// A scan falls into this many partitions, which the provider is told to make, in place of one. Each is planned and
    /// read by itself: the provider's parts must not take work from each other.
    #[must_use]
    pub fn in_partitions(mut self, partitions: usize) -> Self {
        self.partitions = partitions.max(1);
        self
    }

    /// What failures of reading mean: `explain` gives their error, or `None` for those that are the engine's.
    #[must_use]
    pub fn explained_by(
        mut self,
        explain: impl Fn(&datafusion::error::DataFusionError) -> Option<Error> + Send + Sync + 'static,
    ) -> Self {
        self.explain = Arc::new(explain);
        self
    }

    /// What is known of the table, changed by `change`. Columns and identity stay.
    #[must_use]
    pub fn described(mut self, change: impl FnOnce(&mut TableInfo)) -> Self {
        let mut info = TableInfo::clone(&self.info);
        change(&mut info);
        self.info = Arc::new(info);
        self
    }

    /// What is known of the table.
    pub fn info(&self) -> &Arc<TableInfo> {
        &self.info
    }

    /// How many rows there are, if that is known exactly.
    pub fn rows(&self) -> Option<u64> {
        self.rows
    }

    /// As [`Source::scan`]. `InvalidRequest` names a column that is not there.
    pub fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        let projection = request
            .columns
            .iter()
            .map(|name| self.place(name))
            .collect::<Result<Vec<usize>>>()?;
        let name_of = |name| self.name_in_schema(name);
        let handed: Vec<Option<Expr>> = request
            .filters
            .iter()
            .map(|filter| weaker(filter, &self.schema, &name_of))
            .collect();
        let filters = self.taken(handed)?;
        let order = self.info.identity.order();
        // A limit is handed over only if nothing is left to filter or to sort behind it.
        let is_ordered = request.sort.is_empty() || order.starts_with(&request.sort);
        let limit = request
            .limit
            .filter(|_| request.filters.is_empty() && is_ordered);
        let partitions = if limit.is_some() { 1 } else { self.partitions };
        let columns = request.columns.iter().zip(&projection);
        Ok(Scan {
            columns: columns
                .map(|(name, place)| OutputColumn {
                    name: name.clone(),
                    data_type: Some(shown_type(self.schema.field(*place).data_type())),
                })
                .collect(),
            promises: Promises {
                filters: filters.iter().map(|(_, support)| *support).collect(),
                sort: Support::exact_if(is_ordered),
                limit: Support::exact_if(limit.is_some()),
                order,
            },
            partitions: (0..partitions as u64)
                .map(|start| Partition {
                    start,
                    end: partitions as u64,
                    note: String::new(),
                })
                .collect(),
            rows: self
                .rows
                .filter(|_| request.filters.is_empty())
                .map(|rows| limit.map_or(rows, |limit| rows.min(limit))),
            reader: Arc::new(Reader {
                table: self.clone(),
                projection,
                filters: filters
                    .into_iter()
                    .filter_map(|(filter, _)| filter)
                    .collect(),
                limit: limit.and_then(|limit| usize::try_from(limit).ok()),
            }),
        })
    }

    /// The filters that the provider takes.
    fn taken(&self, filters: Vec<Option<Expr>>) -> Result<Vec<(Option<Expr>, Support)>> {
        let said: Vec<&Expr> = filters.iter().flatten().collect();
        let taken = self
            .provider
            .supports_filters_pushdown(&said)
            .map_err(from_datafusion)?;
        let mut taken = taken.into_iter();
        let answers = filters.into_iter().map(|filter| {
            let answer = filter.as_ref().and_then(|_| taken.next());
            match answer {
                None | Some(TableProviderFilterPushDown::Unsupported) => {
                    (None, Support::Unsupported)
                }
                Some(_) => (filter, Support::Inexact),
            }
        });
        Ok(answers.collect())
    }

    /// The error of a provider that panics.
    fn damaged(&self) -> Error {
        let panicked = datafusion::error::DataFusionError::Execution("it is damaged".to_owned());
        (self.explain)(&panicked)
            .unwrap_or_else(|| Error::internal("The engine failed unexpectedly"))
    }

    fn name_in_schema<'a>(&'a self, name: &'a str) -> &'a str {
        match &self.row_number {
            Some(row_number) if name == ROWID && self.info.column(ROWID).is_none() => row_number,
            _ => name,
        }
    }

    fn place(&self, name: &str) -> Result<usize> {
        let name = self.name_in_schema(name);
        let place = self.schema.column_with_name(name).map(|(place, _)| place);
        place.ok_or_else(|| {
            Error::invalid(format!("no such column: {name}")).within(&self.info.name)
        })
    }
}

fn columns(schema: &SchemaRef, without: Option<&str>) -> Vec<Column> {
    let fields = schema.fields().iter();
    fields
        .filter(|field| Some(field.name().as_str()) != without)
        .map(|field| {
            let mut column = Column::new(field.name(), shown_type(field.data_type()));
            column.declared_type = declared(field.data_type());
            column.not_null = !field.is_nullable();
            column
        })
        .collect()
}

/// The type as DataFusion's people write it.
fn declared(data_type: &DataType) -> String {
    data_type.to_string()
}

struct Reader {
    table: ProvidedTable,
    projection: Vec<usize>,
    filters: Vec<Expr>,
    limit: Option<usize>,
}

impl OpenPartition for Reader {
    fn open<'a>(
        &'a self,
        partition: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>> {
        Box::pin(async move {
            limits.check()?;
            let (number, of) = (partition.start as usize, (partition.end as usize).max(1));
            let table = self.table.clone();
            let (projection, filters) = (self.projection.clone(), self.filters.clone());
            let (limit, checked) = (self.limit, limits.clone());
            // What rows and bytes may be answered with is decided behind the filters.
            let limits = Limits {
                rows: None,
                bytes: None,
                ..limits.clone()
            };
            let damaged = table.damaged();
            let stream = produce(&limits, None, move |mut sink| async move {
                let reading = async move {
                    let state = session(of)?;
                    let explain = &table.explain;
                    let ours = |error| match explain(&error) {
                        Some(explained) => explained.caused_by(error),
                        None => from_datafusion(error),
                    };
                    let scanned = table
                        .provider
                        .scan(&state, Some(&projection), &filters, limit);
                    let plan = scanned.await.map_err(ours)?;
                    // A provider may give more than its limit.
                    let mut left = limit.unwrap_or(usize::MAX);
                    for part in share(plan.as_ref(), number, of) {
                        let mut batches = plan.execute(part, state.task_ctx()).map_err(ours)?;
                        while let Some(batch) = batches.next().await {
                            checked.check()?;
                            let batch = batch.map_err(ours)?;
                            let batch = batch.slice(0, left.min(batch.num_rows()));
                            left -= batch.num_rows();
                            if sink.send(shown_batch(batch)?.into()).await? == Next::Enough
                                || left == 0
                            {
                                return Ok(());
                            }
                        }
                    }
                    Ok(())
                };
                // What a damaged file makes panic is about the file.
                let read = AssertUnwindSafe(reading).catch_unwind().await;
                read.unwrap_or(Err(damaged))
            })?;
            let stream: Box<dyn BatchStream> = Box::new(stream);
            Ok(stream)
        })
    }
}

/// The batch with all its cells in types that the seam has.
fn shown_batch(batch: RecordBatch) -> Result<RecordBatch> {
    let fields = batch.schema_ref().fields();
    if fields
        .iter()
        .all(|field| shown_type(field.data_type()) == *field.data_type())
    {
        return Ok(batch);
    }
    let columns: Vec<ArrayRef> = batch.columns().iter().map(shown).collect::<Result<_>>()?;
    let fields = fields.iter().zip(&columns).map(|(field, column)| {
        Field::new(
            field.name(),
            column.data_type().clone(),
            field.is_nullable(),
        )
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns).map_err(unexpected)
}

/// The parts of the plan that partition `number` of `of` reads: neighbours, so that the order of all stays.
fn share(plan: &dyn ExecutionPlan, number: usize, of: usize) -> std::ops::Range<usize> {
    let parts = plan.properties().partitioning.partition_count();
    parts * number / of..parts * (number + 1) / of
}

/// A session that does nothing but plan scans.
fn session(partitions: usize) -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false);
    config.options_mut().execution.parquet.pushdown_filters = true;
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment()?)
        .build())
}

/// A source of DataFusion tables.
#[derive(Debug)]
pub struct TableSource {
    details: Details,
    tables: Vec<ProvidedTable>,
}

impl TableSource {
    /// A source that holds `tables`, as long as the program runs the same.
    pub fn new(details: Details, tables: Vec<ProvidedTable>) -> Self {
        Self { details, tables }
    }

    fn table(&self, name: &str) -> Result<&ProvidedTable> {
        let found = self.tables.iter().find(|table| table.info.name == name);
        found.ok_or_else(|| Error::not_found(format!("no such table: {name}")))
    }
}

impl Source for TableSource {
    fn details(&self) -> Details {
        self.details.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        let names = self.tables.iter().map(|table| table.info.name.clone());
        let names = names.collect();
        Box::pin(async move { Ok(names) })
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        Box::pin(async move { Ok(Arc::clone(self.table(table)?.info())) })
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        self.table(&request.table)?.scan(request)
    }
}
