//! What SQL may do on our connections: read. Everything that is not listed here is refused when it is prepared.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
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

/// Pragmas that SQLite's own modules and our reading of the schema use.
const OWN_PRAGMAS: &[&str] = &["data_version", "encoding", "journal_mode"];

/// Pragmas that would set something if they were given a value.
const SETTABLE_PRAGMAS: &[&str] = &[
    "encoding",
    "journal_mode",
    "max_page_count",
    "page_size",
    "schema_version",
];

/// The decision about one action of a statement.
pub(crate) fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Recursive => true,
        AuthAction::Function { function_name } => !REFUSED_FUNCTIONS
            .iter()
            .any(|refused| function_name.eq_ignore_ascii_case(refused)),
        AuthAction::Pragma {
            pragma_name,
            pragma_value,
        } => pragma_is_allowed(pragma_name, pragma_value),
        _ => false,
    };
    if allowed {
        Authorization::Allow
    } else {
        Authorization::Deny
    }
}

fn pragma_is_allowed(name: &str, value: Option<&str>) -> bool {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    (ALLOWED_PRAGMA_FUNCTIONS.iter().any(&is) || OWN_PRAGMAS.iter().any(&is))
        && (value.is_none() || !SETTABLE_PRAGMAS.iter().any(is))
}
