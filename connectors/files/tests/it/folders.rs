//! Folders, partitioned folders and patterns: which files are which tables, and what of them is known when.

use std::fs::{create_dir_all, remove_file};
use std::path::Path;
use std::sync::Arc;

use arrow_schema::DataType;
use futures::executor::block_on;
use tablecast_connector::{Column, Comparison, ErrorKind, Predicate, ROWID, Source, Value};
use tablecast_engine::complete;
use tablecast_testkit::{check_database, dataset, read_all};

use crate::made::{batch, delimited, file, json, open, open_text, parquet, request};

fn names(source: &Arc<dyn Source>) -> Vec<String> {
    block_on(source.table_names()).unwrap()
}

fn rows(source: &Arc<dyn Source>, table: &str) -> Vec<Vec<Value>> {
    let info = block_on(source.table_info(table)).unwrap();
    let names: Vec<&str> = info
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    read_all(source.as_ref(), &request(table, &names, Vec::new())).unwrap()
}

fn folder(root: &Path, name: &str) -> std::path::PathBuf {
    let path = root.join(name);
    create_dir_all(&path).unwrap();
    path
}

#[test]
fn the_files_of_a_folder_are_tables_and_a_broken_one_is_listed_with_its_reason() {
    let root = tempfile::tempdir().unwrap();
    file(root.path(), "a.csv", b"n\n1\n");
    file(root.path(), "a.jsonl", b"{\"n\":2}");
    file(root.path(), "broken.parquet", b"PAR1 and no more");
    file(root.path(), "notes.txt", b"words");
    file(root.path(), ".hidden.csv", b"n\n1\n");
    file(&folder(root.path(), "sub/deeper"), "b.tsv", b"n\tm\n3\t4\n");
    let source = open(root.path()).unwrap();
    assert_eq!(names(&source), ["a", "a.jsonl", "broken", "sub/deeper/b"]);
    assert_eq!(rows(&source, "a.jsonl"), [[Value::from(2_i64)]]);
    assert_eq!(
        rows(&source, "sub/deeper/b"),
        [[Value::from(3_i64), Value::from(4_i64)]]
    );
    let info = block_on(source.table_info("broken")).unwrap();
    let reason = info.unreadable.clone().unwrap();
    assert!(reason.starts_with("broken.parquet: is cut off"), "{reason}");
    let error = source
        .scan(&request("broken", &[], Vec::new()))
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Unreadable, reason.as_str())
    );
}

#[test]
fn files_that_come_change_and_go_are_noticed() {
    let root = tempfile::tempdir().unwrap();
    let path = file(root.path(), "a.csv", b"n\n1\n");
    let source = open(root.path()).unwrap();
    let versions = [
        source.version(),
        {
            file(root.path(), "b.csv", b"n\n2\n");
            assert_eq!(names(&source), ["a", "b"]);
            source.version()
        },
        {
            std::fs::write(&path, "n,m\n5,6\n").unwrap();
            assert_eq!(
                rows(&source, "a"),
                [[Value::from(5_i64), Value::from(6_i64)]]
            );
            source.version()
        },
        {
            remove_file(&path).unwrap();
            assert_eq!(names(&source), ["b"]);
            source.version()
        },
    ];
    for (at, version) in versions.iter().enumerate() {
        assert!(!versions[..at].contains(version), "{versions:?}");
    }
    let gone = block_on(source.table_info("a")).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[test]
fn a_partitioned_folder_is_one_table_with_the_values_of_its_folders() {
    let root = tempfile::tempdir().unwrap();
    for (place, text) in [
        ("sales/year=2020/land=a%2Fb", "n\n1\n2\n"),
        (
            "sales/year=2021/land=__HIVE_DEFAULT_PARTITION__",
            "n\n3.5\n",
        ),
        ("sales/year=2021/land=c", "n,more\n4,x\n"),
    ] {
        file(&folder(root.path(), place), "part.csv", text.as_bytes());
    }
    let source = open(root.path()).unwrap();
    assert_eq!(names(&source), ["sales"]);
    let info = block_on(source.table_info("sales")).unwrap();
    let columns = info.columns.iter();
    let columns: Vec<String> = columns
        .map(|c| format!("{}: {}", c.name, c.data_type))
        .collect();
    assert_eq!(
        columns,
        ["n: Float64", "more: Utf8", "year: Int64", "land: Utf8"]
    );
    let number = |n: i64| Value::from(n);
    assert_eq!(
        rows(&source, "sales"),
        [
            [Value::Real(1.0), Value::Null, number(2020), "a/b".into()],
            [Value::Real(2.0), Value::Null, number(2020), "a/b".into()],
            [Value::Real(3.5), Value::Null, number(2021), Value::Null],
            [Value::Real(4.0), "x".into(), number(2021), "c".into()],
        ]
    );
    // The folder itself is opened the same.
    let alone = open(&root.path().join("sales")).unwrap();
    assert_eq!(names(&alone), ["sales"]);
    let column = Column::new(ROWID, DataType::Int64);
    for row in 0..4_i64 {
        let is = Predicate::compare(&column, Comparison::Equal, Value::from(row));
        let found = read_all(
            alone.as_ref(),
            &request("sales", &[ROWID, "year"], vec![is]),
        )
        .unwrap();
        assert_eq!(
            found,
            [[number(row), number(if row < 2 { 2020 } else { 2021 })]]
        );
    }
}

#[test]
fn files_of_a_pattern_pass_the_kit_as_one_table() {
    let root = tempfile::tempdir().unwrap();
    let mut table = dataset::tables().remove(0);
    table.name = "trees".to_owned();
    let all = batch(&table);
    parquet(root.path(), "trees-1.parquet", &all.slice(0, 100), 30);
    let part = |from: usize, to: usize| {
        let mut part = table.clone();
        part.rows = table.rows[from..to].to_vec();
        part
    };
    file(
        root.path(),
        "trees-2.csv",
        delimited(&part(100, 200), ",").as_bytes(),
    );
    file(
        root.path(),
        "trees-3.jsonl",
        json(&part(200, 250)).join("\n").as_bytes(),
    );
    file(root.path(), "other.csv", b"n\n1\n");
    let source = open_text(&format!("{}/trees-*", root.path().display())).unwrap();
    let failures = check_database(
        &source,
        &complete(source.clone()),
        std::slice::from_ref(&table),
    );
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn a_pattern_or_folder_without_files_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let nothing = open_text(&format!("{}/*.csv", root.path().display()))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::NotFound);
    assert_eq!(nothing.message(), "no file is like *.csv");
    let empty = open(root.path()).map(|_| ()).unwrap_err();
    assert!(
        empty
            .message()
            .ends_with("is a folder, and no file in it can be served"),
        "{empty}"
    );
    file(&folder(root.path(), "t/k=1"), "a.parquet", b"PAR1");
    let source = open(root.path()).unwrap();
    let info = block_on(source.table_info("t")).unwrap();
    let reason = info.unreadable.clone().unwrap_or_default();
    assert!(reason.starts_with("a.parquet: "), "{reason}");
}
