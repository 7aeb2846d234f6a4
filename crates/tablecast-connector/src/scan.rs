//! A scan: the one way every source can be read. It promises before it reads.
//!
//! [`Source::scan`](crate::Source::scan) does no I/O; it says what the source will do of the request and into how
//! many partitions the work falls. Partitions are opened later, in parallel, each giving a stream of batches.

use std::fmt;
use std::sync::Arc;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::{Batch, BoxFuture, Limits, Predicate, Result, Sort};

/// What to read. All but the table and the columns are offers: the scan says which it takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScanRequest {
    /// The table.
    pub table: String,
    /// The columns wanted, in the order wanted; [`crate::ROWID`] may be among them. None at all is allowed: then
    /// batches tell only their number of rows (a [`Batch`] of no columns made from Arrow, with its row count set).
    pub columns: Vec<String>,
    /// Conditions that all hold. They may read columns that are not wanted.
    pub filters: Vec<Predicate>,
    /// The order wanted, first the most significant.
    pub sort: Vec<Sort>,
    /// The most rows wanted, of all partitions together.
    pub limit: Option<u64>,
}

/// What a scan does of an offered filter, sort or limit. The words are `DataFusion`'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Support {
    /// Done: nobody needs to do it again.
    Exact,
    /// Done in part: no row that belongs is left out, but some that do not belong may come.
    Inexact,
    /// Not done.
    Unsupported,
}

impl Support {
    /// Done whole or not at all.
    pub fn exact_if(is_done: bool) -> Self {
        if is_done {
            Self::Exact
        } else {
            Self::Unsupported
        }
    }
}

/// What the scan promises about a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promises {
    /// One answer for each filter of the request, in their order.
    pub filters: Vec<Support>,
    /// Whether rows come in the order wanted, within each partition and from partition to partition.
    pub sort: Support,
    /// Whether no more than the limit come. `Exact` only if all filters are.
    pub limit: Support,
    /// The order in which rows come, within each partition and from one partition to the next, whatever was asked.
    /// Empty if nothing is known. Sources with a row number give at least that order.
    pub order: Vec<Sort>,
}

impl Promises {
    /// Nothing of `request` is done: all rows come, in no known order.
    pub fn nothing(request: &ScanRequest) -> Self {
        Self {
            filters: vec![Support::Unsupported; request.filters.len()],
            sort: Support::Unsupported,
            limit: Support::Unsupported,
            order: Vec::new(),
        }
    }
}

/// A part of a scan that can be read by itself. Plain data, so that it can be sent to another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// First row, for sources that count rows; otherwise whatever the source makes of it.
    pub start: u64,
    /// Behind the last row, likewise.
    pub end: u64,
    /// Whatever else the source needs.
    pub note: String,
}

/// A name and type of a column of an answer; the type is `None` where each row may differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputColumn {
    /// The name.
    pub name: String,
    /// The Arrow type.
    pub data_type: Option<DataType>,
}

/// Opens partitions.
pub trait OpenPartition: Send + Sync {
    /// Starts reading. The limits are checked between batches, too.
    fn open<'a>(
        &'a self,
        partition: &'a Partition,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Box<dyn BatchStream>>>;
}

/// Batches, one after the other.
pub trait BatchStream: Send {
    /// The next batch, `None` behind the last. After an error there is nothing more.
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>>;
}

/// A promised scan. Clones share the reader.
#[derive(Clone)]
pub struct Scan {
    /// The columns that come: those of the request, in its order, with the types of their Arrow arrays.
    pub columns: Vec<OutputColumn>,
    /// What is promised.
    pub promises: Promises,
    /// The parts, in order.
    pub partitions: Vec<Partition>,
    /// How many rows come if that is known without reading (filters included), exactly.
    pub rows: Option<u64>,
    /// Opens the parts.
    pub reader: Arc<dyn OpenPartition>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("columns", &self.columns)
            .field("promises", &self.promises)
            .field("partitions", &self.partitions)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Batches that are at hand already.
#[derive(Debug)]
pub struct ReadyBatches(std::vec::IntoIter<Batch>);

impl ReadyBatches {
    /// A stream of `batches`.
    pub fn new(batches: Vec<Batch>) -> Self {
        Self(batches.into_iter())
    }
}

impl BatchStream for ReadyBatches {
    fn next(&mut self) -> BoxFuture<'_, Option<Result<Batch>>> {
        let batch = self.0.next().map(Ok);
        Box::pin(std::future::ready(batch))
    }
}
