//! The one reading of a whole file that finds its names, types, number of rows, places to start from, and its first
//! wrong row.

use tablecast_connector::{Error, Result};

use super::column::Class;
use super::delimited::{Lines, is_blank, values};
use super::dialect::Dialect;
use super::json::{self, Classes, Layout, ValueFault, Values};
use super::opened::{Encoding, Form, open};
use super::records::{Cut, Record, Records};
use crate::file::LocalFile;

/// Text that is surveyed: what lies behind it must fit what was found in it.
const SURVEY_BYTES_MAX: u64 = 2 << 30;

/// A place to start from is kept after so much text.
const MARK_BYTES: u64 = 4 << 20;

/// How the rows of a text are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Delimited(Dialect),
    Json(Layout),
}

impl Format {
    pub(crate) fn cut(self) -> Cutter {
        match self {
            Self::Delimited(dialect) => Cutter::Lines(Lines(dialect)),
            Self::Json(layout) => Cutter::Values(Values::new(layout)),
        }
    }
}

/// Cuts as a format does.
#[derive(Clone, Debug)]
pub(crate) enum Cutter {
    Lines(Lines),
    Values(Values),
}

impl Cut for Cutter {
    fn end(&mut self, bytes: &[u8], seen: usize, is_last: bool) -> Option<usize> {
        match self {
            Self::Lines(lines) => lines.end(bytes, seen, is_last),
            Self::Values(values) => values.end(bytes, seen, is_last),
        }
    }
}

/// Where a row starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) row: u64,
    pub(crate) place: u64,
    pub(crate) line: u64,
}

/// A row that is not right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    row: u64,
    line: u64,
    what: String,
}

impl Fault {
    pub(crate) fn new(row: u64, line: u64, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { row, line, what }
    }

    /// The error of whoever needs the row.
    pub(crate) fn error(&self, file: &LocalFile) -> Error {
        let Self { row, line, what } = self;
        file.broken(format!("row {row} (line {line}): {what}"))
    }
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) form: Form,
    pub(crate) names: Vec<String>,
    pub(crate) classes: Vec<Class>,
    /// In order; the first is that of the first row.
    pub(crate) marks: Vec<Mark>,
    /// Rows that are right, as far as the survey goes.
    pub(crate) rows: u64,
    /// What ends them.
    pub(crate) fault: Option<Fault>,
    /// Whether the survey went to the end, or to a fault.
    pub(crate) is_whole: bool,
}

/// Records of a file from its first on.
pub(crate) fn records(
    file: &LocalFile,
    form: Form,
    format: Format,
    from: Option<Mark>,
) -> Result<Records<Cutter>> {
    let (place, line) = match from {
        Some(mark) if form.is_seekable() => (mark.place, mark.line),
        _ => (0, 1),
    };
    let mut text = open(file, form, place)?;
    let mut first = place;
    if place == 0 {
        first = form.mark as u64;
        if let Format::Json(layout) = format
            && let Some(at) = layout.array_at()
        {
            let before = at as u64 + 1;
            std::io::copy(
                &mut std::io::Read::take(&mut text, before),
                &mut std::io::sink(),
            )
            .map_err(|cause| crate::file::cannot(&file.path, cause))?;
            first += before;
        }
    }
    Ok(Records::new(text, format.cut(), &file.path, first, line))
}

/// Reads a file through. Blocks. `Unreadable` if there is nothing in it that could be served.
pub(crate) fn survey(file: &LocalFile, form: Form, format: Format) -> Result<Survey> {
    match surveyed(file, form, format)? {
        Outcome::Done(survey) => Ok(survey),
        Outcome::NotUtf8 => {
            let form = Form {
                encoding: Encoding::Windows1252,
                ..form
            };
            match surveyed(file, form, format)? {
                Outcome::Done(survey) => Ok(survey),
                Outcome::NotUtf8 => Err(file.broken("its characters cannot be read")),
            }
        }
    }
}

enum Outcome {
    Done(Survey),
    /// Rows are not UTF-8, and none has characters of UTF-8 beyond ASCII.
    NotUtf8,
}

fn surveyed(file: &LocalFile, form: Form, format: Format) -> Result<Outcome> {
    let mut records = records(file, form, format, None)?;
    let mut pass = Pass {
        format,
        survey: Survey {
            form,
            names: Vec::new(),
            classes: Vec::new(),
            marks: Vec::new(),
            rows: 0,
            fault: None,
            is_whole: true,
        },
        json: Classes::default(),
        has_names: false,
        has_wide: false,
        is_closed: false,
        scratch: Vec::new(),
    };
    loop {
        let (place, line) = (records.place(), records.line());
        if place > SURVEY_BYTES_MAX && pass.survey.rows > 0 {
            pass.survey.is_whole = false;
            break;
        }
        match records.next() {
            Ok(Some(record)) => {
                if pass.take(&record).is_some() {
                    break;
                }
            }
            Ok(None) => {
                pass.end(line);
                break;
            }
            Err(error) if pass.survey.rows > 0 => {
                // What is cut off or too long ends the table; what comes before is served.
                let what = error.message().to_owned();
                let what = what
                    .strip_prefix(&format!("{}: ", file.name()))
                    .map_or(what.clone(), str::to_owned);
                pass.fault(line, what);
                break;
            }
            Err(error) => return Err(error),
        }
    }
    let is_text = matches!(format, Format::Delimited(_)) && form.encoding == Encoding::Utf8;
    if let Some(Fault { what, .. }) = &pass.survey.fault
        && what.starts_with(NOT_UTF8)
        && is_text
        && form.mark == 0
        && !pass.has_wide
        && !wide_behind(records)?
    {
        return Ok(Outcome::NotUtf8);
    }
    pass.finish(file).map(Outcome::Done)
}

/// Whether any of these records has characters of UTF-8 beyond ASCII.
fn wide_behind(mut records: Records<Cutter>) -> Result<bool> {
    while let Some(record) = records.next()? {
        if !record.bytes.is_ascii() && std::str::from_utf8(record.bytes).is_ok() {
            return Ok(true);
        }
        if records.place() > SURVEY_BYTES_MAX {
            break;
        }
    }
    Ok(false)
}

const NOT_UTF8: &str = "it is not UTF-8";

struct Pass {
    format: Format,
    survey: Survey,
    json: Classes,
    has_names: bool,
    /// Whether there were characters of UTF-8 beyond ASCII.
    has_wide: bool,
    /// Whether the array's end was met.
    is_closed: bool,
    scratch: Vec<u8>,
}

impl Pass {
    /// Takes a record; `Some` if it ends the survey.
    fn take(&mut self, record: &Record<'_>) -> Option<()> {
        if is_blank(record.bytes) {
            return None;
        }
        match std::str::from_utf8(record.bytes) {
            Ok(text) => self.has_wide |= !text.is_ascii(),
            Err(error) => {
                let at = record.place + error.valid_up_to() as u64;
                return self.fault(record.line, format!("{NOT_UTF8}, at byte {at}"));
            }
        }
        match self.format {
            Format::Delimited(dialect) => self.take_row(record, dialect),
            Format::Json(layout) => self.take_value(record, layout),
        }
    }

    fn take_row(&mut self, record: &Record<'_>, dialect: Dialect) -> Option<()> {
        if !self.has_names {
            self.has_names = true;
            let mut names = Vec::new();
            let read = values(record.bytes, dialect, &mut self.scratch, |at, value| {
                let name = String::from_utf8_lossy(value).trim().to_owned();
                let is_name = dialect.has_header && !name.is_empty();
                names.push(if is_name {
                    name
                } else {
                    format!("column_{}", at + 1)
                });
            });
            if read.is_err() {
                return self.fault(record.line, OPEN_QUOTE);
            }
            if names.len() > json::COLUMNS_MAX {
                return self.fault(record.line, too_many());
            }
            self.survey.classes = vec![Class::Nothing; names.len()];
            self.survey.names = distinct(names);
            if dialect.has_header {
                return None;
            }
        }
        let classes = &mut self.survey.classes;
        let width = values(record.bytes, dialect, &mut self.scratch, |at, value| {
            if let Some(class) = classes.get_mut(at).filter(|class| **class != Class::Text) {
                *class = class.with(Class::of_text(value));
            }
        });
        let columns = self.survey.names.len();
        match width {
            Err(_) => self.fault(record.line, OPEN_QUOTE),
            Ok(width) if width != columns => self.fault(record.line, ragged(width, columns)),
            Ok(_) => {
                self.count(record);
                None
            }
        }
    }

    fn take_value(&mut self, record: &Record<'_>, layout: Layout) -> Option<()> {
        if self.is_closed && layout.is_of_features() {
            // What else a collection says of itself.
            return Some(());
        }
        if self.is_closed && !record.bytes.trim_ascii().is_empty() {
            return self.fault(record.line, "something stands behind the end of the array");
        }
        let value = match json::value(record.bytes, layout) {
            Ok(value) => value,
            Err(fault) => return self.fault(record.line, told(&fault)),
        };
        self.is_closed |= layout.array_at().is_some() && json::is_end(record.bytes);
        let value = value?;
        if let Err(fault) = json::read_row(value, layout, &mut self.json) {
            return self.fault(record.line, told(&fault));
        }
        self.count(record);
        None
    }

    fn count(&mut self, record: &Record<'_>) {
        let survey = &mut self.survey;
        let is_far = survey.marks.last().is_none_or(|mark| {
            record.place >= mark.place + MARK_BYTES && survey.form.is_seekable()
        });
        if is_far {
            survey.marks.push(Mark {
                row: survey.rows,
                place: record.place,
                line: record.line,
            });
        }
        survey.rows += 1;
    }

    #[expect(clippy::unnecessary_wraps, reason = "ends the survey")]
    fn fault(&mut self, line: u64, what: impl Into<String>) -> Option<()> {
        self.survey.fault = Some(Fault::new(self.survey.rows, line, what));
        Some(())
    }

    /// Behind the last record.
    fn end(&mut self, line: u64) {
        let is_array = matches!(self.format, Format::Json(layout) if layout.array_at().is_some());
        if is_array && !self.is_closed {
            self.fault(line, "the array does not end: the file is cut off");
        }
    }

    fn finish(self, file: &LocalFile) -> Result<Survey> {
        let mut survey = self.survey;
        if let Format::Json(_) = self.format {
            survey.names = self.json.names.names;
            survey.classes = self.json.classes;
        }
        if survey.names.is_empty()
            && let Some(fault) = &survey.fault
        {
            return Err(fault.error(file));
        }
        if survey.names.is_empty() {
            return Err(file.broken("there is no row in it, and no name of a column"));
        }
        Ok(survey)
    }
}

pub(crate) const OPEN_QUOTE: &str = "a quote is opened and never closed";

pub(crate) fn ragged(width: usize, columns: usize) -> String {
    format!("it has {width} values where there are {columns} columns")
}

fn too_many() -> String {
    format!("there are more than {} columns", json::COLUMNS_MAX)
}

/// What is wrong with a value, in words.
pub(crate) fn told(fault: &ValueFault) -> String {
    match fault {
        ValueFault::Json(error) => format!("it is not JSON: {error}"),
        ValueFault::Feature(error) => format!("it is no feature of GeoJSON: {error}"),
        ValueFault::NoEnd => "no comma follows it, nor the end of the array".to_owned(),
        ValueFault::Columns => too_many(),
    }
}

/// Names that differ, also without case: a number behind the second of the same.
pub(crate) fn distinct(names: Vec<String>) -> Vec<String> {
    let mut taken = std::collections::HashSet::new();
    let all = names.into_iter().map(|name| {
        let mut distinct = name.clone();
        let mut number = 2;
        while !taken.insert(distinct.to_lowercase()) {
            distinct = format!("{name}_{number}");
            number += 1;
        }
        distinct
    });
    all.collect()
}
