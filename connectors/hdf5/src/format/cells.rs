//! Elements of a dataset of any number of dimensions, run by run along the last one.
//!
//! Neighbouring runs lie in the same chunks, so the chunks decoded last are kept, up to a bound.

use std::sync::Arc;

use super::cache;
use super::chunks::{Chunk, ChunkIndex};
use super::dataset::{Dataset, Layout};
use super::decode::ChunkDecoder;
use crate::error::{Result, damaged, unsupported};

/// Decoded chunks that one reader keeps.
const KEPT_BYTES: usize = 48 << 20;
/// Bytes of an unchunked dataset that are read at once.
const WINDOW_BYTES: u64 = 1 << 20;

/// Reads elements of one dataset; each thread has its own.
pub struct CellReader {
    dataset: Arc<Dataset>,
    shape: Vec<u64>,
    index: Option<Arc<ChunkIndex>>,
    decoder: ChunkDecoder,
    kept: Vec<Kept>,
    kept_bytes: usize,
    /// Counts what was looked at, to know what was not for longest.
    looks: u64,
    /// A piece of an unchunked dataset, and where it starts.
    window: Vec<u8>,
    window_start: u64,
}

struct Kept {
    chunk: Chunk,
    looked: u64,
    bytes: Arc<Vec<u8>>,
}

/// Where elements go: the first one at the start, each next one `stride` bytes further.
pub struct Strided<'a> {
    pub bytes: &'a mut [u8],
    pub stride: usize,
}

impl Strided<'_> {
    /// Puts elements that follow each other in `from`, from element number `at` on.
    fn put(&mut self, at: usize, from: &[u8], element: usize) {
        for (number, cell) in from.chunks_exact(element.max(1)).enumerate() {
            let start = (at + number) * self.stride;
            if let Some(place) = self.bytes.get_mut(start..start + cell.len()) {
                place.copy_from_slice(cell);
            }
        }
    }
}

impl CellReader {
    /// A reader that has read none of the elements yet; reads the chunk index if nobody has.
    pub fn new(dataset: &Arc<Dataset>) -> Result<Self> {
        if let Layout::External(_) | Layout::Virtual(_) = &dataset.layout {
            return Err(unsupported("its elements do not lie in this file"));
        }
        Ok(Self {
            shape: dataset.shape.clone().unwrap_or_default(),
            index: dataset.index()?,
            decoder: ChunkDecoder::new(dataset)?,
            dataset: Arc::clone(dataset),
            kept: Vec::new(),
            kept_bytes: 0,
            looks: 0,
            window: Vec::new(),
            window_start: 0,
        })
    }

    /// Bytes of one element.
    pub fn element_bytes(&self) -> usize {
        self.dataset.datatype.size
    }

    /// Reads `count` elements from the one at `at` on, along the last dimension. Beyond the dataset's shape there are
    /// fill values.
    pub fn run(&mut self, at: &[u64], count: usize, out: &mut Strided<'_>) -> Result<()> {
        let element = self.dataset.datatype.size;
        let Some((&first, outer)) = at.split_last() else {
            return self.linear(0, 1, out);
        };
        let is_inside = outer
            .iter()
            .zip(&self.shape)
            .all(|(at, length)| at < length);
        let length = self.shape.last().copied().unwrap_or(0);
        let inside = if is_inside {
            length.saturating_sub(first).min(count as u64) as usize
        } else {
            0
        };
        for number in inside..count {
            out.put(number, &self.dataset.fill, element);
        }
        if inside == 0 {
            return Ok(());
        }
        if let Some(index) = self.index.clone() {
            return self.chunked(&index, at, inside, out);
        }
        if let Layout::Records { address, stride } = self.dataset.layout {
            return self.records(address, stride, at, inside, out);
        }
        let place = at
            .iter()
            .zip(&self.shape)
            .try_fold(0_u64, |place, (at, length)| {
                place.checked_mul(*length)?.checked_add(*at)
            });
        let place = place.ok_or_else(|| damaged("its shape is larger than any file"))?;
        self.linear(place, inside, out)
    }

    /// Elements of a dataset in one piece, from element number `place` on.
    fn linear(&mut self, place: u64, count: usize, out: &mut Strided<'_>) -> Result<()> {
        let element = self.dataset.datatype.size;
        let start = place.saturating_mul(element as u64);
        let bytes = count * element;
        let too_short = || damaged("its data are shorter than its shape");
        match &Arc::clone(&self.dataset).layout {
            Layout::Compact(data) => {
                let from = data
                    .get(start as usize..)
                    .and_then(|data| data.get(..bytes));
                out.put(0, from.ok_or_else(too_short)?, element);
            }
            Layout::Contiguous(Some(address)) => {
                let address = *address;
                let from = (start - self.window(address, start, bytes as u64)?) as usize;
                let from = self.window.get(from..from + bytes);
                out.put(0, from.ok_or_else(too_short)?, element);
            }
            _ => (0..count).for_each(|number| out.put(number, &self.dataset.fill, element)),
        }
        Ok(())
    }

    /// Elements of a dataset whose steps of the first dimension lie `stride` bytes apart.
    fn records(
        &mut self,
        address: u64,
        stride: u64,
        at: &[u64],
        count: usize,
        out: &mut Strided<'_>,
    ) -> Result<()> {
        let element = self.dataset.datatype.size as u64;
        let too_large = || damaged("its shape is larger than any file");
        let Some((record, inner)) = at.split_first() else {
            return Ok(());
        };
        let lengths = self.shape.iter().skip(1);
        let inner = inner
            .iter()
            .zip(lengths)
            .try_fold(0_u64, |place, (at, length)| {
                place.checked_mul(*length)?.checked_add(*at)
            });
        let inner = inner.and_then(|place| place.checked_mul(element));
        let start = record.checked_mul(stride).zip(inner);
        let start = start.and_then(|(record, inner)| record.checked_add(inner));
        let start = start.ok_or_else(too_large)?;
        // Along the first dimension each element is in a record of its own.
        let (pieces, bytes) = if at.len() == 1 {
            (count, element)
        } else {
            (1, element * count as u64)
        };
        for piece in 0..pieces {
            let from = (piece as u64)
                .checked_mul(stride)
                .and_then(|it| it.checked_add(start));
            let from = from.ok_or_else(too_large)?;
            let read = self.window(address, from, bytes)?;
            let start = (from - read) as usize;
            let piece_bytes = self.window.get(start..start + bytes as usize);
            out.put(piece, piece_bytes.unwrap_or_default(), element as usize);
        }
        Ok(())
    }

    /// Sees to it that the window holds these bytes behind an address; where it starts.
    fn window(&mut self, address: u64, start: u64, bytes: u64) -> Result<u64> {
        let end = start.saturating_add(bytes);
        let window_end = self.window_start + self.window.len() as u64;
        if start < self.window_start || end > window_end {
            self.move_window(address, start, end)?;
        }
        Ok(self.window_start)
    }

    /// Reads a piece of an unchunked dataset that holds these bytes.
    fn move_window(&mut self, address: u64, start: u64, end: u64) -> Result<()> {
        let all = if let Layout::Records { stride, .. } = self.dataset.layout {
            let all = self.dataset.rows().saturating_mul(stride);
            all.min(self.behind(address))
        } else {
            let all = self.shape.iter().product::<u64>();
            all.saturating_mul(self.dataset.datatype.size as u64)
        };
        // One who reads on wants what follows; one who jumps, little of it.
        let window_end = self.window_start + self.window.len() as u64;
        let ahead = if start <= window_end && start >= self.window_start {
            WINDOW_BYTES
        } else {
            WINDOW_BYTES / 64
        };
        let until = start.saturating_add(ahead).clamp(end, all.max(end));
        let bytes = &self.dataset.file.bytes;
        self.window_start = start;
        let read = bytes.read_into(
            address.saturating_add(start),
            until - start,
            &mut self.window,
        );
        if read.is_err() {
            self.window.clear();
        }
        read
    }

    /// Bytes of the file behind an address.
    fn behind(&self, address: u64) -> u64 {
        self.dataset.file.bytes.length().saturating_sub(address)
    }

    fn chunked(
        &mut self,
        index: &ChunkIndex,
        at: &[u64],
        count: usize,
        out: &mut Strided<'_>,
    ) -> Result<()> {
        let (element, main) = (self.dataset.datatype.size, self.dataset.main);
        let mut at = at.to_vec();
        let mut done = 0;
        while done < count {
            let (mut column, mut inner, mut row, mut is_at_edge) = (0_u64, 0_u64, 0, false);
            let mut left = 1;
            for (place, (&position, &chunk)) in at.iter().zip(&index.dims).enumerate() {
                let step = position / chunk;
                inner = inner * chunk + position % chunk;
                left = chunk - position % chunk;
                if place == main {
                    row = step;
                } else {
                    let length = self.shape.get(place).copied().unwrap_or(0);
                    column = column * length.div_ceil(chunk) + step;
                    is_at_edge |= (step + 1) * chunk > length;
                }
            }
            let run = left.min((count - done) as u64) as usize;
            match index.at(row, column, main) {
                Some(chunk) => {
                    let chunk = self.decoded(index, chunk, is_at_edge)?;
                    let from = inner as usize * element;
                    let from = chunk.get(from..from + run * element);
                    let from = from.ok_or_else(|| damaged("a chunk is too short"))?;
                    out.put(done, from, element);
                }
                None => {
                    for number in done..done + run {
                        out.put(number, &self.dataset.fill, element);
                    }
                }
            }
            done += run;
            if let Some(last) = at.last_mut() {
                *last += run as u64;
            }
        }
        Ok(())
    }

    fn decoded(&mut self, index: &ChunkIndex, chunk: Chunk, is_at_edge: bool) -> Result<&[u8]> {
        self.looks += 1;
        let looked = self.looks;
        let found = self.kept.iter().position(|kept| kept.chunk == chunk);
        let place = if let Some(place) = found {
            place
        } else {
            let bytes = self.fetched(index, chunk, is_at_edge)?;
            self.kept_bytes += bytes.len();
            self.kept.push(Kept {
                chunk,
                looked,
                bytes,
            });
            self.kept.len() - 1
        };
        let kept = self.kept.get_mut(place);
        let kept = kept.ok_or_else(|| damaged("a chunk is gone"))?;
        kept.looked = looked;
        Ok(&kept.bytes)
    }

    /// The elements of a chunk, which others may have decoded before.
    fn fetched(
        &mut self,
        index: &ChunkIndex,
        chunk: Chunk,
        is_at_edge: bool,
    ) -> Result<Arc<Vec<u8>>> {
        let mut buffer = self.room(index.chunk_bytes as usize);
        let key = (self.dataset.serial, chunk.address, 0);
        let is_kept = !self.dataset.filters.is_empty();
        if let Some(kept) = is_kept.then(|| cache::find(key)).flatten()
            && kept.len() as u64 == index.chunk_bytes
        {
            return Ok(kept);
        }
        self.decoder.decode(index, chunk, is_at_edge, &mut buffer)?;
        let bytes = Arc::new(buffer);
        if is_kept {
            cache::keep(key, &bytes);
        }
        Ok(bytes)
    }

    /// A buffer for one more chunk, that of the chunk not looked at for longest if there are enough and nobody else has it.
    fn room(&mut self, bytes: usize) -> Vec<u8> {
        let mut buffer = Vec::new();
        while self.kept_bytes + bytes > KEPT_BYTES && !self.kept.is_empty() {
            let oldest = self
                .kept
                .iter()
                .enumerate()
                .min_by_key(|(_, kept)| kept.looked);
            let Some((oldest, _)) = oldest else { break };
            let gone = self.kept.swap_remove(oldest);
            self.kept_bytes -= gone.bytes.len();
            buffer = Arc::try_unwrap(gone.bytes).unwrap_or_default();
        }
        buffer
    }
}
