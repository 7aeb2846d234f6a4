//! Configured queries, their magic parameters, and what finds rows and places by what is typed.

use serde_json::{Value, json};

use crate::made::Folder;
use crate::program::{Program, command, percent};

fn served(folder: &Folder, configuration: &str) -> Program {
    let file = folder.notes("d.db");
    folder.write("c.yaml", configuration.as_bytes());
    Program::serve(&[file, "-c".to_owned(), folder.text("c.yaml")])
}

#[test]
fn configured_queries_may_be_listed_in_parts() {
    let folder = Folder::new();
    let program = served(
        &folder,
        "databases:\n  d:\n    queries:\n      c: select 1\n      b: {sql: select 2, title: A first}\n      a: select 'x'\n",
    );
    let names = |json: &Value| -> Vec<String> {
        let queries = json["queries"].as_array().expect("a list");
        queries
            .iter()
            .map(|query| query["name"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    let first = program.json("/d/-/queries.json?_size=2");
    assert_eq!(names(&first), ["a", "b"]);
    let next = first["next_url"].as_str().expect("more");
    let (_, path) = next.split_once("host.test").expect("an address");
    let second = program.json(path);
    assert_eq!(
        (names(&second), &second["next"]),
        (vec!["c".to_owned()], &Value::Null)
    );
    assert_eq!(names(&program.json("/-/queries.json?q='x'")), ["a"]);
    assert_eq!(
        names(&program.json("/-/queries.json?is_write=1")),
        [] as [&str; 0]
    );
    for path in [
        "/-/queries.json?_size=x",
        "/-/queries.json?_size=99999",
        "/-/queries.json?is_write=maybe",
        "/-/queries.json?_next=nonsense",
    ] {
        assert_eq!(program.get(path).status, 400, "{path}");
    }
}

#[test]
fn magic_parameters_come_from_the_request_and_are_never_kept() {
    let folder = Folder::new();
    let program = served(
        &folder,
        "databases:
  d:
    queries:
      agent: 'select :_header_user_agent as it'
      cookie: 'select :_cookie_c as it'
      epoch: 'select :_now_epoch as it'
      day: 'select :_now_date_utc as it'
      moment: 'select :_now_datetime_utc as it'
      dice: 'select :_random_chars_9 as it'
      actor: 'select :_actor_id as it'
      none: 'select :_now_never as it'
",
    );
    let it = |path: &str, headers: &str| {
        let answer = program.ask("GET", path, headers);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["rows"][0]["it"].clone()
    };
    assert_eq!(it("/d/agent.json", "User-Agent: a\r\n"), json!("a"));
    assert_eq!(it("/d/agent.json", "User-Agent: b\r\n"), json!("b"));
    assert_eq!(it("/d/cookie.json", "Cookie: x=1; c=2\r\n"), json!("2"));
    assert!(it("/d/epoch.json", "").as_i64() > Some(1_700_000_000));
    assert_eq!(it("/d/day.json", "").as_str().map(str::len), Some(10));
    assert!(
        it("/d/moment.json", "")
            .as_str()
            .is_some_and(|text| text.ends_with('Z'))
    );
    let dice = [(); 2].map(|()| it("/d/dice.json", ""));
    assert!(
        dice[0] != dice[1] && dice[0].as_str().map(str::len) == Some(9),
        "{dice:?}"
    );
    for path in ["/d/cookie.json", "/d/actor.json", "/d/none.json"] {
        assert_eq!(program.get(path).status, 400, "{path}");
    }
    // What a visitor writes has no magic.
    let sql = percent("select :_header_user_agent as it");
    assert_eq!(
        it(&format!("/d/-/query.json?sql={sql}"), "User-Agent: a\r\n"),
        json!("")
    );
}

#[test]
fn what_asks_for_the_time_or_chance_is_asked_anew() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table t (x); insert into t values (1); create view dice as select random() as it;",
    );
    let program = Program::serve(&[&file]);
    for path in [
        "/d/-/query.json?sql=select+random()+as+it",
        "/d/-/query.json?sql=select+it+from+dice",
        "/d/dice.json",
    ] {
        let first = program.json(path);
        assert_ne!(first["rows"], program.json(path)["rows"], "{path}");
    }
    assert!(program.get("/d/t.json").header("etag").is_some());
    assert!(
        program
            .get("/d/t.json?_where=random()")
            .header("etag")
            .is_none()
    );
    // A condition may read a view, and joined databases each other's.
    let through = "/d/t.json?_where=x+in+(select+abs(it)+from+dice)";
    assert!(program.get(through).header("etag").is_none());
    let joined = Program::serve(&[folder.text("d.db").as_str(), "--crossdb"]);
    let path = "/_memory/-/query.json?sql=select+it+from+[d].dice";
    assert_ne!(joined.json(path)["rows"], joined.json(path)["rows"]);
}

#[test]
fn without_a_file_an_empty_database_takes_sql() {
    let mut serve = command(&["serve", "-p", "0"]);
    serve.env_remove("DATASETTE_LOAD_EXTENSION");
    let program = Program::start(serve);
    assert_eq!(
        program.json("/_memory/-/query.json?sql=select+1+as+one")["rows"],
        json!([{ "one": 1 }])
    );
}

#[test]
fn rows_are_found_by_key_and_label() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table people (id integer primary key, name text);
         insert into people values (1, 'Ann'), (2, '100% Bob'), (10, 'Cy_1'), (11, 'x');",
    );
    let program = Program::serve(&[&file]);
    for (typed, ids) in [
        ("1", vec![1, 10, 2, 11]),
        ("%25", vec![2]),
        ("_", vec![10]),
        ("ann", vec![1]),
        ("", vec![]),
    ] {
        let found = program.json(&format!("/d/people/-/autocomplete?q={typed}"));
        let found: Vec<i64> = found["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["pks"]["id"].as_i64().expect("a key"))
            .collect();
        assert_eq!(found, ids, "{typed}");
    }
}

#[test]
fn a_trace_tells_what_was_asked_where_the_setting_allows_it() {
    let folder = Folder::new();
    let program = served(&folder, "settings: {trace_debug: on}");
    let traced = program.json("/d/notes.json?_trace=1&_facet=author&_extra=count");
    let asked = &traced["_trace"]["traces"][0];
    assert_eq!(
        (
            &asked["type"],
            &asked["database"],
            &asked["table"],
            &asked["error"]
        ),
        (&json!("ask"), &json!("d"), &json!("notes"), &Value::Null)
    );
    assert_eq!(asked["wants"], json!(["rows", "count", "facet author"]));
    assert!(traced["_trace"]["request_duration_ms"].as_f64() >= asked["duration_ms"].as_f64());
    let traced = program.json("/d/-/query.json?sql=select+:a+as+a&a=1&_trace=1");
    let asked = &traced["_trace"]["traces"][0];
    assert_eq!(
        (&asked["sql"], &asked["params"]),
        (&json!("select :a as a"), &json!({"a": "1"}))
    );
    assert!(
        program
            .get("/d/notes?_trace=1")
            .text()
            .contains("request_duration_ms")
    );
    for path in ["/d/notes.json", "/d/notes.json?_trace=1&_shape=array"] {
        assert!(!program.get(path).text().contains("_trace"), "{path}");
    }
    let quiet = Program::serve(&[&folder.text("d.db")]);
    assert!(
        !quiet
            .get("/d/notes.json?_trace=1")
            .text()
            .contains("_trace\":")
    );
}
