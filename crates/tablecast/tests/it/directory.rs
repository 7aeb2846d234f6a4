//! One folder in place of files: what it holds is served as it says.

use crate::made::{Folder, climate};
use crate::program::{Program, run};

fn folder() -> Folder {
    let folder = Folder::new();
    folder.notes("notes.db");
    folder.notes("old.sqlite3");
    folder.write("weather.h5", &climate());
    folder.write("readme.txt", b"no container");
    folder.write(
        ".hidden.db",
        &std::fs::read(folder.at("notes.db")).expect("bytes"),
    );
    folder.write("datasette.yaml", b"settings: {default_page_size: 2}");
    folder.write("metadata.json", b"{\"title\": \"From a folder\"}");
    folder.write(
        "inspect-data.json",
        b"{\"old\": {\"tables\": {\"notes\": {\"count\": 77}}}}",
    );
    folder
}

#[test]
fn a_folder_is_served_as_its_files_say() {
    let folder = folder();
    std::fs::create_dir(folder.at("plugins")).expect("a folder");
    let program = Program::serve(&[folder.path()]);
    let databases = program.json("/-/databases.json");
    let listed: Vec<(&str, bool)> = databases["databases"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| {
            (
                it["name"].as_str().unwrap_or_default(),
                it["is_mutable"] == true,
            )
        })
        .collect();
    assert_eq!(listed.len(), 3, "{databases}");
    assert!(listed.contains(&("notes", true)) && listed.contains(&("old", false)));
    assert_eq!(program.json("/old/notes.json?_extra=count")["count"], 77);
    assert_eq!(
        program.json("/notes/notes.json")["rows"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    assert!(program.get("/").text().contains("From a folder"));
    assert!(
        program
            .said()
            .contains("plugins (Datasette's plugins are Python programs)"),
        "{}",
        program.said()
    );
}

#[test]
fn the_command_line_goes_before_the_folder() {
    let folder = folder();
    let aside = folder.write("aside.json", b"{\"title\": \"From aside\"}");
    let path = folder.path().display().to_string();
    let program = Program::serve(&[&path, "-m", &aside, "-s", "default_page_size", "1"]);
    assert_eq!(
        program.json("/notes/notes.json")["rows"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert!(program.get("/").text().contains("From aside"));
}

#[test]
fn a_folder_without_containers_is_refused() {
    let empty = Folder::new();
    empty.write("readme.txt", b"words");
    let bad = folder();
    bad.write("inspect-data.json", b"not JSON");
    for (folder, reason) in [
        (&empty, "holds no file that can be served"),
        (&bad, "is not what inspect writes"),
    ] {
        let output = run(&[
            "serve".as_ref(),
            folder.path().as_os_str(),
            "-p".as_ref(),
            "0".as_ref(),
        ]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
}

#[test]
fn files_of_rows_in_a_folder_are_one_database_without_what_tells_how_to_serve() {
    let folder = folder();
    folder.write("trees.csv", b"kind,height\nelm,12.5\n");
    std::fs::create_dir_all(folder.at("more/static")).expect("a folder");
    std::fs::create_dir(folder.at("static")).expect("a folder");
    folder.write("more/birds.json", b"[{\"name\": \"wren\"}]");
    folder.write("more/static/plain.csv", b"n\n1\n");
    folder.write("static/secret.csv", b"n\n1\n");
    let program = Program::serve(&[folder.path()]);
    let databases = program.json("/-/databases.json");
    let listed = databases["databases"].as_array().expect("a list");
    assert_eq!(listed.len(), 4, "{databases}");
    let mut names = listed.iter().filter_map(|it| it["name"].as_str());
    let name = names
        .find(|name| !["notes", "old", "weather"].contains(name))
        .expect("the folder's own")
        .replace('.', "~2E");
    let database = program.json(&format!("/{name}.json"));
    let tables = database["tables"].as_array().expect("tables");
    let tables: Vec<&str> = tables
        .iter()
        .filter_map(|table| table["name"].as_str())
        .collect();
    assert_eq!(tables, ["more/birds", "more/static/plain", "trees"]);
    let rows = program.json(&format!("/{name}/more~2Fbirds.json?_shape=array"));
    assert_eq!(rows[0]["name"], "wren");
}
