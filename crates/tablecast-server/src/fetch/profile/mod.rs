//! The profile of a column: one pass over its cells as they come from the source, whatever its kind.
//!
//! Nothing but the pass is asked of a source. It runs where long results do, beside the rows of pages, and a pass that
//! takes too long becomes a sample, which says that it is one.

mod bins;
mod calendar;
mod tally;

use std::time::Duration;

use tablecast_connector::{Answer, Ask, Error, ErrorKind, Limits, Result, Want};
use tokio::sync::Semaphore;

pub(crate) use tally::{Histogram, Kind, Profile};

use super::{Place, time_limit_ms, trace, waiting};
use crate::Site;
use crate::plan::table::TablePlan;
use crate::request::Request;
use tally::Tally;

/// Profiles that are made at a time, so that places for long results are left to others.
static PLACES: Semaphore = Semaphore::const_new(4);

/// Reads `column` under the filters of `plan`. As a facet, it may take three times as long as SQL; if it takes longer, what
/// was read until then is told of. `TimedOut` if that is nothing.
pub(crate) async fn read(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    column: &str,
) -> Result<Profile> {
    let time_ms = time_limit_ms(request, &site.configuration.settings)?.saturating_mul(3);
    let time = Duration::from_millis(time_ms);
    let _place = tokio::time::timeout(time, PLACES.acquire())
        .await
        .map_err(|_| Error::unavailable("Other columns are being profiled; try again later"))?;
    // The time begins behind the wait, for one that comes late is not to end as a smaller sample.
    let limits = waiting(request).within(time);
    let mut tally = Tally::default();
    let is_whole = match pass(place, plan, column, &limits, &mut tally).await {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::TimedOut && tally.rows > 0 => false,
        Err(error) => return Err(error),
    };
    let is_key = plan.keys == [column];
    let is_unique = is_key || place.info.column(column).is_some_and(|known| known.unique);
    Ok(tally.profile(is_unique, (!is_whole).then_some(time_ms)))
}

async fn pass(
    place: &Place<'_>,
    plan: &TablePlan,
    column: &str,
    limits: &Limits,
    tally: &mut Tally,
) -> Result<()> {
    let want = Want::Rows {
        columns: vec![column.to_owned()],
        sort: None,
        position: None,
        limit: None,
    };
    let ask = Ask {
        table: plan.query.table.clone(),
        filters: plan.query.filters.clone(),
        wants: vec![want.into()],
    };
    let mut rows = match trace::ask(place.published, &ask, limits).await.pop() {
        Some(Ok(Answer::Rows(rows))) => rows,
        Some(Err(error)) => return Err(error),
        _ => return Err(Error::internal("The source did not answer with rows")),
    };
    while let Some(batch) = rows.batches.next().await {
        let batch = batch?;
        let columns = batch.columns()?;
        let Some(cells) = columns.first() else {
            return Err(Error::internal("The source gave rows without the column"));
        };
        (0..batch.rows()).for_each(|row| tally.add(&cells.cell(row)));
        drop(columns);
        // Other requests have their turn between batches.
        tokio::task::yield_now().await;
    }
    Ok(())
}
