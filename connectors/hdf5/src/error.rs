//! The few ways an HDF5 file disappoints, said in the seam's error type.

use std::fmt::Display;

pub use tablecast_connector::{Error, Result};

/// The file says something that cannot be: it is damaged, or not what it claims to be.
pub fn damaged(message: impl Display) -> Error {
    Error::unreadable(message.to_string())
}

/// The file is sound, and holds something this connector does not read.
pub fn unsupported(message: impl Display) -> Error {
    Error::unsupported(message.to_string())
}

/// The file could not be read at all.
pub fn io(error: std::io::Error) -> Error {
    damaged(&error).caused_by(error)
}

/// What the crate for B-trees and heaps found wrong.
pub fn format(error: hdf5_reader::error::Error) -> Error {
    damaged(error)
}
