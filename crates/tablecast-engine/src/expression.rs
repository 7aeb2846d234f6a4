//! Predicates of the seam as DataFusion expressions that let no fewer rows pass: what a table of DataFusion's own may
//! leave out by its statistics. The predicate itself is held against what comes.

use arrow_schema::{DataType, Schema};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, Operator, binary_expr, lit};
use tablecast_connector::{Comparison, Predicate, Value};

/// Alternatives of one `in` that are worth telling.
const ALTERNATIVES_MAX: usize = 64;

/// Beyond this, whole numbers differ that are the same as 64-bit reals.
const EXACT_REAL: i128 = 1 << 53;

/// An expression, and whether it lets exactly the rows pass that the predicate does and is null where that is null.
struct Weaker {
    expression: Expr,
    is_exact: bool,
}

impl Weaker {
    fn exactly(expression: Expr) -> Self {
        Self {
            expression,
            is_exact: true,
        }
    }

    fn roughly(expression: Expr) -> Self {
        Self {
            expression,
            is_exact: false,
        }
    }
}

/// An expression over columns of `schema` that is true wherever `predicate` is; `None` if nothing can be left out by it.
/// `name_of` gives the name in the schema of a column of the predicate.
pub(crate) fn weaker<'a>(
    predicate: &'a Predicate,
    schema: &Schema,
    name_of: &impl Fn(&'a str) -> &'a str,
) -> Option<Expr> {
    Some(said(predicate, schema, name_of)?.expression)
}

fn said<'a>(
    predicate: &'a Predicate,
    schema: &Schema,
    name_of: &impl Fn(&'a str) -> &'a str,
) -> Option<Weaker> {
    match predicate {
        Predicate::Constant(holds) => Some(Weaker::exactly(lit(*holds))),
        Predicate::Compare {
            column,
            comparison,
            value,
        } => compared(Place::of(name_of(column), schema)?, *comparison, value),
        Predicate::In { column, values } if values.len() <= ALTERNATIVES_MAX => {
            let place = Place::of(name_of(column), schema)?;
            let parts = values
                .iter()
                .filter(|value| **value != Value::Null)
                .map(|value| compared(place, Comparison::Equal, value));
            joined(parts.collect::<Option<_>>()?, Operator::Or)
        }
        Predicate::IsNull(column) => {
            let place = Place::of(name_of(column), schema)?;
            // NaN counts as null.
            let may_be_nan = place.data_type.is_floating();
            (!may_be_nan).then(|| Weaker::exactly(place.expression().is_null()))
        }
        Predicate::Not(inner) => negated(inner, schema, name_of),
        Predicate::All(parts) => {
            let said: Vec<Option<Weaker>> = parts
                .iter()
                .map(|part| said(part, schema, name_of))
                .collect();
            let is_whole = said.iter().all(Option::is_some);
            let mut all = joined(said.into_iter().flatten().collect(), Operator::And)?;
            all.is_exact &= is_whole;
            Some(all)
        }
        Predicate::Any(parts) => {
            let said = parts.iter().map(|part| said(part, schema, name_of));
            joined(said.collect::<Option<_>>()?, Operator::Or)
        }
        Predicate::In { .. }
        | Predicate::Like { .. }
        | Predicate::Glob { .. }
        | Predicate::ArrayContains { .. }
        | Predicate::Date { .. } => None,
    }
}

fn negated<'a>(
    inner: &'a Predicate,
    schema: &Schema,
    name_of: &impl Fn(&'a str) -> &'a str,
) -> Option<Weaker> {
    if let Predicate::IsNull(column) = inner {
        let place = Place::of(name_of(column), schema)?;
        return Some(Weaker {
            expression: place.expression().is_not_null(),
            is_exact: !place.data_type.is_floating(),
        });
    }
    let inner = said(inner, schema, name_of)?;
    inner.is_exact.then(|| Weaker::exactly(!inner.expression))
}

/// The parts between `operator`s, `None` of none.
fn joined(parts: Vec<Weaker>, operator: Operator) -> Option<Weaker> {
    parts.into_iter().reduce(|a, b| Weaker {
        expression: binary_expr(a.expression, operator, b.expression),
        is_exact: a.is_exact && b.is_exact,
    })
}

#[derive(Clone, Copy)]
struct Place<'s> {
    name: &'s str,
    data_type: &'s DataType,
}

impl<'s> Place<'s> {
    fn of(name: &str, schema: &'s Schema) -> Option<Self> {
        let (_, field) = schema.column_with_name(name)?;
        Some(Self {
            name: field.name(),
            data_type: field.data_type(),
        })
    }

    fn expression(self) -> Expr {
        Expr::Column(Column::new_unqualified(self.name))
    }

    fn is(self, comparison: Comparison, value: ScalarValue) -> Expr {
        let operator = match comparison {
            Comparison::Equal => Operator::Eq,
            Comparison::NotEqual => Operator::NotEq,
            Comparison::Less => Operator::Lt,
            Comparison::LessOrEqual => Operator::LtEq,
            Comparison::Greater => Operator::Gt,
            Comparison::GreaterOrEqual => Operator::GtEq,
        };
        binary_expr(self.expression(), operator, Expr::Literal(value, None))
    }
}

fn compared(place: Place<'_>, comparison: Comparison, value: &Value) -> Option<Weaker> {
    match (place.data_type, value) {
        (integer, Value::Integer(value)) if integer.is_integer() => {
            let value = integer_of(integer, *value)?;
            Some(Weaker::exactly(place.is(comparison, value)))
        }
        (integer, Value::Real(value)) if integer.is_integer() => {
            between_integers(place, comparison, *value)
        }
        (DataType::Float64 | DataType::Float32, Value::Integer(value)) => {
            let is_exact = value.abs() <= EXACT_REAL;
            real(place, comparison, *value as f64, is_exact)
        }
        (DataType::Float64 | DataType::Float32, Value::Real(value)) => {
            real(place, comparison, *value, true)
        }
        (DataType::Utf8, Value::Text(text)) => {
            let text = ScalarValue::Utf8(Some(text.clone()));
            Some(Weaker::exactly(place.is(comparison, text)))
        }
        (DataType::LargeUtf8, Value::Text(text)) => {
            let text = ScalarValue::LargeUtf8(Some(text.clone()));
            Some(Weaker::exactly(place.is(comparison, text)))
        }
        (DataType::Utf8View, Value::Text(text)) => {
            let text = ScalarValue::Utf8View(Some(text.clone()));
            Some(Weaker::exactly(place.is(comparison, text)))
        }
        (DataType::Boolean, Value::Integer(value @ (0 | 1)))
            if matches!(comparison, Comparison::Equal | Comparison::NotEqual) =>
        {
            let value = ScalarValue::Boolean(Some(*value == 1));
            Some(Weaker::exactly(place.is(comparison, value)))
        }
        _ => None,
    }
}

/// `None` if the type cannot hold it.
fn integer_of(data_type: &DataType, value: i128) -> Option<ScalarValue> {
    Some(match data_type {
        DataType::Int8 => ScalarValue::Int8(Some(value.try_into().ok()?)),
        DataType::Int16 => ScalarValue::Int16(Some(value.try_into().ok()?)),
        DataType::Int32 => ScalarValue::Int32(Some(value.try_into().ok()?)),
        DataType::Int64 => ScalarValue::Int64(Some(value.try_into().ok()?)),
        DataType::UInt8 => ScalarValue::UInt8(Some(value.try_into().ok()?)),
        DataType::UInt16 => ScalarValue::UInt16(Some(value.try_into().ok()?)),
        DataType::UInt32 => ScalarValue::UInt32(Some(value.try_into().ok()?)),
        DataType::UInt64 => ScalarValue::UInt64(Some(value.try_into().ok()?)),
        _ => return None,
    })
}

/// Whole numbers compared with a real one.
fn between_integers(place: Place<'_>, comparison: Comparison, value: f64) -> Option<Weaker> {
    let at = |comparison, value: f64| {
        let value = integer_of(place.data_type, value as i128)?;
        Some(Weaker::exactly(place.is(comparison, value)))
    };
    if !value.is_finite() {
        return None;
    }
    if value.fract() == 0.0 {
        return at(comparison, value);
    }
    match comparison {
        Comparison::Greater | Comparison::GreaterOrEqual => at(Comparison::Greater, value.floor()),
        Comparison::Less | Comparison::LessOrEqual => at(Comparison::Less, value.ceil()),
        Comparison::Equal | Comparison::NotEqual => None,
    }
}

/// Arrow orders the negative zero before zero and NaN last; the seam's zeros are equal, and its NaN is null.
fn real(place: Place<'_>, comparison: Comparison, value: f64, is_exact: bool) -> Option<Weaker> {
    let literal = |value: f64| match place.data_type {
        DataType::Float32 => ScalarValue::Float32(Some(value as f32)),
        _ => ScalarValue::Float64(Some(value)),
    };
    let is_narrow = *place.data_type == DataType::Float32;
    let is_kept = is_exact && (!is_narrow || f64::from(value as f32).to_bits() == value.to_bits());
    let (low, high) = if value == 0.0 {
        (-0.0, 0.0)
    } else {
        (value, value)
    };
    let expression = match comparison {
        Comparison::NotEqual => return None,
        Comparison::Equal if !is_kept => return None,
        Comparison::Equal => place
            .is(Comparison::GreaterOrEqual, literal(low))
            .and(place.is(Comparison::LessOrEqual, literal(high))),
        Comparison::Greater | Comparison::GreaterOrEqual => {
            place.is(Comparison::GreaterOrEqual, literal(low))
        }
        Comparison::Less | Comparison::LessOrEqual => {
            place.is(Comparison::LessOrEqual, literal(high))
        }
    };
    Some(Weaker::roughly(expression))
}
