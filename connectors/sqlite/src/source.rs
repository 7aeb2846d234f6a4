//! An opened database: answers what the server asks, in SQL, on threads of its own.
//!
//! One request is one hop to a thread; what is known of the schema is answered without one.

use std::future::ready;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tablecast_connector::{
    Answer, Ask, Batch, BoxFuture, Capabilities, ContainerFile, Count, Details, Dialect, Error,
    FacetKind, ForeignKey, Limits, OutputColumn, Pool, ReadyBatches, Result, Rows, Scan,
    ScanRequest, Source, Statement, TableInfo, TableKind, Value, Version, Want, Wanted,
    is_rowid_name,
};
use tablecast_sql::{
    Syntax, check_reads, count, count_at_most, facet, is_pragma, rows, syntax_of, values,
};

use crate::connection::{Access, Connections};
use crate::facet::count_values;
use crate::failure::failure;
use crate::run::{bound, collect};
use crate::sample;
use crate::schema::Schema;
use crate::stream::Streams;
use crate::tables::TableFacts;
use crate::watch::{Seen, Watcher};

/// A result of at most so many rows is collected whole; a longer one streams from a thread of its own.
const ROWS_COLLECTED_MAX: u64 = 5_000;

/// How old a look at the file may be when only the schema is wanted: the asks of one request share one look.
const SCHEMA_AGE: Duration = Duration::from_micros(200);

/// How long a look at the schema may take.
const SCHEMA_TIME: Duration = Duration::from_secs(10);

/// One SQLite database.
pub(crate) struct SqliteSource {
    inner: Arc<Inner>,
    pool: Pool,
    /// For what reads whole tables: however many ask for it, rows are read meanwhile.
    slow: Pool,
    streams: Streams,
}

/// What the jobs on the pool share.
pub(crate) struct Inner {
    pub(crate) connections: Arc<Connections>,
    watcher: Watcher,
    schema: RwLock<Option<(Seen, Arc<Schema>)>>,
    pub(crate) syntax: &'static dyn Syntax,
    hash: OnceLock<String>,
}

impl SqliteSource {
    /// Opens the database and reads its schema, so that a damaged one says so at once. Blocks.
    pub(crate) fn open(access: Access) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let inner = Arc::new(Inner {
            connections: Arc::new(Connections::new(access.clone())),
            watcher: Watcher::new(access),
            schema: RwLock::new(None),
            syntax: syntax_of(&Dialect::sqlite())?,
            hash: OnceLock::new(),
        });
        inner.schema()?;
        Ok(Self {
            inner,
            pool: Pool::new("sqlite", (2 * threads).clamp(4, 16))?,
            slow: Pool::new("sqlite-slow", threads.clamp(2, 8))?,
            streams: Streams::default(),
        })
    }

    /// Makes the file's hash known.
    pub(crate) fn set_hash(&self, hash: String) {
        let _ = self.inner.hash.set(hash);
    }

    /// Answers from the schema: at once if it is known, otherwise on a thread.
    fn of_schema<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Schema) -> Result<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T>> {
        if let Some(schema) = self.inner.known_schema() {
            return Box::pin(ready(answer(&schema)));
        }
        let inner = Arc::clone(&self.inner);
        Box::pin(self.pool.run(move || answer(&*inner.schema()?)))
    }

    fn of_table<'a, T: Send + 'static>(
        &'a self,
        table: &str,
        answer: impl FnOnce(&TableFacts) -> T + Send + 'static,
    ) -> BoxFuture<'a, Result<T>> {
        if let Some(facts) = self.inner.known_facts(table) {
            return Box::pin(ready(Ok(answer(&facts))));
        }
        let (inner, table) = (Arc::clone(&self.inner), table.to_owned());
        Box::pin(self.pool.run(move || Ok(answer(&*inner.facts(&table)?))))
    }

    /// Starts answering one want; the work is on its way when this returns.
    fn start<'a>(
        &'a self,
        ask: &Arc<Ask>,
        wanted: &'a Wanted,
        limits: &Limits,
    ) -> BoxFuture<'a, Result<Answer>> {
        let Want::Rows { limit, .. } = &wanted.want else {
            let (inner, ask) = (Arc::clone(&self.inner), Arc::clone(ask));
            let (wanted, limits) = (wanted.clone(), limits.clone());
            let is_slow = matches!(
                wanted.want,
                Want::Facet { sample: None, .. } | Want::Count { at_most: None }
            );
            let pool = if is_slow { &self.slow } else { &self.pool };
            return Box::pin(pool.run(move || inner.answer(&ask, &wanted, &limits)));
        };
        let most = limit
            .unwrap_or(u64::MAX)
            .min(limits.rows.unwrap_or(u64::MAX));
        if most <= ROWS_COLLECTED_MAX {
            let (inner, ask) = (Arc::clone(&self.inner), Arc::clone(ask));
            let (wanted, limits) = (wanted.clone(), limits.clone());
            return Box::pin(self.pool.run(move || inner.answer(&ask, &wanted, &limits)));
        }
        let (inner, ask, limits) = (Arc::clone(&self.inner), Arc::clone(ask), limits.clone());
        Box::pin(async move {
            let statement = {
                let (inner, want) = (Arc::clone(&inner), wanted.want.clone());
                self.pool
                    .run(move || inner.statement_of_rows(&ask, &want))
                    .await?
            };
            let limits = within(limits, wanted);
            self.stream(statement, limits).await.map(Answer::Rows)
        })
    }

    /// Starts counting several columns of one sample of rows.
    fn start_sample(
        &self,
        ask: &Arc<Ask>,
        places: &[usize],
        limits: &Limits,
    ) -> BoxFuture<'static, Vec<Result<Answer>>> {
        let (inner, ask) = (Arc::clone(&self.inner), Arc::clone(ask));
        let (places, limits) = (places.to_vec(), limits.clone());
        let wants = places.len();
        let sampled = self
            .pool
            .run(move || Ok(inner.sampled(&ask, &places, &limits)));
        Box::pin(async move {
            sampled.await.unwrap_or_else(|error| {
                let again = || Err(Error::new(error.kind(), error.message()));
                std::iter::repeat_with(again).take(wants).collect()
            })
        })
    }

    async fn stream(&self, statement: Statement, limits: Limits) -> Result<Rows> {
        let connections = Arc::clone(&self.inner.connections);
        let (names, batches) = self.streams.start(connections, statement, limits).await?;
        Ok(Rows {
            columns: untyped(names),
            batches: Box::new(batches),
        })
    }
}

impl Inner {
    pub(crate) fn file(&self) -> &str {
        &self.connections.access().shown
    }

    /// The schema that was read before, if it is known to stand.
    fn known_schema(&self) -> Option<Arc<Schema>> {
        // Another program may hold a lock that keeps us from looking. It has not committed then: what was seen stands.
        let seen = self.look(SCHEMA_AGE).unwrap_or_else(|| self.watcher.last());
        let kept = self.schema.read().unwrap_or_else(PoisonError::into_inner);
        let (of, schema) = kept.as_ref()?;
        (of.schema == seen.schema && of.generation == seen.generation).then(|| Arc::clone(schema))
    }

    /// What is seen of the file; connections to a file that was replaced are not used again.
    fn look(&self, age: Duration) -> Option<Seen> {
        let seen = self.watcher.look(age)?;
        self.connections.renew(seen.generation);
        Some(seen)
    }

    /// The schema, read if it is not known. Blocks.
    pub(crate) fn schema(&self) -> Result<Arc<Schema>> {
        if let Some(schema) = self.known_schema() {
            return Ok(schema);
        }
        let seen = self.watcher.last();
        let limits = Limits::none().within(SCHEMA_TIME);
        let schema = self.connections.with(|connection| {
            bound(connection, &limits)
                .and_then(|()| Schema::load(connection))
                .map_err(|error| failure(error, self.file(), &limits))
        })?;
        let schema = Arc::new(schema);
        let mut kept = self.schema.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Some((seen, Arc::clone(&schema)));
        Ok(schema)
    }

    fn known_facts(&self, table: &str) -> Option<Arc<TableFacts>> {
        self.known_schema()?.known(table)
    }

    /// What is known of a table, read if it is not known. Blocks.
    pub(crate) fn facts(&self, table: &str) -> Result<Arc<TableFacts>> {
        let schema = self.schema()?;
        if let Some(facts) = schema.known(table) {
            return Ok(facts);
        }
        let entry = schema.entry(table).ok_or_else(|| not_found(table))?;
        let limits = Limits::none().within(SCHEMA_TIME);
        let facts = self.connections.with(|connection| {
            bound(connection, &limits)
                .and_then(|()| TableFacts::load(connection, &schema, entry))
                .map_err(|error| failure(error, self.file(), &limits))
        })?;
        let facts = Arc::new(facts);
        schema.keep(table, &facts);
        Ok(facts)
    }

    fn statement_of_rows(&self, ask: &Ask, want: &Want) -> Result<Statement> {
        let query = ask
            .table_query(want)
            .ok_or_else(|| Error::internal("These are not rows"))?;
        let facts = self.facts(&ask.table)?;
        let info = readable(&facts)?;
        for column in query
            .columns
            .iter()
            .chain(query.sort.iter().map(|sort| &sort.column))
        {
            check_column(info, column)?;
        }
        rows(self.syntax, &query, info)
    }

    /// Answers one want, whole. Blocks.
    pub(crate) fn answer(&self, ask: &Ask, wanted: &Wanted, limits: &Limits) -> Result<Answer> {
        let limits = within(limits.clone(), wanted);
        match &wanted.want {
            Want::Rows { columns, .. } => {
                let statement = self.statement_of_rows(ask, &wanted.want)?;
                let (_, batches) = self.collect(&statement, &limits)?;
                Ok(Answer::Rows(ready_rows(columns.clone(), batches)))
            }
            Want::Count { at_most } => {
                let facts = self.facts(&ask.table)?;
                let table = &readable(&facts)?.name;
                self.count(table, &ask.filters, *at_most, &limits)
                    .map(Answer::Count)
            }
            Want::Facet {
                column,
                kind,
                limit,
                sample,
            } => {
                let facts = self.facts(&ask.table)?;
                check_column(readable(&facts)?, column)?;
                let table = &readable(&facts)?.name;
                // An index of the column has its values together already.
                let in_index = ask.filters.is_empty() && facts.leading.contains(column);
                if *kind == FacetKind::Column && sample.is_none() && !in_index {
                    let hashed = self.hashed_facet(table, ask, column, *limit, &limits)?;
                    if let Some(answer) = hashed {
                        return Ok(answer);
                    }
                }
                let facet_of = (column.as_str(), *kind);
                let statement = facet(self.syntax, table, &ask.filters, facet_of, *limit, *sample)?;
                let (_, batches) = self.collect(&statement, &limits)?;
                Ok(facet_answer(values_and_counts(&batches)?, *limit))
            }
        }
    }

    /// A facet counted without SQLite's sorting; `None` if that cannot be done.
    fn hashed_facet(
        &self,
        table: &str,
        ask: &Ask,
        column: &str,
        limit: u64,
        limits: &Limits,
    ) -> Result<Option<Answer>> {
        // A collation makes values equal that are not the same.
        if self.schema()?.mentions_collations() {
            return Ok(None);
        }
        let statement = values(self.syntax, table, &ask.filters, &[column], None)?;
        let counted = self.connections.with(|connection| {
            count_values(
                connection,
                &statement,
                limits,
                self.file(),
                &[one_more(limit)],
            )
        })?;
        let values = counted.and_then(|mut columns| columns.pop());
        Ok(values.map(|values| facet_answer(values, limit)))
    }

    fn count(
        &self,
        table: &str,
        filters: &[tablecast_connector::Filter],
        at_most: Option<u64>,
        limits: &Limits,
    ) -> Result<Count> {
        let statement = match at_most {
            None => count(self.syntax, table, filters)?,
            Some(most) => count_at_most(self.syntax, table, filters, most)?,
        };
        let (_, batches) = self.collect(&statement, limits)?;
        let counted = batches
            .first()
            .and_then(|batch| match value_at(batch, 0, 0).ok()? {
                Value::Integer(rows) => u64::try_from(rows).ok(),
                _ => None,
            });
        let rows = counted.ok_or_else(|| Error::internal("A count gave no number"))?;
        Ok(Count {
            rows,
            truncated: at_most.is_some_and(|most| rows >= most),
        })
    }

    fn collect(&self, statement: &Statement, limits: &Limits) -> Result<(Vec<String>, Vec<Batch>)> {
        self.connections
            .with(|connection| collect(connection, statement, limits, self.file()))
    }
}

fn not_found(table: &str) -> Error {
    Error::not_found(format!("Table not found: {table}"))
}

/// `InvalidRequest` names a column that is not there: SQLite would take its quoted name for a text, and answer with that.
fn check_column(table: &TableInfo, name: &str) -> Result<()> {
    if table.column(name).is_some() || is_rowid_name(name) {
        return Ok(());
    }
    Err(Error::invalid(format!("no such column: {name}")).within(&table.name))
}

/// The table, unless it cannot be read.
pub(crate) fn readable(facts: &TableFacts) -> Result<&TableInfo> {
    match &facts.info.unreadable {
        None => Ok(&facts.info),
        Some(reason) => Err(Error::unreadable(format!("{}: {reason}", facts.info.name))),
    }
}

pub(crate) fn within(limits: Limits, wanted: &Wanted) -> Limits {
    match wanted.time_limit_ms {
        Some(time) => limits.within(Duration::from_millis(time)),
        None => limits,
    }
}

fn untyped(names: Vec<String>) -> Vec<OutputColumn> {
    let column = |name| OutputColumn {
        name,
        data_type: None,
    };
    names.into_iter().map(column).collect()
}

fn ready_rows(names: Vec<String>, batches: Vec<Batch>) -> Rows {
    Rows {
        columns: untyped(names),
        batches: Box::new(ReadyBatches::new(batches)),
    }
}

fn value_at(batch: &Batch, row: usize, column: usize) -> Result<Value> {
    let columns = batch.columns()?;
    Ok(columns
        .get(column)
        .map_or(Value::Null, |column| column.cell(row).to_value()))
}

fn values_and_counts(batches: &[Batch]) -> Result<Vec<(Value, u64)>> {
    let mut values = Vec::new();
    for batch in batches {
        for row in 0..batch.rows() {
            let count = match value_at(batch, row, 1)? {
                Value::Integer(count) => u64::try_from(count).unwrap_or(0),
                _ => 0,
            };
            values.push((value_at(batch, row, 0)?, count));
        }
    }
    Ok(values)
}

/// One value more is asked for than is wanted, to know whether there are more.
pub(crate) fn one_more(limit: u64) -> usize {
    usize::try_from(limit.saturating_add(1)).unwrap_or(usize::MAX)
}

pub(crate) fn facet_answer(mut values: Vec<(Value, u64)>, limit: u64) -> Answer {
    let more = values.len() as u64 > limit;
    values.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Answer::Facet { values, more }
}

impl Source for SqliteSource {
    fn details(&self) -> Details {
        let access = self.inner.connections.access();
        Details {
            connector: "sqlite".to_owned(),
            path: access.path.is_some().then(|| access.shown.clone()),
            size: self.inner.watcher.size(),
            is_mutable: !access.immutable,
            is_memory: access.path.is_none(),
            hash: self.inner.hash.get().cloned(),
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            dialect: Some(Dialect::sqlite()),
            completes_sql: false,
            ask: true,
            table_count: true,
            foreign_keys: true,
            search: true,
            version: true,
            // But for views, whose definition shows what they are made of.
            shares_rows: false,
        }
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.of_schema(|schema| Ok(schema.names(TableKind::Table)))
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.of_schema(|schema| Ok(schema.names(TableKind::View)))
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.of_schema(|schema| Ok(schema.hidden()))
    }

    fn detect_spatialite(&self) -> BoxFuture<'_, Result<bool>> {
        self.of_schema(|schema| Ok(schema.has_spatialite()))
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        let table = table.to_owned();
        self.of_schema(move |schema| match schema.entry(&table) {
            Some(_) => Ok(schema.full_text_index(&table)),
            None => Err(not_found(&table)),
        })
    }

    fn table_exists<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<bool>> {
        let table = table.to_owned();
        self.of_schema(move |schema| Ok(schema.entry(&table).is_some()))
    }

    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        let table = table.to_owned();
        self.of_schema(move |schema| match schema.entry(&table) {
            Some(entry) => Ok(entry.sql.clone()),
            None => Err(not_found(&table)),
        })
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        let table = table.to_owned();
        self.of_schema(move |schema| match schema.entry(&table) {
            Some(_) => Ok(schema.indexes(&table)),
            None => Err(not_found(&table)),
        })
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        self.of_table(table, |facts| Arc::clone(&facts.info))
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        self.of_table(table, |facts| facts.foreign_keys.clone())
    }

    fn table_count<'a>(
        &'a self,
        table: &'a str,
        at_most: Option<u64>,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Count>> {
        let (inner, table, limits) = (Arc::clone(&self.inner), table.to_owned(), limits.clone());
        Box::pin(self.pool.run(move || {
            let facts = inner.facts(&table)?;
            inner.count(&readable(&facts)?.name, &[], at_most, &limits)
        }))
    }

    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        // A pragma is refused or let pass where it is prepared, by its name.
        if !is_pragma(&statement.sql)
            && let Err(error) = check_reads(&statement.sql)
        {
            return Box::pin(ready(Err(error)));
        }
        let (statement, limits) = (statement.clone(), limits.clone());
        if limits.rows.is_none_or(|rows| rows > ROWS_COLLECTED_MAX) {
            return Box::pin(self.stream(statement, limits));
        }
        let inner = Arc::clone(&self.inner);
        Box::pin(self.pool.run(move || {
            inner.look(SCHEMA_AGE);
            let (names, batches) = inner.collect(&statement, &limits)?;
            Ok(ready_rows(names, batches))
        }))
    }

    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        let shared = Arc::new(ask.clone());
        let samples = sample::places(ask);
        let looking: Vec<_> = samples
            .iter()
            .map(|places| self.start_sample(&shared, places, limits))
            .collect();
        let is_sampled = |place: &usize| samples.iter().any(|places| places.contains(place));
        let started: Vec<_> = ask
            .wants
            .iter()
            .enumerate()
            .filter(|(place, _)| !is_sampled(place))
            .map(|(place, wanted)| (place, self.start(&shared, wanted, limits)))
            .collect();
        Box::pin(async move {
            let mut answers = Vec::with_capacity(ask.wants.len());
            for (place, answer) in started {
                answers.push((place, answer.await));
            }
            for (places, answer) in samples.into_iter().zip(looking) {
                answers.extend(places.into_iter().zip(answer.await));
            }
            answers.sort_by_key(|(place, _)| *place);
            answers.into_iter().map(|(_, answer)| answer).collect()
        })
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        crate::scan::scan(&self.inner, self.streams.clone(), request)
    }

    fn file(&self) -> Option<ContainerFile> {
        let path = self.inner.connections.access().path.clone()?;
        Some(ContainerFile {
            path,
            extension: "db".to_owned(),
        })
    }

    fn version(&self) -> Option<Version> {
        let seen = self.inner.look(Duration::ZERO)?;
        Some(self.inner.watcher.version_of(seen))
    }
}
