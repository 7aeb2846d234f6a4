//! Parquet files as one DataFusion table: their columns, and behind them the number of the row, counted through all
//! files. Parts of a plan are neighbouring row groups, in the order of the files.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, Operator, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::projection::ProjectionExec;
use parquet::arrow::RowNumber;
use tablecast_connector::{Error, Result};

use super::access::{access, numbers, speaks_of};
use super::describe::Described;
use super::reader::{Files, Place};

/// The column of row numbers. No name of a column holds a zero byte.
pub(super) const ROW_NUMBER: &str = "row\0number";
/// The column of what is to be added to the number that a row has in its file.
const ROWS_BEFORE: &str = "rows\0before";

/// The table.
pub(super) struct ParquetTable {
    files: Arc<Vec<Described>>,
    /// For each file, the rows of the files in front of it.
    before: Vec<u64>,
    file_schema: SchemaRef,
    schema: SchemaRef,
}

impl fmt::Debug for ParquetTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ParquetTable")
    }
}

/// The row groups of one file that a part of a plan reads.
struct Stretch {
    file: usize,
    groups: Range<usize>,
}

impl ParquetTable {
    /// The rows of all files, one file behind the other. `Unreadable` names a file whose columns differ.
    pub(super) fn new(files: Vec<Described>) -> Result<Self> {
        let first = files
            .first()
            .ok_or_else(|| Error::internal("A table has no file"))?;
        let file_schema = Arc::clone(&first.schema);
        for file in &files {
            if file.schema.fields() != file_schema.fields() {
                return Err(file.file.broken(format!(
                    "its columns are not those of {}",
                    first.file.name()
                )));
            }
        }
        let before = files
            .iter()
            .scan(0_u64, |rows, file| {
                let before = *rows;
                *rows = rows.saturating_add(file.rows);
                Some(before)
            })
            .collect();
        let mut fields = file_schema.fields().to_vec();
        fields.push(Arc::new(Field::new(ROW_NUMBER, DataType::Int64, false)));
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            file_schema,
            before,
            files: Arc::new(files),
        })
    }

    /// How many pieces there are that can be read each by itself.
    pub(super) fn pieces(&self) -> usize {
        let groups = self.files.iter().map(|file| file.metadata.num_row_groups());
        groups.sum()
    }

    fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// All row groups as `parts` shares, neighbours together.
    fn shares(&self, parts: usize) -> Vec<Vec<Stretch>> {
        let all = self.pieces();
        let mut shares: Vec<Vec<Stretch>> = Vec::new();
        for part in 0..parts {
            let wanted = all * part / parts..all * (part + 1) / parts;
            let mut first = 0;
            let mut share = Vec::new();
            for (file, described) in self.files.iter().enumerate() {
                let behind = first + described.metadata.num_row_groups();
                let start = wanted.start.clamp(first, behind) - first;
                let end = wanted.end.clamp(first, behind) - first;
                if start < end {
                    share.push(Stretch {
                        file,
                        groups: start..end,
                    });
                }
                first = behind;
            }
            shares.push(share);
        }
        shares
    }

    fn partitioned(&self, stretch: &Stretch, numbers: &Range<u64>) -> Option<PartitionedFile> {
        let described = self.files.get(stretch.file)?;
        let before = self.before.get(stretch.file)?;
        let in_file = numbers.start.saturating_sub(*before)..numbers.end.saturating_sub(*before);
        let groups = described.metadata.row_groups().iter();
        let rows: Vec<u64> = groups
            .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
            .collect();
        let access = access(&rows, &stretch.groups, &in_file)?;
        let path = stretch.file.to_string();
        let file = PartitionedFile::new(path, described.file.state.bytes)
            .with_partition_values(vec![ScalarValue::Int64(i64::try_from(*before).ok())])
            .with_extension(Place(stretch.file))
            .with_extension(access);
        Some(file)
    }

    fn table_schema(&self, is_numbered: bool) -> TableSchema {
        let before: FieldRef = Arc::new(Field::new(ROWS_BEFORE, DataType::Int64, false));
        let number = Field::new(ROW_NUMBER, DataType::Int64, false).with_extension_type(RowNumber);
        let virtual_columns: Vec<FieldRef> =
            is_numbered.then(|| Arc::new(number)).into_iter().collect();
        TableSchema::builder(Arc::clone(&self.file_schema))
            .with_table_partition_cols(vec![before])
            .with_virtual_columns(virtual_columns)
            .build()
    }

    fn source(
        &self,
        session: &dyn Session,
        filters: &[Expr],
        schema: TableSchema,
    ) -> DataFusionResult<ParquetSource> {
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(session.default_table_options().parquet)
            .with_pushdown_filters(true)
            .with_reorder_filters(true)
            .with_parquet_file_reader_factory(Arc::new(Files(Arc::clone(&self.files))));
        let said = filters
            .iter()
            .filter(|filter| !speaks_of(filter, ROW_NUMBER))
            .cloned();
        let Some(filter) = conjunction(said) else {
            return Ok(source);
        };
        let schema = DFSchema::try_from(Arc::clone(&self.file_schema))?;
        let filter = session.create_physical_expr(filter, &schema)?;
        Ok(source.with_predicate(filter))
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        statistics.num_rows = Precision::Exact(usize::try_from(self.rows()).ok()?);
        Some(statistics)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let projected = Arc::new(self.schema.project(wanted)?);
        let numbers = numbers(filters, ROW_NUMBER);
        let parts = session.config().target_partitions();
        let groups = self.shares(parts).into_iter().map(|share| {
            let files = share
                .iter()
                .filter_map(|stretch| self.partitioned(stretch, &numbers));
            FileGroup::new(files.collect())
        });
        let groups: Vec<FileGroup> = groups.collect();
        if groups.iter().all(FileGroup::is_empty) {
            return Ok(Arc::new(EmptyExec::new(projected).with_partitions(parts)));
        }
        let width = self.file_schema.fields().len();
        let is_numbered = wanted.contains(&width);
        // Columns of the file, then the rows before it, then the number in it.
        let mut places: Vec<usize> = wanted.iter().filter(|at| **at != width).copied().collect();
        if is_numbered {
            places.extend([width, width + 1]);
        }
        let source = self.source(session, filters, self.table_schema(is_numbered))?;
        let config =
            FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
                .with_projection_indices(Some(places))?
                .with_file_groups(groups)
                // Otherwise whichever part is read first takes the files of the others.
                .with_preserve_order(true)
                .with_limit(limit)
                .build();
        let plan = scanned(config);
        if !is_numbered {
            return Ok(plan);
        }
        numbered(plan, wanted, width, &projected)
    }
}

fn scanned(config: FileScanConfig) -> Arc<dyn ExecutionPlan> {
    DataSourceExec::from_data_source(config)
}

/// The columns wanted, in their order, with the number in the file and the rows before it added up.
fn numbered(
    plan: Arc<dyn ExecutionPlan>,
    wanted: &[usize],
    width: usize,
    projected: &SchemaRef,
) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
    let columns = wanted.iter().filter(|at| **at != width).count();
    let number: Arc<dyn PhysicalExpr> = Arc::new(BinaryExpr::new(
        Arc::new(Column::new(ROWS_BEFORE, columns)),
        Operator::Plus,
        Arc::new(Column::new(ROW_NUMBER, columns + 1)),
    ));
    let mut next = 0;
    let mut expressions: Vec<(Arc<dyn PhysicalExpr>, String)> = Vec::with_capacity(wanted.len());
    for (at, field) in wanted.iter().zip(projected.fields()) {
        let name = field.name().clone();
        if *at == width {
            expressions.push((Arc::clone(&number), name));
        } else {
            expressions.push((Arc::new(Column::new(&name, next)), name));
            next += 1;
        }
    }
    Ok(Arc::new(ProjectionExec::try_new(expressions, plan)?))
}
