//! The grid of a page: heads, cells and the menus of columns, as HTML. It is written without a template: for each of a
//! hundred rows and of some menus' links, a template would take longer than everything else on the page.

use std::fmt::Write as _;

use super::cells::{escape, escape_into};

/// A column's head.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) class: String,
    /// Behind the name.
    pub(super) mark: &'static str,
    /// What `aria-sort` says, if the rows are sorted by it.
    pub(super) sorted: Option<&'static str>,
    /// Where its name leads: the page sorted by it.
    pub(super) url: Option<String>,
    /// What is known of the column, in one line.
    pub(super) hint: Option<String>,
    /// What can be done with it, and the address that does it.
    pub(super) actions: Vec<(&'static str, String)>,
}

/// The cells of rows as HTML, in one text.
#[derive(Debug)]
pub(crate) struct Cells {
    html: String,
    /// Where each cell ends.
    ends: Vec<usize>,
    width: usize,
}

impl Cells {
    /// No rows yet, of `width` cells each.
    pub(super) fn new(width: usize, rows: usize) -> Self {
        Self {
            html: String::with_capacity(rows * width * 16),
            ends: Vec::with_capacity(rows * width),
            width,
        }
    }

    /// Adds a cell; `draw` writes its HTML.
    pub(super) fn add(&mut self, draw: impl FnOnce(&mut String)) {
        draw(&mut self.html);
        self.ends.push(self.html.len());
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.ends.len().checked_div(self.width).unwrap_or_default()
    }

    /// Every cell, row by row.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = starts.zip(&self.ends);
        ranges.map(|(start, end)| self.html.get(start..*end).unwrap_or_default())
    }
}

/// The grid. Heads and cells are as many.
pub(super) fn grid(head: &[Head], cells: &Cells) -> String {
    let mut out = String::with_capacity(cells.html.len() + cells.ends.len() * 80 + 4096);
    out.push_str(
        "<div class=\"rows\"><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Rows\">\n\
         <table>\n<thead><tr>",
    );
    for (place, column) in head.iter().enumerate() {
        column.write_head(place + 1, &mut out);
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    let opened: Vec<String> = head.iter().map(Head::opened_cell).collect();
    if !opened.is_empty() {
        let mut columns = opened.iter().enumerate().cycle();
        for cell in cells.iter() {
            let Some((place, opened)) = columns.next() else {
                break;
            };
            if place == 0 {
                out.push_str("<tr>");
            }
            out.push_str(opened);
            out.push_str(cell);
            out.push_str("</span></td>");
            if place + 1 == head.len() {
                out.push_str("</tr>\n");
            }
        }
    }
    out.push_str("</tbody>\n</table>\n</div></div>\n");
    for (place, column) in head.iter().enumerate() {
        column.write_menu(place + 1, &mut out);
    }
    out
}

impl Head {
    /// What stands before each of the column's cells.
    fn opened_cell(&self) -> String {
        let (class, name) = (escape(&self.class), escape(&self.name));
        format!("<td class=\"{class}\" data-column=\"{name}\"><span class=\"cell\">")
    }

    fn write_head(&self, number: usize, out: &mut String) {
        attribute("<th scope=\"col\" class", &self.class, out);
        if let Some(sorted) = self.sorted {
            attribute(" aria-sort", sorted, out);
        }
        if let Some(hint) = &self.hint {
            attribute(" title", hint, out);
        }
        out.push('>');
        if let Some(url) = &self.url {
            attribute("<a href", url, out);
            out.push_str(" rel=\"nofollow\">");
        }
        escape_into(&self.name, out);
        out.push_str(self.mark);
        if self.url.is_some() {
            out.push_str("</a>");
        }
        if !self.actions.is_empty() {
            // Writing to a text cannot fail.
            let _ = write!(
                out,
                "<button type=\"button\" class=\"more\" popovertarget=\"column-{number}\""
            );
            attribute(" aria-label", &format!("Actions for {}", self.name), out);
            out.push_str("></button>");
        }
        out.push_str("</th>");
    }

    fn write_menu(&self, number: usize, out: &mut String) {
        if self.actions.is_empty() {
            return;
        }
        let _ = write!(
            out,
            "<div popover id=\"column-{number}\" class=\"popup\" role=\"group\""
        );
        attribute(" aria-label", &self.name, out);
        out.push_str(">\n<p><strong>");
        escape_into(&self.name, out);
        out.push_str("</strong>");
        if let Some(hint) = &self.hint {
            out.push_str(" <span class=\"soft\">");
            escape_into(hint, out);
            out.push_str("</span>");
        }
        out.push_str("</p>\n<ul>");
        for (text, url) in &self.actions {
            attribute("<li><a href", url, out);
            out.push_str(" rel=\"nofollow\">");
            escape_into(text, out);
            out.push_str("</a></li>");
        }
        out.push_str("</ul></div>\n");
    }
}

fn attribute(name: &str, value: &str, out: &mut String) {
    out.push_str(name);
    out.push_str("=\"");
    escape_into(value, out);
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_columns_never_become_markup() {
        let head = Head {
            name: "<a\"'>".to_owned(),
            url: Some("/x?_sort=<a\"'>".to_owned()),
            hint: Some("<hint>".to_owned()),
            actions: vec![("Sort", "\"><b>".to_owned())],
            ..Head::default()
        };
        let mut cells = Cells::new(1, 2);
        cells.add(|out| out.push('1'));
        cells.add(|out| out.push('2'));
        assert_eq!(cells.rows(), 2);
        let html = grid(&[head], &cells);
        for markup in ["<a\"", "<hint>", "\"><b>"] {
            assert!(!html.contains(markup), "{markup} in {html}");
        }
        assert_eq!(html.matches("<tr>").count(), 3);
        assert_eq!(html.matches("</tr>").count(), 3);
    }
}
