//! Conditions on what a number means, as intervals of the number, where a greater number means something greater.
//!
//! The meaning is never parsed or inverted: the borders are searched by halving, so that the intervals are exact
//! whatever is written on the other side of a comparison.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use tablecast_connector::Comparison;

use crate::filter::Interval;

/// The numbers of a range for whose meaning the comparison holds. `compare` tells how the meaning of a number compares
/// with the value; it never falls as numbers rise.
pub fn compared(
    range: &RangeInclusive<i64>,
    comparison: Comparison,
    compare: impl Fn(i64) -> Ordering,
) -> Vec<Interval<i128>> {
    let (first, last) = (i128::from(*range.start()), i128::from(*range.end()));
    let border = |is_before: &dyn Fn(Ordering) -> bool| {
        let (mut from, mut to) = (first, last + 1);
        while from < to {
            let middle = from + (to - from) / 2;
            // The middle lies in the range, whose numbers have 64 bits.
            if is_before(compare(middle as i64)) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        from
    };
    let start = border(&Ordering::is_lt);
    let end = border(&Ordering::is_le);
    let pieces = match comparison {
        Comparison::Equal => vec![(start, end)],
        Comparison::NotEqual => vec![(first, start), (end, last + 1)],
        Comparison::Less => vec![(first, start)],
        Comparison::LessOrEqual => vec![(first, end)],
        Comparison::Greater => vec![(end, last + 1)],
        Comparison::GreaterOrEqual => vec![(start, last + 1)],
    };
    let pieces = pieces.into_iter().filter(|(from, end)| from < end);
    pieces
        .map(|(from, end)| Interval { from, to: end - 1 })
        .collect()
}

/// The numbers outside of a range; those that mean null.
pub fn outside(range: &RangeInclusive<i64>) -> Vec<Interval<i128>> {
    let before = Interval {
        from: i128::MIN,
        to: i128::from(*range.start()) - 1,
    };
    let after = Interval {
        from: i128::from(*range.end()) + 1,
        to: i128::MAX,
    };
    vec![before, after]
}

/// The numbers in a range.
pub fn inside(range: &RangeInclusive<i64>) -> Vec<Interval<i128>> {
    vec![Interval {
        from: i128::from(*range.start()),
        to: i128::from(*range.end()),
    }]
}

/// The numbers of a range that lie in none of the intervals.
pub fn without(
    range: &RangeInclusive<i64>,
    mut intervals: Vec<Interval<i128>>,
) -> Vec<Interval<i128>> {
    intervals.sort_by_key(|interval| interval.from);
    let last = i128::from(*range.end());
    let (mut rest, mut from) = (Vec::new(), i128::from(*range.start()));
    for interval in intervals {
        if interval.from > from {
            rest.push(Interval {
                from,
                to: last.min(interval.from - 1),
            });
        }
        from = from.max(interval.to.saturating_add(1));
    }
    if from <= last {
        rest.push(Interval { from, to: last });
    }
    rest
}

#[cfg(test)]
mod tests {
    use tablecast_connector::Comparison;

    use super::{compared, without};

    #[test]
    fn what_is_left_of_a_range_lies_between_the_intervals() {
        let interval = |(from, to)| crate::filter::Interval { from, to };
        let left = |intervals: &[(i128, i128)]| {
            let left = without(&(0..=9), intervals.iter().copied().map(interval).collect());
            left.iter()
                .map(|left| (left.from, left.to))
                .collect::<Vec<_>>()
        };
        assert_eq!(left(&[]), [(0, 9)]);
        assert_eq!(left(&[(8, 9), (0, 1), (1, 3)]), [(4, 7)]);
        assert_eq!(left(&[(5, 5)]), [(0, 4), (6, 9)]);
        assert_eq!(left(&[(0, 9)]), []);
    }

    #[test]
    fn borders_are_found_at_the_ends_and_between() {
        // Tens mean themselves rounded down.
        let numbers = |comparison, value: i64| {
            let intervals = compared(&(-30..=39), comparison, |number| {
                number.div_euclid(10).cmp(&value)
            });
            intervals
                .iter()
                .map(|interval| (interval.from, interval.to))
                .collect::<Vec<_>>()
        };
        assert_eq!(numbers(Comparison::Equal, 1), [(10, 19)]);
        assert_eq!(numbers(Comparison::NotEqual, 3), [(-30, 29)]);
        assert_eq!(numbers(Comparison::NotEqual, 1), [(-30, 9), (20, 39)]);
        assert_eq!(numbers(Comparison::Less, -3), []);
        assert_eq!(numbers(Comparison::Equal, 7), []);
        assert_eq!(numbers(Comparison::LessOrEqual, 9), [(-30, 39)]);
        assert_eq!(numbers(Comparison::Greater, 2), [(30, 39)]);
        assert_eq!(numbers(Comparison::GreaterOrEqual, -9), [(-30, 39)]);
        let all = compared(&(i64::MIN..=i64::MAX), Comparison::Greater, |number| {
            number.cmp(&0)
        });
        assert_eq!(all[0].to, i128::from(i64::MAX));
    }
}
