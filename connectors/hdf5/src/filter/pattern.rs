//! Tests of text: comparisons and patterns, on bytes as they lie in rows.

use memchr::memmem::Finder;
use tablecast_connector::{Comparison, glob, like};

/// What is asked of a text.
#[derive(Debug, Clone)]
pub enum TextTest {
    In(Vec<Vec<u8>>),
    Compare(Comparison, Vec<u8>),
    Matches(Pattern),
}

/// A `like` or `glob` pattern; the plain ones are told apart.
#[derive(Debug, Clone)]
pub enum Pattern {
    Like(String),
    Glob(String),
    /// `%…%` without letters: bytes that are there or not.
    Contains(Box<Finder<'static>>),
    /// `%…%` with letters.
    ContainsLetters(Vec<u8>),
    /// `…%`.
    StartsWith(String),
}

impl Pattern {
    /// The pattern of a `like`.
    pub fn like(pattern: &str) -> Self {
        let special = |text: &str| text.contains(['%', '_']);
        let inner = pattern
            .strip_prefix('%')
            .and_then(|rest| rest.strip_suffix('%'));
        match (inner, pattern.strip_suffix('%')) {
            (Some(inner), _) if !special(inner) => {
                if inner.bytes().any(|byte| byte.is_ascii_alphabetic()) {
                    Self::ContainsLetters(inner.as_bytes().to_vec())
                } else {
                    Self::Contains(Box::new(Finder::new(inner.as_bytes()).into_owned()))
                }
            }
            (_, Some(start)) if !special(start) => Self::StartsWith(start.to_owned()),
            _ => Self::Like(pattern.to_owned()),
        }
    }

    /// Whether the text matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        match self {
            Self::Contains(finder) => finder.find(text).is_some(),
            Self::ContainsLetters(letters) => text
                .windows(letters.len())
                .any(|part| part.eq_ignore_ascii_case(letters)),
            Self::StartsWith(start) => text
                .get(..start.len())
                .is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes())),
            Self::Like(pattern) => like(&String::from_utf8_lossy(text), pattern),
            Self::Glob(pattern) => glob(&String::from_utf8_lossy(text), pattern),
        }
    }
}

impl TextTest {
    /// Whether the test is true of the text.
    pub fn holds(&self, text: &[u8]) -> bool {
        match self {
            Self::In(texts) => texts
                .binary_search_by(|known| known.as_slice().cmp(text))
                .is_ok(),
            Self::Compare(Comparison::Equal, value) => text == value,
            Self::Compare(comparison, value) => comparison.holds(text.cmp(value)),
            Self::Matches(pattern) => pattern.matches(text),
        }
    }
}
