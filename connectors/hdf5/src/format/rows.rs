//! Rows of a dataset as bytes, block by block: what is asked for is read and decoded, and nothing else.
//!
//! A block is as many rows as come cheaply at once: a chunk, a stretch of a contiguous dataset, a stretch of fill
//! values. In a block one row follows the other, whichever dimension the rows go by.

use std::sync::Arc;

use super::cache;
use super::chunks::{Chunk, ChunkIndex};
use super::dataset::{Dataset, Layout};
use super::decode::ChunkDecoder;
use super::external;
use super::virtual_rows::{Steps, VirtualReader};
use crate::error::{Result, damaged};

/// A block holds no more than this, unless a single row is larger. It fits into the processor's cache.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes read at once where rows of several datasets take turns.
const RECORDS_BYTES: u64 = 4 << 20;
/// The same where rows are put together from many chunks, which are decoded again for each block.
const WIDE_BLOCK_BYTES: usize = 16 << 20;

/// Reads the rows of one dataset; each thread has its own.
pub struct RowReader {
    dataset: Arc<Dataset>,
    index: Option<Arc<ChunkIndex>>,
    decoder: ChunkDecoder,
    row_bytes: usize,
    decoded: Arc<Vec<u8>>,
    /// Which chunk `decoded` holds.
    decoded_chunk: Option<Chunk>,
    block: Vec<u8>,
    /// Rows with what is between them.
    records: Vec<u8>,
    /// The reader of the sources of a virtual dataset.
    sources: Option<Box<VirtualReader>>,
    /// Whether a virtual dataset reads this one.
    is_source: bool,
    /// Whether decoded chunks are kept for others.
    pub keeps_chunks: bool,
}

impl RowReader {
    /// A reader that has read nothing of the rows yet; reads the chunk index if nobody has.
    pub fn new(dataset: &Arc<Dataset>) -> Result<Self> {
        Self::within(dataset, Steps::default())
    }

    /// The same for the source of a virtual dataset, which counts the steps.
    pub fn within(dataset: &Arc<Dataset>, steps: Steps) -> Result<Self> {
        let index = dataset.index()?;
        let is_source = steps.is_running();
        let sources = match &dataset.layout {
            Layout::Virtual(mappings) => {
                Some(Box::new(VirtualReader::new(dataset, mappings, steps)))
            }
            _ => None,
        };
        Ok(Self {
            decoder: ChunkDecoder::new(dataset)?,
            sources,
            is_source,
            keeps_chunks: true,
            row_bytes: dataset.row_bytes()?,
            dataset: Arc::clone(dataset),
            index,
            decoded: Arc::default(),
            decoded_chunk: None,
            block: Vec::new(),
            records: Vec::new(),
        })
    }

    /// How many rows can be read at once from `row` on, at most, without passing `end`.
    fn stretch(&self, row: u64, end: u64) -> u64 {
        let is_wide = self.index.as_ref().is_some_and(|index| index.columns > 1);
        let bytes = if is_wide {
            WIDE_BLOCK_BYTES
        } else {
            BLOCK_BYTES
        };
        let fitting = (bytes / self.row_bytes.max(1)).max(1) as u64;
        (end - row).min(fitting).min(1 << 18)
    }

    /// The rows from `row` on, `end` not passed: how many they are, at least one, and their bytes.
    ///
    /// `row` must be less than `end`, and `end` at most the number of rows.
    pub fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        let dataset = Arc::clone(&self.dataset);
        let rows = self.stretch(row, end);
        match (&dataset.layout, self.index.clone()) {
            (_, Some(index)) => self.chunked(&dataset, &index, row, end),
            (Layout::Compact(data), _) => self.whole(&dataset, row, rows, |start, bytes, out| {
                let data = data
                    .get(start as usize..)
                    .and_then(|data| data.get(..bytes as usize));
                out.extend_from_slice(
                    data.ok_or_else(|| damaged("its data are shorter than its shape"))?,
                );
                Ok(())
            }),
            (Layout::Contiguous(Some(address)), _) => {
                self.whole(&dataset, row, rows, |start, bytes, out| {
                    dataset
                        .file
                        .bytes
                        .read_into(address.saturating_add(start), bytes, out)
                })
            }
            (Layout::Records { address, stride }, _) => self.records(*address, *stride, row, rows),
            (Layout::External(segments), _) => {
                self.whole(&dataset, row, rows, |start, bytes, out| {
                    external::read(&dataset.file, segments, start, bytes, out)
                })
            }
            _ => {
                self.fill(rows);
                if let Some(sources) = &mut self.sources {
                    if !self.is_source {
                        sources.restart();
                    }
                    let read = sources.read(row, row + rows, self.row_bytes, &mut self.block);
                    read.map_err(|error| {
                        let last = row + rows - 1;
                        damaged(format!("rows {row} to {last} cannot be read: {error}"))
                    })?;
                }
                Ok((rows, &self.block))
            }
        }
    }

    /// Rows between which there are others' rows.
    fn records(&mut self, address: u64, stride: u64, row: u64, rows: u64) -> Result<(u64, &[u8])> {
        let fitting = RECORDS_BYTES.checked_div(stride).unwrap_or(1).max(1);
        let rows = rows.min(fitting);
        let start = row
            .checked_mul(stride)
            .and_then(|from| from.checked_add(address));
        let start = start.ok_or_else(|| damaged("its shape is larger than any file"))?;
        let span = (rows - 1) * stride + self.row_bytes as u64;
        let bytes = &self.dataset.file.bytes;
        let mut span_bytes = std::mem::take(&mut self.records);
        bytes.read_into(start, span, &mut span_bytes)?;
        self.block.clear();
        for record in 0..rows as usize {
            let from = record * stride as usize;
            let record = span_bytes.get(from..from + self.row_bytes);
            self.block.extend_from_slice(record.unwrap_or_default());
        }
        self.records = span_bytes;
        Ok((rows, &self.block))
    }

    /// Rows of a dataset that is in one piece; `read` gives bytes of it.
    fn whole(
        &mut self,
        dataset: &Dataset,
        row: u64,
        rows: u64,
        read: impl Fn(u64, u64, &mut Vec<u8>) -> Result<()>,
    ) -> Result<(u64, &[u8])> {
        self.block.clear();
        let row_bytes = self.row_bytes as u64;
        if dataset.main == 0 {
            let start = row
                .checked_mul(row_bytes)
                .ok_or_else(|| damaged("its shape is larger than any file"))?;
            read(start, rows * row_bytes, &mut self.block)?;
            return Ok((rows, &self.block));
        }
        // Rows by another dimension than the first are strewn over the whole of it.
        let dims = dataset.shape.clone().unwrap_or_default();
        let outer: u64 = dims[..dataset.main].iter().product();
        let inner = dims[dataset.main + 1..].iter().product::<u64>() * dataset.datatype.size as u64;
        self.block.resize((rows * row_bytes) as usize, 0);
        let mut run = Vec::new();
        for step in 0..outer {
            run.clear();
            read(
                (step * dims[dataset.main] + row) * inner,
                rows * inner,
                &mut run,
            )?;
            for (at, piece) in run.chunks_exact(inner.max(1) as usize).enumerate() {
                let start = at * self.row_bytes + (step * inner) as usize;
                self.block[start..start + piece.len()].copy_from_slice(piece);
            }
        }
        Ok((rows, &self.block))
    }

    fn chunked(
        &mut self,
        dataset: &Dataset,
        index: &ChunkIndex,
        row: u64,
        end: u64,
    ) -> Result<(u64, &[u8])> {
        let height = index.dims[dataset.main];
        let step = row / height;
        let chunk_end = (step + 1).saturating_mul(height).min(end);
        // A chunk that has no other beside it is a run of whole rows: its bytes are the block.
        if index.dims.len() == 1 {
            let Some(chunk) = index.in_row(step, 0).first().copied() else {
                return Ok(self.unwritten(index, step, row, end));
            };
            let rows = self.stretch(row, chunk_end);
            let start = (row % height) as usize * self.row_bytes;
            let bytes = rows as usize * self.row_bytes;
            if dataset.filters.is_empty() && chunk.bytes == index.chunk_bytes {
                // As it is stored, it is read where it is wanted.
                let address = chunk.address.saturating_add(start as u64);
                let read = dataset
                    .file
                    .bytes
                    .read_into(address, bytes as u64, &mut self.block);
                read.map_err(|error| {
                    let last = row + rows - 1;
                    damaged(format!("rows {row} to {last} cannot be read: {error}"))
                })?;
                return Ok((rows, &self.block));
            }
            self.decode(index, chunk, false)?;
            return Ok((rows, &self.decoded[start..start + bytes]));
        }
        let chunks = index.in_row(step, dataset.main);
        if chunks.is_empty() {
            return Ok(self.unwritten(index, step, row, end));
        }
        let rows = self.stretch(row, chunk_end);
        if chunks.len() as u64 == index.columns {
            self.block.clear();
            self.block.resize(rows as usize * self.row_bytes, 0);
        } else {
            self.fill(rows);
        }
        for chunk in chunks {
            let copy = Copy::new(dataset, index, chunk.column, row, rows);
            self.decode(index, chunk, copy.is_at_edge)?;
            copy.run(&self.decoded, &mut self.block);
        }
        Ok((rows, &self.block))
    }

    /// Fill values as far as no chunk was written.
    fn unwritten(&mut self, index: &ChunkIndex, step: u64, row: u64, end: u64) -> (u64, &[u8]) {
        let height = index.dims[self.dataset.main];
        let next = index
            .next_row(step)
            .map_or(end, |next| next.saturating_mul(height));
        let written = next.clamp(row + 1, end.max(row + 1));
        let rows = self.stretch(row, written);
        self.fill(rows);
        (rows, &self.block)
    }

    fn fill(&mut self, rows: u64) {
        let bytes = rows as usize * self.row_bytes;
        self.block.clear();
        if self.dataset.fill.iter().all(|&byte| byte == 0) {
            self.block.resize(bytes, 0);
        } else {
            self.block.reserve_exact(bytes);
            while self.block.len() < bytes {
                self.block.extend_from_slice(&self.dataset.fill);
            }
        }
    }

    fn decode(&mut self, index: &ChunkIndex, chunk: Chunk, is_at_edge: bool) -> Result<()> {
        if self.decoded_chunk == Some(chunk) {
            return Ok(());
        }
        self.decoded_chunk = None;
        let key = (self.dataset.serial, chunk.address, 0);
        let is_kept = !self.dataset.filters.is_empty();
        if let Some(kept) = is_kept.then(|| cache::find(key)).flatten()
            && kept.len() as u64 == index.chunk_bytes
        {
            self.decoded = kept;
            self.decoded_chunk = Some(chunk);
            return Ok(());
        }
        // What is kept belongs to others, too.
        if Arc::get_mut(&mut self.decoded).is_none() {
            self.decoded = Arc::default();
        }
        if let Some(out) = Arc::get_mut(&mut self.decoded) {
            self.decoder.decode(index, chunk, is_at_edge, out)?;
        }
        if is_kept && self.keeps_chunks {
            cache::keep(key, &self.decoded);
        }
        self.decoded_chunk = Some(chunk);
        Ok(())
    }
}

/// Copies what one chunk and a block of rows have in common.
struct Copy {
    /// For each dimension: first element in the chunk, number of elements, bytes between elements in the chunk and
    /// in the block, and where in the block the first one goes.
    dims: Vec<Span>,
    element_bytes: usize,
    is_at_edge: bool,
}

#[derive(Clone, Copy)]
struct Span {
    from: usize,
    length: usize,
    chunk_stride: usize,
    block_stride: usize,
    to: usize,
}

impl Copy {
    fn new(dataset: &Dataset, index: &ChunkIndex, mut column: u64, row: u64, rows: u64) -> Self {
        let shape = dataset.shape.as_deref().unwrap_or_default();
        let element_bytes = dataset.datatype.size;
        let (mut chunk_stride, mut row_stride) = (element_bytes, element_bytes);
        let mut dims = Vec::with_capacity(shape.len());
        let mut is_at_edge = false;
        for (at, (&length, &chunk)) in shape.iter().zip(&index.dims).enumerate().rev() {
            let span = if at == dataset.main {
                Span {
                    from: (row % chunk) as usize,
                    length: rows as usize,
                    chunk_stride,
                    block_stride: 0,
                    to: 0,
                }
            } else {
                let count = length.div_ceil(chunk).max(1);
                let start = column % count * chunk;
                column /= count;
                is_at_edge |= start + chunk > length;
                let span = Span {
                    from: 0,
                    length: chunk.min(length - start) as usize,
                    chunk_stride,
                    block_stride: row_stride,
                    to: start as usize,
                };
                row_stride *= length as usize;
                span
            };
            chunk_stride *= chunk as usize;
            dims.push(span);
        }
        dims.reverse();
        // After the loop a row's stride is the bytes of a whole row.
        dims[dataset.main].block_stride = row_stride;
        Self {
            dims,
            element_bytes,
            is_at_edge,
        }
    }

    fn run(&self, chunk: &[u8], block: &mut [u8]) {
        self.dimension(0, 0, 0, chunk, block);
    }

    fn dimension(&self, at: usize, from: usize, to: usize, chunk: &[u8], block: &mut [u8]) {
        let Some(span) = self.dims.get(at) else {
            block[to..to + self.element_bytes]
                .copy_from_slice(&chunk[from..from + self.element_bytes]);
            return;
        };
        let from = from + span.from * span.chunk_stride;
        let to = to + span.to * span.block_stride;
        if at + 1 == self.dims.len() && span.block_stride == self.element_bytes {
            let bytes = span.length * self.element_bytes;
            block[to..to + bytes].copy_from_slice(&chunk[from..from + bytes]);
            return;
        }
        for step in 0..span.length {
            self.dimension(
                at + 1,
                from + step * span.chunk_stride,
                to + step * span.block_stride,
                chunk,
                block,
            );
        }
    }
}
