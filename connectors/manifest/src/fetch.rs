//! One page of a web API over HTTP: bounded in time, size and redirections. What the manifest sends along (passwords, most
//! often) goes to the host that the manifest names and to no other.

use std::io::Read;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue, LOCATION};
use tablecast_connector::{Error, Result};
use url::Url;

/// A page is looked for at so many addresses, one leading to the next.
const REDIRECTIONS_MAX: usize = 5;
/// The headers of an answer may not be larger.
const HEADER_BYTES_MAX: usize = 64 << 10;
/// A connection has to be there within this time.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How pages are asked for.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
    /// Where the headers go.
    home: Url,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Client {
    /// `home` is the address in the manifest; the headers go to its host only.
    pub(crate) fn new(home: Url, headers: Vec<(HeaderName, HeaderValue)>) -> Self {
        // Whom the system trusts, so that an authority of one's own needs to be told nowhere else.
        let trusted = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::PlatformVerifier)
            .build();
        let config = ureq::Agent::config_builder()
            .tls_config(trusted)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEADER_BYTES_MAX)
            .timeout_connect(Some(CONNECT_WITHIN))
            .user_agent(concat!("tablecast/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
            home,
            headers,
        }
    }

    /// The body of the page at `address`, at most `bytes_max` bytes, until `deadline`.
    pub(crate) fn page(
        &self,
        address: &Url,
        bytes_max: usize,
        deadline: Instant,
    ) -> Result<(Vec<u8>, Url)> {
        let mut address = address.clone();
        for _ in 0..=REDIRECTIONS_MAX {
            let mut answer = self.ask(&address, deadline)?;
            let status = answer.status();
            if let (true, Some(to)) = (status.is_redirection(), answer.headers().get(LOCATION)) {
                let to = to.to_str().ok().and_then(|to| address.join(to).ok());
                address = to.ok_or_else(|| {
                    Error::unreadable("the server redirected to what is no address")
                })?;
                continue;
            }
            if !status.is_success() {
                return Err(refused(status));
            }
            let body = read(answer.body_mut().as_reader(), bytes_max)?;
            return Ok((body, address));
        }
        Err(Error::unreadable(format!(
            "the server redirected more than {REDIRECTIONS_MAX} times"
        )))
    }

    fn ask(&self, address: &Url, deadline: Instant) -> Result<http::Response<ureq::Body>> {
        if !matches!(address.scheme(), "http" | "https") {
            return Err(Error::unreadable(
                "the server leads to an address that is neither http nor https",
            ));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(too_slow());
        }
        let mut request = self.agent.get(address.as_str());
        if address.origin() == self.home.origin() {
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
        }
        let request = request.config().timeout_global(Some(left)).build();
        request.call().map_err(failed)
    }
}

fn read(body: impl Read, bytes_max: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = bytes_max as u64 + 1;
    body.take(most).read_to_end(&mut bytes).map_err(|cause| {
        let is_timeout = cause.kind() == std::io::ErrorKind::TimedOut
            || matches!(
                cause.get_ref().and_then(|inner| inner.downcast_ref()),
                Some(ureq::Error::Timeout(_))
            );
        if is_timeout {
            too_slow()
        } else {
            Error::unavailable("the server broke off in the middle of a page").caused_by(cause)
        }
    })?;
    if bytes.len() > bytes_max {
        return Err(Error::too_large(format!(
            "a page is larger than {bytes_max} bytes"
        )));
    }
    Ok(bytes)
}

fn refused(status: http::StatusCode) -> Error {
    let reason = status.canonical_reason().unwrap_or_default();
    let message = format!("the server answered {} {reason}", status.as_u16());
    let message = message.trim_end();
    if status.is_server_error() || status == http::StatusCode::TOO_MANY_REQUESTS {
        Error::unavailable(message)
    } else {
        Error::unreadable(message)
    }
}

fn too_slow() -> Error {
    Error::unavailable("the server did not answer in time").hint("`seconds` allows more time")
}

fn failed(cause: ureq::Error) -> Error {
    match cause {
        ureq::Error::Timeout(_) => too_slow(),
        ureq::Error::HostNotFound => Error::unavailable("the server's name is not known"),
        other => Error::unavailable("the server cannot be reached").caused_by(other),
    }
}
