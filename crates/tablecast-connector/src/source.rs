//! The two sides of the seam: [`Source`] is what a connector's author writes, [`Database`] what the server asks.
//!
//! `tablecast_engine::complete` makes the second from the first: what a source answers with `Unsupported` is done over
//! its `scan`. A default here is therefore either derived without I/O or `Unsupported`; never empty, never wrong.

use std::future::ready;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    ArrayRequest, Ask, BatchStream, BoxFuture, Dialect, Error, ForeignKey, Group, Limits,
    OutputColumn, Reduction, Result, Scan, ScanRequest, Statement, Storage, TableInfo, Value,
};

/// What a source can do beyond the three required methods, as data: the kit holds it against what the source does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent capability, as data"
)]
pub struct Capabilities {
    /// The dialect of `execute`; `None` if the source takes no SQL.
    pub dialect: Option<Dialect>,
    /// Whether SQL that `execute` leaves `Unsupported` is done by the engine; otherwise it is refused.
    pub completes_sql: bool,
    /// `ask` answers by itself.
    pub ask: bool,
    /// `table_count` answers by itself.
    pub table_count: bool,
    /// `foreign_keys` answers.
    pub foreign_keys: bool,
    /// `detect_fts` may name an index, and `ask` can search it.
    pub search: bool,
    /// `version` answers, so that answers can be kept.
    pub version: bool,
    /// Rows of one table may come in others, too, which are made of it or are other names of it: who hides the one has to
    /// hide those as well.
    pub shares_rows: bool,
}

/// What an opened container is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The connector's name.
    pub connector: String,
    /// Where it lies, as the user gave it; `None` if nowhere.
    pub path: Option<String>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Whether it may change while it is served.
    pub is_mutable: bool,
    /// Whether it lives in memory only.
    pub is_memory: bool,
    /// SHA-256 of an immutable file, in hexadecimal.
    pub hash: Option<String>,
}

/// The state of a source's content: two equal versions mean equal answers, within one run of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version(pub u128);

/// A count of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The number.
    pub rows: u64,
    /// Whether counting stopped there because no more was asked for.
    pub truncated: bool,
}

/// The file that a container is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The extension by which it is asked for, in lower case, without the dot.
    pub extension: String,
}

/// Rows on their way.
pub struct Rows {
    /// The columns that come.
    pub columns: Vec<OutputColumn>,
    /// The batches.
    pub batches: Box<dyn BatchStream>,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// The answer to one [`crate::Want`].
#[derive(Debug)]
pub enum Answer {
    /// To `Rows`.
    Rows(Rows),
    /// To `Count`.
    Count(Count),
    /// To `Facet`: values with their counts; one more than the limit was looked for to know `more`.
    Facet {
        /// By count descending, then value ascending.
        values: Vec<(Value, u64)>,
        /// Whether there are more values.
        more: bool,
    },
}

/// An opened container: one database of the site. Three methods are enough.
///
/// All methods may be called from any thread, many at a time. They must not block: wrap plain blocking code in
/// [`crate::Blocking`].
pub trait Source: Send + Sync {
    /// What the container is. Cheap, without I/O.
    fn details(&self) -> Details;

    /// The names of all tables, hidden ones included, views not, in the container's order.
    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// Everything about one table or view but its rows. `NotFound` names a table that is not there.
    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>>;

    /// Promises what a scan of a table does. No I/O. `NotFound` as in `table_info`; `Unreadable` with the reason
    /// where `table_info` has one.
    fn scan(&self, request: &ScanRequest) -> Result<Scan>;

    /// What is offered beyond that.
    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    /// Tables that lists leave out unless asked.
    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        unsupported("hidden_table_names")
    }

    /// The names of all views.
    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        unsupported("view_names")
    }

    /// Whether the container has `SpatiaLite`'s tables.
    fn detect_spatialite(&self) -> BoxFuture<'_, Result<bool>> {
        unsupported("detect_spatialite")
    }

    /// The rows of a whole table; counting may stop at `at_most`, and says so; a number that is known may be told whole.
    fn table_count<'a>(
        &'a self,
        table: &'a str,
        at_most: Option<u64>,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Count>> {
        let _ = (table, at_most, limits);
        unsupported("table_count")
    }

    /// The full-text index of a table, if it has one.
    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        let _ = table;
        unsupported("detect_fts")
    }

    /// The references from a table to others.
    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        let _ = table;
        unsupported("foreign_keys")
    }

    /// Whether there is a table or view of that name.
    fn table_exists<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<bool>> {
        let _ = table;
        unsupported("table_exists")
    }

    /// The statement that makes the table or view, in the source's dialect.
    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        let _ = table;
        unsupported("table_definition")
    }

    /// The statements that make the table's indexes.
    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        let _ = table;
        unsupported("indices_definition")
    }

    /// The groups that tables are in and the container itself, as far as something is said about them.
    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        unsupported("groups")
    }

    /// How the cells of a table are stored.
    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Storage>> {
        let _ = table;
        unsupported("storage")
    }

    /// Runs SQL that a person wrote, in the dialect of the capabilities. It may only read.
    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>> {
        let _ = (statement, limits);
        unsupported("execute")
    }

    /// Answers each want of a request, in order. Where an answer is `Unsupported`, the engine finds it by `scan`.
    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>> {
        let _ = limits;
        Box::pin(ready(
            ask.wants
                .iter()
                .map(|_| Err(Error::unsupported("ask")))
                .collect(),
        ))
    }

    /// A reduction of the array that a table is, as its [`TableInfo::array`] tells; `InvalidRequest` if `request` does not
    /// pass [`crate::Array::check`]. It is to come well within a second, from a sample if need be.
    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        let _ = (table, request, limits);
        unsupported("array")
    }

    /// The state of the content. Cheap: it is read twice in each request. `None`: nothing may be kept.
    fn version(&self) -> Option<Version> {
        None
    }

    /// The file that the container is, whole, so that a copy of it is a copy of the container; `None` if it is not one
    /// file. It is given away only while [`Details::is_mutable`] is not set. Cheap, without I/O.
    fn file(&self) -> Option<ContainerFile> {
        None
    }
}

fn unsupported<'a, T: Send + 'a>(method: &str) -> BoxFuture<'a, Result<T>> {
    Box::pin(ready(Err(Error::unsupported(format!(
        "This source does not answer `{method}`"
    )))))
}

/// A completed source: everything that the server asks gets an answer.
///
/// `Unsupported` is still possible for a person's SQL (a function that is not there) and for searches without an index.
pub trait Database: Send + Sync {
    /// What the container is.
    fn details(&self) -> Details;

    /// What the source does by itself.
    fn capabilities(&self) -> Capabilities;

    /// The dialect of `execute` and of the SQL shown: the source's own, otherwise `SQLite`'s.
    fn dialect(&self) -> Dialect {
        self.capabilities().dialect.unwrap_or_else(Dialect::sqlite)
    }

    /// As [`Source::table_names`].
    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// As [`Source::hidden_table_names`]; none if the source knows of none.
    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// As [`Source::view_names`]; none if the source has none.
    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// As [`Source::table_info`].
    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>>;

    /// As [`Source::detect_fts`]; `None` if the source cannot search.
    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>>;

    /// As [`Source::foreign_keys`]; none if the source has none.
    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>>;

    /// As [`Source::table_definition`]; made from the columns where the source has no statements of its own.
    fn table_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>>;

    /// As [`Source::indices_definition`]; none if the source has none.
    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>>;

    /// As [`Source::groups`]; none if the source has none.
    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        Box::pin(ready(Ok(Vec::new())))
    }

    /// As [`Source::storage`]; `None` if the source does not tell.
    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<Storage>>> {
        let _ = table;
        Box::pin(ready(Ok(None)))
    }

    /// Answers each want of a request, in order. Wants run side by side, each under its own time limit.
    fn ask<'a>(&'a self, ask: &'a Ask, limits: &'a Limits) -> BoxFuture<'a, Vec<Result<Answer>>>;

    /// Runs SQL that a person wrote. It can only read this database.
    fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Rows>>;

    /// As [`Source::array`]; `Unsupported` where no table is an array.
    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        let _ = (table, request, limits);
        unsupported("array")
    }

    /// As [`Source::version`].
    fn version(&self) -> Option<Version>;

    /// As [`Source::file`].
    fn file(&self) -> Option<ContainerFile> {
        None
    }
}
