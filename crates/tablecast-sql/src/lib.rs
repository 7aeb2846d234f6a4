//! SQL as text: dialects, the renderer from a table query to a dialect, named parameters, and the test whether a
//! statement only reads. It knows no I/O, no driver and no engine.
//!
//! A dialect is one file beside `sqlite.rs` and one line in [`syntax_of`].

mod completion;
mod dialect;
mod fleeting;
mod parameters;
mod reading;
mod render;
mod search;
mod sqlite;
mod tokens;

pub use completion::Completion;
pub use dialect::{Search, Syntax, sign, syntax_of};
pub use fleeting::is_fleeting;
pub use parameters::{Parameters, named_parameters};
pub use reading::{ALLOWED_PRAGMA_FUNCTIONS, check_reads, is_pragma};
pub use render::{count, count_at_most, facet, rows, values};
pub use search::escape_fts;
pub use sqlite::{quote, quote_always};
