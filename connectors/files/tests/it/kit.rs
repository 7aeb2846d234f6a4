//! The conformance kit on its data set in each format, together with the engine that completes the source.

use std::path::{Path, PathBuf};

use arrow_avro::compression::CompressionCodec;
use arrow_ipc::CompressionType;
use tablecast_engine::complete;
use tablecast_testkit::{check_database, dataset};

use crate::made::{arrow, avro, batch, compressed, delimited, file, json, open, parquet};

/// A text tells the types of its columns by its rows: without one there are only the names.
fn passes_with_rows(make: impl Fn(&Path, &dataset::Table) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let table = &dataset::tables()[0];
    let path = make(folder.path(), table);
    let source = open(&path).unwrap();
    let database = complete(source.clone());
    let failures = check_database(&source, &database, std::slice::from_ref(table));
    assert!(failures.is_empty(), "{}: {failures:#?}", path.display());
}

fn passes(make: impl Fn(&Path, &dataset::Table) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for table in dataset::tables() {
        let path = make(folder.path(), &table);
        let source = open(&path).unwrap();
        let database = complete(source.clone());
        let failures = check_database(&source, &database, std::slice::from_ref(&table));
        assert!(failures.is_empty(), "{}: {failures:#?}", path.display());
    }
}

#[test]
fn a_parquet_file_passes_the_kit() {
    passes(|folder, table| {
        parquet(
            folder,
            &format!("{}.parquet", table.name),
            &batch(table),
            100,
        )
    });
}

#[test]
fn delimited_values_pass_the_kit() {
    for (name, delimiter) in [("trees.csv", ","), ("trees.tsv", "\t")] {
        passes_with_rows(|folder, table| {
            file(folder, name, delimited(table, delimiter).as_bytes())
        });
    }
}

#[test]
fn compressed_values_pass_the_kit() {
    passes_with_rows(|folder, table| {
        let text = delimited(table, ";");
        file(folder, "trees.csv.gz", &compressed(text.as_bytes(), "gz"))
    });
}

#[test]
fn json_passes_the_kit() {
    passes_with_rows(|folder, table| {
        file(folder, "trees.jsonl", json(table).join("\n").as_bytes())
    });
    passes_with_rows(|folder, table| {
        let text = format!(" [\n{}\n]\n", json(table).join(",\n"));
        file(folder, "trees.json", text.as_bytes())
    });
}

#[test]
fn arrow_passes_the_kit() {
    for (extension, compression) in [
        ("arrow", None),
        ("arrows", Some(CompressionType::ZSTD)),
        ("feather", Some(CompressionType::LZ4_FRAME)),
    ] {
        passes(|folder, table| {
            let name = format!("{}.{extension}", table.name);
            arrow(folder, &name, &batch(table), compression)
        });
    }
}

#[test]
fn avro_passes_the_kit() {
    for compression in [None, Some(CompressionCodec::Snappy)] {
        passes(|folder, table| {
            let name = format!("{}.avro", table.name);
            avro(folder, &name, &batch(table), compression)
        });
    }
}
