//! The file behind a database: what its first bytes say, whether it is whole, whether it is still the same file.

use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use tablecast_connector::{Error, Result};

/// The first bytes of every SQLite database.
pub(crate) const MAGIC: &[u8] = b"SQLite format 3\0";

/// SQLite's header is this long.
const HEADER_BYTES: usize = 100;

/// What tells a file from one that was put in its place, or written over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileState {
    /// Device and number of the file, where the system has them.
    pub(crate) id: (u64, u64),
    /// In bytes.
    pub(crate) size: u64,
    /// When it was last written to.
    pub(crate) modified: Option<SystemTime>,
}

impl FileState {
    /// The state of the file now; `None` if it is gone.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            id: id_of(&metadata),
            size: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

#[cfg(unix)]
fn id_of(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn id_of(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// An error of kind `Unreadable` if the header or the size of the file say that it cannot be a whole database. A file
/// with a journal or a log beside it is left to SQLite, which repairs it. An empty file is an empty database.
pub(crate) fn check_whole(path: &Path, head: &[u8]) -> Result<()> {
    let shown = path.display();
    if head.is_empty() {
        return Ok(());
    }
    if !head.starts_with(MAGIC) {
        return Err(Error::unreadable(format!(
            "{shown} is not a SQLite database"
        )));
    }
    let size = FileState::of(path).map_or(0, |state| state.size);
    if head.len() < HEADER_BYTES {
        return Err(Error::unreadable(format!(
            "{shown} is truncated: it ends after {size} bytes, within SQLite's header"
        )));
    }
    let page_bytes = match number(head, 16, 2) {
        1 => 65_536,
        bytes => bytes,
    };
    if !page_bytes.is_power_of_two() || page_bytes < 512 {
        return Err(Error::unreadable(format!(
            "{shown} is damaged: its header claims pages of {page_bytes} bytes"
        )));
    }
    let pages = number(head, 28, 4);
    // The number of pages is valid only if it was written by the same version as the change counter.
    let is_valid = number(head, 24, 4) == number(head, 92, 4);
    if is_valid && !has_companion(path) && pages * page_bytes > size {
        return Err(Error::unreadable(format!(
            "{shown} is truncated: it has {size} bytes of the {} that its header claims",
            pages * page_bytes
        )));
    }
    Ok(())
}

fn number(head: &[u8], at: usize, bytes: usize) -> u64 {
    let digits = head.get(at..at + bytes).unwrap_or_default();
    digits
        .iter()
        .fold(0, |number, digit| number << 8 | u64::from(*digit))
}

fn has_companion(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut companion = path.as_os_str().to_owned();
        companion.push(suffix);
        std::fs::metadata(PathBuf::from(companion)).is_ok_and(|metadata| metadata.len() > 0)
    })
}

/// The SHA-256 of the file in hexadecimal. Reads all of it.
pub(crate) fn hash(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
    Ok(hasher
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

/// The path as SQLite's URI, with these parameters.
pub(crate) fn uri(path: &Path, parameters: &[(&str, &str)]) -> String {
    let mut uri = String::from("file:");
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => uri.push(char::from(byte)),
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    for (index, (name, value)) in parameters.iter().enumerate() {
        let _ = write!(uri, "{}{name}={value}", if index == 0 { '?' } else { '&' });
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_odd_characters_is_one_path_in_the_uri() {
        assert_eq!(
            uri(
                Path::new("/a b/c?d#e%.db"),
                &[("mode", "ro"), ("immutable", "1")]
            ),
            "file:/a%20b/c%3Fd%23e%25.db?mode=ro&immutable=1"
        );
    }
}
