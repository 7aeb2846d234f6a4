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

/// The scheme of a location that is a folder, whose text is a path nevertheless.
pub const FOLDER: &str = "folder";

/// The scheme of a location that is a pattern of paths: no file is called so, and it holds `*`, `?` or `[`.
pub const PATTERN: &str = "pattern";

/// Names in a folder that tell how its other files are served. Connectors that open folders pass them over: what stands
/// in them is for whoever runs the site.
pub const SITE_NAMES: &[&str] = &[
    "datasette.yaml",
    "datasette.yml",
    "datasette.json",
    "metadata.yaml",
    "metadata.yml",
    "metadata.json",
    "inspect-data.json",
    "static",
    "templates",
    "plugins",
];

/// Where a container lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// As the user gave it.
    pub text: String,
    /// The scheme before `://`, in lower case; [`FOLDER`] or [`PATTERN`]; `None` for the path of a file.
    pub scheme: Option<String>,
    /// The first bytes of a file, at most [`HEAD_BYTES`]; empty for anything else.
    pub head: Vec<u8>,
}

impl Location {
    /// Looks at what `text` names: splits off a scheme, or reads the first bytes of a file.
    ///
    /// Blocks. `NotFound`, `Unreadable` (a pipe, a file without permission) name the path.
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
        let kind = match std::fs::metadata(text) {
            Ok(kind) => kind,
            Err(cause)
                if cause.kind() == std::io::ErrorKind::NotFound
                    && text.contains(['*', '?', '[']) =>
            {
                return Ok(Self::of_paths(text, PATTERN));
            }
            Err(cause) => return Err(cannot_open(text, cause)),
        };
        if kind.is_dir() {
            return Ok(Self::of_paths(text, FOLDER));
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

    fn of_paths(text: &str, scheme: &str) -> Self {
        Self {
            text: text.to_owned(),
            scheme: Some(scheme.to_owned()),
            head: Vec::new(),
        }
    }

    /// The path of a file, if the location is one.
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

    /// Whether the files of a folder that it recognizes are the tables of one database, which is the folder; each file is
    /// a database otherwise.
    fn gathers(&self) -> bool {
        false
    }

    /// Whether it opens only what somebody named, never what merely lies in a folder: what it opens may start programs.
    fn opens_named_only(&self) -> bool {
        false
    }

    /// Opens a location that was recognized. The error names the location and what is wrong with it.
    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>>;
}
