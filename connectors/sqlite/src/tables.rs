//! What is known of one table or view: columns, identity, references.

use std::sync::Arc;

use arrow_schema::DataType;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};
use tablecast_connector::{
    Affinity, Column, ForeignKey, Identity, ROWID, TableInfo, TableKind, is_rowid_name,
};
use tablecast_sql::quote_always;

use crate::run::text;
use crate::schema::{Entry, Schema};

/// Everything about one table that a request may ask.
#[derive(Debug)]
pub(crate) struct TableFacts {
    pub(crate) info: Arc<TableInfo>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
    /// The first columns of indexes of all rows.
    pub(crate) leading: Vec<String>,
}

impl TableFacts {
    /// Reads what SQLite knows of a table. One that SQLite cannot read (a module that is missing, a view over nothing)
    /// is told with the reason.
    pub(crate) fn load(
        connection: &Connection,
        schema: &Schema,
        entry: &Entry,
    ) -> rusqlite::Result<Self> {
        let mut columns = match columns(connection, &entry.name) {
            Ok(columns) => columns,
            Err(error) if is_about_the_table(&error) => return Ok(Self::unreadable(entry, &error)),
            Err(error) => return Err(error),
        };
        let indexes = indexes(connection, &entry.name)?;
        for index in indexes.iter().filter(|index| index.is_unique) {
            for column in columns
                .iter_mut()
                .filter(|column| column.name == index.leading)
            {
                column.unique = true;
            }
        }
        let identity = identity(connection, entry, &columns);
        let mut info = TableInfo::new(entry.name.clone(), columns, identity);
        info.kind = entry.kind;
        Ok(Self {
            info: Arc::new(info),
            foreign_keys: foreign_keys(connection, schema, &entry.name)?,
            leading: indexes.into_iter().map(|index| index.leading).collect(),
        })
    }

    fn unreadable(entry: &Entry, error: &rusqlite::Error) -> Self {
        let reason = match error {
            rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
            rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
            other => other.to_string(),
        };
        let mut info = TableInfo::new(entry.name.clone(), Vec::new(), Identity::None);
        info.kind = entry.kind;
        info.unreadable = Some(reason);
        Self {
            info: Arc::new(info),
            foreign_keys: Vec::new(),
            leading: Vec::new(),
        }
    }
}

/// Whether the error is a plain "this SQL cannot be": everything else is about the file or the request.
fn is_about_the_table(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::Unknown)
}

fn columns(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Column>> {
    let sql = format!("pragma main.table_xinfo({})", quote_always(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut columns = Vec::new();
    while let Some(row) = rows.next()? {
        columns.push(column(row)?);
    }
    Ok(columns)
}

/// An index of all rows.
struct Index {
    /// Its first column.
    leading: String,
    /// Whether it keeps the values of that column, its only one, apart.
    is_unique: bool,
}

fn indexes(connection: &Connection, table: &str) -> rusqlite::Result<Vec<Index>> {
    let sql = format!(
        "select c.name, i.\"unique\" and (select count(*) from main.pragma_index_info(i.name)) = 1 \
         from main.pragma_index_list({table}) i, main.pragma_index_info(i.name) c \
         where c.seqno = 0 and not i.partial",
        table = quoted_text(table)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut indexes = Vec::new();
    while let Some(row) = rows.next()? {
        // An index of an expression has no column.
        if let Some(leading) = string(row, 0)? {
            let is_unique = row.get(1)?;
            indexes.push(Index { leading, is_unique });
        }
    }
    Ok(indexes)
}

fn quoted_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn column(row: &Row<'_>) -> rusqlite::Result<Column> {
    let declared = string(row, 2)?.unwrap_or_default();
    let affinity = Affinity::of_declaration(&declared);
    let mut column = Column::new(
        string(row, 1)?.unwrap_or_default(),
        scanned_type(affinity, &declared),
    );
    column.affinity = affinity;
    column.declared_type = declared;
    column.not_null = row.get::<_, i64>(3)? != 0;
    column.default = string(row, 4)?;
    column.key_position = row.get(5)?;
    column.hidden = row.get(6)?;
    Ok(column)
}

/// The type that the cells of a column have in a scan: what its affinity makes of most values. SQLite has no types of
/// its own for dates and booleans, whose declarations fall under "numeric" whatever is stored.
fn scanned_type(affinity: Affinity, declared: &str) -> DataType {
    let declared = declared.to_ascii_uppercase();
    match affinity {
        Affinity::Integer => DataType::Int64,
        Affinity::Text => DataType::Utf8,
        Affinity::Blob if declared.is_empty() => DataType::Utf8,
        Affinity::Blob => DataType::Binary,
        Affinity::Numeric if declared.contains("BOOL") => DataType::Int64,
        Affinity::Numeric if declared.contains("DATE") || declared.contains("TIME") => {
            DataType::Utf8
        }
        Affinity::Numeric if declared.contains("STRING") || declared.contains("JSON") => {
            DataType::Utf8
        }
        Affinity::Real | Affinity::Numeric => DataType::Float64,
    }
}

fn identity(connection: &Connection, entry: &Entry, columns: &[Column]) -> Identity {
    if entry.kind == TableKind::View {
        return Identity::None;
    }
    let mut key: Vec<&Column> = columns
        .iter()
        .filter(|column| column.key_position > 0)
        .collect();
    if !key.is_empty() {
        key.sort_by_key(|column| column.key_position);
        return Identity::Key(key.into_iter().map(|column| column.name.clone()).collect());
    }
    let is_shadowed = columns
        .iter()
        .any(|column| column.name.eq_ignore_ascii_case(ROWID));
    // A virtual table may have been made without row numbers.
    let probe = format!(
        "select rowid from main.{} limit 0",
        quote_always(&entry.name)
    );
    if is_shadowed || connection.prepare(&probe).is_err() {
        return Identity::None;
    }
    Identity::RowNumber { seekable: true }
}

/// The references of a table, in SQLite's order. One whose target column cannot be told is left out.
fn foreign_keys(
    connection: &Connection,
    schema: &Schema,
    table: &str,
) -> rusqlite::Result<Vec<ForeignKey>> {
    let sql = format!("pragma main.foreign_key_list({})", quote_always(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut keys: Vec<(i64, ForeignKey)> = Vec::new();
    let mut is_implicit = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let (from, to) = (string(row, 3)?.unwrap_or_default(), string(row, 4)?);
        if keys.last().is_none_or(|(last, _)| *last != id) {
            let other_table = string(row, 2)?.unwrap_or_default();
            let key = ForeignKey {
                columns: Vec::new(),
                other_table,
                other_columns: Vec::new(),
            };
            keys.push((id, key));
            is_implicit.push(to.is_none());
        }
        if let Some((_, key)) = keys.last_mut() {
            key.columns.push(from);
            key.other_columns.extend(to);
        }
    }
    for ((_, key), is_implicit) in keys.iter_mut().zip(is_implicit) {
        point_at(connection, schema, key, is_implicit);
    }
    let keys = keys.into_iter().map(|(_, key)| key);
    Ok(keys
        .filter(|key| key.columns.len() == key.other_columns.len())
        .collect())
}

/// Names the target as it names itself, where it is there: SQLite does not look at case. A reference without columns
/// points at the primary key.
fn point_at(connection: &Connection, schema: &Schema, key: &mut ForeignKey, is_implicit: bool) {
    let Some(entry) = schema.entry_in_any_case(&key.other_table) else {
        return;
    };
    key.other_table.clone_from(&entry.name);
    let columns = columns(connection, &entry.name).unwrap_or_default();
    if is_implicit {
        let mut own: Vec<&Column> = columns.iter().filter(|c| c.key_position > 0).collect();
        own.sort_by_key(|column| column.key_position);
        key.other_columns = own.into_iter().map(|column| column.name.clone()).collect();
        return;
    }
    for name in &mut key.other_columns {
        if let Some(known) = columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
            name.clone_from(&known.name);
        }
    }
}

fn string(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => Some(text(bytes).into_owned()),
        _ => None,
    })
}

/// Whether a request's column is the row number, not a column of the table.
pub(crate) fn is_row_number(info: &TableInfo, name: &str) -> bool {
    is_rowid_name(name) && info.column(name).is_none()
}
