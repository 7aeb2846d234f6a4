//! Plans over the tables of a source: filters go down to the scan, the row number is there, order is the table's own.

#![cfg(test)]

use std::sync::Arc;

use datafusion::prelude::SessionContext;
use futures::executor::block_on;
use tablecast_connector::{Blocking, Limits, Source, Value};
use tablecast_engine::failure::from_datafusion;
use tablecast_engine::plans::{ReadOrder, rows, session};
use tablecast_engine::provider::SourceTable;
use tablecast_testkit::{Stupid, dataset, read_rows};

fn answer(sql: &'static str, order: ReadOrder, limits: &Limits) -> Vec<Vec<Value>> {
    let source: Arc<dyn Source> =
        Arc::new(Blocking::new(Stupid::numbered(dataset::tables()), 2).unwrap());
    let inner = limits.clone();
    let planning = async move {
        let state = session(order)?.with_default_features().build();
        let context = SessionContext::new_with_state(state);
        let info = source.table_info("trees").await?;
        let table = SourceTable::new(source, info, inner);
        context.register_table("trees", Arc::new(table)).unwrap();
        let frame = context.sql(sql).await.map_err(from_datafusion)?;
        let (state, plan) = frame.into_parts();
        let plan = state.create_physical_plan(&plan).await;
        Ok((state, plan.map_err(from_datafusion)?))
    };
    let mut found = block_on(rows(limits, planning)).unwrap();
    read_rows(&mut found).unwrap()
}

#[test]
fn a_query_without_order_gives_rows_in_the_tables_order() {
    let found = answer(
        "select number, rowid from trees where station > 0 and (kind = 'elm' or kind is null)",
        ReadOrder::Table,
        &Limits::none().rows(3),
    );
    let all: Vec<&Value> = found.iter().filter_map(|row| row.first()).collect();
    assert_eq!(found.len(), 3);
    assert!(all.windows(2).all(|pair| match pair {
        [Value::Integer(a), Value::Integer(b)] => a < b,
        _ => false,
    }));
    assert!(found.iter().all(|row| row.first() == row.get(1)));
}

#[test]
fn nan_counts_as_null_in_aggregates() {
    let found = answer(
        "select count(*), count(height), max(height) from trees",
        ReadOrder::Any,
        &Limits::none(),
    );
    let nans = (0..250).filter(|number| number % 7 == 3).count() as i64;
    let expected = vec![
        Value::from(250),
        Value::from(250 - nans),
        Value::Real(24.75),
    ];
    assert_eq!(found, vec![expected]);
}

#[test]
fn a_filter_compares_integers_exactly() {
    let found = answer(
        "select count(*) from trees where big = 9007199254740993",
        ReadOrder::Any,
        &Limits::none(),
    );
    assert_eq!(found, vec![vec![Value::from(25)]]);
}
