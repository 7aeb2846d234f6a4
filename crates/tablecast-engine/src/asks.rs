//! Asks answered over scans. Wants that read everything (counts, facets) share one pass; rows are read by themselves.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use arrow_schema::DataType;
use futures::future::join_all;
use tablecast_connector::{
    Answer, Ask, Column, Count, ErrorKind, Limits, Predicate, Result, Rows, Source, TableInfo,
    TableQuery, Want, Wanted,
};

use crate::filters;
use crate::planned::{Planned, Wish, plan};
use crate::request;
use crate::runtime::{again, run};
use crate::stream::produce;
use crate::tally::{Pass, Subject, Tally};
use crate::where_sql::seen_through;
use crate::{in_order, sorted};

/// A table of a source with the filters of an ask, in typed form.
#[derive(Clone)]
struct Filtered {
    source: Arc<dyn Source>,
    table: Arc<TableInfo>,
    filters: Vec<Predicate>,
    /// Whether all rows of the table are meant.
    is_whole: bool,
}

/// Answers every want of `ask` over scans, in order.
pub(crate) async fn answer(
    source: &Arc<dyn Source>,
    ask: &Ask,
    limits: &Limits,
) -> Vec<Result<Answer>> {
    let filtered = match filtered(source, ask, limits).await {
        Ok(filtered) => filtered,
        Err(error) => return ask.wants.iter().map(|_| Err(again(&error))).collect(),
    };
    let mut answers: Vec<Option<Result<Answer>>> = ask.wants.iter().map(|_| None).collect();
    let mut shared = Vec::new();
    let mut in_order = Vec::new();
    for (number, (wanted, answer)) in ask.wants.iter().zip(&mut answers).enumerate() {
        match &wanted.want {
            Want::Rows { .. } => *answer = Some(rows(&filtered, ask, wanted, limits)),
            Want::Count { at_most } => {
                *answer = known_count(&filtered, *at_most, wanted, limits)
                    .await
                    .transpose();
                if answer.is_none() {
                    shared.push(number);
                }
            }
            Want::Facet { column, sample, .. } => {
                match (request::column(&filtered.table, column), sample) {
                    (Err(error), _) => *answer = Some(Err(error)),
                    (Ok(_), None) => shared.push(number),
                    (Ok(_), Some(_)) => in_order.push(number),
                }
            }
        }
    }
    let passes = [shared, in_order].map(|numbers| {
        let wants: Vec<&Wanted> = numbers.iter().filter_map(|at| ask.wants.get(*at)).collect();
        let filtered = &filtered;
        async move {
            let answers = tallied(filtered, &wants, limits).await;
            numbers.into_iter().zip(answers).collect::<Vec<_>>()
        }
    });
    for (number, found) in join_all(passes).await.into_iter().flatten() {
        if let Some(answer) = answers.get_mut(number) {
            *answer = Some(found);
        }
    }
    let missing = || {
        Err(tablecast_connector::Error::internal(
            "A want was not answered",
        ))
    };
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(missing))
        .collect()
}

async fn filtered(source: &Arc<dyn Source>, ask: &Ask, limits: &Limits) -> Result<Filtered> {
    limits.check()?;
    let table = source.table_info(&ask.table).await?;
    if let Some(reason) = &table.unreadable {
        return Err(tablecast_connector::Error::unreadable(reason.clone()).within(&ask.table));
    }
    let (seen, others) = seen_through(source, &table, &ask.filters)?;
    let is_whole = others.is_empty() && Arc::ptr_eq(&seen, source);
    let filters = filters::predicates(source, &table, &others, limits).await?;
    Ok(Filtered {
        source: seen,
        table,
        filters,
        is_whole,
    })
}

fn within(wanted: &Wanted, limits: &Limits) -> Limits {
    match wanted.time_limit_ms {
        Some(time) => limits.clone().within(Duration::from_millis(time)),
        None => limits.clone(),
    }
}

/// Rows: as they come where they come in order, otherwise sorted.
fn rows(filtered: &Filtered, ask: &Ask, wanted: &Wanted, limits: &Limits) -> Result<Answer> {
    let query = ask
        .table_query(&wanted.want)
        .ok_or_else(|| tablecast_connector::Error::internal("Rows were not wanted"))?;
    query_rows(filtered, &query, &within(wanted, limits)).map(Answer::Rows)
}

fn query_rows(filtered: &Filtered, query: &TableQuery, limits: &Limits) -> Result<Rows> {
    let table = &filtered.table;
    let sort = query.sort.as_ref();
    let order = request::order(table, sort)?;
    let (behind, skip) = request::position(table, sort, query.position.as_ref())?;
    let mut filters = filtered.filters.clone();
    filters.extend(behind);
    let most = match (query.limit, limits.rows) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let wish = Wish {
        table: table.name.clone(),
        columns: request::column_names(table, &query.columns)?,
        filters,
        order,
        limit: most.map(|most| most.saturating_add(skip)),
    };
    let planned = plan(filtered.source.as_ref(), &wish)?;
    let mut columns = planned.columns();
    for (column, name) in columns.iter_mut().zip(&query.columns) {
        column.name.clone_from(name);
    }
    let batches = if planned.is_ordered {
        let limits = limits.clone();
        let owned = limits.clone();
        produce(&limits, most, |sink| {
            in_order::read(planned, skip, owned, sink)
        })?
    } else {
        let types = types(table, &planned)?;
        let owned = limits.clone();
        produce(limits, most, |sink| {
            sorted::read(planned, types, wish.order, skip, owned, sink)
        })?
    };
    Ok(Rows {
        columns,
        batches: Box::new(batches),
    })
}

/// The Arrow types of all columns that are read.
pub(crate) fn types(table: &TableInfo, planned: &Planned) -> Result<Vec<DataType>> {
    let read = planned.names.iter().zip(&planned.scan.columns);
    read.map(|(name, output)| match &output.data_type {
        Some(data_type) => Ok(data_type.clone()),
        None => request::column(table, name).map(|Column { data_type, .. }| data_type),
    })
    .collect()
}

/// The count of a whole table, where the source knows it; or what a scan knows without reading.
async fn known_count(
    filtered: &Filtered,
    at_most: Option<u64>,
    wanted: &Wanted,
    limits: &Limits,
) -> Result<Option<Answer>> {
    if filtered.is_whole {
        let limits = within(wanted, limits);
        let table = &filtered.table.name;
        match filtered.source.table_count(table, at_most, &limits).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            counted => {
                return counted.map(|counted| Some(Answer::Count(counted)));
            }
        }
    }
    let planned = plan(filtered.source.as_ref(), &filtered.wish(Vec::new(), None))?;
    Ok(planned.rows().map(|rows| {
        Answer::Count(Count {
            rows,
            truncated: false,
        })
    }))
}

impl Filtered {
    /// The rows in any order.
    fn wish(&self, columns: Vec<String>, limit: Option<u64>) -> Wish {
        Wish {
            table: self.table.name.clone(),
            columns,
            filters: self.filters.clone(),
            order: Vec::new(),
            limit,
        }
    }
}

/// Counts and facets in one pass.
async fn tallied(filtered: &Filtered, wants: &[&Wanted], limits: &Limits) -> Vec<Result<Answer>> {
    if wants.is_empty() {
        return Vec::new();
    }
    let limits = longest(wants, limits);
    let pass = match pass(filtered, wants, &limits) {
        Ok(pass) => pass,
        Err(error) => return wants.iter().map(|_| Err(again(&error))).collect(),
    };
    let work = async move { Ok(pass.run().await) };
    run(&limits, work)
        .await
        .unwrap_or_else(|error| wants.iter().map(|_| Err(again(&error))).collect())
}

/// The limits within which all wants lie.
fn longest(wants: &[&Wanted], limits: &Limits) -> Limits {
    let times = wants.iter().map(|wanted| wanted.time_limit_ms);
    let longest: Option<Vec<u64>> = times.collect();
    match longest.and_then(|times| times.into_iter().max()) {
        Some(time) => limits.clone().within(Duration::from_millis(time)),
        None => limits.clone(),
    }
}

fn pass(filtered: &Filtered, wants: &[&Wanted], limits: &Limits) -> Result<Pass> {
    let mut columns: Vec<String> = Vec::new();
    let mut tallies = Vec::new();
    for wanted in wants {
        let (subject, sample) = match &wanted.want {
            Want::Facet {
                column,
                kind,
                limit,
                sample,
            } => {
                let name = request::column(&filtered.table, column)?.name;
                let place = columns.iter().position(|known| *known == name);
                let place = place.unwrap_or_else(|| {
                    columns.push(name);
                    columns.len() - 1
                });
                let subject = Subject::Values {
                    place,
                    kind: *kind,
                    limit: *limit,
                };
                (subject, *sample)
            }
            Want::Count { at_most } => (rows_up_to(*at_most), None),
            Want::Rows { limit, .. } => (rows_up_to(*limit), None),
        };
        tallies.push(Tally {
            subject,
            deadline: within(wanted, limits).deadline,
            sample,
        });
    }
    let samples: Option<Vec<u64>> = tallies.iter().map(|tally| tally.sample).collect();
    let mut wish = filtered.wish(columns, samples.and_then(|rows| rows.into_iter().max()));
    if tallies.iter().any(|tally| tally.sample.is_some()) {
        wish.order = request::order(&filtered.table, None)?;
    }
    let planned = plan(filtered.source.as_ref(), &wish)?;
    Ok(Pass {
        scan: planned.scan,
        condition: planned.condition,
        tallies,
        limits: limits.clone(),
    })
}

fn rows_up_to(at_most: Option<u64>) -> Subject {
    Subject::Rows {
        at_most,
        met: Arc::new(AtomicU64::new(0)),
    }
}

/// All rows of a query, for a filter that looks into another table.
pub(crate) async fn read_table(
    source: &Arc<dyn Source>,
    query: &TableQuery,
    limits: &Limits,
) -> Result<Rows> {
    let ask = Ask {
        table: query.table.clone(),
        filters: query.filters.clone(),
        wants: Vec::new(),
    };
    query_rows(&filtered(source, &ask, limits).await?, query, limits)
}
