//! Connectors in other languages, as the command line names them: which program to start for each, and what it needs.
//!
//! The host script for Python connectors and the drop-in for old ones come with the binary, so that nothing but the
//! connector itself has to be installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow, bail};
use tablecast_connector::Connector;
use tablecast_process::{ProcessConnector, Program};
use tempfile::TempDir;

use crate::arguments::GuestArguments;

macro_rules! python_files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../sdk/python/", $path)))),*]
    };
}

/// The Python that comes with the binary.
const PYTHON_FILES: &[(&str, &str)] = python_files![
    "datasette_connectors/__init__.py",
    "datasette_connectors/cli.py",
    "datasette_connectors/connection.py",
    "datasette_connectors/connectors.py",
    "datasette_connectors/cursor.py",
    "datasette_connectors/monkey.py",
    "datasette_connectors/row.py",
    "tablecast/__init__.py",
    "tablecast/columns.py",
    "tablecast/connector.py",
    "tablecast/failures.py",
    "tablecast/guest.py",
    "tablecast/host.py",
    "tablecast/rows.py",
    "tablecast/wire.py",
    "tablecast/old/__init__.py",
    "tablecast/old/adapter.py",
    "tablecast/old/answers.py",
    "tablecast/old/compat.py",
    "tablecast/old/failures.py",
    "tablecast/old/hosted.py",
    "tablecast/old/reading.py",
    "tablecast/old/text.py",
];

/// `connectors` behind those that the command line names, which are started here. Blocks.
pub(crate) fn before(
    connectors: Vec<Arc<dyn Connector>>,
    arguments: &GuestArguments,
) -> anyhow::Result<Vec<Arc<dyn Connector>>> {
    let mut all: Vec<Arc<dyn Connector>> = Vec::new();
    let folder = std::env::current_dir().context("there is no current folder")?;
    let mut specified: Vec<Specified> = Vec::new();
    for text in &arguments.connector {
        specified.push(Specified::parse(text, &folder)?);
    }
    for language in &arguments.connectors {
        if language != "python" {
            bail!("--connectors takes python, not {language:?}");
        }
        specified.push(Specified {
            extensions: Vec::new(),
            form: Form::Python("*".to_owned()),
        });
    }
    let mut python = None;
    for specified in specified {
        let mut program = specified.program(arguments, &folder, &mut python)?;
        program.environment.clone_from(&arguments.connector_env);
        program.memory_bytes = arguments.connector_memory_mb.max(16) << 20;
        program.extensions = specified.extensions;
        let started =
            ProcessConnector::start(program).map_err(|error| anyhow!("--connector: {error}"))?;
        all.push(Arc::new(started));
    }
    all.extend(connectors);
    Ok(all)
}

/// A connector as it was named.
#[derive(Debug, PartialEq, Eq)]
struct Specified {
    extensions: Vec<String>,
    form: Form,
}

#[derive(Debug, PartialEq, Eq)]
enum Form {
    /// A module, a file, or `*`, by the host script.
    Python(String),
    /// A file for an interpreter.
    Script(&'static str, PathBuf),
    Program(PathBuf),
}

impl Specified {
    fn parse(text: &str, folder: &Path) -> anyhow::Result<Self> {
        let (extensions, named) = match text.split_once('=') {
            Some((extensions, named)) if extensions.starts_with('.') => {
                (extensions.split(',').map(str::to_owned).collect(), named)
            }
            _ => (Vec::new(), text),
        };
        if let Some(wrong) = extensions
            .iter()
            .find(|one: &&String| !one.starts_with('.') || one.len() < 2)
        {
            bail!("--connector {text}: {wrong:?} is no end of a file's name, such as .xyz");
        }
        let form = form(named, folder).with_context(|| format!("--connector {text}"))?;
        Ok(Self { extensions, form })
    }

    fn program(
        &self,
        arguments: &GuestArguments,
        folder: &Path,
        python: &mut Option<Arc<TempDir>>,
    ) -> anyhow::Result<Program> {
        Ok(match &self.form {
            Form::Python(name) => {
                let files = match python {
                    Some(files) => Arc::clone(files),
                    None => Arc::clone(python.insert(Arc::new(unpacked()?))),
                };
                let mut program = Program::new(label(name), interpreter(&arguments.python, folder));
                let host = files.path().join("tablecast/host.py");
                program.arguments = vec![
                    "-X".into(),
                    "utf8".into(),
                    host.into(),
                    name.into(),
                    folder.into(),
                ];
                program.folder = Some(files);
                program
            }
            Form::Script(interpreter, path) => {
                let mut program = Program::new(label(&path.to_string_lossy()), *interpreter);
                program.arguments = vec![OsString::from(path)];
                program
            }
            Form::Program(path) => Program::new(label(&path.to_string_lossy()), path),
        })
    }
}

fn form(named: &str, folder: &Path) -> anyhow::Result<Form> {
    if let Some(name) = named.strip_prefix("python:") {
        if name.is_empty() {
            bail!("a module is missing, such as python:package.module:Class");
        }
        let (module, class) = name
            .split_once(':')
            .map_or((name, None), |(module, class)| (module, Some(class)));
        return match Path::new(module).extension() {
            Some(extension) if extension == "py" => python_file(module, class, folder),
            _ => Ok(Form::Python(name.to_owned())),
        };
    }
    let (path, class) = match named.rsplit_once(".py:") {
        Some((path, class)) => (format!("{path}.py"), Some(class)),
        None => (named.to_owned(), None),
    };
    let extension = Path::new(&path)
        .extension()
        .and_then(|extension| extension.to_str());
    match extension {
        Some("py") => python_file(&path, class, folder),
        Some("js" | "mjs" | "cjs") => Ok(Form::Script("node", existing(&path, folder)?)),
        _ => Ok(Form::Program(existing(&path, folder)?)),
    }
}

fn python_file(path: &str, class: Option<&str>, folder: &Path) -> anyhow::Result<Form> {
    let path = existing(path, folder)?;
    let path = path.to_str().context("its path is not UTF-8")?;
    Ok(Form::Python(class.map_or_else(
        || path.to_owned(),
        |class| format!("{path}:{class}"),
    )))
}

/// The path from the root: a guest runs in a folder of its own.
fn existing(path: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let absolute = folder.join(path);
    if !absolute.is_file() {
        bail!("there is no file {path}; a Python module is named python:package.module:Class");
    }
    Ok(absolute)
}

/// The interpreter by its name, or by its path from the root.
fn interpreter(python: &str, folder: &Path) -> PathBuf {
    if python.contains('/') {
        folder.join(python)
    } else {
        PathBuf::from(python)
    }
}

/// What a connector is called until it has told its name.
fn label(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    if last == "*" {
        "python".to_owned()
    } else {
        last.to_owned()
    }
}

/// The folders of Python files that are there.
static UNPACKED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Ends all guests and commands, and removes what was put down for them: to be called where the program ends.
pub(crate) fn end_all() {
    tablecast_process::end_all();
    tablecast_manifest::end_all();
    for folder in UNPACKED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .drain(..)
    {
        // Whatever holds the folder otherwise may have removed it already.
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// The Python files in a folder of their own.
fn unpacked() -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("tablecast-python-")
        .tempdir()?;
    UNPACKED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(folder.path().to_owned());
    for (path, text) in PYTHON_FILES {
        let path = folder.path().join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_python_file_comes_with_the_binary() -> anyhow::Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/python");
        let mut there = Vec::new();
        for folder in ["datasette_connectors", "tablecast", "tablecast/old"] {
            for entry in std::fs::read_dir(root.join(folder))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if Path::new(&name).extension().is_some_and(|one| one == "py") {
                    there.push(format!("{folder}/{name}"));
                }
            }
        }
        let mut brought: Vec<String> = PYTHON_FILES
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .collect();
        there.sort();
        brought.sort();
        assert_eq!(there, brought);
        Ok(())
    }

    #[test]
    fn a_connector_is_named_by_module_file_or_program() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let parsed =
            |text: &str| Specified::parse(text, folder).map_err(|error| format!("{error:#}"));
        let form = |text: &str| parsed(text).map(|specified| specified.form);
        assert_eq!(form("python:a.b:C"), Ok(Form::Python("a.b:C".to_owned())));
        let host = "../../sdk/python/tablecast/host.py";
        let path = folder.join(host).to_string_lossy().into_owned();
        assert_eq!(
            form(&format!("{host}:C")),
            Ok(Form::Python(format!("{path}:C")))
        );
        assert_eq!(form(host), Ok(Form::Python(path)));
        assert_eq!(
            form("Cargo.toml"),
            Ok(Form::Program(folder.join("Cargo.toml")))
        );
        assert_eq!(
            parsed(".x,.y=python:m").map(|specified| specified.extensions),
            Ok(vec![".x".to_owned(), ".y".to_owned()])
        );
        for (text, problem) in [
            ("python:", "a module is missing"),
            ("nosuch.py", "there is no file nosuch.py"),
            ("nosuch", "there is no file nosuch"),
            (".=python:m", "no end of a file's name"),
            (".a,b=python:m", "\"b\" is no end"),
        ] {
            assert!(
                form(text).is_err_and(|error| error.contains(problem)),
                "{text}"
            );
        }
    }
}
