//! A folder of templates, read and parsed as a whole before anything is served: a template that cannot be parsed is an
//! error at start, not on the page that needs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use minijinja::Environment;
use tablecast_connector::{Error, ErrorKind, Result};

use super::environment::environment;
use super::pages::Pattern;

/// What may be a template, by the ends of names; other files of the folder are left alone.
const ENDINGS: &[&str] = &[
    "html", "htm", "xml", "svg", "txt", "json", "js", "css", "jinja", "j2",
];
/// Nobody writes a template of this size by hand.
const TEMPLATE_BYTES_MAX: u64 = 4 * 1024 * 1024;
const TEMPLATES_MAX: usize = 5000;

/// People's own templates, ready to be drawn, over the built-in ones.
pub struct Templates {
    pub(super) environment: Environment<'static>,
    names: BTreeSet<String>,
    /// Pages whose address has variable parts.
    pub(super) patterns: Vec<Pattern>,
}

impl Templates {
    /// How deep templates may lie in folders.
    pub const DEPTH_MAX: usize = 20;

    /// All templates in a folder and in its folders. An error names the file, and the line where it cannot be parsed.
    pub fn load(folder: &Path) -> Result<Self> {
        if !folder.is_dir() {
            let shown = folder.display();
            return Err(Error::invalid(format!("{shown} is not a folder")));
        }
        let mut templates = Self {
            environment: environment()?,
            names: BTreeSet::new(),
            patterns: Vec::new(),
        };
        templates.add(folder, "", 0)?;
        let patterns = templates.names.iter().filter_map(|name| Pattern::of(name));
        templates.patterns = patterns.collect::<Result<_>>()?;
        Ok(templates)
    }

    /// Whether people have a template of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    fn add(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<()> {
        let unreadable = |path: &Path, error: std::io::Error| {
            Error::new(
                ErrorKind::Unreadable,
                format!("{} cannot be read: {error}", path.display()),
            )
        };
        if depth > Self::DEPTH_MAX {
            let message = format!("{} lies too deep; does a link lead back?", folder.display());
            return Err(Error::invalid(message));
        }
        let entries = fs::read_dir(folder).map_err(|error| unreadable(folder, error))?;
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let whole = format!("{prefix}{name}");
            if path.is_dir() {
                self.add(&path, &format!("{whole}/"), depth + 1)?;
                continue;
            }
            let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
            if !ENDINGS.contains(&ending) {
                continue;
            }
            let size = path.metadata().map_err(|error| unreadable(&path, error))?;
            if size.len() > TEMPLATE_BYTES_MAX || self.names.len() >= TEMPLATES_MAX {
                let message = format!("{}: the templates are too large", path.display());
                return Err(Error::invalid(message));
            }
            let source = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            self.environment
                .add_template_owned(whole.clone(), source)
                .map_err(|error| broken(&path, &error))?;
            self.names.insert(whole);
        }
        Ok(())
    }
}

/// `file:line: what is wrong`.
fn broken(path: &Path, error: &minijinja::Error) -> Error {
    let line = error
        .line()
        .map_or_else(String::new, |line| format!(":{line}"));
    let detail = error.detail().unwrap_or("it cannot be parsed");
    Error::invalid(format!("{}{line}: {detail}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_that_does_not_parse_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("picture.png", "{% this is no template");
        write(".hidden.html", "{% nor this");
        assert!(Templates::load(folder.path()).is_ok());
        write("table.html", "one\n{% if x %}\ntwo");
        let error = Templates::load(folder.path()).err().expect("a refusal");
        assert!(error.message().contains("table.html:"), "{error}");
        write("table.html", "{{ x|nosuchfilter }}");
        assert!(Templates::load(folder.path()).is_ok());
        assert!(Templates::load(&folder.path().join("nope")).is_err());
    }
}
