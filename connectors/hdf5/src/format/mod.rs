//! The HDF5 file format, read only: a file, its links, its datasets, and the bytes of their rows.
//!
//! Nothing here knows tables, columns, Arrow or requests. The B-trees, heaps and array indexes are walked by
//! `hdf5-reader`, whose types never leave this folder; object headers, datatypes, links and attributes are
//! parsed here, message by message, so that one odd message never hides the rest of a node.

pub mod attribute;
pub mod cache;
pub mod cells;
pub mod chunks;
pub mod classic;
pub mod convert;
pub mod dataset;
pub mod datatype;
pub mod decode;
pub mod drivers;
pub mod external;
pub mod file;
pub mod float;
pub mod folder;
pub mod header;
pub mod heap;
pub mod links;
pub mod mapping;
pub mod picked;
pub mod reference;
pub mod rows;
pub mod selection;
pub mod shared;
pub mod storage;
pub mod time;
pub mod value;
pub mod virtual_rows;
pub mod walk;
