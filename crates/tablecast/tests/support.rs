//! The table in the guide of what each connector does itself: it is what `connector test` finds over the examples, which
//! pass it. `TABLECAST_WRITE_DOCS=1` writes the table anew.

#![cfg(test)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The columns of the table, each with the example that is tested.
const EXAMPLES: &[(&str, &str)] = &[
    ("SQLite", "penguins.db"),
    ("PyTables", "climate.h5"),
    ("NetCDF", "el_nino.nc"),
    ("Parquet", "sea_surface.parquet"),
    ("CSV", "penguin_sizes.csv"),
    ("manifest", "manifests/stations.tablecast.yaml"),
];

const START: &str =
    "<!-- from here to the end of the table: written by crates/tablecast/tests/support.rs -->\n";
const END: &str = "<!-- end of the table -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tested(example: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_tablecast"))
        .args(["connector", "test", "--json"])
        .arg(root().join("examples").join(example))
        .output()
        .expect("it runs");
    let result: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let wrong: Vec<&Value> = result["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .filter(|test| {
            test["findings"]
                .as_array()
                .is_none_or(|found| !found.is_empty())
        })
        .collect();
    assert!(
        wrong.is_empty() && output.status.success(),
        "{example}: {wrong:#?}"
    );
    result["support"].clone()
}

fn table() -> String {
    let results: Vec<Value> = EXAMPLES.iter().map(|(_, file)| tested(file)).collect();
    let mut text = String::from("| what |");
    for (title, _) in EXAMPLES {
        write!(text, " {title} |").expect("a text");
    }
    text.push_str(" where not, the engine |\n|---|");
    text.push_str(&"---|".repeat(EXAMPLES.len() + 1));
    text.push('\n');
    let first = results[0].as_array().expect("a table");
    for (row, item) in first.iter().enumerate() {
        let word = |key: &str| item[key].as_str().expect("a word");
        let name = match word("kind") {
            "filter" => format!("filter `{}`", word("name")),
            _ => format!("`{}`", word("name")),
        };
        write!(text, "| {name} |").expect("a text");
        for result in &results {
            let found = &result[row];
            assert_eq!(found["name"], item["name"]);
            write!(text, " {} |", found["connector"].as_str().expect("a word")).expect("a text");
        }
        writeln!(text, " {} |", word("engine")).expect("a text");
    }
    text
}

#[test]
fn every_example_passes_and_the_guide_says_who_does_what() {
    let path = root().join("docs/connectors.md");
    let guide = fs::read_to_string(&path).expect("the guide");
    let (before, rest) = guide.split_once(START).expect("the start of the table");
    let (stands, behind) = rest.split_once(END).expect("the end of the table");
    let table = table();
    if std::env::var_os("TABLECAST_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{before}{START}\n{table}\n{END}{behind}")).expect("written");
        return;
    }
    assert!(
        stands.trim() == table.trim(),
        "the table is stale; write it anew with TABLECAST_WRITE_DOCS=1. It is:\n{table}"
    );
}
