//! The statement that would make a table of a source that has no statements of its own, in SQLite's dialect.

use tablecast_connector::{Column, Identity, TableInfo};
use tablecast_sql::quote_always;

/// `CREATE TABLE` with the columns of `table`.
pub(crate) fn create_table(table: &TableInfo) -> String {
    let mut lines: Vec<String> = table.columns.iter().map(column).collect();
    if let Identity::Key(columns) = &table.identity {
        let columns: Vec<String> = columns.iter().map(|name| quote_always(name)).collect();
        lines.push(format!("   PRIMARY KEY ({})", columns.join(", ")));
    }
    format!(
        "CREATE TABLE {} (\n{}\n)",
        quote_always(&table.name),
        lines.join(",\n")
    )
}

fn column(column: &Column) -> String {
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!(
        "   {} {}{not_null}",
        quote_always(&column.name),
        column.affinity.name()
    )
}
