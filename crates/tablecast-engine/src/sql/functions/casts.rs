//! What only rewritten statements call: SQLite's casts, and shifts.

use tablecast_connector::{Result, Value, compare_values};

use super::rows::{Gives, RowFunction, any_null, integer, internal, real};

/// `cast(… as text)`.
pub(in crate::sql) static TO_TEXT: RowFunction = internal("to_text", 1, Gives::Text, first);
/// `cast(… as integer)`.
pub(in crate::sql) static TO_INTEGER: RowFunction =
    internal("to_integer", 1, Gives::Integer, first);
/// `cast(… as real)`.
pub(in crate::sql) static TO_REAL: RowFunction = internal("to_real", 1, Gives::Real, first);
/// `a << b`.
pub(in crate::sql) static SHIFT_LEFT: RowFunction =
    internal("shift_left", 2, Gives::Integer, |values| {
        shifted(values, false)
    });
/// `a >> b`.
pub(in crate::sql) static SHIFT_RIGHT: RowFunction =
    internal("shift_right", 2, Gives::Integer, |values| {
        shifted(values, true)
    });

/// The real that a whole number is; not-a-number, which nothing is equal to, if none is.
pub(in crate::sql) static REAL_OF: RowFunction = internal("real_of", 1, Gives::Real, |values| {
    Ok(match values.first().and_then(integer) {
        Some(whole) => {
            let real = whole as f64;
            let is_same = compare_values(&Value::Real(real), &Value::from(whole)).is_eq();
            Value::Real(if is_same { real } else { f64::NAN })
        }
        None => Value::Null,
    })
});
/// The digits of a real that is a whole number; no digits if it is none.
pub(in crate::sql) static DIGITS_OF: RowFunction =
    internal("digits_of", 1, Gives::Text, |values| {
        Ok(match values.first().and_then(real) {
            Some(real) if real.fract() == 0.0 => format!("{real:.0}").into(),
            Some(_) => "".into(),
            None => Value::Null,
        })
    });

pub(super) static ALL: [&RowFunction; 7] = [
    &REAL_OF,
    &DIGITS_OF,
    &TO_TEXT,
    &TO_INTEGER,
    &TO_REAL,
    &SHIFT_LEFT,
    &SHIFT_RIGHT,
];

/// The value itself: the answer's type casts it.
#[expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]
fn first(values: &[Value]) -> Result<Value> {
    Ok(values.first().cloned().unwrap_or(Value::Null))
}

/// By a negative number of bits, the other way; by 64 and more, nothing but the sign is left, and that only to the right.
#[expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]
fn shifted(values: &[Value], to_the_right: bool) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let number = values.first().and_then(integer).unwrap_or_default();
    let bits = values.get(1).and_then(integer).unwrap_or_default();
    let to_the_right = to_the_right == (bits >= 0);
    let bits = u32::try_from(bits.unsigned_abs()).unwrap_or(u32::MAX);
    Ok(Value::from(if to_the_right {
        number >> bits.min(63)
    } else {
        number.checked_shl(bits).unwrap_or(0)
    }))
}
