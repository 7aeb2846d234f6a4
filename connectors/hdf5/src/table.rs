//! A dataset as a table: its columns with their places, and what is said about it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tablecast_connector::{Identity, Metadata, TableInfo, is_rowid_name};

use crate::column::{ColumnPlace, Element, columns, pytables_class};
use crate::error::Result;
use crate::format::attribute::Attribute;
use crate::format::dataset::Dataset;
use crate::format::value::{Value, ValueReader};
use crate::rows::{DatasetRows, Rows};

/// An attribute of more bytes than this is left out of the metadata.
const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;

/// One table of a file.
pub struct Table {
    pub info: Arc<TableInfo>,
    /// In the order of the info's columns.
    pub columns: Vec<ColumnPlace>,
    /// `None` if they cannot be read.
    pub rows: Option<Arc<dyn Rows>>,
    /// The paths of the objects that references in the rows lead to.
    pub paths: Arc<HashMap<u64, String>>,
}

impl Table {
    /// The table that a dataset is.
    pub fn new(name: &str, dataset: Arc<Dataset>, paths: Arc<HashMap<u64, String>>) -> Self {
        let (columns, odd) = columns(&dataset);
        let identity = if columns.iter().any(|column| is_rowid_name(&column.name)) {
            // A column of that name hides the row number.
            Identity::None
        } else {
            Identity::RowNumber { seekable: true }
        };
        let mut info = TableInfo::new(
            name,
            columns.iter().map(ColumnPlace::column).collect(),
            identity,
        );
        info.unreadable = dataset.unreadable_reason().or_else(|| {
            let all_odd = columns
                .is_empty()
                .then(|| odd.first().map(|(_, reason)| reason.clone()));
            all_odd.flatten()
        });
        describe(&mut info, &dataset, &odd, &paths);
        Self {
            info: Arc::new(info),
            columns,
            rows: Some(Arc::new(DatasetRows(dataset))),
            paths,
        }
    }

    /// A table whose rows cannot be read.
    pub fn unreadable(name: &str, reason: String) -> Self {
        let mut info = TableInfo::new(name, Vec::new(), Identity::RowNumber { seekable: true });
        info.unreadable = Some(reason);
        Self {
            info: Arc::new(info),
            columns: Vec::new(),
            rows: None,
            paths: Arc::default(),
        }
    }

    /// The same table with the texts of one column as bytes, because some are not UTF-8.
    #[must_use]
    pub fn with_bytes(&self, at: usize) -> Self {
        let mut columns = self.columns.clone();
        let mut info = (*self.info).clone();
        if let (Some(place), Some(column)) = (columns.get_mut(at), info.columns.get_mut(at)) {
            match &place.element {
                Element::Text(padding) => place.element = Element::TextBytes(*padding),
                Element::HeapText { unit: 1 } => place.element = Element::HeapBytes,
                Element::Marked(marked) => place.element = Element::TextBytes(marked.padding),
                _ => {}
            }
            column.data_type = place.data_type();
        }
        Self {
            info: Arc::new(info),
            columns,
            rows: self.rows.clone(),
            paths: Arc::clone(&self.paths),
        }
    }
}

fn describe(
    info: &mut TableInfo,
    dataset: &Dataset,
    odd: &[(String, String)],
    paths: &HashMap<u64, String>,
) {
    let mut values = ValueReader::new(&dataset.file, Some(paths));
    let is_pytables = pytables_class(dataset).is_some();
    let mut metadata = Metadata::default();
    for attribute in &dataset.attributes {
        let Ok(value) = attribute_value(attribute, &mut values) else {
            continue;
        };
        match (attribute.name.as_str(), &value) {
            (_, Value::Null) => {}
            ("TITLE", Value::Text(text)) if is_pytables => {
                metadata.title = Some(text.clone()).filter(|text| !text.is_empty());
            }
            (name, _) if is_pytables && is_internal(name) => {}
            (name, value) => {
                metadata.attributes.insert(name.to_owned(), json(value));
            }
        }
        if let Value::Text(text) = value {
            told(info, &mut metadata, &attribute.name, text);
        }
    }
    let members: BTreeMap<_, _> = odd.iter().cloned().collect();
    if !members.is_empty() {
        let reasons = members
            .into_iter()
            .map(|(name, reason)| (name, Value::Text(reason)))
            .collect();
        metadata
            .attributes
            .insert("unreadable_columns".into(), json(&Value::Struct(reasons)));
    }
    info.metadata = metadata;
}

/// What attributes with known names say about the table, or about its only column.
fn told(info: &mut TableInfo, metadata: &mut Metadata, name: &str, text: String) {
    let only = match info.columns.as_mut_slice() {
        [column] if column.name == "value" => Some(column),
        _ => None,
    };
    match (name, only) {
        ("title" | "long_name", _) if metadata.title.is_none() => metadata.title = Some(text),
        ("description" | "comment", _) if metadata.description.is_none() => {
            metadata.description = Some(text);
        }
        ("units" | "unit", Some(column)) => column.metadata.unit = Some(text),
        _ => {}
    }
}

fn attribute_value(attribute: &Attribute, values: &mut ValueReader<'_>) -> Result<Value> {
    let Some(shape) = &attribute.shape else {
        return Ok(Value::Null);
    };
    if attribute.data.len() > ATTRIBUTE_BYTES_MAX {
        return Ok(Value::Text(format!("{} bytes", attribute.data.len())));
    }
    let shape: Vec<usize> = shape.iter().map(|&length| length as usize).collect();
    values.shaped(&attribute.datatype, &shape, &attribute.data)
}

/// What `PyTables` keeps for itself.
fn is_internal(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "CLASS",
        "VERSION",
        "TITLE",
        "EXTDIM",
        "FLAVOR",
        "FILTERS",
        "NROWS",
        "AUTO_INDEX",
        "PSEUDOATOM",
        "PYTABLES_FORMAT_VERSION",
        "ENUM",
        "INDEX_DIRTY",
    ];
    NAMES.contains(&name)
        || name
            .strip_prefix("FIELD_")
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

fn json(value: &Value) -> String {
    json_value(value).to_string()
}

fn json_value(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Null => Json::Null,
        Value::Boolean(boolean) => (*boolean).into(),
        Value::Signed(number) => (*number).into(),
        Value::Unsigned(number) => (*number).into(),
        Value::Real(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::List(items) => items.iter().map(json_value).collect(),
        Value::Struct(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), json_value(member)))
            .collect(),
    }
}
