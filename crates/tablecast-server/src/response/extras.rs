//! Extras: what an answer holds beside its rows, if asked for by name.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Column, Error, Metadata, Result, TableInfo, Value, did_you_mean};
use tablecast_sql::{rows, syntax_of};

use super::html::typed;
use crate::Published;
use crate::fetch::facets::value_json;
use crate::fetch::page::Page;
use crate::plan::table::TablePlan;
use crate::request::Request;

/// Which pages an extra belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    Table,
    Row,
    Query,
}

/// Every extra with its pages and what it holds.
pub(crate) const EXTRAS: &[(&str, &[Scope], &str)] = {
    use Scope::{Query, Row, Table};
    &[
        (
            "count",
            &[Table],
            "Total count of rows matching these filters",
        ),
        (
            "count_truncated",
            &[Table],
            "True if the count hit Datasette's counting limit, meaning the real number of matching rows is at least the reported count.",
        ),
        (
            "count_sql",
            &[Table],
            "SQL query used to calculate the total count",
        ),
        (
            "facet_results",
            &[Table],
            "Results of facets calculated against this data",
        ),
        (
            "facets_timed_out",
            &[Table],
            "Facets that exceeded their time limit",
        ),
        (
            "suggested_facets",
            &[Table],
            "Suggestions for facets that might return interesting results",
        ),
        (
            "human_description_en",
            &[Table],
            "Human-readable description of the filters",
        ),
        (
            "columns",
            &[Table, Row, Query],
            "Column names returned by this query",
        ),
        (
            "all_columns",
            &[Table],
            "All columns of the table, shown or not",
        ),
        ("primary_keys", &[Table, Row], "Primary keys for this table"),
        (
            "column_details",
            &[Table, Row],
            "Types and constraints of the columns",
        ),
        (
            "display_columns",
            &[Table],
            "What pages need to draw the columns",
        ),
        (
            "render_cell",
            &[Table, Row, Query],
            "Cells as HTML, where the type of their column has a form of its own",
        ),
        ("debug", &[Table, Row, Query], "Extra debug information"),
        (
            "request",
            &[Table, Row, Query],
            "Full information about the request",
        ),
        (
            "query",
            &[Table, Row, Query],
            "Details of the underlying SQL query",
        ),
        (
            "column_types",
            &[Table, Row],
            "Column types assigned to columns",
        ),
        (
            "set_column_type_ui",
            &[Table],
            "What a form that sets types of columns needs",
        ),
        (
            "metadata",
            &[Table, Row, Query],
            "Metadata about the table, database or stored query",
        ),
        ("extras", &[Table, Row, Query], "Available ?_extra= blocks"),
        ("database", &[Table, Row, Query], "Database name"),
        ("table", &[Table, Row], "Table name"),
        (
            "database_color",
            &[Table, Row, Query],
            "Color assigned to the database",
        ),
        (
            "renderers",
            &[Table],
            "Alternative output renderers available for this table",
        ),
        (
            "custom_table_templates",
            &[Table],
            "Names of templates that may draw the rows, the first that exists wins",
        ),
        (
            "sorted_facet_results",
            &[Table],
            "Facet results sorted for display",
        ),
        (
            "table_definition",
            &[Table],
            "SQL definition for this table",
        ),
        ("view_definition", &[Table], "SQL definition for this view"),
        (
            "is_view",
            &[Table],
            "Whether this resource is a view instead of a table",
        ),
        (
            "private",
            &[Table, Row, Query],
            "Whether this resource is private to the current actor",
        ),
        (
            "expandable_columns",
            &[Table],
            "List of foreign key columns that can be expanded with labels",
        ),
        (
            "form_hidden_args",
            &[Table],
            "Arguments that the filter form keeps",
        ),
        (
            "foreign_key_tables",
            &[Row],
            "Tables that link to this row using foreign keys",
        ),
    ]
};

/// Refuses names that are no extras of these pages.
pub(crate) fn check(names: &BTreeSet<String>, scope: Scope) -> Result<()> {
    let known = || {
        EXTRAS
            .iter()
            .filter(|(_, scopes, _)| scopes.contains(&scope))
            .map(|(name, ..)| *name)
    };
    let unknown: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !known().any(|k| k == *name))
        .collect();
    let Some(first) = unknown.first() else {
        return Ok(());
    };
    let error = Error::invalid(format!("Unknown _extra: {}", unknown.join(", ")));
    Err(match did_you_mean(first, known()) {
        Some(name) => error.hint(format!("Did you mean {name}?")),
        None => error,
    })
}

/// `extras`: every extra of these pages, with a link that switches it.
pub(crate) fn list(request: &Request, chosen: &BTreeSet<String>, scope: Scope) -> Json {
    let extras = EXTRAS
        .iter()
        .filter(|(_, scopes, _)| scopes.contains(&scope));
    let items = extras.map(|(name, _, description)| {
        let selected = chosen.contains(*name);
        let toggled = if selected {
            request.arguments.without_pair("_extra", name)
        } else {
            request.arguments.with("_extra", name)
        };
        json!({
            "name": name,
            "description": description,
            "toggle_url": request.absolute(&toggled),
            "selected": selected,
        })
    });
    items.collect()
}

/// The extras that every page has.
pub(crate) fn common(name: &str, request: &Request, published: &Published) -> Option<Json> {
    Some(match name {
        "database" => published.name.clone().into(),
        "database_color" => color(&published.name).into(),
        "private" => false.into(),
        "request" => about_request(request),
        "debug" => json!({ "url_vars": url_vars(request) }),
        _ => return None,
    })
}

fn about_request(request: &Request) -> Json {
    let query = request.query.clone();
    let path = request.link(&request.path);
    let mark = if query.is_empty() { "" } else { "?" };
    let mut args = Map::new();
    for (name, value) in request.arguments.iter() {
        if let Some(values) = args.entry(name).or_insert_with(|| json!([])).as_array_mut() {
            values.push(value.into());
        }
    }
    json!({
        "url": format!("{}{path}{mark}{query}", request.origin),
        "path": path,
        "full_path": format!("{path}{mark}{query}"),
        "host": request.origin.split("://").nth(1).unwrap_or_default(),
        "args": args,
    })
}

fn url_vars(request: &Request) -> Json {
    use crate::request::target::Target;
    let format = request.path.rsplit_once('.').map(|(_, format)| format);
    match &request.target {
        Target::Table { database, table } => {
            json!({ "database": database, "table": table, "format": format })
        }
        Target::Row {
            database,
            table,
            key,
        } => {
            json!({ "database": database, "table": table, "pks": key, "format": format })
        }
        Target::Query(database) => json!({ "database": database, "format": format }),
        _ => json!({}),
    }
}

/// The colour of a database: six hexadecimal digits of a hash of its name.
pub(crate) fn color(name: &str) -> String {
    use md5::{Digest, Md5};
    let digest = Md5::digest(name.as_bytes());
    crate::names::hexadecimal(digest.get(..3).unwrap_or_default())
}

/// `column_details`.
pub(crate) fn column_details(table: &TableInfo) -> Json {
    let details = table
        .columns
        .iter()
        .map(|column| (column.name.clone(), details(column)));
    Json::Object(details.collect())
}

fn details(column: &Column) -> Json {
    json!({
        "type": column.declared_type,
        "sqlite_type": column.affinity.name(),
        "notnull": column.not_null,
        "default": column.default,
        "is_pk": column.key_position > 0,
        "pk_position": column.key_position,
        "hidden": column.hidden,
    })
}

/// `metadata`: what is configured, and what the container itself tells.
pub(crate) fn metadata(plan: &TablePlan) -> Json {
    let mut metadata = plan.options.metadata.clone();
    own_metadata(&plan.info.metadata, &mut metadata);
    let mut columns = metadata
        .remove("columns")
        .and_then(|c| c.as_object().cloned())
        .unwrap_or_default();
    let mut units = Map::new();
    for column in &plan.info.columns {
        if let Some(description) = column
            .metadata
            .description
            .as_ref()
            .or(column.metadata.title.as_ref())
            && !columns.contains_key(&column.name)
        {
            columns.insert(column.name.clone(), description.clone().into());
        }
        if let Some(unit) = &column.metadata.unit {
            units.insert(column.name.clone(), unit.clone().into());
        }
    }
    metadata.insert("columns".to_owned(), columns.into());
    if !units.is_empty() {
        metadata.insert("units".to_owned(), units.into());
    }
    metadata.into()
}

pub(super) fn own_metadata(own: &Metadata, metadata: &mut Map<String, Json>) {
    for (name, text) in [
        ("title", &own.title),
        ("description", &own.description),
        ("unit", &own.unit),
    ] {
        if let Some(text) = text
            && !metadata.contains_key(name)
        {
            metadata.insert(name.to_owned(), text.clone().into());
        }
    }
    if !own.attributes.is_empty() {
        let read =
            |json: &String| serde_json::from_str(json).unwrap_or_else(|_| json.clone().into());
        let attributes: Map<String, Json> = own
            .attributes
            .iter()
            .map(|(name, json)| (name.clone(), read(json)))
            .collect();
        metadata.insert("attributes".to_owned(), attributes.into());
    }
}

/// `query`: the SQL that gives the page's rows.
pub(crate) fn query(plan: &TablePlan, published: &Published) -> Result<Json> {
    let mut query = plan.query.clone();
    query.columns.clone_from(&plan.columns);
    let statement = rows(
        syntax_of(&published.database.dialect())?,
        &query,
        &plan.info,
    )?;
    Ok(json!({ "sql": statement.sql, "params": parameters(&statement.parameters) }))
}

/// `render_cell`: for each row, the cells that the configured type of their column shows in a form of its own.
pub(crate) fn render_cell(
    page: &Page,
    width: usize,
    types: &BTreeMap<String, Json>,
) -> Result<Json> {
    let columns: Vec<(usize, &String, &Json)> = page
        .columns
        .iter()
        .take(width)
        .enumerate()
        .filter_map(|(place, name)| Some((place, name, types.get(name)?)))
        .collect();
    let mut rows = Vec::with_capacity(page.rows);
    page.each_row(|row| {
        let cells = columns.iter().filter_map(|(place, name, kind)| {
            Some(((*name).clone(), typed(kind, &row.cell(*place))?.into()))
        });
        rows.push(Json::Object(cells.collect()));
    })?;
    Ok(rows.into())
}

/// Named parameters as JSON.
pub(crate) fn parameters(named: &[(String, Value)]) -> Json {
    Json::Object(
        named
            .iter()
            .map(|(name, value)| (name.clone(), value_json(value)))
            .collect(),
    )
}
