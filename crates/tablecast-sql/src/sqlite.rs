//! `SQLite`'s syntax, written as Datasette's API shows it.

use tablecast_connector::{FacetKind, Operator, Result, SearchMode, Value, list_values, number};

use crate::Parameters;
use crate::dialect::{Search, Syntax};

/// `SQLite`'s syntax.
pub(crate) struct Sqlite;

/// A name as `SQLite` reads it: plain if it is a word that is not reserved, otherwise in double quotes.
pub fn quote(name: &str) -> String {
    if is_plain(name) {
        name.to_owned()
    } else {
        quote_always(name)
    }
}

/// A name in double quotes.
pub fn quote_always(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && RESERVED
            .binary_search(&name.to_ascii_lowercase().as_str())
            .is_err()
}

impl Syntax for Sqlite {
    fn quote(&self, name: &str) -> String {
        quote(name)
    }

    fn condition(
        &self,
        table: &str,
        column: &str,
        operator: Operator,
        value: &str,
        parameters: &mut Parameters,
    ) -> Result<String> {
        let name = quote_always(column);
        let mut compare = |sign: &str, value: Value| {
            let parameter = parameters.add(value);
            format!("{name} {sign} :{parameter}")
        };
        Ok(match operator {
            Operator::Exact => compare("=", value.into()),
            Operator::Not => compare("!=", value.into()),
            Operator::Gt => compare(">", typed(value)),
            Operator::Gte => compare(">=", typed(value)),
            Operator::Lt => compare("<", typed(value)),
            Operator::Lte => compare("<=", typed(value)),
            Operator::Contains => compare("like", format!("%{value}%").into()),
            Operator::NotContains => compare("not like", format!("%{value}%").into()),
            Operator::StartsWith => compare("like", format!("{value}%").into()),
            Operator::EndsWith => compare("like", format!("%{value}").into()),
            Operator::Like => compare("like", value.into()),
            Operator::NotLike => compare("not like", value.into()),
            Operator::Glob => compare("glob", value.into()),
            Operator::In => list(column, "in", value, parameters)?,
            Operator::NotIn => list(column, "not in", value, parameters)?,
            Operator::ArrayContains => element(table, &name, "in", value, parameters),
            Operator::ArrayNotContains => element(table, &name, "not in", value, parameters),
            Operator::Date => {
                let parameter = parameters.add(value.into());
                format!("date({name}) = :{parameter}")
            }
            Operator::IsNull => format!("{name} is null"),
            Operator::NotNull => format!("{name} is not null"),
            Operator::IsBlank => format!("({name} is null or {name} = '')"),
            Operator::NotBlank => format!("({name} is not null and {name} != '')"),
        })
    }

    fn search(&self, search: &Search<'_>, parameters: &mut Parameters) -> Result<String> {
        let parameter = parameters.add_search(search.column, search.text);
        let text = match search.mode {
            SearchMode::Escaped => format!("escape_fts(:{parameter})"),
            SearchMode::Raw => format!(":{parameter}"),
        };
        let (key, index) = (quote(search.key), quote(search.index));
        let searched = search.column.map_or_else(|| index.clone(), quote);
        Ok(format!(
            "{key} in (select rowid from {index} where {searched} match {text})"
        ))
    }

    fn facet(&self, rows: &str, column: &str, kind: FacetKind, limit: u64) -> Result<String> {
        let name = quote(column);
        let (value, from) = match kind {
            FacetKind::Column => (name, format!("({rows})")),
            FacetKind::Date => (format!("date({name})"), format!("({rows})")),
            // One list of distinct elements for each row, so that a row counts once for each of them, whether or not
            // rows can be told apart. Malformed JSON is an error, other JSON than arrays counts nothing.
            FacetKind::Array => (
                "elements.value".to_owned(),
                format!(
                    "(select (select json_group_array(distinct value) from json_each({name})) as list \
                     from ({rows}) where {name} != '' and json_type({name}) = 'array') as lists, \
                     json_each(lists.list) as elements"
                ),
            ),
        };
        Ok(format!(
            "select {value} as value, count(*) as count from {from} where {value} is not null \
             group by 1 order by 2 desc, 1 limit {limit}"
        ))
    }
}

/// Comparisons of size take a number where one is typed, so that columns without affinity compare as people expect.
fn typed(value: &str) -> Value {
    number(value).unwrap_or_else(|| value.into())
}

/// The name stands plain here, as Datasette writes it: a column that is not there is an error, not a text.
fn list(column: &str, how: &str, typed: &str, parameters: &mut Parameters) -> Result<String> {
    let places: Vec<String> = list_values(typed)?
        .into_iter()
        .map(|value| format!(":{}", parameters.add(value)))
        .collect();
    Ok(format!("{} {how} ({})", quote(column), places.join(", ")))
}

fn element(
    table: &str,
    column: &str,
    how: &str,
    value: &str,
    parameters: &mut Parameters,
) -> String {
    let parameter = parameters.add(value.into());
    let table = quote_always(table);
    format!(":{parameter} {how} (select value from json_each({table}.{column}))")
}

/// The words that cannot stand as names without quotes, or that Datasette quotes; sorted.
const RESERVED: &[&str] = &[
    "abort",
    "action",
    "add",
    "after",
    "all",
    "alter",
    "analyze",
    "and",
    "as",
    "asc",
    "attach",
    "autoincrement",
    "before",
    "begin",
    "between",
    "by",
    "cascade",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "commit",
    "conflict",
    "constraint",
    "create",
    "cross",
    "current_date",
    "current_time",
    "current_timestamp",
    "database",
    "default",
    "deferrable",
    "deferred",
    "delete",
    "desc",
    "detach",
    "distinct",
    "drop",
    "each",
    "else",
    "end",
    "escape",
    "except",
    "exclusive",
    "exists",
    "explain",
    "fail",
    "for",
    "foreign",
    "from",
    "full",
    "glob",
    "group",
    "having",
    "if",
    "ignore",
    "immediate",
    "in",
    "index",
    "indexed",
    "initially",
    "inner",
    "insert",
    "instead",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "key",
    "left",
    "like",
    "limit",
    "match",
    "natural",
    "no",
    "not",
    "notnull",
    "null",
    "of",
    "offset",
    "on",
    "or",
    "order",
    "outer",
    "plan",
    "pragma",
    "primary",
    "query",
    "raise",
    "recursive",
    "references",
    "regexp",
    "reindex",
    "release",
    "rename",
    "replace",
    "restrict",
    "right",
    "rollback",
    "row",
    "savepoint",
    "select",
    "set",
    "table",
    "temp",
    "temporary",
    "then",
    "to",
    "transaction",
    "trigger",
    "union",
    "unique",
    "update",
    "using",
    "vacuum",
    "values",
    "view",
    "virtual",
    "when",
    "where",
    "with",
    "without",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_they_must_be() {
        assert!(RESERVED.is_sorted());
        for (name, quoted) in [
            ("plain_1", "plain_1"),
            ("_id", "_id"),
            ("Group", "\"Group\""),
            ("1st", "\"1st\""),
            ("a b", "\"a b\""),
            ("a\"b", "\"a\"\"b\""),
            ("é", "\"é\""),
            ("", "\"\""),
            ("rowid", "rowid"),
        ] {
            assert_eq!(quote(name), quoted);
        }
    }

    #[test]
    fn each_operator_is_written_as_the_api_shows_it() {
        for (operator, value, sql, bound) in [
            (Operator::Exact, "1", "\"c\" = :p0", vec!["1".into()]),
            (Operator::Gt, "1", "\"c\" > :p0", vec![1_i64.into()]),
            (Operator::Gt, "x", "\"c\" > :p0", vec!["x".into()]),
            (
                Operator::Contains,
                "x",
                "\"c\" like :p0",
                vec!["%x%".into()],
            ),
            (
                Operator::In,
                "a, b",
                "c in (:p0, :p1)",
                vec!["a".into(), "b".into()],
            ),
            (
                Operator::NotIn,
                "[1,\"b\"]",
                "c not in (:p0, :p1)",
                vec![1_i64.into(), "b".into()],
            ),
            (
                Operator::ArrayContains,
                "x",
                ":p0 in (select value from json_each(\"t\".\"c\"))",
                vec!["x".into()],
            ),
            (
                Operator::Date,
                "2020-01-01",
                "date(\"c\") = :p0",
                vec!["2020-01-01".into()],
            ),
            (
                Operator::IsBlank,
                "",
                "(\"c\" is null or \"c\" = '')",
                vec![],
            ),
        ] {
            let mut parameters = Parameters::default();
            let condition = Sqlite.condition("t", "c", operator, value, &mut parameters);
            assert_eq!(condition.ok().as_deref(), Some(sql));
            let values: Vec<Value> = parameters
                .into_named()
                .into_iter()
                .map(|(_, v)| v)
                .collect();
            assert_eq!(values, bound);
        }
    }
}
