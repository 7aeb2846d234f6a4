//! Every node of the shared files, held against what `PyTables`, h5py and netCDF4 read in it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value as Json, json};
use support::{count, equal, objects, open, row_numbers};
use tablecast_connector::{BlockingSource, Column, Operator, Predicate};
use tablecast_hdf5::Hdf5;

const FILES: [&str; 7] = [
    "test_tables.h5",
    "particles.h5",
    "compressions.h5",
    "pandas_table.h5",
    "h5py_mixed.h5",
    "h5py_external_target.h5",
    "climate.nc",
];

/// The frames and grids of the files.
const DERIVED: &[(&str, &str)] = &[
    ("pandas_table.h5", "graded"),
    ("pandas_table.h5", "multi"),
    ("pandas_table.h5", "nested/series_ts"),
    ("pandas_table.h5", "one_series"),
    ("pandas_table.h5", "sales"),
    ("pandas_table.h5", "sales_all_columns"),
    ("pandas_table.h5", "sales_plain"),
    ("h5py_mixed.h5", "scales/hour_site_grid"),
    ("climate.nc", "time_lat_lon_grid"),
    ("climate.nc", "time_nv_grid"),
    ("climate.nc", "time_grid"),
    ("climate.nc", "lat_grid"),
    ("climate.nc", "model/run1/level_lat_grid"),
];

#[test]
fn every_node_has_the_columns_rows_and_sums_of_the_facts() {
    let Some(folder) = support::shared() else {
        return;
    };
    let (mut wrong, mut right) = (Vec::new(), 0);
    for file in FILES {
        let source = open(&folder.join("data").join(file)).expect(file);
        let facts = facts(&folder, file);
        let names: BTreeSet<String> = source.table_names().unwrap().into_iter().collect();
        let mut expected = BTreeSet::new();
        for node in facts["nodes"].as_array().unwrap() {
            let path = node["path"].as_str().unwrap();
            let table = path.trim_start_matches('/');
            let kind = node["kind"].as_str().unwrap();
            // A hard link to a group above it is cut.
            if matches!(kind, "group" | "named_type") || node["same_as"] == "/" {
                continue;
            }
            expected.insert(table.to_owned());
            if node["resolves"] == false {
                let info = source.table_info(table).unwrap();
                assert!(
                    info.unreadable.is_some(),
                    "{file} {path} is read, or has no reason"
                );
                continue;
            }
            let node = if matches!(kind, "hard_link" | "soft_link") {
                target(&facts, node)
            } else {
                node
            };
            if kind == "external_link" {
                right += 1;
                assert_eq!(objects(&source, table).unwrap().len(), 6);
                continue;
            }
            match check(&source, table, node) {
                Ok(()) => right += 1,
                Err(what) => wrong.push(format!("{file} {path}: {what}")),
            }
        }
        // What is put together from several of them stands beside them.
        let derived = DERIVED.iter().filter(|(of, _)| *of == file);
        expected.extend(derived.map(|(_, table)| (*table).to_owned()));
        assert_eq!(names, expected, "the tables of {file}");
    }
    assert!(
        wrong.is_empty(),
        "{right} right, {} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(right > 100, "only {right} nodes were checked");
}

fn facts(folder: &Path, file: &str) -> Json {
    serde_json::from_slice(&fs::read(folder.join("facts").join(format!("{file}.json"))).unwrap())
        .unwrap()
}

fn target<'a>(facts: &'a Json, link: &Json) -> &'a Json {
    let path = if link["same_as"].is_string() {
        &link["same_as"]
    } else {
        &link["target"]
    };
    facts["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .find(|node| node["path"] == *path)
        .unwrap()
}

fn check(source: &Hdf5, table: &str, node: &Json) -> Result<(), String> {
    let info = source
        .table_info(table)
        .map_err(|error| error.to_string())?;
    if let Some(reason) = &info.unreadable {
        return Err(format!("unreadable: {reason}"));
    }
    let expected: Vec<&str> = match node["columns"].as_array() {
        Some(columns) => columns
            .iter()
            .filter(|column| column["type"] != "compound")
            .map(|column| column["name"].as_str().unwrap())
            .collect(),
        None if node["first_rows"][0].is_object() && node["type"]["compound"].is_object() => {
            node["type"]["compound"]
                .as_object()
                .unwrap()
                .keys()
                .map(String::as_str)
                .collect()
        }
        None => vec!["value"],
    };
    let columns: Vec<&str> = info
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    if columns != expected {
        return Err(format!("columns {columns:?}, expected {expected:?}"));
    }
    if let Some(title) = node["title"].as_str()
        && info.metadata.title.as_deref().unwrap_or_default() != title
    {
        return Err(format!(
            "title {:?}, expected {title:?}",
            info.metadata.title
        ));
    }
    let rows = objects(source, table).map_err(|error| error.to_string())?;
    if json!(rows.len()) != node["nrows"] || count(source, table, Vec::new()) != rows.len() as u64 {
        return Err(format!("{} rows, expected {}", rows.len(), node["nrows"]));
    }
    let same = |at: usize, fact: &Json| {
        let row = row_of(fact, &columns);
        if equal(&Json::Object(rows[at].clone()), &Json::Object(row.clone())) {
            Ok(())
        } else {
            Err(format!("row {at} is {:?}, expected {row:?}", rows[at]))
        }
    };
    for (at, fact) in node["first_rows"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        same(at, fact)?;
    }
    if !node["value"].is_null() {
        same(0, &node["value"])?;
    } else if !rows.is_empty() {
        same(rows.len() - 1, &node["last_row"])?;
    }
    for (column, stats) in node["stats"].as_object().into_iter().flatten() {
        if columns.contains(&column.as_str()) {
            check_sums(&rows, column, stats).map_err(|what| format!("{column}: {what}"))?;
        }
    }
    Ok(())
}

/// A row of the facts as a row of the table: nested members flattened, odd values as the API shows them.
fn row_of(fact: &Json, columns: &[&str]) -> Map<String, Json> {
    let mut row = Map::new();
    match fact {
        Json::Object(members) if columns != ["value"] => members
            .iter()
            .for_each(|(name, value)| flatten(name, value, &mut row)),
        value => {
            row.insert("value".into(), shown(value));
        }
    }
    row
}

fn flatten(name: &str, value: &Json, row: &mut Map<String, Json>) {
    match value {
        Json::Object(members) if !members.keys().any(|key| key.starts_with('$')) => {
            members
                .iter()
                .for_each(|(member, value)| flatten(&format!("{name}/{member}"), value, row));
        }
        value => {
            row.insert(name.to_owned(), shown(value));
        }
    }
}

fn shown(value: &Json) -> Json {
    match value {
        Json::Array(items) => items.iter().map(shown).collect(),
        Json::Object(members) => {
            if let Some(parts) = members.get("$complex") {
                json!({"r": shown(&parts[0]), "i": shown(&parts[1])})
            } else if members.contains_key("$float") {
                Json::Null
            } else if let Some(path) = members.get("$ref") {
                path.clone()
            } else if let Some(path) = members.get("$region") {
                let bound = |at: usize| {
                    format!(
                        "{}:{}",
                        members["bounding"][0][at], members["bounding"][1][at]
                    )
                };
                json!(format!(
                    "{}[{}, {}]",
                    path.as_str().unwrap(),
                    bound(0),
                    bound(1)
                ))
            } else if let Some(hex) = members.get("$hex") {
                let hex = hex.as_str().unwrap();
                let digit = |at: usize| hex.as_bytes()[at] as char;
                let byte =
                    |at| digit(at).to_digit(16).unwrap() * 16 + digit(at + 1).to_digit(16).unwrap();
                let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(|at| byte(at) as u8).collect();
                let mut json = Vec::new();
                let cell = tablecast_connector::Cell::Bytes(&bytes);
                tablecast_connector::json::write_cell(
                    &cell,
                    tablecast_connector::json::Infinity::Null,
                    &mut json,
                );
                serde_json::from_slice(&json).unwrap()
            } else {
                members
                    .iter()
                    .map(|(name, value)| (name.clone(), shown(value)))
                    .collect()
            }
        }
        value => value.clone(),
    }
}

fn check_sums(rows: &[Map<String, Json>], column: &str, stats: &Json) -> Result<(), String> {
    let mut cells = Vec::new();
    for row in rows {
        leaves(&row[column], &mut cells);
    }
    if let Some(sum) = stats.get("sum") {
        let found: i128 = cells
            .iter()
            .map(|cell| whole(cell).unwrap_or_else(|| panic!("{cell} is no integer")))
            .sum();
        // Sums beyond 64 bits come out of JSON as reals.
        let is_right =
            whole(sum).map_or_else(|| equal(&json!(found as f64), sum), |sum| sum == found);
        if !is_right {
            return Err(format!("sum {found}, expected {sum}"));
        }
    }
    if let Some(sum) = stats.get("sum_of_finite").and_then(Json::as_f64) {
        let found: f64 = cells.iter().filter_map(|cell| cell.as_f64()).sum();
        let scale: f64 = cells
            .iter()
            .filter_map(|cell| cell.as_f64())
            .map(f64::abs)
            .sum();
        if (found - sum).abs() > 1e-9 * scale.max(1.0) {
            return Err(format!("sum {found}, expected {sum}"));
        }
    }
    for (name, pick) in [
        ("min", std::cmp::Ordering::Less),
        ("max", std::cmp::Ordering::Greater),
    ] {
        let Some(expected) = stats
            .get(name)
            .filter(|expected| expected.is_string() || expected.is_number())
        else {
            continue;
        };
        let found = cells
            .iter()
            .filter(|cell| !cell.is_null())
            .copied()
            .reduce(|a, b| if order(a, b) == pick { a } else { b });
        if found.is_some_and(|found| !equal(found, expected)) {
            return Err(format!("{name} {found:?}, expected {expected}"));
        }
    }
    Ok(())
}

fn order(a: &Json, b: &Json) -> std::cmp::Ordering {
    match (a, b) {
        (Json::String(a), Json::String(b)) => a.cmp(b),
        _ => match (whole(a), whole(b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => a
                .as_f64()
                .unwrap_or(0.0)
                .total_cmp(&b.as_f64().unwrap_or(0.0)),
        },
    }
}

fn whole(cell: &Json) -> Option<i128> {
    let boolean = cell.as_bool().map(i128::from);
    cell.as_i64()
        .map(i128::from)
        .or_else(|| cell.as_u64().map(i128::from))
        .or(boolean)
}

fn leaves<'a>(cell: &'a Json, found: &mut Vec<&'a Json>) {
    match cell {
        Json::Array(items) => items.iter().for_each(|item| leaves(item, found)),
        cell => found.push(cell),
    }
}

/// The conditions of the facts that consist of comparisons joined by `and` alone.
#[test]
fn comparisons_find_the_row_numbers_of_the_facts() {
    let Some(folder) = support::shared() else {
        return;
    };
    let mut checked = 0;
    for file in FILES {
        let source = open(&folder.join("data").join(file)).expect(file);
        for condition in facts(&folder, file)["conditions"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let table = condition["path"].as_str().unwrap().trim_start_matches('/');
            let info = source.table_info(table).unwrap();
            let Some(filters) = condition["sql"]
                .as_str()
                .and_then(|sql| comparisons(sql, &info.columns))
            else {
                continue;
            };
            let numbers = row_numbers(&source, table, filters.clone());
            let place = format!("{file} {condition}");
            assert_eq!(json!(numbers.len()), condition["count"], "{place}");
            assert_eq!(
                count(&source, table, filters),
                numbers.len() as u64,
                "{place}"
            );
            let first: Vec<u64> = numbers.iter().take(3).copied().collect();
            assert_eq!(json!(first), condition["first_row_numbers"], "{place}");
            assert_eq!(
                json!(numbers.last()),
                condition["last_row_number"],
                "{place}"
            );
            checked += 1;
        }
    }
    assert!(checked > 25, "only {checked} conditions were checked");
}

fn comparisons(sql: &str, columns: &[Column]) -> Option<Vec<Predicate>> {
    sql.split(" and ")
        .map(|part| {
            let words: Vec<&str> = part.split(' ').collect();
            let [name, operator, value] = words.as_slice() else {
                return None;
            };
            let column = columns
                .iter()
                .find(|column| column.name == name.trim_matches(['"', '[', ']']))?;
            let operator = match *operator {
                "=" => Operator::Exact,
                "<>" | "!=" => Operator::Not,
                "<" => Operator::Lt,
                "<=" => Operator::Lte,
                ">" => Operator::Gt,
                ">=" => Operator::Gte,
                _ => return None,
            };
            Predicate::from_condition(column, operator, value.trim_matches('\'')).ok()
        })
        .collect()
}

#[test]
fn a_broken_file_is_refused_or_read_as_far_as_the_facts_say() {
    let Some(folder) = support::shared() else {
        return;
    };
    let facts: Json =
        serde_json::from_slice(&fs::read(folder.join("facts/broken.json")).unwrap()).unwrap();
    for fact in facts["files"].as_array().unwrap() {
        let file = fact["file"].as_str().unwrap();
        let opened = open(&folder.join("data").join(file));
        if fact["hdf5_library_opens"] == false {
            let error = opened.map(|_| ()).expect_err(file);
            assert!(
                error.message().contains(file),
                "{error} does not name {file}"
            );
            continue;
        }
        let source = opened.expect(file);
        for dataset in fact["datasets"].as_array().unwrap() {
            let table = dataset["path"].as_str().unwrap().trim_start_matches('/');
            let length = dataset["shape"][0].as_u64().unwrap();
            let bad: Vec<(u64, u64)> =
                serde_json::from_value(dataset["row_ranges_that_cannot_be_read"].clone()).unwrap();
            for start in (0..length).step_by(100) {
                check_stretch(
                    &source,
                    table,
                    start,
                    bad.iter().any(|(from, to)| (*from..*to).contains(&start)),
                );
            }
        }
    }
}

fn check_stretch(source: &Hdf5, table: &str, start: u64, is_bad: bool) {
    let rowid = Column::new("rowid", arrow_schema::DataType::Int64);
    let from = Predicate::from_condition(&rowid, Operator::Gte, &start.to_string()).unwrap();
    let to = Predicate::from_condition(&rowid, Operator::Lt, &(start + 100).to_string()).unwrap();
    let column = &source.table_info(table).unwrap().columns[0].name;
    let read = support::rows(
        source,
        &support::request(table, &["rowid", column], vec![from, to]),
    );
    match read {
        Err(error) => {
            assert!(is_bad, "{table} {start}: {error}");
            assert!(
                error.message().contains(table) && error.message().contains("rows"),
                "{error} names no place"
            );
        }
        Ok(rows) => {
            assert!(!is_bad, "rows of a damaged chunk were read");
            assert_eq!(rows.len(), 100);
            for row in rows.iter().filter(|_| table == "data") {
                let number = row[0].as_u64().unwrap();
                assert_eq!(
                    row[1].as_u64(),
                    Some(number * 2_654_435_761 % 100_003),
                    "row {number}"
                );
            }
        }
    }
}
