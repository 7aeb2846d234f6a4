//! What a file is, by its first bytes and, for texts, its extension. Nothing is tried.

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Apache Parquet.
    Parquet,
}

/// The kind of a file of this name that starts with `head`; `None` if it is none of ours.
pub(crate) fn kind_of(_name: &str, head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"PAR1") {
        return Some(Kind::Parquet);
    }
    None
}
