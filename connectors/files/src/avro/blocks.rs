//! The blocks of an Avro file: the container's head and blocks read by their lengths, each decompressed within bounds.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use tablecast_connector::{Error, Result};

use crate::file::{LocalFile, cannot};

const MAGIC: &[u8] = b"Obj\x01";

/// A block is read whole: of more bytes, compressed or not, it is refused. So is a schema.
const BLOCK_BYTES_MAX: u64 = 128 << 20;

/// How blocks are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    None,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
    Xz,
}

impl Codec {
    fn named(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"null" => Self::None,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            b"bzip2" => Self::Bzip2,
            b"xz" => Self::Xz,
            _ => return None,
        })
    }

    pub(super) fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::None => return None,
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        })
    }

    /// The block as it was; `None` if it cannot be, or is too long.
    fn decompressed(self, block: Vec<u8>) -> Option<Vec<u8>> {
        let bounded = |read: &mut dyn Read| {
            let mut plain = Vec::new();
            let count = read
                .take(BLOCK_BYTES_MAX + 1)
                .read_to_end(&mut plain)
                .ok()?;
            (count as u64 <= BLOCK_BYTES_MAX).then_some(plain)
        };
        let bytes = block.as_slice();
        match self {
            Self::None => Some(block),
            Self::Deflate => bounded(&mut flate2::read::DeflateDecoder::new(bytes)),
            Self::Zstandard => {
                let mut decoder = zstd::Decoder::new(bytes).ok()?;
                decoder.window_log_max(27).ok()?;
                bounded(&mut decoder)
            }
            Self::Bzip2 => bounded(&mut bzip2::read::MultiBzDecoder::new(bytes)),
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(128 << 20, 0).ok()?;
                bounded(&mut liblzma::read::XzDecoder::new_stream(bytes, stream))
            }
            Self::Snappy => {
                // Behind the data stands a sum of four bytes.
                let (data, sum) = bytes
                    .split_last_chunk::<4>()
                    .map(|(data, sum)| (data, *sum))?;
                let length = snap::raw::decompress_len(data).ok()?;
                // Each byte gives at most a copy of 64.
                let is_possible = length as u64 <= BLOCK_BYTES_MAX && length <= data.len() * 64;
                let plain = snap::raw::Decoder::new()
                    .decompress_vec(data)
                    .ok()
                    .filter(|_| is_possible)?;
                (crc32fast::hash(&plain) == u32::from_be_bytes(sum)).then_some(plain)
            }
        }
    }
}

/// Where a block lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    place: u64,
    bytes: u64,
    pub(super) rows: u64,
}

/// What a file holds.
pub(super) struct Found {
    schema: Vec<u8>,
    pub(super) codec: Codec,
    sync: [u8; 16],
    pub(super) blocks: Vec<Block>,
}

impl Found {
    /// The head of a file with the same rows that is not compressed.
    pub(super) fn head(&self) -> Vec<u8> {
        let mut head = MAGIC.to_vec();
        put(&mut head, 1);
        for part in [b"avro.schema".as_slice(), &self.schema] {
            put(&mut head, part.len() as u64);
            head.extend_from_slice(part);
        }
        put(&mut head, 0);
        head.extend_from_slice(&self.sync);
        head
    }
}

/// Avro's form of a number: zigzag, seven bits to a byte.
fn put(out: &mut Vec<u8>, number: u64) {
    let mut rest = number << 1;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Looks at the head and at the heads of all blocks.
pub(super) fn find(file: &LocalFile) -> Result<Found> {
    let opened = file.open()?;
    let mut looking = Looking {
        file,
        read: BufReader::new(opened),
        place: 0,
    };
    looking.found()
}

struct Looking<'a> {
    file: &'a LocalFile,
    read: BufReader<File>,
    place: u64,
}

impl Looking<'_> {
    fn broken(&self, what: &str) -> Error {
        self.file.broken(format!("{what}, at byte {}", self.place))
    }

    fn exactly<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.read
            .read_exact(&mut bytes)
            .map_err(|_| self.broken("is cut off"))?;
        self.place += N as u64;
        Ok(bytes)
    }

    fn number(&mut self) -> Result<i64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.exactly()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(self.broken("a number does not end"))
    }

    fn length(&mut self) -> Result<u64> {
        let length = self.number()?;
        let left = self.file.state.bytes.saturating_sub(self.place);
        u64::try_from(length)
            .ok()
            .filter(|length| *length <= left && *length <= BLOCK_BYTES_MAX)
            .ok_or_else(|| {
                self.broken(&format!(
                    "is cut off or damaged: {length} bytes are claimed"
                ))
            })
    }

    fn bytes(&mut self) -> Result<Vec<u8>> {
        let length = self.length()?;
        let mut bytes = vec![0; length as usize];
        self.read
            .read_exact(&mut bytes)
            .map_err(|_| self.broken("is cut off"))?;
        self.place += length;
        Ok(bytes)
    }

    fn found(&mut self) -> Result<Found> {
        if self.exactly::<4>()? != MAGIC {
            return Err(self.broken("is no Avro file"));
        }
        let (mut schema, mut codec) = (None, Codec::None);
        loop {
            let count = self.number()?;
            if count == 0 {
                break;
            }
            if count < 0 {
                self.number()?;
            }
            for _ in 0..count.unsigned_abs() {
                let (name, value) = (self.bytes()?, self.bytes()?);
                match name.as_slice() {
                    b"avro.schema" => schema = Some(value),
                    b"avro.codec" => {
                        codec = Codec::named(&value).ok_or_else(|| {
                            let name = String::from_utf8_lossy(&value).into_owned();
                            self.broken(&format!("its compression is not known: {name}"))
                        })?;
                    }
                    _ => {}
                }
            }
        }
        let schema = schema.ok_or_else(|| self.broken("has no schema"))?;
        let sync = self.exactly()?;
        let blocks = self.blocks(sync)?;
        Ok(Found {
            schema,
            codec,
            sync,
            blocks,
        })
    }

    fn blocks(&mut self, sync: [u8; 16]) -> Result<Vec<Block>> {
        let mut blocks = Vec::new();
        while self.place < self.file.state.bytes {
            let rows = self.number()?;
            let rows = u64::try_from(rows)
                .ok()
                .filter(|rows| *rows < 1 << 40)
                .ok_or_else(|| self.broken("a block claims rows below zero or without end"))?;
            let bytes = self.length()?;
            let place = self.place;
            self.read
                .seek_relative(bytes as i64)
                .map_err(|cause| cannot(&self.file.path, cause))?;
            self.place += bytes;
            if self.exactly()? != sync {
                return Err(self.broken("a block does not end where it should"));
            }
            blocks.push(Block { place, bytes, rows });
        }
        Ok(blocks)
    }
}

/// Blocks of a file as a file that is not compressed.
pub(super) struct Plain {
    file: LocalFile,
    opened: File,
    codec: Codec,
    sync: [u8; 16],
    blocks: std::vec::IntoIter<Block>,
    ready: Vec<u8>,
    given: usize,
}

impl Plain {
    pub(super) fn new(file: &LocalFile, found: &Found, blocks: Vec<Block>) -> Result<Self> {
        Ok(Self {
            opened: file.open()?,
            file: file.clone(),
            codec: found.codec,
            sync: found.sync,
            blocks: blocks.into_iter(),
            ready: found.head(),
            given: 0,
        })
    }

    fn fill(&mut self, block: Block) -> Result<()> {
        let mut bytes = vec![0; block.bytes as usize];
        self.opened
            .seek(SeekFrom::Start(block.place))
            .and_then(|_| self.opened.read_exact(&mut bytes))
            .map_err(|cause| cannot(&self.file.path, cause))?;
        let plain = self.codec.decompressed(bytes).ok_or_else(|| {
            self.file.broken(format!(
                "the block at byte {} is damaged, or has more than {} megabytes",
                block.place,
                BLOCK_BYTES_MAX >> 20
            ))
        })?;
        self.ready.clear();
        self.given = 0;
        put(&mut self.ready, block.rows);
        put(&mut self.ready, plain.len() as u64);
        self.ready.extend_from_slice(&plain);
        self.ready.extend_from_slice(&self.sync);
        Ok(())
    }
}

impl Read for Plain {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.given == self.ready.len() {
            let Some(block) = self.blocks.next() else {
                return Ok(0);
            };
            self.fill(block)
                .map_err(|error| std::io::Error::other(error.message().to_owned()))?;
        }
        let mut rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.given += count;
        Ok(count)
    }
}
