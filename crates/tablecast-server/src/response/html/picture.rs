//! The page of an array's picture: the drawing, what it shows in words, and a form to show something else.
//!
//! The table's page shows the same, which its script takes out of this page; without a script, as an image.

use serde_json::{Value as Json, json};
use tablecast_connector::{TableInfo, Window};

use super::{Page, database_path, other_format, render, table_path, thousands};
use crate::Site;
use crate::fetch::Place;
use crate::request::Request;
use crate::request::arguments::Arguments;
use crate::response::Reply;
use crate::response::picture::{Picture, parts, short};

pub(crate) fn picture(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    picture: &Picture<'_>,
) -> Reply {
    let (database, table) = (&place.published.name, &place.info.name);
    let rows = table_path(request, database, table);
    let crumbs = vec![
        (database.clone(), database_path(request, database)),
        (table.clone(), rows.clone()),
    ];
    let parts = parts(picture);
    let context = json!({
        "title": format!("{table}: picture"),
        "heading": picture.words(),
        "table": table,
        "rows_url": rows,
        "form_url": request.link(&request.path),
        "page_url": request.address(&request.arguments),
        "store": parts.store,
        "wide": parts.wide,
        "narrow": parts.narrow,
        "facts": facts(picture),
        "sampled": picture.reduction.is_sampled().then(|| sampled(picture)),
        "svg_url": other_format(request, "svg"),
        "columns": choices(&picture.plan.array.columns, &picture.plan.request.column),
        "across": dimensions(picture, Some(picture.plan.x)),
        "down": dimensions(picture, picture.plan.y),
        "is_line": picture.plan.y.is_none(),
        "sliders": sliders(request, picture),
        "kept": kept(&request.arguments, picture),
        "noindex": true,
    });
    let page = Page {
        template: "picture.html",
        context,
        crumbs,
        warnings: &[],
    };
    render(site, request, page)
}

/// What a table's page needs to show the picture; `None` if there is none.
pub(super) fn on_table(request: &Request, database: &str, info: &TableInfo) -> Option<Json> {
    info.array.as_ref().filter(|_| info.unreadable.is_none())?;
    let url = format!("{}/-/picture", table_path(request, database, &info.name));
    Some(json!({
        "url": url,
        "wide": format!("{url}.svg"),
        "narrow": format!("{url}.svg?_narrow=1"),
        // Behind a filter or on a later page people look for rows.
        "is_open": request.arguments.iter().next().is_none(),
    }))
}

fn choices(names: &[String], chosen: &str) -> Vec<Json> {
    let names = names.iter();
    names
        .map(|name| json!({ "name": name, "is_chosen": name == chosen }))
        .collect()
}

fn dimensions(picture: &Picture<'_>, chosen: Option<usize>) -> Vec<Json> {
    let dimensions = picture.plan.array.dimensions.iter().enumerate();
    let long = dimensions.filter(|(at, dimension)| dimension.length > 1 || Some(*at) == chosen);
    long.map(|(at, dimension)| json!({ "name": dimension.name, "is_chosen": Some(at) == chosen }))
        .collect()
}

/// One for each dimension that is cut at a step, with the pictures of the step before and the one behind it.
fn sliders(request: &Request, picture: &Picture<'_>) -> Vec<Json> {
    let windows = &picture.plan.request.windows;
    let at = |name: &str| {
        let dimensions = &picture.plan.array.dimensions;
        dimensions
            .iter()
            .position(|dimension| dimension.name == name)
    };
    let sliders = picture.cuts().filter_map(|(dimension, text)| {
        let Some(Window::At(index)) = at(&dimension.name).and_then(|at| windows.get(at)) else {
            return None;
        };
        let last = dimension.length.saturating_sub(1);
        let to = |index: u64| {
            let arguments = request
                .arguments
                .replacing(&dimension.name, &index.to_string());
            request.address(&arguments)
        };
        Some(json!({
            "name": dimension.name,
            "index": index,
            "last": last,
            "text": text,
            "before": index.checked_sub(1).map(to),
            "behind": (*index < last).then(|| to(index + 1)),
        }))
    });
    sliders.collect()
}

/// The arguments that the form has no field for.
fn kept(arguments: &Arguments, picture: &Picture<'_>) -> Vec<(String, String)> {
    let fields: Vec<&str> = picture
        .cuts()
        .map(|(dimension, _)| dimension.name.as_str())
        .collect();
    let others = arguments.iter().filter(|(name, value)| {
        let is_range = value.contains(':');
        let is_field =
            ["_column", "_x", "_y"].contains(name) || (fields.contains(name) && !is_range);
        !is_field
    });
    others
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// What the picture shows, in words.
fn facts(picture: &Picture<'_>) -> Vec<String> {
    let reduction = picture.reduction;
    let unit = picture
        .unit()
        .map_or_else(String::new, |unit| format!(" {unit}"));
    let mut facts = Vec::new();
    match reduction.range() {
        Some((least, most)) => facts.push(format!("{} to {}{unit}", short(least), short(most))),
        None => facts.push("no numbers".to_owned()),
    }
    let elements = thousands(reduction.elements);
    facts.push(if reduction.elements == 1 {
        "1 element".to_owned()
    } else {
        format!("{elements} elements")
    });
    if reduction.missing > 0 && !reduction.is_sampled() {
        facts.push(format!("{} missing", thousands(reduction.missing)));
    }
    let bins: u64 = reduction
        .axes
        .iter()
        .map(|axis| axis.bins() as u64)
        .product();
    if reduction.elements > bins {
        let what = if picture.plan.y.is_some() {
            "cell"
        } else {
            "point"
        };
        facts.push(format!("each {what} is a mean"));
    }
    facts
}

fn sampled(picture: &Picture<'_>) -> String {
    let reduction = picture.reduction;
    let percent = reduction.read as f64 / reduction.elements.max(1) as f64 * 100.0;
    let percent = if percent < 0.1 {
        "less than 0.1 %".to_owned()
    } else {
        format!("{percent:.1} %")
    };
    let (read, all) = (thousands(reduction.read), thousands(reduction.elements));
    format!(
        "Sampled: this is drawn from {read} of {all} elements ({percent}), evenly spread, which is what could be read in time."
    )
}
