//! A pickle's value as a tree, for descriptions: what is shared in the pickle is copied, within bounds.

use super::{Id, Node, Pickle};
use crate::error::{Result, unsupported};

/// Values in values.
const DEPTH_MAX: usize = 64;

/// A plain value.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    None,
    Boolean(bool),
    Integer(i64),
    /// A whole number beyond 64 bits, as it is written.
    Large(String),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Plain>),
    Tuple(Vec<Plain>),
    Dict(Vec<(Plain, Plain)>),
    /// A name that stays one, after its module.
    Name(String),
    /// What Python would make of a name and arguments, and set to a state.
    Made {
        name: String,
        arguments: Vec<Plain>,
        state: Box<Plain>,
    },
}

impl Plain {
    /// The tree under a value of a pickle, of at most `values_max` values.
    pub fn of(pickle: &Pickle<'_>, id: Id, values_max: usize) -> Result<Self> {
        let mut left = values_max;
        build(pickle, id, 0, &mut left)
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a list or a tuple.
    pub fn items(&self) -> Option<&[Plain]> {
        match self {
            Self::List(items) | Self::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The value of a key that is a text.
    pub fn at(&self, key: &str) -> Option<&Plain> {
        self.find(|known| known.text() == Some(key))
    }

    /// The value of the first key that is looked for.
    pub fn find(&self, is_key: impl Fn(&Plain) -> bool) -> Option<&Plain> {
        match self {
            Self::Dict(pairs) => pairs
                .iter()
                .rev()
                .find(|(key, _)| is_key(key))
                .map(|(_, value)| value),
            _ => None,
        }
    }
}

fn build(pickle: &Pickle<'_>, id: Id, depth: usize, left: &mut usize) -> Result<Plain> {
    if depth > DEPTH_MAX {
        return Err(unsupported("a pickle is nested too deeply"));
    }
    *left = left
        .checked_sub(1)
        .ok_or_else(|| unsupported("a pickle repeats its values too often"))?;
    let mut inner = |id: Id| build(pickle, id, depth + 1, left);
    Ok(match pickle.node(id) {
        Node::None => Plain::None,
        Node::Boolean(boolean) => Plain::Boolean(*boolean),
        Node::Integer(number) => Plain::Integer(*number),
        Node::Large(number) => Plain::Large(number.to_string()),
        Node::Real(real) => Plain::Real(*real),
        Node::Text(text) => {
            // Texts that are shared are copied: they count by their length.
            *left = left.saturating_sub(text.len() / 64);
            Plain::Text((*text).to_owned())
        }
        Node::OwnedText(text) => {
            *left = left.saturating_sub(text.len() / 64);
            Plain::Text(text.to_string())
        }
        Node::Bytes(bytes) => {
            *left = left.saturating_sub(bytes.len() / 64);
            Plain::Bytes(bytes.to_vec())
        }
        Node::OwnedBytes(bytes) => {
            *left = left.saturating_sub(bytes.len() / 64);
            Plain::Bytes(bytes.to_vec())
        }
        Node::List(items) => Plain::List(
            items
                .iter()
                .map(|&item| inner(item))
                .collect::<Result<_>>()?,
        ),
        Node::Tuple(items) => Plain::Tuple(
            items
                .iter()
                .map(|&item| inner(item))
                .collect::<Result<_>>()?,
        ),
        Node::Dict(pairs) => {
            let pairs = pairs
                .iter()
                .map(|&(key, value)| Ok((inner(key)?, inner(value)?)));
            Plain::Dict(pairs.collect::<Result<_>>()?)
        }
        Node::Global(global) => Plain::Name(format!("{}.{}", global.0, global.1)),
        Node::Made {
            of,
            arguments,
            state,
        } => made(
            inner(*of)?,
            inner(*arguments)?,
            state.map(&mut inner).transpose()?,
        ),
    })
}

/// What a name with arguments comes to, where that is a plain value too.
fn made(of: Plain, arguments: Plain, state: Option<Plain>) -> Plain {
    let name = match of {
        Plain::Name(name) => name,
        // A name of something that was made: `getattr(ZoneInfo, "_unpickle")(…)`.
        Plain::Made {
            name, arguments, ..
        } if name.ends_with(".getattr") => {
            let first = arguments.into_iter().next();
            if let Some(Plain::Name(name)) = first {
                name
            } else {
                String::new()
            }
        }
        _ => String::new(),
    };
    let arguments = match arguments {
        Plain::Tuple(items) | Plain::List(items) => items,
        _ => Vec::new(),
    };
    match (name.as_str(), arguments.as_slice()) {
        ("_codecs.encode", [Plain::Text(text), Plain::Text(_)]) => {
            // Always Latin-1: each character is a byte.
            Plain::Bytes(
                text.chars()
                    .map(|character| character as u32 as u8)
                    .collect(),
            )
        }
        ("builtins.int" | "builtins.float" | "builtins.str" | "__builtin__.str", [value]) => {
            value.clone()
        }
        _ => Plain::Made {
            name,
            arguments,
            state: Box::new(state.unwrap_or(Plain::None)),
        },
    }
}
