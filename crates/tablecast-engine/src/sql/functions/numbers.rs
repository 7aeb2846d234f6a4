//! Functions of numbers that SQLite reads in its own way.

#![expect(
    clippy::unnecessary_wraps,
    reason = "all functions of values have one type"
)]

use tablecast_connector::{Result, Value};

use super::rows::{RowFunction, any_null, function, integer, real};

pub(super) const FUNCTIONS: &[RowFunction] = &[
    function!("round", 1..=2, Real, round),
    function!("sign", 1..=1, Integer, sign),
    function!("mod", 2..=2, Real, modulo),
];

/// Half away from zero, at most 30 places behind the point.
fn round(values: &[Value]) -> Result<Value> {
    if any_null(values) {
        return Ok(Value::Null);
    }
    let number = values.first().and_then(real).unwrap_or_default();
    let places = values.get(1).and_then(integer).unwrap_or(0).clamp(0, 30) as usize;
    // From 2^52 on there is nothing behind the point.
    if number.abs() >= 4_503_599_627_370_496.0 {
        return Ok(Value::Real(number));
    }
    if places == 0 {
        return Ok(Value::Real(number.round()));
    }
    let rounded = format!("{number:.places$}").parse().unwrap_or(number);
    // Formatting rounds halves to even; SQLite rounds them away from zero.
    let scale = 10_f64.powi(places as i32);
    let away = (number * scale).round() / scale;
    Ok(Value::Real(if places <= 15 { away } else { rounded }))
}

fn sign(values: &[Value]) -> Result<Value> {
    Ok(match values.first() {
        Some(Value::Integer(integer)) => Value::Integer(integer.signum()),
        Some(Value::Real(real)) if *real == 0.0 => Value::Integer(0),
        Some(Value::Real(real)) => Value::Integer(if *real > 0.0 { 1 } else { -1 }),
        _ => Value::Null,
    })
}

fn modulo(values: &[Value]) -> Result<Value> {
    let (Some(a), Some(b)) = (values.first().and_then(real), values.get(1).and_then(real)) else {
        return Ok(Value::Null);
    };
    Ok(if b == 0.0 {
        Value::Null
    } else {
        Value::Real(a % b)
    })
}
