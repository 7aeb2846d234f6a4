//! Strips: the cells of single columns of some rows, one after the other, put together once and kept.
//!
//! In a file the cells of a row lie side by side, and a chunk of them is compressed as one. Whoever asks for one column
//! of many pays for all; whoever asks again finds the column's strips. What is kept shares the bound of decoded chunks.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::column::{ColumnPlace, members};
use crate::error::{Result, damaged};
use crate::filter::{Lane, Zone};
use crate::format::cache::{self, Key};
use crate::format::dataset::{Dataset, Layout};
use crate::format::rows::RowReader;
use crate::number::{Number, Places};
use crate::rows::ReadRows;

/// Rows of a strip, about: as many chunks as it takes, at least one.
const ROWS: u64 = 1 << 15;
/// Strips are made of about this many bytes of rows at most, if a chunk has no more.
const ROW_BYTES: u64 = 4 << 20;
/// Larger chunks are not taken apart.
const ROW_BYTES_MAX: u64 = 16 << 20;
/// Rows that are put together from strips at a time.
const ROWS_OF_A_BLOCK: u64 = 1 << 13;
/// Zones of all columns of all files that are kept.
const ZONES_MAX: usize = 1 << 18;

/// Bytes that belong together in each row: those of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field {
    /// Where in a row they start.
    pub offset: usize,
    /// How many they are.
    pub bytes: usize,
    /// What they are, if they are one number.
    pub number: Option<Number>,
}

/// Reads fields of the rows of one dataset; each thread has its own.
pub struct StripReader {
    serial: u64,
    count: u64,
    height: u64,
    row_bytes: usize,
    rows: RowReader,
    /// Those that are asked for, and then, if they are kept as well, all others of the dataset.
    fields: Vec<Field>,
    asked: usize,
    /// For each field that is a number.
    zones: Vec<Option<Arc<ColumnZones>>>,
    held: Option<Held>,
    block: Vec<u8>,
}

/// Strips of some rows, by field.
struct Held {
    rows: Range<u64>,
    strips: Vec<Option<Arc<Vec<u8>>>>,
}

impl StripReader {
    /// A reader of these fields; `None` if the dataset is not one whose columns are worth taking apart.
    pub fn new(dataset: &Arc<Dataset>, mut fields: Vec<Field>) -> Result<Option<Self>> {
        let row_bytes = dataset.row_bytes()?;
        let rows = ROWS
            .min(ROW_BYTES.checked_div(row_bytes as u64).unwrap_or(0))
            .max(1);
        let height = match &dataset.layout {
            Layout::Chunked(chunking) if chunking.dims.len() == 1 => {
                let height = chunking.dims.first().copied().unwrap_or(0);
                height.saturating_mul(rows.checked_div(height).unwrap_or(0).max(1))
            }
            Layout::Contiguous(Some(_)) if dataset.main == 0 => rows,
            _ => 0,
        };
        let strip_bytes = height.saturating_mul(row_bytes as u64);
        if height == 0 || strip_bytes > ROW_BYTES_MAX {
            return Ok(None);
        }
        let asked = fields.len();
        let bytes = dataset.rows().saturating_mul(row_bytes as u64);
        if !dataset.filters.is_empty() && bytes <= cache::BYTES_MAX as u64 {
            // What was decoded for one column is kept for all.
            for place in members(dataset).0 {
                let field = Field::of(&place);
                let is_new =
                    |known: &Field| (known.offset, known.bytes) != (field.offset, field.bytes);
                if field.bytes > 0 && fields.iter().all(is_new) {
                    fields.push(field);
                }
            }
        }
        // Who reads whole rows alone makes no strips.
        let zones = fields.iter().map(|field| {
            field.number.filter(|_| asked > 0)?;
            Some(zones((dataset.serial, field.offset, field.bytes)))
        });
        Ok(Some(Self {
            serial: dataset.serial,
            count: dataset.rows(),
            height,
            row_bytes,
            rows: RowReader::new(dataset)?,
            zones: zones.collect(),
            fields,
            asked,
            held: None,
            block: Vec::new(),
        }))
    }

    /// The rows of the strip that a row lies in.
    pub fn strip(&self, row: u64) -> Range<u64> {
        let start = row - row % self.height;
        start..start.saturating_add(self.height).min(self.count)
    }

    /// The zone of a field, given by its place, in the strip that a row lies in; `None` if nobody has looked yet.
    pub fn zone(&self, field: usize, row: u64) -> Option<Zone> {
        self.zones.get(field)?.as_ref()?.find(row / self.height)
    }

    /// The fields asked for of the rows from `row` on, `end` not passed: how many rows they are, and a lane for each field.
    pub fn read(&mut self, row: u64, end: u64) -> Result<(u64, Vec<Lane<'_>>)> {
        let strip = self.strip(row);
        if !self.holds(&strip, self.asked) {
            self.hold(&strip);
            if !self.holds(&strip, self.asked) {
                self.put_together(&strip)?;
            }
        }
        let rows = strip.end.min(end).saturating_sub(row);
        let from = (row - strip.start) as usize;
        let strips = self.held.as_ref().map(|held| held.strips.as_slice());
        let fields = self.fields.iter().take(self.asked);
        let lanes = fields
            .zip(strips.unwrap_or_default())
            .map(|(field, strip)| {
                let bytes = from * field.bytes..(from + rows as usize) * field.bytes;
                let strip = strip.as_ref().and_then(|strip| strip.get(bytes));
                Lane {
                    bytes: strip.unwrap_or_default(),
                    stride: field.bytes,
                }
            });
        Ok((rows, lanes.collect()))
    }

    /// The whole rows from `row` on, `end` not passed: how many they are, and their bytes.
    pub fn rows(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        let strip = self.strip(row);
        // If every field is kept, nothing needs to be decoded.
        let has_all = self.fields.len() > self.asked;
        let is_new = |held: &Held| held.rows != strip;
        if has_all && self.held.as_ref().is_none_or(is_new) {
            self.hold(&strip);
        }
        if has_all && self.holds(&strip, self.fields.len()) {
            return Ok(self.scatter(&strip, row, end));
        }
        self.rows.keeps_chunks = true;
        self.rows.read(row, end)
    }

    /// Whether the first fields of these rows are held.
    fn holds(&self, strip: &Range<u64>, fields: usize) -> bool {
        let held = self.held.as_ref().filter(|held| held.rows == *strip);
        held.is_some_and(|held| held.strips.iter().take(fields).all(Option::is_some))
    }

    /// Holds what is kept of these rows.
    fn hold(&mut self, strip: &Range<u64>) {
        let strips = self.fields.iter();
        self.held = Some(Held {
            rows: strip.clone(),
            strips: strips
                .map(|field| cache::find(self.key(field, strip)))
                .collect(),
        });
    }

    fn key(&self, field: &Field, strip: &Range<u64>) -> Key {
        let field = (field.offset as u64) << 32 | field.bytes as u64;
        (self.serial, strip.start, field)
    }

    /// Rows from the strips that are held.
    fn scatter(&mut self, strip: &Range<u64>, row: u64, end: u64) -> (u64, &[u8]) {
        let rows = strip.end.min(end).saturating_sub(row).min(ROWS_OF_A_BLOCK);
        let from = (row - strip.start) as usize;
        self.block.clear();
        self.block.resize(rows as usize * self.row_bytes, 0);
        let strips = self.held.as_ref().map(|held| held.strips.as_slice());
        for (field, strip) in self.fields.iter().zip(strips.unwrap_or_default()) {
            let bytes = from * field.bytes..(from + rows as usize) * field.bytes;
            let cells = strip.as_ref().and_then(|strip| strip.get(bytes));
            spread(
                cells.unwrap_or_default(),
                *field,
                self.row_bytes,
                &mut self.block,
            );
        }
        (rows, &self.block)
    }

    /// Puts the strips that are missing together from the rows. Of those who want the same strips now, one does, and the
    /// others find them.
    fn put_together(&mut self, strip: &Range<u64>) -> Result<()> {
        let place = (self.serial ^ (strip.start / self.height)) as usize % BUSY.len();
        let lock = BUSY.get(place).map(Mutex::lock);
        let _busy = lock.map(|lock| lock.unwrap_or_else(PoisonError::into_inner));
        self.hold(strip);
        if self.holds(strip, self.asked) {
            return Ok(());
        }
        let count = (strip.end - strip.start) as usize;
        let held = self.held.as_ref().map(|held| held.strips.as_slice());
        let fields = self.fields.iter().zip(held.unwrap_or_default());
        let missing = fields.enumerate().filter(|(_, (_, held))| held.is_none());
        let mut made: Vec<(usize, Field, Vec<u8>)> = missing
            .map(|(at, (field, _))| (at, *field, Vec::with_capacity(count * field.bytes)))
            .collect();
        self.rows.keeps_chunks = false;
        let mut row = strip.start;
        while row < strip.end {
            let (read, bytes) = self.rows.read(row, strip.end)?;
            row += read;
            for (_, field, out) in &mut made {
                gather(bytes, self.row_bytes, *field, out);
            }
        }
        for (at, field, bytes) in made {
            self.finish(at, field, strip, bytes)?;
        }
        Ok(())
    }

    /// Keeps and holds a strip.
    fn finish(
        &mut self,
        at: usize,
        field: Field,
        strip: &Range<u64>,
        bytes: Vec<u8>,
    ) -> Result<()> {
        let count = (strip.end - strip.start) as usize;
        if bytes.len() != count * field.bytes {
            return Err(damaged("its rows are shorter than its columns"));
        }
        if let (Some(number), Some(Some(zones))) = (field.number, self.zones.get(at)) {
            let places = Places {
                block: &bytes,
                rows: count,
                stride: field.bytes,
                offset: 0,
                per_row: 1,
                bytes: field.bytes,
            };
            zones.keep(strip.start / self.height, Zone::of(number, places));
        }
        let bytes = Arc::new(bytes);
        cache::keep(self.key(&field, strip), &bytes);
        let held = self.held.as_mut().and_then(|held| held.strips.get_mut(at));
        if let Some(held) = held {
            *held = Some(bytes);
        }
        Ok(())
    }
}

impl ReadRows for StripReader {
    fn read(&mut self, row: u64, end: u64) -> Result<(u64, &[u8])> {
        self.rows(row, end)
    }
}

impl Field {
    /// Where a column is.
    pub fn of(place: &ColumnPlace) -> Self {
        Self {
            offset: place.offset,
            bytes: place.bytes.saturating_mul(place.elements()),
            number: place.element.stored_number().filter(|_| place.is_scalar()),
        }
    }
}

/// Adds the bytes of a field of each row.
fn gather(rows: &[u8], row_bytes: usize, field: Field, out: &mut Vec<u8>) {
    match field.bytes {
        1 => each::<1>(rows, row_bytes, field.offset, out),
        2 => each::<2>(rows, row_bytes, field.offset, out),
        4 => each::<4>(rows, row_bytes, field.offset, out),
        8 => each::<8>(rows, row_bytes, field.offset, out),
        16 => each::<16>(rows, row_bytes, field.offset, out),
        bytes => {
            for row in rows.chunks_exact(row_bytes.max(1)) {
                let cell = row.get(field.offset..field.offset + bytes);
                out.extend_from_slice(cell.unwrap_or_default());
            }
        }
    }
}

fn each<const N: usize>(rows: &[u8], row_bytes: usize, offset: usize, out: &mut Vec<u8>) {
    let start = out.len();
    let rows = rows.chunks_exact(row_bytes.max(1));
    out.resize(start + rows.len() * N, 0);
    let cells = out[start..].as_chunks_mut::<N>().0;
    for (row, cell) in rows.zip(cells) {
        if let Some(found) = row.get(offset..).and_then(<[u8]>::first_chunk::<N>) {
            *cell = *found;
        }
    }
}

/// Puts the cells of a field where they are in rows; what is beyond the rows is left out.
fn spread(cells: &[u8], field: Field, row_bytes: usize, rows: &mut [u8]) {
    match field.bytes {
        1 => spread_each::<1>(cells, row_bytes, field.offset, rows),
        2 => spread_each::<2>(cells, row_bytes, field.offset, rows),
        4 => spread_each::<4>(cells, row_bytes, field.offset, rows),
        8 => spread_each::<8>(cells, row_bytes, field.offset, rows),
        bytes => {
            let rows = rows.chunks_exact_mut(row_bytes.max(1));
            for (cell, row) in cells.chunks_exact(bytes.max(1)).zip(rows) {
                if let Some(place) = row.get_mut(field.offset..field.offset + bytes) {
                    place.copy_from_slice(cell);
                }
            }
        }
    }
}

fn spread_each<const N: usize>(cells: &[u8], row_bytes: usize, offset: usize, rows: &mut [u8]) {
    let rows = rows.chunks_exact_mut(row_bytes.max(1));
    for (cell, row) in cells.as_chunks::<N>().0.iter().zip(rows) {
        let place = row.get_mut(offset..).and_then(<[u8]>::first_chunk_mut::<N>);
        if let Some(place) = place {
            *place = *cell;
        }
    }
}

/// Who is putting strips together, by a number made of what they are.
static BUSY: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

/// A column of a dataset: its serial number, and where in a row its bytes are, and how many.
type Column = (u64, usize, usize);

/// The zones of one column, by strip.
#[derive(Debug, Default)]
struct ColumnZones(Mutex<HashMap<u64, Zone>>);

static ZONES: LazyLock<Mutex<KeptZones>> = LazyLock::new(Mutex::default);
/// How many zones are kept.
static ZONES_KEPT: AtomicUsize = AtomicUsize::new(0);

#[derive(Default)]
struct KeptZones {
    columns: HashMap<Column, Arc<ColumnZones>>,
    /// In the order in which they came.
    queue: VecDeque<Column>,
}

/// The zones of a column. If there are too many of others, the oldest are forgotten.
fn zones(column: Column) -> Arc<ColumnZones> {
    let mut kept = ZONES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(zones) = kept.columns.get(&column) {
        return Arc::clone(zones);
    }
    while ZONES_KEPT.load(Ordering::Relaxed) + kept.columns.len() > ZONES_MAX {
        let Some(oldest) = kept.queue.pop_front() else {
            break;
        };
        kept.columns.remove(&oldest);
    }
    kept.queue.push_back(column);
    Arc::clone(kept.columns.entry(column).or_default())
}

impl Drop for ColumnZones {
    fn drop(&mut self) {
        ZONES_KEPT.fetch_sub(self.zones().len(), Ordering::Relaxed);
    }
}

impl ColumnZones {
    fn zones(&self) -> MutexGuard<'_, HashMap<u64, Zone>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, strip: u64) -> Option<Zone> {
        self.zones().get(&strip).copied()
    }

    fn keep(&self, strip: u64, zone: Zone) {
        if ZONES_KEPT.load(Ordering::Relaxed) < 2 * ZONES_MAX
            && self.zones().insert(strip, zone).is_none()
        {
            ZONES_KEPT.fetch_add(1, Ordering::Relaxed);
        }
    }
}
