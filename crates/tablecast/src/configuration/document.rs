//! One file of configuration or metadata: each key checked, and put where the server looks for it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};
use tablecast_connector::did_you_mean;
use tablecast_server::{
    Configuration, DatabaseOptions, ExtraUrl, QueryOptions, Rules, Settings, TableOptions, rules,
};

use super::{members, set};

/// Keys that are said of anything and shown.
const METADATA: &[&str] = &[
    "title",
    "description",
    "description_html",
    "license",
    "license_url",
    "source",
    "source_url",
    "about",
    "about_url",
];
const TOP: &[&str] = &[
    "allow",
    "allow_sql",
    "permissions",
    "settings",
    "plugins",
    "databases",
    "extra_css_urls",
    "extra_js_urls",
];
const DATABASE: &[&str] = &[
    "allow",
    "allow_sql",
    "permissions",
    "plugins",
    "queries",
    "tables",
    "extra_css_urls",
    "extra_js_urls",
];
pub(super) const TABLE: &[&str] = &[
    "allow",
    "permissions",
    "plugins",
    "sort",
    "sort_desc",
    "size",
    "sortable_columns",
    "label_column",
    "hidden",
    "facets",
    "facet_size",
    "fts_table",
    "fts_pk",
    "searchmode",
    "column_types",
    "columns",
    "units",
    "primary_key",
    "foreign_keys",
    "extra_css_urls",
    "extra_js_urls",
];
const QUERY: &[&str] = &[
    "allow",
    "permissions",
    "sql",
    "title",
    "description",
    "description_html",
    "params",
    "hide_sql",
    "fragment",
    "write",
    "is_trusted",
    "on_success_message",
    "on_success_message_sql",
    "on_success_redirect",
    "on_error_message",
    "on_error_redirect",
];

/// A file of configuration, read.
#[derive(Default)]
pub(super) struct Document {
    path: PathBuf,
    text: String,
    pub(super) root: Map<String, Value>,
    /// Keys that the command line added, with dots.
    added: Vec<String>,
}

impl Document {
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let text = fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
        // JSON is YAML, too, but its own parser tells better what is wrong with it.
        let root: Value = if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            serde_json::from_str(&text).with_context(|| format!("{shown} is not valid JSON"))?
        } else {
            serde_yaml_ng::from_str(&text).with_context(|| format!("{shown} is not valid YAML"))?
        };
        match root {
            Value::Object(root) => Ok(Self {
                path: path.to_owned(),
                text,
                root: with_secrets(root)?,
                added: Vec::new(),
            }),
            Value::Null => Ok(Self {
                path: path.to_owned(),
                text,
                ..Self::default()
            }),
            _ => bail!("{shown} does not hold keys and values"),
        }
    }

    /// Adds what the command line says of a key with dots. The value is JSON, or else a text.
    pub(super) fn add(&mut self, pair: &[String]) -> anyhow::Result<()> {
        let [name, value] = pair else {
            bail!("--setting takes a name and a value")
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
        let (path, last) = name.rsplit_once('.').unwrap_or(("", name));
        let mut place = &mut self.root;
        for step in path.split('.') {
            place = members(place, step).ok_or_else(|| {
                anyhow!("--setting {name}: {step} has a value and no keys in the configuration")
            })?;
        }
        place.insert(last.to_owned(), secret(value)?);
        self.added.push(name.clone());
        Ok(())
    }

    pub(super) fn apply(&self, configuration: &mut Configuration) -> anyhow::Result<()> {
        self.rules(&[], &self.root, &mut configuration.rules)?;
        for (key, value) in &self.root {
            match key.as_str() {
                "settings" => self.settings(value, &mut configuration.settings)?,
                "databases" => {
                    for (name, options) in self.object(&["databases"], value)? {
                        let database = configuration.databases.entry(name.clone()).or_default();
                        self.database(name, options, database)?;
                    }
                }
                "extra_css_urls" => configuration.extra.css = self.extra_urls(&[key], value)?,
                "extra_js_urls" => configuration.extra.js = self.extra_urls(&[key], value)?,
                "allow" | "allow_sql" | "permissions" | "plugins" => {}
                _ if METADATA.contains(&key.as_str()) => {
                    self.said(&[key], value)?;
                    configuration.metadata.insert(key.clone(), value.clone());
                }
                _ => return Err(self.unknown(&[key], &[TOP, METADATA])),
            }
        }
        Ok(())
    }

    fn settings(&self, value: &Value, settings: &mut Settings) -> anyhow::Result<()> {
        for (name, value) in self.object(&["settings"], value)? {
            let typed = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            set(settings, name, &typed).with_context(|| self.place(&["settings", name]))?;
        }
        Ok(())
    }

    fn database(
        &self,
        name: &str,
        value: &Value,
        database: &mut DatabaseOptions,
    ) -> anyhow::Result<()> {
        let path = ["databases", name];
        let object = self.object(&path, value)?;
        self.rules(&path, object, &mut database.rules)?;
        for (key, value) in object {
            match key.as_str() {
                "tables" => {
                    for (table, options) in self.object(&["databases", name, "tables"], value)? {
                        let entry = database.tables.entry(table.clone()).or_default();
                        self.table(&["databases", name, "tables", table], options, entry)?;
                    }
                }
                "queries" => {
                    for (query, options) in self.object(&["databases", name, "queries"], value)? {
                        let options =
                            self.query(&["databases", name, "queries", query], options)?;
                        database.queries.insert(query.clone(), options);
                    }
                }
                "extra_css_urls" => {
                    database.extra.css = self.extra_urls(&["databases", name, key], value)?;
                }
                "extra_js_urls" => {
                    database.extra.js = self.extra_urls(&["databases", name, key], value)?;
                }
                "allow" | "allow_sql" | "permissions" | "plugins" => {}
                _ if METADATA.contains(&key.as_str()) => {
                    self.said(&["databases", name, key], value)?;
                    database.metadata.insert(key.clone(), value.clone());
                }
                _ => return Err(self.unknown(&["databases", name, key], &[DATABASE, METADATA])),
            }
        }
        Ok(())
    }

    /// What is said of something is a text, or a number that is shown as one.
    fn said(&self, path: &[&str], value: &Value) -> anyhow::Result<()> {
        if value.is_object() || value.is_array() {
            bail!("{}: a text belongs here, not {value}", self.place(path));
        }
        Ok(())
    }

    fn extra_urls(&self, path: &[&str], value: &Value) -> anyhow::Result<Vec<ExtraUrl>> {
        serde_json::from_value(value.clone()).with_context(|| self.place(path))
    }

    /// Metadata and options come in one object, and may come from two files: the later one wins key by key.
    fn table(&self, path: &[&str], value: &Value, table: &mut TableOptions) -> anyhow::Result<()> {
        let mut options = Map::new();
        let object = self.object(path, value)?;
        self.rules(path, object, &mut table.rules)?;
        for (key, value) in object {
            match key.as_str() {
                "allow" | "permissions" | "plugins" => {}
                "columns" | "units" => {
                    table.metadata.insert(key.clone(), value.clone());
                }
                _ if METADATA.contains(&key.as_str()) => {
                    self.said(&below(path, key), value)?;
                    table.metadata.insert(key.clone(), value.clone());
                }
                "size" | "facet_size" if !is_size(value) => {
                    let whole = below(path, key);
                    let place = self.place(&whole);
                    bail!("{place}: a whole number or \"max\" belongs here, not {value}");
                }
                _ if TABLE.contains(&key.as_str()) => {
                    options.insert(key.clone(), value.clone());
                }
                _ => {
                    return Err(self.unknown(&below(path, key), &[TABLE, METADATA]));
                }
            }
        }
        let given: TableOptions =
            serde_json::from_value(options.clone().into()).with_context(|| self.place(path))?;
        merge(table, given, &options);
        Ok(())
    }

    fn query(&self, path: &[&str], value: &Value) -> anyhow::Result<QueryOptions> {
        if let Some(sql) = value.as_str() {
            return Ok(QueryOptions {
                sql: sql.to_owned(),
                ..QueryOptions::default()
            });
        }
        let object = self.object(path, value)?;
        for key in object.keys() {
            if !QUERY.contains(&key.as_str()) {
                return Err(self.unknown(&below(path, key), &[QUERY]));
            }
        }
        let mut own = object.clone();
        own.retain(|key, _| !["allow", "permissions"].contains(&key.as_str()));
        let mut query: QueryOptions =
            serde_json::from_value(own.into()).with_context(|| self.place(path))?;
        self.rules(path, object, &mut query.rules)?;
        if query.sql.is_empty() {
            bail!("{}: a query needs sql", self.place(path));
        }
        Ok(query)
    }

    /// Adds the rules given at one place. They may come from two files: each key of the later one wins.
    fn rules(
        &self,
        path: &[&str],
        keys: &Map<String, Value>,
        all: &mut Rules,
    ) -> anyhow::Result<()> {
        let given = rules(keys).map_err(|(key, reason)| {
            let whole = below(path, &key);
            anyhow!("{}: {reason}", self.place(&whole))
        })?;
        all.allow = given.allow.or(all.allow.take());
        all.allow_sql = given.allow_sql.or(all.allow_sql.take());
        all.permissions.extend(given.permissions);
        Ok(())
    }

    fn object<'a>(
        &self,
        path: &[&str],
        value: &'a Value,
    ) -> anyhow::Result<&'a Map<String, Value>> {
        value.as_object().ok_or_else(|| {
            anyhow!(
                "{}: keys and values belong here, not {value}",
                self.place(path)
            )
        })
    }

    fn unknown(&self, path: &[&str], known: &[&[&'static str]]) -> anyhow::Error {
        let key = path.last().copied().unwrap_or_default();
        let place = self.place(path);
        match did_you_mean(key, known.iter().flat_map(|keys| keys.iter().copied())) {
            Some(meant) => anyhow!("{place}: there is no key {key:?}; did you mean {meant:?}?"),
            None => anyhow!("{place}: there is no key {key:?} here"),
        }
    }

    /// `file:line: a.b.c`, by looking for the keys of the path one behind the other; or `--setting a.b.c`.
    fn place(&self, path: &[&str]) -> String {
        let dotted = path.join(".");
        let is_it = |added: &&String| {
            let rest = added.strip_prefix(&dotted);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if let Some(added) = self.added.iter().rfind(is_it) {
            return format!("--setting {added}");
        }
        let mut lines = self.text.lines().enumerate();
        let mut line = 0;
        for key in path {
            let found = lines.by_ref().find(|(_, text)| {
                let text = text
                    .trim_start()
                    .trim_start_matches(['"', '\'', '{', '-', ' ']);
                text.strip_prefix(key).is_some_and(|rest| {
                    rest.trim_start_matches(['"', '\''])
                        .trim_start()
                        .starts_with(':')
                })
            });
            line = found.map_or(line, |(number, _)| number + 1);
        }
        let at = if line > 0 {
            format!(":{line}")
        } else {
            String::new()
        };
        format!("{}{at}: {dotted}", self.path.display())
    }
}

/// A key behind the path to its object.
fn below<'a>(path: &[&'a str], key: &'a str) -> Vec<&'a str> {
    path.iter().copied().chain([key]).collect()
}

/// Whether a value says how many: a whole number, also as text, or `max`.
fn is_size(value: &Value) -> bool {
    match value.as_str() {
        Some(text) => text == "max" || text.parse::<u64>().is_ok(),
        None => value.is_u64(),
    }
}

fn merge(table: &mut TableOptions, given: TableOptions, keys: &Map<String, Value>) {
    let TableOptions {
        metadata: _,
        rules: _,
        sort,
        sort_desc,
        size,
        sortable_columns,
        label_column,
        hidden,
        facets,
        facet_size,
        fts_table,
        fts_pk,
        searchmode,
        column_types,
        primary_key,
        foreign_keys,
        extra_css_urls,
        extra_js_urls,
    } = given;
    table.sort = sort.or(table.sort.take());
    table.sort_desc = sort_desc.or(table.sort_desc.take());
    table.size = size.or(table.size.take());
    table.sortable_columns = sortable_columns.or(table.sortable_columns.take());
    table.label_column = label_column.or(table.label_column.take());
    table.facet_size = facet_size.or(table.facet_size.take());
    table.fts_table = fts_table.or(table.fts_table.take());
    table.fts_pk = fts_pk.or(table.fts_pk.take());
    table.searchmode = searchmode.or(table.searchmode.take());
    if keys.contains_key("hidden") {
        table.hidden = hidden;
    }
    if keys.contains_key("facets") {
        table.facets = facets;
    }
    table.column_types.extend(column_types);
    table.primary_key = primary_key.or(table.primary_key.take());
    table.foreign_keys.extend(foreign_keys);
    table.extra_css_urls = extra_css_urls.or(table.extra_css_urls.take());
    table.extra_js_urls = extra_js_urls.or(table.extra_js_urls.take());
}

/// `{"$env": NAME}` and `{"$file": PATH}` replaced by what they name.
fn with_secrets(root: Map<String, Value>) -> anyhow::Result<Map<String, Value>> {
    root.into_iter()
        .map(|(key, value)| Ok((key, secret(value)?)))
        .collect()
}

fn secret(value: Value) -> anyhow::Result<Value> {
    let Value::Object(object) = value else {
        return Ok(value);
    };
    let named: BTreeMap<&str, &Value> = object
        .iter()
        .map(|(key, value)| (key.as_str(), value))
        .collect();
    if named.len() == 1 {
        if let Some(Value::String(name)) = named.get("$env") {
            return Ok(std::env::var(name)
                .with_context(|| format!("the environment variable {name}"))?
                .into());
        }
        if let Some(Value::String(path)) = named.get("$file") {
            return Ok(fs::read_to_string(path)
                .with_context(|| format!("the file {path}"))?
                .trim_end()
                .into());
        }
    }
    Ok(Value::Object(with_secrets(object)?))
}
