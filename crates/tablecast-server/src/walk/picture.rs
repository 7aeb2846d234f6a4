//! The picture of an array: as a page, as SVG, and as the numbers behind it.

use http::header::{self, HeaderValue};
use tablecast_connector::{Error, Result};

use super::is_json;
use crate::Site;
use crate::fetch::{Place, picture as fetch};
use crate::plan::picture::PicturePlan;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::picture::{Picture, Size, standalone, to_json};
use crate::response::{Reply, html};

/// A picture that stands alone loads nothing and runs nothing.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(super) async fn picture(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
) -> Result<Reply> {
    let place = Place::find(site, database, table).await?;
    let info = &place.info;
    if let Some(reason) = &info.unreadable {
        let message = format!("{} cannot be read: {reason}", info.name);
        return Err(Error::unreadable(message));
    }
    let plan = PicturePlan::make(&request.arguments, info)?;
    let reduction = fetch::read(site, request, &place, &plan).await?;
    let picture = Picture {
        info,
        plan: &plan,
        reduction: &reduction,
    };
    let mut reply = match request.format {
        _ if is_json(request) => Reply::json(&to_json(&place, &picture)),
        Format::Svg => {
            let width = if request.arguments.is_on("_narrow") {
                Size::Narrow
            } else {
                Size::Wide
            };
            let kind = HeaderValue::from_static("image/svg+xml");
            Reply::new(http::StatusCode::OK, kind, standalone(&picture, width))
                .with(header::CONTENT_SECURITY_POLICY, POLICY)
        }
        _ => html::picture(site, request, &place, &picture),
    };
    // Another time, more of the elements may be read.
    reply.once = reduction.is_sampled();
    Ok(reply)
}
