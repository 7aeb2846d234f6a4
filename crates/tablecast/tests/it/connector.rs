//! `tablecast connector`: what is listed, what is tested, what is written, and the codes with which it ends.

use serde_json::Value;

use crate::made::Folder;
use crate::program::run;

fn example(name: &str) -> String {
    format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The code, standard output and standard error.
fn outcome(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run(arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn every_connector_is_listed_with_what_it_opens() {
    let (code, text, said) = outcome(&["connector", "list"]);
    assert_eq!(code, Some(0), "{said}");
    for connector in tablecast::connectors() {
        assert!(text.contains(connector.name()), "{text}");
        assert!(text.contains(connector.opens()), "{text}");
    }
}

#[test]
fn every_example_passes_every_level() {
    for name in [
        "penguins.db",
        "climate.h5",
        "el_nino.nc",
        "penguin_sizes.csv",
        "sea_surface.parquet",
    ] {
        let (code, text, said) =
            outcome(&["connector", "test", &example(name), "--questions", "5"]);
        assert_eq!(code, Some(0), "{text}{said}");
        for level in [
            "read",
            "filter",
            "sort",
            "page",
            "facet",
            "sql",
            "stream",
            "misbehave",
        ] {
            assert!(text.contains(&format!("  {level:<10}")), "{level}: {text}");
        }
        assert!(text.contains("Passed: "), "{text}");
    }
}

#[test]
fn the_result_is_json_and_junit_too() {
    let folder = Folder::new();
    let junit = folder.text("junit.xml");
    let (code, text, said) = outcome(&[
        "connector",
        "test",
        &example("penguin_sizes.csv"),
        "--level",
        "facet",
        "--json",
        "--junit",
        &junit,
    ]);
    assert_eq!(code, Some(0), "{said}");
    let result: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(result["passed"], true);
    assert_eq!(result["tables"][0]["rows"], 344);
    let levels: Vec<&Value> = result["tests"]
        .as_array()
        .expect("tests")
        .iter()
        .map(|test| &test["level"])
        .collect();
    // Rows are read whatever is asked.
    assert_eq!(levels, ["read", "facet"]);
    let xml = std::fs::read_to_string(junit).expect("a file");
    assert!(
        xml.contains("tests=\"2\" failures=\"0\"") && xml.contains("classname=\"files.facet\""),
        "{xml}"
    );
}

#[test]
fn a_row_that_cannot_be_read_is_told_with_the_request_that_shows_it() {
    let folder = Folder::new();
    let mut text = std::fs::read(example("penguin_sizes.csv")).expect("an example");
    text.extend_from_slice(b"\"never closed,1,2\n");
    let file = folder.write("cut.csv", &text);
    let junit = folder.text("junit.xml");
    let (code, text, said) = outcome(&["connector", "test", &file, "--junit", &junit]);
    assert_eq!(code, Some(1), "{text}{said}");
    assert!(
        text.contains("FAILED  read: ") && text.contains("    request   /"),
        "{text}"
    );
    let xml = std::fs::read_to_string(junit).expect("a file");
    assert!(xml.contains("<failure message="), "{xml}");
}

#[test]
fn what_cannot_be_tested_ends_with_code_2() {
    let folder = Folder::new();
    let (good, words) = (
        example("penguin_sizes.csv"),
        folder.write("words.bin", &[0, 159, 146, 150, 1]),
    );
    let nowhere = folder.text("no/such/folder/junit.xml");
    let cases: [(&[&str], &str); 8] = [
        (&["connector", "test", "missing.db"], "does not exist"),
        (&["connector", "test", &words], "unknown format"),
        (
            &["connector", "test", &good, "--table", "nope"],
            "--table nope",
        ),
        (
            &["connector", "test", &good, "--level", "sorted"],
            "there is no level \"sorted\"",
        ),
        (&["connector", "test", &good, "--seed", "x"], "--seed"),
        (
            &["connector", "test", &good, "--questions", "0"],
            "--questions",
        ),
        (&["connector", "test", &good, "--rows", "0"], "--rows"),
        (
            &["connector", "test", &good, "--junit", &nowhere],
            "cannot be written",
        ),
    ];
    for (arguments, reason) in cases {
        let (code, text, said) = outcome(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {text}{said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
    }
}
