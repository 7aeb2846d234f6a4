//! Floating point numbers of any layout: IEEE halves to quadruples, bfloat16, x86's 80 bits.
//!
//! The common ones are recognized and read by the machine; the rest are taken apart bit by bit. What has more
//! precision than 64 bits hold is rounded towards zero.

use super::header::little_endian;
use crate::error::{Result, damaged};

/// Where sign, exponent and mantissa lie. Bits count from the least significant one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloatLayout {
    sign_at: u32,
    exponent_at: u32,
    exponent_bits: u32,
    mantissa_at: u32,
    mantissa_bits: u32,
    bias: u32,
    has_implied_one: bool,
}

impl FloatLayout {
    /// IEEE 754 half precision.
    pub const F16: Self = Self::ieee(15, 10, 5, 10, 15);
    /// IEEE 754 single precision.
    pub const F32: Self = Self::ieee(31, 23, 8, 23, 127);
    /// IEEE 754 double precision.
    pub const F64: Self = Self::ieee(63, 52, 11, 52, 1023);

    const fn ieee(
        sign_at: u32,
        exponent_at: u32,
        exponent_bits: u32,
        mantissa_bits: u32,
        bias: u32,
    ) -> Self {
        Self {
            sign_at,
            exponent_at,
            exponent_bits,
            mantissa_at: 0,
            mantissa_bits,
            bias,
            has_implied_one: true,
        }
    }

    /// Parses the twelve property bytes of a float's datatype message.
    pub fn parse(properties: &[u8], class_bits: u32) -> Result<Self> {
        let byte = |at: usize| u32::from(properties[at]);
        let layout = Self {
            sign_at: (class_bits >> 8) & 0xff,
            exponent_at: byte(4),
            exponent_bits: byte(5),
            mantissa_at: byte(6),
            mantissa_bits: byte(7),
            bias: little_endian(&properties[8..12]) as u32,
            has_implied_one: (class_bits >> 4) & 3 == 2,
        };
        let fits = layout.sign_at < 128
            && layout.exponent_at + layout.exponent_bits <= 128
            && layout.mantissa_at + layout.mantissa_bits <= 128
            && (1..=31).contains(&layout.exponent_bits)
            && layout.mantissa_bits < 128;
        if fits {
            Ok(layout)
        } else {
            Err(damaged("a float's layout does not fit into 128 bits"))
        }
    }

    /// The number that these bits are.
    pub fn decode(self, bits: u128) -> f64 {
        let field = |at: u32, length: u32| (bits >> at) & ((1_u128 << length) - 1);
        let exponent = field(self.exponent_at, self.exponent_bits) as u32;
        let mantissa = field(self.mantissa_at, self.mantissa_bits);
        let sign = if field(self.sign_at, 1) == 0 {
            1.0
        } else {
            -1.0
        };
        if exponent == (1 << self.exponent_bits) - 1 {
            // Without an implied one the top bit of the mantissa is set for infinities too.
            let fraction_bits =
                self.mantissa_bits - u32::from(!self.has_implied_one && self.mantissa_bits > 0);
            let is_infinite = mantissa & ((1_u128 << fraction_bits) - 1) == 0;
            return if is_infinite {
                sign * f64::INFINITY
            } else {
                f64::NAN
            };
        }
        let (mantissa, exponent) = match (self.has_implied_one, exponent) {
            (true, 0) => (mantissa, 1),
            (true, exponent) => (mantissa | (1_u128 << self.mantissa_bits), exponent),
            (false, exponent) => (mantissa, exponent),
        };
        let point = self.mantissa_bits - u32::from(!self.has_implied_one && self.mantissa_bits > 0);
        let power = i64::from(exponent) - i64::from(self.bias) - i64::from(point);
        sign * scale(mantissa, power)
    }
}

/// `mantissa` times two to the `power`, without overflow on the way.
fn scale(mantissa: u128, power: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let spare = 128 - mantissa.leading_zeros();
    let drop = spare.saturating_sub(64);
    let (mantissa, power) = ((mantissa >> drop) as f64, power + i64::from(drop));
    let power = power.clamp(-4000, 4000) as i32;
    // Two steps, because two to the power alone may be out of range where the product is not.
    let half = power / 2;
    mantissa * 2_f64.powi(half) * 2_f64.powi(power - half)
}

/// An IEEE half as a single, exactly.
pub fn half(bits: u16) -> f32 {
    FloatLayout::F16.decode(u128::from(bits)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read_exactly() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x0001, 5.960_464_5e-8),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(number), "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        assert!(half(0x7c00).is_infinite());
    }

    #[test]
    fn doubles_taken_apart_are_the_machines_own() {
        for number in [0.0, 1.5, -1e300, 5e-324, f64::MAX, f64::NEG_INFINITY, 0.1] {
            let decoded = FloatLayout::F64.decode(u128::from(number.to_bits()));
            assert_eq!(decoded.to_bits(), number.to_bits(), "{number}");
        }
    }
}
