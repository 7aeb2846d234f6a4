//! Rows in an order that the scan does not have: a DataFusion plan of scan, sort and limit.

use std::sync::Arc;

use arrow_schema::{DataType, SortOptions};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::streaming::StreamingTableExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use tablecast_connector::{Direction, Error, Limits, Result, Sort};

use crate::failure::from_datafusion;
use crate::leaf::{Extra, Shape};
use crate::memory::environment;
use crate::planned::Planned;
use crate::runtime::parallelism;
use crate::selection::Selection;
use crate::stream::{Next, Sink};

/// Reads the rows in `order`, passes over `skip` of them and hands the others on.
pub(crate) async fn read(
    planned: Planned,
    types: Vec<DataType>,
    order: Vec<Sort>,
    skip: u64,
    limits: Limits,
    mut sink: Sink,
) -> Result<()> {
    if sink.rows_left() == 0 {
        return Ok(());
    }
    let width = planned.width;
    let enough = skip.saturating_add(sink.rows_left());
    let fetch = usize::try_from(enough)
        .ok()
        .filter(|rows| *rows < usize::MAX / 2);
    let plan = sort_plan(planned, types, &order, fetch, &limits)?;
    let context = Arc::new(
        TaskContext::default()
            .with_session_config(SessionConfig::new())
            .with_runtime(environment()?),
    );
    let mut batches = execute_stream(plan, context).map_err(from_datafusion)?;
    let mut skip = usize::try_from(skip).unwrap_or(usize::MAX);
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(from_datafusion)?;
        let passed_over = skip.min(batch.num_rows());
        skip -= passed_over;
        let left = Selection::Stretch(passed_over..batch.num_rows());
        let part = left.part(0, usize::try_from(sink.rows_left()).unwrap_or(usize::MAX));
        let rows = part.of_columns(&batch.into(), width)?;
        if sink.send(rows).await? == Next::Enough {
            return Ok(());
        }
    }
    Ok(())
}

/// Each stream is sorted by itself; then they are merged.
fn sort_plan(
    planned: Planned,
    types: Vec<DataType>,
    order: &[Sort],
    fetch: Option<usize>,
    limits: &Limits,
) -> Result<Arc<dyn ExecutionPlan>> {
    let places: Vec<usize> = order
        .iter()
        .map(|sort| {
            let place = planned.names.iter().position(|name| *name == sort.column);
            place.ok_or_else(|| Error::internal("A column to sort by was not read"))
        })
        .collect::<Result<_>>()?;
    let first_key = planned.names.len();
    let shape = Shape::new(planned, types, Extra::SortKeys(places));
    let schema = Arc::clone(&shape.schema);
    let key = |number: usize, direction: Direction| {
        let place = first_key + number;
        let options = SortOptions {
            descending: direction == Direction::Descending,
            // Nulls are the smallest.
            nulls_first: direction == Direction::Ascending,
        };
        PhysicalSortExpr::new(
            Arc::new(Column::new(schema.field(place).name(), place)),
            options,
        )
    };
    let keys = order
        .iter()
        .enumerate()
        .map(|(number, sort)| key(number, sort.direction))
        .chain([key(order.len(), Direction::Ascending)]);
    let ordering =
        LexOrdering::new(keys).ok_or_else(|| Error::internal("There is nothing to sort by"))?;
    let streams = shape.streams(limits, parallelism());
    let leaf = StreamingTableExec::try_new(Arc::clone(&schema), streams, None, [], false, None)
        .map_err(from_datafusion)?;
    let sort = SortExec::new(ordering.clone(), Arc::new(leaf))
        .with_preserve_partitioning(true)
        .with_fetch(fetch);
    Ok(Arc::new(
        SortPreservingMergeExec::new(ordering, Arc::new(sort)).with_fetch(fetch),
    ))
}
