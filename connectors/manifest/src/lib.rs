//! The manifest connector: sources without code. A YAML file says where rows come from (a paged web API, or a command that
//! prints them), what is in them and how they are told apart.
//!
//! A manifest starts programs and sends passwords, so it is opened only where it was named itself, never because it lies
//! in a folder. What it reads is a stranger's: sizes, pages, times and redirections have bounds, and a cell that is not of
//! its column's type is an error with its place, never a null.

mod column;
mod command;
mod connector;
mod fetch;
mod infer;
mod keep;
mod keys;
mod kind;
mod load;
mod manifest;
mod origin;
mod paging;
mod rows;
mod secret;
mod source;

pub use command::end_all;
pub use connector::ManifestConnector;
