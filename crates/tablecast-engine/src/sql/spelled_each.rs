//! `json_each` as statements spell it, as what [`each`] plans: a sub-query of stand-ins, or a function of list and element.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Query, SelectItem, SetExpr, Statement, TableAlias,
    TableFactor,
};
use datafusion::sql::sqlparser::dialect::SQLiteDialect;
use datafusion::sql::sqlparser::parser::Parser;

use super::each;
use super::functions::json::EACH;
use super::names::{JSON_EACH, last_part};
use super::spelled::{call, column_of, negated_if, quoted};

/// `json_each(…)` in FROM as a sub-query of its columns' stand-ins, and the name it goes by.
pub(super) fn table(factor: &TableFactor) -> Option<(String, TableFactor)> {
    let TableFactor::Table {
        name,
        alias,
        args: Some(args),
        ..
    } = factor
    else {
        return None;
    };
    if !last_part(name).eq_ignore_ascii_case(JSON_EACH) {
        return None;
    }
    let alias = alias.clone().unwrap_or_else(|| TableAlias {
        explicit: false,
        name: quoted(JSON_EACH),
        columns: Vec::new(),
        at: None,
    });
    let arguments: Option<Vec<Expr>> = args
        .args
        .iter()
        .map(|argument| match argument {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
            _ => None,
        })
        .collect();
    let arguments = arguments.filter(|arguments| matches!(arguments.len(), 1 | 2))?;
    let items = EACH.iter().map(|column| SelectItem::ExprWithAlias {
        expr: call(&each::stand_in(column), arguments.clone()),
        alias: quoted(column),
    });
    let name = alias.name.value.clone();
    let each = TableFactor::Derived {
        lateral: true,
        subquery: Box::new(select(items.collect())?),
        alias: Some(alias),
        sample: None,
    };
    Some((name, each))
}

/// `SELECT items` from nothing.
fn select(items: Vec<SelectItem>) -> Option<Query> {
    let statements = Parser::parse_sql(&SQLiteDialect {}, "select 1").ok()?;
    let Some(Statement::Query(mut query)) = statements.into_iter().next() else {
        return None;
    };
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = items;
    }
    Some(*query)
}

/// `x in (select value from json_each(list))` as a function of both.
pub(super) fn contains(expr: &Expr) -> Option<Expr> {
    let Expr::InSubquery {
        expr: wanted,
        subquery,
        negated,
    } = expr
    else {
        return None;
    };
    let SetExpr::Select(select) = subquery.body.as_ref() else {
        return None;
    };
    let ([SelectItem::UnnamedExpr(item)], [from], None) = (
        select.projection.as_slice(),
        select.from.as_slice(),
        &select.selection,
    ) else {
        return None;
    };
    let TableFactor::Table {
        name,
        args: Some(args),
        ..
    } = &from.relation
    else {
        return None;
    };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(list))] = args.args.as_slice() else {
        return None;
    };
    let is_plain = from.joins.is_empty()
        && subquery.limit_clause.is_none()
        && last_part(name).eq_ignore_ascii_case(JSON_EACH)
        && column_of(item).is_some_and(|column| column.eq_ignore_ascii_case("value"));
    let call = || call("json_contains", vec![list.clone(), (**wanted).clone()]);
    is_plain.then(|| negated_if(*negated, call()))
}
