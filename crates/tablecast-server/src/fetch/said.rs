//! What containers say about their tables, columns and groups, as texts to be searched. It is gathered when it is first
//! asked for, and kept while the data stand still.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tablecast_connector::{Metadata, Result, Version};

use crate::Published;

/// Bytes of the texts of one database; what is beyond them is not found.
const BYTES_MAX: usize = 8 << 20;
/// A longer text is searched up to here.
const TEXT_MAX: usize = 4096;

/// One thing said.
#[derive(Debug)]
pub(crate) struct Saying {
    /// The table it is said about, or the first table of the group.
    pub(crate) table: String,
    /// What it is about, as a name: `units`, `temperature units`.
    pub(crate) name: String,
    /// What is said, text as such and everything else as JSON.
    pub(crate) text: String,
}

/// What the databases say, by name and version.
#[derive(Debug, Default)]
pub(crate) struct Said(Mutex<HashMap<String, Kept>>);

type Kept = (Version, Arc<Vec<Saying>>);

impl Said {
    /// Everything that is said in a database.
    pub(crate) async fn of(&self, published: &Published) -> Result<Arc<Vec<Saying>>> {
        let version = published.database.version();
        if let Some(version) = version {
            let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((of, said)) = kept.get(&published.name)
                && *of == version
            {
                return Ok(Arc::clone(said));
            }
        }
        let said = Arc::new(gathered(published).await?);
        if let Some(version) = version {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(published.name.clone(), (version, Arc::clone(&said)));
        }
        Ok(said)
    }
}

async fn gathered(published: &Published) -> Result<Vec<Saying>> {
    let database = &published.database;
    let (mut said, mut left) = (Vec::new(), BYTES_MAX);
    let names = database.table_names().await?;
    for group in database.groups().await? {
        let within = |name: &&String| {
            let rest = name.strip_prefix(&group.path);
            rest.is_some_and(|rest| group.path.is_empty() || rest.starts_with('/'))
        };
        if let Some(table) = names.iter().find(within) {
            add(&mut said, &mut left, table, &group.path, &group.metadata);
        }
    }
    for table in &names {
        if left == 0 {
            break;
        }
        let info = database.table_info(table).await?;
        add(&mut said, &mut left, table, "", &info.metadata);
        for column in &info.columns {
            add(&mut said, &mut left, table, &column.name, &column.metadata);
        }
    }
    Ok(said)
}

fn add(said: &mut Vec<Saying>, left: &mut usize, table: &str, of: &str, metadata: &Metadata) {
    let known = [
        ("title", &metadata.title),
        ("description", &metadata.description),
        ("unit", &metadata.unit),
    ];
    let known = known
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_deref()?.to_owned())));
    let attributes = metadata.attributes.iter().map(|(name, json)| {
        let text = serde_json::from_str::<String>(json);
        (name.as_str(), text.unwrap_or_else(|_| json.clone()))
    });
    let mut seen: Vec<String> = Vec::new();
    for (name, mut text) in attributes.chain(known) {
        // A title is often an attribute, too.
        if seen.contains(&text) {
            continue;
        }
        seen.push(text.clone());
        let end = (0..=TEXT_MAX.min(text.len())).rev();
        let end = end.into_iter().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        let name = [of, name].join(" ").trim().to_owned();
        let bytes = table.len() + name.len() + text.len();
        if bytes > *left {
            *left = 0;
            return;
        }
        *left -= bytes;
        said.push(Saying {
            table: table.to_owned(),
            name,
            text,
        });
    }
}
