//! Who may read what: the rules of the configuration, weighed for the visitor.
//!
//! The most specific level with a rule decides (table or query, then database, then site); on one level a refusal
//! outweighs a permission; where no rule speaks, nothing is allowed. Nobody can sign in yet, so that every visitor is
//! the anonymous one; rules are weighed once more for each question, which costs a few comparisons.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use tablecast_connector::{Error, Result};

use crate::{Configuration, Site};

/// What a visitor may want to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    ViewInstance,
    ViewDatabase,
    ViewDatabaseDownload,
    ViewTable,
    ViewQuery,
    ExecuteSql,
}

/// The names of all actions that rules may be given for. Those that write have no effect: nothing can be written.
pub const ACTIONS: &[&str] = &[
    "view-instance",
    "view-database",
    "view-database-download",
    "view-table",
    "view-query",
    "execute-sql",
    "permissions-debug",
    "debug-menu",
    "execute-write-sql",
    "create-table",
    "create-view",
    "store-query",
    "insert-row",
    "delete-row",
    "update-row",
    "alter-table",
    "set-column-type",
    "drop-table",
    "drop-view",
    "update-query",
    "delete-query",
];

/// What it is done to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    Site,
    Database(&'a str),
    /// A table or view by its database and name.
    Table(&'a str, &'a str),
    /// A configured query by its database and name.
    Query(&'a str, &'a str),
}

/// Who is allowed: everybody, nobody, or those with one of the properties named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow(Who);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Who {
    Everybody,
    Nobody,
    /// A property of the actor and the values it may have; `*` stands for any.
    With(BTreeMap<String, Vec<Value>>),
}

impl Allow {
    /// Reads an allow block: `true`, `false`, or an object of properties with a value or a list of values each.
    /// `None` for `null`, which says nothing. Anything else is an error that says what belongs there.
    pub fn parse(value: &Value) -> std::result::Result<Option<Self>, String> {
        let who = match value {
            Value::Null => return Ok(None),
            Value::Bool(true) => Who::Everybody,
            Value::Bool(false) => Who::Nobody,
            Value::Number(number) if number.as_u64() == Some(1) => Who::Everybody,
            Value::Number(number) if number.as_u64() == Some(0) => Who::Nobody,
            Value::Object(properties) => Who::With(
                properties
                    .iter()
                    .map(values)
                    .collect::<std::result::Result<_, _>>()?,
            ),
            _ => {
                return Err(format!(
                    "an allow block is true, false or properties with values, not {value}"
                ));
            }
        };
        Ok(Some(Self(who)))
    }

    /// Whether somebody who has not signed in is meant.
    fn is_for_anonymous(&self) -> bool {
        match &self.0 {
            Who::Everybody => true,
            Who::Nobody => false,
            Who::With(properties) => properties
                .get("unauthenticated")
                .is_some_and(|values| values.as_slice() == [Value::Bool(true)]),
        }
    }
}

fn values((name, value): (&String, &Value)) -> std::result::Result<(String, Vec<Value>), String> {
    let values = match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    if let Some(bad) = values
        .iter()
        .find(|value| value.is_object() || value.is_array())
    {
        return Err(format!(
            "the property {name} takes a value or a list of values, not {bad}"
        ));
    }
    Ok((name.clone(), values))
}

/// The rules given at one place of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Who may see it and what is in it.
    pub allow: Option<Allow>,
    /// Who may run SQL.
    pub allow_sql: Option<Allow>,
    /// Who may do what, by the names of actions.
    pub permissions: BTreeMap<String, Allow>,
}

impl Rules {
    /// Whether any rule is given.
    pub fn is_empty(&self) -> bool {
        self.allow.is_none() && self.allow_sql.is_none() && self.permissions.is_empty()
    }

    /// What these rules say about `action`: nothing, or allowed or not. `allow` stands for seeing what lies here.
    fn say(&self, action: Action, allow_covers: &[Action]) -> Option<bool> {
        let named = self.permissions.get(action.name());
        let general = self
            .allow
            .as_ref()
            .filter(|_| allow_covers.contains(&action));
        let sql = self
            .allow_sql
            .as_ref()
            .filter(|_| action == Action::ExecuteSql);
        let said: Vec<bool> = [named, general, sql]
            .into_iter()
            .flatten()
            .map(Allow::is_for_anonymous)
            .collect();
        (!said.is_empty()).then(|| said.into_iter().all(|allowed| allowed))
    }
}

impl Action {
    /// Its name in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ViewInstance => "view-instance",
            Self::ViewDatabase => "view-database",
            Self::ViewDatabaseDownload => "view-database-download",
            Self::ViewTable => "view-table",
            Self::ViewQuery => "view-query",
            Self::ExecuteSql => "execute-sql",
        }
    }

    fn refusal(self) -> &'static str {
        match self {
            Self::ViewInstance => "You do not have permission to view this instance",
            Self::ViewDatabase => "You do not have permission to view this database",
            Self::ViewDatabaseDownload => "You do not have permission to download this database",
            Self::ViewTable => "You do not have permission to view this table",
            Self::ViewQuery => "You do not have permission to view this query",
            Self::ExecuteSql => "execute-sql",
        }
    }
}

/// What `allow` of a database and of the site covers.
const IN_DATABASE: &[Action] = &[Action::ViewDatabase, Action::ViewTable, Action::ViewQuery];
const IN_SITE: &[Action] = &[
    Action::ViewInstance,
    Action::ViewDatabase,
    Action::ViewTable,
    Action::ViewQuery,
];

impl Configuration {
    /// Whether the visitor may do `action` to `subject`.
    pub(crate) fn allows(&self, action: Action, subject: Subject<'_>) -> bool {
        // Whoever may not see a database may not query it, nor have it.
        if matches!(action, Action::ExecuteSql | Action::ViewDatabaseDownload)
            && !self.allows(Action::ViewDatabase, subject)
        {
            return false;
        }
        let (database, child) = match subject {
            Subject::Site => (None, None),
            Subject::Database(database) => (Some(database), None),
            Subject::Table(database, table) => {
                (Some(database), self.rules_of_table(database, table))
            }
            Subject::Query(database, query) => {
                let query = self
                    .databases
                    .get(database)
                    .and_then(|options| options.queries.get(query));
                (Some(database), query.map(|query| &query.rules))
            }
        };
        let database = database
            .and_then(|name| self.databases.get(name))
            .map(|options| &options.rules);
        child
            .and_then(|rules| rules.say(action, &[Action::ViewTable, Action::ViewQuery]))
            .or_else(|| database.and_then(|rules| rules.say(action, IN_DATABASE)))
            .unwrap_or_else(|| {
                let sql_is_off =
                    action == Action::ExecuteSql && !self.settings.is_on("default_allow_sql");
                let default = !self.default_deny;
                !sql_is_off && self.rules.say(action, IN_SITE).unwrap_or(default)
            })
    }

    /// Whether every visitor may run SQL that reads the database of that name.
    pub fn may_query(&self, database: &str) -> bool {
        self.allows(Action::ExecuteSql, Subject::Database(database))
    }
}

impl Site {
    /// Whether the visitor may do `action` to `subject`.
    pub(crate) fn allows(&self, action: Action, subject: Subject<'_>) -> bool {
        self.configuration.allows(action, subject)
    }

    /// What whoever serves the site should know of its rules: those that hide less than they seem to.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for (database, options) in &self.configuration.databases {
            let is_hidden =
                |table: &str| !self.allows(Action::ViewTable, Subject::Table(database, table));
            let tables = options.tables.keys().map(String::as_str);
            let tables: Vec<&str> = tables.filter(|table| is_hidden(table)).collect();
            // A rule for all tables of a database holds for one that nothing else is said of.
            let hidden = match tables.as_slice() {
                [] if is_hidden("") => "its tables".to_owned(),
                [] => continue,
                tables => tables.join(", "),
            };
            if self.allows(Action::ExecuteSql, Subject::Database(database)) {
                warnings.push(format!(
                    "in {database}, not everybody may view {hidden}, but SQL may still read it: add allow_sql: false"
                ));
            }
            let mut published = self.published.iter();
            let shares_rows = published
                .find(|published| published.name == *database)
                .is_some_and(|published| published.database.capabilities().shares_rows);
            if shares_rows && !is_hidden("") {
                warnings.push(format!(
                    "in {database}, not everybody may view {hidden}, but what is made of it may hold its rows: hide that, too"
                ));
            }
        }
        warnings
    }

    /// `Forbidden` unless the visitor may do `action` to `subject`.
    pub(crate) fn require(&self, action: Action, subject: Subject<'_>) -> Result<()> {
        if self.allows(action, subject) {
            return Ok(());
        }
        Err(Error::forbidden(action.refusal()))
    }
}

/// Reads the rules among the keys of one place of the configuration: `allow`, `allow_sql`, `permissions`.
/// An error names the key and says what belongs there.
pub fn rules(keys: &Map<String, Value>) -> std::result::Result<Rules, (String, String)> {
    let block = |key: &str| {
        let parsed = keys.get(key).map(Allow::parse).transpose();
        parsed
            .map(Option::flatten)
            .map_err(|reason| (key.to_owned(), reason))
    };
    let mut rules = Rules {
        allow: block("allow")?,
        allow_sql: block("allow_sql")?,
        permissions: BTreeMap::new(),
    };
    let actions = match keys.get("permissions") {
        None | Some(Value::Null) => return Ok(rules),
        Some(Value::Object(actions)) => actions,
        Some(other) => {
            return Err((
                "permissions".to_owned(),
                format!("actions with allow blocks belong here, not {other}"),
            ));
        }
    };
    for (action, block) in actions {
        if !ACTIONS.contains(&action.as_str()) {
            let meant = tablecast_connector::did_you_mean(action, ACTIONS.iter().copied())
                .map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
            return Err((
                action.clone(),
                format!("there is no action {action:?}{meant}"),
            ));
        }
        let allow = Allow::parse(block).map_err(|reason| (action.clone(), reason))?;
        rules
            .permissions
            .extend(allow.map(|allow| (action.clone(), allow)));
    }
    Ok(rules)
}
