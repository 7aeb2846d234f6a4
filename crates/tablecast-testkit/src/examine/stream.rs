//! Level stream: batches of bearable size, cancelling and deadlines in the middle, limits, scans side by side.

use std::time::{Duration, Instant};

use tablecast_connector::{BatchStream, ErrorKind, Limits, Result, Scan, ScanRequest};

use super::asking::Asking;
use super::question::Question;
use super::{Test, sample, tell};
use crate::plain::Values;

pub(super) const TESTS: &[Test] = &[
    Test {
        name: "batches_are_of_bearable_size",
        run: batches_are_of_bearable_size,
    },
    Test {
        name: "cancelling_stops_a_scan_under_way",
        run: cancelling_stops_a_scan_under_way,
    },
    Test {
        name: "a_passed_deadline_ends_in_an_error",
        run: a_passed_deadline_ends_in_an_error,
    },
    Test {
        name: "no_more_rows_come_than_the_limit",
        run: no_more_rows_come_than_the_limit,
    },
    Test {
        name: "scans_side_by_side_do_not_disturb_each_other",
        run: scans_side_by_side_do_not_disturb_each_other,
    },
];

/// The most rows of one batch that a page may have to hold.
const BATCH_ROWS: usize = 1 << 17;

/// What is told to stop has this long.
const MOMENT: Duration = Duration::from_secs(5);

fn everything(asking: &Asking<'_>) -> ScanRequest {
    ScanRequest {
        table: asking.sample.table.name.clone(),
        columns: asking.sample.names(),
        filters: Vec::new(),
        sort: Vec::new(),
        limit: None,
    }
}

fn told(asking: &Asking<'_>) -> String {
    format!("a scan of {}", asking.sample.table.name)
}

/// The first partition that has rows, opened, with its first batch's rows.
fn started(
    asking: &Asking<'_>,
    scan: &Scan,
    limits: &Limits,
) -> Result<Option<(Box<dyn BatchStream>, Values)>> {
    for partition in &scan.partitions {
        let mut batches = asking.wait(scan.reader.open(partition, limits))?;
        while let Some(batch) = asking.wait(async { Ok(batches.next().await) })? {
            let mut rows = Values::new();
            sample::append(&batch?, &mut rows)?;
            if !rows.is_empty() {
                return Ok(Some((batches, rows)));
            }
        }
    }
    Ok(None)
}

fn batches_are_of_bearable_size(asking: &mut Asking<'_>) {
    asking.asked = 1;
    let request = told(asking);
    let result = asking.source.scan(&everything(asking));
    match result.and_then(|scan| started(asking, &scan, &asking.limits())) {
        Err(error) => asking.wrong(request, "batches", tell::error(&error)),
        Ok(None) => {}
        Ok(Some((_, rows))) if rows.len() <= BATCH_ROWS => {}
        Ok(Some((_, rows))) => asking.wrong(
            request,
            format!("at most {BATCH_ROWS} rows at a time"),
            format!("a batch of {}", rows.len()),
        ),
    }
}

fn cancelling_stops_a_scan_under_way(asking: &mut Asking<'_>) {
    asking.asked = 1;
    let request = told(asking);
    let limits = asking.limits();
    let result = asking.source.scan(&everything(asking));
    let (mut batches, first) = match result.and_then(|scan| started(asking, &scan, &limits)) {
        Ok(Some(started)) => started,
        Ok(None) => return,
        Err(error) => return asking.wrong(request, "batches", tell::error(&error)),
    };
    limits.cancel.cancel();
    let cancelled = Instant::now();
    let mut rows = first.len();
    // A few batches may be on their way already.
    for _ in 0..64 {
        match asking.wait(async { Ok(batches.next().await) }) {
            Ok(None) => break,
            Ok(Some(Ok(batch))) => rows += batch.rows(),
            Ok(Some(Err(error))) | Err(error) => {
                if error.kind() != ErrorKind::Cancelled {
                    let expected = "an error (Cancelled) when it is cancelled";
                    asking.wrong(&request, expected, tell::error(&error));
                }
                rows = usize::MAX;
                break;
            }
        }
    }
    if cancelled.elapsed() > MOMENT {
        let got = format!("{:.1?} later", cancelled.elapsed());
        asking.wrong(&request, "it stops at once when it is cancelled", got);
    }
    // One partition may hold fewer rows than the table: what it gave whole is no fault.
    let is_silent = rows < asking.sample.table.rows.len() && !asking.sample.is_whole;
    if is_silent {
        let got = format!("an end after {rows} rows, as if there were no more");
        asking.wrong(request, "an error (Cancelled) when it is cancelled", got);
    }
}

fn a_passed_deadline_ends_in_an_error(asking: &mut Asking<'_>) {
    if asking.sample.table.rows.is_empty() {
        return asking.skip("there is no row to wait for");
    }
    asking.asked = 1;
    let request = format!("{} without time", told(asking));
    let limits = Limits::none().within(Duration::ZERO);
    let result = asking.source.scan(&everything(asking));
    match result.and_then(|scan| started(asking, &scan, &limits)) {
        Err(error) if error.kind() == ErrorKind::TimedOut => {}
        Err(error) => asking.wrong(request, "an error (TimedOut)", tell::error(&error)),
        Ok(Some(_)) => asking.wrong(request, "an error (TimedOut)", "rows"),
        Ok(None) => asking.wrong(request, "an error (TimedOut)", "an end without a row"),
    }
}

fn no_more_rows_come_than_the_limit(asking: &mut Asking<'_>) {
    let sample = asking.sample;
    while asking.goes_on() {
        let mut question = Question::all(sample);
        let limit = asking.chance.below(sample.table.rows.len() + 2);
        question.limit = Some(limit as u64);
        let request = tell::address(&question);
        let expected = sample.table.rows.len().min(limit);
        match asking.rows(&question) {
            Err(error) => asking.wrong(request, format!("{expected} rows"), tell::error(&error)),
            Ok(found) if found.len() == expected || (!sample.is_whole && found.len() == limit) => {}
            Ok(found) => asking.wrong(
                request,
                format!("{expected} rows"),
                format!("{} rows", found.len()),
            ),
        }
    }
}

/// Reads two scans batch by batch in turns.
fn scans_side_by_side_do_not_disturb_each_other(asking: &mut Asking<'_>) {
    if !asking.sample.is_whole {
        return asking.skip("not all rows of the table are read");
    }
    asking.asked = 1;
    let request = format!("two scans of {} in turns", asking.sample.table.name);
    match in_turns(asking) {
        Err(error) => asking.wrong(request, "rows", tell::error(&error)),
        Ok(both) => {
            for found in both {
                asking.same(&request, &asking.sample.table.rows, &found);
            }
        }
    }
}

fn in_turns(asking: &Asking<'_>) -> Result<[Values; 2]> {
    let limits = asking.limits();
    let scan = asking.source.scan(&everything(asking))?;
    let other = asking.source.scan(&everything(asking))?;
    let mut both = [Values::new(), Values::new()];
    for (one, two) in scan.partitions.iter().zip(&other.partitions) {
        let mut streams = [
            Some(asking.wait(scan.reader.open(one, &limits))?),
            Some(asking.wait(other.reader.open(two, &limits))?),
        ];
        while streams.iter().any(Option::is_some) {
            for (stream, rows) in streams.iter_mut().zip(&mut both) {
                let Some(batches) = stream else { continue };
                match asking.wait(async { Ok(batches.next().await) })? {
                    Some(batch) => sample::append(&batch?, rows)?,
                    None => *stream = None,
                }
            }
        }
    }
    Ok(both)
}
