//! One open HDF5 file: its superblock, checked against the file's length before anything else is believed.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hdf5_reader::superblock::Superblock;

use super::classic::{self, Classic};
use super::drivers;
use super::folder::Folder;
use super::header::{ObjectHeader, ObjectKind, little_endian};
use super::links::{Target, links};
use super::shared::{self, SharedIndex};
use super::storage::FileBytes;
use crate::error::{Error, Result, damaged, unsupported};

/// The first bytes of an HDF5 file without a user block.
pub const SIGNATURE: [u8; 8] = hdf5_reader::superblock::HDF5_MAGIC;

/// An open HDF5 file. What is parsed is kept by those who asked, but for the groups that links went through last.
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
    /// Its header, if it is no HDF5 file but one of the classic NetCDF formats.
    pub classic: Option<Classic>,
    /// The files that it may lead to.
    pub folder: Arc<Folder>,
    /// Where the superblock's extension is, and the table of shared messages that it names, once it was looked for.
    extension: Option<u64>,
    shared: OnceLock<Result<Vec<SharedIndex>, String>>,
    /// Other files whose heaps hold values of this one's virtual datasets.
    foreign: Mutex<Vec<Arc<File>>>,
    passed: Mutex<VecDeque<(u64, Arc<Names>)>>,
}

/// Where the links of a group lead, by name.
pub type Names = HashMap<String, Target>;

/// Groups whose names are kept.
const PASSED_MAX: usize = 4;
/// Addresses have fewer bits than this; above them stands the number of another file.
const ADDRESS_BITS: u32 = 48;
/// Other files with values of virtual datasets.
const FOREIGN_MAX: usize = 1 << 10;

/// The address of a heap in another file, as it stands in rows; what leads nowhere is left as it is.
pub fn tagged(address: u64, number: u64) -> u64 {
    if address == 0 || address >> ADDRESS_BITS != 0 {
        address
    } else {
        address | (number << ADDRESS_BITS)
    }
}

impl File {
    /// Opens the file and checks its superblock, its length and its root group. The error does not name the file.
    ///
    /// A file that is cut short is refused here, as the HDF5 library does: what it lost cannot be known.
    pub fn open(path: &Path) -> Result<Self> {
        let folder = Arc::new(Folder::of(path)?);
        Self::open_in(path, folder)
    }

    /// Where the links of the object at `address` lead; `None` if it is not a group.
    ///
    /// Whoever resolves many links goes through the same few groups: these are not read for each of them.
    pub fn names(&self, address: u64) -> Result<Option<Arc<Names>>> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, names)) = passed.iter().find(|(known, _)| *known == address) {
            return Ok(Some(Arc::clone(names)));
        }
        let header = ObjectHeader::read(self, address)?;
        if header.kind() != ObjectKind::Group {
            return Ok(None);
        }
        let mut names = Names::new();
        for link in links(self, &header)? {
            // Of links with one name, which only a damaged file has, the first one counts.
            names.entry(link.name).or_insert(link.target);
        }
        let names = Arc::new(names);
        passed.truncate(PASSED_MAX - 1);
        passed.push_front((address, Arc::clone(&names)));
        Ok(Some(names))
    }

    /// Opens a file that another one of the folder leads to.
    pub fn open_in(path: &Path, folder: Arc<Folder>) -> Result<Self> {
        let file = fs::File::open(path).map_err(crate::error::io)?;
        if file.metadata().map_err(crate::error::io)?.is_dir() {
            return Err(damaged("it is a folder, not an HDF5 file"));
        }
        let bytes = FileBytes::new(file).map_err(crate::error::io)?;
        if classic::has_signature(&bytes.read(0, bytes.length().min(4))?) {
            return Ok(Self {
                classic: Some(Classic::read(&bytes)?),
                path: path.to_path_buf(),
                bytes,
                offset_size: 8,
                length_size: 8,
                root_address: 0,
                folder,
                extension: None,
                shared: OnceLock::new(),
                foreign: Mutex::default(),
                passed: Mutex::default(),
            });
        }
        let superblock = Superblock::parse_from_storage(&bytes).map_err(superblock_error)?;
        let mut bytes = bytes.at_base(superblock.base_address);
        if let Some(parts) = drivers::parts(path, &folder, &bytes, &superblock)? {
            bytes = together(&parts)?;
        } else {
            check_length(&superblock, bytes.length())?;
        }
        let root_address = root_address(&bytes, &superblock)?;
        let file = Self {
            path: path.to_path_buf(),
            bytes,
            offset_size: superblock.offset_size,
            length_size: superblock.length_size,
            root_address,
            classic: None,
            folder,
            extension: superblock.extension_address,
            shared: OnceLock::new(),
            foreign: Mutex::default(),
            passed: Mutex::default(),
        };
        ObjectHeader::read(&file, root_address)
            .map_err(|error| damaged(format!("its root group cannot be read: {error}")))?;
        Ok(file)
    }

    /// The file's table of shared messages, empty if it has none.
    pub fn shared_indexes(&self) -> Result<&[SharedIndex]> {
        let indexes = self.shared.get_or_init(|| {
            let extension = self
                .extension
                .filter(|&address| !self.is_undefined(address));
            let indexes = extension.map_or_else(|| Ok(Vec::new()), |at| shared::indexes(self, at));
            indexes.map_err(|error| error.to_string())
        });
        indexes.as_deref().map_err(damaged)
    }

    /// The number of another file whose heaps hold values that this file shows.
    pub fn foreign_number(&self, other: &Arc<Self>) -> Result<u64> {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        let known = foreign.iter().position(|known| Arc::ptr_eq(known, other));
        if known.is_none() && foreign.len() >= FOREIGN_MAX {
            return Err(unsupported(format!(
                "it shows values of more than {FOREIGN_MAX} other files"
            )));
        }
        let at = known.unwrap_or_else(|| {
            foreign.push(Arc::clone(other));
            foreign.len() - 1
        });
        Ok(at as u64 + 1)
    }

    /// The other file that an address of a row leads into, and the address there; `None` if it is of this file.
    pub fn foreign(&self, address: u64) -> Option<(Arc<Self>, u64)> {
        let at = (address >> ADDRESS_BITS).checked_sub(1)? as usize;
        let foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        let file = foreign.get(at)?;
        Some((Arc::clone(file), address & ((1 << ADDRESS_BITS) - 1)))
    }

    /// Whether an address in the file means "nowhere".
    pub fn is_undefined(&self, address: u64) -> bool {
        address == undefined_address(self.offset_size)
    }
}

impl fmt::Debug for File {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("File").field(&self.path).finish()
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

/// The address that means "nowhere", of so many bytes.
pub fn undefined_address(offset_size: u8) -> u64 {
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

/// Files that are one together.
fn together(parts: &[(u64, PathBuf)]) -> Result<FileBytes> {
    let open = |(start, path): &(u64, PathBuf)| Ok((*start, fs::File::open(path)?));
    let files = parts.iter().map(open).collect::<std::io::Result<_>>();
    files
        .and_then(FileBytes::of_parts)
        .map_err(crate::error::io)
}

/// Where the root group is. In old superblocks that is the second number of a link, whose first is a length.
fn root_address(bytes: &FileBytes, superblock: &Superblock) -> Result<u64> {
    let (offset, length) = (superblock.offset_size, superblock.length_size);
    let before = match superblock.version {
        0 => 24,
        1 => 28,
        _ => {
            return superblock
                .root_object_header_address()
                .map_err(superblock_error);
        }
    };
    let place = before + 4 * u64::from(offset) + u64::from(length);
    bytes
        .read(place, offset.into())
        .map(|bytes| little_endian(&bytes))
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
