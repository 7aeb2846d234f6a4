//! `--crossdb`: a database in memory whose SQL reaches the tables of all the others.
//!
//! Containers of the same kind as the database in memory are attached to it, as many as it takes; the others are joined
//! by the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use serde_json::{Value, json};
use tablecast_connector::{Connector, OpenOptions, Source};
use tablecast_engine::{Joined, JoinedBy, across, complete};
use tablecast_server::{Configuration, Published};
use tablecast_sqlite::ATTACHED_MAX;

use crate::open::{MEMORY, Named, Wanted, open_one};

/// The name of the database in memory.
const NAME: &str = "_memory";

/// Names that SQL has for the database itself.
const TAKEN: &[&str] = &["main", "temp"];

/// The database in memory that joins `named`. What cannot be joined is told on standard error.
pub(crate) async fn memory(
    connectors: &[Arc<dyn Connector>],
    named: &[Named],
    configuration: &Configuration,
    mut options: OpenOptions,
) -> anyhow::Result<Published> {
    let kind = open(connectors, options.clone()).await?.details().connector;
    let mut taken: BTreeSet<String> = TAKEN.iter().map(|name| (*name).to_owned()).collect();
    let mut attached = Vec::new();
    let mut joined = Vec::new();
    for Named { name, source } in named {
        if let Some(reason) = why_not(name, configuration, &mut taken) {
            eprintln!("Not joined by --crossdb: {name} ({reason})");
            continue;
        }
        let file = Some(source.details())
            .filter(|details| details.connector == kind && attached.len() < ATTACHED_MAX)
            .and_then(|details| Some((details.path?, details.is_mutable)));
        let by = if let Some((path, is_mutable)) = file {
            attached.push(json!({ "name": name, "path": path, "immutable": !is_mutable }));
            JoinedBy::Attaching
        } else {
            JoinedBy::Scanning
        };
        joined.push(Joined {
            name: name.clone(),
            source: Arc::clone(source),
            by,
        });
    }
    options
        .own
        .insert("crossdb".to_owned(), Value::from(attached).to_string());
    let inner = complete(open(connectors, options).await?);
    Ok(Published {
        name: NAME.to_owned(),
        database: across(inner, joined),
        counts: Arc::default(),
    })
}

/// Why a database cannot be joined under its name.
fn why_not(
    name: &str,
    configuration: &Configuration,
    taken: &mut BTreeSet<String>,
) -> Option<&'static str> {
    // Whoever runs SQL on the database in memory reads all that it joins.
    if !configuration.may_query(name) {
        return Some("not everybody may run SQL on it");
    }
    (!taken.insert(name.to_ascii_lowercase()))
        .then_some("SQL already has a database of that name, in whatever case")
}

async fn open(
    connectors: &[Arc<dyn Connector>],
    options: OpenOptions,
) -> anyhow::Result<Arc<dyn Source>> {
    let wanted = Wanted {
        text: MEMORY.to_owned(),
        options,
    };
    let opened = open_one(connectors, wanted).await;
    opened.result.map_err(|error| anyhow!("{NAME}: {error}"))
}
