//! Keys that the configuration declares of containers which have none, put before the sources that are published.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::anyhow;
use tablecast_connector::{ForeignKey, Source};
use tablecast_engine::{Declaration, declare};
use tablecast_server::{Configuration, Names, TableOptions};

/// `source`, to be published as `database`, with the keys declared of its tables. The error names the configuration key.
pub(crate) async fn declared(
    database: &str,
    source: Arc<dyn Source>,
    configuration: &Configuration,
) -> anyhow::Result<Arc<dyn Source>> {
    let tables = configuration.database(database).tables;
    let declarations: BTreeMap<String, Declaration> = tables
        .into_iter()
        .map(|(name, options)| (name, declaration(options)))
        .filter(|(_, declaration)| *declaration != Declaration::default())
        .collect();
    declare(source, declarations).await.map_err(|error| {
        let hint = error
            .suggestion()
            .map_or_else(String::new, |hint| format!(". {hint}"));
        anyhow!("primary_key or foreign_keys of databases.{database}: {error}{hint}")
    })
}

fn declaration(options: TableOptions) -> Declaration {
    let foreign_keys = options.foreign_keys.into_iter();
    Declaration {
        primary_key: match options.primary_key {
            None => Vec::new(),
            Some(Names::One(name)) => vec![name],
            Some(Names::Several(names)) => names,
        },
        foreign_keys: foreign_keys
            .map(|(column, other)| ForeignKey {
                columns: vec![column],
                other_table: other.table,
                other_columns: vec![other.column],
            })
            .collect(),
    }
}
