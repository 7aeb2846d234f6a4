//! Recognizes and opens SQLite databases.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tablecast_connector::{
    BoxFuture, Connector, Error, Location, OpenOptions, Pool, Result, Source, did_you_mean,
};

use crate::connection::{Access, Attached};
use crate::file::{FileState, MAGIC, check_whole, hash};
use crate::source::SqliteSource;

/// Names by which an empty file is taken for an empty database.
const EXTENSIONS: &[&str] = &["db", "sqlite", "sqlite3"];

/// The location of a database in memory.
const MEMORY: &str = ":memory:";

/// SQLite attaches no more databases than these to one connection.
pub const ATTACHED_MAX: usize = 10;

/// A larger file's hash is not waited for.
const HASHED_AT_ONCE_BYTES: u64 = 64 << 20;

const OPTIONS: &[&str] = &["nolock", "load_extension", "cache_size_kb", "crossdb"];

/// Where `spatialite` as the name of an extension may lie.
const SPATIALITE_PATHS: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/mod_spatialite.so",
    "/usr/lib/aarch64-linux-gnu/mod_spatialite.so",
    "/usr/local/lib/mod_spatialite.so",
    "/usr/local/lib/mod_spatialite.dylib",
    "/opt/homebrew/lib/mod_spatialite.dylib",
];

/// The SQLite connector.
///
/// Options: `nolock` (`1`) reads files that another program keeps locked; `load_extension` names libraries to load, one
/// a line, each `PATH` or `PATH:ENTRYPOINT`; `crossdb`, for the database in memory, names files whose tables its SQL sees
/// too, at most [`ATTACHED_MAX`], as a JSON list of objects with `name`, `path` and `immutable`.
#[derive(Debug, Default)]
pub struct SqliteConnector;

impl Connector for SqliteConnector {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn opens(&self) -> &'static str {
        "SQLite database (.db, .sqlite, .sqlite3)"
    }

    fn recognizes(&self, location: &Location) -> bool {
        if location.text == MEMORY {
            return true;
        }
        let is_named_so = || {
            let extension = Path::new(&location.text)
                .extension()
                .and_then(|e| e.to_str());
            extension.is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)))
        };
        location.scheme.is_none()
            && (location.head.starts_with(MAGIC) || location.head.is_empty() && is_named_so())
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        Box::pin(async move {
            let (location, options) = (location.clone(), options.clone());
            // Waiting for another program's lock must not hold up the caller's threads.
            let source = Pool::new("sqlite-open", 1)?
                .run(move || open(&location, &options))
                .await?;
            let source: Arc<dyn Source> = source;
            Ok(source)
        })
    }
}

fn open(location: &Location, options: &OpenOptions) -> Result<Arc<SqliteSource>> {
    let access = access(location, options)?;
    if let Some(path) = &access.path {
        check_whole(path, &location.head)?;
    }
    let (path, immutable) = (access.path.clone(), access.immutable);
    let source = Arc::new(SqliteSource::open(access)?);
    if let Some(path) = path.filter(|_| immutable) {
        start_hash(&source, path);
    }
    Ok(source)
}

fn access(location: &Location, options: &OpenOptions) -> Result<Access> {
    let mut access = Access {
        path: location.path().filter(|_| location.text != MEMORY),
        immutable: options.immutable,
        shown: location.text.clone(),
        ..Access::default()
    };
    for (name, value) in &options.own {
        match name.as_str() {
            "nolock" => access.nolock = is_on(name, value)?,
            "load_extension" => access.extensions = value.lines().map(extension).collect(),
            "crossdb" => access.attached = attached(value)?,
            "cache_size_kb" => access.cache_kb = Some(kilobytes(name, value)?),
            _ => return Err(unknown_option(name)),
        }
    }
    if access.path.is_some() && !access.attached.is_empty() {
        return Err(Error::invalid(
            "crossdb is an option of the database in memory, :memory:",
        ));
    }
    Ok(access)
}

/// The files of the option `crossdb`.
fn attached(list: &str) -> Result<Vec<Attached>> {
    let wrong = || {
        Error::invalid(
            "crossdb is a JSON list of objects with \"name\", \"path\" and \"immutable\"",
        )
    };
    let list: serde_json::Value =
        serde_json::from_str(list).map_err(|cause| wrong().caused_by(cause))?;
    let files = list.as_array().ok_or_else(wrong)?.iter().map(|file| {
        let text = |key| file.get(key).and_then(serde_json::Value::as_str);
        Some(Attached {
            name: text("name")?.to_owned(),
            path: PathBuf::from(text("path")?),
            immutable: file.get("immutable")?.as_bool()?,
        })
    });
    let files: Vec<Attached> = files.collect::<Option<_>>().ok_or_else(wrong)?;
    if files.len() > ATTACHED_MAX {
        return Err(Error::invalid(format!(
            "SQLite attaches at most {ATTACHED_MAX} databases, not {}",
            files.len()
        )));
    }
    Ok(files)
}

fn is_on(name: &str, value: &str) -> Result<bool> {
    match value {
        "1" | "true" | "on" | "" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err(Error::invalid(format!(
            "{name} is on or off, not {value:?}"
        ))),
    }
}

fn kilobytes(name: &str, value: &str) -> Result<u32> {
    value
        .parse()
        .map_err(|_| Error::invalid(format!("{name} is a number of kilobytes, not {value:?}")))
}

fn unknown_option(name: &str) -> Error {
    let error = Error::invalid(format!("The sqlite connector has no option {name:?}"));
    match did_you_mean(name, OPTIONS.iter().copied()) {
        Some(known) => error.hint(format!("Did you mean {known:?}?")),
        None => error.hint(format!("It has: {}", OPTIONS.join(", "))),
    }
}

/// `PATH` or `PATH:ENTRYPOINT`; `spatialite` is looked for where it usually lies.
fn extension(typed: &str) -> (PathBuf, Option<String>) {
    if typed == "spatialite" {
        let found = SPATIALITE_PATHS
            .iter()
            .map(Path::new)
            .find(|path| path.exists());
        return (
            found.unwrap_or(Path::new("mod_spatialite")).to_owned(),
            None,
        );
    }
    match typed.rsplit_once(':') {
        Some((path, entry)) if !entry.contains(['/', '\\']) => {
            (PathBuf::from(path), Some(entry.to_owned()))
        }
        _ => (PathBuf::from(typed), None),
    }
}

/// A small file's hash is there at once, a large one's when it is done.
fn start_hash(source: &Arc<SqliteSource>, path: PathBuf) {
    let is_small = FileState::of(&path).is_some_and(|state| state.size <= HASHED_AT_ONCE_BYTES);
    let source = Arc::clone(source);
    let work = move || {
        if let Ok(hash) = hash(&path) {
            source.set_hash(hash);
        }
    };
    if is_small {
        work();
    } else {
        // Without a thread there is no hash, which nothing depends on.
        drop(
            std::thread::Builder::new()
                .name("sqlite-hash".to_owned())
                .spawn(work),
        );
    }
}
