//! The plan of a table's page: its columns, filters, order, position and facets, checked against the table.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use tablecast_connector::{
    Direction, Error, ErrorKind, FacetKind, Filter, Position, ROWID, Result, SearchMode, Sort,
    TableInfo, TableKind, TableQuery, Value, did_you_mean,
};

use super::paging;
use crate::fetch::Place;
use crate::permission::{Action, Subject};
use crate::request::Request;
use crate::request::table::{TableArguments, size};
use crate::request::target::Format;
use crate::{FacetOption, Site, TableOptions};

/// A facet to count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FacetPlan {
    pub(crate) kind: FacetKind,
    pub(crate) column: String,
    /// Whether the configuration asks for it.
    pub(crate) configured: bool,
}

/// What to ask of a table.
#[derive(Clone, Debug)]
pub(crate) struct TablePlan {
    pub(crate) info: Arc<TableInfo>,
    pub(crate) options: TableOptions,
    pub(crate) arguments: TableArguments,
    /// The columns that identify a row; none for offset paging.
    pub(crate) keys: Vec<String>,
    /// The columns shown, in order.
    pub(crate) columns: Vec<String>,
    /// The rows: one more than the page has, with the columns shown first and then whatever paging needs.
    pub(crate) query: TableQuery,
    pub(crate) size: u64,
    /// The order that the description tells of.
    pub(crate) sort_shown: Option<Sort>,
    pub(crate) facets: Vec<FacetPlan>,
    pub(crate) facet_size: u64,
    /// Searches and conditions in English.
    pub(crate) descriptions: Vec<String>,
    /// The index that a search on this table uses.
    pub(crate) search_index: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl TablePlan {
    /// The same with at most so many rows on the page. Without any, nothing is read of them, and there is no next page.
    pub(crate) fn with_rows(&mut self, at_most: u64) {
        if at_most < self.size {
            self.size = at_most;
            self.query.limit = Some(if at_most == 0 { 0 } else { at_most + 1 });
        }
    }

    pub(crate) async fn make(site: &Site, request: &Request, place: &Place<'_>) -> Result<Self> {
        let settings = &site.configuration.settings;
        let arguments = TableArguments::parse(&request.arguments, settings)?;
        let info = Arc::clone(&place.info);
        let options = site.configuration.table(&place.published.name, &info.name);
        let keys = place.keys();
        let columns = columns(request, &info, &keys)?;
        let sort = sort(&arguments, &options, &info, &keys)?;
        let rows = page_size(&arguments, &options, settings)?;
        let mut plan = Self {
            query: TableQuery {
                table: info.name.clone(),
                columns: Vec::new(),
                filters: Vec::new(),
                sort: sort.clone(),
                position: position(&arguments, &info, sort.is_some())?,
                limit: Some(rows + 1),
            },
            facets: facets(&arguments, &options, &info)?,
            facet_size: facet_size(&arguments, &options, settings),
            warnings: arguments.warnings.clone(),
            descriptions: Vec::new(),
            search_index: None,
            sort_shown: sort,
            info,
            options,
            arguments,
            keys,
            columns,
            size: rows,
        };
        plan.query.columns = plan.fetched();
        plan.filter(site, request, place).await?;
        plan.warn_of_unknown_columns(request);
        plan.warnings = bounded(plan.warnings);
        if settings.is_on("strict_arguments")
            && let Some(warning) = plan.warnings.first()
        {
            return Err(Error::invalid(warning.clone()));
        }
        Ok(plan)
    }

    /// The columns shown, and the keys and the sort column if they are not among them.
    fn fetched(&self) -> Vec<String> {
        let mut fetched = self.columns.clone();
        let sort = self.query.sort.iter().map(|sort| &sort.column);
        for needed in self.keys.iter().chain(sort) {
            if !fetched.contains(needed) {
                fetched.push(needed.clone());
            }
        }
        fetched
    }

    async fn filter(&mut self, site: &Site, request: &Request, place: &Place<'_>) -> Result<()> {
        for text in self.arguments.wheres.clone() {
            if !site.allows(Action::ExecuteSql, Subject::Database(&place.published.name)) {
                return Err(Error::forbidden("_where= is not allowed"));
            }
            self.descriptions.push(text.clone());
            let dialect = place.published.database.dialect();
            self.query.filters.push(Filter::Sql {
                text,
                dialect,
                parameters: Vec::new(),
            });
        }
        self.search(request, place).await?;
        for typed in self.arguments.through.clone() {
            let filter = through(&typed, place, &self.info, &mut self.descriptions).await?;
            if let Filter::InTable { other_table, .. } = &filter {
                let other = Subject::Table(&place.published.name, other_table);
                site.require(Action::ViewTable, other)?;
            }
            self.query.filters.push(filter);
        }
        // Datasette writes its column filters first.
        let mut filters = self.arguments.filters.clone();
        filters.append(&mut self.query.filters);
        self.query.filters = filters;
        Ok(())
    }

    async fn search(&mut self, request: &Request, place: &Place<'_>) -> Result<()> {
        let given = |name: &str| request.arguments.first(name).map(str::to_owned);
        let configured = given("_fts_table").or_else(|| self.options.fts_table.clone());
        // Only searches and the page with its search field need to know.
        let matters = !self.arguments.searches.is_empty() || request.format == Format::Html;
        self.search_index = match configured {
            Some(index) => Some(index),
            None if matters => place.published.database.detect_fts(&self.info.name).await?,
            None => None,
        };
        let Some(index) = self.search_index.clone() else {
            let names = self
                .arguments
                .searches
                .iter()
                .map(|(column, _)| column.as_deref().unwrap_or("all columns"));
            let ignored = names.map(|name| {
                format!("This table has no search index: the search in {name} was ignored")
            });
            self.warnings.extend(ignored);
            return Ok(());
        };
        let configured_raw = self.options.searchmode.as_deref() == Some("raw");
        let default = if configured_raw {
            SearchMode::Raw
        } else {
            SearchMode::Escaped
        };
        for (column, text) in self.arguments.searches.clone() {
            self.descriptions.push(match &column {
                None => format!("search matches \"{text}\""),
                Some(column) => format!("search column \"{column}\" matches \"{text}\""),
            });
            if let Some(column) = &column {
                let known = place.published.database.table_info(&index).await?;
                if known.column(column).is_none() {
                    return Err(Error::invalid("Cannot search by that column"));
                }
            }
            self.query.filters.push(Filter::Search {
                index: index.clone(),
                key: given("_fts_pk")
                    .or_else(|| self.options.fts_pk.clone())
                    .unwrap_or_else(|| ROWID.to_owned()),
                column,
                text,
                mode: self.arguments.search_mode.unwrap_or(default),
            });
        }
        Ok(())
    }

    fn warn_of_unknown_columns(&mut self, request: &Request) {
        for filter in &self.arguments.filters {
            let Filter::Condition { column, .. } = filter else {
                continue;
            };
            if self.info.column(column).is_some() || tablecast_connector::is_rowid_name(column) {
                continue;
            }
            let names = self.info.columns.iter().map(|column| column.name.as_str());
            let meant = did_you_mean(column, names)
                .map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
            self.warnings.push(format!(
                "{} has no column {column:?}{meant}",
                self.info.name
            ));
        }
        for name in ["_json", "_label"] {
            for column in request.arguments.all(name) {
                if self.info.column(column).is_none() {
                    self.warnings.push(format!(
                        "{} has no column {column:?}: {name} was ignored",
                        self.info.name
                    ));
                }
            }
        }
    }

    /// The rows behind the page before, where pages go by keys.
    pub(crate) fn behind(&self) -> Option<Filter> {
        let Some(Position::After { sort, key }) = &self.query.position else {
            return None;
        };
        Some(Filter::Behind {
            sort: self.query.sort.clone().zip(sort.clone()),
            key: self.keys.iter().cloned().zip(key.iter().cloned()).collect(),
        })
    }

    pub(crate) fn is_view(&self) -> bool {
        self.info.kind == TableKind::View
    }
}

fn columns(request: &Request, info: &TableInfo, keys: &[String]) -> Result<Vec<String>> {
    let has_rowid = keys.iter().any(|key| key == ROWID);
    let mut all: Vec<String> = if has_rowid {
        vec![ROWID.to_owned()]
    } else {
        Vec::new()
    };
    all.extend(
        info.columns
            .iter()
            .filter(|column| column.hidden != 1)
            .map(|column| column.name.clone()),
    );
    let check = |name: &str, also_keys: bool| {
        let bad: Vec<&str> = request
            .arguments
            .all(name)
            .filter(|column| {
                !all.iter().any(|known| known == column)
                    || (also_keys && keys.iter().any(|k| k == column))
            })
            .collect();
        if bad.is_empty() {
            Ok(())
        } else {
            Err(Error::invalid(format!(
                "{name}={} - invalid columns",
                bad.join(", ")
            )))
        }
    };
    check("_col", false)?;
    check("_nocol", true)?;
    let mut columns = if request.arguments.has("_col") {
        let mut chosen: Vec<String> = keys.to_vec();
        for column in request.arguments.all("_col") {
            if !chosen.iter().any(|known| known == column) {
                chosen.push(column.to_owned());
            }
        }
        chosen
    } else {
        all.clone()
    };
    columns.retain(|column| {
        !request
            .arguments
            .all("_nocol")
            .any(|hidden| hidden == column)
    });
    Ok(columns)
}

fn sort(
    arguments: &TableArguments,
    options: &TableOptions,
    info: &TableInfo,
    keys: &[String],
) -> Result<Option<Sort>> {
    let configured = || {
        let by = |column: &Option<String>, direction| {
            column.clone().map(|column| Sort { column, direction })
        };
        by(&options.sort, Direction::Ascending)
            .or_else(|| by(&options.sort_desc, Direction::Descending))
    };
    let Some(sort) = arguments.sort.clone().or_else(configured) else {
        return Ok(None);
    };
    let allowed = match &options.sortable_columns {
        Some(columns) => columns.contains(&sort.column),
        None => info.columns.iter().any(|column| column.name == sort.column),
    };
    if allowed || (sort.column == ROWID && keys.iter().any(|key| key == ROWID)) {
        return Ok(Some(sort));
    }
    let error = Error::invalid(format!("Cannot sort table by {}", sort.column));
    let meant = did_you_mean(
        &sort.column,
        info.columns.iter().map(|column| column.name.as_str()),
    );
    Err(match meant {
        Some(name) => error.hint(format!("Did you mean {name}?")),
        None => error,
    })
}

fn page_size(
    arguments: &TableArguments,
    options: &TableOptions,
    settings: &crate::Settings,
) -> Result<u64> {
    let max = settings.number("max_returned_rows");
    let configured = options
        .size
        .as_ref()
        .map(typed)
        .map_or(Ok(None), |typed| size(Some(&typed), max))?;
    Ok(arguments
        .size
        .or(configured)
        .unwrap_or_else(|| settings.number("default_page_size").min(max)))
}

/// A configured number or `max` as it would be typed into an address.
fn typed(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn position(
    arguments: &TableArguments,
    info: &TableInfo,
    is_sorted: bool,
) -> Result<Option<Position>> {
    arguments
        .next
        .as_deref()
        .map(|token| paging::position(token, &info.identity, is_sorted))
        .transpose()
}

fn facets(
    arguments: &TableArguments,
    options: &TableOptions,
    info: &TableInfo,
) -> Result<Vec<FacetPlan>> {
    let mut facets: Vec<FacetPlan> = Vec::new();
    for option in &options.facets {
        let (kind, column) = match option {
            FacetOption::Column(column) => (FacetKind::Column, column),
            FacetOption::Kind(kinds) => match kinds.iter().next() {
                Some((kind, column)) if kind == "array" => (FacetKind::Array, column),
                Some((kind, column)) if kind == "date" => (FacetKind::Date, column),
                _ => {
                    return Err(Error::invalid(
                        "A facet is a column, {array: column} or {date: column}",
                    ));
                }
            },
        };
        facets.push(FacetPlan {
            kind,
            column: column.clone(),
            configured: true,
        });
    }
    for (kind, column) in &arguments.facets {
        if info.column(column).is_none() && column != ROWID {
            return Err(Error::invalid(format!("no such column: {column}")));
        }
        if !facets
            .iter()
            .any(|facet| facet.kind == *kind && facet.column == *column)
        {
            facets.push(FacetPlan {
                kind: *kind,
                column: column.clone(),
                configured: false,
            });
        }
    }
    Ok(facets)
}

fn facet_size(
    arguments: &TableArguments,
    options: &TableOptions,
    settings: &crate::Settings,
) -> u64 {
    let max = settings.number("max_returned_rows");
    let configured = options
        .facet_size
        .as_ref()
        .and_then(|size| match size.as_str() {
            Some("max") => Some(max),
            _ => size.as_u64(),
        });
    arguments
        .facet_size
        .or(configured)
        .unwrap_or_else(|| settings.number("default_facet_size"))
}

/// The most warnings told, and the most characters of each: they travel as headers, of which clients take few.
const WARNINGS_MAX: usize = 10;
const WARNING_CHARACTERS_MAX: usize = 300;

fn bounded(warnings: Vec<String>) -> Vec<String> {
    let more = warnings.len().saturating_sub(WARNINGS_MAX);
    let shown = warnings.into_iter().take(WARNINGS_MAX);
    let mut bounded: Vec<String> = shown
        .map(
            |warning| match warning.char_indices().nth(WARNING_CHARACTERS_MAX) {
                Some((end, _)) => format!("{}…", warning.get(..end).unwrap_or_default()),
                None => warning,
            },
        )
        .collect();
    if more > 0 {
        bounded.push(format!("{more} more arguments have no meaning"));
    }
    bounded
}

/// What stands behind `_through`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Through {
    table: String,
    column: String,
    value: Json,
}

async fn through(
    typed: &str,
    place: &Place<'_>,
    info: &TableInfo,
    said: &mut Vec<String>,
) -> Result<Filter> {
    let Through {
        table,
        column,
        value,
    } = serde_json::from_str(typed).map_err(|cause| {
        Error::invalid("_through is not a JSON object with table, column and value")
            .caused_by(cause)
    })?;
    // A table that is not there has no references either, and is not the page that was asked for.
    let keys = match place.published.database.foreign_keys(&table).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        keys => keys?,
    };
    let key = keys
        .iter()
        .find(|key| key.other_table == info.name && key.columns.len() == 1);
    let Some((from, to)) =
        key.and_then(|key| Some((key.columns.first()?, key.other_columns.first()?)))
    else {
        return Err(Error::invalid(
            "Invalid _through - could not find corresponding foreign key",
        ));
    };
    let value = value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned);
    said.push(format!("{table}.{column} = \"{value}\""));
    Ok(Filter::InTable {
        column: to.clone(),
        other_table: table,
        other_column: from.clone(),
        where_column: column,
        value,
    })
}

/// The row that a path's key names, as filters; `None` if it has the wrong number of parts.
pub(crate) fn row_filters(keys: &[String], path: &str) -> Option<(Vec<Filter>, Vec<Value>)> {
    let parts: Vec<String> = path.split(',').map(crate::names::tilde_decode).collect();
    if parts.len() != keys.len() {
        return None;
    }
    let filters = keys
        .iter()
        .zip(&parts)
        .map(|(column, value)| Filter::Condition {
            column: column.clone(),
            operator: tablecast_connector::Operator::Exact,
            value: value.clone(),
        });
    Some((
        filters.collect(),
        parts.into_iter().map(Value::Text).collect(),
    ))
}
