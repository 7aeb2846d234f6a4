//! SQL that must not do what it says, or that is wrong.

use std::time::{Duration, Instant};

use tablecast_connector::{ErrorKind, Limits, Operator, Want};

use crate::opened::{Opened, condition};

const NOTES: &str = "create table notes (id integer primary key, text);
    insert into notes values (1, 'a'), (2, 'b');
    create virtual table search using fts5(text, content='notes');";

#[test]
fn sql_that_writes_attaches_or_reads_files_is_refused() {
    let opened = Opened::of(NOTES);
    for (sql, kind) in [
        ("update notes set text = 'x'", ErrorKind::InvalidRequest),
        (
            "with x as (select 1) update notes set text = 'x'",
            ErrorKind::Forbidden,
        ),
        (
            "with x as (select 1) delete from notes",
            ErrorKind::Forbidden,
        ),
        (
            "with x as (select 1) insert into notes select 1, 2",
            ErrorKind::Forbidden,
        ),
        ("attach 'x.db' as x", ErrorKind::InvalidRequest),
        ("pragma user_version = 3", ErrorKind::Forbidden),
        ("pragma cache_size = 7", ErrorKind::Forbidden),
        (
            "select * from pragma_user_version",
            ErrorKind::InvalidRequest,
        ),
        (
            "select * from [pragma_journal_mode]('wal')",
            ErrorKind::InvalidRequest,
        ),
        ("select load_extension('x.so')", ErrorKind::Forbidden),
        ("select fts3_tokenizer('simple')", ErrorKind::Forbidden),
        ("select readfile('/etc/passwd')", ErrorKind::InvalidRequest),
        ("select writefile('/tmp/x', 'x')", ErrorKind::InvalidRequest),
        ("select 1; drop table notes", ErrorKind::Forbidden),
        ("select 1; select 2", ErrorKind::InvalidRequest),
        ("vacuum into 'x.db'", ErrorKind::InvalidRequest),
        (
            "explain update notes set text = 'x'",
            ErrorKind::InvalidRequest,
        ),
    ] {
        let error = opened.sql(sql).expect_err(sql);
        assert_eq!(error.kind(), kind, "{sql}: {error}");
    }
    assert_eq!(
        opened.sql("select count(*) from notes").expect("count"),
        [[2_i64.into()]]
    );
    assert_eq!(
        std::fs::read_dir(opened.folder.path())
            .expect("folder")
            .count(),
        1
    );
}

#[test]
fn wrong_sql_is_explained_in_sqlites_words() {
    let opened = Opened::of(NOTES);
    for (sql, message) in [
        ("select * from nope", "no such table: nope"),
        ("select nope from notes", "no such column: nope"),
        ("select * from where", "near \"where\": syntax error"),
        ("select nope(1)", "no such function: nope"),
        ("select", "incomplete input"),
        (
            "select :a",
            "You did not supply a value for binding parameter :a.",
        ),
        (
            "select 1; select 2",
            "You can only execute one statement at a time.",
        ),
        ("select json('{')", "malformed JSON"),
        ("", "Statement must be a SELECT"),
    ] {
        let error = opened.sql(sql).expect_err(sql);
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::InvalidRequest, message),
            "{sql}"
        );
    }
    let where_clause = tablecast_connector::Filter::Sql {
        text: "nope = 1".to_owned(),
        dialect: tablecast_connector::Dialect::sqlite(),
        parameters: Vec::new(),
    };
    let error = opened.ask("notes", vec![where_clause], Want::Count { at_most: None });
    assert_eq!(
        error.expect_err("refused").message(),
        "no such column: nope"
    );
    let missing = opened.ask("nope", vec![], Want::Count { at_most: None });
    assert_eq!(missing.expect_err("missing").kind(), ErrorKind::NotFound);
    let list = vec![condition("id", Operator::In, "[1")];
    let list = opened.ask("notes", list, Want::Count { at_most: None });
    assert_eq!(list.expect_err("no list").kind(), ErrorKind::InvalidRequest);
}

#[test]
fn sql_that_never_ends_is_stopped_in_time() {
    let opened = Opened::of(NOTES);
    let endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) from n";
    let started = Instant::now();
    for rows in [None, Some(10)] {
        let mut limits = Limits::none().within(Duration::from_millis(100));
        limits.rows = rows;
        let error = opened.sql_within(endless, &limits).expect_err("endless");
        assert_eq!(
            (error.kind(), error.message()),
            (ErrorKind::TimedOut, "SQL query took too long")
        );
    }
    assert!(started.elapsed() < Duration::from_secs(2));
    let limits = Limits::none().rows(10);
    let token = limits.cancel.clone();
    let canceller = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        token.cancel();
    });
    let error = opened.sql_within(endless, &limits).expect_err("cancelled");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    canceller.join().expect("joined");
}

#[test]
fn a_want_that_takes_too_long_fails_alone() {
    let opened = Opened::of(
        "create view slow as with recursive n(i) as (select 1 union all select i + 1 from n) select i from n;",
    );
    let ask = tablecast_connector::Ask {
        table: "slow".to_owned(),
        filters: Vec::new(),
        wants: vec![
            tablecast_connector::Wanted {
                want: Want::Count { at_most: None },
                time_limit_ms: Some(50),
            },
            Want::Rows {
                columns: vec!["i".to_owned()],
                sort: None,
                position: None,
                limit: Some(3),
            }
            .into(),
        ],
    };
    let answers = futures::executor::block_on(opened.source.ask(&ask, &Limits::none()));
    assert_eq!(
        answers[0].as_ref().expect_err("late").kind(),
        ErrorKind::TimedOut
    );
    assert!(answers[1].is_ok());
}

#[test]
fn a_gigabyte_is_refused() {
    let opened = Opened::of(NOTES);
    for sql in [
        "select zeroblob(1000000000)",
        "select randomblob(2000000000)",
        "select printf('%.*c', 1000000000, 'x')",
        "select hex(zeroblob(200000000))",
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 900) \
         select zeroblob(10000000) from n",
    ] {
        let error = opened.sql(sql).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::TooLarge, "{sql}: {error}");
    }
    let mut limits = Limits::none().rows(10);
    limits.bytes = Some(100);
    assert!(opened.sql_within("select zeroblob(80)", &limits).is_ok());
    let error = opened
        .sql_within("select zeroblob(101)", &limits)
        .expect_err("large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
}
