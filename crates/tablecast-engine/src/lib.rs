//! Apache DataFusion behind the seam: [`complete`] makes of every [`Source`](tablecast_connector::Source) a
//! [`Database`](tablecast_connector::Database) that answers everything.
//!
//! No query engine of our own: what a source does not do is a DataFusion plan. It knows no HTTP and no connector.

mod complete;
mod definition;

pub use complete::complete;
