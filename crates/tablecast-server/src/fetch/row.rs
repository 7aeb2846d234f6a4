//! One row, and how many rows of other tables refer to it.

use futures::future::join_all;
use tablecast_connector::{Answer, Ask, Error, Filter, Operator, Result, Value, Want};

use super::page::Page;
use super::{Place, limits, trace};
use crate::Site;
use crate::permission::{Action, Subject};
use crate::plan::paging;
use crate::request::Request;

/// A column of another table that refers to a row, and how often.
#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) table: String,
    pub(crate) column: String,
    pub(crate) other_column: String,
    /// `None` if it took too long.
    pub(crate) count: Option<u64>,
    pub(crate) value: String,
}

/// The row that `filters` name. `NotFound` if there is none.
pub(crate) async fn fetch(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    columns: Vec<String>,
    filters: Vec<Filter>,
    key: &[Value],
) -> Result<Page> {
    let limits = limits(request, &site.configuration.settings)?;
    let wants = vec![
        Want::Rows {
            columns,
            sort: None,
            position: None,
            limit: Some(1),
        }
        .into(),
    ];
    let ask = Ask {
        table: place.info.name.clone(),
        filters,
        wants,
    };
    let mut answers = trace::ask(place.published, &ask, &limits).await;
    let Some(Answer::Rows(rows)) = answers.pop().transpose()? else {
        return Err(Error::internal("The source did not answer with rows"));
    };
    let page = Page::gather(rows, 1).await?;
    if page.rows == 0 {
        let key: Vec<String> = key
            .iter()
            .map(|part| format!("'{}'", paging::text(part)))
            .collect();
        return Err(Error::not_found(format!(
            "Record not found: [{}]",
            key.join(", ")
        )));
    }
    Ok(page)
}

/// Who refers to the row whose values `value_of` gives.
pub(crate) async fn references(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    value_of: impl Fn(&str) -> Option<Value>,
) -> Result<Vec<Reference>> {
    let database = &place.published.database;
    let mut found = Vec::new();
    if !database.capabilities().foreign_keys {
        return Ok(found);
    }
    for table in database.table_names().await? {
        if !site.allows(
            Action::ViewTable,
            Subject::Table(&place.published.name, &table),
        ) {
            continue;
        }
        for key in database.foreign_keys(&table).await? {
            let ([column], [other]) = (key.columns.as_slice(), key.other_columns.as_slice()) else {
                continue;
            };
            if key.other_table.eq_ignore_ascii_case(&place.info.name)
                && let Some(value) = value_of(other)
            {
                found.push(Reference {
                    table: table.clone(),
                    column: column.clone(),
                    other_column: other.clone(),
                    count: None,
                    value: paging::text(&value),
                });
            }
        }
    }
    found.sort_by(|a, b| (&a.table, &a.column).cmp(&(&b.table, &b.column)));
    let limits = limits(request, &site.configuration.settings)?;
    let counts = join_all(
        found
            .iter()
            .map(|reference| count(place, reference, &limits)),
    )
    .await;
    for (reference, count) in found.iter_mut().zip(counts) {
        reference.count = count;
    }
    Ok(found)
}

async fn count(
    place: &Place<'_>,
    reference: &Reference,
    limits: &tablecast_connector::Limits,
) -> Option<u64> {
    let filters = vec![Filter::Condition {
        column: reference.column.clone(),
        operator: Operator::Exact,
        value: reference.value.clone(),
    }];
    let wants = vec![Want::Count { at_most: None }.into()];
    let ask = Ask {
        table: reference.table.clone(),
        filters,
        wants,
    };
    match trace::ask(place.published, &ask, limits).await.pop() {
        Some(Ok(Answer::Count(count))) => Some(count.rows),
        _ => None,
    }
}
