//! Where the round numbers of an axis are, and which way it runs.

use tablecast_connector::{Axis, Coordinates, Dimension, DimensionKind};

use super::labels::{self, coordinate, short};

/// Which way an axis runs on the sheet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Right,
    Down,
}

/// An axis, ready to be drawn.
pub(super) struct Placed {
    /// Where a tick is, from 0 at the start of the axis on the sheet to 1 at its end, and what stands there.
    pub(super) ticks: Vec<(f64, String)>,
    /// Whether the last bin comes first on the sheet.
    pub(super) is_turned: bool,
}

/// Places at most `most` ticks. Numbers grow to the right and upwards; what has none runs as it is stored, downwards.
pub(super) fn placed(dimension: &Dimension, axis: &Axis, most: usize, way: Way) -> Placed {
    let (ticks, grows) = match &axis.coordinates {
        Coordinates::Numbers(numbers) => match monotone(numbers) {
            Some(grows) => (numbered(dimension.kind, numbers, most), Some(grows)),
            None => (labelled(dimension, axis, most), None),
        },
        Coordinates::Texts(_) => (labelled(dimension, axis, most), None),
        Coordinates::None => (counted(axis, most), None),
    };
    let is_turned = grows.is_some_and(|grows| grows == (way == Way::Down));
    let turned = |(at, label)| {
        if is_turned {
            (1.0 - at, label)
        } else {
            (at, label)
        }
    };
    Placed {
        ticks: ticks.into_iter().map(turned).collect(),
        is_turned,
    }
}

/// Round numbers between two numbers, at most about `most` of them.
pub(super) fn round(from: f64, to: f64, most: usize) -> Vec<f64> {
    let rough = (to - from) / most.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps
        .iter()
        .map(|step| step * power)
        .find(|step| *step >= rough * 0.999);
    multiples(from, to, step.unwrap_or(10.0 * power))
}

fn multiples(from: f64, to: f64, step: f64) -> Vec<f64> {
    let first = (from / step - 1e-6).ceil();
    let last = (to / step + 1e-6).floor();
    let count = if last - first < 200.0 {
        (last - first + 1.0).max(0.0) as u32
    } else {
        0
    };
    // A zero without a sign, and no digits that only rounding made.
    (0..count)
        .map(|at| (first + f64::from(at)) * step + 0.0)
        .collect()
}

/// Whether the numbers grow throughout, or fall throughout; `None` if neither.
fn monotone(numbers: &[f64]) -> Option<bool> {
    let mut pairs = numbers.iter().zip(numbers.iter().skip(1));
    let grows = numbers
        .first()
        .zip(numbers.last())
        .is_none_or(|(first, last)| first <= last);
    let is_so = |(a, b): (&f64, &f64)| if grows { a < b } else { a > b };
    (pairs.all(is_so) && numbers.iter().all(|number| number.is_finite())).then_some(grows)
}

fn numbered(kind: DimensionKind, numbers: &[f64], most: usize) -> Vec<(f64, String)> {
    let count = numbers.len() as f64;
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
        return Vec::new();
    };
    if numbers.len() == 1 {
        return vec![(0.5, coordinate(kind, first))];
    }
    let second = numbers.get(1).copied().unwrap_or(first);
    let before = numbers
        .len()
        .checked_sub(2)
        .and_then(|at| numbers.get(at))
        .copied()
        .unwrap_or(last);
    // Bins have a half on the other side of their middle.
    let ends = [first - (second - first) / 2.0, last + (last - before) / 2.0];
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let ticks = match kind {
        DimensionKind::Latitude | DimensionKind::Longitude => degrees(low, high, most),
        _ => round(low, high, most),
    };
    let place = |tick: f64| {
        let grows = first <= last;
        let next =
            numbers.partition_point(|&number| if grows { number < tick } else { number > tick });
        let middle = |at: usize| (at as f64 + 0.5) / count;
        let (from, to, start, end) = match (next.checked_sub(1), numbers.get(next)) {
            (None, _) => (ends[0], first, 0.0, middle(0)),
            (Some(at), None) => (last, ends[1], middle(at), 1.0),
            (Some(at), Some(&to)) => (
                numbers.get(at).copied().unwrap_or(to),
                to,
                middle(at),
                middle(next),
            ),
        };
        let part = if (to - from).abs() < f64::MIN_POSITIVE {
            0.0
        } else {
            (tick - from) / (to - from)
        };
        start + part * (end - start)
    };
    let ticks = ticks
        .into_iter()
        .map(|tick| (place(tick), coordinate(kind, tick)));
    ticks.filter(|(at, _)| (0.0..=1.0).contains(at)).collect()
}

/// Round degrees, as maps have them.
fn degrees(from: f64, to: f64, most: usize) -> Vec<f64> {
    let rough = (to - from) / most.max(1) as f64;
    let steps = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 90.0];
    if rough < 0.5 {
        return round(from, to, most);
    }
    let step = steps
        .into_iter()
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(90.0);
    multiples(from, to, step)
}

/// The numbers of steps.
fn counted(axis: &Axis, most: usize) -> Vec<(f64, String)> {
    let (Some(&start), Some(&end)) = (axis.edges.first(), axis.edges.last()) else {
        return Vec::new();
    };
    let length = (end - start) as f64;
    let (first, last) = (start as f64, (end - 1) as f64);
    if start + 1 == end {
        return vec![(0.5, start.to_string())];
    }
    let steps = round(first, last, most.min((end - start) as usize));
    let steps = steps.into_iter().filter(|step| step.fract() == 0.0);
    steps
        .map(|step| ((step - first + 0.5) / length, short_count(step)))
        .collect()
}

/// The number of a step, whole.
fn short_count(step: f64) -> String {
    if step < 1e7 {
        format!("{step:.0}")
    } else {
        short(step)
    }
}

/// Some bins by what they are called.
fn labelled(dimension: &Dimension, axis: &Axis, most: usize) -> Vec<(f64, String)> {
    let bins = axis.bins();
    let step = bins.div_ceil(most.max(1)).max(1);
    let chosen: Vec<usize> = (0..bins).step_by(step).collect();
    let days = match &axis.coordinates {
        Coordinates::Texts(texts) => days(chosen.iter().filter_map(|at| texts.get(*at))),
        _ => None,
    };
    let label = |(place, &at): (usize, &usize)| {
        let day = days.as_ref().and_then(|days| days.get(place).cloned());
        let label = day.or_else(|| labels::bin(dimension, axis, at))?;
        Some(((at as f64 + 0.5) / bins as f64, label))
    };
    chosen.iter().enumerate().filter_map(label).collect()
}

/// The days of moments, if they are moments of different days: the time of day is for the slider to tell.
fn days<'a>(texts: impl Iterator<Item = &'a String>) -> Option<Vec<String>> {
    let day = |text: &String| {
        let (day, time) = text.split_once('T')?;
        let is_moment = day.len() >= 10 && time.starts_with(|c: char| c.is_ascii_digit());
        is_moment.then(|| day.to_owned())
    };
    let days: Vec<String> = texts.map(day).collect::<Option<_>>()?;
    let mut pairs = days.iter().zip(days.iter().skip(1));
    pairs.all(|(one, next)| one != next).then_some(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_at_their_places() {
        assert_eq!(round(0.13, 0.97, 4), [0.25, 0.5, 0.75]);
        assert_eq!(round(-3.0, 3.0, 6), [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(round(1.0, 1.0, 5), Vec::<f64>::new());
        assert_eq!(round(f64::MIN, f64::MAX, 5), Vec::<f64>::new());
        let latitude = Dimension {
            kind: DimensionKind::Latitude,
            ..Dimension::index("lat", 18)
        };
        let numbers: Vec<f64> = (0..18).map(|at| 85.0 - 10.0 * f64::from(at)).collect();
        let axis = Axis {
            edges: (0..=18).collect(),
            coordinates: Coordinates::Numbers(numbers),
        };
        let placed = placed(&latitude, &axis, 6, Way::Down);
        // From north to south it is stored so, and north is at the top anyway.
        assert!(!placed.is_turned);
        let told: Vec<(f64, &str)> = placed
            .ticks
            .iter()
            .map(|(at, label)| ((at * 180.0).round(), label.as_str()))
            .collect();
        assert_eq!(told.first(), Some(&(180.0, "90°S")));
        assert_eq!(told.get(3), Some(&(90.0, "0°")));
        assert_eq!(told.last(), Some(&(0.0, "90°N")));
    }

    #[test]
    fn steps_are_counted_in_whole_numbers() {
        let axis = Axis {
            edges: (0..=3).collect(),
            coordinates: Coordinates::None,
        };
        let placed = placed(&Dimension::index("n", 3), &axis, 10, Way::Right);
        let labels: Vec<&str> = placed
            .ticks
            .iter()
            .map(|(_, label)| label.as_str())
            .collect();
        assert_eq!(labels, ["0", "1", "2"]);
    }
}
