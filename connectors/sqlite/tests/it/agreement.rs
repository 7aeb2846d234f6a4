//! The seam's predicates against SQLite itself: for columns whose cells are all of the type that their affinity says,
//! the predicate made from a filter of the API passes exactly the rows that SQLite gives for it.

use arrow_schema::DataType;
use futures::executor::block_on;
use proptest::prelude::*;
use rusqlite::Connection;
use tablecast_connector::{
    Cell, Column, ErrorKind, Limits, OPERATORS, OpenOptions, Operator, Predicate, Statement, Value,
    Want, real_text,
};

use crate::opened::{Opened, all, condition, open};

#[derive(Clone, Debug)]
enum Cells {
    Integers(Vec<Option<i64>>),
    Reals(Vec<Option<f64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Cells {
    fn column(&self) -> Column {
        let (data_type, declared) = match self {
            Self::Integers(_) => (DataType::Int64, "INTEGER"),
            Self::Reals(_) => (DataType::Float64, "REAL"),
            Self::Texts(_) => (DataType::Utf8, "TEXT"),
            Self::Blobs(_) => (DataType::Binary, "BLOB"),
        };
        let column = Column::new("c", data_type);
        assert_eq!(column.declared_type, declared);
        column
    }

    fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Integers(cells) => cells[row].map_or(Cell::Null, Cell::Integer),
            Self::Reals(cells) => cells[row].map_or(Cell::Null, Cell::Real),
            Self::Texts(cells) => cells[row].as_deref().map_or(Cell::Null, Cell::Text),
            Self::Blobs(cells) => cells[row].as_deref().map_or(Cell::Null, Cell::Bytes),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Integers(cells) => cells.len(),
            Self::Reals(cells) => cells.len(),
            Self::Texts(cells) => cells.len(),
            Self::Blobs(cells) => cells.len(),
        }
    }

    fn store(&self, writer: &Connection) -> rusqlite::Result<()> {
        let declared = self.column().declared_type;
        writer.execute_batch(&format!(
            "drop table if exists t; create table t (c {declared})"
        ))?;
        let mut insert = writer.prepare("insert into t (rowid, c) values (?, ?)")?;
        for row in 0..self.len() {
            match self.cell(row) {
                Cell::Integer(cell) => insert.execute((row as i64, cell)),
                Cell::Real(cell) => insert.execute((row as i64, cell)),
                Cell::Text(cell) => insert.execute((row as i64, cell)),
                Cell::Bytes(cell) => insert.execute((row as i64, cell)),
                _ => insert.execute((row as i64, rusqlite::types::Null)),
            }?;
        }
        Ok(())
    }
}

fn some_of<T: Clone + std::fmt::Debug + 'static>(
    cell: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Vec<Option<T>>> {
    prop::collection::vec(prop::option::weighted(0.9, cell), 1..12)
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "A",
    "abc",
    "ABC",
    "10",
    "7",
    "07",
    "7.0",
    " 7 ",
    "1e3",
    "é",
    "É",
    "a%b",
    "a_b",
    "a*b",
    "[x]",
    "]",
    "^",
    "2020-01-01",
    "2020-01-01 10:00:00",
    "[\"a\", \"b\"]",
    "[]",
    "[1, 7]",
    "inf",
    "-1",
    "null",
    "😀",
    "a\nb",
];

const ARRAYS: &[&str] = &[
    "[]",
    "[\"a\", \"b\"]",
    "[1, 7]",
    "[null]",
    "[null, \"a\"]",
    "[[\"a\"], {\"a\": 7}]",
    "[true, 7.5, \"7\", \"\"]",
    "[\"é\"]",
];

const TYPED: &[&str] = &[
    "",
    "a",
    "A",
    "abc",
    "b",
    "7",
    "07",
    " 7 ",
    "7.0",
    "7.5",
    "-1",
    "+7",
    "1e3",
    "1e-5",
    ".5",
    "5.",
    "0x10",
    "inf",
    "nan",
    "1_000",
    "NULL",
    "%",
    "a%",
    "%b",
    "_",
    "a_b",
    "*",
    "?",
    "[a-c]*",
    "[^a]*",
    "[",
    "[]x]*",
    "[]",
    "[a",
    "a,b",
    "1, 7",
    "[1, 7]",
    "[\"a\", \"7\"]",
    "[null, 1]",
    "[1.5, true]",
    "é",
    "É",
    "😀",
    "2020-01-01",
    "2020-01-01 10:00:00",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775808",
    "1e300",
    "0.1",
    "-0.0",
];

fn cells() -> impl Strategy<Value = Cells> {
    let integer = prop_oneof![
        -20_i64..20,
        any::<i64>(),
        prop::sample::select(vec![i64::MAX, i64::MIN, (1 << 53) + 1, 1000, 1 << 62]),
    ];
    let real = prop_oneof![
        (-40_i32..40).prop_map(|half| f64::from(half) / 2.0),
        any::<f64>().prop_filter("SQLite stores no NaN", |real| !real.is_nan()),
        prop::sample::select(vec![
            0.1,
            -0.0,
            1e3,
            1e15,
            1e16,
            1e-5,
            1e300,
            9_223_372_036_854_775_807.0
        ]),
    ];
    let text = prop_oneof![
        4 => prop::sample::select(TEXTS).prop_map(str::to_owned),
        1 => "[a-cA-C0-9%_*é .-]{0,6}",
    ];
    let json = prop::sample::select(ARRAYS).prop_map(str::to_owned);
    let blob = prop_oneof![
        prop::sample::select(TEXTS).prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop_oneof![
        some_of(integer).prop_map(Cells::Integers),
        some_of(real).prop_map(Cells::Reals),
        some_of(text).prop_map(Cells::Texts),
        some_of(json).prop_map(Cells::Texts),
        some_of(blob).prop_map(Cells::Blobs),
    ]
}

fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(TYPED).prop_map(str::to_owned),
        1 => prop::sample::select(TEXTS).prop_map(str::to_owned),
        1 => "[a-cA-C0-9%_*?^\\[\\]é .-]{0,6}",
        1 => any::<i64>().prop_map(|integer| integer.to_string()),
        1 => any::<f64>().prop_map(|real| real.to_string()),
    ]
}

fn operator() -> impl Strategy<Value = Operator> {
    prop::sample::select(OPERATORS).prop_map(|(_, operator)| operator)
}

/// Where the seam and SQLite differ on purpose or by what a text cannot say.
fn is_comparable(cells: &Cells, operator: Operator) -> bool {
    match operator {
        // SQLite reads JSON5 too, and JSON and dates in blobs and numbers (Julian days); other sources have none there.
        Operator::ArrayContains | Operator::ArrayNotContains => match cells {
            Cells::Texts(texts) => texts.iter().flatten().all(|text| text.starts_with('[')),
            _ => false,
        },
        Operator::Date => matches!(cells, Cells::Texts(_)),
        // Texts made of bytes that are no text are shown with replacement characters, SQLite compares the bytes.
        Operator::Like
        | Operator::NotLike
        | Operator::Glob
        | Operator::Contains
        | Operator::NotContains
        | Operator::StartsWith
        | Operator::EndsWith => !matches!(cells, Cells::Blobs(_)),
        _ => true,
    }
}

#[test]
fn predicates_pass_the_rows_that_sqlite_gives() {
    let opened = Opened::of("create table t (c)");
    let writer = Connection::open(&opened.path).expect("a writer");
    writer
        .execute_batch("pragma synchronous = off; pragma journal_mode = memory")
        .expect("set");
    let config = ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let result = runner.run(
        &(cells(), operator(), typed()),
        |(cells, operator, typed)| {
            prop_assume!(is_comparable(&cells, operator));
            cells.store(&writer).expect("stored");
            check(&opened, &cells, operator, &typed)
        },
    );
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

fn check(
    opened: &Opened,
    cells: &Cells,
    operator: Operator,
    typed: &str,
) -> Result<(), TestCaseError> {
    let want = Want::Rows {
        columns: vec!["rowid".to_owned()],
        sort: None,
        position: None,
        limit: Some(100),
    };
    let given = match opened.ask("t", vec![condition("c", operator, typed)], want) {
        Ok(tablecast_connector::Answer::Rows(rows)) => all(rows).expect("rows"),
        Err(error) if error.message() == "malformed JSON" => {
            return Err(TestCaseError::reject("JSON"));
        }
        Err(error) => {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            prop_assert!(Predicate::from_condition(&cells.column(), operator, typed).is_err());
            return Ok(());
        }
        other => panic!("{other:?}"),
    };
    let predicate = Predicate::from_condition(&cells.column(), operator, typed)
        .map_err(|error| TestCaseError::fail(format!("SQLite takes it: {error}")))?;
    let passed: Vec<Vec<Value>> = (0..cells.len())
        .filter(|row| predicate.matches(&|_| cells.cell(*row)) == Some(true))
        .map(|row| vec![Value::Integer(row as i128)])
        .collect();
    prop_assert_eq!(given, passed, "{:?} {:?}: {:?}", operator, typed, predicate);
    Ok(())
}

#[test]
fn a_filter_on_an_unknown_column_is_a_constant_everywhere() {
    let opened = Opened::of("create table t (c); insert into t values (1)");
    let source = open(&opened.path, &OpenOptions::default()).expect("opened");
    drop(source);
    for (_, operator) in OPERATORS {
        if matches!(operator, Operator::In | Operator::NotIn) {
            continue; // SQLite names the column in an error, which the API shows.
        }
        for typed in ["nope", "n%", "7", "[\"nope\"]"] {
            let filter = condition("nope", *operator, typed);
            let want = Want::Count { at_most: None };
            let Ok(tablecast_connector::Answer::Count(count)) =
                opened.ask("t", vec![filter.clone()], want)
            else {
                continue; // A text that is no JSON.
            };
            let predicate = tablecast_connector::predicate_of(&filter, &[])
                .expect("read")
                .expect("known");
            let holds = predicate.matches(&|_| Cell::Null) == Some(true);
            assert_eq!(count.rows == 1, holds, "{operator:?} {typed}");
        }
    }
}

#[test]
fn reals_are_written_as_sqlite_writes_them() {
    let opened = Opened::of("");
    let is_same = |real: f64| {
        let statement = Statement {
            sql: "select cast(:real as text)".to_owned(),
            parameters: vec![("real".to_owned(), real.into())],
        };
        let rows = block_on(opened.source.execute(&statement, &Limits::none().rows(1)));
        all(rows.expect("a row")).expect("a row") == [[real_text(real).into()]]
    };
    for real in [
        0.0,
        -0.0,
        0.1,
        1.0,
        1e15,
        1e16,
        1e-4,
        1e-5,
        123_456_789.123,
        0.1 + 0.2,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::INFINITY,
    ] {
        assert!(is_same(real) && is_same(-real), "{real:e}");
    }
    let mut bits = 1_u64;
    let mut different = 0;
    for _ in 0..5_000 {
        bits = bits
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let decimal = (bits >> 40) as f64 / 1000.0;
        assert!(is_same(decimal), "{decimal:e}");
        let any = f64::from_bits(bits);
        different += u32::from(any.is_finite() && !is_same(any));
    }
    // SQLite computes about 19 digits and rounds those: where they end in a half, it may go either way.
    assert!(different <= 5, "{different} of 5,000 random numbers");
}
