//! Codes that stand for the values of a short list. A code without a value is null.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray, StringArray, UInt32Array,
    new_empty_array,
};
use arrow_schema::DataType;
use arrow_select::take::take;
use tablecast_connector::{Cell, Predicate};

use crate::array::arrow;
use crate::error::Result;
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
    /// Whole numbers and real ones are widened. `None` if the array holds something else.
    pub fn new(array: &ArrayRef) -> Option<Self> {
        let widened = match array.data_type() {
            DataType::Utf8 | DataType::Int64 | DataType::Float64 | DataType::Boolean => {
                Arc::clone(array)
            }
            DataType::Float32 => real(array.as_primitive::<Float32Type>()),
            DataType::Int8 => whole(array.as_primitive::<Int8Type>()),
            DataType::Int16 => whole(array.as_primitive::<Int16Type>()),
            DataType::Int32 => whole(array.as_primitive::<Int32Type>()),
            DataType::UInt8 => whole(array.as_primitive::<UInt8Type>()),
            DataType::UInt16 => whole(array.as_primitive::<UInt16Type>()),
            DataType::UInt32 => whole(array.as_primitive::<UInt32Type>()),
            DataType::UInt64 => unsigned(array.as_primitive::<UInt64Type>()),
            _ => return None,
        };
        Some(Self(widened))
    }

    /// Nothing, so that every code is null.
    pub fn none() -> Self {
        Self(new_empty_array(&DataType::Utf8))
    }

    /// The bytes that they take in memory.
    pub fn bytes(&self) -> usize {
        self.0.get_array_memory_size()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The order of two values, which is that of sorted rows: null first.
    pub fn compare(&self, a: usize, b: usize) -> Ordering {
        match (self.cell(a), self.cell(b)) {
            (Cell::Null, Cell::Null) => Ordering::Equal,
            (Cell::Null, _) => Ordering::Less,
            (_, Cell::Null) => Ordering::Greater,
            (Cell::Text(a), Cell::Text(b)) => a.cmp(b),
            (Cell::Integer(a), Cell::Integer(b)) => a.cmp(&b),
            (Cell::Boolean(a), Cell::Boolean(b)) => a.cmp(&b),
            // Not-a-number counts as null.
            (Cell::Real(a), Cell::Real(b)) => match (a.is_nan(), b.is_nan()) {
                (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
                (a, b) => b.cmp(&a),
            },
            _ => Ordering::Equal,
        }
    }

    /// The Arrow type of the values.
    pub fn data_type(&self) -> &DataType {
        self.0.data_type()
    }

    /// The value as the name of a column.
    pub fn name(&self, at: usize) -> String {
        match if at < self.0.len() {
            self.cell(at)
        } else {
            Cell::Null
        } {
            Cell::Integer(number) => number.to_string(),
            Cell::Real(real) => format!("{real:?}"),
            Cell::Boolean(true) => "True".to_owned(),
            Cell::Boolean(false) => "False".to_owned(),
            Cell::Text(text) => text.to_owned(),
            _ => "None".to_owned(),
        }
    }

    /// The value at a place; null beyond the last.
    pub fn cell(&self, at: usize) -> Cell<'_> {
        if at >= self.0.len() || self.0.is_null(at) {
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
    pub fn array(&self, places: Places<'_>) -> Result<ArrayRef> {
        let mut codes = Codes {
            count: self.values.0.len(),
            codes: Vec::with_capacity(places.rows),
        };
        self.number.each(places, &mut codes);
        let codes: UInt32Array = codes
            .codes
            .into_iter()
            .map(|code| Some(code? as u32))
            .collect();
        take(&self.values.0, &codes, None).map_err(arrow)
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

fn whole<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &PrimitiveArray<T>) -> ArrayRef {
    Arc::new(
        array
            .iter()
            .map(|number| number.map(Into::into))
            .collect::<Int64Array>(),
    )
}

fn real(array: &PrimitiveArray<Float32Type>) -> ArrayRef {
    Arc::new(
        array
            .iter()
            .map(|number| number.map(f64::from))
            .collect::<Float64Array>(),
    )
}

/// Those beyond 63 bits make texts of all.
fn unsigned(array: &PrimitiveArray<UInt64Type>) -> ArrayRef {
    let signed = array
        .iter()
        .map(|number| number.map(i64::try_from).transpose());
    match signed.collect::<Result<Int64Array, _>>() {
        Ok(signed) => Arc::new(signed),
        Err(_) => Arc::new(
            array
                .iter()
                .map(|number| Some(number?.to_string()))
                .collect::<StringArray>(),
        ),
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
