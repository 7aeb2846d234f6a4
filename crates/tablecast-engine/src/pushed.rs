//! Expressions of a plan as the seam's predicates, as far as both mean the same: the source, or else the leaf, then
//! applies them.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use tablecast_connector::{Column, Comparison, Predicate, TableInfo, Value};

use crate::exposed::exposed_type;
use crate::request;

/// `expression` as a predicate on `table`; `None` if it cannot be said so.
pub(crate) fn predicate(expression: &Expr, table: &TableInfo) -> Option<Predicate> {
    match expression {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::And => Some(Predicate::All(vec![
                predicate(left, table)?,
                predicate(right, table)?,
            ])),
            Operator::Or => Some(Predicate::Any(vec![
                predicate(left, table)?,
                predicate(right, table)?,
            ])),
            op => comparison(left, *op, right, table),
        },
        Expr::Not(inner) => Some(Predicate::Not(Box::new(predicate(inner, table)?))),
        Expr::IsNull(inner) => Some(Predicate::IsNull(column(inner, table)?.name)),
        Expr::IsNotNull(inner) => {
            let is_null = Predicate::IsNull(column(inner, table)?.name);
            Some(Predicate::Not(Box::new(is_null)))
        }
        Expr::Between(between) => {
            let column = column(&between.expr, table)?;
            let low = literal(&between.low, &column)?;
            let high = literal(&between.high, &column)?;
            let inside = Predicate::All(vec![
                compare(&column, Comparison::GreaterOrEqual, low),
                compare(&column, Comparison::LessOrEqual, high),
            ]);
            Some(if between.negated {
                Predicate::Not(Box::new(inside))
            } else {
                inside
            })
        }
        Expr::InList(list) => in_list(list, table),
        Expr::ScalarFunction(call) => match call.args.as_slice() {
            [pattern, text] => like(call.func.name(), pattern, text, table),
            _ => None,
        },
        _ => None,
    }
}

/// The front end's functions `like(pattern, text)` and `glob(pattern, text)`, which are SQLite's.
fn like(function: &str, pattern: &Expr, text: &Expr, table: &TableInfo) -> Option<Predicate> {
    let column = column(text, table)?;
    let Value::Text(pattern) = literal(pattern, &column)? else {
        return None;
    };
    let column = column.name;
    match function {
        "like" => Some(Predicate::Like { column, pattern }),
        "glob" => Some(Predicate::Glob { column, pattern }),
        _ => None,
    }
}

fn in_list(list: &InList, table: &TableInfo) -> Option<Predicate> {
    let column = column(&list.expr, table)?;
    let values = list
        .list
        .iter()
        .map(|value| literal(value, &column))
        .collect::<Option<Vec<Value>>>()?;
    let within = Predicate::In {
        column: column.name,
        values,
    };
    Some(if list.negated {
        Predicate::Not(Box::new(within))
    } else {
        within
    })
}

fn comparison(left: &Expr, op: Operator, right: &Expr, table: &TableInfo) -> Option<Predicate> {
    let comparison = match op {
        Operator::Eq => Comparison::Equal,
        Operator::NotEq => Comparison::NotEqual,
        Operator::Lt => Comparison::Less,
        Operator::LtEq => Comparison::LessOrEqual,
        Operator::Gt => Comparison::Greater,
        Operator::GtEq => Comparison::GreaterOrEqual,
        _ => return None,
    };
    if let Some(column) = column(left, table) {
        let value = literal(right, &column)?;
        return Some(compare(&column, comparison, value));
    }
    let column = column(right, table)?;
    let value = literal(left, &column)?;
    Some(compare(&column, mirrored(comparison), value))
}

fn mirrored(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

fn compare(column: &Column, comparison: Comparison, value: Value) -> Predicate {
    Predicate::Compare {
        column: column.name.clone(),
        comparison,
        value,
    }
}

/// The column that `expression` is, also within a cast from number to number: predicates compare exactly.
fn column(expression: &Expr, table: &TableInfo) -> Option<Column> {
    match expression {
        Expr::Column(named) => request::column(table, &named.name).ok(),
        Expr::Cast(cast) if cast.field.data_type().is_numeric() => {
            column(&cast.expr, table).filter(is_number)
        }
        _ => None,
    }
}

fn is_number(column: &Column) -> bool {
    exposed_type(&column.data_type).is_numeric()
}

/// The literal that `expression` is, if cells of `column` are of the same class.
fn literal(expression: &Expr, column: &Column) -> Option<Value> {
    let Expr::Literal(scalar, _) = expression else {
        return None;
    };
    let value = match scalar {
        ScalarValue::Int64(Some(integer)) => Value::from(*integer),
        ScalarValue::Int32(Some(integer)) => Value::from(i64::from(*integer)),
        ScalarValue::UInt64(Some(integer)) => Value::Integer(i128::from(*integer)),
        ScalarValue::Float64(Some(real)) if !real.is_nan() => Value::Real(*real),
        ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) => {
            Value::Text(text.clone())
        }
        _ => return None,
    };
    let fits = match value {
        Value::Text(_) => matches!(
            column.data_type,
            arrow_schema::DataType::Utf8
                | arrow_schema::DataType::LargeUtf8
                | arrow_schema::DataType::Utf8View
        ),
        _ => {
            is_number(column) && !matches!(column.data_type, arrow_schema::DataType::Decimal128(..))
        }
    };
    fits.then_some(value)
}
