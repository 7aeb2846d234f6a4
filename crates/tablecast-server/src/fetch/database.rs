//! What a database holds: its tables with counts and references, and its views.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use tablecast_connector::{Answer, Ask, Group, Limits, Result, Storage, TableInfo, Want};

use crate::permission::{Action, Subject};
use crate::{Published, Site};

/// A table in a list.
#[derive(Debug)]
pub(crate) struct TableItem {
    pub(crate) info: std::sync::Arc<TableInfo>,
    pub(crate) count: Option<tablecast_connector::Count>,
    pub(crate) hidden: bool,
    pub(crate) fts_table: Option<String>,
    /// Single-column references: column, other table, other column.
    pub(crate) outgoing: Vec<(String, String, String)>,
    pub(crate) incoming: Vec<(String, String, String)>,
    /// How its cells are stored, where that was asked for and is known.
    pub(crate) storage: Option<Storage>,
}

/// A database's tables and views.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) tables: Vec<TableItem>,
    pub(crate) views: Vec<String>,
    /// The columns of every table, hidden ones and parts of indexes, too; and the views.
    pub(crate) columns: Vec<(String, BTreeSet<String>)>,
    /// What is said about its groups, where that was asked for.
    pub(crate) groups: Vec<Group>,
    /// Why nothing is known of it, where that is so.
    pub(crate) problem: Option<String>,
}

/// The time that counting one table may take, and where it stops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counting {
    pub(crate) time_limit: Duration,
    pub(crate) at_most: Option<u64>,
}

/// Everything that lists of a database show. `counting` is `None` where counts are not wanted.
pub(crate) async fn contents(
    site: &Site,
    published: &Published,
    counting: Option<Counting>,
) -> Result<Contents> {
    let database = &published.database;
    let hidden = database.hidden_table_names().await?;
    let viewed =
        |name: &String| site.allows(Action::ViewTable, Subject::Table(&published.name, name));
    let mut names = database.table_names().await?;
    names.retain(viewed);
    let mut views = database.view_names().await?;
    views.retain(viewed);
    let items = join_all(
        names
            .into_iter()
            .map(|name| item(site, published, name, &hidden, counting)),
    )
    .await;
    let mut tables = items.into_iter().collect::<Result<Vec<_>>>()?;
    let mut incoming: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for table in &tables {
        for (column, other, other_column) in &table.outgoing {
            let reference = (
                other_column.clone(),
                table.info.name.clone(),
                column.clone(),
            );
            incoming.entry(other.clone()).or_default().push(reference);
        }
    }
    let columns = tables.iter().map(|table| {
        let names = table.info.columns.iter().map(|column| column.name.clone());
        (table.info.name.clone(), names.collect())
    });
    // Views are named without columns, as Datasette does: their columns cost a statement each.
    let columns = columns
        .chain(views.iter().map(|view| (view.clone(), BTreeSet::new())))
        .collect();
    leave_out_parts(&mut tables);
    for table in &mut tables {
        table.incoming = incoming.remove(&table.info.name).unwrap_or_default();
        for references in [&mut table.incoming, &mut table.outgoing] {
            // By the other table, then the columns.
            references.sort_by(|a, b| (&a.1, &a.0, &a.2).cmp(&(&b.1, &b.0, &b.2)));
        }
    }
    Ok(Contents {
        tables,
        views,
        columns,
        groups: Vec::new(),
        problem: None,
    })
}

/// Leaves out the hidden tables that are parts of a full-text index, named after it.
fn leave_out_parts(tables: &mut Vec<TableItem>) {
    let indexes: Vec<String> = tables
        .iter()
        .filter(|table| table.fts_table.as_ref() == Some(&table.info.name))
        .map(|table| format!("{}_", table.info.name))
        .collect();
    tables.retain(|table| {
        !table.hidden || !indexes.iter().any(|part| table.info.name.starts_with(part))
    });
}

async fn item(
    site: &Site,
    published: &Published,
    name: String,
    hidden: &[String],
    counting: Option<Counting>,
) -> Result<TableItem> {
    let database = &published.database;
    let info = database.table_info(&name).await?;
    let options = site.configuration.table(&published.name, &name);
    let count = match counting {
        Some(counting) if info.unreadable.is_none() => count(published, &name, counting).await,
        _ => None,
    };
    Ok(TableItem {
        count,
        hidden: options.hidden || hidden.contains(&name) || name.starts_with('_'),
        fts_table: database.detect_fts(&name).await?,
        outgoing: super::labels::references(published, &name).await?,
        incoming: Vec::new(),
        storage: None,
        info,
    })
}

/// A count that fails or takes too long is not shown.
async fn count(
    published: &Published,
    table: &str,
    counting: Counting,
) -> Option<tablecast_connector::Count> {
    if let Some(known) = published.counts.get(table) {
        return Some(tablecast_connector::Count {
            rows: *known,
            truncated: false,
        });
    }
    let ask = Ask {
        table: table.to_owned(),
        filters: Vec::new(),
        wants: vec![
            Want::Count {
                at_most: counting.at_most,
            }
            .into(),
        ],
    };
    let limits = Limits::none().within(counting.time_limit);
    match super::trace::ask(published, &ask, &limits).await.pop() {
        Some(Ok(Answer::Count(count))) => Some(count),
        _ => None,
    }
}
