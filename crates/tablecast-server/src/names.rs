//! Names in addresses: tilde encoding, and query strings.

/// `name` as it stands in a path: bytes outside `A-Za-z0-9_-` become `~XX`, spaces `+`. A lone `-` is encoded, too,
/// since the site's own pages lie behind it.
pub fn tilde_encode(name: &str) -> String {
    if name == "-" {
        return "~2D".to_owned();
    }
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => push_escaped('~', byte, &mut out),
        }
    }
    out
}

fn push_escaped(mark: char, byte: u8, out: &mut String) {
    out.push(mark);
    for digit in [byte >> 4, byte & 15] {
        out.push(
            char::from_digit(u32::from(digit), 16)
                .unwrap_or('0')
                .to_ascii_uppercase(),
        );
    }
}

/// `bytes` in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
        .collect()
}

/// The name that a part of a path stands for. What is not encoded stands for itself.
pub fn tilde_decode(encoded: &str) -> String {
    unescape(&encoded.replace('+', " "), b"~")
}

/// `text` with its `%XX` decoded. A `%` without two digits stands for itself.
pub(crate) fn percent_decode(text: &str) -> String {
    unescape(text, b"%")
}

/// The name that a part of a path in either encoding, or in both at once, stands for.
pub(crate) fn path_decode(text: &str) -> String {
    unescape(&text.replace('+', " "), b"~%")
}

fn unescape(text: &str, marks: &[u8]) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).filter(|_| marks.contains(byte));
        let decoded = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(decoded.unwrap_or(*byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `text` as it stands in a query string: what Python's `urlencode` does.
pub(crate) fn query_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            _ => push_escaped('%', byte, &mut out),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_survives_a_path() {
        for name in [
            "a/b", "x.csv", "~", "a b", "%25", "é😀", "[x]\"'", "+", "-", "--", "",
        ] {
            let encoded = tilde_encode(name);
            assert!(
                encoded
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-~+".contains(&b)),
                "{encoded}"
            );
            assert_eq!(tilde_decode(&encoded), name);
        }
        assert_eq!(tilde_encode("/fo o."), "~2Ffo+o~2E");
        assert_eq!(percent_decode("%group1%25%"), "%group1%%");
    }
}
