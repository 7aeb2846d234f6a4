//! What a dialect of SQL must tell the renderer. The renderer itself is the same for all.

use tablecast_connector::{Comparison, Dialect, Error, FacetKind, Operator, Result, SearchMode};

use crate::Parameters;
use crate::sqlite::Sqlite;

/// The parts of SQL that dialects write differently.
pub trait Syntax: Send + Sync {
    /// A name as the dialect writes it: plain where that is possible.
    fn quote(&self, name: &str) -> String;

    /// The condition that a column filter means. Values go to `parameters`. `InvalidRequest` if a list is not one.
    fn condition(
        &self,
        table: &str,
        column: &str,
        operator: Operator,
        value: &str,
        parameters: &mut Parameters,
    ) -> Result<String>;

    /// The condition that a search means. `Unsupported` if the dialect has none.
    fn search(&self, search: &Search<'_>, parameters: &mut Parameters) -> Result<String>;

    /// The statement that counts the values of a facet over `rows`, a subquery that gives at least `column`.
    fn facet(&self, rows: &str, column: &str, kind: FacetKind, limit: u64) -> Result<String>;
}

/// A search as [`tablecast_connector::Filter::Search`] says it.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The index.
    pub index: &'a str,
    /// The table's column that the index's row numbers stand for.
    pub key: &'a str,
    /// The column of the index; all if `None`.
    pub column: Option<&'a str>,
    /// What to search.
    pub text: &'a str,
    /// How it is read.
    pub mode: SearchMode,
}

/// The syntax of a dialect. `Unsupported` names one that is not known.
pub fn syntax_of(dialect: &Dialect) -> Result<&'static dyn Syntax> {
    match dialect.0.as_str() {
        "sqlite" => Ok(&Sqlite),
        other => Err(Error::unsupported(format!(
            "The SQL dialect {other:?} is not known"
        ))),
    }
}

/// A comparison as every dialect writes it.
pub fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_dialect_is_refused_by_name() {
        let error = syntax_of(&Dialect("cobol".to_owned())).err();
        assert_eq!(
            error.map(|error| error.to_string()).as_deref(),
            Some("The SQL dialect \"cobol\" is not known")
        );
    }
}
