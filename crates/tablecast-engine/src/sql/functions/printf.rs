//! `printf`, also called `format`: texts put together by a template, as C and SQLite do it.

use tablecast_connector::{Error, Result, Value};

use super::rows::{RowFunction, function, integer, real, text};

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("printf", 1..=64, Text, printf),
    function!("format", 1..=64, Text, printf),
];

/// Widths and places behind the point have bounds, so that a short template makes no long text.
const WIDTH_MAX: usize = 10_000;

/// How one value is to be written.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the template"
)]
struct Form {
    left: bool,
    plus: bool,
    space: bool,
    zeros: bool,
    alternate: bool,
    commas: bool,
    width: usize,
    places: Option<usize>,
}

fn printf(values: &[Value]) -> Result<Value> {
    let Some((template, values)) = values.split_first() else {
        return Ok(Value::Null);
    };
    let Some(template) = text(template) else {
        return Ok(Value::Null);
    };
    let mut values = values.iter();
    let mut written = String::new();
    let mut rest = template.chars().peekable();
    while let Some(sign) = rest.next() {
        if sign != '%' {
            written.push(sign);
            continue;
        }
        let mut form = Form::default();
        while let Some(flag) = rest.next_if(|sign| "-+ 0#,!".contains(*sign)) {
            match flag {
                '-' => form.left = true,
                '+' => form.plus = true,
                ' ' => form.space = true,
                '0' => form.zeros = true,
                '#' => form.alternate = true,
                ',' => form.commas = true,
                _ => {}
            }
        }
        if let Some(width) = number(&mut rest, &mut values)? {
            form.left |= width < 0;
            form.width = bounded(width)?;
        }
        if rest.next_if_eq(&'.').is_some() {
            let places = number(&mut rest, &mut values)?.unwrap_or(0);
            form.places = Some(bounded(places)?);
        }
        while rest.next_if(|sign| matches!(sign, 'l' | 'h')).is_some() {}
        match rest.next() {
            Some('n') => {}
            Some('%') | None => written.push('%'),
            Some(kind) => {
                let value = form
                    .value(kind, &mut values)
                    .ok_or_else(|| Error::unsupported(format!("printf() has no %{kind} here")))?;
                written.push_str(&value);
            }
        }
    }
    Ok(written.into())
}

/// Digits, or `*` for the next value.
fn number<'a>(
    rest: &mut std::iter::Peekable<std::str::Chars<'_>>,
    values: &mut impl Iterator<Item = &'a Value>,
) -> Result<Option<i64>> {
    if rest.next_if_eq(&'*').is_some() {
        return Ok(Some(values.next().and_then(integer).unwrap_or(0)));
    }
    let mut digits = String::new();
    while let Some(digit) = rest.next_if(char::is_ascii_digit) {
        digits.push(digit);
    }
    if digits.is_empty() {
        return Ok(None);
    }
    digits.parse().map(Some).map_err(|_| too_wide())
}

fn bounded(width: i64) -> Result<usize> {
    usize::try_from(width.unsigned_abs())
        .ok()
        .filter(|width| *width <= WIDTH_MAX)
        .ok_or_else(too_wide)
}

fn too_wide() -> Error {
    Error::invalid(format!("printf() writes at most {WIDTH_MAX} places"))
}

impl Form {
    fn value<'a>(
        &self,
        kind: char,
        values: &mut impl Iterator<Item = &'a Value>,
    ) -> Option<String> {
        let value = values.next().unwrap_or(&Value::Null);
        let whole = || integer(value).unwrap_or(0);
        Some(match kind {
            'd' | 'i' => {
                let digits = whole().unsigned_abs().to_string();
                self.numeric(whole() < 0, "", &self.grouped(&self.filled(&digits)))
            }
            'u' => {
                let digits = whole().cast_unsigned().to_string();
                self.padded(&self.grouped(&self.filled(&digits)))
            }
            'x' | 'X' | 'o' => {
                let number = whole().cast_unsigned();
                let (digits, mark) = match kind {
                    'x' => (format!("{number:x}"), "0x"),
                    'X' => (format!("{number:X}"), "0x"),
                    _ => (format!("{number:o}"), "0"),
                };
                let mark = if self.alternate && number != 0 {
                    mark
                } else {
                    ""
                };
                self.digits("", mark, &self.filled(&digits))
            }
            'f' | 'e' | 'E' | 'g' | 'G' => self.real(kind, real(value).unwrap_or(0.0)),
            'c' => {
                let first = text(value).unwrap_or_default().chars().next();
                let sign = first.map(String::from).unwrap_or_default();
                self.padded(&sign.repeat(self.places.unwrap_or(1).max(1)))
            }
            's' | 'z' => self.padded(&self.cut(text(value).unwrap_or_default())),
            'q' => self.padded(
                &self
                    .cut(text(value).unwrap_or("(NULL)".to_owned()))
                    .replace('\'', "''"),
            ),
            'w' => self.padded(
                &self
                    .cut(text(value).unwrap_or("(NULL)".to_owned()))
                    .replace('"', "\"\""),
            ),
            'Q' => self.padded(&match text(value) {
                Some(value) => format!("'{}'", self.cut(value).replace('\'', "''")),
                None => "NULL".to_owned(),
            }),
            _ => return None,
        })
    }

    fn cut(&self, text: String) -> String {
        match self.places {
            Some(places) => text.chars().take(places).collect(),
            None => text,
        }
    }

    /// With zeros in front, as many as the places say.
    fn filled(&self, digits: &str) -> String {
        let places = self.places.unwrap_or(0);
        format!("{digits:0>places$}")
    }

    fn grouped(&self, digits: &str) -> String {
        if !self.commas {
            return digits.to_owned();
        }
        let count = digits.len();
        let place = |(at, digit): (usize, char)| {
            let comma = (at > 0 && (count - at).is_multiple_of(3)).then_some(',');
            comma.into_iter().chain([digit])
        };
        digits.chars().enumerate().flat_map(place).collect()
    }

    fn real(&self, kind: char, real: f64) -> String {
        if real.is_infinite() {
            return self.padded(&self.signed(real < 0.0, "Inf"));
        }
        let places = self.places.unwrap_or(6);
        let size = real.abs();
        let written = match kind {
            'f' => format!("{size:.places$}"),
            'e' | 'E' => exponent(size, places, kind),
            _ => shortest(size, places.max(1), kind, self.alternate),
        };
        let (whole, fraction) = match written.find('.') {
            Some(point) if kind == 'f' => written.split_at(point),
            _ => (written.as_str(), ""),
        };
        let whole = if kind == 'f' {
            self.grouped(whole)
        } else {
            whole.to_owned()
        };
        self.numeric(real < 0.0, "", &format!("{whole}{fraction}"))
    }

    fn signed(&self, negative: bool, digits: &str) -> String {
        format!("{}{digits}", self.sign(negative))
    }

    fn sign(&self, negative: bool) -> &'static str {
        match (negative, self.plus, self.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        }
    }

    fn numeric(&self, negative: bool, mark: &str, digits: &str) -> String {
        self.digits(self.sign(negative), mark, digits)
    }

    fn digits(&self, sign: &str, mark: &str, digits: &str) -> String {
        let there = sign.len() + mark.len() + digits.chars().count();
        if self.zeros && !self.left && there < self.width {
            let zeros = "0".repeat(self.width - there);
            return format!("{sign}{mark}{zeros}{digits}");
        }
        self.padded(&format!("{sign}{mark}{digits}"))
    }

    fn padded(&self, text: &str) -> String {
        let width = self.width;
        if self.left {
            format!("{text:<width$}")
        } else {
            format!("{text:>width$}")
        }
    }
}

/// `1.5e+03`.
fn exponent(size: f64, places: usize, kind: char) -> String {
    let written = format!("{size:.places$e}");
    let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}{kind}{sign}{exponent:0>2}")
}

/// In either form, the shorter; zeros at the end go.
fn shortest(size: f64, places: usize, kind: char, keep_zeros: bool) -> String {
    let kind = if kind == 'G' { 'E' } else { 'e' };
    let scientific = exponent(size, places - 1, kind);
    let power: i32 = scientific
        .split_once(kind)
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let trimmed = |digits: &str| {
        if keep_zeros || !digits.contains('.') {
            return digits.to_owned();
        }
        digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    };
    let places = i32::try_from(places).unwrap_or(i32::MAX);
    if power < -4 || power >= places {
        let (digits, power) = scientific.split_once(kind).unwrap_or((&scientific, "+00"));
        return format!("{}{kind}{power}", trimmed(digits));
    }
    let behind = usize::try_from(places - 1 - power).unwrap_or(0);
    trimmed(&format!("{size:.behind$}"))
}
