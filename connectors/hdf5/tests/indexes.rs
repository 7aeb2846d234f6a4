//! Tables with PyTables' indexes of each kind, held against the same table without.
//!
//! With `TABLECAST_PYTHON` (an interpreter that has `PyTables`) all levels of all kinds on columns of all types are
//! made anew; otherwise a small file that is kept is read.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;
use support::{open, request, row_numbers, rows};
use tablecast_connector::{
    BlockingSource, Comparison, Direction, Predicate, ROWID, ScanRequest, Sort, Support, Value,
};
use tablecast_hdf5::Hdf5;

const BARE: &str = "bare";

fn file() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let Some(python) = env::var_os("TABLECAST_PYTHON") else {
        eprintln!("TABLECAST_PYTHON is not set: reading the file that is kept");
        return tests.join("made/table_indexes.h5");
    };
    let path =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("indexes_{}.h5", std::process::id()));
    let script = tests.join("make_indexes.py");
    let status = Command::new(python)
        .arg(script)
        .arg(&path)
        .arg("all")
        .status();
    assert!(status.expect("python starts").success());
    path
}

/// The table with the same rows and no index.
fn unindexed(table: &str) -> &'static str {
    match table {
        "dirty" => "turned",
        added if added.starts_with("added") => "added",
        _ => BARE,
    }
}

fn compare(column: &str, comparison: Comparison, value: &Value) -> Predicate {
    Predicate::Compare {
        column: column.to_owned(),
        comparison,
        value: value.clone(),
    }
}

/// Some values of a column, the last ones beside what it holds.
fn values(source: &Hdf5, column: &str) -> Vec<Value> {
    let cells = rows(source, &request(BARE, &[column], Vec::new())).unwrap();
    let value = |cell: &Json| match cell {
        Json::Number(number) if number.is_f64() => Value::Real(number.as_f64().unwrap()),
        Json::Number(number) => Value::Integer(number.as_i64().unwrap().into()),
        Json::Bool(boolean) => Value::Integer((*boolean).into()),
        Json::String(text) => Value::Text(text.clone()),
        _ => Value::Real(0.05),
    };
    let some = (0..6).map(|number| value(&cells[number * 113 + 7][0]));
    let is_text = cells.iter().any(|row| row[0].is_string());
    let beside = if is_text {
        vec!["".into(), "zz".into()]
    } else {
        vec![
            Value::Real(-1e300),
            Value::Real(f64::INFINITY),
            Value::Real(0.0),
        ]
    };
    some.chain(beside).collect()
}

fn filters(column: &str, values: &[Value]) -> Vec<Predicate> {
    let mut filters = vec![
        Predicate::IsNull(column.to_owned()),
        Predicate::Not(Box::new(Predicate::IsNull(column.to_owned()))),
        Predicate::In {
            column: column.to_owned(),
            values: values.to_vec(),
        },
    ];
    for (value, other) in values.iter().zip(values.iter().rev()) {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        for comparison in [Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual] {
            filters.push(compare(column, comparison, value));
        }
        let between = vec![
            compare(column, Greater, value),
            compare(column, LessOrEqual, other),
        ];
        filters.push(Predicate::Any(between.clone()));
        filters.push(Predicate::All(between.clone()));
        filters.push(Predicate::Not(Box::new(Predicate::All(between))));
        filters.push(Predicate::All(vec![
            compare(column, Equal, value),
            compare(ROWID, Greater, &Value::Integer(300)),
        ]));
    }
    filters
}

fn tables(source: &Hdf5) -> (Vec<String>, Vec<String>) {
    let indexed = source.table_names().unwrap().into_iter();
    let indexed = indexed.filter(|name| ![BARE, "added", "turned"].contains(&name.as_str()));
    let columns = source.table_info(BARE).unwrap().columns.clone();
    (
        indexed.collect(),
        columns.into_iter().map(|column| column.name).collect(),
    )
}

#[test]
fn filters_find_by_an_index_what_a_scan_finds() {
    let source = open(&file()).unwrap();
    let (indexed, columns) = tables(&source);
    let (mut by_index, mut compared) = (0, 0);
    for column in &columns {
        for filter in filters(column, &values(&source, column)) {
            for table in &indexed {
                let with = request(table, &[ROWID], vec![filter.clone()]);
                let scan = source.scan(&with).unwrap();
                assert_eq!(scan.promises.filters, [Support::Exact], "{filter:?}");
                by_index += usize::from(scan.partitions[0].note.contains("index"));
                assert_eq!(
                    row_numbers(&source, table, vec![filter.clone()]),
                    row_numbers(&source, unindexed(table), vec![filter.clone()]),
                    "{table}: {filter:?}"
                );
                compared += 1;
            }
        }
    }
    assert!(
        by_index > compared / 8,
        "{by_index} of {compared} by an index"
    );
}

#[test]
fn orders_by_an_index_are_those_of_the_cells_and_ties_go_by_row() {
    let source = open(&file()).unwrap();
    let (indexed, columns) = tables(&source);
    let (mut by_index, mut by_pass) = (0, 0);
    for (table, column) in indexed
        .iter()
        .flat_map(|t| columns.iter().map(move |c| (t, c)))
    {
        for direction in [Direction::Ascending, Direction::Descending] {
            let values = values(&source, column);
            let mut ways = vec![vec![]];
            ways.extend(values.iter().map(|value| behind(column, direction, value)));
            for filters in ways {
                let mut wanted = request(unindexed(table), &[column, ROWID], filters.clone());
                let mut expected = rows(&source, &wanted).unwrap();
                expected.sort_by(|a, b| {
                    let order = ordered(&a[0], &b[0]);
                    let order = if direction == Direction::Ascending {
                        order
                    } else {
                        order.reverse()
                    };
                    order.then(a[1].as_u64().cmp(&b[1].as_u64()))
                });
                expected.truncate(500);
                wanted = sorted(table, column, direction, filters.clone());
                if source.scan(&wanted).unwrap().promises.sort == Support::Exact {
                    by_index += 1;
                    let found = rows(&source, &wanted).unwrap();
                    assert!(found == expected, "{table}: {wanted:?}");
                }
                // By one pass over the column, and again over what was kept of it.
                wanted = sorted(unindexed(table), column, direction, filters);
                if source.scan(&wanted).unwrap().promises.sort == Support::Exact {
                    by_pass += 1;
                    for _ in 0..2 {
                        let found = rows(&source, &wanted).unwrap();
                        assert!(found == expected, "{table}: {wanted:?}");
                    }
                }
            }
        }
    }
    assert!(by_pass >= 30, "{by_pass}");
    assert!(by_index >= 30, "{by_index}");
}

/// The rows behind one with this value and the number 200.
fn behind(column: &str, direction: Direction, value: &Value) -> Vec<Predicate> {
    let further = match direction {
        Direction::Ascending => Comparison::Greater,
        Direction::Descending => Comparison::Less,
    };
    let tie = Predicate::All(vec![
        compare(column, Comparison::Equal, value),
        compare(ROWID, Comparison::Greater, &Value::Integer(200)),
    ]);
    let mut ways = vec![compare(column, further, value), tie];
    if direction == Direction::Descending {
        ways.push(Predicate::IsNull(column.to_owned()));
    }
    vec![Predicate::Any(ways)]
}

fn sorted(table: &str, column: &str, direction: Direction, filters: Vec<Predicate>) -> ScanRequest {
    let by = |column: &str, direction| Sort {
        column: column.to_owned(),
        direction,
    };
    ScanRequest {
        sort: vec![by(column, direction), by(ROWID, Direction::Ascending)],
        limit: Some(500),
        ..request(table, &[column, ROWID], filters)
    }
}

/// Nulls are the smallest.
fn ordered(a: &Json, b: &Json) -> std::cmp::Ordering {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) if x.is_f64() || y.is_f64() => {
            x.as_f64().partial_cmp(&y.as_f64()).unwrap()
        }
        (Json::Number(x), Json::Number(y)) => x.as_i64().cmp(&y.as_i64()),
        (Json::String(x), Json::String(y)) => x.cmp(y),
        (Json::Bool(x), Json::Bool(y)) => x.cmp(y),
        _ => b.is_null().cmp(&a.is_null()),
    }
}

#[test]
fn an_index_that_lies_never_gives_a_wrong_row_or_order() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/made/table_indexes.h5");
    let bytes = std::fs::read(made).unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lying_index.h5");
    let (mut refused, mut tried) = (0, 0);
    // The cells of the rows come first in the file, the indexes behind them.
    for place in (bytes.len() / 3..bytes.len()).step_by(bytes.len() / 90) {
        let mut changed = bytes.clone();
        for byte in changed.iter_mut().skip(place).take(300) {
            *byte = byte.wrapping_mul(31).wrapping_add(7);
        }
        std::fs::write(&path, changed).unwrap();
        let Ok(source) = open(&path) else { continue };
        let Ok(truth) = rows(&source, &request("full9", &["f64", ROWID], Vec::new())) else {
            continue;
        };
        tried += 1;
        let positive = compare("f64", Comparison::Greater, &Value::Real(15.0));
        for row in
            rows(&source, &request("full9", &["f64", ROWID], vec![positive])).unwrap_or_default()
        {
            assert!(row[0].is_null() || row[0].as_f64() > Some(15.0), "{row:?}");
            assert_eq!(row[0], truth[row[1].as_u64().unwrap() as usize][0]);
        }
        let wanted = sorted("full9", "f64", Direction::Ascending, Vec::new());
        match rows(&source, &wanted) {
            Ok(found) => {
                for pair in found.windows(2) {
                    assert!(ordered(&pair[0][0], &pair[1][0]).is_le(), "{pair:?}");
                }
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        tried > 20,
        "{tried} files were read, {refused} orders refused"
    );
}
