//! Codes that stand for the values of a short list. A code without a value is null.

use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use tablecast_connector::{Cell, Predicate};

use crate::filter::{Interval, Test};
use crate::number::{Number, Places, Visit};

/// Codes, counted from 0, and what they stand for.
#[derive(Debug, Clone)]
pub struct Category {
    pub number: Number,
    pub values: Arc<Values>,
}

/// What codes stand for: texts, whole numbers, real numbers or booleans, and nulls.
#[derive(Debug)]
pub struct Values(ArrayRef);

impl Values {
    /// `None` if the array holds something else.
    pub fn new(array: ArrayRef) -> Option<Self> {
        let is_known = matches!(
            array.data_type(),
            DataType::Utf8 | DataType::Int64 | DataType::Float64 | DataType::Boolean
        );
        is_known.then_some(Self(array))
    }

    /// The Arrow type of the values.
    pub fn data_type(&self) -> &DataType {
        self.0.data_type()
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        if self.0.is_null(at) {
            return Cell::Null;
        }
        match self.0.data_type() {
            DataType::Int64 => Cell::Integer(self.0.as_primitive::<Int64Type>().value(at)),
            DataType::Float64 => Cell::Real(self.0.as_primitive::<Float64Type>().value(at)),
            DataType::Boolean => Cell::Boolean(self.0.as_boolean().value(at)),
            _ => Cell::Text(self.0.as_string::<i32>().value(at)),
        }
    }
}

impl Category {
    /// What the codes at these places stand for.
    pub fn array(&self, places: Places<'_>) -> ArrayRef {
        let mut codes = Codes {
            count: self.values.0.len(),
            codes: Vec::with_capacity(places.rows),
        };
        self.number.each(places, &mut codes);
        let cells = codes.codes.iter().map(|code| match code {
            Some(code) => self.values.cell(*code),
            None => Cell::Null,
        });
        match self.values.data_type() {
            DataType::Int64 => {
                let mut builder = Int64Builder::with_capacity(codes.codes.len());
                cells.for_each(|cell| {
                    builder.append_option(if let Cell::Integer(cell) = cell {
                        Some(cell)
                    } else {
                        None
                    });
                });
                Arc::new(builder.finish())
            }
            DataType::Float64 => {
                let mut builder = Float64Builder::with_capacity(codes.codes.len());
                cells.for_each(|cell| {
                    builder.append_option(if let Cell::Real(cell) = cell {
                        Some(cell)
                    } else {
                        None
                    });
                });
                Arc::new(builder.finish())
            }
            DataType::Boolean => {
                let mut builder = BooleanBuilder::with_capacity(codes.codes.len());
                cells.for_each(|cell| {
                    builder.append_option(if let Cell::Boolean(cell) = cell {
                        Some(cell)
                    } else {
                        None
                    });
                });
                Arc::new(builder.finish())
            }
            _ => {
                let mut builder = StringBuilder::new();
                cells.for_each(|cell| {
                    builder.append_option(if let Cell::Text(cell) = cell {
                        Some(cell)
                    } else {
                        None
                    });
                });
                Arc::new(builder.finish())
            }
        }
    }

    /// The codes whose values meet a condition: it is put to each value once.
    pub fn test(&self, column: usize, leaf: &Predicate, is_negated: bool) -> Test {
        let passes = |cell: Cell<'_>| leaf.matches(&|_| cell) == Some(!is_negated);
        let count = self.values.0.len();
        let mut intervals: Vec<Interval<i128>> = Vec::new();
        for code in (0..count).filter(|&code| passes(self.values.cell(code))) {
            let code = code as i128;
            match intervals.last_mut() {
                Some(last) if last.to == code - 1 => last.to = code,
                _ => intervals.push(Interval {
                    from: code,
                    to: code,
                }),
            }
        }
        if passes(Cell::Null) {
            intervals.push(Interval {
                from: i128::MIN,
                to: -1,
            });
            intervals.push(Interval {
                from: count as i128,
                to: i128::MAX,
            });
        }
        Test::Number {
            column,
            intervals,
            reals: Vec::new(),
            outside: false,
        }
    }
}

struct Codes {
    count: usize,
    codes: Vec<Option<usize>>,
}

impl Visit for Codes {
    fn signed(&mut self, number: i64) {
        let code = usize::try_from(number)
            .ok()
            .filter(|&code| code < self.count);
        self.codes.push(code);
    }

    fn unsigned(&mut self, number: u64) {
        let code = usize::try_from(number)
            .ok()
            .filter(|&code| code < self.count);
        self.codes.push(code);
    }

    fn real(&mut self, _: f64) {
        self.codes.push(None);
    }
}
