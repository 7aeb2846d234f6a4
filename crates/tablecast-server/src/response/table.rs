//! A table's page as JSON.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use tablecast_connector::Result;
use tablecast_sql::{count, syntax_of};

use super::extras::{self, Scope};
use super::html::class;
use super::json::{Shown, Writing, reply};
use super::{Reply, facets};
use crate::fetch::Place;
use crate::fetch::labels::references;
use crate::fetch::table::{TableData, Wants};
use crate::plan::description::describe;
use crate::plan::table::TablePlan;
use crate::request::Request;

/// What must be fetched for the extras that were asked for.
pub(crate) fn wants(request: &Request, plan: &TablePlan) -> Wants {
    let extra = |name: &str| plan.arguments.extras.contains(name);
    let wanted = |switch: &str| !request.arguments.is_on(switch);
    let has_facets = !plan.arguments.facets.is_empty();
    Wants {
        count: (extra("count") || extra("count_truncated")) && wanted("_nocount"),
        facets: (has_facets
            || extra("facet_results")
            || extra("sorted_facet_results")
            || extra("facets_timed_out"))
            && wanted("_nofacet"),
        suggestions: extra("suggested_facets") && wanted("_nosuggest") && wanted("_nofacet"),
    }
}

/// The page as JSON.
pub(crate) async fn to_json(
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
    writing: &Writing<'_>,
) -> Result<Reply> {
    let next_url = next_url(request, data);
    let mut envelope = Map::new();
    envelope.insert("ok".to_owned(), true.into());
    envelope.insert("next".to_owned(), data.next.clone().into());
    envelope.insert("next_url".to_owned(), next_url.clone().into());
    let is_about_facets = |(name, _): (&str, &str)| name.starts_with("_facet");
    if request.arguments.iter().any(is_about_facets) {
        envelope.insert("facet_results".to_owned(), facets::results(request, data));
    }
    for name in names(&plan.arguments.extras) {
        let value = extra(name, request, place, plan, data).await?;
        envelope.insert(name.to_owned(), value);
    }
    envelope.insert("truncated".to_owned(), false.into());
    let shown = Shown {
        page: &data.page,
        width: plan.columns.len(),
        keys: &plan.keys,
        labels: &data.labels,
    };
    let mut answer = reply(&shown, writing, &envelope)?;
    if let Some(url) = next_url {
        answer = answer.with_link(&format!("<{url}>; rel=\"next\""));
    }
    Ok(answer)
}

/// The extras asked for; a count comes with whether it is all.
fn names(extras: &BTreeSet<String>) -> BTreeSet<&str> {
    let mut names: BTreeSet<&str> = extras.iter().map(String::as_str).collect();
    if names.contains("count") {
        names.insert("count_truncated");
    }
    names
}

/// The whole address of the next page.
pub(crate) fn next_url(request: &Request, data: &TableData) -> Option<String> {
    let token = data.next.as_ref()?;
    let mut arguments = request.arguments.replacing("_next", token);
    // The order is named behind the token, whether it was asked for or configured, since the token depends on it.
    for name in ["_sort", "_sort_desc"] {
        if let Some(column) = request.arguments.first(name) {
            arguments = arguments.replacing(name, column);
        }
    }
    Some(request.absolute(&arguments))
}

pub(super) async fn extra(
    name: &str,
    request: &Request,
    place: &Place<'_>,
    plan: &TablePlan,
    data: &TableData,
) -> Result<Json> {
    if let Some(value) = extras::common(name, request, place.published) {
        return Ok(value);
    }
    let database = &place.published.database;
    let definition = |wanted: bool| async move {
        if wanted {
            database.table_definition(&plan.info.name).await
        } else {
            Ok(None)
        }
    };
    Ok(match name {
        "count" => data.count.map(|count| count.rows).into(),
        "count_truncated" => data.count.is_some_and(|count| count.truncated).into(),
        "count_sql" => {
            let statement = count(
                syntax_of(&database.dialect())?,
                &plan.query.table,
                &plan.query.filters,
            )?;
            statement.sql.into()
        }
        "facet_results" => facets::results(request, data),
        "sorted_facet_results" => sorted(&facets::results(request, data)),
        "facets_timed_out" => data.timed_out.clone().into(),
        "suggested_facets" => facets::suggested(request, plan, data),
        "human_description_en" => describe(plan).into(),
        "columns" => plan.columns.clone().into(),
        "all_columns" => plan
            .info
            .columns
            .iter()
            .map(|c| c.name.clone())
            .collect::<Vec<_>>()
            .into(),
        "primary_keys" => primary_keys(plan).into(),
        "column_details" => extras::column_details(&plan.info),
        "query" => extras::query(plan, place.published)?,
        "render_cell" => {
            extras::render_cell(&data.page, plan.columns.len(), &plan.options.column_types)?
        }
        "display_columns" => display_columns(plan),
        "custom_table_templates" => json!(custom_templates(&place.published.name, &plan.info.name)),
        "column_types" => Json::Object(plan.options.column_types.clone().into_iter().collect()),
        "metadata" => extras::metadata(plan),
        "extras" => extras::list(request, &plan.arguments.extras, Scope::Table),
        "table" => plan.info.name.clone().into(),
        "renderers" => renderers(request),
        "table_definition" => definition(!plan.is_view()).await?.into(),
        "view_definition" => definition(plan.is_view()).await?.into(),
        "is_view" => plan.is_view().into(),
        "expandable_columns" => expandable(place, plan).await?,
        "form_hidden_args" => hidden_arguments(request),
        _ => Json::Null,
    })
}

/// What a page shows of each column, with the column of links where rows have one.
fn display_columns(plan: &TablePlan) -> Json {
    let sortable = |name: &String| {
        let configured = plan.options.sortable_columns.as_ref();
        configured.is_none_or(|columns| columns.contains(name))
    };
    let shown = plan.columns.iter().filter_map(|name| {
        let column = plan.info.column(name);
        let is_row_number = name == tablecast_connector::ROWID;
        if column.is_none() && !is_row_number {
            return None;
        }
        let is_key = plan.keys == [name.clone()];
        let mut item = json!({
            "name": name,
            "sortable": sortable(name),
            "is_pk": plan.keys.contains(name),
            "type": column.map_or("integer", |column| column.declared_type.as_str()),
            "notnull": u8::from(column.is_some_and(|column| column.not_null)),
        });
        if let Some(members) = item.as_object_mut()
            && (!is_key || is_row_number)
        {
            let described = plan.options.metadata.get("columns");
            let kind = plan.options.column_types.get(name);
            let kind_name =
                kind.and_then(|kind| kind.as_str().or_else(|| kind.get("type")?.as_str()));
            let described = described.and_then(|columns| columns.get(name));
            members.insert(
                "description".to_owned(),
                described.cloned().unwrap_or_default(),
            );
            members.insert("column_type".to_owned(), kind_name.into());
            let config = kind.and_then(|kind| kind.get("config"));
            members.insert(
                "column_type_config".to_owned(),
                config.cloned().unwrap_or_default(),
            );
        }
        Some(item)
    });
    let has_links = plan.keys.len() > 1 || plan.keys == [tablecast_connector::ROWID];
    let link = json!({ "name": "Link", "sortable": false, "is_pk": false, "type": "", "notnull": 0, "is_special_link_column": true });
    has_links.then_some(link).into_iter().chain(shown).collect()
}

pub(super) fn custom_templates(database: &str, table: &str) -> [String; 3] {
    let (database, table) = (class(database), class(table));
    [
        format!("_table-{database}-{table}.html"),
        format!("_table-table-{database}-{table}.html"),
        "_table.html".to_owned(),
    ]
}

fn primary_keys(plan: &TablePlan) -> Vec<String> {
    plan.keys
        .iter()
        .filter(|key| *key != tablecast_connector::ROWID)
        .cloned()
        .collect()
}

/// The facets as a list: configured ones in their order, then by how many values they have.
fn sorted(results: &Json) -> Json {
    let mut facets: Vec<Json> = results
        .get("results")
        .and_then(Json::as_object)
        .map(|r| r.values().cloned().collect())
        .unwrap_or_default();
    facets.sort_by_key(|facet| {
        let values = facet
            .get("results")
            .and_then(Json::as_array)
            .map_or(0, Vec::len);
        let hideable = facet
            .get("hideable")
            .and_then(Json::as_bool)
            .unwrap_or_default();
        (hideable, if hideable { usize::MAX - values } else { 0 })
    });
    facets.into()
}

fn renderers(request: &Request) -> Json {
    let path = request
        .path
        .rsplit_once('.')
        .map_or(request.path.as_str(), |(path, _)| path);
    let query = request.arguments.to_query();
    let mark = if query.is_empty() { "" } else { "?" };
    json!({ "json": format!("{}.json{mark}{query}", request.link(path)) })
}

async fn expandable(place: &Place<'_>, plan: &TablePlan) -> Result<Json> {
    let mut columns = Vec::new();
    for (column, other_table, other_column) in references(place.published, &plan.info.name).await? {
        let label = match place.published.database.table_info(&other_table).await {
            Ok(info) => crate::plan::labels::label_column(&info, &crate::TableOptions::default()),
            Err(_) => None,
        };
        let key =
            json!({ "column": column, "other_table": other_table, "other_column": other_column });
        columns.push(json!([key, label]));
    }
    Ok(columns.into())
}

/// What a filter form must carry along.
fn hidden_arguments(request: &Request) -> Json {
    let kept = request.arguments.iter().filter(|(name, _)| {
        name.starts_with('_')
            && !matches!(*name, "_sort" | "_sort_desc" | "_search" | "_next")
            && !name.contains("__")
            && !name.starts_with("_filter_")
    });
    kept.map(|(name, value)| json!([name, value])).collect()
}
