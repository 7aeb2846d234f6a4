//! The test whether a statement may answer otherwise on the same data: it asks for the time or for chance.

use crate::tokens::{Token, tokens};

/// Functions and words whose value is not made from their arguments alone.
const WORDS: &[&str] = &[
    "changes",
    "current_date",
    "current_time",
    "current_timestamp",
    "last_insert_rowid",
    "now",
    "random",
    "randomblob",
    "total_changes",
];

/// Functions of time that take the present moment where their first argument is missing.
const OF_TIME: &[&str] = &[
    "date",
    "datetime",
    "julianday",
    "strftime",
    "time",
    "unixepoch",
];

/// Whether `sql` may answer otherwise although no data changed. It may say so of a statement that only looks like it
/// (a column named `random`), never the other way around, functions of loaded extensions excepted.
pub fn is_fleeting(sql: &str) -> bool {
    let mut last_words = ["", ""];
    for token in tokens(sql) {
        match token {
            Token::Space(_) | Token::Comment(_) => {}
            Token::Word(word) => {
                if is_one_of(word, WORDS) {
                    return true;
                }
                last_words = [word, ""];
            }
            Token::Quoted(text) => {
                let inside = text
                    .get(1..text.len().saturating_sub(1))
                    .unwrap_or_default()
                    .trim();
                if is_one_of(inside, WORDS) || inside.eq_ignore_ascii_case("subsec") {
                    return true;
                }
                last_words = [inside, ""];
            }
            Token::Other('(') if is_one_of(last_words[0], OF_TIME) && last_words[1].is_empty() => {
                last_words[1] = "(";
            }
            // `date()` is today; so is `strftime('%Y')`, whose moment is the second argument.
            Token::Other(')') if last_words[1] == "(" || last_words[0].starts_with('%') => {
                return true;
            }
            Token::Other(_) => last_words = ["", ""],
        }
    }
    false
}

fn is_one_of(word: &str, known: &[&str]) -> bool {
    known.iter().any(|known| word.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_for_the_time_or_chance_is_fleeting() {
        for sql in [
            "select random()",
            "select hex(RandomBlob(4))",
            "select date('now')",
            "select datetime ( ' NOW ', '+1 day')",
            "select date()",
            "select strftime('%s')",
            "select unixepoch( /* today */ )",
            "select current_timestamp",
            "select \"random\"()",
        ] {
            assert!(is_fleeting(sql), "{sql}");
        }
        for sql in [
            "select date(created) from t",
            "select strftime('%Y', created) from t",
            "select 'nowhere', count(*) from t",
            "select 1 -- now",
        ] {
            assert!(!is_fleeting(sql), "{sql}");
        }
    }
}
