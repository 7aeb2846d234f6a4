//! The types in which people's SQL sees columns: SQLite's few classes, so that numbers do not overflow at 8 bits,
//! booleans are 0 and 1, NaN is null, dates are texts, and lists and structs are JSON.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array};
use arrow_schema::DataType;
use datafusion::arrow::compute::cast;
use tablecast_connector::{Cell, ColumnView, Result, sqlite_text};

use crate::selection::unexpected;

/// The type that SQL sees for a column of `data_type`.
pub(crate) fn exposed_type(data_type: &DataType) -> DataType {
    use DataType as T;
    match data_type {
        T::Boolean => T::Int64,
        T::UInt64 => T::UInt64,
        integer if integer.is_integer() => T::Int64,
        real if real.is_floating() => T::Float64,
        T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_) => T::Binary,
        T::Decimal128(..) | T::Null => data_type.clone(),
        _ => T::Utf8,
    }
}

/// `array` in the type that SQL sees.
pub(crate) fn exposed(array: &ArrayRef) -> Result<ArrayRef> {
    let wanted = exposed_type(array.data_type());
    if wanted == DataType::Float64 {
        let reals = cast(array, &wanted).map_err(unexpected)?;
        return Ok(without_nan(&reals));
    }
    if *array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    if wanted == DataType::Utf8 && !is_text(array.data_type()) {
        return texts(array);
    }
    cast(array, &wanted).map_err(unexpected)
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::LargeUtf8 | DataType::Utf8View)
}

/// NaN as null and the negative zero as zero, which is what SQLite would have stored.
fn without_nan(reals: &ArrayRef) -> ArrayRef {
    let reals = reals.as_primitive::<Float64Type>();
    let is_odd = |real: &f64| real.is_nan() || (*real == 0.0 && real.is_sign_negative());
    if !reals.values().iter().any(is_odd) {
        return Arc::new(reals.clone());
    }
    let kept = reals
        .iter()
        .map(|real| real.filter(|real| !real.is_nan()).map(|real| real + 0.0));
    Arc::new(kept.collect::<Float64Array>())
}

fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    let view = ColumnView::new(array)?;
    let mut texts = StringBuilder::new();
    for row in 0..array.len() {
        match view.cell(row) {
            Cell::Text(text) => texts.append_value(text),
            cell => texts.append_option(sqlite_text(&cell)),
        }
    }
    Ok(Arc::new(texts.finish()))
}
