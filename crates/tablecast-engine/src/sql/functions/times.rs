//! Functions of dates and times. What a time value and its modifiers mean is [`Moment`]'s.

use tablecast_connector::{Error, Result, Value, real_text};

use super::moment::{Moment, Parts};
use super::rows::{RowFunction, function, text};

/// Arguments that a call may have.
const ARGUMENTS_MAX: usize = 64;

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("date", 0..=ARGUMENTS_MAX, Text, |values| told(values, date)),
    function!("time", 0..=ARGUMENTS_MAX, Text, |values| told(values, time)),
    function!("datetime", 0..=ARGUMENTS_MAX, Text, |values| told(
        values,
        |moment| format!("{} {}", date(moment), time(moment))
    )),
    function!("strftime", 1..=ARGUMENTS_MAX, Text, strftime),
    function!("julianday", 0..=ARGUMENTS_MAX, Real, |values| {
        Ok(Moment::of(values)?.map_or(Value::Null, |moment| Value::Real(moment.julian_days())))
    }),
    function!("unixepoch", 0..=ARGUMENTS_MAX, Integer, unixepoch),
];

fn told(values: &[Value], tell: impl Fn(&Moment) -> String) -> Result<Value> {
    Ok(Moment::of(values)?.map_or(Value::Null, |moment| tell(&moment).into()))
}

fn unixepoch(values: &[Value]) -> Result<Value> {
    match Moment::of(values)? {
        Some(moment) if moment.has_fraction => Err(Error::unsupported(
            "unixepoch() gives whole seconds on this source, without 'subsec'",
        )),
        Some(moment) => Ok(Value::from(moment.unix_seconds())),
        None => Ok(Value::Null),
    }
}

fn date(moment: &Moment) -> String {
    let Parts {
        year, month, day, ..
    } = moment.parts();
    let sign = if year < 0 { "-" } else { "" };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

fn time(moment: &Moment) -> String {
    let Parts {
        hour, minute, ms, ..
    } = moment.parts();
    if moment.has_fraction {
        format!("{hour:02}:{minute:02}:{:02}.{:03}", ms / 1000, ms % 1000)
    } else {
        format!("{hour:02}:{minute:02}:{:02}", ms / 1000)
    }
}

/// The moment in a form; null if the form has a letter that means nothing.
fn strftime(values: &[Value]) -> Result<Value> {
    let Some((form, values)) = values.split_first() else {
        return Ok(Value::Null);
    };
    let (Some(form), Some(moment)) = (text(form), Moment::of(values)?) else {
        return Ok(Value::Null);
    };
    let mut told = String::new();
    let mut letters = form.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            told.push(letter);
            continue;
        }
        match letters.next().and_then(|letter| part(&moment, letter)) {
            Some(part) => told.push_str(&part),
            None => return Ok(Value::Null),
        }
    }
    Ok(told.into())
}

/// What a letter behind `%` stands for.
fn part(moment: &Moment, letter: char) -> Option<String> {
    let parts = moment.parts();
    let Parts {
        year,
        month,
        day,
        hour,
        minute,
        ms,
    } = parts;
    let weekday = moment.weekday();
    let twelve = (hour + 11) % 12 + 1;
    // Weeks of ISO belong to the year that their Thursday is in.
    let thursday = || moment.days_later(3 - (weekday + 6) % 7);
    Some(match letter {
        'd' => format!("{day:02}"),
        'e' => format!("{day:2}"),
        'f' => format!("{:02}.{:03}", ms / 1000, ms % 1000),
        'F' => date(moment),
        'G' => format!("{:04}", thursday().parts().year),
        'g' => format!("{:02}", thursday().parts().year % 100),
        'H' => format!("{hour:02}"),
        'I' => format!("{twelve:02}"),
        'j' => format!("{:03}", moment.day_of_year() + 1),
        'J' => julian(moment),
        'k' => format!("{hour:2}"),
        'l' => format!("{twelve:2}"),
        'm' => format!("{month:02}"),
        'M' => format!("{minute:02}"),
        'p' => (if hour < 12 { "AM" } else { "PM" }).to_owned(),
        'P' => (if hour < 12 { "am" } else { "pm" }).to_owned(),
        'R' => format!("{hour:02}:{minute:02}"),
        's' => moment.unix_seconds().to_string(),
        'S' => format!("{:02}", ms / 1000),
        'T' => format!("{hour:02}:{minute:02}:{:02}", ms / 1000),
        'u' => (if weekday == 0 { 7 } else { weekday }).to_string(),
        'U' => format!("{:02}", (moment.day_of_year() + 7 - weekday) / 7),
        'V' => format!("{:02}", thursday().day_of_year() / 7 + 1),
        'w' => weekday.to_string(),
        'W' => format!("{:02}", (moment.day_of_year() + 7 - (weekday + 6) % 7) / 7),
        'Y' => format!("{}{:04}", if year < 0 { "-" } else { "" }, year.abs()),
        '%' => "%".to_owned(),
        _ => return None,
    })
}

/// With up to 16 digits.
fn julian(moment: &Moment) -> String {
    let days = moment.julian_days();
    let text = format!("{days:.9}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() {
        real_text(days)
    } else {
        text.to_owned()
    }
}
