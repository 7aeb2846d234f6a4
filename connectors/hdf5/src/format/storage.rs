//! The bytes of one file, read by position and never mapped into memory.
//!
//! A mapped file that is cut short while it is served kills the process; a read of it is an error. Addresses are
//! relative to the superblock, which a user block moves away from the start of the file.

use std::fs::File;
use std::io;

use hdf5_reader::{Storage, StorageBuffer};

use crate::error::{Result, damaged};

/// A file from `base` on, addressed from 0.
pub struct FileBytes {
    file: File,
    base: u64,
    length: u64,
}

impl FileBytes {
    /// The whole file.
    pub fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            base: 0,
            length,
        })
    }

    /// The same file, addressed from `base`.
    #[must_use]
    pub fn at_base(self, base: u64) -> Self {
        let end = self.base + self.length;
        Self {
            base,
            length: end.saturating_sub(base),
            file: self.file,
        }
    }

    /// How many bytes there are from address 0 on.
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
        match address.checked_add(length) {
            Some(end) if end <= self.length => Ok(()),
            _ => Err(damaged(format!(
                "{length} bytes at address {address} lie beyond the end of the file"
            ))),
        }
    }

    fn read_exact(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        read_exact_at(&self.file, bytes, self.base + address).map_err(|error| {
            damaged(format!(
                "{} bytes at address {address}: {error}",
                bytes.len()
            ))
        })
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
