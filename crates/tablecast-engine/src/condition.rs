//! A predicate made ready for the columns of a scan: names are places, lists are sorted, patterns are taken apart. It
//! gives what [`Predicate::matches`] gives, without an allocation per row for the common ones.

use std::cmp::Ordering;

use tablecast_connector::{
    Cell, ColumnView, Comparison, Error, Predicate, Result, Value, compare_values, conjunction,
};

use crate::pattern::LikePattern;

/// A condition on the rows of batches whose columns are known.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    Constant(bool),
    Compare {
        place: usize,
        comparison: Comparison,
        value: Value,
    },
    /// Values in `compare_values`' order.
    In {
        place: usize,
        values: Vec<Value>,
    },
    Like {
        place: usize,
        pattern: LikePattern,
    },
    IsNull(usize),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// Whatever the seam alone decides, with the places of its columns.
    Other {
        predicate: Predicate,
        places: Vec<(String, usize)>,
    },
}

impl Condition {
    /// All of `predicates` for batches with these columns. An error of kind `Internal` names a column that is missing.
    pub(crate) fn all(predicates: &[Predicate], columns: &[String]) -> Result<Self> {
        predicates
            .iter()
            .map(|predicate| Self::new(predicate, columns))
            .collect::<Result<_>>()
            .map(Self::All)
    }

    fn new(predicate: &Predicate, columns: &[String]) -> Result<Self> {
        let each = |inner: &[Predicate]| -> Result<Vec<Self>> {
            inner
                .iter()
                .map(|inner| Self::new(inner, columns))
                .collect()
        };
        Ok(match predicate {
            Predicate::Constant(holds) => Self::Constant(*holds),
            Predicate::Compare {
                column,
                comparison,
                value,
            } => Self::Compare {
                place: place(column, columns)?,
                comparison: *comparison,
                value: value.clone(),
            },
            Predicate::In { column, values } => {
                let mut values: Vec<Value> = values
                    .iter()
                    .filter(|value| **value != Value::Null)
                    .cloned()
                    .collect();
                values.sort_by(compare_values);
                Self::In {
                    place: place(column, columns)?,
                    values,
                }
            }
            Predicate::Like { column, pattern } => Self::Like {
                place: place(column, columns)?,
                pattern: LikePattern::new(pattern),
            },
            Predicate::IsNull(column) => Self::IsNull(place(column, columns)?),
            Predicate::Not(inner) => Self::Not(Box::new(Self::new(inner, columns)?)),
            Predicate::All(inner) => Self::All(each(inner)?),
            Predicate::Any(inner) => Self::Any(each(inner)?),
            other => Self::Other {
                predicate: other.clone(),
                places: other
                    .columns()
                    .into_iter()
                    .map(|name| Ok((name.to_owned(), place(name, columns)?)))
                    .collect::<Result<_>>()?,
            },
        })
    }

    /// Whether there is nothing to check.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::All(inner) if inner.is_empty())
    }

    /// Whether the row passes.
    pub(crate) fn passes(&self, columns: &[ColumnView<'_>], row: usize) -> bool {
        self.holds(columns, row) == Some(true)
    }

    /// `None` is SQL's null.
    fn holds(&self, columns: &[ColumnView<'_>], row: usize) -> Option<bool> {
        let cell = |place: &usize| columns.get(*place).map_or(Cell::Null, |c| c.cell(row));
        match self {
            Self::Constant(holds) => Some(*holds),
            Self::IsNull(place) => Some(cell(place).is_null()),
            Self::Compare {
                place,
                comparison,
                value,
            } => Some(comparison.holds(compare_cell(&cell(place), value)?)),
            Self::In { place, values } => {
                let cell = cell(place);
                if cell.is_null() {
                    return None;
                }
                let order = |value: &Value| {
                    compare_cell(&cell, value).map_or(Ordering::Less, Ordering::reverse)
                };
                Some(values.binary_search_by(order).is_ok())
            }
            Self::Like { place, pattern } => pattern.matches(&cell(place)),
            Self::Not(inner) => inner.holds(columns, row).map(|holds| !holds),
            Self::All(inner) => conjunction(inner.iter().map(|part| part.holds(columns, row))),
            Self::Any(inner) => {
                let denied = inner
                    .iter()
                    .map(|part| part.holds(columns, row).map(|holds| !holds));
                conjunction(denied).map(|holds| !holds)
            }
            Self::Other { predicate, places } => predicate.matches(&|name| {
                let known = places.iter().find(|(known, _)| known == name);
                known.map_or(Cell::Null, |(_, place)| cell(place))
            }),
        }
    }
}

fn place(column: &str, columns: &[String]) -> Result<usize> {
    columns
        .iter()
        .position(|known| known == column)
        .ok_or_else(|| Error::internal(format!("The column {column} of a filter was not read")))
}

/// The order of a cell and a value; `None` if the cell is null.
fn compare_cell(cell: &Cell<'_>, value: &Value) -> Option<Ordering> {
    Some(match (cell, value) {
        (cell, _) if cell.is_null() => return None,
        (Cell::Integer(a), Value::Integer(b)) => i128::from(*a).cmp(b),
        (Cell::Unsigned(a), Value::Integer(b)) => i128::from(*a).cmp(b),
        (Cell::Text(a), Value::Text(b)) => (*a).cmp(b.as_str()),
        (Cell::Bytes(a), Value::Blob(b)) => (*a).cmp(b.as_slice()),
        (cell, value) => compare_values(&cell.to_value(), value),
    })
}
