//! What attributes say: the metadata of tables, columns and groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tablecast_connector::{Group, Metadata, TableInfo};

use crate::column::pytables_class;
use crate::error::Result;
use crate::format::attribute::{Attribute, attributes};
use crate::format::dataset::Dataset;
use crate::format::header::ObjectHeader;
use crate::format::value::{Value, ValueReader};
use crate::format::walk::Tree;

/// An attribute of more bytes than this is left out of the metadata.
const ATTRIBUTE_BYTES_MAX: usize = 64 << 10;
/// Groups whose attributes are told; those of real files are fewer.
const GROUPS_MAX: usize = 10_000;

/// The groups of a file of which something is said, the root first.
pub fn groups(tree: &Tree, paths: &HashMap<u64, String>) -> Vec<Group> {
    let told = tree
        .groups
        .iter()
        .take(GROUPS_MAX)
        .filter_map(|(path, file, address)| {
            let is_own = Arc::ptr_eq(file, &tree.file);
            let mut values = ValueReader::new(file, is_own.then_some(paths));
            let mut metadata = Metadata::default();
            let read = match &file.classic {
                Some(classic) => classic.attributes.clone(),
                None => attributes(file, &ObjectHeader::read(file, *address).ok()?),
            };
            // What describes a frame is pickled, and told by the frame's table.
            if read.iter().any(|it| it.name == "pandas_type") {
                return None;
            }
            let is_pytables = read.iter().any(|it| it.name == "PYTABLES_FORMAT_VERSION")
                || read
                    .iter()
                    .any(|it| it.name == "CLASS" && it.data.starts_with(b"GROUP"));
            for (name, text) in gathered(&read, is_pytables, &mut metadata, &mut values) {
                known(&mut metadata, &name, text);
            }
            let group = Group {
                path: path.clone(),
                metadata,
            };
            (group.metadata != Metadata::default()).then_some(group)
        });
    told.collect()
}

/// What the attributes of a dataset say about a column, but for those by which NetCDF finds its dimensions.
pub fn attribute_metadata(dataset: &Dataset, paths: &HashMap<u64, String>) -> Metadata {
    let mut values = ValueReader::new(&dataset.file, Some(paths));
    let mut metadata = Metadata::default();
    for (name, text) in gathered(&dataset.attributes, false, &mut metadata, &mut values) {
        match name.as_str() {
            "units" | "unit" => metadata.unit = Some(text),
            _ => known(&mut metadata, &name, text),
        }
    }
    let is_own = |name: &str| {
        name.starts_with("_Netcdf4")
            || ["CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"].contains(&name)
    };
    metadata.attributes.retain(|name, _| !is_own(name));
    metadata
}

/// Puts what the attributes of a dataset say, and which members cannot be read, into the description of its table.
pub fn describe(
    info: &mut TableInfo,
    dataset: &Dataset,
    odd: &[(String, String)],
    paths: &HashMap<u64, String>,
) {
    let mut values = ValueReader::new(&dataset.file, Some(paths));
    let is_pytables = pytables_class(dataset).is_some();
    let mut metadata = Metadata::default();
    let texts = gathered(&dataset.attributes, is_pytables, &mut metadata, &mut values);
    for (name, text) in texts {
        told(info, &mut metadata, &name, text);
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

/// Adds the attributes to the metadata, but for those that `PyTables` keeps for itself; gives those that are text.
fn gathered(
    attributes: &[Attribute],
    is_pytables: bool,
    metadata: &mut Metadata,
    values: &mut ValueReader<'_>,
) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for attribute in attributes {
        let Ok(value) = attribute_value(attribute, values) else {
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
            texts.push((attribute.name.clone(), text));
        }
    }
    texts
}

/// What attributes with known names say about the table, or about its only column.
fn told(info: &mut TableInfo, metadata: &mut Metadata, name: &str, text: String) {
    let only = match info.columns.as_mut_slice() {
        [column] if column.name == "value" => Some(column),
        _ => None,
    };
    match (name, only) {
        ("units" | "unit", Some(column)) => column.metadata.unit = Some(text),
        _ => known(metadata, name, text),
    }
}

/// Titles and descriptions, by the names that writers give them.
fn known(metadata: &mut Metadata, name: &str, text: String) {
    match name {
        "title" | "long_name" if metadata.title.is_none() => metadata.title = Some(text),
        "description" | "comment" if metadata.description.is_none() => {
            metadata.description = Some(text);
        }
        _ => {}
    }
}

/// The value of an attribute; null if it has none.
pub fn attribute_value(attribute: &Attribute, values: &mut ValueReader<'_>) -> Result<Value> {
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
