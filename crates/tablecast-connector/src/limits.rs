//! What a request may take: time, rows, bytes; and the token by which it is cancelled.
//!
//! Limits travel with each request and are checked where the work is done. Memory is the engine's to bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Error, ErrorKind, Result};

/// A flag, shared by all parts of one request, that says nobody waits for the answer any more.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// Tells every holder of this token to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the work is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Cancels when the guard is dropped: put it beside the future whose end ends the interest.
    pub fn cancel_on_drop(&self) -> CancelGuard {
        CancelGuard(self.clone())
    }
}

/// Cancels its token when dropped.
#[derive(Debug)]
pub struct CancelGuard(CancelToken);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The limits of one request. `None` is no limit.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// When the answer is no longer wanted.
    pub deadline: Option<Instant>,
    /// The most rows to answer with.
    pub rows: Option<u64>,
    /// The most bytes of cells to answer with.
    pub bytes: Option<u64>,
    /// Set when nobody waits any more.
    pub cancel: CancelToken,
}

impl Limits {
    /// No limits but a fresh cancel token.
    pub fn none() -> Self {
        Self::default()
    }

    /// These limits with a deadline at most `time` from now.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        let end = Instant::now().checked_add(time);
        self.deadline = match (self.deadline, end) {
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
        self
    }

    /// These limits with at most `rows` rows.
    #[must_use]
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(self.rows.map_or(rows, |old| old.min(rows)));
        self
    }

    /// An error of kind `Cancelled` or `TimedOut` if the work is to stop. Call it between chunks of work.
    pub fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(
                ErrorKind::Cancelled,
                "The request was cancelled",
            ));
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Error::new(
                ErrorKind::TimedOut,
                "The time limit was reached",
            )),
            _ => Ok(()),
        }
    }

    /// The time left, `None` if there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passed_deadline_and_a_dropped_guard_stop_the_work() {
        let limits = Limits::none().within(Duration::ZERO);
        assert_eq!(
            limits.check().map_err(|e| e.kind()),
            Err(ErrorKind::TimedOut)
        );
        let limits = Limits::none();
        assert!(limits.check().is_ok());
        drop(limits.cancel.cancel_on_drop());
        assert_eq!(
            limits.check().map_err(|e| e.kind()),
            Err(ErrorKind::Cancelled)
        );
    }
}
