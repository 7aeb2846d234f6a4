//! DataFusion's own table in memory as a connector: it passes the kit, and wrong addresses and tables are refused.

#![cfg(test)]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use tablecast_connector::{
    Connector, Error, ErrorKind, Location, OpenOptions, Result, Source, Value,
};
use tablecast_engine::{Providers, complete, provided};
use tablecast_testkit::dataset::Table;
use tablecast_testkit::examine::{Plan, examine};
use tablecast_testkit::{check_database, dataset};

/// The kit's table, in batches of a hundred rows and two partitions.
fn stored(table: &Table) -> MemTable {
    let cells = |place: usize| table.rows.iter().map(move |row| row[place].clone());
    let integers = |place: usize| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(cells(place).map(
            |cell| match cell {
                Value::Integer(integer) => i64::try_from(integer).unwrap(),
                other => panic!("{other:?}"),
            },
        )))
    };
    let heights = cells(3).map(|cell| match cell {
        Value::Real(real) => real,
        other => panic!("{other:?}"),
    });
    let kinds = cells(4).map(|cell| match cell {
        Value::Text(text) => text,
        other => panic!("{other:?}"),
    });
    let columns: [(&str, ArrayRef); 5] = [
        ("number", integers(0)),
        ("station", integers(1)),
        ("big", integers(2)),
        ("height", Arc::new(Float64Array::from_iter_values(heights))),
        ("kind", Arc::new(StringArray::from_iter_values(kinds))),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let half = batch.num_rows() / 2;
    let parts = vec![
        vec![batch.slice(0, half)],
        vec![batch.slice(half, batch.num_rows() - half)],
    ];
    MemTable::try_new(batch.schema(), parts).unwrap()
}

fn connector() -> Arc<dyn Connector> {
    provided("kit", "The kit's tables (kit://)", |address| {
        let all = dataset::tables();
        let tables: Providers = all
            .iter()
            .map(|table| (table.name.clone(), Arc::new(stored(table)) as _))
            .collect();
        match address {
            "all" => Ok(tables),
            "twice" => Ok(tables.iter().chain(&tables).cloned().collect()),
            other => Err(Error::not_found(format!("there is no {other:?}"))),
        }
    })
}

fn opened(text: &str, options: &OpenOptions) -> Result<Arc<dyn Source>> {
    let location = Location::look(text).unwrap();
    let connector = connector();
    assert!(connector.recognizes(&location), "{text}");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(connector.open(&location, options))
}

#[test]
fn a_table_in_memory_passes_the_kit() {
    let source = opened("kit://all", &OpenOptions::default()).unwrap();
    let database = complete(Arc::clone(&source));
    let failures = check_database(&source, &database, &dataset::tables());
    assert!(failures.is_empty(), "{failures:#?}");
    let examined = examine(&source, &database, &Plan::default(), &mut |_| ());
    let wrong = examined.tests.iter().flat_map(|test| &test.findings);
    assert_eq!(wrong.collect::<Vec<_>>(), Vec::<&_>::new());
}

#[test]
fn only_its_own_addresses_are_recognized() {
    for text in ["kits://all", "https://example.com/kit"] {
        assert!(
            !connector().recognizes(&Location::look(text).unwrap()),
            "{text}"
        );
    }
}

#[test]
fn what_cannot_be_opened_is_told() {
    let mut options = OpenOptions::default();
    for (text, kind, reason) in [
        (
            "kit://nothing",
            ErrorKind::NotFound,
            "there is no \"nothing\"",
        ),
        (
            "kit://twice",
            ErrorKind::InvalidRequest,
            "two tables are called trees",
        ),
    ] {
        let error = opened(text, &options).map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.message().contains(reason) && error.message().contains(text),
            "{error}"
        );
    }
    options.own.insert("colour".to_owned(), "red".to_owned());
    let error = opened("kit://all", &options).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(error.message().contains("colour"), "{error}");
}
