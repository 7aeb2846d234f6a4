//! The columns of a table's page: their heads, what can be done with each, and which are shown.

use serde_json::{Value as Json, json};
use tablecast_connector::{Direction, Operator, ROWID};

use super::table::cell_class;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::arguments::Arguments;

pub(super) fn head(request: &Request, plan: &TablePlan, with_link: bool) -> Vec<Json> {
    let mut head = Vec::new();
    if with_link {
        head.push(json!({ "name": "Link", "mark": "", "class": "col-Link" }));
    }
    for name in &plan.columns {
        let column = plan.info.column(name);
        let sorted = plan
            .query
            .sort
            .as_ref()
            .filter(|sort| sort.column == *name)
            .map(|sort| sort.direction);
        let by_default = plan.query.sort.is_none() && plan.keys == [name.clone()];
        let (mark, aria) = match sorted {
            Some(Direction::Ascending) => (" ▼", Some("ascending")),
            Some(Direction::Descending) => (" ▲", Some("descending")),
            None if by_default => (" ▼", Some("ascending")),
            None => ("", None),
        };
        let allowed = plan
            .options
            .sortable_columns
            .as_ref()
            .is_none_or(|columns| columns.contains(name));
        let descending = sorted == Some(Direction::Ascending) || by_default;
        let argument = if descending { "_sort_desc" } else { "_sort" };
        let arguments = request
            .arguments
            .without("_next")
            .without("_sort")
            .without("_sort_desc")
            .with(argument, name);
        head.push(json!({
            "name": name,
            "mark": mark,
            "sorted": aria,
            "url": allowed.then(|| request.address(&arguments)),
            "class": cell_class(column, name),
            "hint": column.and_then(hint),
            "actions": actions(request, plan, name),
        }));
    }
    head
}

/// What can be done with a column, as links: to sort by it, count its values, leave out its blank rows, or itself.
fn actions(request: &Request, plan: &TablePlan, name: &str) -> Vec<Json> {
    let arguments = request.arguments.without("_next");
    let link = |text: &str, arguments: &Arguments| json!({ "text": text, "url": request.address(arguments) });
    let mut actions = Vec::new();
    let sortable = plan.options.sortable_columns.as_ref();
    if sortable.is_none_or(|columns| columns.iter().any(|column| column == name)) {
        let unsorted = arguments.without("_sort").without("_sort_desc");
        actions.push(link("Sort ascending", &unsorted.with("_sort", name)));
        actions.push(link("Sort descending", &unsorted.with("_sort_desc", name)));
    }
    if name == ROWID {
        return actions;
    }
    if !arguments.all("_facet").any(|facet| facet == name) {
        actions.push(link("Facet by this", &arguments.with("_facet", name)));
    }
    let not_blank = format!("{name}__{}", Operator::NotBlank.name());
    if !arguments.has(&not_blank) {
        actions.push(link(
            "Only rows where it is not blank",
            &arguments.with(&not_blank, "1"),
        ));
    }
    if !plan.keys.iter().any(|key| key == name) {
        let arguments = arguments.without_pair("_col", name);
        actions.push(link("Hide this column", &arguments.with("_nocol", name)));
    }
    actions
}

/// The form that chooses columns: every column, whether it is shown, and whether it always is.
pub(super) fn chooser(request: &Request, plan: &TablePlan) -> Json {
    let all = plan.info.columns.iter().filter(|column| column.hidden != 1);
    let columns: Vec<Json> = all
        .map(|column| {
            json!({
                "name": column.name,
                "shown": plan.columns.contains(&column.name),
                "fixed": plan.keys.contains(&column.name),
            })
        })
        .collect();
    let kept = request.arguments.iter();
    let kept: Vec<Json> = kept
        .filter(|(name, _)| !matches!(*name, "_col" | "_nocol" | "_next"))
        .map(|(name, value)| json!([name, value]))
        .collect();
    json!({ "columns": columns, "kept": kept })
}

/// What is known of a column, in one line.
fn hint(column: &tablecast_connector::Column) -> Option<String> {
    let parts = [
        Some(&column.declared_type),
        column.metadata.unit.as_ref(),
        column.metadata.description.as_ref(),
    ];
    let parts: Vec<&str> = parts
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}
