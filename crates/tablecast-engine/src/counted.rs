//! Counting the values of whole Arrow arrays, without a look at each cell's type and a search for each row's value.
//!
//! A batch is counted for itself first: whole numbers that lie close together by their distance from the least one,
//! texts in a small table where each has one place. What comes out are few values with many rows.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, BooleanArray, StringArray};
use arrow_buffer::ArrowNativeType;
use arrow_schema::DataType;
use tablecast_connector::Result;

use crate::groups::Groups;

/// Whole numbers of a batch that lie within this of each other are counted by their distance.
const DISTANCES: usize = 4096;
/// Tables of counts that take turns.
const TURNS: usize = 4;
/// Places of the table of texts; a power of two.
const PLACES: usize = 512;

/// Counts these rows of an array; whether it could.
pub(crate) fn add(groups: &mut Groups, array: &dyn Array, rows: &Range<usize>) -> Result<bool> {
    if array.null_count() > 0 || rows.end > array.len() {
        return Ok(false);
    }
    let rows = rows.clone();
    match array.data_type() {
        DataType::Boolean => booleans(groups, array.as_boolean(), rows)?,
        DataType::Int8 => integers::<Int8Type>(groups, array, rows)?,
        DataType::Int16 => integers::<Int16Type>(groups, array, rows)?,
        DataType::Int32 => integers::<Int32Type>(groups, array, rows)?,
        DataType::Int64 => integers::<Int64Type>(groups, array, rows)?,
        DataType::UInt8 => integers::<UInt8Type>(groups, array, rows)?,
        DataType::UInt16 => integers::<UInt16Type>(groups, array, rows)?,
        DataType::UInt32 => integers::<UInt32Type>(groups, array, rows)?,
        DataType::UInt64 => integers::<UInt64Type>(groups, array, rows)?,
        DataType::Utf8 => texts(groups, array.as_string(), rows)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn booleans(groups: &mut Groups, array: &BooleanArray, rows: Range<usize>) -> Result<()> {
    let part = array.values().slice(rows.start, rows.len());
    let set = part.count_set_bits();
    for (value, count) in [(1, set), (0, rows.len() - set)] {
        if count > 0 {
            groups.add_integer(value, count as u64)?;
        }
    }
    Ok(())
}

fn integers<T: ArrowPrimitiveType>(
    groups: &mut Groups,
    array: &dyn Array,
    rows: Range<usize>,
) -> Result<()>
where
    T::Native: Into<i128>,
{
    let values = array.as_primitive::<T>().values();
    let Some(values) = values.get(rows) else {
        return Ok(());
    };
    let wide = |value: &T::Native| -> i128 { (*value).into() };
    let mut ends = values.first().map(|first| (*first, *first));
    if let Some((least, most)) = &mut ends {
        for value in values {
            *least = if value < least { *value } else { *least };
            *most = if value > most { *value } else { *most };
        }
    }
    let Some((first, most)) = ends else {
        return Ok(());
    };
    let (least, most) = (wide(&first), wide(&most));
    if most - least >= DISTANCES as i128 {
        return values
            .iter()
            .try_for_each(|value| groups.add_integer(wide(value), 1));
    }
    // Bits that are lost at the upper end are lost in both.
    let distance = |value: T::Native| value.as_usize().wrapping_sub(first.as_usize());
    // Turn by turn: a value that comes again need not wait until its last count is stored.
    let mut turns: [Vec<u32>; TURNS] =
        std::array::from_fn(|_| vec![0; (most - least) as usize + 1]);
    let (whole, rest) = values.as_chunks::<TURNS>();
    for values in whole {
        for (counts, value) in turns.iter_mut().zip(values) {
            if let Some(count) = counts.get_mut(distance(*value)) {
                *count += 1;
            }
        }
    }
    for (counts, value) in turns.iter_mut().zip(rest) {
        if let Some(count) = counts.get_mut(distance(*value)) {
            *count += 1;
        }
    }
    let [mut counts, others @ ..] = turns;
    for other in others {
        let counts = counts.iter_mut().zip(other);
        counts.for_each(|(count, more)| *count += more);
    }
    let counts = counts.into_iter().enumerate();
    for (distance, count) in counts.filter(|(_, count)| *count > 0) {
        groups.add_integer(least + distance as i128, count.into())?;
    }
    Ok(())
}

fn texts(groups: &mut Groups, array: &StringArray, rows: Range<usize>) -> Result<()> {
    let mut places: Vec<(&str, u64)> = vec![("", 0); PLACES];
    for row in rows {
        let text = array.value(row);
        let Some(place) = places.get_mut(place(text.as_bytes())) else {
            continue;
        };
        if place.1 > 0 && place.0 != text {
            groups.add_text(place.0, place.1)?;
            place.1 = 0;
        }
        *place = (text, place.1 + 1);
    }
    for (text, count) in places.into_iter().filter(|(_, count)| *count > 0) {
        groups.add_text(text, count)?;
    }
    Ok(())
}

/// Of the first and last bytes and the length.
fn place(text: &[u8]) -> usize {
    let (first, last) = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else {
        let add = |word: u64, byte: &u8| (word << 8) | u64::from(*byte);
        (text.iter().fold(0, add), 0)
    };
    let mixed = (first ^ last.rotate_left(29) ^ (text.len() as u64) << 56)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Float64Array, Int16Array, Int64Array};
    use tablecast_connector::Value;

    use super::*;

    fn counted(array: &ArrayRef, rows: Range<usize>) -> Option<Vec<(Value, u64)>> {
        let mut groups = Groups::default();
        add(&mut groups, array, &rows)
            .unwrap()
            .then(|| groups.commonest(3).0)
    }

    #[test]
    fn arrays_are_counted_like_cells() {
        let near = Int16Array::from(vec![-3, 5, -3, 5, 5, 9]);
        let far = Int64Array::from(vec![i64::MIN, i64::MAX, i64::MAX]);
        let texts = StringArray::from(vec!["b", "", "b", "a longer text", "a longer texu", ""]);
        let many: Vec<String> = (0..5000).map(|n| format!("text {}", n % 2500)).collect();
        let flags = BooleanArray::from(vec![true, false, true, true]);
        let (max, min): (Value, Value) = (i64::MAX.into(), i64::MIN.into());
        for (array, rows, expected) in [
            (
                Arc::new(near) as ArrayRef,
                1..5,
                vec![(5.into(), 3), ((-3).into(), 1)],
            ),
            (Arc::new(far), 0..3, vec![(max, 2), (min, 1)]),
            (
                Arc::new(texts),
                0..6,
                vec![("".into(), 2), ("b".into(), 2), ("a longer text".into(), 1)],
            ),
            (Arc::new(flags), 0..4, vec![(1.into(), 3), (0.into(), 1)]),
        ] {
            let expected: Vec<(Value, u64)> = expected;
            assert_eq!(counted(&array, rows), Some(expected));
        }
        let many: ArrayRef = Arc::new(StringArray::from(many));
        let all = counted(&many, 0..5000).unwrap();
        assert!(all.iter().all(|(_, count)| *count == 2), "{all:?}");
        let reals: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
        assert_eq!(counted(&reals, 0..1), None);
    }
}
