//! Reads scans and answers to their end, as plain values.

use futures::executor::block_on;
use tablecast_connector::{BatchStream, Limits, Result, Rows, Scan, ScanRequest, Source, Value};

/// All rows of a stream.
pub fn read_rows(rows: &mut Rows) -> Result<Vec<Vec<Value>>> {
    read_stream(rows.batches.as_mut())
}

/// All rows of a scan of `source`, partition by partition.
pub fn read_all(source: &dyn Source, request: &ScanRequest) -> Result<Vec<Vec<Value>>> {
    let parts = read_partitions(&source.scan(request)?, &Limits::none())?;
    Ok(parts.into_iter().flatten().collect())
}

/// The rows of each partition.
pub(crate) fn read_partitions(scan: &Scan, limits: &Limits) -> Result<Vec<Vec<Vec<Value>>>> {
    scan.partitions
        .iter()
        .map(|partition| read_stream(block_on(scan.reader.open(partition, limits))?.as_mut()))
        .collect()
}

fn read_stream(stream: &mut dyn BatchStream) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    while let Some(batch) = block_on(stream.next()) {
        let batch = batch?;
        let columns = batch.columns()?;
        rows.extend((0..batch.rows()).map(|row| {
            columns
                .iter()
                .map(|column| column.cell(row).to_value())
                .collect::<Vec<_>>()
        }));
    }
    Ok(rows)
}
