//! A group of a frame: its attributes as plain values, pickled or not, and what is in it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::{Result, damaged};
use crate::format::attribute::{Attribute, attributes};
use crate::format::dataset::Dataset;
use crate::format::datatype::Class;
use crate::format::file::File;
use crate::format::header::ObjectHeader;
use crate::format::links::{Target, links};
use crate::format::value::{Value, ValueReader};
use crate::pickle::{self, Plain};

/// Attributes of more bytes than this are not part of a description.
const ATTRIBUTE_BYTES_MAX: usize = 16 << 20;
/// And those of more than this are not shown.
const SHOWN_BYTES_MAX: usize = 64 << 10;

/// What describes a frame, or a part of it.
pub struct Group {
    pub file: Arc<File>,
    attributes: Vec<Attribute>,
    children: HashMap<String, u64>,
}

impl Group {
    /// Reads the group whose header is at `address`.
    pub fn read(file: &Arc<File>, address: u64) -> Result<Self> {
        let header = ObjectHeader::read(file, address)?;
        let links = links(file, &header)?.into_iter();
        let hard = links.filter_map(|link| match link.target {
            Target::Hard(address) => Some((link.name, address)),
            _ => None,
        });
        Ok(Self {
            children: hard.collect(),
            attributes: attributes(file, &header),
            file: Arc::clone(file),
        })
    }

    /// The group of this name in it, if there is one.
    pub fn group(&self, name: &str) -> Option<Self> {
        let address = self.children.get(name)?;
        Self::read(&self.file, *address).ok()
    }

    /// Where something of this name in it is.
    pub fn address(&self, name: &str) -> Option<u64> {
        self.children.get(name).copied()
    }

    /// Whether there is something of this name in it.
    pub fn has(&self, name: &str) -> bool {
        self.children.contains_key(name)
    }

    /// The dataset of this name in it.
    pub fn dataset(&self, name: &str) -> Result<Arc<Dataset>> {
        let address = self.children.get(name);
        let address = address.ok_or_else(|| damaged(format!("the frame has no {name}")))?;
        let read = Dataset::read(&self.file, *address);
        let dataset = read.map_err(|error| error.within(name))?;
        match dataset.unreadable_reason() {
            Some(reason) => Err(damaged(format!("{name}: {reason}"))),
            None => Ok(Arc::new(dataset)),
        }
    }

    /// The value of an attribute; none if it is not there or says nothing.
    pub fn attribute(&self, name: &str) -> Result<Option<Plain>> {
        attribute(&self.file, &self.attributes, name)
    }

    /// The text of an attribute.
    pub fn text(&self, name: &str) -> Option<String> {
        text(self.attribute(name).ok()?)
    }

    /// A list of an attribute that the frame cannot do without.
    pub fn list(&self, name: &str) -> Result<Vec<Plain>> {
        match self.attribute(name)? {
            Some(Plain::List(items) | Plain::Tuple(items)) => Ok(items),
            _ => Err(damaged(format!("the attribute {name} is not a list"))),
        }
    }

    /// A whole number of an attribute.
    pub fn number(&self, name: &str) -> Option<i64> {
        match self.attribute(name) {
            Ok(Some(Plain::Integer(number))) => Some(number),
            _ => None,
        }
    }

    /// The attributes that people want to see: what pandas keeps for itself is left out.
    pub fn told(&self) -> impl Iterator<Item = (&str, serde_json::Value)> {
        let shown = self.attributes.iter().filter(|attribute| {
            !is_internal(&attribute.name) && attribute.data.len() <= SHOWN_BYTES_MAX
        });
        shown.filter_map(|attribute| {
            let value = self.attribute(&attribute.name).ok()??;
            Some((attribute.name.as_str(), super::label::json(&value)))
        })
    }
}

/// The attribute of a dataset; none if it is not there or says nothing.
pub fn of_dataset(dataset: &Dataset, name: &str) -> Result<Option<Plain>> {
    attribute(&dataset.file, &dataset.attributes, name)
}

/// The text of an attribute's value.
pub fn text(value: Option<Plain>) -> Option<String> {
    match value {
        Some(Plain::Text(text)) => Some(text),
        _ => None,
    }
}

fn attribute(file: &File, attributes: &[Attribute], name: &str) -> Result<Option<Plain>> {
    let found = attributes.iter().find(|attribute| attribute.name == name);
    let Some(attribute) = found else {
        return Ok(None);
    };
    value(file, attribute).map_err(|error| error.within(format!("attribute {name}")))
}

fn value(file: &File, attribute: &Attribute) -> Result<Option<Plain>> {
    let Some(shape) = &attribute.shape else {
        return Ok(None);
    };
    if attribute.data.len() > ATTRIBUTE_BYTES_MAX {
        return Err(damaged("it is too large"));
    }
    // Texts are looked at as bytes: a pickle may have any.
    if let (Class::Text(padding), []) = (&attribute.datatype.class, shape.as_slice()) {
        let bytes = crate::format::value::trimmed(&attribute.data, *padding);
        if bytes.last() == Some(&b'.') {
            match pickle::plain(bytes) {
                Ok(Plain::None) => return Ok(None),
                Ok(value) => return Ok(Some(value)),
                // A text may well end with a full stop; a pickle begins with one of few bytes.
                Err(error) if is_like_pickle(bytes) => return Err(error),
                Err(_) => {}
            }
        }
    }
    let shape: Vec<usize> = shape.iter().map(|&length| length as usize).collect();
    let value =
        ValueReader::new(file, None).shaped(&attribute.datatype, &shape, &attribute.data)?;
    Ok(plain(value))
}

/// Whether the bytes begin like the pickles that `PyTables` writes: of lists, tuples, dictionaries and names.
fn is_like_pickle(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'(', b'l' | b'd' | b't' | b'I' | b'V', ..] | [b'c' | 0x80, ..]
    ) && (bytes.first() == Some(&0x80) || bytes.contains(&b'\n'))
}

fn plain(value: Value) -> Option<Plain> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(boolean) => Plain::Boolean(boolean),
        Value::Signed(number) => Plain::Integer(number),
        Value::Unsigned(number) => match i64::try_from(number) {
            Ok(number) => Plain::Integer(number),
            Err(_) => Plain::Large(number.to_string()),
        },
        Value::Real(real) => Plain::Real(real),
        Value::Text(text) => Plain::Text(text),
        Value::Bytes(bytes) => Plain::Bytes(bytes),
        Value::List(items) => Plain::List(
            items
                .into_iter()
                .map(|item| plain(item).unwrap_or(Plain::None))
                .collect(),
        ),
        Value::Struct(members) => {
            let pair = |(name, member)| (Plain::Text(name), plain(member).unwrap_or(Plain::None));
            Plain::Dict(members.into_iter().map(pair).collect())
        }
    })
}

/// What pandas and `PyTables` keep in a frame's group for themselves.
fn is_internal(name: &str) -> bool {
    const NAMES: [&str; 21] = [
        "CLASS",
        "TITLE",
        "VERSION",
        "FILTERS",
        "axis0_variety",
        "axis1_variety",
        "data_columns",
        "encoding",
        "errors",
        "index_cols",
        "index_variety",
        "info",
        "levels",
        "metadata",
        "name",
        "nan_rep",
        "nblocks",
        "ndim",
        "non_index_axes",
        "values_cols",
        "table_type",
    ];
    NAMES.contains(&name)
        || ["data_col_nan_rep", "mi_level_nan_rep"].contains(&name)
        || ["_items_variety", "_nlevels", "_categories_variety"]
            .iter()
            .any(|end| name.ends_with(end))
}
