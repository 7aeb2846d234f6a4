//! The classic NetCDF formats (CDF-1, CDF-2 with 64-bit offsets, CDF-5), as far as a file has a header: its variables as
//! datasets, in one piece or interleaved record by record.
//!
//! The header is parsed by `netcdf-reader`; elements are read as those of HDF5 files are. Numbers are big-endian.

use std::sync::Arc;

use netcdf_reader::classic::data::compute_record_stride;
use netcdf_reader::classic::header::{ClassicHeader, parse_header};
use netcdf_reader::{Error as NetcdfError, NcAttrValue, NcAttribute, NcFormat, NcType, NcVariable};

use super::attribute::Attribute;
use super::dataset::{Dataset, Layout};
use super::datatype::{Class, Datatype, Order, Padding};
use super::file::File;
use super::float::FloatLayout;
use super::storage::FileBytes;
use crate::error::{Error, Result, damaged};

/// Headers are looked for in this much of a file first, and in no more than this.
const HEADER_BYTES: (u64, u64) = (64 << 10, 64 << 20);
/// A number of records that says that there are as many as the file has room for.
const STREAMING: [u8; 4] = [0xff; 4];
/// Variables that a file may have.
const VARIABLES_MAX: usize = 100_000;

/// What the header of a classic file says.
pub struct Classic {
    /// Names and lengths.
    pub dimensions: Vec<(String, u64)>,
    pub variables: Vec<Variable>,
    pub attributes: Vec<Attribute>,
}

/// One variable.
pub struct Variable {
    pub name: String,
    /// Its dimensions by their places.
    pub dimensions: Vec<usize>,
    datatype: Datatype,
    shape: Vec<u64>,
    layout: Layout,
    attributes: Vec<Attribute>,
}

/// Whether the first bytes of a file are those of a classic one.
pub fn has_signature(head: &[u8]) -> bool {
    format(head).is_some()
}

fn format(head: &[u8]) -> Option<NcFormat> {
    match head.strip_prefix(b"CDF")?.first()? {
        1 => Some(NcFormat::Classic),
        2 => Some(NcFormat::Offset64),
        5 => Some(NcFormat::Cdf5),
        _ => None,
    }
}

impl Classic {
    /// Reads the header.
    pub fn read(bytes: &FileBytes) -> Result<Self> {
        let (mut length, most) = HEADER_BYTES;
        loop {
            let head = bytes.read(0, length.min(bytes.length()))?;
            let format = format(&head).ok_or_else(|| damaged("it is no NetCDF file"))?;
            match parse_header(&head, format) {
                Ok(header) => return Self::of(&header, &head, format, bytes.length()),
                Err(NetcdfError::UnexpectedEof { .. }) if length < bytes.length().min(most) => {
                    length *= 8;
                }
                Err(error) => return Err(wrong(&error)),
            }
        }
    }

    fn of(header: &ClassicHeader, head: &[u8], format: NcFormat, length: u64) -> Result<Self> {
        if header.variables.len() > VARIABLES_MAX {
            return Err(damaged("it has too many variables"));
        }
        let stride = compute_record_stride(&header.variables).map_err(|error| wrong(&error))?;
        let is_streaming = format != NcFormat::Cdf5 && head.get(4..8) == Some(&STREAMING[..]);
        let records = if is_streaming {
            let starts = header
                .variables
                .iter()
                .filter(|variable| variable.is_record_var);
            let start = starts
                .map(|variable| variable.data_offset)
                .min()
                .unwrap_or(length);
            length
                .saturating_sub(start)
                .checked_div(stride)
                .unwrap_or(0)
        } else {
            header.numrecs
        };
        let lengths = header.dimensions.iter().map(|dimension| {
            let length = if dimension.is_unlimited {
                records
            } else {
                dimension.size
            };
            (dimension.name.clone(), length)
        });
        let dimensions: Vec<(String, u64)> = lengths.collect();
        let variable =
            |variable: &NcVariable| Variable::new(variable, &dimensions, records, stride);
        Ok(Self {
            variables: header
                .variables
                .iter()
                .map(variable)
                .collect::<Result<_>>()?,
            attributes: header
                .global_attributes
                .iter()
                .filter_map(attribute)
                .collect(),
            dimensions,
        })
    }

    /// The variable with this number as a dataset.
    pub fn dataset(&self, file: &Arc<File>, number: u64) -> Result<Dataset> {
        let variable = usize::try_from(number)
            .ok()
            .and_then(|at| self.variables.get(at));
        let variable = variable.ok_or_else(|| damaged("there is no such variable"))?;
        Ok(Dataset::plain(
            file,
            variable.datatype.clone(),
            variable.shape.clone(),
            variable.layout.clone(),
            variable.attributes.clone(),
        ))
    }
}

impl Variable {
    fn new(
        variable: &NcVariable,
        dimensions: &[(String, u64)],
        records: u64,
        stride: u64,
    ) -> Result<Self> {
        let datatype = datatype(&variable.dtype)?;
        let places = variable.dimensions.iter().map(|dimension| {
            let place = dimensions
                .iter()
                .position(|(name, _)| *name == dimension.name);
            place.ok_or_else(|| damaged("a variable has a dimension that is not there"))
        });
        let mut shape: Vec<u64> = variable.dimensions.iter().map(|it| it.size).collect();
        let layout = if variable.is_record_var {
            if let Some(first) = shape.first_mut() {
                *first = records;
            }
            Layout::Records {
                address: variable.data_offset,
                stride,
            }
        } else {
            Layout::Contiguous(Some(variable.data_offset))
        };
        Ok(Self {
            name: variable.name.clone(),
            dimensions: places.collect::<Result<_>>()?,
            datatype,
            shape,
            layout,
            attributes: variable.attributes.iter().filter_map(attribute).collect(),
        })
    }
}

impl Variable {
    /// The lengths of its dimensions.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// Whether its elements are characters.
    pub fn is_text(&self) -> bool {
        matches!(self.datatype.class, Class::Text(_))
    }

    /// The words of an attribute.
    pub fn words(&self, name: &str) -> Vec<String> {
        let attribute = self
            .attributes
            .iter()
            .find(|attribute| attribute.name == name);
        let text = attribute.map(|attribute| String::from_utf8_lossy(&attribute.data).into_owned());
        let text = text.unwrap_or_default();
        let words = text.split([' ', '\0']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect()
    }
}

fn wrong(error: &NetcdfError) -> Error {
    damaged(format!("its header cannot be read: {error}"))
}

fn datatype(kind: &NcType) -> Result<Datatype> {
    let integer = |size: usize, is_signed| Datatype {
        size,
        class: Class::Integer {
            is_signed,
            order: Order::Big,
            shift: 0,
            bits: 8 * size as u32,
        },
    };
    let float = |size, layout| Datatype {
        size,
        class: Class::Float {
            order: Order::Big,
            layout,
        },
    };
    Ok(match kind {
        NcType::Byte => integer(1, true),
        NcType::Short => integer(2, true),
        NcType::Int => integer(4, true),
        NcType::Int64 => integer(8, true),
        NcType::UByte => integer(1, false),
        NcType::UShort => integer(2, false),
        NcType::UInt => integer(4, false),
        NcType::UInt64 => integer(8, false),
        NcType::Float => float(4, FloatLayout::F32),
        NcType::Double => float(8, FloatLayout::F64),
        NcType::Char => text(1),
        other => return Err(damaged(format!("a variable has the type {other:?}"))),
    })
}

fn text(size: usize) -> Datatype {
    Datatype {
        size,
        class: Class::Text(Padding::Null),
    }
}

/// An attribute as HDF5 would hold it; one number as a single one.
fn attribute(attribute: &NcAttribute) -> Option<Attribute> {
    fn bytes<T: Copy, const N: usize>(values: &[T], of: impl Fn(T) -> [u8; N]) -> Vec<u8> {
        values.iter().flat_map(|value| of(*value)).collect()
    }
    let (kind, data) = match &attribute.value {
        NcAttrValue::Chars(chars) => {
            return Some(Attribute {
                name: attribute.name.clone(),
                datatype: text(chars.len().max(1)),
                shape: Some(Vec::new()),
                data: if chars.is_empty() {
                    vec![0]
                } else {
                    chars.clone().into_bytes()
                },
            });
        }
        NcAttrValue::Bytes(values) => (NcType::Byte, bytes(values, i8::to_be_bytes)),
        NcAttrValue::Shorts(values) => (NcType::Short, bytes(values, i16::to_be_bytes)),
        NcAttrValue::Ints(values) => (NcType::Int, bytes(values, i32::to_be_bytes)),
        NcAttrValue::Floats(values) => (NcType::Float, bytes(values, f32::to_be_bytes)),
        NcAttrValue::Doubles(values) => (NcType::Double, bytes(values, f64::to_be_bytes)),
        NcAttrValue::UBytes(values) => (NcType::UByte, bytes(values, u8::to_be_bytes)),
        NcAttrValue::UShorts(values) => (NcType::UShort, bytes(values, u16::to_be_bytes)),
        NcAttrValue::UInts(values) => (NcType::UInt, bytes(values, u32::to_be_bytes)),
        NcAttrValue::Int64s(values) => (NcType::Int64, bytes(values, i64::to_be_bytes)),
        NcAttrValue::UInt64s(values) => (NcType::UInt64, bytes(values, u64::to_be_bytes)),
        // The classic formats have no others.
        NcAttrValue::Strings(_) | NcAttrValue::UserDefined { .. } => return None,
    };
    let datatype = datatype(&kind).ok()?;
    let count = data.len() / datatype.size.max(1);
    Some(Attribute {
        name: attribute.name.clone(),
        shape: Some(if count == 1 {
            Vec::new()
        } else {
            vec![count as u64]
        }),
        datatype,
        data,
    })
}
