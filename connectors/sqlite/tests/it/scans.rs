//! Rows as typed columns.

use arrow_schema::DataType;
use futures::executor::block_on;
use tablecast_connector::{
    Comparison, Direction, ErrorKind, Limits, Predicate, Result, Rows, Scan, ScanRequest, Sort,
    Support, Value,
};

use crate::opened::{Opened, all};

const MIXED: &str = "create table t (i integer, r real, s text, b blob, n numeric, d datetime, x);
    insert into t values (1, 2, 'a', x'00', 3, '2020-01-01', 'y'), (null, null, null, null, null, null, null);
    insert into t (i) values (7);
    create table odd (i integer);
    insert into odd values (1), ('seven');";

fn request(table: &str, columns: &[&str]) -> ScanRequest {
    ScanRequest {
        table: table.to_owned(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        filters: Vec::new(),
        sort: Vec::new(),
        limit: None,
    }
}

fn read(scan: Scan) -> Result<Vec<Vec<Value>>> {
    let batches = block_on(scan.reader.open(&scan.partitions[0], &Limits::none()))?;
    all(Rows {
        columns: scan.columns,
        batches,
    })
}

#[test]
fn columns_are_typed_by_affinity() {
    let opened = Opened::of(MIXED);
    let scan = opened
        .source
        .scan(&request("t", &["i", "r", "s", "b", "n", "d", "x", "rowid"]));
    let scan = scan.expect("promised");
    let types: Vec<_> = scan
        .columns
        .iter()
        .filter_map(|column| column.data_type.clone())
        .collect();
    let (text, real) = (DataType::Utf8, DataType::Float64);
    assert_eq!(
        types,
        [
            DataType::Int64,
            real.clone(),
            text.clone(),
            DataType::Binary,
            real,
            text.clone(),
            text,
            DataType::Int64
        ]
    );
    let rows = read(scan).expect("rows");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0][..3], [1_i64.into(), 2.0.into(), "a".into()]);
    assert_eq!(rows[2][7], 3_i64.into());
}

#[test]
fn a_cell_that_does_not_fit_is_named() {
    let opened = Opened::of(MIXED);
    let error = read(
        opened
            .source
            .scan(&request("odd", &["i"]))
            .expect("promised"),
    )
    .expect_err("text");
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    assert_eq!(
        error.message(),
        "odd.i, row 2: the value is not of type Int64"
    );
}

#[test]
fn filters_sorts_and_limits_are_done_where_they_are_promised() {
    let opened = Opened::of(MIXED);
    let mut wanted = request("t", &["i"]);
    let compare = |column: &str, value: Value| Predicate::Compare {
        column: column.to_owned(),
        comparison: Comparison::GreaterOrEqual,
        value,
    };
    wanted.filters = vec![compare("i", 1_i64.into())];
    wanted.sort = vec![Sort {
        column: "i".to_owned(),
        direction: Direction::Descending,
    }];
    wanted.limit = Some(1);
    let scan = opened.source.scan(&wanted).expect("promised");
    assert_eq!(scan.promises.filters, [Support::Exact]);
    assert_eq!(
        (scan.promises.sort, scan.promises.limit),
        (Support::Exact, Support::Exact)
    );
    assert_eq!(read(scan).expect("rows"), [[Value::from(7_i64)]]);
    // A number compared with a text column would be converted, which the predicate does not mean.
    wanted.filters.push(compare("s", 1_i64.into()));
    let scan = opened.source.scan(&wanted).expect("promised");
    assert_eq!(
        scan.promises.filters,
        [Support::Exact, Support::Unsupported]
    );
    assert_eq!(scan.promises.limit, Support::Unsupported);
    assert_eq!(read(scan).expect("rows").len(), 2);
}

#[test]
fn a_scan_of_no_columns_counts_rows() {
    let opened = Opened::of(MIXED);
    let scan = opened.source.scan(&request("t", &[])).expect("promised");
    assert_eq!(read(scan).expect("rows").len(), 3);
    let missing = opened
        .source
        .scan(&request("nope", &[]))
        .expect_err("missing");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
}
