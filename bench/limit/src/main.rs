//! Answers every request with the bytes of one file, and does nothing else: what HTTP alone costs on this machine.
//!
//! `tablecast-limit FILE PORT`, on the loopback address.

use anyhow::Context;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use bytes::Bytes;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .context("usage: tablecast-limit FILE PORT")?;
    let port: u16 = arguments
        .next()
        .context("usage: tablecast-limit FILE PORT")?
        .parse()?;
    let body = Bytes::from(std::fs::read(&path).with_context(|| path.clone())?);
    let app = Router::new()
        .fallback(move || std::future::ready(([(CONTENT_TYPE, "application/json")], body.clone())));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    Ok(axum::serve(listener, app).await?)
}
