//! The conformance kit that each connector must pass: one data set in every format, and checks that hold what a source
//! promises against what it does.
//!
//! A connector's test stores [`dataset::tables`] in a container of its kind, opens it, and calls [`check_database`]. A
//! check that fails names itself and says what was promised and what came. The kit itself is tested by sources that
//! lie, each caught by exactly one check (`tests/liars.rs`).
//!
//! [`examine::examine`] does without the data set: it reads whatever a container holds by its own scan, and holds the
//! answers to random questions against a [plain executor](plain). `tablecast connector test` is its command.

mod chance;
mod checks;
pub mod dataset;
pub mod examine;
pub mod plain;
mod reading;
mod stupid;

pub use checks::{Check, Failure, SOURCE_CHECKS, check, check_database};
pub use reading::{read_all, read_rows};
pub use stupid::Stupid;
