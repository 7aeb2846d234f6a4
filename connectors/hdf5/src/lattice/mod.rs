//! Numbers over a grid of dimensions, and reductions of them to pictures.
//!
//! A reduction is read in levels, each finer than the one before it, as far as there is time: what a slow disk or a heavy
//! filter leaves unread makes the picture coarser, never late. Nothing of a file's claims decides how much is read.

mod plan;
mod read;
mod sums;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_schema::DataType;
use tablecast_connector::{
    Array, ArrayRequest, Axis, Cell, Coordinates, Dimension, Limits, Reduction, Window,
};

use crate::column::{ColumnPlace, Element};
use crate::element::category::Values;
use crate::element::packed::Packed;
use crate::error::{Error, Result};
use crate::format::dataset::{Dataset, Layout};
use crate::format::datatype::{Class, Datatype};
use crate::number::{Number, Places, Visit};
use plan::Plan;
use read::BlockReader;
use sums::Sums;

/// The time in which a reduction is read, without its first level, which is always read whole.
const TIME: Duration = Duration::from_millis(400);
/// The work of the first level, in bytes.
const FIRST_BYTES: u64 = 8 << 20;
/// How much more work the next level may be, at most.
const GROWTH: u64 = 16;

/// Numbers over a grid.
pub struct Lattice {
    /// From the outermost to the innermost.
    pub dimensions: Vec<Along>,
    /// The columns with a number at each place.
    pub columns: Vec<(String, Numbers)>,
}

/// A dimension, and the coordinates of its steps.
pub struct Along {
    pub dimension: Dimension,
    pub coordinates: Option<Arc<Values>>,
}

/// The elements of a dataset as numbers.
pub struct Numbers {
    pub dataset: Arc<Dataset>,
    /// The dimensions of the dataset, and behind them those of its elements.
    pub shape: Vec<u64>,
    /// Bytes of one number.
    pub bytes: usize,
    pub meaning: Meaning,
}

/// What stored numbers mean.
pub enum Meaning {
    /// Themselves, but for some that mean that there is none.
    Stored { number: Number, missing: Vec<f64> },
    /// What attributes make of them.
    Packed(Packed),
}

impl Numbers {
    /// The elements of a dataset, if they are numbers whose places are known.
    pub fn of(dataset: &Arc<Dataset>) -> Option<Self> {
        let is_read = !matches!(dataset.layout, Layout::Virtual(_));
        let mut shape = dataset.shape.clone().filter(|_| is_read)?;
        let mut element = &dataset.datatype;
        while let Class::Array {
            shape: more,
            element: inner,
        } = &element.class
        {
            shape.extend(more.iter().map(|&length| length as u64));
            element = inner;
        }
        let number = Number::of(element)?;
        let elements = shape
            .iter()
            .try_fold(1_u64, |all, &length| all.checked_mul(length))?;
        let is_worthwhile = elements > 1 && elements.checked_mul(element.size as u64).is_some();
        is_worthwhile.then(|| Self {
            meaning: Meaning::Stored {
                number,
                missing: missing(dataset, element, number),
            },
            dataset: Arc::clone(dataset),
            shape,
            bytes: element.size,
        })
    }
}

/// The numbers that stand for nothing: those that attributes name, and what is where nothing was written, unless that
/// is 0.
fn missing(dataset: &Dataset, element: &Datatype, number: Number) -> Vec<f64> {
    let named = ["_FillValue", "missing_value"].iter().filter_map(|name| {
        let attribute = dataset.attribute(name)?;
        let number = Number::of(&attribute.datatype)?;
        numbers(number, attribute.datatype.size, &attribute.data).pop()
    });
    let unwritten = dataset.fill.get(..element.size);
    let unwritten = unwritten.and_then(|fill| numbers(number, element.size, fill).pop());
    let unwritten = unwritten.filter(|&fill| fill != 0.0 && number != Number::Boolean);
    let mut missing: Vec<f64> = named.chain(unwritten).filter(|it| !it.is_nan()).collect();
    missing.dedup();
    missing
}

/// What is stored in `bytes`, each number of `size` bytes.
fn numbers(number: Number, size: usize, bytes: &[u8]) -> Vec<f64> {
    let mut out = Widened(Vec::new());
    let places = Places {
        block: bytes,
        rows: bytes.len().checked_div(size).unwrap_or(0),
        stride: size,
        offset: 0,
        per_row: 1,
        bytes: size,
    };
    number.each(places, &mut out);
    out.0
}

/// Numbers as the nearest real ones.
struct Widened(Vec<f64>);

impl Visit for Widened {
    fn signed(&mut self, number: i64) {
        self.0.push(number as f64);
    }
    fn unsigned(&mut self, number: u64) {
        self.0.push(number as f64);
    }
    fn real(&mut self, number: f64) {
        self.0.push(number);
    }
}

impl Lattice {
    /// The array that a dataset is as a table of its own.
    pub fn of(dataset: &Arc<Dataset>, columns: &[ColumnPlace]) -> Option<Self> {
        let [column] = columns else { return None };
        if !matches!(column.element, Element::Number(_)) || column.name != "value" {
            return None;
        }
        let numbers = Numbers::of(dataset)?;
        let dimensions = numbers.shape.iter().enumerate().map(|(at, &length)| Along {
            dimension: Dimension::index(format!("dim_{at}"), length),
            coordinates: None,
        });
        Some(Self {
            dimensions: dimensions.collect(),
            columns: vec![(column.name.clone(), numbers)],
        })
    }

    /// The seam's description.
    pub fn array(&self) -> Array {
        let dimensions = self.dimensions.iter().map(|along| along.dimension.clone());
        Array {
            dimensions: dimensions.collect(),
            columns: self.columns.iter().map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Reads what `request` asks for, or a sample of it.
    pub fn reduce(&self, request: &ArrayRequest, limits: &Limits) -> Result<Reduction> {
        self.array().check(request)?;
        let named = |(name, _): &&(String, Numbers)| *name == request.column;
        let numbers = self.columns.iter().find(named).map(|(_, numbers)| numbers);
        let numbers = numbers.ok_or_else(|| Error::internal("An array without its column"))?;
        let (plan, sums) = finest(numbers, &request.windows, limits)?;
        let axes = self.dimensions.iter().zip(plan.edges());
        let axes = axes.map(|(along, edges)| Axis {
            coordinates: coordinates(along.coordinates.as_deref(), &edges),
            edges,
        });
        let axes = axes.collect();
        let (means, minima, maxima) = sums.bins();
        Ok(Reduction {
            axes,
            means,
            minima,
            maxima,
            read: sums.read,
            elements: plan.elements(),
            missing: sums.missing,
        })
    }
}

/// The finest level that there is time for.
fn finest(numbers: &Numbers, windows: &[Window], limits: &Limits) -> Result<(Plan, Sums)> {
    let planner = BlockReader::new(numbers, windows)?;
    let end = Instant::now() + TIME;
    let mut budget = FIRST_BYTES;
    let whole = planner.plan(windows, u64::MAX).work();
    let mut plan = planner.plan(windows, budget);
    let mut started = Instant::now();
    let mut best = read::read(numbers, windows, &plan, limits, None)?;
    while let Some(sums) = best.take() {
        let spent = started.elapsed().as_secs_f64().max(1e-5);
        let left = end.saturating_duration_since(Instant::now()).as_secs_f64();
        let affordable = plan.work() as f64 / spent * left * 0.8;
        budget = budget.saturating_mul(GROWTH).min(affordable as u64);
        let is_enough = budget >= whole || budget >= plan.work().saturating_mul(2);
        if plan.is_whole() || !is_enough {
            return Ok((plan, sums));
        }
        let finer = planner.plan(windows, budget);
        started = Instant::now();
        match read::read(numbers, windows, &finer, limits, Some(end))? {
            Some(more) => (plan, best) = (finer, Some(more)),
            None => return Ok((plan, sums)),
        }
    }
    Err(Error::internal("The first level of a picture was not read"))
}

fn coordinates(values: Option<&Values>, edges: &[u64]) -> Coordinates {
    let Some(values) = values else {
        return Coordinates::None;
    };
    let bins = edges
        .windows(2)
        .filter_map(|edge| edge.first().zip(edge.last()));
    let cell = |step: u64| values.cell(usize::try_from(step).unwrap_or(usize::MAX));
    if *values.data_type() == DataType::Utf8 {
        let text = |(&start, &end): (&u64, &u64)| match cell(start + (end - start) / 2) {
            Cell::Text(text) => text.to_owned(),
            _ => String::new(),
        };
        return Coordinates::Texts(bins.map(text).collect());
    }
    let number = |step| match cell(step) {
        Cell::Integer(number) => number as f64,
        Cell::Real(number) => number,
        Cell::Boolean(boolean) => f64::from(u8::from(boolean)),
        _ => f64::NAN,
    };
    let middle = |(&start, &end): (&u64, &u64)| f64::midpoint(number(start), number(end - 1));
    Coordinates::Numbers(bins.map(middle).collect())
}
