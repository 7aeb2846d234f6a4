//! The fourth room: from what was fetched to bytes. Each format is one file; tables, rows, queries and lists each have
//! one that says what their JSON holds.

pub(crate) mod blob;
pub(crate) mod csv;
pub(crate) mod database;
pub(crate) mod export;
pub(crate) mod extras;
pub(crate) mod facets;
pub(crate) mod file;
pub(crate) mod html;
pub(crate) mod introspection;
pub(crate) mod json;
pub(crate) mod openapi;
pub(crate) mod picture;
pub(crate) mod profile;
pub(crate) mod query;
pub(crate) mod row;
pub(crate) mod table;
pub(crate) mod templates;

pub use templates::Templates;

use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

/// An answer, ready to be sent.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    /// Whether it is for this request alone, and not kept for the next one.
    pub(crate) once: bool,
}

/// What is sent.
pub(crate) enum Body {
    /// Bytes at hand.
    Whole(Bytes),
    /// Bytes that come.
    Stream(axum::body::Body),
}

impl Body {
    /// Pieces that come one by one. Asked again behind the last one, as compression does, there are no more.
    pub(crate) fn pieces<E: Into<axum::BoxError>>(
        pieces: impl Stream<Item = Result<Bytes, E>> + Send + 'static,
    ) -> Self {
        let pieces = Ending(Box::pin(pieces.fuse()));
        Self::Stream(axum::body::Body::from_stream(pieces))
    }
}

/// A stream that has its task looked at once more behind its end. An answer to HTTP/1.0 ends with its connection, and
/// hyper 1.12 leaves that open for ever if the end comes between two of its looks at the body.
struct Ending<S>(Pin<Box<S>>);

impl<S: Stream> Stream for Ending<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let next = self.0.as_mut().poll_next(context);
        if let Poll::Ready(None) = next {
            context.waker().wake_by_ref();
        }
        next
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Stream(_) => "Stream",
        })
    }
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// The largest answer that carries a trace.
const TRACED_BYTES_MAX: usize = 256 * 1024;

/// Servers and clients commonly take 8 kB of headers in all.
const LINK_BYTES_MAX: usize = 3000;

impl Reply {
    pub(crate) fn new(
        status: StatusCode,
        content_type: HeaderValue,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, content_type)]);
        Self {
            status,
            headers,
            body: Body::Whole(body.into()),
            once: false,
        }
    }

    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::new(StatusCode::OK, JSON, value.to_string())
    }

    pub(crate) fn html(body: String) -> Self {
        Self::new(StatusCode::OK, HTML, body)
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self {
            status: StatusCode::FOUND,
            headers: HeaderMap::new(),
            body: Body::Whole(Bytes::new()),
            once: false,
        }
        .with(header::LOCATION, location)
        .with(header::CONTENT_TYPE, "text/plain")
    }

    /// The answer with what it asked: a member of a JSON object, a list at the end of a page. Larger answers than
    /// [`TRACED_BYTES_MAX`] and other formats are left as they are.
    pub(crate) fn with_trace(mut self, trace: &serde_json::Value) -> Self {
        let Body::Whole(body) = &self.body else {
            return self;
        };
        let text = match std::str::from_utf8(body) {
            Ok(text) if text.len() <= TRACED_BYTES_MAX => text,
            _ => return self,
        };
        let kind = self.headers.get(header::CONTENT_TYPE);
        let with = if kind == Some(&HTML) {
            let lines = serde_json::to_string_pretty(trace).unwrap_or_default();
            let lines = lines.replace('&', "&amp;").replace('<', "&lt;");
            text.replacen("</main>", &format!("<pre>{lines}</pre></main>"), 1)
        } else if kind == Some(&JSON) && text.len() > 2 && text.ends_with('}') {
            let start = text.strip_suffix('}').unwrap_or(text);
            format!("{start},\"_trace\":{trace}}}")
        } else {
            return self;
        };
        self.body = Body::Whole(with.into());
        self
    }

    /// To another address for good.
    pub(crate) fn moved(location: &str) -> Self {
        let mut reply = Self::redirect(location);
        reply.status = StatusCode::MOVED_PERMANENTLY;
        reply
    }

    /// Adds a link as a header, unless it is so long that clients refuse it; whoever follows links of that length finds
    /// them in the body.
    pub(crate) fn with_link(self, link: &str) -> Self {
        if link.len() > LINK_BYTES_MAX {
            return self;
        }
        self.with(header::LINK, link)
    }

    /// Adds a header. What no header can hold (names of tables may have line ends) is escaped.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        let escaped = value.contains(|c: char| c.is_ascii_control());
        let value = if escaped {
            Cow::Owned(value.escape_default().to_string())
        } else {
            Cow::Borrowed(value)
        };
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.append(name, value);
        }
        self
    }
}

/// A name as it may stand in quotes in a header: other characters become `_`.
pub(crate) fn file_name(name: &str) -> String {
    let is_safe = |c: char| c.is_ascii_graphic() && !"\"\\/".contains(c);
    name.chars()
        .map(|c| if is_safe(c) { c } else { '_' })
        .collect()
}
