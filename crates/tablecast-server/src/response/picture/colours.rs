//! The scale of colours: from a dark violet over green to a light yellow, ever lighter, so that it can be read without
//! telling hues apart.

use std::sync::LazyLock;

/// Places of the palette that stand for values; place 0 stands for none.
const STEPS: u8 = 255;

/// The palette: at place 0 nothing, then the scale.
pub(super) static PALETTE: LazyLock<Vec<[u8; 3]>> = LazyLock::new(|| {
    let scale = (0..STEPS).map(|step| colour(f64::from(step) / f64::from(STEPS - 1)));
    std::iter::once([0, 0, 0]).chain(scale).collect()
});

/// The place in the palette of a value between `least` and `most`; 0 where there is none.
pub(super) fn place(value: f64, least: f64, most: f64) -> u8 {
    if value.is_nan() {
        return 0;
    }
    let part = ((value - least) / (most - least)).clamp(0.0, 1.0);
    // A scale of one value is drawn in its middle.
    let part = if part.is_nan() { 0.5 } else { part };
    1 + (part * f64::from(STEPS - 1)).round() as u8
}

/// As a sheet names it: the colour at a part of the scale.
pub(super) fn name(part: f64) -> String {
    let [red, green, blue] = colour(part);
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colour at a part of the scale, which is even in Oklab's lightness.
fn colour(part: f64) -> [u8; 3] {
    let lightness = 0.26 + 0.66 * part;
    let hue = (290.0 - 185.0 * part).to_radians();
    let chroma = 0.125 - 0.035 * (part * std::f64::consts::PI).sin();
    let (a, b) = (chroma * hue.cos(), chroma * hue.sin());
    let long = (lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let middle = (lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (lightness - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * middle + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * middle - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * middle + 1.707_614_701 * short,
    ]
    .map(|linear| {
        let linear = linear.clamp(0.0, 1.0);
        let encoded = if linear <= 0.003_130_8 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        (encoded * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_grows_lighter_step_by_step_and_nothing_has_no_colour() {
        let light = |[red, green, blue]: [u8; 3]| {
            0.2126 * f64::from(red) + 0.7152 * f64::from(green) + 0.0722 * f64::from(blue)
        };
        let lights: Vec<f64> = PALETTE
            .iter()
            .skip(1)
            .map(|&colour| light(colour))
            .collect();
        for pair in lights.windows(8) {
            assert!(pair[0] < pair[7], "{pair:?}");
        }
        let places = [(f64::NAN, 0), (1.0, 1), (3.0, 255), (2.0, 128), (9.0, 255)];
        for (value, expected) in places {
            assert_eq!(place(value, 1.0, 3.0), expected, "{value}");
        }
        assert_eq!(place(5.0, 5.0, 5.0), 128);
    }
}
