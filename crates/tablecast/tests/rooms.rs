//! Holds the rooms: which crate may depend on which, that every file says what it is for, and that no room but the
//! registry names a connector.

#![cfg(test)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every room with the rooms that it may depend on. Tests may depend on more.
const EDGES: &[(&str, &[&str])] = &[
    ("tablecast-connector", &[]),
    ("tablecast-sql", &["tablecast-connector"]),
    (
        "tablecast-engine",
        &["tablecast-connector", "tablecast-sql"],
    ),
    (
        "tablecast-server",
        &["tablecast-connector", "tablecast-sql"],
    ),
    ("tablecast-testkit", &["tablecast-connector"]),
    (
        "tablecast-sqlite",
        &["tablecast-connector", "tablecast-sql"],
    ),
    ("tablecast-hdf5", &["tablecast-connector"]),
    (
        "tablecast-files",
        &["tablecast-connector", "tablecast-engine"],
    ),
    ("tablecast-process", &["tablecast-connector"]),
    ("tablecast-manifest", &["tablecast-connector"]),
    (
        "tablecast",
        &[
            "tablecast-connector",
            "tablecast-engine",
            "tablecast-files",
            "tablecast-hdf5",
            "tablecast-manifest",
            "tablecast-process",
            "tablecast-server",
            "tablecast-sqlite",
            "tablecast-testkit",
        ],
    ),
    ("tablecast-limit", &[]),
];

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("the workspace").to_owned()
}

#[test]
fn rooms_depend_only_on_the_rooms_they_may_know() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("metadata");
    let allowed: BTreeMap<&str, &[&str]> = EDGES.iter().copied().collect();
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(
        packages.len(),
        EDGES.len(),
        "a room without edges, or an edge without a room"
    );
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let allowed = allowed
            .get(name)
            .unwrap_or_else(|| panic!("the room {name} has no edges"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let other = dependency["name"].as_str().expect("a name");
            if dependency["kind"].is_null() && other.starts_with("tablecast") {
                assert!(allowed.contains(&other), "{name} must not know {other}");
            }
            assert!(
                !other.starts_with("datafusion")
                    || ["tablecast-engine", "tablecast-files"].contains(&name),
                "{name} must not know DataFusion"
            );
        }
    }
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["crates", "connectors", "bench"] {
        rust_files(&root().join(folder), &mut files);
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    files
}

#[test]
fn every_file_says_what_it_is_for() {
    for file in all_files() {
        let text = fs::read_to_string(&file).expect("text");
        assert!(
            text.starts_with("//! "),
            "{} does not open with what it is for",
            file.display()
        );
    }
}

#[test]
fn rooms_that_know_no_connector_name_none() {
    let rooms = [
        "crates/tablecast-connector",
        "crates/tablecast-engine",
        "crates/tablecast-server",
    ];
    for file in all_files()
        .iter()
        .filter(|file| rooms.iter().any(|room| file.starts_with(root().join(room))))
    {
        if file.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let text = fs::read_to_string(file).expect("text");
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let line = line.to_ascii_lowercase();
            for name in ["hdf5", "pytables", "postgres", "tablecast_sqlite"] {
                assert!(
                    !line.contains(name),
                    "{}:{}: {line}",
                    file.display(),
                    number + 1
                );
            }
        }
    }
}
