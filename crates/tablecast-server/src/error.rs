//! Errors as HTTP answers. The only file that knows which kind of error has which status.
//!
//! The body is Datasette's `{ok, error, errors, status}`, key by key, for its clients compare it. A stable code that
//! clients can act on and a hint that names the fix come as headers. The cause goes to the log alone.

use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use serde_json::{Map, Value, json};
use tablecast_connector::{Error, ErrorKind};

/// The status and the stable code of a kind of error.
pub(crate) fn status_and_code(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::NotFound => (StatusCode::NOT_FOUND, "not-found"),
        ErrorKind::InvalidRequest => (StatusCode::BAD_REQUEST, "invalid-request"),
        ErrorKind::Unsupported => (StatusCode::BAD_REQUEST, "unsupported"),
        ErrorKind::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        ErrorKind::TimedOut => (StatusCode::BAD_REQUEST, "timed-out"),
        ErrorKind::TooLarge => (StatusCode::BAD_REQUEST, "too-large"),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        ErrorKind::Unreadable => (StatusCode::INTERNAL_SERVER_ERROR, "unreadable"),
        ErrorKind::Cancelled => (StatusCode::SERVICE_UNAVAILABLE, "cancelled"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

/// An error ready to be shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    pub(crate) code: &'static str,
    pub(crate) hint: Option<String>,
    /// Keys that some answers carry beside the error.
    pub(crate) more: Map<String, Value>,
}

impl Shown {
    /// What is shown of `error`. One of ours is logged under a number, which is all that is shown of it.
    pub(crate) fn new(error: &Error) -> Self {
        let (status, code) = status_and_code(error.kind());
        let mut message = error.message().to_owned();
        if error.kind() == ErrorKind::Internal {
            static NUMBER: AtomicU64 = AtomicU64::new(1);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let cause = std::error::Error::source(error)
                .map(ToString::to_string)
                .unwrap_or_default();
            eprintln!("error {number}: {message} ({cause})");
            message = format!("The server failed on this request (error {number} of its log)");
        }
        Self {
            status,
            message,
            code,
            hint: error.suggestion().map(str::to_owned),
            more: Map::new(),
        }
    }

    pub(crate) fn with(mut self, key: &str, value: Value) -> Self {
        self.more.insert(key.to_owned(), value);
        self
    }

    /// The body as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({
            "ok": false,
            "error": self.message,
            "errors": [self.message],
            "status": self.status.as_u16(),
        });
        if let Some(body) = body.as_object_mut() {
            body.extend(self.more.clone());
        }
        body
    }
}

impl From<Error> for Shown {
    fn from(error: Error) -> Self {
        Self::new(&error)
    }
}
