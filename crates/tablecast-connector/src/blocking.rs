//! For authors who write plain blocking code: [`BlockingSource`], and [`Blocking`], which makes a [`Source`] of it by
//! running everything on a pool of its own.

use std::sync::{Arc, Mutex, PoisonError};

use crate::pool::Pool;
use crate::{
    Answer, ArrayRequest, Ask, Batch, BatchStream, BoxFuture, Capabilities, ContainerFile, Count,
    Details, Error, ForeignKey, Group, Limits, OpenPartition, OutputColumn, Partition, Promises,
    Reduction, Result, Rows, Scan, ScanRequest, Source, Statement, Storage, TableInfo, Version,
};

/// The batches of one partition or answer.
pub type Batches = Box<dyn Iterator<Item = Result<Batch>> + Send>;

/// Opens a partition: gives its batches one by one. Each call of `next` checks the limits and then blocks as it must.
pub type OpenBlocking = Arc<dyn Fn(&Partition, &Limits) -> Result<Batches> + Send + Sync>;

/// As [`Scan`], with blocking partitions.
#[derive(Clone)]
pub struct BlockingScan {
    /// As in [`Scan`].
    pub columns: Vec<OutputColumn>,
    /// As in [`Scan`].
    pub promises: Promises,
    /// As in [`Scan`].
    pub partitions: Vec<Partition>,
    /// As in [`Scan`].
    pub rows: Option<u64>,
    /// Opens the parts.
    pub open: OpenBlocking,
}

/// Rows on their way, blocking.
pub struct BlockingRows {
    /// The columns that come.
    pub columns: Vec<OutputColumn>,
    /// The batches.
    pub batches: Batches,
}

/// As [`Source`], for plain blocking code. `details`, `capabilities`, `scan` and `version` must not block.
pub trait BlockingSource: Send + Sync + 'static {
    /// As [`Source::details`].
    fn details(&self) -> Details;

    /// As [`Source::table_names`].
    fn table_names(&self) -> Result<Vec<String>>;

    /// As [`Source::table_info`].
    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>>;

    /// As [`Source::scan`].
    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan>;

    /// As [`Source::capabilities`].
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// As [`Source::hidden_table_names`].
    fn hidden_table_names(&self) -> Result<Vec<String>> {
        unsupported("hidden_table_names")
    }

    /// As [`Source::view_names`].
    fn view_names(&self) -> Result<Vec<String>> {
        unsupported("view_names")
    }

    /// As [`Source::detect_spatialite`].
    fn detect_spatialite(&self) -> Result<bool> {
        unsupported("detect_spatialite")
    }

    /// As [`Source::table_count`].
    fn table_count(&self, _table: &str, _at_most: Option<u64>, _limits: &Limits) -> Result<Count> {
        unsupported("table_count")
    }

    /// As [`Source::detect_fts`].
    fn detect_fts(&self, _table: &str) -> Result<Option<String>> {
        unsupported("detect_fts")
    }

    /// As [`Source::foreign_keys`].
    fn foreign_keys(&self, _table: &str) -> Result<Vec<ForeignKey>> {
        unsupported("foreign_keys")
    }

    /// As [`Source::table_exists`].
    fn table_exists(&self, _table: &str) -> Result<bool> {
        unsupported("table_exists")
    }

    /// As [`Source::table_definition`].
    fn table_definition(&self, _table: &str) -> Result<Option<String>> {
        unsupported("table_definition")
    }

    /// As [`Source::indices_definition`].
    fn indices_definition(&self, _table: &str) -> Result<Vec<String>> {
        unsupported("indices_definition")
    }

    /// As [`Source::groups`].
    fn groups(&self) -> Result<Vec<Group>> {
        unsupported("groups")
    }

    /// As [`Source::storage`].
    fn storage(&self, _table: &str) -> Result<Storage> {
        unsupported("storage")
    }

    /// As [`Source::execute`].
    fn execute(&self, _statement: &Statement, _limits: &Limits) -> Result<BlockingRows> {
        unsupported("execute")
    }

    /// As [`Source::ask`].
    fn ask(&self, ask: &Ask, _limits: &Limits) -> Vec<Result<Answer>> {
        ask.wants.iter().map(|_| unsupported("ask")).collect()
    }

    /// As [`Source::array`].
    fn array(&self, _table: &str, _request: &ArrayRequest, _limits: &Limits) -> Result<Reduction> {
        unsupported("array")
    }

    /// As [`Source::version`].
    fn version(&self) -> Option<Version> {
        None
    }

    /// As [`Source::file`].
    fn file(&self) -> Option<ContainerFile> {
        None
    }
}

fn unsupported<T>(method: &str) -> Result<T> {
    Err(Error::unsupported(format!(
        "This source does not answer `{method}`"
    )))
}

/// A blocking source with threads of its own.
#[derive(Debug)]
pub struct Blocking<S> {
    source: Arc<S>,
    pool: Arc<Pool>,
}

impl<S: BlockingSource> Blocking<S> {
    /// Gives `source` a pool of `threads` threads: that many things are done at a time, the rest waits.
    pub fn new(source: S, threads: usize) -> Result<Self> {
        let name = source.details().connector;
        Ok(Self {
            source: Arc::new(source),
            pool: Arc::new(Pool::new(&name, threads)?),
        })
    }

    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&S) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        let source = Arc::clone(&self.source);
        Box::pin(self.pool.run(move || job(&source)))
    }

    fn run_on<'a, T: Send + 'static>(
        &'a self,
        table: &str,
        job: impl FnOnce(&S, &str) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'a, Result<T>> {
        let table = table.to_owned();
        self.run(move |source| job(source, &table))
    }
}

impl<S: BlockingSource> Source for Blocking<S> {
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
        self.run(S::table_names)
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.run_on(table, S::table_info)
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        let BlockingScan {
            columns,
            promises,
            partitions,
            rows,
            open,
        } = self.source.scan(request)?;
        let reader = Arc::new(PoolReader {
            open,
            pool: Arc::clone(&self.pool),
        });
        Ok(Scan {
            columns,
            promises,
            partitions,
            rows,
            reader,
        })
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.run(S::hidden_table_names)
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.run(S::view_names)
    }

    fn detect_spatialite(&self) -> BoxFuture<'_, Result<bool>> {
        self.run(S::detect_spatialite)
    }

    fn table_count<'a>(
        &'a self,
        table: &'a str,
        at_most: Option<u64>,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Count>> {
        let limits = limits.clone();
        self.run_on(table, move |source, table| {
            source.table_count(table, at_most, &limits)
        })
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.run_on(table, S::detect_fts)
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        self.run_on(table, S::foreign_keys)
    }

    fn table_exists<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.run_on(table, S::table_exists)
    }

    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.run_on(table, S::table_definition)
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.run_on(table, S::indices_definition)
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        self.run(S::groups)
    }

    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Storage>> {
        self.run_on(table, S::storage)
    }

    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        let (request, limits) = (request.clone(), limits.clone());
        self.run_on(table, move |source, table| {
            source.array(table, &request, &limits)
        })
    }

    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        let (statement, limits) = (statement.clone(), limits.clone());
        let pool = Arc::clone(&self.pool);
        Box::pin(async move {
            let rows = self
                .run(move |source| source.execute(&statement, &limits))
                .await?;
            Ok(Rows {
                columns: rows.columns,
                batches: Box::new(PoolStream::new(rows.batches, pool)),
            })
        })
    }

    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        let (owned, limits) = (ask.clone(), limits.clone());
        let answers = self.run(move |source| Ok(source.ask(&owned, &limits)));
        Box::pin(async move {
            answers.await.unwrap_or_else(|error| {
                let again = |_| Err(Error::new(error.kind(), error.message()));
                ask.wants.iter().map(again).collect()
            })
        })
    }
}

/// A reader of partitions for sources that have only some blocking ones: each batch is one job of `pool`.
pub fn open_on(pool: &Arc<Pool>, open: OpenBlocking) -> Arc<dyn OpenPartition> {
    let pool = Arc::clone(pool);
    Arc::new(PoolReader { open, pool })
}

struct PoolReader {
    open: OpenBlocking,
    pool: Arc<Pool>,
}

impl OpenPartition for PoolReader {
    fn open<'a>(
        &'a self,
        partition: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>> {
        let (open, partition, limits) = (Arc::clone(&self.open), partition.clone(), limits.clone());
        let opened = self.pool.run(move || open(&partition, &limits));
        let pool = Arc::clone(&self.pool);
        Box::pin(async move {
            let stream: Box<dyn BatchStream> = Box::new(PoolStream::new(opened.await?, pool));
            Ok(stream)
        })
    }
}

/// Each batch is one job, so that a slow reader of the stream holds no thread.
struct PoolStream {
    batches: Arc<Mutex<Option<Batches>>>,
    pool: Arc<Pool>,
}

impl PoolStream {
    fn new(batches: Batches, pool: Arc<Pool>) -> Self {
        Self {
            batches: Arc::new(Mutex::new(Some(batches))),
            pool,
        }
    }
}

impl BatchStream for PoolStream {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        let shared = Arc::clone(&self.batches);
        let next = self.pool.run(move || {
            let mut place = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(batches) = place.as_mut() else {
                return Ok(None);
            };
            let batch = batches.next();
            if !matches!(batch, Some(Ok(_))) {
                *place = None;
            }
            batch.transpose()
        });
        Box::pin(async move { next.await.transpose() })
    }
}
