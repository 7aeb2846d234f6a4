//! Rows of one answer, gathered: as many as a page takes, in the batches in which they came.

use tablecast_connector::{Batch, Cell, OutputColumn, ReadyBatches, Result, Rows, Value};

/// The rows of a page.
#[derive(Debug)]
pub(crate) struct Page {
    /// All columns that came; the first ones are shown.
    pub(crate) columns: Vec<String>,
    pub(crate) batches: Vec<Batch>,
    /// The rows of the page, which may be fewer than the batches hold.
    pub(crate) rows: usize,
    /// Whether there were more.
    pub(crate) more: bool,
}

impl Page {
    /// Reads at most `rows_max` rows, and whether there is one more.
    pub(crate) async fn gather(mut rows: Rows, rows_max: u64) -> Result<Self> {
        let rows_max = usize::try_from(rows_max).unwrap_or(usize::MAX);
        let mut batches = Vec::new();
        let mut count = 0;
        while count <= rows_max {
            let Some(batch) = rows.batches.next().await else {
                break;
            };
            let batch = batch?;
            count += batch.rows();
            batches.push(batch);
        }
        let columns = rows.columns.into_iter().map(|column| column.name).collect();
        Ok(Self {
            columns,
            batches,
            rows: count.min(rows_max),
            more: count > rows_max,
        })
    }

    /// The rows of the page as they came.
    pub(crate) fn to_rows(&self) -> Rows {
        let mut left = self.rows;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in &self.batches {
            batches.push(batch.head(left));
            left -= batch.rows().min(left);
        }
        let column = |name: &String| OutputColumn {
            name: name.clone(),
            data_type: None,
        };
        Rows {
            columns: self.columns.iter().map(column).collect(),
            batches: Box::new(ReadyBatches::new(batches)),
        }
    }

    /// Calls `with` on each row of the page: with a function that gives the row's cells.
    pub(crate) fn each_row(&self, mut with: impl FnMut(&RowView<'_, '_>)) -> Result<()> {
        let mut left = self.rows;
        for batch in &self.batches {
            let columns = batch.columns()?;
            for row in 0..batch.rows().min(left) {
                with(&RowView {
                    columns: &columns,
                    row,
                });
            }
            left -= batch.rows().min(left);
        }
        Ok(())
    }

    /// The values of some columns in the last row of the page.
    pub(crate) fn last_values(&self, names: &[&str]) -> Result<Option<Vec<Value>>> {
        let places: Vec<usize> = names
            .iter()
            .filter_map(|name| self.columns.iter().position(|column| column == name))
            .collect();
        let mut left = self.rows;
        for batch in &self.batches {
            if batch.rows() >= left && left > 0 {
                let columns = batch.columns()?;
                let cell = |place: &usize| {
                    columns
                        .get(*place)
                        .map_or(Value::Null, |c| c.cell(left - 1).to_value())
                };
                return Ok(Some(places.iter().map(cell).collect()));
            }
            left -= batch.rows().min(left);
        }
        Ok(None)
    }
}

/// One row of a page.
pub(crate) struct RowView<'a, 'b> {
    columns: &'a [tablecast_connector::ColumnView<'b>],
    row: usize,
}

impl RowView<'_, '_> {
    /// The cell in a column by its place.
    pub(crate) fn cell(&self, column: usize) -> Cell<'_> {
        self.columns
            .get(column)
            .map_or(Cell::Null, |column| column.cell(self.row))
    }
}
