//! The form of a table's page that filters and sorts.

use serde_json::{Value as Json, json};
use tablecast_connector::{Direction, Filter, OPERATORS, Operator};

use super::cells::escape_into;
use crate::plan::table::TablePlan;
use crate::request::Request;

/// The filter form: the filters that are, and one more.
pub(super) fn form(request: &Request, plan: &TablePlan) -> Json {
    let mut filters: Vec<Json> = Vec::new();
    for filter in &plan.arguments.filters {
        if let Filter::Condition {
            column,
            operator,
            value,
        } = filter
        {
            filters.push(fields(plan, column, operator.name(), value));
        }
    }
    filters.push(fields(plan, "", "exact", ""));
    let kept = request.arguments.iter().filter(|(name, _)| {
        name.starts_with('_')
            && !name.contains("__")
            && !matches!(
                *name,
                "_sort" | "_sort_desc" | "_search" | "_next" | "_sort_by_desc"
            )
    });
    let sort = plan.query.sort.as_ref();
    let sort_column = sort.map_or("", |sort| sort.column.as_str());
    let sortable = match &plan.options.sortable_columns {
        Some(columns) => options(
            columns.iter().map(|name| (name.as_str(), name.as_str())),
            sort_column,
        ),
        None => options(columns(plan), sort_column),
    };
    json!({
        "form_url": request.link(&request.path),
        "chips": chips(request, plan),
        "filters_shown": filters,
        "sort_options": sortable,
        "sort_descending": sort.is_some_and(|sort| sort.direction == Direction::Descending),
        "searchable": plan.search_index.is_some(),
        "search": request.arguments.first("_search").unwrap_or_default(),
        "hidden_arguments": kept.map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
    })
}

/// The fields of one filter.
fn fields(plan: &TablePlan, column: &str, operator: &str, value: &str) -> Json {
    let operators = OPERATORS
        .iter()
        .map(|(name, operator)| (*name, words(*operator)));
    json!({
        "column_options": options(columns(plan), column),
        "operator_options": options(operators, operator),
        "value": value,
    })
}

/// The columns as values and texts of options.
fn columns(plan: &TablePlan) -> impl Iterator<Item = (&str, &str)> {
    let columns = plan.info.columns.iter();
    columns.map(|column| (column.name.as_str(), column.name.as_str()))
}

/// The options of a field, as HTML: a template would take longer over them than over the rest of the page.
fn options<'a>(choices: impl Iterator<Item = (&'a str, &'a str)>, chosen: &str) -> String {
    let mut out = String::new();
    for (value, text) in choices {
        out.push_str("<option value=\"");
        escape_into(value, &mut out);
        out.push_str(if value == chosen {
            "\" selected>"
        } else {
            "\">"
        });
        escape_into(text, &mut out);
        out.push_str("</option>");
    }
    out
}

/// The filters that are, each with the address without it.
fn chips(request: &Request, plan: &TablePlan) -> Vec<Json> {
    let arguments = request.arguments.without("_next");
    let mut chips = Vec::new();
    for filter in &plan.arguments.filters {
        let Filter::Condition {
            column,
            operator,
            value,
        } = filter
        else {
            continue;
        };
        let spellings = [format!("{column}__{}", operator.name()), column.clone()];
        let without = spellings.iter().fold(arguments.clone(), |arguments, name| {
            arguments.without_pair(name, value)
        });
        let value = if operator.takes_value() {
            value.as_str()
        } else {
            ""
        };
        let text = format!("{column} {} {value}", words(*operator));
        chips.push(json!({ "text": text.trim_end(), "url": request.address(&without) }));
    }
    for name in ["_search", "_where"] {
        for value in arguments.all(name).filter(|value| !value.is_empty()) {
            let what = if name == "_search" { "search" } else { "where" };
            let url = request.address(&arguments.without_pair(name, value));
            chips.push(json!({ "text": format!("{what}: {value}"), "url": url }));
        }
    }
    chips
}

/// An operator as a person would say it.
pub(crate) fn words(operator: Operator) -> &'static str {
    match operator {
        Operator::Exact => "=",
        Operator::Not => "≠",
        Operator::Contains => "contains",
        Operator::NotContains => "does not contain",
        Operator::StartsWith => "starts with",
        Operator::EndsWith => "ends with",
        Operator::Gt => ">",
        Operator::Gte => "≥",
        Operator::Lt => "<",
        Operator::Lte => "≤",
        Operator::Like => "is like",
        Operator::NotLike => "is not like",
        Operator::Glob => "matches glob",
        Operator::In => "is one of",
        Operator::NotIn => "is none of",
        Operator::ArrayContains => "array contains",
        Operator::ArrayNotContains => "array does not contain",
        Operator::Date => "is on date",
        Operator::IsNull => "is null",
        Operator::NotNull => "is not null",
        Operator::IsBlank => "is blank",
        Operator::NotBlank => "is not blank",
    }
}
