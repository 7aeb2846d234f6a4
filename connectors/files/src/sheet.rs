//! Workbooks: each sheet with cells is a table. Cells are read one after the other when a workbook is opened, never as a
//! rectangle that two far corners would span, and are kept as columns, since nothing in a workbook can be found by row.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{Field, Schema};
use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use tablecast_connector::{Column, Error, Limits, Pool, Result};

use crate::file::LocalFile;
use crate::numbered::{Piece, ReadRows, RecordBatches, RowsTable};
use crate::table::FileTable;
use crate::text::column::{Builder, Class};

/// Text of all parts of a workbook, unpacked.
const WORKBOOK_BYTES_MAX: u64 = 192 << 20;
/// Cells of a sheet that are not empty.
const CELLS_MAX: usize = 4_000_000;
/// Cells of a sheet, empty ones between others included.
const AREA_MAX: u64 = 16_000_000;
/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// The tables of a workbook, each called `prefix` and as its sheet is. Blocks.
pub(crate) fn tables(
    file: &LocalFile,
    prefix: &str,
    pool: &Arc<Pool>,
) -> Result<Vec<Arc<dyn FileTable>>> {
    check_bytes(file)?;
    let damaged = |cause: calamine::XlsxError| {
        let what = format!("its workbook cannot be read: {cause}");
        file.broken(what).caused_by(cause)
    };
    let mut workbook: Xlsx<BufReader<File>> =
        Xlsx::new(BufReader::new(file.open()?)).map_err(damaged)?;
    let mut tables: Vec<Arc<dyn FileTable>> = Vec::new();
    for name in workbook.sheet_names() {
        let mut cells = Vec::new();
        let Ok(mut reader) = workbook.worksheet_cells_reader(&name) else {
            // Sheets of charts and macros have no cells.
            continue;
        };
        while let Some(cell) = reader.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            let value = Value::of(cell.get_value());
            if let Some(value) = value {
                cells.push((row, column, value));
            }
            if cells.len() > CELLS_MAX {
                return Err(
                    file.broken(format!("the sheet {name} has more than {CELLS_MAX} cells"))
                );
            }
        }
        if let Some(sheet) = Sheet::of(&cells, file, &name)? {
            let columns = sheet.columns.clone();
            let table = RowsTable::new(&format!("{prefix}{name}"), columns, Arc::new(sheet), pool);
            tables.push(Arc::new(table));
        }
    }
    if tables.is_empty() {
        return Err(file.broken("no sheet in it has a cell"));
    }
    Ok(tables)
}

/// Unpacks all parts without keeping them: what they claim to have is not believed.
fn check_bytes(file: &LocalFile) -> Result<()> {
    let damaged = |cause: zip::result::ZipError| {
        file.broken("is cut off or damaged: its parts cannot be found")
            .caused_by(cause)
    };
    let mut parts = zip::ZipArchive::new(BufReader::new(file.open()?)).map_err(damaged)?;
    let mut left = WORKBOOK_BYTES_MAX;
    for at in 0..parts.len() {
        let part = parts.by_index(at).map_err(damaged)?;
        let name = part
            .name()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let bytes =
            std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|cause| {
                file.broken(format!("its part {name} is damaged"))
                    .caused_by(cause)
            })?;
        left = left.checked_sub(bytes).ok_or_else(|| {
            file.broken(format!(
                "it has more than {} megabytes of text",
                WORKBOOK_BYTES_MAX >> 20
            ))
        })?;
    }
    Ok(())
}

/// A cell.
#[derive(Clone, Debug)]
enum Value {
    Boolean(bool),
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Value {
    /// `None` for an empty cell.
    fn of(cell: &DataRef<'_>) -> Option<Self> {
        Some(match cell {
            DataRef::Empty => return None,
            DataRef::Bool(boolean) => Self::Boolean(*boolean),
            DataRef::Int(integer) => Self::Integer(*integer),
            DataRef::Float(real) => Self::number(*real),
            DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
                Self::Text(text.clone())
            }
            DataRef::SharedString(text) => Self::Text((*text).to_owned()),
            DataRef::DateTime(moment) => Self::Text(written(moment)),
            DataRef::Error(error) => Self::Text(error.to_string()),
        })
    }

    /// Sheets have only reals: whole ones are meant as integers.
    fn number(real: f64) -> Self {
        if real.fract() == 0.0 && real.abs() <= 9_007_199_254_740_992.0 {
            Self::Integer(real as i64)
        } else {
            Self::Real(real)
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Boolean(_) => Class::Boolean,
            Self::Integer(number) if number.unsigned_abs() <= 1 << 53 => Class::SmallInteger,
            Self::Integer(_) => Class::Integer,
            Self::Real(_) => Class::Real,
            Self::Text(_) => Class::Text,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Real(real) => real.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// A date, a moment, or a stretch of time, as ISO writes them.
fn written(moment: &ExcelDateTime) -> String {
    if moment.is_duration() {
        let seconds = (moment.as_f64() * 86_400.0).round() as i64;
        let (sign, all) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
        return format!(
            "{sign}{:02}:{:02}:{:02}",
            all / 3600,
            all / 60 % 60,
            all % 60
        );
    }
    let (year, month, day, hour, minute, second, milli) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second, milli) {
        (0, 0, 0, 0) => date,
        (.., 0) => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}.{milli:03}"),
    }
}

/// A sheet as columns.
struct Sheet {
    columns: Vec<Column>,
    arrays: Vec<ArrayRef>,
    pieces: [Piece; 1],
}

impl Sheet {
    /// The area of the cells, whose first row is names if all of it are texts.
    fn of(cells: &[(u32, u32, Value)], file: &LocalFile, name: &str) -> Result<Option<Self>> {
        let rows = cells.iter().map(|(row, ..)| *row);
        let places = cells.iter().map(|(_, column, _)| *column);
        let (Some(first_row), Some(last_row)) = (rows.clone().min(), rows.max()) else {
            return Ok(None);
        };
        let (Some(first), Some(last)) = (places.clone().min(), places.max()) else {
            return Ok(None);
        };
        let width = u64::from(last - first) + 1;
        let height = u64::from(last_row - first_row) + 1;
        if width * height > AREA_MAX || width as usize > COLUMNS_MAX {
            return Err(file.broken(format!(
                "the sheet {name} spans {height} rows of {width} columns, more than are read"
            )));
        }
        let width = width as usize;
        let mut names = vec![String::new(); width];
        let in_first = cells.iter().filter(|(row, ..)| *row == first_row);
        let has_names = height > 1
            && in_first
                .clone()
                .all(|(.., value)| matches!(value, Value::Text(_)))
            && in_first.count() * 2 > width;
        let mut classes = vec![Class::Nothing; width];
        for (row, column, value) in cells {
            let place = (column - first) as usize;
            if has_names && *row == first_row {
                if let Some(name) = names.get_mut(place) {
                    value.text().trim().clone_into(name);
                }
            } else if let Some(class) = classes.get_mut(place) {
                *class = class.with(value.class());
            }
        }
        for (at, name) in names.iter_mut().enumerate() {
            if name.is_empty() {
                *name = format!("column_{}", at + 1);
            }
        }
        let names = crate::text::survey::distinct(names);
        let columns: Vec<Column> = names
            .into_iter()
            .zip(&classes)
            .map(|(name, class)| Column::new(name, class.data_type()))
            .collect();
        let first_row = first_row + u32::from(has_names);
        let rows = (last_row + 1 - first_row) as usize;
        let arrays = built(cells, &columns, first..last + 1, first_row, rows);
        Ok(Some(Self {
            columns,
            arrays,
            pieces: [Piece {
                first_row: 0,
                rows: Some(rows as u64),
            }],
        }))
    }
}

/// Columns of a sheet.
const COLUMNS_MAX: usize = 2000;

fn built(
    cells: &[(u32, u32, Value)],
    columns: &[Column],
    places: Range<u32>,
    first_row: u32,
    rows: usize,
) -> Vec<ArrayRef> {
    let mut builders: Vec<(Builder, usize)> = columns
        .iter()
        .map(|column| (Builder::new(&column.data_type), 0))
        .collect();
    for (row, column, value) in cells {
        let place = (column - places.start) as usize;
        let Some((builder, filled)) = builders.get_mut(place) else {
            continue;
        };
        let Some(row) = row.checked_sub(first_row).map(|row| row as usize) else {
            continue;
        };
        // Of a cell that is there twice the first counts.
        if row < *filled {
            continue;
        }
        for _ in *filled..row {
            builder.push_null();
        }
        *filled = row + 1;
        match (builder, value) {
            (Builder::Boolean(builder), Value::Boolean(value)) => builder.append_value(*value),
            (Builder::Integer(builder), Value::Integer(value)) => builder.append_value(*value),
            (Builder::Real(builder), Value::Real(value)) => builder.append_value(*value),
            (Builder::Real(builder), Value::Integer(value)) => builder.append_value(*value as f64),
            (Builder::Text(builder), value) => builder.append_value(value.text()),
            (builder, _) => builder.push_null(),
        }
    }
    let arrays = builders.iter_mut().map(|(builder, filled)| {
        for _ in *filled..rows {
            builder.push_null();
        }
        builder.finish()
    });
    arrays.collect()
}

impl ReadRows for Sheet {
    fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn read(&self, _: Range<usize>, columns: &[usize], _: &Limits) -> Result<RecordBatches> {
        let rows = self.pieces[0].rows.unwrap_or_default() as usize;
        let arrays: Vec<ArrayRef> = columns
            .iter()
            .filter_map(|at| self.arrays.get(*at).cloned())
            .collect();
        let fields = columns
            .iter()
            .zip(&arrays)
            .map(|(at, array)| Field::new(at.to_string(), array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let whole = RecordBatch::try_new_with_options(schema, arrays, &options)
            .map_err(|cause| Error::internal("A sheet's columns differ").caused_by(cause))?;
        let starts = (0..rows).step_by(BATCH_ROWS);
        Ok(Box::new(starts.map(move |start| {
            Ok(whole.slice(start, BATCH_ROWS.min(rows - start)))
        })))
    }
}
