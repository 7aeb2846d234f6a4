//! Rows of delimited values: where they end, and their values.

use super::dialect::Dialect;
use super::records::Cut;

/// Cuts a text into rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lines(pub(crate) Dialect);

impl Cut for Lines {
    fn end(&mut self, bytes: &[u8], seen: usize, _: bool) -> Option<usize> {
        let Dialect { quote, newline, .. } = self.0;
        let line = bytes.get(seen..)?;
        let end = seen + memchr::memchr(newline, line)? + 1;
        let line = bytes.get(..end)?;
        if memchr::memchr(quote, line).is_none() {
            return Some(end);
        }
        self.quoted_end(bytes)
    }
}

impl Lines {
    /// The end of a row with quotes: the first end of a line that stands in none.
    fn quoted_end(self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let value = Value::at(bytes, at, self.0);
            match bytes.get(value.end) {
                None => return None,
                Some(byte) if *byte == self.0.newline => return Some(value.end + 1),
                Some(_) => at = value.end + 1,
            }
        }
        None
    }
}

/// One value within a text.
struct Value {
    /// Behind it: a delimiter, the end of the line, or the end of the text.
    end: usize,
    /// Where the closing quote is, if it is in quotes.
    quoted: Option<usize>,
    /// Whether a quote was opened and never closed.
    is_open: bool,
}

impl Value {
    fn at(bytes: &[u8], start: usize, dialect: Dialect) -> Self {
        let ends = |from: usize| {
            let rest = bytes.get(from..).unwrap_or_default();
            let found = match dialect.delimiter {
                Some(delimiter) => memchr::memchr2(delimiter, dialect.newline, rest),
                None => memchr::memchr(dialect.newline, rest),
            };
            found.map_or(bytes.len(), |found| from + found)
        };
        if bytes.get(start) != Some(&dialect.quote) {
            return Self {
                end: ends(start),
                quoted: None,
                is_open: false,
            };
        }
        let mut at = start + 1;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            let Some(found) = memchr::memchr(dialect.quote, rest) else {
                return Self {
                    end: bytes.len(),
                    quoted: Some(bytes.len()),
                    is_open: true,
                };
            };
            let close = at + found;
            if bytes.get(close + 1) == Some(&dialect.quote) {
                at = close + 2;
                continue;
            }
            return Self {
                end: ends(close + 1),
                quoted: Some(close),
                is_open: false,
            };
        }
    }
}

/// What is wrong with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFault {
    /// A quote was opened and never closed.
    OpenQuote,
}

/// Gives the values of a row one after the other to `take`, with their places; how many there are.
pub(crate) fn values(
    row: &[u8],
    dialect: Dialect,
    scratch: &mut Vec<u8>,
    mut take: impl FnMut(usize, &[u8]),
) -> Result<usize, RowFault> {
    let row = row.strip_suffix(&[dialect.newline]).unwrap_or(row);
    let row = row.strip_suffix(b"\r").unwrap_or(row);
    let mut at = 0;
    let mut count = 0;
    loop {
        let value = Value::at(row, at, dialect);
        if value.is_open {
            return Err(RowFault::OpenQuote);
        }
        match value.quoted {
            None => take(count, row.get(at..value.end).unwrap_or_default()),
            Some(close) => {
                let inner = row.get(at + 1..close).unwrap_or_default();
                let behind = row.get(close + 1..value.end).unwrap_or_default();
                if behind.is_empty() && memchr::memchr(dialect.quote, inner).is_none() {
                    take(count, inner);
                } else {
                    unquoted(inner, behind, dialect.quote, scratch);
                    take(count, scratch);
                }
            }
        }
        count += 1;
        if value.end >= row.len() {
            return Ok(count);
        }
        at = value.end + 1;
        if at == row.len() {
            // A delimiter at the end has an empty value behind it.
            take(count, b"");
            return Ok(count + 1);
        }
    }
}

/// Doubled quotes stand for one; what follows the closing quote belongs to the value.
fn unquoted(inner: &[u8], behind: &[u8], quote: u8, scratch: &mut Vec<u8>) {
    scratch.clear();
    let mut rest = inner;
    while let Some(at) = memchr::memchr(quote, rest) {
        scratch.extend_from_slice(rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    scratch.extend_from_slice(rest);
    scratch.extend_from_slice(behind);
}

/// Whether a row is but the end of a line.
pub(crate) fn is_blank(row: &[u8]) -> bool {
    row.iter().all(|byte| matches!(byte, b'\r' | b'\n'))
}

/// The values of a row.
pub(crate) type Row = Vec<Vec<u8>>;

/// The values of the first rows of a text, without the last, which may be cut off, unless it is the only one.
pub(crate) fn cut_rows(start: &[u8], dialect: Dialect, most: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut rest = start;
    let mut lines = Lines(dialect);
    let mut scratch = Vec::new();
    while !rest.is_empty() && rows.len() < most {
        let end = lines.end(rest, 0, false);
        if end.is_none() && !rows.is_empty() {
            break;
        }
        let (row, behind) = rest.split_at(end.unwrap_or(rest.len()).min(rest.len()));
        rest = behind;
        if is_blank(row) {
            continue;
        }
        let mut cells = Row::new();
        if values(row, dialect, &mut scratch, |_, value| {
            cells.push(value.to_vec());
        })
        .is_ok()
        {
            rows.push(cells);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Result<Vec<String>, RowFault> {
        let dialect = Dialect {
            delimiter: Some(b','),
            quote: b'"',
            newline: b'\n',
            has_header: true,
        };
        let mut found = Vec::new();
        let text = text.as_bytes();
        assert_eq!(
            Lines(dialect).end(text, 0, false).unwrap_or(text.len()),
            text.len()
        );
        let count = values(text, dialect, &mut Vec::new(), |at, value| {
            assert_eq!(at, found.len());
            found.push(String::from_utf8_lossy(value).into_owned());
        })?;
        assert_eq!(count, found.len());
        Ok(found)
    }

    #[test]
    fn values_stand_between_delimiters_and_may_be_in_quotes() {
        for (text, expected) in [
            ("a,b\n", vec!["a", "b"]),
            ("a,b\r\n", vec!["a", "b"]),
            ("a,", vec!["a", ""]),
            (",", vec!["", ""]),
            ("\"a,\nb\",c\n", vec!["a,\nb", "c"]),
            ("\"say \"\"yes\"\"\",\"\"\n", vec!["say \"yes\"", ""]),
            ("5\" pipe,x\n", vec!["5\" pipe", "x"]),
            ("\"a\"b,c\n", vec!["ab", "c"]),
            ("\"\"\"\",x\n", vec!["\"", "x"]),
        ] {
            assert_eq!(
                row(text).as_deref().ok(),
                Some(&expected.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
                "{text:?}"
            );
        }
        assert_eq!(row("a,\"b"), Err(RowFault::OpenQuote));
    }
}
