//! Text files: delimited values and JSON, plain or compressed, in any of the usual encodings.
//!
//! A file is read through once when it is opened: dialect, names, types, the number of rows and the places of some of
//! them are known from then on. A row that is not right ends the table there: the rows in front of it are served, and
//! whoever needs more is told which row it is and why.

pub(crate) mod column;
mod delimited;
mod dialect;
mod feature;
mod json;
pub(crate) mod opened;
mod records;
pub(crate) mod survey;
mod table;

pub(crate) use table::table;
