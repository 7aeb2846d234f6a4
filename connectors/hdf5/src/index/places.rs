//! Stretches of places in a sorted column, in order and apart from each other.

use std::ops::Range;

/// In ascending order; no two overlap.
pub type Places = Vec<Range<usize>>;

/// The places that are in any of the stretches, which may be in any order.
pub fn union(mut stretches: Vec<Range<usize>>) -> Places {
    stretches.sort_unstable_by_key(|stretch| stretch.start);
    let mut places: Places = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match places.last_mut() {
            Some(last) if stretch.start <= last.end => last.end = last.end.max(stretch.end),
            _ => places.push(stretch),
        }
    }
    places
}

/// The places that are in both.
pub fn intersection(one: &[Range<usize>], other: &[Range<usize>]) -> Places {
    let (mut a, mut b, mut places) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (one.get(a), other.get(b)) {
        let common = x.start.max(y.start)..x.end.min(y.end);
        if common.start < common.end {
            places.push(common);
        }
        if x.end < y.end { a += 1 } else { b += 1 }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_joined_and_cut() {
        let (one, other) = (union(vec![8..9, 0..3, 2..5]), union(vec![4..6, 8..20]));
        assert_eq!(one, [0..5, 8..9]);
        assert_eq!(intersection(&one, &other), [4..5, 8..9]);
        assert_eq!(union([one, other].concat()), [0..6, 8..20]);
    }
}
