//! What of a scan the guest does, by what it declared: filters as data on the wire, and the promises to the engine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use tablecast_connector::{Comparison, Predicate, ROWID, ScanRequest, Support, Value};

use crate::message::{Done, Pushdown};

/// A range of row numbers, from the first to behind the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Range {
    /// All rows.
    pub(crate) const ALL: Self = Self {
        start: 0,
        end: u64::MAX,
    };

    /// Narrows the range to the rows for which a comparison of the row number holds; `None` if the filter is another.
    pub(crate) fn narrowed(self, filter: &Predicate) -> Option<Self> {
        let Predicate::Compare {
            column,
            comparison,
            value: Value::Integer(number),
        } = filter
        else {
            return None;
        };
        if column != ROWID {
            return None;
        }
        let at = |number: i128| u64::try_from(number.max(0)).unwrap_or(u64::MAX);
        let (from, to) = (at(*number), at(number.saturating_add(1)));
        let narrowed = match comparison {
            Comparison::Equal => Self {
                start: self.start.max(from),
                end: self.end.min(to),
            },
            Comparison::Greater => Self {
                start: self.start.max(to),
                ..self
            },
            Comparison::GreaterOrEqual => Self {
                start: self.start.max(from),
                ..self
            },
            Comparison::Less => Self {
                end: self.end.min(from),
                ..self
            },
            Comparison::LessOrEqual => Self {
                end: self.end.min(to),
                ..self
            },
            Comparison::NotEqual => return None,
        };
        Some(narrowed)
    }
}

/// The filter as the guest gets it, and how well it does it; `None` if it does not.
pub(crate) fn pushed(filter: &Predicate, declared: &Pushdown) -> Option<(Json, Support)> {
    let (column, operator, value) = leaf(filter)?;
    if column == ROWID && declared.columns.is_none() {
        return None;
    }
    if let Some(columns) = &declared.columns
        && !columns.contains(&column)
    {
        return None;
    }
    let support = match declared.filters.get(operator)? {
        Done::Exact => Support::Exact,
        Done::Inexact => Support::Inexact,
    };
    Some((
        json!({ "column": column, "op": operator, "value": value }),
        support,
    ))
}

/// Column, operator and value of a filter that compares one column with values.
fn leaf(filter: &Predicate) -> Option<(String, &'static str, Json)> {
    Some(match filter {
        Predicate::Compare {
            column,
            comparison,
            value,
        } => {
            let operator = match comparison {
                Comparison::Equal => "=",
                Comparison::NotEqual => "!=",
                Comparison::Less => "<",
                Comparison::LessOrEqual => "<=",
                Comparison::Greater => ">",
                Comparison::GreaterOrEqual => ">=",
            };
            (column.clone(), operator, cell(value)?)
        }
        Predicate::In { column, values } => {
            let values: Option<Vec<Json>> = values.iter().map(cell).collect();
            (column.clone(), "in", Json::Array(values?))
        }
        Predicate::Like { column, pattern } => (column.clone(), "like", json!(pattern)),
        Predicate::Glob { column, pattern } => (column.clone(), "glob", json!(pattern)),
        Predicate::Date { column, value } => (column.clone(), "date", json!(value)),
        Predicate::ArrayContains { column, value } => {
            (column.clone(), "array contains", json!(value))
        }
        Predicate::IsNull(column) => (column.clone(), "is null", Json::Null),
        Predicate::Not(inner) => {
            let (column, operator, value) = leaf(inner)?;
            let negated = match operator {
                "like" => "not like",
                "glob" => "not glob",
                "in" => "not in",
                "is null" => "is not null",
                _ => return None,
            };
            (column, negated, value)
        }
        Predicate::Constant(_) | Predicate::All(_) | Predicate::Any(_) => return None,
    })
}

/// A value as a JSON cell; `None` for a number that JSON cannot say exactly.
pub(crate) fn cell(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Null => Json::Null,
        Value::Integer(integer) => match i64::try_from(*integer) {
            Ok(integer) => json!(integer),
            Err(_) => json!(u64::try_from(*integer).ok()?),
        },
        Value::Real(real) if real.is_finite() => json!(real),
        Value::Real(real) if real.is_nan() => json!({ "real": "nan" }),
        Value::Real(real) => json!({ "real": if *real > 0.0 { "inf" } else { "-inf" } }),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "base64": STANDARD.encode(bytes) }),
    })
}

/// The columns to sort by, as the guest gets them, if it sorts.
pub(crate) fn sort(request: &ScanRequest, declared: &Pushdown) -> Option<Json> {
    if !declared.sort || request.sort.is_empty() {
        return None;
    }
    let keys = request.sort.iter().map(|sort| {
        let descending = sort.direction == tablecast_connector::Direction::Descending;
        json!({ "column": sort.column, "descending": descending })
    });
    Some(Json::Array(keys.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rowid(comparison: Comparison, number: i128) -> Predicate {
        Predicate::Compare {
            column: ROWID.to_owned(),
            comparison,
            value: Value::Integer(number),
        }
    }

    #[test]
    fn comparisons_of_the_row_number_are_ranges() {
        let cases = [
            (rowid(Comparison::Greater, 4), Some((5, u64::MAX))),
            (rowid(Comparison::GreaterOrEqual, -4), Some((0, u64::MAX))),
            (rowid(Comparison::Equal, 7), Some((7, 8))),
            (rowid(Comparison::Equal, -7), Some((0, 0))),
            (rowid(Comparison::Less, 3), Some((0, 3))),
            (rowid(Comparison::LessOrEqual, 3), Some((0, 4))),
            (rowid(Comparison::NotEqual, 3), None),
            (Predicate::IsNull(ROWID.to_owned()), None),
        ];
        for (filter, wanted) in cases {
            let found = Range::ALL
                .narrowed(&filter)
                .map(|range| (range.start, range.end));
            assert_eq!(found, wanted, "{filter:?}");
        }
    }

    #[test]
    fn only_what_is_declared_is_pushed() {
        let declared: Pushdown = serde_json::from_value(json!({
            "filters": { "=": "exact", "not in": "inexact" }, "columns": ["a"]
        }))
        .unwrap_or_default();
        let equal = |column: &str| Predicate::Compare {
            column: column.to_owned(),
            comparison: Comparison::Equal,
            value: Value::Integer(1),
        };
        let members = Predicate::In {
            column: "a".to_owned(),
            values: vec![Value::Integer(1)],
        };
        assert_eq!(
            pushed(&equal("a"), &declared),
            Some((
                json!({ "column": "a", "op": "=", "value": 1 }),
                Support::Exact
            ))
        );
        assert_eq!(pushed(&equal("b"), &declared), None);
        assert_eq!(pushed(&members, &declared), None);
        assert_eq!(
            pushed(&Predicate::Not(Box::new(members)), &declared),
            Some((
                json!({ "column": "a", "op": "not in", "value": [1] }),
                Support::Inexact
            ))
        );
    }
}
