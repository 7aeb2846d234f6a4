//! Files that are odd, broken, locked, written to, replaced.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use futures::executor::block_on;
use rusqlite::Connection;
use tablecast_connector::{
    Connector, ErrorKind, Limits, Location, OpenOptions, Operator, Source, Value, Want,
};
use tablecast_sqlite::SqliteConnector;

use crate::opened::{Opened, all, condition, open};

const ONE: &str = "create table t (a); insert into t values (1);";

fn immutable() -> OpenOptions {
    OpenOptions {
        immutable: true,
        own: BTreeMap::new(),
    }
}

fn own(name: &str, value: &str) -> OpenOptions {
    OpenOptions {
        immutable: false,
        own: BTreeMap::from([(name.to_owned(), value.to_owned())]),
    }
}

fn names(path: &Path) -> Vec<String> {
    let source = open(path, &OpenOptions::default()).expect("opened");
    block_on(source.table_names()).expect("names")
}

#[test]
fn a_broken_file_says_so_when_it_is_opened() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = Opened::of(&format!(
        "{ONE} create table big as select zeroblob(100000) as b;"
    ));
    let bytes = fs::read(&whole.path).expect("bytes");
    let mut torn = bytes.clone();
    torn[100..200].fill(0xff);
    let mut paged = bytes.clone();
    paged[16] = 0x03;
    for (name, bytes, message) in [
        (
            "text.db",
            b"hello, this is no database".to_vec(),
            "is not a SQLite database",
        ),
        ("header.db", bytes[..50].to_vec(), "is truncated"),
        ("half.db", bytes[..bytes.len() / 2].to_vec(), "is truncated"),
        ("torn.db", torn, "database disk image is malformed"),
        ("pages.db", paged, "its header claims pages"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).expect("written");
        let error = open(&path, &OpenOptions::default()).err().expect(name);
        assert_eq!(error.kind(), ErrorKind::Unreadable, "{name}: {error}");
        assert!(error.message().contains(message), "{error}");
        assert!(error.message().contains(name), "{error}");
    }
}

#[test]
fn damage_within_a_table_spoils_only_that_table() {
    let opened = Opened::of(
        "create table bad as with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) select i from n;
         create table good (a); insert into good values (1);",
    );
    let mut bytes = fs::read(&opened.path).expect("bytes");
    bytes[4096..8192].fill(0xff);
    let path = opened.folder.path().join("damaged.db");
    fs::write(&path, bytes).expect("written");
    let source = open(&path, &OpenOptions::default()).expect("opened");
    let bad = block_on(source.table_count("bad", None, &Limits::none()));
    assert_eq!(bad.expect_err("damaged").kind(), ErrorKind::Unreadable);
    let good = block_on(source.table_count("good", None, &Limits::none()));
    assert_eq!(good.expect("count").rows, 1);
}

#[test]
fn an_empty_file_is_an_empty_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("empty.db");
    fs::write(&path, b"").expect("written");
    assert_eq!(names(&path), Vec::<String>::new());
    let other = folder.path().join("empty.csv");
    fs::write(&other, b"").expect("written");
    let location = Location::look(other.to_str().expect("UTF-8")).expect("there");
    assert!(!SqliteConnector.recognizes(&location));
}

#[test]
fn a_database_in_memory_answers() {
    let location = Location {
        text: ":memory:".to_owned(),
        scheme: None,
        head: Vec::new(),
    };
    assert!(SqliteConnector.recognizes(&location));
    let source =
        block_on(SqliteConnector.open(&location, &OpenOptions::default())).expect("opened");
    assert!(source.details().is_memory);
    assert_eq!(source.details().path, None);
    assert!(source.version().is_some());
}

#[test]
fn names_of_files_may_hold_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in [
        "a b.db",
        "a?b#c.db",
        "100%.db",
        "é😀.db",
        "a'b\"c.db",
        "[x].db",
        "a&mode=rw.db",
    ] {
        let path = folder.path().join(name);
        let made = folder.path().join("made.db");
        Connection::open(&made)
            .expect("made")
            .execute_batch(ONE)
            .expect("SQL");
        fs::rename(&made, &path).expect("renamed");
        assert_eq!(names(&path), ["t"], "{name}");
    }
}

#[test]
fn what_another_program_commits_is_seen_and_makes_a_new_version() {
    for journal in ["delete", "wal", "truncate"] {
        let opened = Opened::of(&format!("pragma journal_mode = {journal}; {ONE}"));
        let count = || opened.sql("select count(*) from t").expect("count")[0][0].clone();
        let first = opened.source.version().expect("a version");
        assert_eq!(opened.source.version(), Some(first));
        assert_eq!(count(), Value::from(1_i64));
        assert_eq!(opened.source.version(), Some(first));
        let writer = Connection::open(&opened.path).expect("a writer");
        writer
            .execute_batch("insert into t values (2)")
            .expect("written");
        let second = opened.source.version().expect("a version");
        assert_ne!(first, second);
        assert_eq!(count(), Value::from(2_i64));
        writer
            .execute_batch("create table u (b); alter table t add column c")
            .expect("written");
        assert_ne!(opened.source.version(), Some(second));
        assert_eq!(
            block_on(opened.source.table_names()).expect("names"),
            ["t", "u"]
        );
        let info = block_on(opened.source.table_info("t")).expect("known");
        assert_eq!(info.columns.len(), 2, "{journal}");
    }
}

#[test]
fn a_replaced_file_is_read_anew() {
    let opened = Opened::of(ONE);
    let first = opened.source.version();
    let other = Opened::of("create table other (b); insert into other values (1), (2);");
    fs::rename(&other.path, &opened.path).expect("replaced");
    assert_ne!(opened.source.version(), first);
    assert_eq!(
        block_on(opened.source.table_names()).expect("names"),
        ["other"]
    );
    assert_eq!(opened.rows("other", &["b"], vec![]).len(), 2);
    // Written over in place by something that is not SQLite.
    let third = Opened::of("create table third (c); insert into third values (3);");
    std::thread::sleep(std::time::Duration::from_millis(20));
    fs::write(&opened.path, fs::read(&third.path).expect("bytes")).expect("written over");
    assert_eq!(
        block_on(opened.source.table_names()).expect("names"),
        ["third"]
    );
    assert_eq!(opened.rows("third", &["c"], vec![]), [[Value::from(3_i64)]]);
}

#[test]
fn a_locked_file_is_unavailable_until_it_is_free() {
    let opened = Opened::of(ONE);
    assert!(opened.source.version().is_some());
    let writer = Connection::open(&opened.path).expect("a writer");
    writer.execute_batch("begin exclusive").expect("locked");
    assert_eq!(opened.source.version(), None);
    assert_eq!(block_on(opened.source.table_names()).expect("names"), ["t"]);
    let limits = Limits::none()
        .rows(10)
        .within(std::time::Duration::from_millis(100));
    let error = opened
        .sql_within("select * from t", &limits)
        .expect_err("locked");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.message().contains("database is locked"), "{error}");
    writer.execute_batch("rollback").expect("free");
    assert_eq!(opened.sql("select * from t").expect("rows").len(), 1);
    assert!(opened.source.version().is_some());
    writer.execute_batch("begin exclusive").expect("locked");
    let unlocked = open(&opened.path, &own("nolock", "1")).expect("opened");
    assert_eq!(block_on(unlocked.table_names()).expect("names"), ["t"]);
}

#[test]
fn an_immutable_file_has_one_version_and_a_hash() {
    let opened = Opened::with(ONE, &immutable());
    let details = opened.source.details();
    assert!(!details.is_mutable);
    assert_eq!(details.hash.map(|hash| hash.len()), Some(64));
    assert_eq!(
        details.size,
        fs::metadata(&opened.path).ok().map(|m| m.len())
    );
    let version = opened.source.version();
    assert!(version.is_some());
    assert_eq!(opened.source.version(), version);
    assert_eq!(
        opened
            .rows("t", &["a"], vec![condition("a", Operator::Exact, "1")])
            .len(),
        0
    );
    let mutable = open(&opened.path, &OpenOptions::default()).expect("opened");
    assert_eq!(mutable.details().hash, None);
}

#[test]
fn options_that_are_not_there_are_refused_by_name() {
    let opened = Opened::of(ONE);
    for (name, value, message) in [
        ("nolok", "1", "no option \"nolok\""),
        ("nolock", "maybe", "on or off"),
        ("crossdb", "1", "crossdb"),
        (
            "load_extension",
            "/nowhere/x.so",
            "/nowhere/x.so cannot be loaded",
        ),
    ] {
        let error = open(&opened.path, &own(name, value)).err().expect(name);
        assert!(error.message().contains(message), "{error}");
    }
}

#[test]
fn text_that_is_not_utf8_is_replaced() {
    let opened = Opened::of("create table t (a); insert into t values (cast(x'61ff62' as text));");
    assert_eq!(opened.rows("t", &["a"], vec![]), [["a\u{fffd}b".into()]]);
    let utf16 =
        Opened::of("pragma encoding = 'utf-16'; create table t (a); insert into t values ('é');");
    assert_eq!(utf16.rows("t", &["a"], vec![]), [["é".into()]]);
}

#[test]
fn many_asks_at_once_all_get_their_answer() {
    let opened = Opened::of(ONE);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..20 {
                    assert!(
                        opened
                            .ask("t", vec![], Want::Count { at_most: None })
                            .is_ok()
                    );
                }
            });
        }
    });
}

/// Whatever the bytes are, there is an answer or an error that is about the file or the request.
#[test]
fn damaged_files_never_break_the_connector() {
    let whole = Opened::of(
        "pragma page_size = 1024;
         create table notes (id integer primary key, title text, body text);
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 200)
           insert into notes select i, 'title ' || i, 'body of note ' || i from n;
         create index by_title on notes (title);
         create virtual table search using fts5(title, content='notes');
         insert into search (rowid, title) select id, title from notes;
         create view seen as select title from notes;",
    );
    let bytes = fs::read(&whole.path).expect("bytes");
    let path = whole.folder.path().join("damaged.db");
    let mut random = 7_u64;
    let mut next = |below: usize| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let (mut opened, mut refused) = (0, 0);
    for round in 0..300 {
        let mut damaged = bytes.clone();
        for _ in 0..=next(8) {
            // Half of the damage goes to the first page, where the schema is.
            let at = if next(2) == 0 {
                next(1024)
            } else {
                next(bytes.len())
            };
            damaged[at] = next(256) as u8;
        }
        fs::write(&path, &damaged).expect("written");
        match open(&path, &OpenOptions::default()) {
            Ok(source) => {
                opened += 1;
                ask_everything(&*source, round);
            }
            Err(error) => {
                refused += 1;
                assert_ne!(error.kind(), ErrorKind::Internal, "{round}: {error:?}");
            }
        }
    }
    assert!(
        opened > 20 && refused > 20,
        "{opened} opened, {refused} refused"
    );
}

fn ask_everything(source: &dyn Source, round: usize) {
    let limits = Limits::none()
        .rows(1000)
        .within(std::time::Duration::from_secs(2));
    let check = |error: Option<tablecast_connector::Error>| {
        if let Some(error) = error {
            assert_ne!(error.kind(), ErrorKind::Internal, "{round}: {error:?}");
        }
    };
    for table in ["notes", "search", "seen", "search_data"] {
        check(block_on(source.table_info(table)).err());
        check(block_on(source.table_count(table, None, &limits)).err());
        let statement = tablecast_connector::Statement {
            sql: format!("select * from {table}"),
            parameters: Vec::new(),
        };
        match block_on(source.execute(&statement, &limits)) {
            Ok(rows) => check(all(rows).err()),
            Err(error) => check(Some(error)),
        }
    }
    let search = tablecast_connector::Statement {
        sql: "select count(*) from search where search match 'title'".to_owned(),
        parameters: Vec::new(),
    };
    check(block_on(source.execute(&search, &limits)).err());
}
