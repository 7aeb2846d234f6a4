//! What is known of a table before a row is read: columns, identity, keys, metadata.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use serde::{Deserialize, Serialize};

use crate::{Affinity, Array, Direction, Sort, Value};

/// The name by which a request and a predicate mean the row number. It is shown as a column only when asked for.
pub const ROWID: &str = "rowid";

/// Whether `name` is one of `SQLite`'s names of the row number. A real column of that name comes first.
pub fn is_rowid_name(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"]
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
}

/// How a row is told from the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// By the values of these columns, which together are unique.
    Key(Vec<String>),
    /// By a number that is not a column of its own: the virtual column [`ROWID`], ascending in scan order.
    RowNumber {
        /// Whether a predicate on [`ROWID`] makes a scan start there, so that no page costs more than the first.
        seekable: bool,
    },
    /// Not at all: pages go by offset and there are no row pages.
    None,
}

impl Identity {
    /// The columns whose values identify a row: the key, [`ROWID`], or nothing.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Key(columns) => columns.iter().map(String::as_str).collect(),
            Self::RowNumber { .. } => vec![ROWID],
            Self::None => Vec::new(),
        }
    }

    /// The order by these columns, ascending: that of pages which are not sorted. Empty without an identity.
    pub fn order(&self) -> Vec<Sort> {
        let ascending = |column: &str| Sort {
            column: column.to_owned(),
            direction: Direction::Ascending,
        };
        self.columns().into_iter().map(ascending).collect()
    }
}

/// A table has rows of its own; a view is a stored query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    /// A table.
    Table,
    /// A view.
    View,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// The name, as it is written in the container.
    pub name: String,
    /// The Arrow type of its cells in a scan.
    pub data_type: DataType,
    /// `SQLite`'s affinity: how a text from a query string compares with it.
    pub affinity: Affinity,
    /// The type as the container's own people write it: `VARCHAR(20)`, `float32`. May be empty.
    pub declared_type: String,
    /// Whether null is refused.
    pub not_null: bool,
    /// The default as an SQL expression.
    pub default: Option<String>,
    /// From 1, its place in the key; 0 if it is not part of it.
    pub key_position: u32,
    /// Whether an index of this column alone keeps its values apart.
    pub unique: bool,
    /// `SQLite`'s `hidden` of `table_xinfo`: 0 shown, 1 hidden, 2 and 3 generated.
    pub hidden: u8,
    /// The names of its values, for enumerated types. Shown as labels of foreign keys are.
    pub labels: Vec<(Value, String)>,
    /// What is said about it.
    pub metadata: Metadata,
}

impl Column {
    /// A column of `data_type` that may be null, with the affinity that suits the type.
    pub fn new(name: impl Into<String>, data_type: DataType) -> Self {
        let affinity = affinity_of(&data_type);
        Self {
            name: name.into(),
            declared_type: affinity.name().to_owned(),
            affinity,
            data_type,
            not_null: false,
            default: None,
            key_position: 0,
            unique: false,
            hidden: 0,
            labels: Vec::new(),
            metadata: Metadata::default(),
        }
    }
}

/// The affinity whose comparisons suit cells of `data_type`.
fn affinity_of(data_type: &DataType) -> Affinity {
    match data_type {
        DataType::Boolean => Affinity::Integer,
        integer if integer.is_integer() => Affinity::Integer,
        real if real.is_floating() => Affinity::Real,
        decimal if decimal.is_decimal() => Affinity::Numeric,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_)
        | DataType::Null => Affinity::Blob,
        _ => Affinity::Text,
    }
}

/// What is said about a table or a column, as its container tells it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// A title.
    pub title: Option<String>,
    /// A description.
    pub description: Option<String>,
    /// The unit of a column's values.
    pub unit: Option<String>,
    /// Everything else by name, each value as JSON text.
    pub attributes: BTreeMap<String, String>,
}

/// Everything about a table but its rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableInfo {
    /// The name, as in `table_names`.
    pub name: String,
    /// Table or view.
    pub kind: TableKind,
    /// The columns in the container's order. The row number is not among them.
    pub columns: Vec<Column>,
    /// How a row is told from the others.
    pub identity: Identity,
    /// What is said about it.
    pub metadata: Metadata,
    /// The array that its columns are, so that pictures of it can be asked for by [`crate::Source::array`].
    pub array: Option<Array>,
    /// Why its rows cannot be read: it is listed with this reason, and a scan is refused with it.
    pub unreadable: Option<String>,
}

impl TableInfo {
    /// A readable table without metadata.
    pub fn new(name: impl Into<String>, columns: Vec<Column>, identity: Identity) -> Self {
        Self {
            name: name.into(),
            kind: TableKind::Table,
            columns,
            identity,
            metadata: Metadata::default(),
            array: None,
            unreadable: None,
        }
    }

    /// The column of that name: exactly so written, or else the only one that differs in ASCII case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|column| column.name == name);
        exact.or_else(|| {
            let mut folded = self
                .columns
                .iter()
                .filter(|column| column.name.eq_ignore_ascii_case(name));
            folded.next().filter(|_| folded.next().is_none())
        })
    }
}

/// A reference from columns of one table to columns of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The referring columns.
    pub columns: Vec<String>,
    /// The table referred to.
    pub other_table: String,
    /// The columns referred to, one for each referring column.
    pub other_columns: Vec<String>,
}
