//! Texts that are not right: the error names file, row and line, and the rows in front of it are served.

use futures::executor::block_on;
use tablecast_connector::{Column, Connector};
use tablecast_connector::{Comparison, ErrorKind, Location, Predicate, ROWID, Value};
use tablecast_testkit::read_all;

use crate::made::{compressed, file, open, request};

/// The rows that can be read, and the error of whoever reads on.
fn served(name: &str, bytes: &[u8]) -> (usize, String) {
    let folder = tempfile::tempdir().unwrap();
    let source = open(&file(folder.path(), name, bytes)).unwrap();
    let table = block_on(source.table_names()).unwrap().remove(0);
    let info = block_on(source.table_info(&table)).unwrap();
    let columns = [info.columns[0].name.as_str()];
    let all = request(&table, &columns, Vec::new());
    assert_eq!(source.scan(&all).unwrap().rows, None, "{name}");
    let error = read_all(source.as_ref(), &all).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreadable);
    let said = info.metadata.description.clone().unwrap_or_default();
    assert!(said.contains(error.message()), "{said}");
    let number = Column::new(ROWID, arrow_schema::DataType::Int64);
    let rows = (0..).take_while(|row: &i64| {
        let is = Predicate::compare(&number, Comparison::Equal, Value::from(*row));
        let rows = read_all(source.as_ref(), &request(&table, &columns, vec![is]));
        rows.is_ok_and(|rows| rows.len() == 1)
    });
    (rows.count(), error.message().to_owned())
}

#[test]
fn rows_in_front_of_a_wrong_one_are_served_and_it_is_named() {
    for (name, bytes, rows, said) in [
        (
            "ragged.csv",
            &b"a,b\n1,2\n\n3\n4,5\n"[..],
            1,
            "ragged.csv: row 1 (line 4): it has 1 values where there are 2 columns",
        ),
        (
            "type.geojson",
            br#"{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"a": 1}, "geometry": null},
{"type": "Point", "coordinates": [1, 2]}]}"#,
            1,
            "type.geojson: row 1 (line 3): it is no feature of GeoJSON: its type is \"Point\" at line 1 column 16",
        ),
        (
            "named.geojson",
            br#"{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"a": 1}, "geometry": null},
{"type": "Feature", "properties": {"geometry": "round"}, "geometry": null}]}"#,
            1,
            "named.geojson: row 1 (line 3): it is no feature of GeoJSON: a property is called geometry, as a column of the feature itself at line 1 column 45",
        ),
        (
            "cut.geojson",
            br#"{"type": "FeatureCollection", "features": [
{"type": "Feature", "properties": {"a": 1}, "geometry": null},
{"type": "Feature", "prop"#,
            1,
            "cut.geojson: row 1 (line 3): no comma follows it, nor the end of the array",
        ),
        (
            "wide.csv",
            b"a,b\n1,2\n3,4,5\n",
            1,
            "wide.csv: row 1 (line 3): it has 3 values where there are 2 columns",
        ),
        (
            "open.csv",
            b"a,b\n1,2\n3,\"4\n5,6\n",
            1,
            "open.csv: row 1 (line 3): a quote is opened and never closed",
        ),
        (
            "mixed.csv",
            b"a,b\n\xc3\xa9,1\n\xe9,2\n",
            1,
            "mixed.csv: row 1 (line 3): it is not UTF-8, at byte 9",
        ),
        (
            "late.csv",
            b"a,b\n\xe9,2\n\xc3\xa9,1\n",
            0,
            "late.csv: row 0 (line 2): it is not UTF-8, at byte 4",
        ),
        (
            "bad.jsonl",
            b"{\"a\":1}\n{\"a\":2}\n{\"a\":}\n{\"a\":4}\n",
            2,
            "bad.jsonl: row 2 (line 3): it is not JSON: expected value at line 1 column 6",
        ),
        (
            "cut.json",
            b"[{\"a\":1},\n{\"a\":2},\n{\"a\"",
            2,
            "cut.json: row 2 (line 3): no comma follows it, nor the end of the array",
        ),
        (
            "open.json",
            b"[{\"a\":1},\n{\"a\":2},\n",
            2,
            "open.json: row 2 (line 3): the array does not end: the file is cut off",
        ),
        (
            "behind.json",
            b"[{\"a\":1}] 5",
            1,
            "behind.json: row 1 (line 1): something stands behind the end of the array",
        ),
        (
            "latin.jsonl",
            b"{\"a\":\"x\"}\n{\"a\":\"\xe9\"}",
            1,
            "latin.jsonl: row 1 (line 2): it is not UTF-8, at byte 16",
        ),
    ] {
        assert_eq!(served(name, bytes), (rows, said.to_owned()), "{name}");
    }
}

#[test]
fn a_compressed_file_that_is_cut_off_says_so() {
    let rows = (0..200_000).map(|n| format!("{n},{}", n * 7919 % 10_007));
    let text = rows.collect::<Vec<_>>().join("\n");
    for extension in ["gz", "zst", "bz2", "xz"] {
        let bytes = compressed(format!("a,b\n{text}").as_bytes(), extension);
        let folder = tempfile::tempdir().unwrap();
        let name = format!("cut.csv.{extension}");
        let source = open(&file(folder.path(), &name, &bytes[..bytes.len() / 2])).unwrap();
        let error = read_all(source.as_ref(), &request("cut", &["a"], Vec::new())).unwrap_err();
        assert!(
            error.message().contains("it cannot be decompressed"),
            "{name}: {error}"
        );
        assert!(
            error.message().starts_with(&format!("{name}: row ")),
            "{error}"
        );
    }
}

#[test]
fn a_file_without_a_row_or_with_a_record_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let endless = compressed(&vec![b'x'; 64 << 20], "zst");
    assert!(endless.len() < 100_000);
    for (name, bytes, said) in [
        (
            "blank.csv",
            &b"\n\n"[..],
            "blank.csv: there is no row in it",
        ),
        ("blank.json", b"[]", "blank.json: there is no row in it"),
        (
            "bomb.csv.zst",
            &endless,
            "bomb.csv.zst: the record in line 1 has more than 16 megabytes",
        ),
    ] {
        let error = open(&file(folder.path(), name, bytes))
            .map(|_| ())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.message().starts_with(said), "{error}");
    }
}

#[test]
fn what_is_no_text_is_not_recognized_as_one() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("picture.csv", &b"\x89PNG\0\0"[..]),
        ("notes.md", b"a,b\n1,2\n"),
        ("noextension", b"a,b\n1,2\n"),
    ] {
        let path = file(folder.path(), name, bytes);
        let location = Location::look(path.to_str().unwrap()).unwrap();
        assert!(
            !tablecast_files::FilesConnector.recognizes(&location),
            "{name}"
        );
    }
}

#[test]
fn a_text_that_shrinks_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "t.csv", "a,b\n1,2\n".repeat(1000).as_bytes());
    let source = open(&path).unwrap();
    std::fs::write(&path, "a,b\n1,2\n").unwrap();
    let error = read_all(source.as_ref(), &request("t", &["a"], Vec::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("t.csv changed"), "{error}");
}
