//! The conformance kit, on its data set in an HDF5 file that `make_files.py` made.

use std::path::Path;
use std::sync::Arc;

use tablecast_connector::{Connector, Location, OpenOptions, Source};
use tablecast_hdf5::Hdf5Connector;

#[test]
fn an_hdf5_file_passes_the_kit() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/made/kit.h5");
    let location = Location::look(path.to_str().unwrap()).unwrap();
    assert!(Hdf5Connector.recognizes(&location));
    let options = OpenOptions::default();
    let source: Arc<dyn Source> =
        futures::executor::block_on(Hdf5Connector.open(&location, &options)).unwrap();
    let failures = tablecast_testkit::check(&source, &tablecast_testkit::dataset::tables());
    assert!(failures.is_empty(), "{failures:#?}");
}
