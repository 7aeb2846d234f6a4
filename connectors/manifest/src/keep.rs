//! What was read of tables, kept for the time that the manifest says. Reading goes on beside the requests that wait for
//! it, once for all of them, so that a table that takes longer than one request may is there for the next.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tablecast_connector::{Error, ErrorKind, Limits, Result};

use crate::load::{Loaded, Parameters};

/// So many tables are read at a time.
const READING_MAX: usize = 2;
/// All that is kept of one manifest takes no more bytes, but for the last table that was read.
const KEPT_BYTES_MAX: usize = 192 << 20;
/// So many answers are kept.
const KEPT_MAX: usize = 64;
/// A failure is kept for so long, so that one page does not ask a broken server again and again.
const FAILURE_FOR: Duration = Duration::from_secs(1);
/// How often a wait looks whether anybody still waits for its answer.
const SLICE: Duration = Duration::from_millis(20);

/// A table, by its place in the manifest, with what its server filters by.
pub(crate) type Key = (usize, Parameters);

/// What was read, by table and parameters.
#[derive(Debug, Default)]
pub(crate) struct Keep {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    kept: HashMap<Key, Entry>,
    reading: HashSet<Key>,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    result: Result<Arc<Loaded>, Failure>,
}

/// An error that more than one is told of.
#[derive(Clone, Debug)]
struct Failure {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    cause: Option<String>,
}

impl Failure {
    fn of(error: &Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.message().to_owned(),
            hint: error.suggestion().map(str::to_owned),
            cause: std::error::Error::source(error).map(ToString::to_string),
        }
    }

    fn again(&self) -> Error {
        let mut error = Error::new(self.kind, self.message.clone());
        if let Some(hint) = &self.hint {
            error = error.hint(hint.clone());
        }
        match &self.cause {
            Some(cause) => error.caused_by(cause.clone()),
            None => error,
        }
    }
}

impl Keep {
    /// What is kept under `key` and not older than `age`, or else what `load` reads now. Waits as `limits` allow; what is
    /// being read is read to its end.
    pub(crate) fn loaded(
        self: &Arc<Self>,
        key: &Key,
        age: Duration,
        limits: &Limits,
        load: impl FnOnce() -> Result<Loaded> + Send + 'static,
    ) -> Result<Arc<Loaded>> {
        let began = Instant::now();
        let mut load = Some(load);
        let mut state = self.lock();
        loop {
            if let Some(entry) = state.kept.get(key).filter(|entry| entry.suits(began, age)) {
                return entry.result.clone().map_err(|failure| failure.again());
            }
            limits.check()?;
            if !state.reading.contains(key) && state.reading.len() < READING_MAX {
                if let Some(load) = load.take() {
                    state.reading.insert(key.clone());
                    drop(state);
                    self.start(key, load)?;
                    state = self.lock();
                    continue;
                }
                // It was read for this caller and has been put out since: others read too much at a time.
                return Err(Error::unavailable("Too much is read at a time").hint("Ask again"));
            }
            let waited = self.changed.wait_timeout(state, SLICE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start(
        self: &Arc<Self>,
        key: &Key,
        load: impl FnOnce() -> Result<Loaded> + Send + 'static,
    ) -> Result<()> {
        let (keep, read) = (Arc::clone(self), key.clone());
        let work = move || {
            let result = catch_unwind(AssertUnwindSafe(load))
                .unwrap_or_else(|_| Err(Error::internal("Reading a table stopped")));
            keep.put(read, result);
        };
        let started = thread::Builder::new()
            .name("manifest-load".to_owned())
            .spawn(work);
        started.map(drop).map_err(|cause| {
            self.lock().reading.remove(key);
            Error::unavailable("No thread could be started").caused_by(cause)
        })
    }

    fn put(&self, key: Key, result: Result<Loaded>) {
        let mut state = self.lock();
        state.reading.remove(&key);
        let entry = Entry {
            at: Instant::now(),
            result: result.map(Arc::new).map_err(|error| Failure::of(&error)),
        };
        state.kept.remove(&key);
        state.make_room(entry.bytes());
        state.kept.insert(key, entry);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Drops the oldest until another `bytes` fit.
    fn make_room(&mut self, bytes: usize) {
        loop {
            let kept: usize = self.kept.values().map(Entry::bytes).sum();
            if self.kept.len() < KEPT_MAX && kept + bytes <= KEPT_BYTES_MAX {
                return;
            }
            let oldest = self.kept.iter().min_by_key(|(_, entry)| entry.at);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            self.kept.remove(&oldest);
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.result.as_ref().map_or(0, |loaded| loaded.bytes)
    }

    /// What came while the caller waited suits, however short it is kept.
    fn suits(&self, began: Instant, age: Duration) -> bool {
        let age = if self.result.is_ok() {
            age
        } else {
            FAILURE_FOR
        };
        self.at >= began || self.at.elapsed() < age
    }
}
