//! Paths: what of the site a path means, and in which format.

use super::routes;
use crate::names::{path_decode, tilde_decode, tilde_encode};

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Home,
    /// `/-/name`: what is known of the site itself.
    Introspection(String),
    /// `/-/static/name`.
    Static(String),
    Database(String),
    /// `/database/-/query`.
    Query(String),
    /// `/database/-/name`.
    DatabasePage {
        database: String,
        page: String,
    },
    Table {
        database: String,
        table: String,
    },
    /// `/database/table/-/name`.
    TablePage {
        database: String,
        table: String,
        page: String,
    },
    Row {
        database: String,
        table: String,
        key: String,
    },
    /// `/database.db`: the file itself.
    File {
        database: String,
        extension: String,
    },
    Nothing,
}

/// The format of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Html,
    /// A page, whose errors the client wants as JSON.
    JsonError,
    Json,
    Csv,
    /// An object on each line.
    Ndjson,
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
    Xlsx,
    Blob,
    /// The text of a schema.
    Markdown,
    /// A picture.
    Svg,
    /// A format that is not known.
    Unknown,
}

impl Target {
    /// The database and the table that it is about, as they are written in the address.
    pub(crate) fn subject(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Database(database)
            | Self::Query(database)
            | Self::DatabasePage { database, .. } => (Some(database), None),
            Self::Table { database, table }
            | Self::TablePage {
                database, table, ..
            }
            | Self::Row {
                database, table, ..
            } => (Some(database), Some(table)),
            Self::Home
            | Self::Introspection(_)
            | Self::Static(_)
            | Self::File { .. }
            | Self::Nothing => (None, None),
        }
    }

    /// Whether it has rows that can be had in other formats at the same address.
    pub(crate) fn has_rows(&self) -> bool {
        matches!(self, Self::Query(_) | Self::Table { .. } | Self::Row { .. })
    }
}

impl Format {
    /// How a path in this format ends.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Json => ".json",
            Self::Csv => ".csv",
            Self::Ndjson => ".ndjson",
            Self::Parquet => ".parquet",
            Self::Arrow => ".arrow",
            Self::Xlsx => ".xlsx",
            Self::Blob => ".blob",
            Self::Markdown => ".md",
            Self::Svg => ".svg",
            Self::Html | Self::JsonError | Self::Unknown => "",
        }
    }

    /// Whether it is a format of files that hold rows.
    pub(crate) fn is_export(self) -> bool {
        matches!(
            self,
            Self::Csv | Self::Ndjson | Self::Parquet | Self::Arrow | Self::Xlsx
        )
    }
}

/// The path to go to instead, if `path` is not the one that the site uses: no slash at the end or doubled at the start,
/// names tilde-encoded.
pub(crate) fn canonical(path: &str) -> Option<String> {
    if path.starts_with("/-/static/") {
        return None;
    }
    if path.starts_with("//") || path.starts_with("/\\") {
        return Some(format!("/{}", path.trim_start_matches(['/', '\\'])));
    }
    if path.len() > 1 && path.ends_with('/') && path != "/-/" {
        return Some(path.trim_end_matches('/').to_owned());
    }
    if !path.contains('%') {
        return None;
    }
    let encoded = path.split('/').map(|part| {
        let (name, format) = split_format(part);
        encode_part(name, format)
    });
    // Behind a database's name alone stands a format or the ending of its file.
    let file = path
        .strip_prefix('/')
        .and_then(|part| part.rsplit_once('.'));
    match file {
        Some((name, ending)) if !ending.contains(['/', '%']) && !name.contains('/') => {
            Some(format!("/{}.{ending}", encode_part(name, "")))
        }
        _ => Some(encoded.collect::<Vec<String>>().join("/")),
    }
}

/// A part with percent signs in tilde encoding. Its format and the commas between key parts stay.
fn encode_part(name: &str, format: &str) -> String {
    if !name.contains('%') {
        return format!("{name}{format}");
    }
    let keys: Vec<String> = name
        .split(',')
        .map(|key| tilde_encode(&path_decode(key)))
        .collect();
    format!("{}{format}", keys.join(","))
}

/// A part's name and its format with the dot, if it has one of the known formats.
fn split_format(part: &str) -> (&str, &str) {
    match part.rfind('.') {
        Some(dot) if format_named(part.get(dot + 1..).unwrap_or_default()) != Format::Unknown => {
            part.split_at(dot)
        }
        _ => (part, ""),
    }
}

fn format_named(name: &str) -> Format {
    match name {
        "json" => Format::Json,
        "csv" => Format::Csv,
        "ndjson" => Format::Ndjson,
        "parquet" => Format::Parquet,
        "arrow" => Format::Arrow,
        "xlsx" => Format::Xlsx,
        "blob" => Format::Blob,
        "md" => Format::Markdown,
        "svg" => Format::Svg,
        _ => Format::Unknown,
    }
}

/// What `path` means, and its format.
pub(crate) fn parse(path: &str) -> (Target, Format) {
    if let Some(name) = path.strip_prefix("/-/static/") {
        return (Target::Static(name.to_owned()), Format::Html);
    }
    if path == "/favicon.ico" {
        return (Target::Static("icon.svg".to_owned()), Format::Html);
    }
    let (path, extension) = match path.rsplit_once('.') {
        Some((path, extension)) if !extension.contains('/') => (path, Some(extension)),
        _ => (path, None),
    };
    let format = extension.map_or(Format::Html, format_named);
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    if let ([database], Some(extension), Format::Unknown) = (parts.as_slice(), extension, format)
        && !database.is_empty()
    {
        let target = Target::File {
            database: tilde_decode(database),
            extension: extension.to_owned(),
        };
        return (target, Format::Html);
    }
    (routes::find(&parts), format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_one_thing() {
        let table = |table: &str| Target::Table {
            database: "d".to_owned(),
            table: table.to_owned(),
        };
        assert_eq!(parse("/"), (Target::Home, Format::Html));
        assert_eq!(parse("/.json"), (Target::Home, Format::Json));
        assert_eq!(parse("/d/t.csv"), (table("t"), Format::Csv));
        assert_eq!(parse("/d/t.parquet"), (table("t"), Format::Parquet));
        assert_eq!(parse("/d/t~2Eparquet"), (table("t.parquet"), Format::Html));
        let file = Target::File {
            database: "d".to_owned(),
            extension: "db".to_owned(),
        };
        assert_eq!(parse("/d.db"), (file, Format::Html));
        assert_eq!(parse("/d/t~2Ecsv.json"), (table("t.csv"), Format::Json));
        assert_eq!(parse("/d/a~2Fb"), (table("a/b"), Format::Html));
        assert_eq!(parse("/d/-.json"), (table("-"), Format::Json));
        assert_eq!(parse("/d/~2D/1").0, parse("/d/~2D/1.json").0);
        assert_eq!(
            parse("/d/-/query.json"),
            (Target::Query("d".to_owned()), Format::Json)
        );
        assert_eq!(parse("/a/b/c/d").0, Target::Nothing);
        assert_eq!(parse("/-/").0, Target::Home);
        assert_eq!(
            parse("/-/settings.json"),
            (Target::Introspection("settings".to_owned()), Format::Json)
        );
        let page = |page: &str| Target::TablePage {
            database: "d".to_owned(),
            table: "t".to_owned(),
            page: page.to_owned(),
        };
        assert_eq!(
            parse("/d/t/-/schema.md"),
            (page("schema"), Format::Markdown)
        );
        assert_eq!(parse("/d/t/-/nope").0, page("nope"));
        let row = Target::Row {
            database: "d".to_owned(),
            table: "t".to_owned(),
            key: "-".to_owned(),
        };
        assert_eq!(parse("/d/t/-").0, row);
    }

    #[test]
    fn other_spellings_redirect() {
        assert_eq!(
            canonical("//evil.example/"),
            Some("/evil.example/".to_owned())
        );
        assert_eq!(canonical("/d/"), Some("/d".to_owned()));
        assert_eq!(
            canonical("/d/table%2Fname.json"),
            Some("/d/table~2Fname.json".to_owned())
        );
        assert_eq!(
            canonical("/d/%group1%t.json"),
            Some("/d/~25group1~25t.json".to_owned())
        );
        assert_eq!(
            canonical("/my%20own.file.db"),
            Some("/my+own~2Efile.db".to_owned())
        );
        // No address is sent on to itself.
        for path in ["/a.%64b", "/%2e", "/a%", "/%.d%b", "/x/a.%64b"] {
            let to = canonical(path).expect("another address");
            assert!(!to.contains('%'), "{path}: {to}");
        }
        assert_eq!(canonical("/d/t"), None);
    }
}
