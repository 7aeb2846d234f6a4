//! The command line: one request printed, files inspected, options refused by name.

use serde_json::{Value, json};

use crate::made::{Folder, climate};
use crate::program::{Program, run};

/// Whether the program ended well, what it printed and what it said.
fn outcome(arguments: &[&str]) -> (bool, String, String) {
    let output = run(arguments);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.success(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn get_prints_the_body_of_one_answer() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let (well, body, said) = outcome(&["serve", &file, "--get", "/d/notes.json?_shape=array"]);
    assert!(well, "{said}");
    let rows: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!(rows[0]["text"], "first");
    assert_eq!(said, "");
    // Without naming a command, the program serves.
    let (well, page, _) = outcome(&[&file, "--get", "/d/notes"]);
    assert!(well && page.starts_with("<!DOCTYPE html>"), "{page}");
}

#[test]
fn get_prints_bytes_as_they_are() {
    let folder = Folder::new();
    let path = "/d/notes/1.blob?_blob_column=data";
    let output = run(&["serve", &folder.notes("d.db"), "--get", path]);
    assert_eq!(
        (output.status.success(), output.stdout),
        (true, vec![0x00, 0xff])
    );
}

#[test]
fn get_with_headers_prints_the_status_and_the_headers_first() {
    let folder = Folder::new();
    let path = "/d/notes.json?_size=1";
    let (well, text, _) = outcome(&["serve", &folder.notes("d.db"), "--headers", "--get", path]);
    let (head, body) = text.split_once("\n\n").expect("an empty line");
    assert!(well && head.starts_with("HTTP/1.1 200 OK\n"), "{head}");
    assert!(
        head.contains("\nlink: <http://localhost/d/notes.json?_size=1&_next=1>; rel=\"next\""),
        "{head}"
    );
    assert!(body.starts_with("{\"ok\":true"), "{body}");
}

#[test]
fn get_of_an_error_prints_it_and_fails() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let (well, body, _) = outcome(&["serve", &file, "--get", "/d/nope.json"]);
    assert!(!well);
    assert!(body.contains("Table not found"), "{body}");
    for path in ["nope", "", "http://example.com/"] {
        let (well, _, said) = outcome(&["serve", &file, "--get", path]);
        assert!(
            !well && said.contains("--get takes a path"),
            "{path}: {said}"
        );
    }
}

#[test]
fn inspect_prints_sizes_hashes_and_counts() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let (well, text, said) = outcome(&["inspect", &file]);
    assert!(well, "{said}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let tables = json!({
        "authors": {"count": 2}, "bare": {"count": 1}, "notes": {"count": 3}, "pairs": {"count": 2},
    });
    assert_eq!(report["d"]["tables"], tables);
    assert_eq!(
        report["d"]["size"],
        std::fs::metadata(&file).expect("a file").len()
    );
    assert_eq!(report["d"]["hash"].as_str().map(str::len), Some(64));
    let out = folder.text("inspect-data.json");
    let (well, printed, _) = outcome(&["inspect", &file, "--inspect-file", &out]);
    assert_eq!((well, printed.as_str()), (true, ""));
    let written: Value =
        serde_json::from_slice(&std::fs::read(out).expect("a file")).expect("JSON");
    assert_eq!(written, report);
}

#[test]
fn inspect_counts_the_rows_of_every_kind_of_file() {
    let folder = Folder::new();
    let (well, text, said) = outcome(&["inspect", &folder.write("weather.h5", &climate())]);
    assert!(well, "{said}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let tables = report["weather"]["tables"].as_object().expect("tables");
    assert!(!tables.is_empty());
    for (name, table) in tables {
        assert!(
            table["count"].as_u64().is_some_and(|count| count > 0),
            "{name}: {table}"
        );
    }
}

#[test]
fn inspect_names_a_file_that_cannot_be_read() {
    let folder = Folder::new();
    let (good, bad) = (folder.notes("d.db"), folder.write("bad.db", b"words"));
    let (well, _, said) = outcome(&["inspect", &good, &bad]);
    assert!(
        !well && said.contains(&bad) && said.contains("Known are"),
        "{said}"
    );
    let (well, _, said) = outcome(&["inspect", &folder.text("missing.db")]);
    assert!(
        !well && said.contains("missing.db does not exist"),
        "{said}"
    );
}

#[test]
fn options_that_are_not_there_are_refused_by_name() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    for option in [
        &["--root"][..],
        &["--create"],
        &["--token", "x"],
        &["--plugins-dir", "x"],
    ] {
        let arguments = [&["serve", &file, "-p", "0"][..], option].concat();
        let (well, _, said) = outcome(&arguments);
        let name = option.first().copied().unwrap_or_default();
        assert!(
            !well && said.contains(&format!("{name} is not available")),
            "{said}"
        );
    }
    let (well, _, said) = outcome(&["serve", &file, "--prot", "1"]);
    assert!(
        !well && said.contains("--prot") && said.contains("--port"),
        "{said}"
    );
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let first = Program::serve(&[&file]);
    let (_, port) = first.address().rsplit_once(':').expect("a port");
    let (well, _, said) = outcome(&["serve", &file, "-p", port]);
    assert!(
        !well && said.contains(&format!("127.0.0.1:{port} cannot be listened on")),
        "{said}"
    );
    for port in ["99999", "http", "-1"] {
        let (well, _, said) = outcome(&["serve", &file, "-p", port]);
        assert!(
            !well && said.contains("--port") && said.contains(port),
            "{said}"
        );
    }
}

#[test]
fn the_version_and_the_settings_are_told() {
    let (well, text, _) = outcome(&["--version"]);
    assert!(well && text.starts_with("tablecast "), "{text}");
    let (well, text, _) = outcome(&["serve", "--help-settings"]);
    assert!(well, "{text}");
    for setting in ["sql_time_limit_ms", "strict_arguments", "kept_answers_mb"] {
        assert!(text.contains(setting), "{setting}");
    }
}

#[test]
fn counts_of_inspect_are_taken_for_immutable_files_alone() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let counts = folder.write(
        "counts.json",
        b"{\"d\": {\"tables\": {\"notes\": {\"count\": 12345}, \"pairs\": {\"count\": null}}}}",
    );
    for (option, rows) in [("-i", 12345), ("--immutable", 12345), ("--", 3)] {
        let mut arguments = vec![
            "serve",
            "--inspect-file",
            &counts,
            "--get",
            "/d/notes.json?_extra=count",
        ];
        arguments.extend([option, file.as_str()]);
        let (well, body, said) = outcome(&arguments);
        assert!(well, "{said}");
        let json: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(
            (&json["count"], &json["count_truncated"]),
            (&rows.into(), &false.into())
        );
    }
    // Fewer rows than all of them are counted.
    let path = "/d/notes.json?_extra=count&id__gt=1";
    let (_, body, _) = outcome(&[
        "serve",
        "--inspect-file",
        &counts,
        "-i",
        &file,
        "--get",
        path,
    ]);
    assert_eq!(
        serde_json::from_str::<Value>(&body).expect("JSON")["count"],
        2
    );
    for (text, reason) in [
        ("", "is not what inspect writes"),
        ("[]", "is not what inspect writes"),
        ("{\"d\": 1}", "d has no tables"),
        (
            "{\"d\": {\"tables\": {\"t\": {\"count\": -1}}}}",
            "d.t has no count of rows",
        ),
    ] {
        let bad = folder.write("bad.json", text.as_bytes());
        let (well, _, said) = outcome(&["serve", "--inspect-file", &bad, "-i", &file, "-p", "0"]);
        assert!(
            !well && said.contains(reason) && said.contains("bad.json"),
            "{said}"
        );
    }
}
