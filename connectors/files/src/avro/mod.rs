//! Avro files. Their blocks are the pieces: each is found by its head, decompressed within bounds, and handed on as a
//! block that is not compressed, so that what decodes rows never sees what a compressed block may blow up to.

mod blocks;

use std::io::{BufReader, Read};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_avro::reader::ReaderBuilder;
use arrow_schema::{ArrowError, Schema};
use tablecast_connector::{Limits, Pool, Result, Storage};

use crate::file::LocalFile;
use crate::numbered::{Piece, ReadRows, RecordBatches, RowsTable, columns_of, pieces};
use blocks::{Block, Found};

/// Rows of a batch.
const BATCH_ROWS: usize = 8192;

/// The table of an Avro file. Blocks.
pub(crate) fn table(file: &LocalFile, name: &str, pool: &Arc<Pool>) -> Result<RowsTable> {
    let found = blocks::find(file)?;
    let head = found.head();
    let schema = catch_unwind(|| {
        let reader = ReaderBuilder::new().build(head.as_slice())?;
        Ok::<_, ArrowError>(reader.schema())
    });
    let schema = schema
        .map_err(|_| file.broken("its schema cannot be read"))?
        .map_err(|cause| file.broken(format!("its schema cannot be read: {cause}")))?;
    let rows = AvroRows::new(file.clone(), found);
    let last = rows.pieces.last();
    let storage = Storage {
        shape: last
            .and_then(|last| Some(last.first_row + last.rows?))
            .into_iter()
            .collect(),
        element: "record".to_owned(),
        chunks: rows
            .pieces
            .first()
            .and_then(|piece| Some(vec![piece.rows?])),
        filters: rows
            .found
            .codec
            .name()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        bytes: None,
        stored_bytes: Some(file.state.bytes),
    };
    let table = RowsTable::new(name, columns_of(&schema), Arc::new(rows), pool);
    Ok(table.described(Some(storage), |_| {}))
}

struct AvroRows {
    file: LocalFile,
    found: Found,
    pieces: Vec<Piece>,
}

impl AvroRows {
    fn new(file: LocalFile, found: Found) -> Self {
        let pieces = pieces(found.blocks.iter().map(|block| block.rows));
        Self {
            file,
            found,
            pieces,
        }
    }
}

impl ReadRows for AvroRows {
    fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn read(&self, pieces: Range<usize>, columns: &[usize], _: &Limits) -> Result<RecordBatches> {
        let blocks: Vec<Block> = self.found.blocks.get(pieces).unwrap_or_default().to_vec();
        if columns.is_empty() {
            return Ok(Box::new(blocks.into_iter().map(|block| counted(&block))));
        }
        let file = self.file.clone();
        let broken =
            move |cause: &ArrowError| file.broken(format!("its rows cannot be read: {cause}"));
        let text = blocks::Plain::new(&self.file, &self.found, blocks)?;
        let text: Box<dyn Read + Send> = Box::new(text);
        let reader = ReaderBuilder::new()
            .with_batch_size(BATCH_ROWS)
            .build(BufReader::with_capacity(1 << 16, text))
            .map_err(|cause| broken(&cause))?;
        let columns = columns.to_vec();
        let mut reader = reader;
        Ok(Box::new(std::iter::from_fn(move || {
            // What a block's bytes contradict must not end more than the request.
            let batch = catch_unwind(AssertUnwindSafe(|| reader.next()));
            let batch = batch.unwrap_or_else(|_| {
                let damaged = "a block is damaged".to_owned();
                Some(Err(ArrowError::AvroError(damaged)))
            })?;
            let batch = batch.and_then(|batch| batch.project(&columns));
            Some(batch.map_err(|cause| broken(&cause)))
        })))
    }
}

/// The rows of a block, without columns.
fn counted(block: &Block) -> Result<RecordBatch> {
    let rows = usize::try_from(block.rows).unwrap_or(usize::MAX);
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).map_err(
        |cause| tablecast_connector::Error::internal("A batch of no columns").caused_by(cause),
    )
}
