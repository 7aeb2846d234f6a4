//! References as HDF5 1.12 and later store them: to an object, a region of a dataset, or an attribute.
//!
//! An element is two bytes of kind and flags, then the object's address, or the place in a global heap where the
//! address, the name of another file and the part of the object are.

use super::header::little_endian;
use super::selection::Selection;
use crate::error::{Result, damaged};

/// What an element of a dataset of references holds.
pub enum Stored<'a> {
    /// It refers to nothing.
    Nothing,
    /// An object of the same file, by its address.
    Object(&'a [u8]),
    /// The place in the global heap where the reference is.
    InHeap(&'a [u8]),
}

/// Kinds as they are stored.
const OBJECT: u8 = 2;
const REGION: u8 = 3;
const ATTRIBUTE: u8 = 4;
const IS_EXTERNAL: u8 = 1;

/// Kind and flags.
#[derive(Clone, Copy)]
pub struct Kind(u8, u8);

/// The first two bytes of an element.
pub fn stored_kind(bytes: &[u8]) -> Kind {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    Kind(byte(0), byte(1))
}

impl<'a> Stored<'a> {
    /// What an element of a dataset holds.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        let Kind(kind, flags) = stored_kind(bytes);
        let rest = bytes.get(2..).unwrap_or_default();
        match kind {
            0 => Ok(Self::Nothing),
            OBJECT if flags & IS_EXTERNAL == 0 => token(rest).map(|(token, _)| Self::Object(token)),
            // Before the place stand the bytes that the heap has of it.
            OBJECT | REGION | ATTRIBUTE => rest
                .get(4..)
                .map(Self::InHeap)
                .ok_or_else(|| damaged("a reference is too short")),
            other => Err(damaged(format!(
                "a reference of kind {other} does not exist"
            ))),
        }
    }
}

/// A reference from a heap.
pub struct Referred {
    /// The object's address in its file.
    pub token: Vec<u8>,
    /// The file, if it is another one.
    pub file: Option<String>,
    /// The selection, or the attribute after an `@`; empty for a whole object.
    pub part: String,
}

impl Referred {
    /// What the heap holds for an element of this kind.
    pub fn parse(kind: Kind, bytes: &[u8]) -> Result<Self> {
        let Kind(kind, flags) = kind;
        let (address, mut rest) = token(bytes)?;
        let mut file = None;
        if flags & IS_EXTERNAL != 0 {
            let (name, left) = text(rest)?;
            (file, rest) = (Some(name), left);
        }
        let part = match kind {
            // The bytes of the selection and the dataset's number of dimensions come first.
            REGION => Selection::parse(rest.get(8..).unwrap_or_default())?
                .0
                .text(),
            ATTRIBUTE => format!("@{}", text(rest)?.0),
            _ => String::new(),
        };
        Ok(Self {
            token: address.to_vec(),
            file,
            part,
        })
    }

    /// The object's address as a number.
    pub fn address(&self) -> u64 {
        little_endian(&self.token[..self.token.len().min(8)])
    }
}

/// An address with its length in front, and what comes after it.
fn token(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let (&length, rest) = bytes
        .split_first()
        .ok_or_else(|| damaged("a reference is too short"))?;
    rest.split_at_checked(usize::from(length))
        .ok_or_else(|| damaged("a reference is too short"))
}

/// A text with its length in front, and what comes after it.
fn text(bytes: &[u8]) -> Result<(String, &[u8])> {
    let short = || damaged("a reference is too short");
    let (length, rest) = bytes.split_at_checked(2).ok_or_else(short)?;
    let (text, rest) = rest
        .split_at_checked(little_endian(length) as usize)
        .ok_or_else(short)?;
    Ok((String::from_utf8_lossy(text).into_owned(), rest))
}
