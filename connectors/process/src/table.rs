//! What a guest tells of a table, checked: a table without columns, a type that is not known, a key of no column are
//! errors that name the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use tablecast_connector::{
    Affinity, Column, Error, Identity, Metadata, Result, TableInfo, TableKind,
};

use crate::kind::{data_type, names};
use crate::message::Pushdown;

/// A table may not have more columns.
const COLUMNS_MAX: usize = 10_000;

/// What is known of a table.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) info: Arc<TableInfo>,
    pub(crate) pushdown: Pushdown,
    /// The columns by which rows come ordered whatever was asked.
    pub(crate) order: Vec<String>,
    pub(crate) row_number: RowNumber,
}

/// Who numbers the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RowNumber {
    /// The host, in the order in which rows come, from 0.
    #[default]
    Counted,
    /// The guest, in a column `rowid` that comes when it is asked for, ascending.
    Given,
    /// Nobody: rows come in another order each time.
    None,
}

#[derive(Debug, Deserialize)]
struct Told {
    columns: Vec<ToldColumn>,
    #[serde(default)]
    key: Vec<String>,
    #[serde(default)]
    row_number: RowNumber,
    #[serde(default)]
    order: Vec<String>,
    #[serde(default)]
    is_view: bool,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Json>,
    #[serde(default)]
    pushdown: Option<Pushdown>,
    #[serde(default)]
    unreadable: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ToldColumn {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    declared_type: Option<String>,
    #[serde(default)]
    not_null: bool,
    #[serde(default)]
    unique: bool,
    #[serde(default)]
    default: Option<String>,
    #[serde(default)]
    title: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Json>,
}

impl Known {
    /// What the result of `table_info` says.
    pub(crate) fn read(table: &str, result: Json, of_all: &Pushdown) -> Result<Self> {
        let wrong = |problem: &str| {
            Error::unreadable(format!(
                "{table}: the connector's table_info is wrong: {problem}"
            ))
        };
        let told: Told =
            serde_json::from_value(result).map_err(|problem| wrong(&problem.to_string()))?;
        if told.columns.is_empty() && told.unreadable.is_none() {
            return Err(wrong("it has no columns"));
        }
        if told.columns.len() > COLUMNS_MAX {
            return Err(wrong("it has more than 10 000 columns"));
        }
        let mut columns = Vec::with_capacity(told.columns.len());
        let mut seen = std::collections::BTreeSet::new();
        for column in told.columns {
            if !seen.insert(column.name.to_ascii_lowercase()) {
                return Err(wrong(&format!(
                    "the column {:?} is there twice",
                    column.name
                )));
            }
            columns.push(column.read().map_err(|problem| wrong(&problem))?);
        }
        for (place, name) in (1..).zip(&told.key) {
            let column = columns.iter_mut().find(|column| column.name == *name);
            let column = column.ok_or_else(|| wrong(&format!("its key {name:?} is no column")))?;
            column.key_position = place;
        }
        if let Some(name) = told
            .order
            .iter()
            .find(|name| columns.iter().all(|c| c.name != **name))
        {
            return Err(wrong(&format!("its order {name:?} is no column")));
        }
        let pushdown = told.pushdown.unwrap_or_else(|| of_all.clone());
        let identity = match told.row_number {
            _ if !told.key.is_empty() => Identity::Key(told.key),
            RowNumber::None => Identity::None,
            RowNumber::Counted | RowNumber::Given => Identity::RowNumber {
                seekable: pushdown.offset,
            },
        };
        let mut info = TableInfo::new(table, columns, identity);
        if told.is_view {
            info.kind = TableKind::View;
        }
        info.metadata = metadata(told.title, told.description, None, told.attributes);
        info.unreadable = told.unreadable;
        Ok(Self {
            info: Arc::new(info),
            pushdown,
            order: told.order,
            row_number: told.row_number,
        })
    }

    /// Whether the rows are numbered here.
    pub(crate) fn is_counted(&self) -> bool {
        self.row_number == RowNumber::Counted
            && matches!(self.info.identity, Identity::RowNumber { .. })
    }
}

impl ToldColumn {
    fn read(self) -> Result<Column, String> {
        let data_type = data_type(&self.kind).ok_or_else(|| {
            format!(
                "the column {:?} is of the unknown type {:?}; known are {}",
                self.name,
                self.kind,
                names()
            )
        })?;
        let mut column = Column::new(self.name, data_type);
        if column.data_type == arrow_schema::DataType::Boolean {
            column.affinity = Affinity::Integer;
        }
        if let Some(declared) = self.declared_type {
            column.declared_type = declared;
        }
        column.not_null = self.not_null;
        column.unique = self.unique;
        column.default = self.default;
        column.metadata = metadata(self.title, self.description, self.unit, self.attributes);
        Ok(column)
    }
}

fn metadata(
    title: Option<String>,
    description: Option<String>,
    unit: Option<String>,
    attributes: BTreeMap<String, Json>,
) -> Metadata {
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| (name, value.to_string()));
    Metadata {
        title,
        description,
        unit,
        attributes: attributes.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_wrong_table_info_is_refused_with_its_reason() {
        let column = |kind: &str| json!({ "name": "a", "type": kind });
        let cases = [
            (json!([]), "table_info is wrong"),
            (json!({}), "missing field `columns`"),
            (json!({ "columns": [] }), "no columns"),
            (
                json!({ "columns": [{ "name": "a" }] }),
                "missing field `type`",
            ),
            (
                json!({ "columns": [column("number")] }),
                "unknown type \"number\"; known are boolean",
            ),
            (
                json!({ "columns": [column("text"), { "name": "A", "type": "text" }] }),
                "\"A\" is there twice",
            ),
            (
                json!({ "columns": [column("text")], "key": ["b"] }),
                "its key \"b\" is no column",
            ),
            (
                json!({ "columns": [column("text")], "order": ["b"] }),
                "its order \"b\" is no column",
            ),
            (
                json!({ "columns": [column("text")], "row_number": "maybe" }),
                "unknown variant",
            ),
            (
                json!({ "columns": [column("text")], "pushdown": { "filters": { "=": "nearly" } } }),
                "unknown variant",
            ),
        ];
        for (told, wanted) in cases {
            let found = Known::read("t", told.clone(), &Pushdown::default())
                .map_or_else(|error| error.message().to_owned(), |_| "taken".to_owned());
            assert!(
                found.starts_with("t: the connector's table_info is wrong")
                    && found.contains(wanted),
                "{told}: {found}"
            );
        }
    }
}
