//! Where the rows of a table come from: the part of a manifest's table that is about a web API or a command.

use std::path::Path;

use http::header::{HeaderName, HeaderValue};
use serde_yaml_ng::Value as Yaml;
use tablecast_connector::{Comparison, Result, Support};
use url::Url;

use crate::column::Column;
use crate::command::Program;
use crate::fetch::Client;
use crate::keys::{Form, Keys};
use crate::kind::Kind;
use crate::paging::Paging;
use crate::rows::Format;
use crate::secret::{Secret, expanded, variable};

/// Stands in an argument of a command for the folder that the manifest lies in.
const FOLDER: &str = "{folder}";

/// Comparisons that a URL parameter can stand for, by the names of the API's operators.
const COMPARISONS: &[(&str, Comparison)] = &[
    ("exact", Comparison::Equal),
    ("gt", Comparison::Greater),
    ("gte", Comparison::GreaterOrEqual),
    ("lt", Comparison::Less),
    ("lte", Comparison::LessOrEqual),
];

/// What a server does about a parameter. That it does all is believed only where it is said.
const ANSWERS: &[(&str, Support)] = &[("exact", Support::Exact), ("inexact", Support::Inexact)];

/// Where rows come from.
#[derive(Debug)]
pub(crate) enum Origin {
    Api(Box<Api>),
    Command(Program),
}

/// A web API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) url: Url,
    pub(crate) client: Client,
    pub(crate) paging: Paging,
    pub(crate) filters: Vec<ApiFilter>,
}

/// A comparison that the server can do by a URL parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ApiFilter {
    pub(crate) column: String,
    pub(crate) comparison: Comparison,
    pub(crate) parameter: String,
    pub(crate) support: Support,
}

impl Api {
    pub(crate) fn read(keys: &mut Keys<'_>, text: &str, format: &Format) -> Result<Self> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| keys.wrong("url", "is to be an address with http:// or https://"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(keys
                .wrong("url", "holds a name or password, which would be shown")
                .hint("Send it as a header: `headers: {Authorization: \"Basic ${NAME}\"}`"));
        }
        let headers = headers(keys)?;
        let paging = match keys.keys("paging")? {
            Some(paging) => Paging::read(paging, format)?,
            None => Paging::ONE_PAGE,
        };
        let filters = keys.list_of_keys("filters")?;
        let filters: Vec<ApiFilter> = filters.into_iter().map(filter).collect::<Result<_>>()?;
        Ok(Self {
            client: Client::new(url.clone(), headers),
            url,
            paging,
            filters,
        })
    }

    /// Filters need named columns that numbers or texts stand in, and a key: the place of a row among fewer rows is another.
    pub(crate) fn check_filters(
        &self,
        keys: &Keys<'_>,
        columns: Option<&[Column]>,
        key: &[String],
    ) -> Result<()> {
        if self.filters.is_empty() {
            return Ok(());
        }
        let Some(columns) = columns else {
            return Err(keys.wrong("filters", "needs `columns`, by which values are compared"));
        };
        if key.is_empty() {
            let problem =
                "needs `key`: rows would be told apart by their place, which filters change";
            return Err(keys.wrong("filters", problem));
        }
        for filter in &self.filters {
            let column = columns.iter().find(|column| column.name == filter.column);
            match column.map(|column| column.kind) {
                Some(Kind::Text | Kind::Integer | Kind::Real) => {}
                Some(kind) => {
                    let (name, kind) = (&filter.column, kind.name());
                    let problem = format!("cannot compare the column {name:?} of the type {kind}");
                    return Err(keys.wrong("filters", &problem));
                }
                None => {
                    let name = &filter.column;
                    let problem = format!("names {name:?}, which is not among the columns");
                    return Err(keys.wrong("filters", &problem));
                }
            }
        }
        Ok(())
    }
}

fn headers(keys: &mut Keys<'_>) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = Vec::new();
    for (name, value) in keys.entries("headers")?.unwrap_or_default() {
        let path = format!("headers.{name}");
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(keys.wrong(&path, "is no name of a header"));
        };
        let Some(text) = value.as_str() else {
            return Err(keys.wrong(&path, "is to be a text; put numbers in quotes"));
        };
        let text = expanded(text).map_err(|problem| keys.wrong(&path, &problem))?;
        // The message leaves the value out: a password may be in it.
        let mut value = HeaderValue::from_str(text.reveal())
            .map_err(|_| keys.wrong(&path, "has a value that no header can have"))?;
        value.set_sensitive(true);
        headers.push((parsed, value));
    }
    Ok(headers)
}

fn filter(mut keys: Keys<'_>) -> Result<ApiFilter> {
    let column = keys.text("column")?;
    let comparison = keys.word("operator", COMPARISONS)?;
    let parameter = keys.text("parameter")?;
    let support = keys.word("answer", ANSWERS)?;
    let filter = ApiFilter {
        column: keys.needed("column", column)?.to_owned(),
        comparison: comparison.unwrap_or(Comparison::Equal),
        parameter: keys.needed("parameter", parameter)?.to_owned(),
        support: support.unwrap_or(Support::Inexact),
    };
    keys.finish()?;
    Ok(filter)
}

/// The command of a table. A text is refused: it would look as if a shell read it.
pub(crate) fn command(keys: &mut Keys<'_>, folder: &Path) -> Result<Option<Program>> {
    let Some(words) = keys.texts("command", Form::List)? else {
        return Ok(None);
    };
    let folder = folder.to_string_lossy();
    let words: Vec<String> = words
        .into_iter()
        .map(|word| word.replace(FOLDER, &folder))
        .collect();
    if words.iter().any(|word| word.contains('\0')) {
        return Err(keys.wrong("command", "holds a character that no argument can have"));
    }
    let mut environment = Vec::new();
    for name in keys.texts("environment", Form::List)?.unwrap_or_default() {
        let value = variable(&name).map_err(|problem| keys.wrong("environment", &problem))?;
        environment.push((name, Secret::new(value)));
    }
    Ok(Some(Program { words, environment }))
}

/// How rows are written: `json` for APIs; what a command prints is to be said.
pub(crate) fn format(keys: &mut Keys<'_>, is_api: IsApi) -> Result<Format> {
    let named = keys.word("format", &[("json", 0), ("jsonl", 1), ("csv", 2)])?;
    let rows = keys.take("rows");
    let pointer = match rows {
        None => None,
        Some(Yaml::String(text)) if text.is_empty() || text.starts_with('/') => Some(text.clone()),
        Some(_) => {
            let problem = "is to be a JSON Pointer, which is empty or starts with `/`";
            return Err(keys.wrong("rows", problem));
        }
    };
    let named = match (named, is_api) {
        (Some(named), _) => named,
        (None, IsApi::Yes) => 0,
        (None, IsApi::No) => return keys.needed("format", None),
    };
    if named != 0 && pointer.is_some() {
        return Err(keys.wrong("rows", "goes with the format json only"));
    }
    Ok(match named {
        0 => Format::Json {
            rows: pointer.unwrap_or_default(),
        },
        1 => Format::JsonLines,
        _ => Format::Csv,
    })
}

/// Which of the two a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IsApi {
    Yes,
    No,
}
