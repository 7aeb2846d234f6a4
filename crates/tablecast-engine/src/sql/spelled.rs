//! Parts of the AST, as the rewriting puts them there and as it looks for them.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, ObjectNamePart, UnaryOperator,
    Value as Literal, ValueWithSpan,
};

pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// The name of the column that an expression is, in brackets or not.
pub(super) fn column_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        Expr::Nested(inner) => column_of(inner),
        _ => None,
    }
}

/// A call of a function by its exact name.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(quoted(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(unnamed).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(super) fn unnamed(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

pub(super) fn negated_if(negated: bool, expr: Expr) -> Expr {
    if negated {
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(expr),
        }
    } else {
        expr
    }
}

pub(super) fn literal(value: Literal) -> Expr {
    Expr::Value(value.with_empty_span())
}

pub(super) fn text(value: &str) -> Expr {
    literal(Literal::SingleQuotedString(value.to_owned()))
}

pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

pub(super) fn is_number_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Literal::Number(..)))
}

pub(super) fn is_text_literal(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Value(ValueWithSpan {
            value: Literal::SingleQuotedString(_),
            ..
        })
    )
}

/// Infinities are what overflows.
pub(super) fn real_literal(real: f64) -> Expr {
    let digits = if real.is_infinite() {
        format!("{}9e999", if real < 0.0 { "-" } else { "" })
    } else {
        format!("{real:?}")
    };
    literal(Literal::Number(digits, false))
}

/// Whether a whole number is written, with a sign or without.
pub(super) fn is_whole_literal(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_whole_literal(expr),
        Expr::Value(value) => {
            matches!(&value.value, Literal::Number(digits, _) if !digits.contains(['.', 'e', 'E']))
        }
        _ => false,
    }
}

pub(super) fn number_literal(number: i64) -> Expr {
    literal(Literal::Number(number.to_string(), false))
}

pub(super) fn cast_to(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}
