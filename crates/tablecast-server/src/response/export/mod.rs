//! Rows as a file of some format: written batch by batch as they come, so that what is held in memory does not depend on
//! their number.
//!
//! A failure in the middle cannot change the status, which is sent long since: formats of lines tell it in their last
//! line, the others are broken off, so that no client takes a part for the whole.

pub(crate) mod arrow;
mod desk;
pub(crate) mod labels;
pub(crate) mod ndjson;
pub(crate) mod parquet;
pub(crate) mod typed;
pub(crate) mod xlsx;

use std::fs::File;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use tablecast_connector::{Batch, Cell, Error, ErrorKind, Result};

use super::blob::hash_of;
use super::{Body, Reply};
use crate::fetch::export::Export;
use crate::fetch::labels::Labels;
use crate::names::query_encode;
use crate::plan::paging::row_path;
use crate::request::Request;
use desk::Desk;
use labels::Labeller;

/// Writes rows in one format. What it puts into `out` is sent, also if it fails behind it.
pub(crate) trait Writer: Send {
    /// What stands before the first row.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// Some rows.
    fn write(&mut self, part: &Part, out: &mut Vec<u8>) -> Result<()>;

    /// What stands behind the last row.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<()>;

    /// The line that tells why no more rows come; `None` in formats that have no place for it.
    fn last_line(&self, error: &Error) -> Option<Vec<u8>>;

    /// The file that was written instead of `out`, in formats that cannot be sent before their end is known.
    fn into_file(self: Box<Self>) -> Result<Option<File>> {
        Ok(None)
    }
}

/// Some rows with the labels of their cells.
pub(crate) struct Part {
    pub(crate) batch: Batch,
    /// By column shown; `None` for columns without labels.
    pub(crate) labels: Vec<Option<Arc<Labels>>>,
}

/// What is known of all rows before the first one is written.
pub(crate) struct Heading {
    /// The columns shown, which are the first ones of each row.
    pub(crate) columns: Vec<Heard>,
    pub(crate) links: Links,
}

/// A column as it is headed.
pub(crate) struct Heard {
    pub(crate) name: String,
    /// Whether labels of its values are wanted.
    pub(crate) has_labels: bool,
}

/// How formats without bytes link to them.
pub(crate) struct Links {
    /// The places of the columns that identify a row; none for queries.
    pub(crate) keys: Vec<usize>,
    /// The address of the table, before a row's key, or of the query.
    pub(crate) address: String,
    /// A query's own arguments.
    pub(crate) query: String,
}

impl Links {
    /// The links of the rows of a table that has these columns.
    pub(crate) fn of_table(address: String, columns: &[String], keys: &[String]) -> Self {
        let place_of = |key: &String| columns.iter().position(|column| column == key);
        let places: Option<Vec<usize>> = keys.iter().map(place_of).collect();
        Self {
            keys: places.unwrap_or_default(),
            address,
            query: String::new(),
        }
    }

    /// The links of a query's rows.
    pub(crate) fn of_query(request: &Request) -> Self {
        let path = request
            .path
            .rsplit_once('.')
            .map_or(request.path.as_str(), |(path, _)| path);
        Self {
            keys: Vec::new(),
            address: format!("{}{}", request.origin, request.link(path)),
            query: request.query.clone(),
        }
    }

    /// The address of the bytes in a column of a row.
    pub(crate) fn to_bytes<'a>(
        &self,
        column: &str,
        bytes: &[u8],
        cell_of: impl Fn(usize) -> Cell<'a>,
    ) -> String {
        let (address, column) = (&self.address, query_encode(column));
        if self.keys.is_empty() {
            let (query, hash) = (&self.query, hash_of(bytes));
            let and = if query.is_empty() { "" } else { "&" };
            return format!("{address}.blob?{query}{and}_blob_column={column}&_blob_hash={hash}");
        }
        let key = self.keys.iter().map(|place| cell_of(*place).to_value());
        let key: Vec<_> = key.collect();
        format!("{address}/{}.blob?_blob_column={column}", row_path(&key))
    }
}

/// Rows and what writes them.
pub(crate) struct Making {
    pub(crate) content_type: HeaderValue,
    pub(crate) export: Export,
    pub(crate) labeller: Labeller,
    pub(crate) writer: Box<dyn Writer>,
}

impl Making {
    /// Sent as the rows come and as fast as they are taken.
    pub(crate) fn streamed(self) -> Result<Reply> {
        let mut reply = Reply::new(StatusCode::OK, self.content_type.clone(), Bytes::new());
        let bytes = stream::unfold(Stream::new(self)?, |mut state| async move {
            let bytes = state.next().await?;
            Some((bytes, state))
        });
        reply.body = Body::pieces(bytes);
        Ok(reply)
    }

    /// Made whole before it is sent, so that it can be kept.
    pub(crate) async fn whole(self) -> Result<Reply> {
        let content_type = self.content_type.clone();
        let mut stream = Stream::new(self)?;
        let mut out = Vec::new();
        while let Some((bytes, result)) = stream.step().await {
            out.extend_from_slice(&bytes);
            match result {
                Ok(()) => {}
                // A limit of the format is told as it is in a stream.
                Err(error) if error.kind() == ErrorKind::TooLarge => {
                    let line = stream.last_line(&error).await;
                    out.extend_from_slice(&line.ok_or(error)?);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Reply::new(StatusCode::OK, content_type, out))
    }

    /// Written to a file, which is sent then: a failure is known before anything is answered.
    pub(crate) async fn filed(self) -> Result<Reply> {
        let content_type = self.content_type.clone();
        let mut stream = Stream::new(self)?;
        while let Some((_, result)) = stream.step().await {
            result?;
        }
        let writer = stream.desk.leave().await?;
        let failed = || Error::internal("A workbook was not made");
        let made = tokio::task::spawn_blocking(move || writer.into_file()).await;
        let file = made.map_err(|_| failed())??.ok_or_else(failed)?;
        let length = super::file::length(&file)?;
        Ok(super::file::reply(content_type, file, length))
    }
}

enum Stage {
    Begin,
    Rows,
    Ended,
}

struct Stream {
    export: Export,
    labeller: Labeller,
    desk: Desk,
    stage: Stage,
}

impl Stream {
    fn new(making: Making) -> Result<Self> {
        Ok(Self {
            export: making.export,
            labeller: making.labeller,
            desk: Desk::new(making.writer)?,
            stage: Stage::Begin,
        })
    }

    /// The next bytes, `None` behind the last. An error breaks the answer off.
    async fn next(&mut self) -> Option<Result<Bytes>> {
        loop {
            let (mut bytes, result) = self.step().await?;
            if let Err(error) = result {
                self.stage = Stage::Ended;
                let Some(line) = self.last_line(&error).await else {
                    eprintln!("An export was broken off: {}", error.message());
                    return Some(Err(error));
                };
                bytes.extend_from_slice(&line);
            }
            if !bytes.is_empty() {
                return Some(Ok(Bytes::from(bytes)));
            }
        }
    }

    /// What is written next, `None` behind the last. It is to be sent even if something fails behind it.
    async fn step(&mut self) -> Option<(Vec<u8>, Result<()>)> {
        Some(match self.stage {
            Stage::Ended => return None,
            Stage::Begin => {
                self.stage = Stage::Rows;
                self.work(|writer, out| writer.begin(out)).await
            }
            Stage::Rows => match self.part().await.transpose() {
                Ok(Some(part)) => self.work(move |writer, out| writer.write(&part, out)).await,
                Ok(None) => {
                    self.stage = Stage::Ended;
                    self.work(|writer, out| writer.end(out)).await
                }
                Err(error) => (Vec::new(), Err(error)),
            },
        })
    }

    async fn part(&mut self) -> Option<Result<Part>> {
        let batch = match self.export.next().await? {
            Ok(batch) => batch,
            Err(error) => return Some(Err(error)),
        };
        let labels = self.labeller.labels(&batch).await;
        Some(labels.map(|labels| Part { batch, labels }))
    }

    async fn work(
        &mut self,
        work: impl FnOnce(&mut dyn Writer, &mut Vec<u8>) -> Result<()> + Send + 'static,
    ) -> (Vec<u8>, Result<()>) {
        let written = self.desk.ask(move |writer| {
            let mut out = Vec::new();
            let result = work(writer, &mut out);
            (out, result)
        });
        written
            .await
            .unwrap_or_else(|error| (Vec::new(), Err(error)))
    }

    async fn last_line(&mut self, error: &Error) -> Option<Vec<u8>> {
        let told = Error::new(error.kind(), error.message());
        let line = self.desk.ask(move |writer| writer.last_line(&told));
        line.await.ok().flatten()
    }
}

/// As a file to be saved.
pub(crate) fn attached(reply: Reply, name: &str, extension: &str) -> Reply {
    let safe = super::file_name(name);
    reply.with(
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{safe}.{extension}\""),
    )
}
