//! The arguments of a table's page, parsed as far as the table itself need not be known.

use std::collections::BTreeSet;

use tablecast_connector::{
    Direction, Error, FacetKind, Filter, Operator, Result, SearchMode, Sort, did_you_mean,
};

use super::arguments::Arguments;
use crate::Settings;

/// What a table's page was asked for.
#[derive(Clone, Debug)]
pub(crate) struct TableArguments {
    pub(crate) filters: Vec<Filter>,
    /// Searches: the column (all if `None`) and the text.
    pub(crate) searches: Vec<(Option<String>, String)>,
    pub(crate) search_mode: Option<SearchMode>,
    pub(crate) wheres: Vec<String>,
    /// `_through`, as JSON text.
    pub(crate) through: Vec<String>,
    pub(crate) sort: Option<Sort>,
    pub(crate) size: Option<u64>,
    pub(crate) next: Option<String>,
    pub(crate) facets: Vec<(FacetKind, String)>,
    pub(crate) facet_size: Option<u64>,
    pub(crate) extras: BTreeSet<String>,
    /// What was ignored, in words.
    pub(crate) warnings: Vec<String>,
}

impl TableArguments {
    pub(crate) fn parse(arguments: &Arguments, settings: &Settings) -> Result<Self> {
        let mut warnings = Vec::new();
        let filters = filters(arguments, &mut warnings);
        ignored(arguments, &mut warnings);
        Ok(Self {
            filters,
            searches: searches(arguments),
            search_mode: match arguments.first("_searchmode") {
                Some("raw") => Some(SearchMode::Raw),
                Some("escaped") => Some(SearchMode::Escaped),
                _ => None,
            },
            wheres: arguments
                .all("_where")
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
                .collect(),
            through: arguments.all("_through").map(str::to_owned).collect(),
            sort: sort(arguments)?,
            size: size(
                arguments.first("_size"),
                settings.number("max_returned_rows"),
            )?,
            next: arguments
                .first("_next")
                .filter(|next| !next.is_empty())
                .map(str::to_owned),
            facets: facets(arguments, settings)?,
            facet_size: facet_size(arguments.first("_facet_size"), settings)?,
            extras: extras(arguments),
            warnings,
        })
    }
}

/// The names behind `_extra`, which may come several times and hold commas.
pub(crate) fn extras(arguments: &Arguments) -> BTreeSet<String> {
    let names = arguments.all("_extra").flat_map(|names| names.split(','));
    names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

fn filters(arguments: &Arguments, warnings: &mut Vec<String>) -> Vec<Filter> {
    let mut filters = Vec::new();
    // In the order of names and values, so that the SQL shown does not depend on how an address was put together.
    let mut pairs: Vec<(&str, &str)> = arguments.iter().collect();
    pairs.sort_unstable();
    for (name, value) in pairs {
        if name.starts_with('_') && !name.contains("__") {
            continue;
        }
        let (column, operator) = name.rsplit_once("__").unwrap_or((name, "exact"));
        match Operator::named(operator) {
            Some(operator) => filters.push(Filter::Condition {
                column: column.to_owned(),
                operator,
                value: value.to_owned(),
            }),
            None => warnings.push(format!(
                "There is no operator {operator:?}: {name:?} was ignored"
            )),
        }
    }
    filters
}

/// Arguments of a table's page that take on or off.
const SWITCHES: &[&str] = &[
    "_nl",
    "_json_infinity",
    "_labels",
    "_nofacet",
    "_nosuggest",
    "_nocount",
    "_sort_by_desc",
    "_header",
];

/// The other arguments of a table's page, but for those with a column or a number behind them.
const NAMED: &[&str] = &[
    "_shape",
    "_json",
    "_timelimit",
    "_ttl",
    "_trace",
    "_context",
    "_extra",
    "_col",
    "_nocol",
    "_label",
    "_size",
    "_sort",
    "_sort_desc",
    "_next",
    "_search",
    "_searchmode",
    "_fts_table",
    "_fts_pk",
    "_where",
    "_through",
    "_facet",
    "_facet_array",
    "_facet_date",
    "_facet_size",
    "_format",
    "_stream",
    "_dl",
    "_blob_column",
    "_blob_hash",
];

/// The beginnings of arguments with a column or a number behind them.
const BEGINNINGS: &[&str] = &["_search_", "_filter_column", "_filter_op", "_filter_value"];

/// Warns of arguments that have no meaning.
fn ignored(arguments: &Arguments, warnings: &mut Vec<String>) {
    for (name, value) in arguments.iter() {
        if !name.starts_with('_') || name.contains("__") {
            continue;
        }
        if SWITCHES.contains(&name) {
            if !value.is_empty() && !arguments.is_on(name) && !arguments.is_off(name) {
                warnings.push(format!("{name} takes on or off: {value:?} was ignored"));
            }
        } else if name == "_ttl" && value.parse::<u64>().is_err() {
            warnings.push(format!("_ttl takes seconds: {value:?} was ignored"));
        } else if !NAMED.contains(&name) && !BEGINNINGS.iter().any(|start| name.starts_with(start))
        {
            let meant = did_you_mean(name, NAMED.iter().chain(SWITCHES).copied())
                .map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
            warnings.push(format!(
                "There is no argument {name:?}: it was ignored{meant}"
            ));
        }
    }
}

fn searches(arguments: &Arguments) -> Vec<(Option<String>, String)> {
    let searches = arguments.iter().filter_map(|(name, value)| match name {
        "_search" => Some((None, value.to_owned())),
        "_searchmode" => None,
        _ => Some((
            Some(name.strip_prefix("_search_")?.to_owned()),
            value.to_owned(),
        )),
    });
    searches.filter(|(_, text)| !text.is_empty()).collect()
}

fn sort(arguments: &Arguments) -> Result<Option<Sort>> {
    let given = |name| arguments.first(name).filter(|column| !column.is_empty());
    let sort = |column: &str, direction| Sort {
        column: column.to_owned(),
        direction,
    };
    match (given("_sort"), given("_sort_desc")) {
        (Some(_), Some(_)) => Err(Error::invalid(
            "Cannot use _sort and _sort_desc at the same time",
        )),
        (Some(column), None) if arguments.is_on("_sort_by_desc") => {
            Ok(Some(sort(column, Direction::Descending)))
        }
        (Some(column), None) => Ok(Some(sort(column, Direction::Ascending))),
        (None, Some(column)) => Ok(Some(sort(column, Direction::Descending))),
        (None, None) => Ok(None),
    }
}

/// A page size: a number up to `max`, or `max`.
pub(crate) fn size(typed: Option<&str>, max: u64) -> Result<Option<u64>> {
    match typed {
        None | Some("") => Ok(None),
        Some("max") => Ok(Some(max)),
        Some(typed) => match typed.parse::<u64>() {
            Ok(size) if size <= max => Ok(Some(size)),
            // A number of more digits than 64 bits hold is too large, too.
            _ if typed.bytes().all(|byte| byte.is_ascii_digit()) => {
                Err(Error::invalid(format!("_size must be <= {max}")))
            }
            _ => Err(Error::invalid("_size must be a positive integer")),
        },
    }
}

fn facets(arguments: &Arguments, settings: &Settings) -> Result<Vec<(FacetKind, String)>> {
    let mut facets = Vec::new();
    for (name, kind) in FACET_ARGUMENTS {
        for column in arguments.all(name) {
            let facet = (*kind, column.to_owned());
            if !facets.contains(&facet) {
                facets.push(facet);
            }
        }
    }
    if !facets.is_empty() && !settings.is_on("allow_facet") {
        return Err(Error::invalid("_facet= is not allowed"));
    }
    Ok(facets)
}

/// The arguments that ask for facets.
pub(crate) const FACET_ARGUMENTS: &[(&str, FacetKind)] = &[
    ("_facet", FacetKind::Column),
    ("_facet_array", FacetKind::Array),
    ("_facet_date", FacetKind::Date),
];

/// The argument that asks for a facet of that kind.
pub(crate) fn facet_argument(kind: FacetKind) -> &'static str {
    FACET_ARGUMENTS
        .iter()
        .find(|(_, known)| *known == kind)
        .map_or("_facet", |(name, _)| *name)
}

fn facet_size(typed: Option<&str>, settings: &Settings) -> Result<Option<u64>> {
    let max = settings.number("max_returned_rows");
    match typed {
        None => Ok(None),
        Some("max") => Ok(Some(max)),
        Some(typed) => match typed.parse::<u64>() {
            Ok(size) => Ok(Some(size.min(max))),
            Err(_) => Err(Error::invalid(
                "_facet_size must be a positive integer or max",
            )),
        },
    }
}
