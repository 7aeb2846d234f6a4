//! Level SQL: what a person would write, in SQLite's dialect: columns, conditions with parameters, orders, groups.

use tablecast_connector::{Value, compare_values};

use super::asking::Asking;
use super::sample::Sample;
use super::{Test, tell};
use crate::plain::{Values, compare_rows, counted};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "sql_counts_rows",
        run: sql_counts_rows,
    },
    Test {
        name: "sql_finds_a_value",
        run: sql_finds_a_value,
    },
    Test {
        name: "sql_sorts",
        run: sql_sorts,
    },
    Test {
        name: "sql_groups",
        run: sql_groups,
    },
];

/// Whether SQL can be compared at all; says why if not.
fn can_ask(asking: &mut Asking<'_>) -> bool {
    let dialect = asking.database.dialect().0;
    if dialect != "sqlite" {
        asking.skip(format!("the kit writes no SQL of the dialect {dialect}"));
        return false;
    }
    if !asking.sample.is_whole || asking.sample.comparable.is_empty() {
        asking.skip("not all rows of the table are read, or there is no column to compare");
        return false;
    }
    true
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Asks, and holds the rows against what belongs, in any order.
fn ask(asking: &mut Asking<'_>, sql: &str, parameters: Vec<(String, Value)>, mut expected: Values) {
    let request = match parameters.first() {
        Some((name, value)) => format!("{sql} -- :{name} is {}", tell::value(value)),
        None => sql.to_owned(),
    };
    match asking.sql(sql, parameters) {
        Err(error) => asking.wrong(
            request,
            format!("{} rows", expected.len()),
            tell::error(&error),
        ),
        Ok(mut found) => {
            expected.sort_by(|a, b| compare_rows(a, b));
            found.sort_by(|a, b| compare_rows(a, b));
            let same = expected.len() == found.len()
                && expected
                    .iter()
                    .zip(&found)
                    .all(|(a, b)| compare_rows(a, b).is_eq());
            if !same {
                asking.same(request, &expected, &found);
            }
        }
    }
}

fn column_of(sample: &Sample, place: usize) -> impl Iterator<Item = &Value> {
    sample
        .table
        .rows
        .iter()
        .filter_map(move |row| row.get(place))
}

fn sql_counts_rows(asking: &mut Asking<'_>) {
    if !can_ask(asking) {
        return;
    }
    asking.asked = 1;
    let sample = asking.sample;
    let sql = format!("select count(*) from {}", quoted(&sample.table.name));
    let rows = sample.table.rows.len() as i64;
    ask(asking, &sql, Vec::new(), vec![vec![Value::from(rows)]]);
}

fn sql_finds_a_value(asking: &mut Asking<'_>) {
    if !can_ask(asking) {
        return;
    }
    let sample = asking.sample;
    while asking.goes_on() {
        let Some((place, column)) = sample.column(&mut asking.chance) else {
            return;
        };
        let row = asking.chance.pick(&sample.table.rows);
        let Some(value) = row.and_then(|row| row.get(place)).cloned() else {
            return;
        };
        // Parameters come from addresses, as texts and numbers.
        if matches!(value, Value::Blob(_)) {
            continue;
        }
        let (name, table) = (quoted(&column.name), quoted(&sample.table.name));
        let sql = format!("select {name} from {table} where {name} = :value");
        let expected = column_of(sample, place)
            .filter(|cell| value != Value::Null && compare_values(cell, &value).is_eq())
            .map(|cell| vec![cell.clone()])
            .collect();
        ask(asking, &sql, vec![("value".to_owned(), value)], expected);
    }
}

fn sql_sorts(asking: &mut Asking<'_>) {
    if !can_ask(asking) {
        return;
    }
    let sample = asking.sample;
    while asking.goes_on() {
        let Some((place, column)) = sample.column(&mut asking.chance) else {
            return;
        };
        let (name, table) = (quoted(&column.name), quoted(&sample.table.name));
        let mut cells: Vec<&Value> = column_of(sample, place).collect();
        cells.sort_by(|a, b| compare_values(a, b));
        let descending = if asking.chance.once_in(2) {
            cells.reverse();
            " desc"
        } else {
            ""
        };
        let limit = 1 + asking.chance.below(20);
        let offset = asking.chance.below(cells.len().min(100));
        let sql = format!(
            "select {name} from {table} order by {name}{descending} limit {limit} offset {offset}"
        );
        let expected: Values = cells
            .into_iter()
            .skip(offset)
            .take(limit)
            .map(|cell| vec![cell.clone()])
            .collect();
        ask(asking, &sql, Vec::new(), expected);
    }
}

fn sql_groups(asking: &mut Asking<'_>) {
    if !can_ask(asking) {
        return;
    }
    let sample = asking.sample;
    while asking.goes_on() {
        let Some((place, column)) = sample.column(&mut asking.chance) else {
            return;
        };
        let (name, table) = (quoted(&column.name), quoted(&sample.table.name));
        let sql = format!(
            "select {name}, count(*) from {table} where {name} is not null group by {name}"
        );
        let expected = counted(&sample.table.rows, place)
            .into_iter()
            .map(|(value, rows)| vec![value, Value::from(rows as i64)])
            .collect();
        ask(asking, &sql, Vec::new(), expected);
    }
}
