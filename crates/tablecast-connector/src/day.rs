//! The day of an ISO text, by universal time, as SQLite's `date()` has it.

use std::borrow::Cow;

const DAY_MINUTES: i32 = 24 * 60;

/// The day (`YYYY-MM-DD`) of a date, alone or before a time; of a time with a zone (`+01:30`), the day that it is in
/// universal time. `None` if the text is no date.
pub fn day(text: &str) -> Option<Cow<'_, str>> {
    let (date, time) = text.split_at_checked(10)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let is_time = match time.as_bytes() {
        [] => true,
        [b' ' | b'T', hour, ..] => hour.is_ascii_digit(),
        _ => false,
    };
    if !is_date || !is_time {
        return None;
    }
    match shift(time) {
        0 => Some(Cow::Borrowed(date)),
        days => moved(date, days).map(Cow::Owned),
    }
}

/// By how many days the universal time of `[T ]HH:MM…±HH:MM` is off.
fn shift(time: &str) -> i32 {
    let minutes = |text: &str| -> Option<i32> {
        let (hours, minutes) = text.split_at_checked(2)?;
        let minutes = minutes.strip_prefix(':')?.get(..2)?;
        Some(hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?)
    };
    let of_day = time.get(1..).and_then(minutes);
    let zone = time.len().checked_sub(6).and_then(|at| time.get(at..));
    let east = zone.and_then(|zone| {
        let (sign, rest) = zone.split_at_checked(1)?;
        match sign {
            "+" => minutes(rest),
            "-" => minutes(rest).map(|minutes| -minutes),
            _ => None,
        }
    });
    match (of_day, east) {
        (Some(of_day), Some(east)) => (of_day - east).div_euclid(DAY_MINUTES),
        _ => 0,
    }
}

/// The date a day earlier or later.
fn moved(date: &str, days: i32) -> Option<String> {
    let part = |range: std::ops::Range<usize>| date.get(range)?.parse::<i32>().ok();
    let (mut year, mut month, mut day) = (part(0..4)?, part(5..7)?, part(8..10)?);
    day += days;
    if day < 1 {
        month -= 1;
        if month < 1 {
            (year, month) = (year - 1, 12);
        }
        day += month_days(year, month);
    } else if day > month_days(year, month) {
        day -= month_days(year, month);
        month += 1;
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn month_days(year: i32, month: i32) -> i32 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_that_of_universal_time() {
        for (text, wanted) in [
            ("2024-02-29", Some("2024-02-29")),
            ("2024-02-29 23:59", Some("2024-02-29")),
            ("2024-02-29T23:59:59.999Z", Some("2024-02-29")),
            ("2024-02-29T23:59:59+00:00", Some("2024-02-29")),
            ("2024-02-29T23:59:59-05:00", Some("2024-03-01")),
            ("2023-02-28 20:00-04:00", Some("2023-03-01")),
            ("2023-12-31T22:30:00.5-01:30", Some("2024-01-01")),
            ("2024-01-01T00:23:17+01:00", Some("2023-12-31")),
            ("2024-03-01T01:00+01:30", Some("2024-02-29")),
            ("2024-03-01T01:30+01:30", Some("2024-03-01")),
            ("2024-02-2", None),
            ("2024/02/29", None),
            ("2024-02-29x", None),
            ("soon, very soon", None),
            ("2024-02-29T+é:00", None),
        ] {
            assert_eq!(day(text).as_deref(), wanted, "{text}");
        }
    }
}
