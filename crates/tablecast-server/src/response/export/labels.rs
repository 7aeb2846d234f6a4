//! The labels of the rows of an export, asked for batch by batch; values met lately are remembered.

use std::collections::BTreeMap;
use std::sync::Arc;

use tablecast_connector::{Batch, Limits, Result, Value};

use crate::fetch::labels::{Labels, Lookup};
use crate::plan::paging;

/// So many labels of a column are remembered at most.
const LABELS_MAX: usize = 20_000;

/// Finds labels. Invariant: one place for each column shown.
#[derive(Default)]
pub(crate) struct Labeller(Vec<Option<Column>>);

struct Column {
    known: Arc<Labels>,
    /// Where other labels are found; `None` if all are known.
    lookup: Option<Lookup>,
}

impl Labeller {
    /// `fixed` are the labels of enumerated types, `lookups` those of references to other tables, by column.
    pub(crate) fn new(
        columns: &[String],
        mut fixed: BTreeMap<String, Labels>,
        mut lookups: BTreeMap<String, Lookup>,
    ) -> Self {
        let column = |name: &String| match (lookups.remove(name), fixed.remove(name)) {
            (Some(lookup), _) => Some(Column {
                known: Arc::default(),
                lookup: Some(lookup),
            }),
            (None, Some(known)) => Some(Column {
                known: Arc::new(known),
                lookup: None,
            }),
            (None, None) => None,
        };
        Self(columns.iter().map(column).collect())
    }

    /// Whether the column at that place has labels.
    pub(crate) fn has(&self, place: usize) -> bool {
        self.0.get(place).is_some_and(Option::is_some)
    }

    /// The labels of a batch, by column.
    pub(crate) async fn labels(&mut self, batch: &Batch) -> Result<Vec<Option<Arc<Labels>>>> {
        let mut all = Vec::with_capacity(self.0.len());
        for (place, column) in self.0.iter_mut().enumerate() {
            all.push(match column {
                None => None,
                Some(column) => {
                    column.learn(batch, place).await?;
                    Some(Arc::clone(&column.known))
                }
            });
        }
        Ok(all)
    }
}

impl Column {
    async fn learn(&mut self, batch: &Batch, place: usize) -> Result<()> {
        let Some(lookup) = &self.lookup else {
            return Ok(());
        };
        if self.known.len() > LABELS_MAX {
            self.known = Arc::default();
        }
        let unknown = unknown(batch, place, &self.known)?;
        if !unknown.is_empty() {
            let found = lookup.labels(&unknown, &Limits::none()).await?;
            Arc::make_mut(&mut self.known).learn(&unknown, found);
        }
        Ok(())
    }
}

/// The values of a column that are not known yet, each once.
fn unknown(batch: &Batch, place: usize, known: &Labels) -> Result<Vec<Value>> {
    let views = batch.columns()?;
    let mut values = BTreeMap::new();
    if let Some(view) = views.get(place) {
        for row in 0..batch.rows() {
            let value = view.cell(row).to_value();
            if value != Value::Null && !known.knows(&value) {
                values.insert(paging::text(&value), value);
            }
        }
    }
    Ok(values.into_values().collect())
}
