//! The commonest tests as tight loops over the rows of a block: a number in one interval, a text that is equal.
//!
//! Each gives exactly what the general way gives; whatever has no loop here goes that way.

use super::interval::{Interval, narrowed};
use crate::format::datatype::{Order, Padding};
use crate::number::{Number, Places};

/// A number of this kind in the only interval, or outside of it; whether there is a loop for it. `passes` is empty.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "without a branch in them, the loops test several numbers at a time"
)]
pub fn number(
    number: Number,
    places: Places<'_>,
    (intervals, reals): (&[Interval<i128>], &[Interval<f64>]),
    outside: bool,
    passes: &mut Vec<bool>,
) -> bool {
    let little = Order::Little;
    if let Number::F32(order) | Number::F64(order) = number {
        let ([real], true) = (reals, order == little) else {
            return false;
        };
        let Interval { from, to } = *real;
        match number {
            Number::F32(_) => {
                let (from, to) = (single_above(from), -single_above(-to));
                each(places, passes, |cell| {
                    let number = f32::from_le_bytes(cell);
                    (((number >= from) & (number <= to)) != outside) & !number.is_nan()
                });
            }
            _ => each(places, passes, |cell| {
                let number = f64::from_le_bytes(cell);
                (((number >= from) & (number <= to)) != outside) & !number.is_nan()
            }),
        }
        return true;
    }
    let Some(Interval { from, to }) = narrowed(intervals) else {
        return false;
    };
    let holds = |number: i64| ((number >= from) & (number <= to)) != outside;
    match number {
        Number::Boolean => each(places, passes, |[byte]| holds((byte != 0).into())),
        Number::I8 => each(places, passes, |cell| holds(i8::from_le_bytes(cell).into())),
        Number::U8 => each(places, passes, |cell| holds(u8::from_le_bytes(cell).into())),
        Number::I16(Order::Little) => {
            each(places, passes, |cell| {
                holds(i16::from_le_bytes(cell).into())
            });
        }
        Number::U16(Order::Little) => {
            each(places, passes, |cell| {
                holds(u16::from_le_bytes(cell).into())
            });
        }
        Number::I32(Order::Little) => {
            each(places, passes, |cell| {
                holds(i32::from_le_bytes(cell).into())
            });
        }
        Number::U32(Order::Little) => {
            each(places, passes, |cell| {
                holds(u32::from_le_bytes(cell).into())
            });
        }
        Number::I64(Order::Little) => each(places, passes, |cell| holds(i64::from_le_bytes(cell))),
        _ => return false,
    }
    true
}

/// A text that is equal to `value`, or is not; whether there is a loop for it. `passes` is empty.
pub fn equal(
    places: Places<'_>,
    padding: Padding,
    value: &[u8],
    outside: bool,
    passes: &mut Vec<bool>,
) -> bool {
    if padding != Padding::Null || value.last() == Some(&0) || value.len() > places.bytes {
        return false;
    }
    let mut padded = value.to_vec();
    padded.resize(places.bytes, 0);
    match places.bytes {
        4 => same::<4>(places, &padded, outside, passes),
        8 => same::<8>(places, &padded, outside, passes),
        16 => same::<16>(places, &padded, outside, passes),
        _ => {
            let cells = places.elements();
            passes.extend(cells.map(|cell| (cell == padded.as_slice()) != outside));
        }
    }
    true
}

fn same<const N: usize>(places: Places<'_>, value: &[u8], outside: bool, passes: &mut Vec<bool>) {
    if let Some(value) = value.first_chunk::<N>() {
        each(places, passes, |cell: [u8; N]| (cell == *value) != outside);
    }
}

/// The least number of single precision that is not below `number`.
fn single_above(number: f64) -> f32 {
    let near = number as f32;
    if f64::from(near) < number {
        near.next_up()
    } else {
        near
    }
}

/// One element of each row; none of the rows that the block does not have.
fn each<const N: usize>(
    places: Places<'_>,
    passes: &mut Vec<bool>,
    test: impl Fn([u8; N]) -> bool,
) {
    let block = places.block.get(places.offset..).unwrap_or_default();
    if places.stride == N {
        // A column by itself: several cells are tested at a time.
        let cells = block.as_chunks::<N>().0;
        passes.resize(cells.len().min(places.rows), false);
        for (passes, cell) in passes.iter_mut().zip(cells) {
            *passes = test(*cell);
        }
        return;
    }
    let rows = block.chunks(places.stride.max(1)).take(places.rows);
    passes.extend(rows.map(|row| row.first_chunk::<N>().is_some_and(|cell| test(*cell))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_in_single_precision_are_as_exact_as_in_double() {
        let numbers = [
            0.0,
            0.1,
            -0.1,
            1.0,
            16_777_217.0,
            1e300,
            -1e300,
            f64::INFINITY,
        ];
        let near = |number: f64| {
            [
                (number as f32).next_down(),
                number as f32,
                (number as f32).next_up(),
            ]
        };
        for bound in numbers.into_iter().flat_map(|number| [number, -number]) {
            for single in numbers.into_iter().flat_map(near) {
                let double = f64::from(single);
                assert_eq!(
                    single >= single_above(bound),
                    double >= bound,
                    "{single} {bound}"
                );
                assert_eq!(
                    single <= -single_above(-bound),
                    double <= bound,
                    "{single} {bound}"
                );
            }
        }
    }

    #[test]
    fn loops_see_each_row_once_and_nan_never_passes() {
        let mut block = Vec::new();
        for number in [1.5_f64, f64::NAN, -2.0, 7.0] {
            block.extend_from_slice(b"abc");
            block.extend_from_slice(&number.to_le_bytes());
        }
        let places = Places {
            block: &block,
            rows: 4,
            stride: 11,
            offset: 3,
            per_row: 1,
            bytes: 8,
        };
        let real = [Interval { from: 0.0, to: 5.0 }];
        for (outside, expected) in [
            (false, [true, false, false, false]),
            (true, [false, false, true, true]),
        ] {
            let mut passes = Vec::new();
            let kind = Number::F64(Order::Little);
            assert!(number(kind, places, (&[], &real), outside, &mut passes));
            assert_eq!(passes, expected);
        }
        let text = Places {
            offset: 0,
            bytes: 3,
            ..places
        };
        let mut passes = Vec::new();
        assert!(equal(text, Padding::Null, b"abc", false, &mut passes));
        assert!(!equal(text, Padding::Null, b"abcd", false, &mut Vec::new()));
        assert_eq!(passes, [true; 4]);
    }
}
