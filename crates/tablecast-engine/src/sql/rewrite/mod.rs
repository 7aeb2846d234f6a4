//! The AST in SQLite's meaning, rewritten so that DataFusion plans it with the same meaning: names as they are written
//! in the catalog, parameters as literals, functions by their listed names, and what the two read differently.

mod aliases;
mod budget;
mod calls;
mod comparisons;
mod membership;
mod shapes;

pub(super) use shapes::shown_name;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, CastKind, Expr, Ident, ObjectNamePart, OrderByKind, Query, Select,
    SelectItem, TableFactor, UnaryOperator, Value as Literal, VisitMut, VisitorMut,
};
use tablecast_connector::{Error, Result, Value};

use super::names::{Catalog, last_part, text_argument};
use super::parse::Parsed;
use super::spelled::{
    binary, call, is_number_literal, literal, negated_if, number_literal, quoted, real_literal,
    text,
};
use super::spelled_each;
use aliases::Aliases;
use budget::Budget;
use calls::{cast, keyword_form};
use comparisons::collated;
use membership::{MEMBER, three_valued};
use shapes::{distinct_names, name_by_text, order_groups, plain_limit};

/// Rewrites `parsed` in place.
pub(super) fn rewrite(
    parsed: &mut Parsed,
    catalog: &Catalog,
    parameters: &[(String, Value)],
) -> Result<()> {
    let aliases = Aliases::of(&mut parsed.query);
    let mut rewriting = Rewriting {
        catalog,
        parameters: parameters
            .iter()
            .map(|(name, value)| (name.as_str(), value))
            .collect(),
        aliases,
        budget: Budget::new(),
    };
    match parsed.query.visit(&mut rewriting) {
        ControlFlow::Continue(()) => rewriting.budget.check()?,
        ControlFlow::Break(error) => return Err(error),
    }
    distinct_names(&mut parsed.query);
    Ok(())
}

struct Rewriting<'a> {
    catalog: &'a Catalog,
    parameters: BTreeMap<&'a str, &'a Value>,
    /// Names that the statement itself gives to columns and tables.
    aliases: Aliases,
    /// What may be copied.
    budget: Budget,
}

impl VisitorMut for Rewriting<'_> {
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
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
        three_valued(select, &self.budget);
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

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let order = query.order_by.as_mut().map(|order| &mut order.kind);
        if let Some(OrderByKind::Expressions(order)) = order {
            for item in order {
                if let Expr::Collate { expr, collation } = &item.expr {
                    item.expr =
                        collated(expr, &last_part(collation)).unwrap_or_else(|| (**expr).clone());
                }
            }
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
                if let Expr::Collate { expr: inner, .. } = expr {
                    *expr = (**inner).clone();
                }
                self.numeric(expr);
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let Some((_, each)) = spelled_each::table(factor) {
            *factor = each;
        }
        match factor {
            TableFactor::Table { name, args, .. } => {
                let argument = args
                    .as_ref()
                    .and_then(|args| args.args.first())
                    .and_then(text_argument);
                if let Some(named) = self.catalog.table(name, argument.as_deref()) {
                    *name = named.written();
                    *args = None;
                } else if args.is_some() {
                    return ControlFlow::Break(Error::unsupported(format!(
                        "The table function {} is not there",
                        last_part(name)
                    )));
                } else if let [ObjectNamePart::Identifier(word)] = name.0.as_mut_slice()
                    && let Some(alias) = self.aliases.find(&word.value)
                {
                    *word = quoted(alias);
                }
                ControlFlow::Continue(())
            }
            TableFactor::Derived { .. } | TableFactor::NestedJoin { .. } => {
                ControlFlow::Continue(())
            }
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
                    if let Some(known) = self.column(&column.value) {
                        *column = quoted(known);
                    }
                    self.qualifier(tables);
                }
            }
            Expr::Value(value) => match &value.value {
                Literal::Placeholder(name) => *expr = self.parameter(name)?,
                Literal::Boolean(holds) => *expr = number_literal(i64::from(*holds)),
                _ => {}
            },
            Expr::BinaryOp { .. } | Expr::Between { .. } | Expr::InList { .. } => {
                self.comparison(expr);
            }
            Expr::UnaryOp { op, expr: inner } => {
                if let Some(replaced) = self.sign(op, inner) {
                    *expr = replaced;
                }
            }
            Expr::IsTrue(inner)
            | Expr::IsFalse(inner)
            | Expr::IsNotTrue(inner)
            | Expr::IsNotFalse(inner) => self.truth(inner),
            Expr::IsDistinctFrom(left, right) => *expr = self.same(left, right, true),
            Expr::IsNotDistinctFrom(left, right) => *expr = self.same(left, right, false),
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
                operand,
                conditions,
                ..
            } => {
                let operand = operand.take();
                self.case(operand.as_deref(), conditions);
            }
            Expr::Collate { expr, collation } => {
                // Comparisons and orders take it off; what is left is refused in the end.
                let name = last_part(collation);
                collated(expr, &name)
                    .ok_or_else(|| Error::invalid(format!("no such collation sequence: {name}")))?;
            }
            other => keyword_form(other)?,
        }
        Ok(())
    }

    /// Each branch with a condition of its own: with an operand, all would be compared in one type.
    fn case(&self, operand: Option<&Expr>, conditions: &mut [CaseWhen]) {
        for case in conditions {
            if let Some(operand) = operand.filter(|operand| self.budget.allows(*operand, 1)) {
                let value = case.condition.clone();
                case.condition = binary(operand.clone(), BinaryOperator::Eq, value);
                self.comparison(&mut case.condition);
            }
            self.truth(&mut case.condition);
        }
    }

    /// `-a` and `~a` as the operators of two sides that they come to, in whose types they are done.
    fn sign(&self, op: &mut UnaryOperator, inner: &mut Expr) -> Option<Expr> {
        if *op == UnaryOperator::BitwiseNot && self.is_condition(inner) {
            *op = UnaryOperator::Not;
        }
        match op {
            UnaryOperator::Not => self.truth(inner),
            UnaryOperator::Plus => return Some(inner.clone()),
            UnaryOperator::Minus if !is_number_literal(inner) => {
                return Some(binary(
                    number_literal(0),
                    BinaryOperator::Minus,
                    inner.clone(),
                ));
            }
            UnaryOperator::BitwiseNot => {
                let whole = call("to_integer", vec![inner.clone()]);
                return Some(binary(number_literal(-1), BinaryOperator::Minus, whole));
            }
            _ => {}
        }
        None
    }

    /// The words in front of a column, as the statement or the catalog writes them.
    fn qualifier(&self, words: &mut [Ident]) {
        if let [alias] = words
            && let Some(known) = self.aliases.find(&alias.value)
        {
            *alias = quoted(known);
            return;
        }
        let Some(named) = self.catalog.qualified(words) else {
            return;
        };
        if let ([database, _], Some(name)) = (&mut *words, &named.database) {
            *database = quoted(name);
        }
        if let Some(table) = words.last_mut() {
            *table = quoted(&named.name);
        }
    }

    /// A column's name as it is written in its table, or by the statement itself.
    fn column(&self, name: &str) -> Option<&str> {
        let (column, alias) = (self.catalog.column(name), self.aliases.find(name));
        match (column, alias) {
            (Some(column), Some(alias)) if column != name && alias == name => Some(alias),
            (column, alias) => column.or(alias),
        }
    }

    /// Names a column as its table writes it. One in double quotes that nothing is called by is a text, as in SQLite.
    fn identifier(&self, ident: &mut Ident) -> Option<Expr> {
        if let Some(known) = self.column(&ident.value) {
            *ident = quoted(known);
            return None;
        }
        (ident.quote_style == Some('"') && ident.value != MEMBER).then(|| text(&ident.value))
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
