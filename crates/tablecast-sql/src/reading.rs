//! Whether a statement that a person wrote only reads, by its first words. It is the first gate, with a clear message;
//! what really keeps a source from writing is the source's own.

use tablecast_connector::{Error, Result};

use crate::tokens::{Token, tokens};

/// The pragmas that may be read as table functions, `pragma_table_info('x')` for example.
pub const ALLOWED_PRAGMA_FUNCTIONS: &[&str] = &[
    "database_list",
    "foreign_key_list",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "page_count",
    "max_page_count",
    "page_size",
    "schema_version",
    "table_info",
    "table_xinfo",
    "table_list",
];

/// An error of kind `InvalidRequest` unless `sql` starts (behind comments) with `select`, `with`, or `explain` of one
/// of them, and names no pragma but the allowed table functions.
pub fn check_reads(sql: &str) -> Result<()> {
    let mut words = first_words(sql);
    let mut first = words.next();
    if is(first, "explain") {
        first = words.next();
        if is(first, "query") {
            if !is(words.next(), "plan") {
                return Err(not_a_select());
            }
            first = words.next();
        }
    }
    if !is(first, "select") && !is(first, "with") {
        return Err(not_a_select());
    }
    check_pragmas(sql)
}

/// Whether `sql` is a pragma rather than a query.
pub fn is_pragma(sql: &str) -> bool {
    is(first_words(sql).next(), "pragma")
}

fn not_a_select() -> Error {
    Error::invalid("Statement must be a SELECT")
}

fn is(word: Option<&str>, expected: &str) -> bool {
    word.is_some_and(|word| word.eq_ignore_ascii_case(expected))
}

/// The words before anything that is not a word.
fn first_words(sql: &str) -> impl Iterator<Item = &str> {
    tokens(sql)
        .filter(|token| !matches!(token, Token::Space(_) | Token::Comment(_)))
        .map_while(|token| match token {
            Token::Word(word) => Some(word),
            _ => None,
        })
}

fn check_pragmas(sql: &str) -> Result<()> {
    for token in tokens(sql) {
        let word = match token {
            Token::Word(word) => word,
            Token::Quoted(text) if !text.starts_with('\'') => {
                text.trim_matches(['"', '`', '[', ']'])
            }
            _ => continue,
        };
        let word = word.to_ascii_lowercase();
        let Some(behind) = word.strip_prefix("pragma") else {
            continue;
        };
        // A name that only starts so, `pragmatic` for example, is anybody's.
        let is_pragma = behind.is_empty() || behind.starts_with('_');
        let allowed = behind
            .strip_prefix('_')
            .is_some_and(|name| ALLOWED_PRAGMA_FUNCTIONS.contains(&name));
        if is_pragma && !allowed {
            let functions: Vec<String> = ALLOWED_PRAGMA_FUNCTIONS
                .iter()
                .map(|name| format!("pragma_{name}()"))
                .collect();
            return Err(Error::invalid(format!(
                "Statement contained a disallowed PRAGMA. Allowed pragma functions are {}",
                functions.join(", ")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_statements_that_read_pass() {
        for sql in [
            "select 1",
            "  SELECT 1",
            "-- a comment\nselect 1",
            "/* a */ /* b */ with x as (select 1) select * from x",
            "explain select 1",
            "EXPLAIN QUERY PLAN\n with x as (select 1) select * from x",
            "select(1)",
            "select * from pragma_table_info('x')",
            "select 'pragma user_version'",
            "select pragmatic from x",
        ] {
            assert!(check_reads(sql).is_ok(), "{sql}");
        }
        for sql in [
            "",
            "   ",
            "-- only",
            "update x set a = 1",
            "selects 1",
            "explain",
            "explain query select 1",
            "explain update x set a = 1",
            "pragma user_version",
            "(select 1)",
            "; select 1",
            "'select' 1",
            "with x as (select 1) select * from pragma_user_version",
            "select * from \"pragma_user_version\"",
            "attach 'x' as y",
        ] {
            assert!(check_reads(sql).is_err(), "{sql}");
        }
    }
}
