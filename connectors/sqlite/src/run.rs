//! Runs one statement under limits and puts its rows into batches.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, Row, Statement as Prepared};
use tablecast_connector::{Batch, BatchBuilder, Cell, Error, Limits, Result, Statement, Value};

use crate::failure::failure;

/// Rows of one batch at most.
pub(crate) const BATCH_ROWS: usize = 1024;

/// A batch ends once it has so many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// What an answer that is collected whole may hold if the request does not say.
const ANSWER_BYTES_MAX: u64 = 256 << 20;

/// How long to wait for another program's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Steps of SQLite's machine between two looks at the clock: some tens of microseconds.
const STEPS_BETWEEN_CHECKS: i32 = 1000;

/// Whether more batches are wanted.
pub(crate) enum Next {
    More,
    Enough,
}

/// Makes the connection stop when the limits say so. To be called before anything is run on it.
pub(crate) fn bound(connection: &mut Connection, limits: &Limits) -> rusqlite::Result<()> {
    let patience = limits
        .remaining()
        .map_or(BUSY_TIMEOUT, |left| left.min(BUSY_TIMEOUT));
    connection.busy_timeout(patience)?;
    let watched = limits.clone();
    connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || watched.check().is_err()))
}

/// The rows of a statement that are wanted at once, with the names of its columns. `file` is the name for messages.
pub(crate) fn collect(
    connection: &mut Connection,
    statement: &Statement,
    limits: &Limits,
    file: &str,
) -> Result<(Vec<String>, Vec<Batch>)> {
    let mut limits = limits.clone();
    limits.bytes = Some(limits.bytes.unwrap_or(ANSWER_BYTES_MAX));
    let (mut names, mut batches) = (Vec::new(), Vec::new());
    run(
        connection,
        statement,
        &limits,
        file,
        |columns| {
            names = columns;
            Next::More
        },
        |batch| {
            batches.push(batch);
            Next::More
        },
    )?;
    Ok((names, batches))
}

/// Runs a statement: first tells the names of its columns, then gives batches, until there are no more or it is enough.
pub(crate) fn run(
    connection: &mut Connection,
    statement: &Statement,
    limits: &Limits,
    file: &str,
    on_columns: impl FnOnce(Vec<String>) -> Next,
    mut on_batch: impl FnMut(Batch) -> Next,
) -> Result<()> {
    let fail = |error| failure(error, file, limits);
    limits.check()?;
    bound(connection, limits).map_err(fail)?;
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(fail)?;
    if !prepared.readonly() {
        return Err(Error::forbidden("not authorized"));
    }
    bind(&mut prepared, &statement.parameters).map_err(|error| error.unwrap_or_else(fail))?;
    let names = names_of(&prepared, file)?;
    let width = prepared.column_count();
    if matches!(on_columns(names), Next::Enough) {
        return Ok(());
    }
    let mut left = Allowance::of(limits);
    let mut rows = prepared.raw_query();
    let mut builder = Batch::builder(width);
    while left.rows > 0
        && let Some(row) = rows.next().map_err(fail)?
    {
        let before = builder.bytes();
        push_row(&mut builder, row, width).map_err(|error| error.unwrap_or_else(fail))?;
        left.take_row(builder.bytes() - before, width)?;
        if builder.rows() >= BATCH_ROWS || builder.bytes() >= BATCH_BYTES {
            let full = std::mem::replace(&mut builder, Batch::builder(width));
            if matches!(on_batch(full.finish()?), Next::Enough) {
                return Ok(());
            }
        }
    }
    if builder.rows() > 0 {
        on_batch(builder.finish()?);
    }
    Ok(())
}

/// The names of the columns of the answer. In a damaged file one may not be UTF-8, for which rusqlite panics.
fn names_of(prepared: &Prepared<'_>, file: &str) -> Result<Vec<String>> {
    let names = || prepared.column_names().map(str::to_owned).collect();
    catch_unwind(AssertUnwindSafe(names))
        .map_err(|_| Error::unreadable(format!("{file}: the name of a column is not UTF-8")))
}

/// An error of ours, or one of SQLite's that is yet to be explained.
enum Trouble {
    Ours(Error),
    Sqlite(rusqlite::Error),
}

impl Trouble {
    fn unwrap_or_else(self, explain: impl FnOnce(rusqlite::Error) -> Error) -> Error {
        match self {
            Self::Ours(error) => error,
            Self::Sqlite(error) => explain(error),
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

/// What is left of the rows and bytes that an answer may have.
struct Allowance {
    rows: u64,
    bytes: u64,
    bytes_max: u64,
}

impl Allowance {
    fn of(limits: &Limits) -> Self {
        let bytes = limits.bytes.unwrap_or(u64::MAX);
        Self {
            rows: limits.rows.unwrap_or(u64::MAX),
            bytes,
            bytes_max: bytes,
        }
    }

    fn take_row(&mut self, bytes: usize, width: usize) -> Result<()> {
        self.rows -= 1;
        let taken = bytes.saturating_add(width * size_of::<i64>()) as u64;
        self.bytes = self.bytes.checked_sub(taken).ok_or_else(|| {
            Error::too_large(format!("The result has more than {} bytes", self.bytes_max))
                .hint("Ask for fewer rows or columns")
        })?;
        Ok(())
    }
}

fn push_row(builder: &mut BatchBuilder, row: &Row<'_>, width: usize) -> Result<(), Trouble> {
    for column in 0..width {
        match row.get_ref(column)? {
            ValueRef::Null => builder.push(Cell::Null)?,
            ValueRef::Integer(integer) => builder.push(Cell::Integer(integer))?,
            ValueRef::Real(real) => builder.push(Cell::Real(real))?,
            ValueRef::Text(bytes) => builder.push(Cell::Text(&text(bytes)))?,
            ValueRef::Blob(bytes) => builder.push(Cell::Bytes(bytes))?,
        }
    }
    builder.end_row();
    Ok(())
}

/// A text as UTF-8; what is not becomes replacement characters.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Binds each parameter that the statement names; values for others are left aside.
fn bind(prepared: &mut Prepared<'_>, given: &[(String, Value)]) -> Result<(), Trouble> {
    for index in 1..=prepared.parameter_count() {
        let name = prepared.parameter_name(index).unwrap_or("?");
        let bare = name.trim_start_matches([':', '@', '$']);
        let value = given.iter().find(|(known, _)| known == bare);
        let Some((_, value)) = value else {
            return Err(Trouble::Ours(Error::invalid(format!(
                "You did not supply a value for binding parameter {name}."
            ))));
        };
        prepared.raw_bind_parameter(index, bound_value(value))?;
    }
    Ok(())
}

fn bound_value(value: &Value) -> ToSqlOutput<'_> {
    match value {
        Value::Null => ToSqlOutput::Owned(SqlValue::Null),
        Value::Integer(integer) => ToSqlOutput::Owned(match i64::try_from(*integer) {
            Ok(integer) => SqlValue::Integer(integer),
            Err(_) => SqlValue::Real(*integer as f64),
        }),
        Value::Real(real) => ToSqlOutput::Owned(SqlValue::Real(*real)),
        Value::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        Value::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
    }
}
