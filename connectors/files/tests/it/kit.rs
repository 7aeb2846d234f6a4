//! The conformance kit on its data set in each format, together with the engine that completes the source.

use std::path::{Path, PathBuf};

use tablecast_engine::complete;
use tablecast_testkit::{check_database, dataset};

use crate::made::{batch, open, parquet};

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
