//! Reads configuration and metadata files, in Datasette's terms, into the server's typed configuration.
//!
//! Nothing is ignored in silence: an unknown key is an error that names file, line and what was probably meant, and keys
//! whose meaning is not there yet but would hide something (permissions) are refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};
use tablecast_connector::did_you_mean;
use tablecast_server::{
    Configuration, DatabaseOptions, ExtraUrl, QueryOptions, Rules, Settings, TableOptions, rules,
};

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
const TABLE: &[&str] = &[
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
struct Document {
    path: PathBuf,
    text: String,
    root: Map<String, Value>,
}

/// The configuration of the files given (either may be missing) and of the settings on the command line, pairs of name
/// and value, which come last.
pub(crate) fn load(
    config: Option<&Path>,
    metadata: Option<&Path>,
    settings: &[String],
) -> anyhow::Result<Configuration> {
    let mut configuration = Configuration::default();
    let mut given = Map::new();
    if let Some(path) = config {
        let document = Document::read(path)?;
        given.clone_from(&document.root);
        document.apply(&mut configuration)?;
    }
    if let Some(path) = metadata {
        let document = Document::read(path)?;
        take_options(&document.root, &mut given);
        document.apply(&mut configuration)?;
    }
    for pair in settings.chunks(2) {
        let [name, value] = pair else {
            bail!("--setting takes a name and a value")
        };
        let bare = name.strip_prefix("settings.").unwrap_or(name);
        set(&mut configuration.settings, bare, value)
            .with_context(|| format!("--setting {name} {value}"))?;
        let typed = configuration.settings.to_json().remove(bare);
        if let (Some(settings), Some(typed)) = (members(&mut given, "settings"), typed) {
            settings.insert(bare.to_owned(), typed);
        }
    }
    configuration.given = given.into();
    Ok(configuration)
}

/// Options that a file of metadata holds beside descriptions are configuration, and shown with it.
fn take_options(metadata: &Map<String, Value>, given: &mut Map<String, Value>) {
    let databases = metadata.get("databases").and_then(Value::as_object);
    for (name, database) in databases.into_iter().flatten() {
        let tables = database.get("tables").and_then(Value::as_object);
        for (table, options) in tables.into_iter().flatten() {
            for (key, value) in options.as_object().into_iter().flatten() {
                if !TABLE.contains(&key.as_str()) || key == "columns" {
                    continue;
                }
                let mut place = Some(&mut *given);
                for step in ["databases", name, "tables", table] {
                    place = place.and_then(|place| members(place, step));
                }
                if let Some(place) = place {
                    place.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

/// The object at a key, made if it is missing; `None` if something else is there.
fn members<'a>(
    object: &'a mut Map<String, Value>,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    let member = object.entry(key).or_insert_with(|| Map::new().into());
    member.as_object_mut()
}

fn set(settings: &mut Settings, name: &str, value: &str) -> anyhow::Result<()> {
    settings
        .set(name, value)
        .map_err(|error| match error.suggestion() {
            Some(hint) => anyhow!("{error}. {hint}"),
            None => anyhow!("{error}"),
        })
}

impl Document {
    fn read(path: &Path) -> anyhow::Result<Self> {
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
            }),
            Value::Null => Ok(Self {
                path: path.to_owned(),
                text,
                root: Map::new(),
            }),
            _ => bail!("{shown} does not hold keys and values"),
        }
    }

    fn apply(&self, configuration: &mut Configuration) -> anyhow::Result<()> {
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
                    database.metadata.insert(key.clone(), value.clone());
                }
                _ => return Err(self.unknown(&["databases", name, key], &[DATABASE, METADATA])),
            }
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
                    table.metadata.insert(key.clone(), value.clone());
                }
                _ if TABLE.contains(&key.as_str()) => {
                    options.insert(key.clone(), value.clone());
                }
                _ => {
                    let whole: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                    return Err(self.unknown(&whole, &[TABLE, METADATA]));
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
                let whole: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
                return Err(self.unknown(&whole, &[QUERY]));
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
            let whole: Vec<&str> = path.iter().copied().chain([key.as_str()]).collect();
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

    /// `file:line: a.b.c`, by looking for the keys of the path one behind the other.
    fn place(&self, path: &[&str]) -> String {
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
        format!("{}{at}: {}", self.path.display(), path.join("."))
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn error_of(extension: &str, text: &str) -> String {
        let mut file = tempfile::Builder::new()
            .suffix(extension)
            .tempfile()
            .expect("a file");
        file.write_all(text.as_bytes()).expect("written");
        let error = load(Some(file.path()), None, &[]).expect_err("a refusal");
        format!("{error:#}").replace(&file.path().display().to_string(), "FILE")
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
        let text = "title: x\ndatabases:\n  d:\n    tables:\n      t:\n        sort: a\n        label_colum: b\n";
        assert_eq!(
            error_of(".yaml", text),
            "FILE:7: databases.d.tables.t.label_colum: there is no key \"label_colum\"; did you mean \"label_column\"?"
        );
        let json = "{\n \"setings\": {}\n}";
        assert_eq!(
            error_of(".json", json),
            "FILE:2: setings: there is no key \"setings\"; did you mean \"settings\"?"
        );
    }

    #[test]
    fn wrong_types_and_settings_are_named() {
        assert!(
            error_of(".yaml", "databases: [1]").contains("databases: keys and values belong here")
        );
        assert!(
            error_of(".yaml", "settings:\n  default_page_size: many\n")
                .contains("FILE:2: settings.default_page_size")
        );
        assert!(
            error_of(
                ".yaml",
                "databases:\n  d:\n    tables:\n      t: {hidden: 3}\n"
            )
            .contains("FILE:4")
        );
        assert!(error_of(".json", "{").contains("FILE is not valid JSON"));
    }

    #[test]
    fn a_wrong_rule_is_named_with_its_line() {
        for (text, problem) in [
            (
                "title: x\nallow: sometimes\n",
                "FILE:2: allow: an allow block is true, false or properties",
            ),
            (
                "permissions: [view-table]\n",
                "FILE:1: permissions: actions with allow blocks belong here",
            ),
            (
                "permissions:\n  view-tabel: true\n",
                "there is no action \"view-tabel\"; did you mean \"view-table\"?",
            ),
            (
                "databases:\n  d:\n    tables:\n      t:\n        allow: {id: {a: 1}}\n",
                "FILE:5: databases.d.tables.t.allow: the property id takes",
            ),
            (
                "databases:\n  d:\n    queries:\n      q:\n        sql: select 1\n        allow: 7\n",
                "FILE:6: databases.d.queries.q.allow",
            ),
        ] {
            let error = error_of(".yaml", text);
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn settings_of_the_command_line_come_last() {
        let settings = ["default_page_size".to_owned(), "7".to_owned()];
        let configuration = load(None, None, &settings).expect("valid");
        assert_eq!(configuration.settings.number("default_page_size"), 7);
        assert!(load(None, None, &["nope".to_owned(), "1".to_owned()]).is_err());
    }
}
