//! A table of any kind of file, as the source sees it.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use tablecast_connector::{Error, Pool, Result, Scan, ScanRequest, Storage, TableInfo};

use crate::file::{LocalFile, cannot};
use crate::kind::{Kind, kind_of};
use crate::{arrow, avro, parquet, sheet, text};

/// A table that a file, or several of one kind, hold.
pub(crate) trait FileTable: Send + Sync {
    /// Everything but the rows.
    fn info(&self) -> &Arc<TableInfo>;

    /// How many rows there are, if that is known.
    fn rows(&self) -> Option<u64>;

    /// As [`tablecast_connector::Source::scan`].
    fn scan(&self, request: &ScanRequest) -> Result<Scan>;

    /// How the cells are stored, if that is known.
    fn storage(&self) -> Option<Storage> {
        None
    }
}

/// The tables of a file: one, named `name`, or several, whose names start with `prefix`. Blocks.
pub(crate) fn tables_of(
    file: &LocalFile,
    name: &str,
    prefix: &str,
    pool: &Arc<Pool>,
) -> Result<Vec<Arc<dyn FileTable>>> {
    let head = head(&file.path)?;
    let kind = kind_of(&file.name(), &head)
        .ok_or_else(|| Error::unreadable(format!("{} has an unknown format", file.name())))?;
    match kind {
        Kind::Parquet => Ok(vec![Arc::new(parquet::table(file, name)?)]),
        Kind::Arrow => Ok(vec![Arc::new(arrow::table(file, name, pool)?)]),
        Kind::Avro => Ok(vec![Arc::new(avro::table(file, name, pool)?)]),
        Kind::Workbook => sheet::tables(file, prefix, pool),
        Kind::Text(text) => {
            let table = text::table(file, name, text, &head, pool)?;
            Ok(vec![Arc::new(table)])
        }
    }
}

/// The first bytes of a file.
pub(crate) fn head(path: &Path) -> Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(tablecast_connector::HEAD_BYTES)
                .read_to_end(&mut head)
        })
        .map_err(|cause| cannot(path, cause))?;
    Ok(head)
}
