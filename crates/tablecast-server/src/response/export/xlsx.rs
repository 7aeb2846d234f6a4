//! Rows as an Excel workbook of one sheet. It is made whole in a temporary file, for its index comes last, and what a
//! sheet cannot hold is refused before anything is sent.

use std::fs::File;
use std::io::{BufWriter, Seek, Write as _};
use std::sync::Arc;

use http::HeaderValue;
use rust_xlsxwriter::{Format, Workbook, XlsxError};
use tablecast_connector::{Cell, Error, ErrorKind, Result, Timestamp, sqlite_text};

use super::{Heading, Part, Writer};

/// The media type.
pub(crate) const TYPE: HeaderValue =
    HeaderValue::from_static("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet");

/// Excel's limits.
const ROWS_MAX: u32 = 1_048_576;
const COLUMNS_MAX: usize = 16_384;
const CHARACTERS_MAX: usize = 32_767;
const SHEET_NAME_MAX: usize = 31;

/// Texts of a workbook, which lies on the disk while it is made.
const BYTES_MAX: usize = 4 << 30;

/// Excel shows 15 digits of a number: an integer of more is written as text.
const INTEGER_MAX: u64 = 999_999_999_999_999;

/// From 1970-01-01 to the day that Excel counts from.
const DAYS_BEFORE_1970: i64 = 25_569;

/// Days that Excel counts as everybody does: behind its leap day in 1900, up to the end of 9999.
const DAYS: std::ops::RangeInclusive<i64> = 61..=2_958_465;

/// Writes a workbook.
pub(crate) struct XlsxWriter {
    workbook: Workbook,
    heading: Arc<Heading>,
    /// For messages.
    table: String,
    row: u32,
    bytes: usize,
    date: Format,
    moment: Format,
}

impl XlsxWriter {
    /// An error of kind `TooLarge` if there are more columns than a sheet has.
    pub(crate) fn new(heading: Heading, table: &str) -> Result<Self> {
        let width: usize = heading
            .columns
            .iter()
            .map(|c| 1 + usize::from(c.has_labels))
            .sum();
        if width > COLUMNS_MAX {
            return Err(Error::too_large(format!(
                "{table} has {width} columns; an Excel sheet has at most {COLUMNS_MAX}"
            ))
            .hint("Choose columns with _col, or take .csv or .parquet"));
        }
        let mut workbook = Workbook::new();
        let sheet = workbook
            .add_worksheet_with_constant_memory()
            .map_err(failed)?;
        sheet.set_name(sheet_name(table)).map_err(failed)?;
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        Ok(Self {
            workbook,
            heading: Arc::new(heading),
            table: table.to_owned(),
            row: 0,
            bytes: 0,
            date: Format::new().set_num_format("yyyy-mm-dd"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
        })
    }

    /// The workbook as a file, from its start.
    pub(crate) fn into_file(mut self) -> Result<File> {
        let cannot = |cause| Error::internal("A temporary file cannot be written").caused_by(cause);
        let mut file = BufWriter::new(tempfile::tempfile().map_err(cannot)?);
        self.workbook.save_to_writer(&mut file).map_err(failed)?;
        file.flush().map_err(cannot)?;
        let mut file = file
            .into_inner()
            .map_err(|error| cannot(error.into_error()))?;
        file.rewind().map_err(cannot)?;
        Ok(file)
    }

    fn refusal(&self, column: &str, what: &str) -> Error {
        Error::too_large(format!("{}.{column}, row {}: {what}", self.table, self.row)).hint(
            format!("Leave it out with _nocol={column}, or take .csv or .parquet"),
        )
    }

    /// Checks a text before it is written.
    fn check(&mut self, column: &str, text: &str) -> Result<()> {
        if text.len() > CHARACTERS_MAX && text.encode_utf16().count() > CHARACTERS_MAX {
            let what =
                format!("a cell of an Excel sheet holds at most {CHARACTERS_MAX} characters");
            return Err(self.refusal(column, &what));
        }
        self.bytes += text.len();
        if self.bytes > BYTES_MAX {
            let what = format!("a workbook of more than {BYTES_MAX} bytes is not made");
            return Err(self.refusal(column, &what));
        }
        Ok(())
    }

    fn write_row<'a>(&mut self, part: &Part, cell_of: impl Fn(usize) -> Cell<'a>) -> Result<()> {
        let heading = Arc::clone(&self.heading);
        let mut at: u16 = 0;
        for (place, column) in heading.columns.iter().enumerate() {
            let cell = cell_of(place);
            let value = match cell {
                Cell::Bytes(bytes) => {
                    Value::Text(heading.links.to_bytes(&column.name, bytes, &cell_of))
                }
                cell => value_of(&cell),
            };
            self.write_value(&column.name, at, value)?;
            at += 1;
            if column.has_labels {
                let labels = part.labels.get(place).and_then(Option::as_ref);
                let label = labels.and_then(|labels| labels.of(&cell.to_value()));
                let value = label.map_or(Value::Nothing, |label| Value::Text(label.to_owned()));
                self.write_value(&column.name, at, value)?;
                at += 1;
            }
        }
        Ok(())
    }

    fn write_value(&mut self, column: &str, at: u16, value: Value) -> Result<()> {
        if let Value::Text(text) = &value {
            self.check(column, text)?;
        }
        let row = self.row;
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        let written = match value {
            Value::Nothing => return Ok(()),
            Value::Number(number) => sheet.write_number(row, at, number),
            Value::Boolean(boolean) => sheet.write_boolean(row, at, boolean),
            Value::Text(text) => sheet.write_string(row, at, text),
            Value::Date(day) => sheet.write_number_with_format(row, at, day, &self.date),
            Value::Moment(day) => sheet.write_number_with_format(row, at, day, &self.moment),
        };
        written.map(|_| ()).map_err(failed)
    }
}

impl Writer for XlsxWriter {
    fn begin(&mut self, _: &mut Vec<u8>) -> Result<()> {
        let bold = Format::new().set_bold();
        let mut names = Vec::new();
        for column in &self.heading.columns {
            names.push(column.name.clone());
            if column.has_labels {
                names.push(format!("{}_label", column.name));
            }
        }
        for (at, name) in (0..).zip(names) {
            self.check(&name, &name)?;
            let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
            sheet
                .write_string_with_format(0, at, name, &bold)
                .map_err(failed)?;
        }
        Ok(())
    }

    fn write(&mut self, part: &Part, _: &mut Vec<u8>) -> Result<()> {
        let views = part.batch.columns()?;
        for row in 0..part.batch.rows() {
            self.row += 1;
            if self.row >= ROWS_MAX {
                return Err(Error::too_large(format!(
                    "{} has more rows than an Excel sheet holds, which are {} below its header",
                    self.table,
                    ROWS_MAX - 1
                ))
                .hint("Filter the rows, or take .csv or .parquet"));
            }
            self.write_row(part, |place| {
                views.get(place).map_or(Cell::Null, |view| view.cell(row))
            })?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }

    fn last_line(&self, _: &Error) -> Option<Vec<u8>> {
        None
    }

    fn into_file(self: Box<Self>) -> Result<Option<File>> {
        Self::into_file(*self).map(Some)
    }
}

/// A cell as Excel has them.
#[derive(Debug, PartialEq)]
enum Value {
    Nothing,
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Days as Excel counts them.
    Date(f64),
    Moment(f64),
}

fn value_of(cell: &Cell<'_>) -> Value {
    match *cell {
        _ if cell.is_null() => Value::Nothing,
        Cell::Boolean(boolean) => Value::Boolean(boolean),
        Cell::Integer(integer) if integer.unsigned_abs() <= INTEGER_MAX => {
            Value::Number(integer as f64)
        }
        Cell::Unsigned(integer) if integer <= INTEGER_MAX => Value::Number(integer as f64),
        Cell::Real(real) if real.is_finite() => Value::Number(real),
        Cell::Real(real) => Value::Text(if real > 0.0 { "inf" } else { "-inf" }.to_owned()),
        Cell::Text(text) => Value::Text(text.to_owned()),
        Cell::Date(days) if DAYS.contains(&(days + DAYS_BEFORE_1970)) => {
            Value::Date((days + DAYS_BEFORE_1970) as f64)
        }
        Cell::Timestamp(moment) => match excel_day(moment) {
            Some(day) => Value::Moment(day),
            None => Value::Text(moment.to_string()),
        },
        _ => Value::Text(sqlite_text(cell).unwrap_or_default()),
    }
}

/// The moment as Excel counts; `None` if it is outside of Excel's calendar or finer than its milliseconds.
fn excel_day(moment: Timestamp) -> Option<f64> {
    use arrow_schema::TimeUnit;
    let per_day: i64 = match moment.unit {
        TimeUnit::Second => 86_400,
        TimeUnit::Millisecond => 86_400_000,
        TimeUnit::Microsecond => 86_400_000_000,
        TimeUnit::Nanosecond => 86_400_000_000_000,
    };
    let per_millisecond = (per_day / 86_400_000).max(1);
    let day = moment.value.div_euclid(per_day) + DAYS_BEFORE_1970;
    let rest = moment.value.rem_euclid(per_day);
    (DAYS.contains(&day) && rest % per_millisecond == 0)
        .then(|| day as f64 + rest as f64 / per_day as f64)
}

/// The name without what a sheet's name may not have.
fn sheet_name(table: &str) -> String {
    let allowed = |c: char| {
        if c.is_control() || "[]:*?/\\'".contains(c) {
            '_'
        } else {
            c
        }
    };
    let mut name = String::new();
    for c in table.chars().map(allowed) {
        if name.encode_utf16().count() + c.len_utf16() > SHEET_NAME_MAX {
            break;
        }
        name.push(c);
    }
    // Excel keeps this name for itself.
    if name.is_empty() || name.eq_ignore_ascii_case("history") {
        return "rows".to_owned();
    }
    name
}

fn failed(cause: XlsxError) -> Error {
    Error::new(
        ErrorKind::Internal,
        "Rows could not be written as a workbook",
    )
    .caused_by(cause)
}

#[cfg(test)]
mod tests {
    use arrow_schema::TimeUnit;

    use super::*;

    #[test]
    fn cells_become_what_excel_has_without_loss() {
        let moment = |value, unit| {
            Cell::Timestamp(Timestamp {
                value,
                unit,
                utc: false,
            })
        };
        for (cell, value) in [
            (Cell::Integer(-5), Value::Number(-5.0)),
            (
                Cell::Integer(1 << 60),
                Value::Text("1152921504606846976".to_owned()),
            ),
            (Cell::Real(f64::NAN), Value::Nothing),
            (Cell::Real(f64::INFINITY), Value::Text("inf".to_owned())),
            (Cell::Date(0), Value::Date(25_569.0)),
            (Cell::Date(-30_000), Value::Text("1887-11-12".to_owned())),
            (moment(43_200, TimeUnit::Second), Value::Moment(25_569.5)),
            (
                moment(1, TimeUnit::Nanosecond),
                Value::Text("1970-01-01T00:00:00.000000001".to_owned()),
            ),
        ] {
            assert_eq!(value_of(&cell), value, "{cell:?}");
        }
    }

    #[test]
    fn every_table_gives_a_sheet_its_name() {
        for (table, name) in [
            ("plain", "plain"),
            ("a/b:c", "a_b_c"),
            ("", "rows"),
            ("History", "rows"),
            ("'q'", "_q_"),
            (
                "a name that is far too long for the tab of a sheet",
                "a name that is far too long for",
            ),
        ] {
            assert_eq!(sheet_name(table), name);
        }
    }
}
