//! The HDF5 connector: the datasets of an HDF5 file as tables, in pure Rust, read only.
//!
//! Three floors: `format` knows the file format and gives the bytes of rows, with `filters` to decompress them; on it
//! stand columns, tables and scans; above them the seam's source. Memory stays bounded whatever a file claims: rows
//! are read in blocks, and nothing is allocated by a shape.

mod array;
mod column;
mod element;
mod error;
mod feed;
mod filter;
mod filters;
mod format;
mod frame;
mod grid;
mod index;
mod lattice;
mod metadata;
mod number;
mod part;
mod pickle;
mod rows;
mod scan;
mod source;
mod strips;
mod table;
mod top;

use std::sync::Arc;

use tablecast_connector::{
    Blocking, BoxFuture, Connector, Error, Location, OpenOptions, Pool, Result, Source,
};

pub use source::Hdf5;

/// Opens HDF5 files: those of `PyTables`, `h5py`, `pandas`, NetCDF-4 and others.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hdf5Connector;

impl Connector for Hdf5Connector {
    fn name(&self) -> &'static str {
        "hdf5"
    }

    fn opens(&self) -> &'static str {
        "HDF5 or NetCDF file (.h5, .hdf5, .nc)"
    }

    fn recognizes(&self, location: &Location) -> bool {
        location.scheme.is_none()
            && (format::file::has_signature(&location.head)
                || format::classic::has_signature(&location.head))
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        Box::pin(async move {
            if let Some(option) = options.own.keys().next() {
                return Err(Error::invalid(format!(
                    "There is no option {option:?} for HDF5 files"
                )));
            }
            let (text, is_immutable) = (location.text.clone(), options.immutable);
            let file = Pool::new("hdf5-open", 1)?
                .run(move || Hdf5::open(&text, is_immutable))
                .await?;
            let source: Arc<dyn Source> = Arc::new(Blocking::new(file, scan::threads())?);
            Ok(source)
        })
    }
}
