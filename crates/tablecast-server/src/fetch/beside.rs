//! What stands beside the rows and is the same on every page of them: how many there are, and which columns would make
//! good facets. It is kept while the data stand still, so that leafing through a table does not count it at each page.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tablecast_connector::{Answer, Count, ErrorKind, Result, Version, Want, Wanted};

use super::Place;
use super::facets::{self, Suggestion};
use super::table::{Wants, no_answer};
use crate::fleeting::is_fleeting;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::{Settings, Site};

/// Counting stops behind this many rows.
pub(crate) const COUNT_MAX: u64 = 10_000;

/// How many are kept; behind that, all are forgotten. Each takes some hundred bytes.
const KEPT_MAX: usize = 4096;

/// The count of the filtered rows, as far as it was asked for and known in time, and the suggestions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    pub(crate) count: Option<Count>,
    pub(crate) suggestions: Vec<Suggestion>,
}

/// What is known beside the rows of filtered tables, by all that it depends on, and of which version.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<String, (Version, Beside)>>);

impl Known {
    fn find(&self, key: &str, version: Version) -> Option<Beside> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, beside) = known.get(key)?;
        (*of == version).then(|| beside.clone())
    }

    fn keep(&self, key: String, version: Version, beside: Beside) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KEPT_MAX {
            known.clear();
        }
        known.insert(key, (version, beside));
    }
}

/// What is sought beside the rows of one request.
pub(crate) struct Sought<'a> {
    site: &'a Site,
    place: &'a Place<'a>,
    plan: &'a TablePlan,
    wants: Wants,
    /// By what it is kept, all that it depends on beside the data, and the data's version before anything is asked; `None`
    /// if nothing is to be kept.
    kept_by: Option<(String, Version)>,
    known: Option<Beside>,
    /// The rows of the table, where they were counted before and cannot have changed.
    counted_before: Option<u64>,
}

impl<'a> Sought<'a> {
    pub(crate) fn new(
        site: &'a Site,
        place: &'a Place<'a>,
        plan: &'a TablePlan,
        wants: Wants,
    ) -> Self {
        let (published, query) = (place.published, &plan.query);
        let counted_before = published
            .counts
            .get(&query.table)
            .copied()
            .filter(|_| wants.count && query.filters.is_empty());
        let wants = Wants {
            count: wants.count && counted_before.is_none(),
            ..wants
        };
        let is_kept = (wants.count || wants.suggestions) && !site.kept.is_off();
        let version = is_kept.then(|| published.database.version()).flatten();
        let kept_by = version.map(|version| (key(place, plan, wants), version));
        let known = kept_by.as_ref();
        let known = known.and_then(|(key, version)| site.beside.find(key, *version));
        Self {
            site,
            place,
            plan,
            wants,
            kept_by,
            known,
            counted_before,
        }
    }

    /// What has to be asked: nothing of what is known.
    pub(crate) fn wants(&self, settings: &Settings, time_ms: u64) -> Vec<Wanted> {
        let mut wants = Vec::new();
        if self.known.is_some() {
            return wants;
        }
        if self.wants.count {
            let want = Want::Count {
                at_most: Some(COUNT_MAX + 1),
            };
            wants.push(Wanted {
                want,
                time_limit_ms: Some(time_ms),
            });
        }
        if self.wants.suggestions {
            wants.extend(facets::suggestion_wants(self.plan, settings));
        }
        wants
    }

    /// What was sought, by the answers to what was asked. It is kept if it is whole and the data stood still.
    pub(crate) async fn take(
        self,
        request: &Request,
        answers: Vec<Result<Answer>>,
    ) -> Result<Beside> {
        if let Some(known) = self.known {
            return Ok(known);
        }
        let is_whole = answers.iter().all(Result::is_ok);
        let mut answers = answers.into_iter();
        let mut beside = Beside::default();
        if self.wants.count {
            beside.count = counted(answers.next().unwrap_or_else(no_answer))?;
        } else if let Some(rows) = self.counted_before {
            beside.count = Some(Count {
                rows,
                truncated: false,
            });
        }
        if self.wants.suggestions {
            beside.suggestions = facets::suggestions(self.plan, answers);
        }
        if let Some((key, version)) = self.kept_by
            && is_whole
            && self.place.published.database.version() == Some(version)
            && !is_fleeting(self.site, request).await
        {
            self.site.beside.keep(key, version, beside.clone());
        }
        Ok(beside)
    }
}

fn key(place: &Place<'_>, plan: &TablePlan, wants: Wants) -> String {
    let (database, query) = (&place.published.name, &plan.query);
    let suggested = wants.suggestions.then_some((&plan.facets, plan.facet_size));
    let (table, filters, count) = (&query.table, &query.filters, wants.count);
    format!("{database:?} {table:?} {filters:?} {count} {suggested:?}")
}

/// A count that takes too long is not known; that is no reason to refuse the page.
fn counted(answer: Result<Answer>) -> Result<Option<Count>> {
    match answer {
        Ok(Answer::Count(count)) => Ok(Some(count)),
        Ok(_) => no_answer(),
        Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
        Err(error) => Err(error),
    }
}
