//! Typed predicates: what a scan is asked to filter by, and the one function that makes them from the API's filters.
//!
//! Logic is three-valued, as in SQL: a row passes if the predicate is true, not if it is null. Comparisons follow
//! `SQLite`: null < number < text < blob, and numbers compare by their exact value whatever their type. NaN is null.

use std::cmp::Ordering;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::query::list_values;
use crate::{Affinity, Cell, Column, Filter, Operator, Result, Value, number, real_text};

/// A condition on the cells of one row.
///
/// Invariant of predicates made by [`Predicate::from_condition`]: the values that a column is compared with are of
/// the class its cells have (numbers with numbers, text with text); what would compare across classes is a constant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Predicate {
    /// True or false for every row.
    Constant(bool),
    /// A column compared with a value.
    Compare {
        /// The column, or [`crate::ROWID`].
        column: String,
        /// How.
        comparison: Comparison,
        /// With what. Never null.
        value: Value,
    },
    /// The column is one of the values. Null values are none.
    In {
        /// The column.
        column: String,
        /// The values.
        values: Vec<Value>,
    },
    /// The column's text is like the pattern: `%` any characters, `_` one, ASCII case does not matter.
    /// Numbers are compared as `SQLite` writes them as text.
    Like {
        /// The column.
        column: String,
        /// The pattern.
        pattern: String,
    },
    /// The column's text matches the Unix pattern (`*`, `?`, `[…]`), and case matters.
    Glob {
        /// The column.
        column: String,
        /// The pattern.
        pattern: String,
    },
    /// The column is a JSON array, or a list, that holds this text (or a number that it is, for lists of numbers).
    ArrayContains {
        /// The column.
        column: String,
        /// The text.
        value: String,
    },
    /// The date part of the column, as `SQLite`'s `date()` gives it, is this text.
    Date {
        /// The column.
        column: String,
        /// `YYYY-MM-DD`.
        value: String,
    },
    /// The column is null.
    IsNull(String),
    /// The predicate is not true. Null stays null.
    Not(Box<Predicate>),
    /// All hold.
    All(Vec<Predicate>),
    /// One holds.
    Any(Vec<Predicate>),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// Whether the comparison holds for values in this order.
    pub fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

impl Predicate {
    /// The predicate that an API filter `column__operator=value` means for `column` (of a source other than `SQLite`,
    /// which binds values itself). Rows for which it would be null do not pass, as in `where`.
    ///
    /// An error of kind `InvalidRequest` if a list is not one.
    pub fn from_condition(column: &Column, operator: Operator, value: &str) -> Result<Self> {
        let name = column.name.clone();
        let like = |pattern: String| Self::Like {
            column: column.name.clone(),
            pattern,
        };
        let not = |predicate: Self| Self::Not(Box::new(predicate));
        let compare = |comparison| Self::compare(column, comparison, comparand(column, value));
        let order =
            |comparison| Self::compare(column, comparison, ordered_comparand(column, value));
        Ok(match operator {
            Operator::Exact => compare(Comparison::Equal),
            Operator::Not => compare(Comparison::NotEqual),
            Operator::Gt => order(Comparison::Greater),
            Operator::Gte => order(Comparison::GreaterOrEqual),
            Operator::Lt => order(Comparison::Less),
            Operator::Lte => order(Comparison::LessOrEqual),
            Operator::Contains => like(format!("%{value}%")),
            Operator::NotContains => not(like(format!("%{value}%"))),
            Operator::StartsWith => like(format!("{value}%")),
            Operator::EndsWith => like(format!("%{value}")),
            Operator::Like => like(value.to_owned()),
            Operator::NotLike => not(like(value.to_owned())),
            Operator::Glob => Self::Glob {
                column: name,
                pattern: value.to_owned(),
            },
            Operator::In => Self::in_list(column, value)?,
            Operator::NotIn => Self::not_in_list(column, value)?,
            Operator::ArrayContains => Self::ArrayContains {
                column: name,
                value: value.to_owned(),
            },
            // Null has no elements, so it does not hold the value either.
            Operator::ArrayNotContains => Self::Any(vec![
                Self::IsNull(name.clone()),
                not(Self::ArrayContains {
                    column: name,
                    value: value.to_owned(),
                }),
            ]),
            Operator::Date => Self::Date {
                column: name,
                value: value.to_owned(),
            },
            Operator::IsNull => Self::IsNull(name),
            Operator::NotNull => not(Self::IsNull(name)),
            Operator::IsBlank => Self::Any(vec![
                Self::IsNull(name),
                Self::compare(column, Comparison::Equal, "".into()),
            ]),
            Operator::NotBlank => Self::compare(column, Comparison::NotEqual, "".into()),
        })
    }

    /// A comparison, or what it comes to where the classes of `column` and `value` differ.
    pub fn compare(column: &Column, comparison: Comparison, value: Value) -> Self {
        let order = match (class_of_column(column), class_of_value(&value)) {
            (_, Class::Null) => return Self::Constant(false),
            (Some(of_column), of_value) if of_column != of_value => of_column.cmp(&of_value),
            _ => {
                return Self::Compare {
                    column: column.name.clone(),
                    comparison,
                    value,
                };
            }
        };
        if comparison.holds(order) {
            Self::Not(Box::new(Self::IsNull(column.name.clone())))
        } else {
            Self::Constant(false)
        }
    }

    fn in_list(column: &Column, typed: &str) -> Result<Self> {
        let values = list_comparands(column, typed)?;
        let class = class_of_column(column);
        let values = values
            .into_iter()
            .filter(|value| class.is_none_or(|class| class == class_of_value(value)))
            .collect();
        Ok(Self::In {
            column: column.name.clone(),
            values,
        })
    }

    /// `not in` a list that holds null is never true; in an empty list is nothing, not even null.
    fn not_in_list(column: &Column, typed: &str) -> Result<Self> {
        let values = list_comparands(column, typed)?;
        if values.contains(&Value::Null) {
            return Ok(Self::Constant(false));
        }
        if values.is_empty() {
            return Ok(Self::Constant(true));
        }
        let members = Self::in_list(column, typed)?;
        Ok(Self::All(vec![
            Self::Not(Box::new(Self::IsNull(column.name.clone()))),
            Self::Not(Box::new(members)),
        ]))
    }

    /// The names of the columns that the predicate reads, each once.
    pub fn columns(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.collect_columns(&mut names);
        names
    }

    fn collect_columns<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Constant(_) => {}
            Self::Compare { column, .. }
            | Self::In { column, .. }
            | Self::Like { column, .. }
            | Self::Glob { column, .. }
            | Self::ArrayContains { column, .. }
            | Self::Date { column, .. }
            | Self::IsNull(column) => {
                if !names.contains(&column.as_str()) {
                    names.push(column);
                }
            }
            Self::Not(inner) => inner.collect_columns(names),
            Self::All(inner) | Self::Any(inner) => {
                for predicate in inner {
                    predicate.collect_columns(names);
                }
            }
        }
    }
}

/// The typed API filters among `filters` as predicates over `columns`, `None` for those that only a person's SQL, a
/// search index or another table can answer. A column that is not there stands for its name as a text, as in `SQLite`.
pub fn predicate_of(filter: &Filter, columns: &[Column]) -> Result<Option<Predicate>> {
    let Filter::Condition {
        column,
        operator,
        value,
    } = filter
    else {
        return Ok(None);
    };
    let known = columns
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(column));
    if let Some(known) = known {
        return Predicate::from_condition(known, *operator, value).map(Some);
    }
    if crate::is_rowid_name(column) {
        let mut rowid = Column::new(crate::ROWID, DataType::Int64);
        rowid.not_null = true;
        return Predicate::from_condition(&rowid, *operator, value).map(Some);
    }
    constant_condition(column, *operator, value).map(|holds| Some(Predicate::Constant(holds)))
}

/// Whether the text `text` meets the condition.
fn constant_condition(text: &str, operator: Operator, value: &str) -> Result<bool> {
    let column = Column {
        affinity: Affinity::Blob,
        ..Column::new(text, DataType::Utf8)
    };
    let predicate = Predicate::from_condition(&column, operator, value)?;
    Ok(predicate.matches(&|_| Cell::Text(text)) == Some(true))
}

/// The classes of `SQLite`'s order of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Null,
    Number,
    Text,
    Blob,
}

fn class_of_value(value: &Value) -> Class {
    match value {
        Value::Null => Class::Null,
        Value::Real(real) if real.is_nan() => Class::Null,
        Value::Integer(_) | Value::Real(_) => Class::Number,
        Value::Text(_) => Class::Text,
        Value::Blob(_) => Class::Blob,
    }
}

/// The class that all cells of the column have, if its type says so.
fn class_of_column(column: &Column) -> Option<Class> {
    use DataType as T;
    Some(match &column.data_type {
        T::Null => return None,
        T::Boolean | T::Decimal128(..) | T::Decimal256(..) => Class::Number,
        number if number.is_numeric() => Class::Number,
        // A column of bytes may hold texts too: HDF5's fixed strings that are not all UTF-8.
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => Class::Blob,
        _ => Class::Text,
    })
}

fn comparand(column: &Column, typed: &str) -> Value {
    if column.data_type == DataType::Boolean {
        match typed.trim().to_ascii_lowercase().as_str() {
            "true" => return Value::Integer(1),
            "false" => return Value::Integer(0),
            _ => {}
        }
    }
    column.affinity.comparand(typed)
}

/// For comparisons of size, Datasette binds a number where one is typed: a text column compares with the number as
/// `SQLite` writes it, and a column of bytes with the number itself.
fn ordered_comparand(column: &Column, typed: &str) -> Value {
    match (column.affinity, number(typed)) {
        (Affinity::Text, Some(number)) => text_of_number(&number),
        (Affinity::Blob, Some(number)) => number,
        _ => comparand(column, typed),
    }
}

/// A number as `SQLite` writes it where a text is compared with it.
fn text_of_number(number: &Value) -> Value {
    match number {
        Value::Integer(integer) => match i64::try_from(*integer) {
            Ok(integer) => integer.to_string().into(),
            Err(_) => real_text(*integer as f64).into(),
        },
        Value::Real(real) => real_text(*real).into(),
        other => other.clone(),
    }
}

fn list_comparands(column: &Column, typed: &str) -> Result<Vec<Value>> {
    let values = list_values(typed)?.into_iter();
    Ok(values
        .map(|value| match (value, column.affinity) {
            (Value::Text(text), _) => comparand(column, &text),
            (number @ (Value::Integer(_) | Value::Real(_)), Affinity::Text) => {
                text_of_number(&number)
            }
            (value, _) => value,
        })
        .collect())
}

/// `SQLite`'s order of two values of the same or different classes; null is the smallest.
pub fn compare_values(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => a.cmp(b),
        (Value::Integer(a), Value::Real(b)) => compare_integer_real(*a, *b),
        (Value::Real(a), Value::Integer(b)) => compare_integer_real(*b, *a).reverse(),
        (Value::Real(a), Value::Real(b)) => a
            .partial_cmp(b)
            .unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Blob(a), Value::Blob(b)) => a.cmp(b),
        _ => class_of_value(a).cmp(&class_of_value(b)),
    }
}

/// An exact comparison: no integer is rounded.
fn compare_integer_real(integer: i128, real: f64) -> Ordering {
    if real.is_nan() {
        return Ordering::Greater;
    }
    if real >= 1e38 {
        return Ordering::Less;
    }
    if real <= -1e38 {
        return Ordering::Greater;
    }
    let whole = real.floor();
    integer.cmp(&(whole as i128)).then_with(|| {
        if real > whole {
            Ordering::Less
        } else {
            Ordering::Equal
        }
    })
}
