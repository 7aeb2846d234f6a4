//! Sources that lie, each about one thing: exactly one check must catch each, and every check must catch one.

#![cfg(test)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tablecast_connector::{
    Affinity, Array, Blocking, BlockingScan, BlockingSource, Capabilities, Count, Details,
    Dimension, Direction, Error, Identity, Limits, Result, ScanRequest, Sort, Source, Statement,
    Support, TableInfo, Version,
};
use tablecast_engine::complete;
use tablecast_testkit::examine::{Examined, Plan, examine};
use tablecast_testkit::{SOURCE_CHECKS, Stupid, check, dataset};

/// What the liar lies about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    HidesATable,
    InventsTables,
    MistakesAnAffinity,
    ChangesItsVersion,
    DeniesSqlAndRunsIt,
    MiscountsByOne,
    ClaimsAnArray,
    LosesARow,
    SwapsColumns,
    CountsNothingWithoutColumns,
    PromisesTooManyRows,
    ForgetsPartitionsOnceRead,
    PromisesToFilter,
    FiltersTooMuch,
    PromisesAnOrder,
    PromisesALimit,
    NumbersRowsAlike,
    ReadsOnWhenCancelled,
}

/// Every lie with the check that must catch it, and no other.
const LIES: &[(Lie, &str)] = &[
    (Lie::HidesATable, "every_table_is_listed"),
    (Lie::InventsTables, "an_unknown_table_is_not_found"),
    (Lie::MistakesAnAffinity, "every_column_is_described"),
    (
        Lie::ChangesItsVersion,
        "the_version_stands_still_while_nothing_changes",
    ),
    (Lie::DeniesSqlAndRunsIt, "what_is_denied_is_refused"),
    (Lie::MiscountsByOne, "a_count_is_right"),
    (Lie::ClaimsAnArray, "what_is_an_array_can_be_drawn"),
    (Lie::LosesARow, "a_scan_gives_every_row"),
    (Lie::SwapsColumns, "columns_come_as_asked"),
    (
        Lie::CountsNothingWithoutColumns,
        "a_scan_of_no_columns_counts",
    ),
    (Lie::PromisesTooManyRows, "rows_known_beforehand_come"),
    (
        Lie::ForgetsPartitionsOnceRead,
        "a_partition_can_be_read_again",
    ),
    (Lie::PromisesToFilter, "an_exact_filter_is_exact"),
    (Lie::FiltersTooMuch, "an_inexact_filter_loses_nothing"),
    (Lie::PromisesAnOrder, "the_promised_order_is_kept"),
    (Lie::PromisesALimit, "an_exact_limit_is_kept"),
    (Lie::NumbersRowsAlike, "row_numbers_are_distinct"),
    (Lie::ReadsOnWhenCancelled, "a_cancelled_scan_stops"),
];

struct Liar {
    honest: Stupid,
    lie: Lie,
    calls: AtomicU64,
}

impl Liar {
    fn tells(&self, lie: Lie) -> bool {
        self.lie == lie
    }
}

impl BlockingSource for Liar {
    fn details(&self) -> Details {
        self.honest.details()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            version: self.tells(Lie::ChangesItsVersion),
            table_count: self.tells(Lie::MiscountsByOne),
            ..Capabilities::default()
        }
    }

    fn version(&self) -> Option<Version> {
        let calls = self.calls.fetch_add(1, Ordering::Relaxed);
        self.tells(Lie::ChangesItsVersion)
            .then(|| Version(calls.into()))
    }

    fn table_count(&self, table: &str, _: Option<u64>, _: &Limits) -> Result<Count> {
        if !self.tells(Lie::MiscountsByOne) {
            return Err(Error::unsupported("table_count"));
        }
        let rows = if table == "trees" { 251 } else { 0 };
        Ok(Count {
            rows,
            truncated: false,
        })
    }

    fn execute(&self, _: &Statement, _: &Limits) -> Result<tablecast_connector::BlockingRows> {
        if !self.tells(Lie::DeniesSqlAndRunsIt) {
            return Err(Error::unsupported("execute"));
        }
        Ok(tablecast_connector::BlockingRows {
            columns: Vec::new(),
            batches: Box::new(std::iter::empty()),
        })
    }

    fn table_names(&self) -> Result<Vec<String>> {
        let mut names = self.honest.table_names()?;
        if self.tells(Lie::HidesATable) {
            names.pop();
        }
        Ok(names)
    }

    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
        if self.tells(Lie::InventsTables) && self.honest.table_info(table).is_err() {
            return Ok(Arc::new(TableInfo::new(table, Vec::new(), Identity::None)));
        }
        let mut info = (*self.honest.table_info(table)?).clone();
        if self.tells(Lie::MistakesAnAffinity)
            && let Some(column) = info.columns.first_mut()
        {
            column.affinity = Affinity::Text;
        }
        if self.tells(Lie::ClaimsAnArray) {
            info.array = Some(Array {
                dimensions: vec![Dimension::index("row", 2)],
                columns: vec!["station".to_owned()],
            });
        }
        if self.tells(Lie::NumbersRowsAlike) {
            info.identity = Identity::Key(vec!["station".to_owned()]);
        }
        Ok(Arc::new(info))
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let mut scan = self.honest.scan(request)?;
        let whole =
            request.filters.is_empty() && request.sort.is_empty() && request.limit.is_none();
        let straight = request
            .columns
            .first()
            .is_some_and(|first| first == "number");
        match self.lie {
            Lie::LosesARow if whole && straight => cut_off(&mut scan, 1),
            Lie::CountsNothingWithoutColumns if request.columns.is_empty() => {
                cut_off(&mut scan, 250);
            }
            Lie::SwapsColumns if request.columns.len() > 1 && !straight => {
                scan.columns.rotate_left(1);
            }
            Lie::PromisesTooManyRows => scan.rows = Some(7),
            Lie::ForgetsPartitionsOnceRead => forget_once_read(&mut scan),
            Lie::PromisesToFilter => scan.promises.filters.fill(Support::Exact),
            Lie::FiltersTooMuch if !request.filters.is_empty() => {
                scan.promises.filters.fill(Support::Inexact);
                cut_off(&mut scan, 10);
            }
            Lie::PromisesAnOrder => {
                scan.promises.order = vec![Sort {
                    column: "big".to_owned(),
                    direction: Direction::Ascending,
                }];
            }
            Lie::PromisesALimit => scan.promises.limit = Support::Exact,
            Lie::ReadsOnWhenCancelled => {
                let open = Arc::clone(&scan.open);
                scan.open = Arc::new(move |partition, _| open(partition, &Limits::none()));
            }
            _ => {}
        }
        Ok(scan)
    }
}

fn cut_off(scan: &mut BlockingScan, rows: u64) {
    for partition in &mut scan.partitions {
        partition.end = partition.end.saturating_sub(rows);
    }
}

/// The second reading of a scan's partition gives nothing.
fn forget_once_read(scan: &mut BlockingScan) {
    let (open, read) = (Arc::clone(&scan.open), AtomicU64::new(0));
    scan.open = Arc::new(move |partition, limits| {
        if read.fetch_add(1, Ordering::Relaxed) == 0 {
            return open(partition, limits);
        }
        Ok(Box::new(std::iter::empty()))
    });
}

fn source(source: impl BlockingSource) -> Arc<dyn Source> {
    match Blocking::new(source, 2) {
        Ok(source) => Arc::new(source),
        Err(error) => panic!("{error}"),
    }
}

fn caught(lie: Lie) -> Vec<&'static str> {
    let liar = Liar {
        honest: Stupid::new(dataset::tables()),
        lie,
        calls: AtomicU64::new(0),
    };
    check(&source(liar), &dataset::tables())
        .into_iter()
        .map(|failure| failure.check)
        .collect()
}

#[test]
fn every_lie_is_caught_by_exactly_one_check() {
    for (lie, expected) in LIES {
        assert_eq!(caught(*lie), [*expected], "{lie:?}");
    }
}

#[test]
fn every_check_catches_a_lie() {
    let checks: BTreeSet<&str> = SOURCE_CHECKS.iter().map(|check| check.name).collect();
    let catching: BTreeSet<&str> = LIES.iter().map(|(_, check)| *check).collect();
    assert_eq!(checks, catching);
}

#[test]
fn the_stupid_source_is_honest() {
    for honest in [
        Stupid::new(dataset::tables()),
        Stupid::numbered(dataset::tables()),
    ] {
        assert_eq!(check(&source(honest), &dataset::tables()), []);
    }
}

/// Lies that cannot be told from the truth by whoever does not know what the container holds.
const UNKNOWABLE: &[Lie] = &[Lie::HidesATable, Lie::MistakesAnAffinity];

fn examined(source: &Arc<dyn Source>) -> Examined {
    let database = complete(Arc::clone(source));
    let plan = Plan {
        questions: 10,
        ..Plan::default()
    };
    examine(source, &database, &plan, &mut |_| ())
}

fn liar(lie: Lie) -> Arc<dyn Source> {
    source(Liar {
        honest: Stupid::new(dataset::tables()),
        lie,
        calls: AtomicU64::new(0),
    })
}

#[test]
fn questions_find_every_lie_that_can_be_known() {
    for (lie, _) in LIES {
        let passed = examined(&liar(*lie)).passed();
        assert_eq!(passed, UNKNOWABLE.contains(lie), "{lie:?}");
    }
}

#[test]
fn questions_find_nothing_wrong_with_honest_sources() {
    for identity in [
        Identity::None,
        Identity::RowNumber { seekable: false },
        Identity::Key(vec!["number".to_owned()]),
    ] {
        let honest = source(Stupid::with_identity(dataset::tables(), identity));
        let examined = examined(&honest);
        let wrong: Vec<_> = examined
            .tests
            .iter()
            .flat_map(|test| &test.findings)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(examined.tests.iter().map(|test| test.asked).sum::<u32>() > 300);
    }
}

#[test]
fn the_same_seed_asks_the_same_and_another_seed_something_else() {
    let wrong = |seed: u64| {
        let source = liar(Lie::PromisesToFilter);
        let database = complete(Arc::clone(&source));
        let plan = Plan {
            seed,
            ..Plan::default()
        };
        let examined = examine(&source, &database, &plan, &mut |_| ());
        let findings = examined.tests.into_iter().flat_map(|test| test.findings);
        findings.collect::<Vec<_>>()
    };
    assert_eq!(wrong(1), wrong(1));
    assert_ne!(wrong(1), wrong(2));
}
