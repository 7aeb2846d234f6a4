//! Errors of the parser and of DataFusion in the words that SQLite's users know.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use tablecast_connector::Error;

use crate::failure::from_datafusion;

/// An error of DataFusion's.
pub(super) fn error(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => {
                Error::invalid(format!("no such column: {}", field.flat_name()))
            }
            SchemaError::AmbiguousReference { field } => {
                Error::invalid(format!("ambiguous column name: {}", field.name))
            }
            _ => from_datafusion(error),
        },
        DataFusionError::NotImplemented(message) if message.contains("Collate {") => {
            Error::unsupported(
                "COLLATE is there in comparisons, in select lists and in ORDER BY alone",
            )
        }
        DataFusionError::Plan(message) => plan(message).unwrap_or_else(|| from_datafusion(error)),
        _ => from_datafusion(error),
    }
}

fn plan(message: &str) -> Option<Error> {
    if message.starts_with("Projections require unique expression names") {
        return Some(
            Error::unsupported("Two columns of a sub-query or of two `*` have the same name")
                .hint("Name the columns, and give them other names: a as b"),
        );
    }
    let function = message
        .strip_prefix("Invalid function '")?
        .split('\'')
        .next()?;
    Some(Error::invalid(format!("no such function: {function}")))
}

/// An error of the parser: `near "x": syntax error`.
pub(super) fn syntax(error: &ParserError) -> Error {
    let message = match error {
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => {
            message.as_str()
        }
        ParserError::RecursionLimitExceeded => {
            return Error::invalid("Expression tree is too large");
        }
    };
    let found = message
        .split("found: ")
        .nth(1)
        .and_then(|rest| rest.split(" at Line").next());
    match found.map(str::trim) {
        Some("EOF") | None => Error::invalid(format!("incomplete input: {message}")),
        Some(token) => Error::invalid(format!("near \"{token}\": syntax error")),
    }
}
