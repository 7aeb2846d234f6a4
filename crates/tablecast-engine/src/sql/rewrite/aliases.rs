//! The names that a statement itself gives to tables and columns, found before anything is rewritten: a list of columns
//! stands in front of the tables that it is from. Expressions in it get their text as their name.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Query, Select, SelectItem, TableAlias, TableFactor, VisitMut, VisitorMut,
};

use super::super::functions::json::EACH;
use super::super::spelled_each;
use super::shapes::name_by_text;

/// The names, as the statement writes them where it gives them.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    names: BTreeSet<String>,
    /// The names, in lower case, by which the statement calls what `json_each` gives.
    json_tables: BTreeSet<String>,
}

impl Aliases {
    pub(super) fn of(query: &mut Query) -> Self {
        let mut aliases = Self::default();
        let _ = query.visit(&mut aliases);
        aliases
    }

    /// The name as the statement gives it: as it is spelled, or else without regard to case.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let folded = || {
            let mut all = self.names.iter();
            all.find(|alias| alias.eq_ignore_ascii_case(name))
        };
        self.names.get(name).or_else(folded).map(String::as_str)
    }

    /// Whether a table of that name is what `json_each` gives; of any name, if there is none.
    pub(super) fn is_json_table(&self, name: Option<&str>) -> bool {
        match name {
            Some(name) => self.json_tables.contains(&name.to_ascii_lowercase()),
            None => !self.json_tables.is_empty(),
        }
    }

    fn add(&mut self, alias: &TableAlias) {
        self.names.insert(alias.name.value.clone());
        let columns = alias.columns.iter();
        self.names
            .extend(columns.map(|column| column.name.value.clone()));
    }
}

impl VisitorMut for Aliases {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.add(&cte.alias);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            name_by_text(item);
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.names.insert(alias.value.clone());
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let Some((name, _)) = spelled_each::table(factor) {
            self.json_tables.insert(name.to_ascii_lowercase());
            let columns = EACH.iter().map(|column| (*column).to_owned());
            self.names.extend(columns);
        }
        if let TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } = factor
        {
            self.add(alias);
        }
        ControlFlow::Continue(())
    }
}
