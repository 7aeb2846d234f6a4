//! `--crossdb`: SQL over the tables of all databases, by SQLite where it can and by the engine where it must.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::made::{Folder, climate};
use crate::program::{Program, percent, run};

fn asked(program: &Program, sql: &str) -> Value {
    let sql = percent(sql);
    let path = format!("/_memory/-/query.json?_shape=arrays&sql={sql}");
    program.get(&path).json()
}

fn rows(program: &Program, sql: &str) -> Value {
    let answer = asked(program, sql);
    assert_eq!(answer["ok"], json!(true), "{sql}: {answer}");
    answer["rows"].clone()
}

#[test]
fn files_of_one_kind_and_of_two_are_joined_from_one_page() {
    let folder = Folder::new();
    let files = [
        folder.notes("my notes.db"),
        folder.database("years.db", "create table y (year integer primary key, label text); insert into y values (1955, 'old'), (2000, 'new')"),
        folder.write("climate.h5", &climate()),
    ];
    let program = Program::serve(&[&files[0], &files[1], &files[2], "--crossdb"]);
    assert_eq!(
        rows(
            &program,
            "select n.text, y.label from [my notes].notes n join years.y on y.year = 1954 + n.id"
        ),
        json!([["first", "old"]])
    );
    let both = "select y.label, count(*), round(max(s.temperature), 1) from climate.[pacific/sea_surface] s
        join years.y on y.year = s.year group by y.label order by 1";
    let joined = rows(&program, both);
    assert_eq!(joined[1][0], json!("old"));
    assert_eq!(joined[1][1], json!(12));
    let page = program.get(&format!("/_memory/-/query?sql={}", percent(both)));
    assert!(
        page.status == 200 && page.text().contains("<td>old</td>") || page.text().contains(">old<"),
        "{}",
        page.text()
    );
    let csv = program.get(&format!("/_memory/-/query.csv?sql={}", percent("select month from climate.[pacific/sea_surface] join years.y using (year) order by 1 limit 2")));
    assert_eq!(csv.text().lines().collect::<Vec<_>>(), ["month", "1", "1"]);
}

#[test]
fn each_side_of_a_join_gives_only_the_rows_and_columns_that_are_needed() {
    let folder = Folder::new();
    let years = folder.database(
        "years.db",
        "create table y (year integer primary key, label text, more text)",
    );
    let program = Program::serve(&[&folder.write("climate.h5", &climate()), &years, "--crossdb"]);
    let plan = rows(
        &program,
        "explain select y.label from climate.[pacific/sea_surface] s join years.y on y.year = s.year
         where s.month = 3 and y.more = 'x'",
    )
    .to_string();
    for part in [
        "projection=[year]",
        "full_filters=[climate.pacific/sea_surface.month = ",
        "projection=[year, label]",
        "full_filters=[years.y.more = ",
    ] {
        assert!(plan.contains(part), "{part}: {plan}");
    }
}

#[test]
fn an_answer_is_not_kept_past_a_change_of_any_joined_file() {
    let folder = Folder::new();
    let years = folder.database(
        "years.db",
        "create table y (year integer, label text); insert into y values (1955, 'a')",
    );
    let other = folder.database(
        "other.db",
        "create table o (label text); insert into o values ('a')",
    );
    let program = Program::serve(&[
        &folder.write("climate.h5", &climate()),
        &years,
        &other,
        "--crossdb",
    ]);
    let by_engine =
        "select count(*) from years.y join climate.[pacific/sea_surface] s on s.year = y.year";
    let by_sqlite = "select count(*) from years.y join other.o using (label)";
    assert_eq!(rows(&program, by_engine), json!([[12]]));
    assert_eq!(rows(&program, by_sqlite), json!([[1]]));
    let writer = Connection::open(&years).unwrap();
    writer
        .execute_batch("insert into y values (1956, 'a')")
        .unwrap();
    assert_eq!(rows(&program, by_engine), json!([[24]]));
    assert_eq!(rows(&program, by_sqlite), json!([[2]]));
    // Another file in the place of an attached one.
    drop(writer);
    let new = folder.database(
        "new.db",
        "create table y (year integer, label text); insert into y values (1955, 'a')",
    );
    std::fs::rename(&new, &years).unwrap();
    assert_eq!(rows(&program, by_sqlite), json!([[1]]));
    assert_eq!(rows(&program, by_engine), json!([[12]]));
}

#[test]
fn more_databases_than_sqlite_attaches_are_joined_all_the_same() {
    let folder = Folder::new();
    let mut arguments: Vec<String> = (0..13)
        .map(|number| {
            let sql = format!("create table t (n integer); insert into t values ({number})");
            folder.database(&format!("d{number}.db"), &sql)
        })
        .collect();
    arguments.push("--crossdb".to_owned());
    let program = Program::serve(&arguments);
    let selects: Vec<String> = (0..13)
        .map(|number| format!("select n from d{number}.t"))
        .collect();
    let sql = format!(
        "select count(*), sum(n) from ({})",
        selects.join(" union all ")
    );
    assert_eq!(rows(&program, &sql), json!([[13, 78]]));
    assert_eq!(
        rows(&program, "select a.n from d0.t a join d9.t b on b.n = 9"),
        json!([[0]])
    );
}

#[test]
fn what_cannot_be_joined_is_said() {
    let folder = Folder::new();
    let notes = folder.notes("Notes.db");
    std::fs::create_dir(folder.at("more")).unwrap();
    let same = folder.notes("more/notes.db");
    let main = folder.notes("main.db");
    let said = run(&[
        "serve",
        &notes,
        &same,
        &main,
        "--crossdb",
        "-p",
        "0",
        "--get",
        "/_memory.json",
    ]);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("Not joined by --crossdb: notes ("), "{said}");
    assert!(said.contains("Not joined by --crossdb: main ("), "{said}");
    let program = Program::serve(&[&notes, &folder.write("climate.h5", &climate()), "--crossdb"]);
    for (sql, reason) in [
        ("select * from Note.notes", "no such table: Note.notes"),
        (
            "select * from climat.x, climate.[pacific/sea_surface]",
            "no such table: climat.x",
        ),
        ("select * from climate.nope", "no such table: climate.nope"),
        ("attach 'x' as y", "Statement must be a SELECT"),
        (
            "select * from climate.[pacific/sea_surface] where",
            "incomplete input",
        ),
    ] {
        let answer = asked(&program, sql);
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(error.contains(reason), "{sql}: {answer}");
    }
}

#[test]
fn a_database_that_not_everybody_may_query_is_not_joined() {
    let folder = Folder::new();
    let files = [folder.notes("open.db"), folder.notes("closed.db")];
    let config = folder.write("c.yaml", b"databases: {closed: {allow_sql: {id: root}}}");
    let program = Program::serve(&[&files[0], &files[1], "--crossdb", "-c", &config]);
    assert!(
        program
            .said()
            .contains("Not joined by --crossdb: closed (not everybody may run SQL on it)")
    );
    let answer = asked(&program, "select * from closed.notes");
    assert_eq!(answer["error"], json!("no such table: closed.notes"));
    assert_eq!(
        rows(&program, "select count(*) from open.notes"),
        json!([[3]])
    );
}

#[test]
fn crossdb_without_files_serves_the_database_in_memory_once() {
    let program = Program::serve(&["--crossdb"]);
    let databases = program.json("/-/databases.json");
    let names: Vec<&Value> = databases
        .get("databases")
        .unwrap_or(&databases)
        .as_array()
        .unwrap()
        .iter()
        .map(|database| &database["name"])
        .collect();
    assert_eq!(names, ["_memory"]);
    assert_eq!(rows(&program, "select 1 + 1"), json!([[2]]));
}

#[test]
fn without_crossdb_no_database_sees_another() {
    let folder = Folder::new();
    let files = [folder.notes("a.db"), folder.notes("b.db")];
    let program = Program::serve(&[&files[0], &files[1], "--memory"]);
    for path in ["/_memory", "/a"] {
        let answer = program
            .get(&format!("{path}/-/query.json?sql=select+*+from+b.notes"))
            .json();
        assert_eq!(answer["error"], json!("no such table: b.notes"), "{path}");
    }
}
