//! The profile of a column as JSON.

use serde_json::{Value as Json, json};

use crate::fetch::Place;
use crate::fetch::facets::value_json;
use crate::fetch::profile::{Histogram, Kind, Profile};

pub(crate) fn to_json(place: &Place<'_>, column: &str, profile: &Profile) -> Json {
    let value = |value: &Option<_>| value.as_ref().map_or(Json::Null, value_json);
    let values = profile.values.iter();
    let values: Vec<Json> = values
        .map(|(value, count)| json!({ "value": value_json(value), "count": count }))
        .collect();
    json!({
        "ok": true,
        "database": place.published.name,
        "table": place.info.name,
        "column": column,
        "kind": profile.kind.name(),
        "rows": profile.rows,
        "sampled": profile.sampled_within_ms.is_some(),
        "nulls": profile.nulls,
        "distinct": profile.distinct,
        "distinct_truncated": profile.distinct_truncated,
        "min": value(&profile.min),
        "max": value(&profile.max),
        "mean": profile.mean,
        "min_length": profile.lengths.map(|(least, _)| least),
        "max_length": profile.lengths.map(|(_, most)| most),
        "values": values,
        "histogram": profile.histogram.as_ref().map(histogram),
    })
}

fn histogram(histogram: &Histogram) -> Json {
    let bins = histogram.bins.iter();
    let bins: Vec<Json> = bins
        .map(|bin| {
            json!({
                "from": value_json(&bin.from),
                "to": value_json(&bin.to),
                "count": bin.count,
            })
        })
        .collect();
    json!({ "unit": histogram.unit, "bins": bins })
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "text",
            Self::Date => "date",
            Self::Bytes => "bytes",
            Self::Mixed => "mixed",
            Self::Null => "null",
        }
    }
}
