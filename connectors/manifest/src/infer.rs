//! Names and types of columns that a manifest does not name, found from the first rows.

use serde_json::Value as Json;

use crate::column::Column;
use crate::kind::{Kind, Written};
use crate::rows::Row;

/// So many rows are looked at.
pub(crate) const ROWS_LOOKED_AT: usize = 1000;

/// The columns of the first rows, in the order in which they come up. A column without a value is text.
pub(crate) fn columns(rows: &[Row], written: Written) -> Vec<Column> {
    let mut found: Vec<(String, Option<Kind>)> = Vec::new();
    for row in rows.iter().take(ROWS_LOOKED_AT) {
        for (name, cell) in row {
            let kind = kind_of(cell, written);
            match found.iter_mut().find(|(known, _)| known == name) {
                Some((_, known)) => *known = joined(*known, kind),
                None => found.push((name.clone(), kind)),
            }
        }
    }
    let named = found.into_iter();
    named
        .map(|(name, kind)| Column::new(&name, kind.unwrap_or(Kind::Text)))
        .collect()
}

fn kind_of(cell: &Json, written: Written) -> Option<Kind> {
    Some(match cell {
        Json::Null => return None,
        Json::Bool(_) => Kind::Boolean,
        Json::Number(number) if number.is_i64() => Kind::Integer,
        // A whole number beyond 64 bits with a sign would lose digits as a real.
        Json::Number(number) if number.is_u64() => Kind::Text,
        Json::Number(_) => Kind::Real,
        Json::String(text) if written == Written::AsText => kind_of_text(text),
        Json::String(_) => Kind::Text,
        Json::Array(_) | Json::Object(_) => Kind::Json,
    })
}

/// A number only where it is written as numbers are: `007` is a code, not seven.
fn kind_of_text(text: &str) -> Kind {
    if matches!(text, "true" | "false") {
        return Kind::Boolean;
    }
    if let Ok(number) = text.parse::<i64>() {
        let is_plain = number.to_string() == text;
        return if is_plain { Kind::Integer } else { Kind::Text };
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
    let is_written = digits.contains(['.', 'e', 'E'])
        && digits
            .chars()
            .all(|c| c.is_ascii_digit() || ".eE+-".contains(c));
    match text.parse::<f64>() {
        Ok(real) if real.is_finite() && is_written && !is_code => Kind::Real,
        _ => Kind::Text,
    }
}

/// The type that holds values of both.
fn joined(a: Option<Kind>, b: Option<Kind>) -> Option<Kind> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b);
    };
    Some(match (a, b) {
        (a, b) if a == b => a,
        (Kind::Integer, Kind::Real) | (Kind::Real, Kind::Integer) => Kind::Real,
        (Kind::Json, _) | (_, Kind::Json) => Kind::Json,
        _ => Kind::Text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_are_found_from_the_first_rows() {
        use Written::{AsJson, AsText};
        let cases = [
            (json!([1, null, 2]), AsJson, Kind::Integer),
            (json!([1, 2.5]), AsJson, Kind::Real),
            (json!([1, "a"]), AsJson, Kind::Text),
            (json!([true, 1]), AsJson, Kind::Text),
            (json!([18_446_744_073_709_551_615_u64]), AsJson, Kind::Text),
            (json!(["a", [1]]), AsJson, Kind::Json),
            (json!([null]), AsJson, Kind::Text),
            (json!(["1", "-20"]), AsText, Kind::Integer),
            (json!(["1", "2.5e3"]), AsText, Kind::Real),
            (json!(["007"]), AsText, Kind::Text),
            (json!(["nan"]), AsText, Kind::Text),
            (json!(["99999999999999999999"]), AsText, Kind::Text),
            (json!(["true"]), AsText, Kind::Boolean),
            (json!(["1"]), AsJson, Kind::Text),
        ];
        for (cells, written, wanted) in cases {
            let row = |cell: &Json| Row::from_iter([("a".to_owned(), cell.clone())]);
            let rows: Vec<Row> = cells.as_array().into_iter().flatten().map(row).collect();
            assert_eq!(
                columns(&rows, written),
                [Column::new("a", wanted)],
                "{cells}"
            );
        }
    }
}
