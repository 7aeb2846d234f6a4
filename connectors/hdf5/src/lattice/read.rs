//! Reads the blocks of a plan and sums up what they hold, bin by bin.
//!
//! A block is a stored chunk, or a piece of a dataset that is in one piece. It is turned into numbers a stretch at a
//! time, so that beside one decoded block nothing grows with it.

use std::sync::Arc;
use std::time::Instant;

use tablecast_connector::{Limits, Window};

use super::plan::{Plan, Steps};
use super::sums::Sums;
use super::{Meaning, Numbers, Widened};
use crate::error::{Result, damaged, unsupported};
use crate::format::chunks::ChunkIndex;
use crate::format::dataset::{Dataset, Layout};
use crate::format::decode::ChunkDecoder;
use crate::format::external;
use crate::number::Places;
use crate::scan::threads;

/// Bytes of a block where the dataset is in one piece.
const PIECE_BYTES: u64 = 64 << 10;
/// What is read at least where a byte is.
const PAGE_BYTES: u64 = 4096;
/// Less work than this is not worth a second thread.
const PARALLEL_BYTES: u64 = 8 << 20;
/// Threads of one picture.
const WORKERS_MAX: usize = 4;
/// Elements that are turned into numbers at a time.
const STRETCH: u64 = 8192;

/// Reads blocks of one dataset.
pub struct BlockReader<'a> {
    numbers: &'a Numbers,
    index: Option<Arc<ChunkIndex>>,
    decoder: ChunkDecoder,
    /// Elements of a block by dimension.
    block: Vec<u64>,
    /// Bytes that are read of a block.
    block_bytes: u64,
    decoded: Vec<u8>,
    stretch: Widened,
}

/// What of a block is summed up: by dimension its first element and the one behind its last.
type Span = Vec<(u64, u64)>;

impl<'a> BlockReader<'a> {
    /// A reader that has read nothing but the chunk index.
    pub fn new(numbers: &'a Numbers, windows: &[Window]) -> Result<Self> {
        let dataset = &numbers.dataset;
        let index = dataset.index()?;
        let bytes = numbers.bytes as u64;
        let (block, block_bytes) = if let Some(index) = &index {
            let inner = numbers.shape.get(index.dims.len()..).unwrap_or_default();
            let block = index.dims.iter().chain(inner).copied().collect();
            (block, index.chunk_bytes)
        } else {
            let (mut block, mut bytes) = pieces(&numbers.shape, windows, bytes);
            if let (Layout::Records { .. }, Some(first)) = (&dataset.layout, block.first_mut()) {
                // Between two records lie those of other variables.
                bytes /= std::mem::replace(first, 1).max(1);
            }
            (block, bytes)
        };
        Ok(Self {
            block_bytes,
            decoder: ChunkDecoder::new(dataset)?,
            numbers,
            index,
            block,
            decoded: Vec::new(),
            stretch: Widened(Vec::new()),
        })
    }

    /// The finest plan of so much work.
    pub fn plan(&self, windows: &[Window], budget: u64) -> Plan {
        Plan::new(windows, &self.block, self.block_bytes, budget)
    }

    /// Sums up these blocks; `None` if that is not done at `end`.
    fn blocks(
        &mut self,
        plan: &Plan,
        blocks: &[Vec<u64>],
        limits: &Limits,
        end: Option<Instant>,
    ) -> Result<Option<Sums>> {
        let edges: Vec<Vec<u64>> = plan.edges().collect();
        let mut sums = Sums::new(plan.bins());
        let mut places = vec![0_usize; blocks.len()];
        loop {
            limits.check()?;
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(None);
            }
            let at = places.iter().zip(blocks);
            let at: Option<Vec<u64>> = at.map(|(&place, all)| all.get(place).copied()).collect();
            let Some(at) = at else { return Ok(Some(sums)) };
            let dims = plan.dims().iter().zip(&at);
            let whole: Span = dims.map(|(steps, &block)| steps.within(block)).collect();
            // A variable may be shorter than its dimension: beyond its end there is nothing.
            let shape = whole.iter().zip(&self.numbers.shape);
            let span: Span = shape
                .map(|(&(from, to), &length)| (from, to.min(length)))
                .collect();
            let beyond = volume(&whole) - volume(&span);
            sums.read += beyond;
            sums.missing += beyond;
            if span.iter().all(|(from, to)| from < to) {
                self.sum(&at, &span, &edges, &mut sums)?;
            }
            if !advance(&mut places, blocks) {
                return Ok(Some(sums));
            }
        }
    }

    /// Sums up one block.
    fn sum(&mut self, at: &[u64], span: &Span, edges: &[Vec<u64>], sums: &mut Sums) -> Result<()> {
        // Where in the bytes read the block's first element would be.
        let strides = self.strides();
        let base: u64 = span
            .iter()
            .zip(&strides)
            .map(|((from, _), by)| from * by)
            .sum();
        let last: u64 = span
            .iter()
            .zip(&strides)
            .map(|((_, to), by)| (to - 1) * by)
            .sum();
        let dataset = Arc::clone(&self.numbers.dataset);
        let bytes = self.numbers.bytes as u64;
        let mut start = 0;
        let is_written = match (&dataset.layout, self.index.clone()) {
            (_, Some(index)) => {
                let chunk = self.chunk(&dataset, &index, at)?;
                let inside = at.iter().zip(&self.block).zip(span).zip(&strides);
                start = inside
                    .map(|(((at, block), (from, _)), by)| (from - at * block) * by)
                    .sum();
                chunk
            }
            (Layout::Compact(data), _) => {
                let piece = data.get((base * bytes) as usize..((last + 1) * bytes) as usize);
                let piece = piece.ok_or_else(|| damaged("its data are shorter than its shape"))?;
                self.decoded.clear();
                self.decoded.extend_from_slice(piece);
                true
            }
            (Layout::Contiguous(Some(address)), _) => {
                let from = address.saturating_add(base * bytes);
                let length = (last + 1 - base) * bytes;
                let file = &dataset.file.bytes;
                file.read_into(from, length, &mut self.decoded)?;
                true
            }
            (Layout::Records { address, stride }, _) => {
                let record = span.first().map_or(0, |(from, _)| *from);
                let inner = base - record * strides.first().copied().unwrap_or(0);
                let from = record.saturating_mul(*stride).saturating_add(inner * bytes);
                let length = (last + 1 - base) * bytes;
                let file = &dataset.file.bytes;
                file.read_into(address.saturating_add(from), length, &mut self.decoded)?;
                true
            }
            (Layout::External(segments), _) => {
                let length = (last + 1 - base) * bytes;
                self.decoded.clear();
                external::read(
                    &dataset.file,
                    segments,
                    base * bytes,
                    length,
                    &mut self.decoded,
                )?;
                true
            }
            (Layout::Contiguous(None), _) => false,
            (Layout::Chunked(_) | Layout::Virtual(_), _) => {
                return Err(unsupported("there are no pictures of it"));
            }
        };
        let walk = Walk {
            numbers: self.numbers,
            block: is_written.then_some(self.decoded.as_slice()),
            span,
            strides: &strides,
            edges,
        };
        walk.dimension(0, start, 0, &mut self.stretch, sums)
    }

    /// Elements from one step of each dimension to the next, in the bytes that are read.
    fn strides(&self) -> Vec<u64> {
        let lengths = if self.index.is_some() {
            &self.block
        } else {
            &self.numbers.shape
        };
        let mut strides: Vec<u64> = Vec::with_capacity(lengths.len());
        let mut stride = 1_u64;
        for length in lengths.iter().rev() {
            strides.push(stride);
            stride = stride.saturating_mul(*length);
        }
        strides.reverse();
        strides
    }

    /// Decodes a chunk; `false` if it was never written.
    fn chunk(&mut self, dataset: &Dataset, index: &ChunkIndex, at: &[u64]) -> Result<bool> {
        let at = at.get(..index.dims.len()).unwrap_or_default();
        let shape = dataset.shape.as_deref().unwrap_or_default();
        let (mut row, mut column, mut is_at_edge) = (0, 0, false);
        for (dimension, ((&step, &length), &all)) in
            at.iter().zip(&index.dims).zip(shape).enumerate()
        {
            if dimension == dataset.main {
                row = step;
            } else {
                column = column * all.div_ceil(length) + step;
                is_at_edge |= (step * length).saturating_add(length) > all;
            }
        }
        let Some(chunk) = index.at(row, column, dataset.main) else {
            return Ok(false);
        };
        self.decoder
            .decode(index, chunk, is_at_edge, &mut self.decoded)?;
        Ok(true)
    }
}

/// Blocks of a dataset in one piece, and the bytes that are read of one: as many of the innermost dimensions as are
/// [`PIECE_BYTES`] long, unless the windows leave out most of what lies between.
fn pieces(shape: &[u64], windows: &[Window], bytes: u64) -> (Vec<u64>, u64) {
    let mut room = (PIECE_BYTES / bytes.max(1)).max(1);
    let mut block: Vec<u64> = Vec::with_capacity(shape.len());
    let mut read = bytes;
    let mut stride = bytes;
    for (&length, window) in shape.iter().zip(windows).rev() {
        let wanted = match window {
            Window::At(_) => 1,
            Window::Range { start, end, .. } => end - start,
        };
        let fitting = room.min(length.max(1));
        block.push(fitting);
        read = read.saturating_mul(fitting.min(wanted));
        stride = stride.saturating_mul(length);
        let is_sparse = wanted < length / 4 && stride > PAGE_BYTES;
        // A dimension that is cut ends what lies in one stretch.
        room = if fitting < length || is_sparse {
            1
        } else {
            (room / fitting).max(1)
        };
    }
    block.reverse();
    (block, read)
}

/// Reads what the plan says, with several threads where that is worthwhile; `None` if that is not done at `end`.
pub fn read(
    numbers: &Numbers,
    windows: &[Window],
    plan: &Plan,
    limits: &Limits,
    end: Option<Instant>,
) -> Result<Option<Sums>> {
    let blocks: Vec<Vec<u64>> = plan.dims().iter().map(Steps::blocks).collect();
    let longest = blocks
        .iter()
        .enumerate()
        .max_by_key(|(_, blocks)| blocks.len());
    let (at, count) = longest.map_or((0, 0), |(at, blocks)| (at, blocks.len()));
    let workers = if plan.work() < PARALLEL_BYTES {
        1
    } else {
        threads().min(WORKERS_MAX).min(count)
    };
    if workers <= 1 {
        return BlockReader::new(numbers, windows)?.blocks(plan, &blocks, limits, end);
    }
    let part = |worker: usize| {
        let mut part = blocks.clone();
        if let Some(along) = part.get_mut(at) {
            *along = along
                .chunks(count.div_ceil(workers))
                .nth(worker)
                .unwrap_or_default()
                .to_vec();
        }
        part
    };
    let parts: Vec<_> = std::thread::scope(|scope| {
        let work = |worker| {
            let part = part(worker);
            scope
                .spawn(move || BlockReader::new(numbers, windows)?.blocks(plan, &part, limits, end))
        };
        let running: Vec<_> = (0..workers).map(work).collect();
        let panicked = |_| Err(damaged("the file is damaged in a way that is not known"));
        let joined = running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(panicked));
        joined.collect()
    });
    let mut all: Option<Sums> = None;
    for part in parts {
        let Some(part) = part? else { return Ok(None) };
        match &mut all {
            Some(all) => all.merge(&part),
            None => all = Some(part),
        }
    }
    Ok(all)
}

/// The elements of a span.
fn volume(span: &Span) -> u64 {
    let lengths = span.iter().map(|(from, to)| to.saturating_sub(*from));
    lengths.fold(1, u64::saturating_mul)
}

/// To the next combination of blocks; `false` behind the last.
fn advance(places: &mut [usize], blocks: &[Vec<u64>]) -> bool {
    for (place, all) in places.iter_mut().zip(blocks).rev() {
        *place += 1;
        if *place < all.len() {
            return true;
        }
        *place = 0;
    }
    false
}

/// The way through the elements of one block.
struct Walk<'a> {
    numbers: &'a Numbers,
    /// Its bytes; `None` if nothing was written.
    block: Option<&'a [u8]>,
    span: &'a Span,
    /// Elements from one step to the next.
    strides: &'a [u64],
    edges: &'a [Vec<u64>],
}

impl Walk<'_> {
    /// `from` is where in the block the span starts, in elements, and `bin` the place of its bins before this dimension.
    fn dimension(
        &self,
        at: usize,
        from: u64,
        bin: usize,
        stretch: &mut Widened,
        sums: &mut Sums,
    ) -> Result<()> {
        let (Some(&(first, end)), Some(edges)) = (self.span.get(at), self.edges.get(at)) else {
            return Ok(());
        };
        let is_innermost = at + 1 == self.span.len();
        let stride = self.strides.get(at).copied().unwrap_or(1);
        let bins = edges.len().saturating_sub(1);
        let mut inner = edges
            .partition_point(|&edge| edge <= first)
            .saturating_sub(1);
        let mut step = first;
        while step < end {
            let bin_end = edges.get(inner + 1).copied().unwrap_or(end).min(end);
            let place = bin * bins + inner;
            if is_innermost {
                if self.block.is_none() {
                    self.stretch(0, 1, stretch)?;
                    let number = stretch.0.first().copied().unwrap_or(f64::NAN);
                    sums.add_same(place, number, bin_end - step);
                    step = bin_end;
                }
                while step < bin_end {
                    let count = (bin_end - step).min(STRETCH);
                    self.stretch(from + (step - first), count, stretch)?;
                    sums.add(place, &stretch.0);
                    step += count;
                }
            } else {
                while step < bin_end {
                    let from = from + (step - first) * stride;
                    self.dimension(at + 1, from, place, stretch, sums)?;
                    step += 1;
                }
            }
            inner += 1;
        }
        Ok(())
    }

    /// The numbers of elements that follow each other; NaN where they are missing.
    fn stretch(&self, from: u64, count: u64, out: &mut Widened) -> Result<()> {
        let size = self.numbers.bytes;
        out.0.clear();
        let (block, stride) = match self.block {
            Some(block) => {
                let bytes = from as usize * size..(from + count) as usize * size;
                let bytes = block.get(bytes);
                let block = bytes.ok_or_else(|| damaged("it is shorter than its shape"))?;
                (block, size)
            }
            // The same bytes for each.
            None => (self.numbers.dataset.fill.as_slice(), 0),
        };
        let places = Places {
            block,
            rows: count as usize,
            stride,
            offset: 0,
            per_row: 1,
            bytes: size,
        };
        match &self.numbers.meaning {
            Meaning::Packed(packed) => packed.reals(places, &mut out.0),
            Meaning::Stored { number, missing } => {
                number.each(places, out);
                for &missing in missing {
                    let is_it = |number: &&mut f64| number.to_bits() == missing.to_bits();
                    out.0
                        .iter_mut()
                        .filter(is_it)
                        .for_each(|number| *number = f64::NAN);
                }
            }
        }
        Ok(())
    }
}
