//! The page of a column's profile: what it holds in words, its commonest values and its histogram as bars.
//!
//! The table's page shows the same in a dialog, which its script takes out of this page.

use serde_json::{Value as Json, json};
use tablecast_connector::{Affinity, Column, Value};

use super::{Page, database_path, render, thousands};
use crate::Site;
use crate::fetch::facets::value_json;
use crate::fetch::profile::{Histogram, Kind, Profile};
use crate::plan::description::describe;
use crate::plan::paging::text;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::response::Reply;

/// Characters of a value that are shown.
const TEXT_MAX: usize = 80;

/// The histogram's size in its own units.
const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 160.0;

/// The page; `asked` is the request for the table's page under the same filters.
pub(crate) fn profile(
    site: &Site,
    request: &Request,
    asked: &Request,
    plan: &TablePlan,
    (column, profile): (&str, &Profile),
) -> Reply {
    let (database, table) = request.target.subject();
    let (database, table) = (database.unwrap_or_default(), table.unwrap_or_default());
    let rows = asked.address(&asked.arguments);
    let crumbs = vec![
        (database.to_owned(), database_path(request, database)),
        (table.to_owned(), rows.clone()),
    ];
    let context = json!({
        "title": format!("{table}: {column}"),
        "heading": column,
        "table": table,
        "rows_url": rows,
        "page_url": request.address(&request.arguments),
        "human": describe(plan),
        "sampled": profile.sampled_within_ms.map(|time_ms| json!({
            "rows": thousands(profile.rows),
            "seconds": time_ms as f64 / 1000.0,
        })),
        "facts": facts(profile),
        "values": if is_worth_telling(profile) { values(asked, plan.info.column(column), column, profile) } else { Vec::new() },
        "values_held": profile.distinct_truncated.then(|| profile.distinct.map(thousands)),
        "values_are_all": values_are_all(profile),
        "histogram": profile.histogram.as_ref().map(histogram),
        "noindex": true,
    });
    let page = Page {
        template: "profile.html",
        context,
        crumbs,
        warnings: &plan.warnings,
    };
    render(site, request, page)
}

fn values_are_all(profile: &Profile) -> bool {
    !profile.distinct_truncated && profile.distinct == Some(profile.values.len() as u64)
}

/// Of many values that all come once, none is commoner than another.
fn is_worth_telling(profile: &Profile) -> bool {
    values_are_all(profile) || profile.values.iter().any(|(_, count)| *count > 1)
}

/// What is told in words: names and texts.
fn facts(profile: &Profile) -> Vec<Json> {
    let of_rows = |count: u64| format!("{} ({})", thousands(count), share(count, profile.rows));
    let shown = |value: &Option<Value>| value.as_ref().map(cut);
    let distinct = profile.distinct.map(|distinct| {
        let more = if profile.distinct_truncated {
            "at least "
        } else {
            ""
        };
        format!("{more}{}", thousands(distinct))
    });
    let lengths = profile.lengths.map(|(least, most)| {
        let unit = match profile.kind {
            Kind::Bytes => "bytes",
            _ => "characters",
        };
        if least == most {
            format!("{} {unit}", thousands(least))
        } else {
            format!("{} to {} {unit}", thousands(least), thousands(most))
        }
    });
    let facts = [
        ("kind", Some(profile.kind.name().to_owned())),
        ("rows", Some(thousands(profile.rows))),
        ("nulls", Some(of_rows(profile.nulls))),
        ("distinct", distinct),
        ("min", shown(&profile.min)),
        ("max", shown(&profile.max)),
        ("mean", profile.mean.map(in_six_digits)),
        ("length", lengths),
    ];
    let told = facts
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)));
    told.map(|(name, text)| json!({ "name": name, "text": text }))
        .collect()
}

/// A mean is known no better than that, and its other digits would take the room of the page.
fn in_six_digits(number: f64) -> String {
    let rounded = format!("{number:.5e}").parse().unwrap_or(number);
    format!("{rounded:?}")
}

/// The commonest values, each with a link to its rows where a filter finds them.
fn values(asked: &Request, known: Option<&Column>, column: &str, profile: &Profile) -> Vec<Json> {
    let affinity = known.map_or(Affinity::Blob, |column| column.affinity);
    let argument = format!("{column}__exact");
    let values = profile.values.iter();
    values
        .map(|(value, count)| {
            let arguments = asked.arguments.with(&argument, &text(value));
            json!({
                "text": cut(value),
                "is_blank": text(value).trim().is_empty(),
                "url": is_found(affinity, value).then(|| asked.address(&arguments)),
                "count": thousands(*count),
                "share": share(*count, profile.rows),
                "width": *count as f64 / profile.rows.max(1) as f64 * 100.0,
            })
        })
        .collect()
}

/// Whether a filter by the value's text finds the rows that have it. In a column without a type it finds texts alone;
/// nothing finds an infinity, or what was not UTF-8.
fn is_found(affinity: Affinity, value: &Value) -> bool {
    match value {
        Value::Text(text) => !text.contains('\u{fffd}'),
        Value::Integer(_) => affinity != Affinity::Blob,
        Value::Real(real) => affinity != Affinity::Blob && real.is_finite(),
        _ => false,
    }
}

fn histogram(histogram: &Histogram) -> Json {
    let counts = || histogram.bins.iter().map(|bin| bin.count);
    let most = counts().max().unwrap_or(1).max(1);
    let step = WIDTH / histogram.bins.len().max(1) as f64;
    let bins: Vec<Json> = histogram
        .bins
        .iter()
        .zip(0_u32..)
        .map(|(bin, place)| {
            let height = bin.count as f64 / most as f64 * HEIGHT;
            json!({
                "from": text(&bin.from),
                "to": text(&bin.to),
                "count": thousands(bin.count),
                "x": f64::from(place) * step + step * 0.05,
                "y": HEIGHT - height,
                "width": step * 0.9,
                "height": height,
            })
        })
        .collect();
    let ends = histogram.bins.first().zip(histogram.bins.last());
    let highest = histogram.bins.iter().max_by_key(|bin| bin.count);
    json!({
        "bins": bins,
        "unit": histogram.unit,
        "from": ends.map(|(first, _)| text(&first.from)),
        "to": ends.map(|(_, last)| text(&last.to)),
        "most": thousands(most),
        "highest": highest.map(|bin| format!("{} to {}", text(&bin.from), text(&bin.to))),
        "view_box": format!("0 0 {WIDTH} {HEIGHT}"),
    })
}

/// A count's part of all, in percent: never 0 % of what there is, nor 100 % of what is not all.
fn share(count: u64, all: u64) -> String {
    let percent = count as f64 / all.max(1) as f64 * 100.0;
    match count {
        0 => "0 %".to_owned(),
        _ if count == all => "100 %".to_owned(),
        _ if percent < 0.1 => "< 0.1 %".to_owned(),
        _ if percent > 99.9 => "> 99.9 %".to_owned(),
        _ => format!("{percent:.1} %"),
    }
}

fn cut(value: &Value) -> String {
    let text = match value {
        Value::Real(real) if real.is_infinite() => real.to_string(),
        Value::Null => value_json(value).to_string(),
        value => text(value),
    };
    if text.chars().count() <= TEXT_MAX {
        return text;
    }
    text.chars().take(TEXT_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_nothing_or_all_only_if_it_is() {
        for (count, all, expected) in [
            (0, 0, "0 %"),
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (1, 1_000_000, "< 0.1 %"),
            (999_999, 1_000_000, "> 99.9 %"),
            (1, 8, "12.5 %"),
        ] {
            assert_eq!(share(count, all), expected);
        }
    }

    #[test]
    fn a_mean_is_shown_in_six_digits() {
        let shown = [3_700.662_251_655_629, -0.5, 1e300, 1_234_567.9].map(in_six_digits);
        assert_eq!(shown, ["3700.66", "-0.5", "1e300", "1234570.0"]);
    }
}
