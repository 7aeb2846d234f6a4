//! Checks of scans: whether what is promised comes.

use std::collections::HashSet;

use tablecast_connector::{
    Direction, ErrorKind, Limits, Predicate, ROWID, ScanRequest, Sort, Support, Value,
    compare_values,
};

use super::Outcome;
use super::subject::{Subject, conditions, difference, everything, same_rows, told};
use crate::dataset::Table;
use crate::plain::{Values, compare_rows, rows_that_pass};
use crate::reading::read_partitions;

pub(crate) fn a_scan_gives_every_row(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        same_rows(&table.name, &subject.read(&everything(table))?, &table.rows)?;
    }
    Ok(())
}

pub(crate) fn columns_come_as_asked(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let mut request = everything(table);
        request.columns.reverse();
        let scan = subject.source.scan(&request).map_err(told)?;
        let names: Vec<&str> = scan
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .collect();
        if names != request.columns {
            return Err(format!(
                "asked for {:?}, promised {names:?}",
                request.columns
            ));
        }
        let found = subject.read(&request)?;
        let width = request.columns.len();
        if found.iter().any(|row| row.len() != width) {
            return Err(format!("rows of {} do not have {width} cells", table.name));
        }
        let numbers = |rows: &Values, place: usize| -> Values {
            rows.iter()
                .filter_map(|row| Some(vec![row.get(place)?.clone()]))
                .collect()
        };
        same_rows(
            &request.columns.join(","),
            &numbers(&found, width - 1),
            &numbers(&table.rows, 0),
        )?;
    }
    Ok(())
}

pub(crate) fn a_scan_of_no_columns_counts(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let request = ScanRequest {
            columns: Vec::new(),
            ..everything(table)
        };
        let found = subject.read(&request)?.len();
        if found != table.rows.len() {
            return Err(format!(
                "{found} rows without columns, {} with",
                table.rows.len()
            ));
        }
    }
    Ok(())
}

pub(crate) fn rows_known_beforehand_come(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let request = everything(table);
        let promised = subject.source.scan(&request).map_err(told)?.rows;
        if let Some(promised) = promised
            && promised != table.rows.len() as u64
        {
            return Err(format!("{promised} rows of {} promised", table.name));
        }
    }
    Ok(())
}

pub(crate) fn a_partition_can_be_read_again(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let scan = subject.source.scan(&everything(table)).map_err(told)?;
        let first = read_partitions(&scan, &Limits::none()).map_err(told)?;
        let again = read_partitions(&scan, &Limits::none()).map_err(told)?;
        if first != again {
            return Err(format!(
                "partitions of {} differ when they are read again",
                table.name
            ));
        }
    }
    Ok(())
}

pub(crate) fn an_exact_filter_is_exact(subject: &Subject) -> Outcome {
    each_filter(subject, Support::Exact, |context, found, expected| {
        same_rows(context, found, expected)
    })
}

pub(crate) fn an_inexact_filter_loses_nothing(subject: &Subject) -> Outcome {
    each_filter(subject, Support::Inexact, |context, found, expected| {
        let missing = expected.iter().any(|row| !found.contains(row));
        if missing {
            Err(difference(context, found, expected))
        } else {
            Ok(())
        }
    })
}

/// Reads with each filter of which the scan promises `support`, and compares.
fn each_filter(
    subject: &Subject,
    support: Support,
    compare: impl Fn(&str, &Values, &Values) -> Outcome,
) -> Outcome {
    for table in &subject.tables {
        let info = subject.info(table)?;
        for (column, operator, typed) in conditions(&info.columns) {
            let predicate = Predicate::from_condition(column, operator, typed).map_err(told)?;
            let request = ScanRequest {
                filters: vec![predicate.clone()],
                ..everything(table)
            };
            let promised = subject
                .source
                .scan(&request)
                .map_err(told)?
                .promises
                .filters;
            if promised.len() != 1 {
                return Err(format!("{} promises for one filter", promised.len()));
            }
            if promised == [support] {
                let context = format!("{}__{}={typed}", column.name, operator.name());
                compare(
                    &context,
                    &subject.read(&request)?,
                    &rows_that_pass(table, &predicate),
                )?;
            }
        }
    }
    Ok(())
}

pub(crate) fn the_promised_order_is_kept(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let columns = table.columns.iter().map(|column| column.name.as_str());
        for wanted in columns.map(Some).chain([None]) {
            for direction in [Direction::Ascending, Direction::Descending] {
                let sort = wanted.map(|column| Sort {
                    column: column.to_owned(),
                    direction,
                });
                let request = ScanRequest {
                    sort: sort.into_iter().collect(),
                    ..everything(table)
                };
                let promises = subject.source.scan(&request).map_err(told)?.promises;
                if promises.sort == Support::Exact {
                    in_order(table, &subject.read(&request)?, &request.sort)?;
                }
                in_order(table, &subject.read(&request)?, &promises.order)?;
            }
        }
    }
    Ok(())
}

/// Whether the rows are in the order of the first of the sorts (the row number is checked elsewhere).
fn in_order(table: &Table, rows: &Values, order: &[Sort]) -> Outcome {
    let Some(sort) = order.first() else {
        return Ok(());
    };
    let Some(place) = table.position(&sort.column) else {
        return Ok(());
    };
    let cells: Vec<&Value> = rows.iter().filter_map(|row| row.get(place)).collect();
    let kept = cells.windows(2).all(|pair| match (pair, sort.direction) {
        ([a, b], Direction::Ascending) => compare_values(a, b).is_le(),
        ([a, b], Direction::Descending) => compare_values(a, b).is_ge(),
        _ => true,
    });
    if kept {
        Ok(())
    } else {
        Err(format!(
            "rows of {} are not in the order {sort:?}",
            table.name
        ))
    }
}

pub(crate) fn an_exact_limit_is_kept(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let request = ScanRequest {
            limit: Some(5),
            ..everything(table)
        };
        let promises = subject.source.scan(&request).map_err(told)?.promises;
        if promises.limit == Support::Unsupported {
            continue;
        }
        let (found, least) = (subject.read(&request)?.len(), table.rows.len().min(5));
        if found < least || (promises.limit == Support::Exact && found > 5) {
            return Err(format!("{found} rows of {} for a limit of 5", table.name));
        }
    }
    Ok(())
}

pub(crate) fn row_numbers_are_distinct(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let identity = subject.info(table)?.identity.clone();
        let keys: Vec<String> = identity.columns().into_iter().map(str::to_owned).collect();
        if keys.is_empty() {
            continue;
        }
        let ascending = keys == [ROWID];
        let rows = subject.read(&ScanRequest {
            columns: keys,
            ..everything(table)
        })?;
        let distinct: HashSet<String> = rows.iter().map(|row| format!("{row:?}")).collect();
        if distinct.len() != table.rows.len() {
            return Err(format!(
                "{} identities for {} rows",
                distinct.len(),
                table.rows.len()
            ));
        }
        let ordered = rows.windows(2).all(|pair| match pair {
            [a, b] => compare_rows(a, b).is_lt(),
            _ => true,
        });
        if ascending && !ordered {
            return Err(format!("row numbers of {} do not ascend", table.name));
        }
    }
    Ok(())
}

pub(crate) fn a_cancelled_scan_stops(subject: &Subject) -> Outcome {
    for table in subject.tables.iter().filter(|table| !table.rows.is_empty()) {
        let scan = subject.source.scan(&everything(table)).map_err(told)?;
        let limits = Limits::none();
        limits.cancel.cancel();
        match read_partitions(&scan, &limits) {
            Err(error) if error.kind() == ErrorKind::Cancelled => {}
            Err(error) => return Err(format!("a cancelled scan ends with {}", told(error))),
            Ok(_) => return Err(format!("a cancelled scan of {} reads on", table.name)),
        }
    }
    Ok(())
}
