//! The columns of a table's page: their heads, what can be done with each, and which are shown.

use serde_json::{Value as Json, json};
use tablecast_connector::{Direction, Operator, ROWID};

use super::grid::Head;
use super::table::cell_class;
use super::table_path;
use crate::Site;
use crate::plan::table::TablePlan;
use crate::request::arguments::Arguments;
use crate::request::{Address, Request};

pub(super) fn head(site: &Site, request: &Request, plan: &TablePlan, with_link: bool) -> Vec<Head> {
    let mut head = Vec::with_capacity(plan.columns.len() + 1);
    if with_link {
        head.push(Head {
            name: "Link".to_owned(),
            class: "col-Link".to_owned(),
            ..Head::default()
        });
    }
    let links = Links::new(site, request);
    head.extend(plan.columns.iter().map(|name| links.head(plan, name)));
    head
}

/// Where the heads and menus of columns lead.
struct Links<'a> {
    request: &'a Request,
    /// The arguments without the place of the page.
    arguments: Arguments,
    unsorted: Address,
    sorted: Address,
    profiles: Option<Address>,
}

impl<'a> Links<'a> {
    fn new(site: &Site, request: &'a Request) -> Self {
        let arguments = request.arguments.without("_next");
        let unsorted = arguments.without("_sort").without("_sort_desc");
        Self {
            unsorted: request.open_address(&unsorted),
            sorted: request.open_address(&arguments),
            profiles: profiles(site, request),
            request,
            arguments,
        }
    }

    fn head(&self, plan: &TablePlan, name: &str) -> Head {
        let column = plan.info.column(name);
        let sort = plan.query.sort.as_ref();
        let direction = sort
            .filter(|sort| sort.column == name)
            .map(|sort| sort.direction);
        let by_default = sort.is_none() && plan.keys == [name];
        let (mark, sorted) = match direction {
            Some(Direction::Ascending) => (" ▼", Some("ascending")),
            Some(Direction::Descending) => (" ▲", Some("descending")),
            None if by_default => (" ▼", Some("ascending")),
            None => ("", None),
        };
        let descending = direction == Some(Direction::Ascending) || by_default;
        let argument = if descending { "_sort_desc" } else { "_sort" };
        Head {
            name: name.to_owned(),
            class: cell_class(column, name),
            mark,
            sorted,
            url: is_sortable(plan, name).then(|| self.unsorted.with(argument, name)),
            hint: column.and_then(hint),
            actions: self.actions(plan, name),
        }
    }

    /// What can be done with a column: to sort by it, count its values, leave out its blank rows, or itself.
    fn actions(&self, plan: &TablePlan, name: &str) -> Vec<(&'static str, String)> {
        let mut actions = Vec::with_capacity(6);
        if is_sortable(plan, name) {
            actions.push(("Sort ascending", self.unsorted.with("_sort", name)));
            actions.push(("Sort descending", self.unsorted.with("_sort_desc", name)));
        }
        if name == ROWID {
            return actions;
        }
        if !self.arguments.all("_facet").any(|facet| facet == name) {
            actions.push(("Facet by this", self.sorted.with("_facet", name)));
        }
        if let Some(profiles) = &self.profiles {
            actions.push(("Profile", profiles.with("_column", name)));
        }
        let not_blank = format!("{name}__{}", Operator::NotBlank.name());
        if !self.arguments.has(&not_blank) {
            let url = self.sorted.with(&not_blank, "1");
            actions.push(("Only rows where it is not blank", url));
        }
        if !plan.keys.iter().any(|key| key == name) {
            let shown = self.arguments.all("_col").any(|shown| shown == name);
            let url = if shown {
                let arguments = self.arguments.without_pair("_col", name);
                self.request.address(&arguments.with("_nocol", name))
            } else {
                self.sorted.with("_nocol", name)
            };
            actions.push(("Hide this column", url));
        }
        actions
    }
}

fn is_sortable(plan: &TablePlan, name: &str) -> bool {
    let sortable = plan.options.sortable_columns.as_ref();
    sortable.is_none_or(|columns| columns.iter().any(|column| column == name))
}

/// Where the profiles of columns under the page's filters are; `None` if there are none.
fn profiles(site: &Site, request: &Request) -> Option<Address> {
    if !site.configuration.settings.is_on("allow_facet") {
        return None;
    }
    let (database, table) = request.target.subject();
    let filters = request.arguments.iter().filter(|(name, _)| {
        let is_filter = !name.starts_with('_') || name.contains("__");
        let is_search = name.starts_with("_search") || name.starts_with("_fts_");
        is_filter || is_search || matches!(*name, "_where" | "_through")
    });
    let path = format!("{}/-/profile", table_path(request, database?, table?));
    Some(Address::open(&path, &filters.collect()))
}

/// The form that chooses columns and their order: every column, whether it is shown, whether it always is, and its
/// profile.
pub(super) fn chooser(site: &Site, request: &Request, plan: &TablePlan) -> Json {
    let profiles = profiles(site, request);
    let profile = |name: &str| {
        profiles
            .as_ref()
            .map(|profiles| profiles.with("_column", name))
    };
    let all = plan.info.columns.iter().filter(|column| column.hidden != 1);
    let mut all: Vec<_> = all.collect();
    if request.arguments.has("_col") {
        // Those that are shown stand first, as they stand in the table.
        let place = |name: &String| plan.columns.iter().position(|shown| shown == name);
        all.sort_by_key(|column| place(&column.name).unwrap_or(usize::MAX));
    }
    let columns: Vec<Json> = all
        .into_iter()
        .map(|column| {
            json!({
                "name": column.name,
                "shown": plan.columns.contains(&column.name),
                "fixed": plan.keys.contains(&column.name),
                "profile": profile(&column.name),
            })
        })
        .collect();
    let kept = request.arguments.iter();
    let kept: Vec<Json> = kept
        .filter(|(name, _)| !matches!(*name, "_col" | "_nocol" | "_next"))
        .map(|(name, value)| json!([name, value]))
        .collect();
    json!({ "columns": columns, "kept": kept })
}

/// What is known of a column, in one line.
fn hint(column: &tablecast_connector::Column) -> Option<String> {
    let parts = [
        Some(&column.declared_type),
        column.metadata.unit.as_ref(),
        column.metadata.description.as_ref(),
    ];
    let parts: Vec<&str> = parts
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(" · "))
}
