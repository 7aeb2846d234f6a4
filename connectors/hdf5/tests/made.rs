//! Files of odd kinds, made by `make_files.py` and held against what the libraries that made them say.
//!
//! With `TABLECAST_PYTHON` (an interpreter that has h5py, `PyTables` and pandas) they are made anew; otherwise the
//! small ones that are kept in `made/` are read.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value as Json;
use support::{equal, open, request, rows};
use tablecast_connector::{
    BlockingSource, Column, ErrorKind, Limits, Operator, Predicate, Support,
};
use tablecast_hdf5::Hdf5;

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        let Some(python) = env::var_os("TABLECAST_PYTHON") else {
            eprintln!("TABLECAST_PYTHON is not set: reading the files that are kept");
            return tests.join("made");
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hdf5-made");
        for script in ["make_files.py", "make_formats.py"] {
            let status = Command::new(&python)
                .arg(tests.join(script))
                .arg(&folder)
                .status();
            assert!(status.expect("python starts").success(), "{script} failed");
        }
        folder
    })
}

fn expected() -> serde_json::Map<String, Json> {
    let read = |name| -> serde_json::Map<String, Json> {
        serde_json::from_slice(&fs::read(folder().join(name)).unwrap()).unwrap()
    };
    let mut expected = read("expected.json");
    expected.extend(read("expected_formats.json"));
    expected
}

#[test]
fn a_member_of_a_family_alone_is_refused_with_the_name_of_the_next() {
    let error = Hdf5::open(folder().join("alone_0.h5").to_str().unwrap(), false)
        .err()
        .unwrap();
    let message = error.to_string();
    assert!(
        message.contains("member of a family") && message.contains("alone_1.h5"),
        "{message}"
    );
}

#[test]
fn every_table_holds_what_its_maker_says() {
    let (mut wrong, mut right) = (Vec::new(), 0);
    for (file, tables) in expected() {
        let path = folder().join(&file);
        if !path.exists() {
            eprintln!("SKIPPED: {file} is not kept");
            continue;
        }
        let source = open(&path).expect(&file);
        for (table, fact) in tables.as_object().unwrap() {
            match check(&source, table, fact) {
                Ok(()) => right += 1,
                Err(what) => wrong.push(format!("{file} {table}: {what}")),
            }
        }
        let names = source.table_names().unwrap();
        assert_eq!(
            names.len(),
            tables.as_object().unwrap().len(),
            "{file} has {names:?}"
        );
    }
    assert!(
        wrong.is_empty(),
        "{right} right, {} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn check(source: &Hdf5, table: &str, fact: &Json) -> Result<(), String> {
    let info = source
        .table_info(table)
        .map_err(|error| error.to_string())?;
    if let Some(part) = fact["unreadable"].as_str() {
        let reason = info.unreadable.clone().ok_or("it is readable")?;
        let refused = source
            .scan(&request(table, &[], Vec::new()))
            .map(|_| ())
            .map_err(|error| error.kind());
        return if reason.contains(part) && refused == Err(ErrorKind::Unreadable) {
            Ok(())
        } else {
            Err(reason)
        };
    }
    if let Some(reason) = &info.unreadable {
        return Err(format!("unreadable: {reason}"));
    }
    let count = source
        .table_count(table, None, &Limits::none())
        .map_err(|error| error.to_string())?;
    if Some(count.rows) != fact["rows"].as_u64() {
        return Err(format!("{} rows, expected {}", count.rows, fact["rows"]));
    }
    for (name, value) in fact["metadata"].as_object().into_iter().flatten() {
        let found = match name.as_str() {
            "title" => info.metadata.title.clone(),
            "unit" => info.columns[0].metadata.unit.clone(),
            "note" => info.columns[0].metadata.description.clone(),
            name => info.metadata.attributes.get(name).cloned(),
        };
        if found.as_deref() != value.as_str() {
            return Err(format!("{name} is {found:?}, expected {value}"));
        }
    }
    if let Some(part) = fact["error"].as_str() {
        let column = fact["column"].as_str().unwrap();
        let read = rows(source, &request(table, &[column], Vec::new()));
        return match read.map_err(|error| error.to_string()) {
            Err(error) if error.contains(part) => Ok(()),
            other => Err(format!("{other:?} instead of an error about {part:?}")),
        };
    }
    let Some(values) = fact["values"].as_array() else {
        return Ok(());
    };
    let several = fact["column"].as_array();
    let columns: Vec<&str> = several.map_or_else(
        || vec![fact["column"].as_str().unwrap()],
        |names| names.iter().map(|name| name.as_str().unwrap()).collect(),
    );
    if several.is_some() {
        let names: Vec<&str> = info.columns.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, columns, "{table}");
    }
    let found =
        rows(source, &request(table, &columns, Vec::new())).map_err(|error| error.to_string())?;
    let wrong = found
        .iter()
        .zip(values)
        .position(|(row, value)| match several {
            Some(_) => !equal(&Json::from(row.clone()), value),
            None => !equal(&row[0], value),
        });
    match wrong {
        Some(at) => Err(format!(
            "row {at} is {:?}, expected {}",
            found[at], values[at]
        )),
        None if found.len() != values.len() => Err(format!("{} rows came", found.len())),
        None => Ok(()),
    }
}

fn filter(column: &Column, operator: Operator, value: &str) -> Predicate {
    Predicate::from_condition(column, operator, value).unwrap()
}

fn rowid(operator: Operator, value: u64) -> Predicate {
    filter(
        &Column::new("rowid", arrow_schema::DataType::Int64),
        operator,
        &value.to_string(),
    )
}

#[test]
fn a_dataset_that_claims_two_to_the_sixtieth_rows_is_paged_and_counted_at_once() {
    let source = open(&folder().join("huge.h5")).unwrap();
    let start = Instant::now();
    for (table, at, value) in [
        ("chunked", 1_u64 << 59, 42),
        ("written", 1 << 59, 7),
        ("written", (1 << 59) + 1, 42),
        ("written", (1 << 60) - 10, 42),
        ("contiguous", 1 << 57, 0),
    ] {
        let mut asked = request(table, &["rowid", "value"], vec![rowid(Operator::Gte, at)]);
        asked.limit = Some(10);
        let found = rows(&source, &asked).unwrap();
        assert_eq!(found.len(), 10);
        assert_eq!(found[0], [Json::from(at), Json::from(value)], "{table}");
        let whole = source.scan(&request(table, &[], Vec::new())).unwrap();
        assert_eq!(
            whole.rows,
            Some(
                source
                    .table_count(table, None, &Limits::none())
                    .unwrap()
                    .rows
            )
        );
    }
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "it took {:?}",
        start.elapsed()
    );
}

#[test]
fn a_scan_without_an_end_stops_at_the_deadline_and_when_it_is_cancelled() {
    let source = open(&folder().join("huge.h5")).unwrap();
    let column = source.table_info("chunked").unwrap().columns[0].clone();
    let asked = request(
        "chunked",
        &["value"],
        vec![filter(&column, Operator::Lt, "0")],
    );
    let scan = source.scan(&asked).unwrap();
    let limits = Limits::none().within(Duration::from_millis(100));
    let mut batches = (scan.open)(&scan.partitions[0], &limits).unwrap();
    // Until then empty batches come, so that others have their turn.
    let error = batches.find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let limits = Limits::none();
    limits.cancel.cancel();
    let error = (scan.open)(&scan.partitions[0], &limits)
        .unwrap()
        .next()
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
}

#[test]
fn a_limit_is_kept_with_filters_and_without() {
    let source = open(&folder().join("indexes_latest.h5")).unwrap();
    let column = source.table_info("extensible").unwrap().columns[0].clone();
    for (filters, first) in [
        (Vec::new(), 0),
        (vec![rowid(Operator::Gt, 99)], 100),
        (vec![filter(&column, Operator::Gt, "500.5")], 501),
        (
            vec![
                filter(&column, Operator::Gt, "500.5"),
                rowid(Operator::Gte, 700),
            ],
            700,
        ),
    ] {
        let mut asked = request("extensible", &["value"], filters);
        asked.limit = Some(5);
        assert_eq!(source.scan(&asked).unwrap().promises.limit, Support::Exact);
        let found = rows(&source, &asked).unwrap();
        let expected: Vec<Vec<Json>> = (first..first + 5)
            .map(|number: u64| vec![number.into()])
            .collect();
        assert_eq!(found, expected);
    }
}

/// Each predicate that is promised `Exact` passes the rows that the seam's own evaluation passes.
#[test]
fn exact_filters_agree_with_the_seams_reference() {
    let values = [
        "0",
        "1",
        "-1",
        "2",
        "0.5",
        "1.5",
        "70000",
        "18446744073709551615",
        "1e300",
        "ab",
        "a",
        "",
        "true",
        "%",
        "b",
    ];
    let operators = tablecast_connector::OPERATORS;
    let mut checked = 0;
    let tables = [
        (
            "types.h5",
            vec![
                "half",
                "unsigned",
                "twelve_bits",
                "three_bytes",
                "space_padded",
                "null_ended",
                "long_double",
                "bfloat16",
            ],
        ),
        ("pytables.h5", vec!["flags", "times"]),
    ];
    for (file, tables) in tables {
        let source = open(&folder().join(file)).unwrap();
        for table in tables {
            let info = source.table_info(table).unwrap();
            for column in &info.columns {
                for (_, operator) in operators {
                    for value in values {
                        let Ok(predicate) = Predicate::from_condition(column, *operator, value)
                        else {
                            continue;
                        };
                        checked += usize::from(agrees(&source, table, column, &predicate));
                        checked += usize::from(agrees(
                            &source,
                            table,
                            column,
                            &Predicate::Not(Box::new(predicate)),
                        ));
                    }
                }
            }
        }
    }
    assert!(checked > 1000, "only {checked} predicates were decided");
}

/// Whether the predicate was decided by the scan at all.
fn agrees(source: &Hdf5, table: &str, column: &Column, predicate: &Predicate) -> bool {
    let scan = source
        .scan(&request(table, &[&column.name], vec![predicate.clone()]))
        .unwrap();
    if scan.promises.filters != [Support::Exact] {
        return false;
    }
    let all = source
        .scan(&request(table, &[&column.name], Vec::new()))
        .unwrap();
    let mut expected = Vec::new();
    for batch in (all.open)(&all.partitions[0], &Limits::none()).unwrap() {
        let batch = batch.unwrap();
        let cells = &batch.columns().unwrap()[0];
        for row in 0..batch.rows() {
            expected.push(predicate.matches(&|_| cells.cell(row)) == Some(true));
        }
    }
    let passed = support::row_numbers(source, table, vec![predicate.clone()]);
    let expected: Vec<u64> = (0..)
        .zip(expected)
        .filter(|(_, passes)| *passes)
        .map(|(row, _)| row)
        .collect();
    assert_eq!(passed, expected, "{table}.{}: {predicate:?}", column.name);
    true
}

#[test]
fn a_file_with_flipped_bytes_never_panics_and_never_hangs() {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hdf5-flipped.h5");
    let start = Instant::now();
    for file in ["types.h5", "links.h5", "user_block.h5"] {
        let bytes = fs::read(folder().join(file)).unwrap();
        for flip in 0..120 {
            let mut damaged = bytes.clone();
            let at = (flip * 7919 + 13) % damaged.len();
            damaged[at] ^= 1 << (flip % 8);
            fs::write(&scratch, &damaged).unwrap();
            let Ok(source) = open(&scratch) else { continue };
            for table in source.table_names().unwrap() {
                let info = source.table_info(&table).unwrap();
                let names: Vec<&str> = info
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                let mut asked = request(&table, &names, Vec::new());
                asked.limit = Some(1000);
                if let Err(error) = rows(&source, &asked) {
                    assert_ne!(
                        error.kind(),
                        ErrorKind::Internal,
                        "{file} {at} {table}: {error}"
                    );
                }
            }
        }
    }
    assert!(
        start.elapsed() < Duration::from_mins(1),
        "it took {:?}",
        start.elapsed()
    );
}

/// Each of forty groups holds the next one twice: two to the fortieth paths lead to the last.
#[test]
fn groups_with_endlessly_many_paths_are_walked_a_few_times() {
    let source = open(&folder().join("diamonds.h5")).unwrap();
    let start = Instant::now();
    let names = source.table_names().unwrap();
    assert!(names.contains(&"data".to_owned()) && names.contains(&"g00/a/a/a/leaf".to_owned()));
    assert!(names.len() < 10_000, "{} tables", names.len());
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        start.elapsed()
    );
}

/// Four to the twentieth ways lead through its soft links; nothing but a name stands behind the external one.
#[test]
fn links_that_go_through_links_over_and_over_are_refused_and_a_pipe_is_not_waited_for() {
    let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fan_{}", std::process::id()));
    fs::create_dir_all(&beside).unwrap();
    let file = beside.join("fan.h5");
    fs::copy(folder().join("fan.h5"), &file).unwrap();
    let made = Command::new("mkfifo").arg(beside.join("pipe")).status();
    assert!(made.unwrap().success());
    let start = Instant::now();
    let source = open(&file).unwrap();
    let told = |table: &str| source.table_info(table).unwrap().unreadable.clone();
    assert_eq!(told("data"), None);
    assert!(
        told("s00").unwrap().contains("more than 40"),
        "{:?}",
        told("s00")
    );
    assert!(
        told("pipe").unwrap().contains("not a regular file"),
        "{:?}",
        told("pipe")
    );
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "it took {:?}",
        start.elapsed()
    );
}

/// A file that links lead to is written anew in place, with other data before those that are asked for.
#[test]
fn a_file_behind_a_link_that_changes_is_opened_anew() {
    let beside =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("anew_{}", std::process::id()));
    fs::create_dir_all(&beside).unwrap();
    for file in ["links.h5", "types.h5"] {
        fs::copy(folder().join(file), beside.join(file)).unwrap();
    }
    let source = Hdf5::open(beside.join("links.h5").to_str().unwrap(), false).unwrap();
    let there = request("there", &["value"], Vec::new());
    assert_eq!(rows(&source, &there).unwrap().len(), 4);
    let before = source.version();
    assert_eq!(source.version(), before);
    // It was not there before, and is now.
    assert!(source.table_info("entry").unwrap().unreadable.is_some());
    fs::copy(folder().join("beside.h5"), beside.join("beside.h5")).unwrap();
    assert_ne!(source.version(), before);
    let data = request("entry/data", &["value"], Vec::new());
    assert_eq!(rows(&source, &data).unwrap().len(), 2);
    // Other bytes under the same name.
    let bytes = fs::read(folder().join("numbers.h5")).unwrap();
    fs::write(beside.join("types.h5"), bytes).unwrap();
    let told = source.table_info("there").unwrap().unreadable.clone();
    assert!(
        told.is_some_and(|told| told.contains("half")),
        "the old one is read"
    );
}

#[test]
fn conditions_on_frames_are_decided_on_what_is_stored() {
    let source = open(&folder().join("frames.h5")).unwrap();
    for (table, column, operator, value, support) in [
        ("t_times", "w", Operator::Gt, "2024-03-02", Support::Exact),
        ("t_times", "w", Operator::Date, "2024-03-02", Support::Exact),
        ("t_times", "delta", Operator::Lte, "4.5", Support::Exact),
        (
            "f_times",
            "utc",
            Operator::StartsWith,
            "2024-03-02",
            Support::Exact,
        ),
        (
            "f_times",
            "oslo",
            Operator::Gt,
            "2024-03-02",
            Support::Unsupported,
        ),
        ("t_cat", "g", Operator::In, "low,mid", Support::Exact),
        ("t_cat", "g", Operator::Contains, "i", Support::Exact),
        ("t_text_rep", "s", Operator::IsNull, "1", Support::Exact),
        (
            "t_text_rep",
            "s",
            Operator::Contains,
            "MISS",
            Support::Exact,
        ),
        (
            "f_mtime",
            "day",
            Operator::Exact,
            "2024-01-02T00:00:00",
            Support::Exact,
        ),
        (
            "f_text",
            "s",
            Operator::Exact,
            "text 1",
            Support::Unsupported,
        ),
    ] {
        let info = source.table_info(table).unwrap();
        let of = info.columns.iter().find(|it| it.name == column).unwrap();
        let condition = filter(of, operator, value);
        let scan = source
            .scan(&request(table, &["rowid"], vec![condition]))
            .unwrap();
        assert_eq!(
            scan.promises.filters,
            [support],
            "{table}.{column} {operator:?} {value}"
        );
    }
}
