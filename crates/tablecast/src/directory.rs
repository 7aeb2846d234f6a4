//! Configuration-directory mode: one folder in place of files names all that is served, and how.
//!
//! What the command line says itself goes before what the folder holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use std::sync::Arc;
use tablecast_connector::{Connector, Location, SITE_NAMES};

use crate::arguments::ServeArguments;

/// The first of these is the configuration.
const CONFIGURATION: &[&str] = &["datasette.yaml", "datasette.yml", "datasette.json"];
/// The first of these is the metadata.
const METADATA: &[&str] = &["metadata.yaml", "metadata.yml", "metadata.json"];
/// Counts that `inspect` made; the files that it names do not change.
const COUNTS: &str = "inspect-data.json";
/// A folder of files, served under its own name.
const STATIC: &str = "static";
/// A folder of templates for pages.
const TEMPLATES: &str = "templates";
/// A folder of Datasette's that is not used.
const PLUGINS: &str = "plugins";

/// The arguments with the folder, if one stands in place of files, replaced by what it holds.
pub(crate) fn expanded(
    mut arguments: ServeArguments,
    connectors: &[Arc<dyn Connector>],
) -> anyhow::Result<ServeArguments> {
    let [only] = arguments.files.as_slice() else {
        return Ok(arguments);
    };
    let only = only.clone();
    let folder = PathBuf::from(&only);
    if !folder.is_dir() {
        return Ok(arguments);
    }
    arguments.files.clear();
    let first = |names: &[&str]| {
        names
            .iter()
            .map(|name| folder.join(name))
            .find(|path| path.is_file())
    };
    arguments.config = arguments.config.or_else(|| first(CONFIGURATION));
    arguments.metadata = arguments.metadata.or_else(|| first(METADATA));
    arguments.inspect_file = arguments.inspect_file.or_else(|| first(&[COUNTS]));
    let files = folder.join(STATIC);
    let is_named = |mount: &String| mount.split(':').next() == Some(STATIC);
    if files.is_dir() && !arguments.static_.iter().any(is_named) {
        let mount = format!("{STATIC}:{}", files.display());
        arguments.static_.push(mount);
    }
    let templates = folder.join(TEMPLATES);
    if templates.is_dir() && arguments.template_dir.is_none() {
        arguments.template_dir = Some(templates);
    }
    let plugins = folder.join(PLUGINS);
    if plugins.is_dir() {
        let shown = plugins.display();
        eprintln!("Not used: {shown} (Datasette's plugins are Python programs)");
    }
    let immutable = match &arguments.inspect_file {
        Some(path) => named_in(path)?,
        None => Vec::new(),
    };
    let found = containers(&folder, connectors)?;
    if found.is_gathered {
        arguments.files.push(only);
    }
    for path in found.alone {
        let stem = path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned());
        let is_immutable = stem.is_some_and(|stem| immutable.contains(&stem));
        let text = path.to_string_lossy().into_owned();
        if is_immutable {
            arguments.immutable.push(text);
        } else {
            arguments.files.push(text);
        }
    }
    if arguments.files.is_empty() && arguments.immutable.is_empty() {
        anyhow::bail!("{} holds no file that can be served", folder.display());
    }
    Ok(arguments)
}

/// The databases that a file of counts names.
fn named_in(path: &Path) -> anyhow::Result<Vec<String>> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    let all: BTreeMap<String, Value> = serde_json::from_str(&text)
        .with_context(|| format!("{shown} is not what inspect writes"))?;
    Ok(all.into_keys().collect())
}

/// What is served of a folder.
#[derive(Default)]
struct Found {
    /// Files that are a database each, by name.
    alone: Vec<PathBuf>,
    /// Whether the folder holds files that are the tables of one database.
    is_gathered: bool,
}

/// Folders within a folder are looked into so far, for files that are gathered.
const DEPTH: usize = 8;

/// Whether a folder, or one within it, holds files that are gathered.
fn holds_gathered(folder: &Path, connectors: &[Arc<dyn Connector>], depth: usize) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let path = entry.path();
        let name = entry.file_name();
        if name.to_string_lossy().starts_with('.') {
            false
        } else if path.is_dir() {
            depth > 0 && holds_gathered(&path, connectors, depth - 1)
        } else {
            path.is_file() && recognizer(&path, connectors).is_some_and(Connector::gathers)
        }
    })
}

fn recognizer<'a>(path: &Path, connectors: &'a [Arc<dyn Connector>]) -> Option<&'a dyn Connector> {
    let location = Location::look(&path.to_string_lossy()).ok()?;
    let found = connectors
        .iter()
        .find(|connector| connector.recognizes(&location));
    found.map(AsRef::as_ref)
}

/// The files of a folder that a connector recognizes. Folders within it hold only files that are gathered.
fn containers(folder: &Path, connectors: &[Arc<dyn Connector>]) -> anyhow::Result<Found> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = Found::default();
    for entry in entries {
        let path = entry
            .with_context(|| format!("{} cannot be read", folder.display()))?
            .path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let is_passed_over =
            name.is_some_and(|name| name.starts_with('.') || SITE_NAMES.contains(&name.as_ref()));
        if is_passed_over {
            continue;
        }
        if path.is_dir() {
            found.is_gathered |= holds_gathered(&path, connectors, DEPTH);
            continue;
        }
        match recognizer(&path, connectors).filter(|_| path.is_file()) {
            Some(connector) if connector.gathers() => found.is_gathered = true,
            Some(connector) if connector.opens_named_only() => {
                let shown = path.display();
                eprintln!("Not opened: {shown} (it is opened only if it is named itself)");
            }
            Some(_) => found.alone.push(path),
            None => {}
        }
    }
    found.alone.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_pass_over_whatever_tells_how_to_serve() {
        let known = CONFIGURATION.iter().chain(METADATA);
        for name in known.chain(&[COUNTS, STATIC, TEMPLATES, PLUGINS]) {
            assert!(SITE_NAMES.contains(name), "{name}");
        }
    }
}
