//! Dates and moments in bins of the calendar: hours, days, months, years, decades or centuries, as fine as can be shown.

use std::collections::HashMap;

use tablecast_connector::Value;

use super::bins::Bin;

/// Bins that are shown at most.
const SHOWN_MAX: usize = 40;

/// Bins that are kept at most while dates come.
const KEPT_MAX: usize = 5000;

/// What is counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit {
    #[default]
    Hour,
    Day,
    Month,
    Year,
    Decade,
    Century,
}

/// The dates that came, counted. A key counts hours of a calendar in which every month has 31 days; keys of larger units
/// are its quotients.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    unit: Unit,
    counts: HashMap<i64, u64>,
    /// Whether any came with a time of day.
    has_times: bool,
}

/// A histogram of dates with the name of its unit.
pub(super) type Shown = (&'static str, Vec<Bin>);

impl Calendar {
    /// Counts a date or a moment in ISO 8601; `false` if the text is neither.
    pub(super) fn add(&mut self, text: &str) -> bool {
        let Some(hour) = hour(text) else {
            return false;
        };
        // `YYYY-MM-DD` and no more is a day.
        self.has_times |= text.trim().len() > 10;
        *self.counts.entry(self.unit.of_hour(hour)).or_default() += 1;
        while self.counts.len() > KEPT_MAX && self.widen() {}
        true
    }

    /// Goes over to the next larger unit, if there is one.
    fn widen(&mut self) -> bool {
        let Some((unit, size)) = self.unit.larger() else {
            return false;
        };
        self.unit = unit;
        let narrow = std::mem::take(&mut self.counts);
        for (key, count) in narrow {
            *self.counts.entry(key.div_euclid(size)).or_default() += count;
        }
        true
    }

    /// The bins as they are shown; none if all dates are in one.
    pub(super) fn shown(mut self) -> Option<Shown> {
        if !self.has_times && self.unit == Unit::Hour {
            self.widen();
        }
        loop {
            let least = *self.counts.keys().min()?;
            let most = *self.counts.keys().max()?;
            if least == most {
                return None;
            }
            let is_long = most - least > 4 * SHOWN_MAX as i64;
            let keys: Vec<i64> = if is_long {
                Vec::new()
            } else {
                (least..=most).collect()
            };
            let keys: Vec<i64> = keys.into_iter().filter(|key| self.unit.has(*key)).collect();
            if (is_long || keys.len() > SHOWN_MAX) && self.widen() {
                continue;
            }
            let next = |key: i64| {
                // No month lacks more than three days.
                let later = key + 1..key + 100;
                later
                    .into_iter()
                    .find(|key| self.unit.has(*key))
                    .unwrap_or(key)
            };
            let bins = keys.into_iter().map(|key| Bin {
                from: Value::Text(self.unit.text(key)),
                to: Value::Text(self.unit.text(next(key))),
                count: self.counts.get(&key).copied().unwrap_or(0),
            });
            return Some((self.unit.name(), bins.collect()));
        }
    }
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
            Self::Decade => "decade",
            Self::Century => "century",
        }
    }

    /// The next larger unit and how many of this one it has.
    fn larger(self) -> Option<(Self, i64)> {
        match self {
            Self::Hour => Some((Self::Day, 24)),
            Self::Day => Some((Self::Month, 31)),
            Self::Month => Some((Self::Year, 12)),
            Self::Year => Some((Self::Decade, 10)),
            Self::Decade => Some((Self::Century, 10)),
            Self::Century => None,
        }
    }

    fn of_hour(self, hour: i64) -> i64 {
        let (mut unit, mut key) = (Self::Hour, hour);
        while unit != self {
            let Some((larger, size)) = unit.larger() else {
                break;
            };
            key = key.div_euclid(size);
            unit = larger;
        }
        key
    }

    /// Whether the calendar has this day: not the 30th of February.
    fn has(self, key: i64) -> bool {
        let day = match self {
            Self::Hour => key.div_euclid(24),
            Self::Day => key,
            _ => return true,
        };
        let month = day.div_euclid(31);
        day.rem_euclid(31) < days_of(month.div_euclid(12), month.rem_euclid(12) + 1)
    }

    /// The start of the bin in ISO 8601, as precise as the unit.
    fn text(self, key: i64) -> String {
        let month = |key: i64| format!("{:04}-{:02}", key.div_euclid(12), key.rem_euclid(12) + 1);
        let day = |key: i64| {
            format!(
                "{}-{:02}",
                month(key.div_euclid(31)),
                key.rem_euclid(31) + 1
            )
        };
        match self {
            Self::Hour => format!("{}T{:02}", day(key.div_euclid(24)), key.rem_euclid(24)),
            Self::Day => day(key),
            Self::Month => month(key),
            Self::Year => format!("{key:04}"),
            Self::Decade => format!("{:04}", key * 10),
            Self::Century => format!("{:04}", key * 100),
        }
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The hour of a text that is a date, or a date and a time of day behind a space or a `T`.
fn hour(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        let all = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|_| all)
    };
    let is = |place: usize, wanted: &[u8]| {
        text.as_bytes()
            .get(place)
            .is_some_and(|byte| wanted.contains(byte))
    };
    if !is(4, b"-") || !is(7, b"-") {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    let hour = if text.len() == 10 {
        0
    } else {
        let is_time = is(10, b" T") && is(13, b":") && number(14..16)? < 60;
        let only_time = |byte: u8| byte.is_ascii_digit() || b":.,+-Z ".contains(&byte);
        let rest = text.get(16..)?;
        number(11..13).filter(|hour| is_time && *hour < 24 && rest.bytes().all(only_time))?
    };
    Some((((year * 12 + month - 1) * 31) + day - 1) * 24 + hour)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[&str]) -> Option<(&'static str, Vec<(String, u64)>)> {
        let mut calendar = Calendar::default();
        for text in texts {
            assert!(calendar.add(text), "{text}");
        }
        let text = |value: Value| match value {
            Value::Text(text) => text,
            other => panic!("{other:?}"),
        };
        let (unit, bins) = calendar.shown()?;
        Some((
            unit,
            bins.into_iter()
                .map(|bin| (text(bin.from), bin.count))
                .collect(),
        ))
    }

    #[test]
    fn bins_are_as_fine_as_can_be_shown_and_of_days_that_there_are() {
        let named = |(unit, bins): (&'static str, Vec<(String, u64)>)| {
            let all: Vec<String> = bins
                .iter()
                .map(|(from, count)| format!("{from}: {count}"))
                .collect();
            format!("{unit}: {}", all.join(", "))
        };
        for (texts, expected) in [
            (
                vec!["2020-02-28", "2020-03-01", "2020-03-01"],
                "day: 2020-02-28: 1, 2020-02-29: 0, 2020-03-01: 2",
            ),
            (
                vec!["2020-02-28T22:00", "2020-02-28 23:59:59.5Z"],
                "hour: 2020-02-28T22: 1, 2020-02-28T23: 1",
            ),
            (
                vec!["2019-12-24", "2020-02-28"],
                "month: 2019-12: 1, 2020-01: 0, 2020-02: 1",
            ),
            (vec!["0999-01-01", "1200-01-01"], "decade: 0990: 1"),
        ] {
            let found = shown(&texts).map(named).unwrap_or_default();
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(shown(&["2020-02-28", "2020-02-28"]), None);
    }

    #[test]
    fn what_is_no_date_is_not_taken_for_one() {
        for text in [
            "",
            "2020-02-30",
            "2020-13-01",
            "2020-1-1",
            "2020-01-01x",
            "2020-01-01T25:00",
            "+020-01-01",
            "2020-01-01 noon",
        ] {
            assert!(!Calendar::default().add(text), "{text}");
        }
    }

    #[test]
    fn days_without_a_time_of_day_are_not_told_in_hours() {
        let two = |texts: &[&str]| shown(texts).map(|(unit, bins)| (unit, bins.len()));
        assert_eq!(two(&["2023-12-31", "2024-01-01"]), Some(("day", 2)));
        assert_eq!(two(&["2024-01-01", "2024-01-01 02:00"]), Some(("hour", 3)));
    }
}
