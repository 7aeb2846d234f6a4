//! The AST in SQLite's meaning, rewritten so that DataFusion plans it with the same meaning: names as they are written
//! in the catalog, parameters as literals, functions by their listed names, and what the two read differently.

mod calls;
mod comparisons;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    CastKind, Expr, Ident, Query, Select, SelectItem, TableFactor, UnaryOperator, Value as Literal,
    VisitMut, VisitorMut,
};
use tablecast_connector::{Error, Result, Value};

use super::functions::json::EACH;
use super::names::{Catalog, last_part, text_argument};
use super::parse::Parsed;
use super::spelled::{call, literal, negated_if, quoted, real_literal, text};
use super::spelled_each;
use calls::{cast, keyword_form};
use shapes::{distinct_names, name_by_text, order_groups, plain_limit};

/// Rewrites `parsed` in place.
pub(super) fn rewrite(
    parsed: &mut Parsed,
    catalog: &Catalog,
    parameters: &[(String, Value)],
) -> Result<()> {
    let mut rewriting = Rewriting {
        catalog,
        parameters: parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect(),
        aliases: BTreeSet::new(),
        json_tables: BTreeSet::new(),
    };
    match parsed.query.visit(&mut rewriting) {
        ControlFlow::Continue(()) => {}
        ControlFlow::Break(error) => return Err(error),
    }
    distinct_names(&mut parsed.query);
    Ok(())
}

struct Rewriting<'a> {
    catalog: &'a Catalog,
    parameters: BTreeMap<&'a str, &'a Value>,
    /// Names that the statement itself gives to columns and tables.
    aliases: BTreeSet<String>,
    /// The names, in lower case, by which the statement calls what `json_each` gives.
    json_tables: BTreeSet<String>,
}

impl VisitorMut for Rewriting<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.aliases.insert(cte.alias.name.value.clone());
            self.aliases.extend(
                cte.alias
                    .columns
                    .iter()
                    .map(|column| column.name.value.clone()),
            );
        }
        order_groups(query);
        if let Some(limit) = &mut query.limit_clause {
            let plain = plain_limit(limit);
            *limit = plain;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for item in &mut select.projection {
            name_by_text(item);
        }
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item {
                self.aliases.insert(alias.value.clone());
            }
        }
        self.leave_out_rowid(select);
        if self.is_natural_by_rowid(select) {
            // Row numbers are columns in a plan, and would be among those that are compared.
            return ControlFlow::Break(
                Error::unsupported("NATURAL JOIN of tables with row numbers is not there")
                    .hint("Name the columns: join … using (…)"),
            );
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        for condition in [&mut select.selection, &mut select.having]
            .into_iter()
            .flatten()
        {
            self.truth(condition);
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
                self.numeric(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let Some((name, each)) = spelled_each::table(factor) {
            self.json_tables.insert(name.to_ascii_lowercase());
            let columns = EACH.iter().map(|column| (*column).to_owned());
            self.aliases.extend(columns);
            *factor = each;
        }
        match factor {
            TableFactor::Table {
                name, alias, args, ..
            } => {
                let argument = args
                    .as_ref()
                    .and_then(|args| args.args.first())
                    .and_then(text_argument);
                if let Some(alias) = alias {
                    self.aliases.insert(alias.name.value.clone());
                }
                if let Some(named) = self.catalog.table(name, argument.as_deref()) {
                    *name = named.written();
                    *args = None;
                } else if args.is_some() {
                    return ControlFlow::Break(Error::unsupported(format!(
                        "The table function {} is not there",
                        last_part(name)
                    )));
                }
                ControlFlow::Continue(())
            }
            TableFactor::Derived { alias, .. } => {
                if let Some(alias) = alias {
                    self.aliases.insert(alias.name.value.clone());
                }
                ControlFlow::Continue(())
            }
            TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            other => ControlFlow::Break(Error::unsupported(format!(
                "{other} is not supported in FROM"
            ))),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Some(contained) = spelled_each::contains(expr) {
            *expr = contained;
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        match self.expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

impl Rewriting<'_> {
    fn expression(&self, expr: &mut Expr) -> Result<()> {
        match expr {
            Expr::Identifier(ident) => {
                if let Some(literal) = self.identifier(ident) {
                    *expr = literal;
                }
            }
            Expr::CompoundIdentifier(parts) => {
                if let Some((column, tables)) = parts.split_last_mut() {
                    if let Some(known) = self.catalog.column(&column.value) {
                        *column = quoted(known);
                    }
                    let is_alias = tables.last().is_some_and(|last| self.is_alias(&last.value));
                    if let Some(named) = self.catalog.qualified(tables).filter(|_| !is_alias) {
                        if let [database, _] = tables {
                            named
                                .database
                                .iter()
                                .for_each(|name| *database = quoted(name));
                        }
                        if let Some(table) = tables.last_mut() {
                            *table = quoted(&named.name);
                        }
                    }
                }
            }
            Expr::Value(value) => {
                if let Literal::Placeholder(name) = &value.value {
                    *expr = self.parameter(name)?;
                }
            }
            Expr::BinaryOp { .. } | Expr::Between { .. } | Expr::InList { .. } => {
                self.comparison(expr);
            }
            Expr::UnaryOp { op, expr: inner } => {
                if *op == UnaryOperator::BitwiseNot && self.is_condition(inner) {
                    *op = UnaryOperator::Not;
                }
                if *op == UnaryOperator::Not {
                    self.truth(inner);
                }
            }
            Expr::Like {
                negated,
                any: false,
                expr: text,
                pattern,
                escape_char,
            } => {
                let escape = escape_char.iter().map(|sign| literal(sign.value.clone()));
                let parts = [(**pattern).clone(), (**text).clone()]
                    .into_iter()
                    .chain(escape);
                *expr = negated_if(*negated, call("like", parts.collect()));
            }
            // The parser's name for `glob`.
            Expr::RLike {
                negated,
                expr: text,
                pattern,
                regexp: false,
            } => {
                *expr = negated_if(
                    *negated,
                    call("glob", vec![(**pattern).clone(), (**text).clone()]),
                );
            }
            Expr::Like { .. } => {
                return Err(Error::invalid(format!("near \"{expr}\": syntax error")));
            }
            Expr::Function(function) => {
                let replaced = self.function(function)?;
                if let Some(replaced) = replaced {
                    *expr = replaced;
                }
            }
            Expr::Cast {
                kind: CastKind::Cast,
                expr: inner,
                data_type,
                ..
            } => {
                *expr = cast(inner, data_type);
            }
            Expr::Case {
                operand: None,
                conditions,
                ..
            } => {
                for case in conditions {
                    self.truth(&mut case.condition);
                }
            }
            other => keyword_form(other)?,
        }
        Ok(())
    }

    fn is_alias(&self, name: &str) -> bool {
        self.aliases.contains(name)
    }

    /// Names a column as its table writes it. One in double quotes that nothing is called by is a text, as in SQLite.
    fn identifier(&self, ident: &mut Ident) -> Option<Expr> {
        if let Some(known) = self.catalog.column(&ident.value) {
            if !self.is_alias(&ident.value)
                || self.catalog.column(&ident.value) == Some(&ident.value)
            {
                *ident = quoted(known);
            }
            return None;
        }
        let alias = self
            .aliases
            .iter()
            .find(|alias| alias.eq_ignore_ascii_case(&ident.value));
        if let Some(alias) = alias {
            *ident = quoted(alias);
            return None;
        }
        (ident.quote_style == Some('"')).then(|| text(&ident.value))
    }

    fn parameter(&self, name: &str) -> Result<Expr> {
        let bare = name.trim_start_matches([':', '@', '$', '?']);
        let value = self.parameters.get(bare);
        Ok(match value {
            None => {
                return Err(Error::invalid(format!(
                    "You did not supply a value for binding {name}"
                )));
            }
            Some(Value::Null) => literal(Literal::Null),
            Some(Value::Integer(integer)) => literal(Literal::Number(integer.to_string(), false)),
            Some(Value::Real(real)) => real_literal(*real),
            Some(Value::Text(value)) => text(value),
            Some(Value::Blob(_)) => {
                return Err(Error::unsupported("Bytes cannot be bound on this source"));
            }
        })
    }
}
