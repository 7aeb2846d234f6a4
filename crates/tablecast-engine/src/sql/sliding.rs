//! Aggregates over a window that moves: the rows of the window are kept and gathered anew for each row. Taking a value off
//! again would leave reals otherwise than they were, and a text cannot be taken off at all.

use std::collections::VecDeque;
use std::mem::size_of_val;

use arrow_array::{Array, ArrayRef};
use datafusion::common::{Result as DataFusionResult, ScalarValue};
use datafusion::logical_expr::Accumulator;
use tablecast_connector::Error;

use super::aggregates::Kind;
use crate::failure::to_datafusion;

/// The rows that are in the window.
#[derive(Debug)]
pub(super) struct Sliding {
    kind: Kind,
    /// Whether a sum is of whole numbers.
    whole: bool,
    /// Arguments of rows, as they came.
    batches: VecDeque<Vec<ArrayRef>>,
}

impl Sliding {
    pub(super) fn new(kind: Kind, whole: bool) -> Self {
        Self {
            kind,
            whole,
            batches: VecDeque::new(),
        }
    }
}

fn no_parts() -> datafusion::error::DataFusionError {
    to_datafusion(Error::internal("A window is not gathered in parts"))
}

impl Accumulator for Sliding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        if values.first().is_some_and(|array| !array.is_empty()) {
            self.batches.push_back(values.to_vec());
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> DataFusionResult<()> {
        let mut rows = values.first().map_or(0, Array::len);
        while rows > 0 {
            let Some(batch) = self.batches.front_mut() else {
                return Err(to_datafusion(Error::internal("A window lost rows")));
            };
            let there = batch.first().map_or(0, Array::len);
            if there <= rows {
                self.batches.pop_front();
                rows -= there;
            } else {
                for array in batch {
                    *array = array.slice(rows, there - rows);
                }
                rows = 0;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> DataFusionResult<ScalarValue> {
        let mut inner = self.kind.accumulator(self.whole);
        for batch in &self.batches {
            inner.update_batch(batch)?;
        }
        inner.evaluate()
    }

    fn size(&self) -> usize {
        let arrays = self.batches.iter().flatten();
        size_of_val(self) + arrays.map(Array::get_array_memory_size).sum::<usize>()
    }

    fn state(&mut self) -> DataFusionResult<Vec<ScalarValue>> {
        Err(no_parts())
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> DataFusionResult<()> {
        Err(no_parts())
    }
}
