//! The connector for files of rows: a file is a database with one table, a folder one with a table for each file.
//!
//! `kind` recognizes a file by its first bytes; each kind of file has a room that describes a file and reads its rows.
//! Files are read where they lie, and nothing is allocated by what one claims.

mod arrow;
mod avro;
mod chained;
mod connector;
mod file;
mod kind;
mod listing;
mod numbered;
mod parquet;
mod pattern;
mod sheet;
mod source;
mod table;
mod text;

pub use connector::FilesConnector;
