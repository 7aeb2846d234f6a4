//! The AST in SQLite's meaning, rewritten so that DataFusion plans it with the same meaning: names as they are written
//! in the catalog, parameters as literals, functions by their listed names, and what the two read differently.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExceptSelectItem, Expr, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, JoinConstraint,
    JoinOperator, LimitClause, ObjectName, ObjectNamePart, Offset, OffsetRows, OrderBy,
    OrderByExpr, OrderByKind, OrderByOptions, Query, Select, SelectItem, SetExpr, TableFactor,
    UnaryOperator, Value as Literal, ValueWithSpan, VisitMut, VisitorMut,
};
use tablecast_connector::{Error, ROWID, Result, Value, number, real_text};

use super::each;
use super::functions;
use super::functions::json::EACH;
use super::names::{Catalog, last_part, text_argument};
use super::parse::Parsed;
use super::spelled_each;

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

/// Gives each item of the outermost select list a name of its own, which DataFusion demands.
fn distinct_names(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_mut() else {
        return;
    };
    let mut taken = BTreeSet::new();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        let mut name = match &*expr {
            Expr::Identifier(ident) => ident.value.clone(),
            Expr::CompoundIdentifier(parts) => parts
                .last()
                .map(|part| part.value.clone())
                .unwrap_or_default(),
            other => other.to_string(),
        };
        if taken.insert(name.clone()) {
            continue;
        }
        let mut number = 1;
        let base = name.clone();
        while !taken.insert(name.clone()) {
            name = format!("{base}:{number}");
            number += 1;
        }
        *item = SelectItem::ExprWithAlias {
            expr: expr.clone(),
            alias: quoted(&name),
        };
    }
}

/// An expression is a column named by its text.
fn name_by_text(item: &mut SelectItem) {
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
fn order_groups(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return;
    };
    let GroupByExpr::Expressions(groups, _) = &select.group_by else {
        return;
    };
    if query.order_by.is_some() || groups.is_empty() {
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

struct Rewriting<'a> {
    catalog: &'a Catalog,
    parameters: BTreeMap<&'a str, &'a Value>,
    /// Names that the statement itself gives to columns and tables.
    aliases: BTreeSet<String>,
    /// The names, in lower case, by which the statement calls what `json_each` gives.
    json_tables: BTreeSet<String>,
}

pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
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

/// A limit as DataFusion takes it: no comma, and none where it is negative.
fn plain_limit(clause: &LimitClause) -> LimitClause {
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
    /// Whether an expression is a value of JSON, which is a text here whatever it is in SQLite.
    fn is_json_value(&self, expr: &Expr) -> bool {
        let is_value = |name: &Ident| {
            ["key", "value", "atom"]
                .iter()
                .any(|known| name.value.eq_ignore_ascii_case(known))
        };
        match expr {
            Expr::Nested(inner) => self.is_json_value(inner),
            Expr::Identifier(name) => {
                !self.json_tables.is_empty()
                    && is_value(name)
                    && self.catalog.column(&name.value).is_none()
            }
            Expr::CompoundIdentifier(parts) => matches!(parts.as_slice(), [table, name]
                if is_value(name) && self.json_tables.contains(&table.value.to_ascii_lowercase())),
            Expr::Function(function) => last_part(&function.name) == "json_extract",
            _ => false,
        }
    }

    /// A value of JSON as a number, where it is compared or reckoned with one.
    fn json_beside(&self, json: &mut Expr, other: &Expr) {
        let is_number = self.is_number_column(other)
            || matches!(other, Expr::Value(value) if matches!(value.value, Literal::Number(..)))
            || matches!(
                other,
                Expr::UnaryOp {
                    op: UnaryOperator::Minus,
                    ..
                }
            );
        if is_number && self.is_json_value(json) {
            *json = call("json_number", vec![json.clone()]);
        }
    }

    /// `*` does not show the row number.
    fn leave_out_rowid(&self, select: &mut Select) {
        let is_table = |factor: &TableFactor| {
            matches!(factor, TableFactor::Table { name, args, .. }
            if args.is_none() && self.catalog.table(name, None).is_some_and(super::names::Named::has_rowid))
        };
        let any = select.from.iter().any(|from| {
            is_table(&from.relation) || from.joins.iter().any(|join| is_table(&join.relation))
        });
        if !any {
            return;
        }
        for item in &mut select.projection {
            if let SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) = item
            {
                options.opt_except = Some(ExceptSelectItem {
                    first_element: quoted(ROWID),
                    additional_elements: Vec::new(),
                });
            }
        }
    }

    /// Whether a natural join would compare row numbers.
    fn is_natural_by_rowid(&self, select: &Select) -> bool {
        let has_rowid = |factor: &TableFactor| {
            matches!(factor, TableFactor::Table { name, args: None, .. }
                if self.catalog.table(name, None).is_some_and(super::names::Named::has_rowid))
        };
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

    /// Comparisons and arithmetic: conditions joined by `&` and `|`, booleans as numbers, texts that are numbers beside
    /// columns of numbers, divisions by zero.
    fn comparison(&self, expr: &mut Expr) {
        let mut decided = None;
        match expr {
            Expr::BinaryOp { left, op, right } => {
                match op {
                    BinaryOperator::BitwiseAnd
                        if self.is_condition(left) && self.is_condition(right) =>
                    {
                        *op = BinaryOperator::And;
                    }
                    BinaryOperator::BitwiseOr
                        if self.is_condition(left) && self.is_condition(right) =>
                    {
                        *op = BinaryOperator::Or;
                    }
                    BinaryOperator::Divide | BinaryOperator::Modulo => {
                        **right = call("nullif", vec![(**right).clone(), number_literal(0)]);
                    }
                    _ => {}
                }
                if matches!(op, BinaryOperator::And | BinaryOperator::Or) {
                    self.truth(left);
                    self.truth(right);
                    return;
                }
                self.numeric(left);
                self.numeric(right);
                self.json_beside(left, right);
                self.json_beside(right, left);
                if is_comparison(op) {
                    self.compared(left, right);
                    self.compared(right, left);
                } else {
                    self.beside(left, right);
                    self.beside(right, left);
                }
                decided = self.across_classes(left, op, right);
            }
            Expr::Between {
                expr, low, high, ..
            } => {
                self.numeric(expr);
                self.json_beside(expr, low);
                self.compared(expr, low);
                self.compared(expr, high);
            }
            Expr::InList {
                expr,
                list,
                negated,
            } => {
                self.numeric(expr);
                if let Some(first) = list.first() {
                    self.json_beside(expr, first);
                }
                for item in list.iter_mut() {
                    self.compared(expr, item);
                }
                if self.is_number_column(expr) {
                    list.retain(|item| !is_text_literal(item));
                    if list.is_empty() {
                        decided = Some(unless_null(expr, *negated));
                    }
                }
                if decided.is_none() && list.len() > 1 && list.iter().any(is_real_literal) {
                    decided = Some(negated_if(*negated, one_of(expr, list)));
                }
            }
            _ => {}
        }
        if let Some(decided) = decided {
            *expr = decided;
        }
    }

    /// A column of numbers compared with a text that is no number: every text is larger than every number.
    fn across_classes(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Option<Expr> {
        let (column, text_is_right) = if self.is_number_column(left) && is_text_literal(right) {
            (left, true)
        } else if is_text_literal(left) && self.is_number_column(right) {
            (right, false)
        } else {
            return None;
        };
        let holds = match op {
            BinaryOperator::Eq => false,
            BinaryOperator::NotEq => true,
            BinaryOperator::Lt | BinaryOperator::LtEq => text_is_right,
            BinaryOperator::Gt | BinaryOperator::GtEq => !text_is_right,
            _ => return None,
        };
        Some(unless_null(column, holds))
    }

    /// A condition as 0 or 1. Columns of booleans are that already.
    fn numeric(&self, expr: &mut Expr) {
        if self.is_condition(expr) && !self.is_boolean_column(expr) {
            *expr = cast_to(expr.clone(), DataType::BigInt(None));
        }
    }

    /// A value as a condition: whether the number that it is, or that it starts with, is not 0.
    fn truth(&self, expr: &mut Expr) {
        if let Expr::Nested(inner) = expr {
            return self.truth(inner);
        }
        // Columns of booleans are numbers here.
        let is_number = self.is_number_column(expr)
            || matches!(expr, Expr::Value(value) if matches!(value.value, Literal::Number(..)));
        let is_null = matches!(expr, Expr::Value(value) if value.value == Literal::Null);
        if is_null || (!is_number && self.is_condition(expr)) {
            return;
        }
        let number = if is_number {
            expr.clone()
        } else {
            call("to_real", vec![expr.clone()])
        };
        *expr = Expr::BinaryOp {
            left: Box::new(number),
            op: BinaryOperator::NotEq,
            right: Box::new(number_literal(0)),
        };
    }

    fn is_number_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_number(column))
    }

    fn is_text_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_text(column))
    }

    /// A number becomes a text where it is compared with a column of texts.
    fn compared(&self, column: &Expr, other: &mut Expr) {
        self.beside(column, other);
        if let Expr::Value(ValueWithSpan {
            value: Literal::Number(digits, _),
            ..
        }) = other
            && self.is_text_column(column)
        {
            let written = match number(digits) {
                Some(Value::Real(real)) => real_text(real),
                _ => digits.clone(),
            };
            *other = text(&written);
        }
    }

    /// A text that is a number becomes one beside a column of numbers.
    fn beside(&self, column: &Expr, other: &mut Expr) {
        if !self.is_number_column(column) {
            return;
        }
        let Expr::Value(ValueWithSpan {
            value: Literal::SingleQuotedString(typed),
            ..
        }) = other
        else {
            return;
        };
        let replaced = match number(typed) {
            Some(Value::Integer(integer)) => {
                Some(literal(Literal::Number(integer.to_string(), false)))
            }
            Some(Value::Real(real)) => Some(real_literal(real)),
            _ => None,
        };
        if let Some(replaced) = replaced {
            *other = replaced;
        }
    }

    fn is_boolean_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_boolean(column))
    }

    /// Whether an expression is true or false by its form.
    fn is_condition(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Nested(inner) => self.is_condition(inner),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                ..
            }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::Between { .. }
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Exists { .. } => true,
            Expr::BinaryOp { op, .. } => matches!(
                op,
                BinaryOperator::Eq
                    | BinaryOperator::NotEq
                    | BinaryOperator::Lt
                    | BinaryOperator::LtEq
                    | BinaryOperator::Gt
                    | BinaryOperator::GtEq
                    | BinaryOperator::And
                    | BinaryOperator::Or
            ),
            Expr::Function(function) => {
                matches!(
                    last_part(&function.name).as_str(),
                    "like" | "glob" | "json_contains"
                )
            }
            other => self.is_boolean_column(other),
        }
    }

    /// A function by its listed name, or what stands for it.
    fn function(&self, function: &mut Function) -> Result<Option<Expr>> {
        let name = last_part(&function.name).to_ascii_lowercase();
        // What the rewriting put there.
        if each::is_stand_in(&name) || name == "json_contains" {
            return Ok(None);
        }
        let mut arguments = arguments(function);
        let aggregate_of_booleans =
            matches!(name.as_str(), "sum" | "total" | "avg" | "min" | "max");
        if aggregate_of_booleans {
            for argument in arguments.iter_mut().flatten() {
                self.numeric(argument);
            }
        }
        let known = functions::known(&name, arguments.as_ref().map_or(1, Vec::len))?;
        if let (Some(template), Some(arguments)) = (known.template, &arguments) {
            let mut replaced = template(arguments);
            if let Expr::Case { conditions, .. } = &mut replaced {
                for case in conditions {
                    self.truth(&mut case.condition);
                }
            }
            return Ok(Some(replaced));
        }
        function.name = ObjectName(vec![ObjectNamePart::Identifier(quoted(known.name))]);
        if let (true, Some(arguments)) = (aggregate_of_booleans, arguments)
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args = arguments.into_iter().map(unnamed).collect();
        }
        Ok(None)
    }
}

/// The name of the column that an expression is, in brackets or not.
pub(super) fn column_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Identifier(ident) => Some(&ident.value),
        Expr::CompoundIdentifier(parts) => parts.last().map(|part| part.value.as_str()),
        Expr::Nested(inner) => column_of(inner),
        _ => None,
    }
}

/// What the parser reads as syntax of its own, as the function that SQLite calls; and what SQLite does not have.
fn keyword_form(expr: &mut Expr) -> Result<()> {
    match expr {
        Expr::Substring {
            expr: text,
            substring_from,
            substring_for,
            ..
        } => {
            let more = [substring_from, substring_for]
                .into_iter()
                .flatten()
                .map(|part| (**part).clone());
            *expr = call(
                "substr",
                std::iter::once((**text).clone()).chain(more).collect(),
            );
        }
        Expr::Trim {
            expr: text,
            trim_what,
            trim_where,
            trim_characters,
        } => {
            use datafusion::sql::sqlparser::ast::TrimWhereField;
            let name = match trim_where {
                Some(TrimWhereField::Leading) => "ltrim",
                Some(TrimWhereField::Trailing) => "rtrim",
                _ => "trim",
            };
            let what = trim_what.iter().map(|what| (**what).clone());
            let characters = trim_characters.iter().flatten().cloned();
            let arguments = std::iter::once((**text).clone());
            *expr = call(name, arguments.chain(what).chain(characters).collect());
        }
        Expr::Floor { expr: inner, .. } => *expr = call("floor", vec![(**inner).clone()]),
        Expr::Ceil { expr: inner, .. } => *expr = call("ceil", vec![(**inner).clone()]),
        Expr::ILike { .. }
        | Expr::SimilarTo { .. }
        | Expr::RLike { .. }
        | Expr::Position { .. }
        | Expr::Extract { .. }
        | Expr::Overlay { .. } => {
            return Err(Error::invalid(format!("near \"{expr}\": syntax error")));
        }
        _ => {}
    }
    Ok(())
}

/// The arguments of a function that has only plain ones.
fn arguments(function: &Function) -> Option<Vec<Expr>> {
    match &function.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => list
            .args
            .iter()
            .map(|argument| match argument {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
                _ => None,
            })
            .collect(),
    }
}

fn unnamed(expr: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
}

/// A call of a function by its exact name.
pub(super) fn call(name: &str, arguments: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(quoted(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: arguments.into_iter().map(unnamed).collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

pub(super) fn negated_if(negated: bool, expr: Expr) -> Expr {
    if negated {
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            expr: Box::new(expr),
        }
    } else {
        expr
    }
}

pub(super) fn literal(value: Literal) -> Expr {
    Expr::Value(value.with_empty_span())
}

fn text(value: &str) -> Expr {
    literal(Literal::SingleQuotedString(value.to_owned()))
}

fn is_comparison(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
    )
}

fn is_text_literal(expr: &Expr) -> bool {
    matches!(
        expr,
        Expr::Value(ValueWithSpan {
            value: Literal::SingleQuotedString(_),
            ..
        })
    )
}

/// Whether it holds, for every value of `column` but null.
fn unless_null(column: &Expr, holds: bool) -> Expr {
    Expr::BinaryOp {
        left: Box::new(column.clone()),
        op: if holds {
            BinaryOperator::Eq
        } else {
            BinaryOperator::NotEq
        },
        right: Box::new(column.clone()),
    }
}

/// Infinities are what overflows.
fn real_literal(real: f64) -> Expr {
    let digits = if real.is_infinite() {
        format!("{}9e999", if real < 0.0 { "-" } else { "" })
    } else {
        format!("{real:?}")
    };
    literal(Literal::Number(digits, false))
}

/// Whether a number is written as a real one, with a sign or without.
fn is_real_literal(expr: &Expr) -> bool {
    match expr {
        Expr::UnaryOp { expr, .. } | Expr::Nested(expr) => is_real_literal(expr),
        Expr::Value(value) => {
            matches!(&value.value, Literal::Number(digits, _) if digits.contains(['.', 'e', 'E']))
        }
        _ => false,
    }
}

/// `x in (a, b)` as `(x = a or x = b)`: in a list that mixes whole and real numbers the engine would make all of them
/// real, and whole numbers beyond 2^53 others.
fn one_of(expr: &Expr, list: &[Expr]) -> Expr {
    let binary = |left: Expr, op: BinaryOperator, right: Expr| Expr::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    };
    match list {
        [] => expr.clone(),
        [item] => binary(expr.clone(), BinaryOperator::Eq, item.clone()),
        // In halves, so that a long list is no deep tree.
        _ => {
            let (one, other) = list.split_at(list.len() / 2);
            let (one, other) = (one_of(expr, one), one_of(expr, other));
            Expr::Nested(Box::new(binary(one, BinaryOperator::Or, other)))
        }
    }
}

fn number_literal(number: i64) -> Expr {
    literal(Literal::Number(number.to_string(), false))
}

fn cast_to(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// A cast to SQLite's affinity of the type that was named.
fn cast(inner: &Expr, data_type: &DataType) -> Expr {
    use tablecast_connector::Affinity;
    let name = match Affinity::of_declaration(&data_type.to_string()) {
        Affinity::Text => "to_text",
        Affinity::Integer => "to_integer",
        Affinity::Real | Affinity::Numeric | Affinity::Blob => "to_real",
    };
    call(name, vec![inner.clone()])
}
