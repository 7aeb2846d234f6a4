//! What operators stand for where the engine's own would answer otherwise than SQLite: whole numbers that overflow, and
//! values of two types that are compared.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, Int64Array};
use arrow_schema::{ArrowError, DataType};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;
use tablecast_connector::{ColumnView, Error, Result, Value, compare_values, number};

use crate::failure::to_datafusion;

/// A function of two values that gives a whole number, or null where one of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) enum Checked {
    /// `a + b` of whole numbers, or the error `integer overflow`.
    Add,
    /// `a - b`, likewise.
    Subtract,
    /// `a * b`, likewise.
    Multiply,
    /// How `a` stands to `b` in SQLite's order: -1, 0 or 1. Whole and real numbers are compared as the numbers they are.
    Compare,
    /// Likewise, where a text that is a number counts as that number.
    CompareNumbers,
}

impl Checked {
    pub(in crate::sql) const ALL: [Self; 5] = [
        Self::Add,
        Self::Subtract,
        Self::Multiply,
        Self::Compare,
        Self::CompareNumbers,
    ];

    /// The function, under a name that no statement can call.
    pub(in crate::sql) fn to_udf(self) -> ScalarUDF {
        ScalarUDF::from(Function {
            checked: self,
            signature: Signature::any(2, Volatility::Immutable),
        })
    }

    fn apply(self, left: &ColumnarValue, right: &ColumnarValue) -> DataFusionResult<ColumnarValue> {
        match self {
            Self::Add => apply(left, right, numeric::add),
            Self::Subtract => apply(left, right, numeric::sub),
            Self::Multiply => apply(left, right, numeric::mul),
            Self::Compare | Self::CompareNumbers => {
                let arrays = ColumnarValue::values_to_arrays(&[left.clone(), right.clone()])?;
                let [left, right] = arrays.as_slice() else {
                    return Err(to_datafusion(Error::internal("Two values are compared")));
                };
                let order = self.order(left, right).map_err(to_datafusion)?;
                Ok(ColumnarValue::Array(Arc::new(order)))
            }
        }
    }

    fn order(self, left: &ArrayRef, right: &ArrayRef) -> Result<Int64Array> {
        if let (DataType::Int64, DataType::Float64) = (left.data_type(), right.data_type()) {
            let pairs = left.as_primitive::<Int64Type>().iter();
            let pairs = pairs.zip(right.as_primitive::<Float64Type>());
            return Ok(pairs
                .map(|(whole, real)| Some(order(whole_and_real(whole?, real?))))
                .collect());
        }
        if let (DataType::Float64, DataType::Int64) = (left.data_type(), right.data_type()) {
            let pairs = left.as_primitive::<Float64Type>().iter();
            let pairs = pairs.zip(right.as_primitive::<Int64Type>());
            return Ok(pairs
                .map(|(real, whole)| Some(order(whole_and_real(whole?, real?).reverse())))
                .collect());
        }
        let rows = 0..left.len();
        let (left, right) = (ColumnView::new(left)?, ColumnView::new(right)?);
        let value = |view: &ColumnView<'_>, row| {
            let value = view.cell(row).to_value();
            match (self, &value) {
                (Self::CompareNumbers, Value::Text(text)) => number(text).unwrap_or(value),
                _ => value,
            }
        };
        Ok(rows
            .map(|row| match (value(&left, row), value(&right, row)) {
                (Value::Null, _) | (_, Value::Null) => None,
                (left, right) => Some(order(compare_values(&left, &right))),
            })
            .collect())
    }
}

fn order(ordering: Ordering) -> i64 {
    ordering as i64
}

/// Numbers below 2^53 are the same as reals; only beyond are they compared digit by digit.
fn whole_and_real(whole: i64, real: f64) -> Ordering {
    const EXACT: u64 = 1 << 53;
    if whole.unsigned_abs() <= EXACT
        && let Some(ordering) = (whole as f64).partial_cmp(&real)
    {
        return ordering;
    }
    compare_values(&Value::from(whole), &Value::Real(real))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Function {
    checked: Checked,
    signature: Signature,
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &'static str {
        match self.checked {
            Checked::Add => "checked +",
            Checked::Subtract => "checked -",
            Checked::Multiply => "checked *",
            Checked::Compare => "compare values",
            Checked::CompareNumbers => "compare numbers",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return Err(to_datafusion(Error::internal("An operator has two sides")));
        };
        self.checked
            .apply(left, right)
            .map_err(|error| match error.find_root() {
                datafusion::error::DataFusionError::ArrowError(cause, _)
                    if matches!(**cause, ArrowError::ArithmeticOverflow(_)) =>
                {
                    to_datafusion(
                        Error::invalid("integer overflow")
                            .hint("Numbers with a point are reckoned as reals: 1.0 * a"),
                    )
                }
                _ => error,
            })
    }
}
