//! People's SQL, in SQLite's dialect, over sources that take none: text -> AST -> rewritten over the catalog -> plan.
//!
//! Only listed functions, and one SELECT, WITH or EXPLAIN. A statement reaches the tables of the databases it is given and
//! nothing else: there is no file or network in its catalog.

mod aggregates;
mod choices;
mod dialect;
mod each;
mod functions;
mod master;
mod names;
mod operators;
mod parse;
mod rewrite;
mod size;
mod sliding;
mod spelled;
mod spelled_each;
mod wording;

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::catalog::MemorySchemaProvider;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::context::SessionContext;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::planner::ExprPlanner;
use datafusion::physical_plan::ExecutionPlan;
use tablecast_connector::{
    Batch, Cell, Limits, OutputColumn, ReadyBatches, Result, Rows, Source, Statement,
};

pub(crate) use names::{Mention, Reachable};

use crate::plans::{ReadOrder, rows, session};
use crate::runtime::run;

/// Runs `statement` over the tables of these databases.
///
/// `InvalidRequest`, in SQLite's words, for what SQLite would refuse too; `Unsupported` names what is not there yet.
pub(crate) async fn execute(
    reachable: Vec<Reachable>,
    statement: Statement,
    limits: &Limits,
) -> Result<Rows> {
    // Parsing is recursive, too: it needs the stack of the engine's threads.
    let sql = statement.sql.clone();
    let parsed = run(limits, async move { parse::parse(&sql) }).await?;
    if parsed.is_explain {
        let inner = limits.clone();
        return run(limits, async move {
            let (state, plan, _) = planned(&reachable, parsed, &statement, &inner).await?;
            explained(&state.optimize(&plan).map_err(wording::error)?)
        })
        .await;
    }
    // The names are known when the plan is, and wanted when its rows start to come.
    let names = Arc::new(Mutex::new(Vec::new()));
    let found = Arc::clone(&names);
    let inner = limits.clone();
    let mut answer = rows(limits, async move {
        let (state, plan, names) = planned(&reachable, parsed, &statement, &inner).await?;
        *found.lock().unwrap_or_else(PoisonError::into_inner) = names;
        let physical: Arc<dyn ExecutionPlan> = state
            .create_physical_plan(&plan)
            .await
            .map_err(wording::error)?;
        Ok((state, physical))
    })
    .await?;
    let names = std::mem::take(&mut *names.lock().unwrap_or_else(PoisonError::into_inner));
    for (column, name) in answer.columns.iter_mut().zip(names) {
        column.name = name;
    }
    Ok(answer)
}

/// The statement's plan, the session it belongs to, and the names of its columns.
async fn planned(
    reachable: &[Reachable],
    mut parsed: parse::Parsed,
    statement: &Statement,
    limits: &Limits,
) -> Result<(SessionState, LogicalPlan, Vec<String>)> {
    let catalog = names::Catalog::of(reachable, &parsed).await?;
    rewrite::rewrite(&mut parsed, &catalog, &statement.parameters)?;
    let state = state(parsed.order())?;
    let context = SessionContext::new_with_state(state);
    for table in catalog.tables() {
        let provider = table.provider(limits);
        if let Some(database) = &table.database {
            add_database(&context, database)?;
        }
        context
            .register_table(table.reference(), provider)
            .map_err(wording::error)?;
    }
    let state = context.state();
    let plan = state
        .statement_to_plan(parsed.statement())
        .await
        .map_err(wording::error)
        .and_then(each::unnested)
        .and_then(choices::in_one_type)?;
    let fields = plan.schema().fields().iter();
    let names = parsed.output_names(fields.map(|field| field.name().clone()).collect());
    Ok((state, plan, names))
}

/// Makes room for the tables of a database.
fn add_database(context: &SessionContext, database: &str) -> Result<()> {
    for catalog in context.catalog_names() {
        let Some(catalog) = context.catalog(&catalog) else {
            continue;
        };
        if catalog.schema(database).is_none() {
            catalog
                .register_schema(database, Arc::new(MemorySchemaProvider::new()))
                .map_err(wording::error)?;
        }
    }
    Ok(())
}

/// The tables that a statement names, as it spells them.
pub(crate) async fn mentions(sql: &str, limits: &Limits) -> Result<Vec<Mention>> {
    let sql = sql.to_owned();
    run(limits, async move {
        Ok(names::Mentions::of(&parse::parse(&sql)?))
    })
    .await
}

/// The only database that a statement reaches.
pub(crate) fn only(source: Arc<dyn Source>) -> Vec<Reachable> {
    vec![Reachable { name: None, source }]
}

/// A session that knows the listed functions, and nothing else.
fn state(order: ReadOrder) -> Result<SessionState> {
    let mut state = session(order)?
        .with_expr_planners(planners())
        .with_scalar_functions(functions::scalars())
        .with_aggregate_functions(aggregates::all())
        .with_window_functions(datafusion::functions_window::all_default_window_functions())
        .build();
    let options = state.config_mut().options_mut();
    options.sql_parser.enable_ident_normalization = false;
    // Null is the smallest value, whichever way rows are sorted.
    "nulls_min".clone_into(&mut options.sql_parser.default_null_ordering);
    Ok(state)
}

/// Who plans expressions: SQLite's rules first.
fn planners() -> Vec<Arc<dyn ExprPlanner>> {
    let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(operators::Operators)];
    planners.extend(SessionStateDefaults::default_expr_planners());
    planners
}

/// A plan as the rows of `explain query plan`.
fn explained(plan: &LogicalPlan) -> Result<Rows> {
    let text = plan.display_indent().to_string();
    let mut batch = Batch::builder(4);
    for (number, line) in text.lines().enumerate() {
        for cell in [
            Cell::Integer(number as i64),
            Cell::Integer(0),
            Cell::Integer(0),
            Cell::Text(line),
        ] {
            batch.push(cell)?;
        }
        batch.end_row();
    }
    let column = |name: &&str| OutputColumn {
        name: (*name).to_owned(),
        data_type: None,
    };
    Ok(Rows {
        columns: ["id", "parent", "notused", "detail"]
            .iter()
            .map(column)
            .collect(),
        batches: Box::new(ReadyBatches::new(vec![batch.finish()?])),
    })
}
