//! Operators between values whose types are known: what SQLite's rules of types and affinities say, where the engine's own
//! would bring both sides to one type and answer otherwise, or refuse.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::{DFSchema, Result as DataFusionResult, ScalarValue};
use datafusion::functions::core::nullif;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Operator, ScalarUDF, binary_expr, cast, lit, when,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::functions::casts;
use super::functions::checked::Checked;

/// Plans operators in SQLite's meaning.
#[derive(Debug)]
pub(super) struct Operators;

/// What a value's type is to an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Null,
    Boolean,
    Whole,
    /// Whole numbers of up to 2^64 - 1, which SQLite does not have.
    Unsigned,
    Real,
    Text,
    Blob,
    Other,
}

impl Class {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean,
            DataType::UInt64 => Self::Unsigned,
            whole if whole.is_integer() => Self::Whole,
            real if real.is_floating() => Self::Real,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::Blob,
            _ => Self::Other,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Whole | Self::Unsigned | Self::Real)
    }

    /// Where values of the class stand in SQLite's order: numbers, texts, bytes.
    fn rank(self) -> Option<u8> {
        match self {
            Self::Whole | Self::Unsigned | Self::Real => Some(1),
            Self::Text => Some(2),
            Self::Blob => Some(3),
            Self::Null | Self::Boolean | Self::Other => None,
        }
    }
}

/// One side of an operator.
struct Side {
    expr: Expr,
    class: Class,
}

impl Side {
    fn new(expr: Expr, schema: &DFSchema) -> DataFusionResult<Self> {
        let class = Class::of(&expr.get_type(schema)?);
        // A condition is 0 or 1 to every other operator.
        Ok(if class == Class::Boolean {
            Self {
                expr: cast(expr, DataType::Int64),
                class: Class::Whole,
            }
        } else {
            Self { expr, class }
        })
    }

    /// Whether the value has an affinity, by which the other side is read.
    fn has_affinity(&self) -> bool {
        match &self.expr {
            Expr::Column(_) | Expr::OuterReferenceColumn(..) => true,
            Expr::ScalarFunction(function) => {
                matches!(function.name(), "to_integer" | "to_real" | "to_text")
            }
            _ => false,
        }
    }

    /// Whether the value is written, and so small that whole numbers on its other side stay there as reals, too.
    fn is_exact_real(&self) -> bool {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match &self.expr {
            Expr::Literal(ScalarValue::Int64(Some(whole)), _) => (*whole as f64).abs() < EXACT,
            Expr::Literal(ScalarValue::Float64(Some(real)), _) => real.abs() < EXACT,
            _ => false,
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self.expr, Expr::Literal(..))
    }

    /// As a whole number of 64 bits with a sign; one that is larger is an error where it comes up.
    fn whole(self) -> Expr {
        match self.class {
            Class::Whole | Class::Null => self.expr,
            Class::Unsigned => cast(self.expr, DataType::Int64),
            _ => called(casts::TO_INTEGER.to_udf(), vec![self.expr]),
        }
    }

    /// As a number: a text is the number that it starts with.
    fn number(self) -> Self {
        match self.class {
            Class::Unsigned => Self {
                expr: cast(self.expr, DataType::Int64),
                class: Class::Whole,
            },
            Class::Text | Class::Blob => Self {
                expr: called(casts::TO_REAL.to_udf(), vec![self.expr]),
                class: Class::Real,
            },
            _ => self,
        }
    }

    fn text(self) -> Expr {
        match self.class {
            Class::Text | Class::Null => self.expr,
            _ => called(casts::TO_TEXT.to_udf(), vec![self.expr]),
        }
    }
}

fn called(function: ScalarUDF, arguments: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), arguments))
}

fn checked(checked: Checked, left: Expr, right: Expr) -> Expr {
    called(checked.to_udf(), vec![left, right])
}

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        raw: RawBinaryExpr,
        schema: &DFSchema,
    ) -> DataFusionResult<PlannerResult<RawBinaryExpr>> {
        let Some(operator) = operator(&raw.op) else {
            return Ok(PlannerResult::Original(raw));
        };
        let left = Side::new(raw.left, schema)?;
        let right = Side::new(raw.right, schema)?;
        Ok(PlannerResult::Planned(match operator {
            Operator::Plus | Operator::Minus | Operator::Multiply => {
                arithmetic(left, operator, right)
            }
            Operator::Divide => quotient(left, right),
            Operator::Modulo => remainder(left, right),
            Operator::StringConcat => binary_expr(left.text(), operator, right.text()),
            Operator::BitwiseAnd | Operator::BitwiseOr => {
                binary_expr(left.whole(), operator, right.whole())
            }
            Operator::BitwiseShiftLeft => called(
                casts::SHIFT_LEFT.to_udf(),
                vec![left.whole(), right.whole()],
            ),
            Operator::BitwiseShiftRight => called(
                casts::SHIFT_RIGHT.to_udf(),
                vec![left.whole(), right.whole()],
            ),
            _ => comparison(left, operator, right)?,
        }))
    }
}

fn operator(op: &BinaryOperator) -> Option<Operator> {
    Some(match op {
        BinaryOperator::Plus => Operator::Plus,
        BinaryOperator::Minus => Operator::Minus,
        BinaryOperator::Multiply => Operator::Multiply,
        BinaryOperator::Divide => Operator::Divide,
        BinaryOperator::Modulo => Operator::Modulo,
        BinaryOperator::StringConcat => Operator::StringConcat,
        BinaryOperator::BitwiseAnd => Operator::BitwiseAnd,
        BinaryOperator::BitwiseOr => Operator::BitwiseOr,
        BinaryOperator::PGBitwiseShiftLeft => Operator::BitwiseShiftLeft,
        BinaryOperator::PGBitwiseShiftRight => Operator::BitwiseShiftRight,
        BinaryOperator::Eq => Operator::Eq,
        BinaryOperator::NotEq => Operator::NotEq,
        BinaryOperator::Lt => Operator::Lt,
        BinaryOperator::LtEq => Operator::LtEq,
        BinaryOperator::Gt => Operator::Gt,
        BinaryOperator::GtEq => Operator::GtEq,
        _ => return None,
    })
}

fn arithmetic(left: Side, operator: Operator, right: Side) -> Expr {
    let (left, right) = (left.number(), right.number());
    let function = match operator {
        _ if left.class != Class::Whole || right.class != Class::Whole => None,
        Operator::Plus => Some(Checked::Add),
        Operator::Minus => Some(Checked::Subtract),
        Operator::Multiply => Some(Checked::Multiply),
        _ => None,
    };
    match function {
        Some(function) => checked(function, left.expr, right.expr),
        None => binary_expr(left.expr, operator, right.expr),
    }
}

/// By zero it is null.
fn quotient(left: Side, right: Side) -> Expr {
    let (left, divisor) = (left.number().expr, right.number());
    binary_expr(left, Operator::Divide, unless_zero(divisor))
}

/// Of whole numbers: what reals have behind the point is cut off first.
fn remainder(left: Side, right: Side) -> Expr {
    let (left, right) = (left.number(), right.number());
    let is_real = left.class == Class::Real || right.class == Class::Real;
    let divisor = Side {
        class: Class::Whole,
        expr: right.whole(),
    };
    let left = binary_expr(left.whole(), Operator::Modulo, unless_zero(divisor));
    if is_real {
        cast(left, DataType::Float64)
    } else {
        left
    }
}

/// A number, or null where it is zero. It stands there once: nested, two of each would be too many.
fn unless_zero(divisor: Side) -> Expr {
    let zero = match (&divisor.expr, divisor.class) {
        (Expr::Literal(ScalarValue::Int64(Some(number)), _), _) if *number != 0 => {
            return divisor.expr;
        }
        (_, Class::Real) => lit(0.0_f64),
        _ => lit(0_i64),
    };
    called(nullif().as_ref().clone(), vec![divisor.expr, zero])
}

fn comparison(left: Side, operator: Operator, right: Side) -> DataFusionResult<Expr> {
    let plain = |left: Side, right: Side| binary_expr(left.expr, operator, right.expr);
    let (Some(lower), Some(higher)) = (left.class.rank(), right.class.rank()) else {
        return Ok(plain(left, right));
    };
    if lower == higher {
        let is_column_and_literal = (left.is_literal() && right.has_affinity())
            || (right.is_literal() && left.has_affinity());
        // What a container compares by itself is left to it: it minds a column's type.
        let is_plain = is_column_and_literal || left.is_exact_real() || right.is_exact_real();
        return Ok(if left.class == right.class || is_plain {
            plain(left, right)
        } else {
            exactly(Checked::Compare, left, operator, right)
        });
    }
    if left.class == Class::Blob || right.class == Class::Blob {
        return unless_null(left, right, holds(operator, lower, higher));
    }
    let (number, text) = if left.class.is_number() {
        (&left, &right)
    } else {
        (&right, &left)
    };
    if number.has_affinity() {
        return Ok(exactly(Checked::CompareNumbers, left, operator, right));
    }
    if text.has_affinity() {
        return Ok(binary_expr(left.text(), operator, right.text()));
    }
    unless_null(left, right, holds(operator, lower, higher))
}

/// Values of two types as what they are.
fn exactly(function: Checked, left: Side, operator: Operator, right: Side) -> Expr {
    match (operator, left.class, right.class) {
        (Operator::Eq, Class::Whole, Class::Real) => equal(left.expr, right.expr),
        (Operator::Eq, Class::Real, Class::Whole) => equal(right.expr, left.expr),
        _ => binary_expr(
            checked(function, left.expr, right.expr),
            operator,
            lit(0_i64),
        ),
    }
}

/// Equal as the numbers that they are: a whole number that no real is becomes one that none is equal to. Tables can be
/// joined by that.
///
/// A sub-query's own column that is to equal something of the row around it must stand alone, or the engine refuses.
fn equal(whole: Expr, real: Expr) -> Expr {
    if real.contains_outer() {
        let digits = called(casts::DIGITS_OF.to_udf(), vec![real]);
        return cast(whole, DataType::Utf8).eq(digits);
    }
    real.eq(called(casts::REAL_OF.to_udf(), vec![whole]))
}

fn holds(operator: Operator, left: u8, right: u8) -> bool {
    match operator {
        Operator::Eq => left == right,
        Operator::NotEq => left != right,
        Operator::Lt => left < right,
        Operator::LtEq => left <= right,
        Operator::Gt => left > right,
        _ => left >= right,
    }
}

/// What is decided by the types alone, for all values but null.
fn unless_null(left: Side, right: Side, decided: bool) -> DataFusionResult<Expr> {
    let is_there = left.expr.is_not_null().and(right.expr.is_not_null());
    when(is_there, lit(decided)).otherwise(lit(ScalarValue::Boolean(None)))
}
