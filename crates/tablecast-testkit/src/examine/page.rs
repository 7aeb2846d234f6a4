//! Level page: pages join up without a row lost or twice, and a row is found by its identity.

use tablecast_connector::{Filter, Operator, Position, Value};

use super::asking::Asking;
use super::question::{self, Question, has_order};
use super::{Test, filter, tell};
use crate::plain::Values;

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "pages_join_up",
        run: pages_join_up,
    },
    Test {
        name: "a_row_is_found_by_its_identity",
        run: a_row_is_found_by_its_identity,
    },
];

/// Pages that are walked for one question.
const PAGES: usize = 12;

fn pages_join_up(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !sample.is_whole && !sample.is_numbered() {
        return asking.skip("not all rows of the table are read");
    }
    while asking.goes_on() {
        let mut question = if asking.chance.once_in(3) {
            Question::filtered(sample, &mut asking.chance)
        } else {
            Question::all(sample)
        };
        // Only the order by number is known of rows that are not all read.
        if sample.is_whole && has_order(sample) && !asking.chance.once_in(3) {
            question.sort = question::sort(sample, &mut asking.chance).map(|(_, sort)| sort);
        }
        let size = 1 + asking.chance.below(sample.table.rows.len().clamp(1, 60));
        question.limit = Some(size as u64);
        let request = tell::address(&question);
        let Ok(mut expected) = question.expected(sample) else {
            continue;
        };
        match walk(asking, &question, size) {
            Err((request, error)) => asking.failed(request, "a page", &error),
            Ok((found, is_end)) => {
                if !is_end || !sample.is_whole {
                    expected.truncate(found.len());
                }
                let request = format!("{request} and the pages behind it");
                if is_end || has_order(sample) {
                    filter::compare(asking, request, expected, found);
                }
            }
        }
    }
}

/// The rows of the first pages, and whether these were all.
fn walk(
    asking: &Asking<'_>,
    question: &Question,
    size: usize,
) -> Result<(Values, bool), (String, tablecast_connector::Error)> {
    let mut question = question.clone();
    let mut rows = Values::new();
    for _ in 0..PAGES {
        let page = asking
            .rows(&question)
            .map_err(|error| (tell::address(&question), error))?;
        let is_last = page.len() < size;
        rows.extend(page);
        if is_last {
            return Ok((rows, true));
        }
        question.position = rows
            .last()
            .and_then(|last| behind(asking, &question, last, rows.len()));
    }
    Ok((rows, false))
}

/// The position behind a row, as it comes back from an address.
fn behind(
    asking: &Asking<'_>,
    question: &Question,
    row: &[Value],
    rows: usize,
) -> Option<Position> {
    let sample = asking.sample;
    if !has_order(sample) {
        return Some(Position::Offset(rows as u64));
    }
    let cell = |column: &str| row.get(sample.table.position(column)?).cloned();
    let sort = question.sort.as_ref();
    let sort = sort.and_then(|sort| cell(&sort.column));
    let key = sample.info.identity.columns().into_iter();
    let key = key
        .map(|column| cell(column).map(typed))
        .collect::<Option<_>>()?;
    Some(Position::After { sort, key })
}

/// A value of a key, as it stands in an address.
fn typed(value: Value) -> Value {
    match value {
        Value::Integer(integer) => Value::Text(integer.to_string()),
        other => other,
    }
}

fn a_row_is_found_by_its_identity(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    if !has_order(sample) || sample.table.rows.is_empty() {
        return asking.skip("there are no rows with an identity");
    }
    while asking.goes_on() {
        let Some(row) = asking.chance.pick(&sample.table.rows).cloned() else {
            return;
        };
        let mut question = Question::all(sample);
        for column in sample.info.identity.columns() {
            let cell = sample
                .table
                .position(column)
                .and_then(|place| row.get(place));
            let Some(Value::Integer(_) | Value::Text(_)) = cell else {
                return asking.skip("the identity is neither a whole number nor a text");
            };
            let Some(Value::Text(value)) = cell.cloned().map(typed) else {
                return;
            };
            question.filters.push(Filter::Condition {
                column: column.to_owned(),
                operator: Operator::Exact,
                value,
            });
        }
        let request = tell::address(&question);
        match asking.rows(&question) {
            Err(error) => asking.failed(request, "one row", &error),
            Ok(found) => asking.same(request, &vec![row], &found),
        }
    }
}
