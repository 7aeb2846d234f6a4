//! The page of a row, in each format.

use std::time::Instant;

use tablecast_connector::{Error, Result};

use super::export;
use crate::Site;
use crate::fetch::{Place, labels, limits, row};
use crate::plan::table::row_filters;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::json::Writing;
use crate::response::row::RowData;
use crate::response::{self, Reply, blob, html};

pub(super) async fn one_row(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
    key: &str,
) -> Result<Reply> {
    let started = Instant::now();
    let place = Place::find(site, database, table).await?;
    let keys = place.keys();
    if keys.is_empty() {
        return Err(Error::not_found(format!(
            "{table} has no row pages: its rows have no identity"
        )));
    }
    let Some((filters, values)) = row_filters(&keys, key) else {
        return Err(Error::invalid(
            "URL row identifier does not match the primary key for this table",
        ));
    };
    let mut columns: Vec<String> = place
        .info
        .columns
        .iter()
        .map(|column| column.name.clone())
        .collect();
    if keys == [tablecast_connector::ROWID] {
        columns.insert(0, tablecast_connector::ROWID.to_owned());
    }
    let page = row::fetch(site, request, &place, columns, filters, &values).await?;
    let options = site.configuration.table(database, &place.info.name);
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    let data = RowData {
        page,
        key: values,
        keys,
        options,
        milliseconds,
    };
    match request.format {
        Format::Json => {
            response::row::to_json(
                site,
                request,
                &place,
                &data,
                &Writing::parse(&request.arguments)?,
            )
            .await
        }
        format if format.is_export() => {
            export::row(site, request, &place, data.page, &data.keys).await
        }
        Format::Blob => {
            let key = crate::plan::paging::row_path(&data.key);
            blob::reply(request, &data.page, &format!("{table}-{key}"))
        }
        _ => {
            let limits = limits(request, &site.configuration.settings)?;
            let labels = labels::of_page(
                site,
                place.published,
                &place.info,
                &data.page,
                |_| true,
                &limits,
            )
            .await?;
            html::row(site, request, &place, &data, &labels).await
        }
    }
}
