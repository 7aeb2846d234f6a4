//! One cell's bytes, as a file to be saved.

use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tablecast_connector::{Cell, Error, Result};

use super::Reply;
use crate::fetch::page::Page;
use crate::names::hexadecimal;
use crate::request::Request;

/// The bytes that `_blob_column` (and, for queries, `_blob_hash`) name. `name` is the file's name without its end.
pub(crate) fn reply(request: &Request, page: &Page, name: &str) -> Result<Reply> {
    let column = request
        .arguments
        .first("_blob_column")
        .ok_or_else(|| Error::invalid("?_blob_column= is required"))?;
    let place = page
        .columns
        .iter()
        .position(|known| known == column)
        .ok_or_else(|| Error::invalid(format!("{column} is not a valid column")))?;
    let wanted = request.arguments.first("_blob_hash");
    let mut found = None;
    page.each_row(|row| {
        let bytes = match row.cell(place) {
            Cell::Bytes(bytes) => bytes,
            Cell::Text(text) => text.as_bytes(),
            _ => &[],
        };
        if found.is_none() && wanted.is_none_or(|hash| hash == hash_of(bytes)) {
            found = Some(bytes.to_vec());
        }
    })?;
    let Some(bytes) = found else {
        return Err(Error::invalid(
            "Link has expired - the requested binary content has changed or could not be found.",
        ));
    };
    let hash = wanted
        .map(|hash| format!("-{}", hash.get(..6).unwrap_or_default()))
        .unwrap_or_default();
    let parts = if name.is_empty() {
        column.to_owned()
    } else {
        format!("{name}-{column}")
    };
    let safe = super::file_name(&parts);
    let reply = Reply::new(
        StatusCode::OK,
        HeaderValue::from_static("application/binary"),
        bytes,
    );
    Ok(reply.with(header::X_CONTENT_TYPE_OPTIONS, "nosniff").with(
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{safe}{hash}.blob\""),
    ))
}

/// SHA-256 in hexadecimal.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}
