//! Level sort: rows come in the order asked for, ties by identity; and a scan keeps the order that it promises.

use tablecast_connector::{ScanRequest, Support, Value};

use super::asking::Asking;
use super::question::{self, Question, has_order};
use super::sample::Sample;
use super::{Test, tell};
use crate::plain::{Values, compare_rows, put_in_order};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "rows_come_in_order",
        run: rows_come_in_order,
    },
    Test {
        name: "a_scan_keeps_the_order_it_promises",
        run: a_scan_keeps_the_order_it_promises,
    },
];

fn rows_come_in_order(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if sample.comparable.is_empty() {
        return asking.skip("there is no column to sort by");
    }
    while asking.goes_on() {
        let mut question = if asking.chance.once_in(3) {
            Question::filtered(sample, &mut asking.chance)
        } else {
            Question::all(sample)
        };
        let Some((place, sort)) = question::sort(sample, &mut asking.chance) else {
            return;
        };
        question.sort = Some(sort);
        question.limit = if !sample.is_whole || asking.chance.once_in(2) {
            Some(1 + asking.chance.below(50) as u64)
        } else {
            None
        };
        let request = tell::address(&question);
        let Ok(mut expected) = question.expected(sample) else {
            continue;
        };
        if let Some(limit) = question.limit {
            expected.truncate(limit as usize);
        }
        match asking.rows(&question) {
            Err(error) => asking.failed(request, format!("{} rows", expected.len()), &error),
            Ok(found) if !sample.is_whole => {
                first_of_more(asking, request, &question, place, (&expected, found));
            }
            Ok(found) if has_order(sample) => asking.same(request, &expected, &found),
            Ok(found) => {
                asking.same(&request, &cells(&expected, place), &cells(&found, place));
                all_there(asking, request, sample, found);
            }
        }
    }
}

fn cells(rows: &Values, place: usize) -> Values {
    let cells = rows.iter().filter_map(|row| row.get(place));
    cells.map(|cell| vec![cell.clone()]).collect()
}

/// Rows without an identity may come in any order among equals, but each only as often as it is there.
fn all_there(asking: &mut Asking<'_>, request: String, sample: &Sample, mut found: Values) {
    let mut known = sample.table.rows.clone();
    known.sort_by(|a, b| compare_rows(a, b));
    found.sort_by(|a, b| compare_rows(a, b));
    let mut left = known.iter();
    let invented = found.iter().find(|row| !left.any(|other| other == *row));
    if let Some(row) = invented {
        let (_, got) = tell::rows(&Vec::new(), &vec![row.clone()]);
        asking.wrong(request, "rows of the table, each once", got);
    }
}

/// Of a table of which not all rows are read: the rows are in order, and none comes behind one that was read.
fn first_of_more(
    asking: &mut Asking<'_>,
    request: String,
    question: &Question,
    place: usize,
    (expected, found): (&Values, Values),
) {
    let mut ordered = found.clone();
    put_in_order(
        &asking.sample.table,
        &mut ordered,
        &question.order(asking.sample),
    );
    if !has_order(asking.sample) {
        return asking.same(request, &cells(&ordered, place), &cells(&found, place));
    }
    asking.same(&request, &ordered, &found);
    if found.len() < expected.len() {
        let (expected, got) = tell::rows(expected, &found);
        asking.wrong(request, format!("at least {expected}"), got);
    }
}

fn a_scan_keeps_the_order_it_promises(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !sample.is_whole || sample.comparable.is_empty() {
        return asking.skip("not all rows of the table are read, or there is no column to sort by");
    }
    while asking.goes_on() {
        let Some((_, sort)) = question::sort(sample, &mut asking.chance) else {
            return;
        };
        let request = format!("a scan of {} by {sort:?}", sample.table.name);
        let scan = ScanRequest {
            table: sample.table.name.clone(),
            columns: sample.names(),
            filters: Vec::new(),
            sort: vec![sort],
            limit: None,
        };
        match asking.scanned(&scan) {
            Err(error) => asking.failed(request, "rows", &error),
            Ok((promised, found)) => {
                let mut expected = found.clone();
                if promised.promises.sort == Support::Exact {
                    put_in_order(&sample.table, &mut expected, &scan.sort);
                }
                put_in_order_of(sample, &mut expected, &promised.promises.order);
                asking.same(request, &expected, &found);
            }
        }
    }
}

/// The order that comes whatever is asked, as far as it is of columns that are read.
fn put_in_order_of(sample: &Sample, rows: &mut Values, order: &[tablecast_connector::Sort]) {
    let known: Vec<_> = order
        .iter()
        .take_while(|sort| sample.table.position(&sort.column).is_some())
        .cloned()
        .collect();
    let is_told = |value: &Value| *value != Value::Null;
    if !known.is_empty() && rows.iter().flatten().any(is_told) {
        put_in_order(&sample.table, rows, &known);
    }
}
