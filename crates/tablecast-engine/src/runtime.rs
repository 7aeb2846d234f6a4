//! The engine's own runtime: heavy work never delays whoever answers requests. It starts with the first task.
//!
//! Every task holds one of a fixed number of places until it has really ended: one that does not stop when it is told
//! to is abandoned, but still counted.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt;
use tablecast_connector::{Error, ErrorKind, Limits, Result};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// Tasks at a time, of all requests together, abandoned ones included.
const PLACES: usize = 128;

/// The planner goes down a statement recursively: its deepest statements (see the parser's limits) need this much. Only
/// what is used of it takes memory.
const STACK_BYTES: usize = 64 << 20;

static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
static CLOCK: OnceLock<Result<Runtime, String>> = OnceLock::new();
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// The number of tasks of one request that run side by side.
pub fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// The runtime on which the engine works. `Unavailable` if the system gives no threads.
fn runtime() -> Result<&'static Runtime> {
    let started = RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(parallelism().max(2))
            .thread_name("engine")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .map_err(|error| error.to_string())
    });
    started
        .as_ref()
        .map_err(|cause| Error::unavailable("The engine could not start").caused_by(cause.as_str()))
}

/// The runtime whose only thread watches deadlines, so that they pass even while all others are at work.
fn clock() -> Result<&'static Runtime> {
    let started = CLOCK.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("engine-clock")
            .enable_time()
            .build()
            .map_err(|error| error.to_string())
    });
    started
        .as_ref()
        .map_err(|cause| Error::unavailable("The engine could not start").caused_by(cause.as_str()))
}

struct Place;

impl Place {
    fn take() -> Result<Self> {
        TAKEN
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
                (taken < PLACES).then_some(taken + 1)
            })
            .map(|_| Self)
            .map_err(|_| {
                Error::unavailable(format!(
                    "{PLACES} queries are being worked on; try again later"
                ))
            })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A task that is stopped when nobody waits for it any more.
pub struct Task<T>(JoinHandle<T>);

impl<T> std::fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Task")
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Task<T> {
    /// What the task gives in the end. `Internal` if it panics.
    pub async fn ended(mut self) -> Result<T> {
        let ended = std::future::poll_fn(|context| self.0.poll_unpin(context)).await;
        ended.map_err(|cause| Error::internal("The engine failed unexpectedly").caused_by(cause))
    }
}

/// Starts `work` on the engine's runtime. Dropping the task stops it at its next point of waiting.
pub fn start<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Result<Task<T>> {
    let place = Place::take()?;
    Ok(Task(runtime()?.spawn(async move {
        let _place = place;
        work.await
    })))
}

/// Rings at the deadline, whatever runtime it is waited for on.
pub(crate) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    pub(crate) fn at(limits: &Limits) -> Result<Self> {
        let Some(deadline) = limits.deadline else {
            return Ok(Self(None));
        };
        // A sleep looks for its runtime when it is made, not when it is waited for.
        let _inside = clock()?.enter();
        let sleep = tokio::time::sleep_until(deadline.into());
        Ok(Self(Some(Box::pin(sleep))))
    }

    /// The error that the deadline passed, when it passes.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Error> {
        match &mut self.0 {
            Some(sleep) => sleep
                .poll_unpin(context)
                .map(|()| Error::new(ErrorKind::TimedOut, "The time limit was reached")),
            None => Poll::Pending,
        }
    }
}

/// Runs `work` on the engine's runtime until it ends or the deadline of `limits` passes, whichever comes first.
///
/// `TimedOut` if the deadline passes, `Unavailable` if all places are taken, `Internal` if the work panics.
pub async fn run<T: Send + 'static>(
    limits: &Limits,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    limits.check()?;
    let mut task = start(work)?;
    let mut alarm = Alarm::at(limits)?;
    std::future::poll_fn(move |context| {
        if let Poll::Ready(ended) = task.0.poll_unpin(context) {
            return Poll::Ready(match ended {
                Ok(answer) => answer,
                Err(cause) => {
                    Err(Error::internal("The engine failed unexpectedly").caused_by(cause))
                }
            });
        }
        alarm.poll(context).map(Err)
    })
    .await
}

/// A second error that says the same, for a failure that concerns several answers.
pub(crate) fn again(error: &Error) -> Error {
    let same = Error::new(error.kind(), error.message());
    match error.suggestion() {
        Some(hint) => same.hint(hint),
        None => same,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use futures::executor::block_on;

    use super::*;

    #[test]
    fn a_task_that_does_not_stop_is_left_behind_and_counted() {
        let limits = Limits::none().within(Duration::from_millis(50));
        let started = Instant::now();
        let stubborn = (0..parallelism().max(2)).map(|_| async {
            std::thread::sleep(Duration::from_millis(600));
            Ok(())
        });
        let all = stubborn.map(|work| run(&limits, work));
        for ended in block_on(futures::future::join_all(all)) {
            assert_eq!(ended.map_err(|e| e.kind()), Err(ErrorKind::TimedOut));
        }
        assert!(started.elapsed() < Duration::from_millis(500));
        assert!(TAKEN.load(Ordering::Acquire) >= parallelism().max(2));
    }

    #[test]
    fn a_task_that_panics_is_an_error() {
        let ended = block_on(run(&Limits::none(), async {
            Err::<(), _>(Error::internal("first")).map_err(|_| panic!("second"))
        }));
        assert_eq!(ended.map_err(|e| e.kind()), Err(ErrorKind::Internal));
    }
}
