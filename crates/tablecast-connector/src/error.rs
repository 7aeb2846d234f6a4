//! The one error type of the seam: a kind that says what the caller does differently, a message that is safe to show
//! to anybody, and a cause for the log.
//!
//! There is no enum per connector: fine-grained types do not compose, and no caller acts on them.

use std::fmt;

/// The result of everything in the seam.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a caller does differently about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name (table, column, row) that does not exist. Look for another.
    NotFound,
    /// The request cannot be right: malformed SQL, a value of the wrong form. Change the request.
    InvalidRequest,
    /// The source cannot do this. The engine does it over `scan`, or the user is told so; never an empty answer.
    Unsupported,
    /// Not allowed: writing, attaching, reading files. Asking again does not help.
    Forbidden,
    /// The deadline passed. Ask for less, or with more time.
    TimedOut,
    /// The caller cancelled.
    Cancelled,
    /// The answer is larger than the limits allow. Ask for less.
    TooLarge,
    /// The container or a part of it is damaged, truncated or not what its name says.
    Unreadable,
    /// Locked, busy, out of places. Ask again later.
    Unavailable,
    /// A mistake of ours or of a connector's author.
    Internal,
}

/// An error with a message that names what is wrong.
///
/// The message is safe to show to anybody: no paths outside what is served, no secrets. What only the log may
/// see goes into [`Error::caused_by`].
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind` whose `message` names the thing that is wrong.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            cause: None,
        }))
    }

    /// Adds a sentence that says what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the cause for the log. It is not shown to users.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Puts `context` and a colon before the message, for example a table's name.
    #[must_use]
    pub fn within(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// What the caller does differently.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The message to show, without the hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What would be right, where that is known.
    pub fn suggestion(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Error {
            $($(#[$doc])* pub fn $name(message: impl Into<String>) -> Self {
                Self::new(ErrorKind::$kind, message)
            })*
        }
    };
}

constructors! {
    /// See [`ErrorKind::NotFound`].
    not_found => NotFound;
    /// See [`ErrorKind::InvalidRequest`].
    invalid => InvalidRequest;
    /// See [`ErrorKind::Unsupported`].
    unsupported => Unsupported;
    /// See [`ErrorKind::Forbidden`].
    forbidden => Forbidden;
    /// See [`ErrorKind::TooLarge`].
    too_large => TooLarge;
    /// See [`ErrorKind::Unreadable`].
    unreadable => Unreadable;
    /// See [`ErrorKind::Unavailable`].
    unavailable => Unavailable;
    /// See [`ErrorKind::Internal`].
    internal => Internal;
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

/// Of `known`, the name a person probably meant by `given`: the nearest within two edits.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|name| (edit_distance(given, name), name))
        .filter(|(distance, name)| *distance <= 2 && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein's distance in characters, without regard to ASCII case.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (j, to) in b.iter().enumerate() {
            let above = row.get(j + 1).copied().unwrap_or(usize::MAX);
            let best = (diagonal + usize::from(from != *to))
                .min(left + 1)
                .min(above + 1);
            diagonal = above;
            if let Some(slot) = row.get_mut(j) {
                *slot = left;
            }
            left = best;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed_and_a_far_one_is_not() {
        let known = ["sort", "sort_desc", "label_column", "facets"];
        assert_eq!(did_you_mean("label_colum", known), Some("label_column"));
        assert_eq!(did_you_mean("Facet", known), Some("facets"));
        assert_eq!(did_you_mean("colour", known), None);
        assert_eq!(edit_distance("kitten", "sitting"), 3);
    }

    #[test]
    fn an_error_shows_its_message_and_keeps_its_cause_for_the_log() {
        let error = Error::unreadable("chunk 3")
            .within("table `x`")
            .caused_by("checksum");
        assert_eq!(error.to_string(), "table `x`: chunk 3");
        assert_eq!(
            std::error::Error::source(&error)
                .map(ToString::to_string)
                .as_deref(),
            Some("checksum")
        );
    }
}
