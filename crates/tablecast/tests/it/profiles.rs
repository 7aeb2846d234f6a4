//! Profiles of columns, over SQLite and over HDF5: what they tell, what they refuse, and that a sample says it is one.

use serde_json::{Value, json};

use crate::made::{Folder, climate};
use crate::program::Program;

const MEASURED: &str = "
    create table m (id integer primary key, big integer, x real, day text, note text, raw blob, any, [odd & name] text);
    insert into m values
        (1, 9007199254740993, 0.1, '2020-02-28', 'a', x'00', 1, 'p/q'),
        (2, 9007199254740992, 0.2, '2020-03-01', 'b', x'0011', 'two', 'p/q'),
        (3, 3, 0.3, '2020-03-01 10:00', 'b', null, x'33', ''),
        (4, null, null, null, null, null, null, null);
    create view few as select x, note from m where id < 3;";

fn served() -> (Folder, Program) {
    let folder = Folder::new();
    let file = folder.database("d.db", MEASURED);
    let hdf5 = folder.write("climate.h5", &climate());
    let program = Program::serve(&[&file, &hdf5]);
    (folder, program)
}

/// The members of `told` that `wanted` names.
fn named(told: &Value, wanted: &Value) -> Value {
    let members = wanted.as_object().expect("members").keys();
    members
        .map(|name| (name.clone(), told[name].clone()))
        .collect()
}

#[test]
fn a_profile_tells_what_a_column_holds() {
    let (_folder, program) = served();
    for (address, wanted) in [
        // Integers beyond what a real number can tell apart stay what they are.
        (
            "d/m/-/profile.json?_column=big",
            json!({
                "ok": true, "database": "d", "table": "m", "column": "big", "kind": "number", "rows": 4, "nulls": 1,
                "sampled": false, "distinct": 3, "distinct_truncated": false, "min": 3, "max": 9_007_199_254_740_993_i64,
            }),
        ),
        (
            "d/m/-/profile.json?_column=x&id__lt=3",
            json!({
                "kind": "number", "rows": 2, "nulls": 0, "min": 0.1, "max": 0.2,
                "values": [{ "value": 0.1, "count": 1 }, { "value": 0.2, "count": 1 }],
            }),
        ),
        (
            "d/m/-/profile.json?_column=day",
            json!({
                "kind": "date", "min": "2020-02-28", "max": "2020-03-01 10:00", "mean": null,
            }),
        ),
        (
            "d/m/-/profile.json?_column=note",
            json!({
                "kind": "text", "distinct": 2, "min": "a", "max": "b", "min_length": 1, "max_length": 1, "histogram": null,
                "values": [{ "value": "b", "count": 2 }, { "value": "a", "count": 1 }],
            }),
        ),
        (
            "d/m/-/profile.json?_column=raw",
            json!({
                "kind": "bytes", "nulls": 2, "distinct": null, "min": null, "values": [], "min_length": 1, "max_length": 2,
            }),
        ),
        (
            "d/m/-/profile.json?_column=any",
            json!({ "kind": "mixed", "min": 1, "max": "two", "mean": 1.0 }),
        ),
        (
            "d/m/-/profile.json?_column=odd+%26+name&_where=id+%3C+3",
            json!({ "rows": 2, "distinct": 1 }),
        ),
        (
            "d/m/-/profile.json?_column=note&id=4",
            json!({ "kind": "null", "rows": 1, "nulls": 1, "distinct": 0 }),
        ),
        (
            "d/m/-/profile.json?_column=note&id=99",
            json!({ "kind": "null", "rows": 0, "distinct": 0, "values": [] }),
        ),
        (
            "d/few/-/profile.json?_column=note",
            json!({ "rows": 2, "distinct": 2 }),
        ),
        (
            "climate/pacific~2Fsea_surface/-/profile.json?_column=month&year=1950",
            json!({
                "table": "pacific/sea_surface", "kind": "number", "rows": 12, "nulls": 0, "distinct": 12, "min": 1, "max": 12,
                "mean": 6.5,
            }),
        ),
    ] {
        let told = program.json(&format!("/{address}"));
        assert_eq!(named(&told, &wanted), wanted, "{address}");
    }
}

/// The bins of a histogram hold what the table's own filters find between their bounds, from one bound to the next.
#[test]
fn the_bins_of_a_histogram_are_those_of_the_filters() {
    let (_folder, program) = served();
    for (table, column) in [
        ("d/m", "x"),
        ("d/m", "id"),
        ("climate/pacific~2Fsea_surface", "temperature"),
        ("climate/pacific~2Fsea_surface", "year"),
    ] {
        let told = program.json(&format!("/{table}/-/profile.json?_column={column}"));
        let bins = told["histogram"]["bins"].as_array().expect("bins");
        let mut all = 0;
        for pair in bins.windows(2) {
            assert_eq!(pair[0]["to"], pair[1]["from"]);
        }
        for bin in bins {
            let (from, to) = (&bin["from"], &bin["to"]);
            let filtered = format!(
                "/{table}.json?{column}__gte={from}&{column}__lt={to}&_size=0&_extra=count"
            );
            assert_eq!(program.json(&filtered)["count"], bin["count"], "{filtered}");
            all += bin["count"].as_u64().expect("a count");
        }
        let rows = told["rows"].as_u64().zip(told["nulls"].as_u64());
        assert_eq!(
            rows.map(|(rows, nulls)| rows - nulls),
            Some(all),
            "{table} {column}"
        );
    }
    let days = program.json("/d/m/-/profile.json?_column=day");
    let hours = days["histogram"]["bins"].as_array().expect("bins");
    assert_eq!(days["histogram"]["unit"], "day", "{days}");
    let days: Vec<&Value> = hours.iter().map(|bin| &bin["from"]).collect();
    assert_eq!(days, ["2020-02-28", "2020-02-29", "2020-03-01"]);
}

#[test]
fn not_a_number_counts_as_null() {
    let (_folder, program) = served();
    let all = program.json("/climate/pacific~2Fsea_surface/-/profile.json?_column=temperature");
    let nulls = program
        .json("/climate/pacific~2Fsea_surface.json?temperature__isnull=1&_size=0&_extra=count");
    assert_eq!(all["nulls"], nulls["count"]);
}

#[test]
fn a_profile_that_takes_too_long_says_that_it_is_a_sample() {
    let folder = Folder::new();
    // Each row behind the first thousands costs more than the whole time.
    let slow = "create table t (x integer);
        with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) insert into t select i from n;
        create view late as select x, case when x > 3000 then
            (with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000000) select count(*) from n)
            end as waited from t;
        create view never as select (with recursive n(i) as
            (select 1 union all select i + 1 from n where i < 100000000) select count(*) from n) as x;";
    let file = folder.database("d.db", slow);
    let program = Program::serve(&[file.as_str(), "--setting", "sql_time_limit_ms", "100"]);
    let told = program.get("/d/late/-/profile.json?_column=waited");
    assert_eq!(told.status, 200, "{}", told.text());
    let rows = told.json()["rows"].as_u64().expect("rows");
    assert!(
        told.json()["sampled"] == true && (1..=3000).contains(&rows),
        "{}",
        told.text()
    );
    // What may be otherwise the next time is not kept.
    assert!(told.header("etag").is_none());
    let page = program.get("/d/late/-/profile?_column=waited").page();
    assert!(
        page.contains("Sampled: this is told of the first"),
        "{page}"
    );
    // Without a row there is nothing to tell.
    let none = program.get("/d/never/-/profile.json?_column=x");
    assert_eq!(
        (none.status, none.header("tablecast-error").is_some()),
        (400, true)
    );
    let whole = program.get("/d/t/-/profile.json?_column=x");
    assert!(whole.json()["sampled"] == false && whole.header("etag").is_some());
}

#[test]
fn what_a_profile_is_wrongly_asked_is_refused() {
    let (folder, program) = served();
    for (address, status, error, hint) in [
        (
            "d/m/-/profile.json",
            400,
            "_column= must name one column",
            "",
        ),
        (
            "d/m/-/profile.json?_column=x&_column=id",
            400,
            "_column= must name one column",
            "",
        ),
        (
            "d/m/-/profile.json?_column=nots",
            400,
            "m has no column \"nots\"",
            "Did you mean note?",
        ),
        (
            "climate/pacific~2Fsea_surface/-/profile.json?_column=months",
            400,
            "has no column \"months\"",
            "month",
        ),
        (
            "d/nope/-/profile.json?_column=x",
            404,
            "Table not found",
            "",
        ),
        (
            "d/m/-/profile.csv?_column=x",
            404,
            "There is no such format",
            "",
        ),
        (
            "d/m/-/profile.json?_column=x&_timelimit=soon",
            400,
            "_timelimit must be a number",
            "",
        ),
    ] {
        let answer = program.get(&format!("/{address}"));
        assert_eq!(answer.status, status, "{address}: {}", answer.text());
        let told = answer.text().replace("\\\"", "\"");
        assert!(told.contains(error), "{address}: {told}");
        let hinted = answer.header("tablecast-hint").unwrap_or_default();
        assert!(hinted.contains(hint), "{address}: {hinted}");
    }
    // A filter on a column that is not there is warned of, as on the table's page.
    let warned = program.get("/d/m/-/profile.json?_column=x&nope=1");
    assert!(
        warned
            .header("tablecast-warning")
            .is_some_and(|warning| warning.contains("nope"))
    );
    // Where readers may not ask for facets, they may not ask for profiles, and no page offers them.
    let file = folder.text("d.db");
    let refusing = Program::serve(&[file.as_str(), "--setting", "allow_facet", "off"]);
    assert_eq!(refusing.get("/d/m/-/profile.json?_column=x").status, 400);
    assert!(!refusing.get("/d/m").page().contains("/-/profile"));
    assert!(
        program
            .get("/d/m?id__lt=3&_sort=x")
            .page()
            .contains("/d/m/-/profile?id__lt=3&_column=x")
    );
}

#[test]
fn a_profile_of_a_view_that_is_never_the_same_is_made_anew() {
    let folder = Folder::new();
    let dice = "create view dice as with recursive n(i) as (select 1 union all select i + 1 from n where i < 50)
        select random() as it from n;";
    let file = folder.database("d.db", dice);
    let program = Program::serve(&[&file]);
    let path = "/d/dice/-/profile.json?_column=it";
    assert_ne!(program.json(path)["max"], program.json(path)["max"]);
}

#[test]
fn a_value_is_linked_where_a_filter_finds_its_rows() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table u (number integer, note text, untyped); \
         insert into u values (3, 'b', 1), (3, 'b', 1), (4, 'c', 'two'), (4, 'c', 'two')",
    );
    let program = Program::serve(&[&file]);
    for (column, value, is_linked) in [
        ("number", "3", true),
        ("note", "b", true),
        // A filter's value is a text, and nothing makes a number of it where the column has no type.
        ("untyped", "1", false),
        ("untyped", "two", true),
    ] {
        let html = program
            .get(&format!("/d/u/-/profile?_column={column}"))
            .text();
        let argument = format!("{column}__exact={value}");
        assert_eq!(
            html.contains(&format!("{argument}\"")),
            is_linked,
            "{argument}: {html}"
        );
        assert!(html.contains(&format!(">{value}</")), "{argument}: {html}");
        let rows = program.json(&format!("/d/u.json?{argument}&_extra=count"));
        assert_eq!(rows["count"], if is_linked { 2 } else { 0 }, "{argument}");
    }
}
