//! What the connector recognizes, and how it opens it.

use std::sync::Arc;

use tablecast_connector::{BoxFuture, Connector, Error, Location, OpenOptions, Result, Source};

use crate::file::name;
use crate::kind::kind_of;
use crate::source::FilesSource;

/// Opens files of rows.
#[derive(Clone, Copy, Debug)]
pub struct FilesConnector;

impl Connector for FilesConnector {
    fn name(&self) -> &'static str {
        "files"
    }

    fn opens(&self) -> &'static str {
        "Parquet, Arrow, Avro, CSV or JSON file (.parquet, .arrow, .feather, .avro, .csv, .tsv, .json, .jsonl, .ndjson)"
    }

    fn recognizes(&self, location: &Location) -> bool {
        let path = location.path();
        path.is_some_and(|path| kind_of(&name(&path), &location.head).is_some())
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        Box::pin(async move {
            if let Some(option) = options.own.keys().next() {
                return Err(Error::invalid(format!("files: no such option: {option}")));
            }
            let path = location
                .path()
                .ok_or_else(|| Error::unsupported(format!("{} is no path", location.text)))?;
            let source = FilesSource::open(&location.text, path, options.immutable).await?;
            let source: Arc<dyn Source> = source;
            Ok(source)
        })
    }
}
