//! Parquet files: rows in their places, what is read of them, and what is said of broken ones.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use futures::executor::block_on;
use tablecast_connector::{
    Column, Comparison, ErrorKind, Limits, Predicate, ROWID, Support, Value,
};
use tablecast_testkit::read_all;

use crate::made::{open, parquet, request};

fn numbers(rows: i64) -> RecordBatch {
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let real: ArrayRef = Arc::new(Float64Array::from_iter_values(
        (0..rows).map(|n| if n % 5 == 0 { f64::NAN } else { n as f64 / 2.0 }),
    ));
    RecordBatch::try_from_iter([("number", number), ("real", real)]).unwrap()
}

fn over(column: &str, comparison: Comparison, value: i64) -> Predicate {
    let column = Column::new(column, arrow_schema::DataType::Int64);
    Predicate::compare(&column, comparison, Value::from(value))
}

#[test]
fn a_row_number_leads_to_its_row_in_whatever_row_group_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let source = open(&parquet(folder.path(), "n.parquet", &numbers(1000), 64)).unwrap();
    for (comparison, value, expected) in [
        (Comparison::Greater, 900, 901..1000),
        (Comparison::GreaterOrEqual, 127, 127..1000),
        (Comparison::Equal, 64, 64..65),
        (Comparison::Less, 70, 0..70),
        (Comparison::LessOrEqual, 0, 0..1),
        (Comparison::Greater, 999, 0..0),
        (Comparison::Less, -5, 0..0),
    ] {
        let filters = vec![over(ROWID, comparison, value)];
        let rows = read_all(source.as_ref(), &request("n", &["number", ROWID], filters)).unwrap();
        let expected: Vec<Vec<Value>> = expected
            .map(|number: i64| vec![Value::from(number), Value::from(number)])
            .collect();
        assert_eq!(rows, expected, "{comparison:?} {value}");
    }
}

#[test]
fn row_groups_that_cannot_pass_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = parquet(folder.path(), "n.parquet", &numbers(1000), 100);
    // The pages of the first row group are spoilt: whoever reads them fails.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[4..64].fill(0xff);
    std::fs::write(&path, bytes).unwrap();
    let source = open(&path).unwrap();
    let filters = vec![over("number", Comparison::Greater, 950)];
    let scan = source
        .scan(&request("n", &["number"], filters.clone()))
        .unwrap();
    assert_eq!(scan.promises.filters, [Support::Inexact]);
    let rows = read_all(source.as_ref(), &request("n", &["number"], filters)).unwrap();
    assert_eq!(rows.len(), 49);
    let all = read_all(source.as_ref(), &request("n", &["number"], Vec::new())).unwrap_err();
    assert_eq!(all.kind(), ErrorKind::Unreadable);
    assert!(all.message().starts_with("n.parquet: "), "{all}");
}

#[test]
fn not_a_number_is_never_left_out_where_it_counts_as_null() {
    let folder = tempfile::tempdir().unwrap();
    let source = open(&parquet(folder.path(), "n.parquet", &numbers(100), 10)).unwrap();
    let filters = vec![Predicate::IsNull("real".to_owned())];
    let rows = read_all(source.as_ref(), &request("n", &["real"], filters)).unwrap();
    assert_eq!(rows.iter().filter(|row| row[0] == Value::Null).count(), 20);
}

#[test]
fn a_file_that_is_cut_off_or_claims_too_much_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = std::fs::read(parquet(folder.path(), "n.parquet", &numbers(100), 10)).unwrap();
    let path = folder.path().join("broken.parquet");
    let footer = good.len() - 8;
    let mut long = good.clone();
    long[footer..footer + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut odd = good.clone();
    odd[footer - 200..footer].fill(0x5a);
    for (bytes, said) in [
        (good[..good.len() / 2].to_vec(), "cut off"),
        (good[..4].to_vec(), "cut off"),
        (long, "claims 4294967295 bytes"),
        (odd, "broken.parquet: "),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let error = open(&path).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.message().contains(said), "{error}");
        assert!(error.message().starts_with("broken.parquet: "), "{error}");
    }
}

#[test]
fn a_file_that_changes_is_read_anew_and_never_mixed() {
    let folder = tempfile::tempdir().unwrap();
    let path = parquet(folder.path(), "n.parquet", &numbers(100), 10);
    let source = open(&path).unwrap();
    let before = source.version();
    let scan = source.scan(&request("n", &["number"], Vec::new())).unwrap();
    parquet(folder.path(), "n.parquet", &numbers(50), 10);
    assert_ne!(source.version(), before);
    let limits = Limits::none();
    let opened = block_on(scan.reader.open(&scan.partitions[0], &limits));
    let read = opened.and_then(|mut stream| block_on(stream.next()).unwrap());
    assert_eq!(read.map(|_| ()).unwrap_err().kind(), ErrorKind::Unavailable);
    block_on(source.table_info("n")).unwrap();
    let rows = read_all(source.as_ref(), &request("n", &["number"], Vec::new())).unwrap();
    assert_eq!(rows.len(), 50);
    std::fs::remove_file(&path).unwrap();
    let gone = block_on(source.table_info("n")).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn a_column_called_rowid_hides_the_row_number() {
    let folder = tempfile::tempdir().unwrap();
    let rowid: ArrayRef = Arc::new(Int64Array::from(vec![7, 7, 5]));
    let batch = RecordBatch::try_from_iter([("RowID", rowid)]).unwrap();
    let source = open(&parquet(folder.path(), "r.parquet", &batch, 10)).unwrap();
    let info = block_on(source.table_info("r")).unwrap();
    assert_eq!(info.identity, tablecast_connector::Identity::None);
    let rows = read_all(source.as_ref(), &request("r", &["RowID"], Vec::new())).unwrap();
    assert_eq!(rows[2], [Value::from(5_i64)]);
}

#[test]
fn whatever_byte_is_wrong_there_is_an_answer_or_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = parquet(folder.path(), "n.parquet", &numbers(300), 100);
    let good = std::fs::read(&path).unwrap();
    for at in (4..good.len() - 4).step_by(good.len() / 200) {
        let mut bytes = good.clone();
        bytes[at] ^= 0xff;
        std::fs::write(&path, &bytes).unwrap();
        let read = open(&path).and_then(|source| {
            let names = ["number", "real"];
            read_all(source.as_ref(), &request("n", &names, Vec::new()))
        });
        if let Err(error) = read {
            assert_eq!(error.kind(), ErrorKind::Unreadable, "byte {at}: {error}");
            assert!(error.message().starts_with("n.parquet: "), "{error}");
        }
    }
}
