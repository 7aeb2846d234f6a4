//! A dataset as a table: its columns with their places, and what is said about it.

use std::collections::HashMap;
use std::sync::Arc;

use tablecast_connector::{Array, Identity, TableInfo, is_rowid_name};

use crate::column::{ColumnPlace, Element, columns};
use crate::format::dataset::Dataset;
use crate::format::value::{Value, ValueReader};
use crate::grid::first_of_each;
use crate::lattice::Lattice;
use crate::metadata::{attribute_value, describe};
use crate::rows::{DatasetRows, Rows};

/// One table of a file.
pub struct Table {
    pub info: Arc<TableInfo>,
    /// In the order of the info's columns.
    pub columns: Vec<ColumnPlace>,
    /// `None` if they cannot be read.
    pub rows: Option<Arc<dyn Rows>>,
    /// The paths of the objects that references in the rows lead to.
    pub paths: Arc<HashMap<u64, String>>,
}

impl Table {
    /// The table that a dataset is.
    pub fn new(name: &str, dataset: Arc<Dataset>, paths: Arc<HashMap<u64, String>>) -> Self {
        let (columns, odd) = columns(&dataset);
        let identity = if columns.iter().any(|column| is_rowid_name(&column.name)) {
            // A column of that name hides the row number.
            Identity::None
        } else {
            Identity::RowNumber { seekable: true }
        };
        let mut info = TableInfo::new(
            name,
            columns.iter().map(ColumnPlace::column).collect(),
            identity,
        );
        info.unreadable = dataset.unreadable_reason().or_else(|| {
            let all_odd = columns
                .is_empty()
                .then(|| odd.first().map(|(_, reason)| reason.clone()));
            all_odd.flatten()
        });
        describe(&mut info, &dataset, &odd, &paths);
        if info.unreadable.is_none() {
            let array = Lattice::of(&dataset, &columns).map(|lattice| lattice.array());
            info.array = array.map(|array| named(array, &dataset, &paths));
        }
        Self {
            info: Arc::new(info),
            columns,
            rows: Some(Arc::new(DatasetRows(dataset))),
            paths,
        }
    }

    /// Bytes of coordinates and categories that are kept with it, about.
    pub fn kept_bytes(&self) -> usize {
        let kept = self.columns.iter().map(|column| match &column.element {
            Element::Category(category) => category.values.bytes(),
            _ => 0,
        });
        kept.sum()
    }

    /// A table whose rows cannot be read.
    pub fn unreadable(name: &str, reason: String) -> Self {
        let mut info = TableInfo::new(name, Vec::new(), Identity::RowNumber { seekable: true });
        info.unreadable = Some(reason);
        Self {
            info: Arc::new(info),
            columns: Vec::new(),
            rows: None,
            paths: Arc::default(),
        }
    }

    /// The same table with the texts of one column as bytes, because some are not UTF-8.
    #[must_use]
    pub fn with_bytes(&self, at: usize) -> Self {
        let mut columns = self.columns.clone();
        let mut info = (*self.info).clone();
        if let (Some(place), Some(column)) = (columns.get_mut(at), info.columns.get_mut(at)) {
            match &place.element {
                Element::Text(padding) => place.element = Element::TextBytes(*padding),
                Element::HeapText { unit: 1 } => place.element = Element::HeapBytes,
                Element::Marked(marked) => place.element = Element::TextBytes(marked.padding),
                _ => {}
            }
            column.data_type = place.data_type();
        }
        Self {
            info: Arc::new(info),
            columns,
            rows: self.rows.clone(),
            paths: Arc::clone(&self.paths),
        }
    }
}

/// The array with the names that the dataset gives its dimensions: by scales, or by labels.
fn named(mut array: Array, dataset: &Dataset, paths: &HashMap<u64, String>) -> Array {
    let mut values = ValueReader::new(&dataset.file, Some(paths));
    let mut told = |name| {
        let attribute = dataset.attribute(name)?;
        attribute_value(attribute, &mut values).ok()
    };
    let text = |value: &Value| match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let scales = told("DIMENSION_LIST").map(|list| first_of_each(&list));
    let mut names: Vec<Option<String>> = match told("DIMENSION_LABELS") {
        Some(Value::List(labels)) => labels.iter().map(text).collect(),
        _ => Vec::new(),
    };
    if let Some(scales) = scales.filter(|scales| !scales.is_empty()) {
        let last = |path: String| path.rsplit('/').next().map(str::to_owned);
        names = scales.into_iter().map(last).collect();
    }
    for (at, name) in names.into_iter().enumerate() {
        let name = name.filter(|name| !name.is_empty() && !name.starts_with('_'));
        let is_taken = |name: &String| array.dimensions.iter().any(|it| it.name == *name);
        let name = name.filter(|name| !is_taken(name));
        if let (Some(dimension), Some(name)) = (array.dimensions.get_mut(at), name) {
            dimension.name = name;
        }
    }
    array
}
