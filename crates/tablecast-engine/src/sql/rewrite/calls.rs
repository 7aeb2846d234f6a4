//! Calls: functions by their listed names, and what the parser reads as syntax of its own.

use datafusion::sql::sqlparser::ast::{
    DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName,
    ObjectNamePart,
};
use tablecast_connector::{Error, Result};

use super::super::functions;
use super::super::names::last_part;
use super::super::spelled::{call, quoted, unnamed};
use super::Rewriting;

impl Rewriting<'_> {
    /// A function by its listed name, or what stands for it.
    pub(super) fn function(&self, function: &mut Function) -> Result<Option<Expr>> {
        let name = last_part(&function.name).to_ascii_lowercase();
        // What the rewriting put there.
        if super::super::each::is_stand_in(&name) || name == "json_contains" {
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
            // Such as `max(a, b)`, which is null if one of them is.
            if !arguments
                .iter()
                .all(|argument| self.budget.allows(argument, 1))
            {
                return Ok(None);
            }
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

/// What the parser reads as syntax of its own, as the function that SQLite calls; and what SQLite does not have.
pub(super) fn keyword_form(expr: &mut Expr) -> Result<()> {
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
pub(super) fn arguments(function: &Function) -> Option<Vec<Expr>> {
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

/// A cast to SQLite's affinity of the type that was named.
pub(super) fn cast(inner: &Expr, data_type: &DataType) -> Expr {
    use tablecast_connector::Affinity;
    let name = match Affinity::of_declaration(&data_type.to_string()) {
        Affinity::Text => "to_text",
        Affinity::Integer => "to_integer",
        Affinity::Real | Affinity::Numeric | Affinity::Blob => "to_real",
    };
    call(name, vec![inner.clone()])
}
