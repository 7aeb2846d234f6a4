//! The page of the guide about SQLite's SQL is true: each of its examples, on SQLite and on the engine, over the same tables.

#![cfg(test)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow_schema::DataType;
use futures::executor::block_on;
use rusqlite::types::ValueRef;
use tablecast_connector::{Blocking, Column, Database, Identity, Limits, Source, Statement, Value};
use tablecast_engine::complete;
use tablecast_testkit::dataset::Table;
use tablecast_testkit::{Stupid, read_rows};

struct Pair {
    database: Arc<dyn Database>,
    sqlite: rusqlite::Connection,
}

fn tables() -> Vec<Table> {
    let null = || Value::Null;
    let text = Value::from;
    let columns = |columns: &[(&str, DataType)]| {
        let one = |(name, data_type): &(&str, DataType)| Column::new(*name, data_type.clone());
        columns.iter().map(one).collect::<Vec<_>>()
    };
    let t = [
        (Value::from(1), Value::Real(0.5), text("a"), b"a".to_vec()),
        (Value::from(2), Value::Real(2.0), text("B"), Vec::new()),
        (Value::from(-3), Value::Real(-1.5), text("10"), vec![0, 255]),
        (null(), null(), null(), Vec::new()),
        (
            Value::from(9_007_199_254_740_993_i64),
            Value::Real(9_007_199_254_740_992.0),
            text(""),
            b"1".to_vec(),
        ),
    ];
    let t = t.map(|(i, r, s, b)| {
        let bytes = if i == Value::Null {
            Value::Null
        } else {
            Value::Blob(b)
        };
        vec![i, r, s, bytes]
    });
    vec![
        Table {
            name: "t".to_owned(),
            columns: columns(&[
                ("i", DataType::Int64),
                ("r", DataType::Float64),
                ("s", DataType::Utf8),
                ("b", DataType::Binary),
            ]),
            rows: t.to_vec(),
        },
        Table {
            name: "k".to_owned(),
            columns: columns(&[
                ("i", DataType::Int64),
                ("n", DataType::Float64),
                ("word", DataType::Utf8),
            ]),
            rows: vec![
                vec![Value::from(1), Value::Real(1.0), text("one")],
                vec![Value::from(2), null(), text("TWO")],
                vec![Value::from(2), Value::Real(0.5), text("10")],
            ],
        },
    ]
}

fn pair() -> Pair {
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    for table in tables() {
        let declared = table.columns.iter().map(|column| {
            let kind = match column.data_type {
                DataType::Int64 => "integer",
                DataType::Float64 => "real",
                DataType::Utf8 => "text",
                _ => "blob",
            };
            format!("{} {kind}", column.name)
        });
        let declared = declared.collect::<Vec<_>>().join(", ");
        sqlite
            .execute_batch(&format!("create table {} ({declared})", table.name))
            .unwrap();
        for (number, row) in table.rows.iter().enumerate() {
            let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
            let places = vec!["?"; row.len() + 1].join(", ");
            let insert = format!(
                "insert into {} ({}, rowid) values ({places})",
                table.name,
                names.join(", ")
            );
            let values = row.iter().map(|value| match value {
                Value::Integer(integer) => rusqlite::types::Value::Integer(*integer as i64),
                Value::Real(real) => rusqlite::types::Value::Real(*real),
                Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
                Value::Blob(bytes) => rusqlite::types::Value::Blob(bytes.clone()),
                Value::Null => rusqlite::types::Value::Null,
            });
            let values = values.chain([rusqlite::types::Value::Integer(number as i64)]);
            sqlite
                .execute(&insert, rusqlite::params_from_iter(values))
                .unwrap();
        }
    }
    sqlite.pragma_update(None, "query_only", true).unwrap();
    fifteen_digits(&sqlite);
    let source = Stupid::with_identity(tables(), Identity::RowNumber { seekable: false });
    let source: Arc<dyn Source> = Arc::new(Blocking::new(source, 2).unwrap());
    Pair {
        database: complete(source),
        sqlite,
    }
}

/// As many digits of reals in texts as the SQLite connector sets: see there.
#[expect(
    unsafe_code,
    reason = "rusqlite has no safe way to set this option yet"
)]
fn fifteen_digits(sqlite: &rusqlite::Connection) {
    use rusqlite::ffi::{SQLITE_DBCONFIG_FP_DIGITS, sqlite3_db_config};
    let mut now: std::ffi::c_int = 0;
    // SAFETY: the handle is valid while `sqlite` is; this option takes an int and a pointer to one.
    let set = unsafe {
        sqlite3_db_config(
            sqlite.handle(),
            SQLITE_DBCONFIG_FP_DIGITS,
            15 as std::ffi::c_int,
            &raw mut now,
        )
    };
    assert_eq!((set, now), (0, 15));
}

type Rows = Vec<Vec<Value>>;

impl Pair {
    fn sqlite(&self, sql: &str) -> Result<Rows, String> {
        let told = |error: rusqlite::Error| error.to_string();
        let mut prepared = self.sqlite.prepare(sql).map_err(told)?;
        let width = prepared.column_count();
        let mut rows = prepared.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(told)? {
            let cell = |column| match row.get_ref(column).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(integer) => Value::from(integer),
                ValueRef::Real(real) => Value::Real(real),
                ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            };
            found.push((0..width).map(cell).collect());
        }
        Ok(found)
    }

    fn engine(&self, sql: &str) -> Result<Rows, String> {
        let statement = Statement {
            sql: sql.to_owned(),
            parameters: Vec::new(),
        };
        let told = |error: tablecast_connector::Error| error.message().to_owned();
        let mut rows =
            block_on(self.database.execute(&statement, &Limits::none())).map_err(told)?;
        read_rows(&mut rows).map_err(told)
    }
}

impl Pair {
    /// The engine's rows, or what it says instead.
    fn shown(&self, sql: &str) -> String {
        let cell = |value: &Value| match value {
            Value::Null => "null".to_owned(),
            Value::Integer(integer) => integer.to_string(),
            other => format!("{other:?}").replace("Real(", "").replace(')', ""),
        };
        let row = |row: &Vec<Value>| {
            let cells: Vec<String> = row.iter().map(cell).collect();
            format!("[{}]", cells.join(", "))
        };
        match self.engine(sql) {
            Ok(rows) => {
                let rows: Vec<String> = rows.iter().map(row).collect();
                format!("[{}]", rows.join(", "))
            }
            Err(told) => told,
        }
    }
}

/// What, example and verdict of each row of the page's tables.
fn examples() -> Vec<(String, String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sqlite-sql.md");
    let page = fs::read_to_string(page).unwrap().replace("\\|", "\u{0}");
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, what, example, verdict, _] = cells.as_slice() else {
            return None;
        };
        let sql = example.strip_prefix('`')?.strip_suffix('`')?;
        Some((
            (*what).to_owned(),
            sql.replace('\u{0}', "|"),
            (*verdict).to_owned(),
        ))
    };
    page.lines().filter_map(row).collect()
}

#[test]
fn what_the_guide_says_of_sqlites_sql_is_true() {
    let pair = pair();
    let examples = examples();
    assert!(examples.len() > 80, "only {} examples", examples.len());
    let mut wrong = Vec::new();
    for (what, sql, verdict) in examples {
        let (sqlite, engine) = (pair.sqlite(&sql), pair.engine(&sql));
        let found = match (&sqlite, &engine) {
            (_, Err(_)) => "refused",
            // Two columns of one name, the place of a row among equals: neither is asked for.
            (Ok(sqlite), Ok(engine)) if format!("{sqlite:?}") == format!("{engine:?}") => "same",
            _ => "different",
        };
        if found != verdict {
            wrong.push(format!(
                "{what}: {sql}\n  {found} instead of {verdict}\n  SQLite: {sqlite:?}\n  engine: {engine:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The engine over one-column tables; `u` and `large` are of `uint64`, and names differ by case.
fn odd() -> Pair {
    let table = |name: &str, data_type: &DataType, values: &[i128]| Table {
        name: name.to_owned(),
        columns: vec![Column::new("value", data_type.clone())],
        rows: values
            .iter()
            .map(|value| vec![Value::Integer(*value)])
            .collect(),
    };
    let tables = vec![
        table("u", &DataType::UInt64, &[5, 6]),
        table("large", &DataType::UInt64, &[i128::from(u64::MAX), 5]),
        table("data", &DataType::Int64, &[1, 1]),
        table("Data", &DataType::Int64, &[2]),
    ];
    let source = Stupid::with_identity(tables, Identity::RowNumber { seekable: false });
    Pair {
        database: complete(Arc::new(Blocking::new(source, 2).unwrap())),
        sqlite: rusqlite::Connection::open_in_memory().unwrap(),
    }
}

#[test]
fn whole_numbers_without_a_sign_are_whole_numbers() {
    let pair = odd();
    for (sql, wanted) in [
        (
            "select value + 1, value / 2, value % 4, -value, value * 2.0 from u",
            "[[6, 2, 1, -5, 10.0], [7, 3, 2, -6, 12.0]]",
        ),
        ("select value from u where value / 2 = 2", "[[5]]"),
        (
            "select iif(value > 5, value, 0), coalesce(value, 0), max(value, 0), nullif(value, 5) from u",
            "[[0, 5, 5, null], [6, 6, 6, 6]]",
        ),
        (
            "select value from u union select value from data order by 1",
            "[[1], [5], [6]]",
        ),
        (
            "select value from large where value in (18446744073709551615, 0.5)",
            "[[18446744073709551615]]",
        ),
        (
            "select value from large where value > 9223372036854775807",
            "[[18446744073709551615]]",
        ),
        (
            "select count(*) from large where value in (5, 1e40)",
            "[[1]]",
        ),
        ("select value + 1 from large", "integer overflow"),
        ("select sum(value) from large", "integer overflow"),
    ] {
        assert_eq!(pair.shown(sql), wanted, "{sql}");
    }
}

#[test]
fn tables_whose_names_differ_by_case_are_two() {
    let pair = odd();
    for (sql, wanted) in [
        (
            "select d.value, e.value from data d, Data e",
            "[[1, 2], [1, 2]]",
        ),
        (
            "select value from data union all select value from Data order by 1",
            "[[1], [1], [2]]",
        ),
        ("select DATA.value from DATA", "[[1], [1]]"),
        (
            "select Data.value, data.value from data, Data limit 1",
            "[[2, 1]]",
        ),
    ] {
        assert_eq!(pair.shown(sql), wanted, "{sql}");
    }
}

/// A statement of nested or chained parts, which SQLite answers or refuses.
fn nested(before: &str, middle: &str, behind: &str, levels: usize) -> String {
    let (before, behind) = (before.repeat(levels), behind.repeat(levels));
    format!("select {before}{middle}{behind} from t limit 1")
}

#[test]
fn what_would_double_with_every_level_is_refused_and_what_does_not_is_answered() {
    let pair = pair();
    for sql in [
        nested("", "1", " is 1", 100),
        nested("", "i", " is not distinct from i", 100),
        nested("(1 in (select ", "1", "))", 20),
        nested("max(1, ", "i", ")", 30),
        nested("(", "i", " between 0 and 1)", 30),
        nested("(case ", "i", " when 1 then 1 when 2 then 0.5 end)", 18),
        nested("(", "i", " in (1, 1.5))", 30),
    ] {
        let refusal = pair.engine(&sql).expect_err(&sql);
        assert!(refusal.contains("too large"), "{sql}: {refusal}");
    }
    for sql in [
        nested("8 / (", "i", ")", 20),
        nested("8 % (", "i", ")", 20),
        nested("", "9.5", " % 4", 60),
        nested("- ", "i", "", 40),
        nested("~ ", "i", "", 40),
        nested("", "i", " || 1", 100),
        nested("not ", "i", "", 40),
        nested("", "i", " + 1", 60),
        nested("(", "i", " is 1)", 5),
    ] {
        let (sqlite, engine) = (pair.sqlite(&sql), pair.engine(&sql));
        assert_eq!(engine, sqlite, "{sql}");
    }
}
