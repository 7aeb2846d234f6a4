//! The files that pages refer to. They are part of the program, and found by name alone.

use std::sync::LazyLock;

use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tablecast_connector::{Error, Result};

use crate::response::Reply;

const ASSETS: &[(&str, &str, &str)] = &[
    (
        "site.css",
        "text/css; charset=utf-8",
        include_str!("../../../static/site.css"),
    ),
    (
        "site.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../static/site.js"),
    ),
    (
        "editor.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../static/editor.js"),
    ),
    (
        "icon.svg",
        "image/svg+xml",
        include_str!("../../../static/icon.svg"),
    ),
];

static HASHES: LazyLock<Vec<(&str, String)>> = LazyLock::new(|| {
    let hash =
        |text: &str| crate::names::hexadecimal(Sha256::digest(text).get(..6).unwrap_or_default());
    ASSETS
        .iter()
        .map(|(name, _, text)| (*name, hash(text)))
        .collect()
});

/// The hash of an asset's content, which is part of its address: it can be cached for ever.
pub(crate) fn hash(name: &str) -> &'static str {
    let name = known_as(name);
    HASHES
        .iter()
        .find(|(known, _)| *known == name)
        .map_or("", |(_, hash)| hash.as_str())
}

/// Datasette's name of its sheet means ours, for templates and clients that ask for it.
fn known_as(name: &str) -> &str {
    if name == "app.css" { "site.css" } else { name }
}

/// An asset by name.
pub(crate) fn asset(name: &str) -> Result<Reply> {
    let name = known_as(name);
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let (_, content_type, text) = found.ok_or_else(|| Error::not_found("There is no such file"))?;
    let reply = Reply::new(
        StatusCode::OK,
        HeaderValue::from_static(content_type),
        *text,
    );
    Ok(reply
        .with(header::ETAG, &format!("\"{}\"", hash(name)))
        .with(header::CACHE_CONTROL, "max-age=31536000, immutable, public"))
}
