//! A text file as a table: rows from any of the places that the survey marked, in batches of bounded size.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use tablecast_connector::{Column, Limits, Pool, Result, Storage};

use super::column::Builder;
use super::delimited::{is_blank, values};
use super::dialect::Dialect;
use super::json::{self, Columns, Layout, Names};
use super::opened::{Form, start};
use super::records::Records;
use super::survey::{
    Cutter, Fault, Format, Mark, OPEN_QUOTE, Survey, ragged, records, survey, told,
};
use crate::file::LocalFile;
use crate::kind::Text;
use crate::numbered::{Piece, ReadRows, RecordBatches, RowsTable};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;
/// Text of a batch.
const BATCH_BYTES: usize = 4 << 20;

/// The table of a text file. Blocks. `Unreadable` if nothing of it can be served.
pub(crate) fn table(
    file: &LocalFile,
    name: &str,
    text: Text,
    head: &[u8],
    pool: &Arc<Pool>,
) -> Result<RowsTable> {
    let form = Form::of(head);
    let start = utf8(&start(form.compression, head), form);
    let format = match text {
        Text::Delimited(likely) => Format::Delimited(Dialect::of(&start, likely)),
        Text::Json => Format::Json(Layout::of(&start)),
    };
    let survey = survey(file, form, format)?;
    let storage = storage(file, &survey);
    let columns = columns(&survey);
    let said = said(&survey, format);
    let fault = survey.fault.as_ref().map(|fault| fault.error(file));
    let rows = TextRows::new(file.clone(), format, survey);
    let table = RowsTable::new(name, columns, Arc::new(rows), pool);
    Ok(table.described(Some(storage), |info| {
        info.metadata.attributes.extend(said);
        if let Some(fault) = fault {
            info.metadata.description = Some(format!(
                "Only the rows in front of a wrong one are served. {}",
                fault.message()
            ));
        }
    }))
}

/// The start of a text, without its mark, as UTF-8 as far as that goes.
fn utf8(start: &[u8], form: Form) -> Vec<u8> {
    let rest = start.get(form.mark..).unwrap_or_default();
    let units = |unit: fn([u8; 2]) -> u16| -> Vec<u8> {
        let pairs = rest.chunks_exact(2).filter_map(|pair| pair.try_into().ok());
        let units: Vec<u16> = pairs.map(unit).collect();
        String::from_utf16_lossy(&units).into_bytes()
    };
    match form.encoding {
        super::opened::Encoding::Utf16Little => units(u16::from_le_bytes),
        super::opened::Encoding::Utf16Big => units(u16::from_be_bytes),
        _ => rest.to_vec(),
    }
}

fn columns(survey: &Survey) -> Vec<Column> {
    let columns = survey.names.iter().zip(&survey.classes);
    columns
        .map(|(name, class)| Column::new(name, class.data_type()))
        .collect()
}

/// What is said about the table: how its text is written, where that is not the usual way.
fn said(survey: &Survey, format: Format) -> Vec<(String, String)> {
    let mut said = Vec::new();
    let encoding = survey.form.encoding;
    if encoding.name() != "UTF-8" {
        said.push(("encoding".to_owned(), encoding.name().to_owned()));
    }
    if let Format::Delimited(dialect) = format {
        let shown = match dialect.delimiter {
            Some(b',') => None,
            Some(b'\t') => Some("tab".to_owned()),
            Some(byte) => Some(char::from(byte).to_string()),
            None => Some("none".to_owned()),
        };
        said.extend(shown.map(|shown| ("delimiter".to_owned(), shown)));
        if !dialect.has_header {
            said.push(("header".to_owned(), "none".to_owned()));
        }
    }
    let json = |text: String| serde_json::Value::from(text).to_string();
    said.into_iter()
        .map(|(name, text)| (name, json(text)))
        .collect()
}

fn storage(file: &LocalFile, survey: &Survey) -> Storage {
    let is_known = survey.is_whole && survey.fault.is_none();
    Storage {
        shape: is_known.then_some(survey.rows).into_iter().collect(),
        element: "text".to_owned(),
        chunks: None,
        filters: survey
            .form
            .compression
            .name()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        bytes: None,
        stored_bytes: Some(file.state.bytes),
    }
}

/// The rows.
struct TextRows {
    file: LocalFile,
    form: Form,
    format: Format,
    names: Names,
    types: Vec<DataType>,
    marks: Vec<Mark>,
    pieces: Vec<Piece>,
    rows: u64,
    fault: Option<Fault>,
    is_whole: bool,
}

impl TextRows {
    fn new(file: LocalFile, format: Format, survey: Survey) -> Self {
        let marks = if survey.marks.is_empty() {
            vec![Mark {
                row: 0,
                place: 0,
                line: 1,
            }]
        } else {
            survey.marks
        };
        let is_known = survey.is_whole && survey.fault.is_none();
        let ends = marks
            .iter()
            .skip(1)
            .map(|mark| Some(mark.row))
            .chain([is_known.then_some(survey.rows)]);
        let pieces = marks.iter().zip(ends).map(|(mark, end)| Piece {
            first_row: mark.row,
            rows: end.map(|end| end - mark.row),
        });
        Self {
            file,
            form: survey.form,
            format,
            types: survey
                .classes
                .iter()
                .map(|class| class.data_type())
                .collect(),
            names: Names::new(survey.names),
            pieces: pieces.collect(),
            marks,
            rows: survey.rows,
            fault: survey.fault,
            is_whole: survey.is_whole,
        }
    }
}

impl ReadRows for TextRows {
    fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn read(
        &self,
        pieces: Range<usize>,
        columns: &[usize],
        limits: &Limits,
    ) -> Result<RecordBatches> {
        let first = self.marks.get(pieces.start).copied();
        let is_last = pieces.end >= self.marks.len();
        let start_row = first.map_or(0, |mark| mark.row);
        let end_row = match self.marks.get(pieces.end) {
            Some(mark) => Some(mark.row),
            None if self.is_whole => Some(self.rows),
            None => None,
        };
        let has_rows = end_row.is_none_or(|end| end > start_row);
        let skips_header = matches!(self.format, Format::Delimited(dialect) if dialect.has_header);
        let at_start = self.form.is_seekable() && first.is_some_and(|mark| mark.place > 0);
        let mut records = records(
            &self.file,
            self.form,
            self.format,
            first.filter(|_| at_start),
        )?;
        if skips_header && !at_start && has_rows {
            while records.next()?.is_some_and(|record| is_blank(record.bytes)) {}
        }
        let mut builders_of = vec![None; self.types.len()];
        let mut builders = Vec::with_capacity(columns.len());
        let mut fields = Vec::with_capacity(columns.len());
        // A column that is asked for twice is built once and given twice.
        let mut given = Vec::with_capacity(columns.len());
        for column in columns {
            let data_type = self.types.get(*column).unwrap_or(&DataType::Utf8);
            fields.push(Field::new(column.to_string(), data_type.clone(), true));
            let Some(place) = builders_of.get_mut(*column) else {
                continue;
            };
            given.push(*place.get_or_insert_with(|| {
                builders.push(Builder::new(data_type));
                builders.len() - 1
            }));
        }
        Ok(Box::new(Reading {
            file: self.file.clone(),
            format: self.format,
            names: self.names.clone(),
            records,
            limits: limits.clone(),
            filled: vec![0; builders.len()],
            builders,
            builders_of,
            given,
            schema: Arc::new(Schema::new(fields)),
            row: start_row,
            end_row,
            fault: self.fault.clone().filter(|_| is_last),
            scratch: Vec::new(),
            has_ended: false,
        }))
    }
}

struct Reading {
    file: LocalFile,
    format: Format,
    names: Names,
    records: Records<Cutter>,
    limits: Limits,
    builders: Vec<Builder>,
    /// For each column, its builder.
    builders_of: Vec<Option<usize>>,
    /// For each column of the batches, its builder.
    given: Vec<usize>,
    /// For each builder, its rows.
    filled: Vec<usize>,
    schema: SchemaRef,
    row: u64,
    end_row: Option<u64>,
    fault: Option<Fault>,
    scratch: Vec<u8>,
    has_ended: bool,
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let batch = self.limits.check().and_then(|()| self.batch());
        match batch {
            Ok(batch) if batch.num_rows() > 0 => Some(Ok(batch)),
            Ok(_) => {
                self.has_ended = true;
                let fault = self.fault.take()?;
                Some(Err(fault.error(&self.file)))
            }
            Err(error) => {
                self.has_ended = true;
                Some(Err(error))
            }
        }
    }
}

impl Reading {
    fn batch(&mut self) -> Result<RecordBatch> {
        let (mut rows, mut bytes) = (0, 0);
        self.filled.fill(0);
        while rows < BATCH_ROWS
            && bytes < BATCH_BYTES
            && self.end_row.is_none_or(|end| self.row < end)
        {
            let Some(record) = self.records.next()? else {
                if self.end_row.is_some() {
                    return Err(self.file.has_changed());
                }
                break;
            };
            if is_blank(record.bytes) {
                continue;
            }
            bytes += record.bytes.len();
            let line = record.line;
            let cells = Cells {
                names: &self.names,
                builders: &mut self.builders,
                builders_of: &self.builders_of,
                filled: &mut self.filled,
                row: rows,
            };
            let taken = match self.format {
                Format::Delimited(dialect) => cells.row(record.bytes, dialect, &mut self.scratch),
                Format::Json(layout) => cells.value(record.bytes, layout),
            };
            match taken {
                Ok(true) => {}
                Ok(false) => continue,
                Err(what) => return Err(Fault::new(self.row, line, what).error(&self.file)),
            }
            rows += 1;
            self.row += 1;
        }
        let arrays: Vec<ArrayRef> = self.builders.iter_mut().map(Builder::finish).collect();
        let columns = self.given.iter().filter_map(|at| arrays.get(*at).cloned());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns.collect(), &options)
            .map_err(|cause| self.file.broken("its rows do not fit").caused_by(cause))
    }
}

/// Where the cells of one row go.
struct Cells<'a> {
    names: &'a Names,
    builders: &'a mut [Builder],
    builders_of: &'a [Option<usize>],
    filled: &'a mut [usize],
    row: usize,
}

impl Cells<'_> {
    /// Whether there was a row; or what is wrong with it.
    fn row(self, record: &[u8], dialect: Dialect, scratch: &mut Vec<u8>) -> Result<bool, String> {
        let Self {
            names,
            builders,
            builders_of,
            ..
        } = self;
        let mut wrong = None;
        let width = values(record, dialect, scratch, |at, value| {
            let Some(builder) = builders_of
                .get(at)
                .copied()
                .flatten()
                .and_then(|at| builders.get_mut(at))
            else {
                return;
            };
            let fits = std::str::from_utf8(value).is_ok_and(|text| builder.push_text(text));
            if !fits {
                wrong = wrong.or(Some(at));
                builder.push_null();
            }
        });
        let columns = names.names.len();
        match (width, wrong) {
            (Err(_), _) => Err(OPEN_QUOTE.to_owned()),
            (Ok(width), _) if width != columns => Err(ragged(width, columns)),
            (_, Some(at)) => Err(misfit(names, at)),
            _ => Ok(true),
        }
    }

    fn value(self, record: &[u8], layout: Layout) -> Result<bool, String> {
        let value = json::value(record, layout).map_err(|fault| told(&fault))?;
        let Some(value) = value else {
            return Ok(false);
        };
        let row = self.row;
        let mut columns = Columns {
            names: self.names,
            builders_of: self.builders_of,
            builders: self.builders,
            filled: self.filled,
            row,
            misfit: None,
        };
        json::read_row(value, layout, &mut columns).map_err(|fault| told(&fault))?;
        if let Some(at) = columns.misfit {
            return Err(misfit(self.names, at));
        }
        for (builder, filled) in columns.builders.iter_mut().zip(columns.filled.iter_mut()) {
            if *filled == row {
                builder.push_null();
                *filled += 1;
            }
        }
        Ok(true)
    }
}

fn misfit(names: &Names, at: usize) -> String {
    let name = names.names.get(at).map_or("", String::as_str);
    format!("its value of {name} is not of the type that the rows in front of it have")
}
