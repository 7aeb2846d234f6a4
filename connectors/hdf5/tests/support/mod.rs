//! What the tests share: opening files, reading whole tables as JSON, finding the shared facts.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::float_cmp,
    reason = "a test fails by panicking"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "each test file uses its own part of this"
)]

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tablecast_connector::json::{Infinity, write_cell};
use tablecast_connector::{BlockingSource, Limits, Predicate, ROWID, Result, ScanRequest};
use tablecast_hdf5::Hdf5;

/// The folder of facts and data, if it is on this machine; says so aloud if not.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = std::env::var_os("TABLECAST_SHARED")
        .map_or(beside, PathBuf::from)
        .join("hdf5");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "SKIPPED: {} is not there; set TABLECAST_SHARED",
        folder.display()
    );
    None
}

pub fn open(path: &Path) -> Result<Hdf5> {
    Hdf5::open(path.to_str().unwrap(), true)
}

pub fn request(table: &str, columns: &[&str], filters: Vec<Predicate>) -> ScanRequest {
    ScanRequest {
        table: table.to_owned(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        filters,
        sort: Vec::new(),
        limit: None,
    }
}

/// The rows of all partitions, each as a list of cells.
pub fn rows(source: &Hdf5, request: &ScanRequest) -> Result<Vec<Vec<Json>>> {
    let scan = source.scan(request)?;
    let limits = Limits::none();
    let mut rows = Vec::new();
    for partition in &scan.partitions {
        for batch in (scan.open)(partition, &limits)? {
            let batch = batch?;
            let columns = batch.columns()?;
            for row in 0..batch.rows() {
                let cells = columns.iter().map(|column| {
                    let mut json = Vec::new();
                    write_cell(&column.cell(row), Infinity::Null, &mut json);
                    serde_json::from_slice(&json).unwrap()
                });
                rows.push(cells.collect());
            }
        }
    }
    Ok(rows)
}

/// The row numbers that pass filters.
pub fn row_numbers(source: &Hdf5, table: &str, filters: Vec<Predicate>) -> Vec<u64> {
    let rows = rows(source, &request(table, &[ROWID], filters)).expect("a scan");
    rows.iter().map(|row| row[0].as_u64().unwrap()).collect()
}

/// All rows of a table, as objects by column.
pub fn objects(source: &Hdf5, table: &str) -> Result<Vec<serde_json::Map<String, Json>>> {
    let info = source.table_info(table)?;
    let names: Vec<&str> = info
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let rows = rows(source, &request(table, &names, Vec::new()))?;
    let object = |row: Vec<Json>| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .zip(row)
            .collect()
    };
    Ok(rows.into_iter().map(object).collect())
}

/// Counts by a scan without columns.
pub fn count(source: &Hdf5, table: &str, filters: Vec<Predicate>) -> u64 {
    let scan = source.scan(&request(table, &[], filters)).expect("a scan");
    let mut count = 0;
    for partition in &scan.partitions {
        for batch in (scan.open)(partition, &Limits::none()).expect("a partition") {
            count += batch.expect("a batch").rows() as u64;
        }
    }
    count
}

/// Whether two JSON values are equal, numbers as close as the facts promise.
pub fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => {
            if x.is_f64() || y.is_f64() {
                let (x, y) = (x.as_f64().unwrap(), y.as_f64().unwrap());
                x == y || (x - y).abs() <= 1e-9 * x.abs().max(y.abs())
            } else {
                x == y
            }
        }
        (Json::Array(x), Json::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Json::Object(x), Json::Object(y)) => {
            x.len() == y.len()
                && x.iter()
                    .all(|(name, x)| y.get(name).is_some_and(|y| equal(x, y)))
        }
        _ => a == b,
    }
}
