//! Rows on their way from a guest: batches under credit, cut to the range and the limit, each wait within the limits of
//! the request. Whoever stops reading early cancels.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use serde_json::{Value as Json, json};
use tablecast_connector::{
    Batch, BlockingRows, Cell, Error, ErrorKind, Limits, OutputColumn, Result,
};

use crate::guest::Event;
use crate::pool::{Guests, Loan, Use};
use crate::pushdown::Range;
use crate::rows::Shape;

/// More rows than these are as good as all; a larger number is not the same in each language.
const COUNTED_MAX: u64 = 1 << 53;

/// A request under way, and the guest that has it.
struct Under {
    loan: Option<Loan>,
    id: u64,
    limits: Limits,
}

impl Under {
    fn start(guests: &Arc<Guests>, method: &str, params: Json, limits: &Limits) -> Result<Self> {
        limits.check()?;
        let mut loan = guests.lend(Use::Stream, limits)?;
        let id = loan.guest()?.stream(method, params)?;
        Ok(Self {
            loan: Some(loan),
            id,
            limits: limits.clone(),
        })
    }

    /// The next event; `None` behind the end. An error ends the request.
    fn next(&mut self) -> Option<Result<Event>> {
        let loan = self.loan.as_mut()?;
        if let Err(error) = self.limits.check() {
            self.cancel();
            return Some(Err(error));
        }
        let event = loan
            .guest()
            .and_then(|guest| guest.event(self.id, &self.limits));
        match event {
            Ok(Event::End(_)) => {
                loan.succeeded();
                self.loan = None;
                None
            }
            Ok(event) => Some(Ok(event)),
            Err(error) => {
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled) {
                    self.cancel();
                }
                // A guest's own error ends its request; it is sound and goes back.
                self.loan = None;
                Some(Err(error))
            }
        }
    }

    fn grant(&mut self) -> Result<()> {
        match &mut self.loan {
            Some(loan) => loan.guest()?.grant(self.id),
            None => Ok(()),
        }
    }

    fn cancel(&mut self) {
        if let Some(loan) = self.loan.take() {
            loan.cancel_and_return(self.id);
        }
    }
}

impl Drop for Under {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// A scan to be opened.
pub(crate) struct Scanning {
    pub(crate) shape: Shape,
    pub(crate) params: Json,
    pub(crate) range: Range,
    /// Whether the guest starts behind an offset.
    pub(crate) seeks: bool,
    pub(crate) limit: Option<u64>,
}

impl Scanning {
    /// Asks for the rows.
    pub(crate) fn open(self, guests: &Arc<Guests>, limits: &Limits) -> Result<Scanned> {
        let Self {
            shape,
            mut params,
            range,
            seeks,
            limit,
        } = self;
        let within = range.end.saturating_sub(range.start);
        let left = limit.map_or(within, |limit| limit.min(within));
        let skipped = if seeks { range.start } else { 0 };
        if let Some(members) = params.as_object_mut() {
            // Rows that are skipped here are read by the guest.
            let wanted = left.saturating_add(range.start - skipped);
            let told = (wanted < COUNTED_MAX).then_some(wanted);
            members.insert("limit".to_owned(), json!(told));
            members.insert("offset".to_owned(), json!(skipped));
        }
        let under = if left == 0 {
            None
        } else {
            Some(Under::start(guests, "scan", params, limits)?)
        };
        Ok(Scanned {
            shape,
            under,
            done: skipped,
            start: range.start,
            left,
            ready: VecDeque::new(),
            limits: limits.clone(),
        })
    }
}

/// The batches of a scan.
pub(crate) struct Scanned {
    shape: Shape,
    under: Option<Under>,
    /// The number of the next row that comes.
    done: u64,
    /// The number of the first row wanted.
    start: u64,
    /// How many are still wanted.
    left: u64,
    ready: VecDeque<RecordBatch>,
    limits: Limits,
}

impl Iterator for Scanned {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.left == 0 {
                self.under = None;
                return None;
            }
            if let Some(batch) = self.ready.pop_front() {
                if let Err(error) = self.limits.check() {
                    (self.left, self.under) = (0, None);
                    return Some(Err(error));
                }
                match self.cut(&batch) {
                    Some(batch) => return Some(Ok(batch.into())),
                    None => continue,
                }
            }
            let event = self.under.as_mut()?.next()?;
            if let Err(error) = event.and_then(|event| self.take(event)) {
                self.under = None;
                return Some(Err(error));
            }
        }
    }
}

impl Scanned {
    fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Rows(rows) => self.ready.push_back(self.shape.of_rows(&rows, self.done)?),
            Event::Arrow(payload) => self.ready.extend(self.shape.of_arrow(payload, self.done)?),
            Event::Columns(_) | Event::End(_) => {
                return Err(Error::unreadable(format!(
                    "{}: the connector answered a scan with the columns of an SQL answer",
                    self.shape.table
                )));
            }
        }
        self.under.as_mut().map_or(Ok(()), Under::grant)
    }

    /// What of the batch is wanted.
    fn cut(&mut self, batch: &RecordBatch) -> Option<RecordBatch> {
        let rows = batch.num_rows() as u64;
        let skip = self.start.saturating_sub(self.done).min(rows);
        self.done += rows;
        let taken = (rows - skip).min(self.left);
        self.left -= taken;
        (taken > 0).then(|| batch.slice(skip as usize, taken as usize))
    }
}

/// The rows that answer a person's SQL: cells without a type of their column.
pub(crate) struct Answered {
    under: Under,
    width: usize,
}

impl Answered {
    /// Asks, and waits for the names of the columns.
    pub(crate) fn open(
        guests: &Arc<Guests>,
        params: Json,
        limits: &Limits,
    ) -> Result<BlockingRows> {
        let mut under = Under::start(guests, "execute", params, limits)?;
        let columns = match under.next() {
            Some(Ok(Event::Columns(columns))) => columns,
            Some(Err(error)) => return Err(error),
            _ => {
                return Err(Error::unreadable(
                    "The connector answered SQL without naming its columns",
                ));
            }
        };
        let width = columns.len();
        Ok(BlockingRows {
            columns: columns
                .into_iter()
                .map(|name| OutputColumn {
                    name,
                    data_type: None,
                })
                .collect(),
            batches: Box::new(Self { under, width }),
        })
    }

    fn batch(&mut self, event: Event) -> Result<Batch> {
        let Event::Rows(rows) = event else {
            return Err(Error::unreadable(
                "The connector answered SQL with what are no rows",
            ));
        };
        let mut batch = Batch::builder(self.width);
        for row in &rows {
            if row.len() != self.width {
                return Err(Error::unreadable(format!(
                    "The connector answered SQL with a row of {} cells instead of {}",
                    row.len(),
                    self.width
                )));
            }
            row.iter().try_for_each(|value| push(&mut batch, value))?;
            batch.end_row();
        }
        self.under.grant()?;
        batch.finish()
    }
}

impl Iterator for Answered {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let event = self.under.next()?;
        let batch = event.and_then(|event| self.batch(event));
        if batch.is_err() {
            self.under.cancel();
        }
        Some(batch)
    }
}

fn push(batch: &mut tablecast_connector::BatchBuilder, value: &Json) -> Result<()> {
    use base64::Engine;

    match value {
        Json::Null => batch.push(Cell::Null),
        Json::Bool(boolean) => batch.push(Cell::Integer(i64::from(*boolean))),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => batch.push(Cell::Integer(integer)),
            (None, Some(integer)) => batch.push(Cell::Unsigned(integer)),
            (None, None) => batch.push(number.as_f64().map_or(Cell::Null, Cell::Real)),
        },
        Json::String(text) => batch.push(Cell::Text(text)),
        Json::Array(_) => batch.push(Cell::Text(&value.to_string())),
        Json::Object(members) => {
            let special = members.iter().next().filter(|_| members.len() == 1);
            match special.map(|(name, value)| (name.as_str(), value.as_str())) {
                Some(("base64", Some(text))) => {
                    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
                    let bytes = bytes.map_err(|_| {
                        Error::unreadable("The connector sent bytes that are no base64")
                    })?;
                    batch.push(Cell::Bytes(&bytes))
                }
                Some(("real", Some("inf"))) => batch.push(Cell::Real(f64::INFINITY)),
                Some(("real", Some("-inf"))) => batch.push(Cell::Real(f64::NEG_INFINITY)),
                Some(("real", Some("nan"))) => batch.push(Cell::Null),
                _ => batch.push(Cell::Text(&value.to_string())),
            }
        }
    }
}
