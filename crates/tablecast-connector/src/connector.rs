//! A connector: a kind of container. It recognizes a location from its scheme and first bytes, and opens it.
//!
//! Nothing is ever recognized by trying to open it and catching what goes wrong.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{BoxFuture, Error, ErrorKind, Result, Source};

/// How many first bytes of a file a connector may look at.
pub const HEAD_BYTES: u64 = 64 * 1024;

/// Where a container lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// As the user gave it.
    pub text: String,
    /// The scheme before `://`, in lower case; `None` for a path.
    pub scheme: Option<String>,
    /// The first bytes of a file, at most [`HEAD_BYTES`]; empty for anything else.
    pub head: Vec<u8>,
}

impl Location {
    /// Looks at what `text` names: splits off a scheme, or reads the first bytes of a file.
    ///
    /// Blocks. `NotFound`, `Unreadable` (a folder, a file without permission) name the path.
    pub fn look(text: &str) -> Result<Self> {
        if let Some((scheme, _)) = text.split_once("://") {
            return Ok(Self {
                text: text.to_owned(),
                scheme: Some(scheme.to_ascii_lowercase()),
                head: Vec::new(),
            });
        }
        let mut head = Vec::new();
        // A pipe that nobody writes to would be opened for ever.
        let kind = std::fs::metadata(text).map_err(|cause| cannot_open(text, cause))?;
        if kind.is_dir() {
            return Err(Error::unreadable(format!("{text} is a folder, not a file")));
        }
        if !kind.is_file() {
            return Err(Error::unreadable(format!(
                "{text} is a pipe or a device, not a file"
            )));
        }
        let file = File::open(text).map_err(|cause| cannot_open(text, cause))?;
        file.take(HEAD_BYTES)
            .read_to_end(&mut head)
            .map_err(|cause| cannot_open(text, cause))?;
        Ok(Self {
            text: text.to_owned(),
            scheme: None,
            head,
        })
    }

    /// The path, if the location is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.scheme.is_none().then(|| PathBuf::from(&self.text))
    }
}

fn cannot_open(text: &str, cause: std::io::Error) -> Error {
    let (kind, what) = match cause.kind() {
        std::io::ErrorKind::NotFound => (ErrorKind::NotFound, "does not exist"),
        std::io::ErrorKind::PermissionDenied => {
            (ErrorKind::Unreadable, "may not be read (permission denied)")
        }
        _ => (ErrorKind::Unreadable, "cannot be read"),
    };
    Error::new(kind, format!("{text} {what}")).caused_by(cause)
}

/// How to open a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOptions {
    /// The user says that nobody changes it while it is served.
    pub immutable: bool,
    /// Options of the connector's own, by name. An unknown one is an error of kind `InvalidRequest`.
    pub own: BTreeMap<String, String>,
}

/// A kind of container.
pub trait Connector: Send + Sync {
    /// The name, one lower-case word.
    fn name(&self) -> &'static str;

    /// What it opens, for people: "HDF5 or NetCDF file (.h5, .hdf5, .nc)".
    fn opens(&self) -> &'static str;

    /// Whether the location is of this kind, by its scheme or first bytes alone. No I/O.
    fn recognizes(&self, location: &Location) -> bool;

    /// Opens a location that was recognized. The error names the location and what is wrong with it.
    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>>;
}
