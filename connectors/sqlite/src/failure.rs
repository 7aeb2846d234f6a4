//! SQLite's errors as errors of the seam. Messages about a person's SQL are SQLite's own; those about the file name it.

use rusqlite::ErrorCode;
use tablecast_connector::{Error, ErrorKind, Limits};

/// What went wrong, as the seam says it. `file` is the name to show.
pub(crate) fn failure(error: rusqlite::Error, file: &str, limits: &Limits) -> Error {
    let (code, message) = match &error {
        rusqlite::Error::SqliteFailure(inner, message) => (
            inner.code,
            message.clone().unwrap_or_else(|| inner.to_string()),
        ),
        rusqlite::Error::SqlInputError {
            error: inner, msg, ..
        } => (inner.code, msg.clone()),
        rusqlite::Error::MultipleStatement => {
            return Error::invalid("You can only execute one statement at a time.");
        }
        rusqlite::Error::UserFunctionError(_) => {
            return Error::invalid(error.to_string());
        }
        rusqlite::Error::NulError(_) => {
            return Error::invalid("the query contains a null character");
        }
        _ => return Error::internal("SQLite could not be asked").caused_by(error),
    };
    match code {
        ErrorCode::OperationInterrupted => interrupted(limits),
        ErrorCode::AuthorizationForStatementDenied
        | ErrorCode::PermissionDenied
        | ErrorCode::ReadOnly => Error::forbidden(message),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Error::unavailable(format!("{file}: database is locked"))
                .hint("Another program writes to it; try again, or serve it with --nolock")
                .caused_by(error)
        }
        ErrorCode::TooBig => Error::too_large(message),
        ErrorCode::OutOfMemory => Error::too_large("SQLite ran out of memory"),
        ErrorCode::NotADatabase => {
            Error::unreadable(format!("{file} is not a SQLite database")).caused_by(error)
        }
        ErrorCode::CannotOpen => Error::unreadable(format!("{file}: {message}"))
            .hint("If its folder cannot be written to and it keeps a write-ahead log, serve it with --immutable")
            .caused_by(error),
        ErrorCode::DatabaseCorrupt
        | ErrorCode::SystemIoFailure
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::DiskFull
        | ErrorCode::NoLargeFileSupport => {
            Error::unreadable(format!("{file}: {message}")).caused_by(error)
        }
        ErrorCode::InternalMalfunction | ErrorCode::ApiMisuse => {
            Error::internal("SQLite failed").caused_by(error)
        }
        _ if message.starts_with("not authorized") => Error::forbidden(message),
        _ => Error::invalid(message),
    }
}

/// Why a statement was interrupted: its time was up, or nobody waits for it.
fn interrupted(limits: &Limits) -> Error {
    match limits.check() {
        Err(error) if error.kind() == ErrorKind::Cancelled => error,
        _ => Error::new(ErrorKind::TimedOut, "SQL query took too long"),
    }
}
