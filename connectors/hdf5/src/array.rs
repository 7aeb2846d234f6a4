//! Rows of bytes to Arrow arrays, column by column.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int8Array, Int16Array, Int32Array,
    Int64Array, ListArray, StringArray, StructArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array, new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{DataType, Field, FieldRef};

use crate::column::{ColumnPlace, Element};
use crate::error::{Error, Result, damaged};
use crate::filter::Lane;
use crate::format::datatype::Padding;
use crate::format::value::{self, Value, ValueReader};
use crate::number::{Number, Places};

/// Bytes of one batch's cells that are read from heaps.
const HEAP_BYTES_MAX: usize = 256 << 20;

/// The cells of one column, of `rows` rows that follow each other in `block`.
pub fn array(
    column: &ColumnPlace,
    block: &[u8],
    rows: usize,
    stride: usize,
    values: &mut ValueReader<'_>,
) -> Result<ArrayRef> {
    let lane = Lane {
        bytes: block,
        stride,
    };
    cells(column, lane.places(column, column.offset, rows), values)
}

/// The cells of one column, wherever they lie.
pub fn cells(
    column: &ColumnPlace,
    places: Places<'_>,
    values: &mut ValueReader<'_>,
) -> Result<ArrayRef> {
    let rows = places.rows;
    let elements = elements(&column.element, places, values)
        .map_err(|error| error.within(format!("column {}", column.name)))?;
    shaped(&column.shape, rows, elements)
}

/// Wraps elements into lists, the innermost dimension first.
fn shaped(shape: &[usize], rows: usize, elements: ArrayRef) -> Result<ArrayRef> {
    let mut array = elements;
    for (at, &length) in shape.iter().enumerate().rev() {
        let lists = shape[..at].iter().product::<usize>() * rows;
        array = list(std::iter::repeat_n(length, lists), array)?;
    }
    Ok(array)
}

fn list(lengths: impl IntoIterator<Item = usize>, elements: ArrayRef) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("item", elements.data_type().clone(), true));
    if i32::try_from(elements.len()).is_err() {
        return Err(Error::too_large(
            "A batch of lists has more than two thousand million elements",
        ));
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    let array = ListArray::try_new(field, offsets, elements, None).map_err(arrow)?;
    Ok(Arc::new(array))
}

fn elements(
    element: &Element,
    places: Places<'_>,
    values: &mut ValueReader<'_>,
) -> Result<ArrayRef> {
    Ok(match element {
        Element::Number(number) => number.array(places),
        Element::Text(padding) => texts(
            places
                .elements()
                .map(|bytes| value::trimmed(bytes, *padding)),
        )?,
        Element::Bytes => {
            let mut builder = BinaryBuilder::new();
            places
                .elements()
                .for_each(|bytes| builder.append_value(bytes));
            Arc::new(builder.finish())
        }
        Element::TextBytes(padding) => {
            let mut builder = BinaryBuilder::new();
            places
                .elements()
                .for_each(|bytes| builder.append_value(value::trimmed(bytes, *padding)));
            Arc::new(builder.finish())
        }
        Element::HeapText { unit } => heap_texts(*unit, places, values)?,
        Element::HeapBytes | Element::Pickle => {
            let mut builder = BinaryBuilder::new();
            heap_values(places, values, 1, |bytes| {
                builder.append_value(bytes);
                Ok(())
            })?;
            Arc::new(builder.finish())
        }
        Element::HeapNumbers { number, bytes } => heap_numbers(*number, *bytes, places, values)?,
        Element::Complex {
            real,
            imaginary,
            offset,
        } => complex(*real, *imaginary, *offset, places)?,
        Element::Moment(moment) => moment.array(places),
        Element::Duration(duration) => duration.array(places),
        Element::Category(category) => category.array(places)?,
        Element::Packed(packed) => packed.array(places),
        Element::Marked(marked) => marked.array(places, NotText::error)?,
        Element::Object(column) => column.array(places)?,
        Element::Other(datatype) => {
            let read = places
                .elements()
                .map(|bytes| values.value(datatype, bytes))
                .collect::<Result<Vec<_>>>()?;
            from_values(
                &crate::column::data_type(datatype),
                &read.iter().collect::<Vec<_>>(),
            )?
        }
    })
}

/// All bytes are looked at once, not text by text.
fn texts<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Result<ArrayRef> {
    let (mut bytes, mut ends) = (Vec::new(), vec![0_usize]);
    for text in texts {
        bytes.extend_from_slice(text);
        ends.push(bytes.len());
    }
    if i32::try_from(bytes.len()).is_err() {
        return Err(Error::too_large("A batch of texts has more than 2 GB"));
    }
    let ends: Vec<i32> = ends.into_iter().map(|end| end as i32).collect();
    let array = StringArray::try_new(OffsetBuffer::new(ends.into()), bytes.into(), None);
    Ok(Arc::new(array.map_err(|_| NotText::error())?))
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| NotText::error())
}

/// The error that says that a column of texts holds something else.
pub struct NotText;

impl NotText {
    const MESSAGE: &'static str = "a text is not UTF-8";

    fn error() -> Error {
        damaged(Self::MESSAGE)
    }

    /// Whether this is that error.
    pub fn is(error: &Error) -> bool {
        error.message().ends_with(Self::MESSAGE)
    }
}

fn complex(real: Number, imaginary: Number, offset: usize, places: Places<'_>) -> Result<ArrayRef> {
    // Both parts are read with the stride of a whole element: rows and elements become one sequence.
    let part = |number: Number, at: usize, bytes: usize| {
        let arrays = (0..places.per_row).map(|element| {
            number.array(Places {
                offset: places.offset + element * places.bytes + at,
                per_row: 1,
                bytes,
                ..places
            })
        });
        arrays.collect::<Vec<_>>()
    };
    let (first, second) = (
        part(real, 0, offset),
        part(imaginary, offset, places.bytes.saturating_sub(offset)),
    );
    let (first, second) = (
        interleaved(&first, places.rows),
        interleaved(&second, places.rows),
    );
    let field = |name: &str, array: &ArrayRef| -> FieldRef {
        Arc::new(Field::new(name, array.data_type().clone(), true))
    };
    let fields = vec![field("r", &first), field("i", &second)];
    Ok(Arc::new(
        StructArray::try_new(fields.into(), vec![first, second], None).map_err(arrow)?,
    ))
}

/// One array from one per element: the elements of the first row, then those of the second.
fn interleaved(arrays: &[ArrayRef], rows: usize) -> ArrayRef {
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float32Type, Float64Type};
    if let [array] = arrays {
        return Arc::clone(array);
    }
    let order = (0..rows).flat_map(|row| arrays.iter().map(move |array| (array, row)));
    match arrays.first().map(|array| array.data_type()) {
        Some(DataType::Float32) => {
            Arc::new(Float32Array::from_iter_values(order.map(|(array, row)| {
                array.as_primitive::<Float32Type>().value(row)
            })))
        }
        _ => Arc::new(Float64Array::from_iter_values(order.filter_map(
            |(array, row)| Some(array.as_primitive_opt::<Float64Type>()?.value(row)),
        ))),
    }
}

/// Hands the heap bytes of each element in turn to `take`; `bytes` is the size of what a heap value is made of.
fn heap_values(
    places: Places<'_>,
    values: &mut ValueReader<'_>,
    bytes: usize,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let mut total = 0;
    for stored in places.elements() {
        match values.heap().value(stored)? {
            None => take(&[])?,
            Some((count, object)) => {
                let length = count.saturating_mul(bytes);
                total += length;
                if total > HEAP_BYTES_MAX {
                    return Err(Error::too_large(
                        "values of variable length are larger than 256 MB together",
                    ));
                }
                let value = object.as_ref().get(..length);
                take(value.ok_or_else(|| {
                    damaged("a value of variable length is longer than its place in the heap")
                })?)?;
            }
        }
    }
    Ok(())
}

fn heap_texts(unit: usize, places: Places<'_>, values: &mut ValueReader<'_>) -> Result<ArrayRef> {
    let mut builder = StringBuilder::new();
    heap_values(places, values, unit, |bytes| {
        if unit == 1 {
            builder.append_value(utf8(value::trimmed(bytes, Padding::Null))?);
        } else {
            let codes = bytes
                .chunks_exact(4)
                .map(|code| u32::from_le_bytes([code[0], code[1], code[2], code[3]]));
            let text: String = codes
                .map(|code| char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect();
            builder.append_value(text);
        }
        Ok(())
    })?;
    Ok(Arc::new(builder.finish()))
}

fn heap_numbers(
    number: Number,
    bytes: usize,
    places: Places<'_>,
    values: &mut ValueReader<'_>,
) -> Result<ArrayRef> {
    let (mut all, mut lengths) = (Vec::new(), Vec::new());
    heap_values(places, values, bytes, |value| {
        all.extend_from_slice(value);
        lengths.push(value.len() / bytes);
        Ok(())
    })?;
    let rows = all.len() / bytes;
    list(
        lengths,
        number.array(Places {
            block: &all,
            rows,
            stride: bytes,
            offset: 0,
            per_row: 1,
            bytes,
        }),
    )
}

/// An Arrow array of values that were read one by one.
fn from_values(data_type: &DataType, values: &[&Value]) -> Result<ArrayRef> {
    macro_rules! integers {
        ($array:ty, $native:ty) => {
            Arc::new(
                values
                    .iter()
                    .map(|value| integer(value).and_then(|n| <$native>::try_from(n).ok()))
                    .collect::<$array>(),
            )
        };
    }
    Ok(match data_type {
        DataType::Boolean => Arc::new(
            values
                .iter()
                .map(|value| {
                    if let Value::Boolean(boolean) = value {
                        Some(*boolean)
                    } else {
                        None
                    }
                })
                .collect::<BooleanArray>(),
        ),
        DataType::Int8 => integers!(Int8Array, i8),
        DataType::Int16 => integers!(Int16Array, i16),
        DataType::Int32 => integers!(Int32Array, i32),
        DataType::Int64 => integers!(Int64Array, i64),
        DataType::UInt8 => integers!(UInt8Array, u8),
        DataType::UInt16 => integers!(UInt16Array, u16),
        DataType::UInt32 => integers!(UInt32Array, u32),
        DataType::UInt64 => integers!(UInt64Array, u64),
        DataType::Float32 => Arc::new(
            values
                .iter()
                .map(|value| real(value).map(|n| n as f32))
                .collect::<Float32Array>(),
        ),
        DataType::Float64 => Arc::new(
            values
                .iter()
                .map(|value| real(value))
                .collect::<Float64Array>(),
        ),
        DataType::Utf8 => {
            let mut builder = StringBuilder::new();
            for value in values {
                match value {
                    Value::Text(text) => builder.append_value(text),
                    // In a list or a structure all texts are texts.
                    Value::Bytes(bytes) => builder.append_value(String::from_utf8_lossy(bytes)),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        DataType::List(field) => lists_of_values(field, values)?,
        DataType::Struct(fields) => {
            let member = |at: usize| {
                let value = |value: &&Value| match value {
                    Value::Struct(members) => members
                        .get(at)
                        .map_or(Value::Null, |(_, member)| member.clone()),
                    _ => Value::Null,
                };
                values.iter().map(value).collect::<Vec<_>>()
            };
            let arrays = fields.iter().enumerate().map(|(at, field)| {
                let members = member(at);
                from_values(field.data_type(), &members.iter().collect::<Vec<_>>())
            });
            let arrays = arrays.collect::<Result<Vec<_>>>()?;
            Arc::new(StructArray::try_new(fields.clone(), arrays, None).map_err(arrow)?)
        }
        DataType::Binary => {
            let mut builder = BinaryBuilder::new();
            for value in values {
                match value {
                    Value::Bytes(bytes) => builder.append_value(bytes),
                    _ => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        other => new_null_array(other, values.len()),
    })
}

fn lists_of_values(field: &FieldRef, values: &[&Value]) -> Result<ArrayRef> {
    let items = |value: &&Value| {
        if let Value::List(items) = value {
            items.len()
        } else {
            0
        }
    };
    let lengths: Vec<usize> = values.iter().map(items).collect();
    let flat: Vec<&Value> = values
        .iter()
        .flat_map(|value| {
            if let Value::List(items) = value {
                items.as_slice()
            } else {
                &[]
            }
        })
        .collect();
    let nulls: NullBuffer = values
        .iter()
        .map(|value| matches!(value, Value::List(_)))
        .collect::<Vec<_>>()
        .into();
    let elements = from_values(field.data_type(), &flat)?;
    let array = ListArray::try_new(
        Arc::clone(field),
        OffsetBuffer::from_lengths(lengths),
        elements,
        Some(nulls),
    );
    Ok(Arc::new(array.map_err(arrow)?))
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Signed(number) => Some((*number).into()),
        Value::Unsigned(number) => Some((*number).into()),
        _ => None,
    }
}

fn real(value: &Value) -> Option<f64> {
    if let Value::Real(number) = value {
        Some(*number)
    } else {
        None
    }
}

/// What Arrow refuses of arrays made here is a mistake of ours.
pub fn arrow(error: arrow_schema::ArrowError) -> Error {
    Error::internal("The rows of an HDF5 dataset could not be put into columns").caused_by(error)
}
