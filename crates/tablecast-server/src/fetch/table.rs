//! A table's page: rows, count and facets, asked together.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join;
use tablecast_connector::{Answer, Ask, Count, Error, Filter, Limits, Result, Want, Wanted};

use super::beside::Sought;
use super::counting::{self, Sampled};
use super::facets::{self, FacetData, Suggestion};
use super::labels::{self, Labels};
use super::page::Page;
use super::{Place, limits, time_limit_ms, trace, waiting};
use crate::plan::paging;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::target::Format;
use crate::{Settings, Site};

/// Which of the things beside the rows are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wants {
    pub(crate) count: bool,
    pub(crate) facets: bool,
    pub(crate) suggestions: bool,
}

/// A table's page, fetched.
#[derive(Debug)]
pub(crate) struct TableData {
    pub(crate) page: Page,
    /// The token of the next page.
    pub(crate) next: Option<String>,
    pub(crate) count: Option<Count>,
    pub(crate) facets: Vec<FacetData>,
    pub(crate) timed_out: Vec<String>,
    /// Of those that timed out: what a page shows of them.
    pub(crate) sampled: Vec<Sampled>,
    pub(crate) suggestions: Vec<Suggestion>,
    pub(crate) labels: BTreeMap<String, Labels>,
    /// Labels of facets' values, by column.
    pub(crate) facet_labels: BTreeMap<String, Labels>,
    pub(crate) milliseconds: f64,
    /// Whether rows are left out, because they are too large or late.
    pub(crate) is_without_rows: bool,
    /// Whether they are late: another time, there may be time.
    pub(crate) is_late: bool,
}

impl TableData {
    pub(crate) async fn fetch(
        site: &Site,
        request: &Request,
        place: &Place<'_>,
        plan: &TablePlan,
        wants: Wants,
        labelled: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let started = Instant::now();
        let settings = &site.configuration.settings;
        let time_ms = time_limit_ms(request, settings)?;
        let facet_ms = facet_time_limit_ms(settings, time_ms);
        let suggests = settings.is_on("suggest_facets") && settings.is_on("allow_facet");
        let wants = Wants {
            suggestions: wants.suggestions && suggests,
            ..wants
        };
        // Programs are told what Datasette tells them: what would make good facets of the rows still to come.
        let looks_ahead =
            wants.suggestions && request.format == Format::Json && plan.behind().is_some();
        let beside = Wants {
            suggestions: wants.suggestions && !looks_ahead,
            ..wants
        };
        let beside = Sought::new(site, place, plan, beside);
        let sought = wants
            .facets
            .then(|| counting::Sought::new(site, place, plan));
        let mut parts = Parts {
            rows: rows_want(plan, time_ms),
            beside: beside.wants(settings, time_ms),
            facets: sought
                .as_ref()
                .map_or_else(Vec::new, |sought| sought.wants(facet_ms)),
        };
        if looks_ahead {
            parts
                .facets
                .extend(facets::suggestion_wants(plan, settings));
        }
        let longest_ms = if parts.facets.is_empty() {
            time_ms
        } else {
            time_ms.max(facet_ms)
        };
        let asking = waiting(request).within(Duration::from_millis(longest_ms));
        let answers = ask(place, plan, parts, &asking).await;
        let Answer::Rows(rows) = answers.rows? else {
            return no_answer();
        };
        let page = Page::gather(rows, plan.size).await?;
        let mut data = Self {
            next: next(plan, &page)?,
            page,
            count: None,
            facets: Vec::new(),
            timed_out: Vec::new(),
            sampled: Vec::new(),
            suggestions: Vec::new(),
            labels: BTreeMap::new(),
            facet_labels: BTreeMap::new(),
            milliseconds: 0.0,
            is_without_rows: false,
            is_late: false,
        };
        let mut facets = answers.facets.into_iter();
        if let Some(sought) = &sought {
            let (counted, late) = sought.take(&mut facets)?;
            data.facets = counted;
            data.sampled = sought.sample(site, request, &late).await?;
            data.timed_out = late.into_iter().map(|facet| facet.column).collect();
        }
        let beside = beside.take(request, answers.beside).await?;
        data.count = beside.count;
        data.suggestions = if looks_ahead {
            facets::suggestions(plan, facets)
        } else {
            beside.suggestions
        };
        // Labels have a time of their own: they are few, and the page is nothing without its rows.
        let limits = limits(request, settings)?;
        data.labels = labels::of_page(
            site,
            place.published,
            &plan.info,
            &data.page,
            labelled,
            &limits,
        )
        .await?;
        data.label_facets(site, place, &limits).await?;
        data.milliseconds = started.elapsed().as_secs_f64() * 1000.0;
        Ok(data)
    }

    /// The facet of a column, whole or of a sample.
    fn facet(&self, column: &str) -> Option<&FacetData> {
        let sampled = self.sampled.iter().map(|sampled| &sampled.facet);
        let mut facets = self.facets.iter().chain(sampled);
        facets.find(|facet| facet.plan.column == column)
    }

    async fn label_facets(
        &mut self,
        site: &Site,
        place: &Place<'_>,
        limits: &tablecast_connector::Limits,
    ) -> Result<()> {
        if self.facets.is_empty() && self.sampled.is_empty() {
            return Ok(());
        }
        self.facet_labels = labels::enumerated(&place.info, |column| self.facet(column).is_some());
        for (column, other, key) in labels::references(place.published, &place.info.name).await? {
            let Some(facet) = self.facet(&column) else {
                continue;
            };
            let values: Vec<_> = facet
                .values
                .iter()
                .map(|(value, _)| value.clone())
                .collect();
            let labels =
                labels::of_values(site, place.published, &other, &key, &values, limits).await?;
            self.facet_labels.insert(column, labels);
        }
        Ok(())
    }
}

/// What is asked for a page, and then what is answered.
struct Parts<One> {
    rows: One,
    /// The count and the suggestions.
    beside: Vec<One>,
    facets: Vec<One>,
}

/// The answers: from one ask where they are of the same rows. As with Datasette, facets count what is still to come,
/// the count counts all.
async fn ask(
    place: &Place<'_>,
    plan: &TablePlan,
    parts: Parts<Wanted>,
    limits: &Limits,
) -> Parts<Result<Answer>> {
    let filters = &plan.query.filters;
    let ask = |filters: Vec<Filter>, wants| Ask {
        table: plan.query.table.clone(),
        filters,
        wants,
    };
    let published = place.published;
    let beside = parts.beside.len();
    let mut wants = vec![parts.rows];
    wants.extend(parts.beside);
    let (answers, facets) = match plan.behind() {
        Some(behind) if !parts.facets.is_empty() => {
            let rest = filters.iter().cloned().chain([behind]).collect();
            let (all, rest) = (ask(filters.clone(), wants), ask(rest, parts.facets));
            join(
                trace::ask(published, &all, limits),
                trace::ask(published, &rest, limits),
            )
            .await
        }
        _ => {
            wants.extend(parts.facets);
            let all = ask(filters.clone(), wants);
            (trace::ask(published, &all, limits).await, Vec::new())
        }
    };
    let mut answers = answers.into_iter();
    Parts {
        rows: answers.next().unwrap_or_else(no_answer),
        beside: answers.by_ref().take(beside).collect(),
        facets: answers.chain(facets).collect(),
    }
}

fn rows_want(plan: &TablePlan, time_ms: u64) -> Wanted {
    let query = &plan.query;
    let want = Want::Rows {
        columns: query.columns.clone(),
        sort: query.sort.clone(),
        position: query.position.clone(),
        limit: query.limit,
    };
    Wanted {
        want,
        time_limit_ms: Some(time_ms),
    }
}

/// The milliseconds that a facet may take. Datasette's 200 are no default of ours: they leave facets of large tables
/// out that take a second, and are kept afterwards.
fn facet_time_limit_ms(settings: &Settings, time_ms: u64) -> u64 {
    if settings.is_given("facet_time_limit_ms") {
        return settings.number("facet_time_limit_ms");
    }
    time_ms.saturating_mul(3)
}

pub(super) fn no_answer<T>() -> Result<T> {
    Err(Error::internal(
        "The source did not answer each want of a request in its order",
    ))
}

fn next(plan: &TablePlan, page: &Page) -> Result<Option<String>> {
    if !page.more || page.rows == 0 {
        return Ok(None);
    }
    if plan.keys.is_empty() {
        let before = match plan.query.position {
            Some(tablecast_connector::Position::Offset(offset)) => offset,
            _ => 0,
        };
        return Ok(Some((before + page.rows as u64).to_string()));
    }
    let keys: Vec<&str> = plan.keys.iter().map(String::as_str).collect();
    let Some(key) = page.last_values(&keys)? else {
        return Ok(None);
    };
    let sort = match &plan.query.sort {
        Some(sort) => page
            .last_values(&[&sort.column])?
            .and_then(|mut values| values.pop()),
        None => None,
    };
    Ok(Some(paging::token(sort.as_ref(), &key)))
}
