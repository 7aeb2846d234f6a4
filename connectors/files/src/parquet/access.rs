//! Which rows of which row groups of a file are read: the share of a partition, within the row numbers asked for.

use std::ops::Range;

use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::{ParquetAccessPlan, RowGroupAccess};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use parquet::arrow::arrow_reader::{RowSelection, RowSelector};

/// The row numbers that can pass conditions on the column `name`: those of a comparison, or of several that all hold.
pub(super) fn numbers(filters: &[Expr], name: &str) -> Range<u64> {
    filters.iter().fold(0..u64::MAX, |range, filter| {
        let of_filter = numbers_of(filter, name);
        range.start.max(of_filter.start)..range.end.min(of_filter.end)
    })
}

fn numbers_of(filter: &Expr, name: &str) -> Range<u64> {
    let all = 0..u64::MAX;
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = filter else {
        return all;
    };
    if *op == Operator::And {
        let (a, b) = (numbers_of(left, name), numbers_of(right, name));
        return a.start.max(b.start)..a.end.min(b.end);
    }
    let (Expr::Column(column), Expr::Literal(ScalarValue::Int64(Some(value)), _)) =
        (left.as_ref(), right.as_ref())
    else {
        return all;
    };
    if column.name != name {
        return all;
    }
    let at = |value: i64| u64::try_from(value).unwrap_or(0);
    let behind = at(value.saturating_add(1));
    match op {
        Operator::Eq => at(*value)..behind,
        Operator::Gt => behind..u64::MAX,
        Operator::GtEq => at(*value)..u64::MAX,
        Operator::Lt => 0..at(*value),
        Operator::LtEq => 0..behind,
        _ => all,
    }
}

/// Whether a condition speaks of the column `name`.
pub(super) fn speaks_of(filter: &Expr, name: &str) -> bool {
    filter
        .column_refs()
        .iter()
        .any(|column| column.name == name)
}

/// Reads the row groups whose numbers are `groups`, of those with `rows` rows each, and of them the rows within
/// `numbers`. `None` if that is nothing.
pub(super) fn access(
    rows: &[u64],
    groups: &Range<usize>,
    numbers: &Range<u64>,
) -> Option<ParquetAccessPlan> {
    let mut first = 0_u64;
    let mut is_empty = true;
    let mut accesses = Vec::with_capacity(rows.len());
    for (at, of_group) in rows.iter().enumerate() {
        let behind = first.saturating_add(*of_group);
        let start = numbers.start.clamp(first, behind);
        let end = numbers.end.clamp(start, behind);
        let access = if !groups.contains(&at) || start == end {
            RowGroupAccess::Skip
        } else if start == first && end == behind {
            RowGroupAccess::Scan
        } else {
            RowGroupAccess::Selection(selection(
                (start - first) as usize,
                (end - start) as usize,
                (behind - end) as usize,
            ))
        };
        is_empty &= access == RowGroupAccess::Skip;
        accesses.push(access);
        first = behind;
    }
    (!is_empty).then(|| ParquetAccessPlan::new(accesses))
}

fn selection(before: usize, rows: usize, behind: usize) -> RowSelection {
    let parts = [
        RowSelector::skip(before),
        RowSelector::select(rows),
        RowSelector::skip(behind),
    ];
    let parts = parts.into_iter().filter(|part| part.row_count > 0);
    RowSelection::from(parts.collect::<Vec<_>>())
}
