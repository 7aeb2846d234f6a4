//! The walk of a request through the rooms, for each kind of page: plan, fetch, respond.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::future::join_all;
use tablecast_connector::{CancelToken, Error, ErrorKind, Result};

use crate::error::Shown;
use crate::fetch::database::{Contents, Counting, contents};
use crate::fetch::table::{COUNT_MAX, TableData, Wants, whole_table};
use crate::fetch::{Place, labels, limits, query, row};
use crate::names::tilde_encode;
use crate::plan::table::{TablePlan, row_filters};
use crate::request::Request;
use crate::request::target::{Format, Target};
use crate::response::extras::{self, Scope};
use crate::response::json::Writing;
use crate::response::row::RowData;
use crate::response::{self, Reply, blob, csv, html, introspection};
use crate::{Published, Site, TableOptions};

/// Counting each table of the home page may take this long.
const HOME_COUNT_MS: u64 = 50;

pub(crate) async fn walk(site: &Site, request: &Request) -> Result<Reply> {
    if request.format == Format::Unknown {
        return Err(Error::not_found(
            "There is no such format; there are .json, .csv and .blob",
        ));
    }
    match &request.target {
        Target::Home => home(site, request).await,
        Target::Static(name) => html::asset(name),
        Target::Introspection(page) => about(site, request, page),
        Target::Database(name) => database(site, request, name).await,
        Target::Query(database) => run_query(site, request, site.database(database)?).await,
        Target::DatabasePage { database, page } if page == "schema" => {
            schema(site, request, database, None).await
        }
        Target::DatabasePage { database, page } => {
            site.database(database)?;
            Err(Error::not_found(format!("There is no page /-/{page}")))
        }
        Target::TablePage {
            database,
            table,
            page,
        } if page == "schema" => schema(site, request, database, Some(table)).await,
        Target::TablePage { page, .. } => {
            Err(Error::not_found(format!("There is no page /-/{page}")))
        }
        Target::Table { database, table } => table_or_query(site, request, database, table).await,
        Target::Row {
            database,
            table,
            key,
        } => one_row(site, request, database, table, key).await,
        Target::Nothing => Err(Error::not_found("There is no such page")),
    }
}

fn is_json(request: &Request) -> bool {
    request.format == Format::Json
}

fn about(site: &Site, request: &Request, page: &str) -> Result<Reply> {
    let json = introspection::to_json(site, page)?;
    Ok(if is_json(request) {
        Reply::json(&json)
    } else {
        html::introspection(site, request, page, &json)
    })
}

async fn home(site: &Site, request: &Request) -> Result<Reply> {
    let counting = Counting {
        time_limit: Duration::from_millis(HOME_COUNT_MS),
        at_most: None,
    };
    let each = site.published.iter().map(|published| async move {
        let counting = response::database::is_counted(published).then_some(counting);
        // One that broke while it was served does not take the others' list along.
        let found = contents(site, published, counting).await;
        let contents = found.unwrap_or_else(|error| Contents {
            problem: Some(Shown::new(&error).message),
            ..Contents::default()
        });
        (published, contents)
    });
    let databases: Vec<(&Published, Contents)> = join_all(each).await;
    Ok(if is_json(request) {
        Reply::json(&response::database::home(site, request, &databases))
    } else {
        html::home(site, request, &databases)
    })
}

async fn database(site: &Site, request: &Request, name: &str) -> Result<Reply> {
    if let Some(name) = name.strip_prefix(":memory:") {
        return Ok(Reply::redirect(&request.link(&format!("/_memory{name}"))));
    }
    let published = site.database(name)?;
    if request.arguments.has("sql") {
        let suffix = request
            .path
            .rsplit_once('.')
            .map_or_else(String::new, |(_, format)| format!(".{format}"));
        let path = format!("/{}/-/query{suffix}?{}", tilde_encode(name), request.query);
        return Ok(Reply::redirect(&request.link(&path)));
    }
    let time = site.configuration.settings.number("sql_time_limit_ms");
    let counting = Counting {
        time_limit: Duration::from_millis(time),
        at_most: Some(COUNT_MAX + 1),
    };
    let mut contents = contents(site, published, Some(counting)).await?;
    for count in contents
        .tables
        .iter_mut()
        .filter_map(|table| table.count.as_mut())
    {
        count.truncated = count.rows > COUNT_MAX;
    }
    Ok(if is_json(request) {
        let json = response::database::database(site, request, published, &contents);
        Reply::json(&json)
    } else {
        html::database(site, request, published, &contents)
    })
}

async fn table_or_query(
    site: &Site,
    request: &Request,
    database: &str,
    name: &str,
) -> Result<Reply> {
    let published = site.database(database)?;
    let queries = site
        .configuration
        .databases
        .get(database)
        .map(|options| &options.queries);
    if let Some(query) = queries.and_then(|queries| queries.get(name)) {
        if query.write {
            return Err(Error::forbidden(
                "This query writes, and this server only reads",
            ));
        }
        return run(site, request, published, &query.sql, Some((name, query))).await;
    }
    match Place::find(site, database, name).await {
        Ok(place) => table(site, request, &place).await,
        Err(error) if error.kind() == ErrorKind::NotFound => match old_name(name) {
            Some(new) if published.database.table_info(&new).await.is_ok() => {
                let format = request
                    .path
                    .rsplit_once('.')
                    .map_or("", |(_, format)| format);
                let dot = if format.is_empty() { "" } else { "." };
                let mark = if request.query.is_empty() { "" } else { "?" };
                let path = format!(
                    "/{}/{}{dot}{format}{mark}{}",
                    tilde_encode(database),
                    tilde_encode(&new),
                    request.query
                );
                Ok(Reply::redirect(&request.link(&path)))
            }
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The name that a table of nested groups had with the forerunner, `%group%table`, as it is now: `group/table`.
fn old_name(name: &str) -> Option<String> {
    name.strip_prefix('%').map(|rest| rest.replace('%', "/"))
}

async fn table(site: &Site, request: &Request, place: &Place<'_>) -> Result<Reply> {
    if let Some(location) = form_redirect(request) {
        return Ok(Reply::redirect(&location)
            .with(http::header::CONTENT_TYPE, "text/plain")
            .with_link(&format!("<{location}>; rel=preload")));
    }
    let plan = TablePlan::make(site, request, place).await?;
    extras::check(&plan.arguments.extras, Scope::Table)?;
    if let Some(reason) = &plan.info.unreadable {
        return Err(Error::new(
            ErrorKind::Unreadable,
            format!("{} cannot be read: {reason}", plan.info.name),
        ));
    }
    let reply = match request.format {
        Format::Json => {
            let writing = Writing::parse(&request.arguments)?;
            let wants = response::table::wants(request, &plan);
            let data = TableData::fetch(site, request, place, &plan, wants, |c| {
                is_labelled(request, c, false)
            })
            .await?;
            response::table::to_json(request, place, &plan, &data, &writing).await?
        }
        Format::Csv => table_csv(site, request, place, &plan).await?,
        Format::Blob => return Err(Error::invalid("A .blob belongs to a row or a query")),
        _ => {
            let wanted = |switch: &str| !request.arguments.is_on(switch);
            let wants = Wants {
                count: wanted("_nocount"),
                facets: wanted("_nofacet"),
                suggestions: wanted("_nofacet") && wanted("_nosuggest"),
            };
            let data = TableData::fetch(site, request, place, &plan, wants, |c| {
                is_labelled(request, c, true)
            })
            .await?;
            html::table(site, request, place, &plan, &data).await?
        }
    };
    let name = http::header::HeaderName::from_static("tablecast-warning");
    Ok(plan
        .warnings
        .iter()
        .fold(reply, |reply, warning| reply.with(name.clone(), warning)))
}

/// Whether a column is shown with labels: all or some if asked for, by default on pages.
fn is_labelled(request: &Request, column: &str, default: bool) -> bool {
    let arguments = &request.arguments;
    let all = arguments.is_on("_labels") || (default && !arguments.is_off("_labels"));
    all || arguments.all("_label").any(|asked| asked == column)
}

async fn table_csv(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
) -> Result<Reply> {
    let settings = &site.configuration.settings;
    let base = table_address(request, &place.published.name, &place.info.name);
    let no_labels = BTreeMap::new();
    let mut writing = csv::Writing {
        width: plan.columns.len(),
        keys: &plan.keys,
        labels: &no_labels,
        base,
        name: &place.info.name,
    };
    if request.arguments.has("_stream") {
        if !settings.is_on("allow_csv_stream") {
            return Err(Error::invalid("CSV streaming is disabled"));
        }
        if request.arguments.has("_next") {
            return Err(Error::invalid("_next not allowed for CSV streaming"));
        }
        let cancel = CancelToken::default();
        let guard = cancel.cancel_on_drop();
        let rows = whole_table(&cancel, place, plan).await?;
        let bytes_max = settings.number("max_csv_mb") * 1024 * 1024;
        return Ok(csv::stream(request, rows, &writing, bytes_max, guard));
    }
    let wants = Wants {
        count: false,
        facets: false,
        suggestions: false,
    };
    let data = TableData::fetch(site, request, place, plan, wants, |c| {
        is_labelled(request, c, false)
    })
    .await?;
    writing.labels = &data.labels;
    csv::reply(request, &data.page, &writing)
}

/// The whole address of a table.
fn table_address(request: &Request, database: &str, table: &str) -> String {
    let path = format!("/{}/{}", tilde_encode(database), tilde_encode(table));
    format!("{}{}", request.origin, request.link(&path))
}

async fn one_row(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
    key: &str,
) -> Result<Reply> {
    let started = Instant::now();
    let place = Place::find(site, database, table).await?;
    let keys: Vec<String> = place
        .info
        .identity
        .columns()
        .into_iter()
        .map(str::to_owned)
        .collect();
    if keys.is_empty() {
        return Err(Error::not_found(format!(
            "{table} has no row pages: its rows have no identity"
        )));
    }
    let Some((filters, values)) = row_filters(&keys, key) else {
        return Err(Error::invalid(
            "URL row identifier does not match the primary key for this table",
        ));
    };
    let mut columns: Vec<String> = place
        .info
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    if keys == [tablecast_connector::ROWID] {
        columns.insert(0, tablecast_connector::ROWID.to_owned());
    }
    let page = row::fetch(site, request, &place, columns, filters, &values).await?;
    let options = site.configuration.table(database, &place.info.name);
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    let data = RowData {
        page,
        key: values,
        keys,
        options,
        milliseconds,
    };
    let no_labels = BTreeMap::new();
    match request.format {
        Format::Json => {
            response::row::to_json(
                site,
                request,
                &place,
                &data,
                &Writing::parse(&request.arguments)?,
            )
            .await
        }
        Format::Csv => {
            let base = table_address(request, database, table);
            let width = data.page.columns.len();
            let writing = csv::Writing {
                width,
                keys: &data.keys,
                labels: &no_labels,
                base,
                name: table,
            };
            csv::reply(request, &data.page, &writing)
        }
        Format::Blob => {
            let key: Vec<String> = data.key.iter().map(crate::plan::paging::text).collect();
            blob::reply(request, &data.page, &format!("{table}-{}", key.join("-")))
        }
        _ => {
            let limits = limits(request, &site.configuration.settings)?;
            let labels = labels::of_page(
                site,
                place.published,
                &place.info,
                &data.page,
                |_| true,
                &limits,
            )
            .await?;
            html::row(site, request, &place, &data, &labels).await
        }
    }
}

async fn run_query(site: &Site, request: &Request, published: &Published) -> Result<Reply> {
    let sql = request.arguments.first("sql").unwrap_or_default();
    if sql.trim().is_empty() {
        if request.format == Format::Html {
            return html::query(site, request, published, None, None, None).await;
        }
        return Err(Error::invalid("?sql= is required"));
    }
    run(site, request, published, sql, None).await
}

async fn run(
    site: &Site,
    request: &Request,
    published: &Published,
    sql: &str,
    configured: Option<(&str, &crate::QueryOptions)>,
) -> Result<Reply> {
    if request.format == Format::Json {
        extras::check(
            &crate::request::table::extras(&request.arguments),
            Scope::Query,
        )?;
    }
    let statement = query::statement(request, sql);
    let fetched = query::fetch(site, request, published, &statement).await;
    if request.format == Format::Html {
        return html::query(
            site,
            request,
            published,
            Some(&statement),
            Some(fetched),
            configured,
        )
        .await;
    }
    let data = fetched?;
    let no_labels = BTreeMap::new();
    match request.format {
        Format::Csv => {
            let width = data.page.columns.len();
            let path = request
                .path
                .rsplit_once('.')
                .map_or(request.path.as_str(), |(path, _)| path);
            let base = format!("{}{}", request.origin, request.link(path));
            let writing = csv::Writing {
                width,
                keys: &[],
                labels: &no_labels,
                base,
                name: "query",
            };
            csv::reply(request, &data.page, &writing)
        }
        Format::Blob => blob::reply(request, &data.page, ""),
        _ => {
            let writing = Writing::parse(&request.arguments)?;
            response::query::to_json(request, published, &statement, &data, &writing)
        }
    }
}

/// The statements that make a database's tables, or one of them.
async fn schema(
    site: &Site,
    request: &Request,
    database: &str,
    table: Option<&str>,
) -> Result<Reply> {
    let published = site.database(database)?;
    let names = if let Some(table) = table {
        vec![Place::find(site, database, table).await?.info.name.clone()]
    } else {
        let mut names = published.database.table_names().await?;
        names.extend(published.database.view_names().await?);
        names
    };
    let mut statements = Vec::new();
    for name in &names {
        statements.extend(published.database.table_definition(name).await?);
        statements.extend(published.database.indices_definition(name).await?);
    }
    let end = if table.is_some() || statements.is_empty() {
        ""
    } else {
        ";"
    };
    let text = statements.join(
        ";
",
    ) + end;
    Ok(match request.format {
        Format::Json => {
            let mut json = serde_json::json!({ "ok": true, "database": database, "schema": text });
            if let (Some(table), Some(members)) = (table, json.as_object_mut()) {
                members.insert("table".to_owned(), table.into());
            }
            Reply::json(&json)
        }
        Format::Markdown => {
            let title = table.unwrap_or(database);
            let body = format!("# Schema for {title}\n\n```sql\n{text}\n```\n");
            Reply::new(http::StatusCode::OK, response::TEXT, body)
        }
        _ => html::schema(site, request, published, table, &text),
    })
}

/// The address that a filter form's fields stand for.
fn form_redirect(request: &Request) -> Option<String> {
    let arguments = &request.arguments;
    let is_field = |name: &str| {
        name.starts_with("_filter_column")
            || name.starts_with("_filter_op")
            || name.starts_with("_filter_value")
    };
    let mut changed = false;
    let mut cleaned = arguments.clone();
    for (name, column) in arguments
        .iter()
        .filter(|(name, _)| name.starts_with("_filter_column"))
    {
        changed = true;
        let suffix = name.trim_start_matches("_filter_column");
        let operator = arguments
            .first(&format!("_filter_op{suffix}"))
            .unwrap_or("exact");
        let value = arguments
            .first(&format!("_filter_value{suffix}"))
            .unwrap_or_default();
        let (operator, fixed) = operator.split_once("__").unwrap_or((operator, value));
        if !column.is_empty() {
            cleaned = cleaned.with(&format!("{column}__{operator}"), fixed);
        }
    }
    let names: Vec<String> = cleaned
        .iter()
        .map(|(name, _)| name.to_owned())
        .filter(|name| is_field(name))
        .collect();
    for name in &names {
        changed = true;
        cleaned = cleaned.without(name);
    }
    if cleaned.is_on("_sort_by_desc")
        && let Some(sort) = cleaned.first("_sort").map(str::to_owned)
    {
        changed = true;
        cleaned = cleaned
            .without("_sort")
            .without("_sort_by_desc")
            .with("_sort_desc", &sort);
    }
    for name in ["_search", "_sort", "_sort_desc"] {
        cleaned = cleaned.without_pair(name, "");
    }
    changed.then(|| request.address(&cleaned))
}

impl TableOptions {
    /// The title to show, if one is configured.
    pub(crate) fn title(&self) -> Option<&str> {
        self.metadata
            .get("title")
            .and_then(serde_json::Value::as_str)
    }
}
