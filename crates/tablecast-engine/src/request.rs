//! What an ask means for a scan: its names as the table writes them, its filters and position as typed predicates, its
//! order. It reads nothing.

use std::sync::Arc;

use arrow_schema::DataType;
use tablecast_connector::{
    Column, Comparison, Direction, Error, Identity, Position, Predicate, ROWID, Result, Sort,
    TableInfo, Value, did_you_mean, is_rowid_name,
};

/// A column of the table by any of its names, [`ROWID`] included. `InvalidRequest` names one that is not there.
pub(crate) fn column(table: &TableInfo, name: &str) -> Result<Column> {
    if let Some(column) = table.column(name) {
        return Ok(column.clone());
    }
    if is_rowid_name(name) && matches!(table.identity, Identity::RowNumber { .. }) {
        let mut rowid = Column::new(ROWID, DataType::Int64);
        rowid.not_null = true;
        return Ok(rowid);
    }
    let error = Error::invalid(format!("no such column: {name}")).within(&table.name);
    let known = table.columns.iter().map(|column| column.name.as_str());
    Err(match did_you_mean(name, known) {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => error,
    })
}

/// The names as the table writes them.
pub(crate) fn column_names(table: &TableInfo, names: &[String]) -> Result<Vec<String>> {
    names
        .iter()
        .map(|name| column(table, name).map(|column| column.name))
        .collect()
}

/// The whole order of rows: by the column wanted, ties by identity.
pub(crate) fn order(table: &TableInfo, sort: Option<&Sort>) -> Result<Vec<Sort>> {
    let mut order = Vec::new();
    if let Some(sort) = sort {
        order.push(Sort {
            column: column(table, &sort.column)?.name,
            direction: sort.direction,
        });
    }
    for name in table.identity.columns() {
        if order.iter().all(|sort| sort.column != name) {
            order.push(Sort {
                column: name.to_owned(),
                direction: Direction::Ascending,
            });
        }
    }
    Ok(order)
}

/// The rows behind `position` as a predicate, and how many rows to pass over.
pub(crate) fn position(
    table: &Arc<TableInfo>,
    sort: Option<&Sort>,
    position: Option<&Position>,
) -> Result<(Option<Predicate>, u64)> {
    let (value, key) = match position {
        None => return Ok((None, 0)),
        Some(Position::Offset(rows)) => return Ok((None, *rows)),
        Some(Position::After { sort, key }) => (sort, key),
    };
    let identity = table.identity.columns();
    if key.len() != identity.len() || key.is_empty() {
        return Err(Error::invalid(format!(
            "A position in {} has {} values, not {}",
            table.name,
            identity.len(),
            key.len()
        )));
    }
    let key: Vec<(String, Value)> = identity
        .iter()
        .map(|name| (*name).to_owned())
        .zip(key.iter().cloned())
        .collect();
    let sort = sort.cloned().zip(value.clone());
    behind(table, sort.as_ref(), &key).map(|behind| (Some(behind), 0))
}

/// The rows behind a row with these values, in the order of `sort` and then of the key.
pub(crate) fn behind(
    table: &TableInfo,
    sort: Option<&(Sort, Value)>,
    key: &[(String, Value)],
) -> Result<Predicate> {
    let behind = behind_key(table, key)?;
    match sort {
        Some((sort, value)) => behind_sort(table, sort, value, behind),
        None => Ok(behind),
    }
}

/// Compared column by column, the first that differs decides.
fn behind_key(table: &TableInfo, key: &[(String, Value)]) -> Result<Predicate> {
    let mut alternatives = Vec::new();
    for last in 0..key.len() {
        let mut parts = Vec::new();
        for (index, (name, value)) in key.iter().take(last + 1).enumerate() {
            let comparison = if index == last {
                Comparison::Greater
            } else {
                Comparison::Equal
            };
            parts.push(compared(&column(table, name)?, comparison, value));
        }
        alternatives.push(one_or(Predicate::All, parts));
    }
    Ok(one_or(Predicate::Any, alternatives))
}

/// Nulls are the smallest: behind them come all other values, in front of them none.
fn behind_sort(
    table: &TableInfo,
    sort: &Sort,
    value: &Value,
    behind_key: Predicate,
) -> Result<Predicate> {
    let column = column(table, &sort.column)?;
    let is_null = Predicate::IsNull(column.name.clone());
    let value_is_null = match value {
        Value::Null => true,
        Value::Real(real) => real.is_nan(),
        _ => false,
    };
    if value_is_null {
        let tie = Predicate::All(vec![is_null.clone(), behind_key]);
        return Ok(match sort.direction {
            Direction::Ascending => Predicate::Any(vec![Predicate::Not(Box::new(is_null)), tie]),
            Direction::Descending => tie,
        });
    }
    let tie = Predicate::All(vec![
        compared(&column, Comparison::Equal, value),
        behind_key,
    ]);
    Ok(match sort.direction {
        Direction::Ascending => {
            Predicate::Any(vec![compared(&column, Comparison::Greater, value), tie])
        }
        Direction::Descending => Predicate::Any(vec![
            compared(&column, Comparison::Less, value),
            is_null,
            tie,
        ]),
    })
}

/// A comparison with a value that came back from a page's address: a number may have become text on the way.
fn compared(column: &Column, comparison: Comparison, value: &Value) -> Predicate {
    let value = match value {
        Value::Text(text) => column.affinity.comparand(text),
        other => other.clone(),
    };
    Predicate::compare(column, comparison, value)
}

fn one_or(
    several: impl FnOnce(Vec<Predicate>) -> Predicate,
    mut parts: Vec<Predicate>,
) -> Predicate {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    several(parts)
}
