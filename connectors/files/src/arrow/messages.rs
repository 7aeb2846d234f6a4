//! The messages of an Arrow file or stream: where each lies, what it is, and whether what it claims can be.

use std::fs::File;
use std::os::unix::fs::FileExt;

use arrow_ipc::convert::fb_to_schema;
use arrow_ipc::{
    Block, CompressionType, MessageHeader, MetadataVersion, root_as_footer, root_as_message,
};
use arrow_schema::SchemaRef;
use std::sync::Arc;
use tablecast_connector::{Error, Result};

use crate::file::{LocalFile, cannot};

const MAGIC: &[u8] = b"ARROW1";

/// A batch is read whole: of more bytes than this, compressed or not, it is refused.
const BATCH_BYTES_MAX: u64 = 256 << 20;
/// The same for the head of a message and for the footer.
const HEAD_BYTES_MAX: u64 = 64 << 20;
/// No compression makes a text of zeros more times smaller than this.
const LZ4_RATIO_MAX: u64 = 255;

/// What a message holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// So many rows.
    Rows(u64),
    /// Values that rows refer to.
    Dictionary,
}

/// A message.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) place: u64,
    head: u32,
    body: u32,
    pub(super) content: Content,
}

impl Item {
    pub(super) fn bytes(&self) -> usize {
        self.head as usize + self.body as usize
    }

    pub(super) fn block(&self) -> Block {
        Block::new(
            i64::try_from(self.place).unwrap_or(i64::MAX),
            i32::try_from(self.head).unwrap_or(i32::MAX),
            i64::from(self.body),
        )
    }
}

/// What a file holds.
pub(super) struct Found {
    pub(super) schema: SchemaRef,
    pub(super) version: MetadataVersion,
    pub(super) items: Vec<Item>,
    pub(super) compression: Option<&'static str>,
}

/// Looks at all messages' heads. `Unreadable` names the first that cannot be.
pub(super) fn find(file: &LocalFile) -> Result<Found> {
    let opened = file.open()?;
    let looking = Looking { file, opened };
    let start = looking.bytes(0, 6.min(file.state.bytes))?;
    if start == MAGIC {
        looking.in_file()
    } else {
        looking.in_stream()
    }
}

struct Looking<'a> {
    file: &'a LocalFile,
    opened: File,
}

impl Looking<'_> {
    fn broken(&self, what: impl std::fmt::Display) -> Error {
        self.file.broken(what)
    }

    fn bytes(&self, place: u64, count: u64) -> Result<Vec<u8>> {
        let is_within = place
            .checked_add(count)
            .is_some_and(|end| end <= self.file.state.bytes);
        if !is_within || count > HEAD_BYTES_MAX {
            return Err(self.broken(format!(
                "is cut off or damaged: {count} bytes at byte {place} lie behind its end at {}",
                self.file.state.bytes
            )));
        }
        let mut bytes = vec![0; count as usize];
        self.opened
            .read_exact_at(&mut bytes, place)
            .map_err(|cause| cannot(&self.file.path, cause))?;
        Ok(bytes)
    }

    fn in_file(&self) -> Result<Found> {
        let end = self.file.state.bytes.saturating_sub(10);
        let tail = self.bytes(end, 10.min(self.file.state.bytes))?;
        let [a, b, c, d, magic @ ..] = tail.as_slice() else {
            return Err(self.broken("is cut off"));
        };
        if magic != MAGIC {
            return Err(self.broken("is cut off: it does not end as Arrow files do"));
        }
        let length = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
        let start = end
            .checked_sub(length)
            .ok_or_else(|| self.broken(format!("its footer claims {length} bytes")))?;
        let bytes = self.bytes(start, length)?;
        let footer = root_as_footer(&bytes).map_err(|cause| {
            self.broken("its footer is damaged")
                .caused_by(cause.to_string())
        })?;
        let schema = footer
            .schema()
            .ok_or_else(|| self.broken("its footer has no columns"))?;
        let schema = self.schema(schema)?;
        let mut found = Found {
            schema,
            version: footer.version(),
            items: Vec::new(),
            compression: None,
        };
        let dictionaries = footer.dictionaries().into_iter().flatten();
        let batches = footer.recordBatches().into_iter().flatten();
        for block in dictionaries.chain(batches) {
            let place = u64::try_from(block.offset());
            let head = u64::try_from(block.metaDataLength());
            let body = u64::try_from(block.bodyLength());
            let (Ok(place), Ok(head), Ok(body)) = (place, head, body) else {
                return Err(self.broken("its footer claims lengths below zero"));
            };
            let head = self.bytes(place, head)?;
            self.item(&mut found, place, &head, body)?;
        }
        Ok(found)
    }

    fn in_stream(&self) -> Result<Found> {
        let mut place = 0;
        let mut found: Option<Found> = None;
        while place < self.file.state.bytes {
            let prefix = self.bytes(place, 8)?;
            let [marks @ .., a, b, c, d] = prefix.as_slice() else {
                break;
            };
            if marks != [0xff; 4] {
                return Err(self.broken(format!("there is no message at byte {place}")));
            }
            let length = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
            if length == 0 {
                break;
            }
            let head = self.bytes(place, length.saturating_add(8))?;
            let message = self.message(&head, place)?;
            let body = u64::try_from(message.bodyLength())
                .map_err(|_| self.broken(format!("the message at byte {place} is damaged")))?;
            match (&mut found, message.header_as_schema()) {
                (None, Some(schema)) => {
                    found = Some(Found {
                        schema: self.schema(schema)?,
                        version: message.version(),
                        items: Vec::new(),
                        compression: None,
                    });
                }
                (Some(found), None) => self.item(found, place, &head, body)?,
                _ => return Err(self.broken("its first message does not tell its columns")),
            }
            place = place.saturating_add(head.len() as u64).saturating_add(body);
        }
        if place > self.file.state.bytes {
            return Err(self.broken("is cut off within its last message"));
        }
        found.ok_or_else(|| self.broken("there is no message in it"))
    }

    fn schema(&self, schema: arrow_ipc::Schema<'_>) -> Result<SchemaRef> {
        let converted = std::panic::catch_unwind(|| fb_to_schema(schema));
        converted
            .map(Arc::new)
            .map_err(|_| self.broken("its columns cannot be read"))
    }

    fn message<'b>(&self, head: &'b [u8], place: u64) -> Result<arrow_ipc::Message<'b>> {
        // Old files have no mark in front of the length.
        let skip = if head.starts_with(&[0xff; 4]) { 8 } else { 4 };
        root_as_message(head.get(skip..).unwrap_or_default()).map_err(|cause| {
            self.broken(format!("the message at byte {place} is damaged"))
                .caused_by(cause.to_string())
        })
    }

    fn item(&self, found: &mut Found, place: u64, head: &[u8], body: u64) -> Result<()> {
        let message = self.message(head, place)?;
        let end = place.saturating_add(head.len() as u64).saturating_add(body);
        if end > self.file.state.bytes {
            return Err(self.broken(format!(
                "is cut off: the batch at byte {place} ends at byte {end}"
            )));
        }
        if body > BATCH_BYTES_MAX {
            return Err(self.broken(format!(
                "the batch at byte {place} has {body} bytes, more than the {BATCH_BYTES_MAX} that are read at a time"
            )));
        }
        let rows = message.header_as_record_batch();
        let content = match (message.header_type(), rows) {
            (MessageHeader::DictionaryBatch, _) => Content::Dictionary,
            (MessageHeader::RecordBatch, Some(batch)) => {
                let codec = batch.compression().map(|compression| compression.codec());
                found.compression = match codec {
                    Some(CompressionType::LZ4_FRAME) => Some("lz4"),
                    Some(CompressionType::ZSTD) => Some("zstd"),
                    _ => found.compression,
                };
                let rows = u64::try_from(batch.length())
                    .ok()
                    .filter(|rows| *rows < 1 << 40);
                Content::Rows(rows.ok_or_else(|| {
                    self.broken(format!(
                        "the batch at byte {place} claims {} rows",
                        batch.length()
                    ))
                })?)
            }
            (other, _) => {
                return Err(self.broken(format!("the message at byte {place} is a {other:?}")));
            }
        };
        found.items.push(Item {
            place,
            head: head.len() as u32,
            body: body as u32,
            content,
        });
        Ok(())
    }
}

/// Whether the buffers of a batch lie within it, and stay within bounds once they are decompressed; otherwise what is
/// wrong.
pub(super) fn check(bytes: &[u8], item: &Item) -> Result<(), String> {
    let head = bytes.get(..item.head as usize).unwrap_or_default();
    let body = bytes.get(item.head as usize..).unwrap_or_default();
    let skip = if head.starts_with(&[0xff; 4]) { 8 } else { 4 };
    let message = root_as_message(head.get(skip..).unwrap_or_default())
        .map_err(|_| "its head is damaged".to_owned())?;
    let batch = match item.content {
        Content::Rows(_) => message.header_as_record_batch(),
        Content::Dictionary => message
            .header_as_dictionary_batch()
            .and_then(|dictionary| dictionary.data()),
    };
    let batch = batch.ok_or("it is of another kind than it was")?;
    let codec = batch.compression().map(|compression| compression.codec());
    let mut whole = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).unwrap_or(usize::MAX);
        let length = usize::try_from(buffer.length()).unwrap_or(usize::MAX);
        let stored = body.get(start..start.saturating_add(length));
        let stored = stored.ok_or("a buffer lies behind its end")?;
        let (Some(codec), Some(claimed)) = (codec, stored.first_chunk()) else {
            continue;
        };
        let claimed = i64::from_le_bytes(*claimed);
        let claimed = u64::try_from(claimed).unwrap_or(stored.len() as u64);
        // An LZ4 frame gives what it holds, whatever is claimed.
        let at_most = match codec {
            CompressionType::LZ4_FRAME if claimed > 0 => {
                lz4_bytes(stored, claimed).ok_or("a buffer holds more than it says")?
            }
            _ => claimed,
        };
        whole = whole.saturating_add(at_most);
    }
    if whole > BATCH_BYTES_MAX {
        return Err(format!(
            "it has {whole} bytes, more than the {BATCH_BYTES_MAX} that are read at a time"
        ));
    }
    Ok(())
}

/// The bytes that a compressed buffer comes to, if they are no more than it claims.
fn lz4_bytes(stored: &[u8], claimed: u64) -> Option<u64> {
    if stored.len() as u64 * LZ4_RATIO_MAX <= BATCH_BYTES_MAX / 16 {
        return Some(claimed);
    }
    let decoder = lz4_flex::frame::FrameDecoder::new(stored.get(8..)?);
    let mut bounded = std::io::Read::take(decoder, claimed + 1);
    let bytes = std::io::copy(&mut bounded, &mut std::io::sink()).unwrap_or(claimed);
    (bytes <= claimed).then_some(claimed)
}
