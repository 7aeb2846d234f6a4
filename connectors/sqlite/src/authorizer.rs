//! What SQL may do on our connections: read. Everything that is not listed here is refused when it is prepared.
//!
//! The hook is SQLite's own, not rusqlite's, which panics where a damaged file gives names that are not UTF-8.

use std::ffi::{CStr, c_char, c_int, c_void};

use rusqlite::{Connection, ffi};
use tablecast_sql::ALLOWED_PRAGMA_FUNCTIONS;

/// Functions that reach outside the database or into SQLite itself, were an extension or the library to have them.
const REFUSED_FUNCTIONS: &[&str] = &[
    "edit",
    "fileio_read",
    "fts3_tokenizer",
    "load_extension",
    "lsmode",
    "readfile",
    "writefile",
    "zipfile",
];

/// Pragmas that SQLite's own modules, our reading of the schema and configured queries use.
const OWN_PRAGMAS: &[&str] = &["cache_size", "data_version", "encoding", "journal_mode"];

/// Pragmas that would set something if they were given a value.
const SETTABLE_PRAGMAS: &[&str] = &[
    "cache_size",
    "encoding",
    "journal_mode",
    "max_page_count",
    "page_size",
    "schema_version",
];

/// Lets the connection prepare only what is allowed, from now on.
#[expect(unsafe_code, reason = "SQLite calls a C function")]
pub(crate) fn restrict_to_reading(connection: &Connection) -> rusqlite::Result<()> {
    // SAFETY: the handle is valid while `connection` is; the hook is a function of this program without state.
    let code = unsafe {
        ffi::sqlite3_set_authorizer(connection.handle(), Some(hook), std::ptr::null_mut())
    };
    if code == ffi::SQLITE_OK {
        Ok(())
    } else {
        Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }
}

#[expect(unsafe_code, reason = "SQLite gives C strings")]
unsafe extern "C" fn hook(
    _: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _: *const c_char,
    _: *const c_char,
) -> c_int {
    // SAFETY: SQLite gives null or a C string that lives as long as the call.
    let text = |argument: *const c_char| unsafe {
        (!argument.is_null()).then(|| CStr::from_ptr(argument).to_bytes())
    };
    if is_allowed(action, text(first), text(second)) {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_DENY
    }
}

/// The decision about one action of a statement. What the arguments mean depends on the action.
fn is_allowed(action: c_int, first: Option<&[u8]>, second: Option<&[u8]>) -> bool {
    match action {
        ffi::SQLITE_SELECT | ffi::SQLITE_READ | ffi::SQLITE_RECURSIVE => true,
        ffi::SQLITE_FUNCTION => !is_one_of(second.unwrap_or_default(), REFUSED_FUNCTIONS),
        ffi::SQLITE_PRAGMA => pragma_is_allowed(first.unwrap_or_default(), second),
        _ => false,
    }
}

fn pragma_is_allowed(name: &[u8], value: Option<&[u8]>) -> bool {
    (is_one_of(name, ALLOWED_PRAGMA_FUNCTIONS) || is_one_of(name, OWN_PRAGMAS))
        && (value.is_none() || !is_one_of(name, SETTABLE_PRAGMAS))
}

fn is_one_of(name: &[u8], known: &[&str]) -> bool {
    known
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}
