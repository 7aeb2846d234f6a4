//! Rows as Arrow columns, for formats that know the type of a column before its first cell.
//!
//! A source with types of its own is written with them. Where each cell may be of another type, as in SQLite, all rows
//! are read once before the first is written, and a column gets the first type that holds each of its cells without
//! loss: the declared one, a number, text (numbers as they are written), bytes (text as UTF-8). So a cell that does not
//! fit its column's declaration neither becomes null nor makes the table unreadable; what was widened is told.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use tablecast_connector::{Batch, Cell, ColumnView, Error, ErrorKind, Result};

use super::{Heading, Part};
use crate::fetch::export::{Export, Exported};

/// Integers up to this one are reals without loss.
const REAL_INTEGER_MAX: u64 = 1 << 53;

/// An answer of so few batches is kept while it is looked at, and not asked for again.
const BATCHES_KEPT: usize = 8;

/// The columns of a file and how cells become them.
pub(crate) struct Typing {
    pub(crate) schema: SchemaRef,
    /// The type of each column shown, without the labels beside it.
    types: Vec<DataType>,
    heading: Heading,
    /// For messages.
    table: String,
    rows: u64,
}

/// Rows, and the types that hold them.
pub(crate) struct Typed {
    pub(crate) export: Export,
    pub(crate) typing: Typing,
    /// What was widened, in words.
    pub(crate) warnings: Vec<String>,
}

impl Typing {
    /// Finds the types of the rows of `export`. `declared` are the types that the columns shown are declared with.
    pub(crate) async fn find(
        exported: &Exported,
        export: Export,
        heading: Heading,
        table: &str,
        declared: &[Option<DataType>],
    ) -> Result<Typed> {
        let width = heading.columns.len();
        let mut warnings = Vec::new();
        let known = export.first().and_then(Batch::as_arrow);
        let (types, export) = if let Some(schema) = known.map(RecordBatch::schema) {
            let fields = schema.fields().iter().take(width);
            let types: Vec<_> = fields.map(|field| field.data_type().clone()).collect();
            (types, export)
        } else {
            let (seen, export) = look(exported, export, width).await?;
            let declared = || {
                declared
                    .iter()
                    .map(Option::as_ref)
                    .chain(std::iter::repeat(None))
            };
            let types: Vec<_> = seen
                .iter()
                .zip(declared())
                .map(|(kinds, declared)| kinds.data_type(declared))
                .collect();
            let columns = heading.columns.iter().zip(&seen);
            for ((column, kinds), data_type) in columns.zip(&types) {
                if kinds.is_mixed_in(data_type) {
                    let (name, kinds) = (&column.name, kinds.names());
                    warnings.push(format!(
                        "{name} holds {kinds}: it is written as {data_type}"
                    ));
                }
            }
            (types, export)
        };
        let typing = Self {
            schema: Arc::new(schema(&heading, &types)),
            types,
            heading,
            table: table.to_owned(),
            rows: 0,
        };
        Ok(Typed {
            export,
            typing,
            warnings,
        })
    }

    /// Some rows as Arrow columns, with the labels beside theirs.
    pub(crate) fn batch(&mut self, part: &Part) -> Result<RecordBatch> {
        let rows = part.batch.rows();
        let views = part.batch.columns()?;
        let mut arrays = Vec::with_capacity(self.schema.fields().len());
        for (place, (column, data_type)) in self.heading.columns.iter().zip(&self.types).enumerate()
        {
            let view = views
                .get(place)
                .ok_or_else(|| Error::internal("A batch has fewer columns than its header"))?;
            arrays.push(
                match part.batch.as_arrow().map(|batch| batch.column(place)) {
                    Some(array) if array.data_type() == data_type => Arc::clone(array),
                    _ => array_of(view, rows, data_type)
                        .map_err(|row| self.misfit(&column.name, data_type, row))?,
                },
            );
            if column.has_labels {
                arrays.push(labels(part, place, view));
            }
        }
        self.rows += rows as u64;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|cause| Error::internal("Rows do not fit their own columns").caused_by(cause))
    }

    fn misfit(&self, column: &str, data_type: &DataType, row: usize) -> Error {
        Error::new(
            ErrorKind::Unavailable,
            format!(
                "{}.{column}, row {} of the export: the value does not fit {data_type}, which held all values when \
                 the export began",
                self.table,
                self.rows + row as u64 + 1
            ),
        )
        .hint("The data changes while it is read: try again")
    }
}

/// Reads all rows to see what their cells are, and starts them again.
async fn look(
    exported: &Exported,
    mut export: Export,
    width: usize,
) -> Result<(Vec<Kinds>, Export)> {
    let mut seen = vec![Kinds::default(); width];
    let mut kept = Vec::new();
    let mut batches = 0;
    while let Some(batch) = export.next().await {
        let batch = batch?;
        for (kinds, view) in seen.iter_mut().zip(&batch.columns()?) {
            (0..batch.rows()).for_each(|row| kinds.see(&view.cell(row)));
        }
        batches += 1;
        if batches <= BATCHES_KEPT {
            kept.push(batch);
        } else {
            kept.clear();
        }
    }
    let again = if batches > BATCHES_KEPT {
        drop(export);
        exported.start().await?
    } else {
        export.again(kept)
    };
    Ok((seen, again))
}

/// What the cells of a column are, apart from nulls.
#[derive(Clone, Copy, Default)]
struct Kinds(u8);

impl Kinds {
    const INTEGER: u8 = 1;
    /// An integer that is no real without loss.
    const LARGE: u8 = 2;
    const REAL: u8 = 4;
    const TEXT: u8 = 8;
    const BYTES: u8 = 16;
    const BOOLEAN: u8 = 32;
    /// An integer above the signed ones.
    const UNSIGNED: u8 = 64;
    const NEGATIVE: u8 = 128;

    fn see(&mut self, cell: &Cell<'_>) {
        self.0 |= match *cell {
            Cell::Null => 0,
            Cell::Boolean(_) => Self::BOOLEAN,
            Cell::Integer(integer) => {
                let large = if integer.unsigned_abs() > REAL_INTEGER_MAX {
                    Self::LARGE
                } else {
                    0
                };
                let negative = if integer < 0 { Self::NEGATIVE } else { 0 };
                Self::INTEGER | large | negative
            }
            Cell::Unsigned(integer) if integer > i64::MAX as u64 => Self::UNSIGNED | Self::LARGE,
            Cell::Unsigned(integer) if integer > REAL_INTEGER_MAX => Self::INTEGER | Self::LARGE,
            Cell::Unsigned(_) => Self::INTEGER,
            Cell::Real(real) if real.is_nan() => 0,
            Cell::Real(_) => Self::REAL,
            Cell::Bytes(_) => Self::BYTES,
            _ => Self::TEXT,
        };
    }

    fn has(self, kinds: u8) -> bool {
        self.0 & kinds != 0
    }

    /// Whether there is nothing beside `kinds`.
    fn is_only(self, kinds: u8) -> bool {
        self.0 & !(kinds | Self::NEGATIVE) == 0
    }

    /// The declared type if it holds all that was seen, otherwise the first one that does.
    fn data_type(self, declared: Option<&DataType>) -> DataType {
        match declared {
            Some(declared) if self.fits(declared) => declared.clone(),
            // A column without any value.
            None if self.0 == 0 => DataType::Utf8,
            _ => {
                let all = [
                    DataType::Boolean,
                    DataType::Int64,
                    DataType::UInt64,
                    DataType::Float64,
                    DataType::Utf8,
                ];
                let found = all.into_iter().find(|data_type| self.fits(data_type));
                found.unwrap_or(if self.has(Self::BYTES) {
                    DataType::Binary
                } else {
                    DataType::Utf8
                })
            }
        }
    }

    fn fits(self, data_type: &DataType) -> bool {
        let integers = Self::INTEGER | Self::LARGE;
        match data_type {
            DataType::Boolean => self.is_only(Self::BOOLEAN),
            DataType::Int64 => self.is_only(integers | Self::BOOLEAN),
            DataType::UInt64 => {
                self.is_only(integers | Self::UNSIGNED | Self::BOOLEAN) && !self.has(Self::NEGATIVE)
            }
            DataType::Float64 => self.is_only(Self::INTEGER | Self::REAL | Self::BOOLEAN),
            // Numbers alone are not texts, whatever was declared.
            DataType::Utf8 => self.0 == 0 || self.has(Self::TEXT) && !self.has(Self::BYTES),
            // Numbers are bytes only beside bytes.
            DataType::Binary => self.is_only(Self::BYTES),
            _ => false,
        }
    }

    /// Whether cells of other kinds are written as this type, too.
    fn is_mixed_in(self, data_type: &DataType) -> bool {
        match data_type {
            DataType::Utf8 => !self.is_only(Self::TEXT),
            DataType::Binary => !self.is_only(Self::BYTES),
            _ => false,
        }
    }

    fn names(self) -> String {
        let mut names = String::new();
        for (kind, name) in [
            (Self::BOOLEAN, "booleans"),
            (Self::INTEGER | Self::UNSIGNED, "integers"),
            (Self::REAL, "reals"),
            (Self::TEXT, "texts"),
            (Self::BYTES, "bytes"),
        ] {
            if self.has(kind) {
                let and = if names.is_empty() { "" } else { " and " };
                let _ = write!(names, "{and}{name}");
            }
        }
        names
    }
}

/// The columns shown and, beside those that have them, their labels. No name comes twice: readers of these formats find
/// columns by name.
fn schema(heading: &Heading, types: &[DataType]) -> Schema {
    let mut taken = HashSet::new();
    let mut fields = Vec::new();
    for (column, data_type) in heading.columns.iter().zip(types) {
        fields.push(Field::new(
            free(&column.name, &mut taken),
            data_type.clone(),
            true,
        ));
        if column.has_labels {
            let name = free(&format!("{}_label", column.name), &mut taken);
            fields.push(Field::new(name, DataType::Utf8, true));
        }
    }
    Schema::new(fields)
}

fn free(name: &str, taken: &mut HashSet<String>) -> String {
    let mut free = name.to_owned();
    let mut number = 1;
    while !taken.insert(free.clone()) {
        number += 1;
        free = format!("{name}_{number}");
    }
    free
}

fn labels(part: &Part, place: usize, view: &ColumnView<'_>) -> ArrayRef {
    let labels = part.labels.get(place).and_then(Option::as_ref);
    let mut array = StringBuilder::new();
    for row in 0..part.batch.rows() {
        let value = view.cell(row).to_value();
        array.append_option(labels.and_then(|labels| labels.of(&value)));
    }
    Arc::new(array.finish())
}

/// The cells as an array; the number of the first row that does not fit otherwise.
fn array_of(view: &ColumnView<'_>, rows: usize, data_type: &DataType) -> Result<ArrayRef, usize> {
    macro_rules! fill {
        ($builder:expr, $($cell:pat $(if $guard:expr)? => $value:expr),+ $(,)?) => {{
            let mut array = $builder;
            for row in 0..rows {
                match view.cell(row) {
                    Cell::Null => array.append_null(),
                    Cell::Real(real) if real.is_nan() => array.append_null(),
                    $($cell $(if $guard)? => array.append_value($value),)+
                    _ => return Err(row),
                }
            }
            Ok(Arc::new(array.finish()))
        }};
    }
    match data_type {
        DataType::Boolean => {
            fill!(BooleanBuilder::with_capacity(rows), Cell::Boolean(boolean) => boolean)
        }
        DataType::Int64 => fill!(
            Int64Builder::with_capacity(rows),
            Cell::Integer(integer) => integer,
            Cell::Boolean(boolean) => i64::from(boolean),
            Cell::Unsigned(integer) if i64::try_from(integer).is_ok() => integer as i64,
        ),
        DataType::UInt64 => fill!(
            UInt64Builder::with_capacity(rows),
            Cell::Unsigned(integer) => integer,
            Cell::Boolean(boolean) => u64::from(boolean),
            Cell::Integer(integer) if integer >= 0 => integer as u64,
        ),
        DataType::Float64 => fill!(
            Float64Builder::with_capacity(rows),
            Cell::Real(real) => real,
            Cell::Boolean(boolean) => f64::from(u8::from(boolean)),
            Cell::Integer(integer) if integer.unsigned_abs() <= REAL_INTEGER_MAX => integer as f64,
            Cell::Unsigned(integer) if integer <= REAL_INTEGER_MAX => integer as f64,
        ),
        DataType::Utf8 => fill!(
            StringBuilder::new(),
            Cell::Text(text) => text,
            Cell::Integer(integer) => itoa::Buffer::new().format(integer),
            cell if !matches!(cell, Cell::Bytes(_)) => text_of(&cell),
        ),
        DataType::Binary => fill!(
            BinaryBuilder::new(),
            Cell::Bytes(bytes) => bytes,
            Cell::Text(text) => text,
            cell if !cell.is_null() => text_of(&cell),
        ),
        _ => Err(0),
    }
}

/// A cell as CSV writes it, too: numbers in full, so that they can be read back.
fn text_of(cell: &Cell<'_>) -> String {
    match cell {
        Cell::Real(real) if real.is_finite() => ryu::Buffer::new().format_finite(*real).to_owned(),
        Cell::Real(real) => if *real > 0.0 { "inf" } else { "-inf" }.to_owned(),
        cell => tablecast_connector::sqlite_text(cell).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gets_the_first_type_that_holds_its_cells() {
        let (one, large) = (Cell::Integer(1), Cell::Integer(1 << 60));
        let (half, text, bytes) = (Cell::Real(0.5), Cell::Text("a"), Cell::Bytes(b"a"));
        let (int, real) = (DataType::Int64, DataType::Float64);
        for (cells, declared, wanted) in [
            (&[][..], Some(&int), DataType::Int64),
            (&[], None, DataType::Utf8),
            (&[one], Some(&int), DataType::Int64),
            (&[one], Some(&real), DataType::Float64),
            (&[one, half], Some(&int), DataType::Float64),
            (&[large, half], Some(&real), DataType::Utf8),
            (&[large], Some(&real), DataType::Int64),
            (&[one, text], Some(&int), DataType::Utf8),
            (&[text, bytes], Some(&int), DataType::Binary),
            (&[bytes], None, DataType::Binary),
            (&[one], Some(&DataType::Binary), DataType::Int64),
            (&[one], Some(&DataType::Utf8), DataType::Int64),
            (&[bytes, one], None, DataType::Binary),
            (&[Cell::Boolean(true)], None, DataType::Boolean),
            (&[Cell::Boolean(true), one], None, DataType::Int64),
            (&[Cell::Unsigned(u64::MAX), one], None, DataType::UInt64),
            (
                &[Cell::Unsigned(u64::MAX), Cell::Integer(-1)],
                None,
                DataType::Utf8,
            ),
        ] {
            let mut kinds = Kinds::default();
            for cell in cells {
                kinds.see(cell);
            }
            assert_eq!(kinds.data_type(declared), wanted, "{cells:?} {declared:?}");
        }
    }

    #[test]
    fn no_name_comes_twice() {
        let mut taken = HashSet::new();
        let names = ["a", "a", "a_2", "a"].map(|name| free(name, &mut taken));
        assert_eq!(names, ["a", "a_2", "a_2_2", "a_3"]);
    }
}
