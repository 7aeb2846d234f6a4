//! SQL functions of the engine, each call against real SQLite on the same rows.

#![cfg(test)]

use std::sync::Arc;

use arrow_schema::DataType;
use futures::executor::block_on;
use rusqlite::types::ValueRef;
use tablecast_connector::{Blocking, Column, Database, Identity, Limits, Source, Statement, Value};
use tablecast_engine::complete;
use tablecast_testkit::dataset::Table;
use tablecast_testkit::{Stupid, read_rows};

const TIMES: &[&str] = &[
    "2019-01-14 08:00:00",
    "2019-01-14T08:00Z",
    "2019-01-14 08:01:59.9994",
    "2020-02-29",
    "2020-02-31",
    "2019-12-30 23:59:59.999+01:30",
    "0000-03-01",
    "-4713-11-24 12:00",
    "9999-12-31 23:59:59",
    "12:30",
    "25:00",
    "2019-13-14",
    "2019-01-14 8:00",
    "2459000.5",
    "1e6",
    " 2019-01-14",
    "2019-01-14 ",
    "soon",
    "",
];

const LISTS: &[&str] = &[
    "[]",
    r#"["a", "b", "a"]"#,
    r#"["1", "é"]"#,
    r#"["a"]"#,
    "{}",
    r#"{"x": "y", "a b": "c", "\"q\"": "d"}"#,
    r#"["a", null]"#,
];

struct Pair {
    database: Arc<dyn Database>,
    sqlite: rusqlite::Connection,
}

/// `times (id, at)`, `numbers (n, r)`, `texts (id, t)`.
fn pair() -> Pair {
    let texts = ["a%b", "a_b", "axb", "A%B", "\\", "10%", "é", "", "x y \"z"];
    let numbers = [0, 1, 1_547_452_800, -1, 2_459_000, 253_402_300_799];
    let table = |name: &str, columns: Vec<Column>, rows: Vec<Vec<Value>>| Table {
        name: name.to_owned(),
        columns,
        rows,
    };
    let numbered = |texts: &[&str]| {
        let rows = texts.iter().enumerate();
        rows.map(|(id, text)| vec![Value::from(id as i64), Value::from(*text)])
            .chain([vec![Value::from(-1_i64), Value::Null]])
            .collect::<Vec<_>>()
    };
    let tables = vec![
        table(
            "times",
            vec![
                Column::new("id", DataType::Int64),
                Column::new("at", DataType::Utf8),
            ],
            numbered(TIMES),
        ),
        table(
            "texts",
            vec![
                Column::new("id", DataType::Int64),
                Column::new("t", DataType::Utf8),
            ],
            numbered(&texts),
        ),
        table(
            "lists",
            vec![
                Column::new("no", DataType::Int64),
                Column::new("list", DataType::Utf8),
            ],
            numbered(LISTS),
        ),
        table(
            "numbers",
            vec![
                Column::new("n", DataType::Int64),
                Column::new("r", DataType::Float64),
            ],
            numbers
                .into_iter()
                .map(|n: i64| vec![Value::from(n), Value::Real(n as f64 + 0.25)])
                .collect(),
        ),
    ];
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    for table in &tables {
        let names: Vec<&str> = table
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        sqlite
            .execute_batch(&format!(
                "create table {} ({})",
                table.name,
                names.join(", ")
            ))
            .unwrap();
        for row in &table.rows {
            let values = row.iter().map(|value| match value {
                Value::Integer(integer) => rusqlite::types::Value::Integer(*integer as i64),
                Value::Real(real) => rusqlite::types::Value::Real(*real),
                Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
                _ => rusqlite::types::Value::Null,
            });
            sqlite
                .execute(
                    &format!("insert into {} values (?, ?)", table.name),
                    rusqlite::params_from_iter(values),
                )
                .unwrap();
        }
    }
    let source = Stupid::with_identity(tables, Identity::RowNumber { seekable: false });
    let source: Arc<dyn Source> = Arc::new(Blocking::new(source, 2).unwrap());
    Pair {
        database: complete(source),
        sqlite,
    }
}

impl Pair {
    fn found(&self, sql: &str) -> tablecast_connector::Result<Vec<Vec<Value>>> {
        let statement = Statement {
            sql: sql.to_owned(),
            parameters: Vec::new(),
        };
        let mut rows = block_on(self.database.execute(&statement, &Limits::none()))?;
        read_rows(&mut rows)
    }

    fn expected(&self, sql: &str) -> Vec<Vec<Value>> {
        let mut prepared = self
            .sqlite
            .prepare(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let width = prepared.column_count();
        let rows = prepared.query_map([], |row| {
            (0..width)
                .map(|column| {
                    Ok(match row.get_ref(column)? {
                        ValueRef::Null => Value::Null,
                        ValueRef::Integer(integer) => Value::from(integer),
                        ValueRef::Real(real) => Value::Real(real),
                        ValueRef::Text(text) => {
                            Value::Text(String::from_utf8(text.to_vec()).unwrap())
                        }
                        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
                    })
                })
                .collect()
        });
        rows.unwrap()
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn check(&self, sql: &str) {
        let found = self
            .found(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let expected = self.expected(sql);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{sql}");
        }
        assert_eq!(found.len(), expected.len(), "{sql}");
    }

    fn refused(&self, sql: &str, reason: &str) {
        let error = self.found(sql).expect_err(sql).to_string();
        assert!(error.contains(reason), "{sql}: {error}");
    }
}

#[test]
fn times_and_their_modifiers_mean_what_they_mean_in_sqlite() {
    let pair = pair();
    let modifiers = [
        "+1 day",
        "-1.5 days",
        "+1 month",
        "-13 months",
        "1.5 months",
        "+1 year",
        "-0.5 years",
        "+36 hours",
        "90 minutes",
        "-1.25 seconds",
        "start of day",
        "start of month",
        "start of year",
        "weekday 0",
        "weekday 3",
        "weekday 6",
        "weekday 7",
        "+05:30",
        "-01:02:03.5",
        "+0001-02-03",
        "-0001-02-03 04:05",
        "+0000-12-01",
        "subsec",
        "unixepoch",
        "auto",
        "julianday",
        "START OF MONTH",
        "+1  day",
        "1 fortnight",
        "nonsense",
        "",
        "+99999999 days",
        "+1 month floor",
    ];
    for name in ["date", "time", "datetime", "julianday", "unixepoch"] {
        pair.check(&format!("select id, {name}(at) from times order by id"));
        for modifier in modifiers
            .iter()
            .filter(|modifier| name != "unixepoch" || **modifier != "subsec")
        {
            pair.check(&format!(
                "select id, '{modifier}', {name}(at, '{modifier}') from times order by id"
            ));
        }
    }
    for chain in [
        "'start of month', '+1 month', '-1 day'",
        "'+1 month', 'floor'",
        "'+1 month', 'ceiling'",
        "'-1 year', 'floor', 'weekday 1'",
        "'weekday 5', '+1 month', 'start of day', '+12 hours'",
        "null",
        "'+1 day', 'unixepoch'",
    ] {
        pair.check(&format!(
            "select id, datetime(at, {chain}) from times order by id"
        ));
    }
    for of in ["n", "r"] {
        for modifier in [
            "",
            ", 'unixepoch'",
            ", 'auto'",
            ", 'julianday'",
            ", 'unixepoch', '+1 month'",
        ] {
            pair.check(&format!("select n, datetime({of}{modifier}), julianday({of}{modifier}) from numbers order by n"));
        }
    }
    pair.refused(
        "select date(at, 'localtime') from times",
        "'localtime' is not there",
    );
    pair.refused("select unixepoch(at, 'subsec') from times", "whole seconds");
}

#[test]
fn every_letter_of_strftime_is_sqlites() {
    let pair = pair();
    for letter in ('a'..='z').chain('A'..='Z').chain(['%', '!']) {
        pair.check(&format!(
            "select id, '{letter}', strftime('<%{letter}>', at) from times order by id"
        ));
    }
    // Every day of some years, for weeks and weekdays.
    for start in [2015, 2020, 2021, 2024] {
        let days = "select id, strftime('%G %g %V %u %U %W %w %j', '2020-01-01', (id * 13 + 7) || ' days') from times";
        pair.check(&days.replace("2020", &start.to_string()));
    }
    pair.check("select strftime('%', at), strftime('x', at), strftime(null, at) from times");
    for moment in [
        "1849-12-31T23:59:59.999750",
        "2020-02-29 23:59:59.9996",
        "2020-01-01 00:00:01.2346",
        "12:00:59.9999",
    ] {
        pair.check(&format!(
            "select date('{moment}'), time('{moment}'), datetime('{moment}'), strftime('%Y-%m %f %s', '{moment}')"
        ));
    }
}

#[test]
fn now_is_the_time_of_today() {
    let pair = pair();
    for sql in [
        "select date()",
        "select date('now')",
        "select strftime('%Y-%m', 'NOW', '+1 day')",
    ] {
        pair.check(sql);
    }
}

#[test]
fn like_with_an_escape_character_is_sqlites() {
    let pair = pair();
    for (pattern, escape) in [
        ("%\\%%", "\\"),
        ("a\\_b", "\\"),
        ("A!%b", "!"),
        ("%x", "x"),
        ("%xx%", "x"),
        ("\\\\", "\\"),
        ("a%%b", "%"),
        ("é", "é"),
    ] {
        pair.check(&format!(
            "select id, t like '{pattern}' escape '{escape}' from texts order by id"
        ));
        pair.check(&format!(
            "select id from texts where t not like '{pattern}' escape '{escape}' order by id"
        ));
        pair.check(&format!(
            "select id, like('{pattern}', t, '{escape}') from texts order by id"
        ));
    }
    pair.refused(
        "select t like 'a' escape 'xy' from texts",
        "single character",
    );
}

#[test]
fn other_functions_of_texts_are_sqlites() {
    let pair = pair();
    for call in [
        "octet_length(t)",
        "concat_ws('-', t, id, null, 'x')",
        "concat_ws(null, t)",
        "trim(t, 'ax')",
        "ltrim(t, 'ax')",
        "rtrim(t, 'b%')",
    ] {
        pair.check(&format!("select id, {call} from texts order by id"));
    }
    let escaped = pair
        .found("select escape_fts('weasel \"two words\" x')")
        .unwrap();
    assert_eq!(escaped, [[Value::from("\"weasel\" \"two words\" \"x\"")]]);
}

/// Beyond 2^53 a whole number made real is another one.
#[test]
fn a_list_of_whole_and_real_numbers_is_compared_one_by_one() {
    let pair = pair();
    for list in [
        "9007199254740993, 0.5",
        "-1, 0.25, null",
        "1e0, 2459000",
        "-0.5, -1.0",
    ] {
        for number in ["n", "(n + 9007199254740992)"] {
            for test in ["in", "not in"] {
                pair.check(&format!(
                    "select n from numbers where {number} {test} ({list}) order by n"
                ));
            }
        }
    }
}

#[test]
fn group_concat_is_sqlites() {
    let pair = pair();
    for call in [
        "group_concat(t)",
        "group_concat(t, '; ')",
        "group_concat(id)",
        "group_concat(distinct id % 2)",
        "string_agg(t, '')",
        "group_concat(t, id)",
        "group_concat(t order by id desc)",
        "group_concat(t, '-' order by id % 2, t desc)",
        "group_concat(id order by t)",
        "group_concat(t) filter (where id > 3)",
        "group_concat(null)",
    ] {
        pair.check(&format!("select {call} from texts"));
        pair.check(&format!(
            "select id % 3, {call} from texts group by 1 order by 1"
        ));
    }
    pair.check("select group_concat(t) from texts where 0");
    pair.refused(
        "select group_concat(distinct t, '-') from texts",
        "exactly one argument",
    );
}

#[test]
fn aggregates_of_distinct_values_are_sqlites() {
    let pair = pair();
    let all = "sum(distinct n % 2), total(distinct n % 3), avg(distinct n % 3), count(distinct n % 2), count(*), sum(n % 2), \
               group_concat(distinct n % 2)";
    pair.check(&format!("select {all} from numbers"));
    pair.check(&format!(
        "select n % 2, {all} from numbers group by 1 order by 1"
    ));
    pair.check(&format!("select {all} from numbers where 0"));
}

#[test]
fn elements_of_json_are_rows_as_in_sqlite() {
    let pair = pair();
    for sql in [
        "select no, value from lists, json_each(lists.list) order by no, cast(key as integer), value",
        "select l.no, j.value, j.type, j.atom, j.fullkey, j.path from lists l join json_each(l.list) j order by 1, 5",
        "select l.no, j.value from lists l join json_each(l.list) as j on j.value = 'a' order by 1",
        "select l.no, j.value from lists l cross join json_each(l.list) j where j.value > 'a' order by 1, 2",
        "select j.value, count(*) as n from lists l, json_each(l.list) j group by j.value order by n desc, j.value",
        "select value, count(distinct no) from lists join json_each(list) where no > 1 group by 1 order by 2 desc, 1",
        "select count(*) from lists, json_each(lists.list)",
        "select distinct j.value from lists, json_each(list) j order by 1",
        "select a.value, b.value from lists, json_each(list) a, json_each(list) b where no = 1 order by 1, 2",
        "select texts.t, j.value from lists l join json_each(l.list) j join texts on texts.id = l.no order by 1, 2",
        "select value from json_each('[\"x\", \"y\"]')",
        "select j.value from json_each('{\"a\": [\"p\", \"q\"]}', '$.a') j",
        "select no from lists where 'a' in (select value from json_each(list)) order by no",
        "select no from lists where 'a' not in (select value from json_each(lists.list)) order by no",
        "select no from lists where '1' in (select value from json_each(list)) or 1 in (select value from json_each(list))",
        "select value from (select l.list as list from lists l where no = 1), json_each(list)",
        "with each as (select no, value from lists, json_each(list)) select max(value) from each where no < 3",
    ] {
        pair.check(sql);
    }
    for sql in [
        "select no from (select 1 as no), json_each('[1, 2, 10]') where value > 2",
        "select count(*) from json_each('[1, 2, 10]') where value between 2 and 10",
        "select count(*) from json_each('[1, 2, 10]') where json_each.value in (10, 2)",
        "select count(*) from json_each('[\"x\", 5, null]') j where j.value > 7",
        "select type, atom from json_each('[1.5, true, [1]]') where type <> 'integer' and key > 1",
    ] {
        pair.check(sql);
    }
    pair.refused("select * from texts, json_each(t)", "malformed JSON");
    pair.refused(
        "select * from lists l left join json_each(l.list) j on j.value = 'a'",
        "inner join",
    );
    pair.refused("select * from json_tree('[]')", "no such table: json_tree");
    pair.refused(
        "select no from lists l where exists (select 1 from json_each(l.list) where value = 'a')",
        "json_each",
    );
}

#[test]
fn functions_of_json_are_sqlites() {
    let pair = pair();
    for call in [
        "json_array_length(list)",
        "json_type(list)",
        "json_type(list, '$[0]')",
        "json_valid(list)",
        "json_extract(list, '$[0]')",
        "json_extract(list, '$[#-1]')",
        "json_extract(list, '$.x')",
        "json_extract(list, '$.\"a b\"')",
        "json(list)",
        "json_array_length(list, '$.x')",
    ] {
        pair.check(&format!("select no, {call} from lists order by no"));
    }
    pair.check("select json_valid(t) from texts where id < 3");
    pair.check("select no from lists where json_extract('{\"n\": 12}', '$.n') > 9 order by no");
    pair.refused("select json_extract(t, '$') from texts", "malformed JSON");
    pair.refused("select json_extract(list, 'x') from lists", "bad JSON path");
}

#[test]
fn a_natural_join_never_compares_row_numbers() {
    let pair = pair();
    for join in ["natural join", "natural left join"] {
        pair.check(&format!("select count(*) from texts {join} times"));
        pair.refused(
            &format!("select max(texts.rowid) from texts {join} times"),
            "NATURAL JOIN of tables with row numbers",
        );
    }
    pair.check("select count(*) from texts natural join (select id from times where id > 3)");
    pair.check("select count(*) from texts join times using (id)");
}
