//! `/-/openapi.json`: the site described in OpenAPI 3.1, made from the table of routes that serves it and from the
//! names of the databases and tables that the visitor may see.

use serde_json::{Map, Value as Json, json};
use tablecast_connector::{Error, OPERATORS, Result};

use super::extras::{EXTRAS, Scope};
use crate::Site;
use crate::names::tilde_encode;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::routes::{Answer, Argument, Kind, ROUTES, Route};
use crate::request::target::Format;

/// What the answers' JSON holds.
const SCHEMAS: &str = include_str!("../../openapi/schemas.json");

/// Names of tables that the document lists; with more, any name may stand there.
const TABLES_MAX: usize = 1000;

/// A name in an address: letters, digits, `_`, `-`, and tilde encoding of all else.
const NAME: &str = "^([A-Za-z0-9_+-]|~[0-9A-F]{2})+$";

pub(crate) async fn document(site: &Site, request: &Request) -> Result<Json> {
    let (databases, tables) = names(site).await?;
    let mut paths = Map::new();
    for route in ROUTES {
        for format in route.formats {
            let path = format!("{}{}", route.path, format.suffix());
            let operation = operation(route, *format, &databases, &tables);
            paths.insert(path, json!({ "get": operation }));
        }
    }
    let schemas: Json = serde_json::from_str(SCHEMAS)
        .map_err(|cause| Error::internal("The schemas of answers are no JSON").caused_by(cause))?;
    let metadata = &site.configuration.metadata;
    let title = metadata
        .get("title")
        .and_then(Json::as_str)
        .unwrap_or("Tablecast");
    Ok(json!({
        "openapi": "3.1.0",
        "info": { "title": title, "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": format!("{}{}", request.origin, request.base.trim_end_matches('/')) }],
        "paths": paths,
        "components": { "schemas": schemas },
    }))
}

/// The encoded names of the databases and of all their tables, views and queries.
async fn names(site: &Site) -> Result<(Vec<String>, Vec<String>)> {
    let (mut databases, mut tables) = (Vec::new(), Vec::new());
    for published in site.viewed() {
        let name = &published.name;
        databases.push(tilde_encode(name));
        let mut found = published.database.table_names().await?;
        found.extend(published.database.view_names().await?);
        found.retain(|table| site.allows(Action::ViewTable, Subject::Table(name, table)));
        found.extend(
            site.queries(name)
                .into_iter()
                .map(|(query, _)| query.to_owned()),
        );
        tables.extend(found.iter().map(|table| tilde_encode(table)));
    }
    tables.sort();
    tables.dedup();
    Ok((databases, tables))
}

fn operation(route: &Route, format: Format, databases: &[String], tables: &[String]) -> Json {
    let mut parameters: Vec<Json> = Vec::new();
    for name in route
        .path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    {
        let schema = match name {
            "database" => one_of(databases),
            "table" if tables.len() <= TABLES_MAX => one_of(tables),
            "key" => json!({ "type": "string", "minLength": 1 }),
            _ => one_of(&[]),
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    let arguments = route.arguments.iter().copied().flatten();
    parameters.extend(arguments.map(|argument| parameter(argument, route.answer)));
    if matches!(route.answer, Answer::Rows | Answer::Profile) {
        parameters.push(filters());
    }
    if route.answer == Answer::Picture {
        parameters.push(dimensions());
    }
    json!({
        "operationId": operation_id(route.path, format),
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(route, format),
    })
}

fn operation_id(path: &str, format: Format) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric();
    let parts = path.split(|c| !is_part(c)).filter(|part| !part.is_empty());
    let suffix = format.suffix().trim_start_matches('.');
    let ending = if path == "/-/" { "site" } else { "" };
    let all: Vec<&str> = std::iter::once("get")
        .chain(parts)
        .chain([ending, suffix])
        .collect();
    all.join("_")
        .replace("__", "_")
        .trim_end_matches('_')
        .to_owned()
}

fn one_of(names: &[String]) -> Json {
    if names.is_empty() {
        return json!({ "type": "string", "pattern": NAME });
    }
    json!({ "type": "string", "enum": names })
}

fn parameter(argument: &Argument, answer: Answer) -> Json {
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let schema = match argument.kind {
        Kind::Text | Kind::Needed => json!({ "type": "string" }),
        Kind::Switch => json!({ "enum": ["on", "off", "true", "false", "1", "0"] }),
        Kind::Size => json!({ "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": "max" }] }),
        Kind::Number => json!({ "type": "integer", "minimum": 0 }),
        Kind::Choice(values) => json!({ "enum": values }),
        Kind::Texts => texts,
        Kind::Extras => json!({ "type": "array", "items": { "enum": extras(answer) } }),
    };
    let mut parameter = json!({
        "name": argument.name,
        "in": "query",
        "description": argument.about,
        "schema": schema,
    });
    let told = match argument.kind {
        Kind::Extras => Some(("explode", false)),
        Kind::Needed => Some(("required", true)),
        _ => None,
    };
    if let (Some((name, value)), Some(members)) = (told, parameter.as_object_mut()) {
        members.insert(name.to_owned(), value.into());
    }
    parameter
}

/// The extras of an answer. Addresses of tables are those of configured queries, too, which have fewer.
fn extras(answer: Answer) -> Vec<&'static str> {
    let scope = match answer {
        Answer::Row => Scope::Row,
        Answer::QueryRows => Scope::Query,
        _ => Scope::Table,
    };
    let known = EXTRAS
        .iter()
        .filter(|(_, scopes, _)| scopes.contains(&scope));
    known.map(|(name, ..)| *name).collect()
}

/// Any column with any operator.
fn filters() -> Json {
    let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
    json!({
        "name": "filters",
        "in": "query",
        "description": format!(
            "Filters as column=value or column__operator=value. Operators: {}.",
            names.join(", ")
        ),
        "style": "form",
        "explode": true,
        "schema": { "type": "object", "additionalProperties": { "type": "string" } },
    })
}

/// Any dimension with a step of it or a range.
fn dimensions() -> Json {
    json!({
        "name": "dimensions",
        "in": "query",
        "description": "Where the array is cut, by the names of its dimensions: dimension=step, or a range as dimension=from:to.",
        "style": "form",
        "explode": true,
        "schema": { "type": "object", "additionalProperties": { "type": "string" } },
    })
}

fn responses(route: &Route, format: Format) -> Json {
    let text = json!({ "schema": { "type": "string" } });
    let page = json!({ "text/html": text });
    let error = json!({ "application/json": { "schema": reference("Error") } });
    let (content, failure) = match format {
        Format::Json => {
            let mut content =
                json!({ "application/json": { "schema": reference(route.answer.schema()) } });
            if let (Answer::Rows | Answer::QueryRows | Answer::Row, Some(members)) =
                (route.answer, content.as_object_mut())
            {
                // Behind _shape=array&_nl=on.
                members.insert("text/plain".to_owned(), text);
            }
            (content, error)
        }
        Format::Csv => (
            json!({ "text/plain": text, "text/csv": text }),
            json!({ "text/plain": text }),
        ),
        Format::Svg => (json!({ "image/svg+xml": text }), page),
        Format::Markdown => (json!({ "text/plain": text }), json!({ "text/plain": text })),
        Format::Ndjson => (json!({ "application/x-ndjson": text }), error),
        Format::Parquet => (json!({ "application/vnd.apache.parquet": {} }), error),
        Format::Arrow => (json!({ "application/vnd.apache.arrow.stream": {} }), error),
        Format::Xlsx => {
            let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
            (json!({ kind: {} }), error)
        }
        Format::Blob => (json!({ "application/binary": {} }), page),
        _ if route.path.ends_with("/-/schema") => {
            (page, json!({ "text/plain": text, "text/html": text }))
        }
        _ => (page.clone(), page),
    };
    let mut responses = Map::from_iter([
        (
            "200".to_owned(),
            json!({ "description": route.summary, "content": content }),
        ),
        (
            "302".to_owned(),
            json!({ "description": "The address is written otherwise" }),
        ),
    ]);
    for (status, reason) in [
        ("400", "What was asked is wrong, or took too long"),
        ("403", "It may not be seen"),
        ("404", "There is no such thing"),
    ] {
        responses.insert(
            status.to_owned(),
            json!({ "description": reason, "content": failure }),
        );
    }
    responses.into()
}

fn reference(schema: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

impl Answer {
    /// The name of the schema of its JSON.
    fn schema(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Database => "Database",
            Self::Rows => "Rows",
            Self::Row => "Row",
            Self::QueryRows => "QueryRows",
            Self::Object | Self::Page => "Object",
            Self::Connectors => "Connectors",
            Self::Queries => "Queries",
            Self::Definition => "Definition",
            Self::Schemas => "Schemas",
            Self::Schema => "Schema",
            Self::Matches => "Matches",
            Self::Completions => "Completions",
            Self::Picture => "Picture",
            Self::Profile => "Profile",
            Self::Document => "Document",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_answer_has_a_schema() {
        let schemas: Map<String, Json> = serde_json::from_str(SCHEMAS).expect("JSON");
        for route in ROUTES {
            assert!(
                schemas.contains_key(route.answer.schema()),
                "{}",
                route.path
            );
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let mut names: Vec<String> = ROUTES
            .iter()
            .flat_map(|route| {
                route
                    .formats
                    .iter()
                    .map(|format| operation_id(route.path, *format))
            })
            .collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
