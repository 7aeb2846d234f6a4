//! Level misbehave: requests that cannot be right get an error of the right kind, and never silence.

use tablecast_connector::{
    Direction, Error, ErrorKind, FacetKind, Filter, Operator, Position, Result, ScanRequest, Sort,
    Value, Want,
};

use super::asking::Asking;
use super::question::{Question, has_order};
use super::{Test, tell};

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "tables_that_are_not_there_are_not_found",
        run: tables_that_are_not_there_are_not_found,
    },
    Test {
        name: "columns_that_are_not_there_are_refused",
        run: columns_that_are_not_there_are_refused,
    },
    Test {
        name: "foul_positions_are_refused_or_empty",
        run: foul_positions_are_refused_or_empty,
    },
    Test {
        name: "absurd_limits_do_no_harm",
        run: absurd_limits_do_no_harm,
    },
    Test {
        name: "foul_lists_are_refused",
        run: foul_lists_are_refused,
    },
    Test {
        name: "sql_that_cannot_be_right_is_refused",
        run: sql_that_cannot_be_right_is_refused,
    },
];

/// No container has a column of this name.
const NOWHERE: &str = "no such column \u{1f335}";

/// The request cannot be right: any error that says so.
const CANNOT_BE_RIGHT: &[ErrorKind] = &[ErrorKind::InvalidRequest, ErrorKind::NotFound];

/// Says so if the result is not an error of one of the kinds.
fn refused<T>(asking: &mut Asking<'_>, request: &str, kinds: &[ErrorKind], result: Result<T>) {
    asking.asked += 1;
    let expected = || {
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("{kind:?}")).collect();
        format!("an error ({})", kinds.join(" or "))
    };
    match result {
        Err(error) if kinds.contains(&error.kind()) => {}
        Err(error) => asking.wrong(request, expected(), tell::error(&error)),
        Ok(_) => asking.wrong(request, expected(), "an answer, as if all were well"),
    }
}

fn tables_that_are_not_there_are_not_found(asking: &mut Asking<'_>) {
    let long = "x".repeat(10_000);
    let quoted = format!("{}\"; drop table x; --", asking.sample.table.name);
    for name in [
        "",
        " ",
        "no such table",
        "../../etc/passwd",
        "a\0b",
        &quoted,
        &long,
    ] {
        let path = format!(
            "/{}",
            tell::tilde(name).chars().take(80).collect::<String>()
        );
        let info = asking.wait(asking.database.table_info(name)).map(|_| ());
        refused(
            asking,
            &format!("{path} (table_info)"),
            &[ErrorKind::NotFound],
            info,
        );
        let mut question = Question::all(asking.sample);
        name.clone_into(&mut question.table);
        let rows = asking.rows(&question);
        refused(asking, &path, &[ErrorKind::NotFound], rows);
        let count = asking.count(&question, None).map(|count| count.rows);
        refused(
            asking,
            &format!("{path}?_extra=count"),
            &[ErrorKind::NotFound],
            count,
        );
    }
}

fn columns_that_are_not_there_are_refused(asking: &mut Asking<'_>) {
    let path = format!("/{}", tell::tilde(&asking.sample.table.name));
    let scan = ScanRequest {
        table: asking.sample.table.name.clone(),
        columns: vec![NOWHERE.to_owned()],
        filters: Vec::new(),
        sort: Vec::new(),
        limit: None,
    };
    let scanned = asking.scanned(&scan);
    refused(
        asking,
        &format!("a scan of {path} for {NOWHERE:?}"),
        CANNOT_BE_RIGHT,
        scanned,
    );
    let mut question = Question::all(asking.sample);
    question.columns = vec![NOWHERE.to_owned()];
    let rows = asking.rows(&question);
    refused(
        asking,
        &format!("{path}?_col={NOWHERE}"),
        CANNOT_BE_RIGHT,
        rows,
    );
    let mut question = Question::all(asking.sample);
    question.sort = Some(Sort {
        column: NOWHERE.to_owned(),
        direction: Direction::Ascending,
    });
    let rows = asking.rows(&question);
    refused(
        asking,
        &format!("{path}?_sort={NOWHERE}"),
        CANNOT_BE_RIGHT,
        rows,
    );
    let want = Want::Facet {
        column: NOWHERE.to_owned(),
        kind: FacetKind::Column,
        limit: 5,
        sample: None,
    };
    let facet = asking.answer(&Question::all(asking.sample), want);
    refused(
        asking,
        &format!("{path}?_facet={NOWHERE}"),
        CANNOT_BE_RIGHT,
        facet,
    );
}

fn foul_positions_are_refused_or_empty(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    let keys = sample.info.identity.columns().len();
    let foul = [
        Vec::new(),
        vec![Value::from("'"); keys + 1],
        vec![Value::from("\u{0}'; --"); keys],
        vec![Value::Real(f64::NAN); keys],
        vec![Value::Null; keys],
        vec![Value::from("99999999999999999999999999"); keys],
    ];
    for key in foul {
        let is_of_wrong_length = key.len() != keys || !has_order(sample);
        let mut question = Question::all(sample);
        question.limit = Some(10);
        question.position = Some(Position::After { sort: None, key });
        let request = tell::address(&question);
        let result = asking.rows(&question);
        if is_of_wrong_length {
            refused(asking, &request, CANNOT_BE_RIGHT, result);
        } else {
            harmless(asking, &request, 10, result);
        }
    }
}

/// Says so if more rows came than may, or an error that nobody can do anything about.
fn harmless(asking: &mut Asking<'_>, request: &str, most: usize, result: Result<Vec<Vec<Value>>>) {
    asking.asked += 1;
    let expected = format!("at most {most} rows, or an error that says what is wrong");
    match result {
        Ok(rows) if rows.len() <= most => {}
        Ok(rows) => asking.wrong(request, expected, format!("{} rows", rows.len())),
        Err(error) if is_sound(&error) => {}
        Err(error) => asking.wrong(request, expected, tell::error(&error)),
    }
}

fn is_sound(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidRequest | ErrorKind::NotFound | ErrorKind::TooLarge
    )
}

fn absurd_limits_do_no_harm(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    let rows = sample.table.rows.len();
    for (limit, offset) in [
        (Some(0), None),
        (Some(u64::MAX), None),
        (Some(10), Some(u64::MAX)),
        (Some(10), Some(i64::MAX as u64)),
        (Some(u64::MAX), Some(u64::MAX)),
        (Some(1 << 32), Some(1 << 62)),
    ] {
        if !sample.is_whole && limit != Some(0) && offset.is_none() {
            continue;
        }
        let mut question = Question::all(sample);
        question.limit = limit;
        question.position = offset.map(Position::Offset);
        let request = tell::address(&question);
        let most = match (limit, offset) {
            (Some(0), _) | (_, Some(_)) => 0,
            _ => rows,
        };
        let result = asking.rows(&question);
        harmless(asking, &request, most, result);
    }
}

fn foul_lists_are_refused(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    let Some(column) = sample.table.columns.first() else {
        return asking.skip("there is no column");
    };
    for value in ["[", "[1", "[[1]]", "[{}]", "[1,]"] {
        let mut question = Question::all(sample);
        question.limit = Some(10);
        question.filters = vec![Filter::Condition {
            column: column.name.clone(),
            operator: Operator::In,
            value: value.to_owned(),
        }];
        let request = tell::address(&question);
        let rows = asking.rows(&question);
        refused(asking, &request, CANNOT_BE_RIGHT, rows);
    }
}

fn sql_that_cannot_be_right_is_refused(asking: &mut Asking<'_>) {
    if asking.database.dialect().0 != "sqlite" {
        return asking.skip("the kit writes no SQL of that dialect");
    }
    let kinds = [
        ErrorKind::InvalidRequest,
        ErrorKind::NotFound,
        ErrorKind::Forbidden,
        ErrorKind::Unsupported,
    ];
    let name = asking.sample.table.name.replace('"', "\"\"");
    let statements = [
        "selec 1".to_owned(),
        "select".to_owned(),
        "select 1; select 2".to_owned(),
        "select * from \"no such table\"".to_owned(),
        "select no_such_function(1)".to_owned(),
        format!("select no_such_column from \"{name}\""),
        format!("delete from \"{name}\""),
        format!("drop table \"{name}\""),
        format!("insert into \"{name}\" select * from \"{name}\""),
        "create table x (y)".to_owned(),
        "attach database '/tmp/x.db' as x".to_owned(),
    ];
    for sql in statements {
        let rows = asking.sql(&sql, Vec::new());
        refused(asking, &sql, &kinds, rows);
    }
}
