//! `json_each`: a row for each element of a JSON text, also of a column of a table that stands before it in FROM.
//!
//! DataFusion has no such table. The statement asks for a sub-query of stand-ins, one for each column; in the plan, the
//! sub-query becomes lists beside the rows that it reads from, and those are unnested.

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_schema::{DataType, Field};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result as DataFusionResult, TableReference, UnnestOptions};
use datafusion::logical_expr::expr::{Alias, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, SubqueryAlias, Volatility,
};
use tablecast_connector::{ColumnView, Error, Result, Value};

use super::functions::json::{EACH, each};
use super::wording;
use crate::failure::to_datafusion;

/// The name of the stand-in of a column of `json_each`, which no statement calls: it only stands in FROM.
pub(super) fn stand_in(column: &str) -> String {
    format!("json_each {column}")
}

/// Whether a function is one of the stand-ins.
pub(super) fn is_stand_in(name: &str) -> bool {
    name.strip_prefix("json_each ")
        .is_some_and(|column| EACH.contains(&column))
}

/// The stand-ins of all columns.
pub(super) fn stand_ins() -> Vec<Arc<ScalarUDF>> {
    EACH.iter()
        .map(|column| {
            Arc::new(ScalarUDF::from(Each {
                column,
                name: stand_in(column),
                gives: Gives::Element,
                signature: Signature::variadic_any(Volatility::Immutable),
            }))
        })
        .collect()
}

/// `plan` with lists that are unnested in the place of stand-ins.
pub(super) fn unnested(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan
        .transform_up_with_subqueries(replaced)
        .map_err(wording::error)?
        .data;
    let mut is_left = false;
    let looked = plan.apply_with_subqueries(|node| {
        is_left |= matches!(node, LogicalPlan::Projection(projection)
            if elements(projection).is_some());
        Ok(TreeNodeRecursion::Continue)
    });
    looked.map_err(wording::error)?;
    if is_left {
        return Err(Error::unsupported(
            "json_each of an outer query's column is not there on this source",
        )
        .hint("Join json_each in FROM, or write x in (select value from json_each(column))"));
    }
    Ok(plan)
}

fn replaced(plan: LogicalPlan) -> DataFusionResult<Transformed<LogicalPlan>> {
    if let LogicalPlan::Projection(projection) = &plan
        && let Some(elements) = elements(projection)
        && !plan.contains_outer_reference()
    {
        let input = Arc::clone(&projection.input);
        return unnest(input, &elements, None).map(Transformed::yes);
    }
    let LogicalPlan::Join(join) = &plan else {
        return Ok(Transformed::no(plan));
    };
    let Some((projection, alias)) = of_row(&join.right) else {
        return Ok(Transformed::no(plan));
    };
    let Some(elements) = elements(projection) else {
        return Ok(Transformed::no(plan));
    };
    if join.join_type != JoinType::Inner {
        return Err(to_datafusion(Error::unsupported(
            "json_each of a column is joined by a comma or an inner join on this source",
        )));
    }
    let unnested = unnest(Arc::clone(&join.left), &elements, alias)?;
    let mut builder = LogicalPlanBuilder::from(unnested);
    for (left, right) in &join.on {
        builder = builder.filter(left.clone().eq(right.clone()))?;
    }
    if let Some(filter) = &join.filter {
        builder = builder.filter(filter.clone())?;
    }
    builder.build().map(Transformed::yes)
}

/// The sub-query that reads the row beside it, with its name.
fn of_row(plan: &LogicalPlan) -> Option<(&Projection, Option<&TableReference>)> {
    match plan {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
            of_row(input).map(|(projection, _)| (projection, Some(alias)))
        }
        LogicalPlan::Subquery(subquery) => of_row(&subquery.subquery),
        LogicalPlan::Projection(projection) if plan.contains_outer_reference() => {
            Some((projection, None))
        }
        _ => None,
    }
}

/// A column of `json_each` with its arguments.
struct Element {
    column: String,
    arguments: Vec<Expr>,
}

/// The columns, if the projection is one of stand-ins.
fn elements(projection: &Projection) -> Option<Vec<Element>> {
    let element = |expr: &Expr| {
        let Expr::Alias(Alias { expr, name, .. }) = expr else {
            return None;
        };
        let Expr::ScalarFunction(ScalarFunction { func, args }) = expr.as_ref() else {
            return None;
        };
        is_stand_in(func.name()).then(|| Element {
            column: name.clone(),
            arguments: args.clone(),
        })
    };
    projection.expr.iter().map(element).collect()
}

/// The rows of `input`, each as often as it has elements, with the columns of these behind its own.
fn unnest(
    input: Arc<LogicalPlan>,
    elements: &[Element],
    alias: Option<&TableReference>,
) -> DataFusionResult<LogicalPlan> {
    let own: Vec<Expr> = input
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .collect();
    let prefix = alias.map_or_else(String::new, ToString::to_string);
    let hidden = |element: &Element| format!("json_each {prefix} {}", element.column);
    let lists = elements.iter().map(|element| {
        let arguments = element.arguments.iter().map(|argument| {
            // What was a column of the row beside is now one of the same row.
            let inner = argument.clone().transform(|expr| {
                Ok(match expr {
                    Expr::OuterReferenceColumn(_, column) => Transformed::yes(Expr::Column(column)),
                    other => Transformed::no(other),
                })
            });
            inner.map(|transformed| transformed.data)
        });
        let list = ScalarUDF::from(Each {
            column: EACH
                .iter()
                .find(|known| **known == element.column)
                .unwrap_or(&"value"),
            name: format!("json_list {}", element.column),
            gives: Gives::List,
            signature: Signature::variadic_any(Volatility::Immutable),
        });
        let arguments = arguments.collect::<DataFusionResult<Vec<_>>>()?;
        Ok(list.call(arguments).alias(hidden(element)))
    });
    let lists = lists.collect::<DataFusionResult<Vec<Expr>>>()?;
    let shown = elements.iter().map(|element| {
        let column = Expr::Column(Column::new_unqualified(hidden(element)));
        match alias {
            Some(alias) => column.alias_qualified(Some(alias.clone()), &element.column),
            None => column.alias(&element.column),
        }
    });
    let shown: Vec<Expr> = own.iter().cloned().chain(shown).collect();
    let columns = elements
        .iter()
        .map(|element| Column::new_unqualified(hidden(element)));
    LogicalPlanBuilder::from(input)
        .project(own.into_iter().chain(lists))?
        .unnest_columns_with_options(
            columns.collect(),
            UnnestOptions::new().with_preserve_nulls(false),
        )?
        .project(shown)?
        .build()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Gives {
    /// A stand-in: never run.
    Element,
    List,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Each {
    column: &'static str,
    name: String,
    gives: Gives,
    signature: Signature,
}

impl ScalarUDFImpl for Each {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(match self.gives {
            Gives::Element => DataType::Utf8,
            Gives::List => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        if self.gives == Gives::Element {
            return Err(to_datafusion(Error::internal(
                "A stand-in of json_each was run",
            )));
        }
        let rows = args.number_rows;
        let arrays = args.args.into_iter().map(|value| value.into_array(rows));
        let arrays = arrays.collect::<DataFusionResult<Vec<_>>>()?;
        let views = arrays
            .iter()
            .map(ColumnView::new)
            .collect::<Result<Vec<_>>>();
        let views = views.map_err(to_datafusion)?;
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in 0..rows {
            let values: Vec<Value> = views.iter().map(|view| view.cell(row).to_value()).collect();
            for element in each(self.column, &values).map_err(to_datafusion)? {
                lists.values().append_option(element);
            }
            lists.append(true);
        }
        Ok(ColumnarValue::Array(Arc::new(lists.finish())))
    }
}
