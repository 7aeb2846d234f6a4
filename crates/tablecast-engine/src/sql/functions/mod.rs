//! SQLite's functions: one list, from which names are checked. What is not in it is refused by name.
//!
//! Most are done row by row on values, in SQLite's semantics; those that DataFusion has with the same meaning are its.

pub(super) mod casts;
pub(super) mod checked;
pub(super) mod json;
mod moment;
mod numbers;
mod printf;
mod rows;
mod texts;
mod times;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use datafusion::sql::sqlparser::ast::{BinaryOperator, CaseWhen, Expr};
use tablecast_connector::{Error, Result};

use super::spelled::call;
use rows::RowFunction;

/// A function that may be called.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Its name in the session.
    pub(super) name: &'static str,
    /// What stands for it instead of a call.
    pub(super) template: Option<fn(&[Expr]) -> Expr>,
}

/// Functions of the session that have SQLite's meaning, by SQLite's name.
const SESSION: &[(&str, &str)] = &[
    ("abs", "abs"),
    ("coalesce", "coalesce"),
    ("ifnull", "coalesce"),
    ("nullif", "nullif"),
    ("sqrt", "sqrt"),
    ("pow", "power"),
    ("power", "power"),
    ("exp", "exp"),
    ("ln", "ln"),
    ("log", "log10"),
    ("log10", "log10"),
    ("log2", "log2"),
    ("sin", "sin"),
    ("cos", "cos"),
    ("tan", "tan"),
    ("asin", "asin"),
    ("acos", "acos"),
    ("atan", "atan"),
    ("atan2", "atan2"),
    ("sinh", "sinh"),
    ("cosh", "cosh"),
    ("tanh", "tanh"),
    ("degrees", "degrees"),
    ("radians", "radians"),
    ("pi", "pi"),
    ("floor", "floor"),
    ("ceil", "ceil"),
    ("ceiling", "ceil"),
    ("trunc", "trunc"),
    // Aggregates.
    ("count", "count"),
    ("sum", "sum"),
    ("total", "total"),
    ("avg", "avg"),
    ("group_concat", "group_concat"),
    ("string_agg", "group_concat"),
    // Windows.
    ("row_number", "row_number"),
    ("rank", "rank"),
    ("dense_rank", "dense_rank"),
    ("percent_rank", "percent_rank"),
    ("cume_dist", "cume_dist"),
    ("ntile", "ntile"),
    ("lag", "lag"),
    ("lead", "lead"),
    ("first_value", "first_value"),
    ("last_value", "last_value"),
    ("nth_value", "nth_value"),
];

/// The function of that name (in lower case) with that many arguments.
pub(super) fn known(name: &str, arguments: usize) -> Result<Known> {
    let session = |name| Known {
        name,
        template: None,
    };
    let template = |template| Known {
        name: "",
        template: Some(template),
    };
    match (name, arguments) {
        ("min" | "max", 1) => return Ok(session(if name == "min" { "min" } else { "max" })),
        ("min", _) => return Ok(template(|arguments| unless_null(arguments, "least"))),
        ("max", _) => return Ok(template(|arguments| unless_null(arguments, "greatest"))),
        ("iif" | "if", 2 | 3) => return Ok(template(case)),
        ("likely" | "unlikely" | "likelihood", _) => {
            return Ok(template(|arguments| {
                arguments
                    .first()
                    .cloned()
                    .unwrap_or_else(|| call("pi", Vec::new()))
            }));
        }
        ("log", 2) => return Ok(session("log")),
        _ => {}
    }
    if let Some((_, name)) = SESSION.iter().find(|(known, _)| *known == name) {
        return Ok(session(name));
    }
    match row_functions().find(|function| function.name == name && !function.is_internal) {
        Some(function) if function.arguments.contains(&arguments) => Ok(session(function.name)),
        Some(_) => Err(Error::invalid(format!(
            "wrong number of arguments to function {name}()"
        ))),
        None => Err(Error::invalid(format!("no such function: {name}"))
            .hint("This source has the commonest of SQLite's functions; docs/sql.md lists them")),
    }
}

/// SQLite's `min` and `max` of several values are null if one is.
fn unless_null(arguments: &[Expr], name: &str) -> Expr {
    let is_null = arguments
        .iter()
        .map(|argument| Expr::IsNull(Box::new(argument.clone())));
    let any = is_null.reduce(|left, right| Expr::BinaryOp {
        left: Box::new(left),
        op: BinaryOperator::Or,
        right: Box::new(right),
    });
    let value = call(name, arguments.to_vec());
    let Some(any) = any else { return value };
    Expr::Case {
        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(
        ),
        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen {
            condition: Expr::UnaryOp {
                op: datafusion::sql::sqlparser::ast::UnaryOperator::Not,
                expr: Box::new(Expr::Nested(Box::new(any))),
            },
            result: value,
        }],
        else_result: None,
    }
}

fn case(arguments: &[Expr]) -> Expr {
    let mut parts = arguments.iter().cloned();
    let condition = parts.next().unwrap_or_else(|| call("pi", Vec::new()));
    let result = parts.next().unwrap_or_else(|| condition.clone());
    Expr::Case {
        case_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(
        ),
        end_token: datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: parts.next().map(Box::new),
    }
}

fn row_functions() -> impl Iterator<Item = &'static RowFunction> {
    texts::FUNCTIONS
        .iter()
        .chain(numbers::FUNCTIONS)
        .chain(printf::FUNCTIONS)
        .chain(times::FUNCTIONS)
        .chain(json::FUNCTIONS)
        .chain(casts::ALL)
}

/// Every scalar function of the session.
pub(super) fn scalars() -> Vec<Arc<ScalarUDF>> {
    let mut all: Vec<Arc<ScalarUDF>> = row_functions()
        .map(|function| Arc::new(function.to_udf()))
        .collect();
    let names: Vec<&str> = SESSION
        .iter()
        .map(|(_, name)| *name)
        .chain(["least", "greatest", "log"])
        .collect();
    let theirs = datafusion::functions::all_default_functions();
    all.extend(checked::Checked::ALL.map(|function| Arc::new(function.to_udf())));
    all.extend(super::each::stand_ins());
    all.extend(theirs.into_iter().filter(|udf| names.contains(&udf.name())));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_documented_and_callable() {
        let guide = include_str!("../../../../../docs/sql.md");
        let shown = row_functions()
            .filter(|function| !function.is_internal)
            .map(|function| function.name);
        let names = SESSION
            .iter()
            .map(|(name, _)| *name)
            .chain(shown)
            .chain(["min", "max", "iif", "likely"]);
        for name in names {
            assert!(
                guide.contains(&format!("`{name}`")),
                "{name} is not in docs/sql.md"
            );
        }
        let in_session: Vec<String> = scalars().iter().map(|udf| udf.name().to_owned()).collect();
        for function in row_functions() {
            assert!(
                in_session.iter().any(|name| name == function.name),
                "{}",
                function.name
            );
        }
    }

    #[test]
    fn what_is_not_listed_is_refused_by_name() {
        let error = known("load_extension", 1)
            .map(|_| ())
            .expect_err("a refusal");
        assert_eq!(error.message(), "no such function: load_extension");
        assert!(known("substr", 1).is_err());
    }
}
