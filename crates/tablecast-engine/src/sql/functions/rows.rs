//! Functions done row by row on values: slow beside vectorized ones, and exactly SQLite's.

use std::ops::RangeInclusive;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_schema::DataType;
use datafusion::common::Result as DataFusionResult;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use tablecast_connector::{ColumnView, Result, Value};

use crate::failure::to_datafusion;

/// The type of a function's answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::sql) enum Gives {
    Text,
    Integer,
    Real,
    Boolean,
}

/// A function of values.
#[derive(Debug)]
pub(in crate::sql) struct RowFunction {
    pub(super) name: &'static str,
    pub(super) arguments: RangeInclusive<usize>,
    pub(super) gives: Gives,
    /// Whether only rewritten statements call it.
    pub(super) is_internal: bool,
    pub(super) work: fn(&[Value]) -> Result<Value>,
}

/// An entry of a list of functions: name, numbers of arguments, type of the answers, work.
macro_rules! function {
    ($name:literal, $arguments:expr, $gives:ident, $work:expr) => {
        RowFunction {
            name: $name,
            arguments: $arguments,
            gives: $crate::sql::functions::rows::Gives::$gives,
            is_internal: false,
            work: $work,
        }
    };
}

pub(super) use function;

/// A function that only rewritten statements call.
pub(super) const fn internal(
    name: &'static str,
    arguments: usize,
    gives: Gives,
    work: fn(&[Value]) -> Result<Value>,
) -> RowFunction {
    RowFunction {
        name,
        arguments: arguments..=arguments,
        gives,
        is_internal: true,
        work,
    }
}

impl RowFunction {
    pub(in crate::sql) fn to_udf(&'static self) -> ScalarUDF {
        ScalarUDF::from(Adapter {
            function: self,
            signature: Signature::one_of(
                vec![TypeSignature::VariadicAny, TypeSignature::Nullary],
                Volatility::Immutable,
            ),
        })
    }
}

#[derive(Debug)]
struct Adapter {
    function: &'static RowFunction,
    signature: Signature,
}

impl PartialEq for Adapter {
    fn eq(&self, other: &Self) -> bool {
        self.function.name == other.function.name
    }
}

impl Eq for Adapter {}

impl std::hash::Hash for Adapter {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.function.name.hash(state);
    }
}

impl ScalarUDFImpl for Adapter {
    fn name(&self) -> &str {
        self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> DataFusionResult<DataType> {
        Ok(match self.function.gives {
            Gives::Text => DataType::Utf8,
            Gives::Integer => DataType::Int64,
            Gives::Real => DataType::Float64,
            Gives::Boolean => DataType::Boolean,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> DataFusionResult<ColumnarValue> {
        let rows = args.number_rows;
        let arrays: Vec<ArrayRef> = args
            .args
            .into_iter()
            .map(|value| value.into_array(rows))
            .collect::<Result<_, _>>()?;
        let array = self.apply(&arrays, rows).map_err(to_datafusion)?;
        Ok(ColumnarValue::Array(array))
    }
}

impl Adapter {
    fn apply(&self, arrays: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let views: Vec<ColumnView<'_>> =
            arrays.iter().map(ColumnView::new).collect::<Result<_>>()?;
        let mut answers = Answers::of(self.function.gives);
        for row in 0..rows {
            let values: Vec<Value> = views.iter().map(|view| view.cell(row).to_value()).collect();
            answers.add(&(self.function.work)(&values)?);
        }
        Ok(answers.finish())
    }
}

enum Answers {
    Text(StringBuilder),
    Integer(Int64Builder),
    Real(Float64Builder),
    Boolean(BooleanBuilder),
}

impl Answers {
    fn of(gives: Gives) -> Self {
        match gives {
            Gives::Text => Self::Text(StringBuilder::new()),
            Gives::Integer => Self::Integer(Int64Builder::new()),
            Gives::Real => Self::Real(Float64Builder::new()),
            Gives::Boolean => Self::Boolean(BooleanBuilder::new()),
        }
    }

    fn add(&mut self, value: &Value) {
        match self {
            Self::Text(builder) => builder.append_option(text(value)),
            Self::Integer(builder) => builder.append_option(integer(value)),
            Self::Real(builder) => builder.append_option(real(value)),
            Self::Boolean(builder) => builder.append_option(real(value).map(|real| real != 0.0)),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
            Self::Real(mut builder) => Arc::new(builder.finish()),
            Self::Boolean(mut builder) => Arc::new(builder.finish()),
        }
    }
}

/// The value as SQLite casts it to text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Integer(integer) => Some(integer.to_string()),
        Value::Real(real) => Some(tablecast_connector::real_text(*real)),
        Value::Text(text) => Some(text.clone()),
        Value::Blob(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
    }
}

/// The value as SQLite casts it to a real: the number that a text starts with, or 0.
pub(super) fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Null => None,
        Value::Integer(integer) => Some(*integer as f64),
        Value::Real(real) => Some(*real),
        text => Some(leading_number(&self::text(text)?)),
    }
}

/// The value as SQLite casts it to an integer.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(integer) => Some(i64::try_from(*integer).unwrap_or(i64::MAX)),
        Value::Text(text) => {
            let trimmed = text.trim_start();
            let end = trimmed.char_indices().find(|(place, c)| {
                !(c.is_ascii_digit() || (*place == 0 && matches!(c, '+' | '-')))
            });
            let digits = trimmed
                .get(..end.map_or(trimmed.len(), |(place, _)| place))
                .unwrap_or_default();
            Some(
                digits
                    .parse()
                    .unwrap_or_else(|_| leading_number(trimmed) as i64),
            )
        }
        value => real(value).map(|real| real as i64),
    }
}

fn leading_number(text: &str) -> f64 {
    let text = text.trim_start();
    let end = (0..=text.len())
        .rev()
        .filter(|end| text.is_char_boundary(*end))
        .find(|end| {
            matches!(
                text.get(..*end).and_then(tablecast_connector::number),
                Some(Value::Integer(_) | Value::Real(_))
            )
        });
    match end
        .and_then(|end| text.get(..end))
        .and_then(tablecast_connector::number)
    {
        Some(Value::Integer(integer)) => integer as f64,
        Some(Value::Real(real)) => real,
        _ => 0.0,
    }
}

/// Whether any value is null.
pub(super) fn any_null(values: &[Value]) -> bool {
    values.contains(&Value::Null)
}
