//! Manifests as a kind of container: recognized by the end of their name, and only where they were named themselves.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use tablecast_connector::{
    Blocking, BoxFuture, Connector, Details, Error, Location, OpenOptions, Pool, Result, Source,
};

use crate::manifest;
use crate::source::ManifestSource;

/// What the names of manifests end with.
const ENDS: [&str; 2] = [".tablecast.yaml", ".tablecast.yml"];
/// A manifest may not be larger.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// So many requests are answered at a time; most wait for rows that are being read.
const THREADS: usize = 6;

/// Opens manifests.
#[derive(Clone, Copy, Debug, Default)]
pub struct ManifestConnector;

impl Connector for ManifestConnector {
    fn name(&self) -> &'static str {
        "manifest"
    }

    fn opens(&self) -> &'static str {
        "manifest of web APIs and commands (.tablecast.yaml)"
    }

    fn recognizes(&self, location: &Location) -> bool {
        let text = location.text.to_ascii_lowercase();
        location.scheme.is_none() && ENDS.iter().any(|end| text.ends_with(end))
    }

    fn opens_named_only(&self) -> bool {
        true
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        let (location, options) = (location.clone(), options.clone());
        Box::pin(async move {
            Pool::new("manifest-open", 1)?
                .run(move || open(&location, &options))
                .await
        })
    }
}

fn open(location: &Location, options: &OpenOptions) -> Result<Arc<dyn Source>> {
    let file = &location.text;
    if let Some(unknown) = options.own.keys().next() {
        return Err(Error::invalid(format!(
            "{file}: a manifest has no option {unknown}"
        )));
    }
    let unreadable = |cause: std::io::Error| {
        Error::unreadable(format!("{file} cannot be read")).caused_by(cause)
    };
    let path = std::fs::canonicalize(file).map_err(unreadable)?;
    let mut text = String::new();
    std::fs::File::open(&path)
        .and_then(|opened| {
            opened
                .take(MANIFEST_BYTES_MAX + 1)
                .read_to_string(&mut text)
        })
        .map_err(unreadable)?;
    let size = text.len() as u64;
    if size > MANIFEST_BYTES_MAX {
        return Err(Error::too_large(format!(
            "{file}: it is larger than {MANIFEST_BYTES_MAX} bytes"
        )));
    }
    let folder = path.parent().unwrap_or_else(|| Path::new("/"));
    let tables = manifest::read(file, folder, &text)?;
    let details = Details {
        connector: "manifest".to_owned(),
        path: Some(file.clone()),
        size: Some(size),
        // What it is made of changes while the file does not; a hash of it would promise otherwise.
        is_mutable: true,
        is_memory: false,
        hash: None,
    };
    let source = ManifestSource::new(details, tables);
    Ok(Arc::new(Blocking::new(source, THREADS)?))
}
