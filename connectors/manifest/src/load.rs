//! Reads all rows of a table into typed batches: every page, every line, each cell checked. What does not fit is refused
//! with its place; nothing is cut off.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{Field, Schema};
use serde_json::Value as Json;
use tablecast_connector::{Error, Result};

use crate::column::{Column, hides_row_number};
use crate::infer;
use crate::manifest::Table;
use crate::origin::{Api, Origin};
use crate::paging::{Page, Walk, with_parameter};
use crate::rows::{CHUNK_ROWS, Row};

/// The cells of a table may not take more bytes.
const TABLE_BYTES_MAX: usize = 96 << 20;
/// A table may not have more rows.
const ROWS_MAX: usize = 2_000_000;

/// Parameters of the address by which a server filters, each with its value.
pub(crate) type Parameters = Vec<(String, String)>;

/// The rows of a table at one moment.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) columns: Vec<Column>,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) bytes: usize,
}

/// Reads the rows of `table`, as columns that are known already, or as those that the first rows have.
pub(crate) fn load(
    table: &Table,
    known: Option<Vec<Column>>,
    parameters: &Parameters,
) -> Result<Loaded> {
    let deadline = Instant::now() + table.within;
    let mut reading = Reading {
        table,
        are_found: table.columns.is_none(),
        present: vec![false; known.as_ref().map_or(0, Vec::len)],
        columns: known,
        batches: Vec::new(),
        rows: 0,
        bytes: 0,
        keys: HashSet::new(),
    };
    let read = match &table.origin {
        Origin::Command(program) => program
            .output(table.format.bytes_max(), deadline)
            .and_then(|bytes| table.format.read(&bytes, &mut |rows| reading.take(&rows)))
            .map(drop),
        Origin::Api(api) => pages(table, api, parameters, deadline, &mut reading),
    };
    read.and_then(|()| reading.finish(parameters.is_empty()))
        .map_err(|error| {
            let error = error.within(&table.name);
            // Pages show the message alone. The cause is for the log: what a command said, say.
            if let Some(cause) = std::error::Error::source(&error) {
                eprintln!("[manifest] {} ({cause})", error.message());
            }
            error
        })
}

fn pages(
    table: &Table,
    api: &Api,
    parameters: &Parameters,
    deadline: Instant,
    reading: &mut Reading<'_>,
) -> Result<()> {
    let filtered = parameters
        .iter()
        .fold(api.url.clone(), |url, (name, value)| {
            with_parameter(&url, name, value)
        });
    let mut walk = Walk::new(&api.paging, filtered);
    loop {
        let (bytes, _) = api
            .client
            .page(walk.address(), table.format.bytes_max(), deadline)?;
        let mut page = Page::default();
        let envelope: Json = table.format.read(&bytes, &mut |rows| {
            page.count(&rows);
            reading.take(&rows)
        })?;
        if !walk.advance(&envelope, &page)? {
            return Ok(());
        }
    }
}

struct Reading<'a> {
    table: &'a Table,
    columns: Option<Vec<Column>>,
    /// Whether columns come from the rows; then a member that is new is refused.
    are_found: bool,
    /// Which of the columns that the manifest names have come up.
    present: Vec<bool>,
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
    keys: HashSet<u128>,
}

impl Reading<'_> {
    fn take(&mut self, rows: &[Row]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let columns = if let Some(columns) = &self.columns {
            columns.clone()
        } else {
            let found = infer::columns(rows, self.table.format.written());
            self.check_found(&found)?;
            self.columns = Some(found.clone());
            found
        };
        for chunk in rows.chunks(CHUNK_ROWS) {
            self.look_for_strangers(&columns, chunk)?;
            let batch = self.batch(&columns, chunk)?;
            self.check_keys(&columns, &batch)?;
            self.bytes += batch.get_array_memory_size();
            self.rows += chunk.len();
            if self.bytes > TABLE_BYTES_MAX || self.rows > ROWS_MAX {
                return Err(Error::too_large(format!(
                    "it has more than {ROWS_MAX} rows or {TABLE_BYTES_MAX} bytes, which is not kept in memory"
                )));
            }
            self.batches.push(batch);
        }
        Ok(())
    }

    fn check_found(&self, found: &[Column]) -> Result<()> {
        if found.is_empty() || found.iter().any(|column| column.name.is_empty()) {
            return Err(Error::unreadable(
                "the first rows have no members, or one without a name",
            ));
        }
        let missing = |key: &&String| !found.iter().any(|column| column.name == **key);
        if let Some(key) = self.table.key.iter().find(missing) {
            return Err(Error::unreadable(format!(
                "the first rows have no member {key:?}, which is to be the key"
            )));
        }
        if self.table.key.is_empty() && hides_row_number(found) {
            return Err(Error::unreadable(
                "it has a column that is named as the row number is; say which columns are the `key`",
            ));
        }
        Ok(())
    }

    fn look_for_strangers(&mut self, columns: &[Column], rows: &[Row]) -> Result<()> {
        if !self.are_found {
            for (column, present) in columns.iter().zip(&mut self.present) {
                *present = *present || rows.iter().any(|row| column.cell(row).is_some());
            }
            return Ok(());
        }
        for (at, row) in rows.iter().enumerate() {
            let is_known = |name: &String| columns.iter().any(|column| column.name == *name);
            if let Some(stranger) = row.keys().find(|name| !is_known(name)) {
                let row = self.rows + at;
                return Err(Error::unreadable(format!(
                    "row {row} has the member {stranger:?}, which the first rows do not have"
                ))
                .hint("Name the columns that are wanted under `columns`"));
            }
        }
        Ok(())
    }

    fn batch(&self, columns: &[Column], rows: &[Row]) -> Result<RecordBatch> {
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(columns.len());
        let mut fields = Vec::with_capacity(columns.len());
        for column in columns {
            let cells: Vec<Option<&Json>> = rows.iter().map(|row| column.cell(row)).collect();
            let array = column.kind.array(&cells, self.table.format.written());
            arrays.push(array.map_err(|(at, problem)| self.misfit(at, &column.name, &problem))?);
            fields.push(Field::new(&column.name, column.kind.data_type(), true));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
            .map_err(|cause| Error::internal("A batch cannot be made").caused_by(cause))
    }

    fn misfit(&self, at: usize, column: &str, problem: &str) -> Error {
        let row = self.rows + at;
        let error = Error::unreadable(format!("row {row}, column {column:?}: {problem}"));
        if !self.are_found {
            return error;
        }
        error.hint("The type was found from the first rows; another can be named under `columns`")
    }

    /// Pages are cut by the key: a row without one, or two with the same, would be left out.
    fn check_keys(&mut self, columns: &[Column], batch: &RecordBatch) -> Result<()> {
        if self.table.key.is_empty() {
            return Ok(());
        }
        let is_key = |column: &Column| self.table.key.contains(&column.name);
        let arrays = columns.iter().zip(batch.columns());
        let arrays: Vec<&ArrayRef> = arrays
            .filter(|(column, _)| is_key(column))
            .map(|(_, array)| array)
            .collect();
        for at in 0..batch.num_rows() {
            let row = self.rows + at;
            let mut hashers = (DefaultHasher::new(), DefaultHasher::new());
            1_u8.hash(&mut hashers.1);
            for array in &arrays {
                if array.is_null(at) {
                    return Err(Error::unreadable(format!("row {row} has no key")));
                }
                let text = array_value_to_string(array.as_ref(), at)
                    .map_err(|cause| Error::internal("A key cannot be read").caused_by(cause))?;
                text.hash(&mut hashers.0);
                text.hash(&mut hashers.1);
            }
            let hash = u128::from(hashers.0.finish()) << 64 | u128::from(hashers.1.finish());
            if !self.keys.insert(hash) {
                return Err(Error::unreadable(format!(
                    "row {row} has the key of a row in front of it"
                )));
            }
        }
        Ok(())
    }

    fn finish(self, is_whole: bool) -> Result<Loaded> {
        let Some(columns) = self.columns else {
            return Err(
                Error::unreadable("there is no row from which its columns could be found")
                    .hint("Name them under `columns`"),
            );
        };
        let mut absent = columns.iter().zip(&self.present);
        if let Some((column, _)) =
            absent.find(|(_, present)| is_whole && !self.are_found && self.rows > 0 && !**present)
        {
            let name = &column.name;
            return Err(Error::unreadable(format!(
                "no row has a value for the column {name:?}, not even null"
            )));
        }
        Ok(Loaded {
            columns,
            batches: self.batches,
            bytes: self.bytes,
        })
    }
}
