//! Comparisons and conditions: what is compared in which type, as far as the statement itself tells.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Ident, UnaryOperator, Value as Literal, ValueWithSpan,
};
use tablecast_connector::{Value, number, real_text};

use super::super::names::last_part;
use super::super::spelled::{
    binary, call, cast_to, column_of, is_number_literal, is_text_literal, is_whole_literal,
    literal, negated_if, number_literal, real_literal, text,
};
use super::Rewriting;

impl Rewriting<'_> {
    /// Comparisons and arithmetic: conditions joined by `&` and `|`, booleans as numbers, texts that are numbers beside
    /// columns of numbers, collations, lists and ranges.
    pub(super) fn comparison(&self, expr: &mut Expr) {
        let mut decided = None;
        match expr {
            Expr::BinaryOp { left, op, right } => {
                if is_comparison(op) {
                    self.collate_both(left, right);
                }
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
                expr,
                negated,
                low,
                high,
            } => {
                if !self.budget.allows(&**expr, 1) {
                    return;
                }
                let side = |op, limit: &Expr| {
                    let mut side = binary((**expr).clone(), op, limit.clone());
                    self.comparison(&mut side);
                    side
                };
                let both = binary(
                    side(BinaryOperator::GtEq, low),
                    BinaryOperator::And,
                    side(BinaryOperator::LtEq, high),
                );
                decided = Some(negated_if(*negated, both));
            }
            Expr::InList {
                expr,
                list,
                negated,
            } => {
                self.numeric(expr);
                if list.is_empty() {
                    let holds = number_literal(i64::from(*negated));
                    decided = Some(binary(holds, BinaryOperator::NotEq, number_literal(0)));
                }
                if let Some(first) = list.first() {
                    self.json_beside(expr, first);
                }
                for item in list.iter_mut() {
                    self.compared(expr, item);
                }
                if self.is_number_column(expr) {
                    list.retain(|item| !is_text_literal(item));
                    if decided.is_none() && list.is_empty() {
                        decided = Some(unless_null(expr, *negated));
                    }
                }
                let is_plain = (self.is_number_column(expr) && list.iter().all(is_whole_literal))
                    || (self.is_text_column(expr) && list.iter().all(is_text_literal));
                if decided.is_none()
                    && !is_plain
                    && !list.is_empty()
                    && self.budget.allows(&**expr, list.len())
                {
                    decided = Some(negated_if(*negated, self.one_of(expr, list)));
                }
            }
            _ => {}
        }
        if let Some(decided) = decided {
            *expr = decided;
        }
    }

    /// `x in (a, b)` as `(x = a or x = b)`: in a list the engine would bring all values to one type, and compare as that.
    fn one_of(&self, expr: &Expr, list: &[Expr]) -> Expr {
        match list {
            [] => expr.clone(),
            [item] => {
                let mut equal = binary(expr.clone(), BinaryOperator::Eq, item.clone());
                self.comparison(&mut equal);
                equal
            }
            // In halves, so that a long list is no deep tree.
            _ => {
                let (one, other) = list.split_at(list.len() / 2);
                let (one, other) = (self.one_of(expr, one), self.one_of(expr, other));
                Expr::Nested(Box::new(binary(one, BinaryOperator::Or, other)))
            }
        }
    }

    /// Both sides in the collation that one of them names, the left one's first. Numbers have none.
    fn collate_both(&self, left: &mut Expr, right: &mut Expr) {
        let named = [&*left, &*right].into_iter().find_map(|side| match side {
            Expr::Collate { collation, .. } => Some(last_part(collation)),
            _ => None,
        });
        let Some(name) = named else { return };
        for side in [left, right] {
            if let Expr::Collate { expr, .. } = side {
                *side = (**expr).clone();
            }
            if !self.is_number_column(side) && !is_number_literal(side) {
                *side = collated(side, &name).unwrap_or_else(|| side.clone());
            }
        }
    }

    /// Whether two values are the same, where null is a value like others.
    pub(super) fn same(&self, left: &Expr, right: &Expr, negated: bool) -> Expr {
        if !self.budget.allows(left, 2) || !self.budget.allows(right, 2) {
            return literal(Literal::Null);
        }
        let null = |expr: &Expr| Expr::IsNull(Box::new(expr.clone()));
        let there = |expr: &Expr| Expr::IsNotNull(Box::new(expr.clone()));
        let and = |left, right| binary(left, BinaryOperator::And, right);
        let mut equal = binary(left.clone(), BinaryOperator::Eq, right.clone());
        self.comparison(&mut equal);
        let same = binary(
            and(null(left), null(right)),
            BinaryOperator::Or,
            and(and(there(left), there(right)), equal),
        );
        negated_if(negated, Expr::Nested(Box::new(same)))
    }

    /// A column of numbers compared with a text that is no number: every text is larger than every number.
    pub(super) fn across_classes(
        &self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Option<Expr> {
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
    pub(super) fn numeric(&self, expr: &mut Expr) {
        if self.is_condition(expr) && !self.is_boolean_column(expr) {
            *expr = cast_to(expr.clone(), DataType::BigInt(None));
        }
    }

    /// A value as a condition: whether the number that it is, or that it starts with, is not 0.
    pub(super) fn truth(&self, expr: &mut Expr) {
        if let Expr::Nested(inner) = expr {
            return self.truth(inner);
        }
        // Columns of booleans are numbers here.
        let is_number = self.is_number_column(expr) || is_number_literal(expr);
        let is_null = matches!(expr, Expr::Value(value) if value.value == Literal::Null);
        if is_null || (!is_number && self.is_condition(expr)) {
            return;
        }
        let number = if is_number {
            expr.clone()
        } else {
            call("to_real", vec![expr.clone()])
        };
        *expr = binary(number, BinaryOperator::NotEq, number_literal(0));
    }

    /// A number becomes a text where it is compared with a column of texts.
    pub(super) fn compared(&self, column: &Expr, other: &mut Expr) {
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
    pub(super) fn beside(&self, column: &Expr, other: &mut Expr) {
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

    pub(super) fn is_number_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_number(column))
    }

    pub(super) fn is_text_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_text(column))
    }

    pub(super) fn is_boolean_column(&self, expr: &Expr) -> bool {
        column_of(expr).is_some_and(|column| self.catalog.is_boolean(column))
    }

    /// Whether an expression is true or false by its form.
    pub(super) fn is_condition(&self, expr: &Expr) -> bool {
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
            Expr::BinaryOp { op, .. } => {
                is_comparison(op) || matches!(op, BinaryOperator::And | BinaryOperator::Or)
            }
            Expr::Function(function) => {
                matches!(
                    last_part(&function.name).as_str(),
                    "like" | "glob" | "json_contains"
                )
            }
            other => self.is_boolean_column(other),
        }
    }

    /// Whether an expression is a value of JSON, which is a text here whatever it is in SQLite.
    pub(super) fn is_json_value(&self, expr: &Expr) -> bool {
        let is_value = |name: &Ident| {
            ["key", "value", "atom"]
                .iter()
                .any(|known| name.value.eq_ignore_ascii_case(known))
        };
        match expr {
            Expr::Nested(inner) => self.is_json_value(inner),
            Expr::Identifier(name) => {
                self.aliases.is_json_table(None)
                    && is_value(name)
                    && self.catalog.column(&name.value).is_none()
            }
            Expr::CompoundIdentifier(parts) => matches!(parts.as_slice(), [table, name]
                if is_value(name) && self.aliases.is_json_table(Some(&table.value))),
            Expr::Function(function) => last_part(&function.name) == "json_extract",
            _ => false,
        }
    }

    /// A value of JSON as a number, where it is compared or reckoned with one.
    pub(super) fn json_beside(&self, json: &mut Expr, other: &Expr) {
        let is_number = self.is_number_column(other)
            || is_number_literal(other)
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

/// Whether it holds, for every value of `column` but null.
fn unless_null(column: &Expr, holds: bool) -> Expr {
    let op = if holds {
        BinaryOperator::Eq
    } else {
        BinaryOperator::NotEq
    };
    binary(column.clone(), op, column.clone())
}

/// A value whose plain order is that of the collation; `None` if there is no such collation.
pub(super) fn collated(expr: &Expr, collation: &str) -> Option<Expr> {
    match collation.to_ascii_lowercase().as_str() {
        "nocase" => Some(call("lower", vec![expr.clone()])),
        "rtrim" => Some(call("rtrim", vec![expr.clone(), text(" ")])),
        "binary" => Some(expr.clone()),
        _ => None,
    }
}
