//! What pandas' names of types, frequencies and zones make of stored columns.

use crate::column::{ColumnPlace, Element};
use crate::element::calendar::{Calendar, Period, Zone};
use crate::element::marked::{Encoding, Marked};
use crate::element::moment::{Duration, Moment};
use crate::error::{Result, unsupported};
use crate::format::datatype::Padding;
use crate::pickle::Plain;

/// How a frame's texts are stored.
#[derive(Clone)]
pub struct Texts {
    pub encoding: Encoding,
    /// The text that stands for null.
    pub mark: Option<String>,
}

impl Texts {
    /// By the names that Python gives an encoding and what is done about its errors.
    pub fn new(encoding: Option<&str>, errors: Option<&str>, mark: Option<String>) -> Result<Self> {
        let name = encoding
            .unwrap_or("utf-8")
            .to_ascii_lowercase()
            .replace('_', "-");
        let encoding = match (name.as_str(), errors.unwrap_or("strict")) {
            ("utf-8" | "utf8" | "ascii" | "us-ascii", "strict") => Encoding::Utf8,
            ("utf-8" | "utf8" | "ascii" | "us-ascii", "ignore") => Encoding::Utf8Ignored,
            ("utf-8" | "utf8" | "ascii" | "us-ascii", _) => Encoding::Utf8Replaced,
            ("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "l1", _) => Encoding::Latin1,
            (other, _) => {
                let other: String = other.chars().take(50).collect();
                return Err(unsupported(format!(
                    "its texts are encoded as {other}, which is not read"
                )));
            }
        };
        Ok(Self { encoding, mark })
    }

    /// The element of stored texts.
    pub fn element(&self, padding: Padding) -> Element {
        let mark = self.mark.as_ref().map(|mark| match self.encoding {
            Encoding::Latin1 => mark
                .chars()
                .map(|character| character as u32 as u8)
                .collect(),
            _ => mark.clone().into_bytes(),
        });
        Element::Marked(Marked {
            padding,
            mark,
            encoding: self.encoding,
        })
    }
}

/// The column, with its cells as what `dtype` says that they are: a type of numpy or pandas. Names that say no more than
/// the stored type does change nothing.
pub fn typed(
    mut place: ColumnPlace,
    dtype: &str,
    tz: Option<&Plain>,
    texts: &Texts,
) -> Result<ColumnPlace> {
    let whole = match place.element {
        Element::Number(number) if !number.is_real() => Some(number),
        _ => None,
    };
    if let Some(number) = whole {
        let unit = |name| per_second(dtype, name);
        if dtype.starts_with("datetime64") {
            place.element = Element::Moment(Moment {
                number,
                calendar: Calendar::Instant {
                    per_second: unit("datetime64")?,
                    zone: tz.map_or(Zone::None, zone),
                },
            });
        } else if dtype.starts_with("timedelta64") {
            place.element = Element::Duration(Duration {
                number,
                per_second: unit("timedelta64")?,
            });
        } else if let Some(name) = dtype.strip_prefix("period[") {
            let name = name.strip_suffix(']').unwrap_or(name);
            let calendar = Calendar::Period(period_of_name(name).ok_or_else(|| unknown(name))?);
            place.element = Element::Moment(Moment { number, calendar });
        } else if dtype == "date" {
            // Python counts days from 0001-01-01, which is 1.
            let calendar = Calendar::Day { first: -719_163 };
            place.element = Element::Moment(Moment { number, calendar });
        }
    } else if let Element::Text(padding) = place.element {
        place.element = texts.element(padding);
    }
    Ok(place)
}

/// An index of whole numbers with this frequency: it counts periods.
pub fn periods(mut place: ColumnPlace, freq: &Plain) -> Result<ColumnPlace> {
    if let Element::Number(number) = place.element
        && !number.is_real()
    {
        let period = period(freq)?;
        place.element = Element::Moment(Moment {
            number,
            calendar: Calendar::Period(period),
        });
    }
    Ok(place)
}

/// `name[unit]` as parts of a second; without a unit they are nanoseconds.
fn per_second(dtype: &str, name: &str) -> Result<i64> {
    let unit = dtype.strip_prefix(name).unwrap_or_default();
    let unit = unit.strip_prefix('[').unwrap_or(unit);
    let unit = unit.split([']', ',']).next().unwrap_or_default();
    match unit {
        "" | "ns" => Ok(1_000_000_000),
        "us" => Ok(1_000_000),
        "ms" => Ok(1000),
        "s" => Ok(1),
        other => Err(unknown(other)),
    }
}

fn unknown(unit: &str) -> crate::error::Error {
    let unit: String = unit.chars().take(50).collect();
    unsupported(format!(
        "its times are in units of {unit:?}, which is not known"
    ))
}

fn period(freq: &Plain) -> Result<Period> {
    match freq {
        Plain::Text(name) => period_of_name(name).ok_or_else(|| unknown(name)),
        Plain::Made {
            name, arguments, ..
        } => {
            let class = name.rsplit('.').next().unwrap_or_default();
            let argument = |at: usize| match arguments.get(at) {
                Some(Plain::Integer(number)) => Some(*number),
                _ => None,
            };
            let found = match class {
                "YearEnd" | "YearBegin" | "BYearEnd" => Period::Year,
                "QuarterEnd" | "QuarterBegin" | "BQuarterEnd" => Period::Quarter,
                "MonthEnd" | "MonthBegin" | "BusinessMonthEnd" => Period::Month,
                // Monday is 0, and the last day of the week.
                "Week" => Period::Week((argument(2).unwrap_or(6) + 1).rem_euclid(7)),
                "BusinessDay" | "BDay" => Period::BusinessDay,
                "Day" => Period::Day,
                "Hour" => Period::Hour,
                "Minute" => Period::Minute,
                "Second" => Period::Second,
                "Milli" => Period::Millisecond,
                "Micro" => Period::Microsecond,
                "Nano" => Period::Nanosecond,
                other => return Err(unknown(other)),
            };
            Ok(found)
        }
        _ => Err(unsupported("the frequency of its periods is not known")),
    }
}

fn period_of_name(name: &str) -> Option<Period> {
    let unit = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let (unit, anchor) = unit.split_once('-').unwrap_or((unit, ""));
    Some(match unit {
        "Y" | "YE" | "A" => Period::Year,
        "Q" | "QE" => Period::Quarter,
        "M" | "ME" => Period::Month,
        "W" => {
            const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
            let day = DAYS.iter().position(|day| *day == anchor).unwrap_or(0);
            Period::Week(day as i64)
        }
        "B" => Period::BusinessDay,
        "D" => Period::Day,
        "h" | "H" => Period::Hour,
        "min" | "T" => Period::Minute,
        "s" | "S" => Period::Second,
        "ms" | "L" => Period::Millisecond,
        "us" | "U" => Period::Microsecond,
        "ns" | "N" => Period::Nanosecond,
        _ => return None,
    })
}

/// A zone by its name, or as Python's libraries pickle it. One that is not known is UTC: its instants stay right.
pub fn zone(tz: &Plain) -> Zone {
    let found = match tz {
        Plain::None => Some(Zone::None),
        Plain::Text(name) => zone_of_name(name),
        Plain::Made {
            name, arguments, ..
        } => match (name.as_str(), arguments.as_slice()) {
            (
                "pytz._p" | "zoneinfo.ZoneInfo" | "zoneinfo._common._unpickle",
                [Plain::Text(name), ..],
            ) => zone_of_name(name),
            ("datetime.timezone", [delta, ..]) => seconds(delta).map(Zone::Fixed),
            (name, [.., delta @ Plain::Made { .. }]) if name.ends_with("tzoffset") => {
                seconds(delta).map(Zone::Fixed)
            }
            (name, [Plain::Integer(minutes)]) if name.ends_with("FixedOffset") => {
                i32::try_from(minutes.saturating_mul(60))
                    .ok()
                    .map(Zone::Fixed)
            }
            _ => None,
        },
        _ => None,
    };
    let is_sane = |zone: &Zone| !matches!(zone, Zone::Fixed(offset) if offset.abs() > 86_400);
    found.filter(is_sane).unwrap_or(Zone::Fixed(0))
}

fn zone_of_name(name: &str) -> Option<Zone> {
    let name = name.rsplit_once("zoneinfo/").map_or(name, |(_, name)| name);
    if matches!(name, "UTC" | "utc" | "tzutc()" | "Etc/UTC" | "GMT") {
        return Some(Zone::Fixed(0));
    }
    if let Some(offset) = name.strip_prefix("UTC") {
        let (sign, offset) = offset.split_at_checked(1)?;
        let (hours, minutes) = offset.split_once(':')?;
        let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
        return Some(Zone::Fixed(if sign == "-" { -seconds } else { seconds }));
    }
    name.parse().ok().map(Zone::Named)
}

/// The seconds of a pickled `timedelta`.
fn seconds(delta: &Plain) -> Option<i32> {
    let Plain::Made {
        name, arguments, ..
    } = delta
    else {
        return None;
    };
    let [Plain::Integer(days), Plain::Integer(seconds), ..] = arguments.as_slice() else {
        return None;
    };
    let whole = days.checked_mul(86_400)?.checked_add(*seconds)?;
    (name == "datetime.timedelta").then(|| i32::try_from(whole).ok())?
}
