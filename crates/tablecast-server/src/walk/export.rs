//! Tables, rows and queries as files.
//!
//! CSV holds a page unless `_stream` asks for all, as Datasette has it. The other formats hold all rows, unless `_size`
//! or `_next` asks for a page: nobody saves a hundred rows by accident.

use arrow_schema::DataType;
use http::HeaderName;
use tablecast_connector::{Error, Result, Statement, TableInfo, is_rowid_name};

use super::table::is_labelled;
use super::table_address;
use crate::fetch::Place;
use crate::fetch::export::{Export, Exported};
use crate::fetch::labels::lookups;
use crate::fetch::page::Page;
use crate::fetch::query::{self, Wanted};
use crate::fetch::table::{TableData, Wants};
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::csv::{self, CsvWriter};
use crate::response::export::arrow::{self, ArrowWriter};
use crate::response::export::labels::Labeller;
use crate::response::export::ndjson::{self, NdjsonWriter};
use crate::response::export::parquet::{self, ParquetWriter};
use crate::response::export::typed::Typing;
use crate::response::export::xlsx::{self, XlsxWriter};
use crate::response::export::{Heading, Heard, Links, Making, Writer, attached};
use crate::response::{Reply, TEXT};
use crate::{Published, Settings, Site};

const WARNING: HeaderName = HeaderName::from_static("tablecast-warning");

/// A table or a view, whole or one page of it.
pub(super) async fn table(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
) -> Result<Reply> {
    let settings = &site.configuration.settings;
    let is_whole = match request.format {
        Format::Csv => wants_stream(request),
        _ => !["_size", "_next"]
            .iter()
            .any(|name| request.arguments.has(name)),
    };
    if is_whole {
        check_stream(request, settings)?;
    }
    let exported = if is_whole {
        Exported::table(place, plan, settings)
    } else {
        let wants = Wants {
            count: false,
            facets: false,
            suggestions: false,
        };
        let data = TableData::fetch(site, request, place, plan, wants, |_| false).await?;
        Exported::page(place.published, data.page)
    };
    let wanted = |column: &str| {
        is_labelled(request, column, false) && plan.columns.iter().any(|shown| shown == column)
    };
    let (references, fixed) = lookups(site, place.published, &plan.info, wanted).await?;
    let address = table_address(request, &place.published.name, &place.info.name);
    let file = File {
        site,
        request,
        name: &place.info.name,
        is_whole,
        declared: declared(&place.info, &plan.columns),
        columns: plan.columns.clone(),
        labeller: Labeller::new(&plan.columns, fixed, references),
        links: Links::of_table(address, &plan.query.columns, &plan.keys),
    };
    file.make(exported).await
}

/// A row.
pub(super) async fn row(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    page: Page,
    keys: &[String],
) -> Result<Reply> {
    let address = table_address(request, &place.published.name, &place.info.name);
    let columns = page.columns.clone();
    let file = File {
        site,
        request,
        name: &place.info.name,
        is_whole: false,
        labeller: Labeller::default(),
        links: Links::of_table(address, &columns, keys),
        declared: declared(&place.info, &columns),
        columns,
    };
    file.make(Exported::page(place.published, page)).await
}

/// The answer of a query.
pub(super) async fn query(
    site: &Site,
    request: &Request,
    published: &Published,
    wanted: Wanted<'_>,
    statement: &Statement,
) -> Result<Reply> {
    let settings = &site.configuration.settings;
    let is_whole = request.format != Format::Csv || wants_stream(request);
    let exported = if is_whole {
        check_stream(request, settings)?;
        query::check(site, published, wanted)?;
        Exported::query(published, statement.clone(), settings)
    } else {
        let data = query::fetch(site, request, published, wanted, statement).await?;
        Exported::page(published, data.page)
    };
    let file = File {
        site,
        request,
        name: wanted
            .configured()
            .map_or(&published.name, |(name, _)| name),
        is_whole,
        columns: Vec::new(),
        declared: Vec::new(),
        labeller: Labeller::default(),
        links: Links::of_query(request),
    };
    file.make(exported).await
}

fn wants_stream(request: &Request) -> bool {
    let typed = request.arguments.first("_stream");
    typed.is_some_and(|typed| !typed.is_empty()) && !request.arguments.is_off("_stream")
}

fn check_stream(request: &Request, settings: &Settings) -> Result<()> {
    if !settings.is_on("allow_csv_stream") {
        let error = Error::invalid("CSV streaming is disabled");
        return Err(match request.format {
            Format::Csv => error,
            _ => {
                Error::invalid("Streaming is disabled").hint("_size=max gives one page of a table")
            }
        });
    }
    if request.arguments.has("_next") {
        return Err(Error::invalid("_next not allowed for CSV streaming"));
    }
    Ok(())
}

fn declared(info: &TableInfo, columns: &[String]) -> Vec<Option<DataType>> {
    let type_of = |name: &String| match info.column(name) {
        Some(column) => (!column.declared_type.is_empty()).then(|| column.data_type.clone()),
        None => is_rowid_name(name).then_some(DataType::Int64),
    };
    columns.iter().map(type_of).collect()
}

/// What is known of a file before its rows.
struct File<'a> {
    site: &'a Site,
    request: &'a Request,
    /// The file's name without its end.
    name: &'a str,
    is_whole: bool,
    /// The columns shown; all that come if empty.
    columns: Vec<String>,
    /// The types that they are declared with.
    declared: Vec<Option<DataType>>,
    labeller: Labeller,
    links: Links,
}

impl File<'_> {
    async fn make(self, exported: Exported) -> Result<Reply> {
        let export = exported.start().await?;
        let names = if self.columns.is_empty() {
            &export.columns
        } else {
            &self.columns
        };
        let heard = |(place, name): (usize, &String)| Heard {
            name: name.clone(),
            has_labels: self.labeller.has(place),
        };
        let heading = Heading {
            columns: names.iter().enumerate().map(heard).collect(),
            links: self.links,
        };
        let arguments = &self.request.arguments;
        let is_saved = arguments.has("_dl");
        let (content_type, extension, disposition) = match self.request.format {
            Format::Ndjson => (ndjson::TYPE, "ndjson", is_saved),
            Format::Parquet => (parquet::TYPE, "parquet", true),
            Format::Arrow => (arrow::TYPE, "arrow", true),
            Format::Xlsx => (xlsx::TYPE, "xlsx", true),
            _ if is_saved => (csv::TYPE, "csv", true),
            _ => (TEXT, "csv", false),
        };
        let mut warnings = Vec::new();
        let (export, writer): (Export, Box<dyn Writer>) = match self.request.format {
            Format::Ndjson => (export, Box::new(NdjsonWriter::new(&heading, arguments))),
            Format::Xlsx => (export, Box::new(XlsxWriter::new(heading, self.name)?)),
            Format::Parquet | Format::Arrow => {
                let typed =
                    Typing::find(&exported, export, heading, self.name, &self.declared).await?;
                warnings = typed.warnings;
                let writer: Box<dyn Writer> = if self.request.format == Format::Parquet {
                    Box::new(ParquetWriter::new(typed.typing)?)
                } else {
                    Box::new(ArrowWriter::new(typed.typing)?)
                };
                (typed.export, writer)
            }
            _ => {
                let settings = &self.site.configuration.settings;
                let bytes_max = settings.number("max_csv_mb") * 1024 * 1024;
                let writer = CsvWriter::new(heading, bytes_max);
                let writer = if arguments.is_off("_header") {
                    writer.without_header()
                } else {
                    writer
                };
                (export, Box::new(writer))
            }
        };
        let making = Making {
            content_type,
            export,
            labeller: self.labeller,
            writer,
        };
        let reply = match self.request.format {
            Format::Xlsx => making.filed().await?,
            _ if self.is_whole => making.streamed()?,
            _ => making.whole().await?,
        };
        let reply = if disposition {
            attached(reply, self.name, extension)
        } else {
            reply
        };
        Ok(warnings
            .iter()
            .fold(reply, |reply, warning| reply.with(WARNING, warning)))
    }
}
