//! Asks that hold a person's condition (`_where`), over sources that take no SQL: each want is put as a whole statement
//! and run as one.

use std::sync::Arc;

use futures::future::join_all;
use tablecast_connector::{
    Answer, Ask, Count, Dialect, Error, Filter, Limits, Result, Rows, Source, Statement, TableInfo,
    Value, Want,
};
use tablecast_sql::{Syntax, count, count_at_most, facet, rows, syntax_of};

use crate::sql;

/// Whether the ask holds such a condition.
pub(crate) fn concerns(ask: &Ask) -> bool {
    ask.filters
        .iter()
        .any(|filter| matches!(filter, Filter::Sql { .. }))
}

/// The answer to each want.
pub(crate) async fn answer(
    source: &Arc<dyn Source>,
    ask: &Ask,
    limits: &Limits,
) -> Vec<Result<Answer>> {
    let info = match source.table_info(&ask.table).await {
        Ok(info) => info,
        Err(error) => {
            let again = |_| Err(crate::runtime::again(&error));
            return ask.wants.iter().map(again).collect();
        }
    };
    join_all(ask.wants.iter().map(|wanted| {
        let limits = match wanted.time_limit_ms {
            Some(milliseconds) => limits
                .clone()
                .within(std::time::Duration::from_millis(milliseconds)),
            None => limits.clone(),
        };
        one(source, ask, &info, &wanted.want, limits)
    }))
    .await
}

async fn one(
    source: &Arc<dyn Source>,
    ask: &Ask,
    info: &TableInfo,
    want: &Want,
    limits: Limits,
) -> Result<Answer> {
    let syntax = syntax_of(&Dialect::sqlite())?;
    let statement = statement(syntax, ask, info, want)?;
    let found = sql::execute(Arc::clone(source), statement, &limits).await?;
    match want {
        Want::Rows { .. } => Ok(Answer::Rows(found)),
        Want::Count { at_most } => {
            let counted = pairs(found)
                .await?
                .into_iter()
                .next()
                .map_or(Value::Null, |(value, _)| value);
            let Value::Integer(rows) = counted else {
                return Err(Error::internal("A count is not a number"));
            };
            let rows = u64::try_from(rows).unwrap_or_default();
            Ok(Answer::Count(Count {
                rows,
                truncated: *at_most == Some(rows),
            }))
        }
        Want::Facet { limit, .. } => {
            let mut values = pairs(found).await?;
            let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
            let more = values.len() > limit;
            values.truncate(limit);
            Ok(Answer::Facet { values, more })
        }
    }
}

fn statement(syntax: &dyn Syntax, ask: &Ask, info: &TableInfo, want: &Want) -> Result<Statement> {
    match want {
        Want::Rows { .. } => {
            let query = ask
                .table_query(want)
                .ok_or_else(|| Error::internal("Rows are wanted without a query"))?;
            rows(syntax, &query, info)
        }
        Want::Count { at_most: None } => count(syntax, &ask.table, &ask.filters),
        Want::Count {
            at_most: Some(at_most),
        } => count_at_most(syntax, &ask.table, &ask.filters, *at_most),
        Want::Facet {
            column,
            kind,
            limit,
            sample,
        } => facet(
            syntax,
            &ask.table,
            &ask.filters,
            (column, *kind),
            *limit,
            *sample,
        ),
    }
}

/// The first two columns of an answer: a value, and a number (0 if there is none).
async fn pairs(mut found: Rows) -> Result<Vec<(Value, u64)>> {
    let mut pairs = Vec::new();
    while let Some(batch) = found.batches.next().await {
        let batch = batch?;
        let columns = batch.columns()?;
        for row in 0..batch.rows() {
            let cell = |place: usize| {
                columns
                    .get(place)
                    .map_or(Value::Null, |column| column.cell(row).to_value())
            };
            let number = match cell(1) {
                Value::Integer(number) => u64::try_from(number).unwrap_or_default(),
                _ => 0,
            };
            pairs.push((cell(0), number));
        }
    }
    Ok(pairs)
}
