//! The rows of a table as bytes, whatever they are put together from, and the courses by which they are read.
//!
//! A table need not be one dataset: its columns' places say where in a row's bytes each cell is, and whoever gives the
//! bytes may have them from several. Filters and arrays know only these bytes.

use std::ops::Range;
use std::sync::Arc;

use tablecast_connector::{Direction, Limits, Partition, ROWID, Sort, Storage};

use crate::column::{ColumnPlace, Element, columns, declared};
use crate::error::Result;
use crate::filter::Test;
use crate::filters::FilterSpec;
use crate::format::dataset::{Dataset, Layout};
use crate::format::file::File;
use crate::format::rows::RowReader;
use crate::lattice::Lattice;
use crate::strips::{Field, StripReader};

/// The rows of one table. They are numbered from 0.
pub trait Rows: Send + Sync {
    /// How many there are.
    fn count(&self) -> u64;

    /// The bytes of a row.
    fn row_bytes(&self) -> Result<usize>;

    /// How many rows, from a multiple of it on, are read as cheaply as one of them: those of a chunk.
    fn height(&self) -> u64;

    /// The file with the heaps that the bytes refer to.
    fn file(&self) -> &Arc<File>;

    /// A reader of these columns, given by their places in the table; other bytes of the rows may be anything.
    fn open(&self, columns: &[usize]) -> Result<Box<dyn ReadRows>>;

    /// A reader of single fields of the rows, if they are worth taking apart.
    fn strips(&self, fields: Vec<Field>) -> Result<Option<StripReader>> {
        let _ = fields;
        Ok(None)
    }

    /// How the cells are stored, as far as that can be said of one table. May read.
    fn storage(&self) -> Option<Result<Storage>> {
        None
    }

    /// The grid of numbers that the rows are, if they are one. No I/O.
    fn lattice(&self) -> Option<Lattice> {
        None
    }

    /// A better way through the rows than from the first to the last, if one is known. No I/O.
    fn course(&self, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
        let _ = wish;
        None
    }
}

/// Reads rows; each thread has its own.
pub trait ReadRows: Send {
    /// The rows from `row` on, `end` not passed: how many they are, at least one, and their bytes.
    ///
    /// `row` must be less than `end`, and `end` at most the number of rows.
    fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])>;
}

/// What rows are looked for.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    /// Rows of which it is not true are dropped by the scan, and need not be on the course.
    pub test: &'a Test,
    /// The stretch outside of which the test is true of none.
    pub rows: &'a Range<u64>,
    /// The order wanted, first the most significant; empty if any will do. Ties come by ascending row number.
    pub sort: &'a [Sort],
    /// The most rows that are wanted.
    pub limit: Option<u64>,
}

/// Rows that are read one by one, each from where it is: of more, all are read and sorted.
const FIRST_MAX: u64 = 20_000;

impl Wish<'_> {
    /// The place of the column by which the first rows are wanted, its direction, and how many they are; `None` if all
    /// rows are, or the order is by more than one column, or by one of cells that are not simply numbers or texts.
    pub fn first_by(&self, columns: &[ColumnPlace]) -> Option<(usize, Direction, u64)> {
        let (first, rest) = self.sort.split_first()?;
        let is_by_row =
            |sort: &Sort| sort.column == ROWID && sort.direction == Direction::Ascending;
        let limit = self.limit.filter(|&limit| limit <= FIRST_MAX)?;
        let at = columns.iter().position(|it| it.name == first.column)?;
        let place = columns.get(at)?;
        let is_simple = matches!(place.element, Element::Number(_) | Element::Text(_));
        (rest.iter().all(is_by_row) && place.is_scalar() && is_simple).then_some((
            at,
            first.direction,
            limit,
        ))
    }

    /// Whether the rows are to come in their own order.
    pub fn is_in_row_order(&self) -> bool {
        self.sort
            .first()
            .is_none_or(|first| first.column == ROWID && first.direction == Direction::Ascending)
    }
}

/// A way through the rows of a table.
///
/// If the order wanted is that of the rows, or none, rows come in ascending order on every course.
pub trait Course: Send + Sync {
    /// Whether the rows come in the order wanted, within each part and from part to part.
    fn is_in_order(&self) -> bool;

    /// The parts, in order, at least one and `most` at most.
    fn parts(&self, most: usize) -> Vec<Partition>;

    /// How many rows pass, if that is known without reading.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// The way through one part. May read.
    fn open(&self, part: &Partition, limits: &Limits) -> Result<Stretches>;
}

/// Stretches of rows, in the order in which they are read.
pub type Stretches = Box<dyn Iterator<Item = Result<Stretch>> + Send>;

/// Rows that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Their numbers; they are clipped to those that there are.
    pub rows: Range<u64>,
    /// Whether the test is known to be true of each of them.
    pub passes: bool,
}

/// The rows of one dataset.
pub struct DatasetRows(pub Arc<Dataset>);

impl Rows for DatasetRows {
    fn count(&self) -> u64 {
        self.0.rows()
    }

    fn row_bytes(&self) -> Result<usize> {
        self.0.row_bytes()
    }

    fn height(&self) -> u64 {
        match &self.0.layout {
            Layout::Chunked(chunking) => {
                let height = chunking.dims.get(self.0.main).copied();
                height.unwrap_or(1).max(1)
            }
            _ => 1,
        }
    }

    fn file(&self) -> &Arc<File> {
        &self.0.file
    }

    fn open(&self, _: &[usize]) -> Result<Box<dyn ReadRows>> {
        Ok(match StripReader::new(&self.0, Vec::new())? {
            Some(rows) => Box::new(rows),
            None => Box::new(RowReader::new(&self.0)?),
        })
    }

    fn strips(&self, fields: Vec<Field>) -> Result<Option<StripReader>> {
        StripReader::new(&self.0, fields)
    }

    fn storage(&self) -> Option<Result<Storage>> {
        Some(storage(&self.0))
    }

    fn lattice(&self) -> Option<Lattice> {
        Lattice::of(&self.0, &columns(&self.0).0)
    }
}

fn storage(dataset: &Dataset) -> Result<Storage> {
    let shape = dataset.shape.clone().unwrap_or_default();
    let count = match &dataset.shape {
        None => Some(0),
        Some(shape) => shape
            .iter()
            .try_fold(1_u64, |all, &length| all.checked_mul(length)),
    };
    let bytes = count.and_then(|count| count.checked_mul(dataset.datatype.size as u64));
    let (chunks, stored_bytes) = match &dataset.layout {
        Layout::Chunked(chunking) => {
            let index = dataset.index()?;
            (
                Some(chunking.dims.clone()),
                index.map(|index| index.stored_bytes()),
            )
        }
        Layout::Compact(data) => (None, Some(data.len() as u64)),
        Layout::Contiguous(Some(_)) | Layout::Records { .. } => (None, bytes),
        Layout::Contiguous(None) => (None, Some(0)),
        Layout::External(_) | Layout::Virtual(_) => (None, None),
    };
    Ok(Storage {
        shape,
        element: declared(&dataset.datatype),
        chunks,
        filters: dataset.filters.iter().map(FilterSpec::known_name).collect(),
        bytes,
        stored_bytes,
    })
}

impl ReadRows for RowReader {
    fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        Self::read(self, row, end)
    }
}
