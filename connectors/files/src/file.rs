//! A file as it was when it was looked at: a file that has changed since is not read as if it had not.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use tablecast_connector::{Error, ErrorKind, Result};

/// A file and its state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LocalFile {
    pub(crate) path: PathBuf,
    pub(crate) state: FileState,
}

/// What tells a file from what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct FileState {
    pub(crate) bytes: u64,
    changed_ns: u128,
    number: u64,
}

impl FileState {
    fn of(metadata: &Metadata) -> Self {
        let changed = metadata.modified().ok();
        let since = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self {
            bytes: metadata.len(),
            changed_ns: since.map_or(0, |since| since.as_nanos()),
            number: number(metadata),
        }
    }
}

#[cfg(unix)]
fn number(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &Metadata) -> u64 {
    0
}

impl LocalFile {
    /// Looks at a file. `NotFound` and `Unreadable` name it.
    pub(crate) fn look(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path).map_err(|cause| cannot(path, cause))?;
        if !metadata.is_file() {
            return Err(Error::unreadable(format!("{} is not a file", name(path))));
        }
        Ok(Self {
            path: path.to_owned(),
            state: FileState::of(&metadata),
        })
    }

    /// The name, for people.
    pub(crate) fn name(&self) -> String {
        name(&self.path)
    }

    /// Opens the file as it was looked at. `Unavailable` if it has changed since.
    pub(crate) fn open(&self) -> Result<File> {
        let file = File::open(&self.path).map_err(|cause| cannot(&self.path, cause))?;
        let metadata = file.metadata().map_err(|cause| cannot(&self.path, cause))?;
        if FileState::of(&metadata) == self.state {
            Ok(file)
        } else {
            Err(self.has_changed())
        }
    }

    /// The error of a file that is not what it was.
    pub(crate) fn has_changed(&self) -> Error {
        Error::unavailable(format!("{} changed while it was read", self.name())).hint("Ask again")
    }

    /// An error about the file.
    pub(crate) fn broken(&self, what: impl std::fmt::Display) -> Error {
        Error::unreadable(format!("{}: {what}", self.name()))
    }
}

/// The last part of a path: what is served, without the folders above it.
pub(crate) fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// What an error of the system comes to.
pub(crate) fn cannot(path: &Path, cause: std::io::Error) -> Error {
    let name = name(path);
    let (kind, what) = match cause.kind() {
        std::io::ErrorKind::NotFound => (ErrorKind::NotFound, "is not there any more"),
        std::io::ErrorKind::PermissionDenied => {
            (ErrorKind::Unreadable, "may not be read (permission denied)")
        }
        std::io::ErrorKind::UnexpectedEof => (ErrorKind::Unreadable, "ends before its rows do"),
        _ => (ErrorKind::Unreadable, "cannot be read"),
    };
    Error::new(kind, format!("{name} {what}")).caused_by(cause)
}
