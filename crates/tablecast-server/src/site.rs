//! The site: what is published, and how.

use std::sync::Arc;

use serde_json::Value;
use tablecast_connector::{Database, Error, Result};

use crate::Configuration;
use crate::kept::Kept;

/// One database of the site.
#[derive(Clone)]
pub struct Published {
    /// Its name, also in addresses (encoded).
    pub name: String,
    /// The database.
    pub database: Arc<dyn Database>,
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
    /// Answers that are kept.
    pub(crate) kept: Kept,
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
            kept,
        }
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
