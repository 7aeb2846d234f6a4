//! The seam between Tablecast and the containers it publishes. It knows no I/O but the first bytes of a file, no HTTP,
//! no SQL text, no driver.
//!
//! A connector's author implements [`Connector`] and [`Source`] (or [`BlockingSource`], for plain blocking code), of
//! which three methods are enough. Everything else (filters, sorts, facets, counts, SQL) is then done by the engine.
//!
//! # A complete connector
//!
//! ```
//! use std::sync::Arc;
//! use tablecast_connector::*;
//! use arrow_schema::DataType;
//!
//! /// Publishes a text file as one table, `lines`.
//! struct Lines;
//!
//! impl Connector for Lines {
//!     fn name(&self) -> &'static str { "lines" }
//!     fn opens(&self) -> &'static str { "Text that starts with #lines" }
//!     fn recognizes(&self, location: &Location) -> bool { location.head.starts_with(b"#lines") }
//!     fn open<'a>(&'a self, location: &'a Location, _: &'a OpenOptions) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
//!         Box::pin(async move {
//!             let text = std::fs::read_to_string(&location.text)
//!                 .map_err(|cause| Error::unreadable(location.text.clone()).caused_by(cause))?;
//!             let source: Arc<dyn Source> = Arc::new(Blocking::new(Text(text.into(), location.text.clone()), 1)?);
//!             Ok(source)
//!         })
//!     }
//! }
//!
//! struct Text(Arc<str>, String);
//!
//! impl BlockingSource for Text {
//!     fn details(&self) -> Details {
//!         Details { connector: "lines".into(), path: Some(self.1.clone()), size: Some(self.0.len() as u64),
//!                   is_mutable: false, is_memory: false, hash: None }
//!     }
//!     fn table_names(&self) -> Result<Vec<String>> { Ok(vec!["lines".into()]) }
//!     fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
//!         if table != "lines" { return Err(Error::not_found(format!("Table not found: {table}"))); }
//!         Ok(Arc::new(TableInfo::new("lines", vec![Column::new("line", DataType::Utf8)], Identity::None)))
//!     }
//!     fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
//!         let (text, width) = (Arc::clone(&self.0), request.columns.len());
//!         Ok(BlockingScan {
//!             columns: request.columns.iter()
//!                 .map(|name| OutputColumn { name: name.clone(), data_type: Some(DataType::Utf8) }).collect(),
//!             promises: Promises::nothing(request),
//!             partitions: vec![Partition { start: 0, end: 1, note: String::new() }],
//!             rows: None,
//!             open: Arc::new(move |_, limits| {
//!                 limits.check()?;
//!                 let mut batch = Batch::builder(width);
//!                 for line in text.lines() {
//!                     (0..width).try_for_each(|_| batch.push(Cell::Text(line)))?;
//!                     batch.end_row();
//!                 }
//!                 Ok(Box::new(std::iter::once(batch.finish())))
//!             }),
//!         })
//!     }
//! }
//! ```

mod array;
mod batch;
mod blocking;
mod cell;
mod connector;
mod day;
mod error;
pub mod json;
mod limits;
mod matching;
mod pool;
mod predicate;
mod query;
mod scan;
mod source;
mod storage;
mod table;
mod value;

use std::future::Future;
use std::pin::Pin;

pub use array::{
    Array, ArrayRequest, Axis, BINS_MAX, Coordinates, Dimension, DimensionKind, Reduction, Window,
};
pub use arrow_schema::TimeUnit;
pub use batch::{Batch, BatchBuilder, ColumnView};
pub use blocking::{
    Batches, Blocking, BlockingRows, BlockingScan, BlockingSource, OpenBlocking, open_on,
};
pub use cell::{Cell, List, Struct, Timestamp};
pub use connector::{Connector, FOLDER, HEAD_BYTES, Location, OpenOptions, PATTERN, SITE_NAMES};
pub use day::day;
pub use error::{Error, ErrorKind, Result, did_you_mean};
pub use limits::{CancelGuard, CancelToken, Limits};
pub use matching::{conjunction, glob, like, like_escaped, real_text, sqlite_text};
pub use pool::Pool;
pub use predicate::{Comparison, Predicate, compare_values, predicate_of};
pub use query::{
    Ask, Dialect, Direction, FacetKind, Filter, OPERATORS, Operator, Position, SearchMode, Sort,
    Statement, TableQuery, Want, Wanted, list_values,
};
pub use scan::{
    BatchStream, OpenPartition, OutputColumn, Partition, Promises, ReadyBatches, Scan, ScanRequest,
    Support,
};
pub use source::{
    Answer, Capabilities, ContainerFile, Count, Database, Details, Rows, Source, Version,
};
pub use storage::{Group, Storage};
pub use table::{
    Column, ForeignKey, Identity, Metadata, ROWID, TableInfo, TableKind, is_rowid_name,
};
pub use value::{Affinity, Value, number};

/// A future on the heap, so that the traits are object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
