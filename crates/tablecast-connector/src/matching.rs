//! A predicate held against one row, cell by cell: the reference that faster ways are tested against, and enough for
//! a source of few rows.

use crate::day::day;
use crate::predicate::compare_values;
use crate::{Cell, Predicate, Value, number};

impl Predicate {
    /// Whether the row passes: `None` is SQL's null. `cell_of` gives the row's cell of a column.
    ///
    /// `Date` is decided by the day of an ISO text, by universal time; `SQLite`'s other forms of dates are the engine's.
    pub fn matches<'a>(&self, cell_of: &impl Fn(&str) -> Cell<'a>) -> Option<bool> {
        match self {
            Self::Constant(holds) => Some(*holds),
            Self::IsNull(column) => Some(cell_of(column).is_null()),
            Self::Not(inner) => inner.matches(cell_of).map(|holds| !holds),
            Self::All(inner) => {
                conjunction(inner.iter().map(|predicate| predicate.matches(cell_of)))
            }
            Self::Any(inner) => conjunction(
                inner
                    .iter()
                    .map(|predicate| predicate.matches(cell_of).map(|h| !h)),
            )
            .map(|holds| !holds),
            Self::Compare {
                column,
                comparison,
                value,
            } => {
                let cell = cell_value(&cell_of(column))?;
                Some(comparison.holds(compare_values(&cell, value)))
            }
            Self::In { column, values } => {
                let cell = cell_value(&cell_of(column))?;
                Some(
                    values
                        .iter()
                        .any(|value| compare_values(&cell, value).is_eq()),
                )
            }
            Self::Like { column, pattern } => Some(like(&sqlite_text(&cell_of(column))?, pattern)),
            Self::Glob { column, pattern } => Some(glob(&sqlite_text(&cell_of(column))?, pattern)),
            Self::ArrayContains { column, value } => array_contains(&cell_of(column), value),
            Self::Date { column, value } => {
                let text = sqlite_text(&cell_of(column))?;
                Some(day(&text)?.as_ref() == value.as_str())
            }
        }
    }
}

/// SQL's `and`: false if one is false, else null if one is null.
pub fn conjunction(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut result = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            None => result = None,
            Some(true) => {}
        }
    }
    result
}

fn cell_value(cell: &Cell<'_>) -> Option<Value> {
    Some(cell.to_value()).filter(|value| *value != Value::Null)
}

/// The cell as `SQLite` casts it to text; `None` for null.
pub fn sqlite_text(cell: &Cell<'_>) -> Option<String> {
    match cell.to_value() {
        Value::Null => None,
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Real(real) => Some(real_text(real)),
        Value::Text(text) => Some(text),
        Value::Blob(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// A real number as `SQLite` writes it as text (`%!.15g`): at most 15 significant digits, always with a point.
pub fn real_text(real: f64) -> String {
    if real.is_infinite() {
        return if real > 0.0 {
            "Inf".to_owned()
        } else {
            "-Inf".to_owned()
        };
    }
    if real == 0.0 {
        return "0.0".to_owned();
    }
    let sign = if real < 0.0 { "-" } else { "" };
    let (digits, exponent) = fifteen_digits(real.abs());
    let digits = digits.to_string();
    let digits = digits.trim_end_matches('0');
    if !(-4..15).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        let mark = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{first}.{rest}e{mark}{:02}", exponent.abs());
    }
    if exponent < 0 {
        return format!(
            "{sign}0.{}{digits}",
            "0".repeat(exponent.unsigned_abs() as usize - 1)
        );
    }
    let whole = exponent as usize + 1;
    let padded = format!("{digits:0<whole$}");
    let (whole, fraction) = padded.split_at(whole);
    format!(
        "{sign}{whole}.{}",
        if fraction.is_empty() { "0" } else { fraction }
    )
}

/// The first 15 decimal digits of a positive number and the power of ten of the first. Halves go up, as in `SQLite`,
/// not to the even digit as Rust's formatting does it.
fn fifteen_digits(real: f64) -> (u64, i32) {
    let scientific = format!("{real:.18e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let rounded = (digits.parse::<u64>().unwrap_or(0) + 5_000) / 10_000;
    if rounded == 1_000_000_000_000_000 {
        (rounded / 10, exponent + 1)
    } else {
        (rounded, exponent)
    }
}

fn array_contains(cell: &Cell<'_>, value: &str) -> Option<bool> {
    match cell {
        Cell::List(list) => Some(list.iter().any(|item| item_is(&item.to_value(), value))),
        Cell::Text(text) => json_contains(&serde_json::from_str(text).ok()?, value),
        _ => None,
    }
}

/// As `SQLite`'s `json_each` sees it: an object has its members, a scalar is its own only element, an element that is
/// an array or object is its JSON text. With a null among the elements, one that is not found may be that.
fn json_contains(json: &serde_json::Value, value: &str) -> Option<bool> {
    let is = |item: &serde_json::Value| match item {
        serde_json::Value::String(text) => text == value,
        serde_json::Value::Array(_) | serde_json::Value::Object(_) => {
            let text = item.to_string();
            text == value
        }
        _ => false,
    };
    let found = |items: &mut dyn Iterator<Item = &serde_json::Value>| {
        let mut has_null = false;
        for item in items {
            if is(item) {
                return Some(true);
            }
            has_null |= item.is_null();
        }
        (!has_null).then_some(false)
    };
    match json {
        serde_json::Value::Array(items) => found(&mut items.iter()),
        serde_json::Value::Object(members) => found(&mut members.values()),
        scalar => found(&mut std::iter::once(scalar)),
    }
}

fn item_is(item: &Value, value: &str) -> bool {
    match item {
        Value::Text(text) => text == value,
        item => number(value).is_some_and(|number| compare_values(item, &number).is_eq()),
    }
}

/// `SQLite`'s `like`: `%` any characters, `_` one, ASCII letters without case.
pub fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
    let pattern: Vec<Part> = pattern.chars().map(like_part).collect();
    matches_parts(&text, &pattern)
}

fn like_part(c: char) -> Part {
    match c {
        '%' => Part::Any,
        '_' => Part::One,
        other => Part::Is(other.to_ascii_lowercase()),
    }
}

/// `SQLite`'s `like … escape`: a character behind `escape` is itself. A pattern that ends in `escape` matches nothing.
pub fn like_escaped(text: &str, pattern: &str, escape: char) -> bool {
    let text: Vec<char> = text.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut parts = Vec::new();
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        if c != escape {
            parts.push(like_part(c));
        } else if let Some(meant) = rest.next() {
            parts.push(Part::Is(meant.to_ascii_lowercase()));
        } else {
            return false;
        }
    }
    matches_parts(&text, &parts)
}

/// `SQLite`'s `glob`: `*` any characters, `?` one, `[a-z]` and `[^a-z]` one of a set; case matters.
pub fn glob(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    glob_parts(pattern).is_some_and(|parts| matches_parts(&text, &parts))
}

#[derive(Debug)]
enum Part {
    Any,
    One,
    Is(char),
    Set {
        inverted: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Part {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Is(known) => *known == c,
            Self::Set { inverted, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *inverted
            }
        }
    }
}

/// The parts of a glob; `None` for a set that does not end, which matches nothing.
fn glob_parts(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut rest = pattern.chars().peekable();
    while let Some(c) = rest.next() {
        parts.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '[' => {
                let inverted = rest.next_if_eq(&'^').is_some();
                Part::Set {
                    inverted,
                    ranges: set_ranges(&mut rest)?,
                }
            }
            other => Part::Is(other),
        });
    }
    Some(parts)
}

fn set_ranges(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    loop {
        let from = rest.next()?;
        if from == ']' && !ranges.is_empty() {
            return Some(ranges);
        }
        let mut ahead = rest.clone();
        let to = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) if to != ']' => {
                *rest = ahead;
                to
            }
            _ => from,
        };
        ranges.push((from, to));
    }
}

/// Greedy matching that goes back only to the last `Any`: linear in practice, at worst the product of the lengths.
fn matches_parts(text: &[char], parts: &[Part]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(at) {
        match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
            }
            Some(other) if other.accepts(*c) => {
                at += 1;
                part += 1;
            }
            _ => {
                let Some((after_any, from)) = retry else {
                    return false;
                };
                retry = Some((after_any, from + 1));
                part = after_any;
                at = from + 1;
            }
        }
    }
    parts
        .get(part..)
        .is_none_or(|rest| rest.iter().all(|part| matches!(part, Part::Any)))
}

#[cfg(test)]
mod tests {
    use arrow_schema::DataType;

    use super::*;
    use crate::{Column, Operator};

    fn passes(data_type: DataType, cell: Cell<'_>, operator: Operator, value: &str) -> bool {
        let column = Column::new("c", data_type);
        let predicate =
            Predicate::from_condition(&column, operator, value).expect("a valid filter");
        predicate.matches(&|_| cell) == Some(true)
    }

    #[test]
    fn conditions_follow_sqlite() {
        use Operator as O;
        let int = |v| (DataType::Int64, Cell::Integer(v));
        let text = |v| (DataType::Utf8, Cell::Text(v));
        for ((data_type, cell), operator, value, expected) in [
            (int(7), O::Exact, "7.0", true),
            (int(7), O::Exact, " 7 ", true),
            (int(7), O::Gt, "abc", false),
            (int(7), O::Lt, "abc", true),
            (int(7), O::Not, "abc", true),
            (int(i64::MAX), O::Lt, "9223372036854775808", true),
            (int(17), O::Contains, "7", true),
            (int(7), O::In, "1, 7", true),
            (int(7), O::NotIn, "[1,null]", false),
            (int(7), O::IsBlank, "", false),
            (int(7), O::NotBlank, "", true),
            (text("Abc"), O::StartsWith, "aB", true),
            (text("7"), O::Exact, "7.0", false),
            (text("7"), O::In, "[7]", true),
            (text("ab"), O::Glob, "a[a-c]", true),
            (text("ab"), O::Glob, "A*", false),
            (text("[\"x\"]"), O::ArrayContains, "x", true),
            (text("2019-01-02 10:00"), O::Date, "2019-01-02", true),
            (
                (DataType::Float64, Cell::Real(f64::NAN)),
                O::IsNull,
                "",
                true,
            ),
            (
                (DataType::Float64, Cell::Real(f64::NAN)),
                O::Not,
                "1",
                false,
            ),
            (
                (DataType::Boolean, Cell::Boolean(true)),
                O::Exact,
                "true",
                true,
            ),
            (
                (DataType::Boolean, Cell::Boolean(true)),
                O::Exact,
                "1",
                true,
            ),
        ] {
            assert_eq!(
                passes(data_type, cell, operator, value),
                expected,
                "{cell:?} {operator:?} {value}"
            );
        }
    }

    #[test]
    fn reals_become_text_as_in_sqlite() {
        for (real, text) in [
            (1.0, "1.0"),
            (-0.1, "-0.1"),
            (1e15, "1.0e+15"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1.5e-7, "1.5e-07"),
            (0.000_1, "0.0001"),
            (2.0 / 3.0, "0.666666666666667"),
        ] {
            assert_eq!(real_text(real), text);
        }
    }

    #[test]
    fn a_pattern_goes_back_to_its_last_star_only() {
        assert!(like("aXbXc", "a%x%C"));
        assert!(!like("aXb", "a%x%c"));
        assert!(glob("]", "[]]"));
        assert!(!glob("a", "[a"));
    }
}
