//! The rows of a grid: one for each cell, in the order of the dimensions, put together from as many datasets as are
//! asked for.

use std::ops::Range;
use std::sync::Arc;

use tablecast_connector::{Dimension, DimensionKind};

use super::course::GridCourse;
use crate::column::{ColumnPlace, Element};
use crate::error::{Result, unsupported};
use crate::format::cells::{CellReader, Strided};
use crate::format::dataset::{Dataset, Layout};
use crate::format::file::File;
use crate::lattice::{Along, Lattice, Meaning, Numbers};
use crate::rows::{Course, ReadRows, Rows, Wish};

/// Bytes of a block of rows.
const BLOCK_BYTES: usize = 1 << 20;

/// The rows of a grid.
pub struct GridRows {
    shape: Arc<Shape>,
    variables: Vec<GridVariable>,
    file: Arc<File>,
    height: u64,
}

/// What is known of a grid without reading a cell.
pub struct Shape {
    /// The slowest first.
    pub axes: Vec<Axis>,
    /// Rows from a cell to the next one along each dimension.
    pub strides: Vec<u64>,
    pub count: u64,
    pub row_bytes: usize,
    /// The columns, to test coordinates.
    pub places: Vec<ColumnPlace>,
}

/// One dimension.
#[derive(Debug)]
pub struct Axis {
    pub length: u64,
    /// The column of its coordinates, if they are kept.
    pub column: Option<usize>,
    /// Where in a row the number of the cell is.
    pub offset: usize,
    /// The numbers of its cells by ascending coordinate; empty if they are numbered only, `None` if some coordinates
    /// are the same.
    pub sorted: Option<Vec<u32>>,
}

/// One dataset of a grid.
pub struct GridVariable {
    pub dataset: Arc<Dataset>,
    /// For each of its dimensions the place among the grid's.
    pub axes: Vec<usize>,
    /// How many characters make a text, if it is one of characters.
    pub chars: Option<usize>,
    /// Where in a row its elements are.
    pub offset: usize,
    /// Its columns in the table.
    pub columns: Range<usize>,
}

impl GridRows {
    pub fn new(
        file: &Arc<File>,
        axes: Vec<Axis>,
        variables: Vec<GridVariable>,
        places: Vec<ColumnPlace>,
        row_bytes: usize,
    ) -> Result<Self> {
        let mut strides = Vec::new();
        let mut count = 1_u64;
        for axis in axes.iter().rev() {
            strides.push(count);
            let all = count
                .checked_mul(axis.length)
                .filter(|&all| i64::try_from(all).is_ok());
            count = all.ok_or_else(|| unsupported("it has more cells than can be numbered"))?;
        }
        strides.reverse();
        let outer = strides.first().copied().unwrap_or(1);
        let height = variables
            .iter()
            .find_map(|variable| match &variable.dataset.layout {
                Layout::Chunked(chunking) if variable.axes.first() == Some(&0) => {
                    chunking.dims.first().copied()
                }
                _ => None,
            });
        Ok(Self {
            height: height.unwrap_or(1).saturating_mul(outer).max(1),
            shape: Arc::new(Shape {
                axes,
                strides,
                count,
                row_bytes,
                places,
            }),
            variables,
            file: Arc::clone(file),
        })
    }
}

impl GridRows {
    /// A dimension as pictures have it.
    fn along(&self, at: usize, axis: &Axis) -> Along {
        let places = &self.shape.places;
        let own = axis.column.and_then(|column| places.get(column));
        // Coordinates that are not kept are a variable along this dimension alone.
        let long = || {
            let mut variables = self.variables.iter();
            let variable = variables.find(|variable| variable.axes == [at])?;
            places.get(variable.columns.start)
        };
        let name = own
            .or_else(long)
            .map_or_else(|| format!("dim_{at}"), |place| place.name.clone());
        let coordinates = match own.map(|place| &place.element) {
            Some(Element::Category(category)) => Some(Arc::clone(&category.values)),
            _ => None,
        };
        let mut dimension = Dimension::index(name, axis.length);
        if coordinates.is_some() {
            dimension.kind = DimensionKind::Coordinate;
        }
        Along {
            dimension,
            coordinates,
        }
    }

    /// A variable as pictures have it, if it has a number at each cell.
    fn numbers(&self, variable: &GridVariable) -> Option<(String, Numbers)> {
        let is_whole = variable.axes.iter().copied().eq(0..self.shape.axes.len());
        let places = self.shape.places.get(variable.columns.clone())?;
        let [place] = places else { return None };
        if !is_whole || variable.chars.is_some() || !place.shape.is_empty() {
            return None;
        }
        let mut numbers = Numbers::of(&variable.dataset)?;
        match &place.element {
            Element::Number(_) => {
                // What attributes say of it is nothing, or it would be packed.
                if let Meaning::Stored { missing, .. } = &mut numbers.meaning {
                    missing.clear();
                }
            }
            Element::Packed(packed) if packed.time.is_none() => {
                numbers.meaning = Meaning::Packed(packed.clone());
            }
            _ => return None,
        }
        Some((place.name.clone(), numbers))
    }
}

impl Rows for GridRows {
    fn count(&self) -> u64 {
        self.shape.count
    }

    fn row_bytes(&self) -> Result<usize> {
        Ok(self.shape.row_bytes)
    }

    fn height(&self) -> u64 {
        self.height
    }

    fn file(&self) -> &Arc<File> {
        &self.file
    }

    fn lattice(&self) -> Option<Lattice> {
        let dimensions = self
            .shape
            .axes
            .iter()
            .enumerate()
            .map(|(at, axis)| self.along(at, axis));
        let columns: Vec<(String, Numbers)> = self
            .variables
            .iter()
            .filter_map(|it| self.numbers(it))
            .collect();
        let lattice = Lattice {
            dimensions: dimensions.collect(),
            columns,
        };
        (!lattice.columns.is_empty() && self.shape.count > 1).then_some(lattice)
    }

    fn open(&self, columns: &[usize]) -> Result<Box<dyn ReadRows>> {
        let is_read = |variable: &&GridVariable| {
            columns
                .iter()
                .any(|column| variable.columns.contains(column))
        };
        let cells = self.variables.iter().filter(is_read).map(|variable| {
            Ok(Cells {
                reader: CellReader::new(&variable.dataset)?,
                axes: variable.axes.clone(),
                chars: variable.chars,
                offset: variable.offset,
            })
        });
        let wanted = |axis: &Axis| axis.column.is_some_and(|column| columns.contains(&column));
        Ok(Box::new(GridReader {
            indexed: self.shape.axes.iter().map(wanted).collect(),
            cells: cells.collect::<Result<_>>()?,
            shape: Arc::clone(&self.shape),
            block: Vec::new(),
        }))
    }

    fn course(&self, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
        let course = GridCourse::new(&self.shape, wish)?;
        Some(Arc::new(course))
    }
}

struct GridReader {
    shape: Arc<Shape>,
    /// For each dimension whether the number of the cell is wanted.
    indexed: Vec<bool>,
    cells: Vec<Cells>,
    block: Vec<u8>,
}

/// The elements of one variable.
struct Cells {
    reader: CellReader,
    axes: Vec<usize>,
    chars: Option<usize>,
    offset: usize,
}

/// Cells that follow each other along the last dimension.
struct Run<'a> {
    /// The number of the first one along each dimension.
    at: &'a [u64],
    count: usize,
    stride: usize,
    last_axis: usize,
}

impl ReadRows for GridReader {
    fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        let stride = self.shape.row_bytes;
        let rows = (end - row).min((BLOCK_BYTES / stride.max(1)).max(1) as u64);
        self.block.clear();
        self.block.resize(rows as usize * stride, 0);
        let mut done = 0;
        let mut at = vec![0; self.shape.axes.len()];
        while done < rows {
            let mut rest = row + done;
            for (place, step) in at.iter_mut().zip(&self.shape.strides) {
                *place = rest.checked_div(*step).unwrap_or(0);
                rest = rest.checked_rem(*step).unwrap_or(0);
            }
            let last_axis = at.len().saturating_sub(1);
            let length = self.shape.axes.last().map_or(1, |axis| axis.length);
            let count = (length - at.last().copied().unwrap_or(0)).min(rows - done) as usize;
            let run = Run {
                at: &at,
                count,
                stride,
                last_axis,
            };
            let start = done as usize * stride;
            let block = self.block.get_mut(start..start + count * stride);
            let block = block.unwrap_or_default();
            number(&self.shape.axes, &self.indexed, &run, block);
            for cells in &mut self.cells {
                cells.put(&run, block)?;
            }
            done += count as u64;
        }
        Ok((rows, &self.block))
    }
}

/// Writes the numbers of the cells along the dimensions.
fn number(axes: &[Axis], indexed: &[bool], run: &Run<'_>, block: &mut [u8]) {
    for (place, (axis, first)) in axes.iter().zip(run.at).enumerate() {
        if indexed.get(place) != Some(&true) {
            continue;
        }
        let step = u64::from(place == run.last_axis);
        for (at, row) in block.chunks_exact_mut(run.stride).enumerate() {
            let bytes = (first + step * at as u64).to_le_bytes();
            if let Some(place) = row.get_mut(axis.offset..axis.offset + bytes.len()) {
                place.copy_from_slice(&bytes);
            }
        }
    }
}

impl Cells {
    fn put(&mut self, run: &Run<'_>, block: &mut [u8]) -> Result<()> {
        let mut at: Vec<u64> = self
            .axes
            .iter()
            .filter_map(|&axis| run.at.get(axis).copied())
            .collect();
        let goes_along = self.axes.last() == Some(&run.last_axis);
        let Some(block) = block.get_mut(self.offset..) else {
            return Ok(());
        };
        let mut out = Strided {
            bytes: block,
            stride: run.stride,
        };
        match (self.chars, goes_along) {
            (None, true) => self.reader.run(&at, run.count, &mut out),
            (None, false) => {
                // The same element in each row of the run.
                self.reader.run(&at, 1, &mut out)?;
                repeat(&mut out, run.count, self.reader.element_bytes());
                Ok(())
            }
            (Some(chars), _) => {
                for row in 0..run.count {
                    let start = row * run.stride;
                    let text = out.bytes.get_mut(start..start + chars).unwrap_or_default();
                    let mut letters = Strided {
                        bytes: text,
                        stride: 1,
                    };
                    at.push(0);
                    self.reader.run(&at, chars, &mut letters)?;
                    at.pop();
                    if let (true, Some(last)) = (goes_along, at.last_mut()) {
                        *last += 1;
                    }
                }
                Ok(())
            }
        }
    }
}

fn repeat(out: &mut Strided<'_>, count: usize, bytes: usize) {
    for row in 1..count {
        let start = row * out.stride;
        if start + bytes <= out.bytes.len() {
            out.bytes.copy_within(..bytes, start);
        }
    }
}
