//! Keys declared of a container that has none: rows, pages and labels go by them, and what cannot be a key is refused.

use serde_json::json;

use crate::made::{Folder, climate};
use crate::program::{Program, run};

fn configured(folder: &Folder, tables: &str) -> [String; 4] {
    let file = folder.write("climate.h5", &climate());
    let text = format!("databases: {{climate: {{tables: {tables}}}}}");
    let config = folder.write("c.yaml", text.as_bytes());
    ["serve".to_owned(), file, "-c".to_owned(), config]
}

#[test]
fn rows_of_hdf5_are_addressed_and_paged_by_a_declared_key() {
    let folder = Folder::new();
    let arguments = configured(
        &folder,
        "{pacific/sea_surface: {primary_key: [year, month]}}",
    );
    let program = Program::serve(&arguments[1..]);
    let row = program.json("/climate/pacific~2Fsea_surface/1955,12.json");
    assert_eq!(row["primary_keys"], json!(["year", "month"]));
    assert_eq!(row["rows"][0]["month"], json!(12));
    let mut path =
        "/climate/pacific~2Fsea_surface.json?_size=100&_sort_desc=temperature".to_owned();
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = 0;
    loop {
        let page = program.json(&path);
        for row in page["rows"].as_array().expect("rows") {
            rows += 1;
            seen.insert(row.to_string());
        }
        let Some(next) = page["next_url"].as_str() else {
            break;
        };
        path = next
            .split_once("/climate")
            .map(|(_, rest)| format!("/climate{rest}"))
            .expect("a path");
    }
    assert_eq!((rows, seen.len()), (732, 732));
}

#[test]
fn a_declared_reference_has_a_label_and_a_way_back() {
    let folder = Folder::new();
    let arguments = configured(
        &folder,
        "{pacific/sea_surface: {primary_key: [year, month], label_column: temperature},
          mauna_loa/co2: {primary_key: date, foreign_keys: {year: {table: pacific/by_year, column: rowid}}}}",
    );
    let said = String::from_utf8_lossy(&run(&arguments).stderr).into_owned();
    assert!(said.contains("no such column: rowid"), "{said}");
    let arguments = configured(
        &folder,
        "{pacific/sea_surface: {foreign_keys: {month: {table: mauna_loa/co2, column: year}}}}",
    );
    let program = Program::serve(&arguments[1..]);
    let tables = program.json("/climate.json");
    let table = |name: &str| {
        let tables = tables["tables"].as_array().expect("tables");
        tables
            .iter()
            .find(|table| table["name"] == name)
            .cloned()
            .expect("the table")
    };
    let reference =
        json!({"other_table": "mauna_loa/co2", "column": "month", "other_column": "year"});
    assert_eq!(
        table("pacific/sea_surface")["foreign_keys"]["outgoing"],
        json!([reference])
    );
    let back =
        json!({"other_table": "pacific/sea_surface", "column": "year", "other_column": "month"});
    assert_eq!(
        table("mauna_loa/co2")["foreign_keys"]["incoming"],
        json!([back])
    );
}

#[test]
fn a_declaration_that_cannot_hold_ends_the_program_with_the_reason() {
    let folder = Folder::new();
    for (tables, said) in [
        (
            "{pacific/sea_surface: {primary_key: year}}",
            "two rows have 19",
        ),
        (
            "{pacific/sea_surface: {primary_key: yaer}}",
            "Did you mean year?",
        ),
        ("{pacific/nope: {primary_key: year}}", "pacific/nope"),
        (
            "{pacific/sea_surface: {foreign_keys: {year: {table: nope, column: x}}}}",
            "nope",
        ),
        (
            "{pacific/sea_surface: {foreign_keys: {year: {table: mauna_loa/co2, column: x}}}}",
            "no such column: x",
        ),
        ("{pacific/sea_surface: {primary_key: 7}}", "primary_key"),
        (
            "{pacific/sea_surface: {foreign_keys: {year: there}}}",
            "foreign_keys",
        ),
    ] {
        let arguments = configured(&folder, tables);
        let output = run(&arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{tables}: {text}");
        assert!(text.contains(said), "{tables}: {text}");
    }
    let file = folder.notes("d.db");
    let config = folder.write(
        "d.yaml",
        b"databases: {d: {tables: {bare: {primary_key: text}}}}",
    );
    let text = String::from_utf8_lossy(&run(&["serve", &file, "-c", &config]).stderr).into_owned();
    assert!(text.contains("this one keeps its own"), "{text}");
}
