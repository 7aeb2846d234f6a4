//! What the connector recognizes, and how it opens it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tablecast_connector::{
    BoxFuture, Connector, Error, FOLDER, Location, OpenOptions, PATTERN, Result, Source,
};

use crate::file::name;
use crate::kind::kind_of;
use crate::listing::Place;
use crate::source::FilesSource;

/// Opens files of rows.
#[derive(Clone, Copy, Debug)]
pub struct FilesConnector;

impl Connector for FilesConnector {
    fn name(&self) -> &'static str {
        "files"
    }

    fn opens(&self) -> &'static str {
        "Parquet, Arrow, Avro, CSV, JSON, GeoJSON or Excel file (.parquet, .arrow, .feather, .avro, .csv, .tsv, .json, .jsonl, .ndjson, .geojson, .xlsx), or a folder of them"
    }

    fn recognizes(&self, location: &Location) -> bool {
        match location.scheme.as_deref() {
            Some(FOLDER | PATTERN) => true,
            Some(_) => false,
            None => kind_of(&name(Path::new(&location.text)), &location.head).is_some(),
        }
    }

    fn gathers(&self) -> bool {
        true
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
            let path = PathBuf::from(&location.text);
            let place = match location.scheme.as_deref() {
                Some(FOLDER) => Place::Folder(path),
                Some(PATTERN) => Place::Pattern(path),
                None => Place::File(path),
                Some(scheme) => {
                    return Err(Error::unsupported(format!(
                        "files: no such scheme: {scheme}"
                    )));
                }
            };
            let source = FilesSource::open(&location.text, place, options.immutable).await?;
            let source: Arc<dyn Source> = source;
            Ok(source)
        })
    }
}
