//! A planned scan as the leaf of a DataFusion plan: its partitions, dealt out to as many streams as there are cores,
//! filtered by what the source did not promise, in Arrow's types.

use std::fmt;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use tablecast_connector::{Batch, BatchStream, Error, Limits, ROWID, Result};

use crate::exposed::{exposed, exposed_type};
use crate::failure::to_datafusion;
use crate::planned::Planned;
use crate::selection::{Selection, unexpected};
use crate::typed;

/// What is given beside the columns of the scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extra {
    /// The columns wished for, and no more, in the types that SQL sees.
    Nothing,
    /// All columns read; then, for each of these places, the key by which Arrow sorts as SQLite does; then the row's
    /// place in the scan.
    SortKeys(Vec<usize>),
}

/// Which columns of which types a leaf gives.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    planned: Planned,
    types: Vec<DataType>,
    extra: Extra,
    pub(crate) schema: SchemaRef,
}

impl Shape {
    /// `types` are those of all columns that are read.
    pub(crate) fn new(planned: Planned, types: Vec<DataType>, extra: Extra) -> Self {
        let width = match extra {
            Extra::Nothing => planned.width,
            Extra::SortKeys(_) => planned.names.len(),
        };
        let types: Vec<DataType> = types.into_iter().take(width).collect();
        let named = planned.names.iter().zip(&types);
        let mut fields: Vec<Field> = named
            .map(|(name, data_type)| {
                let data_type = match extra {
                    Extra::Nothing => exposed_type(data_type),
                    Extra::SortKeys(_) => data_type.clone(),
                };
                Field::new(name, data_type, name != ROWID)
            })
            .collect();
        if let Extra::SortKeys(places) = &extra {
            fields.extend(places.iter().enumerate().map(|(number, place)| {
                let data_type = types.get(*place).unwrap_or(&DataType::Null);
                Field::new(
                    format!("key {number}"),
                    typed::sort_key_type(data_type),
                    true,
                )
            }));
            fields.push(Field::new("place", DataType::UInt64, false));
        }
        Self {
            planned,
            types,
            extra,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// The leaf's streams, which share the partitions.
    pub(crate) fn streams(self, limits: &Limits, count: usize) -> Vec<Arc<dyn PartitionStream>> {
        let shape = Arc::new(self);
        let partitions = shape.planned.scan.partitions.len();
        let count = count.min(partitions).max(1);
        (0..count)
            .map(|first| {
                let stream: Arc<dyn PartitionStream> = Arc::new(Leaf {
                    shape: Arc::clone(&shape),
                    partitions: (first..partitions).step_by(count).collect(),
                    limits: limits.clone(),
                });
                stream
            })
            .collect()
    }

    fn batch(&self, batch: &Batch, partition: usize, before: u64) -> Result<RecordBatch> {
        let selection = Selection::of(batch, &self.planned.condition)?;
        let rows = selection.len();
        let chosen = selection.of_columns(batch, self.types.len())?;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for (place, (data_type, name)) in self.types.iter().zip(&self.planned.names).enumerate() {
            let column = typed::column(&chosen, place, data_type, name)?;
            columns.push(match self.extra {
                Extra::Nothing => exposed(&column)?,
                Extra::SortKeys(_) => column,
            });
        }
        if let Extra::SortKeys(places) = &self.extra {
            for place in places {
                let column = columns
                    .get(*place)
                    .ok_or_else(|| Error::internal("A column to sort by was not read"))?;
                columns.push(typed::sort_key(column)?);
            }
            // 2^40 rows of each of 2^24 partitions.
            let start = (partition as u64) << 40;
            let places = selection.iter().map(|row| start + before + row as u64);
            columns.push(Arc::new(UInt64Array::from_iter_values(places)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(unexpected)
    }
}

struct Leaf {
    shape: Arc<Shape>,
    partitions: Vec<usize>,
    limits: Limits,
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}

impl PartitionStream for Leaf {
    fn schema(&self) -> &SchemaRef {
        &self.shape.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let state = Reading {
            shape: Arc::clone(&self.shape),
            partitions: self.partitions.clone().into_iter(),
            limits: self.limits.clone(),
            open: None,
        };
        let batches = futures::stream::try_unfold(state, |mut state| async move {
            let batch = state.next().await.map_err(to_datafusion)?;
            Ok::<_, DataFusionError>(batch.map(|batch| (batch, state)))
        });
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.shape.schema),
            batches,
        ))
    }
}

struct Reading {
    shape: Arc<Shape>,
    partitions: std::vec::IntoIter<usize>,
    limits: Limits,
    open: Option<Open>,
}

/// A partition that is being read, with the rows read of it.
struct Open {
    number: usize,
    rows: u64,
    stream: Box<dyn BatchStream>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            self.limits.check()?;
            let Some(open) = &mut self.open else {
                let Some(number) = self.partitions.next() else {
                    return Ok(None);
                };
                let scan = &self.shape.planned.scan;
                let Some(partition) = scan.partitions.get(number) else {
                    return Ok(None);
                };
                let stream = scan.reader.open(partition, &self.limits).await?;
                self.open = Some(Open {
                    number,
                    rows: 0,
                    stream,
                });
                continue;
            };
            match open.stream.next().await {
                None => self.open = None,
                Some(batch) => {
                    let batch = batch?;
                    let typed = self.shape.batch(&batch, open.number, open.rows)?;
                    open.rows += batch.rows() as u64;
                    if typed.num_rows() > 0 {
                        return Ok(Some(typed));
                    }
                }
            }
        }
    }
}
