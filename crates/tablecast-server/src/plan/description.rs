//! What a table's page shows, in English: "where state = \"CA\" sorted by pk".

use tablecast_connector::{Direction, Filter, Operator, Sort, list_values};

use super::table::TablePlan;

/// The description of a page's filters, searches and order; empty if there are none.
pub(crate) fn describe(plan: &TablePlan) -> String {
    let mut clauses: Vec<String> = plan.descriptions.clone();
    clauses.extend(plan.arguments.filters.iter().filter_map(clause));
    let mut parts = Vec::new();
    if let Some((last, others)) = clauses.split_last() {
        let others = others.join(", ");
        let and = if others.is_empty() { "" } else { " and " };
        parts.push(format!("where {others}{and}{last}"));
    }
    if let Some(Sort { column, direction }) = &plan.sort_shown {
        let descending = if *direction == Direction::Descending {
            " descending"
        } else {
            ""
        };
        parts.push(format!("sorted by {column}{descending}"));
    }
    parts.join(" ")
}

fn clause(filter: &Filter) -> Option<String> {
    let Filter::Condition {
        column,
        operator,
        value,
    } = filter
    else {
        return None;
    };
    let quoted = format!("\"{value}\"");
    let number = value.bytes().all(|b| b.is_ascii_digit()) && !value.is_empty();
    let exact = if number { value } else { &quoted };
    Some(match operator {
        Operator::Exact => format!("{column} = {exact}"),
        Operator::Not => format!("{column} != {exact}"),
        Operator::Contains | Operator::ArrayContains => format!("{column} contains {quoted}"),
        Operator::NotContains | Operator::ArrayNotContains => {
            format!("{column} does not contain {quoted}")
        }
        Operator::StartsWith => format!("{column} starts with {quoted}"),
        Operator::EndsWith => format!("{column} ends with {quoted}"),
        Operator::Gt => format!("{column} > {exact}"),
        Operator::Gte => format!("{column} \u{2265} {exact}"),
        Operator::Lt => format!("{column} < {exact}"),
        Operator::Lte => format!("{column} \u{2264} {exact}"),
        Operator::Like => format!("{column} like {quoted}"),
        Operator::NotLike => format!("{column} not like {quoted}"),
        Operator::Glob => format!("{column} glob {quoted}"),
        Operator::In => format!("{column} in {}", members(value)),
        Operator::NotIn => format!("{column} not in {}", members(value)),
        Operator::Date => format!("\"{column}\" is on date {value}"),
        Operator::IsNull => format!("{column} is null"),
        Operator::NotNull => format!("{column} is not null"),
        Operator::IsBlank => format!("{column} is blank"),
        Operator::NotBlank => format!("{column} is not blank"),
    })
}

fn members(typed: &str) -> String {
    if typed.starts_with('[') && list_values(typed).is_ok() {
        return typed.to_owned();
    }
    let members: Vec<&str> = typed.split(',').map(str::trim).collect();
    serde_json::to_string(&members)
        .unwrap_or_default()
        .replace("\",\"", "\", \"")
}
