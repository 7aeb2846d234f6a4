//! Scans: which filters are decided here, which rows are read in which parts, and what is promised of them.
//!
//! A predicate on the row number becomes a stretch of rows, so that a page costs the same wherever it is.

use std::num::NonZero;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::available_parallelism;

use arrow_schema::{DataType, Field, Schema};
use tablecast_connector::{
    Batches, BlockingScan, Identity, OutputColumn, Partition, Promises, ROWID, ScanRequest, Support,
};

use crate::error::{Error, Result, damaged};
use crate::filter::{Test, compile};
use crate::part::{PartRows, Plan, Wanted};
use crate::rows::{Course, Rows, Wish};
use crate::table::Table;
use crate::top::top;

/// A scan of fewer bytes than this is not worth a second thread.
const PARTITION_BYTES: u64 = 1 << 20;

/// Told when a column of texts, given by its place, turns out to hold something else.
pub type OnNotText = Arc<dyn Fn(usize) + Send + Sync>;

/// Plans a scan of a table whose rows can be read.
pub fn scan(
    table: &Arc<Table>,
    rows: &Arc<dyn Rows>,
    request: &ScanRequest,
    on_not_text: OnNotText,
) -> Result<BlockingScan> {
    let wanted = request
        .columns
        .iter()
        .map(|name| wanted(table, name))
        .collect::<Result<Vec<_>>>()?;
    let mut promises = Promises::nothing(request);
    let test = tests(table, request, &mut promises)?;
    let is_all_done = promises
        .filters
        .iter()
        .all(|support| *support == Support::Exact);
    let mut stretch = test.rows(0..rows.count());
    let is_plain = test.is_only_a_stretch();
    let wish = Wish {
        test: &test,
        rows: &stretch,
        sort: &request.sort,
        limit: request.limit,
    };
    let course = rows.course(&wish).or_else(|| {
        // Without a limit that can be kept, all rows are sorted.
        let is_first = is_all_done && !wish.is_in_row_order();
        is_first.then(|| top(table, rows, &wish)).flatten()
    });
    order(table, &wish, course.as_deref(), &mut promises);
    let mut limit = None;
    if is_all_done && promises.sort == Support::Exact {
        promises.limit = Support::Exact;
        limit = request.limit;
        if let (true, None, Some(limit)) = (is_plain, &course, limit) {
            stretch.end = stretch.end.min(stretch.start.saturating_add(limit));
        }
    }
    // Which rows come first is only known to one who reads from the start.
    let is_cut = limit.is_some() && (!is_plain || course.is_some());
    let known = match &course {
        _ if !is_all_done || is_cut => None,
        Some(course) => course.rows(),
        None => is_plain.then_some(stretch.end - stretch.start),
    };
    let parts = if is_cut { 1 } else { threads() };
    let partitions = match &course {
        Some(course) => course.parts(parts),
        None => partitions(rows.as_ref(), stretch, parts),
    };
    let plan = Arc::new(Plan {
        table: Arc::clone(table),
        rows: Arc::clone(rows),
        schema: Arc::new(schema(table, &request.columns, &wanted)),
        columns: columns_read(&wanted, &test),
        test: (!is_plain || course.is_some()).then_some(test),
        course,
        limit: limit.filter(|_| is_cut),
        wanted,
        on_not_text,
    });
    Ok(BlockingScan {
        columns: outputs(&plan.schema),
        promises,
        partitions,
        rows: known,
        open: Arc::new(move |partition, limits| {
            let batches: Batches = Box::new(PartRows::new(Arc::clone(&plan), partition, limits)?);
            Ok(batches)
        }),
    })
}

/// How many threads a scan can use.
pub fn threads() -> usize {
    available_parallelism().map_or(1, NonZero::get)
}

/// The filters that are decided here, as one test; they are promised.
fn tests(table: &Table, request: &ScanRequest, promises: &mut Promises) -> Result<Test> {
    let mut tests = Vec::new();
    for (predicate, support) in request.filters.iter().zip(&mut promises.filters) {
        for name in predicate.columns() {
            wanted(table, name)?;
        }
        if let Some(test) = compile(predicate, &table.columns) {
            tests.push(test);
            *support = Support::Exact;
        }
    }
    Ok(Test::all(tests))
}

fn wanted(table: &Table, name: &str) -> Result<Wanted> {
    let found = table.columns.iter().position(|column| column.name == name);
    match found {
        Some(at) => Ok(Wanted::Column(at)),
        None if name == ROWID => Ok(Wanted::RowNumber),
        None => Err(Error::not_found(format!(
            "Column not found: {name} in {}",
            table.info.name
        ))),
    }
}

/// The places of the columns whose bytes are looked at.
fn columns_read(wanted: &[Wanted], test: &Test) -> Vec<usize> {
    let mut columns: Vec<usize> = wanted
        .iter()
        .filter_map(|wanted| match wanted {
            Wanted::Column(at) => Some(*at),
            Wanted::RowNumber => None,
        })
        .collect();
    test.columns(&mut columns);
    columns.sort_unstable();
    columns.dedup();
    columns
}

fn order(table: &Table, wish: &Wish<'_>, course: Option<&dyn Course>, promises: &mut Promises) {
    let has_row_number = matches!(table.info.identity, Identity::RowNumber { .. });
    let is_in_row_order = wish.is_in_row_order() && (has_row_number || wish.sort.is_empty());
    if course.map_or(is_in_row_order, Course::is_in_order) {
        promises.sort = Support::Exact;
    }
    if has_row_number && (course.is_none() || wish.is_in_row_order()) {
        promises.order.extend(table.info.identity.order());
    }
}

fn schema(table: &Table, names: &[String], wanted: &[Wanted]) -> Schema {
    let fields = names.iter().zip(wanted).map(|(name, wanted)| {
        let data_type = match wanted {
            Wanted::RowNumber => DataType::Int64,
            Wanted::Column(at) => table
                .columns
                .get(*at)
                .map_or(DataType::Null, super::column::ColumnPlace::data_type),
        };
        Field::new(name, data_type, true)
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn outputs(schema: &Schema) -> Vec<OutputColumn> {
    let output = |field: &Arc<Field>| OutputColumn {
        name: field.name().clone(),
        data_type: Some(field.data_type().clone()),
    };
    schema.fields().iter().map(output).collect()
}

fn part(rows: Range<u64>) -> Partition {
    Partition {
        start: rows.start,
        end: rows.end,
        note: String::new(),
    }
}

/// Parts of about the same number of rows, whose borders are borders of chunks.
fn partitions(from: &dyn Rows, rows: Range<u64>, parts: usize) -> Vec<Partition> {
    let count = rows.end.saturating_sub(rows.start);
    let bytes = count.saturating_mul(from.row_bytes().unwrap_or(1) as u64);
    let parts = (bytes / PARTITION_BYTES).clamp(1, parts as u64);
    let height = from.height().max(1);
    let length = (count / parts)
        .div_ceil(height)
        .max(1)
        .saturating_mul(height);
    let mut partitions = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        // Only the first part may start within a chunk.
        let end = (start / height * height)
            .saturating_add(length)
            .min(rows.end);
        let end = if partitions.len() as u64 + 1 >= parts {
            rows.end
        } else {
            end
        };
        partitions.push(part(start..end));
        start = end;
    }
    if partitions.is_empty() {
        partitions.push(part(rows.start..rows.start));
    }
    partitions
}

/// Runs what reads bytes that anybody may have written: a panic in it is an error of the file.
pub fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| {
        let cause = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let cause = cause
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        Err(damaged("the file is damaged in a way that is not known").caused_by(cause))
    })
}
