//! The site: what is published, and how.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tablecast_connector::{Database, Error, Result};

use crate::Templates;
use crate::fetch::beside::Known;
use crate::fetch::counting::Counting;
use crate::fetch::said::Said;
use crate::kept::Kept;
use crate::mounts::{self, Mount};
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::{Configuration, QueryOptions};

/// One database of the site.
#[derive(Clone)]
pub struct Published {
    /// Its name, also in addresses (encoded).
    pub name: String,
    /// The database.
    pub database: Arc<dyn Database>,
    /// The rows of tables, where they were counted before and cannot have changed.
    pub counts: Arc<BTreeMap<String, u64>>,
}

/// What is published, and how.
pub struct Site {
    /// The databases in order.
    pub published: Vec<Published>,
    /// Configuration and metadata.
    pub configuration: Configuration,
    /// What `/-/versions.json` answers.
    pub versions: Value,
    /// What `/-/plugins.json` answers: the connectors.
    pub connectors: Value,
    /// Whether scripts of other sites may read answers.
    pub cors: bool,
    /// Whether visitors come by HTTPS, so that addresses with a host are written so.
    pub is_https: bool,
    /// Folders of people's own files.
    pub(crate) mounts: Arc<Vec<Mount>>,
    /// People's own templates.
    pub templates: Option<Templates>,
    /// Answers that are kept.
    pub(crate) kept: Kept,
    /// What stands beside rows, the same on each page of them.
    pub(crate) beside: Known,
    /// What containers say about their tables.
    pub(crate) said: Said,
    /// Facets that take long.
    pub(crate) counting: Arc<Counting>,
}

impl Site {
    /// A site. Answers are kept up to the setting `kept_answers_mb`.
    pub fn new(
        published: Vec<Published>,
        configuration: Configuration,
        versions: Value,
        connectors: Value,
    ) -> Self {
        let kept =
            Kept::new(configuration.settings.number("kept_answers_mb") as usize * 1024 * 1024);
        Self {
            published,
            configuration,
            versions,
            connectors,
            cors: false,
            is_https: false,
            mounts: Arc::default(),
            templates: None,
            kept,
            beside: Known::default(),
            said: Said::default(),
            counting: Arc::default(),
        }
    }

    /// Serves these folders, too. An error names two that share a path, or one that would hide a database.
    pub fn mount(&mut self, mounts: Vec<Mount>) -> Result<()> {
        let names = self.published.iter().map(|it| tilde_encode(&it.name));
        mounts::check(&mounts, &names.collect::<Vec<_>>())?;
        self.mounts = Arc::new(mounts);
        Ok(())
    }

    /// The databases that the visitor may see.
    pub(crate) fn viewed(&self) -> impl Iterator<Item = &Published> {
        self.published.iter().filter(|published| {
            self.allows(Action::ViewDatabase, Subject::Database(&published.name))
        })
    }

    /// The configured queries of a database that the visitor may see, by title or name.
    pub(crate) fn queries<'a>(&'a self, database: &'a str) -> Vec<(&'a str, &'a QueryOptions)> {
        let Some(options) = self.configuration.databases.get(database) else {
            return Vec::new();
        };
        let mut queries: Vec<(&str, &QueryOptions)> = options
            .queries
            .iter()
            .filter(|(name, _)| self.allows(Action::ViewQuery, Subject::Query(database, name)))
            .map(|(name, query)| (name.as_str(), query))
            .collect();
        queries.sort_by_cached_key(|(name, query)| (query.sort_key(name), (*name).to_owned()));
        queries
    }

    /// The database of that name. `NotFound` if there is none.
    pub(crate) fn database(&self, name: &str) -> Result<&Published> {
        let found = self
            .published
            .iter()
            .find(|published| published.name == name);
        found.ok_or_else(|| Error::not_found("Database not found"))
    }
}
