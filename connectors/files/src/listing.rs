//! Which files a location comes to, and which of them are one table together. Nothing is read but names, and the first
//! bytes of files whose names tell nothing.

use std::path::{Path, PathBuf};

use tablecast_connector::{Error, Result, SITE_NAMES};

use crate::file::{LocalFile, cannot, name};
use crate::kind::{kind_of, stem};
use crate::pattern::Pattern;
use crate::table::head;

/// Folders within folders are looked into so far.
const DEPTH_MAX: usize = 8;
/// Files of one database.
const FILES_MAX: usize = 10_000;

/// What was opened.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// A file.
    File(PathBuf),
    /// A folder, whose files are tables.
    Folder(PathBuf),
    /// Files that are one table.
    Pattern(PathBuf),
}

/// A file of a table, with the values that the names of its folders tell.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Part {
    pub(crate) file: LocalFile,
    /// Names of columns with their values, as in `year=2020`.
    pub(crate) keys: Vec<(String, String)>,
}

/// Files that are one table, or the tables of one workbook.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) parts: Vec<Part>,
}

/// The members of a place, by name. `NotFound` and `Unreadable` name what is not there.
pub(crate) fn list(place: &Place) -> Result<Vec<Member>> {
    match place {
        Place::File(path) => {
            let file = LocalFile::look(path)?;
            Ok(vec![alone(stem(&file.name()), file)])
        }
        Place::Folder(path) => {
            let mut listing = Listing::default();
            if is_partitioned(path) {
                listing.partitioned(path, name(path))?;
            } else {
                listing.folder(path, "", 0)?;
            }
            Ok(listing.named())
        }
        Place::Pattern(path) => {
            let pattern = Pattern::new(path)?;
            let mut parts = Vec::new();
            for path in pattern.paths()? {
                parts.push(Part {
                    file: LocalFile::look(&path)?,
                    keys: Vec::new(),
                });
                check_count(parts.len())?;
            }
            if parts.is_empty() {
                return Err(Error::not_found(format!("no file is like {}", name(path))));
            }
            let name = pattern.name();
            Ok(vec![Member { name, parts }])
        }
    }
}

fn alone(name: String, file: LocalFile) -> Member {
    Member {
        name,
        parts: vec![Part {
            file,
            keys: Vec::new(),
        }],
    }
}

fn check_count(count: usize) -> Result<()> {
    if count > FILES_MAX {
        return Err(Error::too_large(format!(
            "There are more than {FILES_MAX} files"
        )));
    }
    Ok(())
}

/// The visible entries of a folder, by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = std::fs::read_dir(folder).map_err(|cause| cannot(folder, cause))?;
    let mut paths = Vec::new();
    for entry in read {
        let path = entry.map_err(|cause| cannot(folder, cause))?.path();
        // Names that start so are put beside data by those who write it.
        if !name(&path).starts_with(['.', '_']) {
            paths.push(path);
            check_count(paths.len())?;
        }
    }
    paths.sort();
    Ok(paths)
}

/// The column and its value that a folder's name tells.
fn key(folder: &Path) -> Option<(String, String)> {
    let name = name(folder);
    let (column, value) = name.split_once('=')?;
    (!column.is_empty()).then(|| (column.to_owned(), unescaped(value)))
}

/// A value with what stands as `%2F` in it.
fn unescaped(value: &str) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        let hex = behind
            .get(..2)
            .and_then(|hex| std::str::from_utf8(hex).ok());
        let escaped = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        if let (b'%', Some(escaped)) = (byte, escaped) {
            bytes.push(escaped);
            rest = behind.get(2..).unwrap_or_default();
        } else {
            bytes.push(*byte);
            rest = behind;
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

/// Whether there are folders in it, and all of them are called as columns with values.
fn is_partitioned(folder: &Path) -> bool {
    let Ok(paths) = entries(folder) else {
        return false;
    };
    let mut folders = paths.iter().filter(|path| path.is_dir()).peekable();
    folders.peek().is_some() && folders.all(|path| key(path).is_some())
}

#[derive(Default)]
struct Listing {
    members: Vec<Member>,
    files: usize,
}

impl Listing {
    fn count(&mut self) -> Result<()> {
        self.files += 1;
        check_count(self.files)
    }

    fn folder(&mut self, folder: &Path, before: &str, depth: usize) -> Result<()> {
        for path in entries(folder)? {
            let name = name(&path);
            if depth == 0 && SITE_NAMES.contains(&name.as_str()) {
                continue;
            }
            let name = format!("{before}{name}");
            if path.is_dir() {
                if is_partitioned(&path) {
                    self.partitioned(&path, name)?;
                } else if depth < DEPTH_MAX {
                    self.folder(&path, &format!("{name}/"), depth + 1)?;
                }
            } else if is_ours(&path) {
                self.count()?;
                if let Ok(file) = LocalFile::look(&path) {
                    self.members.push(alone(stem(&name), file));
                }
            }
        }
        Ok(())
    }

    fn partitioned(&mut self, folder: &Path, name: String) -> Result<()> {
        let mut parts = Vec::new();
        self.parts(folder, &mut Vec::new(), &mut parts)?;
        if !parts.is_empty() {
            self.members.push(Member { name, parts });
        }
        Ok(())
    }

    fn parts(
        &mut self,
        folder: &Path,
        keys: &mut Vec<(String, String)>,
        parts: &mut Vec<Part>,
    ) -> Result<()> {
        for path in entries(folder)? {
            if let Some(key) = key(&path).filter(|_| path.is_dir() && keys.len() < DEPTH_MAX) {
                keys.push(key);
                self.parts(&path, keys, parts)?;
                keys.pop();
            } else if path.is_file() && is_ours(&path) {
                self.count()?;
                parts.push(Part {
                    file: LocalFile::look(&path)?,
                    keys: keys.clone(),
                });
            }
        }
        Ok(())
    }

    /// Members whose names differ: of those that would be called alike, the second has its file's whole name.
    fn named(mut self) -> Vec<Member> {
        let mut taken = std::collections::HashSet::new();
        for member in &mut self.members {
            if !taken.insert(member.name.to_lowercase()) {
                let whole = member.parts.first().map(|part| part.file.name());
                let folder = member
                    .name
                    .rsplit_once('/')
                    .map(|(folder, _)| folder.to_owned());
                let whole = whole.unwrap_or_default();
                member.name = match folder {
                    Some(folder) => format!("{folder}/{whole}"),
                    None => whole,
                };
                taken.insert(member.name.to_lowercase());
            }
        }
        self.members
    }
}

/// Whether a file is of a kind that is served.
fn is_ours(path: &Path) -> bool {
    path.is_file() && head(path).is_ok_and(|head| kind_of(&name(path), &head).is_some())
}
