//! Labels: what stands for a value where a column refers to another table, asked for once for all values of a page.

use std::collections::{BTreeMap, HashMap};

use futures::future::join_all;
use serde_json::Value as Json;
use tablecast_connector::{Answer, Ask, Filter, ForeignKey, Limits, Operator, Result, Value, Want};

use super::facets::value_json;
use super::page::Page;
use crate::permission::{Action, Subject};
use crate::plan::labels::label_column;
use crate::plan::paging;
use crate::{Published, Site};

/// The labels of one column's values, and the table they refer to (none for enumerated types).
#[derive(Clone, Debug, Default)]
pub(crate) struct Labels {
    pub(crate) table: Option<(String, String)>,
    by_value: HashMap<String, String>,
}

impl Labels {
    pub(crate) fn of(&self, value: &Value) -> Option<&str> {
        self.by_value.get(&paging::text(value)).map(String::as_str)
    }
}

/// The single-column references of a table to others.
pub(crate) async fn references(
    published: &Published,
    table: &str,
) -> Result<Vec<(String, String, String)>> {
    let keys = published.database.foreign_keys(table).await?;
    Ok(keys.into_iter().filter_map(single).collect())
}

fn single(key: ForeignKey) -> Option<(String, String, String)> {
    let mut pairs = key.columns.into_iter().zip(key.other_columns);
    let (column, other) = pairs.next()?;
    pairs
        .next()
        .is_none()
        .then_some((column, key.other_table, other))
}

/// The labels of the values that `page` shows in the columns `wanted`.
pub(crate) async fn of_page(
    site: &Site,
    published: &Published,
    table: &tablecast_connector::TableInfo,
    page: &Page,
    wanted: impl Fn(&str) -> bool,
    limits: &Limits,
) -> Result<BTreeMap<String, Labels>> {
    let mut all = BTreeMap::new();
    for column in table
        .columns
        .iter()
        .filter(|column| !column.labels.is_empty() && wanted(&column.name))
    {
        let by_value = column
            .labels
            .iter()
            .map(|(value, label)| (paging::text(value), label.clone()))
            .collect();
        all.insert(
            column.name.clone(),
            Labels {
                table: None,
                by_value,
            },
        );
    }
    if !page.columns.iter().any(|column| wanted(column)) {
        return Ok(all);
    }
    let references = references(published, &table.name).await?;
    let shown = |column: &str| page.columns.iter().position(|known| known == column);
    let asks = references
        .into_iter()
        .filter(|(column, ..)| wanted(column))
        .filter_map(|(column, other, key)| {
            let place = shown(&column)?;
            Some(async move {
                let values = distinct(page, place)?;
                let labels = of_values(site, published, &other, &key, &values, limits).await?;
                Ok((column, labels))
            })
        });
    for labelled in join_all(asks).await {
        let (column, labels) = labelled?;
        all.insert(column, labels);
    }
    Ok(all)
}

fn distinct(page: &Page, place: usize) -> Result<Vec<Value>> {
    let mut values = BTreeMap::new();
    page.each_row(|row| {
        let value = row.cell(place).to_value();
        if value != Value::Null {
            values.insert(paging::text(&value), value);
        }
    })?;
    Ok(values.into_values().collect())
}

/// The labels of `values` of the column `key` of the table `other`.
pub(crate) async fn of_values(
    site: &Site,
    published: &Published,
    other: &str,
    key: &str,
    values: &[Value],
    limits: &Limits,
) -> Result<Labels> {
    let mut labels = Labels {
        table: Some((other.to_owned(), key.to_owned())),
        by_value: HashMap::new(),
    };
    // A label is a cell of the other table.
    if !site.allows(Action::ViewTable, Subject::Table(&published.name, other)) {
        return Ok(labels);
    }
    // A reference to a table that is not there has no labels.
    let Ok(info) = published.database.table_info(other).await else {
        return Ok(labels);
    };
    let options = site.configuration.table(&published.name, other);
    if values.is_empty() {
        return Ok(labels);
    }
    // A row without a label column is shown by its key.
    let label = label_column(&info, &options).unwrap_or_else(|| key.to_owned());
    let list = Json::Array(values.iter().map(value_json).collect());
    let ask = Ask {
        table: other.to_owned(),
        filters: vec![Filter::Condition {
            column: key.to_owned(),
            operator: Operator::In,
            value: list.to_string(),
        }],
        wants: vec![
            Want::Rows {
                columns: vec![key.to_owned(), label],
                sort: None,
                position: None,
                limit: None,
            }
            .into(),
        ],
    };
    for answer in published.database.ask(&ask, limits).await {
        if let Answer::Rows(rows) = answer? {
            Page::gather(rows, u64::MAX).await?.each_row(|row| {
                let (key, label) = (row.cell(0).to_value(), row.cell(1).to_value());
                if label != Value::Null {
                    labels
                        .by_value
                        .insert(paging::text(&key), paging::text(&label));
                }
            })?;
        }
    }
    Ok(labels)
}
