//! Rows as JSON, in every shape, written straight from the cells.

use std::collections::{BTreeMap, HashMap};

use http::StatusCode;
use serde_json::{Map, Value as Json};
use tablecast_connector::json::{Infinity, write_cell, write_text};
use tablecast_connector::{Cell, Error, Result};

use super::{JSON, Reply, TEXT};
use crate::fetch::labels::Labels;
use crate::fetch::page::{Page, RowView};
use crate::plan::paging::row_path;
use crate::request::arguments::Arguments;

/// How rows are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The envelope with rows as objects.
    Objects,
    /// The envelope with rows as lists.
    Arrays,
    /// A bare list of objects.
    Array,
    /// A bare list of the first column's cells.
    ArrayFirst,
    /// An object of rows by their key.
    Object,
    /// An object on each line.
    Lines,
}

/// How cells are written.
pub(crate) struct Writing<'a> {
    pub(crate) shape: Shape,
    pub(crate) infinity: Infinity,
    /// The columns whose texts are JSON.
    json_columns: Vec<&'a str>,
}

impl<'a> Writing<'a> {
    pub(crate) fn parse(arguments: &'a Arguments) -> Result<Self> {
        let lines = arguments.is_on("_nl");
        Ok(Self {
            shape: match arguments.first("_shape").unwrap_or("objects") {
                "objects" => Shape::Objects,
                "arrays" => Shape::Arrays,
                "array" if lines => Shape::Lines,
                "array" => Shape::Array,
                "arrayfirst" => Shape::ArrayFirst,
                "object" => Shape::Object,
                other => return Err(Error::invalid(format!("Invalid _shape: {other}"))),
            },
            infinity: if arguments.is_on("_json_infinity") {
                Infinity::Literal
            } else {
                Infinity::Null
            },
            json_columns: arguments.all("_json").collect(),
        })
    }
}

/// Rows as they are to be shown: the first `width` columns of the page.
pub(crate) struct Shown<'a> {
    pub(crate) page: &'a Page,
    pub(crate) width: usize,
    /// The columns that identify a row, for `_shape=object`.
    pub(crate) keys: &'a [String],
    pub(crate) labels: &'a BTreeMap<String, Labels>,
}

/// The answer: `envelope` and the rows, or the rows alone, as the shape has it.
pub(crate) fn reply(
    shown: &Shown<'_>,
    writing: &Writing<'_>,
    envelope: &Map<String, Json>,
) -> Result<Reply> {
    let mut out = Vec::with_capacity(64 * (shown.page.rows + 8));
    match writing.shape {
        Shape::Objects | Shape::Arrays => {
            out.push(b'{');
            for (name, value) in envelope {
                write_text(name, &mut out);
                out.push(b':');
                out.extend_from_slice(value.to_string().as_bytes());
                out.push(b',');
            }
            out.extend_from_slice(b"\"rows\":");
            write_rows(shown, writing, &mut out)?;
            out.push(b'}');
        }
        _ => write_rows(shown, writing, &mut out)?,
    }
    let content_type = if writing.shape == Shape::Lines {
        TEXT
    } else {
        JSON
    };
    Ok(Reply::new(StatusCode::OK, content_type, out))
}

fn write_rows(shown: &Shown<'_>, writing: &Writing<'_>, out: &mut Vec<u8>) -> Result<()> {
    let columns = Columns::of(shown, writing);
    let keys = key_places(shown, writing.shape)?;
    let (open, close, between) = match writing.shape {
        Shape::Object => ("{", "}", ","),
        Shape::Lines => ("", "", "\n"),
        _ => ("[", "]", ","),
    };
    out.extend_from_slice(open.as_bytes());
    let mut first = true;
    shown.page.each_row(|row| {
        if !first {
            out.extend_from_slice(between.as_bytes());
        }
        first = false;
        if writing.shape == Shape::Object {
            let key: Vec<_> = keys
                .iter()
                .map(|place| row.cell(*place).to_value())
                .collect();
            write_text(&row_path(&key), out);
            out.push(b':');
        }
        columns.write_row(row, writing.shape, out);
    })?;
    out.extend_from_slice(close.as_bytes());
    Ok(())
}

fn key_places(shown: &Shown<'_>, shape: Shape) -> Result<Vec<usize>> {
    if shape != Shape::Object {
        return Ok(Vec::new());
    }
    let places: Option<Vec<usize>> = shown
        .keys
        .iter()
        .map(|key| shown.page.columns.iter().position(|column| column == key))
        .collect();
    match places {
        Some(places) if !places.is_empty() => Ok(places),
        _ => Err(Error::invalid("_shape=object is only available on tables")),
    }
}

/// The columns shown, with what is known of each before the first row: its name as JSON, how its cells are written.
struct Columns<'a> {
    columns: Vec<ColumnWriting<'a>>,
    infinity: Infinity,
}

struct ColumnWriting<'a> {
    /// `"name":`
    prefix: Vec<u8>,
    /// The place of the cell that an object has under this name. Of several columns of one name the first one stands
    /// there, with the last one's cell, and the others have `None`: no key comes twice.
    in_object: Option<usize>,
    is_json: bool,
    labels: Option<&'a Labels>,
}

impl<'a> Columns<'a> {
    fn of(shown: &Shown<'a>, writing: &Writing<'_>) -> Self {
        // Lines are compared as text by those who keep them: they are spaced as Python writes them.
        let spaced = writing.shape == Shape::Lines;
        let names = || shown.page.columns.iter().take(shown.width);
        let mut last: HashMap<&str, usize> = names()
            .enumerate()
            .map(|(place, name)| (name.as_str(), place))
            .collect();
        let columns = names().map(|name| {
            let mut prefix = Vec::new();
            write_text(name, &mut prefix);
            prefix.extend_from_slice(if spaced { b": " } else { b":" });
            ColumnWriting {
                prefix,
                in_object: last.remove(name.as_str()),
                is_json: writing.json_columns.contains(&name.as_str()),
                labels: shown.labels.get(name),
            }
        });
        Self {
            columns: columns.collect(),
            infinity: writing.infinity,
        }
    }

    fn write_row(&self, row: &RowView<'_, '_>, shape: Shape, out: &mut Vec<u8>) {
        match shape {
            Shape::ArrayFirst => {
                if let Some(column) = self.columns.first() {
                    self.write_cell(column, &row.cell(0), out);
                }
            }
            Shape::Arrays => {
                out.push(b'[');
                for (place, column) in self.columns.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    self.write_cell(column, &row.cell(place), out);
                }
                out.push(b']');
            }
            _ => {
                out.push(b'{');
                let named = self
                    .columns
                    .iter()
                    .filter_map(|column| Some((column, column.in_object?)));
                for (number, (column, place)) in named.enumerate() {
                    if number > 0 {
                        out.extend_from_slice(if shape == Shape::Lines { b", " } else { b"," });
                    }
                    out.extend_from_slice(&column.prefix);
                    self.write_cell(column, &row.cell(place), out);
                }
                out.push(b'}');
            }
        }
    }

    fn write_cell(&self, column: &ColumnWriting<'_>, cell: &Cell<'_>, out: &mut Vec<u8>) {
        if let Some(labels) = column.labels
            && let Some(label) = labels.of(&cell.to_value())
        {
            out.extend_from_slice(b"{\"value\":");
            write_cell(cell, self.infinity, out);
            out.extend_from_slice(b",\"label\":");
            write_text(label, out);
            out.push(b'}');
            return;
        }
        if column.is_json
            && let Cell::Text(text) = cell
            && let Ok(json) = serde_json::from_str::<Json>(text)
        {
            out.extend_from_slice(json.to_string().as_bytes());
            return;
        }
        write_cell(cell, self.infinity, out);
    }
}
