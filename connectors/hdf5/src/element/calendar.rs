//! What a count of units means on the calendar, as text: instants as ISO 8601 has them, days, and pandas' periods.
//!
//! Within its bounds a later count has a greater text, so that texts can be compared by their counts; only the local
//! time of a named zone goes back at times. Outside of the years 0 to 9999 there is no text.

use chrono::{DateTime, Offset, TimeZone};

const DAY_SECONDS: i64 = 86_400;
/// 0000-01-01 and 9999-12-31, in days since 1970-01-01.
const DAYS: (i64, i64) = (-719_528, 2_932_896);

/// What a count means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Calendar {
    /// An instant: so many parts of a second since 1970, in the time of a zone.
    Instant { per_second: i64, zone: Zone },
    /// A day, counted from this day (in days since 1970-01-01).
    Day { first: i64 },
    /// A stretch of time.
    Period(Period),
}

/// How the time of day of an instant is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Zone {
    /// Without a word on zones.
    None,
    /// With this offset from UTC, in seconds.
    Fixed(i32),
    /// With the offset that was in force.
    Named(chrono_tz::Tz),
}

/// What pandas counts periods in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Year,
    Quarter,
    Month,
    /// Ends this many days after a Sunday.
    Week(i64),
    BusinessDay,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    Nanosecond,
}

impl Calendar {
    /// The least and the greatest count that have a text.
    pub fn bounds(&self) -> (i64, i64) {
        let of_seconds = |per_second: i64| {
            let (first, last) = DAYS;
            let (first, end) = (first * DAY_SECONDS, (last + 1) * DAY_SECONDS);
            // The least of all numbers is numpy's "not a time".
            let first = first.saturating_mul(per_second).max(i64::MIN + 1);
            (first, end.saturating_mul(per_second).saturating_sub(1))
        };
        let (first, last) = DAYS;
        match self {
            Self::Instant { per_second, zone } => {
                // A day less at both ends, for the zone.
                let day = if *zone == Zone::None { 0 } else { DAY_SECONDS };
                let (first, last) = of_seconds(*per_second);
                let day = day.saturating_mul(*per_second);
                (first.saturating_add(day), last.saturating_sub(day))
            }
            Self::Day { first: start } => (first - start, last - start),
            Self::Period(period) => match period {
                Period::Year => (-1970, 9999 - 1970),
                Period::Quarter => (-1970 * 4, (10_000 - 1970) * 4 - 1),
                Period::Month => (-1970 * 12, (10_000 - 1970) * 12 - 1),
                Period::Week(_) => (first / 7 + 2, last / 7 - 2),
                Period::BusinessDay => (first / 7 * 5 + 10, last / 7 * 5 - 10),
                Period::Day => (first, last),
                Period::Hour => (first * 24, (last + 1) * 24 - 1),
                Period::Minute => (first * 1440, (last + 1) * 1440 - 1),
                Period::Second => of_seconds(1),
                Period::Millisecond => of_seconds(1000),
                Period::Microsecond => of_seconds(1_000_000),
                Period::Nanosecond => of_seconds(1_000_000_000),
            },
        }
    }

    /// The type as people of pandas write it.
    pub fn declared(&self) -> String {
        match self {
            Self::Instant { per_second, zone } => {
                let unit = unit_of(*per_second);
                match zone {
                    Zone::None => format!("datetime64[{unit}]"),
                    Zone::Fixed(0) => format!("datetime64[{unit}, UTC]"),
                    Zone::Fixed(_) => format!("datetime64[{unit}, fixed offset]"),
                    Zone::Named(zone) => format!("datetime64[{unit}, {}]", zone.name()),
                }
            }
            Self::Day { .. } => "date".to_owned(),
            Self::Period(_) => "period".to_owned(),
        }
    }

    /// Whether a later count always has a greater text.
    pub fn is_monotone(&self) -> bool {
        let is_named = matches!(
            self,
            Self::Instant {
                zone: Zone::Named(_),
                ..
            }
        );
        !is_named
    }

    /// Adds the text of a count, which must lie within the bounds.
    pub fn write(&self, count: i64, text: &mut String) {
        match self {
            Self::Instant { per_second, zone } => instant(count, *per_second, *zone, text),
            Self::Day { first } => day(count + first, text),
            Self::Period(unit) => period(*unit, count, text),
        }
    }
}

/// The name of a part of a second.
pub fn unit_of(per_second: i64) -> &'static str {
    match per_second {
        1 => "s",
        1000 => "ms",
        1_000_000 => "us",
        _ => "ns",
    }
}

fn instant(count: i64, per_second: i64, zone: Zone, text: &mut String) {
    let (second, part) = (count.div_euclid(per_second), count.rem_euclid(per_second));
    let offset = match zone {
        Zone::None => None,
        Zone::Fixed(offset) => Some(offset),
        Zone::Named(zone) => {
            let utc = DateTime::from_timestamp(second, 0).unwrap_or_default();
            let local = zone.offset_from_utc_datetime(&utc.naive_utc());
            Some(local.fix().local_minus_utc())
        }
    };
    let local = second + i64::from(offset.unwrap_or(0));
    day(local.div_euclid(DAY_SECONDS), text);
    text.push('T');
    clock(local.rem_euclid(DAY_SECONDS), text);
    // Six digits or nine, as pandas writes them; none if there is no part.
    let nanoseconds = part * (1_000_000_000 / per_second);
    if nanoseconds % 1000 != 0 {
        text.push('.');
        digits(nanoseconds, 9, text);
    } else if nanoseconds != 0 {
        text.push('.');
        digits(nanoseconds / 1000, 6, text);
    }
    if let Some(offset) = offset {
        text.push(if offset < 0 { '-' } else { '+' });
        let offset = i64::from(offset.abs());
        digits(offset / 3600, 2, text);
        text.push(':');
        digits(offset / 60 % 60, 2, text);
        if offset % 60 != 0 {
            text.push(':');
            digits(offset % 60, 2, text);
        }
    }
}

fn clock(second: i64, text: &mut String) {
    digits(second / 3600, 2, text);
    text.push(':');
    digits(second / 60 % 60, 2, text);
    text.push(':');
    digits(second % 60, 2, text);
}

fn period(unit: Period, count: i64, text: &mut String) {
    let parts = |per_second: i64, places: usize, text: &mut String| {
        let second = count.div_euclid(per_second);
        day(second.div_euclid(DAY_SECONDS), text);
        text.push(' ');
        clock(second.rem_euclid(DAY_SECONDS), text);
        if places > 0 {
            text.push('.');
            digits(count.rem_euclid(per_second), places, text);
        }
    };
    match unit {
        Period::Year => digits(count + 1970, 4, text),
        Period::Quarter => {
            digits(count.div_euclid(4) + 1970, 4, text);
            text.push('Q');
            digits(count.rem_euclid(4) + 1, 1, text);
        }
        Period::Month => {
            digits(count.div_euclid(12) + 1970, 4, text);
            text.push('-');
            digits(count.rem_euclid(12) + 1, 2, text);
        }
        Period::Week(after_sunday) => {
            let first = 7 * (count - 1) - 3 + after_sunday;
            day(first, text);
            text.push('/');
            day(first + 6, text);
        }
        Period::BusinessDay => {
            let (week, weekday) = ((count + 3).div_euclid(5), (count + 3).rem_euclid(5));
            day(week * 7 + weekday - 3, text);
        }
        Period::Day => day(count, text),
        Period::Hour => {
            day(count.div_euclid(24), text);
            text.push(' ');
            digits(count.rem_euclid(24), 2, text);
            text.push_str(":00");
        }
        Period::Minute => {
            day(count.div_euclid(1440), text);
            text.push(' ');
            digits(count.rem_euclid(1440) / 60, 2, text);
            text.push(':');
            digits(count.rem_euclid(60), 2, text);
        }
        Period::Second => parts(1, 0, text),
        Period::Millisecond => parts(1000, 3, text),
        Period::Microsecond => parts(1_000_000, 6, text),
        Period::Nanosecond => parts(1_000_000_000, 9, text),
    }
}

/// The day this many days after 1970-01-01, in the Gregorian calendar.
fn day(days: i64, text: &mut String) {
    // Counted in years that start in March, so that leap days come last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    digits(era * 400 + year_of_era + i64::from(month <= 2), 4, text);
    text.push('-');
    digits(month, 2, text);
    text.push('-');
    digits(day_of_year - (153 * march_month + 2) / 5 + 1, 2, text);
}

/// The last `places` digits of a number that is not negative.
fn digits(number: i64, places: usize, text: &mut String) {
    let mut buffer = [b'0'; 9];
    let mut rest = number.unsigned_abs();
    for digit in buffer.iter_mut().rev().take(places) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let from = buffer.len().saturating_sub(places);
    text.extend(buffer.iter().skip(from).map(|&digit| char::from(digit)));
}

#[cfg(test)]
mod tests {
    use super::{Calendar, Period, Zone};

    fn text(calendar: Calendar, count: i64) -> String {
        let mut text = String::new();
        calendar.write(count, &mut text);
        text
    }

    fn per_second(per_second: i64, zone: Zone) -> Calendar {
        Calendar::Instant { per_second, zone }
    }

    #[test]
    fn instants_are_what_pandas_writes() {
        let oslo = Zone::Named(chrono_tz::Europe::Oslo);
        for (calendar, count, expected) in [
            (
                per_second(1, Zone::None),
                1_577_836_800,
                "2020-01-01T00:00:00",
            ),
            (
                per_second(1000, Zone::None),
                1,
                "1970-01-01T00:00:00.001000",
            ),
            (
                per_second(1_000_000_000, Zone::None),
                -1,
                "1969-12-31T23:59:59.999999999",
            ),
            (
                per_second(1_000_000, Zone::Fixed(0)),
                5,
                "1970-01-01T00:00:00.000005+00:00",
            ),
            (
                per_second(1, Zone::Fixed(-12_600)),
                0,
                "1969-12-31T20:30:00-03:30",
            ),
            (
                per_second(1, oslo),
                1_720_000_000,
                "2024-07-03T11:46:40+02:00",
            ),
            (Calendar::Day { first: -719_163 }, 738_945, "2024-02-29"),
        ] {
            assert_eq!(text(calendar, count), expected);
        }
    }

    #[test]
    fn periods_are_what_pandas_writes() {
        for (period, count, expected) in [
            (Period::Year, 54, "2024"),
            (Period::Quarter, 217, "2024Q2"),
            (Period::Month, 650, "2024-03"),
            (Period::Week(0), 2827, "2024-02-26/2024-03-03"),
            (Period::Week(1), 1, "1969-12-30/1970-01-05"),
            (Period::BusinessDay, 14_130, "2024-02-29"),
            (Period::Day, 19_783, "2024-03-01"),
            (Period::Hour, -1, "1969-12-31 23:00"),
            (Period::Minute, 61, "1970-01-01 01:01"),
            (Period::Second, 61, "1970-01-01 00:01:01"),
            (Period::Millisecond, 61, "1970-01-01 00:00:00.061"),
        ] {
            assert_eq!(
                text(Calendar::Period(period), count),
                expected,
                "{period:?}"
            );
        }
    }

    #[test]
    fn every_calendar_has_four_digits_of_years_within_its_bounds() {
        let periods = [
            Period::Year,
            Period::Quarter,
            Period::Month,
            Period::Week(0),
            Period::Week(6),
            Period::BusinessDay,
            Period::Day,
            Period::Hour,
            Period::Minute,
            Period::Second,
            Period::Millisecond,
            Period::Microsecond,
            Period::Nanosecond,
        ];
        let instants = [1, 1000, 1_000_000, 1_000_000_000].map(|per| per_second(per, Zone::None));
        let zoned = [-43_200, 50_400].map(|offset| per_second(1, Zone::Fixed(offset)));
        let calendars = periods
            .map(Calendar::Period)
            .into_iter()
            .chain(instants)
            .chain(zoned);
        for calendar in calendars {
            let (first, last) = calendar.bounds();
            let texts =
                [first, first + 1, -1, 0, 1, last - 1, last].map(|count| text(calendar, count));
            assert!(texts.is_sorted(), "{calendar:?}: {texts:?}");
        }
    }
}
