//! Checks of what a source says before a row is read.

use futures::executor::block_on;
use tablecast_connector::{ArrayRequest, Error, ErrorKind, Limits, Statement, Window};

use super::Outcome;
use super::subject::{Subject, everything, told};

pub(crate) fn every_table_is_listed(subject: &Subject) -> Outcome {
    let names = block_on(subject.source.table_names()).map_err(told)?;
    for table in &subject.tables {
        if !names.contains(&table.name) {
            return Err(format!("{} is not among {names:?}", table.name));
        }
    }
    Ok(())
}

pub(crate) fn an_unknown_table_is_not_found(subject: &Subject) -> Outcome {
    let name = "no such table";
    let info = block_on(subject.source.table_info(name)).map(|_| ());
    not_found("table_info", info)?;
    let Some(table) = subject.tables.first() else {
        return Ok(());
    };
    let mut request = everything(table);
    name.clone_into(&mut request.table);
    not_found("scan", subject.source.scan(&request).map(|_| ()))
}

fn not_found(method: &str, result: Result<(), Error>) -> Outcome {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(format!("{method} of an unknown table is {}", told(error))),
        Ok(()) => Err(format!("{method} of an unknown table succeeds")),
    }
}

pub(crate) fn every_column_is_described(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let info = subject.info(table)?;
        for column in &table.columns {
            let Some(found) = info.column(&column.name) else {
                return Err(format!("{} has no column {}", table.name, column.name));
            };
            if found.affinity != column.affinity {
                let (name, expected, affinity) = (&column.name, column.affinity, found.affinity);
                return Err(format!(
                    "{name} has affinity {affinity:?} instead of {expected:?}"
                ));
            }
        }
    }
    Ok(())
}

pub(crate) fn the_version_stands_still_while_nothing_changes(subject: &Subject) -> Outcome {
    let before = subject.source.version();
    if subject.source.capabilities().version != before.is_some() {
        return Err(format!(
            "the version is {before:?}, against the capabilities"
        ));
    }
    for table in &subject.tables {
        subject.info(table)?;
    }
    let after = subject.source.version();
    if before == after {
        Ok(())
    } else {
        Err(format!("{before:?} became {after:?}"))
    }
}

pub(crate) fn what_is_denied_is_refused(subject: &Subject) -> Outcome {
    let capabilities = subject.source.capabilities();
    let Some(table) = subject.tables.first() else {
        return Ok(());
    };
    let limits = Limits::none();
    let statement = Statement {
        sql: "select 1".to_owned(),
        parameters: Vec::new(),
    };
    let executed = block_on(subject.source.execute(&statement, &limits)).map(|_| ());
    // What it leaves to the engine is its own business.
    if !capabilities.completes_sql {
        as_claimed("execute", capabilities.dialect.is_some(), &executed)?;
    }
    let keys = block_on(subject.source.foreign_keys(&table.name)).map(|_| ());
    as_claimed("foreign_keys", capabilities.foreign_keys, &keys)?;
    let index = block_on(subject.source.detect_fts(&table.name)).map(|_| ());
    as_claimed("detect_fts", capabilities.search, &index)
}

/// What is claimed must not be `Unsupported`; what is denied must be exactly that.
fn as_claimed(method: &str, claimed: bool, result: &Result<(), Error>) -> Outcome {
    let refused = matches!(result, Err(error) if error.kind() == ErrorKind::Unsupported);
    match (claimed, refused) {
        (true, true) => Err(format!("{method} is claimed and refused")),
        (false, false) => Err(format!("{method} is denied and done")),
        _ => Ok(()),
    }
}

pub(crate) fn a_count_is_right(subject: &Subject) -> Outcome {
    let claimed = subject.source.capabilities().table_count;
    for table in &subject.tables {
        let all = block_on(
            subject
                .source
                .table_count(&table.name, None, &Limits::none()),
        );
        if let Ok(count) = &all
            && (count.rows != table.rows.len() as u64 || count.truncated)
        {
            return Err(format!(
                "{} has {} rows, not {count:?}",
                table.name,
                table.rows.len()
            ));
        }
        as_claimed("table_count", claimed, &all.map(|_| ()))?;
    }
    Ok(())
}

pub(crate) fn what_is_an_array_can_be_drawn(subject: &Subject) -> Outcome {
    for table in &subject.tables {
        let info = subject.info(table)?;
        let Some(array) = &info.array else { continue };
        let (name, limits) = (&table.name, Limits::none());
        let ask = |window: &dyn Fn(u64) -> Window| {
            let lengths = array.dimensions.iter().map(|dimension| dimension.length);
            let request = ArrayRequest {
                column: array.columns.first().cloned().unwrap_or_default(),
                windows: lengths.map(window).collect(),
            };
            block_on(subject.source.array(name, &request, &limits))
        };
        let whole = ask(&|end| Window::Range {
            start: 0,
            end,
            bins: 1,
        });
        let whole = whole.map_err(|error| format!("{name} is an array, and {}", told(error)))?;
        let is_one = whole.axes.len() == array.dimensions.len() && whole.means.len() == 1;
        if !is_one || whole.minima.len() != 1 || whole.maxima.len() != 1 {
            return Err(format!("{name} in one bin is {whole:?}"));
        }
        match ask(&Window::At) {
            Err(error) if error.kind() == ErrorKind::InvalidRequest => {}
            answer => return Err(format!("{name} behind its end is {answer:?}")),
        }
    }
    Ok(())
}
