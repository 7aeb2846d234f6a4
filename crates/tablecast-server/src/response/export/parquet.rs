//! Rows as a Parquet file, compressed with Snappy, which every reader knows.

use http::HeaderValue;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tablecast_connector::{Error, ErrorKind, Result};

use super::typed::Typing;
use super::{Part, Writer};

/// The media type.
pub(crate) const TYPE: HeaderValue = HeaderValue::from_static("application/vnd.apache.parquet");

/// A row group is written once its columns take so much memory.
const GROUP_BYTES: usize = 8 << 20;

/// A row group has so many rows at most, so that readers can skip.
const GROUP_ROWS: usize = 1 << 20;

/// Writes Parquet. Rows are held back until a row group is full.
pub(crate) struct ParquetWriter {
    typing: Typing,
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetWriter {
    /// An error of kind `Unsupported` names a type that Parquet does not have.
    pub(crate) fn new(typing: Typing) -> Result<Self> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_created_by(format!("tablecast {}", env!("CARGO_PKG_VERSION")))
            .build();
        let schema = std::sync::Arc::clone(&typing.schema);
        let writer =
            ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(|cause| {
                Error::unsupported(format!("Parquet cannot hold these columns: {cause}"))
                    .caused_by(cause)
            })?;
        Ok(Self { typing, writer })
    }

    fn hand_over(&mut self, out: &mut Vec<u8>) {
        *out = std::mem::take(self.writer.inner_mut());
    }
}

impl Writer for ParquetWriter {
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.hand_over(out);
        Ok(())
    }

    fn write(&mut self, part: &Part, out: &mut Vec<u8>) -> Result<()> {
        let batch = self.typing.batch(part)?;
        self.writer.write(&batch).map_err(failed)?;
        if self.writer.memory_size() > GROUP_BYTES {
            self.writer.flush().map_err(failed)?;
        }
        self.hand_over(out);
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        self.writer.finish().map_err(failed)?;
        self.hand_over(out);
        Ok(())
    }

    fn last_line(&self, _: &Error) -> Option<Vec<u8>> {
        None
    }
}

fn failed(cause: ParquetError) -> Error {
    Error::new(ErrorKind::Internal, "Rows could not be written as Parquet").caused_by(cause)
}
