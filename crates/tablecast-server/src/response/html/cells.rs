//! Cells as HTML. Everything that comes from data is escaped here, and nowhere is an address linked that is not one of
//! the web.

use tablecast_connector::Cell;
use tablecast_connector::json::{Infinity, write_cell};

/// `text` with the characters that mean something in HTML escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
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

/// A link.
pub(super) fn link(url: &str, text: &str) -> String {
    format!("<a href=\"{}\">{}</a>", escape(url), escape(text))
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
        "url" if is_web_address(text) => Some(link(text, text)),
        "url" if !text.is_empty() => Some(escape(text)),
        "email" if !text.is_empty() => Some(link(&format!("mailto:{text}"), text)),
        "json" => {
            let json: serde_json::Value = serde_json::from_str(text).ok()?;
            let lines = serde_json::to_string_pretty(&json).ok()?;
            Some(format!("<pre>{}</pre>", escape(&lines)))
        }
        _ => None,
    }
}

/// The rows of a table: cells that are HTML already, each with the class and name of its column. A template would take
/// longer over them than over all the rest of its page.
pub(super) fn body(head: &[serde_json::Value], rows: &[Vec<String>]) -> String {
    let text = |column: &serde_json::Value, key: &str| {
        escape(
            column
                .get(key)
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default(),
        )
    };
    let opened: Vec<String> = head
        .iter()
        .map(|column| {
            let (class, name) = (text(column, "class"), text(column, "name"));
            format!("<td class=\"{class}\" data-column=\"{name}\"><span class=\"cell\">")
        })
        .collect();
    let mut out = String::new();
    for row in rows {
        out.push_str("<tr>");
        for (opened, cell) in opened.iter().zip(row) {
            out.push_str(opened);
            out.push_str(cell);
            out.push_str("</span></td>");
        }
        out.push_str("</tr>\n");
    }
    out
}

/// How cells are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Showing {
    /// The most characters of a text; 0 for all.
    pub(super) characters_max: usize,
}

impl Showing {
    /// A cell without a label. `blob_url` gives the address of its bytes, if they have one.
    pub(super) fn cell(self, cell: &Cell<'_>, blob_url: impl FnOnce() -> Option<String>) -> String {
        match cell {
            cell if cell.is_null() => "<span class=\"null\"></span>".to_owned(),
            Cell::Text(text) => self.text(text),
            Cell::Bytes(bytes) => {
                let plural = if bytes.len() == 1 { "" } else { "s" };
                let text = format!(
                    "<Binary:\u{a0}{}\u{a0}byte{plural}>",
                    super::thousands(bytes.len() as u64)
                );
                blob_url().map_or_else(|| escape(&text), |url| link(&url, &text))
            }
            Cell::Real(real) if real.is_infinite() => {
                if *real > 0.0 { "inf" } else { "-inf" }.to_owned()
            }
            Cell::Real(real) => escape(&self.truncated(&format!("{real:?}"))),
            other => match other.iso() {
                Some(text) => escape(&text),
                None => self.json(other),
            },
        }
    }

    fn text(self, text: &str) -> String {
        if is_web_address(text) {
            return link(text, &self.truncated_address(text));
        }
        escape(&self.truncated(text))
    }

    fn json(self, cell: &Cell<'_>) -> String {
        let mut json = Vec::new();
        write_cell(cell, Infinity::Literal, &mut json);
        escape(&self.truncated(&String::from_utf8_lossy(&json)))
    }

    fn truncated(self, text: &str) -> String {
        if self.characters_max == 0 || text.len() <= self.characters_max {
            return text.to_owned();
        }
        let mut start: String = text.chars().take(self.characters_max).collect();
        if start.len() < text.len() {
            start.push('…');
        }
        start
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
        let html = |text| showing.cell(&Cell::Text(text), || None);
        assert_eq!(html("<b>&\"'"), "&lt;b&gt;&amp;&#34;&#39;");
        assert_eq!(html("javascript:alert(1)"), "javascript…");
        assert_eq!(
            html("https://example.com/a.jpeg"),
            "<a href=\"https://example.com/a.jpeg\">https….jpeg</a>"
        );
        assert_eq!(html("http://a b"), "http://a b");
        assert_eq!(html("http://é.x"), "<a href=\"http://é.x\">http://é.x</a>");
        assert!(
            showing
                .cell(&Cell::Real(f64::NAN), || None)
                .contains("null")
        );
    }
}
