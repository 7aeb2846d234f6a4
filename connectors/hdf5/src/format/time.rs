//! numpy's dates and times as ISO 8601 text: a count of units since 1970.

/// The text of `count` units (`s`, `ms`, `D`, …, as numpy names them) since the epoch, in as many digits as the unit
/// has. `None` for numpy's "not a time", and for a unit or a year that is not known.
pub fn iso(count: i64, unit: &str) -> Option<String> {
    if count == i64::MIN {
        return None;
    }
    let (digits, multiple) = unit.chars().partition::<String, _>(char::is_ascii_digit);
    let count = i128::from(count)
        * if digits.is_empty() {
            1
        } else {
            digits.parse::<i128>().ok()?
        };
    let per_second = |power: u32| Some((10_i128.pow(power), power as usize));
    let (per, places) = match multiple.as_str() {
        "Y" => return year(count),
        "M" => {
            return Some(format!(
                "{}-{:02}",
                year(count.div_euclid(12))?,
                count.rem_euclid(12) + 1
            ));
        }
        "W" => return date(count * 7),
        "D" => return date(count),
        "h" => return clock(count * 3600, 2),
        "m" => return clock(count * 60, 5),
        "s" => return clock(count, 8),
        "ms" => per_second(3)?,
        "us" => per_second(6)?,
        "ns" => per_second(9)?,
        "ps" => per_second(12)?,
        "fs" => per_second(15)?,
        "as" => per_second(18)?,
        _ => return None,
    };
    let fraction = count.rem_euclid(per);
    Some(format!(
        "{}.{fraction:0places$}",
        clock(count.div_euclid(per), 8)?
    ))
}

fn year(since_epoch: i128) -> Option<String> {
    let year = since_epoch + 1970;
    (0..=9999).contains(&year).then(|| format!("{year:04}"))
}

fn clock(seconds: i128, length: usize) -> Option<String> {
    let day = date(seconds.div_euclid(86_400))?;
    let second = seconds.rem_euclid(86_400);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        second / 3600,
        second / 60 % 60,
        second % 60
    );
    Some(format!("{day}T{}", clock.get(..length)?))
}

/// The day this many days after 1970-01-01, in the Gregorian calendar.
fn date(days: i128) -> Option<String> {
    // Counted in years that start in March, so that leap days come last.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = era * 400 + year_of_era + i128::from(month <= 2);
    Some(format!("{}-{month:02}-{day:02}", year_text(year)?))
}

fn year_text(year: i128) -> Option<String> {
    (0..=9999).contains(&year).then(|| format!("{year:04}"))
}

#[cfg(test)]
mod tests {
    use super::iso;

    #[test]
    fn times_are_what_numpy_prints() {
        for (count, unit, text) in [
            (1_577_836_800, "s", "2020-01-01T00:00:00"),
            (-1, "D", "1969-12-31"),
            (18_321, "D", "2020-02-29"),
            (1, "ms", "1970-01-01T00:00:00.001"),
            (-1, "ns", "1969-12-31T23:59:59.999999999"),
            (50, "Y", "2020"),
            (601, "M", "2020-02"),
            (3, "25s", "1970-01-01T00:01:15"),
        ] {
            assert_eq!(iso(count, unit).as_deref(), Some(text), "{count} {unit}");
        }
        assert_eq!(iso(i64::MIN, "s"), None);
    }
}
