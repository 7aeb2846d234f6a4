//! Splits SQL into what matters to a reader who does not parse: words, quoted things, comments, and the rest.
//!
//! An unclosed quote or comment reaches to the end of the text, as in `SQLite`.

/// A piece of SQL text. Pieces together are the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// White space.
    Space(&'a str),
    /// A comment, with its marks.
    Comment(&'a str),
    /// A string or a quoted name, with its quotes.
    Quoted(&'a str),
    /// Letters, digits, underscores, dollar signs, and all that is not ASCII.
    Word(&'a str),
    /// Any other single character.
    Other(char),
}

/// The tokens of `sql` in order.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let length = token_length(rest, first);
        let (text, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = behind;
        Some(match first {
            _ if first.is_ascii_whitespace() => Token::Space(text),
            '-' | '/' if text.len() > 1 => Token::Comment(text),
            '\'' | '"' | '`' | '[' => Token::Quoted(text),
            _ if is_word(first) => Token::Word(text),
            other => Token::Other(other),
        })
    })
}

/// Whether the character can stand in a name without quotes.
pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '$') || !c.is_ascii()
}

fn token_length(rest: &str, first: char) -> usize {
    match first {
        '-' if rest.starts_with("--") => rest.find('\n').map_or(rest.len(), |end| end + 1),
        '/' if rest.starts_with("/*") => comment_length(rest),
        '[' => rest.find(']').map_or(rest.len(), |end| end + 1),
        '\'' | '"' | '`' => quoted_length(rest, first),
        _ if first.is_ascii_whitespace() => run_length(rest, |c| c.is_ascii_whitespace()),
        _ if is_word(first) => run_length(rest, is_word),
        other => other.len_utf8(),
    }
}

fn comment_length(rest: &str) -> usize {
    let inner = rest.get(2..).unwrap_or_default();
    inner.find("*/").map_or(rest.len(), |end| end + 4)
}

/// A doubled quote stands for itself.
fn quoted_length(rest: &str, quote: char) -> usize {
    let mut at = 1;
    loop {
        let Some(end) = rest.get(at..).and_then(|inner| inner.find(quote)) else {
            return rest.len();
        };
        at += end + 1;
        if !rest.get(at..).is_some_and(|inner| inner.starts_with(quote)) {
            return at;
        }
        at += 1;
    }
}

fn run_length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_are_one_token_each() {
        let found: Vec<_> = tokens("a'it''s'--x\n[b]/*y*/\"c\"\"d\"é:").collect();
        assert_eq!(
            found,
            [
                Token::Word("a"),
                Token::Quoted("'it''s'"),
                Token::Comment("--x\n"),
                Token::Quoted("[b]"),
                Token::Comment("/*y*/"),
                Token::Quoted("\"c\"\"d\""),
                Token::Word("é"),
                Token::Other(':'),
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn tokens_together_are_the_text(sql in "[-/*'\"\\[\\]`a :é\n]{0,40}") {
            let together: String = tokens(&sql)
                .map(|token| match token {
                    Token::Space(text) | Token::Comment(text) | Token::Quoted(text) | Token::Word(text) => text.to_owned(),
                    Token::Other(c) => c.to_string(),
                })
                .collect();
            proptest::prop_assert_eq!(together, sql);
        }
    }
}
