//! The numbers behind a picture, for programs.

use arrow_schema::DataType;
use serde_json::{Value as Json, json};
use tablecast_connector::{Column, Coordinates, DimensionKind};

use super::Picture;
use crate::fetch::Place;

pub(crate) fn to_json(place: &Place<'_>, picture: &Picture<'_>) -> Json {
    let reduction = picture.reduction;
    let plan = picture.plan;
    let dimensions = (0..plan.array.dimensions.len()).filter_map(|at| picture.dimension(at));
    let dimensions: Vec<Json> = dimensions
        .map(|(dimension, axis)| {
            json!({
                "name": dimension.name,
                "length": dimension.length,
                "unit": dimension.unit,
                "kind": kind(dimension.kind),
                "edges": axis.edges,
                "coordinates": match &axis.coordinates {
                    Coordinates::None => Json::Null,
                    Coordinates::Numbers(numbers) => numbers.iter().copied().map(number).collect(),
                    Coordinates::Texts(texts) => json!(texts),
                },
            })
        })
        .collect();
    let name = |at: usize| {
        plan.array
            .dimensions
            .get(at)
            .map(|dimension| dimension.name.as_str())
    };
    let (across, down) = picture.size();
    let of_single = picture
        .info
        .column(&plan.request.column)
        .is_some_and(is_single);
    let value = |value: f64| {
        if of_single {
            single(value)
        } else {
            number(value)
        }
    };
    let nested = |values: &[f64]| -> Json {
        let row = |y| {
            (0..across)
                .map(|x| value(picture.value(values, x, y)))
                .collect()
        };
        match plan.y {
            Some(_) => (0..down).map(row).collect(),
            None => row(0),
        }
    };
    let spread = |values: &[f64]| {
        if plan.with_spread {
            nested(values)
        } else {
            Json::Null
        }
    };
    json!({
        "ok": true,
        "database": place.published.name,
        "table": picture.info.name,
        "column": plan.request.column,
        "unit": picture.unit(),
        "dimensions": dimensions,
        "x": name(plan.x),
        "y": plan.y.and_then(name),
        "values": nested(&reduction.means),
        "minima": spread(&reduction.minima),
        "maxima": spread(&reduction.maxima),
        "min": reduction.range().map(|(least, _)| value(least)),
        "max": reduction.range().map(|(_, most)| value(most)),
        "elements": reduction.elements,
        "read": reduction.read,
        "missing": reduction.missing,
        "sampled": reduction.is_sampled(),
    })
}

fn kind(kind: DimensionKind) -> &'static str {
    match kind {
        DimensionKind::Index => "index",
        DimensionKind::Coordinate => "coordinate",
        DimensionKind::Latitude => "latitude",
        DimensionKind::Longitude => "longitude",
    }
}

/// NaN is null, as in all JSON.
fn number(number: f64) -> Json {
    serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number)
}

fn is_single(column: &Column) -> bool {
    column.data_type == DataType::Float32
}

/// A number of single precision, in the digits in which the table's JSON has it.
fn single(wide: f64) -> Json {
    let mut digits = ryu::Buffer::new();
    let narrow = wide as f32;
    let text = if narrow.is_finite() {
        digits.format_finite(narrow)
    } else {
        "NaN"
    };
    number(text.parse().unwrap_or(f64::NAN))
}
