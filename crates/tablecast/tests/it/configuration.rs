//! Configuration that is wrong ends the program before it serves, with an error that says where and what.

use crate::made::Folder;
use crate::program::{Program, run};

/// What the program says about a configuration file with this text.
fn said_of(name: &str, text: &str) -> String {
    let folder = Folder::new();
    let (file, config) = (folder.notes("d.db"), folder.write(name, text.as_bytes()));
    let output = run(&["serve", "-p", "0", &file, "-c", &config]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{text}: {said}");
    assert!(!said.contains("Serving on"), "{text}: {said}");
    said.replace(&config, name)
}

#[test]
fn a_wrong_configuration_file_is_named_with_its_line() {
    for (name, text, parts) in [
        (
            "c.yaml",
            "setings: {}",
            &["c.yaml:1", "setings", "did you mean \"settings\""][..],
        ),
        (
            "c.yaml",
            "databases:\n  d:\n    tables:\n      t:\n        facet_size: -1",
            &["c.yaml:5", "facet_size: a whole number"],
        ),
        (
            "c.yaml",
            "settings:\n  default_page_sise: 5",
            &["c.yaml:2", "default_page_size"],
        ),
        (
            "c.yaml",
            "settings:\n  default_page_size: many",
            &["default_page_size", "whole number", "many"],
        ),
        (
            "c.yaml",
            "settings:\n  allow_facet: perhaps",
            &["allow_facet", "on or off", "perhaps"],
        ),
        (
            "c.yaml",
            "settings:\n  base_url: data",
            &["base_url", "slash"],
        ),
        ("c.yaml", "settings: 5", &["c.yaml:1", "settings", "5"]),
        (
            "c.yaml",
            "databases:\n  d:\n    tables:\n      notes:\n        sorted: id",
            &["c.yaml:5", "sorted"],
        ),
        (
            "c.yaml",
            "databases:\n  d:\n    tables:\n      notes:\n        facets: author",
            &["c.yaml:4", "databases.d.tables.notes"],
        ),
        (
            "c.yaml",
            "databases:\n  d:\n    queries:\n      q: {title: x}",
            &["c.yaml:4", "sql"],
        ),
        (
            "c.yaml",
            "databases:\n  d:\n    allow: [root]",
            &["c.yaml:3", "allow block"],
        ),
        (
            "c.yaml",
            "permissions:\n  view-tables: true",
            &["c.yaml:2", "view-table"],
        ),
        ("c.yaml", "a: [1", &["c.yaml is not valid YAML"]),
        (
            "c.yaml",
            "- a\n- b",
            &["c.yaml does not hold keys and values"],
        ),
        (
            "c.json",
            "{\"settings\": {}",
            &["c.json is not valid JSON", "line 1"],
        ),
        (
            "c.json",
            "{\"title\": {\"$env\": \"NO_SUCH_VARIABLE_HERE\"}}",
            &["NO_SUCH_VARIABLE_HERE"],
        ),
        (
            "c.json",
            "{\"title\": {\"$file\": \"/no/such/file\"}}",
            &["/no/such/file"],
        ),
    ] {
        let said = said_of(name, text);
        for part in parts {
            assert!(said.contains(part), "{text}\n{part:?} is not said: {said}");
        }
    }
}

#[test]
fn a_missing_file_of_configuration_is_named() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    for option in ["-c", "-m"] {
        let output = run(&["serve", "-p", "0", &file, option, &folder.text("nope.yaml")]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains("nope.yaml cannot be read"),
            "{said}"
        );
    }
}

#[test]
fn a_wrong_setting_on_the_command_line_is_named_with_what_was_meant() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    for (name, value, part) in [
        ("default_page_sise", "5", "Did you mean default_page_size?"),
        ("nonsense", "5", "--help-settings"),
        ("max_returned_rows", "-1", "whole number"),
        ("suggest_facets", "perhaps", "on or off"),
    ] {
        let output = run(&["serve", "-p", "0", &file, "-s", name, value]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(name) && said.contains(part), "{said}");
    }
}

#[test]
fn a_key_with_dots_is_read_as_if_it_stood_in_the_configuration() {
    let folder = Folder::new();
    let file = folder.notes("notes.db");
    let config = folder.write(
        "c.yaml",
        b"databases:\n  notes:\n    tables:\n      notes:\n        size: 2\n        title: From the file\n",
    );
    let table = |key: &str| format!("databases.notes.tables.notes.{key}");
    let (sort, title) = (table("sort_desc"), table("title"));
    let program = Program::serve(&[
        &file,
        "-c",
        &config,
        "-s",
        &sort,
        "id",
        "-s",
        &title,
        "5",
        "-s",
        "databases.notes.extra_css_urls",
        r#"["/own.css"]"#,
    ]);
    let page = program.json("/notes/notes.json");
    assert_eq!(page["rows"].as_array().map(Vec::len), Some(2), "{page}");
    assert!(page["rows"][0]["id"].as_i64() > page["rows"][1]["id"].as_i64());
    assert!(program.get("/notes/notes").text().contains("own.css"));
    let told = program.json("/-/config.json");
    assert_eq!(told["databases"]["notes"]["tables"]["notes"]["title"], 5);

    for (name, value, reason) in [
        (
            "databases.notes.tabels.notes.size",
            "2",
            "did you mean \"tables\"",
        ),
        (
            table("size").as_str(),
            "many",
            "--setting databases.notes.tables.notes.size: a whole number",
        ),
        (table("size.of").as_str(), "2", "size has a value"),
        ("title.of", "x", "--setting title.of: a text belongs here"),
        ("databses.notes.title", "x", "did you mean \"databases\""),
        ("settings.defualt_page_size", "2", "default_page_size"),
    ] {
        let output = run(&["serve", &file, "-p", "0", "-c", &config, "-s", name, value]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            !output.status.success() && said.contains(reason),
            "{name}: {said}"
        );
    }
}

#[test]
fn what_is_configured_is_done() {
    let folder = Folder::new();
    let config = "
        title: All notes
        settings: {default_page_size: 2}
        databases:
          d:
            tables:
              notes: {sort_desc: id, facets: [author], label_column: text}
              bare: {hidden: true}
            queries:
              named: select name from authors where name = :name
              changing: {sql: delete from notes, write: true}
    ";
    let config = folder.write("c.yaml", config.as_bytes());
    let metadata = folder.write(
        "m.json",
        br#"{"databases": {"d": {"tables": {"notes": {"title": "My notes"}}}}}"#,
    );
    let program = Program::serve(&[&folder.notes("d.db"), "-c", &config, "-m", &metadata]);
    let notes = program.json("/d/notes.json?_extra=facet_results");
    assert_eq!(notes["rows"][0]["id"], 3);
    assert_eq!(notes["rows"].as_array().map(Vec::len), Some(2));
    assert!(
        notes["facet_results"]["results"]["author"].is_object(),
        "{notes}"
    );
    assert!(program.get("/d/notes").text().contains("My notes"));
    assert!(program.get("/").text().contains("All notes"));
    assert_eq!(
        program.json("/d/named.json?name=Ada")["rows"][0]["name"],
        "Ada"
    );
    assert_eq!(program.get("/d/changing.json").status, 403);
    assert_eq!(
        program.json("/d/notes.json?_nofacet=on&_size=max")["rows"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
}
