//! Limits of asks over scans: time, rows, bytes, cancelling; and wants that fail alone.

#![cfg(test)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_schema::DataType;
use futures::executor::block_on;
use tablecast_connector::{
    Answer, Ask, Batch, Blocking, BlockingScan, BlockingSource, Cell, Column, Count, Database,
    Details, ErrorKind, FacetKind, Filter, Identity, Limits, Operator, OutputColumn, Partition,
    Promises, Result, ScanRequest, SearchMode, Sort, Source, Statement, TableInfo, Value, Want,
    Wanted,
};
use tablecast_engine::complete;
use tablecast_testkit::read_rows;

/// A table without an end: each batch takes a moment.
struct Endless;

const BATCH_ROWS: u64 = 10;

impl BlockingSource for Endless {
    fn details(&self) -> Details {
        Details {
            connector: "endless".to_owned(),
            path: None,
            size: None,
            is_mutable: false,
            is_memory: true,
            hash: None,
        }
    }

    fn table_names(&self) -> Result<Vec<String>> {
        Ok(vec!["numbers".to_owned()])
    }

    fn table_info(&self, _: &str) -> Result<Arc<TableInfo>> {
        let columns = vec![Column::new("n", DataType::UInt64)];
        Ok(Arc::new(TableInfo::new("numbers", columns, Identity::None)))
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let width = request.columns.len();
        let columns = request.columns.iter().map(|name| OutputColumn {
            name: name.clone(),
            data_type: Some(DataType::UInt64),
        });
        Ok(BlockingScan {
            columns: columns.collect(),
            promises: Promises::nothing(request),
            partitions: vec![Partition {
                start: 0,
                end: u64::MAX,
                note: String::new(),
            }],
            rows: None,
            open: Arc::new(move |_, limits| {
                let limits = limits.clone();
                Ok(Box::new((0..).map(move |batch: u64| {
                    limits.check()?;
                    std::thread::sleep(Duration::from_millis(1));
                    let mut builder = Batch::builder(width);
                    for row in 0..BATCH_ROWS {
                        for _ in 0..width {
                            builder.push(Cell::Unsigned(u64::MAX - batch * BATCH_ROWS - row))?;
                        }
                        builder.end_row();
                    }
                    builder.finish()
                })))
            }),
        })
    }
}

fn endless() -> Arc<dyn Database> {
    let source: Arc<dyn Source> = Arc::new(Blocking::new(Endless, 2).unwrap());
    complete(source)
}

fn answers(filters: Vec<Filter>, wants: Vec<Wanted>, limits: &Limits) -> Vec<Result<Answer>> {
    let ask = Ask {
        table: "numbers".to_owned(),
        filters,
        wants,
    };
    block_on(endless().ask(&ask, limits))
}

fn rows(sort: Option<Sort>, limit: Option<u64>) -> Want {
    Want::Rows {
        columns: vec!["n".to_owned()],
        sort,
        position: None,
        limit,
    }
}

fn soon() -> Limits {
    Limits::none().within(Duration::from_millis(100))
}

fn kind(answer: Result<Answer>) -> ErrorKind {
    match answer {
        Err(error) => error.kind(),
        Ok(Answer::Rows(mut rows)) => read_rows(&mut rows).unwrap_err().kind(),
        Ok(other) => panic!("{other:?}"),
    }
}

fn facet(column: &str) -> Want {
    Want::Facet {
        column: column.to_owned(),
        kind: FacetKind::Column,
        limit: 3,
        sample: None,
    }
}

#[test]
fn whatever_never_ends_is_stopped_at_the_deadline() {
    let by_n = Sort {
        column: "n".to_owned(),
        direction: tablecast_connector::Direction::Ascending,
    };
    for want in [
        Want::Count { at_most: None },
        facet("n"),
        rows(None, None),
        rows(Some(by_n), Some(5)),
    ] {
        let started = Instant::now();
        let answer = answers(Vec::new(), vec![want.into()], &soon()).pop();
        assert_eq!(answer.map(kind), Some(ErrorKind::TimedOut));
        assert!(started.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn a_page_and_a_bounded_count_end_although_the_table_does_not() {
    let wants = vec![
        rows(None, Some(25)).into(),
        Want::Count { at_most: Some(500) }.into(),
    ];
    let mut answers = answers(Vec::new(), wants, &Limits::none()).into_iter();
    match answers.next().unwrap().unwrap() {
        Answer::Rows(mut rows) => {
            let rows = read_rows(&mut rows).unwrap();
            assert_eq!(rows.len(), 25);
            assert_eq!(rows[0], vec![Value::Integer(u64::MAX.into())]);
        }
        other => panic!("{other:?}"),
    }
    let counted = answers.next().unwrap().unwrap();
    let expected = Count {
        rows: 500,
        truncated: true,
    };
    assert!(matches!(counted, Answer::Count(count) if count == expected));
}

#[test]
fn integers_beyond_64_bits_with_sign_are_compared_exactly() {
    let filter = Filter::Condition {
        column: "n".to_owned(),
        operator: Operator::Exact,
        value: "18446744073709551614".to_owned(),
    };
    let want = rows(None, Some(1)).into();
    match answers(vec![filter], vec![want], &Limits::none()).pop() {
        Some(Ok(Answer::Rows(mut rows))) => {
            let expected = Value::Integer(18_446_744_073_709_551_614);
            assert_eq!(read_rows(&mut rows).unwrap(), vec![vec![expected]]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_want_that_takes_too_long_fails_alone() {
    let wants = vec![
        Wanted {
            want: facet("n"),
            time_limit_ms: Some(20),
        },
        Wanted {
            want: Want::Count { at_most: Some(600) },
            time_limit_ms: Some(5_000),
        },
        facet("nothing").into(),
    ];
    let mut answers = answers(Vec::new(), wants, &Limits::none()).into_iter();
    assert_eq!(answers.next().map(kind), Some(ErrorKind::TimedOut));
    assert!(matches!(answers.next(), Some(Ok(Answer::Count(_)))));
    assert_eq!(answers.next().map(kind), Some(ErrorKind::InvalidRequest));
}

#[test]
fn an_answer_has_no_more_rows_than_the_limits_allow_and_too_many_bytes_are_refused() {
    let want: Wanted = rows(None, None).into();
    let limits = Limits::none().rows(33);
    match answers(Vec::new(), vec![want.clone()], &limits).pop() {
        Some(Ok(Answer::Rows(mut rows))) => assert_eq!(read_rows(&mut rows).unwrap().len(), 33),
        other => panic!("{other:?}"),
    }
    let limits = Limits {
        bytes: Some(1_000),
        ..Limits::none()
    };
    let answer = answers(Vec::new(), vec![want], &limits).pop();
    assert_eq!(answer.map(kind), Some(ErrorKind::TooLarge));
}

#[test]
fn cancelling_stops_the_work() {
    let limits = Limits::none();
    let token = limits.cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        token.cancel();
    });
    let answer = answers(Vec::new(), vec![facet("n").into()], &limits).pop();
    assert_eq!(answer.map(kind), Some(ErrorKind::Cancelled));
}

#[test]
fn a_search_without_an_index_is_refused_by_name() {
    let filter = Filter::Search {
        index: "numbers_fts".to_owned(),
        key: "rowid".to_owned(),
        column: None,
        text: "x".to_owned(),
        mode: SearchMode::Escaped,
    };
    let answer = answers(
        vec![filter],
        vec![Want::Count { at_most: None }.into()],
        &soon(),
    )
    .pop();
    assert_eq!(answer.map(kind), Some(ErrorKind::Unsupported));
}

#[test]
fn a_source_that_reads_no_sql_defines_its_tables_all_the_same() {
    let database = endless();
    let definition = block_on(database.table_definition("numbers")).unwrap();
    assert!(definition.is_some_and(|text| text.starts_with("CREATE TABLE")));
    let statement = Statement {
        sql: "select 1 from nowhere".to_owned(),
        parameters: Vec::new(),
    };
    assert!(block_on(database.execute(&statement, &soon())).is_err());
}
