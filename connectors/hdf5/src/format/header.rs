//! Object headers: the list of messages that describe one group, dataset or named type.
//!
//! Messages are kept as bytes. Who needs one parses it, so that a message nobody can parse spoils itself alone.

use std::collections::HashSet;

use hdf5_reader::checksum::jenkins_lookup3;

use super::file::File;
use super::shared::shared_bytes;
use crate::error::{Result, damaged};

/// Real headers are a few kB; this bounds what a damaged one can make us read.
const HEADER_BYTES_MAX: u64 = 64 << 20;

/// The messages of one object, those in continuation blocks included.
pub struct ObjectHeader {
    /// In the order of the file.
    pub messages: Vec<Message>,
}

/// One message as it stands in the file.
pub struct Message {
    /// The message type, one of [`kind`].
    pub kind: u16,
    /// Whether `data` only says where the message is.
    pub is_shared: bool,
    /// The message's own bytes.
    pub data: Vec<u8>,
}

/// The message types that are read here.
pub mod kind {
    pub use hdf5_reader::messages::{
        MSG_ATTRIBUTE as ATTRIBUTE, MSG_ATTRIBUTE_INFO as ATTRIBUTE_INFO,
        MSG_CONTINUATION as CONTINUATION, MSG_DATA_LAYOUT as LAYOUT, MSG_DATASPACE as DATASPACE,
        MSG_DATATYPE as DATATYPE, MSG_EXTERNAL_FILES as EXTERNAL_FILES,
        MSG_FILL_VALUE as FILL_VALUE, MSG_FILL_VALUE_OLD as FILL_VALUE_OLD,
        MSG_FILTER_PIPELINE as FILTERS, MSG_GROUP_INFO as GROUP_INFO, MSG_LINK as LINK,
        MSG_LINK_INFO as LINK_INFO, MSG_SYMBOL_TABLE as SYMBOL_TABLE,
    };
}

/// What an object is, told from which messages it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    Group,
    Dataset,
    NamedType,
}

impl ObjectHeader {
    /// Reads the header at `address`.
    pub fn read(file: &File, address: u64) -> Result<Self> {
        let start = file.bytes.read(address, 6)?;
        let mut reader = Reader {
            file,
            continuations: Vec::new(),
            messages: Vec::new(),
            bytes: 0,
        };
        if start.starts_with(b"OHDR") {
            reader.version_2(address, start[5])?;
        } else if start[0] == 1 {
            reader.version_1(address)?;
        } else {
            return Err(damaged(format!(
                "there is no object header at address {address}"
            )));
        }
        Ok(Self {
            messages: reader.messages,
        })
    }

    /// What the object is.
    pub fn kind(&self) -> ObjectKind {
        let has = |kinds: &[u16]| {
            self.messages
                .iter()
                .any(|message| kinds.contains(&message.kind))
        };
        if has(&[
            kind::SYMBOL_TABLE,
            kind::LINK,
            kind::LINK_INFO,
            kind::GROUP_INFO,
        ]) {
            ObjectKind::Group
        } else if has(&[kind::DATASPACE, kind::LAYOUT]) {
            ObjectKind::Dataset
        } else if has(&[kind::DATATYPE]) {
            ObjectKind::NamedType
        } else {
            ObjectKind::Group
        }
    }

    /// The bytes of the first message of this kind, wherever they are shared from.
    pub fn find(&self, file: &File, kind: u16) -> Result<Option<Vec<u8>>> {
        let Some(message) = self.messages.iter().find(|message| message.kind == kind) else {
            return Ok(None);
        };
        if message.is_shared {
            shared_bytes(file, kind, &message.data).map(Some)
        } else {
            Ok(Some(message.data.clone()))
        }
    }
}

struct Reader<'a> {
    file: &'a File,
    continuations: Vec<(u64, u64)>,
    messages: Vec<Message>,
    bytes: u64,
}

impl Reader<'_> {
    fn version_1(&mut self, address: u64) -> Result<()> {
        let prefix = self.file.bytes.read(address, 16)?;
        let size = u32::from_le_bytes([prefix[8], prefix[9], prefix[10], prefix[11]]);
        let block = self.block(address + 16, u64::from(size))?;
        self.messages_1(&block);
        let mut seen = HashSet::new();
        while let Some((address, length)) = self.next_continuation(&mut seen)? {
            let block = self.block(address, length)?;
            self.messages_1(&block);
        }
        Ok(())
    }

    fn version_2(&mut self, address: u64, flags: u8) -> Result<()> {
        let size_bytes = 1_u64 << (flags & 3);
        let mut prefix = 6;
        if flags & 0x20 != 0 {
            prefix += 16;
        }
        if flags & 0x10 != 0 {
            prefix += 4;
        }
        let size = little_endian(&self.file.bytes.read(address + prefix, size_bytes)?);
        let start = prefix + size_bytes;
        let whole = start
            .checked_add(size)
            .and_then(|length| length.checked_add(4));
        let block = self.block(address, whole.unwrap_or(u64::MAX))?;
        let body = checked(&block, address)?;
        let tracked = flags & 4 != 0;
        self.messages_2(body.get(start as usize..).unwrap_or_default(), tracked);
        let mut seen = HashSet::new();
        while let Some((address, length)) = self.next_continuation(&mut seen)? {
            let block = self.block(address, length)?;
            let body = checked(&block, address)?;
            if !body.starts_with(b"OCHK") {
                return Err(damaged(format!(
                    "there is no header continuation at address {address}"
                )));
            }
            self.messages_2(&body[4..], tracked);
        }
        Ok(())
    }

    fn messages_1(&mut self, mut block: &[u8]) {
        while let Some((head, rest)) = block.split_at_checked(8) {
            let size = usize::from(u16::from_le_bytes([head[2], head[3]]));
            let Some((data, rest)) = rest.split_at_checked(size) else {
                return;
            };
            self.message(u16::from_le_bytes([head[0], head[1]]), head[4], data);
            block = rest;
        }
    }

    fn messages_2(&mut self, mut block: &[u8], creation_order_is_tracked: bool) {
        let head_bytes = if creation_order_is_tracked { 6 } else { 4 };
        while let Some((head, rest)) = block.split_at_checked(head_bytes) {
            let size = usize::from(u16::from_le_bytes([head[1], head[2]]));
            let Some((data, rest)) = rest.split_at_checked(size) else {
                return;
            };
            self.message(u16::from(head[0]), head[3], data);
            block = rest;
        }
    }

    fn message(&mut self, kind: u16, flags: u8, data: &[u8]) {
        let (offset, length) = (
            usize::from(self.file.offset_size),
            usize::from(self.file.length_size),
        );
        if kind == kind::CONTINUATION {
            if let (Some(address), Some(size)) =
                (data.get(..offset), data.get(offset..offset + length))
            {
                self.continuations
                    .push((little_endian(address), little_endian(size)));
            }
        } else if kind != 0 {
            self.messages.push(Message {
                kind,
                is_shared: flags & 2 != 0,
                data: data.to_vec(),
            });
        }
    }

    fn next_continuation(&mut self, seen: &mut HashSet<u64>) -> Result<Option<(u64, u64)>> {
        let next = self.continuations.pop();
        match next {
            Some((address, _)) if !seen.insert(address) => Err(damaged(format!(
                "the header continuation at address {address} repeats"
            ))),
            next => Ok(next),
        }
    }

    fn block(&mut self, address: u64, length: u64) -> Result<Vec<u8>> {
        self.bytes = self.bytes.saturating_add(length);
        if self.bytes > HEADER_BYTES_MAX {
            return Err(damaged(format!(
                "the object header at address {address} is over 64 MB"
            )));
        }
        self.file.bytes.read(address, length)
    }
}

/// The block without its checksum, which must be right.
fn checked(block: &[u8], address: u64) -> Result<&[u8]> {
    let wrong = || {
        damaged(format!(
            "the object header at address {address} has a wrong checksum"
        ))
    };
    let (body, sum) = block.split_last_chunk::<4>().ok_or_else(wrong)?;
    if jenkins_lookup3(body) == u32::from_le_bytes(*sum) {
        Ok(body)
    } else {
        Err(wrong())
    }
}

/// A little-endian number of up to eight bytes.
pub fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| (number << 8) | u64::from(byte))
}
