//! One index of `PyTables`: the cells of a column in order, and where each of them stands in the table.
//!
//! The column is cut into slices, each sorted by itself; what does not fill a slice is in the last row (`…LR`). Light
//! kinds keep every second to eighth cell of a slice only, and of a row only the bucket of rows that it is in. An index
//! that does not fit together is not used.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use super::key::{Cells, Edge, Key, Spans};
use super::piece::{Piece, PieceReader};
use super::places::{Places, intersection, union};
use crate::column::ColumnPlace;
use crate::error::{Result, damaged};
use crate::format::attribute::{Attribute, attributes};
use crate::format::dataset::Dataset;
use crate::format::datatype::{Class, Order};
use crate::format::file::File;
use crate::format::header::{ObjectHeader, little_endian};
use crate::format::links::{Target, links};

/// A usable index.
pub struct ColumnIndex {
    pub cells: Cells,
    sorted: Arc<Piece>,
    indices: Arc<Piece>,
    last_sorted: Arc<Piece>,
    last_indices: Arc<Piece>,
    /// First and last cell of each slice.
    ranges: Vec<u8>,
    /// The first cell of each chunk of a slice but its first one, slice after slice.
    bounds: Vec<u8>,
    /// The same for the last row.
    last_bounds: Vec<u8>,
    /// Of how many cells of a slice one is kept.
    reduction: usize,
    /// Rows of a slice.
    slice: usize,
    /// Rows of the last slice, which is not full.
    last: usize,
    last_cells: usize,
    entries: Entries,
    /// Whether all slices follow each other in the order of their cells.
    pub is_ordered: bool,
    is_wrong: AtomicBool,
}

/// What stands for a row.
#[derive(Debug, Clone, Copy)]
enum Entries {
    /// Its number.
    Rows,
    /// The bucket that it is in; there are so many rows in a bucket, and buckets are counted anew after so many slices.
    Buckets { rows: u64, slices: Option<u64> },
}

/// What is found of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    Row(u64),
    /// From the first to before the last.
    Rows(u64, u64),
}

impl ColumnIndex {
    /// Reads the index in the group at `address`; `chunk_rows` are those of a chunk of the table, which has `rows`.
    pub fn read(
        file: &Arc<File>,
        address: u64,
        place: &ColumnPlace,
        chunk_rows: u64,
        rows: u64,
    ) -> Result<Self> {
        let header = ObjectHeader::read(file, address)?;
        let attributes = attributes(file, &header);
        if flag(&attributes, "DIRTY") {
            return Err(damaged("the index is older than its column"));
        }
        let children = links(file, &header)?;
        let piece = |name: &str| {
            let found = children.iter().find(|link| link.name == name);
            match found.map(|link| &link.target) {
                Some(Target::Hard(address)) => {
                    Piece::new(Arc::new(Dataset::read(file, *address)?)).map(Arc::new)
                }
                _ => Err(damaged("a part of the index is not there")),
            }
        };
        let cells =
            Cells::of(place).ok_or_else(|| damaged("its order is not that of its cells"))?;
        let number = |name| whole(&attributes, name);
        let (sorted, indices) = (piece("sorted")?, piece("indices")?);
        let (last_sorted, last_indices) = (piece("sortedLR")?, piece("indicesLR")?);
        let last_of = |piece: &Piece| self::whole(&piece.dataset.attributes, "nelements");
        let (last, last_cells) = (last_of(&last_indices)?, last_of(&last_sorted)?);
        let (reduction, slice) = (number("reduction")?, number("slicesize")?);
        let (block, chunk) = (number("blocksize")?, number("chunksize")?);
        let is_fitting = [&sorted, &last_sorted].into_iter().all(|piece| {
            let is_like = match cells {
                Cells::Text(_) => matches!(piece.dataset.datatype.class, Class::Text(_)),
                Cells::Number(number) => same_number(&piece.dataset, number),
            };
            piece.bytes == place.bytes && piece.chunk * reduction == chunk && is_like
        });
        let counts = [
            matches!(reduction, 1 | 2 | 4 | 8),
            slice % reduction.max(1) == 0,
            slice > 0 && chunk > 0 && slice % chunk == 0,
            indices.width == slice && indices.chunk == chunk,
            sorted.width * reduction == slice,
            sorted.rows == indices.rows,
            last <= slice && last <= last_indices.width && last_indices.chunk == chunk,
            last_indices.bytes == indices.bytes,
            last_cells == last.div_ceil(reduction.max(1)),
            (sorted.rows.checked_mul(slice as u64))
                .and_then(|count| count.checked_add(last as u64))
                .is_some_and(|count| count <= rows),
            order_of(&indices).is_some() && order_of(&indices) == order_of(&last_indices),
        ];
        if !is_fitting || counts.contains(&false) {
            return Err(damaged("the parts of the index do not fit together"));
        }
        let entries = entries(
            indices.bytes,
            slice as u64,
            block as u64,
            chunk as u64,
            chunk_rows,
        )?;
        let bounds = bounds(&piece("bounds")?, &sorted, chunk / reduction)?;
        let ranges = {
            let ranges = flat(&piece_of_pairs(file, &children)?, sorted.rows)?;
            if ranges.len() as u64 != sorted.rows * 2 * place.bytes as u64 {
                return Err(damaged("the ranges of the index do not fit"));
            }
            ranges
        };
        let last_bounds = if last_cells > 0 {
            let more = (last_cells - 1) / last_sorted.chunk + 2;
            last_sorted.whole(last_cells as u64, (last_cells + more) as u64)?
        } else {
            Vec::new()
        };
        let mut index = Self {
            is_ordered: false,
            is_wrong: AtomicBool::new(false),
            cells,
            sorted,
            indices,
            last_sorted,
            last_indices,
            ranges,
            bounds,
            last_bounds,
            reduction,
            slice,
            last,
            last_cells,
            entries,
        };
        index.is_ordered = index.follows();
        Ok(index)
    }

    /// How many rows of the table are in it, from the first on.
    pub fn rows(&self) -> u64 {
        self.sorted.rows * self.slice as u64 + self.last as u64
    }

    /// Whether it was found not to fit its table.
    pub fn is_wrong(&self) -> bool {
        self.is_wrong.load(Memory::Relaxed)
    }

    /// From now on it is not used.
    pub fn give_up(&self) {
        self.is_wrong.store(true, Memory::Relaxed);
    }

    /// Slices, the last one included.
    pub fn slices(&self) -> u64 {
        self.sorted.rows + u64::from(self.last > 0)
    }

    /// Bytes of a cell.
    pub fn cell_bytes(&self) -> usize {
        self.sorted.bytes
    }

    /// How many rows one entry stands for.
    pub fn rows_of_entry(&self) -> u64 {
        match self.entries {
            Entries::Rows => 1,
            Entries::Buckets { rows, .. } => rows,
        }
    }

    /// Rows of a slice.
    pub fn slice_rows(&self) -> u64 {
        self.slice as u64
    }

    fn is_last(&self, slice: u64) -> bool {
        slice >= self.sorted.rows
    }

    fn ends(&self, slice: u64) -> Option<(&[u8], &[u8])> {
        let bytes = self.sorted.bytes;
        if self.is_last(slice) {
            let first = self.last_bounds.get(..bytes)?;
            return Some((
                first,
                self.last_bounds.get(self.last_bounds.len() - bytes..)?,
            ));
        }
        let both = self.ranges.get(slice as usize * 2 * bytes..)?;
        Some((both.get(..bytes)?, both.get(bytes..2 * bytes)?))
    }

    /// Whether every slice starts where the one before it ends, and each row is told.
    fn follows(&self) -> bool {
        let exact = self.reduction == 1 && matches!(self.entries, Entries::Rows);
        let mut ends = (0..self.slices()).map(|slice| self.ends(slice));
        let mut before: Option<Key> = None;
        exact
            && ends.all(|ends| {
                let Some((first, last)) = ends else {
                    return false;
                };
                let is_behind = before
                    .as_ref()
                    .is_none_or(|before| self.cells.compare(first, before).is_ge());
                before = Some(self.cells.key(last));
                is_behind
            })
    }
}

/// The byte order of the entries of a piece: that of the table; `None` if they are not numbers of places.
fn order_of(piece: &Piece) -> Option<Order> {
    match piece.dataset.datatype.class {
        Class::Integer {
            is_signed: false,
            order,
            ..
        } => Some(order),
        _ => None,
    }
}

fn big_endian(bytes: &[u8]) -> u64 {
    let add = |number: u64, byte: &u8| (number << 8) | u64::from(*byte);
    bytes.iter().fold(0, add)
}

/// Looks things up in an index; each thread has its own.
pub struct Search {
    pub index: Arc<ColumnIndex>,
    sorted: PieceReader,
    indices: PieceReader,
    last_sorted: PieceReader,
    last_indices: PieceReader,
}

impl Search {
    pub fn new(index: &Arc<ColumnIndex>) -> Result<Self> {
        Ok(Self {
            sorted: PieceReader::new(&index.sorted)?,
            indices: PieceReader::new(&index.indices)?,
            last_sorted: PieceReader::new(&index.last_sorted)?,
            last_indices: PieceReader::new(&index.last_indices)?,
            index: Arc::clone(index),
        })
    }

    /// Where in a slice the cells lie that the spans hold, and perhaps some of their neighbours.
    pub fn places(&mut self, slice: u64, spans: &Spans) -> Result<Places> {
        Ok(match spans {
            Spans::One(from, to) => {
                let (from, to) = (self.edge(slice, from)?, self.edge(slice, to)?);
                let (index, reduction) = (&self.index, self.index.reduction);
                let most = if index.is_last(slice) {
                    index.last
                } else {
                    index.slice
                };
                // A cell that was left out stands behind one that was kept.
                let start = if reduction == 1 {
                    from
                } else {
                    from.saturating_sub(1) * reduction
                };
                let end = (to * reduction).min(most);
                if from > to || start >= end {
                    Vec::new()
                } else {
                    std::iter::once(start..end).collect()
                }
            }
            Spans::All(parts) => {
                let mut places: Option<Places> = None;
                for part in parts {
                    let more = self.places(slice, part)?;
                    places = Some(match places {
                        Some(places) => intersection(&places, &more),
                        None => more,
                    });
                }
                places.unwrap_or_default()
            }
            Spans::Any(parts) => {
                let mut places = Vec::new();
                for part in parts {
                    places.extend(self.places(slice, part)?);
                }
                union(places)
            }
        })
    }

    /// How many of the kept cells of a slice lie before the edge.
    fn edge(&mut self, slice: u64, edge: &Edge) -> Result<usize> {
        let index = Arc::clone(&self.index);
        let count = if index.is_last(slice) {
            index.last_cells
        } else {
            index.sorted.width
        };
        let cells = index.cells;
        let is_before = |cell: &[u8]| match edge {
            Edge::Start => false,
            Edge::End => true,
            Edge::Before(key) => cells.compare(cell, key).is_lt(),
            Edge::After(key) => cells.compare(cell, key).is_le(),
        };
        let (first, last) = match edge {
            Edge::Start => return Ok(0),
            Edge::End => return Ok(count),
            _ => index
                .ends(slice)
                .ok_or_else(|| damaged("a slice of the index has no range"))?,
        };
        if !is_before(first) {
            return Ok(0);
        }
        if index.reduction == 1 && is_before(last) {
            return Ok(count);
        }
        let bytes = index.sorted.bytes;
        let (bounds, reader) = if index.is_last(slice) {
            let end = index.last_bounds.len().saturating_sub(bytes);
            (index.last_bounds.get(bytes..end), &mut self.last_sorted)
        } else {
            let row = index.sorted.width.div_ceil(index.sorted.chunk) - 1;
            let from = slice as usize * row * bytes;
            (index.bounds.get(from..from + row * bytes), &mut self.sorted)
        };
        let bounds = bounds.ok_or_else(|| damaged("a slice of the index has no bounds"))?;
        let chunk = partition_point(bounds, bytes, is_before);
        let row = if index.is_last(slice) { 0 } else { slice };
        let data = reader.chunk(row, chunk)?;
        let start = chunk * index.sorted.chunk;
        let length = index.sorted.chunk.min(count.saturating_sub(start));
        let data = data
            .get(..length * bytes)
            .ok_or_else(|| damaged("a chunk of the index is too short"))?;
        let is_same = |bound: Option<&[u8]>, cell: Option<&[u8]>| match (bound, cell) {
            (Some(bound), Some(cell)) => bound == cell,
            _ => true,
        };
        let bound = (chunk > 0).then(|| &bounds[(chunk - 1) * bytes..chunk * bytes]);
        if !is_same(bound, data.get(..bytes)) || !is_sorted(cells, data, bytes) {
            return Err(damaged("the index is not sorted"));
        }
        Ok(start + partition_point(data, bytes, is_before))
    }

    /// Hands what stands at these places of a slice to `take`.
    pub fn each(
        &mut self,
        slice: u64,
        from: usize,
        to: usize,
        mut take: impl FnMut(Found),
    ) -> Result<()> {
        let index = Arc::clone(&self.index);
        let (row, reader) = if index.is_last(slice) {
            (0, &mut self.last_indices)
        } else {
            (slice, &mut self.indices)
        };
        let bytes = index.indices.bytes;
        let is_big = order_of(&index.indices) == Some(Order::Big);
        let (entries, count) = (index.entries, index.rows());
        let mut is_inside = true;
        reader.each(row, from, to, |part| {
            for entry in part.chunks_exact(bytes) {
                let number = match entry.try_into() {
                    Ok(entry) if is_big => u64::from_be_bytes(entry),
                    Ok(entry) => u64::from_le_bytes(entry),
                    Err(_) if is_big => big_endian(entry),
                    Err(_) => little_endian(entry),
                };
                let found = entries.found(number, slice, index.slice as u64);
                let (Found::Row(first) | Found::Rows(first, _)) = found;
                is_inside &= first < count;
                take(found);
            }
            Ok(())
        })?;
        if is_inside {
            Ok(())
        } else {
            Err(damaged("the index names rows that are not in the table"))
        }
    }

    /// The cells at these places of a slice of an index without reduction, and what stands there.
    pub fn cells(&mut self, slice: u64, from: usize, to: usize) -> Result<Vec<u8>> {
        let index = Arc::clone(&self.index);
        let (row, reader) = if index.is_last(slice) {
            (0, &mut self.last_sorted)
        } else {
            (slice, &mut self.sorted)
        };
        let mut cells = Vec::new();
        reader.each(row, from, to, |part| {
            cells.extend_from_slice(part);
            Ok(())
        })?;
        Ok(cells)
    }
}

impl Entries {
    fn found(self, number: u64, slice: u64, slice_rows: u64) -> Found {
        match self {
            Self::Rows => Found::Row(number),
            Self::Buckets { rows, slices } => {
                // Where buckets are not cut at the border of slices, a bucket may be counted one too low.
                let first = slices.map_or(0, |slices| slice / slices * slices);
                let start = (first * slice_rows) / rows;
                let is_even =
                    (first * slice_rows).is_multiple_of(rows) && slice_rows.is_multiple_of(rows);
                let slack = u64::from(slices.is_some() && !is_even);
                let bucket = start.saturating_add(number);
                Found::Rows(
                    bucket.saturating_mul(rows),
                    bucket.saturating_add(1 + slack).saturating_mul(rows),
                )
            }
        }
    }
}

/// How many rows a bucket has, which depends on how many buckets the entries can tell apart.
fn entries(bytes: usize, slice: u64, block: u64, chunk: u64, chunk_rows: u64) -> Result<Entries> {
    let rows = chunk_rows.min(chunk).max(1);
    let wrong = || damaged("the buckets of the index do not fit");
    Ok(match bytes {
        8 => Entries::Rows,
        4 => Entries::Buckets { rows, slices: None },
        2 if block >= slice && block.is_multiple_of(slice) => {
            let rows = if block > rows << 16 {
                block.div_ceil(1 << 16)
            } else {
                rows
            };
            // Numbers that do not fit are cut off when it is written.
            if block.div_ceil(rows) + 1 > 1 << 16
                && !(block.is_multiple_of(rows) && slice.is_multiple_of(rows))
            {
                return Err(wrong());
            }
            Entries::Buckets {
                rows,
                slices: Some(block / slice),
            }
        }
        1 => {
            let rows = if slice > rows << 8 {
                slice.div_ceil(1 << 8)
            } else {
                rows
            };
            if slice.div_ceil(rows) + 1 > 1 << 8 && !slice.is_multiple_of(rows) {
                return Err(wrong());
            }
            Entries::Buckets {
                rows,
                slices: Some(1),
            }
        }
        _ => return Err(wrong()),
    })
}

fn same_number(dataset: &Dataset, number: crate::number::Number) -> bool {
    use crate::number::Number;
    match Number::of(&dataset.datatype) {
        Some(stored) => stored == number || number == Number::Boolean && stored == Number::U8,
        None => false,
    }
}

fn bounds(piece: &Arc<Piece>, sorted: &Piece, chunk: usize) -> Result<Vec<u8>> {
    let each = sorted.width.div_ceil(chunk.max(1)) - 1;
    if each == 0 {
        return Ok(Vec::new());
    }
    if piece.width != each || piece.rows != sorted.rows || piece.bytes != sorted.bytes {
        return Err(damaged("the bounds of the index do not fit"));
    }
    piece.whole(0, piece.rows)
}

/// The ranges, which have chunks of several rows.
fn piece_of_pairs(
    file: &Arc<File>,
    children: &[crate::format::links::Link],
) -> Result<Arc<Dataset>> {
    let found = children.iter().find(|link| link.name == "ranges");
    match found.map(|link| &link.target) {
        Some(Target::Hard(address)) => Ok(Arc::new(Dataset::read(file, *address)?)),
        _ => Err(damaged("the index has no ranges")),
    }
}

fn flat(dataset: &Arc<Dataset>, rows: u64) -> Result<Vec<u8>> {
    if dataset.rows() != rows || rows > 1 << 20 {
        return Err(damaged("the ranges of the index do not fit"));
    }
    let mut reader = crate::format::rows::RowReader::new(dataset)?;
    let (mut bytes, mut row) = (Vec::new(), 0);
    while row < rows {
        let (read, block) = reader.read(row, rows)?;
        bytes.extend_from_slice(block);
        row += read;
    }
    Ok(bytes)
}

fn partition_point(cells: &[u8], bytes: usize, is_before: impl Fn(&[u8]) -> bool) -> usize {
    let (mut from, mut to) = (0, cells.len() / bytes);
    while from < to {
        let middle = from + (to - from) / 2;
        if is_before(&cells[middle * bytes..(middle + 1) * bytes]) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    from
}

/// Looks at some of the cells.
fn is_sorted(cells: Cells, data: &[u8], bytes: usize) -> bool {
    let count = data.len() / bytes;
    let step = (count / 16).max(1);
    let mut before: Option<Key> = None;
    (0..count).step_by(step).all(|at| {
        let cell = &data[at * bytes..(at + 1) * bytes];
        let is_behind = before
            .as_ref()
            .is_none_or(|before| cells.compare(cell, before).is_ge());
        before = Some(cells.key(cell));
        is_behind
    })
}

fn flag(attributes: &[Attribute], name: &str) -> bool {
    let found = attributes.iter().find(|attribute| attribute.name == name);
    found.is_some_and(|attribute| attribute.data.iter().any(|&byte| byte != 0))
}

fn whole(attributes: &[Attribute], name: &str) -> Result<usize> {
    let found = attributes.iter().find(|attribute| attribute.name == name);
    let found = found.filter(|attribute| {
        matches!(attribute.datatype.class, Class::Integer { .. }) && attribute.data.len() <= 8
    });
    let found = found.ok_or_else(|| damaged(format!("the index has no {name}")))?;
    usize::try_from(little_endian(&found.data)).map_err(damaged)
}
