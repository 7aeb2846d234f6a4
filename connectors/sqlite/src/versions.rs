//! What this SQLite is: its version, full-text modules and compile options.

use rusqlite::Connection;
use serde_json::{Value, json};

/// As `/-/versions` shows it.
pub fn versions() -> Value {
    let options = compile_options().unwrap_or_default();
    let has = |name: &str| options.iter().any(|option| option == name);
    let modules = [
        ("FTS5", "ENABLE_FTS5"),
        ("FTS4", "ENABLE_FTS3"),
        ("FTS3", "ENABLE_FTS3"),
    ];
    let fts: Vec<&str> = modules
        .iter()
        .filter(|(_, option)| has(option))
        .map(|(name, _)| *name)
        .collect();
    json!({
        "version": rusqlite::version(),
        "fts_versions": fts,
        "extensions": { "json1": null },
        "compile_options": options,
    })
}

fn compile_options() -> rusqlite::Result<Vec<String>> {
    let connection = Connection::open_in_memory()?;
    let mut statement = connection.prepare("pragma compile_options")?;
    statement.query_map([], |row| row.get(0))?.collect()
}
