//! Datatypes: what the bytes of one element mean.
//!
//! The type message is parsed here rather than by a library because `PyTables`' times, odd float layouts and
//! bit fields all need what libraries drop. A class that exists but is not read (VAX floats) is a type with a
//! reason, so that the other members of a compound stay readable.

use super::float::FloatLayout;
use super::header::little_endian;
use crate::error::{Result, damaged};

/// A type nested deeper than this is a damaged one.
const DEPTH_MAX: usize = 32;
/// An element of more bytes than this is a damaged one, or one that nobody could look at.
const ARRAY_BYTES_MAX: usize = 64 << 20;

/// How one element is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Datatype {
    /// Bytes of one element in a row.
    pub size: usize,
    /// What they are.
    pub class: Class,
}

/// The classes of HDF5 datatypes.
#[derive(Debug, Clone, PartialEq)]
pub enum Class {
    /// A whole number; `shift` and `bits` say which bits of it count.
    Integer {
        is_signed: bool,
        order: Order,
        shift: u32,
        bits: u32,
    },
    /// A floating point number of any layout.
    Float { order: Order, layout: FloatLayout },
    /// Seconds, as `PyTables` stores them: 4 bytes whole, 8 bytes as microseconds and seconds.
    Time { order: Order },
    /// Text of a fixed number of bytes.
    Text(Padding),
    /// Bits; `PyTables` stores booleans so.
    Bits { order: Order },
    /// Bytes of a kind that only the tag tells.
    Opaque { tag: String },
    /// Named members side by side.
    Compound(Vec<Member>),
    /// An object or a region of a dataset.
    Reference(Reference),
    /// Numbers with names.
    Enumeration {
        base: Box<Datatype>,
        names: Vec<(String, Vec<u8>)>,
    },
    /// Text of any length, kept in a global heap.
    VariableText,
    /// A list of any length, kept in a global heap.
    VariableList(Box<Datatype>),
    /// A fixed number of elements, of one or more dimensions.
    Array {
        shape: Vec<usize>,
        element: Box<Datatype>,
    },
    /// A class that this connector does not read, with the reason.
    Unsupported(String),
}

/// One member of a compound.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub name: String,
    /// Where it starts in the element.
    pub offset: usize,
    pub datatype: Datatype,
}

/// Byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// What fills a fixed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// One null ends the text; what is behind it is left from before.
    Terminated,
    Null,
    Space,
}

/// What a reference leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference {
    Object,
    Region,
    /// Either, or an attribute: the reference says it.
    Any,
}

impl Datatype {
    /// Parses a datatype message.
    pub fn parse(message: &[u8]) -> Result<Self> {
        parse(&mut Input(message), 0)
    }

    /// The two numbers of a complex one, if this is how h5py and `PyTables` store it.
    pub fn complex_parts(&self) -> Option<(&Member, &Member)> {
        let Class::Compound(members) = &self.class else {
            return None;
        };
        let [real, imaginary] = members.as_slice() else {
            return None;
        };
        let is_float = |member: &Member| matches!(member.datatype.class, Class::Float { .. });
        (real.name == "r" && imaginary.name == "i" && is_float(real) && is_float(imaginary))
            .then_some((real, imaginary))
    }

    /// Whether this is h5py's boolean: an enumeration of FALSE = 0 and TRUE = 1 in one byte.
    pub fn is_boolean(&self) -> bool {
        let Class::Enumeration { names, .. } = &self.class else {
            return false;
        };
        self.size == 1
            && names.len() == 2
            && names.iter().all(|(name, value)| match value.as_slice() {
                [0] => name.eq_ignore_ascii_case("false"),
                [1] => name.eq_ignore_ascii_case("true"),
                _ => false,
            })
    }

    /// Why elements of this type cannot be read, if they cannot.
    pub fn unreadable_reason(&self) -> Option<String> {
        match &self.class {
            Class::Unsupported(reason) => Some(reason.clone()),
            Class::Integer { .. } if self.size > 8 => {
                Some(format!("integers of {} bytes are not read yet", self.size))
            }
            Class::Bits { .. } if self.size > 8 => Some(format!(
                "bit fields of {} bytes are not read yet",
                self.size
            )),
            Class::Time { .. } if !matches!(self.size, 4 | 8) => {
                Some(format!("times of {} bytes are not read yet", self.size))
            }
            Class::Enumeration { base: element, .. }
            | Class::Array { element, .. }
            | Class::VariableList(element) => element.unreadable_reason(),
            _ => None,
        }
    }

    /// Whether the bytes of a row lead into a heap, where the values are.
    pub fn is_in_heap(&self) -> bool {
        match &self.class {
            Class::VariableText
            | Class::VariableList(_)
            | Class::Reference(Reference::Region | Reference::Any) => true,
            Class::Compound(members) => members.iter().any(|member| member.datatype.is_in_heap()),
            Class::Array { element, .. } => element.is_in_heap(),
            _ => false,
        }
    }
}

fn parse(input: &mut Input<'_>, depth: usize) -> Result<Datatype> {
    if depth > DEPTH_MAX {
        return Err(damaged("a datatype is nested too deeply"));
    }
    let head = input.number(1)? as u8;
    let (class, version) = (head & 15, head >> 4);
    let bits = input.number(3)? as u32;
    let size = input.number(4)? as usize;
    let order = if bits & 1 == 0 {
        Order::Little
    } else {
        Order::Big
    };
    let class = match class {
        0 => integer(input, bits, order)?,
        1 => {
            let layout = FloatLayout::parse(input.take(12)?, bits)?;
            if bits & 0x40 == 0 {
                Class::Float { order, layout }
            } else {
                Class::Unsupported("VAX floats are not read".into())
            }
        }
        2 => {
            input.take(2)?;
            Class::Time { order }
        }
        3 => Class::Text(match bits & 15 {
            0 => Padding::Terminated,
            2 => Padding::Space,
            _ => Padding::Null,
        }),
        4 => {
            input.take(4)?;
            Class::Bits { order }
        }
        5 => {
            let tag = input.take(bits as usize & 0xff)?;
            Class::Opaque { tag: text(tag) }
        }
        6 => compound(input, version, bits, size, depth)?,
        7 => reference(bits),
        8 => enumeration(input, version, bits, depth)?,
        9 => {
            let element = parse(input, depth + 1)?;
            if bits & 15 == 1 {
                Class::VariableText
            } else {
                Class::VariableList(Box::new(element))
            }
        }
        10 => array(input, version, size, depth)?,
        11 => complex(&parse(input, depth + 1)?, size)?,
        other => return Err(damaged(format!("datatype class {other} does not exist"))),
    };
    if size == 0
        && !matches!(
            class,
            Class::Text(_) | Class::Opaque { .. } | Class::Compound(_) | Class::Array { .. }
        )
    {
        return Err(damaged("a datatype has no bytes"));
    }
    Ok(Datatype { size, class })
}

fn integer(input: &mut Input<'_>, bits: u32, order: Order) -> Result<Class> {
    let (shift, precision) = (input.number(2)? as u32, input.number(2)? as u32);
    Ok(Class::Integer {
        is_signed: bits & 8 != 0,
        order,
        shift,
        bits: precision,
    })
}

fn compound(
    input: &mut Input<'_>,
    version: u8,
    bits: u32,
    size: usize,
    depth: usize,
) -> Result<Class> {
    let count = bits as usize & 0xffff;
    let offset_bytes = match size {
        0..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xff_ffff => 3,
        _ => 4,
    };
    let mut members = Vec::new();
    for _ in 0..count {
        let name = input.name(version)?;
        let offset = input.number(if version >= 3 { offset_bytes } else { 4 })? as usize;
        let mut shape = Vec::new();
        if version == 1 {
            let rank = input.number(1)? as usize;
            input.take(11)?;
            for dimension in 0..4 {
                let length = input.number(4)? as usize;
                if dimension < rank {
                    shape.push(length);
                }
            }
        }
        let mut datatype = parse(input, depth + 1)?;
        if !shape.is_empty() {
            let size = product(&shape, datatype.size)?;
            datatype = Datatype {
                size,
                class: Class::Array {
                    shape,
                    element: Box::new(datatype),
                },
            };
        }
        if offset
            .checked_add(datatype.size)
            .is_none_or(|end| end > size)
        {
            return Err(damaged(format!(
                "member {name:?} lies outside of its compound of {size} bytes"
            )));
        }
        members.push(Member {
            name,
            offset,
            datatype,
        });
    }
    Ok(Class::Compound(members))
}

/// HDF5 2.0's own complex numbers, as the compound that everybody wrote before there were any.
fn complex(part: &Datatype, size: usize) -> Result<Class> {
    if part.size.checked_mul(2) != Some(size) {
        return Err(damaged("a complex number is not two numbers long"));
    }
    let member = |name: &str, offset: usize| Member {
        name: name.into(),
        offset,
        datatype: part.clone(),
    };
    Ok(Class::Compound(vec![
        member("r", 0),
        member("i", part.size),
    ]))
}

fn reference(bits: u32) -> Class {
    match bits & 15 {
        0 => Class::Reference(Reference::Object),
        1 => Class::Reference(Reference::Region),
        2..=4 => Class::Reference(Reference::Any),
        other => Class::Unsupported(format!("references of kind {other} are not known")),
    }
}

fn enumeration(input: &mut Input<'_>, version: u8, bits: u32, depth: usize) -> Result<Class> {
    let base = parse(input, depth + 1)?;
    let count = bits as usize & 0xffff;
    let names = (0..count)
        .map(|_| input.name(version))
        .collect::<Result<Vec<_>>>()?;
    let names = names
        .into_iter()
        .map(|name| Ok((name, input.take(base.size)?.to_vec())))
        .collect::<Result<Vec<_>>>()?;
    if base.size > 8 {
        return Err(damaged("an enumeration of more than 8 bytes"));
    }
    Ok(Class::Enumeration {
        base: Box::new(base),
        names,
    })
}

fn array(input: &mut Input<'_>, version: u8, size: usize, depth: usize) -> Result<Class> {
    let rank = input.number(1)? as usize;
    if version < 3 {
        input.take(3)?;
    }
    let shape = (0..rank)
        .map(|_| Ok(input.number(4)? as usize))
        .collect::<Result<Vec<_>>>()?;
    if version < 3 {
        input.take(4 * rank)?;
    }
    let element = parse(input, depth + 1)?;
    if product(&shape, element.size)? != size {
        return Err(damaged(format!(
            "an array type of {size} bytes does not hold its elements"
        )));
    }
    Ok(Class::Array {
        shape,
        element: Box::new(element),
    })
}

fn product(shape: &[usize], size: usize) -> Result<usize> {
    let places = shape.iter().try_fold(size.max(1), |bytes, &length| {
        bytes.checked_mul(length.max(1))
    });
    if places.is_none_or(|places| places > ARRAY_BYTES_MAX) {
        return Err(damaged("an array type is larger than a datatype can be"));
    }
    Ok(shape.iter().product::<usize>() * size)
}

fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

/// What is left of a message.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| damaged("a datatype message ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, bytes: usize) -> Result<u64> {
        self.take(bytes).map(little_endian)
    }

    /// A name that ends with a null; before version 3 it is padded to eight bytes.
    fn name(&mut self, version: u8) -> Result<String> {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .ok_or_else(|| damaged("a name in a datatype never ends"))?;
        let length = if version < 3 { (end + 8) & !7 } else { end + 1 };
        let name = text(&self.0[..end]);
        // The last name of a message may go without its padding.
        self.take(length.min(self.0.len()))?;
        Ok(name)
    }
}
