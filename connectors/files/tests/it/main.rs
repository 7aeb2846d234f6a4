//! The connector from its outside: files are made, opened by their paths, and asked.

#![cfg(test)]

mod batches;
mod folders;
mod kit;
mod made;
mod parquet_files;
mod sheets;
mod text_files;
mod wrong_texts;
