//! What is documented of a table's page and of a row's page.

use std::collections::BTreeMap;

use minijinja::Value;
use serde_json::{Value as Json, json};
use tablecast_connector::{Direction, Filter, OPERATORS, ROWID, Result};

use super::cells::Rows;
use super::draw::Documented;
use super::functions::{append_querystring, constant, fix_path};
use super::request::path_with_replaced_args;
use crate::Site;
use crate::fetch::Place;
use crate::fetch::labels::{Labels, references};
use crate::fetch::table::TableData;
use crate::permission::{Action, Subject};
use crate::plan::description::describe;
use crate::plan::paging::text;
use crate::plan::table::TablePlan;
use crate::request::Request;
use crate::request::arguments::Arguments;
use crate::response::html::{Cells, class, other_format, table_path, words};
use crate::response::row::{self as row_json, RowData};
use crate::response::table as table_json;

/// What is documented of a table's page under the name that the same extra of its JSON has.
const EXTRAS: &[&str] = &[
    "all_columns",
    "columns",
    "count",
    "count_sql",
    "count_truncated",
    "custom_table_templates",
    "database",
    "database_color",
    "display_columns",
    "expandable_columns",
    "facet_results",
    "facets_timed_out",
    "form_hidden_args",
    "human_description_en",
    "is_view",
    "metadata",
    "primary_keys",
    "private",
    "query",
    "set_column_type_ui",
    "sorted_facet_results",
    "suggested_facets",
    "table",
    "table_definition",
    "view_definition",
];

/// What is documented of a table's page. `drawn` are its cells as HTML.
pub(crate) async fn table(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
    drawn: &Cells,
) -> Result<Documented> {
    let (database, name) = (&place.published.name, &plan.info.name);
    let (in_name, of_name) = (class(database), class(name));
    let mut page = Documented {
        names: vec![
            format!("table-{in_name}-{of_name}.html"),
            "table.html".to_owned(),
        ],
        context: Vec::new(),
    };
    page.add_constant("actions", Vec::<Value>::new());
    let mut expandable = Json::Null;
    for extra in EXTRAS {
        let value = table_json::extra(extra, request, place, plan, data).await?;
        if *extra == "expandable_columns" {
            expandable.clone_from(&value);
        }
        page.add_json(extra, value);
    }
    let rows = Rows {
        page: &data.page,
        drawn,
        columns: &plan.columns,
        keys: &plan.keys,
        labels: &data.labels,
        with_link: plan.keys.len() > 1 || plan.keys == [ROWID],
        key_links: true,
    };
    page.add("display_rows", rows.shown()?);
    page.add("rows", rows.plain()?);
    page.add("ok", true);
    page.add("next", data.next.clone());
    page.add("next_url", table_json::next_url(request, data));
    filtering(&mut page, request, plan);
    let has_labels = expandable.as_array().is_some_and(|list| !list.is_empty());
    exporting(&mut page, request, has_labels);
    sorting(&mut page, plan);
    page.add("append_querystring", append_querystring());
    page.add("path_with_replaced_args", path_with_replaced_args(request));
    page.add("fix_path", fix_path(&request.base));
    let settings = &site.configuration.settings;
    page.add_json("settings", settings.to_json());
    page.add("alternate_url_json", other_format(request, "json"));
    let facets = if settings.is_on("allow_facet") {
        "true"
    } else {
        "false"
    };
    page.add("datasette_allow_facet", facets);
    page.add(
        "allow_execute_sql",
        site.allows(Action::ExecuteSql, Subject::Database(database)),
    );
    page.add("query_ms", data.milliseconds);
    page.add_constant("top_table", "");
    page.add_json(
        "table_page_data",
        page_data(site, request, database, name, &expandable),
    );
    page.add("table_insert_ui", ());
    page.add("table_alter_ui", ());
    Ok(page)
}

/// What stands in the forms that filter.
fn filtering(page: &mut Documented, request: &Request, plan: &TablePlan) {
    let columns = plan.info.columns.iter();
    let columns: Vec<String> = columns.map(|column| column.name.clone()).collect();
    page.add("filter_columns", columns);
    page.add("supports_search", plan.search_index.is_some());
    let wheres = request.arguments.all("_where").map(|text| {
        let arguments = request.arguments.without_pair("_where", text);
        json!({ "text": text, "remove_url": request.address(&arguments) })
    });
    page.add_json("extra_wheres_for_ui", wheres.collect::<Vec<_>>());
    let selections: Vec<Value> = plan
        .arguments
        .filters
        .iter()
        .filter_map(|filter| match filter {
            Filter::Condition {
                column,
                operator,
                value,
            } => {
                let parts = [column.as_str(), operator.name(), value.as_str()];
                Some(parts.into_iter().map(Value::from).collect())
            }
            _ => None,
        })
        .collect();
    let lookups = OPERATORS.iter().map(|(name, operator)| {
        Value::from(vec![
            Value::from(*name),
            Value::from(words(*operator)),
            Value::from(!operator.takes_value()),
        ])
    });
    // The object that Datasette calls so, as far as templates call it.
    let filters = [
        ("human_description_en", constant(describe(plan).into())),
        ("has_selections", constant((!selections.is_empty()).into())),
        ("selections", constant(selections.into())),
        ("lookups", constant(lookups.collect::<Vec<_>>().into())),
    ];
    page.add("filters", Value::from_pairs(filters));
}

fn exporting(page: &mut Documented, request: &Request, has_labels: bool) {
    let mut arguments = request.arguments.clone();
    if has_labels {
        arguments = arguments.replacing("_labels", "on");
    }
    page.add_json("renderers", renderers(request, &arguments));
    let (url, path, hidden) = csv(request, has_labels);
    page.add("url_csv", url);
    page.add("url_csv_path", path);
    page.add_json("url_csv_hidden_args", hidden);
}

/// The address of a page's CSV, its path alone, and the arguments that a form for it carries.
pub(super) fn csv(request: &Request, has_labels: bool) -> (String, String, Json) {
    let path = format!("{}.csv", request.link(&request.path));
    let mut arguments: Arguments = request.arguments.without("_size");
    if has_labels {
        arguments = arguments.replacing("_labels", "on");
    }
    let arguments = arguments.with("_size", "max");
    let hidden = arguments
        .iter()
        .filter(|(name, _)| !matches!(*name, "_labels" | "_facet"));
    let hidden = hidden.map(|(name, value)| json!([name, value])).collect();
    (format!("{path}?{}", arguments.to_query()), path, hidden)
}

fn sorting(page: &mut Documented, plan: &TablePlan) {
    let sort = plan.query.sort.as_ref();
    let of = |direction: Direction| {
        let sort = sort.filter(|sort| sort.direction == direction);
        sort.map(|sort| sort.column.clone())
    };
    let by_key = || match plan.keys.as_slice() {
        [only] if sort.is_none() => Some(only.clone()),
        _ => None,
    };
    page.add("sort", of(Direction::Ascending).or_else(by_key));
    page.add("sort_desc", of(Direction::Descending));
    let sortable = plan.options.sortable_columns.as_ref();
    let is_sortable = plan
        .columns
        .iter()
        .any(|name| sortable.is_none_or(|columns| columns.contains(name)));
    page.add("is_sortable", is_sortable);
}

/// The addresses of the page in other formats.
pub(super) fn renderers(request: &Request, arguments: &Arguments) -> Json {
    let path = format!("{}.json", request.link(&request.path));
    let query = arguments.to_query();
    let mark = if query.is_empty() { "" } else { "?" };
    json!({ "json": format!("{path}{mark}{query}") })
}

/// What scripts of the page are told.
fn page_data(
    site: &Site,
    request: &Request,
    database: &str,
    table: &str,
    expandable: &Json,
) -> Json {
    let url = table_path(request, database, table);
    let mut data = json!({ "database": database, "table": table, "tableUrl": url });
    let keys = expandable
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let key = item.get(0)?;
            let other = key.get("other_table")?.as_str()?;
            if !site.allows(Action::ViewTable, Subject::Table(database, other)) {
                return None;
            }
            let path = format!("{}/-/autocomplete", table_path(request, database, other));
            Some((key.get("column")?.as_str()?.to_owned(), path.into()))
        });
    let keys: serde_json::Map<String, Json> = keys.collect();
    if let (Some(members), false) = (data.as_object_mut(), keys.is_empty()) {
        members.insert("foreignKeys".to_owned(), keys.into());
    }
    data
}

/// What is documented of a row's page. `drawn` are its cells as HTML.
pub(crate) async fn row(
    site: &Site,
    request: &Request,
    place: &Place<'_>,
    data: &RowData,
    labels: &BTreeMap<String, Labels>,
    drawn: &Cells,
) -> Result<Documented> {
    let (database, name) = (&place.published.name, &place.info.name);
    let (in_name, of_name) = (class(database), class(name));
    let mut page = Documented {
        names: vec![
            format!("row-{in_name}-{of_name}.html"),
            "row.html".to_owned(),
        ],
        context: Vec::new(),
    };
    page.add("database", database.as_str());
    page.add("database_color", crate::response::extras::color(database));
    for extra in [
        "columns",
        "foreign_key_tables",
        "metadata",
        "primary_keys",
        "table",
    ] {
        page.add_json(
            extra,
            row_json::extra(extra, site, request, place, data).await?,
        );
    }
    page.add("private", false);
    page.add("ok", true);
    let none = BTreeMap::new();
    let rows = |labels| Rows {
        page: &data.page,
        drawn,
        columns: &data.page.columns,
        keys: &data.keys,
        labels,
        with_link: false,
        key_links: false,
    };
    page.add("rows", rows(&none).plain()?);
    let keys: Vec<String> = data.key.iter().map(text).collect();
    page.add("primary_key_values", keys);
    page.add("query_ms", data.milliseconds);
    page.add_json("display_columns", columns(place, data));
    page.add("display_rows", rows(labels).shown()?);
    let templates = [
        format!("_table-{in_name}-{of_name}.html"),
        format!("_table-row-{in_name}-{of_name}.html"),
        "_table.html".to_owned(),
    ];
    page.add("custom_table_templates", templates.to_vec());
    page.add("row_actions", Vec::<Value>::new());
    page.add("row_mutation_ui", false);
    let keys = references(place.published, name).await?;
    let keys = keys
        .into_iter()
        .map(|(column, other_table, _)| json!([{ "column": column, "other_table": other_table }]));
    let keys: Json = keys.collect();
    page.add_json(
        "table_page_data",
        page_data(site, request, database, name, &keys),
    );
    page.add_constant("top_row", "");
    exporting(&mut page, request, false);
    page.add_json("settings", site.configuration.settings.to_json());
    page.add("alternate_url_json", other_format(request, "json"));
    Ok(page)
}

/// The columns of a row's page.
fn columns(place: &Place<'_>, data: &RowData) -> Json {
    let columns = data.page.columns.iter().map(|name| {
        let column = place.info.column(name);
        let described = data
            .options
            .metadata
            .get("columns")
            .and_then(|it| it.get(name));
        let kind = data.options.column_types.get(name);
        let kind_name = kind.and_then(|kind| kind.as_str().or_else(|| kind.get("type")?.as_str()));
        json!({
            "name": name,
            "sortable": false,
            "is_pk": data.keys.contains(name),
            "type": column.map_or("integer", |column| column.declared_type.as_str()),
            "notnull": u8::from(column.is_some_and(|column| column.not_null)),
            "description": described,
            "column_type": kind_name,
            "column_type_config": kind.and_then(|kind| kind.get("config")),
        })
    });
    columns.collect()
}
