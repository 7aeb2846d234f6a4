//! Attributes: small named values on a group or a dataset.
//!
//! Each is parsed by itself. One that cannot be read, or has no value (`PyTables`' empty `TITLE`), leaves the others
//! as they are.

use hdf5_reader::io::Cursor;
use hdf5_reader::messages::dataspace::DataspaceType;
use hdf5_reader::messages::{attribute_info, dataspace};

use super::datatype::Datatype;
use super::file::File;
use super::header::{ObjectHeader, kind, little_endian};
use super::heap::dense_objects;
use super::shared::shared_bytes;
use crate::error::{Result, damaged};

/// What an attribute may hold; those of real files have a few bytes.
const VALUE_BYTES_MAX: u64 = 64 << 20;

/// One attribute as it is stored.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub name: String,
    pub datatype: Datatype,
    /// `None` if it has no value; empty if it has one.
    pub shape: Option<Vec<u64>>,
    /// The elements, in row-major order.
    pub data: Vec<u8>,
}

/// The attributes that can be read, by the order of the file.
pub fn attributes(file: &File, header: &ObjectHeader) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for message in header
        .messages
        .iter()
        .filter(|message| message.kind == kind::ATTRIBUTE)
    {
        let data = if message.is_shared {
            shared_bytes(file, kind::ATTRIBUTE, &message.data)
        } else {
            Ok(message.data.clone())
        };
        attributes.extend(data.and_then(|data| attribute(file, &data)).ok());
    }
    for object in dense(file, header).unwrap_or_default() {
        attributes.extend(object.and_then(|data| attribute(file, &data)).ok());
    }
    attributes
}

fn dense(file: &File, header: &ObjectHeader) -> Result<Vec<Result<Vec<u8>>>> {
    let Some(message) = header.find(file, kind::ATTRIBUTE_INFO)? else {
        return Ok(Vec::new());
    };
    let info = attribute_info::parse(
        &mut Cursor::new(&message),
        file.offset_size,
        file.length_size,
        message.len(),
    )
    .map_err(crate::error::format)?;
    if file.is_undefined(info.fractal_heap_address) {
        return Ok(Vec::new());
    }
    dense_objects(
        file,
        info.fractal_heap_address,
        info.btree_name_index_address,
    )
}

fn attribute(file: &File, message: &[u8]) -> Result<Attribute> {
    let too_short = || damaged("an attribute message ends too early");
    let head = message.get(..8).ok_or_else(too_short)?;
    let version = head[0];
    let flags = if version == 1 { 0 } else { head[1] };
    let mut rest = message
        .get(if version == 3 { 9 } else { 8 }..)
        .ok_or_else(too_short)?;
    let mut part = |at: usize| {
        let length = little_endian(&head[at..at + 2]) as usize;
        let padded = if version == 1 {
            (length + 7) & !7
        } else {
            length
        };
        let (part, left) = rest.split_at_checked(padded).ok_or_else(too_short)?;
        rest = left;
        Ok(&part[..length])
    };
    let (name, datatype, space) = (part(2)?, part(4)?, part(6)?);
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    let resolve = |kind, bytes: &[u8], is_shared: bool| {
        if is_shared {
            shared_bytes(file, kind, bytes)
        } else {
            Ok(bytes.to_vec())
        }
    };
    let datatype = Datatype::parse(&resolve(kind::DATATYPE, datatype, flags & 1 != 0)?)?;
    let shape = shape(file, &resolve(kind::DATASPACE, space, flags & 2 != 0)?)?;
    let dims = shape.as_ref().map_or(&[][..], |shape| &shape.dims);
    // A dimension of no length makes the others none the shorter to write down.
    let places = dims
        .iter()
        .try_fold(datatype.size.max(1) as u64, |n, &length| {
            n.checked_mul(length.max(1))
        });
    if places.is_none_or(|places| places > VALUE_BYTES_MAX) {
        return Err(damaged("an attribute is larger than attributes can be"));
    }
    let elements = if shape.is_some() {
        dims.iter().product::<u64>()
    } else {
        0
    };
    let bytes = elements as usize * datatype.size;
    let data = rest.get(..bytes).ok_or_else(too_short)?.to_vec();
    Ok(Attribute {
        name,
        datatype,
        shape: shape.map(|shape| shape.dims),
        data,
    })
}

/// The dimensions of a dataspace.
pub struct Shape {
    pub dims: Vec<u64>,
    /// `u64::MAX` where a dimension may grow without end.
    pub max_dims: Vec<u64>,
}

/// Parses a dataspace message; `None` is a null dataspace, which has no elements and no dimensions.
pub fn shape(file: &File, message: &[u8]) -> Result<Option<Shape>> {
    let mut cursor = Cursor::new(message);
    let space = dataspace::parse(
        &mut cursor,
        file.offset_size,
        file.length_size,
        message.len(),
    )
    .map_err(crate::error::format)?;
    if space.dataspace_type == DataspaceType::Null {
        return Ok(None);
    }
    let max_dims = space.max_dims.unwrap_or_else(|| space.dims.clone());
    Ok(Some(Shape {
        dims: space.dims,
        max_dims,
    }))
}
