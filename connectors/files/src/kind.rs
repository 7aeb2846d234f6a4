//! What a file is, by its first bytes and, for texts, its extension. Nothing is tried.

use crate::text::opened::{Compression, Encoding, start};

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Apache Parquet.
    Parquet,
    /// Arrow IPC, a file or a stream.
    Arrow,
    /// Apache Avro.
    Avro,
    /// An Excel workbook.
    Workbook,
    /// A text.
    Text(Text),
}

/// A kind of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Text {
    /// Delimited values, with the delimiter that the extension stands for.
    Delimited(Option<u8>),
    /// JSON values.
    Json,
}

/// Extensions of texts. What others have inside cannot be told from prose.
const TEXTS: &[(&str, Text)] = &[
    ("csv", Text::Delimited(None)),
    ("tsv", Text::Delimited(Some(b'\t'))),
    ("tab", Text::Delimited(Some(b'\t'))),
    ("json", Text::Json),
    ("jsonl", Text::Json),
    ("ndjson", Text::Json),
    ("geojson", Text::Json),
    ("geojsonl", Text::Json),
];

/// Extensions of compressed files.
const COMPRESSIONS: &[&str] = &["gz", "zst", "bz2", "xz"];

/// The kind of a file of this name that starts with `head`; `None` if it is none of ours.
pub(crate) fn kind_of(name: &str, head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"PAR1") {
        return Some(Kind::Parquet);
    }
    // Of a stream: the mark of a message, and a head of less than 16 megabytes.
    let is_stream = head.starts_with(&[0xff; 4]) && head.get(7) == Some(&0);
    if head.starts_with(b"ARROW1") || is_stream {
        return Some(Kind::Arrow);
    }
    if head.starts_with(b"Obj\x01") {
        return Some(Kind::Avro);
    }
    let (_, extension) = split(name)?;
    if head.starts_with(b"PK\x03\x04") && ["xlsx", "xlsm"].contains(&extension.as_str()) {
        return Some(Kind::Workbook);
    }
    let (_, text) = TEXTS.iter().find(|(known, _)| *known == extension)?;
    let start = start(Compression::of(head), head);
    is_text(&start).then_some(Kind::Text(*text))
}

/// The name without its extension, and the extension in lower case; that of a compression is passed over.
fn split(name: &str) -> Option<(&str, String)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    if COMPRESSIONS.contains(&extension.as_str()) {
        let (stem, extension) = stem.rsplit_once('.')?;
        return Some((stem, extension.to_ascii_lowercase()));
    }
    Some((stem, extension))
}

/// What a file's table is called: the file's name without its extensions.
pub(crate) fn stem(name: &str) -> String {
    split(name).map_or(name, |(stem, _)| stem).to_owned()
}

/// Texts have no zero bytes, unless each character has two bytes.
fn is_text(start: &[u8]) -> bool {
    let (encoding, _) = Encoding::of(start);
    encoding != Encoding::Utf8 || !start.contains(&0)
}
