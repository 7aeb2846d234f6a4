//! Workbooks: each sheet a table, and workbooks that are not right.

use futures::executor::block_on;
use rust_xlsxwriter::{Format, Workbook};
use tablecast_connector::{ErrorKind, Value};
use tablecast_testkit::read_all;

use crate::made::{file, open, request};

fn workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    sheet.set_name("Trees").unwrap();
    for (at, name) in ["kind", "height", "count", "seen", "kind"]
        .iter()
        .enumerate()
    {
        sheet.write_string(2, at as u16 + 1, *name).unwrap();
    }
    let date = Format::new().set_num_format("yyyy-mm-dd");
    sheet.write_string(3, 1, "elm").unwrap();
    sheet.write_number(3, 2, 12.5).unwrap();
    sheet.write_number(3, 3, 3).unwrap();
    sheet.write_number_with_format(3, 4, 43_831, &date).unwrap();
    sheet.write_boolean(3, 5, true).unwrap();
    sheet.write_number(5, 2, 2).unwrap();
    workbook.add_worksheet().set_name("Empty").unwrap();
    let plain = workbook.add_worksheet();
    plain.set_name("Plain").unwrap();
    plain.write_number(0, 0, 1).unwrap();
    plain.write_number(0, 1, 2).unwrap();
    workbook.save_to_buffer().unwrap()
}

#[test]
fn each_sheet_with_cells_is_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let source = open(&file(folder.path(), "book.xlsx", &workbook())).unwrap();
    assert_eq!(block_on(source.table_names()).unwrap(), ["Trees", "Plain"]);
    let info = block_on(source.table_info("Trees")).unwrap();
    let columns = info.columns.iter();
    let columns: Vec<String> = columns
        .map(|c| format!("{}: {}", c.name, c.data_type))
        .collect();
    assert_eq!(
        columns,
        [
            "kind: Utf8",
            "height: Float64",
            "count: Int64",
            "seen: Utf8",
            "kind_2: Boolean"
        ]
    );
    let names = ["kind", "height", "count", "seen", "kind_2"];
    let rows = read_all(source.as_ref(), &request("Trees", &names, Vec::new())).unwrap();
    let one = || Value::from(1_i64);
    assert_eq!(
        rows,
        [
            vec![
                "elm".into(),
                Value::Real(12.5),
                Value::from(3_i64),
                "2020-01-01".into(),
                one()
            ],
            vec![Value::Null; 5],
            vec![
                Value::Null,
                Value::Real(2.0),
                Value::Null,
                Value::Null,
                Value::Null
            ],
        ]
    );
    let rows = read_all(
        source.as_ref(),
        &request("Plain", &["column_1", "column_2"], Vec::new()),
    );
    assert_eq!(rows.unwrap(), [[one(), Value::from(2_i64)]]);
    // Beside others, the tables tell which workbook they are of.
    file(folder.path(), "a.csv", b"n\n1\n");
    let source = open(folder.path()).unwrap();
    assert_eq!(
        block_on(source.table_names()).unwrap(),
        ["a", "book/Trees", "book/Plain"]
    );
}

#[test]
fn workbooks_that_are_not_right_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = workbook();
    let mut far = Workbook::new();
    let sheet = far.add_worksheet();
    sheet.write_number(0, 0, 1).unwrap();
    sheet.write_number(1_048_575, 16_383, 1).unwrap();
    let far = far.save_to_buffer().unwrap();
    let empty = {
        let mut workbook = Workbook::new();
        workbook.add_worksheet();
        workbook.save_to_buffer().unwrap()
    };
    for (bytes, said) in [
        (&good[..good.len() / 2], "is cut off or damaged"),
        (&far[..], "spans 1048576 rows of 16384 columns"),
        (&empty[..], "no sheet in it has a cell"),
    ] {
        let error = open(&file(folder.path(), "b.xlsx", bytes))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.message().starts_with("b.xlsx: "), "{error}");
        assert!(error.message().contains(said), "{error}");
    }
}
