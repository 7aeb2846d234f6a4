//! Rows as a stream of Arrow's messages (IPC), uncompressed, as they come.

use arrow_ipc::writer::StreamWriter;
use arrow_schema::ArrowError;
use http::HeaderValue;
use tablecast_connector::{Error, ErrorKind, Result};

use super::typed::Typing;
use super::{Part, Writer};

/// The media type.
pub(crate) const TYPE: HeaderValue =
    HeaderValue::from_static("application/vnd.apache.arrow.stream");

/// Writes Arrow.
pub(crate) struct ArrowWriter {
    typing: Typing,
    writer: StreamWriter<Vec<u8>>,
}

impl ArrowWriter {
    pub(crate) fn new(typing: Typing) -> Result<Self> {
        let writer = StreamWriter::try_new(Vec::new(), &typing.schema).map_err(failed)?;
        Ok(Self { typing, writer })
    }
}

impl Writer for ArrowWriter {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        *out = std::mem::take(self.writer.get_mut());
        Ok(())
    }

    fn write(&mut self, part: &Part, out: &mut Vec<u8>) -> Result<()> {
        let batch = self.typing.batch(part)?;
        self.writer.write(&batch).map_err(failed)?;
        *out = std::mem::take(self.writer.get_mut());
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish().map_err(failed)?;
        *out = std::mem::take(self.writer.get_mut());
        Ok(())
    }

    fn last_line(&self, _: &Error) -> Option<Vec<u8>> {
        None
    }
}

fn failed(cause: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "Rows could not be written as Arrow").caused_by(cause)
}
