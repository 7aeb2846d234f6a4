//! Numbers and coordinates as short texts.

use tablecast_connector::{Axis, Coordinates, Dimension, DimensionKind};

/// Characters of a label that are shown.
const LABEL_MAX: usize = 20;

/// A number in at most six digits.
pub(crate) fn short(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-4..1e7).contains(&size) {
        let text = format!("{number:.4e}");
        let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{power}", trimmed(digits));
    }
    let whole = size.max(1.0).log10().floor() as usize;
    // Below 1, digits count from the first that is not 0.
    let zeros = if size != 0.0 && size < 1.0 {
        (-size.log10()).floor() as usize
    } else {
        0
    };
    trimmed(&format!(
        "{number:.*}",
        5_usize.saturating_sub(whole) + zeros
    ))
    .to_owned()
}

fn trimmed(digits: &str) -> &str {
    let text = if digits.contains('.') {
        digits.trim_end_matches('0').trim_end_matches('.')
    } else {
        digits
    };
    if text == "-0" { "0" } else { text }
}

/// A coordinate as people write it.
pub(super) fn coordinate(kind: DimensionKind, number: f64) -> String {
    let of = |number: f64, sides: [&str; 2]| match number {
        number if number > 0.0 => format!("{}°{}", short(number), sides[0]),
        number if number < 0.0 => format!("{}°{}", short(-number), sides[1]),
        _ => "0°".to_owned(),
    };
    match kind {
        DimensionKind::Latitude => of(number, ["N", "S"]),
        DimensionKind::Longitude => {
            let turned = (number + 180.0).rem_euclid(360.0) - 180.0;
            if turned <= -180.0 {
                "180°".to_owned()
            } else {
                of(turned, ["E", "W"])
            }
        }
        _ => short(number),
    }
}

/// What a bin is called, if it has a coordinate.
pub(super) fn bin(dimension: &Dimension, axis: &Axis, at: usize) -> Option<String> {
    match &axis.coordinates {
        Coordinates::None => None,
        Coordinates::Numbers(numbers) => {
            let number = numbers.get(at).filter(|number| number.is_finite())?;
            let text = coordinate(dimension.kind, *number);
            let is_angle = matches!(
                dimension.kind,
                DimensionKind::Latitude | DimensionKind::Longitude
            );
            let unit = dimension.unit.as_deref().filter(|_| !is_angle);
            Some(unit.map_or_else(|| text.clone(), |unit| format!("{text} {unit}")))
        }
        Coordinates::Texts(texts) => texts
            .get(at)
            .filter(|text| !text.is_empty())
            .map(|text| cut(text)),
    }
}

/// A text without what says nothing: the time of day of a midnight.
pub(super) fn cut(text: &str) -> String {
    let text = ["T00:00:00", " 00:00:00"]
        .iter()
        .find_map(|end| text.strip_suffix(end))
        .unwrap_or(text);
    if text.chars().count() <= LABEL_MAX {
        return text.to_owned();
    }
    text.chars().take(LABEL_MAX - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_places_are_on_the_earth() {
        let shown = [
            0.0,
            -0.5,
            273.15,
            1_234_567.9,
            1e20,
            0.000_012_3,
            0.012_345_678,
            1e6,
        ]
        .map(short);
        assert_eq!(
            shown,
            [
                "0", "-0.5", "273.15", "1234568", "1e20", "1.23e-5", "0.012346", "1000000"
            ]
        );
        let east = [0.0, 30.0, 180.0, 270.0, -90.0, 359.5]
            .map(|it| coordinate(DimensionKind::Longitude, it));
        assert_eq!(east, ["0°", "30°E", "180°", "90°W", "90°W", "0.5°W"]);
        let north = [-45.0, 90.0].map(|it| coordinate(DimensionKind::Latitude, it));
        assert_eq!(north, ["45°S", "90°N"]);
    }
}
