//! One dataset of an index: read chunk by chunk, by the place of an element.

use std::sync::Arc;

use crate::error::{Result, damaged};
use crate::format::cache;
use crate::format::chunks::ChunkIndex;
use crate::format::dataset::Dataset;
use crate::format::decode::ChunkDecoder;
use crate::format::rows::RowReader;

/// Bytes of what is read whole: bounds, a few for each thousand rows.
const WHOLE_BYTES_MAX: u64 = 32 << 20;

/// An array of one or two dimensions, in chunks of a part of one row.
pub struct Piece {
    pub dataset: Arc<Dataset>,
    chunks: Arc<ChunkIndex>,
    /// Rows; 1 if there is one dimension.
    pub rows: u64,
    /// Elements of a row.
    pub width: usize,
    /// Elements of a chunk.
    pub chunk: usize,
    /// Bytes of an element.
    pub bytes: usize,
}

impl Piece {
    /// Reads the index of the chunks; refuses what is not laid out so.
    pub fn new(dataset: Arc<Dataset>) -> Result<Self> {
        let chunks = dataset
            .index()?
            .ok_or_else(|| damaged("a part of the index has no chunks"))?;
        let shape = dataset.shape.clone().unwrap_or_default();
        let (rows, width, chunk) = match (shape.as_slice(), chunks.dims.as_slice()) {
            ([width], [chunk]) => (1, *width, *chunk),
            ([rows, width], [1, chunk]) if dataset.main == 0 => (*rows, *width, *chunk),
            _ => return Err(damaged("a part of the index has another shape")),
        };
        Ok(Self {
            bytes: dataset.datatype.size.max(1),
            rows,
            width: usize::try_from(width).map_err(damaged)?,
            chunk: usize::try_from(chunk).map_err(damaged)?.max(1),
            chunks,
            dataset,
        })
    }

    /// The elements of one chunk; the decoder is of this dataset.
    fn decoded(&self, decoder: &mut ChunkDecoder, row: u64, chunk: usize) -> Result<Arc<Vec<u8>>> {
        let at = if self.chunks.dims.len() == 1 {
            self.chunks.at(chunk as u64, 0, 0)
        } else {
            self.chunks.at(row, chunk as u64, 0)
        };
        let at = at.ok_or_else(|| damaged("a part of the index was never written"))?;
        let key = (self.dataset.serial, at.address, 0);
        if let Some(bytes) = cache::find(key) {
            return Ok(bytes);
        }
        let is_at_edge = (chunk + 1) * self.chunk > self.width;
        let mut bytes = Vec::new();
        decoder.decode(&self.chunks, at, is_at_edge, &mut bytes)?;
        let bytes = Arc::new(bytes);
        cache::keep(key, &bytes);
        Ok(bytes)
    }

    /// All elements from `from` to `to` of a one-dimensional piece, or whole rows of another.
    pub fn whole(&self, from: u64, to: u64) -> Result<Vec<u8>> {
        let mut reader = RowReader::new(&self.dataset)?;
        let row_bytes = self.dataset.row_bytes()? as u64;
        if to.saturating_sub(from).saturating_mul(row_bytes) > WHOLE_BYTES_MAX
            || to > self.dataset.rows()
        {
            return Err(damaged("a part of the index is too large"));
        }
        let (mut bytes, mut row) = (Vec::new(), from);
        while row < to {
            let (read, block) = reader.read(row, to)?;
            bytes.extend_from_slice(block);
            row += read;
        }
        Ok(bytes)
    }
}

/// Reads chunks of one piece; remembers the last one.
pub struct PieceReader {
    piece: Arc<Piece>,
    decoder: ChunkDecoder,
    /// Row and number of the last chunk, and what is in it.
    last: Option<(u64, usize, Arc<Vec<u8>>)>,
}

impl PieceReader {
    pub fn new(piece: &Arc<Piece>) -> Result<Self> {
        Ok(Self {
            decoder: ChunkDecoder::new(&piece.dataset)?,
            piece: Arc::clone(piece),
            last: None,
        })
    }

    /// The bytes of a chunk of a row, elements behind the row's end included.
    pub fn chunk(&mut self, row: u64, chunk: usize) -> Result<Arc<Vec<u8>>> {
        if let Some((of, number, bytes)) = &self.last
            && (*of, *number) == (row, chunk)
        {
            return Ok(Arc::clone(bytes));
        }
        let bytes = self.piece.decoded(&mut self.decoder, row, chunk)?;
        self.last = Some((row, chunk, Arc::clone(&bytes)));
        Ok(bytes)
    }

    /// Hands the elements from `from` to `to` of a row to `take`, in order, as runs of bytes.
    pub fn each(
        &mut self,
        row: u64,
        from: usize,
        to: usize,
        mut take: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let (chunk, bytes) = (self.piece.chunk, self.piece.bytes);
        let mut at = from;
        while at < to {
            let end = ((at / chunk + 1) * chunk).min(to);
            let data = self.chunk(row, at / chunk)?;
            let start = at % chunk;
            let part = data.get(start * bytes..(start + end - at) * bytes);
            take(part.ok_or_else(|| damaged("a chunk of the index is too short"))?)?;
            at = end;
        }
        Ok(())
    }
}
