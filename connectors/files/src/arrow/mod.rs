//! Arrow IPC: files (Feather) and streams. Batches are the pieces; where each lies and how many rows it has is known from
//! the messages' heads alone. Nothing is allocated before it is known to lie within the file.

mod messages;

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileDecoder;
use arrow_schema::SchemaRef;
use tablecast_connector::{Limits, Pool, Result, Storage};

use crate::file::{LocalFile, cannot};
use crate::numbered::{Piece, ReadRows, RecordBatches, RowsTable, columns_of, pieces};
use messages::{Content, Found, Item};

/// The table of an Arrow file or stream. Blocks.
pub(crate) fn table(file: &LocalFile, name: &str, pool: &Arc<Pool>) -> Result<RowsTable> {
    let found = messages::find(file)?;
    let columns = columns_of(&found.schema);
    let rows = ArrowRows::new(file.clone(), found);
    let last = rows.pieces.last();
    let storage = Storage {
        shape: last
            .and_then(|last| Some(last.first_row + last.rows?))
            .into_iter()
            .collect(),
        element: "row".to_owned(),
        chunks: rows
            .pieces
            .first()
            .and_then(|piece| Some(vec![piece.rows?])),
        filters: rows
            .found
            .compression
            .map(str::to_owned)
            .into_iter()
            .collect(),
        bytes: None,
        stored_bytes: Some(file.state.bytes),
    };
    let table = RowsTable::new(name, columns, Arc::new(rows), pool);
    Ok(table.described(Some(storage), |_| {}))
}

struct ArrowRows {
    file: LocalFile,
    found: Found,
    /// The places of the batches among the items.
    batches: Vec<usize>,
    pieces: Vec<Piece>,
}

impl ArrowRows {
    fn new(file: LocalFile, found: Found) -> Self {
        let (mut batches, mut counts) = (Vec::new(), Vec::new());
        for (at, item) in found.items.iter().enumerate() {
            if let Content::Rows(rows) = item.content {
                batches.push(at);
                counts.push(rows);
            }
        }
        Self {
            file,
            found,
            batches,
            pieces: pieces(counts),
        }
    }
}

impl ReadRows for ArrowRows {
    fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    fn read(&self, pieces: Range<usize>, columns: &[usize], _: &Limits) -> Result<RecordBatches> {
        let wanted = self.batches.get(pieces).unwrap_or_default();
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(Box::new(std::iter::empty()));
        };
        // Dictionaries in front of the first batch are needed, its neighbours' rows are not.
        let items = self.found.items.get(..=*last).unwrap_or_default();
        let items = items
            .iter()
            .enumerate()
            .filter(|(at, item)| *at >= *first || !matches!(item.content, Content::Rows(_)));
        let decoder = FileDecoder::new(Arc::clone(&self.found.schema), self.found.version)
            .with_projection(columns.to_vec());
        Ok(Box::new(Reading {
            opened: self.file.open()?,
            file: self.file.clone(),
            items: items
                .map(|(_, item)| item.clone())
                .collect::<Vec<_>>()
                .into_iter(),
            decoder,
            schema: Arc::clone(&self.found.schema),
        }))
    }
}

struct Reading {
    file: LocalFile,
    opened: std::fs::File,
    items: std::vec::IntoIter<Item>,
    decoder: FileDecoder,
    schema: SchemaRef,
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let item = self.items.next()?;
            match self.item(&item) {
                Ok(None) => {}
                Ok(Some(batch)) => return Some(Ok(batch)),
                Err(error) => {
                    self.items = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Reading {
    fn item(&mut self, item: &Item) -> Result<Option<RecordBatch>> {
        let mut bytes = vec![0; item.bytes()];
        self.opened
            .read_exact_at(&mut bytes, item.place)
            .map_err(|cause| cannot(&self.file.path, cause))?;
        messages::check(&bytes, item).map_err(|what| self.broken(item, &what))?;
        let block = item.block();
        let buffer = arrow_buffer::Buffer::from_vec(bytes);
        let decoder = &mut self.decoder;
        // Arrow panics where parts of a batch contradict each other.
        let read = catch_unwind(AssertUnwindSafe(|| match item.content {
            Content::Dictionary => decoder.read_dictionary(&block, &buffer).map(|()| None),
            Content::Rows(_) => decoder.read_record_batch(&block, &buffer),
        }));
        let read = read
            .map_err(|_| self.broken(item, "it is damaged"))?
            .map_err(|error| self.broken(item, &error.to_string()))?;
        if let (Some(batch), Content::Rows(rows)) = (&read, &item.content)
            && (batch.num_rows() as u64 != *rows
                || self.schema.fields().len() < batch.num_columns())
        {
            return Err(self.broken(item, "it has other rows than it says"));
        }
        Ok(read)
    }

    fn broken(&self, item: &Item, what: &str) -> tablecast_connector::Error {
        self.file
            .broken(format!("the batch at byte {}: {what}", item.place))
    }
}
