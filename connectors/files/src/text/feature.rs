//! Features of `GeoJSON` (RFC 7946) as rows: a column for each property, `geometry` as its JSON, and `feature_id` where
//! features have identifiers of their own. Bounding boxes and foreign members are left out.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::json::{CellSeed, NameSeed, TakeRow, ValueFault};

/// The column of geometries.
const GEOMETRY: &str = "geometry";

/// The column of identifiers.
const ID: &str = "feature_id";

/// How far behind the start the bracket of a collection's features stands; `None` if this is the start of something else.
///
/// The members in front of the features (a name, a reference system) must lie within `start`.
pub(crate) fn features_at(start: &[u8]) -> Option<usize> {
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    let (mut text_at, mut name) = (0, &start[..0]);
    for (at, byte) in start.iter().enumerate() {
        if is_text {
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = true,
                b'"' => {
                    is_text = false;
                    name = start.get(text_at + 1..at).unwrap_or_default();
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => (is_text, text_at) = (true, at),
            b'[' if depth == 1 && name == b"features" => {
                return starts_with_feature(start.get(at + 1..)?).then_some(at);
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' => name = &start[..0],
            byte if depth == 0 && !byte.is_ascii_whitespace() => return None,
            _ => {}
        }
    }
    None
}

/// Whether a text goes on with a feature, as far as it goes; or with the end of an array.
fn starts_with_feature(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => is_object_feature(&value),
        // One that is longer than what was looked at, or none at all.
        _ => text.first().is_none_or(|byte| matches!(byte, b'{' | b']')),
    }
}

/// Whether a line is a feature.
pub(crate) fn is_feature(line: &[u8]) -> bool {
    serde_json::from_slice::<Value>(line).is_ok_and(|value| is_object_feature(&value))
}

fn is_object_feature(value: &Value) -> bool {
    value.get("type").is_some_and(|kind| kind == "Feature") && value.get(GEOMETRY).is_some()
}

/// Gives the cells of a feature to `row`.
pub(crate) fn read(
    text: &[u8],
    row: &mut impl TakeRow,
    has_place: &mut bool,
) -> Result<(), ValueFault> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let part = Part::Feature;
    let read = PartSeed {
        row,
        has_place,
        part,
    }
    .deserialize(&mut json);
    read.and_then(|()| json.end()).map_err(|error| {
        if error.is_data() {
            ValueFault::Feature(error)
        } else {
            ValueFault::Json(error)
        }
    })
}

/// What is read of a feature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Feature,
    Properties,
}

struct PartSeed<'r, R> {
    row: &'r mut R,
    has_place: &'r mut bool,
    part: Part,
}

impl<'de, R: TakeRow> DeserializeSeed<'de> for PartSeed<'_, R> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de, R: TakeRow> Visitor<'de> for PartSeed<'_, R> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            Part::Feature => "a feature",
            Part::Properties => "properties or null",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.part {
            Part::Feature => Err(E::custom("null stands for a feature")),
            Part::Properties => Ok(()),
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(name) = members.next_key_seed(NameSeed)? {
            match (self.part, name.as_ref()) {
                (Part::Feature, "properties") => {
                    let part = Part::Properties;
                    members.next_value_seed(PartSeed {
                        row: &mut *self.row,
                        has_place: &mut *self.has_place,
                        part,
                    })?;
                }
                (Part::Feature, GEOMETRY) => self.cell(&mut members, GEOMETRY, guess)?,
                (Part::Feature, "id") => self.cell(&mut members, ID, guess)?,
                (Part::Feature, "type") => {
                    let kind: Value = members.next_value()?;
                    if kind != "Feature" {
                        return Err(A::Error::custom(format!("its type is {kind}")));
                    }
                }
                (Part::Feature, _) => {
                    members.next_value::<IgnoredAny>()?;
                }
                (Part::Properties, GEOMETRY | ID) => {
                    return Err(A::Error::custom(format!(
                        "a property is called {name}, as a column of the feature itself"
                    )));
                }
                (Part::Properties, name) => self.cell(&mut members, name, guess)?,
            }
            guess += 1;
        }
        Ok(())
    }
}

impl<R: TakeRow> PartSeed<'_, R> {
    fn cell<'de, A: MapAccess<'de>>(
        &mut self,
        members: &mut A,
        name: &str,
        guess: usize,
    ) -> Result<(), A::Error> {
        if !self.row.wants(name, guess) {
            return members.next_value::<IgnoredAny>().map(drop);
        }
        members.next_value_seed(CellSeed {
            row: &mut *self.row,
            has_place: &mut *self.has_place,
            name,
            guess,
        })
    }
}
