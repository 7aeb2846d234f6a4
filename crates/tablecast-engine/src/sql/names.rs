//! The catalog of one statement: the tables that it names, found without regard to case, and their columns.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, ObjectName, Query, TableFactor, Value as Literal, Visit,
    Visitor,
};
use tablecast_connector::{
    Error, Identity, Limits, ROWID, Result, Source, TableInfo, is_rowid_name,
};

use super::master;
use super::parse::Parsed;
use crate::exposed::exposed_type;
use crate::provider::SourceTable;

/// A table that the statement names.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The name in the rewritten statement.
    pub(super) name: String,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    /// A table of the source.
    Table(Arc<TableInfo>),
    /// Rows about the catalog itself.
    Ready(Arc<dyn TableProvider>),
}

impl Named {
    pub(super) fn reference(&self) -> TableReference {
        TableReference::bare(self.name.clone())
    }

    pub(super) fn provider(
        &self,
        source: &Arc<dyn Source>,
        limits: &Limits,
    ) -> Arc<dyn TableProvider> {
        match &self.content {
            Content::Ready(provider) => Arc::clone(provider),
            Content::Table(info) => Arc::new(SourceTable::new(
                Arc::clone(source),
                Arc::clone(info),
                limits.clone(),
            )),
        }
    }

    /// Whether the table has a row number that `*` does not show.
    pub(super) fn has_rowid(&self) -> bool {
        match &self.content {
            Content::Table(info) => has_rowid(info),
            Content::Ready(_) => false,
        }
    }
}

fn has_rowid(info: &TableInfo) -> bool {
    matches!(info.identity, Identity::RowNumber { .. }) && info.column(ROWID).is_none()
}

/// The tables that a statement names, by the names it uses.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// From the statement's spelling, in lower case, to the table.
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
    pub(super) async fn of(source: &Arc<dyn Source>, parsed: &Parsed) -> Result<Self> {
        let mut mentions = Mentions::default();
        let _ = parsed.query.visit(&mut mentions);
        let mut catalog = Self::default();
        let mut known: Option<Vec<String>> = None;
        for mention in &mentions.tables {
            let spelled = mention.name.to_ascii_lowercase();
            if mentions.ctes.contains(&spelled) || catalog.named.contains_key(&mention.key()) {
                continue;
            }
            let named = if let Some(ready) =
                master::table(source, &spelled, mention.argument.as_deref()).await?
            {
                Named {
                    name: mention.key(),
                    content: Content::Ready(ready),
                }
            } else {
                if known.is_none() {
                    known = Some(names(source).await?);
                }
                let name = find(known.as_deref().unwrap_or_default(), &mention.name)
                    .ok_or_else(|| Error::invalid(format!("no such table: {}", mention.name)))?;
                let info = source.table_info(&name).await?;
                if let Some(reason) = &info.unreadable {
                    return Err(Error::unreadable(format!(
                        "{name} cannot be read: {reason}"
                    )));
                }
                Named {
                    name,
                    content: Content::Table(info),
                }
            };
            catalog.add(mention.key(), named);
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
            Content::Table(info) => {
                for column in &info.columns {
                    note(&column.name, &column.data_type);
                }
                if has_rowid(info) {
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
            .filter(move |named| seen.insert(named.name.clone()))
    }

    /// The table that the statement spells so.
    pub(super) fn table(&self, name: &str, argument: Option<&str>) -> Option<&Named> {
        self.named.get(&key(name, argument))
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

fn key(name: &str, argument: Option<&str>) -> String {
    match argument {
        Some(argument) => format!("{}({argument})", name.to_ascii_lowercase()),
        None => name.to_ascii_lowercase(),
    }
}

#[derive(Debug)]
struct Mention {
    name: String,
    argument: Option<String>,
}

impl Mention {
    fn key(&self) -> String {
        key(&self.name, self.argument.as_deref())
    }
}

/// The names in a statement.
#[derive(Debug, Default)]
struct Mentions {
    tables: Vec<Mention>,
    ctes: BTreeSet<String>,
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
            let argument = args
                .as_ref()
                .and_then(|args| args.args.first())
                .and_then(text_argument);
            self.tables.push(Mention {
                name: last_part(name),
                argument,
            });
        }
        ControlFlow::Continue(())
    }
}

/// The table's name without `main.`.
pub(super) fn last_part(name: &ObjectName) -> String {
    let part = name.0.last().and_then(|part| part.as_ident());
    part.map_or_else(|| name.to_string(), |ident| ident.value.clone())
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
