//! Rows, counts, facets, people's SQL.

use futures::executor::block_on;
use tablecast_connector::{
    Answer, Direction, FacetKind, Identity, Limits, Operator, Position, Sort, Value, Want,
};

use crate::opened::{Opened, all, condition};

const TREES: &str = "
    create table trees (id integer primary key, species text, height real, tags text, planted text);
    insert into trees values
      (1, 'oak', 12.5, '[\"old\", \"tall\", \"old\"]', '2020-01-01'),
      (2, 'oak', null, '[]', '2020-01-01 10:00'),
      (3, 'ash', 3, '[\"old\"]', null),
      (4, 'elm', 7.25, null, 'soon');
    create view tall as select species, height from trees where height > 5;
";

fn facet(column: &str, kind: FacetKind, limit: u64) -> Want {
    Want::Facet {
        column: column.to_owned(),
        kind,
        limit,
        sample: None,
    }
}

fn counted(values: &[(&str, u64)]) -> Vec<(Value, u64)> {
    values
        .iter()
        .map(|(value, count)| ((*value).into(), *count))
        .collect()
}

#[test]
fn rows_come_as_they_are_stored() {
    let opened = Opened::of(TREES);
    let info = block_on(opened.source.table_info("trees")).expect("known");
    assert_eq!(info.identity, Identity::Key(vec!["id".to_owned()]));
    assert_eq!(
        block_on(opened.source.table_names()).expect("names"),
        ["trees"]
    );
    assert_eq!(
        block_on(opened.source.view_names()).expect("names"),
        ["tall"]
    );
    assert_eq!(
        opened.rows(
            "trees",
            &["height", "id"],
            vec![condition("id", Operator::Gt, "2")]
        ),
        [
            [3.0.into(), 3_i64.into()],
            [7.25.into(), Value::from(4_i64)]
        ]
    );
}

#[test]
fn an_unknown_column_in_a_filter_compares_as_its_name() {
    let opened = Opened::of(TREES);
    for (value, rows) in [("nope", 4), ("x", 0)] {
        let found = opened.rows(
            "trees",
            &["id"],
            vec![condition("nope", Operator::Exact, value)],
        );
        assert_eq!(found.len(), rows);
    }
}

#[test]
fn pages_follow_each_other_whatever_the_order() {
    let opened = Opened::of(TREES);
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut position = None;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let want = Want::Rows {
                columns: vec!["id".to_owned(), "height".to_owned()],
                sort: Some(Sort {
                    column: "height".to_owned(),
                    direction,
                }),
                position: position.clone(),
                limit: Some(1),
            };
            let Ok(Answer::Rows(rows)) = opened.ask("trees", vec![], want) else {
                panic!("no rows");
            };
            let row = all(rows).expect("rows").remove(0);
            position = Some(Position::After {
                sort: Some(row[1].clone()),
                key: vec![row[0].clone()],
            });
            seen.push(row[0].clone());
        }
        let mut expected: Vec<Value> = [2_i64, 3, 4, 1].map(Value::from).to_vec();
        if direction == Direction::Descending {
            expected.reverse();
        }
        assert_eq!(seen, expected);
    }
}

#[test]
fn counts_stop_where_no_more_is_wanted() {
    let opened = Opened::of(TREES);
    for (at_most, expected) in [
        (None, (4, false)),
        (Some(3), (3, true)),
        (Some(9), (4, false)),
    ] {
        let Ok(Answer::Count(count)) = opened.ask("trees", vec![], Want::Count { at_most }) else {
            panic!("no count");
        };
        assert_eq!((count.rows, count.truncated), expected);
        let count = block_on(opened.source.table_count("trees", at_most, &Limits::none()));
        assert_eq!(count.expect("count").rows, expected.0);
    }
}

#[test]
fn facets_count_values_elements_and_dates() {
    let opened = Opened::of(TREES);
    for (want, expected) in [
        (
            facet("species", FacetKind::Column, 2),
            (counted(&[("oak", 2), ("ash", 1)]), true),
        ),
        (
            facet("tags", FacetKind::Array, 5),
            (counted(&[("old", 2), ("tall", 1)]), false),
        ),
        (
            facet("planted", FacetKind::Date, 5),
            (counted(&[("2020-01-01", 2)]), false),
        ),
    ] {
        match opened.ask("trees", vec![], want) {
            Ok(Answer::Facet { values, more }) => assert_eq!((values, more), expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_long_result_comes_in_batches() {
    let opened = Opened::of(TREES);
    let sql = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) select i from n";
    let rows = opened.sql_within(sql, &Limits::none()).expect("rows");
    assert_eq!(
        (rows.len(), &rows[19_999]),
        (20_000, &vec![20_000_i64.into()])
    );
}

#[test]
fn the_functions_that_people_expect_are_there() {
    let opened = Opened::of(TREES);
    for (sql, expected) in [
        ("select sqrt(16)", Value::from(4.0)),
        ("select escape_fts('a b')", "\"a\" \"b\"".into()),
        ("select json_extract('{\"a\": 1}', '$.a')", 1_i64.into()),
        (
            "select count(*) from pragma_table_info('trees')",
            5_i64.into(),
        ),
        ("select \"no such column\"", "no such column".into()),
    ] {
        assert_eq!(opened.sql(sql).expect(sql), [[expected]]);
    }
}

#[test]
fn a_facet_counts_as_sqlite_groups() {
    let rows = "insert into t values (1), (1.0), ('1'), (x'31'), (2.5), (2.5), (null), ('a'), ('A'), ('a'), (1);";
    let integer = Value::from(1_i64);
    let common = [
        (integer, 3),
        (2.5.into(), 2),
        ("a".into(), 2),
        ("1".into(), 1),
        ("A".into(), 1),
        (Value::Blob(vec![0x31]), 1),
    ];
    let folded = [
        (common[0].clone()),
        ("a".into(), 3),
        (2.5.into(), 2),
        ("1".into(), 1),
        common[5].clone(),
    ];
    for (collation, expected) in [("", common.to_vec()), (" collate nocase", folded.to_vec())] {
        let opened = Opened::of(&format!("create table t (a{collation}); {rows}"));
        match opened.ask("t", vec![], facet("a", FacetKind::Column, 10)) {
            Ok(Answer::Facet { values, more }) => assert_eq!((values, more), (expected, false)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_facet_of_very_many_values_is_counted_too() {
    let opened = Opened::of(
        "create table t (a text); insert into t values ('twice'), ('twice');
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 210000) insert into t select 'value ' || i from n;",
    );
    match opened.ask("t", vec![], facet("a", FacetKind::Column, 1)) {
        Ok(Answer::Facet { values, more }) => {
            assert_eq!((values, more), (counted(&[("twice", 2)]), true));
        }
        other => panic!("{other:?}"),
    }
}
