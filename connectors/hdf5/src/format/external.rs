//! Data that lie in other files, as raw bytes: which pieces of which files follow each other.
//!
//! Only files in the served folder are read. A file that ends too early goes on with zeros, as the HDF5 library has it.

use std::path::PathBuf;

use hdf5_reader::local_heap::LocalHeap;

use super::file::File;
use super::folder::Found;
use super::header::little_endian;
use super::storage::FileBytes;
use crate::error::{Result, damaged};

/// A piece that goes on without end.
const ENDLESS: u64 = u64::MAX;

/// A piece of a file.
#[derive(Debug, Clone)]
pub struct Segment {
    name: String,
    start: u64,
    length: u64,
}

/// Parses the message that names the files.
pub fn parse(file: &File, message: &[u8]) -> Result<Vec<Segment>> {
    let (offset, length) = (usize::from(file.offset_size), usize::from(file.length_size));
    let short = || damaged("its list of external files ends too early");
    let start = message.get(..8 + offset).ok_or_else(short)?;
    let used = little_endian(&start[6..8]) as usize;
    let heap = little_endian(&start[8..]);
    let heap = LocalHeap::parse_at_storage(&file.bytes, heap, file.offset_size, file.length_size)
        .map_err(crate::error::format)?;
    let slots = message[8 + offset..].chunks_exact(3 * length).take(used);
    if slots.len() < used {
        return Err(short());
    }
    slots
        .map(|slot| {
            let number = |at: usize| little_endian(&slot[at * length..(at + 1) * length]);
            let name = heap
                .get_string_storage(number(0), &file.bytes)
                .map_err(crate::error::format)?;
            let is_endless = slot[2 * length..].iter().all(|&byte| byte == 0xff);
            Ok(Segment {
                name,
                start: number(1),
                length: if is_endless { ENDLESS } else { number(2) },
            })
        })
        .collect()
}

/// Why the files cannot be read, if they cannot.
pub fn unreadable_reason(file: &File, segments: &[Segment]) -> Option<String> {
    let mut errors = segments
        .iter()
        .filter_map(|segment| path(file, segment).err());
    errors.next().map(|error| error.to_string())
}

fn path(file: &File, segment: &Segment) -> Result<PathBuf> {
    let found = file.folder.path(file, &segment.name);
    found
        .and_then(Found::required)
        .map_err(|error| error.within("its data lie in other files"))
}

/// Appends `length` bytes from `start` on, counted over all pieces.
pub fn read(
    file: &File,
    segments: &[Segment],
    mut start: u64,
    mut length: u64,
    out: &mut Vec<u8>,
) -> Result<()> {
    for segment in segments {
        if start >= segment.length {
            start -= segment.length;
            continue;
        }
        let piece = length.min(segment.length - start);
        append(
            file,
            segment,
            segment.start.saturating_add(start),
            piece,
            out,
        )?;
        (start, length) = (0, length - piece);
        if length == 0 {
            return Ok(());
        }
    }
    if length == 0 {
        return Ok(());
    }
    Err(damaged("its external files are shorter than its shape"))
}

fn append(
    file: &File,
    segment: &Segment,
    start: u64,
    length: u64,
    out: &mut Vec<u8>,
) -> Result<()> {
    let opened = std::fs::File::open(path(file, segment)?).map_err(crate::error::io)?;
    let bytes = FileBytes::new(opened).map_err(crate::error::io)?;
    let there = bytes.length().saturating_sub(start).min(length);
    out.extend_from_slice(&bytes.read(start, there)?);
    out.resize(out.len() + (length - there) as usize, 0);
    Ok(())
}
