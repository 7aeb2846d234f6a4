//! Numbers as NetCDF writes them: some stand for nothing, others are packed by a factor and a summand, or count time.
//!
//! Definitions: the attribute conventions of the NetCDF User's Guide, and CF conventions 1.11, sections 2.5.1 (missing
//! data) and 8.1 (packed data). Results have the precision that numpy gives them.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    Float32Builder, Float64Builder, Int64Builder, StringBuilder, UInt64Builder,
};
use arrow_schema::DataType;
use tablecast_connector::{Cell, Predicate, Value};

use super::cf_time::TimeUnits;
use crate::filter::{Interval, Test, integers, reals, within};
use crate::number::{Number, Places, Visit};

/// A stored number and how it is to be understood.
#[derive(Debug, Clone)]
pub struct Packed {
    pub number: Number,
    /// Which numbers stand for nothing.
    pub missing: Arc<Missing>,
    /// What the number is multiplied with, and then what is added.
    pub factor: Option<Operand>,
    pub summand: Option<Operand>,
    /// Set if the result counts time.
    pub time: Option<TimeUnits>,
}

/// Numbers that stand for nothing. Not-a-number always does.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Missing {
    pub whole: Vec<i128>,
    pub reals: Vec<f64>,
    /// Those less than the first and those greater than the second, among whole numbers and among real ones.
    pub valid_whole: (Option<i128>, Option<i128>),
    pub valid: (Option<f64>, Option<f64>),
}

/// A number to compute with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operand {
    pub value: f64,
    /// The same, exactly, if the result is whole.
    pub whole: i128,
    /// The precision of the result.
    pub precision: Precision,
}

/// How a result is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    Whole,
    Single,
    Double,
}

/// A condition on packed numbers, with what it comes to if it is a comparison with a number.
#[derive(Debug, Clone)]
pub struct PackedTest {
    packed: Packed,
    leaf: Predicate,
    is_negated: bool,
    compared: Option<Compared>,
}

#[derive(Debug, Clone)]
struct Compared {
    whole: Vec<Interval<i128>>,
    reals: Vec<Interval<f64>>,
    /// Whether those outside pass.
    outside: bool,
}

impl Operand {
    fn apply(self, number: f64, operation: impl Fn(f64, f64) -> f64) -> f64 {
        match self.precision {
            // A product or sum of two singles, rounded once more, is what singles give.
            Precision::Single => {
                f64::from(operation(f64::from(number as f32), f64::from(self.value as f32)) as f32)
            }
            _ => operation(number, self.value),
        }
    }
}

impl Packed {
    /// Whether there is anything to understand: no number is null, changed or a time.
    pub fn is_plain(&self) -> bool {
        *self.missing == Missing::default()
            && self.factor.is_none()
            && self.summand.is_none()
            && self.time.is_none()
    }

    fn precision(&self) -> Option<Precision> {
        let last = self.summand.or(self.factor);
        last.map(|operand| operand.precision)
    }

    /// The Arrow type of the cells.
    pub fn data_type(&self) -> DataType {
        if self.time.is_some() {
            return DataType::Utf8;
        }
        match self.precision() {
            Some(Precision::Double) => DataType::Float64,
            Some(Precision::Single) => DataType::Float32,
            Some(Precision::Whole) => DataType::Int64,
            None => match self.number.data_type() {
                DataType::UInt64 => DataType::UInt64,
                DataType::Float32 => DataType::Float32,
                DataType::Float64 => DataType::Float64,
                _ => DataType::Int64,
            },
        }
    }

    /// The cells of stored numbers.
    pub fn array(&self, places: Places<'_>) -> ArrayRef {
        let rows = places.rows * places.per_row;
        match self.data_type() {
            DataType::Utf8 => {
                let mut builder = StringBuilder::with_capacity(rows, rows * 20);
                let mut text = String::new();
                self.each(places, &mut |cell| match self.timed(cell, &mut text) {
                    Cell::Text(text) => builder.append_value(text),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            DataType::Float32 => {
                let mut builder = Float32Builder::with_capacity(rows);
                self.each(places, &mut |cell| {
                    builder.append_option(real(cell).map(|real| real as f32));
                });
                Arc::new(builder.finish())
            }
            DataType::Float64 => {
                let mut builder = Float64Builder::with_capacity(rows);
                self.each(places, &mut |cell| builder.append_option(real(cell)));
                Arc::new(builder.finish())
            }
            DataType::UInt64 => {
                let mut builder = UInt64Builder::with_capacity(rows);
                self.each(places, &mut |cell| match cell {
                    Cell::Unsigned(number) => builder.append_value(number),
                    Cell::Integer(number) => builder.append_option(u64::try_from(number).ok()),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = Int64Builder::with_capacity(rows);
                self.each(places, &mut |cell| match cell {
                    Cell::Integer(number) => builder.append_value(number),
                    Cell::Unsigned(number) => builder.append_option(i64::try_from(number).ok()),
                    _ => builder.append_null(),
                });
                Arc::new(builder.finish())
            }
        }
    }

    /// The numbers at these places, decoded; not-a-number where there is none.
    pub fn reals(&self, places: Places<'_>, out: &mut Vec<f64>) {
        self.each(places, &mut |cell| out.push(real(cell).unwrap_or(f64::NAN)));
    }

    /// The test that a condition comes to.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Option<Test> {
        if matches!(leaf, Predicate::ArrayContains { .. }) {
            return None;
        }
        // The seam decides dates by ten characters only; what else SQLite takes for a date is the engine's.
        if matches!(leaf, Predicate::Date { .. }) && self.time.is_none() {
            return None;
        }
        let compared = match leaf {
            Predicate::Compare {
                comparison, value, ..
            } if self.time.is_none() && is_number(value) => {
                use tablecast_connector::Comparison;
                Some(Compared {
                    whole: integers(*comparison, value)?,
                    reals: reals(*comparison, value)?,
                    outside: (*comparison == Comparison::NotEqual) != is_negated,
                })
            }
            _ => None,
        };
        Some(Test::Packed {
            column,
            test: Box::new(PackedTest {
                packed: self.clone(),
                leaf: leaf.clone(),
                is_negated,
                compared,
            }),
        })
    }

    /// The number of each place as it is to be understood, times not yet made texts.
    fn each(&self, places: Places<'_>, told: &mut dyn FnMut(Cell<'static>)) {
        self.number.each(
            places,
            &mut Understood {
                packed: self,
                is_changed: self.precision().is_some(),
                told,
            },
        );
    }

    /// The text of a time; any other number as it is.
    fn timed<'a>(&self, cell: Cell<'static>, text: &'a mut String) -> Cell<'a> {
        let Some(time) = &self.time else {
            return cell;
        };
        text.clear();
        let is_written = match cell {
            Cell::Integer(number) => time.write_whole(number.into(), text),
            Cell::Unsigned(number) => time.write_whole(number.into(), text),
            Cell::Real(number) => time.write_real(number, text),
            _ => false,
        };
        if is_written {
            Cell::Text(text)
        } else {
            Cell::Null
        }
    }

    fn changed(&self, mut number: f64) -> Cell<'static> {
        if let Some(factor) = self.factor {
            number = factor.apply(number, |a, b| a * b);
        }
        if let Some(summand) = self.summand {
            number = summand.apply(number, |a, b| a + b);
        }
        if number.is_nan() {
            Cell::Null
        } else {
            Cell::Real(number)
        }
    }

    /// The same for a whole number, exactly. What a signed number of 64 bits does not hold is null rather than another
    /// number.
    fn changed_whole(&self, number: i128) -> Cell<'static> {
        if self.precision() != Some(Precision::Whole) {
            return self.changed(number as f64);
        }
        let factor = self.factor.map_or(1, |factor| factor.whole);
        let summand = self.summand.map_or(0, |summand| summand.whole);
        let product = number.checked_mul(factor);
        let sum = product.and_then(|product| product.checked_add(summand));
        let held = sum.and_then(|sum| i64::try_from(sum).ok());
        held.map_or(Cell::Null, Cell::Integer)
    }
}

impl PackedTest {
    /// For each place whether the condition is true of it.
    pub fn run(&self, places: Places<'_>, passes: &mut Vec<bool>) {
        let mut text = String::new();
        self.packed.each(places, &mut |cell| {
            let is_true = match (&self.compared, cell) {
                (Some(_), Cell::Null) => false,
                (Some(it), Cell::Real(number)) => within(&it.reals, &number) != it.outside,
                (Some(it), Cell::Integer(number)) => {
                    within(&it.whole, &i128::from(number)) != it.outside
                }
                (Some(it), Cell::Unsigned(number)) => {
                    within(&it.whole, &i128::from(number)) != it.outside
                }
                _ => {
                    let cell = self.packed.timed(cell, &mut text);
                    self.leaf.matches(&|_| cell) == Some(!self.is_negated)
                }
            };
            passes.push(is_true);
        });
    }
}

impl Missing {
    fn holds_whole(&self, number: i128) -> bool {
        let (least, most) = self.valid_whole;
        let is_outside =
            least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most);
        is_outside || self.whole.contains(&number)
    }

    fn holds_real(&self, number: f64) -> bool {
        let (least, most) = self.valid;
        let is_outside =
            least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most);
        number.is_nan() || is_outside || self.reals.contains(&number)
    }
}

struct Understood<'a> {
    packed: &'a Packed,
    is_changed: bool,
    told: &'a mut dyn FnMut(Cell<'static>),
}

impl Visit for Understood<'_> {
    fn signed(&mut self, number: i64) {
        let cell = if self.packed.missing.holds_whole(number.into()) {
            Cell::Null
        } else if self.is_changed {
            self.packed.changed_whole(number.into())
        } else {
            Cell::Integer(number)
        };
        (self.told)(cell);
    }

    fn unsigned(&mut self, number: u64) {
        let cell = if self.packed.missing.holds_whole(number.into()) {
            Cell::Null
        } else if self.is_changed {
            self.packed.changed_whole(number.into())
        } else {
            Cell::Unsigned(number)
        };
        (self.told)(cell);
    }

    fn real(&mut self, number: f64) {
        let cell = if self.packed.missing.holds_real(number) {
            Cell::Null
        } else if self.is_changed {
            self.packed.changed(number)
        } else {
            Cell::Real(number)
        };
        (self.told)(cell);
    }
}

fn real(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Real(number) => Some(number),
        Cell::Integer(number) => Some(number as f64),
        Cell::Unsigned(number) => Some(number as f64),
        _ => None,
    }
}

fn is_number(value: &Value) -> bool {
    match value {
        Value::Integer(_) => true,
        Value::Real(number) => !number.is_nan(),
        _ => false,
    }
}
