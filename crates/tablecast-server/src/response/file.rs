//! A file as the body of an answer, read piece by piece as it is taken.

use std::fs::File;
use std::io::Read;

use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, StatusCode, header};
use tablecast_connector::{Error, Result};

use super::{Body, Reply};

/// Read at once.
const PIECE_BYTES: usize = 256 << 10;

/// The file from where it stands to its end, which is `length` bytes on.
pub(crate) fn reply(content_type: HeaderValue, file: File, length: u64) -> Reply {
    let pieces = stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE_BYTES];
            let read = file.read(&mut piece);
            read.map(|bytes| {
                piece.truncate(bytes);
                (Bytes::from(piece), file)
            })
        });
        match read.await {
            Ok(Ok((piece, _))) if piece.is_empty() => None,
            Ok(Ok((piece, file))) => Some((Ok(piece), Some(file))),
            Ok(Err(cause)) => Some((Err(unreadable().caused_by(cause)), None)),
            Err(_) => Some((Err(unreadable()), None)),
        }
    });
    let mut reply = Reply::new(StatusCode::OK, content_type, Bytes::new())
        .with(header::CONTENT_LENGTH, &length.to_string());
    reply.body = Body::pieces(pieces);
    reply
}

/// The length of a file.
pub(crate) fn length(file: &File) -> Result<u64> {
    let metadata = file.metadata();
    metadata
        .map(|metadata| metadata.len())
        .map_err(|cause| unreadable().caused_by(cause))
}

fn unreadable() -> Error {
    Error::unreadable("The file can no longer be read")
}
