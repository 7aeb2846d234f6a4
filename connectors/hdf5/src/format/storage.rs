//! The bytes of one file, read by position and never mapped into memory.
//!
//! A mapped file that is cut short while it is served kills the process; a read of it is an error. Addresses are
//! relative to the superblock, which a user block moves away from the start of the file. What is one file to HDF5 may
//! be several on disk, each with the addresses from its own start on.

use std::fs::File;
use std::io;

use hdf5_reader::{Storage, StorageBuffer};

use crate::error::{Result, damaged};

/// A file from `base` on, addressed from 0.
pub struct FileBytes {
    /// By address, from the lowest on; there is one at least.
    parts: Vec<Part>,
    length: u64,
}

struct Part {
    file: File,
    /// Where in the file its first address is.
    base: u64,
    /// From its first address to behind its last one.
    start: u64,
    end: u64,
}

impl FileBytes {
    /// The whole file.
    pub fn new(file: File) -> io::Result<Self> {
        Self::of_parts(vec![(0, file)])
    }

    /// Several files, each from an address on.
    pub fn of_parts(files: Vec<(u64, File)>) -> io::Result<Self> {
        let mut parts = Vec::with_capacity(files.len());
        for (start, file) in files {
            let end = start.saturating_add(file.metadata()?.len());
            parts.push(Part {
                file,
                base: 0,
                start,
                end,
            });
        }
        parts.sort_by_key(|part| part.start);
        // A part ends where the next one starts, however long its file is.
        for at in 1..parts.len() {
            let start = parts[at].start;
            parts[at - 1].end = parts[at - 1].end.min(start);
        }
        let length = parts.last().map_or(0, |part| part.end);
        Ok(Self { parts, length })
    }

    /// The same file, addressed from `base`.
    #[must_use]
    pub fn at_base(mut self, base: u64) -> Self {
        if let [part] = self.parts.as_mut_slice() {
            part.base += base;
            part.end = part.end.saturating_sub(base);
            self.length = part.end;
        }
        self
    }

    /// The first address behind the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Reads `length` bytes at `address`; fails, before it allocates, if the file does not have them.
    pub fn read(&self, address: u64, length: u64) -> Result<Vec<u8>> {
        self.check(address, length)?;
        let mut bytes = vec![0; length as usize];
        self.read_exact(address, &mut bytes)?;
        Ok(bytes)
    }

    /// Replaces what `bytes` holds with `length` bytes at `address`.
    pub fn read_into(&self, address: u64, length: u64, bytes: &mut Vec<u8>) -> Result<()> {
        self.check(address, length)?;
        bytes.resize(length as usize, 0);
        self.read_exact(address, bytes)
    }

    fn check(&self, address: u64, length: u64) -> Result<()> {
        let beyond = || {
            damaged(format!(
                "{length} bytes at address {address} lie beyond the end of the file"
            ))
        };
        let end = address.checked_add(length).ok_or_else(beyond)?;
        let mut reached = address;
        for part in &self.parts {
            if part.start <= reached && reached < part.end {
                reached = part.end;
            }
        }
        let is_there = reached >= end && (length > 0 || end <= self.length);
        if is_there { Ok(()) } else { Err(beyond()) }
    }

    fn read_exact(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        let (mut at, mut rest) = (address, bytes);
        for part in &self.parts {
            if rest.is_empty() {
                break;
            }
            if !(part.start..part.end).contains(&at) {
                continue;
            }
            let length = (part.end - at).min(rest.len() as u64) as usize;
            let (piece, left) = rest.split_at_mut(length);
            read_exact_at(&part.file, piece, part.base + (at - part.start))
                .map_err(|error| damaged(format!("{length} bytes at address {at}: {error}")))?;
            (at, rest) = (at + length as u64, left);
        }
        Ok(())
    }
}
impl Storage for FileBytes {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_range(&self, offset: u64, len: usize) -> hdf5_reader::error::Result<StorageBuffer> {
        self.read(offset, len as u64)
            .map(StorageBuffer::from_vec)
            .map_err(|error| hdf5_reader::error::Error::InvalidData(error.to_string()))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], position: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, position)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut position: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, position)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                position += read as u64;
            }
        }
    }
    Ok(())
}
