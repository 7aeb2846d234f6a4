//! The bytes of a text file as UTF-8: decompressed and decoded while they are read, never whole.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use tablecast_connector::Result;

use crate::file::{LocalFile, cannot};

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Compression {
    None,
    Gzip,
    Zstd,
    Bzip2,
    Xz,
}

impl Compression {
    /// By the first bytes.
    pub(crate) fn of(head: &[u8]) -> Self {
        if head.starts_with(&[0x1f, 0x8b]) {
            Self::Gzip
        } else if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            Self::Zstd
        } else if head.starts_with(b"BZh") {
            Self::Bzip2
        } else if head.starts_with(&[0xfd, b'7', b'z', b'X', b'Z', 0]) {
            Self::Xz
        } else {
            Self::None
        }
    }

    /// The name, for people.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
            Self::Bzip2 => Some("bzip2"),
            Self::Xz => Some("xz"),
        }
    }

    /// The bytes as they were before.
    pub(crate) fn decoder<'a>(
        self,
        read: impl Read + Send + 'a,
    ) -> std::io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self {
            Self::None => Box::new(read),
            Self::Gzip => Box::new(flate2::read::MultiGzDecoder::new(read)),
            Self::Zstd => {
                let mut decoder = zstd::Decoder::new(read)?;
                // A window of more is refused: it would be allocated.
                decoder.window_log_max(27)?;
                Box::new(decoder)
            }
            Self::Bzip2 => Box::new(bzip2::read::MultiBzDecoder::new(read)),
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(
                    XZ_MEMORY_MAX,
                    liblzma::stream::CONCATENATED,
                );
                let stream = stream.map_err(std::io::Error::other)?;
                Box::new(liblzma::read::XzDecoder::new_stream(read, stream))
            }
        })
    }
}

/// Bytes that an xz stream may make its decoder take.
const XZ_MEMORY_MAX: u64 = 128 << 20;

/// How characters are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Utf8,
    Utf16Little,
    Utf16Big,
    /// Windows-1252, of which Latin-1 is a part.
    Windows1252,
}

impl Encoding {
    /// By a mark at the start, of so many bytes; UTF-8 without one.
    pub(crate) fn of(start: &[u8]) -> (Self, usize) {
        if start.starts_with(&[0xef, 0xbb, 0xbf]) {
            (Self::Utf8, 3)
        } else if start.starts_with(&[0xff, 0xfe]) {
            (Self::Utf16Little, 2)
        } else if start.starts_with(&[0xfe, 0xff]) {
            (Self::Utf16Big, 2)
        } else {
            (Self::Utf8, 0)
        }
    }

    /// The name, for people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Little | Self::Utf16Big => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        }
    }
}

/// How to read a file's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Form {
    pub(crate) compression: Compression,
    pub(crate) encoding: Encoding,
    /// Bytes of the mark at the start.
    pub(crate) mark: usize,
}

impl Form {
    /// By the first bytes of a file, decompressed as far as they go.
    pub(crate) fn of(head: &[u8]) -> Self {
        let compression = Compression::of(head);
        let start = start(compression, head);
        let (encoding, mark) = Encoding::of(&start);
        Self {
            compression,
            encoding,
            mark,
        }
    }

    /// Whether places in the text are places in the file.
    pub(crate) fn is_seekable(self) -> bool {
        self.compression == Compression::None && self.encoding == Encoding::Utf8
    }
}

/// As much of the decompressed start of a file as `head` gives.
pub(crate) fn start(compression: Compression, head: &[u8]) -> Vec<u8> {
    let mut start = Vec::new();
    if let Ok(decoder) = compression.decoder(head) {
        let mut decoder = decoder.take(START_BYTES);
        let mut buffer = [0; 4096];
        // The head ends somewhere within: what comes before is enough.
        while let Ok(count @ 1..) = decoder.read(&mut buffer) {
            start.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }
    start
}

/// Of the start of a file, this much is looked at to recognize it.
const START_BYTES: u64 = 64 * 1024;

/// Opens the text at a place, which is 0 unless the form is seekable.
pub(crate) fn open(file: &LocalFile, form: Form, place: u64) -> Result<Box<dyn Read + Send>> {
    let mut opened: File = file.open()?;
    if place > 0 {
        opened
            .seek(SeekFrom::Start(place))
            .map_err(|cause| cannot(&file.path, cause))?;
    }
    let bytes = match form.compression {
        Compression::None => Box::new(opened) as Box<dyn Read + Send>,
        compression => compression
            .decoder(BufReader::with_capacity(1 << 17, opened))
            .map_err(|cause| cannot(&file.path, cause))?,
    };
    let mut text: Box<dyn Read + Send> = match form.encoding {
        Encoding::Utf8 => bytes,
        encoding => Box::new(Recoded::new(bytes, encoding)),
    };
    if place == 0 && form.mark > 0 {
        // Decoded, the mark is the character U+FEFF.
        let mut mark = [0; 3];
        text.read_exact(&mut mark)
            .map_err(|cause| cannot(&file.path, cause))?;
    }
    Ok(text)
}

/// Text in another encoding as UTF-8. What UTF-16 has no character for becomes an invalid byte, which is refused where
/// it is read.
struct Recoded {
    bytes: BufReader<Box<dyn Read + Send>>,
    encoding: Encoding,
    /// Bytes of UTF-8 that are still to be given.
    ready: Vec<u8>,
    given: usize,
    /// A unit of UTF-16 that waits for its second half.
    high: Option<u16>,
    /// A byte of UTF-16 that waits for its neighbour.
    odd: Option<u8>,
}

impl Recoded {
    fn new(bytes: Box<dyn Read + Send>, encoding: Encoding) -> Self {
        Self {
            bytes: BufReader::with_capacity(1 << 16, bytes),
            encoding,
            ready: Vec::new(),
            given: 0,
            high: None,
            odd: None,
        }
    }

    fn push(&mut self, character: char) {
        let mut utf8 = [0; 4];
        self.ready
            .extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
    }

    fn push_unit(&mut self, unit: u16) {
        let pair = match (self.high.take(), unit) {
            (None, 0xd800..0xdc00) => {
                self.high = Some(unit);
                return;
            }
            (Some(high), 0xdc00..0xe000) => {
                let (high, low) = (u32::from(high) - 0xd800, u32::from(unit) - 0xdc00);
                char::from_u32(0x1_0000 + (high << 10) + low)
            }
            (None, _) => char::from_u32(u32::from(unit)),
            (Some(_), _) => None,
        };
        match pair {
            Some(character) => self.push(character),
            None => self.ready.push(0xff),
        }
    }

    /// Decodes some more; whether there was more.
    fn fill(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0; 8192];
        let count = self.bytes.read(&mut buffer)?;
        self.ready.clear();
        self.given = 0;
        for byte in buffer.get(..count).unwrap_or_default() {
            if self.encoding == Encoding::Windows1252 {
                self.push(windows_1252(*byte));
                continue;
            }
            let Some(first) = self.odd.take() else {
                self.odd = Some(*byte);
                continue;
            };
            let pair = [first, *byte];
            self.push_unit(if self.encoding == Encoding::Utf16Little {
                u16::from_le_bytes(pair)
            } else {
                u16::from_be_bytes(pair)
            });
        }
        if count == 0 && (self.odd.take().is_some() || self.high.take().is_some()) {
            self.ready.push(0xff);
            return Ok(true);
        }
        Ok(count > 0)
    }
}

impl Read for Recoded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.ready.len() {
            if !self.fill()? {
                return Ok(0);
            }
        }
        let mut rest = self.ready.get(self.given..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.given += count;
        Ok(count)
    }
}

/// The characters of bytes 0x80 to 0x9f; the others are those of Latin-1.
const HIGH: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => HIGH
            .get(usize::from(byte - 0x80))
            .copied()
            .unwrap_or('\u{fffd}'),
        other => char::from(other),
    }
}
