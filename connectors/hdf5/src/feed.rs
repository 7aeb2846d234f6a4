//! What blocks of rows are read by: whole rows, or strips of the columns that are looked at, where these are a small
//! part of the rows.

use crate::error::Result;
use crate::filter::{Lane, Seat, Test, Verdict};
use crate::rows::{ReadRows, Rows};
use crate::strips::{Field, StripReader};
use crate::table::Table;

/// Reads blocks of rows; each thread has its own.
pub struct Feed {
    source: Source,
    /// Where each column is in the lanes that are read.
    seats: Vec<Option<Seat>>,
    row_bytes: usize,
}

enum Source {
    Rows(Box<dyn ReadRows>),
    Strips(Box<StripReader>),
}

impl Feed {
    /// Whole rows, in which these columns are looked at.
    pub fn of_rows(table: &Table, rows: &dyn Rows, columns: &[usize]) -> Result<Self> {
        Ok(Self {
            source: Source::Rows(rows.open(columns)?),
            seats: seats_in_rows(table),
            row_bytes: rows.row_bytes()?,
        })
    }

    /// These columns alone; `None` if whole rows are as good.
    pub fn of_columns(table: &Table, rows: &dyn Rows, columns: &[usize]) -> Result<Option<Self>> {
        let row_bytes = rows.row_bytes()?;
        let (mut fields, mut seats) = (Vec::new(), vec![None; table.columns.len()]);
        for &column in columns {
            let (Some(place), Some(seat)) = (table.columns.get(column), seats.get_mut(column))
            else {
                continue;
            };
            *seat = Some(Seat {
                lane: fields.len(),
                offset: 0,
            });
            fields.push(Field::of(place));
        }
        let bytes = fields.iter().map(|field| field.bytes);
        let bytes = bytes.fold(0_usize, usize::saturating_add);
        if bytes > row_bytes / 2 || fields.iter().any(|field| field.bytes == 0) {
            return Ok(None);
        }
        let strips = rows.strips(fields)?;
        Ok(strips.map(|strips| Self {
            source: Source::Strips(Box::new(strips)),
            seats,
            row_bytes,
        }))
    }

    /// Where each column is in what `read` gives.
    pub fn seats(&self) -> &[Option<Seat>] {
        &self.seats
    }

    /// The rows from `row` on, `end` not passed: how many they are, and the lanes they are in.
    pub fn read(&mut self, row: u64, end: u64) -> Result<(u64, Vec<Lane<'_>>)> {
        let stride = self.row_bytes;
        match &mut self.source {
            Source::Rows(reader) => {
                let (rows, bytes) = reader.read(row, end)?;
                Ok((rows, vec![Lane { bytes, stride }]))
            }
            Source::Strips(strips) => strips.read(row, end),
        }
    }

    /// The same as one lane of whole rows.
    pub fn read_whole(&mut self, row: u64, end: u64) -> Result<(u64, Lane<'_>)> {
        let stride = self.row_bytes;
        let (rows, bytes) = match &mut self.source {
            Source::Rows(reader) => reader.read(row, end)?,
            Source::Strips(strips) => strips.rows(row, end)?,
        };
        Ok((rows, Lane { bytes, stride }))
    }

    /// What the test is known to be of the rows from `row` on, and where that ends. No I/O.
    pub fn verdict(&self, test: &Test, row: u64) -> (Verdict, u64) {
        let Source::Strips(strips) = &self.source else {
            return (Verdict::Open, u64::MAX);
        };
        let zone = |column: usize| {
            let seat = self.seats.get(column).copied().flatten()?;
            strips.zone(seat.lane, row)
        };
        (test.verdict(&zone), strips.strip(row).end)
    }
}

/// Where the columns are in whole rows.
pub fn seats_in_rows(table: &Table) -> Vec<Option<Seat>> {
    let seat = |offset| Some(Seat { lane: 0, offset });
    let columns = table.columns.iter();
    columns.map(|column| seat(column.offset)).collect()
}
