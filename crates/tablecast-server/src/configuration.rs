//! What people configure, as typed structs. The binary fills them from files; unknown keys are errors there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Settings;
use crate::extra_urls::{ExtraUrl, ExtraUrls};
use crate::permission::Rules;

/// A site's configuration and metadata.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// The settings.
    pub settings: Settings,
    /// What is said of the site: title, description, license, source and so on.
    pub metadata: Map<String, Value>,
    /// Sheets and scripts of all pages.
    pub extra: ExtraUrls,
    /// Options of databases by name.
    pub databases: BTreeMap<String, DatabaseOptions>,
    /// The configuration as it was given, for `/-/config`.
    pub given: Value,
    /// Who may see the site.
    pub rules: Rules,
    /// Whether only what a rule allows is allowed.
    pub default_deny: bool,
}

/// Options of a database.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DatabaseOptions {
    /// What is said of it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Options of tables by name.
    #[serde(default)]
    pub tables: BTreeMap<String, TableOptions>,
    /// Queries by name.
    #[serde(default)]
    pub queries: BTreeMap<String, QueryOptions>,
    /// Sheets and scripts of its pages.
    #[serde(skip)]
    pub extra: ExtraUrls,
    /// Who may see it.
    #[serde(skip)]
    pub rules: Rules,
}

/// Options of a table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableOptions {
    /// What is said of it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// The default order.
    pub sort: Option<String>,
    /// The default order, largest first.
    pub sort_desc: Option<String>,
    /// Rows on a page: a number or `max`.
    pub size: Option<Value>,
    /// The columns that may be sorted by.
    pub sortable_columns: Option<Vec<String>>,
    /// The column that stands for a row.
    pub label_column: Option<String>,
    /// Whether lists leave it out.
    #[serde(default)]
    pub hidden: bool,
    /// Facets that are always shown.
    #[serde(default)]
    pub facets: Vec<FacetOption>,
    /// Values shown of a facet: a number or `max`.
    pub facet_size: Option<Value>,
    /// The full-text index.
    pub fts_table: Option<String>,
    /// The column that the index's row numbers stand for.
    pub fts_pk: Option<String>,
    /// `raw`: searches are read in the index's own language.
    pub searchmode: Option<String>,
    /// Types of columns: `json`, `url`, `email`, `textarea`.
    #[serde(default)]
    pub column_types: BTreeMap<String, Value>,
    /// The columns whose values identify a row, for containers without keys of their own.
    pub primary_key: Option<Names>,
    /// The tables that columns refer to, for containers without references of their own.
    #[serde(default)]
    pub foreign_keys: BTreeMap<String, Reference>,
    /// Style sheets of its pages and of its rows' pages.
    pub extra_css_urls: Option<Vec<ExtraUrl>>,
    /// Scripts of its pages and of its rows' pages.
    pub extra_js_urls: Option<Vec<ExtraUrl>>,
    /// Who may see it.
    #[serde(skip)]
    pub rules: Rules,
}

/// One name or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "primary_key is the name of a column, or a list of names"
)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// What a column refers to.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "foreign_keys as column: {table: …, column: …}"
)]
pub struct Reference {
    /// The table.
    pub table: String,
    /// Its column.
    pub column: String,
}

/// A facet that is always shown: a column, or `{array: column}`, `{date: column}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum FacetOption {
    /// By value.
    Column(String),
    /// By kind.
    Kind(BTreeMap<String, String>),
}

/// A configured query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryOptions {
    /// The SQL.
    pub sql: String,
    /// A title.
    pub title: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// A description in HTML.
    pub description_html: Option<String>,
    /// The parameters in order.
    pub params: Option<Vec<String>>,
    /// Whether the page hides the SQL.
    pub hide_sql: bool,
    /// A fragment for links to it.
    pub fragment: Option<String>,
    /// Whether it writes: refused until writing comes.
    pub write: bool,
    /// See Datasette.
    pub is_trusted: Option<bool>,
    /// See Datasette.
    pub on_success_message: Option<String>,
    /// See Datasette.
    pub on_success_message_sql: Option<String>,
    /// See Datasette.
    pub on_success_redirect: Option<String>,
    /// See Datasette.
    pub on_error_message: Option<String>,
    /// See Datasette.
    pub on_error_redirect: Option<String>,
    /// Who may see it.
    #[serde(skip)]
    pub rules: Rules,
}

impl QueryOptions {
    /// What lists are sorted by: the title, or else the name, in lower case.
    pub(crate) fn sort_key(&self, name: &str) -> String {
        let title = self.title.as_deref().filter(|title| !title.is_empty());
        title.unwrap_or(name).to_ascii_lowercase()
    }
}

impl Configuration {
    /// The options of a database; the default if there are none.
    pub fn database(&self, name: &str) -> DatabaseOptions {
        self.databases.get(name).cloned().unwrap_or_default()
    }

    /// The options of a table; the default if there are none.
    pub fn table(&self, database: &str, table: &str) -> TableOptions {
        let tables = self.databases.get(database).map(|options| &options.tables);
        tables
            .and_then(|tables| tables.get(table))
            .cloned()
            .unwrap_or_default()
    }

    /// The rules of a table. Names are compared without case, as containers do: a rule must not be passed by by
    /// writing its table otherwise.
    pub(crate) fn rules_of_table(&self, database: &str, table: &str) -> Option<&Rules> {
        let tables = &self.databases.get(database)?.tables;
        let mut found = tables
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(table));
        found.next().map(|(_, options)| &options.rules)
    }
}
