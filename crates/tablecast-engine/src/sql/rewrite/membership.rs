//! `x in (select …)` as a value, or within another condition: true, false or null, as SQLite has it. Where it is a condition
//! of its own, which leaves out what is not true, the engine joins; elsewhere it would take null for false, or refuse.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, GroupByExpr, JoinConstraint, JoinOperator, Query, Select,
    SelectItem, SetExpr, Statement, TableFactor, UnaryOperator, Value as Literal, VisitMut,
    VisitorMut,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::super::dialect::SqliteSyntax;
use super::super::spelled::{binary, literal, number_literal, quoted};
use super::super::spelled_each;
use super::budget::Budget;

/// The name of the only column of a list of values.
pub(super) const MEMBER: &str = "in value";

/// Rewrites all such expressions of `select` itself, not those of its sub-queries.
pub(super) fn three_valued(select: &mut Select, budget: &Budget) {
    let value = |expr: &mut Expr| value(expr, budget);
    if let Some(selection) = &mut select.selection {
        condition(selection, budget);
    }
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item {
            value(expr);
        }
    }
    if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
        groups.iter_mut().for_each(value);
    }
    select.having.iter_mut().for_each(value);
    let joins = select.from.iter_mut().flat_map(|from| &mut from.joins);
    for join in joins {
        if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
            value(condition);
        }
    }
}

fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    match operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// A condition that all rows must pass: what is joined by `and` must hold by itself.
fn condition(expr: &mut Expr, budget: &Budget) {
    match expr {
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            condition(left, budget);
            condition(right, budget);
        }
        Expr::Nested(inner) => condition(inner, budget),
        Expr::InSubquery { expr, .. } => value(expr, budget),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: inner,
        } if matches!(**inner, Expr::InSubquery { .. }) => {
            condition(inner, budget);
        }
        other => value(other, budget),
    }
}

fn value(expr: &mut Expr, budget: &Budget) {
    let _ = expr.visit(&mut Members { depth: 0, budget });
}

struct Members<'a> {
    budget: &'a Budget,
    /// How many sub-queries are around the expression.
    depth: usize,
}

impl VisitorMut for Members<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        // What is asked of a list of JSON has a function of its own.
        if spelled_each::contains(expr).is_none()
            && let (
                0,
                Expr::InSubquery {
                    expr: member,
                    subquery,
                    negated,
                },
            ) = (self.depth, &*expr)
            && self.budget.allows(&**member, 1)
            && self.budget.allows(&**subquery, 2)
            && let Some(decided) = decided(member, subquery, *negated)
        {
            *expr = decided;
        }
        ControlFlow::Continue(())
    }
}

/// `case when it is among them then … when null leaves that open then null else … end`.
fn decided(member: &Expr, values: &Query, negated: bool) -> Option<Expr> {
    let column = || Box::new(Expr::Identifier(quoted(MEMBER)));
    let equal = binary(*column(), BinaryOperator::Eq, member.clone());
    let is_null = Expr::IsNull(Box::new(member.clone()));
    let any = |condition: Option<Expr>| {
        let count = Expr::Subquery(Box::new(counted(values, condition)?));
        Some(binary(count, BinaryOperator::Gt, number_literal(0)))
    };
    let open = binary(
        binary(is_null, BinaryOperator::And, any(None)?),
        BinaryOperator::Or,
        any(Some(Expr::IsNull(column())))?,
    );
    let case = |condition, result| CaseWhen { condition, result };
    Some(Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![
            case(any(Some(equal))?, number_literal(i64::from(!negated))),
            case(open, literal(Literal::Null)),
        ],
        else_result: Some(Box::new(number_literal(i64::from(negated)))),
    })
}

/// `select count(*) from (values) where condition`.
fn counted(values: &Query, condition: Option<Expr>) -> Option<Query> {
    let mut values = values.clone();
    let is_named = values.order_by.is_none() && name_column(&mut values.body);
    // The engine does not find columns that are named behind a sub-query in all places.
    let columns = if is_named {
        String::new()
    } else {
        format!("(\"{MEMBER}\")")
    };
    let template = format!("select count(*) from (select 1) as \"{MEMBER}s\" {columns}");
    let statement = Parser::parse_sql(&SqliteSyntax, &template).ok()?.pop()?;
    let Statement::Query(mut query) = statement else {
        return None;
    };
    let SetExpr::Select(select) = query.body.as_mut() else {
        return None;
    };
    let TableFactor::Derived { subquery, .. } = &mut select.from.first_mut()?.relation else {
        return None;
    };
    **subquery = values;
    select.selection = condition;
    Some(*query)
}

/// Names the only column of a query; whether that could be done.
fn name_column(body: &mut SetExpr) -> bool {
    match body {
        SetExpr::Select(select) => {
            let [item] = select.projection.as_mut_slice() else {
                return false;
            };
            let (SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }) = item
            else {
                return false;
            };
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: quoted(MEMBER),
            };
            true
        }
        SetExpr::SetOperation { left, right, .. } => name_column(left) && name_column(right),
        SetExpr::Query(query) => query.order_by.is_none() && name_column(&mut query.body),
        _ => false,
    }
}
