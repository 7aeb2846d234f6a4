//! One database whose SQL sees the tables of several others as `[database].table`.
//!
//! Databases that the inner one has attached are joined by it, in its own SQL; a statement that names any other is
//! planned by the engine, over scans of all that it names. A statement is not tried on one to be run by the other: which
//! tables it names decides.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use tablecast_connector::{
    Answer, ArrayRequest, Ask, BoxFuture, Capabilities, Database, Details, Error, ForeignKey,
    Group, Limits, Reduction, Result, Rows, Source, Statement, Storage, TableInfo, Version,
};

use crate::sql::{self, Mention, Reachable};

/// Who reads the tables of a joined database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinedBy {
    /// The inner database, which has it attached under its name.
    Attaching,
    /// The engine, by scans.
    Scanning,
}

/// A database that is joined with others.
#[derive(Clone)]
pub struct Joined {
    /// The name that stands before its tables.
    pub name: String,
    /// Its tables.
    pub source: Arc<dyn Source>,
    /// Who reads it.
    pub by: JoinedBy,
}

/// `inner`, whose SQL reaches the tables of `joined` too. A table named without its database is the first of that name.
///
/// Statements that only name what is attached are `inner`'s own. The others are in the engine's SQL, and a cell of a
/// column without types that does not fit the column's is an error.
pub fn across(inner: Arc<dyn Database>, joined: Vec<Joined>) -> Arc<dyn Database> {
    Arc::new(Across { inner, joined })
}

struct Across {
    inner: Arc<dyn Database>,
    joined: Vec<Joined>,
}

impl Across {
    async fn run(&self, statement: &Statement, limits: &Limits) -> Result<Rows> {
        let mentions = match sql::mentions(&statement.sql, limits).await {
            Ok(mentions) => mentions,
            Err(error) => return self.unparsed(statement, limits, error).await,
        };
        if self.needs_engine(&mentions).await? {
            let reachable = self.joined.iter().map(|joined| Reachable {
                name: Some(joined.name.clone()),
                source: Arc::clone(&joined.source),
            });
            return sql::execute(reachable.collect(), statement.clone(), limits).await;
        }
        self.inner.execute(statement, limits).await
    }

    /// What the engine cannot read may be in the inner database's own SQL, if it names nothing else.
    async fn unparsed(
        &self,
        statement: &Statement,
        limits: &Limits,
        unread: Error,
    ) -> Result<Rows> {
        match self.inner.execute(statement, limits).await {
            Err(error) if self.is_about_scanned(&error) => Err(unread.hint(
                "Joins with databases that are no SQLite files are in the SQL of docs/sql.md",
            )),
            answer => answer,
        }
    }

    /// Whether the inner database misses a table of one that it cannot have.
    fn is_about_scanned(&self, error: &Error) -> bool {
        let missing = error.message().strip_prefix("no such table: ");
        let database = missing.and_then(|table| table.split_once('.'));
        database.is_some_and(|(name, _)| {
            let mut scanned = self.joined.iter().filter(|it| it.by == JoinedBy::Scanning);
            scanned.any(|joined| joined.name.eq_ignore_ascii_case(name))
        })
    }

    async fn needs_engine(&self, mentions: &[Mention]) -> Result<bool> {
        for mention in mentions {
            let by = match &mention.database {
                Some(name) => self.named(name).map(|joined| joined.by),
                None => self.holder(&mention.name).await?,
            };
            if by == Some(JoinedBy::Scanning) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn named(&self, name: &str) -> Option<&Joined> {
        self.joined
            .iter()
            .find(|joined| joined.name.eq_ignore_ascii_case(name))
    }

    /// Who reads a table that is named without its database.
    async fn holder(&self, table: &str) -> Result<Option<JoinedBy>> {
        for joined in &self.joined {
            let mut names = joined.source.table_names().await?;
            // A source without views says that it does not answer.
            names.extend(joined.source.view_names().await.unwrap_or_default());
            if names.iter().any(|name| name.eq_ignore_ascii_case(table)) {
                return Ok(Some(joined.by));
            }
        }
        Ok(None)
    }
}

impl Database for Across {
    fn details(&self) -> Details {
        self.inner.details()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.table_names()
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.hidden_table_names()
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.view_names()
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.inner.table_info(table)
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.inner.detect_fts(table)
    }

    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        self.inner.array(table, request, limits)
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        self.inner.foreign_keys(table)
    }

    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.inner.table_definition(table)
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.inner.indices_definition(table)
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        self.inner.groups()
    }

    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<Storage>>> {
        self.inner.storage(table)
    }

    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        self.inner.ask(ask, limits)
    }

    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        Box::pin(self.run(statement, limits))
    }

    /// Changes with each database that is joined.
    fn version(&self) -> Option<Version> {
        let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
        let versions = self.joined.iter().map(|joined| joined.source.version());
        for version in versions.chain([self.inner.version()]) {
            let version = version?;
            for (salt, hasher) in hashers.iter_mut().enumerate() {
                (salt, version).hash(hasher);
            }
        }
        let [high, low] = hashers.map(|hasher| u128::from(hasher.finish()));
        Some(Version(high << 64 | low))
    }
}
