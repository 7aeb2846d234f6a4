//! Every setting, with its default and meaning: one table, from which parsing, `/-/settings` and `--help-settings` come.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use tablecast_connector::{Error, Result, did_you_mean};

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A whole number, not negative.
    Integer,
    /// `on` or `off`, also `true`, `false`, `1`, `0`.
    Boolean,
    /// Any text.
    Text,
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// What values it takes.
    pub kind: SettingKind,
    /// Its default, as it would be typed.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether Datasette knows it, so that `/-/settings.json` shows it.
    pub shared: bool,
}

macro_rules! settings {
    ($($name:ident $kind:ident $default:literal $shared:literal $help:literal;)*) => {
        /// Every setting in the order in which `/-/settings` shows them.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name),
            kind: SettingKind::$kind,
            default: $default,
            help: $help,
            shared: $shared,
        }),*];
    };
}

settings! {
    default_page_size Integer "100" true "Rows on a table's page";
    max_returned_rows Integer "1000" true "The most rows of a page or of a query's answer";
    max_insert_rows Integer "100" true "The most rows of one insert (writing comes later)";
    max_post_body_bytes Integer "2097152" true "The most bytes of a request's body";
    num_sql_threads Integer "3" true "Accepted for compatibility: each source has threads of its own";
    sql_time_limit_ms Integer "1000" true "Milliseconds that a query may take";
    default_facet_size Integer "30" true "Values shown of a facet";
    facet_time_limit_ms Integer "200" true "Milliseconds that counting one facet may take; three times sql_time_limit_ms if not set";
    facet_suggest_time_limit_ms Integer "50" true "Milliseconds that looking for one suggested facet may take";
    allow_facet Boolean "on" true "Whether readers may ask for facets";
    allow_download Boolean "on" true "Whether immutable files may be downloaded";
    allow_signed_tokens Boolean "on" true "Whether signed tokens count (tokens come later)";
    default_allow_sql Boolean "on" true "Whether readers may run SQL of their own";
    max_signed_tokens_ttl Integer "0" true "The longest life of a token in seconds (tokens come later)";
    suggest_facets Boolean "on" true "Whether facets are suggested";
    default_cache_ttl Integer "5" true "Seconds for which an answer may be cached by others";
    cache_size_kb Integer "0" true "Kilobytes of page cache for each connection to SQLite; 0 leaves its own";
    allow_csv_stream Boolean "on" true "Whether whole tables may be streamed as CSV";
    max_csv_mb Integer "100" true "The most megabytes of a CSV stream, 0 for no limit";
    truncate_cells_html Integer "2048" true "Characters of a cell shown on a table's page, 0 for all";
    force_https_urls Boolean "off" true "Whether addresses in answers start with https";
    template_debug Boolean "off" true "Whether _context=1 shows what a page gives its template";
    trace_debug Boolean "off" true "Whether _trace=1 tells what was asked, and how long that took";
    base_url Text "/" true "The path under which the site lies";
    strict_arguments Boolean "off" false "Whether an unknown column or operator in an address is an error";
    kept_answers_mb Integer "32" false "Megabytes of answers kept in memory while their data stands still, 0 for none";
}

/// The settings of a site. Invariant: a value for each of [`SETTINGS`], of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
    given: BTreeSet<&'static str>,
}

impl Default for Settings {
    fn default() -> Self {
        let defaults = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.name, parse(setting, setting.default).ok()?)));
        Self {
            values: defaults.collect(),
            given: BTreeSet::new(),
        }
    }
}

impl Settings {
    /// Sets one setting to a value as it is typed. An error names the setting, or says which was probably meant.
    pub fn set(&mut self, name: &str, typed: &str) -> Result<()> {
        let setting = named(name)?;
        self.values.insert(setting.name, parse(setting, typed)?);
        self.given.insert(setting.name);
        Ok(())
    }

    /// Whether somebody set it, be it to its default.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    /// The number of an integer setting.
    pub fn number(&self, name: &str) -> u64 {
        self.values
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Whether a boolean setting is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.values
            .get(name)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    /// The text of a text setting.
    pub fn text(&self, name: &str) -> &str {
        self.values
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// The settings that Datasette knows, as `/-/settings.json` shows them.
    pub fn to_json(&self) -> Map<String, Value> {
        let shared = SETTINGS.iter().filter(|setting| setting.shared);
        shared
            .filter_map(|setting| {
                Some((
                    setting.name.to_owned(),
                    self.values.get(setting.name)?.clone(),
                ))
            })
            .collect()
    }
}

fn named(name: &str) -> Result<&'static Setting> {
    SETTINGS
        .iter()
        .find(|setting| setting.name == name)
        .ok_or_else(|| {
            let error = Error::invalid(format!("There is no setting {name:?}"));
            match did_you_mean(name, SETTINGS.iter().map(|setting| setting.name)) {
                Some(meant) => error.hint(format!("Did you mean {meant}?")),
                None => error.hint("See --help-settings for all of them"),
            }
        })
}

fn parse(setting: &Setting, typed: &str) -> Result<Value> {
    let name = setting.name;
    match setting.kind {
        SettingKind::Text if name == "base_url" && !typed.starts_with('/') => Err(Error::invalid(
            format!("The setting base_url starts with a slash, not {typed:?}"),
        )),
        SettingKind::Text => Ok(typed.into()),
        SettingKind::Integer => typed.parse::<u64>().map(Value::from).map_err(|_| {
            Error::invalid(format!(
                "The setting {name} takes a whole number, not {typed:?}"
            ))
        }),
        SettingKind::Boolean => match typed.to_ascii_lowercase().as_str() {
            "on" | "true" | "1" => Ok(true.into()),
            "off" | "false" | "0" => Ok(false.into()),
            _ => Err(Error::invalid(format!(
                "The setting {name} takes on or off, not {typed:?}"
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_parsed_by_its_kind_and_a_wrong_one_is_named() {
        let mut settings = Settings::default();
        settings.set("default_page_size", "7").expect("a number");
        settings.set("allow_facet", "off").expect("a boolean");
        assert_eq!(settings.number("default_page_size"), 7);
        assert!(!settings.is_on("allow_facet"));
        assert!(settings.set("default_page_size", "-1").is_err());
        assert!(settings.set("allow_facet", "maybe").is_err());
        let error = settings.set("default_pagesize", "1").expect_err("unknown");
        assert_eq!(error.suggestion(), Some("Did you mean default_page_size?"));
    }

    #[test]
    fn every_setting_has_a_default_of_its_kind() {
        assert_eq!(Settings::default().values.len(), SETTINGS.len());
    }
}
