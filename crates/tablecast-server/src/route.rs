//! The life of a request: parsed, looked up among the kept answers, planned, fetched, answered; and what every answer
//! has in common: headers, errors, methods.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::State;
use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request as HttpRequest, Response, StatusCode, header};
use sha2::{Digest, Sha256};
use tablecast_connector::{Error, ErrorKind, Version};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::Site;
use crate::error::Shown;
use crate::extra_urls::OfPage;
use crate::fetch::trace::traced;
use crate::fleeting;
use crate::kept::Answer;
use crate::mounts;
use crate::request::target::{Format, Target};
use crate::request::{Request, Routed, has_tag};
use crate::response::{Body, HTML, JSON, Reply, TEXT, html, templates};
use crate::walk;

/// The site as an HTTP service.
pub fn router(site: Arc<Site>) -> Router {
    // Small answers cost more to compress than to send.
    let worthwhile = SizeAbove::new(1024)
        .and(NotForContentType::IMAGES)
        // What is compressed already, and files as they are.
        .and(NotForContentType::const_new(
            "application/vnd.apache.parquet",
        ))
        .and(NotForContentType::const_new(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ))
        .and(NotForContentType::const_new("application/octet-stream"));
    Router::new()
        .fallback(serve)
        .with_state(site)
        .layer(CompressionLayer::new().gzip(true).compress_when(worthwhile))
}

async fn serve(
    State(site): State<Arc<Site>>,
    request: HttpRequest<HttpBody>,
) -> Response<HttpBody> {
    let (mut parts, _) = request.into_parts();
    // HTTP/2 names the host in the address instead.
    if !parts.headers.contains_key(header::HOST)
        && let Some(authority) = parts.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        parts.headers.insert(header::HOST, host);
    }
    let head = parts.method == Method::HEAD;
    let mut response = match parts.method {
        Method::GET | Method::HEAD => {
            let base_url = site.configuration.settings.text("base_url");
            match mounts::find(&site.mounts, base_url, parts.uri.path()) {
                Some((mount, rest)) => file(&site, mount, rest, &parts).await,
                None => answer(&site, &parts.uri, &parts.headers).await,
            }
        }
        Method::OPTIONS => Reply::new(StatusCode::OK, JSON, Bytes::new()).into_response(),
        _ => refused_method(&site, &parts.uri, &parts.headers),
    };
    if site.cors {
        allow_other_sites(response.headers_mut());
    }
    if head {
        *response.body_mut() = HttpBody::empty();
    }
    response
}

/// A file of a mount, or why there is none.
async fn file(
    site: &Site,
    mount: &mounts::Mount,
    rest: &str,
    parts: &http::request::Parts,
) -> Response<HttpBody> {
    match mounts::answer(mount, rest, parts).await {
        Ok(response) => response,
        Err(error) => {
            let request = Request::of_file(rest, &parts.headers, site);
            failure(site, &request, &Shown::from(error)).into_response()
        }
    }
}

fn allow_other_sites(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Authorization, Content-Type",
        ),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Link"),
        (
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, HEAD, OPTIONS",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "3600"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Nothing can be written yet, and an answer that looks like success would be a lie.
fn refused_method(site: &Site, uri: &http::Uri, headers: &HeaderMap) -> Response<HttpBody> {
    let Routed::To(request) = Request::parse(uri, headers, site) else {
        return Reply::new(StatusCode::METHOD_NOT_ALLOWED, JSON, Bytes::new()).into_response();
    };
    let mut shown = Shown::new(&Error::forbidden(
        "Method not allowed: this server only reads",
    ));
    shown.status = StatusCode::METHOD_NOT_ALLOWED;
    failure(site, &request, &shown)
        .with(header::ALLOW, "GET, HEAD, OPTIONS")
        .into_response()
}

async fn answer(site: &Arc<Site>, uri: &http::Uri, headers: &HeaderMap) -> Response<HttpBody> {
    let request = match Request::parse(uri, headers, site) {
        Routed::Redirect(location) => {
            let mut reply = Reply::redirect(&location);
            reply.headers.insert(header::CONTENT_TYPE, HTML);
            return reply.into_response();
        }
        Routed::Moved(location) => return Reply::moved(&location).into_response(),
        Routed::To(request) => request,
    };
    if site.kept.is_off() || !is_kept(&request) || is_traced(site, &request) {
        return guarded(site, &request).await.into_response();
    }
    let address = format!("{}{} {:?}", request.origin, uri, request.format);
    if let Some(kept) = site.kept.find(&address)
        && version_at(site, kept.database) == Some(kept.version)
    {
        return again(kept, headers);
    }
    let place = database_of(site, &request);
    let before = place.and_then(|place| version_at(site, place));
    let reply = guarded(site, &request).await;
    let after = place.and_then(|place| version_at(site, place));
    match (place, before) {
        (Some(database), Some(version))
            if before == after
                && reply.status == StatusCode::OK
                && !reply.once
                && !fleeting::is_fleeting(site, &request).await =>
        {
            keep(site, address, reply, version, database, headers)
        }
        _ => reply.into_response(),
    }
}

/// Only what comes from one database is kept.
fn is_kept(request: &Request) -> bool {
    !matches!(
        request.target,
        Target::Home | Target::Introspection(_) | Target::Static(_) | Target::Nothing
    )
}

fn database_of(site: &Site, request: &Request) -> Option<usize> {
    let name = match &request.target {
        Target::Database(name) | Target::Query(name) => name,
        Target::DatabasePage { database, .. }
        | Target::Table { database, .. }
        | Target::TablePage { database, .. }
        | Target::Row { database, .. } => database,
        _ => return None,
    };
    site.published
        .iter()
        .position(|published| published.name == *name)
}

fn version_at(site: &Site, place: usize) -> Option<Version> {
    site.published
        .get(place)
        .and_then(|published| published.database.version())
}

/// Keeps an answer that is whole, under an entity tag made of all that it depends on.
fn keep(
    site: &Site,
    address: String,
    mut reply: Reply,
    version: Version,
    database: usize,
    headers: &HeaderMap,
) -> Response<HttpBody> {
    let Body::Whole(body) = &reply.body else {
        return reply.into_response();
    };
    let digest = Sha256::new()
        .chain_update(&address)
        .chain_update(version.0.to_le_bytes())
        .finalize();
    let tag = crate::names::hexadecimal(digest.get(..16).unwrap_or_default());
    if let Ok(value) = HeaderValue::from_str(&format!("W/\"{tag}\"")) {
        reply.headers.insert(header::ETAG, value);
    }
    let kept = Answer {
        headers: reply.headers,
        body: body.clone(),
        version,
        database,
    };
    site.kept.keep(address, kept.clone());
    again(kept, headers)
}

fn again(kept: Answer, headers: &HeaderMap) -> Response<HttpBody> {
    let tag = kept.headers.get(header::ETAG);
    let unchanged = tag.is_some_and(|tag| has_tag(headers, tag.as_bytes()));
    let body = if unchanged {
        HttpBody::empty()
    } else {
        HttpBody::from(kept.body)
    };
    let mut response = Response::new(body);
    *response.headers_mut() = kept.headers;
    if unchanged {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    response
}

/// The answer, or an error in the format that was asked for. A panic ends this request alone.
async fn guarded(site: &Arc<Site>, request: &Request) -> Reply {
    // A request that is dropped, because its client has gone, takes its work with it.
    let _guard = request.cancel.cancel_on_drop();
    let work = async {
        let work = AssertUnwindSafe(walk::walk(site, request)).catch_unwind();
        let done = work.await;
        done.unwrap_or_else(|_| Err(Error::internal("A request panicked")))
    };
    let result = if is_traced(site, request) {
        let (result, trace) = traced(work).await;
        result.map(|reply| reply.with_trace(&trace))
    } else {
        work.await
    };
    let reply = match result {
        Ok(reply) => with_cache_headers(site, request, reply),
        Err(error) if error.kind() == ErrorKind::NotFound => match templates::page(site, request) {
            Some(Ok(reply)) => with_cache_headers(site, request, reply),
            Some(Err(error)) => failure(site, request, &shown(request, error)),
            None => failure(site, request, &shown(request, error)),
        },
        Err(error) => failure(site, request, &shown(request, error)),
    };
    if request.is_negotiated {
        return reply.with(header::VARY, "accept");
    }
    reply
}

fn is_traced(site: &Site, request: &Request) -> bool {
    site.configuration.settings.is_on("trace_debug") && request.arguments.is_on("_trace")
}

/// Errors of a query's JSON say that nothing was cut off, as Datasette's do.
fn shown(request: &Request, error: Error) -> Shown {
    let ran = !matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound)
        && !error.message().starts_with("Statement must")
        && !error.message().starts_with("Unknown _extra")
        && !error.message().starts_with("?sql=")
        && !error.message().starts_with("Invalid _shape")
        && !error.message().starts_with("_shape=");
    let is_query =
        matches!(request.target, Target::Query(_)) && request.format == Format::Json && ran;
    let shown = Shown::from(error);
    if is_query {
        shown
            .with("rows", serde_json::json!([]))
            .with("truncated", false.into())
    } else {
        shown
    }
}

fn failure(site: &Site, request: &Request, shown: &Shown) -> Reply {
    let reply = match request.format {
        Format::Json
        | Format::JsonError
        | Format::Ndjson
        | Format::Parquet
        | Format::Arrow
        | Format::Xlsx => Reply::new(shown.status, JSON, shown.to_json().to_string()),
        Format::Csv => Reply::new(shown.status, TEXT, format!("{}\n", shown.message)),
        Format::Markdown => Reply::new(shown.status, TEXT, shown.message.clone()),
        Format::Html if request.is_about_schema() => {
            Reply::new(shown.status, TEXT, shown.message.clone())
        }
        _ => {
            let mut reply = html::error(site, request, shown);
            // Its template may have failed, too.
            if reply.status == StatusCode::OK {
                reply.status = shown.status;
            }
            reply
        }
    };
    let reply = reply.with(
        header::HeaderName::from_static("tablecast-error"),
        shown.code,
    );
    match &shown.hint {
        Some(hint) => reply.with(header::HeaderName::from_static("tablecast-hint"), hint),
        None => reply,
    }
}

fn with_cache_headers(site: &Site, request: &Request, reply: Reply) -> Reply {
    let settings = &site.configuration.settings;
    let reply = if request.format == Format::Html {
        let (database, table) = request.target.subject();
        let extra = OfPage::new(&site.configuration, database, table);
        let policy = match site.templates {
            // What people's templates load is theirs to say.
            Some(_) => "frame-ancestors 'none'; object-src 'none'".to_owned(),
            None => extra.policy(),
        };
        reply.with(header::CONTENT_SECURITY_POLICY, &policy)
    } else {
        reply
    };
    let reply = reply.with(
        header::HeaderName::from_static("referrer-policy"),
        "no-referrer",
    );
    if reply.headers.contains_key(header::CACHE_CONTROL) {
        return reply;
    }
    let asked = request
        .arguments
        .first("_ttl")
        .and_then(|typed| typed.parse::<u64>().ok());
    match asked.unwrap_or_else(|| settings.number("default_cache_ttl")) {
        0 => reply.with(header::CACHE_CONTROL, "no-cache"),
        seconds => reply.with(header::CACHE_CONTROL, &format!("max-age={seconds}")),
    }
}

impl Reply {
    pub(crate) fn into_response(self) -> Response<HttpBody> {
        let body = match self.body {
            Body::Whole(bytes) => HttpBody::from(bytes),
            Body::Stream(body) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}
