//! What the server asks of a database: rows, counts and facets of one table under filters. Plain data.
//!
//! SQL text crosses only where a person wrote it: `_where` fragments here, statements in [`Statement`].

use serde::{Deserialize, Serialize};

use crate::{Error, Result, Value};

/// A dialect of SQL by its name, `sqlite` for example. `tablecast-sql` knows what it means.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Dialect(pub String);

impl Dialect {
    /// `SQLite`'s dialect, in which people write SQL for every source that names no dialect of its own.
    pub fn sqlite() -> Self {
        Self("sqlite".to_owned())
    }
}

/// An operator of the API's column filters. The value's meaning depends on the column's affinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// `=`
    Exact,
    /// `!=`
    Not,
    /// `like '%value%'`
    Contains,
    /// `not like '%value%'`
    NotContains,
    /// `like 'value%'`
    StartsWith,
    /// `like '%value'`
    EndsWith,
    /// `>`
    Gt,
    /// `>=`
    Gte,
    /// `<`
    Lt,
    /// `<=`
    Lte,
    /// `like`
    Like,
    /// `not like`
    NotLike,
    /// `glob`
    Glob,
    /// `in`; the value is a comma-separated list or a JSON array.
    In,
    /// `not in`
    NotIn,
    /// The cell is a JSON array that holds the value.
    ArrayContains,
    /// The cell is a JSON array that does not hold the value.
    ArrayNotContains,
    /// The date part of the cell is the value.
    Date,
    /// `is null`; the value is ignored, as for the three below.
    IsNull,
    /// `is not null`
    NotNull,
    /// `is null or = ''`
    IsBlank,
    /// `is not null and != ''`
    NotBlank,
}

/// Every operator with its name in the query string. The plain `column=value` is `exact`.
pub const OPERATORS: &[(&str, Operator)] = &[
    ("exact", Operator::Exact),
    ("not", Operator::Not),
    ("contains", Operator::Contains),
    ("notcontains", Operator::NotContains),
    ("endswith", Operator::EndsWith),
    ("startswith", Operator::StartsWith),
    ("gt", Operator::Gt),
    ("gte", Operator::Gte),
    ("lt", Operator::Lt),
    ("lte", Operator::Lte),
    ("like", Operator::Like),
    ("notlike", Operator::NotLike),
    ("glob", Operator::Glob),
    ("in", Operator::In),
    ("notin", Operator::NotIn),
    ("arraycontains", Operator::ArrayContains),
    ("arraynotcontains", Operator::ArrayNotContains),
    ("date", Operator::Date),
    ("isnull", Operator::IsNull),
    ("notnull", Operator::NotNull),
    ("isblank", Operator::IsBlank),
    ("notblank", Operator::NotBlank),
];

impl Operator {
    /// The operator of that name in the query string.
    pub fn named(name: &str) -> Option<Self> {
        OPERATORS
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, operator)| *operator)
    }

    /// The name in the query string.
    pub fn name(self) -> &'static str {
        OPERATORS
            .iter()
            .find(|(_, operator)| *operator == self)
            .map_or("exact", |(name, _)| *name)
    }

    /// Whether the operator looks at its value.
    pub fn takes_value(self) -> bool {
        !matches!(
            self,
            Self::IsNull | Self::NotNull | Self::IsBlank | Self::NotBlank
        )
    }
}

/// One filter. The filters of a request hold together (and).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Filter {
    /// A column compared with a value.
    Condition {
        /// The column. One that the table lacks stands for its own name as a text, as in `SQLite`.
        column: String,
        /// How.
        operator: Operator,
        /// The value as it was typed.
        value: String,
    },
    /// Full-text search.
    Search {
        /// The index, as `detect_fts` names it.
        index: String,
        /// The table's column that the index's row numbers stand for.
        key: String,
        /// The column of the index to search; all if `None`.
        column: Option<String>,
        /// What to search.
        text: String,
        /// How the text is read.
        mode: SearchMode,
    },
    /// Rows whose `column` is found in another table's rows (`_through`).
    InTable {
        /// This table's column.
        column: String,
        /// The other table.
        other_table: String,
        /// The other table's column that holds values of `column`.
        other_column: String,
        /// The other table's rows: those whose `where_column` equals `value`.
        where_column: String,
        /// As it was typed.
        value: String,
    },
    /// Rows behind another in an order: what is still to come where a page ends.
    Behind {
        /// The order, if not that of the key alone, and the other row's value in it.
        sort: Option<(Sort, Value)>,
        /// The columns of the key, at least one, and the other row's values in them.
        key: Vec<(String, Value)>,
    },
    /// A condition that a person wrote (`_where`).
    Sql {
        /// The condition.
        text: String,
        /// Its language.
        dialect: Dialect,
        /// Values of its named parameters.
        parameters: Vec<(String, Value)>,
    },
}

/// How the text of a search is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SearchMode {
    /// Each word stands for itself.
    Escaped,
    /// The index's own query language.
    Raw,
}

/// An order by one column. Nulls are the smallest, as in `SQLite`. Ties go by identity, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sort {
    /// The column; [`crate::ROWID`] is allowed.
    pub column: String,
    /// Which way.
    pub direction: Direction,
}

/// Up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Where a page starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Position {
    /// Behind the row with this identity (and, if the request is sorted, this sort value).
    After {
        /// The sort column's value of that row (null is [`Value::Null`]); `None` if the request is not sorted.
        sort: Option<Value>,
        /// The values of the identity's columns, as they were typed.
        key: Vec<Value>,
    },
    /// Behind this many rows.
    Offset(u64),
}

/// Rows of one table in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableQuery {
    /// The table.
    pub table: String,
    /// The columns in the order wanted; [`crate::ROWID`] may be among them.
    pub columns: Vec<String>,
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// The order; by identity if `None`.
    pub sort: Option<Sort>,
    /// Where to start; at the first row if `None`.
    pub position: Option<Position>,
    /// The most rows; all if `None`.
    pub limit: Option<u64>,
}

/// How a facet groups a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FacetKind {
    /// By the cell's value.
    Column,
    /// By each element of the JSON array in the cell; a row counts once for each distinct element.
    Array,
    /// By the date part of the cell.
    Date,
}

/// One thing wanted of a table's filtered rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Want {
    /// Rows.
    Rows {
        /// As in [`TableQuery`].
        columns: Vec<String>,
        /// As in [`TableQuery`].
        sort: Option<Sort>,
        /// As in [`TableQuery`].
        position: Option<Position>,
        /// As in [`TableQuery`].
        limit: Option<u64>,
    },
    /// How many rows there are.
    Count {
        /// Counting may stop here, and says so; a number that is known without counting may be told whole.
        at_most: Option<u64>,
    },
    /// The commonest values with their counts, by count descending, then value ascending. Nulls are not counted.
    Facet {
        /// The column.
        column: String,
        /// How it groups.
        kind: FacetKind,
        /// The most values.
        limit: u64,
        /// Look only at this many first rows, in the table's own order: for suggestions.
        sample: Option<u64>,
    },
}

/// Several things wanted of one table under the same filters, so that a source can read it once for all of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// The table.
    pub table: String,
    /// Conditions that all hold.
    pub filters: Vec<Filter>,
    /// What is wanted. Answers come in this order.
    pub wants: Vec<Wanted>,
}

/// A want and the time it alone may take. One that takes too long fails alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    /// What.
    pub want: Want,
    /// In milliseconds, within the time of the whole request.
    pub time_limit_ms: Option<u64>,
}

impl From<Want> for Wanted {
    fn from(want: Want) -> Self {
        Self {
            want,
            time_limit_ms: None,
        }
    }
}

impl Ask {
    /// The rows wanted by `want`, as a query; `None` if it is not rows that are wanted.
    pub fn table_query(&self, want: &Want) -> Option<TableQuery> {
        let Want::Rows {
            columns,
            sort,
            position,
            limit,
        } = want
        else {
            return None;
        };
        Some(TableQuery {
            table: self.table.clone(),
            columns: columns.clone(),
            filters: self.filters.clone(),
            sort: sort.clone(),
            position: position.clone(),
            limit: *limit,
        })
    }
}

/// SQL that a person wrote, with values for its named parameters (without the colon).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The text.
    pub sql: String,
    /// Parameters by name.
    pub parameters: Vec<(String, Value)>,
}

/// The values of an `in` list: a JSON array of strings, numbers, booleans and nulls, or texts between commas.
pub fn list_values(typed: &str) -> Result<Vec<Value>> {
    if !typed.starts_with('[') {
        return Ok(typed.split(',').map(|part| part.trim().into()).collect());
    }
    let items: Vec<serde_json::Value> = serde_json::from_str(typed).map_err(|cause| {
        Error::invalid(format!("{typed:?} is not a JSON array")).caused_by(cause)
    })?;
    items
        .into_iter()
        .map(|item| json_scalar(&item, typed))
        .collect()
}

fn json_scalar(item: &serde_json::Value, typed: &str) -> Result<Value> {
    Ok(match item {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(boolean) => Value::Integer(i128::from(*boolean)),
        serde_json::Value::Number(number) => match number.as_i128() {
            Some(integer) => Value::Integer(integer),
            None => Value::Real(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        _ => {
            return Err(Error::invalid(format!(
                "{typed:?} holds an array or object where a value is needed"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_typed_with_commas_or_as_json() {
        assert_eq!(list_values("a, b").ok(), Some(vec!["a".into(), "b".into()]));
        assert_eq!(
            list_values("[1, \"a,b\", null]").ok(),
            Some(vec![1_i64.into(), "a,b".into(), Value::Null])
        );
        assert!(list_values("[1").is_err());
        assert!(list_values("[[1]]").is_err());
    }

    #[test]
    fn every_operator_has_one_name() {
        for (name, operator) in OPERATORS {
            assert_eq!(Operator::named(name), Some(*operator));
            assert_eq!(operator.name(), *name);
        }
    }
}
