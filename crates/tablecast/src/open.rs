//! Opens what was named on the command line: each file by the connector that recognizes it, all side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use tablecast_connector::{Connector, Error, ErrorKind, Location, OpenOptions, Result, Source};
use tablecast_engine::complete;
use tablecast_server::{Configuration, Published};

use crate::declared::declared;

/// What stands for an empty database in memory in place of a file.
pub(crate) const MEMORY: &str = ":memory:";

/// What a file's name ends with if it is compressed; the name of its kind stands in front of that.
const COMPRESSIONS: [&str; 4] = ["gz", "zst", "bz2", "xz"];

/// One thing to open.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) text: String,
    pub(crate) options: OpenOptions,
}

/// What became of one thing.
pub(crate) struct Opened {
    pub(crate) text: String,
    pub(crate) result: Result<Arc<dyn Source>>,
}

/// Opens everything side by side. Whatever takes longer than a second is named on standard error.
pub(crate) async fn open_all(
    connectors: &[Arc<dyn Connector>],
    wanted: Vec<Wanted>,
) -> Vec<Opened> {
    join_all(
        wanted
            .into_iter()
            .map(|wanted| open_one(connectors, wanted)),
    )
    .await
}

/// Opens one thing.
pub(crate) async fn open_one(connectors: &[Arc<dyn Connector>], wanted: Wanted) -> Opened {
    let text = wanted.text.clone();
    let opening = open(connectors, &wanted);
    tokio::pin!(opening);
    let result =
        if let Ok(result) = tokio::time::timeout(Duration::from_secs(1), &mut opening).await {
            result
        } else {
            eprintln!("Opening {text} …");
            opening.await
        };
    Opened { text, result }
}

async fn open(connectors: &[Arc<dyn Connector>], wanted: &Wanted) -> Result<Arc<dyn Source>> {
    let text = wanted.text.clone();
    let location = match text.as_str() {
        MEMORY => Location {
            text,
            scheme: None,
            head: Vec::new(),
        },
        _ => tokio::task::spawn_blocking(move || Location::look(&text))
            .await
            .map_err(|cause| Error::internal("A file could not be looked at").caused_by(cause))??,
    };
    let mut refusal = None;
    for connector in connectors
        .iter()
        .filter(|connector| connector.recognizes(&location))
    {
        let mut options = wanted.options.clone();
        // Options that belong to one kind of container do not disturb the others.
        if connector.name() != "sqlite" {
            options.own.clear();
        }
        match connector.open(&location, &options).await {
            // A connector in another language may say only then that a file is not of its kind.
            Err(error) if error.kind() == ErrorKind::Unsupported => refusal = Some(error),
            opened => return opened,
        }
    }
    Err(refusal.unwrap_or_else(|| unknown(connectors, &location)))
}

fn unknown(connectors: &[Arc<dyn Connector>], location: &Location) -> Error {
    let known: Vec<&str> = connectors
        .iter()
        .map(|connector| connector.opens())
        .collect();
    let what = if location.head.is_empty() && location.scheme.is_none() {
        "is empty"
    } else {
        "has an unknown format"
    };
    Error::unreadable(format!("{} {what}", location.text)).hint(format!(
        "Known are: {}. A connector for another format is one trait of three methods: see docs/connectors.md",
        known.join("; ")
    ))
}

/// An opened source under the name of its database.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) source: Arc<dyn Source>,
}

/// Each source under its file's stem, numbered where two are the same, with the keys that are declared of it.
pub(crate) async fn named(
    opened: Vec<(String, Arc<dyn Source>)>,
    configuration: &Configuration,
) -> anyhow::Result<Vec<Named>> {
    let mut taken = BTreeSet::new();
    let mut all = Vec::new();
    for (text, source) in opened {
        let stem = stem(&text);
        let mut name = stem.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{stem}_{number}");
            number += 1;
        }
        let source = declared(&name, source, configuration).await?;
        all.push(Named { name, source });
    }
    Ok(all)
}

/// The databases of the site.
pub(crate) fn publish(named: Vec<Named>) -> Vec<Published> {
    let published = named.into_iter().map(|named| Published {
        name: named.name,
        database: complete(named.source),
        counts: Arc::default(),
    });
    published.collect()
}

fn stem(text: &str) -> String {
    if text == MEMORY {
        return "_memory".to_owned();
    }
    let path = Path::new(text);
    let is_compressed = path
        .extension()
        .is_some_and(|extension| COMPRESSIONS.iter().any(|known| extension == *known));
    let stem = path.file_stem().map(Path::new);
    let stem = match stem {
        // A second extension says how the first file is packed, or that the file is written for this program.
        Some(stem) if is_compressed || stem.extension().is_some_and(|e| e == "tablecast") => {
            stem.file_stem()
        }
        stem => stem.map(Path::as_os_str),
    };
    stem.map_or_else(
        || text.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// The options of a file on the command line.
pub(crate) fn options(
    immutable: bool,
    nolock: bool,
    load_extension: &[String],
    cache_size_kb: u64,
) -> OpenOptions {
    let mut own = BTreeMap::new();
    if nolock {
        own.insert("nolock".to_owned(), "1".to_owned());
    }
    if !load_extension.is_empty() {
        own.insert("load_extension".to_owned(), load_extension.join("\n"));
    }
    if cache_size_kb > 0 {
        own.insert("cache_size_kb".to_owned(), cache_size_kb.to_string());
    }
    OpenOptions { immutable, own }
}
