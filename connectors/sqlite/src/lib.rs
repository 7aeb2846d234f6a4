//! The SQLite connector. It answers every request in SQL of its own, over connections that can only read.
//!
//! What keeps a person's SQL from harm is the authorizer of each connection, not the text of the statement.

mod authorizer;
mod connection;
mod connector;
mod facet;
mod failure;
mod file;
mod run;
mod sample;
mod scan;
mod schema;
mod source;
mod stream;
mod tables;
mod versions;
mod watch;

pub use connector::{ATTACHED_MAX, SqliteConnector};
pub use versions::versions;
