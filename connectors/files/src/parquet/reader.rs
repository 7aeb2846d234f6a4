//! Gives DataFusion the bytes of files and the footers that were read when they were described.

use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result as DataFusionResult;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use tablecast_engine::failure::to_datafusion;

use super::describe::Described;
use crate::file::LocalFile;

/// The files of a table, which know their places in it.
pub(super) struct Files(pub(super) Arc<Vec<Described>>);

/// Which file of a table a `PartitionedFile` is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(pub(super) usize);

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Files")
    }
}

impl ParquetFileReaderFactory for Files {
    fn create_reader(
        &self,
        _: usize,
        file: PartitionedFile,
        _: Option<usize>,
        _: &ExecutionPlanMetricsSet,
    ) -> DataFusionResult<Box<dyn AsyncFileReader + Send>> {
        let place = file.extension::<Place>().map(|place| place.0);
        let described = place.and_then(|place| self.0.get(place)).ok_or_else(|| {
            DataFusionError::Internal("A file has no place in its table".to_owned())
        })?;
        let opened = described.file.open().map_err(to_datafusion)?;
        Ok(Box::new(Reader {
            file: described.file.clone(),
            opened,
            metadata: Arc::clone(&described.metadata),
        }))
    }
}

struct Reader {
    file: LocalFile,
    opened: File,
    metadata: Arc<ParquetMetaData>,
}

impl Reader {
    fn bytes(&self, range: &Range<u64>) -> Result<Bytes> {
        let length = range.end.saturating_sub(range.start);
        if range.end > self.file.state.bytes {
            let (start, end) = (range.start, range.end);
            return Err(ParquetError::External(Box::new(self.file.broken(format!(
                "bytes {start} to {end} lie behind its end at {}",
                self.file.state.bytes
            )))));
        }
        let length =
            usize::try_from(length).map_err(|cause| ParquetError::External(cause.into()))?;
        let mut buffer = vec![0; length];
        read_at(&self.opened, &mut buffer, range.start).map_err(|cause| {
            let what = format!(
                "it ends before byte {}, which was there when it was opened",
                range.end
            );
            ParquetError::External(Box::new(self.file.broken(what).caused_by(cause)))
        })?;
        Ok(buffer.into())
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(not(unix))]
fn read_at(mut file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes>> {
        std::future::ready(self.bytes(&range)).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>>> {
        std::future::ready(Ok(Arc::clone(&self.metadata))).boxed()
    }
}
