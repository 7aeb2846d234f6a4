//! A moment as SQLite's date functions know it: milliseconds since noon of the first Julian day, read from a text or a
//! number and moved by modifiers. There is no time zone but UTC.

use tablecast_connector::{Error, Result, Value, number};

const DAY_MS: i64 = 86_400_000;
/// The Unix epoch in Julian milliseconds.
const UNIX_MS: i64 = 210_866_760_000_000;
/// The last millisecond of the year 9999.
const LAST_MS: i64 = 464_269_060_799_999;
/// Julian days that a number may mean.
const JULIAN_DAYS: std::ops::Range<f64> = 0.0..5_373_484.5;
/// Seconds of the Unix clock that a number may mean: the years -4713 to 9999.
const UNIX_SECONDS: std::ops::Range<f64> = -210_866_760_000.0..253_402_300_800.0;

/// A moment of UTC.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    ms: i64,
    /// The number that was given, as long as no modifier said what it counts.
    raw: Option<f64>,
    /// The date as it was written, while it is that and has a day that its month does not have.
    written: Option<(i64, i64, i64)>,
    /// Days by which the last change of months went past the end of its month.
    past_end: i64,
    /// Whether fractions of seconds are wanted.
    pub(super) has_fraction: bool,
}

/// A moment in the parts that people count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    /// Of the minute, with its seconds.
    pub(super) ms: i64,
}

impl Moment {
    /// The moment that a time value and its modifiers mean; `None` if they mean none. No value means now.
    ///
    /// `Unsupported` names a modifier that needs the time zone of the machine.
    pub(super) fn of(values: &[Value]) -> Result<Option<Self>> {
        let Some((first, modifiers)) = values.split_first() else {
            return Ok(Some(Self::now()));
        };
        let Some(mut moment) = Self::read(first) else {
            return Ok(None);
        };
        if modifiers.is_empty() {
            moment.written = None;
        }
        for (place, modifier) in modifiers.iter().enumerate() {
            let Some(text) = super::rows::text(modifier) else {
                return Ok(None);
            };
            let text = text.trim_end().to_ascii_lowercase();
            if matches!(text.as_str(), "localtime" | "utc") {
                return Err(Error::unsupported(format!(
                    "The modifier '{text}' is not there: all times are UTC on this source"
                )));
            }
            match moment.moved(&text, place == 0) {
                Some(moved) => moment = moved,
                None => return Ok(None),
            }
        }
        Ok(Some(moment).filter(Self::is_valid))
    }

    fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let ms = since.map_or(0, |since| since.as_millis() as i64);
        Self::at(UNIX_MS + ms)
    }

    fn at(ms: i64) -> Self {
        Self {
            ms,
            raw: None,
            written: None,
            past_end: 0,
            has_fraction: false,
        }
    }

    fn is_valid(&self) -> bool {
        (0..=LAST_MS).contains(&self.ms) && self.raw.is_none_or(|raw| JULIAN_DAYS.contains(&raw))
    }

    fn read(value: &Value) -> Option<Self> {
        let text = match value {
            Value::Integer(integer) => return Some(Self::counted(*integer as f64)),
            Value::Real(real) => return Some(Self::counted(*real)),
            value => super::rows::text(value)?,
        };
        if text.eq_ignore_ascii_case("now") {
            return Some(Self::now());
        }
        if let Some(moment) = Self::written(&text) {
            return Some(moment);
        }
        match number(text.trim()) {
            Some(Value::Integer(integer)) => Some(Self::counted(integer as f64)),
            Some(Value::Real(real)) => Some(Self::counted(real)),
            _ => None,
        }
    }

    /// A number: Julian days, until a modifier says something else.
    fn counted(raw: f64) -> Self {
        let ms = if JULIAN_DAYS.contains(&raw) {
            (raw * DAY_MS as f64 + 0.5) as i64
        } else {
            0
        };
        Self {
            raw: Some(raw),
            ..Self::at(ms)
        }
    }

    /// `YYYY-MM-DD`, `HH:MM[:SS[.SSS]]` or both, with a time zone as `Z` or `+HH:MM` behind a time.
    fn written(text: &str) -> Option<Self> {
        let mut rest = Rest(text);
        // A time alone is one of a fixed day.
        let (year, month, day) = rest.date().unwrap_or((2000, 1, 1));
        let has_date = rest.0.len() < text.len();
        let before_time = rest.0;
        if has_date {
            rest.0 = rest.0.trim_start_matches([' ', 't', 'T']);
        }
        let mut ms = days(year, month, day).checked_mul(DAY_MS)? - DAY_MS / 2;
        let mut written = past_end(year, month, day);
        if !rest.0.is_empty() {
            ms += rest.time()?;
            rest.0 = rest.0.trim_start();
            let before_zone = rest.0.len();
            ms -= rest.zone()?;
            if rest.0.len() < before_zone {
                written = None;
            }
        } else if !(has_date && before_time.trim().is_empty()) {
            return None;
        }
        let moment = Self {
            written,
            ..Self::at(ms)
        };
        rest.0.trim().is_empty().then_some(moment)
    }

    /// The moment after one modifier, in lower case; `None` if it is none.
    fn moved(self, modifier: &str, is_first: bool) -> Option<Self> {
        let fixed = Self {
            past_end: 0,
            ..self
        };
        let parts = self.parts();
        Some(match modifier {
            "unixepoch" | "auto" | "julianday" => return self.counted_as(modifier, is_first),
            "subsec" | "subsecond" => Self {
                has_fraction: true,
                ..self
            },
            "floor" => Self {
                ms: self.ms - self.past_end * DAY_MS,
                ..fixed
            },
            "ceiling" => fixed,
            "start of day" => fixed.of_day(parts.year, parts.month, parts.day),
            "start of month" => fixed.of_day(parts.year, parts.month, 1),
            "start of year" => fixed.of_day(parts.year, 1, 1),
            _ => match modifier.strip_prefix("weekday ") {
                Some(day) => return fixed.on_weekday(day),
                None => return fixed.shifted(modifier),
            },
        })
    }

    /// What a number counts. It must be said first, of a number.
    fn counted_as(self, modifier: &str, is_first: bool) -> Option<Self> {
        if modifier == "auto" && is_first && self.raw.is_none() {
            return Some(self);
        }
        let raw = self.raw.filter(|_| is_first)?;
        let is_days = JULIAN_DAYS.contains(&raw);
        match modifier {
            "julianday" | "auto" if is_days => Some(Self { raw: None, ..self }),
            "julianday" => None,
            // By itself a number is not taken for one that is within the last second of all.
            "auto" if raw > UNIX_SECONDS.end - 1.0 => None,
            _ if UNIX_SECONDS.contains(&raw) => {
                Some(Self::at((raw * 1000.0 + UNIX_MS as f64 + 0.5) as i64))
            }
            _ => None,
        }
    }

    fn of_day(self, year: i64, month: i64, day: i64) -> Self {
        Self {
            ms: days(year, month, day) * DAY_MS - DAY_MS / 2,
            written: past_end(year, month, day),
            ..self
        }
    }

    /// The next day that is this one of the week, 0 for Sunday; the same day if it is one.
    fn on_weekday(self, day: &str) -> Option<Self> {
        let wanted = match number(day.trim())? {
            Value::Integer(day @ 0..=6) => day as i64,
            Value::Real(day) if day.fract() == 0.0 && (0.0..7.0).contains(&day) => day as i64,
            _ => return None,
        };
        let ahead = (wanted - self.weekday()).rem_euclid(7);
        self.by(ahead * DAY_MS)
    }

    /// `+3 days`, `-1.5 months`, `+05:30`, `+0001-02-03 04:05`.
    fn shifted(self, modifier: &str) -> Option<Self> {
        let sign = if modifier.starts_with('-') { -1 } else { 1 };
        let bare = modifier.strip_prefix(['+', '-']);
        let mut rest = Rest(bare.unwrap_or(modifier));
        if bare.is_some()
            && let Some((years, months, days)) = rest.date_shift()
        {
            let moved = self.by_months(sign * (years * 12 + months))?;
            let time = match rest.0.trim_start() {
                "" => 0,
                time => {
                    rest.0 = time;
                    let time = rest.time()?;
                    rest.0.trim().is_empty().then_some(time)?
                }
            };
            return moved.by(sign * (days * DAY_MS + time));
        }
        let mut rest = Rest(bare.unwrap_or(modifier));
        if let Some(time) = rest.time()
            && rest.0.trim().is_empty()
        {
            return self.by(sign * time);
        }
        let (amount, unit) = modifier.split_once(' ')?;
        let amount = match number(amount)? {
            Value::Integer(integer) => integer as f64,
            Value::Real(real) => real,
            _ => return None,
        };
        self.by_units(amount, unit.trim())
    }

    fn by_units(self, amount: f64, unit: &str) -> Option<Self> {
        let unit = unit.strip_suffix('s').unwrap_or(unit);
        let (most, ms) = match unit {
            "second" => (4.6427e14, 1000.0),
            "minute" => (7.7379e12, 60_000.0),
            "hour" => (1.2897e11, 3_600_000.0),
            "day" => (5_373_485.0, DAY_MS as f64),
            // The fraction of a month or year has months of 30 and years of 365 days.
            "month" => (176_546.0, 30.0 * DAY_MS as f64),
            "year" => (14_713.0, 365.0 * DAY_MS as f64),
            _ => return None,
        };
        if !(-most < amount && amount < most) {
            return None;
        }
        let months = match unit {
            "month" => amount.trunc() as i64,
            "year" => amount.trunc() as i64 * 12,
            _ => 0,
        };
        let rest = if matches!(unit, "month" | "year") {
            amount.fract()
        } else {
            amount
        };
        let moved = if months == 0 {
            self
        } else {
            self.by_months(months)?
        };
        moved.by((rest * ms + 0.5_f64.copysign(rest)) as i64)
    }

    fn by(self, ms: i64) -> Option<Self> {
        let ms = self.ms.checked_add(ms)?;
        Some(Self {
            ms,
            written: None,
            ..self
        })
    }

    /// A day that the month does not have becomes one of the next.
    fn by_months(self, months: i64) -> Option<Self> {
        let parts = self.parts();
        let all = parts.year.checked_mul(12)? + parts.month - 1 + months;
        let (year, month) = (all.div_euclid(12), all.rem_euclid(12) + 1);
        if !(-4713..=9999).contains(&year) {
            return None;
        }
        let length = days(year, month + 1, 1) - days(year, month, 1);
        let time = (self.ms + DAY_MS / 2).rem_euclid(DAY_MS);
        let moved = self.of_day(year, month, parts.day);
        Some(Self {
            ms: moved.ms + time,
            past_end: (parts.day - length).max(0),
            written: None,
            ..moved
        })
    }

    /// 0 for Sunday.
    pub(super) fn weekday(&self) -> i64 {
        ((self.ms + DAY_MS / 2) / DAY_MS + 1).rem_euclid(7)
    }

    /// From 0.
    pub(super) fn day_of_year(&self) -> i64 {
        let parts = self.parts();
        days(parts.year, parts.month, parts.day) - days(parts.year, 1, 1)
    }

    /// The moment so many days later.
    pub(super) fn days_later(self, days: i64) -> Self {
        Self {
            ms: self.ms + days * DAY_MS,
            ..self
        }
    }

    /// Whole seconds of the Unix clock.
    pub(super) fn unix_seconds(&self) -> i64 {
        self.ms / 1000 - UNIX_MS / 1000
    }

    /// Julian days.
    pub(super) fn julian_days(&self) -> f64 {
        self.ms as f64 / DAY_MS as f64
    }

    pub(super) fn parts(&self) -> Parts {
        let noon_based = self.ms + DAY_MS / 2;
        let (year, month, day) = self
            .written
            .unwrap_or_else(|| date(noon_based.div_euclid(DAY_MS)));
        let of_day = noon_based.rem_euclid(DAY_MS);
        Parts {
            year,
            month,
            day,
            hour: of_day / 3_600_000,
            minute: of_day / 60_000 % 60,
            ms: of_day % 60_000,
        }
    }
}

/// The number of the Julian day that starts at noon of this date. Months and days may lie past their ends.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = (
        year + (month - 1).div_euclid(12),
        (month - 1).rem_euclid(12) + 1,
    );
    // Years start in March, so that the leap day is their last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + of_year
        + 1_721_120
}

/// The date, if its month does not have its day.
fn past_end(year: i64, month: i64, day: i64) -> Option<(i64, i64, i64)> {
    let given = (year, month, day);
    (date(days(year, month, day)) != given).then_some(given)
}

/// The date of a Julian day.
fn date(julian: i64) -> (i64, i64, i64) {
    let since = julian - 1_721_120;
    let era = since.div_euclid(146_097);
    let of_era = since.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// What is left of a text to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    /// Exactly so many digits, within bounds.
    fn digits(&mut self, count: usize, bounds: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let digits = self.0.get(..count)?;
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = digits
            .parse()
            .ok()
            .filter(|number| bounds.contains(number))?;
        self.0 = self.0.get(count..)?;
        Some(number)
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.0 = self.0.strip_prefix(sign)?;
        Some(())
    }

    /// `[-]YYYY-MM-DD`; nothing is taken if it is none.
    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let is_negative = self.0.starts_with('-');
        let mut rest = Rest(self.0.strip_prefix('-').unwrap_or(self.0));
        let year = rest.digits(4, 0..=9999)?;
        rest.sign('-')?;
        let month = rest.digits(2, 1..=12)?;
        rest.sign('-')?;
        let day = rest.digits(2, 1..=31)?;
        self.0 = self.0.get(self.0.len() - rest.0.len()..)?;
        Some((if is_negative { -year } else { year }, month, day))
    }

    /// `YYYY-MM-DD` as years, months and days to move by.
    fn date_shift(&mut self) -> Option<(i64, i64, i64)> {
        let mut rest = Rest(self.0);
        let years = rest.digits(4, 0..=9999)?;
        rest.sign('-')?;
        let months = rest.digits(2, 0..=11)?;
        rest.sign('-')?;
        let days = rest.digits(2, 0..=30)?;
        self.0 = self.0.get(self.0.len() - rest.0.len()..)?;
        Some((years, months, days))
    }

    /// `HH:MM[:SS[.SSS]]` in milliseconds.
    fn time(&mut self) -> Option<i64> {
        let hours = self.digits(2, 0..=24)?;
        self.sign(':')?;
        let minutes = self.digits(2, 0..=59)?;
        let mut ms = (hours * 60 + minutes) * 60_000;
        if self.sign(':').is_some() {
            let seconds = self.digits(2, 0..=59)?;
            let fraction = self.0.strip_prefix('.').map(|rest| {
                let end = rest
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(rest.len());
                rest.split_at(end)
            });
            if let Some((digits, rest)) = fraction.filter(|(digits, _)| !digits.is_empty()) {
                let fraction: f64 = format!("0.{digits}").parse().ok()?;
                // The last half of a millisecond stays in its second.
                ms += ((seconds as f64 + fraction.min(0.999)) * 1000.0 + 0.5) as i64;
                self.0 = rest;
            } else {
                ms += seconds * 1000;
            }
        }
        Some(ms)
    }

    /// `Z` or `+HH:MM` in milliseconds; nothing is UTC.
    fn zone(&mut self) -> Option<i64> {
        if let Some(rest) = self.0.strip_prefix(['z', 'Z']) {
            self.0 = rest;
            return Some(0);
        }
        let sign = match self.0.chars().next() {
            Some('+') => 1,
            Some('-') => -1,
            _ => return Some(0),
        };
        self.0 = self.0.get(1..)?;
        let hours = self.digits(2, 0..=14)?;
        self.sign(':')?;
        let minutes = hours * 60 + self.digits(2, 0..=59)?;
        Some(sign * minutes * 60_000)
    }
}
