//! Configuration-directory mode: one folder in place of files names all that is served, and how.
//!
//! What the command line says itself goes before what the folder holds.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;
use std::sync::Arc;
use tablecast_connector::{Connector, Location};

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
    let folder = PathBuf::from(only);
    if !folder.is_dir() {
        return Ok(arguments);
    }
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
    arguments.files.clear();
    for path in containers(&folder, connectors)? {
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

/// Whether a file tells how to serve the others.
fn is_of_the_site(name: &str) -> bool {
    let known = CONFIGURATION.iter().chain(METADATA).chain([&COUNTS]);
    known.into_iter().any(|known| *known == name)
}

/// The files of a folder that a connector recognizes, by name. Folders within it are not looked into.
fn containers(folder: &Path, connectors: &[Arc<dyn Connector>]) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("{} cannot be read", folder.display()))?
            .path();
        let name = path.file_name().map(|name| name.to_string_lossy());
        let is_passed_over =
            name.is_some_and(|name| name.starts_with('.') || is_of_the_site(&name));
        if !path.is_file() || is_passed_over {
            continue;
        }
        let Ok(location) = Location::look(&path.to_string_lossy()) else {
            continue;
        };
        if connectors
            .iter()
            .any(|connector| connector.recognizes(&location))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
