//! How large a statement may be. The planner goes down a statement recursively, and what overflows a stack ends the whole
//! program: so what is too deep is refused before it is parsed.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};
use tablecast_connector::{Error, Result};

use super::parse::ends_list;

/// The most operators of a statement: a chain of them is as deep as it is long, and is planned in the square of that.
const LINKS_MAX: usize = 500;

/// The most tables that a statement may name, those of its common table expressions included.
const TABLES_MAX: usize = 200;

/// The most brackets within each other.
const DEPTH_MAX: usize = 100;

/// Refuses statements that would be parsed or planned too deeply for any stack.
pub(super) fn check_size(tokens: &[TokenWithSpan]) -> Result<()> {
    use Keyword::{EXCEPT, FROM, INTERSECT, JOIN, UNION, VALUES};
    let (mut links, mut tables) = (0, 0);
    // The depths of brackets at which a list of tables is being read.
    let (mut depth, mut lists) = (0_usize, Vec::new());
    for token in tokens {
        match &token.token {
            Token::LParen => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Error::invalid(
                        "Expression tree is too large (too many brackets)",
                    ));
                }
            }
            Token::RParen => {
                depth = depth.saturating_sub(1);
                lists.retain(|list| *list <= depth);
            }
            Token::Comma => tables += usize::from(lists.last() == Some(&depth)),
            Token::Word(word) => match word.keyword {
                FROM => {
                    tables += 1;
                    lists.push(depth);
                }
                JOIN | UNION | EXCEPT | INTERSECT | VALUES => tables += 1,
                keyword if ends_list(keyword) => lists.retain(|list| *list < depth),
                _ => links += usize::from(is_operator(&word.value)),
            },
            Token::Whitespace(_)
            | Token::Number(..)
            | Token::SingleQuotedString(_)
            | Token::Period
            | Token::Placeholder(_) => {}
            _ => links += 1,
        }
    }
    if links > LINKS_MAX {
        return Err(Error::invalid(format!(
            "Expression tree is too large (more than {LINKS_MAX} operators)"
        )));
    }
    if tables > TABLES_MAX {
        return Err(Error::invalid(format!(
            "At most {TABLES_MAX} tables in a statement"
        )));
    }
    Ok(())
}

fn is_operator(word: &str) -> bool {
    const OPERATORS: [&str; 14] = [
        "and", "between", "case", "cast", "collate", "glob", "in", "is", "like", "match", "not",
        "or", "regexp", "when",
    ];
    OPERATORS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::SQLiteDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn check(sql: &str) -> Result<()> {
        let tokens = Tokenizer::new(&SQLiteDialect {}, sql).tokenize_with_location();
        check_size(&tokens.expect(sql))
    }

    #[test]
    fn what_is_too_large_for_a_stack_is_refused_and_what_is_merely_long_is_not() {
        let ids: Vec<String> = (0..20_000).map(|id| id.to_string()).collect();
        let columns: Vec<String> = (0..400).map(|n| format!("a + {n} as c{n}")).collect();
        for sql in [
            format!(
                "select * from t where a in ({}) order by a, b",
                ids.join(", ")
            ),
            format!(
                "select {} from t, u where a = 1 and b in (1, 2)",
                columns.join(", ")
            ),
        ] {
            assert!(check(&sql).is_ok());
        }
        for (sql, words) in [
            (format!("select 1{}", " + 1".repeat(2000)), "too large"),
            (format!("select 1{}", " or 1".repeat(2000)), "too large"),
            (
                format!("select 1{}", " union select 1".repeat(300)),
                "tables",
            ),
            (format!("select * from t{}", ", t".repeat(300)), "tables"),
            (
                format!("select * from t{}", " join t".repeat(300)),
                "tables",
            ),
            (
                format!("select {}1{}", "(".repeat(500), ")".repeat(500)),
                "too large",
            ),
        ] {
            let error = check(&sql).expect_err(&sql).to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
