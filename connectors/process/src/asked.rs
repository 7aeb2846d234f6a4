//! Whole questions: rows, counts and facets under filters as the API has them, for guests that answer such by
//! themselves. What the wire has no words for is `Unsupported`, and the engine does it over a scan.

use serde_json::{Value as Json, json};
use tablecast_connector::{
    Answer, Ask, Count, Direction, Error, FacetKind, Filter, Position, ReadyBatches, Result, Rows,
    TableInfo, Value, Want,
};

use crate::kind::array_of;
use crate::rows::Shape;

/// The ask as the guest gets it; `Unsupported` if a filter has no words.
pub(crate) fn params(ask: &Ask, info: &TableInfo) -> Result<Json> {
    let filters: Option<Vec<Json>> = ask.filters.iter().map(filter).collect();
    let Some(filters) = filters else {
        return Err(Error::unsupported(
            "This filter is not a connector's to answer",
        ));
    };
    let wants: Vec<Json> = ask
        .wants
        .iter()
        .map(|wanted| want(&wanted.want, info))
        .collect();
    if wants.iter().all(Json::is_null) {
        return Err(Error::unsupported(
            "Nothing here is a connector's to answer",
        ));
    }
    Ok(json!({ "table": ask.table, "filters": filters, "wants": wants }))
}

fn filter(filter: &Filter) -> Option<Json> {
    let Filter::Condition {
        column,
        operator,
        value,
    } = filter
    else {
        return None;
    };
    Some(json!({ "column": column, "operator": operator.name(), "value": value }))
}

/// A want in words; null where there are none.
fn want(want: &Want, info: &TableInfo) -> Json {
    match want {
        Want::Rows {
            columns,
            sort,
            position,
            limit,
        } => {
            let offset = match position {
                None => 0,
                Some(Position::Offset(offset)) => *offset,
                Some(Position::After { .. }) => return Json::Null,
            };
            if columns.iter().any(|name| info.column(name).is_none()) {
                return Json::Null;
            }
            let sort = sort.as_ref().map(|sort| {
                json!({ "column": sort.column, "descending": sort.direction == Direction::Descending })
            });
            json!({ "rows": { "columns": columns, "sort": sort, "offset": offset, "limit": limit } })
        }
        Want::Count { .. } => json!({ "count": {} }),
        Want::Facet {
            column,
            kind: FacetKind::Column,
            limit,
            sample: None,
        } => {
            // One more than is shown tells whether there are more.
            json!({ "facet": { "column": column, "limit": limit.saturating_add(1) } })
        }
        Want::Facet { .. } => Json::Null,
    }
}

/// The guest's answers, one for each want: null is `Unsupported`.
pub(crate) fn answers(ask: &Ask, info: &TableInfo, answers: Json) -> Vec<Result<Answer>> {
    let mut given = match answers {
        Json::Array(given) => given.into_iter(),
        _ => Vec::new().into_iter(),
    };
    let wants = ask.wants.iter();
    wants
        .map(|wanted| {
            let given = given.next().unwrap_or(Json::Null);
            if given.is_null() {
                return Err(Error::unsupported(
                    "The connector leaves this to the engine",
                ));
            }
            answer(&wanted.want, info, &given).ok_or_else(|| {
                Error::unreadable(format!(
                    "{}: the connector's answer is not of the form asked for",
                    info.name
                ))
            })?
        })
        .collect()
}

fn answer(want: &Want, info: &TableInfo, given: &Json) -> Option<Result<Answer>> {
    match want {
        Want::Rows { columns, limit, .. } => {
            let columns = columns.iter().map(|name| {
                let column = info.column(name)?;
                Some(tablecast_connector::OutputColumn {
                    name: name.clone(),
                    data_type: Some(column.data_type.clone()),
                })
            });
            let shape = Shape {
                table: info.name.clone(),
                columns: columns.collect::<Option<_>>()?,
                counted_at: None,
            };
            let rows: Vec<Vec<Json>> = serde_json::from_value(given.get("rows")?.clone()).ok()?;
            if limit.is_some_and(|limit| rows.len() as u64 > limit) {
                return None;
            }
            let batch = shape.of_rows(&rows, 0);
            Some(batch.map(|batch| {
                let batches = Box::new(ReadyBatches::new(vec![batch.into()]));
                Answer::Rows(Rows {
                    columns: shape.output(),
                    batches,
                })
            }))
        }
        Want::Count { .. } => {
            let rows = given.get("count")?.as_u64()?;
            Some(Ok(Answer::Count(Count {
                rows,
                truncated: false,
            })))
        }
        Want::Facet { column, limit, .. } => {
            let column = info.column(column)?;
            let counted: Vec<(Json, u64)> =
                serde_json::from_value(given.get("facet")?.clone()).ok()?;
            let more = counted.len() as u64 > *limit;
            let counted = counted
                .iter()
                .take(usize::try_from(*limit).unwrap_or(usize::MAX));
            let values =
                counted.map(|(cell, count)| Some((value(cell, &column.data_type)?, *count)));
            let values = values.collect::<Option<Vec<_>>>()?;
            Some(Ok(Answer::Facet { values, more }))
        }
    }
}

fn value(cell: &Json, data_type: &arrow_schema::DataType) -> Option<Value> {
    array_of(&[cell], data_type).ok()?;
    match cell {
        Json::Null => Some(Value::Null),
        Json::Bool(boolean) => Some(Value::Integer(i128::from(*boolean))),
        Json::Number(number) => match number.as_i128() {
            Some(integer) => Some(Value::Integer(integer)),
            None => number.as_f64().map(Value::Real),
        },
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Array(_) | Json::Object(_) => None,
    }
}
