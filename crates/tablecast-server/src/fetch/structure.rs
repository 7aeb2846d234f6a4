//! How a database keeps its tables: what is said about its groups, and how each table is stored. It stands on the page
//! of the database alone.

use std::time::Duration;

use futures::future::join_all;
use tablecast_connector::{Result, Storage};

use super::database::Contents;
use crate::Published;

/// Looking how tables are stored may take this long; what is not known by then is left out.
const TIME_LIMIT: Duration = Duration::from_millis(500);

/// Adds groups and storage to what is known of a database.
pub(crate) async fn add_structure(published: &Published, contents: &mut Contents) -> Result<()> {
    contents.groups = published.database.groups().await?;
    let found = join_all(
        contents
            .tables
            .iter()
            .map(|table| storage(published, &table.info.name)),
    )
    .await;
    for (table, storage) in contents.tables.iter_mut().zip(found) {
        table.storage = storage;
    }
    Ok(())
}

/// A table whose storage is damaged is listed without it; a request for its rows tells what is wrong.
async fn storage(published: &Published, table: &str) -> Option<Storage> {
    let told = published.database.storage(table);
    tokio::time::timeout(TIME_LIMIT, told).await.ok()?.ok()?
}
