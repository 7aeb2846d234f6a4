//! The process connector: containers read by programs in other languages, which Tablecast starts and asks over pipes by
//! the protocol that `docs/protocol.md` specifies.
//!
//! A guest is never trusted: every size and wait has a bound, every row is checked against what the table is known to be,
//! and a guest that breaks off is named, ended with all that it started, and started anew. It never harms the server.

mod asked;
mod connector;
mod frame;
mod guest;
mod kind;
mod log;
mod message;
mod pool;
mod program;
mod pushdown;
mod rows;
mod sandbox;
mod source;
mod stream;
mod table;

pub use connector::ProcessConnector;
pub use message::{LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, PROTOCOL, VALUES_MAX};
pub use program::Program;
pub use sandbox::end_all;
pub use source::ProcessSource;
