//! Rows as CSV: with a header, CRLF line ends, the label of a cell in a column beside it. Bytes become links.

use std::io::Write as _;

use http::HeaderValue;
use tablecast_connector::{Cell, Error, ErrorKind, Result, sqlite_text};

use super::export::{Heading, Links, Part, Writer};

/// The media type of a file to be saved.
pub(crate) const TYPE: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");

/// Bytes put aside for a cell before it is written.
const CELL_BYTES: usize = 12;

/// Writes CSV.
pub(crate) struct CsvWriter {
    heading: Heading,
    has_header: bool,
    /// What may be sent, `u64::MAX` for no limit.
    bytes_max: u64,
    sent: u64,
}

impl CsvWriter {
    /// At most `bytes_max` bytes, 0 for no limit.
    pub(crate) fn new(heading: Heading, bytes_max: u64) -> Self {
        Self {
            heading,
            has_header: true,
            bytes_max: if bytes_max == 0 { u64::MAX } else { bytes_max },
            sent: 0,
        }
    }

    /// Leaves the line with the names out.
    pub(crate) fn without_header(mut self) -> Self {
        self.has_header = false;
        self
    }

    fn write_row<'a>(&self, part: &Part, cell_of: impl Fn(usize) -> Cell<'a>, out: &mut Vec<u8>) {
        let start = out.len();
        for (place, column) in self.heading.columns.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            let cell = cell_of(place);
            match cell {
                Cell::Null => {}
                Cell::Text(text) => write_text(text, out),
                Cell::Integer(integer) => {
                    out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
                }
                Cell::Real(real) => write_real(real, out),
                Cell::Bytes(bytes) => {
                    let links: &Links = &self.heading.links;
                    write_text(&links.to_bytes(&column.name, bytes, &cell_of), out);
                }
                _ => write_text(&sqlite_text(&cell).unwrap_or_default(), out),
            }
            if column.has_labels {
                out.push(b',');
                let labels = part.labels.get(place).and_then(Option::as_ref);
                let label = labels.and_then(|labels| labels.of(&cell.to_value()));
                write_text(label.unwrap_or_default(), out);
            }
        }
        // A line of nothing would be passed over by those who read it.
        if out.len() == start && self.heading.columns.len() == 1 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl Writer for CsvWriter {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        if self.has_header {
            let mut first = true;
            for column in &self.heading.columns {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                write_text(&column.name, out);
                if column.has_labels {
                    out.push(b',');
                    write_text(&format!("{}_label", column.name), out);
                }
            }
            out.extend_from_slice(b"\r\n");
            self.sent = out.len() as u64;
        }
        Ok(())
    }

    fn write(&mut self, part: &Part, out: &mut Vec<u8>) -> Result<()> {
        let views = part.batch.columns()?;
        out.reserve(part.batch.rows() * self.heading.columns.len() * CELL_BYTES);
        for row in 0..part.batch.rows() {
            let whole = out.len();
            let cell_of = |place: usize| views.get(place).map_or(Cell::Null, |view| view.cell(row));
            self.write_row(part, cell_of, out);
            if self.sent + out.len() as u64 > self.bytes_max {
                out.truncate(whole);
                return Err(Error::too_large(format!(
                    "CSV contains more than {} bytes",
                    self.bytes_max
                )));
            }
        }
        self.sent += out.len() as u64;
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn last_line(&self, error: &Error) -> Option<Vec<u8>> {
        let what = if error.kind() == ErrorKind::TooLarge {
            ""
        } else {
            "Error: "
        };
        let message = crate::error::Shown::new(error).message;
        Some(format!("{what}{message}\r\n").into_bytes())
    }
}

fn write_real(real: f64, out: &mut Vec<u8>) {
    if real == 0.0 || (1e-4..1e16).contains(&real.abs()) {
        out.extend_from_slice(ryu::Buffer::new().format_finite(real).as_bytes());
    } else if real.is_finite() {
        // As Python writes it: the exponent with its sign and at least two digits.
        let text = format!("{real:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let _ = write!(out, "{digits}e{exponent:+03}");
    } else if !real.is_nan() {
        out.extend_from_slice(if real > 0.0 { b"inf" } else { b"-inf" });
    }
}

/// A field, in quotes if it holds what would end it.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let is_special = |byte: &u8| matches!(byte, b',' | b'"' | b'\r' | b'\n');
    if !bytes.iter().any(is_special) {
        out.extend_from_slice(bytes);
        return;
    }
    out.push(b'"');
    for part in bytes.split_inclusive(|byte| *byte == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reals_are_written_as_python_writes_them() {
        for (real, text) in [
            (0.0, "0.0"),
            (-2.0, "-2.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (-1.5e300, "-1.5e+300"),
            (0.0001, "0.0001"),
            (0.000_012, "1.2e-05"),
            (f64::NAN, ""),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            let mut out = Vec::new();
            write_real(real, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }

    #[test]
    fn a_field_is_quoted_only_where_it_would_be_misread() {
        for (text, field) in [
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("", ""),
        ] {
            let mut out = Vec::new();
            write_text(text, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), field);
        }
    }
}
