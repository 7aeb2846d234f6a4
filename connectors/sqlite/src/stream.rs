//! Long results: each has a thread and a connection of its own, so that it holds up nobody, and their number is
//! bounded. The thread waits while the reader of the stream is slow, and ends when the reader is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::channel::{mpsc, oneshot};
use futures::executor::block_on;
use futures::{SinkExt, StreamExt};
use tablecast_connector::{Batch, BatchStream, BoxFuture, Error, Limits, Result, Statement};

use crate::connection::Connections;
use crate::run::{Next, run};

/// Streams at a time, for one database.
const STREAMS_MAX: usize = 16;

/// Batches that wait for the reader.
const BATCHES_WAITING: usize = 2;

/// Counts the streams of one database.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams(Arc<AtomicUsize>);

/// One of the places for streams, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Streams {
    fn take(&self) -> Result<Place> {
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| {
                (count < STREAMS_MAX).then_some(count + 1)
            });
        match taken {
            Ok(_) => Ok(Place(Arc::clone(&self.0))),
            Err(_) => Err(Error::unavailable(format!(
                "{STREAMS_MAX} long results are being read from this database; try again later"
            ))),
        }
    }

    /// Starts a long result: the names of its columns and the stream of its batches.
    pub(crate) async fn start(
        &self,
        connections: Arc<Connections>,
        statement: Statement,
        limits: Limits,
    ) -> Result<(Vec<String>, BatchReceiver)> {
        let place = self.take()?;
        let (started, names) = oneshot::channel();
        let (batches, receiver) = mpsc::channel(BATCHES_WAITING);
        let work = move || {
            let _place = place;
            produce(&connections, &statement, &limits, started, batches);
        };
        std::thread::Builder::new()
            .name("sqlite-stream".to_owned())
            .spawn(work)
            .map_err(|cause| Error::unavailable("No thread could be started").caused_by(cause))?;
        match names.await {
            Ok(names) => Ok((names?, BatchReceiver(receiver))),
            Err(_) => Err(Error::internal("A long result ended before it began")),
        }
    }
}

fn produce(
    connections: &Connections,
    statement: &Statement,
    limits: &Limits,
    started: oneshot::Sender<Result<Vec<String>>>,
    mut batches: mpsc::Sender<Result<Batch>>,
) {
    let mut started = Some(started);
    let ended = connections.access().connect().and_then(|mut connection| {
        run(
            &mut connection,
            statement,
            limits,
            &connections.access().shown,
            |names| match started.take().map(|started| started.send(Ok(names))) {
                Some(Ok(())) => Next::More,
                _ => Next::Enough,
            },
            |batch| match block_on(batches.send(Ok(batch))) {
                Ok(()) => Next::More,
                Err(_) => Next::Enough,
            },
        )
    });
    if let Err(error) = ended {
        match started.take() {
            // Nobody may wait any more.
            Some(started) => drop(started.send(Err(error))),
            None => drop(block_on(batches.send(Err(error)))),
        }
    }
}

/// The batches of a long result.
pub(crate) struct BatchReceiver(mpsc::Receiver<Result<Batch>>);

impl BatchStream for BatchReceiver {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        Box::pin(self.0.next())
    }
}
