//! The conformance kit on the connectors together with the engine that completes them: every request has its right
//! answer, whichever of the two finds it.

#![cfg(test)]

use std::path::Path;
use std::sync::Arc;

use tablecast_connector::{Connector, Location, OpenOptions, Source};
use tablecast_engine::complete;
use tablecast_testkit::{check_database, dataset};

fn passes(connector: &dyn Connector, path: &Path) {
    let location = Location::look(path.to_str().unwrap()).unwrap();
    let options = OpenOptions::default();
    let source: Arc<dyn Source> =
        futures::executor::block_on(connector.open(&location, &options)).unwrap();
    let database = complete(Arc::clone(&source));
    let failures = check_database(&source, &database, &dataset::tables());
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn an_hdf5_file_is_completed() {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../connectors/hdf5/tests/made");
    passes(&tablecast_hdf5::Hdf5Connector, &made.join("kit.h5"));
}
