//! Patterns of paths: `*`, `?` and `[a-z]` within a name, `**` for any folders between.

use std::path::{Component, Path, PathBuf};

use tablecast_connector::{Error, Result, glob};

use crate::file::name;
use crate::listing::entries;

/// Folders within folders that `**` stands for.
const DEPTH_MAX: usize = 16;

/// A pattern.
pub(crate) struct Pattern {
    /// The folder in front of the first part that is a pattern.
    base: PathBuf,
    parts: Vec<String>,
}

impl Pattern {
    /// `InvalidRequest` if the path is no text.
    pub(crate) fn new(path: &Path) -> Result<Self> {
        let is_pattern = |part: &str| part.contains(['*', '?', '[']);
        let mut base = PathBuf::new();
        let mut parts = Vec::new();
        for component in path.components() {
            let text = component
                .as_os_str()
                .to_str()
                .ok_or_else(|| Error::invalid(format!("{} is not UTF-8", path.display())))?;
            let is_part = matches!(component, Component::Normal(_)) && is_pattern(text);
            if parts.is_empty() && !is_part {
                base.push(component);
            } else {
                parts.push(text.to_owned());
            }
        }
        if base.as_os_str().is_empty() {
            base.push(".");
        }
        Ok(Self { base, parts })
    }

    /// The files that are like it, by name.
    pub(crate) fn paths(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        walk(&self.base, &self.parts, 0, &mut found)?;
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// What the table of these files is called: what the last part says beside wildcards, or the folder in front.
    pub(crate) fn name(&self) -> String {
        let last = self.parts.last().map_or("", String::as_str);
        let plain = last.split(['*', '?', '[']).next().unwrap_or_default();
        let plain = plain.trim_end_matches(['-', '_', '.', ' ']);
        if plain.is_empty() {
            let base = self.base.canonicalize();
            return name(&base.unwrap_or_else(|_| self.base.clone()));
        }
        plain.to_owned()
    }
}

fn walk(folder: &Path, parts: &[String], depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else {
        return Ok(());
    };
    if part == "**" {
        walk(folder, rest, depth, found)?;
    }
    let Ok(paths) = entries(folder) else {
        return Ok(());
    };
    for path in paths {
        if part == "**" {
            if path.is_dir() && depth < DEPTH_MAX {
                walk(&path, parts, depth + 1, found)?;
            }
        } else if glob(&name(&path), part) {
            if rest.is_empty() && path.is_file() {
                found.push(path);
            } else if path.is_dir() {
                walk(&path, rest, depth, found)?;
            }
        }
    }
    Ok(())
}
