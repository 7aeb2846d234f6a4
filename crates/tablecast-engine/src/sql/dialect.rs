//! SQLite's syntax, where the parser's own idea of it falls short: which operator binds tighter, `is` with any value,
//! shifts, and how numbers are written.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, Precedence, SQLiteDialect};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};
use tablecast_connector::{Error, Result};

/// SQLite's dialect of SQL.
#[derive(Debug)]
pub(super) struct SqliteSyntax;

/// How tight operators bind, above what the parser has for `+`, which is 30, and for `*`, which is 40.
const CONCATENATED: u8 = 45;
const BITS: u8 = 23;
const LESS: u8 = 22;
const EQUAL: u8 = 20;

impl Dialect for SqliteSyntax {
    fn dialect(&self) -> TypeId {
        SQLiteDialect {}.dialect()
    }

    fn is_delimited_identifier_start(&self, sign: char) -> bool {
        SQLiteDialect {}.is_delimited_identifier_start(sign)
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        SQLiteDialect {}.identifier_quote_style(identifier)
    }

    fn is_identifier_start(&self, sign: char) -> bool {
        SQLiteDialect {}.is_identifier_start(sign)
    }

    fn is_identifier_part(&self, sign: char) -> bool {
        SQLiteDialect {}.is_identifier_part(sign)
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn supports_in_empty_list(&self) -> bool {
        true
    }

    fn supports_limit_comma(&self) -> bool {
        true
    }

    fn supports_dollar_placeholder(&self) -> bool {
        true
    }

    fn supports_notnull_operator(&self) -> bool {
        true
    }

    fn supports_comma_separated_trim(&self) -> bool {
        true
    }

    fn supports_bitwise_shift_operators(&self) -> bool {
        true
    }

    fn supports_numeric_literal_underscores(&self) -> bool {
        true
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Is | Precedence::Like | Precedence::Between => EQUAL,
            other => SQLiteDialect {}.prec_value(other),
        }
    }

    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::StringConcat => Some(Ok(CONCATENATED)),
            Token::Ampersand | Token::Pipe | Token::ShiftLeft | Token::ShiftRight => Some(Ok(BITS)),
            Token::Lt | Token::LtEq | Token::Gt | Token::GtEq => Some(Ok(LESS)),
            word if is_isnull(word) => Some(Ok(EQUAL)),
            _ => None,
        }
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        expr: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        let left = || Box::new(expr.clone());
        if is_isnull(&parser.peek_token_ref().token) {
            parser.advance_token();
            return Some(Ok(Expr::IsNull(left())));
        }
        if let Some(is_not) = is_any(parser) {
            parser.advance_token();
            if is_not {
                parser.advance_token();
            }
            let right = match parser.parse_subexpr(precedence) {
                Ok(right) => Box::new(right),
                Err(error) => return Some(Err(error)),
            };
            return Some(Ok(if is_not {
                Expr::IsDistinctFrom(left(), right)
            } else {
                Expr::IsNotDistinctFrom(left(), right)
            }));
        }
        SQLiteDialect {}.parse_infix(parser, expr, precedence)
    }
}

fn is_isnull(token: &Token) -> bool {
    matches!(token, Token::Word(word)
        if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("isnull"))
}

/// Whether `is` (`Some(false)`) or `is not` comes next, with a value behind it and none of the words that the parser knows.
fn is_any(parser: &Parser<'_>) -> Option<bool> {
    let keyword = |place: usize| match &parser.peek_nth_token_ref(place).token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    if keyword(0) != Keyword::IS {
        return None;
    }
    let is_not = keyword(1) == Keyword::NOT;
    let is_known = matches!(
        keyword(1 + usize::from(is_not)),
        Keyword::NULL | Keyword::TRUE | Keyword::FALSE | Keyword::DISTINCT
    );
    (!is_known).then_some(is_not)
}

/// Numbers as SQLite reads them: `1_000`, `0x1F`; and none with a word right behind it.
pub(super) fn read_numbers(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut read = Vec::with_capacity(tokens.len());
    let mut rest = std::mem::take(tokens).into_iter().peekable();
    while let Some(mut token) = rest.next() {
        let replaced = match &token.token {
            Token::Number(digits, is_long) => {
                let tail = rest.peek().and_then(|next| match &next.token {
                    Token::Word(word) if word.quote_style.is_none() => Some(word.value.clone()),
                    _ => None,
                });
                match tail {
                    Some(tail) => {
                        let number = format!("{digits}{tail}");
                        let hexadecimal = number
                            .strip_prefix("0X")
                            .filter(|digits| is_hexadecimal(digits))
                            .ok_or_else(|| unrecognized(&number))?;
                        rest.next();
                        Some(Token::Number(whole(hexadecimal)?, false))
                    }
                    None if digits.contains('_') => {
                        Some(Token::Number(digits.replace('_', ""), *is_long))
                    }
                    None => None,
                }
            }
            // `x'1F'` has one sign more, and is bytes.
            Token::HexStringLiteral(digits)
                if token.span.end.column == token.span.start.column + digits.len() as u64 + 2 =>
            {
                if !is_hexadecimal(digits) {
                    return Err(unrecognized(&format!("0x{digits}")));
                }
                Some(Token::Number(whole(digits)?, false))
            }
            _ => None,
        };
        if let Some(replaced) = replaced {
            token.token = replaced;
        }
        read.push(token);
    }
    *tokens = read;
    Ok(())
}

/// `x in t` as `x in (select * from t)`, which it means.
pub(super) fn read_memberships(tokens: &mut Vec<TokenWithSpan>) {
    let mut read = Vec::with_capacity(tokens.len());
    let mut rest = std::mem::take(tokens).into_iter().peekable();
    while let Some(token) = rest.next() {
        let is_in = is_keyword(&token.token, Keyword::IN);
        let span = token.span;
        read.push(token);
        if !is_in {
            continue;
        }
        while let Some(space) = rest.next_if(|next| matches!(next.token, Token::Whitespace(_))) {
            read.push(space);
        }
        let mut name = Vec::new();
        while let Some(part) = rest.next_if(|next| match &next.token {
            Token::Word(_) => name.len() % 2 == 0,
            Token::Period => name.len() % 2 == 1,
            _ => false,
        }) {
            name.push(part);
        }
        if name.is_empty() {
            continue;
        }
        let added = |token| TokenWithSpan { token, span };
        let space = || added(Token::Whitespace(Whitespace::Space));
        read.push(added(Token::LParen));
        read.push(added(Token::make_keyword("SELECT")));
        read.extend([space(), added(Token::Mul), space()]);
        read.push(added(Token::make_keyword("FROM")));
        read.push(space());
        read.append(&mut name);
        read.push(added(Token::RParen));
    }
    *tokens = read;
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == keyword)
}

fn is_hexadecimal(digits: &str) -> bool {
    digits.starts_with(|c: char| c.is_ascii_hexdigit())
        && digits.chars().all(|c| c.is_ascii_hexdigit() || c == '_')
}

/// A hexadecimal number of up to 64 bits, the first of which is its sign.
fn whole(digits: &str) -> Result<String> {
    let digits = digits.replace('_', "");
    u64::from_str_radix(&digits, 16)
        .map(|bits| bits.cast_signed().to_string())
        .map_err(|_| Error::invalid(format!("hex literal too big: 0x{digits}")))
}

fn unrecognized(token: &str) -> Error {
    Error::invalid(format!("unrecognized token: \"{token}\""))
}
