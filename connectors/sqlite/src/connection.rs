//! Connections that can only read, and the few of them that wait to be used again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::functions::FunctionFlags;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags};
use tablecast_connector::{Error, Limits, Result};
use tablecast_sql::escape_fts;

use crate::authorizer::restrict_to_reading;
use crate::failure::failure;
use crate::file::uri;

/// The largest text, blob or row that is read or made. SQLite's own default is a billion bytes.
const VALUE_BYTES_MAX: i32 = 256 << 20;

/// Kept statements of one connection: a page asks about five, each table and set of filters its own.
const STATEMENTS_MAX: usize = 64;

/// How a database is opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// The file; `None` for an empty database in memory.
    pub(crate) path: Option<PathBuf>,
    /// Nobody writes to it: no locks, no looking for a journal.
    pub(crate) immutable: bool,
    /// Read without locks.
    pub(crate) nolock: bool,
    /// Libraries to load, each with its entry point if it is not the usual one.
    pub(crate) extensions: Vec<(PathBuf, Option<String>)>,
    /// Databases whose tables a database in memory sees beside its own, each under its name.
    pub(crate) attached: Vec<Attached>,
    /// The size of each connection's page cache in kilobytes, if not SQLite's own.
    pub(crate) cache_kb: Option<u32>,
    /// The name for messages: the path as the user gave it.
    pub(crate) shown: String,
}

/// A file that a connection has attached.
#[derive(Clone, Debug)]
pub(crate) struct Attached {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    pub(crate) immutable: bool,
}

impl Access {
    /// A new connection.
    pub(crate) fn connect(&self) -> Result<Connection> {
        let fail = |error| failure(error, &self.shown, &Limits::none());
        let connection = match &self.path {
            None => self.open_memory(),
            Some(path) => self.open_file(path),
        }
        .map_err(fail)?;
        for (library, entry) in &self.extensions {
            load_extension(&connection, library, entry.as_deref())?;
        }
        for attached in &self.attached {
            self.attach(&connection, attached)?;
        }
        if let Some(kilobytes) = self.cache_kb {
            // A negative number means kilobytes, a positive one pages.
            connection
                .pragma_update(None, "cache_size", -i64::from(kilobytes))
                .map_err(fail)?;
        }
        restrict(&connection).map_err(fail)?;
        Ok(connection)
    }

    fn open_memory(&self) -> rusqlite::Result<Connection> {
        if self.attached.is_empty() {
            return Connection::open_in_memory();
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_in_memory_with_flags(flags)
    }

    fn open_file(&self, path: &Path) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(self.uri(path, self.immutable), flags)
    }

    fn attach(&self, connection: &Connection, attached: &Attached) -> Result<()> {
        let file = self.uri(&attached.path, attached.immutable);
        connection
            .execute("attach ? as ?", [&file, &attached.name])
            .map_err(|error| failure(error, &attached.name, &Limits::none()))?;
        Ok(())
    }

    fn uri(&self, path: &Path, immutable: bool) -> String {
        let mut parameters = vec![("mode", "ro")];
        if immutable {
            parameters.push(("immutable", "1"));
        }
        if self.nolock {
            parameters.push(("nolock", "1"));
        }
        uri(path, &parameters)
    }
}

#[expect(
    unsafe_code,
    reason = "the user names libraries to run inside this program, on the command line"
)]
fn load_extension(connection: &Connection, library: &Path, entry: Option<&str>) -> Result<()> {
    // SAFETY: what the library does is the responsibility of the user who named it. Loading is switched off again
    // before any statement of a request runs.
    let loaded = unsafe {
        connection
            .load_extension_enable()
            .and_then(|()| connection.load_extension(library, entry))
    };
    let disabled = connection.load_extension_disable();
    loaded.and(disabled).map_err(|cause| {
        let reason = cause.to_string();
        Error::invalid(format!(
            "The extension {} cannot be loaded",
            library.display()
        ))
        .hint(reason)
        .caused_by(cause)
    })
}

/// Significant digits of a real number that becomes a text: 15, as in SQLite before 3.54 and in the seam. The 17 that
/// it writes now differ in their last digit from one version to the next.
const REAL_DIGITS: std::ffi::c_int = 15;

#[expect(
    unsafe_code,
    reason = "rusqlite has no safe way to set this option yet"
)]
fn set_real_digits(connection: &Connection) {
    // SAFETY: the handle is valid while `connection` is; this option takes an int and a pointer that may be null. An
    // SQLite that does not know it answers with an error and does nothing.
    unsafe {
        rusqlite::ffi::sqlite3_db_config(
            connection.handle(),
            rusqlite::ffi::SQLITE_DBCONFIG_FP_DIGITS,
            REAL_DIGITS,
            std::ptr::null_mut::<std::ffi::c_int>(),
        );
    }
}

fn restrict(connection: &Connection) -> rusqlite::Result<()> {
    set_real_digits(connection);
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("escape_fts", 1, flags, |context| {
        let text: Option<String> = context.get(0)?;
        Ok(text.map(|text| escape_fts(&text)))
    })?;
    restrict_to_reading(connection)
}

/// Connections to one database. Each is used by one thread at a time.
#[derive(Debug)]
pub(crate) struct Connections {
    access: Access,
    idle: Mutex<Vec<(u64, Connection)>>,
    /// Counts how often the file was found replaced; older connections are closed instead of used again.
    generation: AtomicU64,
}

impl Connections {
    pub(crate) fn new(access: Access) -> Self {
        Self {
            access,
            idle: Mutex::new(Vec::new()),
            generation: AtomicU64::new(0),
        }
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    /// Closes connections to a file that is no longer the one served: those of an older generation.
    pub(crate) fn renew(&self, generation: u64) {
        if self.generation.swap(generation, Ordering::Relaxed) != generation {
            self.idle().retain(|(of, _)| *of == generation);
        }
    }

    /// Does something with a connection, which is kept for the next one. Blocks.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        let generation = self.generation.load(Ordering::Relaxed);
        let kept = self.idle().pop().filter(|(of, _)| *of == generation);
        let mut connection = match kept {
            Some((_, connection)) => connection,
            None => self.access.connect()?,
        };
        let result = work(&mut connection);
        if generation == self.generation.load(Ordering::Relaxed) {
            self.idle().push((generation, connection));
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
