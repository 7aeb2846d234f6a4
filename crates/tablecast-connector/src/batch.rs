//! A batch of rows: Arrow columns, or cells that a source of rows put down one by one. Both are read as [`Cell`]s.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, RecordBatch, StructArray};
use arrow_schema::{DataType, TimeUnit};

use crate::cell::{List, Struct, Timestamp};
use crate::{Cell, Error, Result};

/// Rows, all of the same columns. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Batch(Kept);

#[derive(Clone, Debug)]
enum Kept {
    Arrow(RecordBatch),
    /// The first so many rows of these cells.
    Cells(Arc<Cells>, usize),
}

impl From<RecordBatch> for Batch {
    fn from(batch: RecordBatch) -> Self {
        Self(Kept::Arrow(batch))
    }
}

impl Batch {
    /// The number of rows.
    pub fn rows(&self) -> usize {
        match &self.0 {
            Kept::Arrow(batch) => batch.num_rows(),
            Kept::Cells(_, rows) => *rows,
        }
    }

    /// The number of columns.
    pub fn width(&self) -> usize {
        match &self.0 {
            Kept::Arrow(batch) => batch.num_columns(),
            Kept::Cells(cells, _) => cells.width,
        }
    }

    /// The first `rows` rows, or all if there are fewer. Nothing is copied.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.rows());
        Self(match &self.0 {
            Kept::Arrow(batch) => Kept::Arrow(batch.slice(0, rows)),
            Kept::Cells(cells, _) => Kept::Cells(Arc::clone(cells), rows),
        })
    }

    /// The Arrow form, if that is how the rows are kept.
    pub fn as_arrow(&self) -> Option<&RecordBatch> {
        match &self.0 {
            Kept::Arrow(batch) => Some(batch),
            Kept::Cells(..) => None,
        }
    }

    /// The columns, ready to read cells from. The type of each is looked at once, here.
    ///
    /// An error of kind `Unsupported` names an Arrow type that the API cannot show.
    pub fn columns(&self) -> Result<Vec<ColumnView<'_>>> {
        match &self.0 {
            Kept::Arrow(batch) => batch.columns().iter().map(ColumnView::new).collect(),
            Kept::Cells(cells, _) => Ok((0..cells.width)
                .map(|column| ColumnView(View::Cells { cells, column }))
                .collect()),
        }
    }

    /// Starts a batch of rows with `width` columns.
    pub fn builder(width: usize) -> BatchBuilder {
        BatchBuilder {
            cells: Cells {
                width,
                ..Cells::default()
            },
        }
    }
}

/// Puts rows down cell by cell, from left to right. No allocation per cell.
#[derive(Debug)]
pub struct BatchBuilder {
    cells: Cells,
}

impl BatchBuilder {
    /// Puts down the next cell. An error of kind `Unsupported` if it is not of a scalar type, of kind `TooLarge` if
    /// the batch would pass 4 GiB: finish it and start another.
    pub fn push(&mut self, cell: Cell<'_>) -> Result<()> {
        let slot = match cell {
            Cell::Null => Slot::Null,
            Cell::Boolean(boolean) => Slot::Boolean(boolean),
            Cell::Integer(integer) => Slot::Integer(integer),
            Cell::Unsigned(integer) => Slot::Unsigned(integer),
            Cell::Real(real) => Slot::Real(real),
            Cell::Text(text) => {
                let start = offset(self.cells.text.len())?;
                self.cells.text.push_str(text);
                Slot::Text(start, offset(self.cells.text.len())?)
            }
            Cell::Bytes(bytes) => {
                let start = offset(self.cells.bytes.len())?;
                self.cells.bytes.extend_from_slice(bytes);
                Slot::Bytes(start, offset(self.cells.bytes.len())?)
            }
            _ => {
                return Err(Error::unsupported(
                    "A row builder takes scalar cells; use Arrow for others",
                ));
            }
        };
        self.cells.slots.push(slot);
        Ok(())
    }

    /// Ends a row, for which as many cells as there are columns have been put down.
    pub fn end_row(&mut self) {
        self.cells.rows += 1;
    }

    /// The number of rows ended so far.
    pub fn rows(&self) -> usize {
        self.cells.rows
    }

    /// The bytes of text and blobs so far.
    pub fn bytes(&self) -> usize {
        self.cells.text.len() + self.cells.bytes.len()
    }

    /// The batch. An error of kind `Internal` if cells and rows do not add up.
    pub fn finish(self) -> Result<Batch> {
        if self.cells.rows * self.cells.width != self.cells.slots.len() {
            return Err(Error::internal(
                "The rows of a batch do not all have a cell for each column",
            ));
        }
        let rows = self.cells.rows;
        Ok(Batch(Kept::Cells(Arc::new(self.cells), rows)))
    }
}

fn offset(length: usize) -> Result<u32> {
    u32::try_from(length).map_err(|_| Error::too_large("A batch of rows holds more than 4 GiB"))
}

/// Cells in row-major order. Texts and blobs lie one behind the other in two heaps.
#[derive(Debug, Default)]
struct Cells {
    width: usize,
    rows: usize,
    slots: Vec<Slot>,
    text: String,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    Null,
    Boolean(bool),
    Integer(i64),
    Unsigned(u64),
    Real(f64),
    Text(u32, u32),
    Bytes(u32, u32),
}

impl Cells {
    fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        match self.slots.get(row * self.width + column) {
            None | Some(Slot::Null) => Cell::Null,
            Some(Slot::Boolean(boolean)) => Cell::Boolean(*boolean),
            Some(Slot::Integer(integer)) => Cell::Integer(*integer),
            Some(Slot::Unsigned(integer)) => Cell::Unsigned(*integer),
            Some(Slot::Real(real)) => Cell::Real(*real),
            Some(Slot::Text(start, end)) => Cell::Text(
                self.text
                    .get(*start as usize..*end as usize)
                    .unwrap_or_default(),
            ),
            Some(Slot::Bytes(start, end)) => Cell::Bytes(
                self.bytes
                    .get(*start as usize..*end as usize)
                    .unwrap_or_default(),
            ),
        }
    }
}

/// A column of a batch, with its type already looked at.
pub struct ColumnView<'a>(View<'a>);

#[expect(
    clippy::enum_variant_names,
    reason = "Utf8View and BinaryView are Arrow's names"
)]
enum View<'a> {
    Cells {
        cells: &'a Cells,
        column: usize,
    },
    Null,
    Boolean(&'a arrow_array::BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float16(&'a PrimitiveArray<Float16Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Utf8(&'a arrow_array::StringArray),
    LargeUtf8(&'a arrow_array::LargeStringArray),
    Utf8View(&'a arrow_array::StringViewArray),
    Binary(&'a arrow_array::BinaryArray),
    LargeBinary(&'a arrow_array::LargeBinaryArray),
    BinaryView(&'a arrow_array::BinaryViewArray),
    FixedBinary(&'a arrow_array::FixedSizeBinaryArray),
    Date32(&'a PrimitiveArray<Date32Type>),
    Date64(&'a PrimitiveArray<Date64Type>),
    /// Time of day or moment: the array for its nulls, and its numbers.
    Time(&'a dyn Array, Ticks<'a>, TimeUnit),
    Timestamp {
        nulls: &'a dyn Array,
        values: &'a [i64],
        unit: TimeUnit,
        utc: bool,
    },
    Decimal(&'a PrimitiveArray<Decimal128Type>, i8),
    Decimal32(&'a PrimitiveArray<Decimal32Type>, i8),
    Decimal64(&'a PrimitiveArray<Decimal64Type>, i8),
    List {
        list: &'a dyn Array,
        offsets: Offsets<'a>,
        values: Box<ColumnView<'a>>,
    },
    Struct {
        members: &'a dyn Array,
        fields: Vec<(String, ColumnView<'a>)>,
    },
    Dictionary {
        keys: &'a dyn Array,
        indexes: Vec<usize>,
        values: Box<ColumnView<'a>>,
    },
}

enum Ticks<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
}

enum Offsets<'a> {
    Narrow(&'a [i32]),
    Wide(&'a [i64]),
    Fixed(usize),
}

impl Offsets<'_> {
    fn range(&self, row: usize) -> (usize, usize) {
        let at = |row: usize| match self {
            Self::Narrow(offsets) => offsets.get(row).map_or(0, |o| *o as usize),
            Self::Wide(offsets) => offsets.get(row).map_or(0, |o| *o as usize),
            Self::Fixed(size) => row * size,
        };
        (at(row), at(row + 1))
    }
}

impl fmt::Debug for ColumnView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ColumnView")
    }
}

macro_rules! primitive {
    ($array:expr, $row:expr, $cell:expr) => {
        if $array.is_null($row) {
            Cell::Null
        } else {
            $cell($array.value($row))
        }
    };
}

impl<'a> ColumnView<'a> {
    /// A view of an Arrow array. An error of kind `Unsupported` names a type that the API cannot show.
    pub fn new(array: &'a ArrayRef) -> Result<Self> {
        use DataType as T;
        let view = match array.data_type() {
            T::Null => View::Null,
            T::Boolean => View::Boolean(array.as_boolean()),
            T::Int8 => View::Int8(array.as_primitive()),
            T::Int16 => View::Int16(array.as_primitive()),
            T::Int32 => View::Int32(array.as_primitive()),
            T::Int64 => View::Int64(array.as_primitive()),
            T::UInt8 => View::UInt8(array.as_primitive()),
            T::UInt16 => View::UInt16(array.as_primitive()),
            T::UInt32 => View::UInt32(array.as_primitive()),
            T::UInt64 => View::UInt64(array.as_primitive()),
            T::Float16 => View::Float16(array.as_primitive()),
            T::Float32 => View::Float32(array.as_primitive()),
            T::Float64 => View::Float64(array.as_primitive()),
            T::Utf8 => View::Utf8(array.as_string()),
            T::LargeUtf8 => View::LargeUtf8(array.as_string()),
            T::Utf8View => View::Utf8View(array.as_string_view()),
            T::Binary => View::Binary(array.as_binary()),
            T::LargeBinary => View::LargeBinary(array.as_binary()),
            T::BinaryView => View::BinaryView(array.as_binary_view()),
            T::FixedSizeBinary(_) => View::FixedBinary(array.as_fixed_size_binary()),
            T::Date32 => View::Date32(array.as_primitive()),
            T::Date64 => View::Date64(array.as_primitive()),
            T::Time32(unit) => View::Time(array, narrow_ticks(array, *unit), *unit),
            T::Time64(unit) => View::Time(array, wide_ticks(array, *unit), *unit),
            T::Timestamp(unit, zone) => View::Timestamp {
                nulls: array,
                values: moments(array, *unit),
                unit: *unit,
                utc: zone.is_some(),
            },
            T::Decimal128(_, scale) => View::Decimal(array.as_primitive(), *scale),
            T::Decimal32(_, scale) => View::Decimal32(array.as_primitive(), *scale),
            T::Decimal64(_, scale) => View::Decimal64(array.as_primitive(), *scale),
            T::Struct(_) => struct_view(array.as_struct())?,
            T::Map(..) => map_view(array)?,
            T::Dictionary(..) => dictionary_view(array)?,
            T::List(_) | T::LargeList(_) | T::FixedSizeList(..) => list_view(array)?,
            other => {
                return Err(Error::unsupported(format!(
                    "Values of type {other} cannot be shown"
                )));
            }
        };
        Ok(Self(view))
    }

    /// The cell in row `row`; null behind the last row.
    pub fn cell(&self, row: usize) -> Cell<'_> {
        match &self.0 {
            View::Cells { cells, column } => cells.cell(row, *column),
            View::Boolean(array) => primitive!(array, row, Cell::Boolean),
            View::Int8(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::Int16(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::Int32(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::Int64(array) => primitive!(array, row, Cell::Integer),
            View::UInt8(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::UInt16(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::UInt32(array) => primitive!(array, row, |v| Cell::Integer(i64::from(v))),
            View::UInt64(array) => primitive!(array, row, Cell::Unsigned),
            View::Float16(array) => primitive!(array, row, |v| Cell::Real(f64::from(v))),
            View::Float32(array) => primitive!(array, row, |v| Cell::Real(f64::from(v))),
            View::Float64(array) => primitive!(array, row, Cell::Real),
            View::Utf8(array) => primitive!(array, row, Cell::Text),
            View::LargeUtf8(array) => primitive!(array, row, Cell::Text),
            View::Utf8View(array) => primitive!(array, row, Cell::Text),
            View::Binary(array) => primitive!(array, row, Cell::Bytes),
            View::LargeBinary(array) => primitive!(array, row, Cell::Bytes),
            View::BinaryView(array) => primitive!(array, row, Cell::Bytes),
            View::FixedBinary(array) => primitive!(array, row, Cell::Bytes),
            View::Date32(array) => primitive!(array, row, |v| Cell::Date(i64::from(v))),
            View::Date64(array) => {
                primitive!(array, row, |v: i64| Cell::Date(v.div_euclid(86_400_000)))
            }
            View::Decimal(array, scale) => primitive!(array, row, |v| Cell::Decimal(v, *scale)),
            View::Decimal32(array, scale) => {
                primitive!(array, row, |v| Cell::Decimal(i128::from(v), *scale))
            }
            View::Decimal64(array, scale) => {
                primitive!(array, row, |v| Cell::Decimal(i128::from(v), *scale))
            }
            View::Time(array, ticks, unit) if array.is_valid(row) => {
                Cell::Time(ticks.at(row), *unit)
            }
            View::Timestamp {
                nulls,
                values,
                unit,
                utc,
            } if nulls.is_valid(row) => {
                let value = values.get(row).copied().unwrap_or_default();
                Cell::Timestamp(Timestamp {
                    value,
                    unit: *unit,
                    utc: *utc,
                })
            }
            View::List {
                list,
                offsets,
                values,
            } if list.is_valid(row) => {
                let (start, end) = offsets.range(row);
                Cell::List(List { values, start, end })
            }
            View::Struct { members, fields } if members.is_valid(row) => {
                Cell::Struct(Struct { fields, row })
            }
            View::Dictionary {
                keys,
                indexes,
                values,
            } if keys.is_valid(row) => indexes
                .get(row)
                .map_or(Cell::Null, |index| values.cell(*index)),
            View::Null
            | View::Time(..)
            | View::Timestamp { .. }
            | View::List { .. }
            | View::Struct { .. }
            | View::Dictionary { .. } => Cell::Null,
        }
    }
}

impl Ticks<'_> {
    fn at(&self, row: usize) -> i64 {
        match self {
            Self::Narrow(values) => values.get(row).map_or(0, |value| i64::from(*value)),
            Self::Wide(values) => values.get(row).copied().unwrap_or_default(),
        }
    }
}

fn narrow_ticks(array: &ArrayRef, unit: TimeUnit) -> Ticks<'_> {
    Ticks::Narrow(match unit {
        TimeUnit::Second => array.as_primitive::<Time32SecondType>().values(),
        _ => array.as_primitive::<Time32MillisecondType>().values(),
    })
}

fn wide_ticks(array: &ArrayRef, unit: TimeUnit) -> Ticks<'_> {
    Ticks::Wide(match unit {
        TimeUnit::Microsecond => array.as_primitive::<Time64MicrosecondType>().values(),
        _ => array.as_primitive::<Time64NanosecondType>().values(),
    })
}

fn moments(array: &ArrayRef, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().values(),
        TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
        TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
    }
}

fn struct_view(members: &StructArray) -> Result<View<'_>> {
    let fields = members.fields().iter().zip(members.columns());
    let fields = fields.map(|(field, column)| Ok((field.name().clone(), ColumnView::new(column)?)));
    Ok(View::Struct {
        members,
        fields: fields.collect::<Result<_>>()?,
    })
}

/// A map is a list of its entries, each with a key and a value.
fn map_view(array: &ArrayRef) -> Result<View<'_>> {
    let map = array.as_map();
    Ok(View::List {
        list: array,
        offsets: Offsets::Narrow(map.value_offsets()),
        values: Box::new(ColumnView(struct_view(map.entries())?)),
    })
}

fn dictionary_view(array: &ArrayRef) -> Result<View<'_>> {
    let dictionary = array
        .as_any_dictionary_opt()
        .ok_or_else(|| Error::internal("A dictionary array is not a dictionary"))?;
    let values = ColumnView::new(dictionary.values())?;
    let indexes = if values_exist(dictionary.values()) {
        dictionary.normalized_keys()
    } else {
        Vec::new()
    };
    Ok(View::Dictionary {
        keys: dictionary.keys(),
        indexes,
        values: Box::new(values),
    })
}

/// `normalized_keys` panics without values, which is so if every row is null.
fn values_exist(values: &ArrayRef) -> bool {
    !values.is_empty()
}

fn list_view(array: &ArrayRef) -> Result<View<'_>> {
    let (offsets, values) = match array.data_type() {
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            (Offsets::Wide(list.value_offsets()), list.values())
        }
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            (Offsets::Fixed(list.value_length() as usize), list.values())
        }
        _ => {
            let list = array.as_list::<i32>();
            (Offsets::Narrow(list.value_offsets()), list.values())
        }
    };
    Ok(View::List {
        list: array,
        offsets,
        values: Box::new(ColumnView::new(values)?),
    })
}

#[cfg(test)]
mod tests {
    use arrow_array::types::Int32Type;
    use arrow_array::{Float64Array, ListArray, StringArray, StructArray};
    use arrow_schema::Field;

    use super::*;
    use crate::json::{Infinity, write_cell};

    fn json(array: &ArrayRef) -> Vec<String> {
        let view = ColumnView::new(array).expect("a type that can be shown");
        (0..array.len())
            .map(|row| {
                let mut out = Vec::new();
                write_cell(&view.cell(row), Infinity::Null, &mut out);
                String::from_utf8(out).expect("JSON is UTF-8")
            })
            .collect()
    }

    #[test]
    fn nested_arrow_cells_are_read_without_copies() {
        let lists =
            ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None]), None]);
        assert_eq!(json(&(Arc::new(lists) as ArrayRef)), ["[1,null]", "null"]);
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
        let reals: ArrayRef = Arc::new(Float64Array::from(vec![f64::NAN, 0.5]));
        let pairs = StructArray::from(vec![
            (Arc::new(Field::new("t", DataType::Utf8, true)), texts),
            (Arc::new(Field::new("r", DataType::Float64, true)), reals),
        ]);
        assert_eq!(
            json(&(Arc::new(pairs) as ArrayRef)),
            ["{\"t\":\"a\",\"r\":null}", "{\"t\":null,\"r\":0.5}"]
        );
    }

    #[test]
    fn rows_put_down_cell_by_cell_are_read_back() {
        let mut builder = Batch::builder(2);
        for cell in [
            Cell::Text("é"),
            Cell::Integer(1),
            Cell::Bytes(b"x"),
            Cell::Null,
        ] {
            builder.push(cell).expect("scalar");
        }
        builder.end_row();
        builder.end_row();
        let batch = builder.finish().expect("complete rows");
        assert_eq!((batch.rows(), batch.width()), (2, 2));
        let columns = batch.columns().expect("cells");
        assert!(matches!(columns[0].cell(0), Cell::Text("é")));
        assert!(matches!(columns[0].cell(1), Cell::Bytes(b"x")));
        assert!(columns[1].cell(1).is_null());
        assert_eq!((batch.head(1).rows(), batch.head(9).rows()), (1, 2));
    }

    #[test]
    fn an_incomplete_row_is_refused() {
        let mut builder = Batch::builder(2);
        builder.push(Cell::Null).expect("scalar");
        builder.end_row();
        assert!(builder.finish().is_err());
    }
}
