//! Runs DataFusion plans for people's SQL: planning and reading alike on the engine's runtime, within the limits of the
//! request and a memory of its own.

use std::future::Future;
use std::sync::Arc;

use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;
use tablecast_connector::{Limits, OutputColumn, Result, Rows};

use crate::failure::from_datafusion;
use crate::memory::environment;
use crate::runtime::{parallelism, run};
use crate::selection::Selection;
use crate::stream::{Next, produce};

/// Whether the rows of a plan come in the order of the table they are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOrder {
    /// As SQLite gives rows of a query without `order by`: tables are read by one stream each.
    Table,
    /// The plan sorts or aggregates: tables are read by several streams side by side.
    Any,
}

/// A session for one request, with no functions but those that are added to it.
pub fn session(order: ReadOrder) -> Result<SessionStateBuilder> {
    let streams = match order {
        ReadOrder::Table => 1,
        ReadOrder::Any => parallelism(),
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(streams)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(true);
    // It makes room for ten times the limit before a row is read: a large limit would end the program.
    config.options_mut().optimizer.enable_topk_aggregation = false;
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment()?))
}

/// Makes a plan by `planning` and starts to read its rows. Both happen on the engine's runtime; no more rows come than
/// the limits allow.
pub async fn rows<P>(limits: &Limits, planning: P) -> Result<Rows>
where
    P: Future<Output = Result<(SessionState, Arc<dyn ExecutionPlan>)>> + Send + 'static,
{
    let (state, plan) = run(limits, planning).await?;
    let columns = plan
        .schema()
        .fields()
        .iter()
        .map(|field| OutputColumn {
            name: field.name().clone(),
            data_type: Some(field.data_type().clone()),
        })
        .collect();
    let batches = produce(limits, None, |mut sink| async move {
        if sink.rows_left() == 0 {
            return Ok(());
        }
        let mut batches = execute_stream(plan, state.task_ctx()).map_err(from_datafusion)?;
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(from_datafusion)?;
            let width = batch.num_columns();
            let most = usize::try_from(sink.rows_left()).unwrap_or(usize::MAX);
            let part = Selection::Stretch(0..batch.num_rows()).part(0, most);
            let rows = part.of_columns(&batch.into(), width)?;
            if sink.send(rows).await? == Next::Enough {
                return Ok(());
            }
        }
        Ok(())
    })?;
    Ok(Rows {
        columns,
        batches: Box::new(batches),
    })
}
