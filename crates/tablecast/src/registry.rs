//! The connectors that come with the program, in the order in which they are asked whether they recognize a file. A new
//! one is its folder and its line here.

use std::sync::Arc;

use tablecast_connector::Connector;

/// The connectors that come with the program.
pub fn connectors() -> Vec<Arc<dyn Connector>> {
    vec![
        Arc::new(tablecast_sqlite::SqliteConnector),
        Arc::new(tablecast_hdf5::Hdf5Connector),
        Arc::new(tablecast_manifest::ManifestConnector),
        Arc::new(tablecast_files::FilesConnector),
    ]
}
