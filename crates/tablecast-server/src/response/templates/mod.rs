//! People's own templates: read from a folder, drawn with what Datasette documents for each page, and pages that are
//! nothing but a template. What is here costs nothing where nobody has templates: built-in pages never come by.

mod cells;
mod context;
mod draw;
mod environment;
mod folder;
mod functions;
mod pages;
mod request;
mod rows;

pub(in crate::response) use context::{database, error, home, query};
pub(in crate::response) use draw::{Documented, draw, is_wanted};
pub use folder::Templates;
pub(crate) use pages::page;
pub(in crate::response) use rows::{row, table};
