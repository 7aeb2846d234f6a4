//! Functions of dates and times, on ISO texts. Modifiers are not there yet: they are refused by the number of arguments.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]

use tablecast_connector::{Result, Value};

use super::rows::{RowFunction, function, text};

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("date", 1..=1, Text, |values| part(values, Part::Date)),
    function!("time", 1..=1, Text, |values| part(values, Part::Time)),
    function!("datetime", 1..=1, Text, |values| part(values, Part::Both)),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Date,
    Time,
    Both,
}

/// A part of an ISO text; null for what is not one.
fn part(values: &[Value], part: Part) -> Result<Value> {
    let Some(text) = values.first().and_then(text) else {
        return Ok(Value::Null);
    };
    let Some((date, time)) = split(text.trim()) else {
        return Ok(Value::Null);
    };
    Ok(match part {
        Part::Date => date.into(),
        Part::Time => time.into(),
        Part::Both => format!("{date} {time}").into(),
    })
}

fn split(text: &str) -> Option<(String, String)> {
    let date = text.get(..10)?;
    let mut numbers = date.split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let is_date = year <= 9999
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && date.as_bytes().get(4) == Some(&b'-');
    if !is_date {
        return None;
    }
    let rest = text.get(10..)?.trim_start_matches(['T', ' ']);
    let rest = rest
        .trim_end_matches('Z')
        .split(['+', '.'])
        .next()
        .unwrap_or_default();
    let mut parts = rest.split(':').map(|part| part.parse::<u32>().ok());
    let time = match (
        rest.is_empty(),
        parts.next().flatten(),
        parts.next().flatten(),
        parts.next(),
    ) {
        (true, ..) => "00:00:00".to_owned(),
        (_, Some(hours @ 0..=23), Some(minutes @ 0..=59), None) => {
            format!("{hours:02}:{minutes:02}:00")
        }
        (_, Some(hours @ 0..=23), Some(minutes @ 0..=59), Some(Some(seconds @ 0..=59))) => {
            format!("{hours:02}:{minutes:02}:{seconds:02}")
        }
        _ => return None,
    };
    Some((date.to_owned(), time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_texts_have_parts_and_others_are_null() {
        for (text, expected) in [
            ("2019-01-14 08:00:00", Some("2019-01-14 08:00:00")),
            ("2019-01-14T08:00Z", Some("2019-01-14 08:00:00")),
            ("2019-01-14", Some("2019-01-14 00:00:00")),
            ("2019-13-14", None),
            ("x", None),
            ("2019-01-14 25:00", None),
        ] {
            let found = part(&[Value::from(text)], Part::Both).expect("an answer");
            assert_eq!(found, expected.map_or(Value::Null, Value::from), "{text}");
        }
    }
}
