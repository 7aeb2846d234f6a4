//! A table of a source as a DataFusion table, for plans of people's SQL. Filters that the seam can say are applied by
//! the source, or by the leaf of the plan if the source does not promise to.

use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::StreamingTableExec;
use tablecast_connector::{Identity, Limits, Predicate, ROWID, Source, TableInfo};

use crate::asks::types;
use crate::exposed::exposed_type;
use crate::failure::to_datafusion;
use crate::leaf::{Extra, Shape};
use crate::planned::{Wish, plan};
use crate::{pushed, request};

/// A table that plans can read.
///
/// Columns have SQLite's classes: `Int64` (booleans too), `UInt64`, `Float64` without NaN, `Utf8`, `Binary`,
/// `Decimal128`; whatever else there is, is text as the API shows it. Where rows have a number, it is the last column,
/// [`ROWID`], unless the table has a column of that name: `select *` must leave it out.
///
/// Rows come in the table's own order if the session's `target_partitions` is 1.
pub struct SourceTable {
    source: Arc<dyn Source>,
    table: Arc<TableInfo>,
    limits: Limits,
    schema: SchemaRef,
}

impl SourceTable {
    /// The table `table` of `source`, to be read within `limits`.
    pub fn new(source: Arc<dyn Source>, table: Arc<TableInfo>, limits: Limits) -> Self {
        let columns = table.columns.iter();
        let mut fields: Vec<Field> = columns
            .map(|column| Field::new(&column.name, exposed_type(&column.data_type), true))
            .collect();
        if has_hidden_rowid(&table) {
            fields.push(Field::new(ROWID, DataType::Int64, false));
        }
        Self {
            source,
            table,
            limits,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// The table without the number of its rows, which `*` would show and joins by all common names would compare.
    #[must_use]
    pub fn without_rowid(mut self) -> Self {
        if has_hidden_rowid(&self.table) {
            let fields = self.schema.fields();
            let columns = fields.iter().take(fields.len().saturating_sub(1));
            self.schema = Arc::new(Schema::new(columns.cloned().collect::<Vec<_>>()));
        }
        self
    }

    /// What is known of the table.
    pub fn info(&self) -> &Arc<TableInfo> {
        &self.table
    }
}

/// Whether the row number is a column beside those of the table.
pub fn has_hidden_rowid(table: &TableInfo) -> bool {
    matches!(table.identity, Identity::RowNumber { .. }) && table.column(ROWID).is_none()
}

impl fmt::Debug for SourceTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTable")
            .field("table", &self.table.name)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> DataFusionResult<Vec<TableProviderFilterPushDown>> {
        let said = |filter: &&Expr| match pushed::predicate(filter, &self.table) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(said).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> DataFusionResult<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.schema.fields().len()).collect();
        let columns = projection
            .unwrap_or(&all)
            .iter()
            .map(|place| self.schema.field(*place).name().clone())
            .collect();
        let filters: Vec<Predicate> = filters
            .iter()
            .filter_map(|filter| pushed::predicate(filter, &self.table))
            .collect();
        let streams = session.config().target_partitions();
        let is_in_order = streams == 1;
        let order = if is_in_order {
            request::order(&self.table, None).map_err(to_datafusion)?
        } else {
            Vec::new()
        };
        let wish = Wish {
            table: self.table.name.clone(),
            columns,
            filters,
            order,
            limit: limit.map(|rows| rows as u64),
        };
        let shape = plan(self.source.as_ref(), &wish)
            .and_then(|planned| {
                let types = types(&self.table, &planned)?;
                Ok(Shape::new(planned, types, Extra::Nothing))
            })
            .map_err(to_datafusion)?;
        let schema = Arc::clone(&shape.schema);
        let streams = shape.streams(&self.limits, streams);
        let leaf = StreamingTableExec::try_new(schema, streams, None, [], false, limit)?;
        Ok(Arc::new(leaf))
    }
}
