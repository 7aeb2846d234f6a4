//! The engine over the stupid source against real SQLite with the same rows: the SQL that the API shows for an ask must
//! give what the engine answers, row by row and in order.

#![cfg(test)]

use std::sync::Arc;

use arrow_schema::DataType;
use futures::executor::block_on;
use rusqlite::types::{Value as SqlValue, ValueRef};
use tablecast_connector::{
    Answer, Ask, Blocking, Column, Count, Database, Dialect, Direction, FacetKind, Filter,
    Identity, Limits, OPERATORS, Operator, Position, Sort, Source, Statement, TableInfo,
    TableQuery, Value, Want,
};
use tablecast_engine::complete;
use tablecast_sql::syntax_of;
use tablecast_testkit::dataset::Table;
use tablecast_testkit::{Stupid, read_rows};

const ROWS: i64 = 300;

/// Nulls, NaN, neighbours beyond 53 bits, both zeros, texts in odd cases, lists, dates, many duplicates.
fn table() -> Table {
    let columns = vec![
        Column::new("id", DataType::Int64),
        Column::new("few", DataType::Int64),
        Column::new("big", DataType::Int64),
        Column::new("real", DataType::Float64),
        Column::new("text", DataType::Utf8),
        Column::new("tags", DataType::Utf8),
        Column::new("day", DataType::Utf8),
        Column::new("blob", DataType::Binary),
    ];
    Table {
        name: "odd".to_owned(),
        columns,
        rows: (0..ROWS).map(row).collect(),
    }
}

fn pick(of: &[Value], number: i64) -> Value {
    of.get(number as usize % of.len())
        .cloned()
        .unwrap_or(Value::Null)
}

fn row(number: i64) -> Vec<Value> {
    let scattered = number * 7919 % 1009;
    let texts: Vec<Value> = [
        "a", "A", "ab", "É", "é", "", "7", "07", "7.0", "a%", "a_", "ZZ", "-1", "[a]",
    ]
    .map(Value::from)
    .into_iter()
    .chain([Value::Null])
    .collect();
    let tags = ["[]", "[\"x\"]", "[\"x\", \"y\", \"x\"]", "[1, \"1\", null]"]
        .map(Value::from)
        .into_iter()
        .chain([Value::Null])
        .collect::<Vec<_>>();
    let days = [
        "2020-01-02",
        "2020-01-02 10:11:12",
        "2021-12-31T00:00:00",
        "soon",
    ]
    .map(Value::from)
    .into_iter()
    .chain([Value::Null])
    .collect::<Vec<_>>();
    let reals = [
        Value::Real(f64::NAN),
        Value::Real(0.0),
        Value::Real(-0.0),
        Value::Real(7.0),
        Value::Real(-1.5),
        Value::Real(1e300),
        Value::Real(f64::INFINITY),
        Value::Null,
    ];
    let bigs = [
        Value::from(i64::MAX),
        Value::from(i64::MIN),
        Value::from((1_i64 << 53) + 1),
        Value::from(1_i64 << 53),
        Value::from(7),
        Value::Null,
    ];
    let blobs = [
        Value::Blob(vec![0, 255]),
        Value::Blob(Vec::new()),
        Value::Blob(b"a".to_vec()),
    ];
    vec![
        Value::from(scattered),
        if scattered % 11 == 0 {
            Value::Null
        } else {
            Value::from(scattered % 4)
        },
        pick(&bigs, scattered),
        pick(&reals, scattered / 3),
        pick(&texts, scattered),
        pick(&tags, scattered / 2),
        pick(&days, scattered / 5),
        pick(&blobs, scattered),
    ]
}

struct Pair {
    database: Arc<dyn Database>,
    info: Arc<TableInfo>,
    sqlite: rusqlite::Connection,
}

fn pair(identity: Identity) -> Pair {
    let table = table();
    let sqlite = rusqlite::Connection::open_in_memory().unwrap();
    sqlite
        .execute_batch(
            "create table odd (id integer, few integer, big integer, real real, text text, tags text, day text, blob blob)",
        )
        .unwrap();
    for (number, row) in table.rows.iter().enumerate() {
        let values = row
            .iter()
            .map(sql_value)
            .chain([SqlValue::Integer(number as i64)]);
        sqlite
            .execute(
                "insert into odd (id, few, big, real, text, tags, day, blob, rowid) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rusqlite::params_from_iter(values),
            )
            .unwrap();
    }
    let source = Stupid::with_identity(vec![table], identity);
    let source: Arc<dyn Source> = Arc::new(Blocking::new(source, 2).unwrap());
    Pair {
        info: block_on(source.table_info("odd")).unwrap(),
        database: complete(source),
        sqlite,
    }
}

fn sql_value(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(integer) => {
            i64::try_from(*integer).map_or(SqlValue::Real(*integer as f64), SqlValue::Integer)
        }
        Value::Real(real) if real.is_nan() => SqlValue::Null,
        Value::Real(real) => SqlValue::Real(*real),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Blob(bytes) => SqlValue::Blob(bytes.clone()),
    }
}

impl Pair {
    fn expected(&self, statement: &Statement) -> Vec<Vec<Value>> {
        let mut prepared = self.sqlite.prepare(&statement.sql).unwrap();
        for (name, value) in &statement.parameters {
            if let Some(index) = prepared.parameter_index(&format!(":{name}")).unwrap() {
                prepared
                    .raw_bind_parameter(index, sql_value(value))
                    .unwrap();
            }
        }
        let width = prepared.column_count();
        let mut rows = prepared.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            let cell = |column| match row.get_ref(column).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(integer) => Value::from(integer),
                ValueRef::Real(real) => Value::Real(real),
                ValueRef::Text(text) => Value::Text(String::from_utf8(text.to_vec()).unwrap()),
                ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
            };
            found.push((0..width).map(cell).collect());
        }
        found
    }

    fn answer(&self, filters: &[Filter], want: Want) -> Answer {
        let ask = Ask {
            table: "odd".to_owned(),
            filters: filters.to_vec(),
            wants: vec![want.into()],
        };
        let mut answers = block_on(self.database.ask(&ask, &Limits::none()));
        answers.pop().unwrap().unwrap()
    }

    fn rows(&self, query: &TableQuery) -> Vec<Vec<Value>> {
        let want = Want::Rows {
            columns: query.columns.clone(),
            sort: query.sort.clone(),
            position: query.position.clone(),
            limit: query.limit,
        };
        match self.answer(&query.filters, want) {
            Answer::Rows(mut rows) => read_rows(&mut rows).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    /// What the engine answers is what the SQL shown for it gives, in SQLite and in the engine itself.
    fn check(&self, query: &TableQuery) -> Vec<Vec<Value>> {
        let expected = self.check_answer(query);
        let syntax = syntax_of(&Dialect::sqlite()).unwrap();
        let statement = tablecast_sql::rows(syntax, query, &self.info).unwrap();
        let mut executed = block_on(self.database.execute(&statement, &Limits::none()))
            .unwrap_or_else(|error| panic!("{error}: {statement:?}"));
        let executed = read_rows(&mut executed).unwrap();
        assert_eq!(executed, expected, "executed {statement:?}");
        expected
    }

    /// What the engine answers is what the SQL shown for it gives in SQLite.
    fn check_answer(&self, query: &TableQuery) -> Vec<Vec<Value>> {
        let syntax = syntax_of(&Dialect::sqlite()).unwrap();
        let statement = tablecast_sql::rows(syntax, query, &self.info).unwrap();
        let (found, expected) = (self.rows(query), self.expected(&statement));
        assert_eq!(found, expected, "{statement:?}");
        found
    }
}

fn query(filters: Vec<Filter>) -> TableQuery {
    let columns = [
        "id", "few", "big", "real", "text", "tags", "day", "blob", "rowid",
    ];
    TableQuery {
        table: "odd".to_owned(),
        columns: columns.map(str::to_owned).to_vec(),
        filters,
        sort: None,
        position: None,
        limit: None,
    }
}

fn condition(column: &str, operator: Operator, value: &str) -> Filter {
    Filter::Condition {
        column: column.to_owned(),
        operator,
        value: value.to_owned(),
    }
}

fn numbered() -> Pair {
    pair(Identity::RowNumber { seekable: false })
}

const COLUMNS: &[&str] = &["id", "few", "big", "real", "text", "tags", "day"];

#[test]
fn every_operator_passes_the_rows_that_sqlite_passes() {
    let pair = numbered();
    let typed = [
        "7",
        "7.0",
        " 7 ",
        "07",
        "a",
        "A",
        "",
        "-1",
        "9007199254740993",
        "9223372036854775808",
        "1",
        "2020-01-02",
        "[a]",
    ];
    for column in COLUMNS {
        for (name, operator) in OPERATORS {
            let is_array = name.contains("array");
            // SQLite fails on texts that are not JSON.
            if is_array && *column != "tags" {
                continue;
            }
            let is_list = matches!(operator, Operator::In | Operator::NotIn);
            for value in typed {
                // What starts as a list must be one.
                if is_list && value == "[a]" {
                    continue;
                }
                let wanted = query(vec![condition(column, *operator, value)]);
                if is_array {
                    // The front end has no `json_each` yet.
                    pair.check_answer(&wanted);
                } else {
                    pair.check(&wanted);
                }
            }
        }
    }
}

#[test]
fn rowid_is_a_column_to_filter_by() {
    let pair = numbered();
    for operator in [Operator::Exact, Operator::Gt, Operator::Lte, Operator::In] {
        for name in ["rowid", "oid", "_rowid_"] {
            pair.check(&query(vec![condition(name, operator, "17")]));
        }
    }
}

#[test]
fn pages_in_every_order_join_up_as_in_sqlite() {
    let pair = numbered();
    for column in COLUMNS.iter().chain(&["rowid"]) {
        for direction in [Direction::Ascending, Direction::Descending] {
            let mut page = TableQuery {
                sort: Some(Sort {
                    column: (*column).to_owned(),
                    direction,
                }),
                limit: Some(17),
                ..query(vec![condition("id", Operator::Gt, "100")])
            };
            let place = page
                .columns
                .iter()
                .position(|known| known == column)
                .unwrap();
            loop {
                let rows = pair.check(&page);
                let Some(last) = rows.last().filter(|_| rows.len() == 17) else {
                    break;
                };
                page.position = Some(Position::After {
                    sort: last.get(place).cloned(),
                    key: last.last().cloned().into_iter().collect(),
                });
            }
        }
    }
}

#[test]
fn pages_by_a_key_and_by_offset_are_those_of_sqlite() {
    let pair = pair(Identity::Key(vec!["id".to_owned()]));
    let mut page = TableQuery {
        columns: vec!["text".to_owned(), "id".to_owned()],
        limit: Some(11),
        ..query(Vec::new())
    };
    loop {
        let rows = pair.check(&page);
        let Some(last) = rows.last().filter(|_| rows.len() == 11) else {
            break;
        };
        page.position = Some(Position::After {
            sort: None,
            key: last.get(1..).unwrap_or_default().to_vec(),
        });
    }
    page.position = Some(Position::Offset(290));
    assert_eq!(pair.check(&page).len(), 10);
    page.position = Some(Position::Offset(1_000));
    assert!(pair.check(&page).is_empty());
}

#[test]
fn counts_and_facets_are_those_of_sqlite() {
    let pair = numbered();
    let syntax = syntax_of(&Dialect::sqlite()).unwrap();
    let kinds = [FacetKind::Column, FacetKind::Array, FacetKind::Date];
    for filters in [
        Vec::new(),
        vec![condition("few", Operator::Gte, "2")],
        vec![sql("few >= 1 or text = 'ab'", &[])],
    ] {
        let counted = tablecast_sql::count(syntax, "odd", &filters).unwrap();
        let expected = self::number(&pair.expected(&counted));
        let answer = pair.answer(&filters, Want::Count { at_most: None });
        assert!(
            matches!(answer, Answer::Count(Count { rows, truncated: false }) if rows == expected)
        );
        for column in COLUMNS {
            for (kind, sample) in kinds
                .into_iter()
                .flat_map(|kind| [(kind, None), (kind, Some(50))])
            {
                let fits = match kind {
                    FacetKind::Column => true,
                    FacetKind::Array => *column == "tags",
                    FacetKind::Date => *column == "day",
                };
                if !fits {
                    continue;
                }
                let statement =
                    tablecast_sql::facet(syntax, "odd", &filters, (column, kind), 5, sample)
                        .unwrap();
                let expected = pair.expected(&statement);
                let want = Want::Facet {
                    column: (*column).to_owned(),
                    kind,
                    limit: 5,
                    sample,
                };
                let Answer::Facet { values, more } = pair.answer(&filters, want) else {
                    panic!("a facet was wanted");
                };
                let found: Vec<Vec<Value>> = values
                    .into_iter()
                    .map(|(value, rows)| vec![value, Value::Integer(rows.into())])
                    .collect();
                assert_eq!(
                    &found[..],
                    expected.get(..5).unwrap_or(&expected),
                    "{statement:?}"
                );
                assert_eq!(more, expected.len() > 5, "{statement:?}");
            }
        }
    }
}

fn number(rows: &[Vec<Value>]) -> u64 {
    match rows.first().and_then(|row| row.first()) {
        Some(Value::Integer(integer)) => u64::try_from(*integer).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rows_found_through_another_table_are_those_of_sqlite() {
    let pair = numbered();
    let through = Filter::InTable {
        column: "few".to_owned(),
        other_table: "odd".to_owned(),
        other_column: "few".to_owned(),
        where_column: "text".to_owned(),
        value: "ab".to_owned(),
    };
    let found = pair.check(&query(vec![through]));
    assert!(!found.is_empty() && found.len() < ROWS as usize);
}

fn sql(text: &str, parameters: &[(&str, Value)]) -> Filter {
    Filter::Sql {
        text: text.to_owned(),
        dialect: Dialect::sqlite(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
    }
}

#[test]
fn conditions_that_a_person_wrote_pass_the_rows_that_sqlite_passes() {
    let pair = numbered();
    for filters in [
        vec![sql("few > 1", &[])],
        vec![sql("1", &[])],
        vec![sql("few - 1 or not length(text)", &[])],
        vec![sql("text and iif(few, real, id)", &[])],
        vec![sql("case when text then few when real then 1 end", &[])],
        vec![sql("text like 'A_' or text not glob '[a-z]*'", &[])],
        vec![sql("few is null or text like 'a%' -- why not", &[])],
        vec![sql("id in (select id from odd where few = 2)", &[])],
        vec![
            sql("text = :wanted", &[("wanted", "É".into())]),
            condition("few", Operator::NotNull, ""),
        ],
        vec![
            sql("rowid between 10 and 20", &[]),
            sql("real is not null", &[]),
        ],
    ] {
        let mut page = TableQuery {
            limit: Some(13),
            ..query(filters.clone())
        };
        loop {
            let rows = pair.check(&page);
            let Some(last) = rows.last().filter(|_| rows.len() == 13) else {
                break;
            };
            page.position = Some(Position::After {
                sort: None,
                key: last.last().cloned().into_iter().collect(),
            });
        }
        page.position = None;
        page.sort = Some(Sort {
            column: "text".to_owned(),
            direction: Direction::Descending,
        });
        pair.check(&page);
        let syntax = syntax_of(&Dialect::sqlite()).unwrap();
        let counted = tablecast_sql::count(syntax, "odd", &filters).unwrap();
        let expected = self::number(&pair.expected(&counted));
        let answer = pair.answer(&filters, Want::Count { at_most: None });
        assert!(matches!(answer, Answer::Count(Count { rows, .. }) if rows == expected));
    }
}
