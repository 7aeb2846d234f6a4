//! Folders of people's own files, each served under a path of its own.
//!
//! What lies outside of a folder is never served, whatever a path or a link says: a file is looked up by its whole path
//! first, and the path that is found must lie in the folder. Names that start with a dot are not served either, since
//! nobody means to publish `.git`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response, header};
use sha2::{Digest, Sha256};
use tablecast_connector::{Error, Result};
use tower_http::services::ServeFile;

use crate::apart::apart;
use crate::names::{hexadecimal, percent_decode};

/// A folder and the path under which its files are served.
#[derive(Debug)]
pub struct Mount {
    /// Invariant: without a slash at either end.
    path: String,
    /// Invariant: without links.
    folder: PathBuf,
    /// Hashes of files that were asked for, each with the state of the file that it is of.
    hashes: Mutex<HashMap<PathBuf, Hashed>>,
}

/// The hash of a file that was in this state.
#[derive(Debug)]
struct Hashed {
    modified: Option<SystemTime>,
    length: u64,
    hash: String,
}

impl Mount {
    /// The files of `folder` under `path`. An error says which of the two cannot be.
    pub fn new(path: &str, folder: &Path) -> Result<Self> {
        let trimmed = path.trim_matches('/');
        let is_part = |part: &str| {
            let is_safe = |c: char| c.is_ascii_alphanumeric() || "_-.~".contains(c);
            !part.is_empty() && !part.starts_with('.') && part.chars().all(is_safe)
        };
        if !trimmed.split('/').all(is_part) {
            return Err(Error::invalid(format!(
                "files cannot be served under {path:?}: a path is made of letters, digits, -, _ and ."
            )));
        }
        if trimmed == "-" || trimmed.starts_with("-/") {
            return Err(Error::invalid(format!(
                "files cannot be served under {path:?}: what starts with /-/ is the program's own"
            )));
        }
        let found = folder.canonicalize().map_err(|error| {
            Error::invalid(format!("{} cannot be read: {error}", folder.display()))
        })?;
        if !found.is_dir() {
            let shown = folder.display();
            return Err(Error::invalid(format!("{shown} is not a folder")));
        }
        Ok(Self {
            path: trimmed.to_owned(),
            folder: found,
            hashes: Mutex::default(),
        })
    }

    /// The path under which the files are, without a slash at either end.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stands behind the mount in a path of the site, if the path leads there.
    fn rest<'a>(&self, path: &'a str) -> Option<&'a str> {
        let rest = path.strip_prefix('/')?.strip_prefix(&self.path)?;
        rest.strip_prefix('/')
    }

    /// The file that a path in an address means. `NotFound` if there is none, or none that is served.
    fn file(&self, rest: &str) -> Result<PathBuf> {
        let none = || Error::not_found(format!("There is no file {rest:?} in /{}/", self.path));
        let mut wanted = self.folder.clone();
        for part in rest.split('/') {
            let name = percent_decode(part);
            let is_name = !name.is_empty()
                && !name.starts_with('.')
                && !name.contains(['/', '\\'])
                && !name.contains(|c: char| c.is_control());
            if !is_name {
                return Err(none());
            }
            wanted.push(name);
        }
        let found = wanted.canonicalize().map_err(|_| none())?;
        // A link may lead within the folder, but not to what is hidden there.
        let is_shown = found.strip_prefix(&self.folder).is_ok_and(|rest| {
            let mut parts = rest.iter();
            parts.all(|part| !part.as_encoded_bytes().starts_with(b"."))
        });
        if !is_shown || !found.is_file() {
            return Err(none());
        }
        Ok(found)
    }

    /// Twelve digits of the SHA-256 of a file, for addresses that can be cached for ever.
    pub(crate) fn hash(&self, rest: &str) -> Result<String> {
        let file = self.file(rest)?;
        let unreadable = |error: std::io::Error| {
            Error::not_found(format!("The file {rest:?} cannot be read")).caused_by(error)
        };
        let metadata = file.metadata().map_err(unreadable)?;
        let (modified, length) = (metadata.modified().ok(), metadata.len());
        let mut hashes = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hashes.get(&file);
        if let Some(known) = known.filter(|it| it.modified == modified && it.length == length) {
            return Ok(known.hash.clone());
        }
        let mut digest = Sha256::new();
        let mut reader = std::fs::File::open(&file).map_err(unreadable)?;
        std::io::copy(&mut reader, &mut digest).map_err(unreadable)?;
        let hash = hexadecimal(digest.finalize().get(..6).unwrap_or_default());
        let state = Hashed {
            modified,
            length,
            hash: hash.clone(),
        };
        hashes.insert(file, state);
        Ok(hash)
    }

    /// The file as an answer, in whole or in part as `request` asks for it.
    async fn serve(&self, request: Request<Body>, rest: &str) -> Result<Response<Body>> {
        let file = self.file(rest)?;
        let query = request.uri().query().unwrap_or_default();
        let hash = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("_hash="));
        let is_for_ever =
            hash.is_some_and(|hash| apart(|| self.hash(rest)).is_ok_and(|own| own == hash));
        let answer = ServeFile::new(file).try_call(request).await;
        let mut answer = answer
            .map_err(|error| Error::internal("A file could not be read").caused_by(error))?
            .map(Body::new);
        let caching = if is_for_ever {
            "max-age=31536000, immutable, public"
        } else {
            "no-cache"
        };
        let headers = answer.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        let sniffing = HeaderName::from_static("x-content-type-options");
        headers.insert(sniffing, HeaderValue::from_static("nosniff"));
        Ok(answer)
    }
}

/// The mount that an address of the site leads into, and the path of the file behind it. Where one mount lies in
/// another, the longer path counts.
pub(crate) fn find<'a>(
    mounts: &'a [Mount],
    base_url: &str,
    path: &'a str,
) -> Option<(&'a Mount, &'a str)> {
    if mounts.is_empty() {
        return None;
    }
    let inner = path
        .strip_prefix(base_url.trim_end_matches('/'))
        .filter(|inner| inner.starts_with('/'))
        .unwrap_or(path);
    let found = mounts.iter().filter_map(|it| Some((it, it.rest(inner)?)));
    found.max_by_key(|(mount, _)| mount.path.len())
}

/// The file of a mount as an answer to a request with this address and these headers.
pub(crate) async fn answer(
    mount: &Mount,
    rest: &str,
    parts: &http::request::Parts,
) -> Result<Response<Body>> {
    let mut request = Request::new(Body::empty());
    request.method_mut().clone_from(&parts.method);
    request.uri_mut().clone_from(&parts.uri);
    request.headers_mut().clone_from(&parts.headers);
    mount.serve(request, rest).await
}

/// The mounts with one that two of them share the path of, or a database hides behind, refused.
pub(crate) fn check(mounts: &[Mount], databases: &[String]) -> Result<()> {
    for (place, mount) in mounts.iter().enumerate() {
        let path = mount.path();
        if mounts.iter().take(place).any(|other| other.path() == path) {
            let message = format!("two folders cannot both be served under /{path}/");
            return Err(Error::invalid(message));
        }
        if databases.iter().any(|encoded| encoded == path) {
            let message = format!("the files under /{path}/ would hide the database /{path}");
            return Err(Error::invalid(message).hint("Serve them under another path"));
        }
    }
    Ok(())
}
