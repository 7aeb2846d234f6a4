//! The rows of a frame in `fixed` format: put together from the rows of several datasets.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::ArrayRef;

use super::objects::{ObjectBlock, Objects};
use crate::array::{array, arrow};
use crate::column::{ColumnPlace, Element};
use crate::element::category::Values;
use crate::error::{Result, damaged, unsupported};
use crate::format::dataset::Dataset;
use crate::format::file::File;
use crate::format::value::ValueReader;
use crate::rows::{DatasetRows, ReadRows, Rows};

/// Rows put together at once: no more bytes than this, unless a single row has more.
const BLOCK_BYTES: usize = 1 << 20;
/// Bytes of a row of all datasets together.
const ROW_BYTES_MAX: usize = 64 << 20;
/// Values of a list of categories, of levels or of labels, and their bytes.
const VALUES_MAX: u64 = 1 << 20;
const VALUES_BYTES_MAX: usize = 32 << 20;

/// The rows of several datasets side by side, and the number of each row.
pub struct JoinedRows {
    file: Arc<File>,
    count: u64,
    parts: Vec<Part>,
    bytes: usize,
}

/// A dataset of as many rows, or the row's number in 8 bytes.
struct Part {
    dataset: Option<Arc<Dataset>>,
    /// Where in a row its bytes are.
    bytes: Range<usize>,
}

impl JoinedRows {
    /// `count` rows of nothing yet.
    pub fn new(file: Arc<File>, count: u64) -> Self {
        Self {
            file,
            count,
            parts: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds the rows of a dataset, and says where in a row they start.
    pub fn add(&mut self, dataset: &Arc<Dataset>) -> Result<usize> {
        self.check(dataset.rows())?;
        let known = self.parts.iter().find(|part| {
            part.dataset
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, dataset))
        });
        if let Some(part) = known {
            return Ok(part.bytes.start);
        }
        self.part(Some(Arc::clone(dataset)), dataset.row_bytes()?)
    }

    /// Fails if a part of so many rows is none of these.
    pub fn check(&self, rows: u64) -> Result<()> {
        if rows == self.count {
            return Ok(());
        }
        Err(damaged(format!(
            "its parts have different numbers of rows: {} and {rows}",
            self.count
        )))
    }

    /// Adds the number of each row, as 8 bytes, for something of so many rows, and says where in a row they start.
    pub fn add_numbers(&mut self, rows: u64) -> Result<usize> {
        self.check(rows)?;
        let known = self.parts.iter().find(|part| part.dataset.is_none());
        if let Some(part) = known {
            return Ok(part.bytes.start);
        }
        self.part(None, 8)
    }

    fn part(&mut self, dataset: Option<Arc<Dataset>>, bytes: usize) -> Result<usize> {
        let start = self.bytes;
        self.bytes += bytes;
        if self.bytes > ROW_BYTES_MAX {
            return Err(unsupported("its rows are larger than 64 MB each"));
        }
        self.parts.push(Part {
            dataset,
            bytes: start..self.bytes,
        });
        Ok(start)
    }

    /// Tells where each column is, so that only the datasets of those asked for are read.
    pub fn with_columns(self, columns: &[ColumnPlace]) -> FrameRows {
        let part_of = |column: &ColumnPlace| {
            let found = self
                .parts
                .iter()
                .position(|part| part.bytes.contains(&column.offset));
            found.unwrap_or(usize::MAX)
        };
        let block_of = |column: &ColumnPlace| match &column.element {
            Element::Object(object) => Some(Arc::clone(&object.block)),
            _ => None,
        };
        FrameRows {
            blocks: columns.iter().map(block_of).collect(),
            column_parts: columns.iter().map(part_of).collect(),
            joined: self,
        }
    }
}

/// Joined rows whose columns are known.
pub struct FrameRows {
    joined: JoinedRows,
    /// The part that each column is in.
    column_parts: Vec<usize>,
    /// The block of objects that each column is in.
    blocks: Vec<Option<Arc<ObjectBlock>>>,
}

impl Rows for FrameRows {
    fn count(&self) -> u64 {
        self.joined.count
    }

    fn row_bytes(&self) -> Result<usize> {
        Ok(self.joined.bytes)
    }

    fn height(&self) -> u64 {
        let heights = self.joined.parts.iter().filter_map(|part| {
            part.dataset
                .as_ref()
                .map(|dataset| DatasetRows(Arc::clone(dataset)).height())
        });
        heights.max().unwrap_or(1)
    }

    fn file(&self) -> &Arc<File> {
        &self.joined.file
    }

    fn open(&self, columns: &[usize]) -> Result<Box<dyn ReadRows>> {
        let mut wanted: Vec<usize> = columns
            .iter()
            .filter_map(|&column| self.column_parts.get(column).copied())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        let blocks = columns
            .iter()
            .filter_map(|&column| self.blocks.get(column)?.as_ref());
        let held = blocks.map(|block| block.objects()).collect::<Result<_>>()?;
        let mut sources = Vec::new();
        for part in wanted
            .iter()
            .filter_map(|&part| self.joined.parts.get(part))
        {
            let reader = match &part.dataset {
                Some(dataset) => Some(DatasetRows(Arc::clone(dataset)).open(&[])?),
                None => None,
            };
            sources.push((part.bytes.clone(), reader));
        }
        Ok(Box::new(JoinedReader {
            sources,
            _held: held,
            stride: self.joined.bytes,
            block: Vec::new(),
        }))
    }
}

/// Where in a row the bytes of a source go, and its reader; the number of the row has none.
type Source = (Range<usize>, Option<Box<dyn ReadRows>>);

struct JoinedReader {
    sources: Vec<Source>,
    /// Blocks that would be read anew for each batch if nobody held them.
    _held: Vec<Arc<Objects>>,
    stride: usize,
    block: Vec<u8>,
}

impl ReadRows for JoinedReader {
    fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        let stride = self.stride.max(1);
        let mut rows = (end - row).min((BLOCK_BYTES / stride).max(1) as u64);
        self.block.resize(rows as usize * self.stride, 0);
        for (place, reader) in &mut self.sources {
            let has_bytes = reader.is_some();
            let (read, bytes): (u64, &[u8]) = match reader {
                Some(reader) => reader.read(row, row + rows)?,
                None => (rows, &[]),
            };
            // Whoever reads less than the others sets how many rows come.
            rows = rows.min(read);
            let width = place.len();
            let targets = self.block.chunks_exact_mut(stride).take(rows as usize);
            for (at, target) in targets.enumerate() {
                let Some(target) = target.get_mut(place.clone()) else {
                    continue;
                };
                if has_bytes {
                    target.copy_from_slice(
                        bytes
                            .get(at * width..(at + 1) * width)
                            .ok_or_else(|| damaged("rows end too early"))?,
                    );
                } else {
                    target.copy_from_slice(&(row + at as u64).to_le_bytes());
                }
            }
        }
        Ok((
            rows,
            self.block
                .get(..rows as usize * self.stride)
                .unwrap_or_default(),
        ))
    }
}

/// All cells of one column of a short table: categories, levels, labels.
pub fn cells(column: &ColumnPlace, rows: &dyn Rows) -> Result<ArrayRef> {
    let count = rows.count();
    if count > VALUES_MAX {
        return Err(unsupported(format!(
            "a list of {count} values is longer than lists that are kept"
        )));
    }
    let stride = rows.row_bytes()?;
    let mut reader = rows.open(&[0])?;
    let mut values = ValueReader::new(rows.file(), None);
    let (mut arrays, mut row, mut bytes) = (Vec::new(), 0, 0);
    while row < count {
        let (read, block) = reader.read(row, count)?;
        let cells = array(column, block, read as usize, stride, &mut values)?;
        bytes += cells.get_array_memory_size();
        if bytes > VALUES_BYTES_MAX {
            return Err(unsupported("a list of values has more than 32 MB"));
        }
        arrays.push(cells);
        row += read;
    }
    if arrays.is_empty() {
        return Ok(arrow_array::new_empty_array(&column.data_type()));
    }
    let parts: Vec<&dyn arrow_array::Array> = arrays.iter().map(AsRef::as_ref).collect();
    arrow_select::concat::concat(&parts).map_err(arrow)
}

/// The same as what codes stand for.
pub fn values(column: &ColumnPlace, rows: &dyn Rows) -> Result<Values> {
    Values::new(&cells(column, rows)?)
        .ok_or_else(|| unsupported("they are of a type that is not decoded"))
}
