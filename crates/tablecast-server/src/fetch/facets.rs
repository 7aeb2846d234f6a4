//! Facets: what was counted, and which columns would make good facets.

use tablecast_connector::{Affinity, Answer, Cell, FacetKind, Result, Value, Want, Wanted};

use crate::Settings;
use crate::plan::table::{FacetPlan, TablePlan};

/// A facet, counted.
#[derive(Debug)]
pub(crate) struct FacetData {
    pub(crate) plan: FacetPlan,
    pub(crate) values: Vec<(Value, u64)>,
    pub(crate) more: bool,
}

/// A column that would make a good facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Suggestion {
    pub(crate) kind: FacetKind,
    pub(crate) column: String,
}

/// Rows looked at for suggestions.
const SAMPLE_ROWS: u64 = 1000;

pub(crate) fn want(facet: &FacetPlan, limit: u64, time_limit_ms: u64) -> Wanted {
    wanted(facet, limit, None, time_limit_ms)
}

/// The facet of this many first rows.
pub(crate) fn sample(facet: &FacetPlan, limit: u64, rows: u64, time_limit_ms: u64) -> Wanted {
    wanted(facet, limit, Some(rows), time_limit_ms)
}

fn wanted(facet: &FacetPlan, limit: u64, sample: Option<u64>, time_limit_ms: u64) -> Wanted {
    let want = Want::Facet {
        column: facet.column.clone(),
        kind: facet.kind,
        limit,
        sample,
    };
    Wanted {
        want,
        time_limit_ms: Some(time_limit_ms),
    }
}

/// The columns to look at for suggestions: also those that are not shown, as with Datasette.
fn candidates(plan: &TablePlan) -> impl Iterator<Item = &String> {
    let columns = plan.info.columns.iter();
    columns
        .filter(|column| column.hidden != 1)
        .map(|column| &column.name)
}

/// What looks at them.
pub(crate) fn suggestion_wants(plan: &TablePlan, settings: &Settings) -> Vec<Wanted> {
    let time_limit_ms = settings.number("facet_suggest_time_limit_ms");
    let want = |column: &String| Want::Facet {
        column: column.clone(),
        kind: FacetKind::Column,
        limit: plan.facet_size,
        sample: Some(SAMPLE_ROWS),
    };
    let wants = candidates(plan).map(|column| Wanted {
        want: want(column),
        time_limit_ms: Some(time_limit_ms),
    });
    wants.collect()
}

/// What the answers to those wants suggest, by kind and then in the columns' order. One that failed suggests nothing.
pub(crate) fn suggestions(
    plan: &TablePlan,
    answers: impl IntoIterator<Item = Result<Answer>>,
) -> Vec<Suggestion> {
    let mut suggestions = Vec::new();
    for (column, answer) in candidates(plan).zip(answers) {
        let Ok(Answer::Facet { values, more }) = answer else {
            continue;
        };
        for (kind, good) in [
            (
                FacetKind::Column,
                !more && values.len() > 1 && values.iter().any(|(_, count)| *count > 1),
            ),
            (FacetKind::Array, is_arrays(&values)),
            (FacetKind::Date, is_dates(plan, column, &values)),
        ] {
            let known = plan
                .facets
                .iter()
                .any(|facet| facet.kind == kind && facet.column == *column);
            if good && !known {
                suggestions.push(Suggestion {
                    kind,
                    column: column.clone(),
                });
            }
        }
    }
    suggestions.sort_by_key(|suggestion| match suggestion.kind {
        FacetKind::Column => 0,
        FacetKind::Date => 1,
        FacetKind::Array => 2,
    });
    suggestions
}

/// Whether every value is a JSON array of strings, and one is not empty.
fn is_arrays(values: &[(Value, u64)]) -> bool {
    let mut found = false;
    for (value, _) in values {
        let Value::Text(text) = value else {
            return false;
        };
        match serde_json::from_str::<Vec<String>>(text) {
            Ok(items) => found |= !items.is_empty(),
            Err(_) => return false,
        }
    }
    found
}

fn is_dates(plan: &TablePlan, column: &str, values: &[(Value, u64)]) -> bool {
    let is_text = plan
        .info
        .column(column)
        .is_some_and(|column| !matches!(column.affinity, Affinity::Blob));
    is_text
        && values
            .iter()
            .any(|(value, _)| matches!(value, Value::Text(text) if is_date(text)))
}

/// Whether the text starts as `YYYY-MM-DD` does.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 10
        && bytes
            .iter()
            .take(10)
            .enumerate()
            .all(|(place, byte)| match place {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
}

/// A facet's value as JSON.
pub(crate) fn value_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Integer(integer) => i64::try_from(*integer)
            .map(Into::into)
            .or_else(|_| u64::try_from(*integer).map(Into::into))
            .unwrap_or(serde_json::Value::Null),
        Value::Real(real) => (*real).into(),
        Value::Text(text) => text.clone().into(),
        Value::Blob(bytes) => {
            let mut json = Vec::new();
            let cell = Cell::Bytes(bytes);
            tablecast_connector::json::write_cell(
                &cell,
                tablecast_connector::json::Infinity::Null,
                &mut json,
            );
            serde_json::from_slice(&json).unwrap_or_default()
        }
    }
}
