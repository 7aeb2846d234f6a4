//! The indexes that `PyTables` keeps beside a table, used for filters and orders.
//!
//! An index is a hint: what it names is tested like any other row, and one that does not fit its table is left alone.

mod by_filter;
mod by_order;
mod column;
mod key;
mod piece;
mod places;

use std::sync::{Arc, OnceLock};

use tablecast_connector::Storage;

use crate::column::ColumnPlace;
use crate::error::Result;
use crate::filter::Test;
use crate::format::dataset::Dataset;
use crate::format::file::File;
use crate::format::header::ObjectHeader;
use crate::format::links::{Target, links};
use crate::lattice::Lattice;
use crate::rows::{Course, DatasetRows, ReadRows, Rows, Wish};
use crate::strips::{Field, StripReader};
use by_filter::ByFilter;
use by_order::ByOrder;
use column::ColumnIndex;
use key::spans;

/// Groups in groups: columns of columns.
const DEPTH_MAX: usize = 16;
/// Indexes of a table.
const INDEXES_MAX: usize = 1000;
/// Bytes between two wanted rows that are read rather than passed over.
const GAP_BYTES: u64 = 2048;

/// The rows of a dataset that has indexes.
pub struct IndexedRows {
    dataset: Arc<Dataset>,
    rows: DatasetRows,
    columns: Vec<ColumnPlace>,
    /// What the columns are called in the dataset.
    names: Vec<String>,
    /// The group with the indexes.
    group: u64,
    /// One for each column; read on first use.
    indexes: OnceLock<Vec<Option<Arc<ColumnIndex>>>>,
}

impl IndexedRows {
    /// The rows of `dataset`, whose indexes are in the group at the address `group`.
    pub fn new(dataset: Arc<Dataset>, columns: Vec<ColumnPlace>, group: u64) -> Self {
        let names = columns.iter().map(|place| place.name.clone()).collect();
        Self::named(dataset, columns, names, group)
    }

    /// The same, where the columns have other `names` in the dataset.
    pub fn named(
        dataset: Arc<Dataset>,
        columns: Vec<ColumnPlace>,
        names: Vec<String>,
        group: u64,
    ) -> Self {
        Self {
            names,
            rows: DatasetRows(Arc::clone(&dataset)),
            dataset,
            columns,
            group,
            indexes: OnceLock::new(),
        }
    }

    /// The index of the column at this place, if it has a usable one.
    fn index(&self, at: usize) -> Option<&Arc<ColumnIndex>> {
        let indexes = self.indexes.get_or_init(|| self.read());
        let index = indexes.get(at)?.as_ref();
        index.filter(|index| !index.is_wrong())
    }

    fn read(&self) -> Vec<Option<Arc<ColumnIndex>>> {
        let mut groups = Vec::new();
        // A group that cannot be read has no index.
        let _ = named(&self.dataset.file, self.group, "", 0, &mut groups);
        let height = self.rows.height();
        let columns = self.columns.iter().zip(&self.names).map(|(place, own)| {
            let (_, address) = groups.iter().find(|(name, _)| name == own)?;
            let (file, rows) = (&self.dataset.file, self.rows.count());
            let read = || ColumnIndex::read(file, *address, place, height, rows);
            crate::scan::guarded(read).ok().map(Arc::new)
        });
        columns.collect()
    }

    fn by_order(&self, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
        let (at, direction, _) = wish.first_by(&self.columns)?;
        let place = self.columns.get(at)?;
        let mut tested = Vec::new();
        wish.test.columns(&mut tested);
        if tested.iter().any(|column| *column != at) {
            return None;
        }
        let index = self.index(at)?;
        if !index.is_ordered || index.rows() != self.rows.count() {
            return None;
        }
        Some(Arc::new(Arc::new(ByOrder {
            spans: spans(wish.test, at, index.cells),
            test: Arc::new(wish.test.clone()),
            index: Arc::clone(index),
            direction,
            column: at,
            offset: place.offset,
            name: place.name.clone(),
            dataset: Arc::clone(&self.dataset),
        })))
    }

    fn by_filter(&self, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
        let mut tested = Vec::new();
        wish.test.columns(&mut tested);
        tested.sort_unstable();
        tested.dedup();
        let indexes = tested.iter().filter_map(|at| {
            let place = self.columns.get(*at)?;
            let spans = spans(wish.test, *at, key::Cells::of(place)?)?;
            Some((Arc::clone(self.index(*at)?), spans))
        });
        let indexes: Vec<_> = indexes.collect();
        if indexes.is_empty() {
            return None;
        }
        Some(Arc::new(ByFilter {
            indexes,
            rows: wish.rows.clone(),
            height: self.height(),
            gap: GAP_BYTES / self.row_bytes().unwrap_or(1).max(1) as u64,
            found: OnceLock::new(),
        }))
    }
}

/// The indexes in a group, by the names of their columns.
fn named(
    file: &File,
    address: u64,
    path: &str,
    depth: usize,
    found: &mut Vec<(String, u64)>,
) -> Result<()> {
    for link in links(file, &ObjectHeader::read(file, address)?)? {
        let Target::Hard(child) = link.target else {
            continue;
        };
        if link.name == "sorted" && !path.is_empty() {
            found.push((path.to_owned(), address));
            return Ok(());
        }
        if depth < DEPTH_MAX && found.len() < INDEXES_MAX {
            let name = if path.is_empty() {
                link.name
            } else {
                format!("{path}/{}", link.name)
            };
            // What is not a group has no index.
            let _ = named(file, child, &name, depth + 1, found);
        }
    }
    Ok(())
}

impl Rows for IndexedRows {
    fn count(&self) -> u64 {
        self.rows.count()
    }

    fn row_bytes(&self) -> Result<usize> {
        self.rows.row_bytes()
    }

    fn height(&self) -> u64 {
        self.rows.height()
    }

    fn file(&self) -> &Arc<File> {
        self.rows.file()
    }

    fn open(&self, columns: &[usize]) -> Result<Box<dyn ReadRows>> {
        self.rows.open(columns)
    }

    fn strips(&self, fields: Vec<Field>) -> Result<Option<StripReader>> {
        self.rows.strips(fields)
    }

    fn storage(&self) -> Option<Result<Storage>> {
        self.rows.storage()
    }

    fn lattice(&self) -> Option<Lattice> {
        self.rows.lattice()
    }

    fn course(&self, wish: &Wish<'_>) -> Option<Arc<dyn Course>> {
        if wish.is_in_row_order() && matches!(wish.test, Test::All(tests) if tests.is_empty()) {
            return None;
        }
        self.by_order(wish).or_else(|| self.by_filter(wish))
    }
}
