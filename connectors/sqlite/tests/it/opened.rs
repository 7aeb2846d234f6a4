//! Makes databases and opens them.

use std::path::PathBuf;
use std::sync::Arc;

use futures::executor::block_on;
use rusqlite::Connection;
use tablecast_connector::{
    Answer, Ask, Connector, Filter, Limits, Location, OpenOptions, Operator, Result, Rows, Source,
    Statement, Value, Want,
};
use tablecast_sqlite::SqliteConnector;
use tempfile::TempDir;

/// A database made by `sql`, opened.
pub struct Opened {
    pub folder: TempDir,
    pub path: PathBuf,
    pub source: Arc<dyn Source>,
}

impl Opened {
    pub fn of(sql: &str) -> Self {
        Self::with(sql, &OpenOptions::default())
    }

    pub fn with(sql: &str, options: &OpenOptions) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("my test.db");
        let writer = Connection::open(&path).expect("a database");
        writer.execute_batch(sql).expect("SQL");
        writer.close().expect("closed");
        let source = open(&path, options).expect("opened");
        Self {
            folder,
            path,
            source,
        }
    }

    pub fn ask(&self, table: &str, filters: Vec<Filter>, want: Want) -> Result<Answer> {
        let ask = Ask {
            table: table.to_owned(),
            filters,
            wants: vec![want.into()],
        };
        let mut answers = block_on(self.source.ask(&ask, &Limits::none()));
        assert_eq!(answers.len(), 1);
        answers.remove(0)
    }

    pub fn rows(&self, table: &str, columns: &[&str], filters: Vec<Filter>) -> Vec<Vec<Value>> {
        let want = Want::Rows {
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            sort: None,
            position: None,
            limit: None,
        };
        match self.ask(table, filters, want).expect("rows") {
            Answer::Rows(rows) => all(rows).expect("rows"),
            other => panic!("{other:?}"),
        }
    }

    pub fn sql(&self, sql: &str) -> Result<Vec<Vec<Value>>> {
        self.sql_within(sql, &Limits::none().rows(1000))
    }

    pub fn sql_within(&self, sql: &str, limits: &Limits) -> Result<Vec<Vec<Value>>> {
        let statement = Statement {
            sql: sql.to_owned(),
            parameters: Vec::new(),
        };
        all(block_on(self.source.execute(&statement, limits))?)
    }
}

pub fn open(path: &std::path::Path, options: &OpenOptions) -> Result<Arc<dyn Source>> {
    let location = Location::look(path.to_str().expect("UTF-8"))?;
    assert!(
        SqliteConnector.recognizes(&location) || !location.head.starts_with(b"SQLite format 3\0")
    );
    block_on(SqliteConnector.open(&location, options))
}

pub fn all(mut rows: Rows) -> Result<Vec<Vec<Value>>> {
    let mut values = Vec::new();
    while let Some(batch) = block_on(rows.batches.next()) {
        let batch = batch?;
        let columns = batch.columns()?;
        for row in 0..batch.rows() {
            values.push(
                columns
                    .iter()
                    .map(|column| column.cell(row).to_value())
                    .collect(),
            );
        }
    }
    Ok(values)
}

pub fn condition(column: &str, operator: Operator, value: &str) -> Filter {
    Filter::Condition {
        column: column.to_owned(),
        operator,
        value: value.to_owned(),
    }
}
