//! What tables and views there are, and what `sqlite_master` says of them. Kept as long as the schema stands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tablecast_connector::TableKind;

use crate::run::text;
use crate::tables::TableFacts;

/// One line of `sqlite_master`, of a table or view.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: TableKind,
    pub(crate) sql: Option<String>,
}

/// The schema at one moment.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    entries: Vec<Entry>,
    /// Names that SQLite itself counts as another table's storage.
    shadows: Vec<String>,
    has_collations: bool,
    /// By table, the statements that make its indexes.
    indexes: HashMap<String, Vec<String>>,
    /// What is known of the tables that were asked for.
    facts: Mutex<HashMap<String, Arc<TableFacts>>>,
}

impl Schema {
    /// Reads the schema. Nothing is interpreted yet, so that one odd table does not spoil the others.
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut schema = Self::default();
        let mut master =
            connection.prepare("select type, name, tbl_name, sql from sqlite_master")?;
        let mut rows = master.query([])?;
        while let Some(row) = rows.next()? {
            let cell = |column: usize| -> rusqlite::Result<Option<String>> {
                Ok(row
                    .get_ref(column)?
                    .as_bytes_or_null()
                    .unwrap_or_default()
                    .map(|bytes| text(bytes).into_owned()))
            };
            let (kind, name, sql) = (cell(0)?, cell(1)?.unwrap_or_default(), cell(3)?);
            match kind.as_deref() {
                Some("table") => schema.entries.push(Entry {
                    name,
                    kind: TableKind::Table,
                    sql,
                }),
                Some("view") => schema.entries.push(Entry {
                    name,
                    kind: TableKind::View,
                    sql,
                }),
                Some("index") => {
                    if let (Some(table), Some(sql)) = (cell(2)?, sql) {
                        schema.indexes.entry(table).or_default().push(sql);
                    }
                }
                _ => {}
            }
        }
        schema.has_collations = schema.entries.iter().any(|entry| entry.mentions("collate"));
        let mut list = connection.prepare("pragma main.table_list")?;
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            if row.get_ref(2)?.as_bytes_or_null().unwrap_or_default() == Some(b"shadow") {
                let name = row.get_ref(1)?.as_bytes_or_null().unwrap_or_default();
                schema
                    .shadows
                    .push(text(name.unwrap_or_default()).into_owned());
            }
        }
        Ok(schema)
    }

    /// The names of tables or of views, in the order in which they were made.
    pub(crate) fn names(&self, kind: TableKind) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| entry.kind == kind);
        entries.map(|entry| entry.name.clone()).collect()
    }

    /// The table or view of exactly that name.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The table or view that SQLite finds by that name.
    pub(crate) fn entry_in_any_case(&self, name: &str) -> Option<&Entry> {
        self.entries
            .iter()
            .find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// The statements that make the indexes of a table.
    pub(crate) fn indexes(&self, table: &str) -> Vec<String> {
        self.indexes.get(table).cloned().unwrap_or_default()
    }

    /// Tables that lists leave out: statistics, storage of other tables, names with an underscore before, full-text
    /// indexes of other tables, and `SpatiaLite`'s own.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let (mut hidden, mut indexes) = (Vec::new(), Vec::new());
        for entry in self.tables() {
            let name = &entry.name;
            if STATISTICS.contains(&name.as_str())
                || name.starts_with('_')
                || self.shadows.contains(name)
            {
                hidden.push(name.clone());
            } else if entry.is_full_text() && entry.mentions("content=") {
                indexes.push(name.clone());
            }
        }
        hidden.sort();
        hidden.append(&mut indexes);
        if self.has_spatialite() {
            let own = self.tables().filter(|entry| {
                SPATIALITE.contains(&entry.name.as_str())
                    || entry
                        .name
                        .get(..4)
                        .is_some_and(|start| start.eq_ignore_ascii_case("idx_"))
            });
            let own: Vec<String> = own.map(|entry| entry.name.clone()).collect();
            hidden.extend(
                own.into_iter()
                    .filter(|name| !hidden.contains(name))
                    .collect::<Vec<_>>(),
            );
        }
        hidden
    }

    /// Whether a statement of the schema names a collation.
    pub(crate) fn mentions_collations(&self) -> bool {
        self.has_collations
    }

    /// Whether `SpatiaLite` has put its tables here.
    pub(crate) fn has_spatialite(&self) -> bool {
        self.entry("geometry_columns").is_some()
    }

    /// The full-text index over a table, or the table itself if it is one.
    pub(crate) fn full_text_index(&self, table: &str) -> Option<String> {
        let found = self.tables().find(|entry| {
            entry.is_full_text() && (entry.name == table || entry.is_index_of(table))
        });
        found.map(|entry| entry.name.clone())
    }

    /// What is known of a table, if it was asked for before.
    pub(crate) fn known(&self, table: &str) -> Option<Arc<TableFacts>> {
        self.facts().get(table).cloned()
    }

    /// Keeps what is known of a table.
    pub(crate) fn keep(&self, table: &str, facts: &Arc<TableFacts>) {
        self.facts().insert(table.to_owned(), Arc::clone(facts));
    }

    fn tables(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.kind == TableKind::Table)
    }

    fn facts(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<TableFacts>>> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn mentions(&self, part: &str) -> bool {
        self.sql
            .as_ref()
            .is_some_and(|sql| sql.to_ascii_lowercase().contains(part))
    }

    fn is_full_text(&self) -> bool {
        let sql = self.sql.as_deref().unwrap_or_default().to_ascii_lowercase();
        let words: Vec<&str> = sql.split_ascii_whitespace().take(3).collect();
        words == ["create", "virtual", "table"]
            && sql.split_once("using").is_some_and(|_| {
                ["fts3", "fts4", "fts5"].iter().any(|module| {
                    sql.match_indices("using").any(|(at, word)| {
                        let behind = sql.get(at + word.len()..).unwrap_or_default();
                        behind
                            .trim_start()
                            .trim_start_matches(['"', '[', '`', '\''])
                            .starts_with(module)
                    })
                })
            })
    }

    /// Whether the statement names `table` as the index's content, in whatever quotes.
    fn is_index_of(&self, table: &str) -> bool {
        let sql = self.sql.as_deref().unwrap_or_default();
        let lower = sql.to_ascii_lowercase();
        lower.match_indices("content").any(|(at, word)| {
            let behind = sql.get(at + word.len()..).unwrap_or_default().trim_start();
            let Some(value) = behind.strip_prefix('=') else {
                return false;
            };
            named_first(value.trim_start()).eq_ignore_ascii_case(table)
        })
    }
}

/// The name with which `text` starts, without its quotes.
fn named_first(text: &str) -> String {
    let (close, inner) = match text.chars().next() {
        Some('[') => (']', text.get(1..)),
        Some(quote @ ('"' | '\'' | '`')) => (quote, text.get(1..)),
        _ => {
            let end = text.find(|c: char| c == ',' || c == ')' || c.is_whitespace());
            return text
                .get(..end.unwrap_or(text.len()))
                .unwrap_or_default()
                .to_owned();
        }
    };
    let inner = inner.unwrap_or_default();
    let doubled: String = [close, close].iter().collect();
    let mut name = String::new();
    let mut rest = inner;
    loop {
        let end = rest.find(close).unwrap_or(rest.len());
        let (part, behind) = rest.split_at_checked(end).unwrap_or((rest, ""));
        name.push_str(part);
        match behind.strip_prefix(doubled.as_str()) {
            Some(behind) if close != ']' => {
                name.push(close);
                rest = behind;
            }
            _ => return name,
        }
    }
}

const STATISTICS: &[&str] = &[
    "sqlite_stat1",
    "sqlite_stat2",
    "sqlite_stat3",
    "sqlite_stat4",
];

const SPATIALITE: &[&str] = &[
    "ElementaryGeometries",
    "SpatialIndex",
    "geometry_columns",
    "spatial_ref_sys",
    "spatialite_history",
    "sql_statements_log",
    "sqlite_sequence",
    "views_geometry_columns",
    "virts_geometry_columns",
    "data_licenses",
    "KNN",
    "KNN2",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_of_an_index_is_read_in_any_quotes() {
        for (options, is_index) in [
            ("text, content=\"my table\"", true),
            ("text, content=[my table]", true),
            ("text, content='my table'", true),
            ("text, CONTENT = `My Table`", true),
            ("content, text", false),
            ("text, content=\"my\"", false),
            ("text, content_rowid=\"my table\"", false),
        ] {
            let sql = Some(format!("CREATE VIRTUAL TABLE \"x\" USING fts5({options})"));
            let entry = Entry {
                name: "x".into(),
                kind: TableKind::Table,
                sql,
            };
            assert!(entry.is_full_text());
            assert_eq!(entry.is_index_of("my table"), is_index, "{options}");
        }
    }
}
