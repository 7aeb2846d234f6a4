//! One open HDF5 file: its superblock, checked against the file's length before anything else is believed.

use std::fs;
use std::path::{Path, PathBuf};

use hdf5_reader::superblock::Superblock;

use super::header::ObjectHeader;
use super::storage::FileBytes;
use crate::error::{Error, Result, damaged};

/// The first bytes of an HDF5 file without a user block.
pub const SIGNATURE: [u8; 8] = hdf5_reader::superblock::HDF5_MAGIC;

/// An open HDF5 file. It holds no cache: what is parsed is kept by those who asked.
pub struct File {
    /// Where the file was opened.
    pub path: PathBuf,
    /// Its bytes, addressed as the format does.
    pub bytes: FileBytes,
    /// Bytes of an address in this file.
    pub offset_size: u8,
    /// Bytes of a length in this file.
    pub length_size: u8,
    /// Where the root group's object header is.
    pub root_address: u64,
}

impl File {
    /// Opens the file and checks its superblock, its length and its root group. The error does not name the file.
    ///
    /// A file that is cut short is refused here, as the HDF5 library does: what it lost cannot be known.
    pub fn open(path: &Path) -> Result<Self> {
        let file = fs::File::open(path).map_err(crate::error::io)?;
        if file.metadata().map_err(crate::error::io)?.is_dir() {
            return Err(damaged("it is a folder, not an HDF5 file"));
        }
        let bytes = FileBytes::new(file).map_err(crate::error::io)?;
        let superblock = Superblock::parse_from_storage(&bytes).map_err(superblock_error)?;
        let root_address = superblock
            .root_object_header_address()
            .map_err(superblock_error)?;
        let bytes = bytes.at_base(superblock.base_address);
        check_length(&superblock, bytes.length())?;
        let file = Self {
            path: path.to_path_buf(),
            bytes,
            offset_size: superblock.offset_size,
            length_size: superblock.length_size,
            root_address,
        };
        ObjectHeader::read(&file, root_address)
            .map_err(|error| damaged(format!("its root group cannot be read: {error}")))?;
        Ok(file)
    }

    /// Whether an address in the file means "nowhere".
    pub fn is_undefined(&self, address: u64) -> bool {
        address == undefined_address(self.offset_size)
    }
}

/// Whether the first bytes of a file hold an HDF5 signature, at one of the places where the format puts it.
pub fn has_signature(head: &[u8]) -> bool {
    let mut position = 0;
    while let Some(rest) = head.get(position..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(&SIGNATURE) {
            return true;
        }
        position = if position == 0 { 512 } else { position * 2 };
    }
    false
}

fn undefined_address(offset_size: u8) -> u64 {
    match offset_size {
        2 => 0xffff,
        4 => 0xffff_ffff,
        _ => u64::MAX,
    }
}

/// The superblock's end-of-file address counts from the base address, as ours do... but the oldest writers
/// counted from the start of the file, so a file is whole if either reading fits.
fn check_length(superblock: &Superblock, length: u64) -> Result<()> {
    let end = superblock.eof_address;
    if end == undefined_address(superblock.offset_size) {
        return Err(damaged("its superblock has no end-of-file address"));
    }
    let end = end.min(end.wrapping_sub(superblock.base_address));
    if end > length {
        return Err(damaged(format!(
            "it is truncated: its superblock says that it has {end} bytes, it has {length}"
        )));
    }
    Ok(())
}

fn superblock_error(error: hdf5_reader::error::Error) -> Error {
    use hdf5_reader::error::Error as E;
    match error {
        E::InvalidMagic => damaged("it is not an HDF5 file: there is no HDF5 signature in it"),
        E::UnsupportedSuperblockVersion(version) => damaged(format!(
            "its superblock has version {version}, which does not exist"
        )),
        other => damaged(format!("its superblock cannot be read: {other}")),
    }
}
