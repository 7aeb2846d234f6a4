//! The rows of the examined tables, read by the source's own scan, as far as they are read.

use std::sync::Arc;
use std::time::Instant;

use arrow_schema::DataType;
use tablecast_connector::{
    Affinity, Batch, Column, Database, Error, Identity, Limits, Predicate, ROWID, Result,
    ScanRequest, Source, TableInfo, Value,
};

use super::wait::wait;
use super::{Examined, Finding, Level, Plan, Sampled, Tested, tell};
use crate::dataset::Table;
use crate::plain::Values;

/// The most cells of one table that are read for comparison.
const CELLS: usize = 400_000;

/// The most bytes of texts and blobs of one table that are read for comparison.
const BYTES: usize = 64 << 20;

/// A table with rows of it.
pub(super) struct Sample {
    /// The columns shown, and the row number behind them if that is the identity.
    pub(super) table: Table,
    pub(super) info: Arc<TableInfo>,
    /// Whether these are all rows.
    pub(super) is_whole: bool,
    /// Places of columns whose cells the plain executor compares as the seam means it.
    pub(super) comparable: Vec<usize>,
}

impl Sample {
    /// Whether rows come by an ascending number, so that the sample is the beginning of every page.
    pub(super) fn is_numbered(&self) -> bool {
        matches!(self.info.identity, Identity::RowNumber { .. })
    }

    /// The names of the columns, the row number included.
    pub(super) fn names(&self) -> Vec<String> {
        self.table.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// The whole table, without a row number.
    pub(super) fn shown(&self) -> Table {
        let width = self.info.columns.len();
        Table {
            name: self.table.name.clone(),
            columns: self.info.columns.clone(),
            rows: self
                .table
                .rows
                .iter()
                .map(|row| row.iter().take(width).cloned().collect())
                .collect(),
        }
    }

    /// A column that is comparable, and its place.
    pub(super) fn column(&self, chance: &mut crate::chance::Chance) -> Option<(usize, &Column)> {
        let place = *chance.pick(&self.comparable)?;
        self.table.columns.get(place).map(|column| (place, column))
    }
}

/// Reads the tables that the plan names. What goes wrong is said as tests of level read.
pub(super) fn take(
    source: &Arc<dyn Source>,
    database: &Arc<dyn Database>,
    plan: &Plan,
    examined: &mut Examined,
) -> (Vec<Sample>, Vec<Tested>) {
    let (mut samples, mut tests) = (Vec::new(), Vec::new());
    let started = Instant::now();
    let names = match names(database, plan) {
        Ok(names) => names,
        Err(error) => {
            tests.push(opened(
                "",
                started,
                Some(("the tables", "their names", &error)),
            ));
            return (samples, tests);
        }
    };
    examined.tables_left_out = names.len().saturating_sub(plan.tables);
    for name in names.iter().take(plan.tables) {
        let started = Instant::now();
        match sample(source, database, name, plan) {
            Ok((sample, note)) => {
                examined.tables.push(Sampled {
                    name: name.clone(),
                    rows: sample.table.rows.len(),
                    is_whole: sample.is_whole,
                    note,
                });
                tests.push(opened(name, started, None));
                samples.push(sample);
            }
            Err(Unread::Told(reason)) => examined.tables.push(Sampled {
                name: name.clone(),
                rows: 0,
                is_whole: false,
                note: Some(format!("cannot be read: {reason}")),
            }),
            Err(Unread::Failed(error)) => {
                let path = format!("/{}", tell::tilde(name));
                tests.push(opened(name, started, Some((&path, "its rows", &error))));
            }
        }
    }
    (samples, tests)
}

fn opened(table: &str, started: Instant, wrong: Option<(&str, &str, &Error)>) -> Tested {
    let findings = wrong.map(|(request, expected, error)| Finding {
        request: request.to_owned(),
        expected: expected.to_owned(),
        got: tell::error(error),
    });
    Tested {
        level: Level::Read,
        name: "what_is_listed_can_be_read",
        table: table.to_owned(),
        asked: 1,
        milliseconds: started.elapsed().as_millis() as u64,
        skipped: None,
        findings: findings.into_iter().collect(),
    }
}

fn patiently<T>(plan: &Plan, future: impl Future<Output = Result<T>>) -> Result<T> {
    wait(future, plan.patience).unwrap_or_else(|| {
        Err(Error::unavailable(format!(
            "No answer within {:?}",
            plan.patience
        )))
    })
}

/// The tables and views that are examined.
fn names(database: &Arc<dyn Database>, plan: &Plan) -> Result<Vec<String>> {
    if let Some(table) = &plan.table {
        return Ok(vec![table.clone()]);
    }
    let hidden = patiently(plan, database.hidden_table_names())?;
    let mut names = patiently(plan, database.table_names())?;
    names.retain(|name| !hidden.contains(name));
    names.extend(patiently(plan, database.view_names())?);
    Ok(names)
}

enum Unread {
    /// The container says why, as it may.
    Told(String),
    Failed(Error),
}

impl From<Error> for Unread {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

fn sample(
    source: &Arc<dyn Source>,
    database: &Arc<dyn Database>,
    name: &str,
    plan: &Plan,
) -> std::result::Result<(Sample, Option<String>), Unread> {
    let info = patiently(plan, database.table_info(name))?;
    if let Some(reason) = &info.unreadable {
        return Err(Unread::Told(reason.clone()));
    }
    let mut columns = info.columns.clone();
    if matches!(info.identity, Identity::RowNumber { .. }) && info.column(ROWID).is_none() {
        let mut rowid = Column::new(ROWID, DataType::Int64);
        rowid.not_null = true;
        columns.push(rowid);
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let most = plan.sample_rows.min(CELLS / columns.len().max(1)).max(1);
    let (rows, is_whole) = read(source, name, names, most, plan)?;
    let note = (!is_whole).then(|| format!("only its first {} rows are compared", rows.len()));
    let binds_itself = source.capabilities().dialect.is_some();
    let comparable = (0..columns.len())
        .filter(|place| columns.get(*place).is_some_and(is_comparable))
        .collect();
    if binds_itself {
        columns
            .iter_mut()
            .enumerate()
            .for_each(|(place, column)| suit(column, place, &rows));
    }
    let table = Table {
        name: name.to_owned(),
        columns,
        rows,
    };
    let sample = Sample {
        table,
        info,
        is_whole,
        comparable,
    };
    Ok((sample, note))
}

/// Decimals compare as numbers and are shown as texts, lists and structs have rules of their own: the plain executor
/// knows none of them.
fn is_comparable(column: &Column) -> bool {
    !(column.data_type.is_decimal() || column.data_type.is_nested())
}

/// Sources that bind values themselves have columns in which any cell may be of any class, whatever the column's type
/// says. With no type at all a predicate compares each cell for itself.
fn suit(column: &mut Column, place: usize, rows: &Values) {
    let class = |value: &Value| match value {
        Value::Null => None,
        Value::Integer(_) | Value::Real(_) => Some(0),
        Value::Text(_) => Some(1),
        Value::Blob(_) => Some(2),
    };
    let expected = match column.affinity {
        Affinity::Integer | Affinity::Real | Affinity::Numeric => 0,
        Affinity::Text => 1,
        Affinity::Blob => 2,
    };
    let mut classes = rows
        .iter()
        .filter_map(|row| row.get(place))
        .filter_map(class);
    if classes.any(|class| class != expected) {
        column.data_type = DataType::Null;
    }
}

/// The first rows of a table, at most `most`, and whether these are all.
fn read(
    source: &Arc<dyn Source>,
    table: &str,
    columns: Vec<String>,
    most: usize,
    plan: &Plan,
) -> Result<(Values, bool)> {
    let limits = Limits::none().within(plan.patience);
    let scan = source.scan(&ScanRequest {
        table: table.to_owned(),
        columns,
        filters: Vec::new(),
        sort: Vec::new(),
        limit: None,
    })?;
    let (mut rows, mut bytes) = (Values::new(), 0);
    for partition in &scan.partitions {
        let mut batches = patiently(plan, scan.reader.open(partition, &limits))?;
        while let Some(batch) = patiently(plan, async { Ok(batches.next().await) })? {
            let before = rows.len();
            append(&batch?, &mut rows)?;
            bytes += rows.iter().skip(before).flatten().map(size).sum::<usize>();
            if rows.len() > most || bytes > BYTES {
                rows.truncate(most);
                return Ok((rows, false));
            }
        }
    }
    Ok((rows, true))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(text) => text.len(),
        Value::Blob(bytes) => bytes.len(),
        _ => 0,
    }
}

/// Appends the rows of a batch.
pub(super) fn append(batch: &Batch, rows: &mut Values) -> Result<()> {
    let columns = batch.columns()?;
    rows.extend((0..batch.rows()).map(|row| {
        columns
            .iter()
            .map(|column| column.cell(row).to_value())
            .collect::<Vec<_>>()
    }));
    Ok(())
}

/// Whether the predicate can be told of the sample's rows.
pub(super) fn predicate(
    sample: &Sample,
    filter: &tablecast_connector::Filter,
) -> Result<Predicate> {
    let predicate = tablecast_connector::predicate_of(filter, &sample.table.columns)?;
    predicate.ok_or_else(|| Error::internal("A filter that the plain executor does not know"))
}
