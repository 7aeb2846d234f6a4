//! Batches as Arrow columns of known types, for DataFusion. A cell that does not fit its column's type is an error that
//! names table, column and row, never a null.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::DataType;
use datafusion::arrow::compute::cast;
use tablecast_connector::{Batch, Cell, ColumnView, Error, Result};

use crate::selection::unexpected;

/// The column at `place` of `batch` as an array of `data_type`. `name` is for the error.
pub(crate) fn column(
    batch: &Batch,
    place: usize,
    data_type: &DataType,
    name: &str,
) -> Result<ArrayRef> {
    if let Some(array) = batch
        .as_arrow()
        .and_then(|arrow| arrow.columns().get(place))
    {
        return if array.data_type() == data_type {
            Ok(Arc::clone(array))
        } else {
            cast(array, data_type).map_err(unexpected)
        };
    }
    let columns = batch.columns()?;
    let view = columns
        .get(place)
        .ok_or_else(|| Error::internal("A scan gave fewer columns than it was asked for"))?;
    cells(view, batch.rows(), data_type, name)
}

fn cells(view: &ColumnView<'_>, rows: usize, data_type: &DataType, name: &str) -> Result<ArrayRef> {
    let misfit = |row: usize, cell: &Cell<'_>| {
        Error::unreadable(format!(
            "The value in row {row} of column {name} is not of type {data_type}"
        ))
        .caused_by(format!("{cell:?}"))
    };
    let basic = basic_type(data_type);
    macro_rules! build {
        ($builder:expr, $($cell:pat => $value:expr),+) => {{
            let mut builder = $builder;
            for row in 0..rows {
                match view.cell(row) {
                    Cell::Null => builder.append_null(),
                    $($cell => builder.append_value($value),)+
                    other => return Err(misfit(row, &other)),
                }
            }
            Arc::new(builder.finish()) as ArrayRef
        }};
    }
    let array = match &basic {
        DataType::Null => new_null_array(&DataType::Null, rows),
        DataType::Boolean => build!(BooleanBuilder::new(),
            Cell::Boolean(boolean) => boolean,
            Cell::Integer(integer @ (0 | 1)) => integer == 1),
        DataType::Int64 => build!(Int64Builder::new(),
            Cell::Integer(integer) => integer,
            Cell::Boolean(boolean) => i64::from(boolean)),
        DataType::UInt64 => build_unsigned(view, rows, &misfit)?,
        DataType::Float64 => build!(Float64Builder::new(),
            Cell::Real(real) => real,
            Cell::Integer(integer) => integer as f64),
        DataType::Utf8 => build!(StringBuilder::new(), Cell::Text(text) => text),
        DataType::Binary => build!(BinaryBuilder::new(),
            Cell::Bytes(bytes) => bytes,
            Cell::Text(text) => text.as_bytes()),
        _ => {
            return Err(Error::unsupported(format!(
                "Column {name} of type {data_type} cannot be read from rows of cells"
            )));
        }
    };
    if basic == *data_type {
        return Ok(array);
    }
    cast(&array, data_type).map_err(unexpected)
}

fn build_unsigned(
    view: &ColumnView<'_>,
    rows: usize,
    misfit: &impl Fn(usize, &Cell<'_>) -> Error,
) -> Result<ArrayRef> {
    let mut builder = UInt64Builder::new();
    for row in 0..rows {
        match view.cell(row) {
            Cell::Null => builder.append_null(),
            Cell::Unsigned(integer) => builder.append_value(integer),
            Cell::Integer(integer) if integer >= 0 => builder.append_value(integer as u64),
            other => return Err(misfit(row, &other)),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The type in which cells of `data_type` are put together first.
fn basic_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::UInt64 => DataType::UInt64,
        integer if integer.is_integer() => DataType::Int64,
        real if real.is_floating() => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => DataType::Binary,
        other => other.clone(),
    }
}

/// A column by whose Arrow order rows come in SQLite's order: NaN is null, there is one zero, and what only the API
/// orders (lists, structs, dictionaries) is its text.
pub(crate) fn sort_key(array: &ArrayRef) -> Result<ArrayRef> {
    match array.data_type() {
        DataType::Float16 | DataType::Float32 | DataType::Float64 => {
            let view = ColumnView::new(array)?;
            let mut keys = Float64Builder::with_capacity(array.len());
            for row in 0..array.len() {
                match view.cell(row) {
                    Cell::Real(real) if !real.is_nan() => keys.append_value(real + 0.0),
                    _ => keys.append_null(),
                }
            }
            Ok(Arc::new(keys.finish()))
        }
        nested if nested.is_nested() || matches!(nested, DataType::Dictionary(..)) => {
            let view = ColumnView::new(array)?;
            let mut keys = StringBuilder::new();
            for row in 0..array.len() {
                keys.append_option(tablecast_connector::sqlite_text(&view.cell(row)));
            }
            Ok(Arc::new(keys.finish()))
        }
        _ => Ok(Arc::clone(array)),
    }
}

/// The type of the keys of a column of `data_type`.
pub(crate) fn sort_key_type(data_type: &DataType) -> DataType {
    match data_type {
        real if real.is_floating() => DataType::Float64,
        nested if nested.is_nested() || matches!(nested, DataType::Dictionary(..)) => {
            DataType::Utf8
        }
        other => other.clone(),
    }
}
