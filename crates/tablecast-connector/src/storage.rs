//! How a container keeps its tables: groups with what is said about them, and the form in which cells are stored.
//!
//! Nothing here is needed to answer a request; it is for people who want to know what lies in a container.

use serde::{Deserialize, Serialize};

use crate::Metadata;

/// A group that tables are in. The names of its tables start with its path and a slash.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The path, without a slash before or behind; empty for the container itself.
    pub path: String,
    /// What is said about it.
    pub metadata: Metadata,
}

/// How the cells of one table are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storage {
    /// The lengths of the dimensions, the slowest first; empty for a single element.
    pub shape: Vec<u64>,
    /// What an element is, as the container's own people write it: `float64`, `compound`.
    pub element: String,
    /// The lengths of the pieces in which it is stored, if it is.
    pub chunks: Option<Vec<u64>>,
    /// What each piece went through when it was written, in that order: `shuffle`, `gzip`.
    pub filters: Vec<String>,
    /// Bytes of all elements as they are in memory; cells in a heap count as what refers to them.
    pub bytes: Option<u64>,
    /// Bytes that they take in the container.
    pub stored_bytes: Option<u64>,
}

impl Storage {
    /// How many times smaller the cells are stored than they are; `None` unless both are known and there are some.
    pub fn ratio(&self) -> Option<f64> {
        let (bytes, stored) = (self.bytes?, self.stored_bytes?);
        (bytes > 0 && stored > 0).then(|| bytes as f64 / stored as f64)
    }
}
