//! Facets that cannot be counted in their time: pages show a sample that says so, and soon the whole; programs never get
//! a sample.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::made::{Folder, climate};
use crate::program::Program;

/// More rows than a millisecond counts, the last of them unlike those that a sample sees.
const LONG: &str = "
    create table t (id integer primary key, kind text, other text);
    with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
    insert into t select i, iif(i > 290000, 'late', 'early'), i % 7 from n;
    create view dice as select iif(random() > 0, 'a', 'b') as kind, id from t;";

fn served(folder: &Folder, limit_ms: &str) -> Program {
    let file = folder.database("d.db", LONG);
    let hdf5 = folder.write("climate.h5", &climate());
    let limit = ["--setting", "facet_time_limit_ms", limit_ms];
    Program::serve(&[file.as_str(), &hdf5, limit[0], limit[1], limit[2]])
}

/// What a facet counts, as soon as it is not late any more.
fn counted(program: &Program, address: &str) -> Value {
    let started = Instant::now();
    loop {
        let told = program.json(address);
        if told["facets_timed_out"] == json!([]) {
            return told["facet_results"]["results"].clone();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{told}");
        sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_facet_that_is_late_is_sampled_on_its_page_and_then_exact() {
    let folder = Folder::new();
    let program = served(&folder, "1");
    let data = "/d/t.json?_facet=kind&_size=0&_extra=facet_results,facets_timed_out";
    // A program that asks first is told what timed out, and starts nothing.
    for _ in 0..2 {
        let told = program.get(data);
        assert_eq!(told.json()["facets_timed_out"], json!(["kind"]));
        assert_eq!(told.json()["facet_results"]["results"], json!({}));
        // It may be otherwise the next time.
        assert!(told.header("etag").is_none());
    }
    let page = program.get("/d/t?_facet=kind");
    assert!(page.header("etag").is_none());
    let text = page.page();
    assert!(
        text.contains("Sampled from 10,000 rows; all are being counted"),
        "{text}"
    );
    assert!(
        text.contains("~</abbr>10000</span>") && !text.contains("Took too long"),
        "{text}"
    );
    let results = counted(&program, data)["kind"]["results"].clone();
    let counts: Vec<_> = results.as_array().into_iter().flatten().collect();
    let counts: Vec<_> = counts
        .iter()
        .map(|one| (&one["value"], &one["count"]))
        .collect();
    assert_eq!(
        counts,
        [
            (&json!("early"), &json!(290_000)),
            (&json!("late"), &json!(10_000))
        ]
    );
    let exact = program.get("/d/t?_facet=kind");
    let text = exact.page();
    assert!(
        text.contains("290000") && !text.contains("Sampled"),
        "{text}"
    );
    assert!(exact.header("etag").is_some());
    // The same facet under a filter is another one.
    assert!(
        program
            .get("/d/t?_facet=kind&id__lt=250000")
            .page()
            .contains("Sampled")
    );
}

#[test]
fn what_was_counted_is_forgotten_when_the_data_change() {
    let folder = Folder::new();
    let program = served(&folder, "1");
    let data = "/d/t.json?_facet=kind&_size=0&_extra=facet_results,facets_timed_out";
    assert!(program.get("/d/t?_facet=kind").page().contains("Sampled"));
    counted(&program, data);
    rusqlite::Connection::open(folder.at("d.db"))
        .and_then(|connection| connection.execute("delete from t where kind = 'late'", []))
        .expect("changed");
    assert_eq!(program.json(data)["facets_timed_out"], json!(["kind"]));
    assert!(program.get("/d/t?_facet=kind").page().contains("Sampled"));
    let results = counted(&program, data)["kind"]["results"].clone();
    assert_eq!(results.as_array().map(Vec::len), Some(1), "{results}");
}

#[test]
fn a_late_facet_of_hdf5_is_sampled_too() {
    let folder = Folder::new();
    let program = served(&folder, "0");
    let table = "/climate/pacific~2Fsea_surface";
    let page = program.get(&format!("{table}?_facet=month")).page();
    // No more rows than there are.
    let all = program.json(&format!("{table}.json?_size=0&_extra=count"))["count"].clone();
    assert!(page.contains(&format!("Sampled from {all} rows")), "{page}");
    let data = format!("{table}.json?_facet=month&_size=0&_extra=facet_results,facets_timed_out");
    assert_eq!(
        counted(&program, &data)["month"]["results"]
            .as_array()
            .map(Vec::len),
        Some(12)
    );
}

#[test]
fn what_is_never_the_same_is_sampled_but_not_counted() {
    let folder = Folder::new();
    let program = served(&folder, "1");
    let page = program.get("/d/dice?_facet=kind").page();
    assert!(
        page.contains("Sampled from 10,000 rows") && !page.contains("being counted"),
        "{page}"
    );
}

#[test]
fn a_program_that_counts_in_the_background_stops_at_once() {
    let folder = Folder::new();
    let endless = "create view endless as select a.id, a.kind from t as a, t as b;";
    let table = LONG.split("create view").next().unwrap_or_default();
    let file = folder.database("d.db", &format!("{table}{endless}"));
    let program = Program::serve(&[file.as_str(), "--setting", "facet_time_limit_ms", "1"]);
    let page = program.get("/d/endless?_facet=kind").page();
    assert!(page.contains("all are being counted"), "{page}");
    // It is counted once, however often it is asked for, and holds up nobody.
    for _ in 0..5 {
        let page = program.get("/d/endless?_facet=kind").page();
        assert!(page.contains("all are being counted"), "{page}");
    }
    let started = Instant::now();
    program.signal("TERM");
    let (ended, said) = program.end();
    assert!(
        ended && started.elapsed() < Duration::from_secs(5),
        "{said}"
    );
}
