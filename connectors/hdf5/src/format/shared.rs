//! Messages that several objects share: those of named types, and those in the file's table of shared messages.

use hdf5_reader::checksum::jenkins_lookup3;
use hdf5_reader::fractal_heap::FractalHeap;

use super::file::File;
use super::header::{ObjectHeader, little_endian};
use crate::error::{Result, damaged, unsupported};

/// The message in the superblock's extension that says where the table is.
const SHARED_TABLE: u16 = 0x0f;
/// Indexes of a table; the format has no more kinds of messages to share.
const INDEXES_MAX: usize = 8;

/// Where shared messages of some kinds are kept.
#[derive(Debug, Clone, Copy)]
pub struct SharedIndex {
    /// A bit for each kind of message.
    kinds: u16,
    heap: u64,
}

/// The bytes that a shared message of this kind stands for.
pub fn shared_bytes(file: &File, kind: u16, data: &[u8]) -> Result<Vec<u8>> {
    let short = || damaged("a shared message ends too early");
    let (&[version, place], rest) = data.split_first_chunk().ok_or_else(short)?;
    let address = |rest: &[u8]| {
        let bytes = rest.get(..usize::from(file.offset_size));
        bytes.map(little_endian).ok_or_else(short)
    };
    match (version, place) {
        (1, _) => in_header(file, kind, address(rest.get(6..).ok_or_else(short)?)?),
        (3, 1) => in_heap(file, kind, rest.get(..8).ok_or_else(short)?),
        (2, _) | (3, 0 | 2) => in_header(file, kind, address(rest)?),
        _ => Err(unsupported(format!(
            "a shared message of version {version} and kind {place} is not known"
        ))),
    }
}

fn in_header(file: &File, kind: u16, address: u64) -> Result<Vec<u8>> {
    let header = ObjectHeader::read(file, address)?;
    let message = header
        .messages
        .into_iter()
        .find(|message| message.kind == kind && !message.is_shared);
    message.map(|message| message.data).ok_or_else(|| {
        damaged(format!(
            "the shared message at address {address} is not there"
        ))
    })
}

/// A message of the file's table of shared messages.
pub fn in_heap(file: &File, kind: u16, id: &[u8]) -> Result<Vec<u8>> {
    let indexes = file.shared_indexes()?;
    let index = indexes
        .iter()
        .find(|index| kind < 16 && index.kinds & (1 << kind) != 0)
        .ok_or_else(|| damaged("it shares a message that the file has no table for"))?;
    let (offset, length) = (file.offset_size, file.length_size);
    let heap = FractalHeap::parse_at_storage(&file.bytes, index.heap, offset, length)
        .map_err(crate::error::format)?;
    heap.get_object_storage(id, &file.bytes, offset, length)
        .map_err(crate::error::format)
}

/// The file's table of shared messages, which its superblock's extension at this address names; empty if it has none.
pub fn indexes(file: &File, extension: u64) -> Result<Vec<SharedIndex>> {
    let header = ObjectHeader::read(file, extension)?;
    let message = header
        .messages
        .iter()
        .find(|message| message.kind == SHARED_TABLE);
    let Some(message) = message else {
        return Ok(Vec::new());
    };
    let offset = usize::from(file.offset_size);
    let short = || damaged("its table of shared messages ends too early");
    let place = message.data.get(1..=offset).ok_or_else(short)?;
    let count = message.data.get(1 + offset).copied().ok_or_else(short)?;
    if usize::from(count) > INDEXES_MAX {
        return Err(damaged(format!(
            "its table of shared messages has {count} indexes"
        )));
    }
    let entry_bytes = 14 + 2 * offset;
    let table_bytes = 4 + usize::from(count) * entry_bytes;
    let table = file
        .bytes
        .read(little_endian(place), table_bytes as u64 + 4)?;
    let (body, sum) = table.split_at(table_bytes);
    if !body.starts_with(b"SMTB") || u64::from(jenkins_lookup3(body)) != little_endian(sum) {
        return Err(damaged("its table of shared messages is damaged"));
    }
    let entries = body[4..].chunks_exact(entry_bytes);
    Ok(entries
        .map(|entry| SharedIndex {
            kinds: little_endian(&entry[2..4]) as u16,
            heap: little_endian(&entry[14 + offset..]),
        })
        .collect())
}
