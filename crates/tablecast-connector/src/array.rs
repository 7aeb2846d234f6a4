//! Arrays: tables whose columns hold numbers over a grid of dimensions, and reductions of them that fit into a picture.
//!
//! A reduction is asked for and answered as plain data. How much of the array is read for it is the source's to decide:
//! it says whether that was all.

use serde::{Deserialize, Serialize};

use crate::{Error, Result, did_you_mean};

/// The most bins of one reduction, over all dimensions.
pub const BINS_MAX: u64 = 1 << 20;

/// That columns of a table hold numbers over a grid of dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Array {
    /// From the outermost to the innermost, at least one; names are unique.
    pub dimensions: Vec<Dimension>,
    /// The columns that have a number at each place of the grid, at least one.
    pub columns: Vec<String>,
}

/// One dimension of an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimension {
    /// The name by which a request means it.
    pub name: String,
    /// How many steps it has.
    pub length: u64,
    /// The unit of its coordinates, if they have one.
    pub unit: Option<String>,
    /// What its coordinates are.
    pub kind: DimensionKind,
}

/// What the coordinates of a dimension are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DimensionKind {
    /// It has none: its steps are numbered from 0.
    Index,
    /// Numbers or texts.
    Coordinate,
    /// Degrees north.
    Latitude,
    /// Degrees east.
    Longitude,
}

impl Dimension {
    /// A dimension without coordinates.
    pub fn index(name: impl Into<String>, length: u64) -> Self {
        Self {
            name: name.into(),
            length,
            unit: None,
            kind: DimensionKind::Index,
        }
    }
}

/// What of a dimension is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Window {
    /// One step.
    At(u64),
    /// The steps from `start` up to, without, `end`, put together to at most `bins` bins.
    Range {
        /// The first step.
        start: u64,
        /// Behind the last step.
        end: u64,
        /// The most bins; fewer are given if there are fewer steps, or if that is all that there was time to read.
        bins: u64,
    },
}

/// What is asked of an array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArrayRequest {
    /// One of the array's columns.
    pub column: String,
    /// One for each dimension of the array, in its order.
    pub windows: Vec<Window>,
}

/// The answer to an [`ArrayRequest`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reduction {
    /// For each dimension of the array, its bins: one where one step was asked for.
    pub axes: Vec<Axis>,
    /// The mean of each bin in row-major order of the axes; NaN where there is nothing.
    pub means: Vec<f64>,
    /// The least number of each bin, likewise.
    pub minima: Vec<f64>,
    /// The greatest number of each bin, likewise.
    pub maxima: Vec<f64>,
    /// How many elements were read.
    pub read: u64,
    /// How many elements the windows hold.
    pub elements: u64,
    /// How many of those read are missing.
    pub missing: u64,
}

impl Reduction {
    /// Whether only a part of the elements was read, evenly spread over each bin or over the windows.
    pub fn is_sampled(&self) -> bool {
        self.read < self.elements
    }

    /// The least and the greatest number of all; `None` if there is none.
    pub fn range(&self) -> Option<(f64, f64)> {
        let least = self.minima.iter().copied().fold(f64::NAN, f64::min);
        let most = self.maxima.iter().copied().fold(f64::NAN, f64::max);
        (!least.is_nan() && !most.is_nan()).then_some((least, most))
    }
}

/// The bins of one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Axis {
    /// Where each bin starts, and where the last one ends; ascending.
    pub edges: Vec<u64>,
    /// What the bins are called.
    pub coordinates: Coordinates,
}

impl Axis {
    /// How many bins there are.
    pub fn bins(&self) -> usize {
        self.edges.len().saturating_sub(1)
    }
}

/// The coordinates of the bins of one dimension, one for each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Coordinates {
    /// There are none.
    None,
    /// Numbers: the mean of the bin's first and last step. NaN where one is missing.
    Numbers(Vec<f64>),
    /// Texts, such as moments: that of the bin's middle step. Empty where it is missing.
    Texts(Vec<String>),
}

impl Array {
    /// The place of a dimension by its name. `InvalidRequest` names a dimension that is not there, and the one meant.
    pub fn dimension(&self, name: &str) -> Result<usize> {
        let names = || self.dimensions.iter().map(|known| known.name.as_str());
        names().position(|known| known == name).ok_or_else(|| {
            let hint = did_you_mean(name, names()).map_or_else(
                || {
                    format!(
                        "The dimensions are {}",
                        names().collect::<Vec<_>>().join(", ")
                    )
                },
                |meant| format!("Did you mean {meant}?"),
            );
            Error::invalid(format!("There is no dimension {name:?}")).hint(hint)
        })
    }

    /// Whether `request` can be answered. `InvalidRequest` says what is wrong and what would be right.
    pub fn check(&self, request: &ArrayRequest) -> Result<()> {
        if !self.columns.contains(&request.column) {
            return Err(Error::invalid(format!(
                "{:?} is not a column of numbers over the array's dimensions; these are: {}",
                request.column,
                self.columns.join(", ")
            )));
        }
        if request.windows.len() != self.dimensions.len() {
            return Err(Error::invalid(format!(
                "The array has {} dimensions, and {} are given",
                self.dimensions.len(),
                request.windows.len()
            )));
        }
        let mut all = 1_u64;
        for (dimension, window) in self.dimensions.iter().zip(&request.windows) {
            all = all.saturating_mul(dimension.bins_of(*window)?);
        }
        if all > BINS_MAX {
            return Err(Error::invalid(format!(
                "{all} bins are asked for; the most are {BINS_MAX}"
            )));
        }
        Ok(())
    }
}

impl Dimension {
    /// How many bins a window on it has at most. `InvalidRequest` if it does not fit.
    fn bins_of(&self, window: Window) -> Result<u64> {
        let Self { name, length, .. } = self;
        match window {
            Window::At(index) if index < *length => Ok(1),
            Window::Range { start, end, bins } if start < end && end <= *length && bins > 0 => {
                Ok(bins.min(end - start))
            }
            _ if *length == 0 => Err(Error::invalid(format!("{name} has no steps"))),
            Window::At(index) => Err(Error::invalid(format!(
                "{name} has {length} steps, and {index} is not one of them"
            ))
            .hint(format!("They are numbered from 0 to {}", length - 1))),
            Window::Range { bins: 0, .. } => {
                Err(Error::invalid(format!("{name} must have at least one bin")))
            }
            Window::Range { start, end, .. } => Err(Error::invalid(format!(
                "{name} has {length} steps, and {start}:{end} is not a range of them"
            ))
            .hint(format!(
                "A range is first:behind the last, within 0:{length}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array() -> Array {
        let dimensions = vec![Dimension::index("time", 3), Dimension::index("lat", 2000)];
        let columns = vec!["value".to_owned()];
        Array {
            dimensions,
            columns,
        }
    }

    fn range(start: u64, end: u64, bins: u64) -> Window {
        Window::Range { start, end, bins }
    }

    #[test]
    fn a_request_that_cannot_be_answered_is_told_what_would_be_right() {
        let wrong = [
            (vec![Window::At(3), Window::At(0)], "time has 3 steps"),
            (vec![Window::At(0), range(5, 5, 1)], "5:5 is not a range"),
            (vec![Window::At(0), range(0, 2001, 1)], "0:2001 is not"),
            (vec![Window::At(0), range(0, 9, 0)], "at least one bin"),
            (vec![Window::At(0)], "has 2 dimensions, and 1"),
        ];
        for (windows, said) in wrong {
            let column = "value".to_owned();
            let error = array().check(&ArrayRequest { column, windows });
            let message = error.expect_err(said).message().to_owned();
            assert!(message.contains(said), "{message}");
        }
        let windows = vec![Window::At(0), Window::At(0)];
        let column = "rowid".to_owned();
        let error = array().check(&ArrayRequest { column, windows });
        assert!(
            error
                .expect_err("no such column")
                .message()
                .contains("value")
        );
        let error = array().dimension("lta").expect_err("no such dimension");
        assert_eq!(error.suggestion(), Some("Did you mean lat?"));
    }

    #[test]
    fn more_bins_than_the_most_are_refused_and_more_than_steps_are_not() {
        let mut array = array();
        array.dimensions = vec![Dimension::index("a", 1 << 20), Dimension::index("b", 2)];
        let asked = |bins| ArrayRequest {
            column: "value".to_owned(),
            windows: vec![range(0, 1 << 20, bins), range(0, 2, 1 << 40)],
        };
        assert!(array.check(&asked(1 << 19)).is_ok());
        assert!(array.check(&asked(1 << 20)).is_err());
    }
}
