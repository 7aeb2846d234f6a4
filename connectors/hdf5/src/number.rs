//! Numbers as they lie in rows: what each is, and typed loops over them.
//!
//! The representation is looked at once per column and block; inside of the loops there is nothing but a load.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, BooleanArray, PrimitiveArray};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType;

use crate::format::datatype::{Class, Datatype, Order};
use crate::format::float::{FloatLayout, half};
use crate::format::value::{self, Value};

/// How a number is stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Boolean,
    I8,
    I16(Order),
    I32(Order),
    I64(Order),
    U8,
    U16(Order),
    U32(Order),
    U64(Order),
    F16(Order),
    F32(Order),
    F64(Order),
    /// `PyTables`' microseconds and seconds.
    Time64(Order),
    /// A whole number of another width, or with bits that do not count.
    OddInteger {
        bytes: usize,
        order: Order,
        is_signed: bool,
        shift: u32,
        bits: u32,
    },
    /// A floating point number of another layout.
    OddFloat {
        bytes: usize,
        order: Order,
        layout: FloatLayout,
    },
}

/// Where the numbers of one column lie in a block: some in each row, one row after the other.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    pub block: &'a [u8],
    pub rows: usize,
    /// Bytes from a row to the next.
    pub stride: usize,
    /// Where in a row the first one is.
    pub offset: usize,
    /// How many there are in each row, side by side.
    pub per_row: usize,
    /// Bytes of one.
    pub bytes: usize,
}

impl<'a> Places<'a> {
    /// The bytes of each element in turn. What lies beyond the block is empty, and so are elements without bytes.
    pub fn elements(self) -> impl Iterator<Item = &'a [u8]> {
        let Self {
            block,
            rows,
            stride,
            offset,
            per_row,
            bytes,
        } = self;
        (0..rows).flat_map(move |row| {
            (0..per_row).map(move |at| {
                let start = row * stride + offset + at * bytes;
                block.get(start..start + bytes).unwrap_or_default()
            })
        })
    }

    /// The same bytes, at fixed length.
    fn arrays<const N: usize>(self) -> impl Iterator<Item = [u8; N]> {
        self.elements()
            .map(|bytes| bytes.first_chunk::<N>().copied().unwrap_or([0; N]))
    }
}

impl Number {
    /// The number that elements of this type are; `None` if they are something else.
    pub fn of(datatype: &Datatype) -> Option<Self> {
        let bytes = datatype.size;
        Some(match &datatype.class {
            _ if datatype.is_boolean() => Self::Boolean,
            Class::Enumeration { base, .. } => Self::of(base)?,
            Class::Integer {
                is_signed,
                order,
                shift,
                bits,
            } => Self::integer(bytes, *order, *is_signed, *shift, *bits)?,
            Class::Bits { order } if bytes <= 8 => {
                Self::integer(bytes, *order, false, 0, 8 * bytes as u32)?
            }
            Class::Time { order } if bytes == 4 => Self::I32(*order),
            Class::Time { order } if bytes == 8 => Self::Time64(*order),
            Class::Float { order, layout } => match (bytes, *layout) {
                (2, FloatLayout::F16) => Self::F16(*order),
                (4, FloatLayout::F32) => Self::F32(*order),
                (8, FloatLayout::F64) => Self::F64(*order),
                (1..=16, layout) => Self::OddFloat {
                    bytes,
                    order: *order,
                    layout,
                },
                _ => return None,
            },
            _ => return None,
        })
    }

    fn integer(bytes: usize, order: Order, is_signed: bool, shift: u32, bits: u32) -> Option<Self> {
        let is_whole = shift == 0 && bits as usize == 8 * bytes;
        Some(match (bytes, is_signed) {
            (1..=8, _) if !is_whole => Self::OddInteger {
                bytes,
                order,
                is_signed,
                shift,
                bits,
            },
            (1, true) => Self::I8,
            (2, true) => Self::I16(order),
            (4, true) => Self::I32(order),
            (8, true) => Self::I64(order),
            (1, false) => Self::U8,
            (2, false) => Self::U16(order),
            (4, false) => Self::U32(order),
            (8, false) => Self::U64(order),
            (3 | 5..=7, _) => Self::OddInteger {
                bytes,
                order,
                is_signed,
                shift,
                bits,
            },
            _ => return None,
        })
    }

    /// Whether it may be other than whole.
    pub fn is_real(self) -> bool {
        matches!(
            self,
            Self::F16(_) | Self::F32(_) | Self::F64(_) | Self::Time64(_) | Self::OddFloat { .. }
        )
    }

    /// The Arrow type that holds every such number.
    pub fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::I8 => DataType::Int8,
            Self::I16(_) => DataType::Int16,
            Self::I32(_) => DataType::Int32,
            Self::I64(_)
            | Self::OddInteger {
                is_signed: true, ..
            } => DataType::Int64,
            Self::U8 => DataType::UInt8,
            Self::U16(_) => DataType::UInt16,
            Self::U32(_) => DataType::UInt32,
            Self::U64(_)
            | Self::OddInteger {
                is_signed: false, ..
            } => DataType::UInt64,
            Self::F16(_) | Self::F32(_) => DataType::Float32,
            Self::F64(_) | Self::Time64(_) | Self::OddFloat { .. } => DataType::Float64,
        }
    }

    /// The numbers at these places as an Arrow array.
    pub fn array(self, places: Places<'_>) -> ArrayRef {
        let little = Order::Little;
        // One in each row, little endian: the common case, in loops without a look at each bound.
        if places.per_row == 1 {
            match self {
                Self::Boolean => return booleans(places),
                Self::I8 => return column::<Int8Type, 1>(places, i8::from_le_bytes),
                Self::U8 => return column::<UInt8Type, 1>(places, u8::from_le_bytes),
                Self::I16(order) if order == little => {
                    return column::<Int16Type, 2>(places, i16::from_le_bytes);
                }
                Self::U16(order) if order == little => {
                    return column::<UInt16Type, 2>(places, u16::from_le_bytes);
                }
                Self::I32(order) if order == little => {
                    return column::<Int32Type, 4>(places, i32::from_le_bytes);
                }
                Self::U32(order) if order == little => {
                    return column::<UInt32Type, 4>(places, u32::from_le_bytes);
                }
                Self::I64(order) if order == little => {
                    return column::<Int64Type, 8>(places, i64::from_le_bytes);
                }
                Self::U64(order) if order == little => {
                    return column::<UInt64Type, 8>(places, u64::from_le_bytes);
                }
                Self::F32(order) if order == little => {
                    return column::<Float32Type, 4>(places, f32::from_le_bytes);
                }
                Self::F64(order) if order == little => {
                    return column::<Float64Type, 8>(places, f64::from_le_bytes);
                }
                _ => {}
            }
        }
        match self {
            Self::Boolean => Arc::new(
                places
                    .arrays()
                    .map(|[byte]| Some(byte != 0))
                    .collect::<BooleanArray>(),
            ),
            Self::I8 => collect::<Int8Type>(places.arrays().map(i8::from_le_bytes)),
            Self::U8 => collect::<UInt8Type>(places.arrays().map(u8::from_le_bytes)),
            Self::I16(Order::Little) => {
                collect::<Int16Type>(places.arrays().map(i16::from_le_bytes))
            }
            Self::I16(Order::Big) => collect::<Int16Type>(places.arrays().map(i16::from_be_bytes)),
            Self::U16(Order::Little) => {
                collect::<UInt16Type>(places.arrays().map(u16::from_le_bytes))
            }
            Self::U16(Order::Big) => collect::<UInt16Type>(places.arrays().map(u16::from_be_bytes)),
            Self::I32(Order::Little) => {
                collect::<Int32Type>(places.arrays().map(i32::from_le_bytes))
            }
            Self::I32(Order::Big) => collect::<Int32Type>(places.arrays().map(i32::from_be_bytes)),
            Self::U32(Order::Little) => {
                collect::<UInt32Type>(places.arrays().map(u32::from_le_bytes))
            }
            Self::U32(Order::Big) => collect::<UInt32Type>(places.arrays().map(u32::from_be_bytes)),
            Self::I64(Order::Little) => {
                collect::<Int64Type>(places.arrays().map(i64::from_le_bytes))
            }
            Self::I64(Order::Big) => collect::<Int64Type>(places.arrays().map(i64::from_be_bytes)),
            Self::U64(Order::Little) => {
                collect::<UInt64Type>(places.arrays().map(u64::from_le_bytes))
            }
            Self::U64(Order::Big) => collect::<UInt64Type>(places.arrays().map(u64::from_be_bytes)),
            Self::F16(Order::Little) => {
                collect::<Float32Type>(places.arrays().map(|b| half(u16::from_le_bytes(b))))
            }
            Self::F16(Order::Big) => {
                collect::<Float32Type>(places.arrays().map(|b| half(u16::from_be_bytes(b))))
            }
            Self::F32(Order::Little) => {
                collect::<Float32Type>(places.arrays().map(f32::from_le_bytes))
            }
            Self::F32(Order::Big) => {
                collect::<Float32Type>(places.arrays().map(f32::from_be_bytes))
            }
            Self::F64(Order::Little) => {
                collect::<Float64Type>(places.arrays().map(f64::from_le_bytes))
            }
            Self::F64(Order::Big) => {
                collect::<Float64Type>(places.arrays().map(f64::from_be_bytes))
            }
            Self::Time64(_) | Self::OddFloat { .. } => collect::<Float64Type>(self.reals(places)),
            Self::OddInteger {
                is_signed: true, ..
            } => collect::<Int64Type>(self.signed(places)),
            Self::OddInteger {
                is_signed: false, ..
            } => collect::<UInt64Type>(self.unsigned(places)),
        }
    }

    fn reals(self, places: Places<'_>) -> impl Iterator<Item = f64> {
        places.elements().map(move |bytes| match self {
            Self::Time64(order) => value::time64(value::number(bytes, order).unwrap_or(0) as u64),
            Self::OddFloat { order, layout, .. } => {
                value::float(bytes, order, layout).unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        })
    }

    fn odd(self, bytes: &[u8]) -> Value {
        match self {
            Self::OddInteger {
                order,
                is_signed,
                shift,
                bits,
                ..
            } => value::integer(
                value::number(bytes, order).unwrap_or(0) as u64,
                is_signed,
                shift,
                bits,
            ),
            _ => Value::Null,
        }
    }

    fn signed(self, places: Places<'_>) -> impl Iterator<Item = i64> {
        places.elements().map(move |bytes| {
            if let Value::Signed(number) = self.odd(bytes) {
                number
            } else {
                0
            }
        })
    }

    fn unsigned(self, places: Places<'_>) -> impl Iterator<Item = u64> {
        places.elements().map(move |bytes| {
            if let Value::Unsigned(number) = self.odd(bytes) {
                number
            } else {
                0
            }
        })
    }

    /// Calls `visit` with each number in turn, widened without loss.
    pub fn each(self, places: Places<'_>, visit: &mut impl Visit) {
        match self {
            Self::Boolean => places
                .arrays()
                .for_each(|[byte]| visit.signed(i64::from(byte != 0))),
            Self::I8 => places
                .arrays()
                .for_each(|b| visit.signed(i8::from_le_bytes(b).into())),
            Self::U8 => places
                .arrays()
                .for_each(|b| visit.signed(u8::from_le_bytes(b).into())),
            Self::I16(Order::Little) => places
                .arrays()
                .for_each(|b| visit.signed(i16::from_le_bytes(b).into())),
            Self::I16(Order::Big) => places
                .arrays()
                .for_each(|b| visit.signed(i16::from_be_bytes(b).into())),
            Self::U16(Order::Little) => places
                .arrays()
                .for_each(|b| visit.signed(u16::from_le_bytes(b).into())),
            Self::U16(Order::Big) => places
                .arrays()
                .for_each(|b| visit.signed(u16::from_be_bytes(b).into())),
            Self::I32(Order::Little) => places
                .arrays()
                .for_each(|b| visit.signed(i32::from_le_bytes(b).into())),
            Self::I32(Order::Big) => places
                .arrays()
                .for_each(|b| visit.signed(i32::from_be_bytes(b).into())),
            Self::U32(Order::Little) => places
                .arrays()
                .for_each(|b| visit.signed(u32::from_le_bytes(b).into())),
            Self::U32(Order::Big) => places
                .arrays()
                .for_each(|b| visit.signed(u32::from_be_bytes(b).into())),
            Self::I64(Order::Little) => places
                .arrays()
                .for_each(|b| visit.signed(i64::from_le_bytes(b))),
            Self::I64(Order::Big) => places
                .arrays()
                .for_each(|b| visit.signed(i64::from_be_bytes(b))),
            Self::U64(Order::Little) => places
                .arrays()
                .for_each(|b| visit.unsigned(u64::from_le_bytes(b))),
            Self::U64(Order::Big) => places
                .arrays()
                .for_each(|b| visit.unsigned(u64::from_be_bytes(b))),
            Self::F16(Order::Little) => places
                .arrays()
                .for_each(|b| visit.real(half(u16::from_le_bytes(b)).into())),
            Self::F16(Order::Big) => places
                .arrays()
                .for_each(|b| visit.real(half(u16::from_be_bytes(b)).into())),
            Self::F32(Order::Little) => places
                .arrays()
                .for_each(|b| visit.real(f32::from_le_bytes(b).into())),
            Self::F32(Order::Big) => places
                .arrays()
                .for_each(|b| visit.real(f32::from_be_bytes(b).into())),
            Self::F64(Order::Little) => places
                .arrays()
                .for_each(|b| visit.real(f64::from_le_bytes(b))),
            Self::F64(Order::Big) => places
                .arrays()
                .for_each(|b| visit.real(f64::from_be_bytes(b))),
            Self::Time64(_) | Self::OddFloat { .. } => {
                self.reals(places).for_each(|number| visit.real(number));
            }
            Self::OddInteger {
                is_signed: true, ..
            } => self.signed(places).for_each(|number| visit.signed(number)),
            Self::OddInteger {
                is_signed: false, ..
            } => self
                .unsigned(places)
                .for_each(|number| visit.unsigned(number)),
        }
    }
}

/// What is done with each number of a column.
pub trait Visit {
    /// A whole number that fits into 64 bits with a sign.
    fn signed(&mut self, number: i64);
    /// A whole number of 64 bits without a sign.
    fn unsigned(&mut self, number: u64);
    /// A real number; half and single precision are widened.
    fn real(&mut self, number: f64);
}

/// One boolean of each row.
fn booleans(places: Places<'_>) -> ArrayRef {
    let block = places.block.get(places.offset..).unwrap_or_default();
    let stride = places.stride;
    let bits = BooleanBuffer::collect_bool(places.rows, |row| {
        block.get(row * stride).is_some_and(|&byte| byte != 0)
    });
    Arc::new(BooleanArray::new(bits, None))
}

/// One number of each row.
fn column<T: ArrowPrimitiveType, const N: usize>(
    places: Places<'_>,
    number: impl Fn([u8; N]) -> T::Native,
) -> ArrayRef {
    let block = places.block.get(places.offset..).unwrap_or_default();
    let mut numbers: Vec<T::Native> = Vec::with_capacity(places.rows);
    if places.stride == N {
        // A column by itself is copied as it is.
        let cells = block.as_chunks::<N>().0.iter().take(places.rows);
        numbers.extend(cells.map(|cell| number(*cell)));
    } else {
        let rows = block.chunks(places.stride.max(1)).take(places.rows);
        let cells = rows.map(|row| row.first_chunk::<N>().copied().unwrap_or([0; N]));
        numbers.extend(cells.map(number));
    }
    numbers.resize(places.rows, T::default_value());
    Arc::new(PrimitiveArray::<T>::new(numbers.into(), None))
}

fn collect<T: ArrowPrimitiveType>(numbers: impl Iterator<Item = T::Native>) -> ArrayRef {
    let numbers: Vec<T::Native> = numbers.collect();
    Arc::new(PrimitiveArray::<T>::new(numbers.into(), None))
}

#[cfg(test)]
mod tests {
    use super::{Class, Datatype, Number, Order};

    /// Found by mutating a file of `PyTables`.
    #[test]
    fn bit_fields_of_any_claimed_width_are_numbers_or_not() {
        let order = Order::Little;
        for (size, number) in [
            (0, None),
            (1, Some(Number::U8)),
            (8, Some(Number::U64(order))),
            (9, None),
            (0x2000_0000, None),
            (usize::MAX, None),
        ] {
            let class = Class::Bits { order };
            assert_eq!(Number::of(&Datatype { size, class }), number, "{size}");
        }
    }
}
