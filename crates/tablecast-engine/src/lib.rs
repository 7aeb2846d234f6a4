//! Apache DataFusion behind the seam: [`complete`] makes of every [`Source`](tablecast_connector::Source) a
//! [`Database`](tablecast_connector::Database) that answers everything.
//!
//! No query engine of our own: what a source does not do is a DataFusion plan. It knows no HTTP and no connector.

mod across;
mod asks;
mod complete;
mod condition;
mod counted;
mod declared;
mod definition;
mod exposed;
mod expression;
pub mod failure;
mod filters;
mod groups;
mod in_order;
mod leaf;
mod memory;
mod pattern;
mod planned;
pub mod plans;
mod provided;
pub mod provider;
mod pushed;
mod request;
pub mod runtime;
mod selection;
mod shown;
mod sorted;
mod sql;
mod stream;
mod table_source;
mod tally;
mod typed;
mod where_sql;

pub use across::{Joined, JoinedBy, across};
pub use complete::complete;
/// The engine's own version: providers that are handed over have to be of it.
pub use datafusion;
pub use declared::{Declaration, declare};
pub use provided::{Providers, provided};
pub use shown::{shown, shown_type};
pub use table_source::{ProvidedTable, TableSource};
