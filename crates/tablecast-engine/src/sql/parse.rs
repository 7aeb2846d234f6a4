//! From text to one statement that reads, with what a rewritten AST would lose: the names that SQLite gives the columns
//! of the answer.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as EngineStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, Statement, Visit, Visitor,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use tablecast_connector::{Error, Result};

use super::dialect::{SqliteSyntax, read_memberships, read_numbers};
use super::rewrite::shown_name;
use super::size::check_size;
use super::wording::syntax;
use crate::plans::ReadOrder;

/// A statement, parsed.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) query: Box<Query>,
    pub(super) is_explain: bool,
    /// The text of each item of the first select list, `None` for a wildcard or an item with an alias.
    pub(super) items: Vec<Option<String>>,
}

impl Parsed {
    pub(super) fn statement(&self) -> EngineStatement {
        EngineStatement::Statement(Box::new(Statement::Query(self.query.clone())))
    }

    /// Whether rows must come in the order of their tables: where nothing sorts or gathers them.
    pub(super) fn order(&self) -> ReadOrder {
        let mut gathers = Gathers {
            any: self.query.order_by.is_some(),
            in_order: false,
        };
        let _ = self.query.visit(&mut gathers);
        if gathers.any && !gathers.in_order {
            ReadOrder::Any
        } else {
            ReadOrder::Table
        }
    }

    /// The names of the answer's columns: as planned, but for expressions, which are named by their text.
    pub(super) fn output_names(&self, planned: Vec<String>) -> Vec<String> {
        let shown = |name: String| shown_name(&name).to_owned();
        let planned: Vec<String> = planned.into_iter().map(shown).collect();
        if self.items.len() != planned.len() {
            return planned;
        }
        let named = planned.into_iter().zip(&self.items);
        named
            .map(|(planned, text)| text.clone().unwrap_or(planned))
            .collect()
    }
}

/// Whether a statement groups rows or calls an aggregate, and whether one that minds their order.
struct Gathers {
    any: bool,
    in_order: bool,
}

impl Visitor for Gathers {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let is_grouped =
            !matches!(&select.group_by, GroupByExpr::Expressions(list, _) if list.is_empty());
        self.any |= is_grouped || select.distinct.is_some();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            let name = function.name.to_string().to_ascii_lowercase();
            let name = name.trim_matches('"');
            self.any |= matches!(name, "count" | "sum" | "total" | "avg" | "min" | "max");
            self.in_order |= matches!(name, "group_concat" | "string_agg");
        }
        ControlFlow::Continue(())
    }
}

/// Parses exactly one SELECT, WITH or EXPLAIN.
pub(super) fn parse(sql: &str) -> Result<Parsed> {
    let dialect = SqliteSyntax;
    let mut tokens = Tokenizer::new(&dialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax(&error.into()))?;
    check_size(&tokens)?;
    let items = items(sql, &tokens);
    read_numbers(&mut tokens)?;
    read_memberships(&mut tokens);
    name_glob(&mut tokens);
    let mut statements = Parser::new(&dialect)
        .with_tokens_with_locations(tokens)
        .parse_statements()
        .map_err(|error| syntax(&error))?;
    let statement = statements
        .pop()
        .ok_or_else(|| Error::invalid("Statement must be a SELECT"))?;
    if !statements.is_empty() {
        return Err(Error::invalid(
            "You can only execute one statement at a time.",
        ));
    }
    match statement {
        Statement::Query(query) => Ok(Parsed {
            query,
            is_explain: false,
            items,
        }),
        Statement::Explain { statement, .. } => match *statement {
            Statement::Query(query) => Ok(Parsed {
                query,
                is_explain: true,
                items,
            }),
            _ => Err(Error::invalid("Statement must be a SELECT")),
        },
        _ => Err(Error::invalid("Statement must be a SELECT")),
    }
}

/// Makes `glob` between two expressions an operator: the parser knows one of its kind by another name, which SQLite
/// does not have.
fn name_glob(tokens: &mut [TokenWithSpan]) {
    let mut rest = tokens
        .iter_mut()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .peekable();
    while let Some(token) = rest.next() {
        let is_call = rest.peek().is_some_and(|next| next.token == Token::LParen);
        let Token::Word(word) = &mut token.token else {
            continue;
        };
        if word.keyword == Keyword::RLIKE {
            word.keyword = Keyword::NoKeyword;
        } else if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("glob") && !is_call
        {
            word.keyword = Keyword::RLIKE;
        }
    }
}

/// The texts of the items of the first select list outside brackets.
fn items(sql: &str, tokens: &[TokenWithSpan]) -> Vec<Option<String>> {
    let mut items = Vec::new();
    let mut depth = 0_usize;
    let mut item: Option<Vec<&TokenWithSpan>> = None;
    for token in tokens {
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word)
                if depth == 0 && item.is_none() && word.keyword == Keyword::SELECT =>
            {
                item = Some(Vec::new());
                continue;
            }
            Token::Word(word) if depth == 0 && item.is_some() && ends_list(word.keyword) => break,
            Token::SemiColon | Token::EOF => break,
            Token::Comma if depth == 0 && item.is_some() => {
                items.push(text(sql, &item.take().unwrap_or_default()));
                item = Some(Vec::new());
                continue;
            }
            _ => {}
        }
        if let Some(item) = &mut item {
            item.push(token);
        }
    }
    items.extend(item.map(|item| text(sql, &item)));
    items
}

pub(super) fn ends_list(keyword: Keyword) -> bool {
    use Keyword::{EXCEPT, FROM, GROUP, HAVING, INTERSECT, LIMIT, ORDER, UNION, WHERE, WINDOW};
    matches!(
        keyword,
        FROM | WHERE | GROUP | HAVING | ORDER | LIMIT | UNION | EXCEPT | INTERSECT | WINDOW
    )
}

/// An item's text as it was written; `None` for a plain column, a wildcard, or one with an alias.
fn text(sql: &str, item: &[&TokenWithSpan]) -> Option<String> {
    let meant: Vec<&&TokenWithSpan> = item
        .iter()
        .filter(|token| !matches!(token.token, Token::Whitespace(_)))
        .collect();
    let meant = match meant.split_first() {
        Some((first, rest))
            if is_word(first, Keyword::DISTINCT) || is_word(first, Keyword::ALL) =>
        {
            rest.to_vec()
        }
        _ => meant,
    };
    let (first, last) = (meant.first()?, meant.last()?);
    let has_alias = meant.iter().any(|token| is_word(token, Keyword::AS))
        && !meant.iter().any(|t| is_word(t, Keyword::CAST));
    let two_words = matches!(meant.as_slice(), [.., a, b]
        if matches!(b.token, Token::Word(_)) && matches!(a.token, Token::Word(_) | Token::RParen | Token::Number(..)) && !is_word(b, Keyword::END));
    let is_column = meant
        .iter()
        .all(|token| matches!(token.token, Token::Word(_) | Token::Period));
    if has_alias || two_words || is_column || matches!(last.token, Token::Mul) {
        return None;
    }
    let start = offset(sql, first.span.start)?;
    let end = offset(sql, last.span.end)?;
    sql.get(start..end).map(|text| text.trim().to_owned())
}

fn is_word(token: &TokenWithSpan, keyword: Keyword) -> bool {
    matches!(&token.token, Token::Word(word) if word.keyword == keyword)
}

/// The place of a location (lines and columns from 1, in characters) in the text.
fn offset(sql: &str, location: Location) -> Option<usize> {
    let mut line = 1;
    let mut column = 1;
    for (place, c) in sql.char_indices() {
        if line == location.line && column == location.column {
            return Some(place);
        }
        if c == '\n' {
            line += 1;
            column = 1;
        } else {
            column += 1;
        }
    }
    (line == location.line && column == location.column).then_some(sql.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_named_by_their_text() {
        for (sql, items) in [
            (
                "select count(*), a, b as c, 1+1 from t",
                vec![Some("count(*)"), None, None, Some("1+1")],
            ),
            ("select *", vec![None]),
            (
                "with x as (select 1, 2) select  avg( a ) from x",
                vec![Some("avg( a )")],
            ),
            (
                "select distinct max(a, b) m, 'é' || 'x'",
                vec![None, Some("'é' || 'x'")],
            ),
        ] {
            let parsed = parse(sql).expect(sql);
            let expected: Vec<Option<String>> = items
                .into_iter()
                .map(|item| item.map(str::to_owned))
                .collect();
            assert_eq!(parsed.items, expected, "{sql}");
        }
    }

    #[test]
    fn what_is_not_one_select_is_refused() {
        for (sql, words) in [
            ("select from where", "syntax error"),
            ("select 1; select 2", "one statement at a time"),
            ("delete from t", "must be a SELECT"),
            ("select 1 limit 1 union select 2", "near \"union\""),
            ("select (", "incomplete"),
        ] {
            let error = parse(sql).expect_err(sql).to_string();
            assert!(error.contains(words), "{sql}: {error}");
        }
    }
}
