//! Level filter: filtered rows and counts are those that pass, and what a scan promises of a filter is kept.

use tablecast_connector::{Promises, ScanRequest, Support};

use super::asking::Asking;
use super::question::{Question, has_order};
use super::{Test, tell};
use crate::plain::{Values, compare_rows, passes};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "filtered_rows_are_those_that_pass",
        run: filtered_rows_are_those_that_pass,
    },
    Test {
        name: "filtered_rows_are_counted",
        run: filtered_rows_are_counted,
    },
    Test {
        name: "a_scan_filters_as_it_promises",
        run: a_scan_filters_as_it_promises,
    },
];

/// Rows that are asked of a table of which not all are read.
const SOME: u64 = 100;

fn filtered_rows_are_those_that_pass(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    while asking.goes_on() {
        let mut question = Question::filtered(sample, &mut asking.chance);
        if !sample.is_whole {
            question.limit = Some(SOME);
        }
        let request = tell::address(&question);
        let expected = match question.expected(sample) {
            Ok(expected) => expected,
            Err(error) => {
                asking.wrong(request, "a filter that can be typed", tell::error(&error));
                continue;
            }
        };
        match asking.rows(&question) {
            Err(error) => asking.failed(request, format!("{} rows", expected.len()), &error),
            Ok(found) if sample.is_whole => compare(asking, request, expected, found),
            Ok(found) => compare_some(asking, &question, request, &expected, &found),
        }
    }
}

/// Holds rows against all that belong, in order where there is one.
pub(super) fn compare(
    asking: &mut Asking<'_>,
    request: String,
    mut expected: Values,
    mut found: Values,
) {
    if !has_order(asking.sample) {
        expected.sort_by(|a, b| compare_rows(a, b));
        found.sort_by(|a, b| compare_rows(a, b));
    }
    asking.same(request, &expected, &found);
}

/// Of a table of which not all rows are read: no row may come that does not pass, and those that were read come first
/// where rows come by number.
fn compare_some(
    asking: &mut Asking<'_>,
    question: &Question,
    request: String,
    expected: &Values,
    found: &Values,
) {
    let table = &asking.sample.table;
    let Ok(predicate) = question.predicate(asking.sample) else {
        return;
    };
    if let Some(row) = found.iter().find(|row| !passes(table, row, &predicate)) {
        let (_, got) = tell::rows(&Vec::new(), &vec![row.clone()]);
        return asking.wrong(request, "rows that pass the filter", got);
    }
    if asking.sample.is_numbered() {
        let first: Values = expected.iter().take(SOME as usize).cloned().collect();
        let found: Values = found.iter().take(first.len()).cloned().collect();
        asking.same(request, &first, &found);
    }
}

fn filtered_rows_are_counted(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    while asking.goes_on() {
        let question = Question::filtered(sample, &mut asking.chance);
        let request = format!("{}&_extra=count", tell::address(&question));
        let Ok(expected) = question.expected(sample).map(|rows| rows.len() as u64) else {
            continue;
        };
        let at_most = asking
            .chance
            .once_in(3)
            .then(|| 1 + asking.chance.below(20) as u64);
        match asking.count(&question, at_most) {
            Err(error) => asking.failed(request, expected.to_string(), &error),
            Ok(found) => {
                // One that stopped says so, and did not stop earlier than it may.
                let least = match at_most {
                    Some(at_most) if found.truncated => expected.min(at_most),
                    _ => expected,
                };
                if found.rows != least && (sample.is_whole || found.rows < least) {
                    let found = format!("{} (stopped: {})", found.rows, found.truncated);
                    asking.wrong(request, least.to_string(), found);
                }
            }
        }
    }
}

fn a_scan_filters_as_it_promises(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !sample.is_whole {
        return asking.skip("not all rows of the table are read");
    }
    while asking.goes_on() {
        let question = Question::filtered(sample, &mut asking.chance);
        let predicates: Result<Vec<_>, _> = question
            .filters
            .iter()
            .map(|filter| super::sample::predicate(sample, filter))
            .collect();
        let (Ok(filters), Ok(expected)) = (predicates, question.expected(sample)) else {
            continue;
        };
        let request = format!("a scan for {}", tell::address(&question));
        let scan = ScanRequest {
            table: sample.table.name.clone(),
            columns: sample.names(),
            filters,
            sort: Vec::new(),
            limit: None,
        };
        match asking.scanned(&scan) {
            Err(error) => asking.failed(request, "rows", &error),
            Ok((scan, found)) => kept(
                asking,
                request,
                &scan.promises,
                question.filters.len(),
                (expected, found),
            ),
        }
    }
}

/// Holds rows of a filtered scan against what was promised of its filters.
fn kept(
    asking: &mut Asking<'_>,
    request: String,
    promises: &Promises,
    filters: usize,
    (mut expected, mut found): (Values, Values),
) {
    if promises.filters.len() != filters {
        let got = format!("{} promises", promises.filters.len());
        return asking.wrong(
            request,
            format!("a promise for each of {filters} filters"),
            got,
        );
    }
    expected.sort_by(|a, b| compare_rows(a, b));
    found.sort_by(|a, b| compare_rows(a, b));
    if promises
        .filters
        .iter()
        .all(|support| *support == Support::Exact)
    {
        return asking.same(request, &expected, &found);
    }
    // Both are in the same order, so that each row that belongs is found behind the last one.
    let mut left = found.iter();
    let missing = expected
        .iter()
        .find(|row| !left.any(|other| other == *row))
        .cloned();
    if let Some(row) = missing {
        let (lost, _) = tell::rows(&vec![row], &Vec::new());
        let got = format!("{} rows, without that one", found.len());
        asking.wrong(request, format!("no row left out ({lost})"), got);
    }
}
