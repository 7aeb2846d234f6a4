//! A completed source: what it answers is passed on, what it leaves `Unsupported` is found by scanning it.
//!
//! A person's SQL is never run by the engine for a source that has a dialect of its own, unless the source says that what
//! it leaves `Unsupported` may be.

use std::sync::Arc;

use tablecast_connector::{
    Answer, ArrayRequest, Ask, BoxFuture, Capabilities, ContainerFile, Database, Details,
    ErrorKind, Filter, ForeignKey, Group, Limits, Reduction, Result, Rows, Source, Statement,
    Storage, TableInfo, Version,
};

use crate::asks;
use crate::definition::create_table;
use crate::sql;

/// Completes `source`.
pub fn complete(source: Arc<dyn Source>) -> Arc<dyn Database> {
    Arc::new(Completed { source })
}

struct Completed {
    source: Arc<dyn Source>,
}

/// `answer`, or `instead` if the source does not answer.
fn unless_unsupported<T>(answer: Result<T>, instead: impl FnOnce() -> Result<T>) -> Result<T> {
    match answer {
        Err(error) if error.kind() == ErrorKind::Unsupported => instead(),
        answer => answer,
    }
}

fn is_unsupported(answer: &Result<Answer>) -> bool {
    matches!(answer, Err(error) if error.kind() == ErrorKind::Unsupported)
}

impl Completed {
    /// Whether the ask holds SQL, or a search, that only the source itself may read.
    fn refuses_sql_of(&self, ask: &Ask) -> bool {
        let capabilities = self.source.capabilities();
        capabilities.dialect.is_some()
            && !capabilities.completes_sql
            && ask
                .filters
                .iter()
                .any(|filter| matches!(filter, Filter::Sql { .. } | Filter::Search { .. }))
    }
}

impl Database for Completed {
    fn details(&self) -> Details {
        self.source.details()
    }

    fn capabilities(&self) -> Capabilities {
        self.source.capabilities()
    }

    fn version(&self) -> Option<Version> {
        self.source.version()
    }

    fn file(&self) -> Option<ContainerFile> {
        self.source.file()
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.source.table_names()
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.source.table_info(table)
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        let names = self.source.hidden_table_names();
        Box::pin(async { unless_unsupported(names.await, || Ok(Vec::new())) })
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        let names = self.source.view_names();
        Box::pin(async { unless_unsupported(names.await, || Ok(Vec::new())) })
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        let index = self.source.detect_fts(table);
        Box::pin(async { unless_unsupported(index.await, || Ok(None)) })
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        let keys = self.source.foreign_keys(table);
        Box::pin(async { unless_unsupported(keys.await, || Ok(Vec::new())) })
    }

    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            match self.source.table_definition(table).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => {
                    Ok(Some(create_table(&*self.source.table_info(table).await?)))
                }
                answer => answer,
            }
        })
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        let indexes = self.source.indices_definition(table);
        Box::pin(async { unless_unsupported(indexes.await, || Ok(Vec::new())) })
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        let groups = self.source.groups();
        Box::pin(async { unless_unsupported(groups.await, || Ok(Vec::new())) })
    }

    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<Storage>>> {
        let storage = self.source.storage(table);
        Box::pin(async { unless_unsupported(storage.await.map(Some), || Ok(None)) })
    }

    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        self.source.array(table, request, limits)
    }

    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        Box::pin(async move {
            let mut answers = self.source.ask(ask, limits).await;
            let left: Vec<usize> = (0..ask.wants.len())
                .filter(|at| answers.get(*at).is_none_or(is_unsupported))
                .collect();
            if left.is_empty() || self.refuses_sql_of(ask) {
                return answers;
            }
            let rest = Ask {
                table: ask.table.clone(),
                filters: ask.filters.clone(),
                wants: left
                    .iter()
                    .filter_map(|at| ask.wants.get(*at))
                    .cloned()
                    .collect(),
            };
            let found = asks::answer(&self.source, &rest, limits).await;
            for (at, answer) in left.into_iter().zip(found) {
                match answers.get_mut(at) {
                    Some(place) => *place = answer,
                    None => answers.push(answer),
                }
            }
            answers
        })
    }

    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        let capabilities = self.source.capabilities();
        let by_engine = || {
            let catalog = sql::only(Arc::clone(&self.source));
            sql::execute(catalog, statement.clone(), limits)
        };
        match (capabilities.dialect, capabilities.completes_sql) {
            (None, _) => Box::pin(by_engine()),
            (Some(_), false) => self.source.execute(statement, limits),
            (Some(_), true) => Box::pin(async move {
                match self.source.execute(statement, limits).await {
                    Err(error) if error.kind() == ErrorKind::Unsupported => by_engine().await,
                    answer => answer,
                }
            }),
        }
    }
}
