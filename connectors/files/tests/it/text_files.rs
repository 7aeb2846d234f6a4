//! Delimited values and JSON: what is found in them, however they are written.

use std::fmt::Write;
use std::sync::Arc;

use arrow_schema::DataType;
use futures::executor::block_on;
use tablecast_connector::{Column, Comparison, Predicate, ROWID, Source, Value};
use tablecast_testkit::read_all;

use crate::made::{compressed, file, open, request};

/// The columns, as `name: type`, and the rows of the file's only table.
fn found(source: &Arc<dyn Source>) -> (Vec<String>, Vec<Vec<Value>>) {
    let table = block_on(source.table_names()).unwrap().remove(0);
    let info = block_on(source.table_info(&table)).unwrap();
    let names: Vec<&str> = info
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let rows = read_all(source.as_ref(), &request(&table, &names, Vec::new())).unwrap();
    let columns = info.columns.iter();
    let columns = columns.map(|column| format!("{}: {}", column.name, column.data_type));
    (columns.collect(), rows)
}

fn check(name: &str, bytes: &[u8], columns: &[&str], rows: &[&[Value]]) {
    let folder = tempfile::tempdir().unwrap();
    let source = open(&file(folder.path(), name, bytes)).unwrap();
    let (found_columns, found_rows) = found(&source);
    assert_eq!(found_columns, columns, "{name}");
    assert_eq!(found_rows, rows, "{name}");
}

fn integer(value: i64) -> Value {
    Value::from(value)
}

fn text(value: &str) -> Value {
    Value::from(value)
}

#[test]
fn names_types_and_values_of_delimited_texts_are_found() {
    check(
        "a.csv",
        b"id,name,share,zip\r\n1,\"Ann \"\"A\"\"\",0.5,007\r\n\r\n2,,,\r\n",
        &["id: Int64", "name: Utf8", "share: Float64", "zip: Utf8"],
        &[
            &[integer(1), text("Ann \"A\""), Value::Real(0.5), text("007")],
            &[integer(2), text(""), Value::Null, text("")],
        ],
    );
    check(
        "no_header.csv",
        b"1;2,5\n3;4\n",
        &["column_1: Int64", "column_2: Utf8"],
        &[&[integer(1), text("2,5")], &[integer(3), text("4")]],
    );
    check(
        "twice.tsv",
        b"a\tA\t\n1\t\"x\ny\"\t9223372036854775808",
        &["a: Int64", "A_2: Utf8", "column_3: Utf8"],
        &[&[integer(1), text("x\ny"), text("9223372036854775808")]],
    );
    check(
        "one.csv",
        b"word\nAnn\n",
        &["word: Utf8"],
        &[&[text("Ann")]],
    );
    check("names_only.csv", b"a,b\n", &["a: Utf8", "b: Utf8"], &[]);
}

#[test]
fn texts_of_other_encodings_are_decoded() {
    let columns = &["na\u{ef}f: Utf8", "n: Int64"];
    let rows: &[&[Value]] = &[&[text("caf\u{e9} \u{20ac}"), integer(1)]];
    let plain = "na\u{ef}f,n\ncaf\u{e9} \u{20ac},1\n";
    check(
        "mark.csv",
        format!("\u{feff}{plain}").as_bytes(),
        columns,
        rows,
    );
    let units = || {
        format!("\u{feff}{plain}")
            .encode_utf16()
            .collect::<Vec<u16>>()
    };
    let little: Vec<u8> = units().into_iter().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units().into_iter().flat_map(u16::to_be_bytes).collect();
    check("little.csv", &little, columns, rows);
    check("big.csv", &big, columns, rows);
    check(
        "windows.csv",
        b"na\xefff,n\ncaf\xe9 \x80,1\n",
        &["na\u{ef}ff: Utf8", "n: Int64"],
        rows,
    );
}

#[test]
fn compressed_texts_are_read_as_they_are() {
    for extension in ["gz", "zst", "bz2", "xz"] {
        let bytes = compressed(b"a,b\n1,x\n2,y\n", extension);
        let name = format!("t.csv.{extension}");
        check(
            &name,
            &bytes,
            &["a: Int64", "b: Utf8"],
            &[&[integer(1), text("x")], &[integer(2), text("y")]],
        );
    }
    let twice = [compressed(b"a,b\n1,x\n", "gz"), compressed(b"2,y\n", "gz")].concat();
    check(
        "t.csv.gz",
        &twice,
        &["a: Int64", "b: Utf8"],
        &[&[integer(1), text("x")], &[integer(2), text("y")]],
    );
}

#[test]
fn json_is_read_in_lines_in_arrays_and_one_behind_the_other() {
    let columns = &["a: Int64", "b: Utf8", "c: Boolean", "d: Utf8", "e: Float64"];
    let rows: &[&[Value]] = &[
        &[
            integer(1),
            text("x, ]\u{e9}\""),
            integer(1),
            text("[1,{\"k\":null}]"),
            Value::Null,
        ],
        &[
            Value::Null,
            text("5"),
            Value::Null,
            text("{\"k\":\"}\"}"),
            Value::Real(2.5),
        ],
    ];
    let first = r#"{"a": 1, "b": "x, ]\u00e9\"", "c": true, "d": [1, {"k": null}]}"#;
    let second = r#"{"e": 2.5, "b": 5, "d": {"k": "}"}, "e": 7}"#;
    for (name, text) in [
        ("lines.jsonl", format!("{first}\n\n{second}")),
        ("array.json", format!("[{first},{second}]")),
        (
            "pretty.json",
            format!("\n[\n  {first}\n ,\n  {second}\n]\n\n"),
        ),
        (
            "values.json",
            format!("{}\n{second}", first.replace("\"c\"", "\n\"c\"")),
        ),
        ("mark.ndjson", format!("\u{feff}{first}\n{second}\n")),
    ] {
        check(name, text.as_bytes(), columns, rows);
    }
    check(
        "scalars.json",
        b"[1, 2, null]",
        &["value: Int64"],
        &[&[integer(1)], &[integer(2)], &[Value::Null]],
    );
    check(
        "rows.json",
        b"[[1,2],[3]]",
        &["value: Utf8"],
        &[&[text("[1,2]")], &[text("[3]")]],
    );
    check(
        "nothing_but_one.json",
        b"{\"a\": 18446744073709551615}",
        &["a: Utf8"],
        &[&[text("18446744073709551615")]],
    );
}

#[test]
fn a_row_number_leads_to_its_row_deep_in_a_long_text() {
    let folder = tempfile::tempdir().unwrap();
    let filling = "x\n".repeat(20);
    let mut long = String::from("n,filling\n");
    for number in 0..200_000 {
        writeln!(long, "{number},\"{filling}\"").unwrap();
    }
    let path = file(folder.path(), "long.csv", long.as_bytes());
    let source = open(&path).unwrap();
    let column = Column::new(ROWID, DataType::Int64);
    let pieces = source.scan(&request("long", &["n"], Vec::new())).unwrap();
    assert!(pieces.partitions.len() > 1);
    assert_eq!(pieces.rows, Some(200_000));
    for row in [0, 1, 99_999, 150_000, 199_999] {
        let is = Predicate::compare(&column, Comparison::Equal, Value::from(row));
        let request = request("long", &["n", ROWID], vec![is]);
        let scan = source.scan(&request).unwrap();
        assert_eq!((scan.rows, scan.partitions.len()), (Some(1), 1));
        let rows = read_all(source.as_ref(), &request).unwrap();
        assert_eq!(rows, [[integer(row), integer(row)]]);
    }
}

#[test]
fn features_are_rows_of_their_properties() {
    let collection = br#"{ "type": "FeatureCollection", "name": "features",
  "crs": {"type": "name", "properties": {"features": [1, 2]}},
  "features": [
    {"type": "Feature", "id": 7, "properties": {"name": "well, \"new\"", "depth": 2}, "bbox": [1, 2, 1, 2],
     "geometry": {"type": "Point", "coordinates": [1.5, -2]}},
    {"geometry": null, "type": "Feature", "properties": {"depth": 2.5, "tags": ["a", "]"]}},
    {"type": "Feature", "properties": null, "geometry": {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}
  ], "bbox": [0, 0, 2, 2]
}
"#;
    let point = text(r#"{"type":"Point","coordinates":[1.5,-2]}"#);
    let line = text(r#"{"type":"LineString","coordinates":[[0,0],[1,1]]}"#);
    let columns = [
        "feature_id: Int64",
        "name: Utf8",
        "depth: Float64",
        "geometry: Utf8",
        "tags: Utf8",
    ];
    let rows: [&[Value]; 3] = [
        &[
            integer(7),
            text("well, \"new\""),
            Value::Real(2.0),
            point,
            Value::Null,
        ],
        &[
            Value::Null,
            Value::Null,
            Value::Real(2.5),
            Value::Null,
            text(r#"["a","]"]"#),
        ],
        &[Value::Null, Value::Null, Value::Null, line, Value::Null],
    ];
    check("wells.geojson", collection, &columns, &rows);
    check("wells.json", collection, &columns, &rows);
    let lines = br#"{"type":"Feature","properties":{"a":1},"geometry":null}
{"type":"Feature","properties":{"a":2},"geometry":{"type":"Point","coordinates":[]}}
"#;
    let columns = ["a: Int64", "geometry: Utf8"];
    let rows: [&[Value]; 2] = [
        &[integer(1), Value::Null],
        &[integer(2), text(r#"{"type":"Point","coordinates":[]}"#)],
    ];
    check("lines.geojsonl", lines, &columns, &rows);
    // What only looks alike is JSON as any other.
    check(
        "flags.json",
        br#"{"features": [1, 2]}"#,
        &["features: Utf8"],
        &[&[text("[1,2]")]],
    );
}
