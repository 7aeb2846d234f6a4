//! Intervals of numbers: what a comparison comes to for whole numbers and for real ones, exactly.

use tablecast_connector::{Comparison, Value};

/// From and to, both included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval<T> {
    /// The least number.
    pub from: T,
    /// The greatest number.
    pub to: T,
}

impl<T: PartialOrd + Copy> Interval<T> {
    pub fn holds(&self, number: &T) -> bool {
        *number >= self.from && *number <= self.to
    }

    /// Narrows it to what lies in the other one, too; nothing is left if from is greater than to.
    pub fn narrow(&mut self, other: &Self) {
        if other.from > self.from {
            self.from = other.from;
        }
        if other.to < self.to {
            self.to = other.to;
        }
    }
}

/// The whole numbers for which the comparison holds; those for which `=` does, if it is `!=`.
pub fn integers(comparison: Comparison, value: &Value) -> Option<Vec<Interval<i128>>> {
    // The nearest whole numbers on both sides of the value, which are the same if it is one.
    let (below, above) = match value {
        Value::Integer(number) => (*number, *number),
        Value::Real(number) if number.is_nan() => return None,
        Value::Real(number) => (number.floor() as i128, number.ceil() as i128),
        _ => return None,
    };
    let is_whole = below == above;
    let (from, to) = match comparison {
        Comparison::Equal | Comparison::NotEqual if is_whole => (below, below),
        Comparison::Equal | Comparison::NotEqual => return Some(Vec::new()),
        Comparison::Less => (i128::MIN, above.saturating_sub(1)),
        Comparison::LessOrEqual => (i128::MIN, below),
        Comparison::Greater => (below.saturating_add(1), i128::MAX),
        Comparison::GreaterOrEqual => (above, i128::MAX),
    };
    Some(vec![Interval { from, to }])
}

/// The same for real numbers.
pub fn reals(comparison: Comparison, value: &Value) -> Option<Vec<Interval<f64>>> {
    // The nearest real numbers on both sides of the value, which are the same if it is one.
    let (below, above) = match value {
        Value::Real(number) if number.is_nan() => return None,
        Value::Real(number) => (*number, *number),
        Value::Integer(number) => {
            let near = *number as f64;
            match (near as i128).cmp(number) {
                std::cmp::Ordering::Equal => (near, near),
                std::cmp::Ordering::Less => (near, near.next_up()),
                std::cmp::Ordering::Greater => (near.next_down(), near),
            }
        }
        _ => return None,
    };
    let is_exact = below >= above;
    let (from, to) = match comparison {
        Comparison::Equal | Comparison::NotEqual if is_exact => (below, below),
        Comparison::Equal | Comparison::NotEqual => return Some(Vec::new()),
        Comparison::Less => (
            f64::NEG_INFINITY,
            if is_exact { below.next_down() } else { below },
        ),
        Comparison::LessOrEqual => (f64::NEG_INFINITY, below),
        Comparison::Greater => (
            if is_exact { above.next_up() } else { above },
            f64::INFINITY,
        ),
        Comparison::GreaterOrEqual => (above, f64::INFINITY),
    };
    // Nothing is below minus infinity, nor above infinity.
    let is_possible = match comparison {
        Comparison::Less => value != &Value::Real(f64::NEG_INFINITY),
        Comparison::Greater => value != &Value::Real(f64::INFINITY),
        _ => true,
    };
    Some(if is_possible {
        vec![Interval { from, to }]
    } else {
        Vec::new()
    })
}

/// Whether the number lies in one of the intervals.
pub fn within<T: PartialOrd + Copy>(intervals: &[Interval<T>], number: &T) -> bool {
    intervals.iter().any(|interval| interval.holds(number))
}

/// A single interval, cut to what 64 bits with a sign hold: the common case, tested without wide numbers.
pub fn narrowed(intervals: &[Interval<i128>]) -> Option<Interval<i64>> {
    let [interval] = intervals else { return None };
    let (least, most) = (i128::from(i64::MIN), i128::from(i64::MAX));
    if interval.from > most || interval.to < least {
        return Some(Interval { from: 1, to: 0 });
    }
    let clamp = |number: i128| number.clamp(least, most) as i64;
    Some(Interval {
        from: clamp(interval.from),
        to: clamp(interval.to),
    })
}
