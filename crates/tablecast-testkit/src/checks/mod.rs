//! The checks, as lists: each has a name that is a sentence, and is a function that says what is wrong.

mod asks;
pub(crate) mod metadata;
pub(crate) mod scans;
mod subject;

use std::fmt;
use std::sync::Arc;

use tablecast_connector::{Database, Source};

use crate::dataset::Table;
pub(crate) use subject::Subject;

/// One check.
#[derive(Clone, Copy)]
pub struct Check {
    /// What is true of a good source.
    pub name: &'static str,
    run: fn(&Subject) -> Outcome,
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What is wrong, in words.
pub(crate) type Outcome = Result<(), String>;

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The check's name.
    pub check: &'static str,
    /// What was promised and what came.
    pub what: String,
}

macro_rules! checks {
    ($($room:ident::$name:ident),* $(,)?) => {
        &[$(Check { name: stringify!($name), run: $room::$name }),*]
    };
}

/// The checks of a source, in the order in which they run.
pub const SOURCE_CHECKS: &[Check] = checks![
    metadata::every_table_is_listed,
    metadata::an_unknown_table_is_not_found,
    metadata::every_column_is_described,
    metadata::the_version_stands_still_while_nothing_changes,
    metadata::what_is_denied_is_refused,
    metadata::a_count_is_right,
    metadata::what_is_an_array_can_be_drawn,
    scans::a_scan_gives_every_row,
    scans::columns_come_as_asked,
    scans::a_scan_of_no_columns_counts,
    scans::rows_known_beforehand_come,
    scans::a_partition_can_be_read_again,
    scans::an_exact_filter_is_exact,
    scans::an_inexact_filter_loses_nothing,
    scans::the_promised_order_is_kept,
    scans::an_exact_limit_is_kept,
    scans::row_numbers_are_distinct,
    scans::a_cancelled_scan_stops,
];

/// The checks of a completed source: every request has its right answer.
const DATABASE_CHECKS: &[Check] = checks![
    asks::every_operator_finds_its_rows,
    asks::every_sort_is_in_order,
    asks::pages_join_up,
    asks::counts_stop_where_told,
    asks::facets_count,
];

/// Holds `source`, which stores `tables`, against every check of a source. Empty if all is well.
pub fn check(source: &Arc<dyn Source>, tables: &[Table]) -> Vec<Failure> {
    run(
        SOURCE_CHECKS,
        &Subject::new(Arc::clone(source), None, tables),
    )
}

/// As [`check`], and then `database`, which completes the source, against every check of a database.
///
/// The latter only if the former all passed: what a lying source spoils is not the engine's fault.
pub fn check_database(
    source: &Arc<dyn Source>,
    database: &Arc<dyn Database>,
    tables: &[Table],
) -> Vec<Failure> {
    let subject = Subject::new(Arc::clone(source), Some(Arc::clone(database)), tables);
    let failures = run(SOURCE_CHECKS, &subject);
    if failures.is_empty() {
        run(DATABASE_CHECKS, &subject)
    } else {
        failures
    }
}

fn run(checks: &[Check], subject: &Subject) -> Vec<Failure> {
    let failed = checks.iter().filter_map(|check| {
        (check.run)(subject).err().map(|what| Failure {
            check: check.name,
            what,
        })
    });
    failed.collect()
}
