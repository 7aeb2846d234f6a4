//! Which answers may not be kept although no data changed: those of SQL that asks for the time, for chance, or for
//! something of the request.

use tablecast_connector::Database;
use tablecast_sql::is_fleeting as sql_is_fleeting;

use crate::Site;
use crate::fetch::query::Wanted;
use crate::request::Request;
use crate::request::target::Target;

/// Whether the same request may be answered otherwise on the same data.
pub(crate) async fn is_fleeting(site: &Site, request: &Request) -> bool {
    let arguments = &request.arguments;
    let typed = ["sql", "_where"]
        .into_iter()
        .flat_map(|name| arguments.all(name));
    if typed.into_iter().any(sql_is_fleeting) {
        return true;
    }
    let (database, name) = match &request.target {
        Target::Query(database) => (database, None),
        Target::Table { database, table }
        | Target::TablePage {
            database, table, ..
        }
        | Target::Row {
            database, table, ..
        } => (database, Some(table)),
        _ => return false,
    };
    let queries = site
        .configuration
        .databases
        .get(database)
        .map(|options| &options.queries);
    if let (Some(name), Some(queries)) = (name, queries)
        && let Some(query) = queries.get(name)
    {
        let wanted = Wanted::Configured(name, query);
        return wanted.is_of_the_moment() || any_fleeting_view(site).await;
    }
    match name {
        // What a person writes may read any view, of other databases, too, where they are joined.
        None => any_fleeting_view(site).await,
        Some(_) if arguments.has("_where") => any_fleeting_view(site).await,
        Some(name) => match site.database(database) {
            Ok(published) => has_fleeting_view(&*published.database, Some(name)).await,
            Err(_) => false,
        },
    }
}

async fn any_fleeting_view(site: &Site) -> bool {
    for published in &site.published {
        if has_fleeting_view(&*published.database, None).await {
            return true;
        }
    }
    false
}

/// Whether `name` is a view (or anything may be read, if it is `None`), and a view of the database is fleeting: views
/// may read one another.
async fn has_fleeting_view(database: &dyn Database, name: Option<&str>) -> bool {
    let Ok(views) = database.view_names().await else {
        return true;
    };
    if name.is_some_and(|name| !views.iter().any(|view| view.eq_ignore_ascii_case(name))) {
        return false;
    }
    for view in &views {
        match database.table_definition(view).await {
            Ok(Some(definition)) if !sql_is_fleeting(&definition) => {}
            Ok(None) => {}
            _ => return true,
        }
    }
    false
}
