//! Single elements as plain values: for attributes, and for lists and structures inside of rows.
//!
//! Columns of numbers and text never come through here; they are read by typed loops.

use std::collections::HashMap;

use super::datatype::{Class, Datatype, Order, Padding, Reference};
use super::file::File;
use super::float::FloatLayout;
use super::header::little_endian;
use super::heap::GlobalHeap;
use super::reference::{Referred, Stored, stored_kind};
use super::selection::Selection;
use crate::error::{Result, damaged};

/// One element, or several of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Signed(i64),
    Unsigned(u64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
}

/// A list of a heap may say that it has any number of elements; more than this are refused.
const LIST_ELEMENTS_MAX: usize = 16 << 20;

/// Reads values of one file.
pub struct ValueReader<'a> {
    file: &'a File,
    heap: GlobalHeap<'a>,
    paths: Option<&'a HashMap<u64, String>>,
}

impl<'a> ValueReader<'a> {
    /// A reader of this file; object references become paths if it is told which object is where.
    pub fn new(file: &'a File, paths: Option<&'a HashMap<u64, String>>) -> Self {
        Self {
            file,
            heap: GlobalHeap::new(file),
            paths,
        }
    }

    /// The heap that values of variable length are read from.
    pub fn heap(&mut self) -> &mut GlobalHeap<'a> {
        &mut self.heap
    }

    /// Elements of this shape, as nested lists; one element if there is no shape.
    pub fn shaped(&mut self, datatype: &Datatype, shape: &[usize], bytes: &[u8]) -> Result<Value> {
        let Some((&length, inner)) = shape.split_first() else {
            return self.value(datatype, bytes);
        };
        let step = bytes.len().checked_div(length).unwrap_or(0);
        let items =
            (0..length).map(|at| self.shaped(datatype, inner, &bytes[at * step..(at + 1) * step]));
        items.collect::<Result<_>>().map(Value::List)
    }

    /// One element. `bytes` are its stored bytes, exactly.
    pub fn value(&mut self, datatype: &Datatype, bytes: &[u8]) -> Result<Value> {
        let bytes = bytes
            .get(..datatype.size)
            .ok_or_else(|| damaged("a value has too few bytes"))?;
        Ok(match &datatype.class {
            Class::Integer {
                is_signed,
                order,
                shift,
                bits,
            } => integer(number(bytes, *order)? as u64, *is_signed, *shift, *bits),
            Class::Bits { order } => Value::Unsigned(number(bytes, *order)? as u64),
            Class::Float { order, layout } => Value::Real(float(bytes, *order, *layout)?),
            Class::Time { order } => time(bytes, *order)?,
            Class::Text(padding) => text(trimmed(bytes, *padding)),
            Class::Opaque { tag } => opaque(tag, bytes),
            Class::Enumeration { .. } if datatype.is_boolean() => {
                Value::Boolean(bytes.first() == Some(&1))
            }
            Class::Enumeration { base, .. } => self.value(base, bytes)?,
            Class::Compound(members) => {
                let values = members.iter().map(|member| {
                    let stored = &bytes[member.offset..member.offset + member.datatype.size];
                    Ok((member.name.clone(), self.value(&member.datatype, stored)?))
                });
                Value::Struct(values.collect::<Result<_>>()?)
            }
            Class::Array { shape, element } => self.shaped(element, shape, bytes)?,
            Class::VariableText => match self.heap.value(bytes)? {
                None => Value::Text(String::new()),
                Some((count, stored)) => {
                    text(trimmed(prefix(stored.as_ref(), count)?, Padding::Null))
                }
            },
            Class::VariableList(element) => self.list(element, bytes)?,
            Class::Reference(Reference::Object) => self.object(bytes),
            Class::Reference(Reference::Region) => self.region(bytes)?,
            Class::Reference(Reference::Any) => self.any_reference(bytes)?,
            Class::Unsupported(reason) => return Err(crate::error::unsupported(reason)),
        })
    }

    fn list(&mut self, element: &Datatype, bytes: &[u8]) -> Result<Value> {
        let Some((count, stored)) = self.heap.value(bytes)? else {
            return Ok(Value::List(Vec::new()));
        };
        if count > LIST_ELEMENTS_MAX {
            return Err(damaged(format!("a list says that it has {count} elements")));
        }
        let bytes = prefix(stored.as_ref(), count.saturating_mul(element.size))?;
        self.shaped(element, &[count], bytes)
    }

    fn object(&self, bytes: &[u8]) -> Value {
        let address = little_endian(&bytes[..bytes.len().min(8)]);
        let path = self.paths.and_then(|paths| paths.get(&address));
        path.map_or(Value::Null, |path| Value::Text(path.clone()))
    }

    /// A region reference leads to a heap object: the dataset's address, then the selection.
    fn region(&mut self, bytes: &[u8]) -> Result<Value> {
        let Some(object) = self.heap.object(bytes)? else {
            return Ok(Value::Null);
        };
        let offset = usize::from(self.file.offset_size);
        let (address, selection) = object
            .as_ref()
            .split_at_checked(offset)
            .ok_or_else(|| damaged("a region reference is too short"))?;
        let Value::Text(path) = self.object(address) else {
            return Ok(Value::Null);
        };
        let (selection, _) = Selection::parse(selection)?;
        Ok(Value::Text(path + &selection.text()))
    }

    /// A reference as HDF5 1.12 and later store it, which says itself what it leads to.
    fn any_reference(&mut self, bytes: &[u8]) -> Result<Value> {
        let stored = Stored::parse(bytes)?;
        let reference = match stored {
            Stored::Nothing => return Ok(Value::Null),
            Stored::Object(address) => return Ok(self.object(address)),
            Stored::InHeap(place) => match self.heap.object(place)? {
                Some(object) => Referred::parse(stored_kind(bytes), object.as_ref())?,
                None => return Ok(Value::Null),
            },
        };
        let target = match &reference.file {
            Some(file) => Value::Text(format!("{file}:object at {}", reference.address())),
            None => self.object(&reference.token),
        };
        let Value::Text(path) = target else {
            return Ok(Value::Null);
        };
        Ok(Value::Text(path + &reference.part))
    }
}

fn prefix(bytes: &[u8], length: usize) -> Result<&[u8]> {
    bytes
        .get(..length)
        .ok_or_else(|| damaged("a value of variable length is longer than its place in the heap"))
}

/// The bits of a number of up to 16 bytes.
pub fn number(bytes: &[u8], order: Order) -> Result<u128> {
    if bytes.len() > 16 {
        return Err(damaged(format!("a number of {} bytes", bytes.len())));
    }
    let add = |number: u128, &byte: &u8| (number << 8) | u128::from(byte);
    Ok(match order {
        Order::Little => bytes.iter().rev().fold(0, add),
        Order::Big => bytes.iter().fold(0, add),
    })
}

/// A floating point number of any layout.
pub fn float(bytes: &[u8], order: Order, layout: FloatLayout) -> Result<f64> {
    number(bytes, order).map(|bits| layout.decode(bits))
}

/// The whole number in `bits` bits from `shift` on.
pub fn integer(stored: u64, is_signed: bool, shift: u32, bits: u32) -> Value {
    let unused = 64_u32.saturating_sub(bits).min(63);
    let top = (stored >> shift.min(63)) << unused;
    if is_signed {
        Value::Signed(top as i64 >> unused)
    } else {
        Value::Unsigned(top >> unused)
    }
}

fn time(bytes: &[u8], order: Order) -> Result<Value> {
    match bytes.len() {
        4 => Ok(Value::Signed(
            i64::from(number(bytes, order)? as u32 as i32),
        )),
        8 => Ok(Value::Real(time64(number(bytes, order)? as u64))),
        other => Err(damaged(format!("a time of {other} bytes"))),
    }
}

/// `PyTables`' Time64: microseconds in the low four bytes, seconds in the high ones.
pub fn time64(stored: u64) -> f64 {
    let (seconds, microseconds) = ((stored >> 32) as u32 as i32, stored as u32 as i32);
    f64::from(seconds) + 1e-6 * f64::from(microseconds)
}

/// Text without its padding.
pub fn trimmed(bytes: &[u8], padding: Padding) -> &[u8] {
    if padding == Padding::Terminated {
        let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
        return &bytes[..end];
    }
    let is_padding = |byte: &u8| *byte == 0 || (padding == Padding::Space && *byte == b' ');
    let end = bytes
        .iter()
        .rposition(|byte| !is_padding(byte))
        .map_or(0, |at| at + 1);
    &bytes[..end]
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// Opaque bytes; those that numpy tagged as a date or time are text as ISO 8601 has it.
fn opaque(tag: &str, bytes: &[u8]) -> Value {
    match numpy_unit(tag) {
        Some(unit) if bytes.len() == 8 => {
            super::time::iso(little_endian(bytes) as i64, unit).map_or(Value::Null, Value::Text)
        }
        _ => Value::Bytes(bytes.to_vec()),
    }
}

/// The unit of h5py's `NUMPY:datetime64[unit]` tags (`NUMPY:<M8[s]` in its own writing).
pub fn numpy_unit(tag: &str) -> Option<&str> {
    let kind = tag.strip_prefix("NUMPY:")?;
    let unit = kind
        .strip_prefix("<M8[")
        .or_else(|| kind.strip_prefix("datetime64["))?;
    unit.strip_suffix(']')
}
