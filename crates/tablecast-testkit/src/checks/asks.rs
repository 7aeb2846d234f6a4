//! Checks of a completed source: whether every request has its right answer, whoever found it.

use futures::executor::block_on;
use tablecast_connector::{
    Answer, Ask, Direction, FacetKind, Filter, Limits, Position, Predicate, Sort, Value, Want,
};

use super::Outcome;
use super::subject::{Subject, conditions, difference, same_rows, told};
use crate::dataset::Table;
use crate::plain::{Values, compare_rows, counted, rows_that_pass};
use crate::read_rows;

fn ask(
    subject: &Subject,
    table: &Table,
    filters: Vec<Filter>,
    want: Want,
) -> Result<Answer, String> {
    let ask = Ask {
        table: table.name.clone(),
        filters,
        wants: vec![want.into()],
    };
    let mut answers = block_on(subject.database()?.ask(&ask, &Limits::none()));
    match (answers.pop(), answers.is_empty()) {
        (Some(answer), true) => answer.map_err(told),
        _ => Err("one want, but not one answer".to_owned()),
    }
}

fn rows(
    subject: &Subject,
    table: &Table,
    filters: Vec<Filter>,
    sort: Option<Sort>,
    position: Option<Position>,
    limit: Option<u64>,
) -> Result<Values, String> {
    let columns = table
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    match ask(
        subject,
        table,
        filters,
        Want::Rows {
            columns,
            sort,
            position,
            limit,
        },
    )? {
        Answer::Rows(mut rows) => read_rows(&mut rows).map_err(told),
        other => Err(format!("rows wanted, {other:?} given")),
    }
}

pub(super) fn every_operator_finds_its_rows(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let info = subject.info(table)?;
        for (column, operator, typed) in conditions(&info.columns) {
            let filter = Filter::Condition {
                column: column.name.clone(),
                operator,
                value: typed.to_owned(),
            };
            let predicate = Predicate::from_condition(column, operator, typed).map_err(told)?;
            let context = format!("{}__{}={typed}", column.name, operator.name());
            let found = rows(subject, table, vec![filter.clone()], None, None, None)?;
            same_rows(&context, &found, &rows_that_pass(table, &predicate))?;
            let counted = ask(subject, table, vec![filter], Want::Count { at_most: None })?;
            if !matches!(&counted, Answer::Count(count) if count.rows == found.len() as u64) {
                return Err(format!("{context}: {} rows, {counted:?}", found.len()));
            }
        }
    }
    Ok(())
}

pub(super) fn every_sort_is_in_order(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        for (place, column) in table.columns.iter().enumerate() {
            for direction in [Direction::Ascending, Direction::Descending] {
                let sort = Sort {
                    column: column.name.clone(),
                    direction,
                };
                let found = rows(subject, table, Vec::new(), Some(sort), None, None)?;
                let cells = |rows: &Values| -> Values {
                    rows.iter()
                        .filter_map(|row| Some(vec![row.get(place)?.clone()]))
                        .collect()
                };
                let mut expected = cells(&table.rows);
                expected.sort_by(|a, b| compare_rows(a, b));
                if direction == Direction::Descending {
                    expected.reverse();
                }
                if cells(&found) != expected {
                    let context = format!("{} by {} {direction:?}", table.name, column.name);
                    return Err(difference(&context, &cells(&found), &expected));
                }
                same_rows(&column.name, &found, &table.rows)?;
            }
        }
    }
    Ok(())
}

/// Walks whole tables by pages of seven, unsorted and sorted by columns with repetitions and nulls.
pub(super) fn pages_join_up(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let keys: Vec<String> = subject
            .info(table)?
            .identity
            .columns()
            .into_iter()
            .map(str::to_owned)
            .collect();
        for sort in [None, Some("station"), Some("height"), Some("kind")] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let sort = sort.map(|column| Sort {
                    column: column.to_owned(),
                    direction,
                });
                let found = walk(subject, table, &keys, sort.as_ref())?;
                same_rows(
                    &format!("pages of {} by {sort:?}", table.name),
                    &found,
                    &table.rows,
                )?;
            }
        }
    }
    Ok(())
}

fn walk(
    subject: &Subject,
    table: &Table,
    keys: &[String],
    sort: Option<&Sort>,
) -> Result<Values, String> {
    let width = table.columns.len();
    let names = table.columns.iter().map(|column| column.name.clone());
    let columns: Vec<String> = names.chain(keys.iter().cloned()).collect();
    let mut all: Values = Vec::new();
    let mut position = None;
    loop {
        let want = Want::Rows {
            columns: columns.clone(),
            sort: sort.cloned(),
            position: position.take(),
            limit: Some(7),
        };
        let Answer::Rows(mut page) = ask(subject, table, Vec::new(), want)? else {
            return Err("rows wanted, something else given".to_owned());
        };
        let page = read_rows(&mut page).map_err(told)?;
        let Some(last) = page
            .last()
            .filter(|_| page.len() == 7 && all.len() <= table.rows.len())
        else {
            all.extend(
                page.into_iter()
                    .map(|row| row.into_iter().take(width).collect()),
            );
            return Ok(all);
        };
        position = Some(if keys.is_empty() {
            Position::Offset((all.len() + page.len()) as u64)
        } else {
            let place = sort.and_then(|sort| table.position(&sort.column));
            Position::After {
                sort: place.and_then(|place| last.get(place).cloned()),
                key: last.iter().skip(width).map(typed).collect(),
            }
        });
        all.extend(
            page.into_iter()
                .map(|row| row.into_iter().take(width).collect()),
        );
    }
}

/// A key's value as it stands in a page's address.
fn typed(value: &Value) -> Value {
    match value {
        Value::Integer(integer) => Value::Text(integer.to_string()),
        other => other.clone(),
    }
}

pub(super) fn counts_stop_where_told(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        for at_most in [0, 1, 100, 1_000] {
            let answer = ask(
                subject,
                table,
                Vec::new(),
                Want::Count {
                    at_most: Some(at_most),
                },
            )?;
            let whole = table.rows.len() as u64;
            let expected = |truncated: bool| if truncated { whole.min(at_most) } else { whole };
            if !matches!(&answer, Answer::Count(count) if count.rows == expected(count.truncated)) {
                return Err(format!(
                    "{whole} of {} or, stopped, {at_most} expected, {answer:?} given",
                    table.name
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn facets_count(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        for (place, column) in table.columns.iter().enumerate() {
            let want = Want::Facet {
                column: column.name.clone(),
                kind: FacetKind::Column,
                limit: 5,
                sample: None,
            };
            let Answer::Facet { values, more } = ask(subject, table, Vec::new(), want)? else {
                return Err("a facet wanted, something else given".to_owned());
            };
            let expected = counted(&table.rows, place);
            if values != expected.get(..5).unwrap_or(&expected) || more != (expected.len() > 5) {
                return Err(format!(
                    "{}: {values:?} (more: {more}), not {expected:?}",
                    column.name
                ));
            }
        }
    }
    Ok(())
}
