//! The connector against real files.

mod answers;
mod opened;
