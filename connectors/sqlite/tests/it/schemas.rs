//! What is told of tables before a row is read.

use futures::executor::block_on;
use tablecast_connector::{Affinity, Filter, ForeignKey, Identity, SearchMode, TableKind, Value};

use crate::opened::Opened;

fn identity(opened: &Opened, table: &str) -> Identity {
    block_on(opened.source.table_info(table))
        .expect(table)
        .identity
        .clone()
}

fn key(names: &[&str]) -> Identity {
    Identity::Key(names.iter().map(|name| (*name).to_owned()).collect())
}

#[test]
fn rows_are_told_apart_by_key_or_number() {
    let opened = Opened::of(
        "create table plain (a);
         create table single (id integer primary key, a);
         create table compound (a, b, c, primary key (c, a)) without rowid;
         create table named (rowid text, a);
         create view seen as select * from plain;
         create virtual table words using fts5(text);
         create table generated (a integer, b generated always as (a * 2) virtual, c as (a + 1) stored);",
    );
    let numbered = Identity::RowNumber { seekable: true };
    for (table, expected) in [
        ("plain", numbered.clone()),
        ("single", key(&["id"])),
        ("compound", key(&["c", "a"])),
        ("named", Identity::None),
        ("seen", Identity::None),
        ("words", numbered.clone()),
        ("generated", numbered),
    ] {
        assert_eq!(identity(&opened, table), expected, "{table}");
    }
    let info = block_on(opened.source.table_info("generated")).expect("known");
    let hidden: Vec<u8> = info.columns.iter().map(|column| column.hidden).collect();
    assert_eq!(hidden, [0, 2, 3]);
    assert_eq!(info.columns[0].affinity, Affinity::Integer);
    let seen = block_on(opened.source.table_info("seen")).expect("known");
    assert_eq!(seen.kind, TableKind::View);
}

#[test]
fn names_may_hold_anything() {
    let odd = [
        "a b", "a/b.c", "[a]", "a\"b", "it's", "100%", "select", "😀", "a]b", "-- x",
    ];
    for name in odd {
        let quoted = name.replace('"', "\"\"");
        let opened = Opened::of(&format!(
            "create table \"{quoted}\" (\"{quoted}\" text primary key, n);
             insert into \"{quoted}\" values ('x', 1);"
        ));
        assert_eq!(identity(&opened, name), key(&[name]));
        let filter = crate::opened::condition(name, tablecast_connector::Operator::Exact, "x");
        assert_eq!(
            opened.rows(name, &[name, "n"], vec![filter]).len(),
            1,
            "{name}"
        );
        assert!(
            block_on(opened.source.table_definition(name))
                .expect("known")
                .is_some()
        );
        assert!(block_on(opened.source.table_exists(name)).expect("known"));
    }
}

#[test]
fn references_name_their_columns_even_where_the_statement_does_not() {
    let opened = Opened::of(
        "create table one (id integer primary key);
         create table two (a, b, primary key (a, b));
         create table refers (
            x references one, y, z, w references OnE(ID), v references missing, u references gone(id),
            foreign key (y, z) references two
         );",
    );
    let reference = |columns: &[&str], other: &str, others: &[&str]| ForeignKey {
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        other_table: other.to_owned(),
        other_columns: others.iter().map(|c| (*c).to_owned()).collect(),
    };
    let found = block_on(opened.source.foreign_keys("refers")).expect("known");
    assert_eq!(
        found,
        [
            reference(&["y", "z"], "two", &["a", "b"]),
            reference(&["u"], "gone", &["id"]),
            reference(&["w"], "one", &["id"]),
            reference(&["x"], "one", &["id"]),
        ]
    );
}

#[test]
fn indexes_are_listed_without_those_that_sqlite_makes() {
    let opened = Opened::of("create table t (a unique, b); create index by_b on t (b);");
    assert_eq!(
        block_on(opened.source.indices_definition("t")).expect("known"),
        ["CREATE INDEX by_b on t (b)"]
    );
}

#[test]
fn storage_of_other_tables_is_hidden() {
    let opened = Opened::of(
        "create table notes (text);
         create table _private (a);
         create virtual table notes_fts using fts4(text, content=\"notes\");
         create virtual table own using fts5(text);
         analyze;",
    );
    let hidden = block_on(opened.source.hidden_table_names()).expect("known");
    for name in [
        "_private",
        "notes_fts",
        "notes_fts_segments",
        "own_data",
        "sqlite_stat1",
    ] {
        assert!(
            hidden.iter().any(|known| known == name),
            "{name} in {hidden:?}"
        );
    }
    for name in ["notes", "own"] {
        assert!(
            !hidden.iter().any(|known| known == name),
            "{name} in {hidden:?}"
        );
    }
    let names = block_on(opened.source.table_names()).expect("known");
    assert!(hidden.iter().all(|name| names.contains(name)));
}

#[test]
fn a_search_finds_rows_by_the_index_over_the_table() {
    for module in ["fts3", "fts4", "fts5"] {
        let content = if module == "fts3" {
            ""
        } else {
            ", content=\"notes\""
        };
        let opened = Opened::of(&format!(
            "create table notes (title text, text text);
             insert into notes values ('a', 'the quick fox'), ('fox', 'slow dog'), ('b', 'fox-trot');
             create virtual table notes_fts using {module}(title, text{content});
             insert into notes_fts (rowid, title, text) select rowid, title, text from notes;"
        ));
        let index = block_on(opened.source.detect_fts("notes")).expect("known");
        if content.is_empty() {
            assert_eq!(index, None);
        } else {
            assert_eq!(index.as_deref(), Some("notes_fts"));
        }
        let found = |column: Option<&str>, text: &str, mode| {
            let search = Filter::Search {
                index: "notes_fts".to_owned(),
                key: "rowid".to_owned(),
                column: column.map(str::to_owned),
                text: text.to_owned(),
                mode,
            };
            opened.rows("notes", &["rowid"], vec![search]).len()
        };
        assert_eq!(found(None, "fox", SearchMode::Escaped), 3, "{module}");
        assert_eq!(found(Some("title"), "fox", SearchMode::Escaped), 1);
        assert_eq!(found(None, "fox-trot", SearchMode::Escaped), 1);
        assert_eq!(found(None, "qui*", SearchMode::Raw), 1);
        assert_eq!(found(None, "quick OR slow", SearchMode::Raw), 2);
    }
}

#[test]
fn a_table_that_sqlite_cannot_read_is_listed_with_the_reason() {
    let opened = Opened::of(
        "create table t (a); create view broken as select * from t; drop table t;
         create table good (a);",
    );
    let info = block_on(opened.source.table_info("broken")).expect("listed");
    assert_eq!(info.unreadable.as_deref(), Some("no such table: main.t"));
    assert!(
        block_on(opened.source.table_info("good"))
            .expect("listed")
            .unreadable
            .is_none()
    );
    let missing = block_on(opened.source.table_info("nope")).expect_err("missing");
    assert_eq!(missing.message(), "Table not found: nope");
}

#[test]
fn rows_found_through_another_table() {
    let opened = Opened::of(
        "create table cities (id integer primary key, name);
         create table visits (city references cities(id), year integer);
         insert into cities values (1, 'Rom'), (2, 'Bern');
         insert into visits values (2, 2020), (2, 2021), (1, 2021);",
    );
    let through = Filter::InTable {
        column: "id".to_owned(),
        other_table: "visits".to_owned(),
        other_column: "city".to_owned(),
        where_column: "year".to_owned(),
        value: "2020".to_owned(),
    };
    assert_eq!(
        opened.rows("cities", &["name"], vec![through]),
        [["Bern".into()]] as [[Value; 1]; 1]
    );
}
