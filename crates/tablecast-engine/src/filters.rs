//! The filters of an ask as typed predicates. A filter that looks into another table reads that table first.

use std::collections::BTreeMap;
use std::sync::Arc;

use tablecast_connector::{
    BoxFuture, Comparison, Error, Filter, Limits, Operator, Predicate, Result, Source, TableInfo,
    TableQuery, Value, predicate_of,
};

use crate::asks::read_table;
use crate::request;

/// Distinct values that another table may give.
const VALUES_MAX: usize = 100_000;

/// Every filter as a predicate. `Unsupported` names the filter that a scan cannot answer.
pub(crate) async fn predicates(
    source: &Arc<dyn Source>,
    table: &Arc<TableInfo>,
    filters: &[Filter],
    limits: &Limits,
) -> Result<Vec<Predicate>> {
    let mut predicates = Vec::with_capacity(filters.len());
    for filter in filters {
        predicates.push(match filter {
            Filter::Condition { .. } => predicate_of(filter, &table.columns)?
                .ok_or_else(|| Error::internal("A condition has no predicate"))?,
            Filter::Search { .. } => {
                return Err(Error::unsupported(format!(
                    "{} has no full-text index to search",
                    table.name
                )));
            }
            Filter::Sql { .. } => {
                return Err(Error::internal("A condition in SQL was not taken out"));
            }
            Filter::InTable { .. } => in_table(source, table, filter, limits).await?,
            Filter::Behind { sort, key } => request::behind(table, sort.as_ref(), key)?,
        });
    }
    Ok(predicates)
}

fn in_table<'a>(
    source: &'a Arc<dyn Source>,
    table: &'a TableInfo,
    filter: &'a Filter,
    limits: &'a Limits,
) -> BoxFuture<'a, Result<Predicate>> {
    Box::pin(async move {
        let Filter::InTable {
            column,
            other_table,
            other_column,
            where_column,
            value,
        } = filter
        else {
            return Err(Error::internal("The filter does not look into a table"));
        };
        let query = TableQuery {
            table: other_table.clone(),
            columns: vec![other_column.clone()],
            filters: vec![Filter::Condition {
                column: where_column.clone(),
                operator: Operator::Exact,
                value: value.clone(),
            }],
            sort: None,
            position: None,
            limit: None,
        };
        let inner = Limits {
            rows: None,
            bytes: None,
            ..limits.clone()
        };
        let mut rows = read_table(source, &query, &inner).await?;
        let mut values: BTreeMap<String, Value> = BTreeMap::new();
        while let Some(batch) = rows.batches.next().await {
            let batch = batch?;
            for view in batch.columns()? {
                for row in 0..batch.rows() {
                    let value = view.cell(row).to_value();
                    values.insert(format!("{value:?}"), value);
                }
            }
            if values.len() > VALUES_MAX {
                return Err(Error::too_large(format!(
                    "More than {VALUES_MAX} values of {other_table} match"
                )));
            }
        }
        let column = request::column(table, column)?;
        // Values of another class than the column's are equal to none of its cells.
        let is_of_class = |value: &Value| {
            let compared = Predicate::compare(&column, Comparison::Equal, value.clone());
            matches!(compared, Predicate::Compare { .. })
        };
        let values = values
            .into_values()
            .filter(|value| is_of_class(value))
            .collect();
        Ok(Predicate::In {
            column: column.name.clone(),
            values,
        })
    })
}
