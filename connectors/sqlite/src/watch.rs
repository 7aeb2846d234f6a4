//! Watches whether the database changes: one connection of its own asks `PRAGMA data_version`, which means something
//! only within one connection, and looks whether the file is still the same.
//!
//! It never waits for another program's lock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use tablecast_connector::{Result, Version};

use crate::connection::Access;
use crate::file::FileState;

/// What was seen: equal numbers mean that nothing changed between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Counts changes of the content.
    pub(crate) content: u64,
    /// Counts changes of the schema.
    pub(crate) schema: u64,
    /// Counts how often the file was replaced.
    pub(crate) generation: u64,
}

/// The watcher of one database.
#[derive(Debug)]
pub(crate) struct Watcher {
    access: Access,
    nonce: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    connection: Option<Connection>,
    file: Option<FileState>,
    /// Which files the attached ones were.
    attached: Vec<Option<(u64, u64)>>,
    data_version: i64,
    schema_version: i64,
    seen: Seen,
    looked: Option<Instant>,
}

impl Watcher {
    pub(crate) fn new(access: Access) -> Self {
        let seen = Seen {
            content: 0,
            schema: 0,
            generation: 0,
        };
        let file = access.path.as_deref().and_then(FileState::of);
        Self {
            access,
            nonce: nonce(),
            state: Mutex::new(State {
                connection: None,
                file,
                attached: Vec::new(),
                data_version: 0,
                schema_version: 0,
                seen,
                looked: None,
            }),
        }
    }

    /// Whether the content can never change.
    fn is_constant(&self) -> bool {
        self.access.immutable || (self.access.path.is_none() && self.access.attached.is_empty())
    }

    /// What was seen as the version of the content.
    pub(crate) fn version_of(&self, seen: Seen) -> Version {
        let changes = seen.content << 16 ^ seen.generation;
        Version((u128::from(self.nonce) << 64) | u128::from(changes))
    }

    /// What is seen now, or was seen no longer than `age` ago; `None` while another program keeps us from looking.
    pub(crate) fn look(&self, age: Duration) -> Option<Seen> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_constant() || state.looked.is_some_and(|looked| looked.elapsed() < age) {
            return Some(state.seen);
        }
        state.look(&self.access)?;
        state.looked = Some(Instant::now());
        Some(state.seen)
    }

    /// What was seen last.
    pub(crate) fn last(&self) -> Seen {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .seen
    }

    /// The size of the file when it was looked at last.
    pub(crate) fn size(&self) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.file.map(|file| file.size)
    }
}

impl State {
    fn look(&mut self, access: &Access) -> Option<()> {
        if access.path.is_none() {
            self.look_at_attached(access);
            return Some(());
        }
        // A file that is gone cannot be looked at; what is open of it is served on.
        let file = FileState::of(access.path.as_deref()?)?;
        let is_replaced = self.file.is_some_and(|before| before.id != file.id);
        if is_replaced {
            self.replaced();
        }
        let fresh = self.connection.is_none();
        let (data_version, schema_version) = self.ask(access, fresh).ok()?;
        let has_changed = fresh || data_version != self.data_version;
        // Written over by something other than SQLite, whose change counter says nothing then.
        if !has_changed && self.file != Some(file) && !is_logged(access) {
            self.file = Some(file);
            self.replaced();
            return self.look(access);
        }
        if has_changed {
            self.seen.content += 1;
            if fresh || schema_version != self.schema_version {
                self.seen.schema += 1;
            }
        }
        (self.data_version, self.schema_version) = (data_version, schema_version);
        self.file = Some(file);
        Some(())
    }

    /// Attached files that were replaced must be attached anew. What changes within them is their own watchers' matter.
    fn look_at_attached(&mut self, access: &Access) {
        let files = access.attached.iter().map(|attached| {
            let state = FileState::of(&attached.path);
            state.map(|state| state.id)
        });
        let files: Vec<_> = files.collect();
        if self.attached != files {
            self.attached = files;
            self.replaced();
        }
    }

    fn replaced(&mut self) {
        self.connection = None;
        self.seen.generation += 1;
    }

    fn ask(&mut self, access: &Access, fresh: bool) -> Result<(i64, i64), rusqlite::Error> {
        if self.connection.is_none() {
            let connection = access
                .connect()
                .map_err(|_| rusqlite::Error::InvalidQuery)?;
            connection.busy_timeout(Duration::ZERO)?;
            self.connection = Some(connection);
        }
        let Some(connection) = &self.connection else {
            return Err(rusqlite::Error::InvalidQuery);
        };
        let one = |sql: &str| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.get::<_, i64>(0))
        };
        let asked = one("pragma data_version").and_then(|data_version| {
            let known = !fresh && data_version == self.data_version;
            let schema_version = if known {
                self.schema_version
            } else {
                one("pragma schema_version")?
            };
            Ok((data_version, schema_version))
        });
        if asked.is_err() && fresh {
            self.connection = None;
        }
        asked
    }
}

/// Whether changes go to a log beside the file, so that the file itself is written to without a change.
fn is_logged(access: &Access) -> bool {
    let Some(path) = &access.path else {
        return false;
    };
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::path::Path::new(&log).exists()
}

/// Different in each run of the program.
fn nonce() -> u64 {
    let time = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let mixed = (time.as_nanos() as u64) ^ (u64::from(std::process::id()) << 40);
    mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}
