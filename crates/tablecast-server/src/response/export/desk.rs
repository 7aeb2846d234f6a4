//! A writer on a thread of its own: formatting and compressing take their time, which is not taken from other requests.
//! One thread for the whole of a file, because memory that wanders between threads is not used again.

use std::sync::mpsc::{Sender, channel};

use futures::channel::oneshot;
use tablecast_connector::{Error, Result};

use super::Writer;

type Job = Box<dyn FnOnce(&mut Option<Box<dyn Writer>>) + Send>;

/// Where a writer sits. The thread ends when this is dropped.
pub(super) struct Desk(Sender<Job>);

impl Desk {
    pub(super) fn new(writer: Box<dyn Writer>) -> Result<Self> {
        let (sender, jobs) = channel::<Job>();
        let work = move || {
            let mut writer = Some(writer);
            for job in jobs {
                job(&mut writer);
            }
        };
        std::thread::Builder::new()
            .name("export".to_owned())
            .spawn(work)
            .map_err(|cause| Error::unavailable("No thread could be started").caused_by(cause))?;
        Ok(Self(sender))
    }

    /// What the writer makes of `work`.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Writer) -> T + Send + 'static,
    ) -> Result<T> {
        self.send(|writer| writer.as_mut().map(|writer| work(writer.as_mut())))
            .await?
            .ok_or_else(lost)
    }

    /// The writer itself, which does nothing here any more.
    pub(super) async fn leave(&self) -> Result<Box<dyn Writer>> {
        self.send(Option::take).await?.ok_or_else(lost)
    }

    async fn send<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Option<Box<dyn Writer>>) -> T + Send + 'static,
    ) -> Result<T> {
        let (done, result) = oneshot::channel();
        // Nobody may wait for it any more.
        let job: Job = Box::new(move |writer| drop(done.send(work(writer))));
        self.0.send(job).map_err(|_| lost())?;
        result.await.map_err(|_| lost())
    }
}

fn lost() -> Error {
    Error::internal("The writer of an export is gone")
}
