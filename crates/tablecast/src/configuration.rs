//! Reads configuration and metadata files, in Datasette's terms, into the server's typed configuration.
//!
//! Nothing is ignored in silence: an unknown key is an error that names file, line and what was probably meant, and keys
//! whose meaning is not there yet but would hide something (permissions) are refused.

mod document;

use std::path::Path;

use anyhow::{Context, anyhow, bail};
use serde_json::{Map, Value};
use tablecast_server::{Configuration, Settings};

use document::{Document, TABLE};

/// The configuration of the files given (either may be missing) and of the settings on the command line, pairs of name
/// and value, which come last. A name with dots is a path into the configuration file, and is read as if it stood there.
pub(crate) fn load(
    config: Option<&Path>,
    metadata: Option<&Path>,
    settings: &[String],
) -> anyhow::Result<Configuration> {
    let mut configuration = Configuration::default();
    let mut given = Map::new();
    let (dotted, settings): (Vec<_>, Vec<_>) = settings.chunks(2).partition(|pair| is_dotted(pair));
    if config.is_some() || !dotted.is_empty() {
        let mut document = match config {
            Some(path) => Document::read(path)?,
            None => Document::default(),
        };
        for pair in dotted {
            document.add(pair)?;
        }
        given.clone_from(&document.root);
        document.apply(&mut configuration)?;
    }
    if let Some(path) = metadata {
        let document = Document::read(path)?;
        take_options(&document.root, &mut given);
        document.apply(&mut configuration)?;
    }
    for pair in settings {
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

/// Whether a pair of the command line is of a key that is not among the settings.
fn is_dotted(pair: &[String]) -> bool {
    let Some(name) = pair.first() else {
        return false;
    };
    name.contains('.') && !name.starts_with("settings.")
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
