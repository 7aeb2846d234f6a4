//! The form of statements: what is listed, how it is named, ordered and limited.

use std::collections::BTreeSet;

use datafusion::sql::sqlparser::ast::{
    ExceptSelectItem, Expr, GroupByExpr, JoinConstraint, JoinOperator, LimitClause, ObjectName,
    Offset, OffsetRows, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, UnaryOperator,
    WildcardAdditionalOptions,
};
use tablecast_connector::ROWID;

use super::super::names::{Named, last_part};
use super::super::spelled::{column_of, quoted};
use super::Rewriting;

/// Stands between a name and the number that makes it another. What is behind it is not shown.
const MARK: char = '\0';

/// The name of a column as it is shown.
pub(in crate::sql) fn shown_name(name: &str) -> &str {
    name.split_once(MARK).map_or(name, |(shown, _)| shown)
}

/// Gives each item of the outermost select list a name of its own, which DataFusion demands. Beside a `*`, which may hold
/// any name, all of them get another.
pub(super) fn distinct_names(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let is_wildcard = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    let any_wildcard = select.projection.iter().any(is_wildcard);
    let mut taken = BTreeSet::new();
    for (place, item) in select.projection.iter_mut().enumerate() {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr) => {
                let name = match &*expr {
                    Expr::Identifier(ident) => ident.value.clone(),
                    Expr::CompoundIdentifier(parts) => parts
                        .last()
                        .map(|part| part.value.clone())
                        .unwrap_or_default(),
                    other => other.to_string(),
                };
                (expr, name)
            }
            SelectItem::ExprWithAlias { expr, alias } => (expr, alias.value.clone()),
            _ => continue,
        };
        let is_column = matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_));
        if taken.insert(name.clone()) && !(any_wildcard && is_column) {
            continue;
        }
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: quoted(&format!("{name}{MARK}{place}")),
        };
    }
}

/// An expression is a column named by its text.
pub(super) fn name_by_text(item: &mut SelectItem) {
    let SelectItem::UnnamedExpr(expr) = item else {
        return;
    };
    if !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
        let alias = quoted(&expr.to_string());
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias,
        };
    }
}

/// Groups come in their order, as SQLite gives them, where nothing else is asked for.
pub(super) fn order_groups(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return;
    };
    let GroupByExpr::Expressions(groups, _) = &select.group_by else {
        return;
    };
    if query.order_by.is_some() || groups.is_empty() || select.distinct.is_some() {
        return;
    }
    // An order by a name means what the list calls so, which may be something else.
    let is_renamed = |expr: &Expr| {
        select.projection.iter().any(|item| {
            matches!(item, SelectItem::ExprWithAlias { alias, .. }
                if column_of(expr).is_some_and(|name| alias.value.eq_ignore_ascii_case(name)))
        })
    };
    if groups.iter().any(is_renamed) {
        return;
    }
    let order = groups.iter().map(|expr| OrderByExpr {
        expr: expr.clone(),
        options: OrderByOptions::default(),
        with_fill: None,
    });
    query.order_by = Some(OrderBy {
        kind: OrderByKind::Expressions(order.collect()),
        interpolate: None,
    });
}

/// A limit as DataFusion takes it: no comma, and none where it is negative.
pub(super) fn plain_limit(clause: &LimitClause) -> LimitClause {
    let (limit, offset, limit_by) = match clause {
        LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        } => (limit.clone(), offset.clone(), limit_by.clone()),
        LimitClause::OffsetCommaLimit { offset, limit } => {
            let offset = Offset {
                value: offset.clone(),
                rows: OffsetRows::None,
            };
            (Some(limit.clone()), Some(offset), Vec::new())
        }
    };
    let is_negative = |limit: &Expr| {
        matches!(
            limit,
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                ..
            }
        )
    };
    LimitClause::LimitOffset {
        limit: limit.filter(|limit| !is_negative(limit)),
        offset,
        limit_by,
    }
}

impl Rewriting<'_> {
    /// `*` does not show the row number: of several tables, it becomes the `*` of each.
    pub(super) fn leave_out_rowid(&self, select: &mut Select) {
        let factors = select.from.iter().flat_map(|from| {
            let joined = from.joins.iter().map(|join| &join.relation);
            std::iter::once(&from.relation).chain(joined)
        });
        let tables: Vec<(Option<ObjectName>, bool)> = factors
            .map(|factor| (called(factor), self.is_numbered(factor)))
            .collect();
        if !tables.iter().any(|(_, is_numbered)| *is_numbered) {
            return;
        }
        let without = |is_numbered: bool| WildcardAdditionalOptions {
            opt_except: is_numbered.then(|| ExceptSelectItem {
                first_element: quoted(ROWID),
                additional_elements: Vec::new(),
            }),
            ..WildcardAdditionalOptions::default()
        };
        let mut items = Vec::with_capacity(select.projection.len());
        for mut item in std::mem::take(&mut select.projection) {
            match &mut item {
                SelectItem::Wildcard(options) if tables.len() == 1 => *options = without(true),
                SelectItem::Wildcard(_) => {
                    items.extend(tables.iter().filter_map(|(name, is_numbered)| {
                        let name = SelectItemQualifiedWildcardKind::ObjectName(name.clone()?);
                        Some(SelectItem::QualifiedWildcard(name, without(*is_numbered)))
                    }));
                    continue;
                }
                SelectItem::QualifiedWildcard(
                    SelectItemQualifiedWildcardKind::ObjectName(name),
                    options,
                ) => {
                    let word = last_part(name);
                    let is_meant = |(known, _): &&(Option<ObjectName>, bool)| {
                        let known = known.as_ref().map(last_part);
                        known.is_some_and(|known| known.eq_ignore_ascii_case(&word))
                    };
                    let found = tables.iter().find(is_meant);
                    *options = without(found.is_some_and(|(_, is_numbered)| *is_numbered));
                }
                _ => {}
            }
            items.push(item);
        }
        select.projection = items;
    }

    fn is_numbered(&self, factor: &TableFactor) -> bool {
        matches!(factor, TableFactor::Table { name, args: None, .. }
            if self.catalog.table(name, None).is_some_and(Named::has_rowid))
    }

    /// Whether a natural join would compare row numbers.
    pub(super) fn is_natural_by_rowid(&self, select: &Select) -> bool {
        let has_rowid = |factor: &TableFactor| self.is_numbered(factor);
        let is_natural = |operator: &JoinOperator| {
            matches!(
                operator,
                JoinOperator::Join(JoinConstraint::Natural)
                    | JoinOperator::Inner(JoinConstraint::Natural)
                    | JoinOperator::Left(JoinConstraint::Natural)
                    | JoinOperator::LeftOuter(JoinConstraint::Natural)
                    | JoinOperator::Right(JoinConstraint::Natural)
                    | JoinOperator::RightOuter(JoinConstraint::Natural)
                    | JoinOperator::FullOuter(JoinConstraint::Natural)
            )
        };
        select.from.iter().any(|from| {
            let factors = from.joins.iter().map(|join| &join.relation);
            let numbered = factors.chain([&from.relation]).filter(|it| has_rowid(it));
            numbered.count() > 1
                && from
                    .joins
                    .iter()
                    .any(|join| is_natural(&join.join_operator))
        })
    }
}

/// The name by which columns of a table are called.
fn called(factor: &TableFactor) -> Option<ObjectName> {
    match factor {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(ObjectName::from(vec![alias.name.clone()])),
        TableFactor::Table { name, .. } => Some(name.clone()),
        _ => None,
    }
}
