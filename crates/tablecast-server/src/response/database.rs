//! The lists of databases and of a database's tables as JSON.

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Group, ROWID, Storage};

use super::extras::{color, own_metadata};
use crate::configuration::QueryOptions;
use crate::fetch::database::{Contents, TableItem};
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::{Published, Site};

/// What stands in every answer that is not part of the stable interface.
pub(crate) const UNSTABLE: &str =
    "This API is not part of Datasette's stable interface and may change at any time";

/// Counts on the list of databases are shown for files of at most this size.
const COUNTED_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Tables shown of each database on the home page.
const TABLES_SHOWN: usize = 5;

/// Whether the home page counts the tables of a database.
pub(crate) fn is_counted(published: &Published) -> bool {
    let details = published.database.details();
    !details.is_mutable || details.size.is_none_or(|size| size <= COUNTED_BYTES_MAX)
}

/// `/database.json`.
pub(crate) fn database(
    site: &Site,
    request: &Request,
    published: &Published,
    contents: &Contents,
) -> Json {
    let options = site.configuration.database(&published.name);
    let mut tables: Vec<&TableItem> = contents.tables.iter().collect();
    tables.sort_by_key(|table| (table.hidden, table.info.name.clone()));
    let queries = site.queries(&published.name);
    let mut views = contents.views.clone();
    views.sort();
    let mut json = json!({
        "ok": true,
        "database": published.name,
        "private": false,
        "path": request.link(&format!("/{}", tilde_encode(&published.name))),
        "size": published.database.details().size,
        "tables": tables.iter().map(|table| table_json(table)).collect::<Vec<_>>(),
        "hidden_count": tables.iter().filter(|table| table.hidden).count(),
        "views": views.iter().map(|name| json!({ "name": name, "private": false })).collect::<Vec<_>>(),
        "queries": queries
            .iter()
            .take(5)
            .map(|(name, query)| query_json(&published.name, name, query))
            .collect::<Vec<_>>(),
        "queries_more": queries.len() > 5,
        "queries_count": queries.len(),
        "allow_execute_sql": site.allows(Action::ExecuteSql, Subject::Database(&published.name)),
        "table_columns": table_columns(contents),
        "metadata": options.metadata,
    });
    // Only containers with groups have the key, so that the others answer as Datasette does.
    if let (false, Some(json)) = (contents.groups.is_empty(), json.as_object_mut()) {
        let groups: Vec<Json> = contents.groups.iter().map(group_json).collect();
        json.insert("groups".to_owned(), groups.into());
    }
    json
}

fn group_json(group: &Group) -> Json {
    let mut json = Map::new();
    json.insert("path".to_owned(), group.path.clone().into());
    own_metadata(&group.metadata, &mut json);
    json.into()
}

fn storage_json(storage: &Storage) -> Json {
    json!({
        "shape": storage.shape,
        "element": storage.element,
        "chunks": storage.chunks,
        "filters": storage.filters,
        "bytes": storage.bytes,
        "stored_bytes": storage.stored_bytes,
        "ratio": storage.ratio(),
    })
}

fn table_json(table: &TableItem) -> Json {
    let references = |list: &[(String, String, String)]| -> Vec<Json> {
        let items = list.iter().map(|(column, other, other_column)| {
            json!({ "other_table": other, "column": column, "other_column": other_column })
        });
        items.collect()
    };
    let mut item = json!({
        "name": table.info.name,
        "columns": table.info.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>(),
        "primary_keys": primary_keys(table),
        "count": table.count.map(|count| count.rows),
        "count_truncated": table.count.is_some_and(|count| count.truncated),
        "hidden": table.hidden,
        "fts_table": table.fts_table,
        "foreign_keys": {
            "incoming": references(&table.incoming),
            "outgoing": references(&table.outgoing),
        },
        "private": false,
    });
    if let (Some(storage), Some(item)) = (&table.storage, item.as_object_mut()) {
        item.insert("storage".to_owned(), storage_json(storage));
    }
    if let (Some(reason), Some(item)) = (&table.info.unreadable, item.as_object_mut()) {
        item.insert("unreadable".to_owned(), reason.clone().into());
    }
    item
}

fn primary_keys(table: &TableItem) -> Vec<String> {
    let keys = table.info.identity.columns().into_iter();
    keys.filter(|key| *key != ROWID)
        .map(str::to_owned)
        .collect()
}

/// The columns of every table, for an editor's completion.
fn table_columns(contents: &Contents) -> Json {
    let tables = contents
        .columns
        .iter()
        .map(|(name, columns)| (name.clone(), json!(columns)));
    Json::Object(tables.collect())
}

/// A configured query.
pub(crate) fn query_json(database: &str, name: &str, query: &QueryOptions) -> Json {
    json!({
        "database": database,
        "name": name,
        "sql": query.sql,
        "title": query.title,
        "description": query.description,
        "description_html": query.description_html,
        "hide_sql": query.hide_sql,
        "fragment": query.fragment,
        "parameters": query.params.clone().unwrap_or_default(),
        "is_write": query.write,
        "is_private": false,
        "is_trusted": query.is_trusted.unwrap_or(true),
        "source": "config",
        "owner_id": null,
        "on_success_message": query.on_success_message,
        "on_success_message_sql": query.on_success_message_sql,
        "on_success_redirect": query.on_success_redirect,
        "on_error_message": query.on_error_message,
        "on_error_redirect": query.on_error_redirect,
        "private": false,
    })
}

/// `/.json`.
pub(crate) fn home(site: &Site, request: &Request, databases: &[(&Published, Contents)]) -> Json {
    let items: Vec<Json> = databases
        .iter()
        .map(|(published, contents)| home_item(request, published, contents))
        .collect();
    json!({
        "ok": true,
        "unstable": UNSTABLE,
        "databases": items,
        "metadata": site.configuration.metadata,
    })
}

fn home_item(request: &Request, published: &Published, contents: &Contents) -> Json {
    let relationships = |table: &&TableItem| table.incoming.len() + table.outgoing.len();
    let by_relationships = request.arguments.first("_sort") == Some("relationships");
    let (hidden, mut shown): (Vec<&TableItem>, Vec<&TableItem>) =
        contents.tables.iter().partition(|table| table.hidden);
    shown.sort_by(|a, b| a.info.name.cmp(&b.info.name));
    let counted = is_counted(published) && shown.iter().all(|table| table.count.is_some());
    if by_relationships || !counted {
        let rows = |table: &TableItem| table.count.map(|count| count.rows);
        shown.sort_by_key(|table| std::cmp::Reverse((relationships(table), rows(table))));
    } else {
        shown.sort_by_key(|table| std::cmp::Reverse(table.count.map(|count| count.rows)));
    }
    let rows = |tables: &[&TableItem]| {
        tables
            .iter()
            .filter_map(|table| table.count)
            .map(|count| count.rows)
            .sum::<u64>()
    };
    let mut truncated: Vec<Json> = shown
        .iter()
        .take(TABLES_SHOWN)
        .map(|table| {
            let mut item = table_json(table);
            if let Some(item) = item.as_object_mut() {
                item.remove("count_truncated");
                item.remove("foreign_keys");
                item.insert(
                    "num_relationships_for_sorting".to_owned(),
                    relationships(table).into(),
                );
            }
            item
        })
        .collect();
    let room = TABLES_SHOWN.saturating_sub(truncated.len());
    truncated.extend(
        contents
            .views
            .iter()
            .take(room)
            .map(|name| json!({ "name": name, "private": false })),
    );
    let details = published.database.details();
    let mut item = json!({
        "name": published.name,
        "hash": details.hash,
        "color": details.hash.as_ref().map_or_else(|| color(&published.name), |hash| hash.chars().take(6).collect()),
        "path": request.link(&format!("/{}", tilde_encode(&published.name))),
        "tables_and_views_truncated": truncated,
        "tables_and_views_more": shown.len() + contents.views.len() > TABLES_SHOWN,
        "tables_count": shown.len(),
        "table_rows_sum": rows(&shown),
        "show_table_row_counts": counted,
        "hidden_table_rows_sum": rows(&hidden),
        "hidden_tables_count": hidden.len(),
        "views_count": contents.views.len(),
        "private": false,
    });
    if let (Some(problem), Some(item)) = (&contents.problem, item.as_object_mut()) {
        item.insert("error".to_owned(), problem.as_str().into());
    }
    item
}

/// What is said of the site, with a label for each address that has none.
pub(crate) fn site_metadata(metadata: &Map<String, Json>) -> Map<String, Json> {
    let mut metadata = metadata.clone();
    for name in ["license", "source", "about"] {
        if !metadata.contains_key(name)
            && let Some(url) = metadata.get(&format!("{name}_url")).cloned()
        {
            metadata.insert(name.to_owned(), url);
        }
    }
    metadata
}
