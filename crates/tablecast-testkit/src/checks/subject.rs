//! What is checked: a source, what it should hold, and the words in which differences are told.

use std::sync::Arc;

use futures::executor::block_on;
use tablecast_connector::{
    Column, Database, Error, OPERATORS, Operator, ScanRequest, Source, TableInfo, Value,
};

use super::Outcome;
use crate::dataset::Table;
use crate::plain::{Values, compare_rows};
use crate::read_all;

/// A source and what it should hold. NaN in the tables is null here.
pub(crate) struct Subject {
    pub(super) source: Arc<dyn Source>,
    pub(super) database: Option<Arc<dyn Database>>,
    pub(super) tables: Vec<Table>,
}

impl Subject {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        database: Option<Arc<dyn Database>>,
        tables: &[Table],
    ) -> Self {
        let mut tables = tables.to_vec();
        for value in tables
            .iter_mut()
            .flat_map(|table| &mut table.rows)
            .flatten()
        {
            if matches!(value, Value::Real(real) if real.is_nan()) {
                *value = Value::Null;
            }
        }
        Self {
            source,
            database,
            tables,
        }
    }

    pub(super) fn info(&self, table: &Table) -> Result<Arc<TableInfo>, String> {
        block_on(self.source.table_info(&table.name)).map_err(told)
    }

    pub(super) fn read(&self, request: &ScanRequest) -> Result<Values, String> {
        read_all(self.source.as_ref(), request).map_err(told)
    }

    pub(super) fn database(&self) -> Result<&dyn Database, String> {
        self.database
            .as_deref()
            .ok_or_else(|| "there is no database to ask".to_owned())
    }
}

/// A request for all columns and rows.
pub(super) fn everything(table: &Table) -> ScanRequest {
    ScanRequest {
        table: table.name.clone(),
        columns: table
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        filters: Vec::new(),
        sort: Vec::new(),
        limit: None,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
pub(super) fn told(error: Error) -> String {
    format!("{:?}: {error}", error.kind())
}

/// Whether the rows are the same whatever their order.
pub(super) fn same_rows(context: &str, found: &Values, expected: &Values) -> Outcome {
    let (mut found, mut expected) = (found.clone(), expected.clone());
    for rows in [&mut found, &mut expected] {
        rows.sort_by(|a, b| compare_rows(a, b));
    }
    if found == expected {
        Ok(())
    } else {
        Err(difference(context, &found, &expected))
    }
}

pub(super) fn difference(context: &str, found: &Values, expected: &Values) -> String {
    let first = found.iter().zip(expected).find(|(a, b)| a != b);
    let lines = first.map_or_else(String::new, |(a, b)| {
        format!("; first {a:?} where {b:?} belongs")
    });
    format!(
        "{context}: {} rows where {} belong{lines}",
        found.len(),
        expected.len()
    )
}

/// What is typed into a filter of each operator, chosen to hit and to miss, and to be of the wrong class.
const TYPED: &[&str] = &[
    "3",
    "-4",
    "9007199254740993",
    "9223372036854775807",
    "10.25",
    "fir 10%",
    "a_b",
    "É",
    "b",
    "",
    "B*",
];

/// Every operator on every column with every value typed, as (column, operator, typed).
pub(super) fn conditions(columns: &[Column]) -> Vec<(&Column, Operator, &'static str)> {
    let mut conditions = Vec::new();
    for column in columns {
        for (_, operator) in OPERATORS {
            let typed: &[&str] = match operator {
                Operator::In | Operator::NotIn => {
                    &["3, elm", "[3, \"elm\", 9007199254740993]", "[null, 3]"]
                }
                Operator::ArrayContains | Operator::ArrayNotContains | Operator::Date => continue,
                _ if operator.takes_value() => TYPED,
                _ => &[""],
            };
            conditions.extend(typed.iter().map(|typed| (column, *operator, *typed)));
        }
    }
    conditions
}
