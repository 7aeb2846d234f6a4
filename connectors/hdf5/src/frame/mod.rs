//! Frames and series that pandas wrote with its `HDFStore`, each as one decoded table beside the raw ones.
//!
//! `table` format: other places over the same dataset. `fixed` format: rows put together from several datasets. What
//! names the columns stands in pickles, which are read as plain values and never executed.

mod appendable;
mod columns;
mod fixed;
mod group;
mod label;
mod objects;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;

use tablecast_connector::{Identity, Metadata, TableInfo, is_rowid_name};

use crate::column::{ColumnPlace, name_apart};
use crate::error::{Result, unsupported};
use crate::format::attribute::{Attribute, attributes};
use crate::format::dataset::Dataset;
use crate::format::file::File;
use crate::format::header::ObjectHeader;
use crate::index::IndexedRows;
use crate::rows::Rows;
use crate::table::Table;
use group::Group;
pub use objects::ObjectColumn;

/// Columns of a frame; the raw tables show those of more as lists.
const COLUMNS_MAX: usize = 10_000;

/// Whether pandas wrote the group with this header.
pub fn is_frame(file: &File, header: &ObjectHeader) -> bool {
    let is_mark = |attribute: &Attribute| attribute.name == "pandas_type";
    attributes(file, header).iter().any(is_mark)
}

/// What was found out about a frame.
struct Frame {
    /// In the order in which they are shown.
    columns: Vec<ColumnPlace>,
    rows: Arc<dyn Rows>,
    /// The tables that it was decoded from, by their names within the group.
    sources: Vec<String>,
    indexes: Option<Indexes>,
}

/// The indexes of a frame's only dataset.
struct Indexes {
    dataset: Arc<Dataset>,
    /// What the frame's columns are called in it.
    names: Vec<String>,
    /// The group that they are in.
    group: u64,
}

/// The decoded table of the frame in the group at `address`, whose path is `name`.
pub fn table(
    name: &str,
    file: &Arc<File>,
    address: u64,
    paths: Arc<HashMap<u64, String>>,
) -> Result<Table> {
    let group = Group::read(file, address)?;
    let kind = group.text("pandas_type").unwrap_or_default();
    let mut frame = match kind.as_str() {
        "frame_table" | "series_table" => appendable::frame(&group)?,
        "frame" | "series" => fixed::frame(&group)?,
        other => {
            let other: String = other.chars().take(100).collect();
            return Err(unsupported(format!(
                "it is a pandas {other}, which is not decoded"
            )));
        }
    };
    if frame.columns.len() > COLUMNS_MAX {
        return Err(unsupported(format!(
            "the frame has {} columns, and more than {COLUMNS_MAX} are not decoded",
            frame.columns.len()
        )));
    }
    name_apart(&mut frame.columns);
    let identity = if frame
        .columns
        .iter()
        .any(|column| is_rowid_name(&column.name))
    {
        Identity::None
    } else {
        Identity::RowNumber { seekable: true }
    };
    if let Some(Indexes {
        dataset,
        names,
        group,
    }) = frame.indexes.take()
    {
        let columns = frame.columns.clone();
        frame.rows = Arc::new(IndexedRows::named(dataset, columns, names, group));
    }
    let columns = frame.columns.iter().map(ColumnPlace::column).collect();
    let mut info = TableInfo::new(name, columns, identity);
    info.metadata = metadata(name, &group, &frame);
    Ok(Table {
        info: Arc::new(info),
        columns: frame.columns,
        rows: Some(frame.rows),
        paths,
    })
}

fn metadata(name: &str, group: &Group, frame: &Frame) -> Metadata {
    let mut metadata = Metadata {
        title: group.text("TITLE").filter(|title| !title.is_empty()),
        ..Metadata::default()
    };
    let sources: Vec<String> = frame
        .sources
        .iter()
        .map(|source| format!("{name}/{source}"))
        .collect();
    let what = match group.text("pandas_type").as_deref() {
        Some("series" | "series_table") => "series",
        _ => "frame",
    };
    let listed = match sources.as_slice() {
        [first, .., last] if sources.len() > 3 => format!("{first} … {last}"),
        _ => sources.join(", "),
    };
    metadata.description = Some(format!("A pandas {what}, decoded from {listed}."));
    let mut tell = |name: &str, value: serde_json::Value| {
        metadata
            .attributes
            .insert(name.to_owned(), value.to_string());
    };
    tell("decoded_from", sources.into());
    for (name, value) in group.told() {
        tell(name, value);
    }
    metadata
}
