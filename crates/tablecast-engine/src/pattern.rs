//! `like` patterns: those that people type most (a text, its start or its end) are compared byte by byte; the seam
//! decides the others.

use std::borrow::Cow;

use tablecast_connector::{Cell, like, sqlite_text};

/// A pattern of `like`, taken apart once.
#[derive(Clone, Debug)]
pub(crate) enum LikePattern {
    /// Between `%` on these sides lies this text, in lower case as far as it is ASCII.
    Plain {
        text: Vec<u8>,
        open_start: bool,
        open_end: bool,
    },
    /// With `_` or `%` inside.
    General(String),
}

impl LikePattern {
    pub(crate) fn new(pattern: &str) -> Self {
        let (open_start, rest) = match pattern.strip_prefix('%') {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let (open_end, rest) = match rest.strip_suffix('%') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains(['%', '_']) {
            return Self::General(pattern.to_owned());
        }
        Self::Plain {
            text: rest.to_ascii_lowercase().into_bytes(),
            open_start,
            open_end,
        }
    }

    /// Whether the cell's text is like the pattern; `None` for null.
    pub(crate) fn matches(&self, cell: &Cell<'_>) -> Option<bool> {
        let text = match cell {
            Cell::Text(text) => Cow::Borrowed(*text),
            cell => Cow::Owned(sqlite_text(cell)?),
        };
        Some(match self {
            Self::General(pattern) => like(&text, pattern),
            Self::Plain {
                text: wanted,
                open_start,
                open_end,
            } => plain(text.as_bytes(), wanted, *open_start, *open_end),
        })
    }
}

fn plain(text: &[u8], wanted: &[u8], open_start: bool, open_end: bool) -> bool {
    let equal = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(wanted));
    match (open_start, open_end) {
        (false, false) => equal(Some(text)),
        (false, true) => equal(text.get(..wanted.len())),
        (true, false) => equal(
            text.len()
                .checked_sub(wanted.len())
                .and_then(|start| text.get(start..)),
        ),
        (true, true) => {
            wanted.is_empty()
                || text
                    .windows(wanted.len())
                    .any(|part| part.eq_ignore_ascii_case(wanted))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_taken_apart_matches_what_the_seam_matches() {
        let texts = [
            "", "a", "A", "ab", "xABy", "É", "é", "%", "a_b", "abab", "fir 10%",
        ];
        let patterns = [
            "", "%", "%%", "a", "A%", "%b", "%AB%", "%é%", "a_b", "%a%b", "_", "%É", "fir 10%",
        ];
        for text in texts {
            for pattern in patterns {
                assert_eq!(
                    LikePattern::new(pattern).matches(&Cell::Text(text)),
                    Some(like(text, pattern)),
                    "{text:?} like {pattern:?}"
                );
            }
        }
    }
}
