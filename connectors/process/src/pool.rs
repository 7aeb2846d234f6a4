//! The guests of one container: started when they are needed, each asked one thing at a time, and started anew after a
//! failure, with a wait that doubles while failures follow each other.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tablecast_connector::{Error, ErrorKind, Limits, OpenOptions, Result};

use crate::guest::Guest;
use crate::program::Program;

/// How many guests one container may have. Each holds one request.
pub(crate) const GUESTS_MAX: usize = 6;

/// How many of them may be sending rows: one is left for short questions.
const STREAMS_MAX: usize = GUESTS_MAX - 1;

/// How many requests for rows may wait for a guest.
const WAITING_MAX: usize = 12;

/// The threads of a container: requests for rows that wait never hold all of them, so that those under way go on.
pub(crate) const THREADS: usize = GUESTS_MAX + 2 * WAITING_MAX;

/// What a guest is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A question with one answer.
    Question,
    /// Rows, which are read as somebody wants them.
    Stream,
}

/// The first wait after the second failure in a row, and the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// How often a wait for a guest looks whether anybody still waits.
const SLICE: Duration = Duration::from_millis(20);

/// The guests of one container.
#[derive(Debug)]
pub(crate) struct Guests {
    program: Program,
    host: String,
    location: String,
    options: Json,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<(Guest, FileState)>,
    alive: usize,
    streams: usize,
    waiting: usize,
    /// Whether a guest is being started, or opens the container again.
    is_opening: bool,
    /// How many openings went wrong, and what the last one came to.
    refusals: u64,
    refusal: Option<(ErrorKind, String)>,
    failures: u32,
    retry_at: Option<Instant>,
    problem: String,
}

/// A file's size, time of change and identity. Guests that opened an older one open it again.
pub(crate) type FileState = Option<(u64, u128, u64)>;

/// A guest on loan. Dropping gives it back, or ends it if it is not sound.
#[derive(Debug)]
pub(crate) struct Loan {
    guests: Arc<Guests>,
    guest: Option<(Guest, FileState)>,
    wanted: Use,
}

impl Guests {
    pub(crate) fn new(
        program: Program,
        host: &str,
        location: String,
        options: &OpenOptions,
    ) -> Self {
        Self {
            program,
            host: host.to_owned(),
            location,
            options: json!(options.own),
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    /// The state of the file that the container is, if it is one.
    pub(crate) fn file_state(&self) -> FileState {
        use std::os::unix::fs::MetadataExt;

        let metadata = std::fs::metadata(&self.location).ok()?;
        let modified = metadata.modified().ok()?;
        let since = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some((metadata.len(), since.as_nanos(), metadata.ino()))
    }

    /// Opens the container by a guest that was started to say hello.
    pub(crate) fn adopt(self: &Arc<Self>, mut guest: Guest) -> Result<()> {
        let state = self.file_state();
        self.open(&mut guest)?;
        let mut shared = self.lock();
        shared.alive += 1;
        shared.idle.push((guest, state));
        Ok(())
    }

    /// A guest that has the container open in its present state. `Unavailable` where guests fail or all are busy.
    ///
    /// A guest is started, and opens the container, beside all requests: one that has no more time leaves a guest behind
    /// that is ready for the next.
    pub(crate) fn lend(self: &Arc<Self>, wanted: Use, limits: &Limits) -> Result<Loan> {
        let current = self.file_state();
        let mut state = self.lock();
        let refusals = state.refusals;
        loop {
            if let Some((kind, message)) =
                state.refusal.clone().filter(|_| state.refusals > refusals)
            {
                return Err(Error::new(kind, message));
            }
            if let Some(retry_at) = state.retry_at.filter(|at| *at > Instant::now()) {
                let seconds = retry_at.saturating_duration_since(Instant::now()).as_secs() + 1;
                return Err(Error::unavailable(state.problem.clone())
                    .hint(format!("It is started again in {seconds} s")));
            }
            if wanted == Use::Question || state.streams < STREAMS_MAX {
                if let Some((mut guest, opened)) = state.idle.pop() {
                    if !guest.is_sound() {
                        state.alive -= 1;
                        drop(state);
                        self.failed(guest.problem.take());
                        state = self.lock();
                        continue;
                    }
                    if opened == current {
                        state.streams += usize::from(wanted == Use::Stream);
                        return Ok(Loan {
                            guests: Arc::clone(self),
                            guest: Some((guest, opened)),
                            wanted,
                        });
                    }
                    self.open_beside(&mut state, Some(guest), current)?;
                    continue;
                }
                if state.alive < GUESTS_MAX && !state.is_opening {
                    state.alive += 1;
                    self.open_beside(&mut state, None, current)?;
                }
            }
            if wanted == Use::Stream && state.waiting >= WAITING_MAX {
                return Err(self.busy());
            }
            state.waiting += usize::from(wanted == Use::Stream);
            state = self
                .freed
                .wait_timeout(state, SLICE)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.waiting -= usize::from(wanted == Use::Stream);
            limits.check()?;
        }
    }

    fn open(&self, guest: &mut Guest) -> Result<()> {
        let params = json!({ "location": self.location, "options": self.options });
        guest.answer("open", params, &Limits::none()).map(drop)
    }

    /// Lets a guest that is counted as alive, or a new one, open the container on a thread of its own.
    fn open_beside(
        self: &Arc<Self>,
        state: &mut State,
        guest: Option<Guest>,
        current: FileState,
    ) -> Result<()> {
        let guests = Arc::clone(self);
        let opening = thread::Builder::new().name("guest-open".to_owned());
        let started = opening.spawn(move || guests.opened(guest, current));
        if let Err(cause) = started {
            state.alive -= 1;
            return Err(Error::unavailable("No thread could be started").caused_by(cause));
        }
        state.is_opening = true;
        Ok(())
    }

    fn opened(&self, guest: Option<Guest>, current: FileState) {
        let opened = match guest.map_or_else(|| Guest::start(&self.program, &self.host), Ok) {
            Ok(mut guest) => match self.open(&mut guest) {
                Ok(()) => Ok(guest),
                // A guest that could not open is not kept: it may be between two states.
                Err(error) => Err((error, guest.is_sound())),
            },
            Err(error) => Err((error, false)),
        };
        if let Err((error, false)) = &opened {
            self.failed(Some(error.message().to_owned()));
        }
        let mut state = self.lock();
        state.is_opening = false;
        match opened {
            Ok(guest) => state.idle.push((guest, current)),
            Err((error, _)) => {
                state.alive -= 1;
                state.refusals += 1;
                state.refusal = Some((error.kind(), error.message().to_owned()));
            }
        }
        drop(state);
        self.freed.notify_all();
    }

    fn busy(&self) -> Error {
        Error::unavailable(format!("The connector {} is busy", self.program.label))
            .hint("Ask again in a moment")
    }

    /// Notes a failure: the first costs nothing, those that follow it without a success a wait that doubles.
    fn failed(&self, problem: Option<String>) {
        let mut state = self.lock();
        state.failures += 1;
        state.problem = problem
            .unwrap_or_else(|| format!("The connector {} ended by itself", self.program.label));
        let doublings = state.failures.saturating_sub(2);
        state.retry_at = (state.failures > 1).then(|| {
            let wait = FIRST_WAIT.saturating_mul(1 << doublings.min(6));
            Instant::now() + wait.min(LONGEST_WAIT)
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Loan {
    /// The guest.
    pub(crate) fn guest(&mut self) -> Result<&mut Guest> {
        match &mut self.guest {
            Some((guest, _)) => Ok(guest),
            None => Err(Error::internal(
                "A connector was used after it had been given back",
            )),
        }
    }

    /// Notes that the guest did what was asked, so that earlier failures count no more.
    pub(crate) fn succeeded(&self) {
        let mut state = self.guests.lock();
        (state.failures, state.retry_at) = (0, None);
    }

    /// Cancels request `id` and gives the guest back once it has ended it, without holding up the caller.
    pub(crate) fn cancel_and_return(mut self, id: u64) {
        let cancelling = thread::Builder::new().name("guest-cancel".to_owned());
        // Without a thread the loan is dropped here, and with the closure the guest.
        let _ = cancelling.spawn(move || {
            if let Ok(guest) = self.guest() {
                guest.cancel(id);
            }
        });
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let sound = self.guest.take().map(|(mut guest, opened)| {
            if guest.is_sound() {
                return Ok((guest, opened));
            }
            // Ending it takes a moment, for which nobody is to wait.
            let problem = guest.problem.take();
            drop(guest);
            Err(problem)
        });
        let mut state = self.guests.lock();
        state.streams -= usize::from(self.wanted == Use::Stream);
        match sound {
            Some(Ok(idle)) => state.idle.push(idle),
            Some(Err(problem)) => {
                state.alive -= 1;
                drop(state);
                self.guests.failed(problem);
            }
            None => state.alive -= 1,
        }
        self.guests.freed.notify_all();
    }
}
