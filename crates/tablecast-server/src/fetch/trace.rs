//! What a request asked of its sources and how long each answer took, for whoever asks for it with `_trace`.
//!
//! A trace belongs to the task that answers the request: nothing is recorded where nobody asked.

use std::cell::RefCell;
use std::time::Instant;

use serde_json::{Value as Json, json};
use tablecast_connector::{Answer, Ask, Limits, Result, Rows, Statement, Want, Wanted};

use super::facets::value_json;
use crate::Published;

tokio::task_local! {
    static TRACE: Trace;
}

/// What was asked so far.
struct Trace {
    started: Instant,
    asked: RefCell<Vec<Json>>,
}

/// Does `work` and tells what it asked, as `_trace` shows it.
pub(crate) async fn traced<T>(work: impl Future<Output = T>) -> (T, Json) {
    let trace = Trace {
        started: Instant::now(),
        asked: RefCell::default(),
    };
    let work = async {
        let done = work.await;
        let told = TRACE.with(Trace::to_json);
        (done, told)
    };
    TRACE.scope(trace, work).await
}

impl Trace {
    fn to_json(&self) -> Json {
        let asked = self.asked.take();
        let durations = asked
            .iter()
            .filter_map(|asked| asked.get("duration_ms")?.as_f64());
        json!({
            "request_duration_ms": milliseconds(self.started),
            "sum_trace_duration_ms": durations.sum::<f64>(),
            "num_traces": asked.len(),
            "traces": asked,
        })
    }
}

/// Asks a source.
pub(crate) async fn ask(published: &Published, ask: &Ask, limits: &Limits) -> Vec<Result<Answer>> {
    let started = Instant::now();
    let answers = published.database.ask(ask, limits).await;
    record(started, published, || {
        let errors: Vec<&str> = answers
            .iter()
            .filter_map(|answer| answer.as_ref().err())
            .map(tablecast_connector::Error::message)
            .collect();
        json!({
            "type": "ask",
            "table": ask.table,
            "wants": ask.wants.iter().map(what).collect::<Vec<_>>(),
            "filters": ask.filters.len(),
            "error": (!errors.is_empty()).then(|| errors.join("; ")),
        })
    });
    answers
}

/// Runs SQL on a source.
pub(crate) async fn execute(
    published: &Published,
    statement: &Statement,
    limits: &Limits,
) -> Result<Rows> {
    let started = Instant::now();
    let answer = published.database.execute(statement, limits).await;
    record(started, published, || {
        let parameters = statement.parameters.iter();
        let parameters: serde_json::Map<String, Json> = parameters
            .map(|(name, value)| (name.clone(), value_json(value)))
            .collect();
        json!({
            "type": "sql",
            "sql": statement.sql,
            "params": parameters,
            "error": answer.as_ref().err().map(tablecast_connector::Error::message),
        })
    });
    answer
}

fn what(wanted: &Wanted) -> String {
    match &wanted.want {
        Want::Rows { .. } => "rows".to_owned(),
        Want::Count { .. } => "count".to_owned(),
        Want::Facet { column, sample, .. } => {
            let whole = if sample.is_some() {
                "suggestion"
            } else {
                "facet"
            };
            format!("{whole} {column}")
        }
    }
}

fn record(started: Instant, published: &Published, asked: impl FnOnce() -> Json) {
    // Outside of a trace there is nowhere to record to.
    let _ = TRACE.try_with(|trace| {
        let mut asked = asked();
        if let Some(members) = asked.as_object_mut() {
            let start = started
                .saturating_duration_since(trace.started)
                .as_secs_f64();
            let duration = milliseconds(started);
            members.insert("database".to_owned(), published.name.clone().into());
            members.insert("start".to_owned(), start.into());
            members.insert("end".to_owned(), (start + duration / 1000.0).into());
            members.insert("duration_ms".to_owned(), duration.into());
        }
        trace.asked.borrow_mut().push(asked);
    });
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
