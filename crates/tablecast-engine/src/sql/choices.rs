//! Where values of several expressions come together (`case`, `coalesce`, `union`), whole numbers with a sign beside `uint64`:
//! the engine would make decimals of both, which SQLite does not have. They become 64 bits with a sign; one that is larger is
//! an error where it comes up.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result as DataFusionResult};
use datafusion::logical_expr::{
    Case, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Union, cast,
};
use tablecast_connector::Result;

use super::wording;

/// Functions whose answer is one of their arguments.
const CHOOSING: &[&str] = &["coalesce", "nullif", "greatest", "least"];

/// `plan` with all choices between whole numbers in one type.
pub(super) fn in_one_type(plan: LogicalPlan) -> Result<LogicalPlan> {
    let planned = plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Union(union) => united(union)?,
            other => other,
        };
        let mut schema = DFSchema::empty();
        for input in node.inputs() {
            schema.merge(input.schema());
        }
        if node.inputs().is_empty() {
            schema.merge(node.schema());
        }
        let changed =
            node.map_expressions(|expr| expr.transform_up(|expr| chosen(expr, &schema)))?;
        if changed.transformed {
            return changed.map_data(LogicalPlan::recompute_schema);
        }
        Ok(changed)
    });
    planned.map(|planned| planned.data).map_err(wording::error)
}

fn chosen(expr: Expr, schema: &DFSchema) -> DataFusionResult<Transformed<Expr>> {
    match expr {
        Expr::Case(case) => {
            let branches = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            let branches = branches.chain(case.else_expr.as_deref());
            if !is_mixed(branches, schema) {
                return Ok(Transformed::no(Expr::Case(case)));
            }
            let Case {
                expr,
                when_then_expr,
                else_expr,
            } = case;
            let then = when_then_expr
                .into_iter()
                .map(|(when, then)| Ok((when, Box::new(signed(*then, schema)?))));
            Ok(Transformed::yes(Expr::Case(Case {
                expr,
                when_then_expr: then.collect::<DataFusionResult<_>>()?,
                else_expr: match else_expr {
                    Some(other) => Some(Box::new(signed(*other, schema)?)),
                    None => None,
                },
            })))
        }
        Expr::ScalarFunction(mut function)
            if CHOOSING.contains(&function.name()) && is_mixed(function.args.iter(), schema) =>
        {
            let arguments = std::mem::take(&mut function.args).into_iter();
            function.args = arguments
                .map(|argument| signed(argument, schema))
                .collect::<DataFusionResult<_>>()?;
            Ok(Transformed::yes(Expr::ScalarFunction(function)))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn is_mixed<'a>(exprs: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> bool {
    let types: Vec<DataType> = exprs
        .filter_map(|expr| expr.get_type(schema).ok())
        .collect();
    types.contains(&DataType::UInt64) && types.iter().any(DataType::is_signed_integer)
}

fn signed(expr: Expr, schema: &DFSchema) -> DataFusionResult<Expr> {
    Ok(if expr.get_type(schema)? == DataType::UInt64 {
        cast(expr, DataType::Int64)
    } else {
        expr
    })
}

/// A union whose columns are of one type of whole numbers each.
fn united(union: Union) -> DataFusionResult<LogicalPlan> {
    let types_of = |place: usize| {
        let inputs = union.inputs.iter();
        inputs.map(move |input| input.schema().field(place).data_type())
    };
    let is_mixed = |place: usize| {
        types_of(place).any(|kind| *kind == DataType::UInt64)
            && types_of(place).any(DataType::is_signed_integer)
    };
    let width = union.schema.fields().len();
    let mixed: Vec<bool> = (0..width).map(is_mixed).collect();
    if !mixed.contains(&true) {
        return Ok(LogicalPlan::Union(union));
    }
    let one = |input: &Arc<LogicalPlan>| {
        let columns = input.schema().columns();
        let exprs = columns.into_iter().zip(&mixed).map(|(column, mixed)| {
            let name = column.name.clone();
            let expr = Expr::Column(column);
            if *mixed {
                Ok(signed(expr, input.schema())?.alias(name))
            } else {
                Ok(expr)
            }
        });
        let exprs = exprs.collect::<DataFusionResult<Vec<_>>>()?;
        LogicalPlanBuilder::from(Arc::clone(input))
            .project(exprs)?
            .build()
            .map(Arc::new)
    };
    let inputs = union
        .inputs
        .iter()
        .map(one)
        .collect::<DataFusionResult<_>>()?;
    Union::try_new_with_loose_types(inputs).map(LogicalPlan::Union)
}
