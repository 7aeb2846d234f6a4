//! A scan with what is left to do after it: the filters that the source does not promise to apply, the order it does
//! not promise to keep.

use std::sync::Arc;

use tablecast_connector::{
    OutputColumn, Predicate, Result, Scan, ScanRequest, Sort, Source, Support,
};

use crate::condition::Condition;

/// What is wanted of a table's rows, in the words of scans.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) table: String,
    pub(crate) columns: Vec<String>,
    pub(crate) filters: Vec<Predicate>,
    /// The whole order; empty if none matters.
    pub(crate) order: Vec<Sort>,
    /// Rows enough from the start, those that are passed over included.
    pub(crate) limit: Option<u64>,
}

/// A scan that reads at least the columns wished for, in front, and what is left to do.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) scan: Arc<Scan>,
    /// The names of all columns that are read.
    pub(crate) names: Vec<String>,
    /// How many of them were wished for.
    pub(crate) width: usize,
    /// What rows must still pass.
    pub(crate) condition: Condition,
    /// Whether rows come in the order wished for.
    pub(crate) is_ordered: bool,
}

impl Planned {
    /// The columns wished for, as they come.
    pub(crate) fn columns(&self) -> Vec<OutputColumn> {
        self.scan.columns.iter().take(self.width).cloned().collect()
    }

    /// How many rows come, if that is known without reading.
    pub(crate) fn rows(&self) -> Option<u64> {
        self.scan.rows.filter(|_| self.condition.is_empty())
    }
}

/// Asks `source` for its promises until they fit: first for the columns wished for alone, then with those that the
/// rest of the work needs. Each round adds columns, so there are few.
pub(crate) fn plan(source: &dyn Source, wish: &Wish) -> Result<Planned> {
    let mut request = ScanRequest {
        table: wish.table.clone(),
        columns: wish.columns.clone(),
        filters: wish.filters.clone(),
        sort: wish.order.clone(),
        limit: wish.limit,
    };
    loop {
        let scan = source.scan(&request)?;
        let left = filters_left(&scan, &request.filters);
        let is_ordered = scan.promises.sort == Support::Exact
            || wish.order.is_empty()
            || scan.promises.order.starts_with(&wish.order);
        let mut needed: Vec<&str> = left.iter().flat_map(|filter| filter.columns()).collect();
        if !is_ordered {
            needed.extend(wish.order.iter().map(|sort| sort.column.as_str()));
        }
        let missing = missing(&needed, &request.columns);
        // A limit would cut off rows that the rest of the work needs.
        let is_limit_wrong = request.limit.is_some() && !(left.is_empty() && is_ordered);
        if missing.is_empty() && !is_limit_wrong {
            return Ok(Planned {
                condition: Condition::all(&left, &request.columns)?,
                scan: Arc::new(scan),
                names: request.columns,
                width: wish.columns.len(),
                is_ordered,
            });
        }
        request.columns.extend(missing);
        if is_limit_wrong {
            request.limit = None;
        }
    }
}

fn filters_left(scan: &Scan, filters: &[Predicate]) -> Vec<Predicate> {
    let promises = scan.promises.filters.iter();
    let promises = promises.chain(std::iter::repeat(&Support::Unsupported));
    filters
        .iter()
        .zip(promises)
        .filter(|(_, promise)| **promise != Support::Exact)
        .map(|(filter, _)| filter.clone())
        .collect()
}

fn missing(needed: &[&str], present: &[String]) -> Vec<String> {
    let mut missing: Vec<String> = Vec::new();
    for name in needed {
        if !present.iter().chain(&missing).any(|known| known == name) {
            missing.push((*name).to_owned());
        }
    }
    missing
}
