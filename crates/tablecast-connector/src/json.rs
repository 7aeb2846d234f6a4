//! A cell as JSON, the one way in which the API shows it.
//!
//! Bytes become `{"$base64": true, "encoded": "…"}`, NaN becomes null, infinities too unless they are asked for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Cell;

/// What an infinite number becomes, for JSON has no word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Infinity {
    /// `null`, so that the answer is JSON.
    Null,
    /// `Infinity` and `-Infinity`, which JavaScript and Python read.
    Literal,
}

/// Appends `cell` as JSON to `out`.
pub fn write_cell(cell: &Cell<'_>, infinity: Infinity, out: &mut Vec<u8>) {
    match *cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Boolean(boolean) => out.extend_from_slice(if boolean { b"true" } else { b"false" }),
        Cell::Integer(integer) => {
            out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        }
        Cell::Unsigned(integer) => {
            out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
        }
        Cell::Real(real) => write_real(real, infinity, out),
        Cell::Text(text) => write_text(text, out),
        Cell::Bytes(bytes) => {
            out.extend_from_slice(b"{\"$base64\":true,\"encoded\":\"");
            out.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            out.extend_from_slice(b"\"}");
        }
        Cell::Decimal(..) | Cell::Date(_) | Cell::Time(..) | Cell::Timestamp(_) => {
            write_text(&cell.iso().unwrap_or_default(), out);
        }
        Cell::List(list) => {
            write_joined(b'[', b']', list.iter(), out, |item, out| {
                write_cell(&item, infinity, out);
            });
        }
        Cell::Struct(members) => {
            write_joined(b'{', b'}', members.iter(), out, |(name, member), out| {
                write_text(name, out);
                out.push(b':');
                write_cell(&member, infinity, out);
            });
        }
    }
}

fn write_joined<T>(
    open: u8,
    close: u8,
    items: impl Iterator<Item = T>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(open);
    for (position, item) in items.enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

fn write_real(real: f64, infinity: Infinity, out: &mut Vec<u8>) {
    if real.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(real).as_bytes());
    } else if infinity == Infinity::Null || real.is_nan() {
        out.extend_from_slice(b"null");
    } else {
        out.extend_from_slice(if real > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    }
}

/// Appends `text` as a JSON string to `out`.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (position, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(copied..position).unwrap_or_default());
        copied = position + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => out.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
        }
    }
    out.extend_from_slice(bytes.get(copied..).unwrap_or_default());
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: Cell<'_>) -> String {
        let mut out = Vec::new();
        write_cell(&cell, Infinity::Null, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn every_cell_is_valid_json() {
        assert_eq!(
            json(Cell::Text("a\"b\\c\u{1}\n é")),
            "\"a\\\"b\\\\c\\u0001\\n é\""
        );
        assert_eq!(json(Cell::Real(f64::INFINITY)), "null");
        assert_eq!(json(Cell::Real(1.0)), "1.0");
        assert_eq!(json(Cell::Unsigned(u64::MAX)), "18446744073709551615");
        assert_eq!(
            json(Cell::Bytes(b"\x15\x1c")),
            "{\"$base64\":true,\"encoded\":\"FRw=\"}"
        );
    }
}
