//! Rows as CSV: with a header, CRLF line ends, and, for a whole table, batch by batch as they come.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures::stream;
use http::{StatusCode, header};
use tablecast_connector::{Batch, CancelGuard, Cell, Result, Rows, sqlite_text};

use super::blob::hash_of;
use super::{Body, Reply, TEXT};
use crate::fetch::labels::Labels;
use crate::fetch::page::Page;
use crate::names::query_encode;
use crate::plan::paging::row_path;
use crate::request::Request;

/// What a CSV answer needs to know beside its rows.
pub(crate) struct Writing<'a> {
    pub(crate) width: usize,
    /// The columns that identify a row, for links to its blobs; none for queries.
    pub(crate) keys: &'a [String],
    pub(crate) labels: &'a BTreeMap<String, Labels>,
    /// The address of the table, before a row's key.
    pub(crate) base: String,
    pub(crate) name: &'a str,
}

/// The rows of a page.
pub(crate) fn reply(request: &Request, page: &Page, writing: &Writing<'_>) -> Result<Reply> {
    let lines = Lines::new(request, &page.columns, writing);
    let mut out = lines.header();
    page.each_row(|row| lines.write_row(|place| row.cell(place), &mut out))?;
    Ok(headed(
        request,
        writing.name,
        Reply::new(StatusCode::OK, TEXT, out),
    ))
}

/// All rows, as they come, at most `bytes_max` of them (0 for no limit).
pub(crate) fn stream(
    request: &Request,
    rows: Rows,
    writing: &Writing<'_>,
    bytes_max: u64,
    guard: CancelGuard,
) -> Reply {
    let columns: Vec<String> = rows
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let lines = Lines::new(request, &columns, writing);
    let header = Bytes::from(lines.header());
    let state = Stream {
        rows,
        lines,
        sent: 0,
        bytes_max,
        ended: false,
        _guard: guard,
    };
    let batches = stream::unfold(state, |mut state| async move {
        let bytes = state.next().await?;
        Some((Ok::<_, std::convert::Infallible>(bytes), state))
    });
    let whole = futures::StreamExt::chain(stream::iter([Ok(header)]), batches);
    let mut reply = Reply::new(StatusCode::OK, TEXT, Bytes::new());
    reply.body = Body::Stream(axum::body::Body::from_stream(whole));
    headed(request, writing.name, reply)
}

/// As a file to be saved, if that was asked for.
fn headed(request: &Request, name: &str, mut reply: Reply) -> Reply {
    if !request.arguments.has("_dl") {
        return reply;
    }
    reply.headers.insert(
        header::CONTENT_TYPE,
        http::HeaderValue::from_static("text/csv; charset=utf-8"),
    );
    let safe = super::file_name(name);
    reply.with(
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{safe}.csv\""),
    )
}

struct Stream {
    rows: Rows,
    lines: Lines,
    sent: u64,
    bytes_max: u64,
    ended: bool,
    /// Stops the reading when the client has gone.
    _guard: CancelGuard,
}

impl Stream {
    async fn next(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let written = match self.rows.batches.next().await? {
            Ok(batch) => self.write(&batch),
            Err(error) => Err(error),
        };
        // The status is sent long since: a failure can only be told in the text itself.
        let out = written.unwrap_or_else(|error| {
            self.ended = true;
            format!("Error: {}\r\n", error.message()).into_bytes()
        });
        self.sent += out.len() as u64;
        if self.bytes_max > 0 && self.sent > self.bytes_max && !self.ended {
            self.ended = true;
            let limit = self.bytes_max / (1024 * 1024);
            return Some(Bytes::from(format!(
                "Error: CSV contains more than {limit} MB\r\n"
            )));
        }
        Some(Bytes::from(out))
    }

    fn write(&self, batch: &Batch) -> Result<Vec<u8>> {
        let columns = batch.columns()?;
        let mut out = Vec::with_capacity(batch.rows() * 64);
        for row in 0..batch.rows() {
            self.lines.write_row(
                |place| columns.get(place).map_or(Cell::Null, |c| c.cell(row)),
                &mut out,
            );
        }
        Ok(out)
    }
}

/// Writes lines. Owned, so that a stream can outlive its request.
struct Lines {
    columns: Vec<(String, Option<Labels>)>,
    keys: Vec<usize>,
    base: String,
    /// A query's own arguments, for links to its blobs.
    query: String,
    has_header: bool,
}

impl Lines {
    fn new(request: &Request, columns: &[String], writing: &Writing<'_>) -> Self {
        let place_of = |key: &String| columns.iter().position(|column| column == key);
        let keys: Option<Vec<usize>> = writing.keys.iter().map(place_of).collect();
        let shown = columns.iter().take(writing.width);
        Self {
            columns: shown
                .map(|name| (name.clone(), writing.labels.get(name).cloned()))
                .collect(),
            keys: keys.unwrap_or_default(),
            base: writing.base.clone(),
            query: request.query.clone(),
            has_header: !request.arguments.is_off("_header"),
        }
    }

    fn header(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.has_header {
            let mut first = true;
            for (name, labels) in &self.columns {
                write_field(name, &mut first, &mut out);
                if labels.is_some() {
                    write_field(&format!("{name}_label"), &mut first, &mut out);
                }
            }
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn write_row<'a>(&self, cell_of: impl Fn(usize) -> Cell<'a>, out: &mut Vec<u8>) {
        let mut first = true;
        for (place, (name, labels)) in self.columns.iter().enumerate() {
            let cell = cell_of(place);
            match cell {
                Cell::Text(text) => write_field(text, &mut first, out),
                Cell::Integer(integer) => {
                    write_field(itoa::Buffer::new().format(integer), &mut first, out);
                }
                Cell::Bytes(_) if !self.keys.is_empty() => {
                    let key: Vec<_> = self
                        .keys
                        .iter()
                        .map(|place| cell_of(*place).to_value())
                        .collect();
                    let url = format!(
                        "{}/{}.blob?_blob_column={}",
                        self.base,
                        row_path(&key),
                        query_encode(name)
                    );
                    write_field(&url, &mut first, out);
                }
                Cell::Bytes(bytes) => {
                    let hash = hash_of(bytes);
                    let (base, query) = (&self.base, &self.query);
                    let column = query_encode(name);
                    let url =
                        format!("{base}.blob?{query}&_blob_column={column}&_blob_hash={hash}");
                    write_field(&url, &mut first, out);
                }
                Cell::Real(real) if !real.is_nan() => {
                    write_field(&format!("{real:?}"), &mut first, out);
                }
                _ => write_field(&sqlite_text(&cell).unwrap_or_default(), &mut first, out),
            }
            if let Some(labels) = labels {
                write_field(
                    labels.of(&cell.to_value()).unwrap_or_default(),
                    &mut first,
                    out,
                );
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn write_field(text: &str, first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    if !text
        .bytes()
        .any(|byte| matches!(byte, b',' | b'"' | b'\r' | b'\n'))
    {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
