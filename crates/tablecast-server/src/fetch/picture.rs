//! The reduction of an array that a picture is drawn from.

use std::time::Duration;

use tablecast_connector::{Error, Reduction, Result};
use tokio::sync::Semaphore;

use super::{Place, time_limit_ms, waiting};
use crate::Site;
use crate::plan::picture::PicturePlan;
use crate::request::Request;

/// Pictures that are read at a time: each takes one of the source's threads for as long as it is read.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Reads what `plan` shows, within the time that SQL may take. The source makes it a sample long before that.
pub(crate) async fn read(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &PicturePlan,
) -> Result<Reduction> {
    let time = Duration::from_millis(time_limit_ms(request, &site.configuration.settings)?);
    let _place = tokio::time::timeout(time.saturating_mul(3), PLACES.acquire())
        .await
        .map_err(|_| Error::unavailable("Other pictures are being drawn; try again later"))?;
    let limits = waiting(request).within(time);
    let database = &place.published.database;
    let reduction = database
        .array(&place.info.name, &plan.request, &limits)
        .await?;
    let bins = reduction
        .axes
        .iter()
        .map(tablecast_connector::Axis::bins)
        .product::<usize>();
    let values = [&reduction.means, &reduction.minima, &reduction.maxima];
    let is_whole = reduction.axes.len() == plan.array.dimensions.len()
        && values.iter().all(|values| values.len() == bins);
    if is_whole {
        Ok(reduction)
    } else {
        Err(Error::internal(
            "The source's reduction is not of the shape that it says",
        ))
    }
}
