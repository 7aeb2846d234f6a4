//! The jump menu: databases, tables, views and configured queries by what a person types.

use serde_json::json;
use tablecast_connector::{Result, like};

use crate::Site;
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::Reply;

/// The most matches told.
const MATCHES_MAX: usize = 100;

/// What a match is. The order is that of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Database,
    Table,
    View,
    Query,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Database => "database",
            Self::Table => "table",
            Self::View => "view",
            Self::Query => "query",
        }
    }
}

struct Match {
    kind: Kind,
    label: String,
    path: String,
}

/// The places whose names hold the words typed, in their order: those that are the text first, then those that start
/// with it; databases before tables before views before queries; short names before long ones.
pub(super) async fn jump(site: &Site, request: &Request) -> Result<Reply> {
    let typed = request
        .arguments
        .first("q")
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let mut matches = places(site).await?;
    let words: Vec<String> = typed.split_whitespace().map(like_literal).collect();
    let pattern = format!("%{}%", words.join("%"));
    // Between the names of a place stands a blank, for words of both.
    matches.retain(|found| {
        like(&found.label.replacen(": ", " ", 1), &pattern) || like(&found.label, &pattern)
    });
    matches.sort_by_cached_key(|found| {
        let label = found.label.to_ascii_lowercase();
        let distance = match label.strip_prefix(&typed) {
            Some("") => 0,
            Some(_) => 1,
            None => 2,
        };
        (
            distance,
            found.kind,
            label.chars().count(),
            found.label.clone(),
        )
    });
    let truncated = matches.len() > MATCHES_MAX;
    let shown = matches.iter().take(MATCHES_MAX).map(|found| {
        json!({
            "name": found.label,
            "url": request.link(&found.path),
            "type": found.kind.name(),
            "description": null,
        })
    });
    Ok(Reply::json(&json!({
        "ok": true,
        "matches": shown.collect::<Vec<_>>(),
        "truncated": truncated,
    })))
}

/// A text as a pattern that means nothing but itself: wildcards become "any one character".
fn like_literal(text: &str) -> String {
    text.replace('%', "_")
}

async fn places(site: &Site) -> Result<Vec<Match>> {
    let mut places = Vec::new();
    for published in site.viewed() {
        let name = &published.name;
        let inner = |kind, child: &str| Match {
            kind,
            label: format!("{name}: {child}"),
            path: format!("/{}/{}", tilde_encode(name), tilde_encode(child)),
        };
        places.push(Match {
            kind: Kind::Database,
            label: name.clone(),
            path: format!("/{}", tilde_encode(name)),
        });
        let database = &published.database;
        for (kind, children) in [
            (Kind::Table, database.table_names().await?),
            (Kind::View, database.view_names().await?),
        ] {
            let viewed = children
                .iter()
                .filter(|child| site.allows(Action::ViewTable, Subject::Table(name, child)));
            places.extend(viewed.map(|child| inner(kind, child)));
        }
        places.extend(
            site.queries(name)
                .into_iter()
                .map(|(query, _)| inner(Kind::Query, query)),
        );
    }
    Ok(places)
}
