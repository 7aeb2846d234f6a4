//! Times as the CF conventions write them: a number of units since a date of a calendar. Shown as ISO 8601 text.
//!
//! Definitions: CF conventions 1.11, section 4.4 (time coordinate, calendars). Months and years as units have an exact
//! length in some calendars only; elsewhere the numbers are left as they are.

use std::fmt::Write;

const DAY: i128 = 86_400_000_000;
/// Beyond this many microseconds on either side of the reference there is no date to speak of: a million years.
const SPAN: i128 = 366_000_000 * DAY;

/// The calendars of CF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calendar {
    /// Julian until 1582-10-04, Gregorian from 1582-10-15 on.
    Standard,
    ProlepticGregorian,
    Julian,
    /// No leap years.
    NoLeap,
    /// Only leap years.
    AllLeap,
    /// Twelve months of thirty days.
    Days360,
}

/// Units since a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeUnits {
    calendar: Calendar,
    /// Microseconds of a unit.
    unit: i128,
    /// The moment from which is counted, in microseconds of the calendar.
    reference: i128,
}

impl Calendar {
    /// The calendar of this name; the standard one if there is none.
    pub fn named(name: Option<&str>) -> Option<Self> {
        Some(match name.map(str::to_ascii_lowercase).as_deref() {
            None | Some("" | "standard" | "gregorian") => Self::Standard,
            Some("proleptic_gregorian") => Self::ProlepticGregorian,
            Some("julian") => Self::Julian,
            Some("noleap" | "365_day") => Self::NoLeap,
            Some("all_leap" | "366_day") => Self::AllLeap,
            Some("360_day") => Self::Days360,
            Some(_) => return None,
        })
    }

    /// Whether the year before the year 1 is the year -1.
    fn has_no_year_zero(self) -> bool {
        matches!(self, Self::Standard | Self::Julian)
    }

    /// The number of a day; `None` if there is no such day.
    fn day(self, year: i64, month: i64, day: i64) -> Option<i64> {
        if !(1..=12).contains(&month) || day < 1 || day > self.month_days(year, month) {
            return None;
        }
        // The days that the change of calendars left out.
        if self == Self::Standard && year == 1582 && month == 10 && (5..15).contains(&day) {
            return None;
        }
        let number = match self {
            Self::NoLeap => year * 365 + days_before(month, false) + day - 1,
            Self::AllLeap => year * 366 + days_before(month, true) + day - 1,
            Self::Days360 => year * 360 + (month - 1) * 30 + day - 1,
            Self::Julian => julian(year, month, day),
            Self::Standard if (year, month, day) < (1582, 10, 15) => julian(year, month, day),
            Self::Standard | Self::ProlepticGregorian => gregorian(year, month, day),
        };
        Some(number)
    }

    fn month_days(self, year: i64, month: i64) -> i64 {
        let is_leap = match self {
            Self::Days360 => return 30,
            Self::NoLeap => false,
            Self::AllLeap => true,
            Self::Julian => year.rem_euclid(4) == 0,
            Self::Standard if year < 1582 => year.rem_euclid(4) == 0,
            Self::Standard | Self::ProlepticGregorian => {
                year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
            }
        };
        days_before(month + 1, is_leap) - days_before(month, is_leap)
    }

    /// Year, month and day of a day's number.
    fn date(self, number: i64) -> (i64, i64, i64) {
        match self {
            Self::NoLeap => by_month(number.div_euclid(365), number.rem_euclid(365), false),
            Self::AllLeap => by_month(number.div_euclid(366), number.rem_euclid(366), true),
            Self::Days360 => {
                let (year, day) = (number.div_euclid(360), number.rem_euclid(360));
                (year, day / 30 + 1, day % 30 + 1)
            }
            Self::Julian => from_julian(number),
            Self::Standard if number < gregorian(1582, 10, 15) => from_julian(number),
            Self::Standard | Self::ProlepticGregorian => from_gregorian(number),
        }
    }
}

impl TimeUnits {
    /// Reads `units` such as `days since 2000-01-01 00:00:00`; `None` if they say something else, or nothing exact.
    pub fn parse(units: &str, calendar: Option<&str>) -> Option<Self> {
        let calendar = Calendar::named(calendar)?;
        let (unit, rest) = units.trim().split_once(char::is_whitespace)?;
        let (since, date) = rest.trim_start().split_once(char::is_whitespace)?;
        if !matches!(
            since.to_ascii_lowercase().as_str(),
            "since" | "after" | "from"
        ) {
            return None;
        }
        let unit = match unit.to_ascii_lowercase().as_str() {
            "microsecond" | "microseconds" | "microsec" | "microsecs" => 1,
            "millisecond" | "milliseconds" | "millisec" | "millisecs" | "msec" | "msecs" | "ms" => {
                1000
            }
            "second" | "seconds" | "sec" | "secs" | "s" => 1_000_000,
            "minute" | "minutes" | "min" | "mins" => 60_000_000,
            "hour" | "hours" | "hr" | "hrs" | "h" => 3_600_000_000,
            "day" | "days" | "d" => DAY,
            "month" | "months" if calendar == Calendar::Days360 => 30 * DAY,
            "year" | "years" if calendar == Calendar::Days360 => 360 * DAY,
            "common_year" | "common_years" if calendar == Calendar::NoLeap => 365 * DAY,
            _ => return None,
        };
        let reference = moment(calendar, date.trim())?;
        Some(Self {
            calendar,
            unit,
            reference,
        })
    }

    /// Adds the text of a whole number of units; `false` if there is none.
    pub fn write_whole(&self, units: i128, text: &mut String) -> bool {
        let microseconds = units.checked_mul(self.unit);
        microseconds.is_some_and(|microseconds| self.write(microseconds, text))
    }

    /// The same of a real number, to the nearest microsecond.
    pub fn write_real(&self, units: f64, text: &mut String) -> bool {
        if !units.is_finite() || units.abs() > 1e30 {
            return false;
        }
        // Taken apart, so that the part behind the point keeps all its digits.
        let whole = (units.trunc() as i128).checked_mul(self.unit);
        let part = (units.fract() * self.unit as f64).round_ties_even() as i128;
        whole.is_some_and(|whole| self.write(whole + part, text))
    }

    fn write(&self, microseconds: i128, text: &mut String) -> bool {
        if !(-SPAN..=SPAN).contains(&microseconds) {
            return false;
        }
        let moment = self.reference + microseconds;
        let (day, part) = (moment.div_euclid(DAY) as i64, moment.rem_euclid(DAY) as u64);
        let (mut year, month, day) = self.calendar.date(day);
        if year <= 0 && self.calendar.has_no_year_zero() {
            year -= 1;
        }
        let (second, part) = (part / 1_000_000, part % 1_000_000);
        let sign = if year < 0 { "-" } else { "" };
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let year = year.unsigned_abs();
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            "{sign}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        );
        if part != 0 {
            let _ = write!(text, ".{part:06}");
        }
        true
    }
}

/// A date with an optional time of day and zone, in microseconds of the calendar, UTC.
fn moment(calendar: Calendar, text: &str) -> Option<i128> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, 'T' | 't'));
    let (date, rest) = text.split_at(end.unwrap_or(text.len()));
    let mut parts = date.split('-');
    let year = number(parts.next()?)?;
    if year == 0 && calendar.has_no_year_zero() {
        return None;
    }
    let year = match (negative, calendar.has_no_year_zero()) {
        (true, true) => 1 - year,
        (true, _) => -year,
        (false, _) => year,
    };
    let month = parts.next().map_or(Some(1), number)?;
    let day = parts.next().map_or(Some(1), number)?;
    if parts.next().is_some() || year.abs() > 100_000 {
        return None;
    }
    let day = i128::from(calendar.day(year, month, day)?) * DAY;
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, 'T' | 't'));
    let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, ':' | '.')));
    let (clock, zone) = rest.split_at(end.unwrap_or(rest.len()));
    Some(day + clock_part(clock)? - zone_part(zone.trim())?)
}

fn clock_part(text: &str) -> Option<i128> {
    if text.is_empty() {
        return Some(0);
    }
    let mut parts = text.split(':');
    let hour = number(parts.next()?)?;
    let minute = parts.next().map_or(Some(0), number)?;
    let second: f64 = match parts.next() {
        None => 0.0,
        Some(second) => second.parse().ok()?,
    };
    let is_known = (0..=24).contains(&hour) && (0..60).contains(&minute);
    if parts.next().is_some() || !is_known || !(0.0..61.0).contains(&second) {
        return None;
    }
    let whole = i128::from(hour * 3600 + minute * 60) * 1_000_000;
    Some(whole + (second * 1e6).round() as i128)
}

/// `Z`, `UTC`, `+01:00`, `-5`, `0130`: how far ahead of UTC.
fn zone_part(text: &str) -> Option<i128> {
    let upper = text.to_ascii_uppercase();
    let text = upper.trim_start_matches("UTC").trim_start_matches("GMT");
    let text = text.strip_prefix('Z').unwrap_or(text).trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if text.is_empty() {
        return Some(0);
    }
    let (hour, minute) = match text.split_once(':') {
        Some((hour, minute)) => (number(hour)?, number(minute)?),
        None if text.len() <= 2 => (number(text)?, 0),
        None => {
            let (hour, minute) = text.split_at_checked(text.len() - 2)?;
            (number(hour)?, number(minute)?)
        }
    };
    let is_known = (0..=18).contains(&hour) && (0..60).contains(&minute);
    is_known.then(|| i128::from(sign * (hour * 60 + minute)) * 60_000_000)
}

fn number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn days_before(month: i64, is_leap: bool) -> i64 {
    const BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let days = BEFORE.get((month - 1) as usize).copied().unwrap_or(365);
    days + i64::from(is_leap && month > 2)
}

fn by_month(year: i64, day: i64, is_leap: bool) -> (i64, i64, i64) {
    let month = (1..=12)
        .rev()
        .find(|&month| days_before(month, is_leap) <= day);
    let month = month.unwrap_or(1);
    (year, month, day - days_before(month, is_leap) + 1)
}

/// Days since 0000-03-01 of the Gregorian calendar. Years start in March, so that leap days come last.
fn gregorian(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
}

/// The same days, by dates of the Julian calendar, which was two days ahead in the year 0.
fn julian(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) + of_year - 2
}

fn from_gregorian(number: i64) -> (i64, i64, i64) {
    let (era, day) = (number.div_euclid(146_097), number.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    from_march(era * 400 + year, of_year)
}

fn from_julian(number: i64) -> (i64, i64, i64) {
    let (era, day) = ((number + 2).div_euclid(1461), (number + 2).rem_euclid(1461));
    let year = (day - day / 1460) / 365;
    from_march(era * 4 + year, day - 365 * year)
}

fn from_march(year: i64, of_year: i64) -> (i64, i64, i64) {
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{Calendar, TimeUnits};

    fn shown(units: &str, calendar: &str, number: f64) -> Option<String> {
        let mut text = String::new();
        let units = TimeUnits::parse(units, Some(calendar))?;
        units.write_real(number, &mut text).then_some(text)
    }

    /// What cftime 1.6 shows.
    #[test]
    fn times_are_what_cftime_shows() {
        for (units, calendar, number, expected) in [
            (
                "days since 2000-01-01 00:00:00",
                "gregorian",
                1430.5625,
                "2003-12-01T13:30:00",
            ),
            (
                "hours since 1900-01-01",
                "standard",
                1_067_424.25,
                "2021-10-09T00:15:00",
            ),
            (
                "days since 1582-10-04",
                "standard",
                1.0,
                "1582-10-15T00:00:00",
            ),
            (
                "days since 1582-10-04",
                "proleptic_gregorian",
                1.0,
                "1582-10-05T00:00:00",
            ),
            (
                "days since 0001-01-01",
                "standard",
                700_000.0,
                "1917-07-14T00:00:00",
            ),
            (
                "days since 1900-02-28",
                "julian",
                1.0,
                "1900-02-29T00:00:00",
            ),
            (
                "days since 2000-02-28",
                "noleap",
                1.0,
                "2000-03-01T00:00:00",
            ),
            (
                "days since 2001-02-28",
                "366_day",
                1.0,
                "2001-02-29T00:00:00",
            ),
            (
                "days since 2000-01-30",
                "360_day",
                30.5,
                "2000-02-30T12:00:00",
            ),
            (
                "months since 2000-01-01",
                "360_day",
                14.0,
                "2001-03-01T00:00:00",
            ),
            (
                "seconds since 1970-01-01T00:00:00Z",
                "standard",
                0.25,
                "1970-01-01T00:00:00.250000",
            ),
            (
                "minutes since 2000-1-1 12:30:00 +02:00",
                "standard",
                1.0,
                "2000-01-01T10:31:00",
            ),
            (
                "days since 2000-01-01 6:0:0.5",
                "standard",
                -1.0,
                "1999-12-31T06:00:00.500000",
            ),
        ] {
            assert_eq!(
                shown(units, calendar, number).as_deref(),
                Some(expected),
                "{units} {calendar}"
            );
        }
    }

    #[test]
    fn what_is_no_time_or_not_exact_is_left() {
        for (units, calendar) in [
            ("K", "standard"),
            ("days", "standard"),
            ("months since 2000-01-01", "standard"),
            ("days since 2001-02-29", "standard"),
            ("days since yesterday", "standard"),
            ("days since 1582-10-10", "standard"),
            ("days since 0000-01-01", "standard"),
            ("days since 2000-01-01 25:99", "standard"),
            ("days since 2000-01-01", "martian"),
            ("lightyears since 2000-01-01", "standard"),
        ] {
            assert_eq!(
                TimeUnits::parse(units, Some(calendar)),
                None,
                "{units} {calendar}"
            );
        }
        assert_eq!(shown("days since 2000-01-01", "standard", 1e300), None);
        assert_eq!(shown("days since 2000-01-01", "standard", f64::NAN), None);
    }

    #[test]
    fn every_day_is_the_day_that_it_was_made_from() {
        for calendar in [
            Calendar::Standard,
            Calendar::ProlepticGregorian,
            Calendar::Julian,
            Calendar::NoLeap,
            Calendar::AllLeap,
            Calendar::Days360,
        ] {
            for number in (-400_000..1_200_000).step_by(7) {
                let (year, month, day) = calendar.date(number);
                assert_eq!(calendar.day(year, month, day), Some(number), "{calendar:?}");
            }
        }
    }
}
