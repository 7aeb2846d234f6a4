//! The jump menu: databases, tables, views and configured queries by what a person types: by their names, and tables
//! also by what their containers say about them.

use std::collections::HashSet;

use serde_json::json;
use tablecast_connector::{Result, like};

use crate::Site;
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::Reply;

/// The most matches told.
const MATCHES_MAX: usize = 100;
/// Characters of what is said about a table that are shown with it.
const SHOWN_CHARS: usize = 120;

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
    /// What was found beside the name.
    description: Option<String>,
}

impl Match {
    fn inside(kind: Kind, database: &str, child: &str) -> Self {
        Self {
            kind,
            label: format!("{database}: {child}"),
            path: format!("/{}/{}", tilde_encode(database), tilde_encode(child)),
            description: None,
        }
    }
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
    if !words.is_empty() {
        add_said(site, &pattern, &mut matches).await?;
    }
    matches.sort_by_cached_key(|found| {
        let label = found.label.to_ascii_lowercase();
        let distance = match label.strip_prefix(&typed) {
            Some("") => 0,
            Some(_) => 1,
            None if found.description.is_none() => 2,
            None => 3,
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
            "description": found.description,
        })
    });
    Ok(Reply::json(&json!({
        "ok": true,
        "matches": shown.collect::<Vec<_>>(),
        "truncated": truncated,
    })))
}

/// Adds the tables of which something is said that holds the words, each once; not those found by their names.
async fn add_said(site: &Site, pattern: &str, matches: &mut Vec<Match>) -> Result<()> {
    let mut found: HashSet<String> = matches.iter().map(|found| found.path.clone()).collect();
    for published in site.viewed() {
        let name = &published.name;
        // A container that cannot be read now has nothing to say; its own page tells why.
        let Ok(said) = site.said.of(published).await else {
            continue;
        };
        for saying in said.iter() {
            let text = format!("{}: {}", saying.name, saying.text);
            if !like(&text, pattern)
                || !site.allows(Action::ViewTable, Subject::Table(name, &saying.table))
            {
                continue;
            }
            let place = Match::inside(Kind::Table, name, &saying.table);
            if found.insert(place.path.clone()) {
                matches.push(Match {
                    description: Some(shortened(text)),
                    ..place
                });
            }
        }
    }
    Ok(())
}

/// A text that fits on a line.
fn shortened(text: String) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// A text as a pattern that means nothing but itself: wildcards become "any one character".
fn like_literal(text: &str) -> String {
    text.replace('%', "_")
}

async fn places(site: &Site) -> Result<Vec<Match>> {
    let mut places = Vec::new();
    for published in site.viewed() {
        let name = &published.name;
        let inner = |kind, child: &str| Match::inside(kind, name, child);
        places.push(Match {
            kind: Kind::Database,
            label: name.clone(),
            path: format!("/{}", tilde_encode(name)),
            description: None,
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
