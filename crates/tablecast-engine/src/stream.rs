//! Rows on their way from a task of the engine to whoever reads them. The task waits while the reader is slow, one
//! batch ahead, and ends when the reader is gone.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::Poll;

use futures::channel::mpsc;
use futures::{FutureExt, StreamExt};
use tablecast_connector::{Batch, BatchStream, BoxFuture, Error, Limits, Result};

use crate::runtime::{Alarm, Task, start};

/// Where a task puts its batches.
pub(crate) struct Sink {
    batches: mpsc::Sender<Result<Batch>>,
    limits: Limits,
    rows_left: u64,
    bytes_left: u64,
}

/// Whether the reader takes more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Enough,
}

impl Sink {
    /// Rows that the reader may still get.
    pub(crate) fn rows_left(&self) -> u64 {
        self.rows_left
    }

    /// Hands a batch on. `TooLarge` if the answer gets more bytes than the limits allow.
    pub(crate) async fn send(&mut self, batch: Batch) -> Result<Next> {
        self.limits.check()?;
        if batch.rows() == 0 {
            return Ok(self.next());
        }
        self.rows_left = self.rows_left.saturating_sub(batch.rows() as u64);
        self.bytes_left = self
            .bytes_left
            .checked_sub(bytes_of(&batch)?)
            .ok_or_else(|| {
                let most = self.limits.bytes.unwrap_or(u64::MAX);
                Error::too_large(format!("The result has more than {most} bytes"))
                    .hint("Ask for fewer rows or columns")
            })?;
        let sent = futures::SinkExt::send(&mut self.batches, Ok(batch)).await;
        Ok(if sent.is_ok() {
            self.next()
        } else {
            Next::Enough
        })
    }

    fn next(&self) -> Next {
        if self.rows_left > 0 {
            Next::More
        } else {
            Next::Enough
        }
    }
}

fn bytes_of(batch: &Batch) -> Result<u64> {
    let mut bytes = batch.rows() * batch.width() * size_of::<i64>();
    if let Some(arrow) = batch.as_arrow() {
        let sizes = arrow.columns().iter().map(|column| {
            let data = arrow_array::Array::to_data(column);
            data.get_slice_memory_size().unwrap_or_default()
        });
        bytes = sizes.sum();
    } else {
        for column in batch.columns()? {
            for row in 0..batch.rows() {
                bytes += match column.cell(row) {
                    tablecast_connector::Cell::Text(text) => text.len(),
                    tablecast_connector::Cell::Bytes(blob) => blob.len(),
                    _ => 0,
                };
            }
        }
    }
    Ok(bytes as u64)
}

/// The batches of a task of the engine. A task that gives none in time is left behind.
pub(crate) struct Received {
    batches: mpsc::Receiver<Result<Batch>>,
    task: Option<Task<()>>,
    alarm: Alarm,
}

impl BatchStream for Received {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        Box::pin(poll_fn(move |context| {
            if self.task.is_none() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(batch) = self.batches.poll_next_unpin(context) {
                return Poll::Ready(batch);
            }
            self.alarm.poll(context).map(|error| {
                self.task = None;
                Some(Err(error))
            })
        }))
    }
}

/// Starts `produce` with at most `rows` rows to give, beside what the limits allow.
pub(crate) fn produce<W>(
    limits: &Limits,
    rows: Option<u64>,
    produce: impl FnOnce(Sink) -> W,
) -> Result<Received>
where
    W: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, batches) = mpsc::channel(1);
    let sink = Sink {
        batches: sender.clone(),
        limits: limits.clone(),
        rows_left: rows
            .unwrap_or(u64::MAX)
            .min(limits.rows.unwrap_or(u64::MAX)),
        bytes_left: limits.bytes.unwrap_or(u64::MAX),
    };
    let work = produce(sink);
    let mut sender = sender;
    let task = start(async move {
        // Rows that end with a panic must not look as if they were all.
        let ended = AssertUnwindSafe(work).catch_unwind().await;
        let ended =
            ended.unwrap_or_else(|_| Err(Error::internal("The engine failed unexpectedly")));
        if let Err(error) = ended {
            // Nobody may wait any more.
            drop(futures::SinkExt::send(&mut sender, Err(error)).await);
        }
    })?;
    Ok(Received {
        batches,
        task: Some(task),
        alarm: Alarm::at(limits)?,
    })
}
