//! Parts of batches: some of their rows, some of their columns.

use std::ops::Range;

use arrow_array::{RecordBatch, RecordBatchOptions, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use tablecast_connector::{Batch, Error, Result};

use crate::condition::Condition;

/// Rows of one batch, in their order.
#[derive(Clone, Debug)]
pub(crate) enum Selection {
    Stretch(Range<usize>),
    Rows(Vec<u32>),
}

impl Selection {
    /// The rows of `batch` that pass.
    pub(crate) fn of(batch: &Batch, condition: &Condition) -> Result<Self> {
        if condition.is_empty() {
            return Ok(Self::Stretch(0..batch.rows()));
        }
        let columns = batch.columns()?;
        let rows = (0..batch.rows())
            .filter(|row| condition.passes(&columns, *row))
            .map(|row| row as u32)
            .collect();
        Ok(Self::Rows(rows))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Stretch(range) => range.len(),
            Self::Rows(rows) => rows.len(),
        }
    }

    /// Without the first `skip` rows, and with at most `take` of the others.
    pub(crate) fn part(self, skip: usize, take: usize) -> Self {
        match self {
            Self::Stretch(range) => {
                let start = range.start.saturating_add(skip).min(range.end);
                Self::Stretch(start..start.saturating_add(take).min(range.end))
            }
            Self::Rows(rows) => Self::Rows(rows.into_iter().skip(skip).take(take).collect()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        let (stretch, rows): (Range<usize>, &[u32]) = match self {
            Self::Stretch(range) => (range.clone(), &[]),
            Self::Rows(rows) => (0..0, rows),
        };
        stretch.chain(rows.iter().map(|row| *row as usize))
    }

    /// These rows of `batch`, with its first `width` columns.
    pub(crate) fn of_columns(&self, batch: &Batch, width: usize) -> Result<Batch> {
        let Some(arrow) = batch.as_arrow() else {
            return self.cells(batch, width);
        };
        let narrow = first_columns(arrow, width)?;
        Ok(match self {
            Self::Stretch(range) => narrow.slice(range.start, range.len()).into(),
            Self::Rows(rows) if width == 0 => empty_rows(&narrow, rows.len())?.into(),
            Self::Rows(rows) => take_record_batch(&narrow, &UInt32Array::from(rows.clone()))
                .map_err(unexpected)?
                .into(),
        })
    }

    fn cells(&self, batch: &Batch, width: usize) -> Result<Batch> {
        if matches!(self, Self::Stretch(range) if range.len() == batch.rows())
            && width == batch.width()
        {
            return Ok(batch.clone());
        }
        let columns = batch.columns()?;
        let mut builder = Batch::builder(width);
        for row in self.iter() {
            for column in columns.iter().take(width) {
                builder.push(column.cell(row))?;
            }
            builder.end_row();
        }
        builder.finish()
    }
}

/// `batch` with its first `width` columns.
pub(crate) fn first_columns(batch: &RecordBatch, width: usize) -> Result<RecordBatch> {
    let places: Vec<usize> = (0..width.min(batch.num_columns())).collect();
    batch.project(&places).map_err(unexpected)
}

fn empty_rows(batch: &RecordBatch, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(batch.schema(), Vec::new(), &options).map_err(unexpected)
}

pub(crate) fn unexpected(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::internal("The engine failed unexpectedly").caused_by(cause)
}
