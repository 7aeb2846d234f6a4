//! Files that cannot be served, or not any more: each is named with its reason, and the others are served.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;

use serde_json::Value;

use crate::made::{Folder, climate};
use crate::program::{Program, command, run};

/// Files that cannot be served: what to write under a name, and the reason that is told.
fn broken(folder: &Folder) -> Vec<(&'static str, &'static str)> {
    let whole = std::fs::read(folder.notes("whole.db")).expect("a database");
    let cut = |bytes: &[u8], length: usize| bytes.get(..length).expect("long enough").to_vec();
    std::fs::create_dir(folder.at("folder")).expect("a folder");
    std::fs::create_dir(folder.at("folder.db")).expect("a folder");
    let pipe = std::process::Command::new("mkfifo")
        .arg(folder.at("pipe.db"))
        .status();
    assert!(pipe.is_ok_and(|status| status.success()), "a pipe");
    let mut reasons = vec![
        ("pipe.db", "is a pipe or a device"),
        ("missing.db", "does not exist"),
        ("missing.h5", "does not exist"),
        ("folder", "is a folder"),
        ("folder.db", "is a folder"),
    ];
    for (name, bytes, reason) in [
        ("empty.h5", Vec::new(), "is empty"),
        ("empty", Vec::new(), "is empty"),
        ("text.db", b"these are words".to_vec(), "unknown format"),
        ("text.h5", b"these are words".to_vec(), "unknown format"),
        ("table.txt", b"a,b\n1,2\n".to_vec(), "unknown format"),
        ("header.db", cut(&whole, 60), "is truncated"),
        ("half.db", cut(&whole, whole.len() / 2), "is truncated"),
        ("half.h5", cut(&climate(), 8000), "is truncated"),
        ("start.h5", cut(&climate(), 20), "start.h5"),
    ] {
        folder.write(name, &bytes);
        reasons.push((name, reason));
    }
    reasons
}

#[test]
fn each_broken_file_is_named_with_its_reason_and_the_others_are_served() {
    let folder = Folder::new();
    let broken = broken(&folder);
    let mut files = vec![folder.notes("good.db")];
    files.extend(broken.iter().map(|(name, _)| folder.text(name)));
    files.push(folder.write("weather.h5", &climate()));
    let program = Program::serve(&files);
    let said = program.said();
    for (name, reason) in &broken {
        let start = format!("Not served: {}", folder.text(name));
        let line = said.lines().find(|line| {
            line.strip_prefix(&start)
                .is_some_and(|rest| rest.starts_with([' ', ':']))
        });
        assert!(
            line.is_some_and(|line| line.contains(reason)),
            "{name}: {said}"
        );
    }
    assert_eq!(names(&program), ["good", "weather"]);
    assert_eq!(program.json("/good/notes.json")["rows"][2]["text"], "third");
    assert!(
        !program.json("/weather.json")["tables"]
            .as_array()
            .expect("tables")
            .is_empty()
    );
}

fn names(program: &Program) -> Vec<String> {
    let databases = program.json("/-/databases.json");
    let names = databases["databases"].as_array().expect("databases").iter();
    names
        .map(|database| database["name"].as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn an_unknown_format_says_which_formats_are_known_and_how_to_add_one() {
    let folder = Folder::new();
    let said = run(&["serve", "-p", "0", &folder.write("table.xyz", b"words")]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    for part in ["SQLite", "HDF5", "docs/connectors.md"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn without_a_single_good_file_the_program_ends_with_an_error() {
    let folder = Folder::new();
    for file in [folder.text("missing.db"), folder.write("text.db", b"words")] {
        let output = run(&["serve", "-p", "0", &file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(
            said.contains(&file) && said.contains("Error: nothing that was named can be served"),
            "{said}"
        );
    }
}

#[test]
fn a_file_without_permission_is_named_and_the_others_are_served() {
    let folder = Folder::new();
    let (good, secret) = (folder.notes("good.db"), folder.notes("secret.db"));
    let everybody = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder.path(), everybody).expect("changed");
    let nobody_reads = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&secret, nobody_reads).expect("changed");
    let arguments = ["serve", "-p", "0", &good, &secret];
    let mut serve = command(&arguments);
    if std::fs::read(&secret).is_ok() {
        // Whoever runs this test may read everything: the program runs as somebody who may not, from a place that
        // everybody may enter.
        let program = folder.at("tablecast");
        let built = env!("CARGO_BIN_EXE_tablecast");
        std::fs::hard_link(built, &program)
            .or_else(|_| std::fs::copy(built, &program).map(|_| ()))
            .expect("the program is within reach");
        serve = std::process::Command::new(&program);
        serve.args(arguments).uid(65534);
    }
    let program = Program::start(serve);
    let line = format!("Not served: {secret} may not be read (permission denied)");
    assert!(program.said().contains(&line), "{}", program.said());
    assert_eq!(names(&program), ["good"]);
}

#[test]
fn files_of_one_stem_are_numbered_in_their_order() {
    let folder = Folder::new();
    for name in ["one", "two", "three"] {
        std::fs::create_dir(folder.at(name)).expect("a folder");
    }
    let files = [
        folder.database("one/data.db", "create table first (x)"),
        folder.database("two/data.sqlite", "create table second (x)"),
        folder.write("three/data.h5", &climate()),
    ];
    let program = Program::serve(&files);
    assert_eq!(names(&program), ["data", "data_2", "data_3"]);
    assert_eq!(program.json("/data.json")["tables"][0]["name"], "first");
    assert_eq!(program.json("/data_2.json")["tables"][0]["name"], "second");
    assert_eq!(program.get("/data_3").status, 200);
}

#[test]
fn an_empty_file_named_as_a_database_is_one_without_tables() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.write("nothing.db", b"")]);
    assert_eq!(
        program.json("/nothing.json")["tables"],
        Value::Array(Vec::new())
    );
    assert_eq!(program.get("/nothing").status, 200);
    assert_eq!(program.get("/nothing/x.json").status, 404);
}

#[test]
fn a_database_that_breaks_while_it_is_served_disturbs_no_other() {
    let folder = Folder::new();
    let (good, bad) = (folder.notes("good.db"), folder.notes("bad.db"));
    let program = Program::serve(&[&good, &bad]);
    assert_eq!(program.get("/bad/notes.json").status, 200);
    folder.write("bad.db", "x".repeat(40_000).as_bytes());
    for path in ["/bad.json", "/bad/notes.json", "/bad/notes/1.json"] {
        let answer = program.get(path);
        assert_eq!(answer.status, 500, "{path}: {}", answer.text());
        assert!(
            answer.text().contains("bad.db"),
            "{path}: {}",
            answer.text()
        );
    }
    let home = program.json("/.json");
    assert_eq!(home["databases"][0]["tables_count"], 4);
    let problem = home["databases"][1]["error"].as_str().unwrap_or_default();
    assert!(problem.contains("bad.db"), "{home}");
    let page = program.get("/");
    assert_eq!(page.status, 200);
    assert!(
        page.page().contains(problem),
        "the home page does not say it"
    );
    assert_eq!(program.json("/good/notes.json")["rows"][0]["text"], "first");
    assert_eq!(program.get("/good").status, 200);
}

#[test]
fn a_file_written_to_while_it_is_served_shows_its_new_rows() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("notes.db")]);
    let path = "/notes/authors.json?_shape=arrays";
    assert_eq!(program.json(path)["rows"].as_array().map(Vec::len), Some(2));
    folder.database("notes.db", "insert into authors values (3, 'Mary')");
    assert_eq!(program.json(path)["rows"][2][1], "Mary");
}
