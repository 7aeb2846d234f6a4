//! Level read: what the source says of its tables, and what its scans promise without a filter.

use std::sync::Arc;

use tablecast_connector::ScanRequest;

use super::asking::Asking;
use super::question::{Question, has_order};
use super::{Test, tell};
use crate::checks::{Outcome, Subject, metadata, scans};
use crate::plain::{compare_rows, put_in_order};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "an_unknown_table_is_not_found",
        run: |asking| {
            check(
                asking,
                Needs::Nothing,
                metadata::an_unknown_table_is_not_found,
            );
        },
    },
    Test {
        name: "the_version_stands_still_while_nothing_changes",
        run: |asking| {
            check(
                asking,
                Needs::Nothing,
                metadata::the_version_stands_still_while_nothing_changes,
            );
        },
    },
    Test {
        name: "what_is_denied_is_refused",
        run: |asking| check(asking, Needs::Nothing, metadata::what_is_denied_is_refused),
    },
    Test {
        name: "what_is_an_array_can_be_drawn",
        run: |asking| {
            check(
                asking,
                Needs::Nothing,
                metadata::what_is_an_array_can_be_drawn,
            );
        },
    },
    Test {
        name: "a_cancelled_scan_stops",
        run: |asking| check(asking, Needs::Nothing, scans::a_cancelled_scan_stops),
    },
    Test {
        name: "a_count_is_right",
        run: |asking| check(asking, Needs::AllRows, metadata::a_count_is_right),
    },
    Test {
        name: "columns_come_as_asked",
        run: |asking| check(asking, Needs::AllRows, scans::columns_come_as_asked),
    },
    Test {
        name: "a_scan_of_no_columns_counts",
        run: |asking| check(asking, Needs::AllRows, scans::a_scan_of_no_columns_counts),
    },
    Test {
        name: "rows_known_beforehand_come",
        run: |asking| check(asking, Needs::AllRows, scans::rows_known_beforehand_come),
    },
    Test {
        name: "a_partition_can_be_read_again",
        run: |asking| check(asking, Needs::AllRows, scans::a_partition_can_be_read_again),
    },
    Test {
        name: "row_numbers_are_distinct",
        run: |asking| check(asking, Needs::AllRows, scans::row_numbers_are_distinct),
    },
    Test {
        name: "an_exact_limit_is_kept",
        run: |asking| check(asking, Needs::AllRows, scans::an_exact_limit_is_kept),
    },
    Test {
        name: "columns_come_in_any_choice",
        run: columns_come_in_any_choice,
    },
    Test {
        name: "the_whole_table_is_its_scan",
        run: the_whole_table_is_its_scan,
    },
];

/// What of a table a check needs.
#[derive(Clone, Copy)]
enum Needs {
    Nothing,
    AllRows,
}

/// Runs a check of the kit on this one table.
fn check(asking: &mut Asking<'_>, needs: Needs, run: fn(&Subject) -> Outcome) {
    if matches!(needs, Needs::AllRows) && !asking.sample.is_whole {
        return asking.skip("not all rows of the table are read");
    }
    asking.asked = 1;
    let table = asking.sample.shown();
    let path = format!("/{}", tell::tilde(&table.name));
    let subject = Subject::new(Arc::clone(asking.source), None, &[table]);
    if let Err(what) = run(&subject) {
        asking.wrong(path, "what the contract of a source says", what);
    }
}

/// Some columns, in any order, hold the same cells as all of them do.
fn columns_come_in_any_choice(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !sample.is_whole {
        return asking.skip("not all rows of the table are read");
    }
    while asking.goes_on() {
        let mut places: Vec<usize> = Vec::new();
        for _ in 0..=asking.chance.below(4) {
            let place = asking.chance.below(sample.table.columns.len());
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let columns: Vec<String> = places
            .iter()
            .filter_map(|place| sample.table.columns.get(*place))
            .map(|column| column.name.clone())
            .collect();
        let request = format!("a scan of {} for {}", sample.table.name, columns.join(", "));
        let scan = ScanRequest {
            table: sample.table.name.clone(),
            columns,
            filters: Vec::new(),
            sort: Vec::new(),
            limit: None,
        };
        match asking.scanned(&scan) {
            Err(error) => asking.wrong(request, "rows", tell::error(&error)),
            Ok((_, mut found)) => {
                let mut expected: Vec<_> = sample
                    .table
                    .rows
                    .iter()
                    .map(|row| {
                        let cells = places.iter().filter_map(|place| row.get(*place));
                        cells.cloned().collect::<Vec<_>>()
                    })
                    .collect();
                // Partitions may be cut in another way.
                expected.sort_by(|a, b| compare_rows(a, b));
                found.sort_by(|a, b| compare_rows(a, b));
                asking.same(request, &expected, &found);
            }
        }
    }
}

fn the_whole_table_is_its_scan(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    asking.asked = 1;
    let mut question = Question::all(sample);
    question.limit = Some(sample.table.rows.len() as u64 + u64::from(sample.is_whole));
    let request = tell::address(&question);
    match asking.rows(&question) {
        Err(error) => asking.wrong(request, "rows", tell::error(&error)),
        Ok(mut found) => {
            let mut expected = sample.table.rows.clone();
            if has_order(sample) && (sample.is_whole || sample.is_numbered()) {
                put_in_order(&sample.table, &mut expected, &sample.info.identity.order());
            } else if sample.is_whole {
                expected.sort_by(|a, b| compare_rows(a, b));
                found.sort_by(|a, b| compare_rows(a, b));
            } else {
                return;
            }
            asking.same(request, &expected, &found);
        }
    }
}
