//! The conformance kit on the completed stupid source: every ask has its right answer although the source answers none.

#![cfg(test)]

use std::sync::Arc;

use tablecast_connector::{Blocking, Identity, Source};
use tablecast_engine::complete;
use tablecast_testkit::{Stupid, check_database, dataset};

fn passes(source: Stupid) {
    let source: Arc<dyn Source> = Arc::new(Blocking::new(source, 2).unwrap());
    let database = complete(Arc::clone(&source));
    let failures = check_database(&source, &database, &dataset::tables());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn rows_without_identity_are_completed() {
    passes(Stupid::new(dataset::tables()));
}

#[test]
fn numbered_rows_are_completed() {
    passes(Stupid::numbered(dataset::tables()));
}

#[test]
fn keyed_rows_are_completed() {
    passes(Stupid::with_identity(
        dataset::tables(),
        Identity::Key(vec!["number".to_owned()]),
    ));
}

#[test]
fn rows_with_a_compound_key_are_completed() {
    passes(Stupid::with_identity(
        dataset::tables(),
        Identity::Key(vec!["kind".to_owned(), "number".to_owned()]),
    ));
}
