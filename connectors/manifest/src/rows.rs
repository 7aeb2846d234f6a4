//! Bytes of an API or a command as rows: JSON documents, JSON lines and CSV. A row is its members by name.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};
use tablecast_connector::{Error, Result};

use crate::kind::Written;

/// The members of a row by their names.
pub(crate) type Row = Map<String, Json>;

/// Rows are handed on in portions of at most so many.
pub(crate) const CHUNK_ROWS: usize = 4096;

/// A JSON document is held in memory as a whole, in many times its size.
const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// Lines are read one after the other.
const LINES_BYTES_MAX: usize = 64 << 20;
/// A row may not have more members.
pub(crate) const COLUMNS_MAX: usize = 2000;

/// How rows are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JSON document, in which a JSON Pointer leads to the array of rows.
    Json { rows: String },
    /// A JSON object on each line.
    JsonLines,
    /// Comma-separated values with a line of names.
    Csv,
}

impl Format {
    pub(crate) fn written(&self) -> Written {
        match self {
            Self::Csv => Written::AsText,
            Self::Json { .. } | Self::JsonLines => Written::AsJson,
        }
    }

    /// The most bytes of one page or output.
    pub(crate) fn bytes_max(&self) -> usize {
        match self {
            Self::Json { .. } => DOCUMENT_BYTES_MAX,
            Self::JsonLines | Self::Csv => LINES_BYTES_MAX,
        }
    }

    /// Hands on the rows of `bytes`, and gives what stands around them in a JSON document.
    pub(crate) fn read(
        &self,
        bytes: &[u8],
        take: &mut dyn FnMut(Vec<Row>) -> Result<()>,
    ) -> Result<Json> {
        match self {
            Self::Json { rows } => document(bytes, rows, take),
            Self::JsonLines => lines(bytes, take).map(|()| Json::Null),
            Self::Csv => values(bytes, take).map(|()| Json::Null),
        }
    }
}

fn document(
    bytes: &[u8],
    pointer: &str,
    take: &mut dyn FnMut(Vec<Row>) -> Result<()>,
) -> Result<Json> {
    let mut document: Json = serde_json::from_slice(bytes)
        .map_err(|cause| Error::unreadable(format!("what came is not JSON: {cause}")))?;
    let shown = if pointer.is_empty() {
        "the document itself".to_owned()
    } else {
        format!("`{pointer}`")
    };
    let rows = match document.pointer_mut(pointer) {
        Some(Json::Array(rows)) => std::mem::take(rows),
        Some(other) => {
            return Err(Error::unreadable(format!(
                "{shown} is {}, not the array of rows",
                named(other)
            ))
            .hint("`rows` is the JSON Pointer to the array of rows, for example /data/items"));
        }
        None => {
            return Err(
                Error::unreadable(format!("{shown} is not there in what came")).hint(
                    "`rows` is the JSON Pointer to the array of rows, for example /data/items",
                ),
            );
        }
    };
    let objects = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| object(at, row));
    let objects: Vec<Row> = objects.collect::<Result<_>>()?;
    take(objects)?;
    Ok(document)
}

fn lines(bytes: &[u8], take: &mut dyn FnMut(Vec<Row>) -> Result<()>) -> Result<()> {
    let mut chunk = Vec::new();
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let row: Json = serde_json::from_slice(line).map_err(|cause| {
            let number = at + 1;
            Error::unreadable(format!("line {number} is not JSON: {cause}"))
        })?;
        chunk.push(object(at, row)?);
        if chunk.len() == CHUNK_ROWS {
            take(std::mem::take(&mut chunk))?;
        }
    }
    take(chunk)
}

fn object(at: usize, row: Json) -> Result<Row> {
    let what = named(&row);
    match row {
        Json::Object(members) if members.len() <= COLUMNS_MAX => Ok(members),
        Json::Object(members) => Err(Error::too_large(format!(
            "row {at} has {} members; {COLUMNS_MAX} are allowed",
            members.len()
        ))),
        _ => Err(Error::unreadable(format!(
            "row {at} is {what}, not an object of members"
        ))),
    }
}

/// An empty cell is null, as there is no other way to write one.
fn values(bytes: &[u8], take: &mut dyn FnMut(Vec<Row>) -> Result<()>) -> Result<()> {
    let wrong = |cause: csv::Error| Error::unreadable(format!("what came is not CSV: {cause}"));
    let mut reader = csv::Reader::from_reader(bytes);
    let names = reader.headers().map_err(wrong)?.clone();
    let mut seen = BTreeSet::new();
    if let Some(name) = names
        .iter()
        .find(|name| name.is_empty() || !seen.insert(*name))
    {
        return Err(Error::unreadable(format!(
            "the first line of the CSV has the name {name:?}, which is empty or there twice"
        )));
    }
    if names.len() > COLUMNS_MAX {
        return Err(Error::too_large(format!(
            "the CSV has {} columns; {COLUMNS_MAX} are allowed",
            names.len()
        )));
    }
    let mut chunk = Vec::new();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let cells = names.iter().zip(&record).map(|(name, cell)| {
            let value = if cell.is_empty() {
                Json::Null
            } else {
                cell.into()
            };
            (name.to_owned(), value)
        });
        chunk.push(cells.collect());
        if chunk.len() == CHUNK_ROWS {
            take(std::mem::take(&mut chunk))?;
        }
    }
    take(chunk)
}

/// What a value is, for messages.
fn named(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "true or false",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &Format, text: &str) -> String {
        let mut all = Vec::new();
        let read = format.read(text.as_bytes(), &mut |rows| {
            all.extend(rows);
            Ok(())
        });
        match read {
            Ok(_) => serde_json::to_string(&all).unwrap_or_default(),
            Err(error) => error.message().to_owned(),
        }
    }

    #[test]
    fn rows_are_read_or_refused_with_their_place() {
        let json = |rows: &str| Format::Json {
            rows: rows.to_owned(),
        };
        let cases = [
            (json("/a/b"), r#"{"a":{"b":[{"x":1}]}}"#, r#"[{"x":1}]"#),
            (json(""), r#"[{"x":1}]"#, r#"[{"x":1}]"#),
            (json("/b"), r#"{"a":1}"#, "`/b` is not there in what came"),
            (
                json("/a"),
                r#"{"a":1}"#,
                "`/a` is a number, not the array of rows",
            ),
            (
                json(""),
                "{}",
                "the document itself is an object, not the array of rows",
            ),
            (
                json(""),
                "<html>",
                "what came is not JSON: expected value at line 1 column 1",
            ),
            (
                json(""),
                "[{}, 5]",
                "row 1 is a number, not an object of members",
            ),
            (
                Format::JsonLines,
                "{\"x\":1}\n\n{\"x\":2}",
                r#"[{"x":1},{"x":2}]"#,
            ),
            (
                Format::JsonLines,
                "{\"x\":1}\n{\"x\"",
                "line 2 is not JSON: EOF while parsing an object at line 1 column 4",
            ),
            (
                Format::Csv,
                "a,b\n1,\"x,y\"\n,z\n",
                r#"[{"a":"1","b":"x,y"},{"a":null,"b":"z"}]"#,
            ),
            (
                Format::Csv,
                "a,a\n1,2\n",
                "the first line of the CSV has the name \"a\", which is empty or there twice",
            ),
        ];
        for (format, text, wanted) in cases {
            assert_eq!(read(&format, text), wanted, "{format:?} {text}");
        }
        let ragged = read(&Format::Csv, "a,b\n1\n");
        assert!(
            ragged.starts_with("what came is not CSV: CSV error: record 1 (line: 2"),
            "{ragged}"
        );
    }
}
