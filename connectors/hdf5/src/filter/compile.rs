//! From the seam's predicates to tests: `not` is moved down to the leaves, and each leaf is fitted to its column.

use tablecast_connector::{Comparison, Predicate, ROWID, Value};

use super::Test;
use super::interval::{Interval, integers, reals};
use super::pattern::{Pattern, TextTest};
use crate::column::{ColumnPlace, Element};

/// Compiles a predicate over these columns; `None` if one of its parts cannot be decided exactly here.
pub fn compile(predicate: &Predicate, columns: &[ColumnPlace]) -> Option<Test> {
    Compiler { columns }.test(predicate, false)
}

struct Compiler<'a> {
    columns: &'a [ColumnPlace],
}

impl Compiler<'_> {
    fn test(&self, predicate: &Predicate, is_negated: bool) -> Option<Test> {
        if let Some((column, place)) = self.with_meaning(predicate) {
            return place.element.test(column, predicate, is_negated);
        }
        Some(match predicate {
            Predicate::Constant(holds) => Test::Constant(*holds != is_negated),
            Predicate::Not(inner) => self.test(inner, !is_negated)?,
            Predicate::All(inner) | Predicate::Any(inner) => {
                let tests = inner
                    .iter()
                    .map(|inner| self.test(inner, is_negated))
                    .collect::<Option<_>>()?;
                if matches!(predicate, Predicate::All(_)) == is_negated {
                    Test::Any(tests)
                } else {
                    Test::all(tests)
                }
            }
            Predicate::Compare {
                column,
                comparison,
                value,
            } => {
                let comparison = if is_negated {
                    opposite(*comparison)
                } else {
                    *comparison
                };
                self.compare(column, comparison, value)?
            }
            Predicate::In { column, values } => self.among(column, values, is_negated)?,
            Predicate::IsNull(column) => self.null(column, is_negated)?,
            Predicate::Like { column, pattern } => {
                self.pattern(column, Pattern::like(pattern), is_negated)?
            }
            Predicate::Glob { column, pattern } => {
                self.pattern(column, Pattern::Glob(pattern.clone()), is_negated)?
            }
            Predicate::ArrayContains { .. } | Predicate::Date { .. } => return None,
        })
    }

    /// The column of a condition, if its cells mean something else than what is stored.
    fn with_meaning(&self, leaf: &Predicate) -> Option<(usize, &ColumnPlace)> {
        let (Predicate::Compare { column, .. }
        | Predicate::In { column, .. }
        | Predicate::Like { column, .. }
        | Predicate::Glob { column, .. }
        | Predicate::Date { column, .. }
        | Predicate::ArrayContains { column, .. }
        | Predicate::IsNull(column)) = leaf
        else {
            return None;
        };
        self.column(column)
            .filter(|(_, place)| place.element.has_meaning())
    }

    /// The scalar column of this name; a column called like the row number comes before it.
    fn column(&self, name: &str) -> Option<(usize, &ColumnPlace)> {
        let found = self
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name);
        found.filter(|(_, column)| column.is_scalar())
    }

    fn is_row_number(&self, name: &str) -> bool {
        name == ROWID && !self.columns.iter().any(|column| column.name == name)
    }

    fn compare(&self, name: &str, comparison: Comparison, value: &Value) -> Option<Test> {
        let outside = comparison == Comparison::NotEqual;
        if self.is_row_number(name) {
            return Some(Test::Rows {
                intervals: integers(comparison, value)?,
                outside,
            });
        }
        let (column, place) = self.column(name)?;
        match (&place.element, value) {
            (Element::Number(_), Value::Integer(_) | Value::Real(_)) => Some(Test::Number {
                column,
                intervals: integers(comparison, value)?,
                reals: reals(comparison, value)?,
                outside,
            }),
            (Element::Text(padding), Value::Text(text)) => Some(Test::Text {
                column,
                padding: *padding,
                test: TextTest::Compare(comparison, text.clone().into_bytes()),
                outside: false,
            }),
            _ => None,
        }
    }

    fn among(&self, name: &str, values: &[Value], outside: bool) -> Option<Test> {
        let values: Vec<&Value> = values
            .iter()
            .filter(|value| **value != Value::Null)
            .collect();
        let all = |f: &dyn Fn(&Value) -> Option<Vec<Interval<i128>>>| {
            values
                .iter()
                .map(|value| f(value))
                .collect::<Option<Vec<_>>>()
                .map(|lists| lists.concat())
        };
        let whole = || all(&|value| integers(Comparison::Equal, value));
        if self.is_row_number(name) {
            return Some(Test::Rows {
                intervals: whole()?,
                outside,
            });
        }
        let (column, place) = self.column(name)?;
        match &place.element {
            Element::Number(_) => {
                let reals = values
                    .iter()
                    .map(|value| reals(Comparison::Equal, value))
                    .collect::<Option<Vec<_>>>()?;
                Some(Test::Number {
                    column,
                    intervals: whole()?,
                    reals: reals.concat(),
                    outside,
                })
            }
            Element::Text(padding) => {
                let texts = values.iter().map(|value| match value {
                    Value::Text(text) => Some(text.clone().into_bytes()),
                    _ => None,
                });
                let mut texts = texts.collect::<Option<Vec<_>>>()?;
                texts.sort_unstable();
                Some(Test::Text {
                    column,
                    padding: *padding,
                    test: TextTest::In(texts),
                    outside,
                })
            }
            _ => None,
        }
    }

    fn null(&self, name: &str, is_negated: bool) -> Option<Test> {
        if self.is_row_number(name) {
            return Some(Test::Constant(is_negated));
        }
        let (column, place) = self
            .columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)?;
        match &place.element {
            Element::Number(number) if place.is_scalar() && number.is_real() => {
                Some(Test::IsNumber {
                    column,
                    wanted: is_negated,
                })
            }
            // Only references and dates may be null.
            Element::Other(_) if place.is_scalar() => None,
            _ => Some(Test::Constant(is_negated)),
        }
    }

    fn pattern(&self, name: &str, pattern: Pattern, outside: bool) -> Option<Test> {
        let (column, place) = self.column(name)?;
        match &place.element {
            Element::Text(padding) => Some(Test::Text {
                column,
                padding: *padding,
                test: TextTest::Matches(pattern),
                outside,
            }),
            Element::Number(_) => Some(Test::Written {
                column,
                pattern,
                outside,
            }),
            _ => None,
        }
    }
}

/// The comparison that holds where this one does not.
pub fn opposite(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Equal => Comparison::NotEqual,
        Comparison::NotEqual => Comparison::Equal,
        Comparison::Less => Comparison::GreaterOrEqual,
        Comparison::LessOrEqual => Comparison::Greater,
        Comparison::Greater => Comparison::LessOrEqual,
        Comparison::GreaterOrEqual => Comparison::Less,
    }
}
