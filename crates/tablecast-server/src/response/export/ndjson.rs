//! Rows as JSON objects, one on each line.

use std::collections::HashMap;

use http::HeaderValue;
use tablecast_connector::json::{Infinity, write_cell, write_text};
use tablecast_connector::{Cell, Error, Result};

use super::{Heading, Part, Writer};
use crate::error::Shown;
use crate::request::arguments::Arguments;

/// The media type.
pub(crate) const TYPE: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Writes lines of JSON.
pub(crate) struct NdjsonWriter {
    columns: Vec<Column>,
    infinity: Infinity,
}

struct Column {
    /// `"name":`, behind a comma if it is not the first one.
    prefix: Vec<u8>,
    /// The place of its cell. Of several columns of one name the first one stands there with the last one's cell, as
    /// in JSON answers.
    place: usize,
    /// Whether its texts are JSON.
    is_json: bool,
}

impl NdjsonWriter {
    pub(crate) fn new(heading: &Heading, arguments: &Arguments) -> Self {
        let names = || heading.columns.iter().map(|column| column.name.as_str());
        let mut last: HashMap<&str, usize> = names().zip(0..).collect();
        let mut columns: Vec<Column> = Vec::new();
        for name in names() {
            let Some(place) = last.remove(name) else {
                continue;
            };
            let mut prefix = Vec::new();
            if !columns.is_empty() {
                prefix.push(b',');
            }
            write_text(name, &mut prefix);
            prefix.push(b':');
            columns.push(Column {
                prefix,
                place,
                is_json: arguments.all("_json").any(|json| json == name),
            });
        }
        Self {
            columns,
            infinity: if arguments.is_on("_json_infinity") {
                Infinity::Literal
            } else {
                Infinity::Null
            },
        }
    }

    fn write_labelled(&self, cell: &Cell<'_>, label: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"value\":");
        write_cell(cell, self.infinity, out);
        out.extend_from_slice(b",\"label\":");
        write_text(label, out);
        out.push(b'}');
    }
}

impl Writer for NdjsonWriter {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn write(&mut self, part: &Part, out: &mut Vec<u8>) -> Result<()> {
        let views = part.batch.columns()?;
        out.reserve(part.batch.rows() * 24 * self.columns.len());
        for row in 0..part.batch.rows() {
            out.push(b'{');
            for column in &self.columns {
                out.extend_from_slice(&column.prefix);
                let cell = views
                    .get(column.place)
                    .map_or(Cell::Null, |view| view.cell(row));
                let labels = part.labels.get(column.place).and_then(Option::as_ref);
                let label = labels.and_then(|labels| labels.of(&cell.to_value()));
                match (label, &cell) {
                    (Some(label), _) => self.write_labelled(&cell, label, out),
                    (None, Cell::Text(text))
                        if column.is_json
                            && let Ok(json) = serde_json::from_str::<serde_json::Value>(text) =>
                    {
                        out.extend_from_slice(json.to_string().as_bytes());
                    }
                    _ => write_cell(&cell, self.infinity, out),
                }
            }
            out.extend_from_slice(b"}\n");
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn last_line(&self, error: &Error) -> Option<Vec<u8>> {
        Some(format!("{}\n", Shown::new(error).to_json()).into_bytes())
    }
}
