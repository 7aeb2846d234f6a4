//! The catalog of one statement: the tables that it names, found without regard to case, and their columns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, ObjectNamePart, Query, TableFactor,
    Value as Literal, Visit, Visitor,
};
use tablecast_connector::{
    Error, Limits, ROWID, Result, Source, TableInfo, did_you_mean, is_rowid_name,
};

use super::master;
use super::parse::Parsed;
use crate::exposed::exposed_type;
use crate::provider::{SourceTable, has_hidden_rowid};

/// A database whose tables a statement may name.
#[derive(Clone)]
pub(crate) struct Reachable {
    /// What stands before a table's name, `[database].table`; `None` for the only database there is.
    pub(crate) name: Option<String>,
    /// Its tables.
    pub(crate) source: Arc<dyn Source>,
}

/// A table that the statement names.
#[derive(Clone)]
pub(super) struct Named {
    /// The database's name in the rewritten statement, if it needs one.
    pub(super) database: Option<String>,
    /// The name in the rewritten statement.
    pub(super) name: String,
    content: Content,
    /// Whether the statement names row numbers, so that they have to be there.
    is_numbered: bool,
}

#[derive(Clone)]
enum Content {
    /// A table of a source.
    Table(Arc<dyn Source>, Arc<TableInfo>),
    /// Rows about the catalog itself.
    Ready(Arc<dyn TableProvider>),
}

impl Named {
    pub(super) fn reference(&self) -> TableReference {
        match &self.database {
            Some(database) => TableReference::partial(database.clone(), self.name.clone()),
            None => TableReference::bare(self.name.clone()),
        }
    }

    /// The name as it stands in the rewritten statement.
    pub(super) fn written(&self) -> ObjectName {
        let parts = self.database.iter().chain([&self.name]);
        ObjectName(
            parts
                .map(|part| ObjectNamePart::Identifier(Ident::with_quote('"', part)))
                .collect(),
        )
    }

    pub(super) fn provider(&self, limits: &Limits) -> Arc<dyn TableProvider> {
        match &self.content {
            Content::Ready(provider) => Arc::clone(provider),
            Content::Table(source, info) => {
                let table = SourceTable::new(Arc::clone(source), Arc::clone(info), limits.clone());
                Arc::new(if self.is_numbered {
                    table
                } else {
                    table.without_rowid()
                })
            }
        }
    }

    /// Whether the table has a row number that `*` does not show.
    pub(super) fn has_rowid(&self) -> bool {
        match &self.content {
            Content::Table(_, info) => self.is_numbered && has_hidden_rowid(info),
            Content::Ready(_) => false,
        }
    }
}

/// Whether a statement names row numbers, in whatever place.
fn names_rowid(parsed: &Parsed) -> bool {
    let text = parsed.query.to_string();
    let mut words = text.split(|sign: char| !(sign.is_alphanumeric() || sign == '_'));
    words.any(is_rowid_name)
}

/// The tables that a statement names, by the names it uses.
#[derive(Default)]
pub(super) struct Catalog {
    /// From the statement's spelling to the table: names may differ by case alone.
    named: BTreeMap<String, Named>,
    /// From a column's name in lower case to its names as they are written.
    columns: BTreeMap<String, BTreeSet<String>>,
    /// The names of boolean columns.
    booleans: BTreeSet<String>,
    /// The names of numeric columns.
    numbers: BTreeSet<String>,
    /// The names of columns that are texts.
    texts: BTreeSet<String>,
}

impl Catalog {
    pub(super) async fn of(reachable: &[Reachable], parsed: &Parsed) -> Result<Self> {
        let mut catalog = Self::default();
        let is_numbered = names_rowid(parsed);
        for mention in Mentions::of(parsed) {
            if !catalog.named.contains_key(&mention.key()) {
                let mut named = named(reachable, &mention).await?;
                named.is_numbered = is_numbered;
                catalog.add(mention.key(), named);
            }
        }
        Ok(catalog)
    }

    fn add(&mut self, key: String, named: Named) {
        let mut note = |name: &str, data_type: &DataType| {
            self.columns
                .entry(name.to_ascii_lowercase())
                .or_default()
                .insert(name.to_owned());
            if *data_type == DataType::Boolean {
                self.booleans.insert(name.to_owned());
            }
            if data_type.is_numeric() || *data_type == DataType::Boolean {
                self.numbers.insert(name.to_owned());
            }
            if exposed_type(data_type) == DataType::Utf8 {
                self.texts.insert(name.to_owned());
            }
        };
        match &named.content {
            Content::Table(_, info) => {
                for column in &info.columns {
                    note(&column.name, &column.data_type);
                }
                if named.is_numbered && has_hidden_rowid(info) {
                    note(ROWID, &DataType::Int64);
                }
            }
            Content::Ready(provider) => {
                for field in provider.schema().fields() {
                    note(field.name(), field.data_type());
                }
            }
        }
        self.named.insert(key, named);
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &Named> {
        let mut seen = BTreeSet::new();
        self.named
            .values()
            .filter(move |named| seen.insert((named.database.clone(), named.name.clone())))
    }

    /// The table that the statement spells so.
    pub(super) fn table(&self, name: &ObjectName, argument: Option<&str>) -> Option<&Named> {
        let (database, name) = parts(name);
        self.named.get(&key(database.as_deref(), &name, argument))
    }

    /// The table whose columns are named with these words before them: `table`, or `database.table`.
    pub(super) fn qualified(&self, words: &[Ident]) -> Option<&Named> {
        let (table, database) = words.split_last()?;
        let database = database.last().map(|word| word.value.as_str());
        let key = key(database, &table.value, None);
        let is_key = |known: &&String| known.eq_ignore_ascii_case(&key);
        // A table of some database, called by its own name alone.
        let is_of_database = |known: &&String| {
            let name = known.split_once(SEPARATOR).map(|(_, name)| name);
            database.is_none() && name.is_some_and(|name| name.eq_ignore_ascii_case(&table.value))
        };
        let folded = || self.named.keys().find(is_key);
        let exact = self.named.get_key_value(&key).map(|(known, _)| known);
        let found = exact.or_else(folded);
        let found = found.or_else(|| self.named.keys().find(is_of_database));
        found.and_then(|known| self.named.get(known))
    }

    /// The column as it is written in its table; `None` if no table has it.
    pub(super) fn column(&self, name: &str) -> Option<&str> {
        let spellings = self.columns.get(&name.to_ascii_lowercase());
        let found = spellings
            .and_then(|all| all.get(name).or_else(|| all.first()))
            .map(String::as_str);
        let rowid = || {
            self.columns
                .get(ROWID)
                .and_then(|all| all.get(ROWID))
                .map(String::as_str)
        };
        found.or_else(|| rowid().filter(|_| is_rowid_name(name)))
    }

    pub(super) fn is_boolean(&self, column: &str) -> bool {
        self.booleans.contains(column)
    }

    pub(super) fn is_number(&self, column: &str) -> bool {
        self.numbers.contains(column) || is_rowid_name(column)
    }

    /// Whether every column of that name is a text.
    pub(super) fn is_text(&self, column: &str) -> bool {
        self.texts.contains(column) && !self.is_number(column)
    }
}

/// The table that is mentioned, of the first database that has it. `InvalidRequest` if none has.
async fn named(reachable: &[Reachable], mention: &Mention) -> Result<Named> {
    let spelled = mention.name.to_ascii_lowercase();
    let mut is_there = false;
    for database in reachable.iter().filter(|database| mention.means(database)) {
        is_there = true;
        let source = &database.source;
        let ready = master::table(source, &spelled, mention.argument.as_deref()).await?;
        if let Some(ready) = ready {
            return Ok(Named {
                database: None,
                name: mention.key(),
                content: Content::Ready(ready),
                is_numbered: false,
            });
        }
        let Some(name) = find(&names(source).await?, &mention.name) else {
            continue;
        };
        let info = source.table_info(&name).await?;
        if let Some(reason) = &info.unreadable {
            return Err(Error::unreadable(format!(
                "{name} cannot be read: {reason}"
            )));
        }
        return Ok(Named {
            database: database.name.clone(),
            name,
            content: Content::Table(Arc::clone(source), info),
            is_numbered: false,
        });
    }
    let error = Error::invalid(format!("no such table: {}", mention.shown()));
    Err(match &mention.database {
        Some(database) if !is_there => {
            let known = reachable.iter().filter_map(|known| known.name.as_deref());
            match did_you_mean(database, known) {
                Some(near) => error.hint(format!("Did you mean the database [{near}]?")),
                None => error,
            }
        }
        _ => error,
    })
}

async fn names(source: &Arc<dyn Source>) -> Result<Vec<String>> {
    let mut names = source.table_names().await?;
    // A source without views says that it does not answer.
    names.extend(source.view_names().await.unwrap_or_default());
    Ok(names)
}

/// The table of that name: exactly, without case, or in the forerunner's form `%group%table`.
fn find(known: &[String], name: &str) -> Option<String> {
    let old = name.strip_prefix('%').map(|rest| rest.replace('%', "/"));
    let spelled = [Some(name.to_owned()), old];
    let mut spelled = spelled.iter().flatten();
    spelled.find_map(|name| {
        let exact = known.iter().find(|known| *known == name);
        exact
            .or_else(|| known.iter().find(|known| known.eq_ignore_ascii_case(name)))
            .cloned()
    })
}

/// Stands between the parts of a key: no name of a database holds it.
const SEPARATOR: char = '\0';

fn key(database: Option<&str>, name: &str, argument: Option<&str>) -> String {
    let database = database
        .filter(|database| !database.eq_ignore_ascii_case(MAIN))
        .map_or_else(String::new, |database| {
            format!("{}{SEPARATOR}", database.to_ascii_lowercase())
        });
    match argument {
        Some(argument) => format!("{database}{name}({argument})"),
        None => format!("{database}{name}"),
    }
}

/// The table function that takes JSON apart.
pub(super) const JSON_EACH: &str = "json_each";

/// SQLite's name of the database itself.
const MAIN: &str = "main";

/// A table in a statement, as it is spelled there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// The database before the name.
    pub(crate) database: Option<String>,
    /// The table.
    pub(crate) name: String,
    argument: Option<String>,
}

impl Mention {
    fn key(&self) -> String {
        key(
            self.database.as_deref(),
            &self.name,
            self.argument.as_deref(),
        )
    }

    /// Whether the table may be one of this database.
    fn means(&self, reachable: &Reachable) -> bool {
        match (&self.database, &reachable.name) {
            (None, _) => true,
            (Some(database), Some(name)) => database.eq_ignore_ascii_case(name),
            (Some(database), None) => database.eq_ignore_ascii_case(MAIN),
        }
    }

    fn shown(&self) -> String {
        match &self.database {
            Some(database) => format!("{database}.{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// The tables named in a statement, without those that the statement itself makes.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    tables: Vec<Mention>,
    ctes: BTreeSet<String>,
}

impl Mentions {
    /// The tables that `parsed` names, in its order.
    pub(crate) fn of(parsed: &Parsed) -> Vec<Mention> {
        let mut mentions = Self::default();
        let _ = parsed.query.visit(&mut mentions);
        let Self { mut tables, ctes } = mentions;
        tables.retain(|table| {
            table.database.is_some() || !ctes.contains(&table.name.to_ascii_lowercase())
        });
        tables
    }
}

impl Visitor for Mentions {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.insert(cte.alias.name.value.to_ascii_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, args, .. } = factor {
            if args.is_some() && last_part(name).eq_ignore_ascii_case(JSON_EACH) {
                return ControlFlow::Continue(());
            }
            let argument = args
                .as_ref()
                .and_then(|args| args.args.first())
                .and_then(text_argument);
            let (database, name) = parts(name);
            self.tables.push(Mention {
                database,
                name,
                argument,
            });
        }
        ControlFlow::Continue(())
    }
}

/// The last word of a name.
pub(super) fn last_part(name: &ObjectName) -> String {
    parts(name).1
}

/// A table's name, and the database's before it.
fn parts(name: &ObjectName) -> (Option<String>, String) {
    let mut words = name.0.iter().rev().map(|part| {
        part.as_ident()
            .map_or_else(|| part.to_string(), |ident| ident.value.clone())
    });
    let last = words.next().unwrap_or_default();
    (words.next(), last)
}

/// A text between the brackets of a table function.
pub(super) fn text_argument(argument: &FunctionArg) -> Option<String> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = argument else {
        return None;
    };
    match expr {
        Expr::Value(value) => match &value.value {
            Literal::SingleQuotedString(text) | Literal::DoubleQuotedString(text) => {
                Some(text.clone())
            }
            _ => None,
        },
        Expr::Identifier(name) => Some(name.value.clone()),
        _ => None,
    }
}
