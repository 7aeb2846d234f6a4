//! Numbers in bins of equal width, in one pass that knows neither the smallest nor the largest of them before.
//!
//! Bins start at multiples of a power of ten and are kept far finer than they are shown; they become ten times as wide
//! whenever there are too many. Bounds are the decimal numbers that they are written as, correctly rounded, so that a
//! wider bin holds exactly what the narrower ones in it held: every count is exact.

use std::collections::HashMap;

use tablecast_connector::Value;

/// Bins that are shown at most.
const SHOWN_MAX: i64 = 24;

/// Bins that are kept at most while numbers come.
const KEPT_MAX: usize = 2000;

/// Numbers of bins beyond this are not told apart from their neighbours by a real number.
const KEY_MAX: i64 = 1_000_000_000_000_000;

/// The smallest power of ten that is the width of a bin.
const EXPONENT_MIN: i32 = -300;

/// Values from `from` on, up to but without `to`.
#[derive(Debug, PartialEq)]
pub(crate) struct Bin {
    pub(crate) from: Value,
    pub(crate) to: Value,
    pub(crate) count: u64,
}

/// The numbers that came, counted.
#[derive(Debug, Default)]
pub(super) struct Bins {
    /// The width of a bin is ten to the power of this; `None` before the first number.
    exponent: Option<i32>,
    counts: HashMap<i64, u64>,
    has_reals: bool,
}

impl Bins {
    pub(super) fn add_integer(&mut self, integer: i128) {
        self.add(integer as f64, |exponent| key_of_integer(integer, exponent));
    }

    /// Infinities have no bin and are left out, as is what is no number.
    pub(super) fn add_real(&mut self, real: f64) {
        if real.is_finite() {
            self.has_reals = true;
            self.add(real, |exponent| key_of_real(real, exponent));
        }
    }

    fn add(&mut self, about: f64, key: impl Fn(i32) -> Option<i64>) {
        let first = || finest(about);
        let mut exponent = *self.exponent.get_or_insert_with(first);
        let key = loop {
            match key(exponent) {
                Some(key) => break key,
                None => exponent = self.widen(exponent),
            }
        };
        *self.counts.entry(key).or_default() += 1;
        while self.counts.len() > KEPT_MAX {
            exponent = self.widen(exponent);
        }
    }

    fn widen(&mut self, exponent: i32) -> i32 {
        let narrow = std::mem::take(&mut self.counts);
        for (key, count) in narrow {
            *self.counts.entry(key.div_euclid(10)).or_default() += count;
        }
        self.exponent = Some(exponent + 1);
        exponent + 1
    }

    /// The bins as they are shown, from the smallest number's to the largest one's; none if all numbers are in one.
    pub(super) fn shown(mut self) -> Vec<Bin> {
        let Some(mut exponent) = self.exponent else {
            return Vec::new();
        };
        // A bin of integers is at least as wide as an integer.
        while exponent < 0 && !self.has_reals {
            exponent = self.widen(exponent);
        }
        let (Some(lowest), Some(highest)) = (self.counts.keys().min(), self.counts.keys().max())
        else {
            return Vec::new();
        };
        let widths = (0..18).flat_map(|zeros| [1, 2, 5].map(|digit| digit * 10_i64.pow(zeros)));
        let places = |width: i64| (lowest.div_euclid(width), highest.div_euclid(width));
        let fits = |width: &i64| {
            let (first, last) = places(*width);
            last - first < SHOWN_MAX
        };
        let width = widths.into_iter().find(fits).unwrap_or(i64::MAX);
        let (first, last) = places(width);
        if first == last {
            return Vec::new();
        }
        let bound = |place: i64| bound(i128::from(place) * i128::from(width), exponent);
        let mut bins: Vec<Bin> = (first..=last)
            .map(|place| Bin {
                from: bound(place),
                to: bound(place + 1),
                count: 0,
            })
            .collect();
        for (key, count) in &self.counts {
            let place = usize::try_from(key.div_euclid(width) - first).unwrap_or(usize::MAX);
            if let Some(bin) = bins.get_mut(place) {
                bin.count += count;
            }
        }
        bins
    }
}

/// The power of ten that tells numbers of this size apart as finely as can be.
fn finest(about: f64) -> i32 {
    if about == 0.0 {
        return EXPONENT_MIN;
    }
    (about.abs().log10().floor() as i32 - 14).max(EXPONENT_MIN)
}

fn key_of_integer(integer: i128, exponent: i32) -> Option<i64> {
    let power = 10_i128.checked_pow(exponent.unsigned_abs());
    let key = match power {
        _ if integer == 0 => 0,
        Some(power) if exponent >= 0 => integer.div_euclid(power),
        Some(power) => integer.checked_mul(power)?,
        None if exponent >= 0 => integer.signum().min(0),
        None => return None,
    };
    in_range(i64::try_from(key).ok()?)
}

fn key_of_real(real: f64, exponent: i32) -> Option<i64> {
    let about = (real / power_of_ten(exponent)).floor();
    if about.is_nan() || about.abs() > KEY_MAX as f64 {
        return None;
    }
    let mut key = about as i64;
    // The quotient may have been rounded across a bound.
    while real < start(key, exponent) {
        key -= 1;
    }
    while real >= start(key + 1, exponent) {
        key += 1;
    }
    in_range(key)
}

fn in_range(key: i64) -> Option<i64> {
    (-KEY_MAX..=KEY_MAX).contains(&key).then_some(key)
}

fn power_of_ten(exponent: i32) -> f64 {
    if (0..=22).contains(&exponent) {
        return 10_f64.powi(exponent);
    }
    format!("1e{exponent}").parse().unwrap_or(f64::INFINITY)
}

/// Where a bin starts: the decimal number, correctly rounded.
fn start(key: i64, exponent: i32) -> f64 {
    match exponent {
        0..=22 => key as f64 * power_of_ten(exponent),
        -22..0 => key as f64 / power_of_ten(-exponent),
        _ => format!("{key}e{exponent}").parse().unwrap_or(f64::INFINITY),
    }
}

/// The number to be shown.
fn bound(key: i128, exponent: i32) -> Value {
    let power = u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10_i128.checked_pow(exponent));
    let integer = power.and_then(|power| key.checked_mul(power));
    let is_whole = |integer: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(integer);
    match integer.filter(is_whole) {
        Some(integer) => Value::Integer(integer),
        None => Value::Real(format!("{key}e{exponent}").parse().unwrap_or(f64::INFINITY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(numbers: &[f64]) -> Vec<(Value, Value, u64)> {
        let mut bins = Bins::default();
        for number in numbers {
            bins.add_real(*number);
        }
        let bins = bins.shown().into_iter();
        bins.map(|bin| (bin.from, bin.to, bin.count)).collect()
    }

    #[test]
    fn a_decimal_number_is_in_the_bin_that_starts_with_it() {
        let bins = shown(&[0.1, 0.2, 0.3, 0.300_000_000_000_000_04, 0.7, 0.1]);
        let bounds: Vec<Value> = bins.iter().map(|bin| bin.0.clone()).collect();
        assert_eq!(bounds.first(), Some(&Value::Real(0.1)));
        let count = |from: f64| bins.iter().find(|bin| bin.0 == Value::Real(from));
        assert_eq!(count(0.1).map(|bin| bin.2), Some(2));
        assert_eq!(count(0.3).map(|bin| bin.2), Some(2));
        assert_eq!(count(0.7).map(|bin| bin.2), Some(1));
    }

    #[test]
    fn every_bin_holds_what_lies_between_its_bounds() {
        // A generator of numbers of all sizes and signs.
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for scale in [1e-200, 1e-9, 1.0, 360.0, 1e6, 1e18, 1e250] {
            let numbers: Vec<f64> = (0..5000).map(|_| (next() - 0.3) * scale).collect();
            let bins = shown(&numbers);
            assert!((5..=24).contains(&bins.len()), "{scale}: {}", bins.len());
            let number = |value: &Value| match value {
                Value::Integer(integer) => *integer as f64,
                Value::Real(real) => *real,
                _ => f64::NAN,
            };
            for (from, to, count) in &bins {
                let (from, to) = (number(from), number(to));
                let inside = numbers.iter().filter(|x| (from..to).contains(*x)).count();
                assert_eq!(inside as u64, *count, "{from} to {to}");
            }
            let all: u64 = bins.iter().map(|bin| bin.2).sum();
            assert_eq!(all, 5000);
        }
    }

    #[test]
    fn integers_are_binned_exactly_beyond_what_reals_can_tell() {
        let mut bins = Bins::default();
        let large = i128::from(u64::MAX);
        for integer in [large, large - 1, i128::from(i64::MIN), 0, 7] {
            bins.add_integer(integer);
        }
        let bins = bins.shown();
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<u64>(), 5);
        let mut small = Bins::default();
        (1..=3).for_each(|integer| small.add_integer(integer));
        let small: Vec<_> = small
            .shown()
            .into_iter()
            .map(|bin| (bin.from, bin.count))
            .collect();
        assert_eq!(small, [1, 2, 3].map(|from| (Value::Integer(from), 1)));
    }

    #[test]
    fn one_number_alone_has_no_histogram() {
        assert!(shown(&[39.1, 39.1]).is_empty());
        assert!(shown(&[f64::INFINITY]).is_empty());
        assert!(shown(&[]).is_empty());
    }
}
