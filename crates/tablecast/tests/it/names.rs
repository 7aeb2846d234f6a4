//! Odd names: every page of every table is reached by the address that the site itself gives, and shows what is there.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::made::Folder;
use crate::program::{Program, hexadecimal, percent, tilde};

/// Names that mean something to a path, a query string, SQL, HTML, CSV or a template; each is a table and its column.
const NAMES: &[&str] = &[
    "two words",
    "a/b",
    "/",
    "x.csv",
    "x.json",
    ".",
    "..",
    "don't",
    "say \"hi\"",
    "[bracketed]",
    "]",
    "50%",
    "%25",
    "%2F",
    "%group%table",
    "😀",
    "é",
    "~2E",
    "a,b",
    "a+b",
    "a?b#c",
    "a&b=c",
    "a;b",
    "-",
    "query",
    "schema",
    "_private",
    "a__gt",
    "tab\tand\nline",
    "<script>alert(1)</script>",
    "{{ 1234 * 5678 }}",
    "select",
    "`tick`",
    "$null",
];

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn odd_database(folder: &Folder) -> String {
    let connection = Connection::open(folder.at("odd.db")).expect("a database");
    for name in NAMES {
        let quoted = quote(name);
        connection
            .execute_batch(&format!(
                "create table {quoted} (id integer primary key, {quoted} text)"
            ))
            .expect(name);
        for (id, text) in [(1, *name), (2, "other")] {
            connection
                .execute(&format!("insert into {quoted} values (?, ?)"), (id, text))
                .expect(name);
        }
    }
    connection
        .execute_batch("create table keyed (key text primary key, value)")
        .expect("a table");
    for name in NAMES {
        connection
            .execute("insert into keyed values (?, 1)", [name])
            .expect(name);
    }
    folder.text("odd.db")
}

/// A field of CSV.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[test]
fn every_page_of_an_oddly_named_table_is_reached() {
    let folder = Folder::new();
    let program = Program::serve(&[odd_database(&folder)]);
    for name in NAMES {
        let path = format!("/odd/{}", tilde(name));
        let (one, two) = (
            json!({"id": 1, *name: name}),
            json!({"id": 2, *name: "other"}),
        );
        assert_eq!(
            program.json(&format!("{path}.json"))["rows"],
            json!([one, two])
        );
        assert_eq!(
            program.json(&format!("{path}/1.json"))["rows"],
            json!([one])
        );
        let csv = program.get(&format!("{path}.csv"));
        let wanted = format!("id,{0}\r\n1,{0}\r\n2,other\r\n", field(name));
        assert_eq!((csv.status, csv.text()), (200, wanted), "{name}");
        for page in [
            path.clone(),
            format!("{path}/1"),
            format!("{path}/-/schema"),
        ] {
            let answer = program.get(&page);
            assert_eq!(answer.status, 200, "{page}");
            assert!(
                !answer.text().contains("<script>alert"),
                "{page} is not escaped"
            );
            assert!(
                !answer.text().contains("7006652"),
                "{page} is run as a template"
            );
        }
    }
}

#[test]
fn an_oddly_named_column_is_filtered_sorted_chosen_faceted_and_paged_by() {
    let folder = Folder::new();
    let program = Program::serve(&[odd_database(&folder)]);
    for name in NAMES {
        let (path, name_) = (format!("/odd/{}.json", tilde(name)), percent(name));
        let rows = |query: &str| program.json(&format!("{path}?{query}"))["rows"].clone();
        let (one, two) = (
            json!({"id": 1, *name: name}),
            json!({"id": 2, *name: "other"}),
        );
        assert_eq!(
            rows(&format!("{name_}__exact={name_}")),
            json!([one]),
            "{name}"
        );
        assert_eq!(
            rows(&format!("{name_}__not={name_}")),
            json!([two]),
            "{name}"
        );
        assert_eq!(rows(&format!("_col={name_}")), json!([one, two]), "{name}");
        assert_eq!(
            rows(&format!("_nocol={name_}")),
            json!([{"id": 1}, {"id": 2}]),
            "{name}"
        );
        let facets = program.json(&format!("{path}?_facet={name_}"));
        let values = &facets["facet_results"]["results"][name]["results"];
        assert_eq!(values.as_array().map(Vec::len), Some(2), "{name}: {facets}");
        for facet in values.as_array().into_iter().flatten() {
            let url = facet["toggle_url"].as_str().expect("an address");
            let picked = program.json(url.trim_start_matches("http://host.test"));
            assert_eq!(picked["rows"][0][name], facet["value"], "{url}");
        }
        for order in ["_sort", "_sort_desc"] {
            let whole = rows(&format!("{order}={name_}"));
            let first = program.json(&format!("{path}?{order}={name_}&_size=1"));
            let next = first["next_url"].as_str().expect("a next page");
            let second = program.json(next.trim_start_matches("http://host.test"));
            let paged = [first["rows"][0].clone(), second["rows"][0].clone()];
            assert_eq!(Value::from(paged.to_vec()), whole, "{order} by {name}");
        }
    }
}

#[test]
fn a_row_with_an_odd_key_has_its_page() {
    let folder = Folder::new();
    let program = Program::serve(&[odd_database(&folder)]);
    for name in NAMES {
        let path = format!("/odd/keyed/{}", tilde(name));
        let row = json!([{"key": name, "value": 1}]);
        assert_eq!(program.json(&format!("{path}.json"))["rows"], row);
        assert_eq!(program.get(&path).status, 200, "{path}");
        assert_eq!(program.get(&format!("{path}.csv")).status, 200, "{path}");
    }
    let page = program.json("/odd/keyed.json?_size=7&_shape=object");
    for (path, row) in page.as_object().expect("rows by key") {
        let rows = &program.json(&format!("/odd/keyed/{path}.json"))["rows"];
        assert_eq!(&rows[0], row, "{path}");
    }
}

#[test]
fn home_and_database_list_odd_names_with_links_that_work() {
    let folder = Folder::new();
    let program = Program::serve(&[odd_database(&folder)]);
    let listed = program.json("/odd.json");
    let names: Vec<&str> = listed["tables"]
        .as_array()
        .expect("tables")
        .iter()
        .filter_map(|table| table["name"].as_str())
        .collect();
    let page = program.get("/odd").page();
    for name in NAMES {
        assert!(names.contains(name), "{name} is not in the list");
        assert!(
            page.contains(&format!("href=\"/odd/{}\"", tilde(name))),
            "{name} has no link"
        );
    }
    assert_eq!(program.get("/").status, 200);
    // With `keyed`, and without `_private`, which is hidden by its name.
    let shown = program.json("/.json")["databases"][0]["tables_count"].clone();
    assert_eq!(shown, NAMES.len());
}

#[test]
fn percent_encoded_paths_lead_to_the_same_table() {
    let folder = Folder::new();
    let program = Program::serve(&[odd_database(&folder)]);
    for name in NAMES {
        let percent: String = name
            .bytes()
            .flat_map(|byte| hexadecimal('%', byte))
            .collect();
        let answer = program.get(&format!("/odd/{percent}.json?_size=1"));
        assert_eq!(answer.status, 302, "{name}");
        let location = answer.header("location").expect("a location");
        assert_eq!(location, format!("/odd/{}.json?_size=1", tilde(name)));
    }
}

#[test]
fn files_with_odd_names_are_databases_with_pages() {
    let folder = Folder::new();
    let stems = [
        "my notes", "a.b", "50%", "😀", "it's", "[x]", "a+b", "x?y#z", "-",
    ];
    let files: Vec<String> = stems
        .iter()
        .map(|stem| folder.notes(&format!("{stem}.db")))
        .collect();
    let program = Program::serve(&files);
    let home = program.get("/").page();
    for stem in stems {
        let path = format!("/{}", tilde(stem));
        assert!(
            program.said().contains(&format!("{path}  (sqlite)")),
            "{}",
            program.said()
        );
        assert!(
            home.contains(&format!("href=\"{path}\"")),
            "{stem} has no link"
        );
        assert_eq!(program.json(&format!("{path}.json"))["database"], stem);
        assert_eq!(
            program.json(&format!("{path}/notes.json"))["rows"][0]["text"],
            "first"
        );
        let query = program.json(&format!("{path}/-/query.json?sql=select+1+as+one"));
        assert_eq!(query["rows"], json!([{"one": 1}]));
    }
}
