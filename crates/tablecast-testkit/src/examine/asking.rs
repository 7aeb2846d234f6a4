//! What a test has at hand: the source, its completed database, the table's rows, chance; and how it says what is wrong.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tablecast_connector::{
    Answer, Ask, Count, Database, Error, ErrorKind, Limits, Result, Rows, Scan, ScanRequest,
    Source, Statement, Value, Want,
};

use super::question::Question;
use super::sample::Sample;
use super::wait::wait;
use super::{Finding, tell};
use crate::chance::Chance;
use crate::plain::Values;

/// More of one test are not told.
const FINDINGS: usize = 3;

/// A running test.
pub(super) struct Asking<'a> {
    pub(super) source: &'a Arc<dyn Source>,
    pub(super) database: &'a dyn Database,
    pub(super) sample: &'a Sample,
    pub(super) chance: Chance,
    pub(super) questions: u32,
    pub(super) patience: Duration,
    pub(super) started: Instant,
    pub(super) asked: u32,
    pub(super) skipped: Option<String>,
    pub(super) findings: Vec<Finding>,
}

impl Asking<'_> {
    /// Whether another question is to be asked, for which there is time; counts it.
    pub(super) fn goes_on(&mut self) -> bool {
        let goes_on = self.asked < self.questions
            && self.findings.len() < FINDINGS
            && self.started.elapsed() < self.patience;
        self.asked += u32::from(goes_on);
        goes_on
    }

    /// Says that nothing can be asked.
    pub(super) fn skip(&mut self, reason: impl Into<String>) {
        if self.asked == 0 {
            self.skipped = Some(reason.into());
        }
    }

    /// Says what is wrong.
    pub(super) fn wrong(
        &mut self,
        request: impl Into<String>,
        expected: impl Into<String>,
        got: impl Into<String>,
    ) {
        if self.findings.len() < FINDINGS {
            self.findings.push(Finding {
                request: request.into(),
                expected: expected.into(),
                got: got.into(),
            });
        }
    }

    /// Says that an error came where an answer belongs. That a table which is too large to be read whole takes longer than
    /// the patience is no fault.
    pub(super) fn failed(
        &mut self,
        request: impl Into<String>,
        expected: impl Into<String>,
        error: &Error,
    ) {
        if self.sample.is_whole || error.kind() != ErrorKind::TimedOut {
            self.wrong(request, expected, tell::error(error));
        }
    }

    /// Holds rows against what belongs there.
    pub(super) fn same(&mut self, request: impl Into<String>, expected: &Values, got: &Values) {
        if expected != got {
            let (expected, got) = tell::rows(expected, got);
            self.wrong(request, expected, got);
        }
    }

    /// Limits that end with the patience.
    pub(super) fn limits(&self) -> Limits {
        Limits::none().within(self.patience)
    }

    /// The future's result, or an error that tells how long it took.
    pub(super) fn wait<T>(&self, future: impl Future<Output = Result<T>>) -> Result<T> {
        // What was told to stop has a moment to do so.
        let patience = self.patience + Duration::from_secs(2);
        let started = Instant::now();
        wait(future, patience).unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::TimedOut,
                format!("No answer within {:.0?}", started.elapsed()),
            ))
        })
    }

    /// The database's answer to one want.
    pub(super) fn answer(&self, question: &Question, want: Want) -> Result<Answer> {
        self.answer_within(question, want, &self.limits())
    }

    /// The database's answer to one want under these limits.
    pub(super) fn answer_within(
        &self,
        question: &Question,
        want: Want,
        limits: &Limits,
    ) -> Result<Answer> {
        let ask = Ask {
            table: question.table.clone(),
            filters: question.filters.clone(),
            wants: vec![want.into()],
        };
        self.wait(async {
            let mut answers = self.database.ask(&ask, limits).await;
            match (answers.pop(), answers.is_empty()) {
                (Some(answer), true) => answer,
                _ => Err(Error::internal("One want, but not one answer")),
            }
        })
    }

    /// The rows that the database answers with.
    pub(super) fn rows(&self, question: &Question) -> Result<Values> {
        self.rows_within(question, &self.limits())
    }

    /// The rows that the database answers with under these limits.
    pub(super) fn rows_within(&self, question: &Question, limits: &Limits) -> Result<Values> {
        match self.answer_within(question, question.rows_want(), limits)? {
            Answer::Rows(rows) => self.read(rows),
            other => Err(Error::internal(format!("Rows are wanted, {other:?} came"))),
        }
    }

    /// How many rows the database says there are.
    pub(super) fn count(&self, question: &Question, at_most: Option<u64>) -> Result<Count> {
        match self.answer(question, Want::Count { at_most })? {
            Answer::Count(count) => Ok(count),
            other => Err(Error::internal(format!(
                "A count is wanted, {other:?} came"
            ))),
        }
    }

    /// The rows of a person's SQL.
    pub(super) fn sql(&self, sql: &str, parameters: Vec<(String, Value)>) -> Result<Values> {
        let statement = Statement {
            sql: sql.to_owned(),
            parameters,
        };
        let limits = self.limits();
        let rows = self.wait(self.database.execute(&statement, &limits))?;
        self.read(rows)
    }

    /// Rows, read to their end.
    pub(super) fn read(&self, rows: Rows) -> Result<Values> {
        let width = rows.columns.len();
        let mut batches = rows.batches;
        let mut values = Values::new();
        while let Some(batch) = self.wait(async { Ok(batches.next().await) })? {
            let batch = batch?;
            if batch.rows() > 0 && batch.width() != width {
                return Err(Error::internal(format!(
                    "A batch has {} columns, {width} are announced",
                    batch.width()
                )));
            }
            super::sample::append(&batch, &mut values)?;
        }
        Ok(values)
    }

    /// The rows of all partitions of a scan, the source's own.
    pub(super) fn scanned(&self, request: &ScanRequest) -> Result<(Scan, Values)> {
        let scan = self.source.scan(request)?;
        let limits = self.limits();
        let mut values = Values::new();
        for partition in &scan.partitions {
            let mut batches = self.wait(scan.reader.open(partition, &limits))?;
            while let Some(batch) = self.wait(async { Ok(batches.next().await) })? {
                super::sample::append(&batch?, &mut values)?;
            }
        }
        Ok((scan, values))
    }
}
