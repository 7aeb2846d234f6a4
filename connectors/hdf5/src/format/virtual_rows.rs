//! Rows of virtual datasets: what mappings pick of their sources, copied into the rows where it belongs.
//!
//! Sources are read by their own row readers. Where nothing is mapped, or a source is missing, stands the fill value,
//! as the HDF5 library has it.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::convert::Conversion;
use super::dataset::Dataset;
use super::datatype::{Class, Datatype, Reference};
use super::mapping::{Piece, Virtual};
use super::picked::Window;
use super::rows::RowReader;
use crate::error::{Result, damaged, unsupported};

/// Runs and mappings looked at for one block of rows, those of nested virtual datasets included.
const STEPS_MAX: u64 = 1 << 26;
/// Sources that a reader keeps open.
const KEPT_MAX: usize = 8;

/// Reads blocks of rows of one virtual dataset.
pub struct VirtualReader {
    dataset: Arc<Dataset>,
    mappings: Arc<Virtual>,
    steps: Steps,
    /// The sources read last, the latest at the end.
    sources: Vec<Source>,
}

/// What reading a block may still cost; a nested reader counts with the one that reads it.
#[derive(Clone, Default)]
pub struct Steps(Arc<AtomicU64>);

impl Steps {
    /// Whether some are taken, by whoever reads.
    pub fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    fn take(&self) -> Result<()> {
        if self.0.fetch_add(1, Ordering::Relaxed) < STEPS_MAX {
            return Ok(());
        }
        Err(unsupported(
            "its mappings are too finely cut or overlap too often",
        ))
    }
}

impl VirtualReader {
    /// A reader; `steps` are those of the virtual dataset that reads this one.
    pub fn new(dataset: &Arc<Dataset>, mappings: &Arc<Virtual>, steps: Steps) -> Self {
        Self {
            dataset: Arc::clone(dataset),
            mappings: Arc::clone(mappings),
            steps,
            sources: Vec::new(),
        }
    }

    /// Starts counting anew. Only for a reader that no other reads.
    pub fn restart(&self) {
        self.steps.0.store(0, Ordering::Relaxed);
    }

    /// Copies what is mapped between two rows into `block`, where the rows stand as fill values.
    pub fn read(&mut self, row: u64, end: u64, row_bytes: usize, block: &mut [u8]) -> Result<()> {
        let (dataset, mappings) = (Arc::clone(&self.dataset), Arc::clone(&self.mappings));
        let main = dataset.main;
        for mapping in &mappings.mappings {
            self.steps.take()?;
            let rows = (main, row, end);
            mappings.pieces(&dataset.file, mapping, dataset.dims(), rows, &mut |piece| {
                let window = Window {
                    dims: dataset.dims(),
                    main,
                    row,
                    end,
                };
                self.piece(&piece, window, row_bytes, block)
            })?;
        }
        Ok(())
    }

    fn piece(
        &mut self,
        piece: &Piece,
        window: Window<'_>,
        row_bytes: usize,
        block: &mut [u8],
    ) -> Result<()> {
        if piece.from.total() != piece.to.total() {
            return Err(damaged(
                "a mapping does not pick as many elements as it maps",
            ));
        }
        let bytes = self.dataset.datatype.size;
        let place = Place::new(window, bytes, row_bytes);
        let at = self.source(&piece.source)?;
        let (source, steps) = (&mut self.sources[at], &self.steps);
        let mut position = Vec::new();
        piece
            .to
            .in_window(window, |mut number, target, mut length| {
                let mut to = place.of(target);
                while length > 0 {
                    steps.take()?;
                    let run = piece.from.locate(number, &mut position).min(length);
                    source.copy(&position, run, block, to, place.stride, bytes)?;
                    (number, length) = (number + run, length - run);
                    to += run as usize * place.stride;
                }
                Ok(())
            })
    }

    /// Where the open source is among those that are kept.
    fn source(&mut self, dataset: &Arc<Dataset>) -> Result<usize> {
        let known = self
            .sources
            .iter()
            .position(|source| Arc::ptr_eq(&source.dataset, dataset));
        if let Some(at) = known {
            return Ok(at);
        }
        if self.sources.len() >= KEPT_MAX {
            self.sources.remove(0);
        }
        self.sources
            .push(Source::open(&self.dataset, dataset, self.steps.clone())?);
        Ok(self.sources.len() - 1)
    }
}

/// Where elements of the virtual dataset go in a block of its rows.
struct Place<'a> {
    window: Window<'a>,
    bytes: usize,
    row_bytes: usize,
    /// From an element to the next along the last dimension.
    stride: usize,
}

impl<'a> Place<'a> {
    fn new(window: Window<'a>, bytes: usize, row_bytes: usize) -> Self {
        let is_last = window.main + 1 >= window.dims.len();
        Self {
            window,
            bytes,
            row_bytes,
            stride: if is_last { row_bytes } else { bytes },
        }
    }

    fn of(&self, position: &[u64]) -> usize {
        let Window {
            dims, main, row, ..
        } = self.window;
        let within = within_row(position, dims, main);
        let rows = position.get(main).map_or(0, |position| position - row);
        rows as usize * self.row_bytes + within as usize * self.bytes
    }
}

/// The number of an element within its row.
fn within_row(position: &[u64], dims: &[u64], main: usize) -> u64 {
    let others = position
        .iter()
        .zip(dims)
        .enumerate()
        .filter(|(at, _)| *at != main);
    others.fold(0, |all, (_, (&position, &length))| all * length + position)
}

/// An open source with the rows read last.
struct Source {
    dataset: Arc<Dataset>,
    reader: RowReader,
    row_bytes: usize,
    conversion: Conversion,
    /// Where an element has places in heaps of another file, and that file's number.
    heap: Option<(Vec<usize>, u64)>,
    rows: Range<u64>,
    held: Vec<u8>,
}

impl Source {
    fn open(shown: &Dataset, dataset: &Arc<Dataset>, steps: Steps) -> Result<Self> {
        let conversion =
            Conversion::between(&dataset.datatype, &shown.datatype).ok_or_else(|| {
                unsupported("a source's type cannot be converted into the virtual dataset's")
            })?;
        let mut heap = None;
        if !Arc::ptr_eq(&shown.file, &dataset.file) {
            let mut places = Vec::new();
            if !heap_places(&shown.datatype, 0, &mut places)
                || (!places.is_empty() && shown.file.offset_size.min(dataset.file.offset_size) < 8)
            {
                return Err(unsupported(
                    "it maps references or nested lists of other files",
                ));
            }
            if !places.is_empty() {
                heap = Some((places, shown.file.foreign_number(&dataset.file)?));
            }
        }
        Ok(Self {
            row_bytes: dataset.row_bytes()?,
            reader: RowReader::within(dataset, steps)?,
            dataset: Arc::clone(dataset),
            conversion,
            heap,
            rows: 0..0,
            held: Vec::new(),
        })
    }

    /// Copies `run` elements that follow each other along the source's last dimension.
    fn copy(
        &mut self,
        position: &[u64],
        run: u64,
        block: &mut [u8],
        mut to: usize,
        stride: usize,
        bytes: usize,
    ) -> Result<()> {
        let dataset = Arc::clone(&self.dataset);
        let (dims, main) = (dataset.dims(), dataset.main);
        let fits = position.len() == dims.len()
            && position
                .iter()
                .zip(dims)
                .all(|(position, length)| position < length)
            && position
                .last()
                .zip(dims.last())
                .is_none_or(|(last, length)| run <= length - last);
        if !fits {
            return Err(damaged("a mapping picks what its source does not have"));
        }
        let within = within_row(position, dims, main) as usize * dataset.datatype.size;
        let first = position.get(main).copied().unwrap_or(0);
        let is_by_row = main + 1 == dims.len();
        let (step, count) = if is_by_row { (1, run) } else { (0, 1) };
        let mut row = first;
        while row < first + count {
            self.hold(row, (first + count).max(row + 1))?;
            // Elements of the rows that are held, or all of one row.
            let (elements, from_stride) = if is_by_row {
                (self.rows.end.min(first + count) - row, self.row_bytes)
            } else {
                (run, dataset.datatype.size)
            };
            let start = (row - self.rows.start) as usize * self.row_bytes + within;
            let shape = Shape {
                elements: elements as usize,
                from_stride,
                to_stride: stride,
                from_bytes: dataset.datatype.size,
                to_bytes: bytes,
            };
            shape.copy(&self.held[start..], &mut block[to..], &self.conversion);
            self.tag(&mut block[to..], shape);
            to += elements as usize * stride;
            row += if step == 1 { elements } else { 1 };
        }
        Ok(())
    }

    /// Sees to it that this row is held, and some after it.
    fn hold(&mut self, row: u64, end: u64) -> Result<()> {
        if self.rows.contains(&row) {
            return Ok(());
        }
        // What follows is most often wanted next.
        let ahead = (64 << 10) / self.row_bytes.max(1) as u64;
        let end = end.max(row.saturating_add(ahead)).min(self.dataset.rows());
        let (rows, bytes) = self.reader.read(row, end)?;
        self.held.clear();
        self.held.extend_from_slice(bytes);
        self.rows = row..row + rows;
        Ok(())
    }

    /// Says in places of heaps whose file they are of.
    fn tag(&self, block: &mut [u8], shape: Shape) {
        let Some((places, number)) = &self.heap else {
            return;
        };
        for element in 0..shape.elements {
            for place in places {
                let at = element * shape.to_stride + place;
                if let Some(address) = block.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<8>) {
                    *address =
                        super::file::tagged(u64::from_le_bytes(*address), *number).to_le_bytes();
                }
            }
        }
    }
}

/// Elements in two places.
#[derive(Clone, Copy)]
struct Shape {
    elements: usize,
    from_stride: usize,
    to_stride: usize,
    from_bytes: usize,
    to_bytes: usize,
}

impl Shape {
    fn copy(self, from: &[u8], to: &mut [u8], conversion: &Conversion) {
        let is_dense = self.from_stride == self.from_bytes && self.to_stride == self.to_bytes;
        if is_dense && matches!(conversion, Conversion::Same) {
            let bytes = self.elements * self.to_bytes;
            to[..bytes].copy_from_slice(&from[..bytes]);
            return;
        }
        for element in 0..self.elements {
            let (old, new) = (element * self.from_stride, element * self.to_stride);
            conversion.convert(
                &from[old..old + self.from_bytes],
                &mut to[new..new + self.to_bytes],
            );
        }
    }
}

/// Where in an element addresses of heaps are; `false` if it holds what only makes sense in its own file.
fn heap_places(datatype: &Datatype, at: usize, places: &mut Vec<usize>) -> bool {
    match &datatype.class {
        Class::VariableText => {
            places.push(at + 4);
            true
        }
        Class::VariableList(element) => {
            places.push(at + 4);
            heap_places(element, 0, &mut Vec::new()) && !element.is_in_heap()
        }
        Class::Reference(Reference::Object | Reference::Region | Reference::Any) => false,
        Class::Compound(members) => members
            .iter()
            .all(|member| heap_places(&member.datatype, at + member.offset, places)),
        Class::Array { shape, element } => {
            let count = shape.iter().product::<usize>();
            (0..count).all(|n| heap_places(element, at + n * element.size, places))
        }
        _ => true,
    }
}
