//! The conformance kit, on its data set in a SQLite file.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::types::Value as SqlValue;
use tablecast_connector::{
    Answer, Ask, BoxFuture, Capabilities, Database, Details, ForeignKey, Limits, OpenOptions,
    Result, Rows, Source, Statement, TableInfo, Value, Version,
};
use tablecast_sql::quote_always;
use tablecast_testkit::{check_database, dataset};

use crate::opened::open;

#[test]
fn a_sqlite_file_passes_the_kit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("kit.db");
    let writer = Connection::open(&path).expect("a database");
    for table in dataset::tables() {
        store(&writer, &table).expect("stored");
    }
    let source = open(&path, &OpenOptions::default()).expect("opened");
    let database: Arc<dyn Database> = Arc::new(AsItIs(Arc::clone(&source)));
    let failures = check_database(&source, &database, &dataset::tables());
    assert!(failures.is_empty(), "{failures:#?}");
}

fn store(writer: &Connection, table: &dataset::Table) -> rusqlite::Result<()> {
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| format!("{} {}", quote_always(&column.name), column.declared_type))
        .collect();
    let name = quote_always(&table.name);
    writer.execute_batch(&format!(
        "begin; create table {name} ({})",
        columns.join(", ")
    ))?;
    let places = vec!["?"; columns.len()].join(", ");
    let mut insert = writer.prepare(&format!("insert into {name} values ({places})"))?;
    for row in &table.rows {
        insert.execute(rusqlite::params_from_iter(row.iter().map(stored)))?;
    }
    writer.execute_batch("commit")
}

fn stored(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(integer) => SqlValue::Integer(i64::try_from(*integer).expect("64 bits")),
        Value::Real(real) => SqlValue::Real(*real),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
    }
}

/// SQLite leaves nothing to complete.
struct AsItIs(Arc<dyn Source>);

impl Database for AsItIs {
    fn details(&self) -> Details {
        self.0.details()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.table_names()
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.hidden_table_names()
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.0.view_names()
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.0.table_info(table)
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.0.detect_fts(table)
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        self.0.foreign_keys(table)
    }

    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.0.table_definition(table)
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.0.indices_definition(table)
    }

    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        self.0.ask(ask, limits)
    }

    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        self.0.execute(statement, limits)
    }

    fn version(&self) -> Option<Version> {
        self.0.version()
    }
}
