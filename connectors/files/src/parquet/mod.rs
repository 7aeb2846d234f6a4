//! Parquet files: described from their footers, read by DataFusion with row groups, pages and rows left out by their
//! statistics. Rows are numbered through all files of a table.

mod access;
mod describe;
mod provider;
mod reader;

use std::sync::Arc;

use tablecast_connector::{Error, Result, Scan, ScanRequest, Storage, TableInfo};
use tablecast_engine::ProvidedTable;

use crate::file::LocalFile;
use crate::table::FileTable;
use provider::{ParquetTable, ROW_NUMBER};

/// A table of one Parquet file. Blocks. `Unreadable` tells what is wrong with it.
pub(crate) fn table(file: &LocalFile, name: &str) -> Result<Provided> {
    let described = describe::describe(file)?;
    let storage = describe::storage(&described);
    let metadata = describe::said(&described);
    let table = ParquetTable::new(vec![described])?;
    let partitions = table.pieces().clamp(1, PARTITIONS_MAX);
    let shown = file.name();
    let again = file.clone();
    let provided = ProvidedTable::new(name, Arc::new(table))
        .numbered_by(ROW_NUMBER)
        .in_partitions(partitions)
        .explained_by(move |error| Some(explained(error, &again, &shown)))
        .described(|info| info.metadata = metadata);
    Ok(Provided {
        table: provided,
        storage: Some(storage),
    })
}

/// Parts that are dealt out: some more than there are cores, so that none waits long for the last.
const PARTITIONS_MAX: usize = 16;

/// Whatever fails while a file is read is about the file.
fn explained(error: &datafusion::error::DataFusionError, file: &LocalFile, shown: &str) -> Error {
    let has_changed = LocalFile::look(&file.path).is_ok_and(|now| now.state != file.state);
    let ours = tablecast_engine::failure::carried(error);
    match ours {
        Some(ours) => ours,
        None if has_changed => file.has_changed(),
        None => Error::unreadable(format!("{shown}: {}", error.strip_backtrace())),
    }
}

/// A table that DataFusion reads.
pub(crate) struct Provided {
    table: ProvidedTable,
    storage: Option<Storage>,
}

impl FileTable for Provided {
    fn info(&self) -> &Arc<TableInfo> {
        self.table.info()
    }

    fn rows(&self) -> Option<u64> {
        self.table.rows()
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        self.table.scan(request)
    }

    fn storage(&self) -> Option<Storage> {
        self.storage.clone()
    }
}
