//! How a file of delimited values is written: found from its first rows.

use super::column::Class;
use super::delimited::{Row, cut_rows};

/// What stands between values. Of two that fit alike the first is meant: values hold commas rather than tabs.
const DELIMITERS: [u8; 5] = [b'\t', b',', b';', b'|', b':'];

/// Rows that are looked at.
const ROWS: usize = 1000;

/// A dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Between values; none if there is but one column.
    pub(crate) delimiter: Option<u8>,
    /// Around values that hold a delimiter, a quote or the end of a line; doubled, it stands for itself.
    pub(crate) quote: u8,
    /// Behind rows, a carriage return in front of it aside.
    pub(crate) newline: u8,
    /// Whether the first row holds the names.
    pub(crate) has_header: bool,
}

impl Dialect {
    /// The dialect of a text that starts with `start`; `likely` is the delimiter that the file's name tells.
    pub(crate) fn of(start: &[u8], likely: Option<u8>) -> Self {
        let newline = if !start.contains(&b'\n') && start.contains(&b'\r') {
            b'\r'
        } else {
            b'\n'
        };
        let quote = quote(start, newline);
        let plain = Self {
            delimiter: None,
            quote,
            newline,
            has_header: true,
        };
        let with = |delimiter| Self {
            delimiter: Some(delimiter),
            ..plain
        };
        let scored = DELIMITERS.into_iter().map(|delimiter| {
            let bonus = usize::from(likely == Some(delimiter)) * 2;
            (with(delimiter).score(start, bonus), delimiter)
        });
        let best = scored.reduce(|a, b| if b.0 > a.0 { b } else { a });
        let found = match best {
            Some((score, delimiter)) if score > (0, 0) => with(delimiter),
            _ => likely.map_or(plain, with),
        };
        Self {
            has_header: found.first_row_is_names(start),
            ..found
        }
    }

    /// How well rows have the same number of values (in tenths of all rows), and how many; higher is better.
    fn score(self, start: &[u8], bonus: usize) -> (usize, usize) {
        let widths: Vec<usize> = cut_rows(start, self, ROWS).iter().map(Row::len).collect();
        let Some(first) = widths.first().copied().filter(|width| *width > 1) else {
            return (0, 0);
        };
        let same = widths.iter().filter(|width| **width == first).count();
        (same * 10 / widths.len() + bonus, first)
    }

    /// Not so if a value of the first row is a number, or is empty or there twice while others are not: names are
    /// words, and each is another.
    fn first_row_is_names(self, start: &[u8]) -> bool {
        let rows = cut_rows(start, self, ROWS);
        let Some(first) = rows.first() else {
            return true;
        };
        let is_word =
            |value: &Vec<u8>| matches!(Class::of_text(value), Class::Text | Class::Nothing);
        first.iter().all(is_word) && first.iter().any(|value| !value.is_empty())
    }
}

/// A single quote only if values are in single quotes and none in double ones.
fn quote(start: &[u8], newline: u8) -> u8 {
    let opens = |quote: u8| {
        let is_edge = |byte: u8| byte == newline || DELIMITERS.contains(&byte);
        let pairs = start.windows(2);
        let opened = pairs.filter(|pair| matches!(pair, [a, b] if is_edge(*a) && *b == quote));
        opened.count() + usize::from(start.first() == Some(&quote))
    };
    let closes = |quote: u8| {
        let is_edge = |byte: u8| matches!(byte, b'\r' | b'\n') || DELIMITERS.contains(&byte);
        let pairs = start.windows(2);
        let closed = pairs.filter(|pair| matches!(pair, [a, b] if *a == quote && is_edge(*b)));
        closed.count()
    };
    if opens(b'"') == 0 && opens(b'\'') > 1 && closes(b'\'') > 1 {
        b'\''
    } else {
        b'"'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialect_is_found_from_the_first_rows() {
        for (start, delimiter, quote, has_header) in [
            ("a,b\n1,2\n", Some(b','), b'"', true),
            ("a;b\n1,5;2\n", Some(b';'), b'"', true),
            ("a\tb,c\n1\t2,3\n", Some(b'\t'), b'"', true),
            ("a|b|c\r\nx|y|z\r\n", Some(b'|'), b'"', true),
            ("1,2\n3,4\n", Some(b','), b'"', false),
            ("name\nAnn\nBob\n", None, b'"', true),
            ("a,b\n\"x, y\",\"z;\n;\"\n", Some(b','), b'"', true),
            ("'a','b'\n'x,y','z'\n", Some(b','), b'\'', true),
            ("a,b\ndon't,1\n", Some(b','), b'"', true),
            (
                "time,what\n10:00:01,a\n10:00:02,b\n",
                Some(b','),
                b'"',
                true,
            ),
            ("", None, b'"', true),
        ] {
            let found = Dialect::of(start.as_bytes(), None);
            let expected = (delimiter, quote, has_header);
            assert_eq!(
                (found.delimiter, found.quote, found.has_header),
                expected,
                "{start:?}"
            );
        }
        assert_eq!(Dialect::of(b"a\n1\n", Some(b'\t')).delimiter, Some(b'\t'));
        assert_eq!(Dialect::of(b"a,b\r1,2\r", None).newline, b'\r');
    }
}
