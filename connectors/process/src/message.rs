//! The messages of the protocol, as `docs/protocol.md` specifies them. Fields that are not known are ignored, on both
//! sides; a message that lacks one it needs is an error that names it.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use tablecast_connector::{Error, ErrorKind};

/// The version of the protocol that is spoken here.
pub const PROTOCOL: u32 = 1;

/// The most bytes of a line, which is a message without its payload.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The most values of a message: each takes far more memory than the byte that it may be.
pub const VALUES_MAX: usize = 1_000_000;

/// The most bytes of a payload, which is an Arrow stream.
pub const PAYLOAD_BYTES_MAX: usize = 32 << 20;

/// How many batches a guest may be ahead of its reader.
pub(crate) const CREDIT: u32 = 2;

/// What the host says.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Said<'a> {
    Hello {
        protocol: u32,
        host: &'a str,
        features: &'a [&'a str],
        line_bytes_max: usize,
        payload_bytes_max: usize,
    },
    Request {
        id: u64,
        method: &'a str,
        params: Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        credit: Option<u32>,
    },
    Credit {
        id: u64,
        batches: u32,
    },
    Cancel {
        id: u64,
    },
    Goodbye {},
}

/// A guest's hello: what it is, and what it can do beyond the three required methods.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Hello {
    pub(crate) protocol: u32,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) opens: Option<String>,
    /// The optional methods that it answers.
    #[serde(default)]
    pub(crate) methods: Vec<String>,
    #[serde(default)]
    pub(crate) recognizes: Option<Recognizes>,
    /// The dialect of `execute`.
    #[serde(default)]
    pub(crate) sql: Option<String>,
    #[serde(default)]
    pub(crate) pushdown: Pushdown,
}

impl Hello {
    pub(crate) fn answers(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known == method)
    }
}

/// By what a guest knows its locations.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Recognizes {
    /// Ends of file names, with their dot.
    #[serde(default)]
    pub(crate) extensions: Vec<String>,
    /// Schemes before `://`.
    #[serde(default)]
    pub(crate) schemes: Vec<String>,
    /// First bytes of files, in base64.
    #[serde(default)]
    pub(crate) magic: Vec<String>,
}

/// What a guest does of an offered filter, sort or start, as data.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Pushdown {
    /// `exact` or `inexact` for each operator that is done at all.
    #[serde(default)]
    pub(crate) filters: std::collections::BTreeMap<String, Done>,
    /// The columns whose filters are done; all if absent.
    #[serde(default)]
    pub(crate) columns: Option<Vec<String>>,
    /// Whether rows come sorted by any columns, nulls first and last if descending.
    #[serde(default)]
    pub(crate) sort: bool,
    /// Whether a scan starts behind `offset` rows without reading them.
    #[serde(default)]
    pub(crate) offset: bool,
}

/// How well a filter is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Done {
    Exact,
    Inexact,
}

/// Any other message of a guest. Which members there are depends on `kind`.
#[derive(Debug, Deserialize)]
pub(crate) struct Reply {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) id: Option<u64>,
    #[serde(default)]
    pub(crate) result: Json,
    #[serde(default)]
    pub(crate) error: Option<Failure>,
    #[serde(default)]
    pub(crate) columns: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) rows: Option<Vec<Vec<Json>>>,
    #[serde(default)]
    pub(crate) bytes: Option<usize>,
}

/// A guest's error.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    #[serde(default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) message: String,
}

/// The kinds of errors by their names on the wire.
const KINDS: &[(&str, ErrorKind)] = &[
    ("not_found", ErrorKind::NotFound),
    ("invalid_request", ErrorKind::InvalidRequest),
    ("unsupported", ErrorKind::Unsupported),
    ("forbidden", ErrorKind::Forbidden),
    ("timed_out", ErrorKind::TimedOut),
    ("cancelled", ErrorKind::Cancelled),
    ("too_large", ErrorKind::TooLarge),
    ("unreadable", ErrorKind::Unreadable),
    ("unavailable", ErrorKind::Unavailable),
    ("internal", ErrorKind::Internal),
];

/// No message of a guest is shown in more characters.
const MESSAGE_CHARS_MAX: usize = 1000;

impl Failure {
    /// The error of the seam; a kind that is not known is a mistake of the guest's.
    pub(crate) fn into_error(self) -> Error {
        let kind = KINDS
            .iter()
            .find(|(name, _)| *name == self.kind)
            .map_or(ErrorKind::Internal, |(_, kind)| *kind);
        let message = if self.message.is_empty() {
            "The connector failed and does not say why".to_owned()
        } else {
            cut(&self.message)
        };
        Error::new(kind, message)
    }
}

/// A guest's text in a length that can be shown.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(MESSAGE_CHARS_MAX).collect()
}
