//! The first room: from an HTTP request to what is asked for, or a refusal. No database is touched here.

pub(crate) mod accept;
pub(crate) mod arguments;
pub(crate) mod routes;
pub(crate) mod table;
pub(crate) mod target;

use std::collections::BTreeMap;

use http::{HeaderMap, Uri, header};

use arguments::Arguments;
use tablecast_connector::CancelToken;
use target::{Format, Target};

use crate::Site;
use crate::names::query_encode;

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: Target,
    pub(crate) format: Format,
    pub(crate) arguments: Arguments,
    /// The path as it came, behind the base URL, without the query string.
    pub(crate) path: String,
    /// The query string as it came.
    pub(crate) query: String,
    /// Whether the `Accept` header chooses the format.
    pub(crate) is_negotiated: bool,
    /// Set when nobody waits for the answer any more.
    pub(crate) cancel: CancelToken,
    /// `http://host`, for absolute addresses in answers.
    pub(crate) origin: String,
    /// The path under which the site lies, with a slash at its end.
    pub(crate) base: String,
    headers: HeaderMap,
}

impl Request {
    pub(crate) fn parse(uri: &Uri, headers: &HeaderMap, site: &Site) -> Routed {
        let base = site
            .configuration
            .settings
            .text("base_url")
            .trim_end_matches('/')
            .to_owned()
            + "/";
        let path = uri.path();
        let inner = path
            .strip_prefix(base.trim_end_matches('/'))
            .filter(|p| p.starts_with('/'))
            .unwrap_or(path);
        let query = uri.query().unwrap_or_default();
        if inner == "/-" {
            return Routed::Moved(format!("{base}-/"));
        }
        if let Some(path) = target::canonical(inner) {
            let mark = if query.is_empty() { "" } else { "?" };
            return Routed::Redirect(format!("{}{path}{mark}{query}", base.trim_end_matches('/')));
        }
        let (target, format) = target::parse(inner);
        let is_negotiated = format == Format::Html && target.has_rows();
        let format = match format {
            Format::Html if wants_json(headers) => Format::JsonError,
            Format::Html if is_negotiated => accept::preferred(headers),
            format => format,
        };
        Routed::To(Box::new(Self {
            target,
            format,
            arguments: Arguments::parse(query),
            path: inner.to_owned(),
            query: query.to_owned(),
            is_negotiated,
            cancel: CancelToken::default(),
            origin: origin(headers, site),
            base,
            headers: headers.clone(),
        }))
    }

    /// A request for a file of people's own, of which only errors are pages.
    pub(crate) fn of_file(path: &str, headers: &HeaderMap, site: &Site) -> Self {
        let format = if wants_json(headers) {
            Format::JsonError
        } else {
            Format::Html
        };
        Self {
            target: Target::Static(path.to_owned()),
            format,
            arguments: Arguments::parse(""),
            path: format!("/{path}"),
            query: String::new(),
            is_negotiated: false,
            cancel: CancelToken::default(),
            origin: origin(headers, site),
            base: site
                .configuration
                .settings
                .text("base_url")
                .trim_end_matches('/')
                .to_owned()
                + "/",
            headers: headers.clone(),
        }
    }

    /// The header of that name, if it came and is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// All cookies by name, as they came.
    pub(crate) fn cookies(&self) -> BTreeMap<String, String> {
        let pairs = self.headers.get_all(header::COOKIE).into_iter();
        let pairs = pairs.filter_map(|pairs| pairs.to_str().ok());
        pairs
            .flat_map(|pairs| pairs.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The cookie of that name, as it came.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.headers.get_all(header::COOKIE).into_iter();
        let pairs = pairs.filter_map(|pairs| pairs.to_str().ok());
        let mut named = pairs
            .flat_map(|pairs| pairs.split(';'))
            .filter_map(|pair| pair.trim().split_once('='));
        named
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Whether the page shows statements that make tables. Its errors are plain text.
    pub(crate) fn is_about_schema(&self) -> bool {
        match &self.target {
            Target::Introspection(page)
            | Target::DatabasePage { page, .. }
            | Target::TablePage { page, .. } => page == "schema",
            _ => false,
        }
    }

    /// Whether the client has the answer with that entity tag.
    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        has_tag(&self.headers, tag.as_bytes())
    }

    /// A path of the site (which starts with a slash) as it stands in a link.
    pub(crate) fn link(&self, path: &str) -> String {
        format!("{}{path}", self.base.trim_end_matches('/'))
    }

    /// This request's address with other arguments.
    pub(crate) fn address(&self, arguments: &Arguments) -> String {
        let query = arguments.to_query();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{mark}{query}", self.link(&self.path))
    }

    /// This request's address with other arguments, to which more can be added.
    pub(crate) fn open_address(&self, arguments: &Arguments) -> Address {
        Address::open(&self.link(&self.path), arguments)
    }

    /// The same with `http://host` before it.
    pub(crate) fn absolute(&self, arguments: &Arguments) -> String {
        format!("{}{}", self.origin, self.address(arguments))
    }
}

/// An address to which an argument is added: links of one page differ in nothing else.
pub(crate) struct Address {
    start: String,
}

impl Address {
    /// The address of a path under these arguments.
    pub(crate) fn open(path: &str, arguments: &Arguments) -> Self {
        let query = arguments.to_query();
        let more = if query.is_empty() { "" } else { "&" };
        Self {
            start: format!("{path}?{query}{more}"),
        }
    }

    /// The address with one more argument.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let (start, name, value) = (&self.start, query_encode(name), query_encode(value));
        format!("{start}{name}={value}")
    }
}

/// Where a request leads.
pub(crate) enum Routed {
    /// To another address.
    Redirect(String),
    /// To another address, for good.
    Moved(String),
    /// To an answer.
    To(Box<Request>),
}

fn wants_json(headers: &HeaderMap) -> bool {
    [header::ACCEPT, header::CONTENT_TYPE].iter().any(|name| {
        headers
            .get(name)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"))
    })
}

/// Whether the client of these headers has the answer with that entity tag. As HTTP wants it here, weak tags equal strong
/// ones.
pub(crate) fn has_tag(headers: &HeaderMap, tag: &[u8]) -> bool {
    fn bare(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let known = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut known = known.flat_map(|known| known.as_bytes().split(|byte| *byte == b','));
    known.any(|known| {
        let known = known.trim_ascii();
        known == b"*" || bare(known) == bare(tag)
    })
}

fn origin(headers: &HeaderMap, site: &Site) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let scheme = if site.is_https || site.configuration.settings.is_on("force_https_urls") {
        "https"
    } else {
        "http"
    };
    format!("{scheme}://{host}")
}
