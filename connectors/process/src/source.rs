//! A container that guests read: the seam's requests as the protocol's.
//!
//! What a guest says of its tables is kept until its file changes, so that a scan is promised without asking it.

use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::{Value as Json, json};
use tablecast_connector::{
    Answer, Ask, BlockingRows, BlockingScan, BlockingSource, Capabilities, Count, Details, Dialect,
    Direction, Error, ErrorKind, ForeignKey, Identity, Limits, Partition, Promises, ROWID, Result,
    ScanRequest, Sort, Statement, Support, TableInfo, Version,
};

use crate::asked;
use crate::message::{Hello, cut};
use crate::pool::{FileState, Guests, Use};
use crate::pushdown::{self, Range, cell};
use crate::rows::Shape;
use crate::stream::{Answered, Scanning};
use crate::table::Known;

/// A container may not have more tables.
const TABLES_MAX: usize = 100_000;

/// An opened container of a process connector.
#[derive(Debug)]
pub struct ProcessSource {
    guests: Arc<Guests>,
    hello: Hello,
    details: Details,
    tables: Mutex<Tables>,
}

/// What guests said of tables while the file was in one state, and which tables they knew before.
#[derive(Debug, Default)]
struct Tables {
    state: FileState,
    known: HashMap<String, Known>,
    before: BTreeSet<String>,
}

impl ProcessSource {
    pub(crate) fn new(guests: Arc<Guests>, hello: Hello, details: Details) -> Self {
        Self {
            guests,
            hello,
            details,
            tables: Mutex::default(),
        }
    }

    fn answer<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Json,
        limits: &Limits,
    ) -> Result<T> {
        let mut loan = self.guests.lend(Use::Question, limits)?;
        let result = loan.guest()?.answer(method, params, limits)?;
        loan.succeeded();
        serde_json::from_value(result).map_err(|cause| {
            Error::unreadable(format!(
                "The connector {} answered {method} with what it is not: {}",
                self.hello.name,
                cut(&cause.to_string())
            ))
        })
    }

    /// The answer of an optional method; `Unsupported` without asking where the guest did not declare it.
    fn optional<T: DeserializeOwned>(
        &self,
        method: &str,
        params: Json,
        limits: &Limits,
    ) -> Result<T> {
        if !self.hello.answers(method) {
            return Err(Error::unsupported(format!(
                "The connector {} does not answer `{method}`",
                self.hello.name
            )));
        }
        self.answer(method, params, limits)
    }

    fn names(&self, method: &str) -> Result<Vec<String>> {
        let names: Vec<String> = self.optional(method, json!({}), &Limits::none())?;
        self.checked(method, names)
    }

    fn checked(&self, method: &str, names: Vec<String>) -> Result<Vec<String>> {
        let mut seen = BTreeSet::new();
        let wrong = names
            .iter()
            .find(|name| name.is_empty() || !seen.insert(name.as_str()));
        if names.len() > TABLES_MAX || wrong.is_some() {
            let problem = wrong.map_or_else(
                || format!("more than {TABLES_MAX} names"),
                |name| format!("the name {name:?}, which is empty or there twice"),
            );
            return Err(Error::unreadable(format!(
                "The connector {} answered {method} with {problem}",
                self.hello.name
            )));
        }
        Ok(names)
    }

    /// What is known of the table, as long as the file is as it was.
    fn kept(&self, table: &str) -> Option<Known> {
        let state = self.guests.file_state();
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.state != state {
            let before = tables.known.drain().map(|(name, _)| name).collect();
            (tables.state, tables.before) = (state, before);
        }
        tables.known.get(table).cloned()
    }

    /// Why nothing is known of a table without asking a guest.
    fn unknown(&self, table: &str) -> Error {
        let tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.before.contains(table) {
            Error::unavailable(format!("{table} has changed while it was asked")).hint("Ask again")
        } else {
            Error::not_found(format!("no such table: {table}"))
        }
    }

    fn known(&self, table: &str) -> Result<Known> {
        if let Some(known) = self.kept(table) {
            return Ok(known);
        }
        let told: Json = self.answer("table_info", json!({ "table": table }), &Limits::none())?;
        let known = Known::read(table, told, &self.hello.pushdown)?;
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.known.insert(table.to_owned(), known.clone());
        Ok(known)
    }
}

impl BlockingSource for ProcessSource {
    fn details(&self) -> Details {
        self.details.clone()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            dialect: self.hello.sql.clone().map(Dialect),
            // A guest's SQL is what it can do of it; the rest is done as for a source without any.
            completes_sql: true,
            ask: self.hello.answers("ask"),
            table_count: self.hello.answers("table_count"),
            foreign_keys: self.hello.answers("foreign_keys"),
            search: false,
            version: self.guests.file_state().is_some(),
            shares_rows: false,
        }
    }

    fn version(&self) -> Option<Version> {
        let state = self.guests.file_state()?;
        let mut hasher = std::hash::DefaultHasher::new();
        state.hash(&mut hasher);
        Some(Version(u128::from(hasher.finish())))
    }

    fn table_names(&self) -> Result<Vec<String>> {
        let names = self.answer("table_names", json!({}), &Limits::none())?;
        self.checked("table_names", names)
    }

    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
        match self.known(table) {
            // A table that the guest cannot describe is listed with the reason, and the others are served.
            Err(error) if matches!(error.kind(), ErrorKind::Unreadable | ErrorKind::Internal) => {
                let mut info = TableInfo::new(table, Vec::new(), Identity::None);
                info.unreadable = Some(error.message().to_owned());
                Ok(Arc::new(info))
            }
            known => known.map(|known| known.info),
        }
    }

    fn hidden_table_names(&self) -> Result<Vec<String>> {
        self.names("hidden_table_names")
    }

    fn view_names(&self) -> Result<Vec<String>> {
        self.names("view_names")
    }

    fn detect_spatialite(&self) -> Result<bool> {
        self.optional("detect_spatialite", json!({}), &Limits::none())
    }

    fn table_count(&self, table: &str, _: Option<u64>, limits: &Limits) -> Result<Count> {
        let rows = self.optional("table_count", json!({ "table": table }), limits)?;
        Ok(Count {
            rows,
            truncated: false,
        })
    }

    fn detect_fts(&self, table: &str) -> Result<Option<String>> {
        self.optional("detect_fts", json!({ "table": table }), &Limits::none())
    }

    fn foreign_keys(&self, table: &str) -> Result<Vec<ForeignKey>> {
        self.optional("foreign_keys", json!({ "table": table }), &Limits::none())
    }

    fn table_exists(&self, table: &str) -> Result<bool> {
        self.optional("table_exists", json!({ "table": table }), &Limits::none())
    }

    fn table_definition(&self, table: &str) -> Result<Option<String>> {
        self.optional(
            "table_definition",
            json!({ "table": table }),
            &Limits::none(),
        )
    }

    fn indices_definition(&self, table: &str) -> Result<Vec<String>> {
        self.optional(
            "indices_definition",
            json!({ "table": table }),
            &Limits::none(),
        )
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let Some(known) = self.kept(&request.table) else {
            return Err(self.unknown(&request.table));
        };
        if let Some(reason) = &known.info.unreadable {
            return Err(Error::unreadable(reason.clone()));
        }
        let promised = Promised::of(&known, request)?;
        let partition = Partition {
            start: promised.range.start,
            end: promised.range.end,
            note: String::new(),
        };
        let guests = Arc::clone(&self.guests);
        Ok(BlockingScan {
            columns: promised.shape.output(),
            promises: promised.promises,
            partitions: vec![partition],
            rows: None,
            open: Arc::new(move |partition, limits| {
                let range = Range {
                    start: partition.start,
                    end: partition.end,
                };
                let scanning = Scanning {
                    shape: promised.shape.clone(),
                    params: promised.params.clone(),
                    range,
                    seeks: promised.seeks,
                    limit: promised.limit,
                };
                Ok(Box::new(scanning.open(&guests, limits)?))
            }),
        })
    }

    fn execute(&self, statement: &Statement, limits: &Limits) -> Result<BlockingRows> {
        if self.hello.sql.is_none() {
            return Err(Error::unsupported(format!(
                "The connector {} takes no SQL",
                self.hello.name
            )));
        }
        let parameters: Option<serde_json::Map<String, Json>> = statement
            .parameters
            .iter()
            .map(|(name, value)| Some((name.clone(), cell(value)?)))
            .collect();
        let Some(parameters) = parameters else {
            return Err(Error::invalid(
                "A parameter is too large a number for this connector",
            ));
        };
        let params = json!({ "sql": statement.sql, "parameters": parameters });
        Answered::open(&self.guests, params, limits)
    }

    fn ask(&self, ask: &Ask, limits: &Limits) -> Vec<Result<Answer>> {
        let answers = self.known(&ask.table).and_then(|known| {
            let params = asked::params(ask, &known.info)?;
            let answers: Json = self.optional("ask", params, limits)?;
            Ok((known, answers))
        });
        match answers {
            Ok((known, answers)) => asked::answers(ask, &known.info, answers),
            // Whatever a guest says of a whole question, its rows can still be read.
            Err(error) => {
                let again = |_| Err(Error::new(error.kind(), error.message()));
                ask.wants.iter().map(again).collect()
            }
        }
    }
}

/// A scan as the guest will be asked for it.
struct Promised {
    shape: Shape,
    params: Json,
    range: Range,
    seeks: bool,
    limit: Option<u64>,
    promises: Promises,
}

impl Promised {
    fn of(known: &Known, request: &ScanRequest) -> Result<Self> {
        let is_counted = known.is_counted();
        let counted_at = request
            .columns
            .iter()
            .position(|name| is_counted && is_number(known, name));
        let shape = Shape {
            table: request.table.clone(),
            columns: columns(known, request, counted_at)?,
            counted_at,
        };
        let mut range = Range::ALL;
        let mut filters = Vec::new();
        let reads_number = counted_at.is_some()
            || request
                .filters
                .iter()
                .any(|filter| is_counted && filter.columns().contains(&ROWID));
        let mut support = Vec::with_capacity(request.filters.len());
        for filter in &request.filters {
            let narrowed = if is_counted {
                range.narrowed(filter)
            } else {
                None
            };
            if let Some(narrowed) = narrowed {
                range = narrowed;
                support.push(Support::Exact);
            } else if let Some((filter, done)) = pushdown::pushed(filter, &known.pushdown)
                // Filtered rows cannot be counted.
                && !reads_number
            {
                filters.push(filter);
                support.push(done);
            } else {
                support.push(Support::Unsupported);
            }
        }
        let order = order(known);
        let sort = pushdown::sort(request, &known.pushdown).filter(|_| !reads_number);
        let is_sorted =
            sort.is_some() || request.sort.is_empty() || order.starts_with(&request.sort);
        let all_exact = support.iter().all(|done| *done == Support::Exact);
        let limit = request.limit.filter(|_| all_exact && is_sorted);
        let promises = Promises {
            filters: support,
            sort: Support::exact_if(is_sorted && !request.sort.is_empty()),
            limit: Support::exact_if(limit.is_some()),
            order: if sort.is_some() { Vec::new() } else { order },
        };
        let names: Vec<&str> = shape
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        let params = json!({
            "table": request.table,
            "columns": names,
            "filters": filters,
            "sort": sort.unwrap_or_else(|| json!([])),
        });
        Ok(Self {
            shape,
            params,
            range,
            seeks: known.pushdown.offset && is_counted,
            limit,
            promises,
        })
    }
}

/// Whether `name` means the number that is counted here.
fn is_number(known: &Known, name: &str) -> bool {
    name == ROWID && known.info.column(name).is_none()
}

fn columns(
    known: &Known,
    request: &ScanRequest,
    counted_at: Option<usize>,
) -> Result<Vec<tablecast_connector::OutputColumn>> {
    let wanted = request
        .columns
        .iter()
        .enumerate()
        .filter(|(at, _)| Some(*at) != counted_at);
    wanted
        .map(|(_, name)| {
            let given = || {
                let rows_are_numbered = known.row_number == crate::table::RowNumber::Given;
                (rows_are_numbered && name == ROWID).then_some(arrow_schema::DataType::Int64)
            };
            let data_type = known
                .info
                .column(name)
                .map(|column| column.data_type.clone())
                .or_else(given);
            let data_type = data_type.ok_or_else(|| {
                Error::not_found(format!("{} has no column {name:?}", request.table))
            })?;
            Ok(tablecast_connector::OutputColumn {
                name: name.clone(),
                data_type: Some(data_type),
            })
        })
        .collect()
}

/// The order in which rows come by themselves.
fn order(known: &Known) -> Vec<Sort> {
    let ascending = |column: &str| Sort {
        column: column.to_owned(),
        direction: Direction::Ascending,
    };
    match &known.info.identity {
        Identity::RowNumber { .. } => vec![ascending(ROWID)],
        _ => known.order.iter().map(|name| ascending(name)).collect(),
    }
}
