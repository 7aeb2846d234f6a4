//! Where the chunks of a dataset are, whichever of the six kinds of index the file has.
//!
//! The entries are kept sorted by row, so that finding the chunks of some rows is a binary search. Chunks outside of
//! the dataset's shape, which files keep after shrinking, are dropped.

use hdf5_reader::btree_v1::{BTreeV1Key, collect_btree_v1_leaves_storage};
use hdf5_reader::chunk_index::{ChunkEntry, collect_v2_chunk_entries_storage, single_chunk_entry};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::layout::ChunkIndexing;

use super::dataset::{Chunking, Dataset};
use crate::error::{Result, damaged, unsupported};

/// Chunks that a row may be spread over.
const COLUMNS_MAX: u64 = 1 << 20;

/// One stored chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its place along the main dimension, in chunks.
    pub row: u64,
    /// Its place in the other dimensions, counted in row-major order.
    pub column: u64,
    pub address: u64,
    /// Bytes as stored.
    pub bytes: u64,
    /// A bit for each filter that was not applied.
    pub filter_mask: u32,
}

/// All chunks of a dataset.
#[derive(Debug)]
pub struct ChunkIndex {
    /// Elements of a chunk by dimension.
    pub dims: Vec<u64>,
    /// Bytes of a decoded chunk.
    pub chunk_bytes: u64,
    /// How many chunks lie side by side in the dimensions other than the main one.
    pub columns: u64,
    /// Sorted by row and column.
    stored: Stored,
}

#[derive(Debug)]
enum Stored {
    Listed(Vec<Chunk>),
    /// One after the other from this address on, `grid` giving their number by dimension.
    InOrder {
        address: u64,
        grid: Vec<u64>,
    },
}

impl ChunkIndex {
    /// Reads the index of a chunked dataset.
    pub fn read(dataset: &Dataset, chunking: &Chunking) -> Result<Self> {
        let shape = dataset.shape.clone().unwrap_or_default();
        let chunk_bytes = chunking.dims.iter().product::<u64>() * dataset.datatype.size as u64;
        let columns = columns(&shape, &chunking.dims, dataset.main)?;
        let is_empty = dataset.file.is_undefined(chunking.address) || shape.contains(&0);
        let stored = if is_empty {
            Stored::Listed(Vec::new())
        } else if matches!(chunking.indexing, Some(ChunkIndexing::Implicit)) {
            Stored::InOrder {
                address: chunking.address,
                grid: grid(&chunking.max_dims, &chunking.dims),
            }
        } else {
            Stored::Listed(listed(dataset, chunking, &shape, chunk_bytes)?)
        };
        Ok(Self {
            dims: chunking.dims.clone(),
            chunk_bytes,
            columns,
            stored,
        })
    }

    /// The chunks that hold one step of chunks along the main dimension, by column. Those not given hold fill values.
    pub fn in_row(&self, row: u64, main: usize) -> Vec<Chunk> {
        match &self.stored {
            Stored::Listed(chunks) => {
                let start = chunks.partition_point(|chunk| chunk.row < row);
                let end = start + chunks[start..].partition_point(|chunk| chunk.row == row);
                chunks[start..end].to_vec()
            }
            Stored::InOrder { address, grid } => (0..self.columns)
                .map(|column| self.in_order(*address, grid, main, row, column))
                .collect(),
        }
    }

    fn in_order(&self, address: u64, grid: &[u64], main: usize, row: u64, column: u64) -> Chunk {
        let place = place(grid, main, row, column);
        Chunk {
            row,
            column,
            address: address.saturating_add(place.saturating_mul(self.chunk_bytes)),
            bytes: self.chunk_bytes,
            filter_mask: 0,
        }
    }

    /// The chunk at this place; `None` if it was never written.
    pub fn at(&self, row: u64, column: u64, main: usize) -> Option<Chunk> {
        match &self.stored {
            Stored::Listed(chunks) => {
                let place =
                    chunks.binary_search_by_key(&(row, column), |chunk| (chunk.row, chunk.column));
                place.ok().and_then(|at| chunks.get(at).copied())
            }
            Stored::InOrder { address, grid } => {
                Some(self.in_order(*address, grid, main, row, column))
            }
        }
    }

    /// Bytes of all chunks as they are stored.
    pub fn stored_bytes(&self) -> u64 {
        match &self.stored {
            Stored::Listed(chunks) => chunks
                .iter()
                .fold(0, |sum, chunk| sum.saturating_add(chunk.bytes)),
            Stored::InOrder { grid, .. } => grid.iter().fold(self.chunk_bytes, |bytes, &count| {
                bytes.saturating_mul(count)
            }),
        }
    }

    /// The next step along the main dimension, from `row` on, that has a stored chunk.
    pub fn next_row(&self, row: u64) -> Option<u64> {
        match &self.stored {
            Stored::Listed(chunks) => chunks
                .get(chunks.partition_point(|chunk| chunk.row < row))
                .map(|chunk| chunk.row),
            Stored::InOrder { .. } => Some(row),
        }
    }
}

/// How many chunks each dimension has.
fn grid(shape: &[u64], dims: &[u64]) -> Vec<u64> {
    shape
        .iter()
        .zip(dims)
        .map(|(&length, &chunk)| length.div_ceil(chunk))
        .collect()
}

fn columns(shape: &[u64], dims: &[u64], main: usize) -> Result<u64> {
    grid(shape, dims)
        .iter()
        .enumerate()
        .filter(|(at, _)| *at != main)
        .try_fold(1_u64, |all, (_, &count)| all.checked_mul(count))
        .filter(|&columns| columns <= COLUMNS_MAX)
        .ok_or_else(|| unsupported("its rows are spread over more than a million chunks each"))
}

/// The place in file order of the chunk at this row and column.
fn place(grid: &[u64], main: usize, row: u64, mut column: u64) -> u64 {
    let (mut place, mut stride) = (0_u64, 1_u64);
    for (at, &count) in grid.iter().enumerate().rev() {
        let step = if at == main {
            row
        } else {
            let step = column % count.max(1);
            column /= count.max(1);
            step
        };
        place = place.saturating_add(step.saturating_mul(stride));
        stride = stride.saturating_mul(count);
    }
    place
}

fn listed(
    dataset: &Dataset,
    chunking: &Chunking,
    shape: &[u64],
    chunk_bytes: u64,
) -> Result<Vec<Chunk>> {
    let grid = grid(shape, &chunking.dims);
    let mut chunks = Vec::new();
    for entry in entries(dataset, chunking, shape)? {
        if dataset.file.is_undefined(entry.address) {
            continue;
        }
        let mut chunk = Chunk {
            row: 0,
            column: 0,
            address: entry.address,
            bytes: if entry.size == 0 {
                chunk_bytes
            } else {
                entry.size
            },
            filter_mask: entry.filter_mask,
        };
        if entry
            .offsets
            .iter()
            .zip(shape)
            .any(|(&offset, &length)| offset >= length)
        {
            continue;
        }
        for (at, (&offset, &length)) in entry.offsets.iter().zip(&chunking.dims).enumerate() {
            if offset % length != 0 {
                return Err(damaged(
                    "its chunk index names a chunk that is not on the grid",
                ));
            }
            if at == dataset.main {
                chunk.row = offset / length;
            } else {
                chunk.column = chunk.column * grid[at] + offset / length;
            }
        }
        chunks.push(chunk);
    }
    chunks.sort_unstable_by_key(|chunk| (chunk.row, chunk.column));
    chunks.dedup_by_key(|chunk| (chunk.row, chunk.column));
    Ok(chunks)
}

fn entries(dataset: &Dataset, chunking: &Chunking, shape: &[u64]) -> Result<Vec<ChunkEntry>> {
    let file = &dataset.file;
    let (offset, length, address) = (file.offset_size, file.length_size, chunking.address);
    let dims: Vec<u32> = chunking.dims.iter().map(|&length| length as u32).collect();
    let rank = dims.len();
    let entries = match &chunking.indexing {
        None => {
            let leaves = collect_btree_v1_leaves_storage(
                &file.bytes,
                address,
                offset,
                length,
                Some(rank as u32),
                &dims,
                None,
            );
            leaves.map(|leaves| {
                leaves
                    .into_iter()
                    .filter_map(|(key, address)| version_1(key, address, rank))
                    .collect()
            })
        }
        Some(ChunkIndexing::SingleChunk {
            filtered_size,
            filters,
        }) => Ok(vec![single_chunk_entry(
            address,
            *filtered_size,
            *filters,
            rank,
        )]),
        Some(ChunkIndexing::BTreeV2) => collect_v2_chunk_entries_storage(
            &file.bytes,
            address,
            offset,
            length,
            rank as u32,
            &dims,
            None,
        ),
        Some(ChunkIndexing::FixedArray { .. }) => collect_fixed_array_chunk_entries_storage(
            &file.bytes,
            address,
            offset,
            length,
            &chunking.max_dims,
            &dims,
            None,
        ),
        Some(ChunkIndexing::ExtensibleArray { .. }) => {
            collect_extensible_array_chunk_entries_storage(
                &file.bytes,
                address,
                offset,
                length,
                shape,
                Some(&chunking.max_dims),
                &dims,
                None,
            )
        }
        // Implicit chunks are never listed: a claimed shape would make the list.
        Some(ChunkIndexing::Implicit) => Ok(Vec::new()),
    };
    entries
        .map_err(crate::error::format)
        .map_err(|error| damaged(format!("its chunk index cannot be read: {error}")))
}

fn version_1(key: BTreeV1Key, address: u64, rank: usize) -> Option<ChunkEntry> {
    let BTreeV1Key::RawData {
        chunk_size,
        filter_mask,
        mut offsets,
    } = key
    else {
        return None;
    };
    offsets.truncate(rank);
    (offsets.len() == rank).then_some(ChunkEntry {
        address,
        size: u64::from(chunk_size),
        filter_mask,
        offsets,
    })
}
