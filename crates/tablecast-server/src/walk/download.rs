//! A container's file, as it lies on the disk: given away only if nobody changes it while it is read.

use std::fs::File;

use http::{HeaderValue, StatusCode, header};
use tablecast_connector::{Error, Result};

use crate::Site;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::response::{Reply, TEXT, file, file_name};

/// The file of a database, under its name and the file's own extension.
pub(super) async fn container(
    site: &Site,
    request: &Request,
    name: &str,
    extension: &str,
) -> Result<Reply> {
    let published = site.database(name)?;
    site.require(Action::ViewDatabaseDownload, Subject::Database(name))?;
    let details = published.database.details();
    if details.is_memory {
        return Err(Error::not_found("Cannot download in-memory databases"));
    }
    let Some(own) = published
        .database
        .file()
        .filter(|own| own.extension == extension)
    else {
        return Err(super::no_such_format());
    };
    if details.is_mutable {
        return Err(Error::forbidden("Database download is forbidden")
            .hint("Only files served with --immutable are given away"));
    }
    if !site.configuration.settings.is_on("allow_download") {
        return Err(Error::forbidden("Database download is forbidden")
            .hint("The setting allow_download is off"));
    }
    let tag = details.hash.map(|hash| format!("\"{hash}\""));
    if let Some(tag) = &tag
        && request.has_tag(tag)
    {
        return Ok(Reply::new(StatusCode::NOT_MODIFIED, TEXT, ""));
    }
    let path = own.path.clone();
    let unreadable = |cause| Error::unreadable("The file can no longer be read").caused_by(cause);
    let opened = tokio::task::spawn_blocking(move || File::open(path)).await;
    let opened = opened.map_err(|_| Error::internal("Opening a file panicked"))?;
    let opened = opened.map_err(unreadable)?;
    let length = file::length(&opened)?;
    let saved = own.path.file_name().map_or_else(
        || format!("{name}.{extension}"),
        |name| name.to_string_lossy().into_owned(),
    );
    let content_type = HeaderValue::from_static("application/octet-stream");
    let reply = file::reply(content_type, opened, length).with(
        header::CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{}\"", file_name(&saved)),
    );
    Ok(match tag {
        Some(tag) => reply.with(header::ETAG, &tag),
        None => reply,
    })
}
