//! Labels: the column of a table that stands for a row where another table refers to it.

use tablecast_connector::{Affinity, TableInfo};

use crate::TableOptions;

/// The column that stands for a row: the configured one; else the only unique text column; else `name` or `title`;
/// else, of two columns of which one is `id` or `pk`, the other.
pub(crate) fn label_column(table: &TableInfo, options: &TableOptions) -> Option<String> {
    if let Some(column) = &options.label_column {
        return Some(column.clone());
    }
    let texts = table
        .columns
        .iter()
        .filter(|column| column.affinity == Affinity::Text);
    let mut unique = texts.clone().filter(|column| column.unique);
    if let (Some(column), None) = (unique.next(), unique.next()) {
        return Some(column.name.clone());
    }
    let named = ["name", "title"];
    if let Some(column) = texts
        .clone()
        .find(|c| named.contains(&c.name.to_ascii_lowercase().as_str()))
    {
        return Some(column.name.clone());
    }
    let [a, b] = table.columns.as_slice() else {
        return None;
    };
    let is_key = |name: &str| matches!(name, "id" | "pk");
    match (is_key(&a.name), is_key(&b.name)) {
        (true, false) => Some(b.name.clone()),
        (false, true) => Some(a.name.clone()),
        _ => None,
    }
}
