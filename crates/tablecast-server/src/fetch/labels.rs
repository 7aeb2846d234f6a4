//! Labels: what stands for a value where a column refers to another table, asked for once for all values of a page.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value as Json;
use tablecast_connector::{
    Answer, Ask, Column, Database, Filter, ForeignKey, Limits, Operator, Result, TableInfo, Value,
    Want,
};

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
    /// `None` for values that are known to have none.
    by_value: HashMap<String, Option<String>>,
}

impl Labels {
    pub(crate) fn of(&self, value: &Value) -> Option<&str> {
        self.by_value.get(&paging::text(value))?.as_deref()
    }

    /// How many values are known.
    pub(crate) fn len(&self) -> usize {
        self.by_value.len()
    }

    /// Whether it is known which label a value has, or that it has none.
    pub(crate) fn knows(&self, value: &Value) -> bool {
        self.by_value.contains_key(&paging::text(value))
    }

    /// Adds what was found for `values`.
    pub(crate) fn learn(&mut self, values: &[Value], found: Self) {
        for value in values {
            self.by_value.insert(paging::text(value), None);
        }
        self.by_value.extend(found.by_value);
    }
}

/// Where the labels of a column's values are found.
pub(crate) struct Lookup {
    database: Arc<dyn Database>,
    table: String,
    key: String,
    label: String,
}

impl Lookup {
    /// For references to the column `key` of the table `other`; `None` if there is no such table, or if it is not for all to see.
    async fn find(site: &Site, published: &Published, other: &str, key: &str) -> Option<Self> {
        // A label is a cell of the other table.
        if !site.allows(Action::ViewTable, Subject::Table(&published.name, other)) {
            return None;
        }
        let info = published.database.table_info(other).await.ok()?;
        let options = site.configuration.table(&published.name, other);
        Some(Self {
            database: Arc::clone(&published.database),
            table: other.to_owned(),
            key: key.to_owned(),
            // A row without a label column is shown by its key.
            label: label_column(&info, &options).unwrap_or_else(|| key.to_owned()),
        })
    }

    /// The labels of `values`.
    pub(crate) async fn labels(&self, values: &[Value], limits: &Limits) -> Result<Labels> {
        let mut labels = Labels {
            table: Some((self.table.clone(), self.key.clone())),
            by_value: HashMap::new(),
        };
        if values.is_empty() {
            return Ok(labels);
        }
        let list = Json::Array(values.iter().map(value_json).collect());
        let ask = Ask {
            table: self.table.clone(),
            filters: vec![Filter::Condition {
                column: self.key.clone(),
                operator: Operator::In,
                value: list.to_string(),
            }],
            wants: vec![
                Want::Rows {
                    columns: vec![self.key.clone(), self.label.clone()],
                    sort: None,
                    position: None,
                    limit: None,
                }
                .into(),
            ],
        };
        for answer in self.database.ask(&ask, limits).await {
            if let Answer::Rows(rows) = answer? {
                Page::gather(rows, u64::MAX).await?.each_row(|row| {
                    let (key, label) = (row.cell(0).to_value(), row.cell(1).to_value());
                    if label != Value::Null {
                        labels
                            .by_value
                            .insert(paging::text(&key), Some(paging::text(&label)));
                    }
                })?;
            }
        }
        Ok(labels)
    }
}

/// Where the labels of the columns `wanted` of a table are found, by column; and those that are known from the start.
pub(crate) async fn lookups(
    site: &Site,
    published: &Published,
    table: &TableInfo,
    wanted: impl Fn(&str) -> bool,
) -> Result<(BTreeMap<String, Lookup>, BTreeMap<String, Labels>)> {
    let fixed = enumerated(table, &wanted);
    let mut found = BTreeMap::new();
    for (column, other, key) in references(published, &table.name).await? {
        if wanted(&column)
            && let Some(lookup) = Lookup::find(site, published, &other, &key).await
        {
            found.insert(column, lookup);
        }
    }
    Ok((found, fixed))
}

/// The labels of enumerated types.
pub(super) fn enumerated(
    table: &TableInfo,
    wanted: impl Fn(&str) -> bool,
) -> BTreeMap<String, Labels> {
    let columns = table.columns.iter();
    let labelled = columns.filter(|column| !column.labels.is_empty() && wanted(&column.name));
    let labels_of = |column: &Column| {
        let labels = column.labels.iter();
        let by_value = labels.map(|(value, label)| (paging::text(value), Some(label.clone())));
        Labels {
            table: None,
            by_value: by_value.collect(),
        }
    };
    labelled
        .map(|column| (column.name.clone(), labels_of(column)))
        .collect()
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
    table: &TableInfo,
    page: &Page,
    wanted: impl Fn(&str) -> bool,
    limits: &Limits,
) -> Result<BTreeMap<String, Labels>> {
    let mut all = enumerated(table, &wanted);
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
    // A reference to a table that is not there has no labels.
    match Lookup::find(site, published, other, key).await {
        Some(lookup) => lookup.labels(values, limits).await,
        None => Ok(Labels {
            table: Some((other.to_owned(), key.to_owned())),
            ..Labels::default()
        }),
    }
}
