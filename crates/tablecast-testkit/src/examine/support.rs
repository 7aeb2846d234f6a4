//! What the connector does itself, found out by asking it, and what is done for it where it does not.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tablecast_connector::{
    Ask, Cell, Direction, Error, ErrorKind, Filter, Identity, Limits, OPERATORS, Operator, Result,
    ScanRequest, Sort, Source, Statement, Support, Value, Want,
};

use super::sample::{self, Sample};
use super::wait::wait;

/// One thing that a connector may do itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Supported {
    /// `method`, `filter`, `order` or `rows`.
    pub kind: &'static str,
    /// What.
    pub name: String,
    /// What the connector does: `itself`, `in part`, `for some columns` or `-`.
    pub connector: &'static str,
    /// What is done for it.
    pub engine: &'static str,
}

/// Done for every column and table.
const ITSELF: &str = "itself";
/// Rows are left out, and the engine looks at the rest again.
const IN_PART: &str = "in part";
const SOMETIMES: &str = "for some columns";
const NOT: &str = "-";

/// The methods of Datasette-Connectors, then those that came since, each with what is done in place of it.
const METHODS: &[(&str, &str)] = &[
    ("table_names", "required"),
    ("hidden_table_names", "no table is hidden"),
    ("detect_spatialite", "none"),
    ("view_names", "there are no views"),
    ("table_count", "told by a scan, or counted over it"),
    ("table_info", "required"),
    ("foreign_keys", "there are none but those declared"),
    ("table_exists", "told from table_info"),
    ("table_definition", "written from the columns"),
    ("indices_definition", "there are none"),
    ("detect_fts", "there is no search"),
    ("execute", "SQL is planned over scans"),
    ("scan", "required"),
    ("ask", "answered over scans"),
    ("version", "no answer is kept"),
    ("groups", "nothing is said of groups"),
    ("storage", "nothing is said of storage"),
    ("array", "there are no pictures"),
    ("file", "nothing to download"),
];

/// The support table of a source, from its first tables.
pub(super) fn table(
    source: &Arc<dyn Source>,
    samples: &[Sample],
    patience: Duration,
) -> Vec<Supported> {
    let Some(first) = samples.first() else {
        return Vec::new();
    };
    let probe = Probe {
        source,
        patience,
        first,
    };
    let mut all: Vec<Supported> = METHODS
        .iter()
        .map(|(method, instead)| Supported {
            kind: "method",
            name: (*method).to_owned(),
            connector: if probe.has(method, samples) {
                ITSELF
            } else {
                NOT
            },
            engine: instead,
        })
        .collect();
    // A few tables tell enough, and each costs a question for each operator and column.
    let some: Vec<&Sample> = samples.iter().take(5).collect();
    for (name, operator) in OPERATORS {
        all.push(Supported {
            kind: "filter",
            name: (*name).to_owned(),
            connector: summary(
                some.iter()
                    .flat_map(|sample| probe.filter(sample, *operator)),
            ),
            engine: "rows are filtered",
        });
    }
    all.push(Supported {
        kind: "order",
        name: "_sort".to_owned(),
        connector: summary(some.iter().flat_map(|sample| probe.sorts(sample))),
        engine: "rows are sorted",
    });
    all.push(Supported {
        kind: "rows",
        name: "_size".to_owned(),
        connector: summary(some.iter().filter_map(|sample| probe.limit(sample))),
        engine: "reading stops",
    });
    let seeks = some.iter().map(|sample| match sample.info.identity {
        Identity::RowNumber { seekable: true } | Identity::Key(_) => Support::Exact,
        _ => Support::Unsupported,
    });
    all.push(Supported {
        kind: "rows",
        name: "_next by key".to_owned(),
        connector: summary(seeks),
        engine: "rows in front are passed over",
    });
    all
}

fn summary(answers: impl Iterator<Item = Support>) -> &'static str {
    let answers: Vec<Support> = answers.collect();
    let all = |wanted: Support| answers.iter().all(|support| *support == wanted);
    if answers.is_empty() || all(Support::Unsupported) {
        NOT
    } else if all(Support::Exact) {
        ITSELF
    } else if all(Support::Inexact) {
        IN_PART
    } else {
        SOMETIMES
    }
}

struct Probe<'a> {
    source: &'a Arc<dyn Source>,
    patience: Duration,
    first: &'a Sample,
}

impl Probe<'_> {
    fn answers<T>(&self, future: impl Future<Output = Result<T>>) -> bool {
        let is_refused = |error: &Error| error.kind() == ErrorKind::Unsupported;
        wait(future, self.patience)
            .is_some_and(|result| !result.as_ref().err().is_some_and(is_refused))
    }

    fn has(&self, method: &str, samples: &[Sample]) -> bool {
        let (source, table) = (self.source, self.first.table.name.as_str());
        let limits = Limits::none().within(self.patience);
        match method {
            "hidden_table_names" => self.answers(source.hidden_table_names()),
            "detect_spatialite" => self.answers(source.detect_spatialite()),
            "view_names" => self.answers(source.view_names()),
            "table_count" => self.answers(source.table_count(table, Some(1), &limits)),
            "foreign_keys" => self.answers(source.foreign_keys(table)),
            "table_exists" => self.answers(source.table_exists(table)),
            "table_definition" => self.answers(source.table_definition(table)),
            "indices_definition" => self.answers(source.indices_definition(table)),
            "detect_fts" => self.answers(source.detect_fts(table)),
            "execute" => {
                let statement = Statement {
                    sql: "select 1".to_owned(),
                    parameters: Vec::new(),
                };
                self.answers(source.execute(&statement, &limits))
            }
            "ask" => self.asks(Vec::new(), Want::Count { at_most: Some(1) }),
            "version" => source.version().is_some(),
            "groups" => self.answers(source.groups()),
            "storage" => self.answers(source.storage(table)),
            "array" => samples.iter().any(|sample| sample.info.array.is_some()),
            "file" => source.file().is_some(),
            _ => true,
        }
    }

    /// Whether the source answers an ask itself.
    fn asks(&self, filters: Vec<Filter>, want: Want) -> bool {
        self.asks_of(self.first, filters, want)
    }

    fn asks_of(&self, sample: &Sample, filters: Vec<Filter>, want: Want) -> bool {
        let ask = Ask {
            table: sample.table.name.clone(),
            filters,
            wants: vec![want.into()],
        };
        let limits = Limits::none().within(self.patience);
        self.answers(async {
            let answers = self.source.ask(&ask, &limits).await;
            let answer = answers.into_iter().next();
            answer.unwrap_or_else(|| Err(Error::unsupported("ask")))
        })
    }

    fn scan_promises(
        &self,
        sample: &Sample,
        change: impl FnOnce(&mut ScanRequest),
    ) -> Option<tablecast_connector::Promises> {
        let mut request = ScanRequest {
            table: sample.table.name.clone(),
            columns: sample.names(),
            filters: Vec::new(),
            sort: Vec::new(),
            limit: None,
        };
        change(&mut request);
        self.source.scan(&request).ok().map(|scan| scan.promises)
    }

    /// What is done of the operator, for each column for which it means anything.
    fn filter(&self, sample: &Sample, operator: Operator) -> Vec<Support> {
        let mut answers = Vec::new();
        for (place, column) in sample.table.columns.iter().enumerate() {
            let cells = sample.table.rows.iter().filter_map(|row| row.get(place));
            let Some(value) = cells.filter(|value| **value != Value::Null).find_map(typed) else {
                continue;
            };
            let filter = Filter::Condition {
                column: column.name.clone(),
                operator,
                value,
            };
            if self.asks_of(
                sample,
                vec![filter.clone()],
                Want::Count { at_most: Some(1) },
            ) {
                answers.push(Support::Exact);
                continue;
            }
            let Ok(predicate) = sample::predicate(sample, &filter) else {
                continue;
            };
            let promises = self.scan_promises(sample, |request| request.filters = vec![predicate]);
            answers.extend(promises.and_then(|promises| promises.filters.first().copied()));
        }
        answers
    }

    fn sorts(&self, sample: &Sample) -> Vec<Support> {
        let columns = sample.table.columns.iter();
        columns
            .filter_map(|column| {
                let sort = Sort {
                    column: column.name.clone(),
                    direction: Direction::Descending,
                };
                let want = Want::Rows {
                    columns: sample.names(),
                    sort: Some(sort.clone()),
                    position: None,
                    limit: Some(1),
                };
                if self.asks_of(sample, Vec::new(), want) {
                    return Some(Support::Exact);
                }
                let promises = self.scan_promises(sample, |request| request.sort = vec![sort])?;
                Some(promises.sort)
            })
            .collect()
    }

    fn limit(&self, sample: &Sample) -> Option<Support> {
        let want = Want::Rows {
            columns: sample.names(),
            sort: None,
            position: None,
            limit: Some(1),
        };
        if self.asks_of(sample, Vec::new(), want) {
            return Some(Support::Exact);
        }
        let promises = self.scan_promises(sample, |request| request.limit = Some(1))?;
        Some(promises.limit)
    }
}

/// A cell as it is typed into a filter.
fn typed(value: &Value) -> Option<String> {
    match crate::plain::cell(value) {
        Cell::Bytes(_) | Cell::Null => None,
        Cell::Text(text) => Some(text.to_owned()),
        Cell::Integer(integer) => Some(integer.to_string()),
        Cell::Real(real) => Some(real.to_string()),
        other => other.iso(),
    }
}
