//! Python's pickles as plain values, protocols 0 to 5: what pandas and `PyTables` describe their data with.
//!
//! Nothing is ever called or imported. What a pickle would have Python call stays a name with arguments, and only names
//! that mean data are taken; anything else is refused. Values, depth and memo are bounded.

mod machine;
mod names;
mod plain;

use crate::error::{Result, damaged};
pub use plain::Plain;

/// Values of a pickle that is part of a description.
const DESCRIPTION_VALUES_MAX: usize = 1 << 20;
/// Values of a pickle that holds rows. Each takes 32 bytes.
const ROWS_VALUES_MAX: usize = 4 << 20;

/// A value inside of a pickle.
#[derive(Debug)]
pub enum Node<'a> {
    None,
    Boolean(bool),
    Integer(i64),
    /// A whole number beyond 64 bits, as it is written.
    Large(Box<str>),
    Real(f64),
    Text(&'a str),
    OwnedText(Box<str>),
    Bytes(&'a [u8]),
    OwnedBytes(Box<[u8]>),
    List(Vec<Id>),
    Tuple(Box<[Id]>),
    Dict(Vec<(Id, Id)>),
    /// Something that Python would import: module and name.
    Global(Box<(String, String)>),
    /// Something that Python would make: of what, with which arguments, and in which state.
    Made {
        of: Id,
        arguments: Id,
        state: Option<Id>,
    },
}

/// Where in a pickle a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id(u32);

/// A pickle that was read.
#[derive(Debug)]
pub struct Pickle<'a> {
    nodes: Vec<Node<'a>>,
    root: Id,
    /// How many bytes it took.
    length: usize,
}

impl<'a> Pickle<'a> {
    /// Reads a pickle that holds rows; what follows it is left.
    pub fn of_rows(bytes: &'a [u8]) -> Result<Self> {
        machine::read(bytes, ROWS_VALUES_MAX)
    }

    /// The value at a place.
    pub fn node(&self, id: Id) -> &Node<'a> {
        self.nodes.get(id.0 as usize).unwrap_or(&Node::None)
    }

    /// The whole value.
    pub fn root(&self) -> Id {
        self.root
    }

    /// The text at a place, if it is one.
    pub fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            Node::OwnedText(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or a tuple.
    pub fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::List(items) => Some(items),
            Node::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The name that is imported here, after its module.
    pub fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.node(id) {
            Node::Global(global) => Some((&global.0, &global.1)),
            _ => None,
        }
    }
}

/// Reads a pickle that is a description, and nothing but a pickle.
pub fn plain(bytes: &[u8]) -> Result<Plain> {
    let pickle = machine::read(bytes, DESCRIPTION_VALUES_MAX)?;
    if pickle.length != bytes.len() {
        return Err(damaged("there is something behind a pickle"));
    }
    Plain::of(&pickle, pickle.root(), DESCRIPTION_VALUES_MAX)
}

#[cfg(test)]
mod tests;
