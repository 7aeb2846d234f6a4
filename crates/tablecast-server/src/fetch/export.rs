//! Rows to be exported, as they come: all of a table under its filters, or all of a query. They can be asked for again,
//! for formats that must know the types of all cells before they write the first one.
//!
//! There is no deadline for the whole: an export takes as long as its reader takes. What a person's SQL may take is
//! bounded from batch to batch.

use std::sync::Arc;
use std::time::Duration;

use tablecast_connector::{
    Answer, Ask, Batch, BatchStream, CancelGuard, CancelToken, Database, Error, ErrorKind, Filter,
    Limits, ReadyBatches, Result, Rows, Statement, Want,
};

use super::Place;
use super::page::Page;
use crate::plan::table::TablePlan;
use crate::{Published, Settings};

/// What is to be exported.
pub(crate) struct Exported {
    database: Arc<dyn Database>,
    what: What,
    /// How long a batch may take.
    patience: Option<Duration>,
}

enum What {
    Table(Ask),
    Query(Statement),
    /// Rows that are at hand.
    Page(Page),
}

impl Exported {
    /// All rows of a table under its filters.
    pub(crate) fn table(place: &Place<'_>, plan: &TablePlan, settings: &Settings) -> Self {
        let query = &plan.query;
        let want = Want::Rows {
            columns: query.columns.clone(),
            sort: query.sort.clone(),
            position: None,
            limit: None,
        };
        let has_sql = |filter: &Filter| matches!(filter, Filter::Sql { .. });
        Self {
            database: Arc::clone(&place.published.database),
            patience: query
                .filters
                .iter()
                .any(has_sql)
                .then(|| time_limit(settings)),
            what: What::Table(Ask {
                table: query.table.clone(),
                filters: query.filters.clone(),
                wants: vec![want.into()],
            }),
        }
    }

    /// All rows of a statement that was found to read only.
    pub(crate) fn query(published: &Published, statement: Statement, settings: &Settings) -> Self {
        Self {
            database: Arc::clone(&published.database),
            patience: Some(time_limit(settings)),
            what: What::Query(statement),
        }
    }

    /// The rows of a page.
    pub(crate) fn page(published: &Published, page: Page) -> Self {
        Self {
            database: Arc::clone(&published.database),
            patience: None,
            what: What::Page(page),
        }
    }

    /// Starts the rows and waits for the first batch, so that what is wrong from the start is known before anything
    /// is answered.
    pub(crate) async fn start(&self) -> Result<Export> {
        let cancel = CancelToken::default();
        let guard = cancel.cancel_on_drop();
        let limits = Limits {
            cancel,
            ..Limits::none()
        };
        let started = within(self.patience, self.rows(&limits)).await?;
        let mut export = Export {
            columns: started
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            batches: started.batches,
            first: None,
            patience: self.patience,
            _guard: guard,
        };
        export.first = export.next().await.transpose()?;
        Ok(export)
    }

    async fn rows(&self, limits: &Limits) -> Result<Rows> {
        match &self.what {
            What::Query(statement) => self.database.execute(statement, limits).await,
            What::Page(page) => Ok(page.to_rows()),
            What::Table(ask) => match self.database.ask(ask, limits).await.pop() {
                Some(Ok(Answer::Rows(rows))) => Ok(rows),
                Some(Err(error)) => Err(error),
                _ => Err(Error::internal("The source did not answer with rows")),
            },
        }
    }
}

/// Rows on their way to a file. Dropping it stops the reading.
pub(crate) struct Export {
    /// All columns that come.
    pub(crate) columns: Vec<String>,
    batches: Box<dyn BatchStream>,
    first: Option<Batch>,
    patience: Option<Duration>,
    _guard: CancelGuard,
}

impl Export {
    /// These rows, which were all, once more.
    pub(crate) fn again(mut self, batches: Vec<Batch>) -> Self {
        self.batches = Box::new(ReadyBatches::new(batches));
        self.first = None;
        self
    }

    /// The first batch, if there is any row. It comes again with `next`.
    pub(crate) fn first(&self) -> Option<&Batch> {
        self.first.as_ref()
    }

    /// The next batch, `None` behind the last.
    pub(crate) async fn next(&mut self) -> Option<Result<Batch>> {
        if let Some(batch) = self.first.take() {
            return Some(Ok(batch));
        }
        let next = self.batches.next();
        within(self.patience, async { next.await.transpose() })
            .await
            .transpose()
    }
}

fn time_limit(settings: &Settings) -> Duration {
    Duration::from_millis(settings.number("sql_time_limit_ms"))
}

async fn within<T>(patience: Option<Duration>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(patience) = patience else {
        return work.await;
    };
    tokio::time::timeout(patience, work)
        .await
        .unwrap_or_else(|_| {
            Err(
                Error::new(ErrorKind::TimedOut, "SQL query took too long").hint(format!(
                    "Each stretch of rows may take {} milliseconds (sql_time_limit_ms)",
                    patience.as_millis()
                )),
            )
        })
}
