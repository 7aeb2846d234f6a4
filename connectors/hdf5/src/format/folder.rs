//! The folder of the served file: which other files its links, virtual datasets and external data may lead to.
//!
//! Nothing outside of it is opened, whatever a file says. A file is opened once, and as long as somebody uses it.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use super::file::File;
use super::links::Target;
use crate::error::{Error, Result, damaged, unsupported};

/// Soft and external links on one way; the HDF5 library follows 16 if it is told nothing else.
const LINKS_MAX: usize = 40;
/// Other files that are open at the same time.
const FILES_MAX: usize = 64;

/// Other files whose changes are noticed.
const FOUND_MAX: usize = 1024;

/// A folder, and the files of it that are open.
pub struct Folder {
    root: PathBuf,
    files: Mutex<HashMap<PathBuf, Weak<File>>>,
    /// The files that names led to, as they were then; `None` of one that was not there.
    found: Mutex<BTreeMap<PathBuf, Option<FileState>>>,
}

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileState {
    pub bytes: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64),
}

impl FileState {
    /// By what the system says about it.
    pub fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            (metadata.dev(), metadata.ino())
        };
        #[cfg(not(unix))]
        let identity = (0, 0);
        Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
            identity,
        }
    }
}

fn state_of(path: &Path) -> Option<FileState> {
    std::fs::metadata(path).ok().map(|it| FileState::of(&it))
}

/// What became of a name.
pub enum Found<T> {
    There(T),
    /// Nothing is there, with the reason.
    Missing(Error),
}

impl<T> Found<T> {
    /// What is there; an error if nothing is.
    pub fn required(self) -> Result<T> {
        match self {
            Self::There(found) => Ok(found),
            Self::Missing(error) => Err(error),
        }
    }
}

impl Folder {
    /// The folder of the file at `path`.
    pub fn of(path: &Path) -> Result<Self> {
        let root = folder_of(path).canonicalize().map_err(crate::error::io)?;
        Ok(Self {
            root,
            files: Mutex::default(),
            found: Mutex::default(),
        })
    }

    /// Whether all files that names led to are as they were then.
    pub fn is_as_found(&self) -> bool {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.iter().all(|(path, state)| state_of(path) == *state)
    }

    /// How the files are now that names led to.
    pub fn states(&self) -> Vec<Option<FileState>> {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.keys().map(|path| state_of(path)).collect()
    }

    /// Notes the file as it is, if nobody has.
    fn note(&self, path: &Path) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        if found.len() < FOUND_MAX && !found.contains_key(path) {
            found.insert(path.to_path_buf(), state_of(path));
        }
    }

    /// Where the file is that `from` calls `name`; refused if it is outside of the folder.
    ///
    /// Names are relative to the file that says them. An absolute one that leads nowhere is looked for in the folder by
    /// its last part, because files are moved together.
    pub fn path(&self, from: &File, name: &str) -> Result<Found<PathBuf>> {
        self.beside(&from.path, name)
    }

    /// The same for the file at a path.
    pub fn beside(&self, from: &Path, name: &str) -> Result<Found<PathBuf>> {
        let joined = folder_of(from).join(name);
        let mut path = joined.canonicalize();
        if path.is_err()
            && Path::new(name).is_absolute()
            && let Some(last) = Path::new(name).file_name()
        {
            path = folder_of(from).join(last).canonicalize();
        }
        // One that is not there may come, unless it would not be opened then.
        match &path {
            Ok(path) if path.starts_with(&self.root) => self.note(path),
            Err(_) if !leads_out(name) => self.note(&joined),
            _ => {}
        }
        match path {
            // A pipe or a device would be waited for.
            Ok(path) if path.starts_with(&self.root) && !path.is_file() => Err(unsupported(
                format!("the file {name:?} is not a regular file"),
            )),
            Ok(path) if path.starts_with(&self.root) => Ok(Found::There(path)),
            Err(_) if !leads_out(name) => Ok(Found::Missing(damaged(format!(
                "the file {name:?} is not there"
            )))),
            _ => Err(unsupported(format!(
                "the file {name:?} is outside of the served folder"
            ))),
        }
    }

    /// The HDF5 file that `from` calls `name`.
    pub fn open(self: &Arc<Self>, from: &Arc<File>, name: &str) -> Result<Found<Arc<File>>> {
        let path = match self.path(from, name)? {
            Found::There(path) => path,
            Found::Missing(reason) => return Ok(Found::Missing(reason)),
        };
        if from.path.canonicalize().is_ok_and(|own| own == path) {
            return Ok(Found::There(Arc::clone(from)));
        }
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&path).and_then(Weak::upgrade) {
            return Ok(Found::There(file));
        }
        files.retain(|_, file| file.strong_count() > 0);
        if files.len() >= FILES_MAX {
            return Err(unsupported(format!(
                "it leads to more than {FILES_MAX} files"
            )));
        }
        let file = File::open_in(&path, Arc::clone(self)).map_err(|error| error.within(name))?;
        let file = Arc::new(file);
        files.insert(path, Arc::downgrade(&file));
        Ok(Found::There(file))
    }
}

/// The object at a path of a file, behind all its links.
pub fn object(file: &Arc<File>, path: &str) -> Result<Found<(Arc<File>, u64)>> {
    follow(
        Arc::clone(file),
        file.root_address,
        path,
        &mut LINKS_MAX.clone(),
    )
}

/// Where a link of the group at `group` leads in the end.
pub fn resolve(file: Arc<File>, target: &Target, group: u64) -> Result<Found<(Arc<File>, u64)>> {
    let mut left = LINKS_MAX;
    resolve_within(file, target, group, &mut left)
}

/// Follows a link; `left` is how many may still be followed on the whole way, side ways included.
fn resolve_within(
    file: Arc<File>,
    target: &Target,
    group: u64,
    left: &mut usize,
) -> Result<Found<(Arc<File>, u64)>> {
    match target {
        Target::Hard(address) => Ok(Found::There((file, *address))),
        Target::Unreadable(reason) => Err(damaged(reason)),
        Target::Soft(path) => {
            step(left)?;
            let start = if path.starts_with('/') {
                file.root_address
            } else {
                group
            };
            follow(file, start, path, left)
        }
        Target::External { file: name, path } => {
            step(left)?;
            match Arc::clone(&file.folder)
                .open(&file, name)
                .map_err(link_leads)?
            {
                Found::There(other) => {
                    let root = other.root_address;
                    follow(other, root, path, left)
                }
                Found::Missing(reason) => Ok(Found::Missing(link_leads(reason))),
            }
        }
    }
}

fn step(left: &mut usize) -> Result<()> {
    *left = left.checked_sub(1).ok_or_else(|| {
        damaged(format!(
            "its links lead in a circle, or through more than {LINKS_MAX} others"
        ))
    })?;
    Ok(())
}

fn link_leads(error: Error) -> Error {
    error.within("the link leads nowhere")
}

fn follow(
    mut file: Arc<File>,
    mut address: u64,
    path: &str,
    left: &mut usize,
) -> Result<Found<(Arc<File>, u64)>> {
    for name in path
        .split('/')
        .filter(|name| !name.is_empty() && *name != ".")
    {
        let names = file.names(address)?;
        let Some(target) = names.as_ref().and_then(|names| names.get(name)) else {
            let file = file.path.file_name().unwrap_or_default().to_string_lossy();
            let dangling = damaged(format!("{path:?} is not in {file}"));
            return Ok(Found::Missing(dangling));
        };
        match resolve_within(file, target, address, left)? {
            Found::There(found) => (file, address) = found,
            missing @ Found::Missing(_) => return Ok(missing),
        }
    }
    Ok(Found::There((file, address)))
}

/// Whether a name that leads nowhere would lead out of its folder.
fn leads_out(name: &str) -> bool {
    use std::path::Component;
    let mut depth = 0_i64;
    for component in Path::new(name).components() {
        match component {
            Component::Prefix(_) | Component::RootDir => return true,
            Component::ParentDir => depth -= 1,
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
        }
        if depth < 0 {
            return true;
        }
    }
    false
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
