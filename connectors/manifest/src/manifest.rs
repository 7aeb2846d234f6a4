//! A manifest as it is written: version, tables, and of each table where its rows come from and what is in them. It is read
//! whole and strictly before anything is asked or started.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_yaml_ng::Value as Yaml;
use tablecast_connector::{Error, Identity, Result, TableInfo};

use crate::column::{Column, hides_row_number};
use crate::keys::{Form, Keys};
use crate::origin::{self, Api, IsApi, Origin};
use crate::rows::Format;

/// The version of manifests that is read here.
const VERSION: u64 = 1;
/// A manifest may not have more tables.
const TABLES_MAX: usize = 1000;
/// How long rows are kept if the manifest says nothing else.
const CACHE_SECONDS: u64 = 60;
/// How long reading a table may take if the manifest says nothing else.
const SECONDS: u64 = 30;
/// The manifest may not allow more.
const SECONDS_MAX: u64 = 600;

/// A table of a manifest.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) origin: Origin,
    pub(crate) format: Format,
    /// `None`: they are found from the first rows.
    pub(crate) columns: Option<Vec<Column>>,
    /// Empty: rows are told apart by their place.
    pub(crate) key: Vec<String>,
    /// How long rows are kept.
    pub(crate) cache: Duration,
    /// How long reading all rows may take.
    pub(crate) within: Duration,
}

/// The tables of the manifest `text`, in its order. Errors name `file`, the key and what is wrong with its value;
/// `folder` is where the manifest lies.
pub(crate) fn read(file: &str, folder: &Path, text: &str) -> Result<Vec<Arc<Table>>> {
    let whole: Yaml = serde_yaml_ng::from_str(text)
        .map_err(|cause| Error::unreadable(format!("{file}: it is not YAML: {cause}")))?;
    let mut keys = Keys::of(file, String::new(), &whole)?;
    let version = keys.take("tablecast");
    if keys.needed("tablecast", version)?.as_u64() != Some(VERSION) {
        let problem = format!("is the version of the manifest, which is to be {VERSION}");
        return Err(keys.wrong("tablecast", &problem));
    }
    let entries = keys.entries("tables")?;
    let entries = keys.needed("tables", entries)?;
    if entries.is_empty() || entries.len() > TABLES_MAX {
        let problem = format!("is to have from 1 to {TABLES_MAX} tables");
        return Err(keys.wrong("tables", &problem));
    }
    let mut tables = Vec::with_capacity(entries.len());
    for (name, value) in entries {
        if name.is_empty() {
            return Err(keys.wrong("tables", "has a table without a name"));
        }
        let below = keys.below(&format!("tables.{name}"), value)?;
        tables.push(Arc::new(Table::read(name, folder, below)?));
    }
    keys.finish()?;
    Ok(tables)
}

impl Table {
    fn read(name: &str, folder: &Path, mut keys: Keys<'_>) -> Result<Self> {
        let url = keys.text("url")?;
        let program = origin::command(&mut keys, folder)?;
        let is_api = if url.is_some() { IsApi::Yes } else { IsApi::No };
        let problem = match (url.is_some(), program.is_some()) {
            (true, true) => Some("has both `url` and `command`; rows come from one of them"),
            (false, false) => Some("has neither `url` nor `command`: where do its rows come from?"),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(keys.wrong_here(problem));
        }
        let format = origin::format(&mut keys, is_api)?;
        let columns = Column::read_all(&mut keys)?;
        let key = key(&mut keys, columns.as_deref())?;
        let cache = keys.number("cache", 0..=86_400)?.unwrap_or(CACHE_SECONDS);
        let within = keys.number("seconds", 1..=SECONDS_MAX)?.unwrap_or(SECONDS);
        let origin = match (url, program) {
            (Some(url), _) => {
                let api = Api::read(&mut keys, url, &format)?;
                api.check_filters(&keys, columns.as_deref(), &key)?;
                Origin::Api(Box::new(api))
            }
            (None, Some(program)) => Origin::Command(program),
            (None, None) => return Err(keys.wrong_here("has neither `url` nor `command`")),
        };
        keys.finish()?;
        Ok(Self {
            name: name.to_owned(),
            origin,
            format,
            columns,
            key,
            cache: Duration::from_secs(cache),
            within: Duration::from_secs(within),
        })
    }

    /// The table as the seam describes it, with these columns.
    pub(crate) fn info(&self, columns: &[Column]) -> TableInfo {
        let column = |column: &Column| {
            let place = self.key.iter().position(|key| *key == column.name);
            let position = place.map_or(0, |place| place as u32 + 1);
            tablecast_connector::Column {
                key_position: position,
                not_null: position > 0,
                ..tablecast_connector::Column::new(&column.name, column.kind.data_type())
            }
        };
        let identity = if self.key.is_empty() {
            Identity::RowNumber { seekable: false }
        } else {
            Identity::Key(self.key.clone())
        };
        let columns = columns.iter().map(column).collect();
        TableInfo::new(self.name.clone(), columns, identity)
    }
}

fn key(keys: &mut Keys<'_>, columns: Option<&[Column]>) -> Result<Vec<String>> {
    let key = keys.texts("key", Form::ListOrText)?.unwrap_or_default();
    let mut seen = BTreeSet::new();
    if let Some(twice) = key.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(keys.wrong("key", &format!("names {twice:?} twice")));
    }
    let is_column = |name: &&String| {
        columns.is_none_or(|columns| columns.iter().any(|column| column.name == **name))
    };
    if let Some(unknown) = key.iter().find(|name| !is_column(name)) {
        let problem = format!("names {unknown:?}, which is not among the columns");
        return Err(keys.wrong("key", &problem));
    }
    if key.is_empty() && columns.is_some_and(hides_row_number) {
        let problem =
            "has a column that is named as the row number is; say which columns are the `key`";
        return Err(keys.wrong("columns", problem));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a manifest of one table with these keys, without the file's name; empty if nothing is.
    fn problem_of_table(keys: &str) -> String {
        problem(&format!("{{tablecast: 1, tables: {{t: {{{keys}}}}}}}"))
    }

    fn problem(text: &str) -> String {
        let Err(error) = read("m.yaml", Path::new("/data"), text) else {
            return String::new();
        };
        let hint = error.suggestion().map(|hint| format!(" ({hint})"));
        let told = format!("{}{}", error.message(), hint.unwrap_or_default());
        told.strip_prefix("m.yaml: ").unwrap_or(&told).to_owned()
    }

    #[test]
    fn what_is_right_is_read() {
        for keys in [
            "url: 'https://a.example/b'",
            "url: 'http://127.0.0.1:1/', rows: /data, key: [a, b], cache: 0, seconds: 600",
            "url: 'http://a.example', format: csv, paging: {offset: start, pages_max: 7}",
            "url: 'http://a.example', paging: {page: p, first: 0}, headers: {X-Key: 'a ${PATH}'}",
            "url: 'http://a.example', rows: '', paging: {next: /n, last_page: without_next}",
            "url: 'http://a.example', columns: {a: integer, b: {type: json, at: /x/0}}, key: a, \
             filters: [{column: a, operator: gte, parameter: min, answer: exact}, {column: a, parameter: a}]",
            "command: [cat, '{folder}/x.csv'], format: csv, environment: [PATH]",
        ] {
            assert_eq!(problem_of_table(keys), "", "{keys}");
        }
    }

    #[test]
    fn what_is_wrong_about_the_whole_is_said() {
        for (text, wanted) in [
            ("a: [", "it is not YAML: "),
            ("", "it is empty, not keys with values"),
            ("[1]", "it is a list, not keys with values"),
            (
                "{1: 2}",
                "it has a key that is not a text; put it in quotes",
            ),
            ("tables: {}", "`tablecast` is missing"),
            (
                "tablecast: 2",
                "`tablecast` is the version of the manifest, which is to be 1",
            ),
            ("tablecast: 1", "`tables` is missing"),
            (
                "{tablecast: 1, tables: [a]}",
                "`tables` is a list, not keys with values",
            ),
            (
                "{tablecast: 1, tables: {}}",
                "`tables` is to have from 1 to 1000 tables",
            ),
            (
                "{tablecast: 1, tables: {'': {}}}",
                "`tables` has a table without a name",
            ),
            (
                "{tablecast: 1, tables: {t: 5}}",
                "`tables.t` is a number, not keys with values",
            ),
            ("{tablecast: 1, tables: {t: {}, t: {}}}", "it is not YAML: "),
            (
                "{tablecast: 1, tables: {t: {command: [a], format: csv}}, cahce: 1}",
                "`cahce` is not a key that is known here (Known are: tablecast, tables)",
            ),
        ] {
            let found = problem(text);
            assert!(found.starts_with(wanted), "{text}: {found}");
        }
    }

    const API: &str = "url: 'http://a.example', ";
    const NAMED: &str = "url: 'http://a.example', columns: {a: integer, j: json}, key: a, ";

    /// Keys that are right, keys that are not, and how the error begins.
    const WRONG: &[(&str, &str, &str)] = &[
        (
            "",
            "",
            "`tables.t` has neither `url` nor `command`: where do its rows come from?",
        ),
        (
            API,
            "command: [a]",
            "`tables.t` has both `url` and `command`; rows come from one of them",
        ),
        ("", "url: 5", "`tables.t.url` is a number, not a text"),
        ("", "url: ''", "`tables.t.url` is empty"),
        (
            "",
            "url: 'ftp://a.example'",
            "`tables.t.url` is to be an address with http:// or https://",
        ),
        (
            "",
            "url: 'file:///etc/passwd'",
            "`tables.t.url` is to be an address with http:// or https://",
        ),
        (
            "",
            "url: 'http://me:word@a.example'",
            "`tables.t.url` holds a name or password, which would be shown",
        ),
        (
            "",
            "command: 'cat x', format: csv",
            "`tables.t.command` is to be a list of texts",
        ),
        (
            "",
            "command: [], format: csv",
            "`tables.t.command` is empty",
        ),
        (
            "",
            "command: [head, -n, 5], format: csv",
            "`tables.t.command` is to be a list of texts",
        ),
        (
            "",
            "command: [\"a\\0\"], format: csv",
            "`tables.t.command` holds a character that no argument can have",
        ),
        ("", "command: [a]", "`tables.t.format` is missing"),
        (
            "",
            "command: [a], format: csv, headers: {}",
            "`tables.t.headers` is not a key that is known here",
        ),
        (
            "",
            "command: [a], format: csv, environment: [TABLECAST_UNSET_2]",
            "`tables.t.environment` needs the environment variable TABLECAST_UNSET_2, which is not set",
        ),
        (
            API,
            "environment: [PATH]",
            "`tables.t.environment` is not a key that is known here",
        ),
        (
            API,
            "format: xml",
            "`tables.t.format` is \"xml\"; it can be json, jsonl, csv",
        ),
        (API, "rows: data", "`tables.t.rows` is to be a JSON Pointer"),
        (
            API,
            "format: csv, rows: /data",
            "`tables.t.rows` goes with the format json only",
        ),
        (
            API,
            "colums: {}",
            "`tables.t.colums` is not a key that is known here (Did you mean `columns`?)",
        ),
        (
            API,
            "columns: {}",
            "`tables.t.columns` is to have from 1 to 2000 columns",
        ),
        (
            API,
            "columns: {a: number}",
            "`tables.t.columns.a` is \"number\"; it can be boolean, integer",
        ),
        (
            API,
            "columns: {a: 5}",
            "`tables.t.columns.a` is a number, not a type",
        ),
        (
            API,
            "columns: {'': text}",
            "`tables.t.columns` has a column without a name",
        ),
        (
            API,
            "columns: {a: {at: /x}}",
            "`tables.t.columns.a.type` is missing",
        ),
        (
            API,
            "columns: {a: {type: text, at: x}}",
            "`tables.t.columns.a.at` is to be a JSON Pointer",
        ),
        (
            API,
            "columns: {a: {type: text, path: /x}}",
            "`tables.t.columns.a.path` is not a key that is known here",
        ),
        (
            API,
            "columns: {RowID: integer}",
            "`tables.t.columns` has a column that is named as the row number is",
        ),
        (NAMED, "key: b", "it is not YAML: "),
        (
            API,
            "columns: {a: text}, key: b",
            "`tables.t.key` names \"b\", which is not among the columns",
        ),
        (API, "key: [a, a]", "`tables.t.key` names \"a\" twice"),
        (API, "key: []", "`tables.t.key` is empty"),
        (
            API,
            "cache: -1",
            "`tables.t.cache` is to be a whole number from 0 to 86400",
        ),
        (
            API,
            "seconds: 0",
            "`tables.t.seconds` is to be a whole number from 1 to 600",
        ),
        (
            API,
            "headers: [a]",
            "`tables.t.headers` is a list, not keys with values",
        ),
        (
            API,
            "headers: {'a b': c}",
            "`tables.t.headers.a b` is no name of a header",
        ),
        (
            API,
            "headers: {A: 5}",
            "`tables.t.headers.A` is to be a text; put numbers in quotes",
        ),
        (
            API,
            "headers: {A: \"b\\nc\"}",
            "`tables.t.headers.A` has a value that no header can have",
        ),
        (
            API,
            "headers: {A: '${TABLECAST_UNSET_2}'}",
            "`tables.t.headers.A` needs the environment variable TABLECAST_UNSET_2, which is not set",
        ),
        (
            API,
            "paging: {}",
            "`tables.t.paging` is to have one of the keys `next`, `page` and `offset`",
        ),
        (
            API,
            "paging: {page: p, offset: o}",
            "`tables.t.paging` is to have one of the keys",
        ),
        (
            API,
            "paging: {next: n}",
            "`tables.t.paging.next` is to be a JSON Pointer",
        ),
        (
            API,
            "format: csv, paging: {next: /n}",
            "`tables.t.paging.next` goes with the format json only",
        ),
        (
            API,
            "paging: {offset: o, first: 1}",
            "`tables.t.paging.first` goes with `page` only",
        ),
        (
            API,
            "paging: {page: p, first: 2}",
            "`tables.t.paging.first` is to be a whole number from 0 to 1",
        ),
        (
            API,
            "paging: {page: p, last_page: 'null'}",
            "`tables.t.paging.last_page` goes with `next` only",
        ),
        (
            API,
            "paging: {page: p, pages_max: 0}",
            "`tables.t.paging.pages_max` is to be a whole number from 1 to 10000",
        ),
        (
            API,
            "paging: {page: p, size: 5}",
            "`tables.t.paging.size` is not a key that is known here",
        ),
        (
            API,
            "filters: [{column: a, parameter: a}]",
            "`tables.t.filters` needs `columns`",
        ),
        (
            API,
            "columns: {a: text}, filters: [{column: a, parameter: a}]",
            "`tables.t.filters` needs `key`",
        ),
        (
            NAMED,
            "filters: {}",
            "`tables.t.filters` is keys with values, not a list",
        ),
        (
            NAMED,
            "filters: [{parameter: a}]",
            "`tables.t.filters[0].column` is missing",
        ),
        (
            NAMED,
            "filters: [{column: a}]",
            "`tables.t.filters[0].parameter` is missing",
        ),
        (
            NAMED,
            "filters: [{column: b, parameter: b}]",
            "`tables.t.filters` names \"b\", which is not among the columns",
        ),
        (
            NAMED,
            "filters: [{column: j, parameter: j}]",
            "`tables.t.filters` cannot compare the column \"j\" of the type json",
        ),
        (
            NAMED,
            "filters: [{column: a, parameter: a, operator: like}]",
            "`tables.t.filters[0].operator` is \"like\"; it can be exact, gt",
        ),
        (
            NAMED,
            "filters: [{column: a, parameter: a, answer: maybe}]",
            "`tables.t.filters[0].answer` is \"maybe\"; it can be exact, inexact",
        ),
    ];

    #[test]
    fn what_is_wrong_about_a_table_is_said_with_its_key() {
        for (before, keys, wanted) in WRONG {
            let found = problem_of_table(&format!("{before}{keys}"));
            assert!(
                !wanted.is_empty() && found.starts_with(wanted),
                "{keys}: {found:?}"
            );
        }
    }
}
