//! The types of columns by their names on the wire, and JSON cells as Arrow arrays of these types.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray, UInt64Array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

/// Names of types, as a guest tells them.
const NAMES: &[(&str, DataType)] = &[
    ("boolean", DataType::Boolean),
    ("integer", DataType::Int64),
    ("int8", DataType::Int8),
    ("int16", DataType::Int16),
    ("int32", DataType::Int32),
    ("int64", DataType::Int64),
    ("unsigned", DataType::UInt64),
    ("uint8", DataType::UInt8),
    ("uint16", DataType::UInt16),
    ("uint32", DataType::UInt32),
    ("uint64", DataType::UInt64),
    ("real", DataType::Float64),
    ("float32", DataType::Float32),
    ("float64", DataType::Float64),
    ("text", DataType::Utf8),
    ("json", DataType::Utf8),
    ("blob", DataType::Binary),
    ("date", DataType::Date32),
    (
        "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, None),
    ),
];

/// The Arrow type of the name; `timestamp_utc` is the moment, `timestamp` what a clock shows.
pub(crate) fn data_type(name: &str) -> Option<DataType> {
    if name == "timestamp_utc" {
        return Some(DataType::Timestamp(
            TimeUnit::Microsecond,
            Some("+00:00".into()),
        ));
    }
    let known = NAMES.iter().find(|(known, _)| *known == name);
    known.map(|(_, data_type)| data_type.clone())
}

/// The names, for messages.
pub(crate) fn names() -> String {
    let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    format!("{}, timestamp_utc", names.join(", "))
}

/// Cells of one column, in the type `data_type`; where one does not fit, its place and what is wrong with it.
pub(crate) fn array_of(cells: &[&Json], data_type: &DataType) -> Result<ArrayRef, (usize, String)> {
    let array: ArrayRef = match data_type {
        DataType::Boolean => {
            let cells: Result<Vec<Option<bool>>, _> = fitting(cells, "boolean", boolean);
            Arc::new(BooleanArray::from(cells?))
        }
        unsigned if unsigned.is_unsigned_integer() => {
            let cells: Result<Vec<Option<u64>>, _> =
                fitting(cells, "unsigned integer", unsigned_of);
            Arc::new(UInt64Array::from(cells?))
        }
        integer if integer.is_integer() => {
            let cells: Result<Vec<Option<i64>>, _> = fitting(cells, "integer", integer_of);
            Arc::new(Int64Array::from(cells?))
        }
        real if real.is_floating() => {
            let cells: Result<Vec<Option<f64>>, _> = fitting(cells, "real", real_of);
            Arc::new(Float64Array::from(cells?))
        }
        DataType::Binary => {
            let cells: Result<Vec<Option<Vec<u8>>>, _> = fitting(cells, "blob", blob_of);
            Arc::new(cells?.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
        _ => {
            let cells: Result<Vec<Option<&str>>, _> = fitting(cells, "text", Json::as_str);
            Arc::new(StringArray::from(cells?))
        }
    };
    if array.data_type() == data_type {
        return Ok(array);
    }
    narrowed(&array, data_type).map_err(|problem| {
        let misfit = (0..array.len()).find(|at| narrowed(&array.slice(*at, 1), data_type).is_err());
        (misfit.unwrap_or(0), problem)
    })
}

/// The array in another type of its family, every value kept or refused.
pub(crate) fn narrowed(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, String> {
    let options = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    cast_with_options(array, to, &options).map_err(|problem| problem.to_string())
}

fn fitting<'a, T>(
    cells: &[&'a Json],
    name: &str,
    read: impl Fn(&'a Json) -> Option<T>,
) -> Result<Vec<Option<T>>, (usize, String)> {
    let one = |(at, cell): (usize, &&'a Json)| {
        if cell.is_null() {
            return Ok(None);
        }
        let misfit = || {
            let shown: String = cell.to_string().chars().take(60).collect();
            (at, format!("{shown} is no value of the type {name}"))
        };
        read(cell).map(Some).ok_or_else(misfit)
    };
    cells.iter().enumerate().map(one).collect()
}

fn boolean(cell: &Json) -> Option<bool> {
    match cell {
        Json::Bool(boolean) => Some(*boolean),
        Json::Number(number) => match number.as_u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        _ => None,
    }
}

fn integer_of(cell: &Json) -> Option<i64> {
    cell.as_i64()
        .or_else(|| cell.as_bool().map(i64::from))
        .or_else(|| {
            whole(cell)
                .filter(|real| real.abs() < 9e15)
                .map(|real| real as i64)
        })
}

fn unsigned_of(cell: &Json) -> Option<u64> {
    let small = |real: &f64| (0.0..9e15).contains(real);
    cell.as_u64()
        .or_else(|| whole(cell).filter(small).map(|real| real as u64))
}

/// A number that some languages write with a fraction though it has none.
fn whole(cell: &Json) -> Option<f64> {
    cell.as_f64().filter(|real| real.fract() == 0.0)
}

/// JSON has no words for the three numbers that are none.
fn real_of(cell: &Json) -> Option<f64> {
    match cell {
        Json::Object(members) => match members.get("real")?.as_str()? {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        number => number.as_f64(),
    }
}

fn blob_of(cell: &Json) -> Option<Vec<u8>> {
    STANDARD.decode(cell.get("base64")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_cast::display::array_value_to_string;
    use serde_json::json;

    fn shown(cells: &Json, name: &str) -> Vec<String> {
        let cells: Vec<&Json> = cells.as_array().into_iter().flatten().collect();
        let array = data_type(name).map(|data_type| array_of(&cells, &data_type));
        match array {
            Some(Ok(array)) => (0..array.len())
                .map(|at| array_value_to_string(&array, at).unwrap_or_default())
                .collect(),
            Some(Err((at, problem))) => vec![format!("{at}: {problem}")],
            None => vec!["no such type".to_owned()],
        }
    }

    #[test]
    fn cells_become_what_their_column_is_or_are_refused_by_place() {
        let cases = [
            (
                json!([1, null, 2.0, true]),
                "integer",
                vec!["1", "", "2", "1"],
            ),
            (json!([1, 300]), "int8", vec!["1: "]),
            (
                json!([1.5]),
                "integer",
                vec!["0: 1.5 is no value of the type integer"],
            ),
            (json!([-1]), "unsigned", vec!["0: -1 is no value"]),
            (
                json!([1, 2.5, { "real": "inf" }]),
                "real",
                vec!["1.0", "2.5", "inf"],
            ),
            (
                json!(["a", 5]),
                "text",
                vec!["1: 5 is no value of the type text"],
            ),
            (json!([{ "base64": "AAE=" }]), "blob", vec!["0001"]),
            (json!(["AAE="]), "blob", vec!["0: "]),
            (json!(["2024-02-29"]), "date", vec!["2024-02-29"]),
            (json!(["2023-02-29"]), "date", vec!["0: "]),
            (
                json!(["2024-02-29T01:02:03.5"]),
                "timestamp",
                vec!["2024-02-29T01:02:03.500"],
            ),
            (
                json!(["2024-02-29T01:02:03+01:00"]),
                "timestamp_utc",
                vec!["2024-02-29T00:02:03Z"],
            ),
            (json!([0, true]), "boolean", vec!["false", "true"]),
            (
                json!([2]),
                "boolean",
                vec!["0: 2 is no value of the type boolean"],
            ),
            (json!([1]), "number", vec!["no such type"]),
        ];
        for (cells, name, wanted) in cases {
            let found = shown(&cells, name);
            assert_eq!(found.len(), wanted.len(), "{cells} as {name}: {found:?}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert!(
                    found.starts_with(wanted) && (found == wanted || wanted.contains(": ")),
                    "{cells} as {name}: {found:?}, wanted {wanted:?}"
                );
            }
        }
    }
}
