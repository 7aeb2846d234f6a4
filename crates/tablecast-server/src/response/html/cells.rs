//! Cells as HTML. Everything that comes from data is escaped here, and nowhere is an address linked that is not one of
//! the web.

use tablecast_connector::Cell;
use tablecast_connector::json::{Infinity, write_cell};

/// `text` with the characters that mean something in HTML escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    escape_into(text, &mut out);
    out
}

/// Writes `text` with the characters that mean something in HTML escaped.
pub(super) fn escape_into(text: &str, out: &mut String) {
    let mut rest = text;
    let is_special = |byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    while let Some(place) = rest.bytes().position(is_special) {
        let (plain, special) = rest.split_at(place);
        out.push_str(plain);
        let mut characters = special.chars();
        out.push_str(match characters.next() {
            Some('&') => "&amp;",
            Some('<') => "&lt;",
            Some('>') => "&gt;",
            Some('"') => "&#34;",
            _ => "&#39;",
        });
        rest = characters.as_str();
    }
    out.push_str(rest);
}

/// Whether a text is an address that may be linked.
pub(super) fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty() && !text.contains(|c: char| c.is_whitespace() || "<>\"".contains(c))
    })
}

/// Writes a link.
pub(super) fn link(url: &str, text: &str, out: &mut String) {
    out.push_str("<a href=\"");
    escape_into(url, out);
    out.push_str("\">");
    escape_into(text, out);
    out.push_str("</a>");
}

fn linked(url: &str, text: &str) -> String {
    let mut out = String::new();
    link(url, text, &mut out);
    out
}

/// A text as its column's configured type shows it: addresses as links, JSON in lines. `None` where the type has
/// nothing of its own to show.
pub(crate) fn typed(kind: &serde_json::Value, cell: &Cell<'_>) -> Option<String> {
    let kind = kind.as_str().or_else(|| kind.get("type")?.as_str())?;
    let Cell::Text(text) = cell else {
        return None;
    };
    let text = text.trim();
    match kind {
        "url" if is_web_address(text) => Some(linked(text, text)),
        "url" if !text.is_empty() => Some(escape(text)),
        "email" if !text.is_empty() => Some(linked(&format!("mailto:{text}"), text)),
        "json" => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            let lines = serde_json::to_string_pretty(&json).ok()?;
            Some(format!("<pre>{}</pre>", escape(&lines)))
        }
        _ => None,
    }
}

/// How cells are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Showing {
    /// The most characters of a text; 0 for all.
    pub(super) characters_max: usize,
}

impl Showing {
    /// Writes a cell without a label. `blob_url` gives the address of its bytes, if they have one.
    pub(super) fn cell(
        self,
        cell: &Cell<'_>,
        blob_url: impl FnOnce() -> Option<String>,
        out: &mut String,
    ) {
        match cell {
            cell if cell.is_null() => out.push_str("<span class=\"null\"></span>"),
            Cell::Text(text) if is_web_address(text) => {
                link(text, &self.truncated_address(text), out);
            }
            Cell::Text(text) => self.text(text, out),
            Cell::Integer(integer) => self.text(itoa::Buffer::new().format(*integer), out),
            Cell::Bytes(bytes) => {
                let plural = if bytes.len() == 1 { "" } else { "s" };
                let text = format!(
                    "<Binary:\u{a0}{}\u{a0}byte{plural}>",
                    super::thousands(bytes.len() as u64)
                );
                match blob_url() {
                    Some(url) => link(&url, &text, out),
                    None => escape_into(&text, out),
                }
            }
            Cell::Real(real) if real.is_infinite() => {
                out.push_str(if *real > 0.0 { "inf" } else { "-inf" });
            }
            Cell::Real(real) => self.text(&format!("{real:?}"), out),
            other => match other.iso() {
                Some(text) => escape_into(&text, out),
                None => self.json(other, out),
            },
        }
    }

    fn json(self, cell: &Cell<'_>, out: &mut String) {
        let mut json = Vec::new();
        write_cell(cell, Infinity::Literal, &mut json);
        self.text(&String::from_utf8_lossy(&json), out);
    }

    /// Writes the start of a text, with an ellipsis if there is more.
    fn text(self, text: &str, out: &mut String) {
        let end = match self.characters_max {
            0 => None,
            // No text has more characters than bytes.
            most if text.len() <= most => None,
            most => text.char_indices().nth(most),
        };
        match end.and_then(|(end, _)| text.get(..end)) {
            Some(start) => {
                escape_into(start, out);
                out.push('…');
            }
            None => escape_into(text, out),
        }
    }

    /// An address in as many characters, the ellipsis among them; the ending of a file's name stays.
    fn truncated_address(self, url: &str) -> String {
        if self.characters_max == 0 || url.chars().count() <= self.characters_max {
            return url.to_owned();
        }
        let is_ending = |ending: &&str| (1..=4).contains(&ending.len()) && !ending.contains('/');
        let ending = url
            .rsplit_once('.')
            .map(|(_, ending)| ending)
            .filter(is_ending);
        let ending = ending.map_or_else(String::new, |ending| format!(".{ending}"));
        let kept = self
            .characters_max
            .saturating_sub(1 + ending.len().saturating_sub(1));
        let start: String = url.chars().take(kept).collect();
        format!("{start}…{ending}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_becomes_markup() {
        let showing = Showing { characters_max: 10 };
        let drawn = |cell: &Cell<'_>| {
            let mut out = String::new();
            showing.cell(cell, || None, &mut out);
            out
        };
        let html = |text| drawn(&Cell::Text(text));
        assert_eq!(html("<b>&\"'"), "&lt;b&gt;&amp;&#34;&#39;");
        assert_eq!(html("javascript:alert(1)"), "javascript…");
        assert_eq!(
            html("https://example.com/a.jpeg"),
            "<a href=\"https://example.com/a.jpeg\">https….jpeg</a>"
        );
        assert_eq!(html("http://a b"), "http://a b");
        assert_eq!(html("http://é.x"), "<a href=\"http://é.x\">http://é.x</a>");
        assert!(drawn(&Cell::Real(f64::NAN)).contains("null"));
    }
}
