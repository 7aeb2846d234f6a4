//! Requests that ask for what is not there, or for it in a wrong way: `cases/requests.jsonl` says what each is answered.
//!
//! A case: `path` (and `method`), then what must hold: `status`; `error`, `hint` and `warning`, each a part of the text;
//! `location`; `body`, a part of the body; `strict`, the status under `strict_arguments`.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::made::{Folder, climate};
use crate::program::{Answer, Program, tilde};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    path: String,
    #[serde(default = "get")]
    method: String,
    status: u16,
    error: Option<String>,
    hint: Option<String>,
    warning: Option<String>,
    location: Option<String>,
    body: Option<String>,
    strict: Option<u16>,
}

fn get() -> String {
    "GET".to_owned()
}

fn cases() -> Vec<Case> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/requests.jsonl");
    let text = std::fs::read_to_string(path).expect("the cases");
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// What of a case does not hold.
fn differences(case: &Case, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let mut hold = |what: &str, wanted: Option<&String>, given: Option<String>| {
        let given = given.unwrap_or_default();
        match wanted {
            Some(wanted) if given.contains(wanted) => {}
            None if what != "warning" || given.is_empty() => {}
            _ => found.push(format!("{what}: {given:?} instead of {wanted:?}")),
        }
    };
    hold("hint", case.hint.as_ref(), answer.header("tablecast-hint"));
    hold(
        "warning",
        case.warning.as_ref(),
        answer.header("tablecast-warning"),
    );
    hold(
        "location",
        case.location.as_ref(),
        answer.header("location"),
    );
    hold("body", case.body.as_ref(), Some(answer.text()));
    if let Some(wanted) = &case.error {
        found.extend(envelope_differences(wanted, case.status, answer));
    }
    if answer.status != case.status {
        found.push(format!("status {}: {}", answer.status, answer.text()));
    }
    found
}

/// What is wrong with an error's answer, in whichever format it came.
fn envelope_differences(wanted: &str, status: u16, answer: &Answer) -> Vec<String> {
    let mut found = Vec::new();
    let text = answer.page();
    let content_type = answer.header("content-type").unwrap_or_default();
    if answer.header("tablecast-error").is_none() {
        found.push("no code in Tablecast-Error".to_owned());
    }
    if !content_type.starts_with("application/json") {
        if !text.contains(wanted) {
            found.push(format!("{text:?} does not say {wanted:?}"));
        }
        return found;
    }
    let json = answer.json();
    let message = json["error"].as_str().unwrap_or_default();
    if !message.contains(wanted) {
        found.push(format!("error: {message:?} instead of {wanted:?}"));
    }
    let errors = Value::Array(vec![json["error"].clone()]);
    if json["ok"] != false || json["status"] != status || json["errors"] != errors {
        found.push(format!("not the envelope of errors: {text}"));
    }
    found
}

fn check(program: &Program, status_of: impl Fn(&Case) -> Option<u16>) {
    let mut failed = Vec::new();
    let mut checked = 0;
    for mut case in cases() {
        let Some(status) = status_of(&case) else {
            continue;
        };
        if status != case.status {
            // Refused now: what the warning told is the error.
            case.status = status;
            case.error = case.warning.take();
            case.body = None;
        }
        checked += 1;
        let answer = program.ask(&case.method, &case.path, "");
        let differences = differences(&case, &answer);
        if !differences.is_empty() {
            failed.push(format!(
                "{} {}\n    {}",
                case.method,
                case.path,
                differences.join("\n    ")
            ));
        }
    }
    assert!(checked > 10, "only {checked} cases");
    assert!(
        failed.is_empty(),
        "{} of {checked} fail:\n{}",
        failed.len(),
        failed.join("\n")
    );
}

#[test]
fn each_wrong_request_is_answered_as_its_case_says() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    check(&program, |case| Some(case.status));
}

#[test]
fn strict_arguments_make_errors_of_warnings() {
    let folder = Folder::new();
    let program = Program::serve(&["--setting", "strict_arguments", "on", &folder.notes("d.db")]);
    check(&program, |case| case.strict);
}

#[test]
fn a_page_shows_the_warning_that_its_header_tells() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let page = program.get("/d/notes?texd=x");
    assert!(page.header("tablecast-warning").is_some());
    assert!(
        page.page().contains("did you mean \"text\"?"),
        "{}",
        page.text()
    );
}

#[test]
fn an_error_is_json_for_who_accepts_json_and_a_page_for_others() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let json = program.ask("GET", "/d/nope", "Accept: application/json\r\n");
    assert_eq!(
        (json.status, &json.json()["error"]),
        (404, &Value::from("Table not found"))
    );
    let page = program.ask("GET", "/d/nope", "Accept: text/html\r\n");
    assert_eq!(page.status, 404);
    assert!(
        page.header("content-type")
            .is_some_and(|it| it.starts_with("text/html"))
    );
}

#[test]
fn thousands_of_arguments_are_answered_with_few_headers() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db"), folder.write("weather.h5", &climate())]);
    let table = program.json("/weather.json")["tables"][0]["name"].clone();
    let table = format!("/weather/{}", tilde(table.as_str().expect("a table")));
    let many = |argument: &dyn Fn(usize) -> String, count: usize| {
        let all: Vec<String> = (0..count).map(argument).collect();
        all.join("&")
    };
    for query in [
        many(&|number| format!("nope{number}=1"), 4000),
        many(&|number| format!("_nope{number}=1"), 4000),
        many(&|_| "rowid=1".to_owned(), 6000),
        many(&|_| "_where=1".to_owned(), 6000),
        many(&|_| "_facet=nope".to_owned(), 4000),
        many(&|number| format!("_extra=count,x{number}"), 3000),
        format!("{}=1", "x".repeat(60_000)),
        format!("_next={}", "1,".repeat(30_000)),
        format!("rowid__in={}", "1,".repeat(30_000)),
    ] {
        for path in ["/d/notes", &table] {
            for format in [".json", ""] {
                let answer = program.get(&format!("{path}{format}?{query}"));
                let start = query.get(..20).unwrap_or_default();
                assert!(
                    matches!(answer.status, 200 | 400),
                    "{path} {start}: {}",
                    answer.status
                );
                assert!(answer.head_bytes() < 8192, "{path} {start}");
            }
        }
    }
    assert_eq!(program.get("/d/notes.json").status, 200);
}

#[test]
fn what_is_not_http_or_too_long_is_refused_and_the_next_request_is_answered() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let long = format!("/d/notes.json?text={}", "x".repeat(1 << 20));
    let raw = [
        "\r\n\r\n".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
        "GET /d/no tes.json HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        format!("GET {long} HTTP/1.0\r\n\r\n"),
        format!("GET / HTTP/1.0\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)),
    ];
    for request in raw {
        use std::io::Write;
        let mut socket = std::net::TcpStream::connect(program.address()).expect("a connection");
        // The program may close the connection before all is sent.
        let _ = socket.write_all(request.as_bytes());
        let _ = socket.shutdown(std::net::Shutdown::Write);
        let status = Answer::read(socket).map(|answer| answer.status);
        let start = request.get(..20.min(request.len())).unwrap_or_default();
        assert!(
            status.is_none_or(|status| (400..500).contains(&status)),
            "{start}: {status:?}"
        );
        assert_eq!(program.get("/d/notes.json").status, 200, "after {start}");
    }
}

#[test]
fn what_stands_beside_the_rows_of_every_page_is_not_kept_past_a_change() {
    let folder = Folder::new();
    let file = folder.database(
        "kinds.db",
        "create table t (id integer primary key, kind text); \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < 250) \
         insert into t select i, 'kind ' || i from n",
    );
    let program = Program::serve(&[&file]);
    let page = |next: u32| program.get(&format!("/kinds/t?_next={next}")).text();
    assert!(page(10).contains("<strong>250</strong>"));
    let is_suggested = |html: &str| html.contains("Suggested facets");
    assert!(!is_suggested(&page(20)));
    let writer = rusqlite::Connection::open(&file).unwrap();
    writer
        .execute_batch("delete from t where id > 240; update t set kind = 'one of ' || (id % 2)")
        .unwrap();
    let changed = page(30);
    assert!(changed.contains("<strong>240</strong>"), "{changed}");
    assert!(is_suggested(&changed), "{changed}");
}

#[test]
fn an_answer_that_the_visitor_has_is_not_sent_again() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let ask = |tags: &str| {
        let headers = format!("If-None-Match: {tags}\r\n");
        program.ask("GET", "/d/notes.json", &headers)
    };
    let tag = program.get("/d/notes.json").header("etag").expect("a tag");
    let bare = tag.trim_start_matches("W/");
    for tags in [
        &tag,
        bare,
        "*",
        &format!("\"other\", {tag}"),
        &format!("{bare},\"x\""),
    ] {
        let answer = ask(tags);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{tags}");
    }
    for tags in ["\"other\"", "", "W/", "W/\"\", nothing"] {
        assert_eq!(ask(tags).status, 200, "{tags}");
    }
}

#[test]
fn the_host_may_stand_in_the_address_as_it_does_in_http_2() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    let mut socket = TcpStream::connect(program.address()).unwrap();
    let path = "http://other.test:81/d/notes.json?_size=1";
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
    let answer = Answer::read(socket).expect("an answer").json();
    let next = answer["next_url"].as_str().expect("a next page");
    assert!(
        next.starts_with("http://other.test:81/d/notes.json?"),
        "{next}"
    );
}
