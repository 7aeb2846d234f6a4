//! The types of columns by the names that a manifest gives them, and cells as Arrow arrays of these types.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, TimeUnit};
use serde_json::Value as Json;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Integer,
    Real,
    Text,
    /// Any value, as JSON text.
    Json,
    Date,
    /// What a clock shows.
    Timestamp,
    /// A moment.
    TimestampUtc,
}

/// The names, as they are written in a manifest.
pub(crate) const KINDS: &[(&str, Kind)] = &[
    ("boolean", Kind::Boolean),
    ("integer", Kind::Integer),
    ("real", Kind::Real),
    ("text", Kind::Text),
    ("json", Kind::Json),
    ("date", Kind::Date),
    ("timestamp", Kind::Timestamp),
    ("timestamp_utc", Kind::TimestampUtc),
];

/// How cells are written: CSV has texts only, in which numbers are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    AsJson,
    AsText,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        let known = KINDS.iter().find(|(_, kind)| *kind == self);
        known.map_or("text", |(name, _)| name)
    }

    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Real => DataType::Float64,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        }
    }

    /// Cells of one column; where one is not of this type, its place and what is wrong with it. `None` is null.
    pub(crate) fn array(
        self,
        cells: &[Option<&Json>],
        written: Written,
    ) -> Result<ArrayRef, (usize, String)> {
        let array: ArrayRef = match self {
            Self::Boolean => Arc::new(BooleanArray::from(
                self.each(cells, |cell| boolean(cell, written))?,
            )),
            Self::Integer => Arc::new(Int64Array::from(
                self.each(cells, |cell| integer(cell, written))?,
            )),
            Self::Real => Arc::new(Float64Array::from(
                self.each(cells, |cell| real(cell, written))?,
            )),
            Self::Text => Arc::new(StringArray::from(self.each(cells, text)?)),
            Self::Json => Arc::new(StringArray::from(
                self.each(cells, |cell| json(cell, written))?,
            )),
            Self::Date | Self::Timestamp | Self::TimestampUtc => {
                let texts = self.each(cells, Json::as_str)?;
                return self.times(&(Arc::new(StringArray::from(texts)) as ArrayRef), cells);
            }
        };
        Ok(array)
    }

    fn each<'a, T>(
        self,
        cells: &[Option<&'a Json>],
        read: impl Fn(&'a Json) -> Option<T>,
    ) -> Result<Vec<Option<T>>, (usize, String)> {
        let one = |(at, cell): (usize, Option<&'a Json>)| match cell {
            None | Some(Json::Null) => Ok(None),
            Some(cell) => read(cell).map(Some).ok_or_else(|| (at, self.misfit(cell))),
        };
        cells.iter().copied().enumerate().map(one).collect()
    }

    fn times(self, texts: &ArrayRef, cells: &[Option<&Json>]) -> Result<ArrayRef, (usize, String)> {
        let options = CastOptions {
            safe: false,
            ..CastOptions::default()
        };
        let to = self.data_type();
        cast_with_options(texts, &to, &options).map_err(|problem| {
            let is_wrong =
                |at: &usize| cast_with_options(&texts.slice(*at, 1), &to, &options).is_err();
            let found = (0..texts.len()).find(is_wrong).unwrap_or(0);
            let shown = cells.get(found).copied().flatten();
            let problem = shown.map_or_else(|| problem.to_string(), |cell| self.misfit(cell));
            (found, problem)
        })
    }

    fn misfit(self, cell: &Json) -> String {
        let shown: String = cell.to_string().chars().take(60).collect();
        format!("{shown} is no value of the type {}", self.name())
    }
}

fn boolean(cell: &Json, written: Written) -> Option<bool> {
    match (cell, written) {
        (Json::Bool(boolean), _) => Some(*boolean),
        (Json::String(text), Written::AsText) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// Some languages write whole numbers with a fraction that is none.
fn integer(cell: &Json, written: Written) -> Option<i64> {
    match (cell, written) {
        (Json::String(text), Written::AsText) => text.trim().parse().ok(),
        (Json::Number(number), _) => number.as_i64().or_else(|| {
            let whole = number.as_f64().filter(|real| real.fract() == 0.0);
            whole
                .filter(|real| real.abs() < 9e15)
                .map(|real| real as i64)
        }),
        _ => None,
    }
}

fn real(cell: &Json, written: Written) -> Option<f64> {
    match (cell, written) {
        (Json::String(text), Written::AsText) => text.trim().parse().ok(),
        (Json::Number(number), _) => number.as_f64(),
        _ => None,
    }
}

/// Numbers and truths may stand where texts are wanted: nothing of them is lost.
fn text(cell: &Json) -> Option<String> {
    match cell {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(cell.to_string()),
        _ => None,
    }
}

fn json(cell: &Json, written: Written) -> Option<String> {
    match (cell, written) {
        (Json::String(text), Written::AsText) => {
            let read: Result<Json, _> = serde_json::from_str(text);
            read.is_ok().then(|| text.clone())
        }
        _ => Some(cell.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_cast::display::array_value_to_string;
    use serde_json::json;

    fn shown(cells: &Json, kind: &str, written: Written) -> String {
        let cells: Vec<Option<&Json>> = cells.as_array().into_iter().flatten().map(Some).collect();
        let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            return "no such type".to_owned();
        };
        match kind.array(&cells, written) {
            Ok(array) => {
                let cells = (0..array.len()).map(|at| array_value_to_string(&array, at));
                cells
                    .map(Result::unwrap_or_default)
                    .collect::<Vec<_>>()
                    .join("|")
            }
            Err((at, problem)) => format!("{at}: {problem}"),
        }
    }

    #[test]
    fn cells_become_what_their_column_is_or_are_refused_by_place() {
        use Written::{AsJson, AsText};
        let cases = [
            (json!([1, null, 2.0]), "integer", AsJson, "1||2"),
            (
                json!([1, 1.5]),
                "integer",
                AsJson,
                "1: 1.5 is no value of the type integer",
            ),
            (
                json!(["1"]),
                "integer",
                AsJson,
                "0: \"1\" is no value of the type integer",
            ),
            (json!(["1", null]), "integer", AsText, "1|"),
            (
                json!(["x"]),
                "integer",
                AsText,
                "0: \"x\" is no value of the type integer",
            ),
            (json!([1, 2.5]), "real", AsJson, "1.0|2.5"),
            (
                json!([[1]]),
                "real",
                AsJson,
                "0: [1] is no value of the type real",
            ),
            (json!(["a", 5]), "text", AsJson, "a|5"),
            (
                json!([{ "a": 1 }]),
                "text",
                AsJson,
                "0: {\"a\":1} is no value of the type text",
            ),
            (json!([{ "a": 1 }, "b"]), "json", AsJson, "{\"a\":1}|\"b\""),
            (
                json!(["{"]),
                "json",
                AsText,
                "0: \"{\" is no value of the type json",
            ),
            (json!(["True", "0"]), "boolean", AsText, "true|false"),
            (
                json!([1]),
                "boolean",
                AsJson,
                "0: 1 is no value of the type boolean",
            ),
            (json!(["2024-02-29"]), "date", AsJson, "2024-02-29"),
            (
                json!(["2024-02-28", "2023-02-29"]),
                "date",
                AsJson,
                "1: \"2023-02-29\" is no value of the type date",
            ),
            (
                json!(["2024-02-29 01:02:03"]),
                "timestamp",
                AsJson,
                "2024-02-29T01:02:03",
            ),
            (
                json!(["2024-02-29T01:02:03+01:00"]),
                "timestamp_utc",
                AsJson,
                "2024-02-29T00:02:03Z",
            ),
        ];
        for (cells, kind, written, wanted) in cases {
            assert_eq!(shown(&cells, kind, written), wanted, "{cells} as {kind}");
        }
    }
}
