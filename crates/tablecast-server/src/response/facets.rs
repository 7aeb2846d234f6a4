//! Facets and suggestions as JSON, with the links that switch them on and off.

use serde_json::{Map, Value as Json, json};

use crate::fetch::facets::{FacetData, value_json};
use crate::fetch::table::TableData;
use crate::plan::paging::text;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::table::facet_argument;
use tablecast_connector::{FacetKind, Value};

/// The kind's name.
pub(crate) fn kind_name(kind: FacetKind) -> &'static str {
    match kind {
        FacetKind::Column => "column",
        FacetKind::Array => "array",
        FacetKind::Date => "date",
    }
}

/// `facet_results`: every facet by name, and those that took too long.
pub(crate) fn results(request: &Request, data: &TableData) -> Json {
    let mut results = Map::new();
    for facet in &data.facets {
        let mut key = facet.plan.column.clone();
        let mut number = 2;
        while results.contains_key(&key) {
            key = format!("{}_{number}", facet.plan.column);
            number += 1;
        }
        results.insert(key, result(request, data, facet));
    }
    json!({ "results": results, "timed_out": data.timed_out })
}

pub(crate) fn result(request: &Request, data: &TableData, facet: &FacetData) -> Json {
    let column = &facet.plan.column;
    let switch = facet_argument(facet.plan.kind);
    let values: Vec<Json> = facet
        .values
        .iter()
        .map(|(value, count)| item(request, data, facet, value, *count))
        .collect();
    json!({
        "name": column,
        "type": kind_name(facet.plan.kind),
        "hideable": !facet.plan.configured,
        "toggle_url": request.address(&request.arguments.without_pair(switch, column)),
        "results": values,
        "truncated": facet.more,
    })
}

fn item(request: &Request, data: &TableData, facet: &FacetData, value: &Value, count: u64) -> Json {
    let column = &facet.plan.column;
    let argument = match facet.plan.kind {
        FacetKind::Column if column.starts_with('_') || column.contains("__") => {
            format!("{column}__exact")
        }
        FacetKind::Column => column.clone(),
        FacetKind::Array => format!("{column}__arraycontains"),
        FacetKind::Date => format!("{column}__date"),
    };
    let typed = text(value);
    let mut names = vec![argument.clone()];
    if facet.plan.kind == FacetKind::Column {
        names.extend([column.clone(), format!("{column}__exact")]);
    }
    let selected = request
        .arguments
        .iter()
        .any(|(name, v)| v == typed && names.iter().any(|known| known == name));
    let arguments = request.arguments.clone();
    let toggled = if selected {
        names.iter().fold(arguments, |arguments, name| {
            arguments.without_pair(name, &typed)
        })
    } else {
        arguments.with(&argument, &typed)
    };
    let label = data
        .facet_labels
        .get(column)
        .and_then(|labels| labels.of(value));
    json!({
        "value": value_json(value),
        "label": label.map_or_else(|| value_json(value), Json::from),
        "count": count,
        "toggle_url": request.absolute(&toggled),
        "selected": selected,
    })
}

/// `suggested_facets`.
pub(crate) fn suggested(request: &Request, _: &TablePlan, data: &TableData) -> Json {
    let suggestions = data.suggestions.iter().map(|suggestion| {
        let switch = facet_argument(suggestion.kind);
        let toggle = request.absolute(&request.arguments.with(switch, &suggestion.column));
        if suggestion.kind == FacetKind::Column {
            json!({ "name": suggestion.column, "toggle_url": toggle })
        } else {
            json!({ "name": suggestion.column, "type": kind_name(suggestion.kind), "toggle_url": toggle })
        }
    });
    suggestions.collect()
}
