//! SQL from the web: it cannot write, attach, read files, run for ever or return a gigabyte, and it is told why.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::made::{Folder, climate};
use crate::program::{Answer, Program, percent};

const ENDLESS: &str =
    "with recursive n(x) as (select 1 union all select x + 1 from n) select count(*) from n";

fn query(program: &Program, format: &str, sql: &str) -> Answer {
    program.get(&format!("/d/-/query{format}?sql={}", percent(sql)))
}

/// Whether SQL was refused. A page may show what is wrong beside the statement, so that it can be mended.
fn is_refused(answer: &Answer) -> bool {
    let is_mended = answer.status == 200 && answer.text().contains("role=\"alert\"");
    is_mended || matches!(answer.status, 400 | 403)
}

#[test]
fn sql_that_writes_or_reaches_outside_is_refused() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let before = std::fs::read(&file).expect("bytes");
    let program = Program::serve(&[&file]);
    let aside = folder.text("aside.db");
    for sql in [
        "update notes set text = 'x'",
        "insert into notes (text) values ('x')",
        "delete from notes",
        "drop table notes",
        "create table x (y)",
        "create temp table x (y)",
        "with n as (select 1) delete from notes",
        "with n as (select 1) insert into notes (text) select 'x'",
        "select 1; drop table notes",
        "select 1; select 2",
        "begin",
        "commit",
        "pragma user_version = 7",
        "pragma journal_mode = delete",
        &format!("attach '{aside}' as aside"),
        &format!("vacuum into '{aside}'"),
        "detach main",
        "select load_extension('x')",
        "select readfile('/etc/passwd')",
        "select writefile('/tmp/x', 'x')",
        "select edit('x')",
        "explain delete from notes",
    ] {
        for format in [".json", ".csv", ""] {
            let answer = query(&program, format, sql);
            assert!(is_refused(&answer), "{format} {sql}: {}", answer.text());
        }
    }
    assert!(!folder.at("aside.db").exists());
    assert_eq!(std::fs::read(&file).expect("bytes"), before);
    let files: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(program.json("/d/notes.json")["rows"][2]["text"], "third");
}

#[test]
fn wrong_sql_is_explained_in_every_format() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    for (sql, said) in [
        ("select * from nope", "no such table: nope"),
        ("select nope from notes", "no such column: nope"),
        ("select nope(1)", "no such function: nope"),
        ("select * from notes where", "incomplete input"),
        ("select * form notes", "syntax error"),
        ("nonsense", "Statement must be a SELECT"),
        ("select '", "unrecognized token"),
    ] {
        for format in [".json", ".csv", ""] {
            let answer = query(&program, format, sql);
            assert!(is_refused(&answer), "{format} {sql}: {}", answer.text());
            assert!(
                answer.text().contains(said),
                "{format} {sql}: {}",
                answer.text()
            );
        }
    }
}

#[test]
fn sql_that_never_ends_is_stopped_and_holds_up_nobody() {
    let folder = Folder::new();
    let program = Program::serve(&[
        "--setting",
        "sql_time_limit_ms",
        "2000",
        &folder.notes("d.db"),
    ]);
    let since = Instant::now();
    let path = format!("/d/-/query.json?sql={}", percent(ENDLESS));
    let endless: Vec<_> = (0..20).map(|_| program.send("GET", &path, "")).collect();
    let answer = program.get("/-/versions.json");
    assert_eq!(answer.status, 200);
    assert!(
        since.elapsed() < Duration::from_millis(1500),
        "{:?}",
        since.elapsed()
    );
    for socket in endless {
        let answer = Answer::read(socket).expect("an answer");
        assert_eq!((answer.status, &answer.json()["ok"]), (400, &json!(false)));
        assert_eq!(
            answer.header("tablecast-error").as_deref(),
            Some("timed-out")
        );
    }
    assert_eq!(program.get("/d/notes.json").status, 200);
    let less = program.get(&format!("{path}&_timelimit=20"));
    assert_eq!(less.status, 400);
}

#[test]
fn a_gigabyte_is_refused_before_it_fills_the_memory() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let many = |what: &str| {
        format!(
            "with recursive n(x) as (select 1 union all select x + 1 from n limit 1000) select {what} from n"
        )
    };
    for sql in [
        "select zeroblob(1000000000)".to_owned(),
        "select hex(zeroblob(500000000))".to_owned(),
        "select replace(hex(zeroblob(10000)), '0', hex(zeroblob(50000)))".to_owned(),
        many("zeroblob(1000000)"),
        many("hex(zeroblob(500000))"),
    ] {
        let program = Program::serve(&["--setting", "sql_time_limit_ms", "20000", &file]);
        for format in [".json", ".csv"] {
            let answer = query(&program, format, &sql);
            assert_eq!(answer.status, 400, "{sql}: {} bytes", answer.body.len());
            let code = answer.header("tablecast-error");
            assert_eq!(code.as_deref(), Some("too-large"), "{sql}");
        }
        let peak = program.peak_megabytes();
        assert!(peak < 700, "{sql}: {peak} MB");
        assert_eq!(program.get("/d/notes.json").status, 200);
    }
}

#[test]
fn statements_too_deep_for_any_stack_are_refused_and_the_program_goes_on() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db"), folder.write("weather.h5", &climate())]);
    let table = program.json("/weather.json")["tables"][0]["name"].clone();
    let table = format!("\"{}\"", table.as_str().expect("a table"));
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!(
            "select {}{inner}{}",
            open.repeat(times),
            close.repeat(times)
        )
    };
    for times in [40, 90, 400, 3000] {
        for sql in [
            nested("(", "1", ")", times),
            nested("not ", "1", "", times),
            nested("- ", "1", "", times),
            nested("1+", "1", "", times),
            nested("1 or ", "1", "", times),
            nested("'a'||", "'a'", "", times),
            nested("upper(", "'a'", ")", times),
            nested("cast(", "1", " as text)", times),
            nested("case when 1 then ", "1", " end", times),
            nested("(select ", "1", ")", times),
            nested("* from (select ", &format!("* from {table}"), ")", times),
            nested("exists(select ", "1", ")", times),
            nested("1 union all select ", "1", "", times),
            format!(
                "select count(*) from {table}{}",
                format!(", {table}").repeat(times)
            ),
            format!(
                "select 1 from {table} where 1{}",
                " and 1 = 1".repeat(times)
            ),
            format!("select 1 where 1 in (1{})", ",1".repeat(times)),
        ] {
            for database in ["d", "weather"] {
                let path = format!(
                    "/{database}/-/query.json?_timelimit=200&sql={}",
                    percent(&sql)
                );
                let socket = program.send("GET", &path, "");
                let start = sql.get(..40.min(sql.len())).unwrap_or_default();
                let answer = Answer::read(socket);
                let answer = answer.unwrap_or_else(|| panic!("{times} times {start}: no answer"));
                // The longest ones do not fit into an address.
                assert!(
                    matches!(answer.status, 200 | 400 | 414),
                    "{start}: {}",
                    answer.text()
                );
            }
        }
    }
    assert_eq!(program.get("/d/notes.json").status, 200);
}

#[test]
fn a_limit_makes_no_room_before_there_are_rows() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db"), folder.write("weather.h5", &climate())]);
    let table = &program.json("/weather.json")["tables"][0];
    let name = format!("\"{}\"", table["name"].as_str().expect("a table"));
    for limit in ["1000000000", "1000000000000", "9223372036854775807"] {
        for column in table["columns"].as_array().into_iter().flatten() {
            let column = format!("\"{}\"", column.as_str().expect("a column"));
            for sql in [
                format!(
                    "select {column}, max({column}) from {name} group by 1 order by 2 desc limit {limit}"
                ),
                format!("select {column} from {name} order by 1 limit {limit}"),
                format!("select distinct {column} from {name} limit {limit} offset 3"),
            ] {
                let path = format!("/weather/-/query.json?sql={}", percent(&sql));
                let answer = program.get(&path);
                assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
            }
        }
    }
    assert!(program.peak_megabytes() < 700);
}

#[test]
fn many_rows_are_cut_and_the_answer_says_so() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let sql = "with recursive n(x) as (select 1 union all select x + 1 from n) select x from n";
    let answer = query(&program, ".json", sql).json();
    assert_eq!(answer["truncated"], true);
    assert_eq!(answer["rows"].as_array().map(Vec::len), Some(1000));
}

#[test]
fn parameters_are_values_and_never_sql() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let typed = "x'; drop table notes; --";
    let path = format!(
        "/d/-/query.json?sql=select+:text+as+text,+:none+as+none&text={}",
        percent(typed)
    );
    assert_eq!(
        program.json(&path)["rows"],
        json!([{"text": typed, "none": ""}])
    );
}

#[test]
fn of_two_columns_of_one_name_an_object_has_the_last() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let answer = query(&program, ".json", "select 1 as a, 2 as b, 3 as a");
    assert!(
        answer.text().contains("[{\"a\":3,\"b\":2}]"),
        "{}",
        answer.text()
    );
    let path = "/d/-/query.json?_shape=arrays&sql=select+1+as+a,+2+as+b,+3+as+a";
    assert_eq!(program.json(path)["rows"], json!([[1, 2, 3]]));
    assert_eq!(
        program.get(&path.replace(".json", ".csv")).text(),
        "a,b,a\r\n1,2,3\r\n"
    );
}

#[test]
fn sql_is_refused_where_it_is_not_allowed() {
    let folder = Folder::new();
    let program = Program::serve(&[
        "--setting",
        "default_allow_sql",
        "off",
        &folder.notes("d.db"),
    ]);
    assert_eq!(query(&program, ".json", "select 1").status, 403);
    assert_eq!(program.get("/d/notes.json?_where=1").status, 403);
    assert_eq!(program.get("/d/notes.json").status, 200);
}
