//! Arrow's types that the seam has no cells for, as those that it has: texts as Arrow displays them.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, StringArray};
use arrow_schema::DataType;
use datafusion::arrow::compute::cast;
use datafusion::arrow::util::display::{ArrayFormatter, DurationFormat, FormatOptions};
use tablecast_connector::Result;

use crate::selection::unexpected;

/// The type in which cells of `data_type` cross the seam: its own if the seam has cells for it.
pub fn shown_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::RunEndEncoded(_, values) => shown_type(values.data_type()),
        own if has_cells(own) => own.clone(),
        _ => DataType::Utf8,
    }
}

fn has_cells(data_type: &DataType) -> bool {
    match data_type {
        DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::Decimal256(..)
        | DataType::Union(..)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::RunEndEncoded(..) => false,
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => has_cells(item.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| has_cells(field.data_type())),
        DataType::Dictionary(_, values) => has_cells(values),
        _ => true,
    }
}

/// The array with its cells as [`shown_type`] says.
pub fn shown(array: &ArrayRef) -> Result<ArrayRef> {
    let data_type = array.data_type();
    let wanted = shown_type(data_type);
    if wanted == *data_type {
        return Ok(Arc::clone(array));
    }
    if let DataType::RunEndEncoded(_, values) = data_type {
        return shown(&cast(array, values.data_type()).map_err(unexpected)?);
    }
    let options = FormatOptions::new().with_duration_format(DurationFormat::ISO8601);
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).map_err(unexpected)?;
    let texts = (0..array.len()).map(|row| {
        if array.is_null(row) {
            return Ok(None);
        }
        let text = formatter.value(row).try_to_string();
        text.map(Some).map_err(unexpected)
    });
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

#[cfg(test)]
mod tests {
    use arrow_array::{DurationSecondArray, IntervalYearMonthArray};

    use super::*;

    #[test]
    fn what_has_no_cells_is_a_text() {
        let durations: ArrayRef = Arc::new(DurationSecondArray::from(vec![Some(90_061), None]));
        let months: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![Some(14), None]));
        for (array, text) in [(durations, "PT90061S"), (months, "1 years 2 mons")] {
            let shown = shown(&array).unwrap();
            assert_eq!(*shown.data_type(), DataType::Utf8);
            assert_eq!(
                shown.as_ref(),
                &StringArray::from(vec![Some(text), None]) as &dyn Array
            );
        }
    }
}
