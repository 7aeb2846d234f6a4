//! The renderer: structured requests become SQL text with named parameters. Text and names follow Datasette's, because
//! the API shows them; where Datasette leaves the order of rows to chance, the identity is added.

use tablecast_connector::{
    Direction, Error, FacetKind, Filter, Position, ROWID, Result, Sort, Statement, TableInfo,
    TableQuery, Value,
};

use crate::dialect::{Search, Syntax};
use crate::parameters::{Parameters, named_parameters};
use crate::tokens::{Token, tokens};

/// Rows of a table, filtered, in order, from a position.
pub fn rows(syntax: &dyn Syntax, query: &TableQuery, table: &TableInfo) -> Result<Statement> {
    let mut clauses = Clauses::new(syntax, &query.table, &query.filters)?;
    let identity = table.identity.columns();
    let mut offset = String::new();
    match &query.position {
        None => {}
        Some(Position::Offset(rows)) => offset = format!(" offset {rows}"),
        Some(Position::After { sort, key }) => {
            let sort = query.sort.as_ref().zip(sort.as_ref());
            if key.len() != identity.len() || key.is_empty() {
                return Err(Error::invalid(format!(
                    "A position in {} has {} values, not {}",
                    query.table,
                    identity.len(),
                    key.len()
                )));
            }
            let parameters = &mut clauses.parameters;
            let behind = behind_key(syntax, &identity, key, parameters);
            let clause = match sort {
                None => behind,
                Some((sort, value)) => behind_sort(syntax, sort, value, &behind, parameters),
            };
            clauses.conditions.push(clause);
        }
    }
    let columns: Vec<String> = query
        .columns
        .iter()
        .map(|name| syntax.quote(name))
        .collect();
    let columns = if columns.is_empty() {
        "1".to_owned()
    } else {
        columns.join(", ")
    };
    let from = clauses.from(&query.table);
    let order = order_by(syntax, query.sort.as_ref(), &identity);
    let limit = match query.limit {
        Some(limit) => format!(" limit {limit}"),
        None if offset.is_empty() => String::new(),
        None => " limit -1".to_owned(),
    };
    Ok(clauses.statement(format!("select {columns} {from}{order}{limit}{offset}")))
}

/// The number of filtered rows.
pub fn count(syntax: &dyn Syntax, table: &str, filters: &[Filter]) -> Result<Statement> {
    let clauses = Clauses::new(syntax, table, filters)?;
    let sql = format!("select count(*) {}", clauses.from(table));
    Ok(clauses.statement(sql))
}

/// The number of filtered rows, counting no further than `at_most`.
pub fn count_at_most(
    syntax: &dyn Syntax,
    table: &str,
    filters: &[Filter],
    at_most: u64,
) -> Result<Statement> {
    let clauses = Clauses::new(syntax, table, filters)?;
    let from = clauses.from(table);
    let sql = format!("select count(*) from (select 1 {from}limit {at_most})");
    Ok(clauses.statement(sql))
}

/// The values of some columns in the filtered rows, in no order. With `sample`, of that many first rows.
pub fn values(
    syntax: &dyn Syntax,
    table: &str,
    filters: &[Filter],
    columns: &[&str],
    sample: Option<u64>,
) -> Result<Statement> {
    let clauses = Clauses::new(syntax, table, filters)?;
    let sql = clauses.select(table, columns, sample);
    Ok(clauses.statement(sql))
}

/// The commonest values of a column among the filtered rows with their counts, one more than `limit` so that the
/// caller knows whether there are more. With `sample`, only that many first rows are looked at.
pub fn facet(
    syntax: &dyn Syntax,
    table: &str,
    filters: &[Filter],
    (column, kind): (&str, FacetKind),
    limit: u64,
    sample: Option<u64>,
) -> Result<Statement> {
    let clauses = Clauses::new(syntax, table, filters)?;
    let rows = clauses.select(table, &[column], sample);
    let sql = syntax.facet(rows.trim_end(), column, kind, limit.saturating_add(1))?;
    Ok(clauses.statement(sql))
}

/// The conditions of a request and their values.
struct Clauses<'a> {
    syntax: &'a dyn Syntax,
    conditions: Vec<String>,
    parameters: Parameters,
}

impl<'a> Clauses<'a> {
    fn new(syntax: &'a dyn Syntax, table: &str, filters: &[Filter]) -> Result<Self> {
        let mut parameters = Parameters::avoiding(names_of_persons(filters));
        let conditions = filters
            .iter()
            .map(|filter| condition(syntax, table, filter, &mut parameters))
            .collect::<Result<_>>()?;
        Ok(Self {
            syntax,
            conditions,
            parameters,
        })
    }

    /// Columns of the rows, or of that many first ones.
    fn select(&self, table: &str, columns: &[&str], sample: Option<u64>) -> String {
        let quote = |column: &&str| self.syntax.quote(column);
        let names: Vec<String> = columns.iter().map(quote).collect();
        let (names, from) = (names.join(", "), self.from(table));
        let sample = sample.map_or_else(String::new, |sample| format!("limit {sample}"));
        format!("select {names} {from}{sample}")
    }

    /// `from` and `where`, with a blank behind.
    fn from(&self, table: &str) -> String {
        let table = self.syntax.quote(table);
        if self.conditions.is_empty() {
            format!("from {table} ")
        } else {
            format!("from {table} where {} ", self.conditions.join(" and "))
        }
    }

    fn statement(self, sql: String) -> Statement {
        Statement {
            sql,
            parameters: self.parameters.into_named(),
        }
    }
}

/// Rows behind a key, compared column by column: the first that differs decides.
fn behind_key(
    syntax: &dyn Syntax,
    identity: &[&str],
    key: &[Value],
    parameters: &mut Parameters,
) -> String {
    let names: Vec<String> = identity.iter().map(|name| syntax.quote(name)).collect();
    let places: Vec<String> = key
        .iter()
        .map(|value| parameters.add(value.clone()))
        .collect();
    if let ([name], [place]) = (names.as_slice(), places.as_slice())
        && identity == [ROWID]
    {
        return format!("{name} > :{place}");
    }
    let alternatives: Vec<String> = (0..names.len())
        .map(|last| {
            let parts: Vec<String> = names
                .iter()
                .zip(&places)
                .take(last + 1)
                .enumerate()
                .map(|(index, (name, place))| {
                    let sign = if index == last { ">" } else { "=" };
                    format!("{name} {sign} :{place}")
                })
                .collect();
            format!("({})", parts.join(" and "))
        })
        .collect();
    format!("({})", alternatives.join("\n  or\n"))
}

/// Rows behind a sort value; those with an equal one are behind by key. Nulls are the smallest.
fn behind_sort(
    syntax: &dyn Syntax,
    sort: &Sort,
    value: &Value,
    behind_key: &str,
    parameters: &mut Parameters,
) -> String {
    let column = syntax.quote(&sort.column);
    let descending = sort.direction == Direction::Descending;
    if *value == Value::Null {
        return if descending {
            format!("({column} is null and {behind_key})")
        } else {
            format!("({column} is not null or ({column} is null and {behind_key}))")
        };
    }
    let place = parameters.add(value.clone());
    let (sign, nulls) = if descending {
        ("<", format!(" or {column} is null"))
    } else {
        (">", String::new())
    };
    format!("({column} {sign} :{place}{nulls} or ({column} = :{place} and {behind_key}))")
}

fn order_by(syntax: &dyn Syntax, sort: Option<&Sort>, identity: &[&str]) -> String {
    let mut terms = Vec::new();
    if let Some(sort) = sort {
        let name = syntax.quote(&sort.column);
        terms.push(match sort.direction {
            Direction::Ascending => name,
            Direction::Descending => format!("{name} desc"),
        });
    }
    let sorted = sort.map(|sort| sort.column.as_str());
    let ties = identity.iter().filter(|name| Some(**name) != sorted);
    terms.extend(ties.map(|name| syntax.quote(name)));
    if terms.is_empty() {
        return String::new();
    }
    format!("order by {}", terms.join(", "))
}

fn names_of_persons(filters: &[Filter]) -> Vec<String> {
    filters
        .iter()
        .flat_map(|filter| match filter {
            Filter::Sql { text, .. } => named_parameters(text),
            _ => Vec::new(),
        })
        .collect()
}

fn condition(
    syntax: &dyn Syntax,
    table: &str,
    filter: &Filter,
    parameters: &mut Parameters,
) -> Result<String> {
    match filter {
        Filter::Condition {
            column,
            operator,
            value,
        } => syntax.condition(table, column, *operator, value, parameters),
        Filter::Search {
            index,
            key,
            column,
            text,
            mode,
        } => {
            let search = Search {
                index,
                key,
                column: column.as_deref(),
                text,
                mode: *mode,
            };
            syntax.search(&search, parameters)
        }
        Filter::InTable {
            column,
            other_table,
            other_column,
            where_column,
            value,
        } => {
            let place = parameters.add(value.as_str().into());
            let quote = |name: &str| syntax.quote(name);
            Ok(format!(
                "{} in (select {} from {} where {} = :{place})",
                quote(column),
                quote(other_column),
                quote(other_table),
                quote(where_column)
            ))
        }
        Filter::Behind { sort, key } => {
            let (names, values): (Vec<&str>, Vec<Value>) = key
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone()))
                .unzip();
            let behind = behind_key(syntax, &names, &values, parameters);
            Ok(match sort {
                None => behind,
                Some((sort, value)) => behind_sort(syntax, sort, value, &behind, parameters),
            })
        }
        Filter::Sql {
            text,
            parameters: given,
            ..
        } => {
            for (name, value) in given {
                parameters.add_named(name, value.clone());
            }
            fenced(text)
        }
    }
}

/// A person's condition, such that it stays one condition among others: in parentheses if it has an `or`, and never
/// with an end that swallows what comes behind.
fn fenced(text: &str) -> Result<String> {
    let (mut depth, mut has_or, mut last) = (0_i64, false, None);
    for token in tokens(text) {
        match token {
            Token::Other('(') => depth += 1,
            Token::Other(')') => depth -= 1,
            Token::Other(';') => depth = i64::MIN,
            Token::Word(word) => has_or |= word.eq_ignore_ascii_case("or"),
            _ => {}
        }
        if depth < 0 {
            break;
        }
        last = Some(token);
    }
    let is_open = match last {
        Some(Token::Comment(comment)) => comment.starts_with("/*") && !comment.ends_with("*/"),
        Some(Token::Quoted(quoted)) => is_unclosed(quoted),
        _ => false,
    };
    if depth != 0 || is_open {
        return Err(Error::invalid(format!("{text:?} is not one condition")));
    }
    let has_comment = text.contains("--");
    Ok(match (has_or, has_comment) {
        (false, false) => text.to_owned(),
        (_, true) => format!("({text}\n)"),
        (true, false) => format!("({text})"),
    })
}

fn is_unclosed(quoted: &str) -> bool {
    let close = match quoted.chars().next() {
        Some('[') => return !quoted.ends_with(']'),
        Some(quote) => quote,
        None => return false,
    };
    quoted.chars().filter(|c| *c == close).count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;
    use tablecast_connector::{Column, Dialect, Identity, Operator};

    use super::*;
    use crate::syntax_of;

    fn table(identity: Identity) -> TableInfo {
        TableInfo::new("t", vec![Column::new("a", DataType::Utf8)], identity)
    }

    fn query() -> TableQuery {
        TableQuery {
            table: "t".to_owned(),
            columns: vec!["id".to_owned(), "a b".to_owned()],
            filters: Vec::new(),
            sort: None,
            position: None,
            limit: Some(101),
        }
    }

    fn exact(value: &str) -> Filter {
        Filter::Condition {
            column: "a".to_owned(),
            operator: Operator::Exact,
            value: value.to_owned(),
        }
    }

    fn sql(text: &str) -> Filter {
        Filter::Sql {
            text: text.to_owned(),
            dialect: Dialect::sqlite(),
            parameters: Vec::new(),
        }
    }

    fn key(names: &[&str]) -> Identity {
        Identity::Key(names.iter().map(|name| (*name).to_owned()).collect())
    }

    fn sorted(direction: Direction) -> Sort {
        Sort {
            column: "s".to_owned(),
            direction,
        }
    }

    fn check(query: &TableQuery, identity: Identity, expected: &str) {
        let syntax = syntax_of(&Dialect::sqlite()).expect("known");
        let statement = rows(syntax, query, &table(identity)).expect("rendered");
        assert_eq!(statement.sql, expected);
        let mut named: Vec<String> = named_parameters(&statement.sql);
        named.sort();
        named.dedup();
        let mut given: Vec<String> = statement.parameters.into_iter().map(|(n, _)| n).collect();
        given.sort();
        assert_eq!(named, given);
    }

    #[test]
    fn a_page_is_written_as_the_api_shows_it() {
        check(
            &query(),
            key(&["id"]),
            "select id, \"a b\" from t order by id limit 101",
        );
        check(
            &query(),
            Identity::None,
            "select id, \"a b\" from t  limit 101",
        );
        let filtered = TableQuery {
            filters: vec![exact("x")],
            ..query()
        };
        check(
            &filtered,
            Identity::RowNumber { seekable: true },
            "select id, \"a b\" from t where \"a\" = :p0 order by rowid limit 101",
        );
    }

    #[test]
    fn a_later_page_starts_behind_the_key() {
        let mut later = TableQuery {
            filters: vec![exact("x")],
            position: Some(Position::After {
                sort: None,
                key: vec!["7".into()],
            }),
            ..query()
        };
        check(
            &later,
            Identity::RowNumber { seekable: true },
            "select id, \"a b\" from t where \"a\" = :p0 and rowid > :p1 order by rowid limit 101",
        );
        later.position = Some(Position::After {
            sort: None,
            key: vec!["7".into(), "8".into()],
        });
        check(
            &later,
            key(&["id", "b"]),
            "select id, \"a b\" from t where \"a\" = :p0 and ((id > :p1)\n  or\n(id = :p1 and b > :p2)) \
             order by id, b limit 101",
        );
        later.position = Some(Position::Offset(20));
        check(
            &later,
            Identity::None,
            "select id, \"a b\" from t where \"a\" = :p0  limit 101 offset 20",
        );
    }

    #[test]
    fn a_sorted_page_starts_behind_the_value_or_in_it_behind_the_key() {
        let from = |sort: Value, direction| TableQuery {
            sort: Some(sorted(direction)),
            position: Some(Position::After {
                sort: Some(sort),
                key: vec!["7".into()],
            }),
            ..query()
        };
        for (value, direction, condition, order) in [
            (
                "v".into(),
                Direction::Ascending,
                "(s > :p1 or (s = :p1 and ((id > :p0))))",
                "s, id",
            ),
            (
                "v".into(),
                Direction::Descending,
                "(s < :p1 or s is null or (s = :p1 and ((id > :p0))))",
                "s desc, id",
            ),
            (
                Value::Null,
                Direction::Ascending,
                "(s is not null or (s is null and ((id > :p0))))",
                "s, id",
            ),
            (
                Value::Null,
                Direction::Descending,
                "(s is null and ((id > :p0)))",
                "s desc, id",
            ),
        ] {
            let expected =
                format!("select id, \"a b\" from t where {condition} order by {order} limit 101");
            check(&from(value, direction), key(&["id"]), &expected);
        }
    }

    #[test]
    fn a_persons_condition_stays_one_condition() {
        for (text, expected) in [
            ("a = 1", Some("a = 1")),
            ("a = 1 or b", Some("(a = 1 or b)")),
            ("a -- or", Some("(a -- or\n)")),
            ("a = ' or '", Some("a = ' or '")),
            ("a) or (b", None),
            ("a; drop table t", None),
            ("a = 'x", None),
            ("a /* x", None),
            ("(a", None),
        ] {
            assert_eq!(fenced(text).ok().as_deref(), expected, "{text}");
        }
        let filters = vec![exact("x"), sql("b = :p0"), exact("y")];
        let syntax = syntax_of(&Dialect::sqlite()).expect("known");
        let counted = count(syntax, "t", &filters).expect("rendered");
        assert_eq!(
            counted.sql,
            "select count(*) from t where \"a\" = :p1 and b = :p0 and \"a\" = :p2 "
        );
    }

    #[test]
    fn facets_behind_a_page_count_what_is_still_to_come() {
        let syntax = syntax_of(&Dialect::sqlite()).expect("known");
        let behind = Filter::Behind {
            sort: Some((sorted(Direction::Ascending), "v".into())),
            key: vec![("id".to_owned(), "7".into())],
        };
        let counted = count(syntax, "t", &[behind]).expect("rendered");
        assert_eq!(
            counted.sql,
            "select count(*) from t where (s > :p1 or (s = :p1 and ((id > :p0)))) "
        );
    }

    #[test]
    fn a_position_of_another_width_is_refused() {
        let position = Some(Position::After {
            sort: None,
            key: vec!["1".into(), "2".into()],
        });
        let query = TableQuery {
            position,
            ..query()
        };
        let syntax = syntax_of(&Dialect::sqlite()).expect("known");
        assert!(rows(syntax, &query, &table(key(&["id"]))).is_err());
    }
}
