//! A table's page and a row's page.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tablecast_connector::{Affinity, Cell, Count, ROWID, Result, Value};
use tablecast_sql::{count, syntax_of};

use super::cells::{Showing, escape_into, link, typed};
use super::columns::{chooser, head};
use super::form::form;
use super::grid::{Cells, Head, grid};
use super::picture;
use super::{Page, class, database_path, other_format, render, table_path, thousands};
use crate::Site;
use crate::fetch::Place;
use crate::fetch::counting::Sampled;
use crate::fetch::labels::Labels;
use crate::fetch::page::Page as Rows;
use crate::fetch::row::references;
use crate::fetch::table::TableData;
use crate::names::{query_encode, tilde_encode};
use crate::permission::{Action, Subject};
use crate::plan::description::describe;
use crate::plan::paging::{row_path, text};
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::target::Format;
use crate::response::row::{RowData, reference_json};
use crate::response::table::custom_templates;
use crate::response::{Reply, extras, facets, table as table_json, templates};

/// Columns and cells of rows, ready for the template.
struct Drawing<'a> {
    request: &'a Request,
    database: &'a str,
    table: &'a str,
    keys: &'a [String],
    labels: &'a BTreeMap<String, Labels>,
    types: &'a BTreeMap<String, Json>,
    showing: Showing,
}

impl Drawing<'_> {
    /// The rows of `page`, its first `width` columns.
    fn rows(&self, page: &Rows, width: usize, with_link: bool) -> Result<Cells> {
        let place_of = |key: &String| page.columns.iter().position(|column| column == key);
        let keys: Vec<usize> = self.keys.iter().filter_map(place_of).collect();
        let columns: Vec<DrawnColumn<'_>> = page
            .columns
            .iter()
            .take(width)
            .map(|name| self.column(name))
            .collect();
        let table = table_path(self.request, self.database, self.table);
        let mut cells = Cells::new(width + usize::from(with_link), page.rows);
        page.each_row(|row| {
            let key: Vec<Value> = keys
                .iter()
                .map(|place| row.cell(*place).to_value())
                .collect();
            let path = format!("{table}/{}", row_path(&key));
            if with_link {
                let shown: Vec<String> = key.iter().map(text).collect();
                cells.add(|out| link(&path, &shown.join(","), out));
            }
            for (place, column) in columns.iter().enumerate() {
                let cell = row.cell(place);
                cells.add(|out| self.cell(column, &cell, &path, out));
            }
        })?;
        Ok(cells)
    }

    fn column<'a>(&'a self, name: &'a str) -> DrawnColumn<'a> {
        DrawnColumn {
            name,
            labels: self.labels.get(name),
            // A table with one key links its rows by it.
            is_link: self.keys == [name] && name != ROWID,
            kind: self.types.get(name),
        }
    }

    fn cell(&self, column: &DrawnColumn<'_>, cell: &Cell<'_>, path: &str, out: &mut String) {
        if let Some(labels) = column.labels.filter(|_| !cell.is_null()) {
            return self.labelled(labels, cell, out);
        }
        if column.is_link {
            return link(path, &text(&cell.to_value()), out);
        }
        if let Some(html) = column.kind.and_then(|kind| typed(kind, cell)) {
            return out.push_str(&html);
        }
        let blob_url = || {
            let column = query_encode(column.name);
            (!self.keys.is_empty()).then(|| format!("{path}.blob?_blob_column={column}"))
        };
        self.showing.cell(cell, blob_url, out);
    }

    fn labelled(&self, labels: &Labels, cell: &Cell<'_>, out: &mut String) {
        let value = cell.to_value();
        let shown = text(&value);
        let Some((table, column)) = &labels.table else {
            escape_into(labels.of(&value).unwrap_or_default(), out);
            return in_small(&shown, out);
        };
        let url = format!(
            "{}/{}",
            table_path(self.request, self.database, table),
            tilde_encode(&shown)
        );
        match labels.of(&value) {
            None => escape_into(&shown, out),
            Some(label)
                if label == shown && (matches!(value, Value::Text(_)) || column.is_empty()) =>
            {
                link(&url, &shown, out);
            }
            Some(label) => {
                link(&url, if label.is_empty() { "-" } else { label }, out);
                in_small(&shown, out);
            }
        }
    }
}

/// What is known of a column before its cells are drawn.
struct DrawnColumn<'a> {
    name: &'a str,
    labels: Option<&'a Labels>,
    is_link: bool,
    /// Its configured type.
    kind: Option<&'a Json>,
}

/// Writes a value behind its label.
fn in_small(shown: &str, out: &mut String) {
    out.push_str(" <em>");
    escape_into(shown, out);
    out.push_str("</em>");
}

/// The class of a column's cells: numbers stand to the right.
pub(super) fn cell_class(plan_column: Option<&tablecast_connector::Column>, name: &str) -> String {
    let number = plan_column.is_some_and(|column| {
        column.affinity.is_numeric()
            && column.labels.is_empty()
            && column.affinity != Affinity::Blob
    });
    let kind = if number || name == ROWID {
        " number"
    } else {
        ""
    };
    format!("col-{}{kind}", class(name))
}

pub(crate) async fn table(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
) -> Result<Reply> {
    let name = &place.published.name;
    let (head, cells) = drawn(site, request, place, plan, data)?;
    let heading = plan.options.title().unwrap_or(&plan.info.name);
    let view = if plan.is_view() { " (view)" } else { "" };
    let human = describe(plan);
    let database = &place.published.database;
    let mut definition = database
        .table_definition(&plan.info.name)
        .await?
        .unwrap_or_default();
    for index in database.indices_definition(&plan.info.name).await? {
        definition = format!("{definition};\n{index}");
    }
    let mut context = json!({
        "title": format!("{name}: {}", plan.info.name),
        "heading": format!("{heading}{view}"),
        "description": described(plan),
        "description_html": plan.options.metadata.get("description_html"),
        "count_words": data.count.map(|count| if count.truncated { ">10,000".to_owned() } else { thousands(count.rows) }),
        "rows_word": if data.count.is_some_and(|count| count.rows == 1) { "row" } else { "rows" },
        "human": human,
        "unit": plan.info.metadata.unit,
        "attributes": attributes(plan),
        "row_count": cells.rows(),
        // Rows that are left out are not "no rows".
        "grid": (!data.is_without_rows).then(|| grid(&head, &cells)),
        "next_url": table_json::next_url(request, data),
        "csv_url": other_format(request, "csv"),
        "exports": exports(request),
        "chooser": chooser(site, request, plan),
        "count_url": data.count.filter(|count| count.truncated).and_then(|_| count_url(site, request, place, plan)),
        "milliseconds": format!("{:.1}", data.milliseconds),
        "definition": definition,
        "picture": picture::on_table(request, name, &plan.info),
    });
    if let Some(context) = context.as_object_mut() {
        context.extend(form(request, plan).as_object().cloned().unwrap_or_default());
        context.extend(
            facet_context(request, plan, data)
                .as_object()
                .cloned()
                .unwrap_or_default(),
        );
        if site.allows(Action::ExecuteSql, Subject::Database(&place.published.name))
            && let Ok(query) = extras::query(plan, place.published)
        {
            context.insert("sql_url".to_owned(), sql_url(request, name, &query).into());
        }
    }
    let page = Page {
        template: "table.html",
        context,
        crumbs: vec![(name.clone(), database_path(request, name))],
        warnings: &plan.warnings,
    };
    if templates::is_wanted(site, request) {
        let documented = templates::table(site, request, place, plan, data, &cells).await?;
        return Ok(templates::draw(site, request, page, documented));
    }
    Ok(render(site, request, page))
}

/// The rows of a table's page and nothing else.
pub(crate) async fn fragment(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
) -> Result<Reply> {
    let (head, cells) = drawn(site, request, place, plan, data)?;
    let page = Page {
        template: "_table.html",
        context: json!({ "row_count": cells.rows(), "grid": grid(&head, &cells), "json_url": null }),
        crumbs: Vec::new(),
        warnings: &plan.warnings,
    };
    if templates::is_wanted(site, request) {
        let mut documented = templates::table(site, request, place, plan, data, &cells).await?;
        documented.names = custom_templates(&place.published.name, &plan.info.name).into();
        return Ok(templates::draw(site, request, page, documented));
    }
    Ok(render(site, request, page))
}

/// The head and the cells of a table's rows.
fn drawn(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
) -> Result<(Vec<Head>, Cells)> {
    let drawing = Drawing {
        request,
        database: &place.published.name,
        table: &plan.info.name,
        keys: &plan.keys,
        labels: &data.labels,
        types: &plan.options.column_types,
        showing: Showing {
            characters_max: site.configuration.settings.number("truncate_cells_html") as usize,
        },
    };
    let with_link = plan.keys.len() > 1 || plan.keys == [ROWID];
    let cells = drawing.rows(&data.page, plan.columns.len(), with_link)?;
    Ok((head(site, request, plan, with_link), cells))
}

/// All rows in each format that takes them as they come.
pub(super) fn exports(request: &Request) -> Vec<Json> {
    [
        ("CSV", Format::Csv),
        ("NDJSON", Format::Ndjson),
        ("Parquet", Format::Parquet),
        ("Arrow", Format::Arrow),
        ("Excel", Format::Xlsx),
    ]
    .into_iter()
    .map(|(name, format)| {
        let arguments = request.arguments.without("_next").without("_size");
        let path = format!("{}{}", request.link(&request.path), format.suffix());
        let query = arguments
            .replacing("_stream", "on")
            .replacing("_dl", "1")
            .to_query();
        json!({ "name": name, "url": format!("{path}?{query}") })
    })
    .collect()
}

/// The page that counts all rows, where SQL may be run.
fn count_url(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
) -> Option<String> {
    let name = &place.published.name;
    if !site.allows(Action::ExecuteSql, Subject::Database(name)) {
        return None;
    }
    let syntax = syntax_of(&place.published.database.dialect()).ok()?;
    let statement = count(syntax, &plan.query.table, &plan.query.filters).ok()?;
    let query =
        json!({ "sql": statement.sql, "params": extras::parameters(&statement.parameters) });
    Some(sql_url(request, name, &query))
}

fn described(plan: &TablePlan) -> Option<String> {
    let configured = plan
        .options
        .metadata
        .get("description")
        .and_then(Json::as_str)
        .map(str::to_owned);
    let own = &plan.info.metadata;
    let parts: Vec<String> = [&own.title, &own.description]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    configured.or_else(|| (!parts.is_empty()).then(|| parts.join(". ")))
}

fn attributes(plan: &TablePlan) -> Vec<Json> {
    let attributes = plan.info.metadata.attributes.iter();
    attributes
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect()
}

fn facet_context(request: &Request, plan: &TablePlan, data: &TableData) -> Json {
    let results = facets::results(request, data);
    let results = results.get("results").and_then(Json::as_object);
    let results = results.into_iter().flat_map(|facets| facets.values());
    let mut shown: Vec<Json> = results.map(|facet| facet_shown(facet, None)).collect();
    let sampled = data.sampled.iter();
    shown.extend(sampled.map(|sampled| {
        let facet = facets::result(request, data, &sampled.facet);
        facet_shown(&facet, Some((sampled, data.count)))
    }));
    let is_shown = |column: &&String| {
        let mut sampled = data.sampled.iter();
        sampled.any(|sampled| sampled.facet.plan.column == **column)
    };
    let timed_out: Vec<&String> = data.timed_out.iter().filter(|it| !is_shown(it)).collect();
    let suggested = facets::suggested(request, plan, data);
    let suggested: Vec<Json> = suggested
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| {
            let kind = item
                .get("type")
                .and_then(Json::as_str)
                .map_or_else(String::new, |kind| format!(" ({kind})"));
            let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
            json!({ "name": format!("{name}{kind}"), "url": item.get("toggle_url") })
        })
        .collect();
    json!({ "facets": shown, "suggested": suggested, "timed_out": timed_out, "late": data.timed_out.len() })
}

/// A facet as its template takes it, of all rows or of a sample.
fn facet_shown(facet: &Json, sampled: Option<(&Sampled, Option<Count>)>) -> Json {
    let hideable = facet.get("hideable").and_then(Json::as_bool) == Some(true);
    json!({
        "name": facet.get("name"),
        "kind": facet.get("type"),
        "results": facet.get("results"),
        "truncated": facet.get("truncated"),
        "hide_url": facet.get("toggle_url").filter(|_| hideable),
        "sampled": sampled.map(|(sampled, count)| {
            // The sample is no larger than what there is.
            let rows = count.map_or(u64::MAX, |count| count.rows);
            thousands(sampled.rows.min(rows))
        }),
        "counting": sampled.is_some_and(|(sampled, _)| sampled.is_counting),
    })
}

pub(crate) fn sql_url(request: &Request, database: &str, query: &Json) -> String {
    let mut url = format!(
        "{}/-/query?sql={}",
        database_path(request, database),
        query_encode(query.get("sql").and_then(Json::as_str).unwrap_or_default())
    );
    for (name, value) in query
        .get("params")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        url = format!("{url}&{}={}", query_encode(name), query_encode(&value));
    }
    url
}

pub(crate) async fn row(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    data: &RowData,
    labels: &BTreeMap<String, Labels>,
) -> Result<Reply> {
    let (database, table) = (&place.published.name, &place.info.name);
    let drawing = Drawing {
        request,
        database,
        table,
        keys: &data.keys,
        labels,
        types: &data.options.column_types,
        showing: Showing { characters_max: 0 },
    };
    let cells = drawing.rows(&data.page, data.page.columns.len(), false)?;
    let head: Vec<Head> = data
        .page
        .columns
        .iter()
        .map(|name| Head {
            name: name.clone(),
            class: cell_class(place.info.column(name), name),
            ..Head::default()
        })
        .collect();
    let key: Vec<String> = data.key.iter().map(text).collect();
    let title = data.options.title().unwrap_or(table);
    let links: Vec<Json> = references(site, request, place, |column| data.value(column))
        .await?
        .iter()
        .map(|reference| {
            let json = reference_json(request, place, reference);
            let count = reference.count.map_or_else(|| "?".to_owned(), thousands);
            let rows = if reference.count == Some(1) {
                "row"
            } else {
                "rows"
            };
            let words = format!(
                "{count} {rows} from {} in {}",
                reference.column, reference.table
            );
            json!({ "url": json.get("link"), "text": words })
        })
        .collect();
    let context = json!({
        "title": format!("{database}: {table}"),
        "heading": format!("{title}: {}", key.join(", ")),
        "row_count": cells.rows(),
        "grid": grid(&head, &cells),
        "references": links,
        "csv_url": other_format(request, "csv"),
        "milliseconds": format!("{:.1}", data.milliseconds),
    });
    let crumbs = vec![
        (database.clone(), database_path(request, database)),
        (table.clone(), table_path(request, database, table)),
    ];
    let page = Page {
        template: "row.html",
        context,
        crumbs,
        warnings: &[],
    };
    if templates::is_wanted(site, request) {
        let documented = templates::row(site, request, place, data, labels, &cells).await?;
        return Ok(templates::draw(site, request, page, documented));
    }
    Ok(render(site, request, page))
}
