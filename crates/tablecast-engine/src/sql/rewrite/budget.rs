//! How much a statement may grow where parts of it come to stand in several places. Nested, they would double with every
//! level, and a short statement would fill the memory.

use std::cell::Cell;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Visit, Visitor};
use tablecast_connector::{Error, Result};

/// Expressions that are copied, in all.
const COPIES_MAX: usize = 50_000;

/// What may still be copied.
#[derive(Debug)]
pub(super) struct Budget(Cell<Option<usize>>);

impl Budget {
    pub(super) fn new() -> Self {
        Self(Cell::new(Some(COPIES_MAX)))
    }

    /// Whether `part` may stand in `places` more places.
    pub(super) fn allows(&self, part: &impl Visit, places: usize) -> bool {
        let Some(left) = self.0.get() else {
            return false;
        };
        let mut count = Count {
            found: 0,
            most: left,
        };
        let _ = part.visit(&mut count);
        let wanted = count.found.saturating_add(1).saturating_mul(places);
        self.0.set(left.checked_sub(wanted));
        self.0.get().is_some()
    }

    /// An error if something was not allowed.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.get() {
            Some(_) => Ok(()),
            None => Err(Error::invalid("Expression tree is too large")),
        }
    }
}

struct Count {
    found: usize,
    most: usize,
}

impl Count {
    fn add(&mut self) -> ControlFlow<()> {
        self.found += 1;
        if self.found > self.most {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

impl Visitor for Count {
    type Break = ();

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
        self.add()
    }

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.add()
    }
}
