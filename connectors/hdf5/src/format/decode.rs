//! One chunk at a time, read and decoded.

use std::fmt::Display;
use std::sync::Arc;

use super::chunks::{Chunk, ChunkIndex};
use super::dataset::{Dataset, Layout};
use crate::error::{Result, damaged};
use crate::filters::{Pipeline, Scratch};

/// Decodes chunks of one dataset; each thread has its own.
pub struct ChunkDecoder {
    dataset: Arc<Dataset>,
    pipeline: Pipeline,
    scratch: Scratch,
    stored: Vec<u8>,
}

impl ChunkDecoder {
    /// A decoder; fails with the name of a filter that is not known.
    pub fn new(dataset: &Arc<Dataset>) -> Result<Self> {
        Ok(Self {
            pipeline: dataset.pipeline()?,
            dataset: Arc::clone(dataset),
            scratch: Scratch::default(),
            stored: Vec::new(),
        })
    }

    /// Replaces what `out` holds with the elements of a chunk, those beyond the dataset's edge included.
    ///
    /// `is_at_edge` says whether the chunk lies over the edge of another dimension than the main one. The error names
    /// the rows.
    pub fn decode(
        &mut self,
        index: &ChunkIndex,
        chunk: Chunk,
        is_at_edge: bool,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let height = index.dims[self.dataset.main];
        let first = chunk.row * height;
        let rows = self.dataset.rows().min(first.saturating_add(height));
        let place = |message: &dyn Display| {
            damaged(format!(
                "rows {first} to {} cannot be read: {message}",
                rows.saturating_sub(1)
            ))
        };
        let wrong_length = |bytes: u64| {
            place(&format!(
                "the chunk has {bytes} bytes instead of {}",
                index.chunk_bytes
            ))
        };
        let is_plain =
            self.edges_are_plain() && (is_at_edge || rows < first.saturating_add(height));
        let bytes = &self.dataset.file.bytes;
        if self.pipeline.is_empty() || is_plain {
            if chunk.bytes != index.chunk_bytes {
                return Err(wrong_length(chunk.bytes));
            }
            let read = bytes.read_into(chunk.address, chunk.bytes, out);
            read.map_err(|error| place(&error))?;
        } else {
            let read = bytes.read_into(chunk.address, chunk.bytes, &mut self.stored);
            read.map_err(|error| place(&error))?;
            out.clear();
            let (stored, mask) = (&self.stored, chunk.filter_mask);
            let decoded = self.pipeline.decode(stored, mask, &mut self.scratch, out);
            decoded.map_err(|error| place(&error))?;
        }
        if out.len() as u64 != index.chunk_bytes {
            return Err(wrong_length(out.len() as u64));
        }
        Ok(())
    }

    fn edges_are_plain(&self) -> bool {
        matches!(&self.dataset.layout, Layout::Chunked(chunking) if chunking.edges_are_plain)
    }
}
