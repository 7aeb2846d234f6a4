//! Facets that cannot be counted in their time: a page shows a sample of them, and their counting goes on behind it, so
//! that later requests are answered exactly.
//!
//! A facet is counted once, however many ask for it, and one is counted at a time. Nothing is counted of data that
//! cannot be said to stand still. Programs are never given a sample: they are told what timed out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tablecast_connector::{Answer, Ask, ErrorKind, Filter, Limits, Result, Value, Version, Wanted};

use super::facets::{self, FacetData};
use super::{Place, time_limit_ms, trace, waiting};
use crate::Site;
use crate::fleeting::is_fleeting;
use crate::plan::table::{FacetPlan, TablePlan};
use crate::request::Request;
use crate::request::target::Format;

/// Rows of a sample.
const SAMPLE_ROWS: u64 = 10_000;

/// Facets that are counted at a time. A source has two threads or more for what reads whole tables: one counts here, the
/// others answer those who wait.
const COUNTING_MAX: usize = 1;

/// How long a facet is counted.
const TIME_MAX: Duration = Duration::from_mins(10);

/// How many facets are known; behind that, all are forgotten but those that are being counted.
const KNOWN_MAX: usize = 1000;

/// Facets that took too long once, by all that they depend on, and of which version.
#[derive(Debug, Default)]
pub(crate) struct Counting(Mutex<HashMap<String, (Version, State)>>);

/// How far a facet is.
#[derive(Clone, Debug)]
enum State {
    Counting,
    Counted(Vec<(Value, u64)>, bool),
    /// It cannot be counted, or not in a time that anybody waits.
    GivenUp,
}

/// A facet of some first rows.
#[derive(Debug)]
pub(crate) struct Sampled {
    pub(crate) facet: FacetData,
    /// The most rows that were looked at.
    pub(crate) rows: u64,
    /// Whether the whole is being counted.
    pub(crate) is_counting: bool,
}

/// The facets of one request: some are known, others are to be asked.
pub(super) struct Sought<'a> {
    place: &'a Place<'a>,
    plan: &'a TablePlan,
    counting: &'a Arc<Counting>,
    /// The version before anything is asked; `None` if nothing may be kept.
    version: Option<Version>,
    known: Vec<Option<State>>,
}

impl Counting {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Version, State)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &str, version: Version) -> Option<State> {
        let known = self.lock();
        let (of, state) = known.get(key)?;
        (*of == version).then(|| state.clone())
    }

    /// Takes a place for counting, if one is free and nobody has begun.
    fn begin(&self, key: &str, version: Version) -> bool {
        let mut known = self.lock();
        let is_running = |state: &State| matches!(state, State::Counting);
        let running = known
            .values()
            .filter(|(_, state)| is_running(state))
            .count();
        let is_begun = known
            .get(key)
            .is_some_and(|(of, state)| *of == version || is_running(state));
        if is_begun || running >= COUNTING_MAX {
            return false;
        }
        if known.len() >= KNOWN_MAX {
            known.retain(|_, (_, state)| is_running(state));
        }
        known.insert(key.to_owned(), (version, State::Counting));
        true
    }

    fn end(&self, key: &str, version: Version, state: Option<State>) {
        let mut known = self.lock();
        match state {
            Some(state) => {
                known.insert(key.to_owned(), (version, state));
            }
            None => {
                known.remove(key);
            }
        }
    }
}

/// Gives the place of a facet back, however its counting ends.
struct Begun {
    counting: Arc<Counting>,
    key: String,
    version: Version,
    state: Option<State>,
}

impl Begun {
    fn ended(mut self, state: State) {
        self.state = Some(state);
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.counting
            .end(&self.key, self.version, self.state.take());
    }
}

impl<'a> Sought<'a> {
    pub(super) fn new(site: &'a Site, place: &'a Place<'a>, plan: &'a TablePlan) -> Self {
        let counting = &site.counting;
        let mut sought = Self {
            place,
            plan,
            counting,
            version: None,
            known: plan.facets.iter().map(|_| None).collect(),
        };
        if plan.facets.is_empty() || site.kept.is_off() {
            return sought;
        }
        sought.version = place.published.database.version();
        if let Some(version) = sought.version
            && !counting.lock().is_empty()
        {
            let known = plan.facets.iter();
            let known = known.map(|facet| counting.find(&sought.key(facet), version));
            sought.known = known.collect();
        }
        sought
    }

    /// The filters under which facets are counted: of what is still to come.
    fn filters(&self) -> Vec<Filter> {
        let filters = self.plan.query.filters.iter().cloned();
        filters.chain(self.plan.behind()).collect()
    }

    fn key(&self, facet: &FacetPlan) -> String {
        let (table, size) = (&self.plan.query.table, self.plan.facet_size);
        let (database, filters) = (&self.place.published.name, self.filters());
        let (kind, column) = (facet.kind, &facet.column);
        format!("{database:?} {table:?} {filters:?} {kind:?} {column:?} {size}")
    }

    /// What has to be asked: nothing that is known or being counted.
    pub(super) fn wants(&self, facet_ms: u64) -> Vec<Wanted> {
        let facets = self.plan.facets.iter().zip(&self.known);
        facets
            .filter(|(_, known)| known.is_none())
            .map(|(facet, _)| facets::want(facet, self.plan.facet_size, facet_ms))
            .collect()
    }

    /// The facets that are counted, and those for which the time was too short.
    pub(super) fn take(
        &self,
        answers: &mut impl Iterator<Item = Result<Answer>>,
    ) -> Result<(Vec<FacetData>, Vec<FacetPlan>)> {
        let (mut counted, mut late) = (Vec::new(), Vec::new());
        for (facet, known) in self.plan.facets.iter().zip(&self.known) {
            let plan = facet.clone();
            let answer = match known {
                Some(State::Counted(values, more)) => Ok(Answer::Facet {
                    values: values.clone(),
                    more: *more,
                }),
                Some(_) => {
                    late.push(plan);
                    continue;
                }
                None => answers.next().unwrap_or_else(super::table::no_answer),
            };
            match answer {
                Ok(Answer::Facet { values, more }) => {
                    counted.push(FacetData { plan, values, more });
                }
                Ok(_) => return super::table::no_answer(),
                Err(error) if error.kind() == ErrorKind::TimedOut => late.push(plan),
                Err(error) => return Err(error),
            }
        }
        Ok((counted, late))
    }

    /// What a page shows of facets that are late, while they are counted.
    pub(super) async fn sample(
        &self,
        site: &Site,
        request: &Request,
        late: &[FacetPlan],
    ) -> Result<Vec<Sampled>> {
        if late.is_empty() || request.format != Format::Html {
            return Ok(Vec::new());
        }
        if let Some(version) = self.version
            && !is_fleeting(site, request).await
        {
            for facet in late {
                self.count(facet, version);
            }
        }
        let time_ms = time_limit_ms(request, &site.configuration.settings)?;
        let wants = late
            .iter()
            .map(|facet| facets::sample(facet, self.plan.facet_size, SAMPLE_ROWS, time_ms));
        let ask = Ask {
            table: self.plan.query.table.clone(),
            filters: self.filters(),
            wants: wants.collect(),
        };
        let limits = waiting(request).within(Duration::from_millis(time_ms));
        let answers = trace::ask(self.place.published, &ask, &limits).await;
        let mut sampled = Vec::new();
        for (facet, answer) in late.iter().zip(answers) {
            // Where even a sample takes too long, the page says so.
            let Ok(Answer::Facet { values, more }) = answer else {
                continue;
            };
            let state = self
                .version
                .and_then(|version| self.counting.find(&self.key(facet), version));
            sampled.push(Sampled {
                facet: FacetData {
                    plan: facet.clone(),
                    values,
                    more,
                },
                rows: SAMPLE_ROWS,
                is_counting: matches!(state, Some(State::Counting)),
            });
        }
        Ok(sampled)
    }

    /// Counts a facet behind the request, unless that is being done or too much else is.
    fn count(&self, facet: &FacetPlan, version: Version) {
        let key = self.key(facet);
        if !self.counting.begin(&key, version) {
            return;
        }
        let begun = Begun {
            counting: Arc::clone(self.counting),
            key,
            version,
            state: None,
        };
        let want = facets::want(facet, self.plan.facet_size, u64::MAX).want;
        let ask = Ask {
            table: self.plan.query.table.clone(),
            filters: self.filters(),
            wants: vec![want.into()],
        };
        let database = Arc::clone(&self.place.published.database);
        tokio::spawn(async move {
            let limits = Limits::none().within(TIME_MAX);
            // When the program stops, this task is dropped, and its work with it.
            let _guard = limits.cancel.cancel_on_drop();
            let answer = database.ask(&ask, &limits).await.pop();
            if database.version() != Some(version) {
                return;
            }
            begun.ended(match answer {
                Some(Ok(Answer::Facet { values, more })) => State::Counted(values, more),
                _ => State::GivenUp,
            });
        });
    }
}
