//! What the site tells of itself: versions, settings, databases, configuration, connectors.

use serde_json::{Value as Json, json};
use tablecast_connector::{Error, Result};

use crate::Site;
use crate::names::tilde_encode;

/// The pages under `/-/`.
const PAGES: &[&str] = &[
    "versions",
    "settings",
    "databases",
    "config",
    "metadata",
    "plugins",
    "actor",
];

/// A page under `/-/` as JSON.
pub(crate) fn to_json(site: &Site, page: &str) -> Result<Json> {
    Ok(match page {
        "versions" => with_ok(site.versions.clone()),
        "settings" => with_ok(site.configuration.settings.to_json().into()),
        "databases" => databases(site),
        "config" => with_ok(redacted(&site.configuration.given)),
        "metadata" => with_ok(site.configuration.metadata.clone().into()),
        "plugins" => site.connectors.clone(),
        "actor" => json!({ "ok": true, "actor": null }),
        _ => {
            let error = Error::not_found("Database not found");
            let pages = PAGES.join(", ");
            return Err(error.hint(format!("There is no page /-/{page}; there are: {pages}")));
        }
    })
}

fn with_ok(value: Json) -> Json {
    match value {
        Json::Object(members) => {
            let mut all = serde_json::Map::from_iter([("ok".to_owned(), true.into())]);
            all.extend(members);
            all.into()
        }
        _ => json!({ "ok": true }),
    }
}

fn databases(site: &Site) -> Json {
    let items = site.viewed().map(|published| {
        let details = published.database.details();
        json!({
            "name": published.name,
            "route": tilde_encode(&published.name),
            "path": details.path,
            "size": details.size,
            "is_mutable": details.is_mutable,
            "is_memory": details.is_memory,
            "hash": details.hash,
            "connector": details.connector,
        })
    });
    json!({ "ok": true, "databases": items.collect::<Vec<_>>() })
}

/// The configuration with `***` for every value that may be a secret.
fn redacted(value: &Json) -> Json {
    const SECRET: &[&str] = &["secret", "key", "password", "token", "hash", "dsn"];
    match value {
        Json::Object(members) => members
            .iter()
            .map(|(name, member)| {
                let hide = SECRET
                    .iter()
                    .any(|word| name.to_ascii_lowercase().contains(word));
                (
                    name.clone(),
                    if hide { "***".into() } else { redacted(member) },
                )
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Json::Array(items) => items.iter().map(redacted).collect(),
        other => other.clone(),
    }
}
