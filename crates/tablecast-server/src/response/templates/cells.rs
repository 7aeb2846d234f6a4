//! Rows as templates see them: what each cell shows, and what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Serde};
use minijinja::{Error as Failure, ErrorKind, State, Value};
use serde_json::Value as Json;
use tablecast_connector::json::{Infinity, write_cell};
use tablecast_connector::{Cell, Result};

use super::environment::Given;
use crate::fetch::labels::Labels;
use crate::fetch::page::Page;
use crate::plan::paging::{row_path, text};
use crate::response::html::Cells;
use crate::response::html::escape;

/// A row that is shown: a list of its cells; by a column's name, what the cell holds.
#[derive(Debug)]
struct Row {
    cells: Vec<Value>,
}

impl Row {
    fn find(&self, column: &str) -> Option<&Value> {
        let is_it = |cell: &&Value| {
            let name = cell.get_attr("column");
            name.is_ok_and(|name| name.as_str() == Some(column))
        };
        self.cells.iter().find(is_it)
    }
}

impl Object for Row {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str() {
            Some(column) => self.find(column)?.get_attr("raw").ok(),
            None => self.cells.get(key.as_usize()?).cloned(),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.cells.len())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> std::result::Result<Value, Failure> {
        if method != "display" {
            return Err(Failure::from(ErrorKind::UnknownMethod));
        }
        let given = Given::new("row.display", arguments, &["column"])?;
        match self.find(&given.text(0)) {
            Some(cell) => cell.get_attr("value"),
            None => Ok(().into()),
        }
    }
}

/// A cell as it is shown: as plain text, if it is shown as nothing else, and as HTML otherwise.
pub(super) fn shown(html: String, cell: &Cell<'_>) -> Value {
    match cell {
        Cell::Text(text) if escape(text) == html => Value::from(*text),
        _ => Value::from_safe_string(html),
    }
}

/// What a cell holds.
pub(super) fn raw(cell: &Cell<'_>) -> Value {
    match cell {
        cell if cell.is_null() => ().into(),
        Cell::Boolean(is_true) => Value::from(*is_true),
        Cell::Integer(integer) => Value::from(*integer),
        Cell::Unsigned(integer) => Value::from(*integer),
        Cell::Real(real) => Value::from(*real),
        Cell::Text(text) => Value::from(*text),
        Cell::Bytes(bytes) => Value::from_bytes(bytes.to_vec()),
        other => {
            let mut json = Vec::new();
            write_cell(other, Infinity::Literal, &mut json);
            let json = serde_json::from_slice::<Json>(&json);
            Value::from(Serde(json.unwrap_or_default()))
        }
    }
}

/// What Python calls the type of what a cell holds.
fn type_of(cell: &Cell<'_>) -> &'static str {
    match cell {
        cell if cell.is_null() => "none",
        Cell::Boolean(_) => "bool",
        Cell::Integer(_) | Cell::Unsigned(_) => "int",
        Cell::Real(_) => "float",
        Cell::Bytes(_) => "bytes",
        Cell::List(_) => "list",
        Cell::Struct(_) => "dict",
        _ => "str",
    }
}

/// Rows of a page, what is drawn of them, and what identifies them.
pub(super) struct Rows<'a> {
    pub(super) page: &'a Page,
    /// Each cell as HTML; first the link, if rows have one of its own.
    pub(super) drawn: &'a Cells,
    pub(super) columns: &'a [String],
    pub(super) keys: &'a [String],
    pub(super) labels: &'a BTreeMap<String, Labels>,
    pub(super) with_link: bool,
    /// Whether the key is a link of its own.
    pub(super) key_links: bool,
}

impl Rows<'_> {
    /// Each row as it is shown.
    pub(super) fn shown(&self) -> Result<Vec<Value>> {
        let keys: Vec<usize> = self
            .keys
            .iter()
            .filter_map(|key| self.page.columns.iter().position(|column| column == key))
            .collect();
        let mut rows = Vec::with_capacity(self.page.rows);
        let mut drawn = self.drawn.iter();
        self.page.each_row(|row| {
            let mut next = || drawn.next().unwrap_or_default().to_owned();
            let mut cells = Vec::new();
            if self.with_link {
                let key: Vec<_> = keys
                    .iter()
                    .map(|place| row.cell(*place).to_value())
                    .collect();
                cells.push(Value::from_pairs([
                    ("column", Value::from("Link")),
                    ("value_type", "pk".into()),
                    ("is_special_link_column", true.into()),
                    ("raw", row_path(&key).into()),
                    ("value", Value::from_safe_string(next())),
                ]));
            }
            for (place, column) in self.columns.iter().enumerate() {
                let cell = row.cell(place);
                let is_key = self.key_links && self.keys == [column.clone()];
                let (held, kind) = if is_key {
                    (text(&cell.to_value()).into(), "pk")
                } else {
                    (raw(&cell), type_of(&cell))
                };
                cells.push(Value::from_pairs([
                    ("column", Value::from(column.as_str())),
                    ("value", shown(next(), &cell)),
                    ("raw", held),
                    ("value_type", kind.into()),
                ]));
            }
            rows.push(Value::from_object(Row { cells }));
        })?;
        Ok(rows)
    }

    /// Each row by the names of its columns; references with their labels.
    pub(super) fn plain(&self) -> Result<Vec<Value>> {
        let mut rows = Vec::with_capacity(self.page.rows);
        self.page.each_row(|row| {
            let cells = self.columns.iter().enumerate().map(|(place, column)| {
                let cell = row.cell(place);
                let labels = self.labels.get(column).filter(|_| !cell.is_null());
                let value = cell.to_value();
                let label = labels.and_then(|labels| labels.of(&value));
                let held = match label {
                    Some(label) => {
                        Value::from_pairs([("value", raw(&cell)), ("label", Value::from(label))])
                    }
                    None => raw(&cell),
                };
                (column.clone(), held)
            });
            rows.push(Value::from_pairs(cells));
        })?;
        Ok(rows)
    }
}
