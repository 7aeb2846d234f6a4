//! Cuts a text into records, one after the other, and knows where each lies.

use std::io::Read;
use std::path::Path;

use tablecast_connector::{Error, Result};

use crate::file::{cannot, name};

/// A record of more is refused: it would be kept whole.
pub(crate) const RECORD_BYTES_MAX: usize = 16 << 20;

/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;

/// Finds where records end.
pub(crate) trait Cut: Send {
    /// The length of the first record in `bytes` with whatever stands between it and the next; `None` if it does not end
    /// there. `seen` is what has been looked at in vain before. `is_last` if nothing comes behind.
    fn end(&mut self, bytes: &[u8], seen: usize, is_last: bool) -> Option<usize>;
}

/// A record: its bytes, with what ends it.
pub(crate) struct Record<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where it lies in the text.
    pub(crate) place: u64,
    /// The line its text starts in, from 1.
    pub(crate) line: u64,
}

/// Reads records.
pub(crate) struct Records<C> {
    text: Box<dyn Read + Send>,
    cut: C,
    path: std::path::PathBuf,
    buffer: Vec<u8>,
    start: usize,
    is_last: bool,
    place: u64,
    line: u64,
}

impl<C: Cut> Records<C> {
    /// The records of `text`, which starts at `place` and `line` of the file at `path`.
    pub(crate) fn new(
        text: Box<dyn Read + Send>,
        cut: C,
        path: &Path,
        place: u64,
        line: u64,
    ) -> Self {
        Self {
            text,
            cut,
            path: path.to_owned(),
            buffer: Vec::new(),
            start: 0,
            is_last: false,
            place,
            line,
        }
    }

    /// Where the next record starts.
    pub(crate) fn place(&self) -> u64 {
        self.place
    }

    /// The line in which the next record starts.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// The next record, `None` behind the last. `Unreadable` if it is too long or the text cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'_>>> {
        let mut seen = 0;
        let length = loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            if rest.is_empty() && self.is_last {
                return Ok(None);
            }
            match self.cut.end(rest, seen, self.is_last) {
                Some(length) => break length.min(rest.len()),
                None if self.is_last => break rest.len(),
                None => {}
            }
            seen = rest.len();
            if seen > RECORD_BYTES_MAX {
                return Err(Error::unreadable(format!(
                    "{}: the record in line {} has more than {} megabytes",
                    name(&self.path),
                    self.line,
                    RECORD_BYTES_MAX >> 20
                )));
            }
            self.fill()?;
        };
        let (start, place) = (self.start, self.place);
        self.start += length;
        self.place += length as u64;
        let bytes = self.buffer.get(start..start + length).unwrap_or_default();
        let before = bytes.iter().take_while(|byte| byte.is_ascii_whitespace());
        let line = self.line + before.filter(|byte| **byte == b'\n').count() as u64;
        self.line += memchr::memchr_iter(b'\n', bytes).count() as u64;
        Ok(Some(Record { bytes, place, line }))
    }

    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let mut end = filled;
        while let Some(free) = self.buffer.get_mut(end..).filter(|free| !free.is_empty()) {
            match self.text.read(free) {
                Ok(0) => {
                    self.is_last = true;
                    break;
                }
                Ok(count) => end += count,
                Err(cause) if cause.kind() == std::io::ErrorKind::Interrupted => {}
                Err(cause) => {
                    let place = self.place + (end as u64);
                    return Err(match cause.kind() {
                        std::io::ErrorKind::InvalidData
                        | std::io::ErrorKind::InvalidInput
                        | std::io::ErrorKind::Other
                        | std::io::ErrorKind::UnexpectedEof => Error::unreadable(format!(
                            "{}: it cannot be decompressed behind byte {place} of its text",
                            name(&self.path)
                        ))
                        .caused_by(cause),
                        _ => cannot(&self.path, cause),
                    });
                }
            }
        }
        self.buffer.truncate(end);
        Ok(())
    }
}
