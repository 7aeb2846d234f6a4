//! SQLite's aggregates where DataFusion's differ: sums of integers are exact or an error, never wrong.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::arrow::compute::SortOptions;
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use tablecast_connector::{ColumnView, Error, sqlite_text};

use super::sliding::Sliding;
use crate::failure::to_datafusion;

/// Every aggregate of the session.
pub(super) fn all() -> Vec<Arc<AggregateUDF>> {
    let theirs = datafusion::functions_aggregate::all_default_aggregate_functions();
    let mut all: Vec<Arc<AggregateUDF>> = theirs
        .into_iter()
        .filter(|udaf| matches!(udaf.name(), "count" | "avg" | "min" | "max"))
        .collect();
    for kind in [Kind::Sum, Kind::Total, Kind::Concat] {
        all.push(Arc::new(AggregateUDF::from(Aggregate {
            kind,
            signature: Signature::variadic_any(Volatility::Immutable),
        })));
    }
    all
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Sum,
    Total,
    Concat,
}

impl Kind {
    /// Gathers values as they come.
    pub(super) fn accumulator(self, whole: bool) -> Box<dyn Accumulator> {
        match self {
            Self::Concat => Box::new(Concat::default()),
            kind => Box::new(Sum {
                kind,
                whole,
                ..Sum::default()
            }),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Aggregate {
    kind: Kind,
    signature: Signature,
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        match self.kind {
            Kind::Sum => "sum",
            Kind::Total => "total",
            Kind::Concat => "group_concat",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> DataFusionResult<DataType> {
        Ok(match self.kind {
            Kind::Concat => DataType::Utf8,
            Kind::Sum if types.first().is_some_and(is_whole) => DataType::Int64,
            Kind::Sum | Kind::Total => DataType::Float64,
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> DataFusionResult<Box<dyn Accumulator>> {
        let plain: Box<dyn Accumulator> = match self.kind {
            Kind::Concat if !args.order_bys.is_empty() => Box::new(SortedConcat::new(&args)),
            kind => kind.accumulator(*args.return_field.data_type() == DataType::Int64),
        };
        if !args.is_distinct {
            return Ok(plain);
        }
        let [field] = args.expr_fields else {
            return Err(to_datafusion(Error::invalid(
                "DISTINCT aggregates must have exactly one argument",
            )));
        };
        Ok(Box::new(Distinct::new(plain, field.data_type().clone())))
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> DataFusionResult<Box<dyn Accumulator>> {
        let whole = *args.return_field.data_type() == DataType::Int64;
        Ok(Box::new(Sliding::new(self.kind, whole)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> DataFusionResult<Vec<FieldRef>> {
        let field = |name: &str, data_type| {
            Arc::new(Field::new(format!("{} {name}", args.name), data_type, true))
        };
        if args.is_distinct {
            let item = args
                .input_fields
                .first()
                .map(|field| field.data_type().clone());
            let item = Field::new_list_field(item.unwrap_or(DataType::Null), true);
            return Ok(vec![field("values", DataType::List(Arc::new(item)))]);
        }
        Ok(match self.kind {
            Kind::Concat => vec![field("text", DataType::Utf8)],
            _ => vec![
                field("whole", DataType::Decimal128(38, 0)),
                field("real", DataType::Float64),
                field("count", DataType::Int64),
            ],
        })
    }
}

/// Gives each value to another accumulator once, in the order in which they first came.
#[derive(Debug)]
struct Distinct {
    inner: Box<dyn Accumulator>,
    data_type: DataType,
    seen: HashSet<ScalarValue>,
    values: Vec<ScalarValue>,
    bytes: usize,
}

impl Distinct {
    fn new(inner: Box<dyn Accumulator>, data_type: DataType) -> Self {
        Self {
            inner,
            data_type,
            seen: HashSet::new(),
            values: Vec::new(),
            bytes: 0,
        }
    }

    fn add(&mut self, array: &ArrayRef) -> DataFusionResult<()> {
        for row in 0..array.len() {
            let value = ScalarValue::try_from_array(array, row)?;
            if !value.is_null() && self.seen.insert(value.clone()) {
                self.bytes += 2 * value.size();
                self.values.push(value);
            }
        }
        Ok(())
    }
}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        values.first().map_or(Ok(()), |array| self.add(array))
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        if !self.values.is_empty() {
            let array = ScalarValue::iter_to_array(self.values.iter().cloned())?;
            self.inner.update_batch(&[array])?;
        }
        self.inner.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.inner.size() + self.bytes
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        let list = ScalarValue::new_list_nullable(&self.values, &self.data_type);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let Some(lists) = states.first() else {
            return Ok(());
        };
        for values in lists.as_list::<i32>().iter().flatten() {
            self.add(&values)?;
        }
        Ok(())
    }
}

fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer() || *data_type == DataType::Boolean
}

/// A sum of integers in 128 bits, and of reals beside it.
#[derive(Debug)]
struct Sum {
    kind: Kind,
    whole: bool,
    integers: i128,
    reals: f64,
    count: i64,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            kind: Kind::Sum,
            whole: false,
            integers: 0,
            reals: 0.0,
            count: 0,
        }
    }
}

impl Accumulator for Sum {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        let Some(array) = values.first() else {
            return Ok(());
        };
        self.count += (array.len() - array.logical_null_count()) as i64;
        match array.data_type() {
            DataType::Int64 => {
                let numbers = array.as_primitive::<Int64Type>();
                self.integers += numbers.iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::UInt64 => {
                let numbers = array.as_primitive::<UInt64Type>();
                self.integers += numbers.iter().flatten().map(i128::from).sum::<i128>();
            }
            DataType::Float64 => {
                let numbers = array.as_primitive::<Float64Type>();
                self.reals += numbers.iter().flatten().sum::<f64>();
            }
            _ => self.update_values(array)?,
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        if self.count == 0 {
            let none = if self.whole {
                ScalarValue::Int64(None)
            } else {
                ScalarValue::Float64(None)
            };
            return Ok(if self.kind == Kind::Total {
                ScalarValue::Float64(Some(0.0))
            } else {
                none
            });
        }
        if !self.whole {
            return Ok(ScalarValue::Float64(Some(
                self.reals + self.integers as f64,
            )));
        }
        let sum = i64::try_from(self.integers).map_err(|_| {
            to_datafusion(Error::invalid("integer overflow").hint("total() adds as reals"))
        })?;
        Ok(ScalarValue::Int64(Some(sum)))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![
            ScalarValue::Decimal128(Some(self.integers), 38, 0),
            ScalarValue::Float64(Some(self.reals)),
            ScalarValue::Int64(Some(self.count)),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let [integers, reals, counts] = states else {
            return Ok(());
        };
        let integers = integers.as_primitive::<arrow_array::types::Decimal128Type>();
        self.integers += integers.iter().flatten().sum::<i128>();
        self.reals += reals
            .as_primitive::<Float64Type>()
            .iter()
            .flatten()
            .sum::<f64>();
        self.count += counts
            .as_primitive::<Int64Type>()
            .iter()
            .flatten()
            .sum::<i64>();
        Ok(())
    }
}

impl Sum {
    /// Texts count as the numbers they start with.
    fn update_values(&mut self, array: &ArrayRef) -> DataFusionResult<()> {
        let view = ColumnView::new(array).map_err(to_datafusion)?;
        for row in 0..array.len() {
            let text = sqlite_text(&view.cell(row)).unwrap_or_default();
            self.reals += match tablecast_connector::number(&text) {
                Some(tablecast_connector::Value::Integer(integer)) => integer as f64,
                Some(tablecast_connector::Value::Real(real)) => real,
                _ => 0.0,
            };
        }
        Ok(())
    }
}

/// Texts in an order of their own: the values of its terms come behind the arguments.
#[derive(Debug)]
struct SortedConcat {
    /// How many of the values are arguments.
    arguments: usize,
    options: Vec<SortOptions>,
    rows: Vec<(Vec<ScalarValue>, Vec<ScalarValue>)>,
    bytes: usize,
}

impl SortedConcat {
    fn new(args: &AccumulatorArgs<'_>) -> Self {
        let terms = args.order_bys.iter();
        Self {
            arguments: args.exprs.len(),
            options: terms.map(|term| term.options).collect(),
            rows: Vec::new(),
            bytes: 0,
        }
    }
}

impl Accumulator for SortedConcat {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        for row in 0..values.first().map_or(0, arrow_array::Array::len) {
            let cells = values
                .iter()
                .map(|array| ScalarValue::try_from_array(array, row));
            let mut arguments: Vec<ScalarValue> = cells.collect::<DataFusionResult<_>>()?;
            let keys = arguments.split_off(self.arguments.min(arguments.len()));
            self.bytes += arguments
                .iter()
                .chain(&keys)
                .map(ScalarValue::size)
                .sum::<usize>();
            self.rows.push((keys, arguments));
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let options = &self.options;
        self.rows.sort_by(|(left, _), (right, _)| {
            let terms = left.iter().zip(right).zip(options);
            let compared = terms.map(|((left, right), options)| {
                // Null is the smallest value.
                let order = left
                    .partial_cmp(right)
                    .unwrap_or_else(|| right.is_null().cmp(&left.is_null()));
                if options.descending {
                    order.reverse()
                } else {
                    order
                }
            });
            compared.fold(Ordering::Equal, Ordering::then)
        });
        let mut concat = Concat::default();
        for (_, arguments) in &self.rows {
            let arrays = arguments.iter().map(|value| value.to_array_of_size(1));
            concat.update_batch(&arrays.collect::<DataFusionResult<Vec<_>>>()?)?;
        }
        concat.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Err(not_in_parts())
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> DataFusionResult<()> {
        Err(not_in_parts())
    }
}

/// Statements with `group_concat` read tables by one stream, so that this does not happen.
fn not_in_parts() -> DataFusionError {
    to_datafusion(Error::internal(
        "group_concat with an order cannot be done in parts",
    ))
}

/// Texts one behind the other, with a comma or the second argument between.
#[derive(Debug, Default)]
struct Concat {
    text: Option<String>,
}

/// The most bytes of one text.
const TEXT_BYTES_MAX: usize = 64 << 20;

impl Concat {
    fn add(&mut self, text: &str, between: &str) -> DataFusionResult<()> {
        match &mut self.text {
            None => self.text = Some(text.to_owned()),
            Some(whole) => {
                whole.push_str(between);
                whole.push_str(text);
                if whole.len() > TEXT_BYTES_MAX {
                    return Err(to_datafusion(Error::too_large(
                        "group_concat() would make a text of more than 64 MB",
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Accumulator for Concat {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        let views: Vec<ColumnView<'_>> = values
            .iter()
            .map(ColumnView::new)
            .collect::<Result<_, _>>()
            .map_err(to_datafusion)?;
        let Some(texts) = views.first() else {
            return Ok(());
        };
        for row in 0..values.first().map_or(0, arrow_array::Array::len) {
            let Some(text) = sqlite_text(&texts.cell(row)) else {
                continue;
            };
            let between = views.get(1).and_then(|view| sqlite_text(&view.cell(row)));
            self.add(&text, between.as_deref().unwrap_or(","))?;
        }
        Ok(())
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        Ok(ScalarValue::Utf8(self.text.clone()))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.text.as_ref().map_or(0, String::capacity)
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Utf8(self.text.clone())])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> DataFusionResult<()> {
        let Some(texts) = states.first() else {
            return Ok(());
        };
        for text in texts.as_string::<i32>().iter().flatten() {
            self.add(text, ",")?;
        }
        Ok(())
    }
}
