//! Ways through a grid: slices by conditions on coordinates, and orders by coordinates, neither of which reads a cell.

use std::ops::Range;
use std::sync::Arc;

use tablecast_connector::{Direction, Limits, Partition, ROWID};

use super::rows::{Axis, Shape};
use crate::error::Result;
use crate::filter::{Block, Lane, Seat, Test};
use crate::rows::{Course, Stretch, Stretches, Wish};

/// The cells that conditions on coordinates leave, in the order of the rows or by coordinates.
pub struct GridCourse {
    slices: Arc<Slices>,
    is_in_order: bool,
    /// How many rows pass, if all conditions are decided by coordinates.
    rows: Option<u64>,
}

/// Which cells, in which order.
struct Slices {
    /// The cells along each dimension, that which changes slowest first.
    lines: Vec<Line>,
    /// Rows from a cell to the next along each of them.
    strides: Vec<u64>,
    /// Rows at a time: the innermost dimensions that are whole and in the order of the rows.
    block: u64,
    /// How many dimensions are outside of the blocks.
    outer: usize,
    /// Only these rows come.
    rows: Range<u64>,
    /// Whether the conditions are true of every row that comes.
    passes: bool,
}

impl GridCourse {
    /// `None` if nothing is better than to read from the first row to the last.
    pub fn new(shape: &Shape, wish: &Wish<'_>) -> Option<Self> {
        let mut tests = Vec::new();
        conjuncts(wish.test, &mut tests);
        let mut chosen: Vec<Option<Vec<bool>>> = vec![None; shape.axes.len()];
        let mut passes = true;
        for test in tests {
            let mut is_decided = is_stretch(test);
            for (axis, chosen) in chosen.iter_mut().enumerate() {
                if let Some(cells) = cells_of(shape, axis, test) {
                    is_decided |= is_of(shape, axis, test);
                    intersect(chosen, cells);
                }
            }
            passes &= is_decided;
        }
        let (order, is_in_order) = order(shape, wish);
        let is_sliced = chosen.iter().any(Option::is_some);
        if !is_sliced && (wish.is_in_row_order() || !is_in_order) {
            return None;
        }
        let slices = Slices::new(shape, &order, &chosen, wish.rows.clone(), passes);
        let lines = slices.lines.iter();
        let all = lines.fold(1_u64, |all, line| all.saturating_mul(line.len()));
        let is_whole = *wish.rows == (0..shape.count);
        Some(Self {
            rows: (passes && is_whole).then_some(all),
            slices: Arc::new(slices),
            is_in_order,
        })
    }
}

/// Whether dimensions come as the rows do, or by their coordinates.
type Turn = Option<Direction>;

/// The dimensions in the order in which rows are wanted, that which changes slowest first; and whether all of the order
/// wanted is so kept.
fn order(shape: &Shape, wish: &Wish<'_>) -> (Vec<(usize, Turn)>, bool) {
    let with_rest = |taken: &[(usize, Turn)]| -> Vec<(usize, Turn)> {
        let is_taken = |axis: usize| taken.iter().any(|(it, _)| *it == axis);
        let rest = (0..shape.axes.len()).filter(|axis| !is_taken(*axis));
        taken
            .iter()
            .copied()
            .chain(rest.map(|axis| (axis, None)))
            .collect()
    };
    if wish.is_in_row_order() {
        return (with_rest(&[]), true);
    }
    let mut taken: Vec<(usize, Turn)> = Vec::new();
    for sort in wish.sort {
        if sort.column == ROWID && sort.direction == Direction::Ascending {
            break;
        }
        let axis = shape.axes.iter().position(|axis| {
            let place = axis.column.and_then(|column| shape.places.get(column));
            axis.sorted.is_some() && place.is_some_and(|place| place.name == sort.column)
        });
        match axis {
            Some(axis) if taken.iter().any(|(it, _)| *it == axis) => {}
            Some(axis) => taken.push((axis, Some(sort.direction))),
            None => return (with_rest(&[]), false),
        }
    }
    (with_rest(&taken), true)
}

/// Numbers of cells along one dimension, in the order in which they come.
enum Line {
    /// All of so many.
    Up(u64),
    /// All, the last one first.
    Down(u64),
    Listed(Vec<u64>),
}

impl Line {
    fn new(axis: &Axis, turn: Turn, chosen: Option<&Vec<bool>>) -> Self {
        let order = axis
            .sorted
            .as_ref()
            .filter(|order| turn.is_some() && !order.is_empty());
        let is_down = turn == Some(Direction::Descending);
        let is_chosen =
            |cell: &u64| chosen.is_none_or(|chosen| chosen.get(*cell as usize) == Some(&true));
        match (order, chosen) {
            (None, None) if is_down => Self::Down(axis.length),
            (None, None) => Self::Up(axis.length),
            (None, Some(_)) if is_down => {
                Self::Listed((0..axis.length).rev().filter(is_chosen).collect())
            }
            (None, Some(_)) => Self::Listed((0..axis.length).filter(is_chosen).collect()),
            (Some(order), _) => {
                let mut list: Vec<u64> = order.iter().map(|&cell| cell.into()).collect();
                if is_down {
                    list.reverse();
                }
                list.retain(is_chosen);
                Self::Listed(list).simple(axis.length)
            }
        }
    }

    /// The same, said shorter where all cells come one after the other.
    fn simple(self, length: u64) -> Self {
        match self {
            Self::Listed(list) if list.iter().copied().eq(0..length) => Self::Up(length),
            other => other,
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Up(length) | Self::Down(length) => *length,
            Self::Listed(list) => list.len() as u64,
        }
    }

    fn at(&self, place: u64) -> u64 {
        match self {
            Self::Up(_) => place,
            Self::Down(length) => length.saturating_sub(place + 1),
            Self::Listed(list) => list.get(place as usize).copied().unwrap_or(0),
        }
    }
}

impl Slices {
    fn new(
        shape: &Shape,
        order: &[(usize, Turn)],
        chosen: &[Option<Vec<bool>>],
        rows: Range<u64>,
        passes: bool,
    ) -> Self {
        let lines: Vec<Line> = order
            .iter()
            .filter_map(|(axis, turn)| {
                let chosen = chosen.get(*axis).and_then(Option::as_ref);
                Some(Line::new(shape.axes.get(*axis)?, *turn, chosen))
            })
            .collect();
        let strides = order
            .iter()
            .map(|(axis, _)| shape.strides.get(*axis).copied().unwrap_or(1));
        let (mut block, mut outer) = (1_u64, order.len());
        while let Some(inner) = outer.checked_sub(1) {
            let is_in_place = order.get(inner).is_some_and(|(axis, _)| *axis == inner);
            let Some(Line::Up(length)) = lines.get(inner).filter(|_| is_in_place) else {
                break;
            };
            block = block.saturating_mul(*length);
            outer = inner;
        }
        Self {
            strides: strides.collect(),
            lines,
            block,
            outer,
            rows,
            passes,
        }
    }

    /// Stretches of the part of the first dimension's cells at these places.
    fn stretches(self: Arc<Self>, part: Range<u64>) -> Stretches {
        if self.outer == 0 {
            let rows = self.rows.start..self.block.min(self.rows.end);
            let passes = self.passes;
            let is_first = part.start == 0;
            let only = (is_first && rows.start < rows.end).then_some(Ok(Stretch { rows, passes }));
            return Box::new(only.into_iter());
        }
        let is_empty = self.lines.iter().any(|line| line.len() == 0) || part.is_empty();
        let mut places = vec![0; self.outer];
        if let Some(first) = places.first_mut() {
            *first = part.start;
        }
        let mut is_done = is_empty;
        Box::new(std::iter::from_fn(move || {
            while !is_done {
                let start = self.start(&places);
                // The innermost of the outer dimensions goes on for as long as rows follow each other.
                let mut end = start + self.block;
                is_done = !self.advance(&mut places, part.end);
                while !is_done && self.start(&places) == end {
                    end += self.block;
                    is_done = !self.advance(&mut places, part.end);
                }
                let rows = start.max(self.rows.start)..end.min(self.rows.end);
                if rows.start < rows.end {
                    let passes = self.passes;
                    return Some(Ok(Stretch { rows, passes }));
                }
            }
            None
        }))
    }

    /// The first row of the block at these places of the outer dimensions' cells.
    fn start(&self, places: &[u64]) -> u64 {
        let steps = places.iter().zip(&self.lines).zip(&self.strides);
        steps.fold(0, |row, ((place, line), stride)| {
            row + line.at(*place) * stride
        })
    }

    /// Goes on to the next block; `false` behind the last one.
    fn advance(&self, places: &mut [u64], end: u64) -> bool {
        for (at, place) in places.iter_mut().enumerate().rev() {
            *place += 1;
            let last = if at == 0 {
                end
            } else {
                self.lines.get(at).map_or(0, Line::len)
            };
            if *place < last {
                return true;
            }
            if at > 0 {
                *place = 0;
            }
        }
        false
    }
}

impl Course for GridCourse {
    fn is_in_order(&self) -> bool {
        self.is_in_order
    }

    fn parts(&self, most: usize) -> Vec<Partition> {
        let cells = self.slices.lines.first().map_or(0, Line::len);
        let most = if self.slices.outer == 0 {
            1
        } else {
            most as u64
        };
        let parts = most.min(cells).max(1);
        let step = cells.div_ceil(parts);
        let part = |number: u64| Partition {
            start: (number * step).min(cells),
            end: ((number + 1) * step).min(cells),
            note: String::new(),
        };
        (0..parts).map(part).collect()
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }

    fn open(&self, part: &Partition, limits: &Limits) -> Result<Stretches> {
        limits.check()?;
        let cells = self.slices.lines.first().map_or(0, Line::len);
        let end = part.end.min(cells);
        Ok(Arc::clone(&self.slices).stretches(part.start.min(end)..end))
    }
}

fn conjuncts<'a>(test: &'a Test, found: &mut Vec<&'a Test>) {
    match test {
        Test::All(tests) => tests.iter().for_each(|test| conjuncts(test, found)),
        other => found.push(other),
    }
}

/// Whether the test only says which rows, and is true of all rows of the stretch.
fn is_stretch(test: &Test) -> bool {
    test.is_only_a_stretch() && !matches!(test, Test::Constant(false))
}

/// Whether the test looks at the coordinates of this dimension alone.
fn is_of(shape: &Shape, axis: usize, test: &Test) -> bool {
    let mut columns = Vec::new();
    test.columns(&mut columns);
    let column = shape.axes.get(axis).and_then(|axis| axis.column);
    !test.looks_at_row_numbers()
        && !columns.is_empty()
        && columns.iter().all(|it| Some(*it) == column)
}

/// The cells along a dimension that the test may be true of; `None` if any may.
fn cells_of(shape: &Shape, axis: usize, test: &Test) -> Option<Vec<bool>> {
    if is_of(shape, axis, test) {
        return tested(shape, axis, test);
    }
    match test {
        Test::All(tests) => {
            let mut all = None;
            for cells in tests.iter().filter_map(|test| cells_of(shape, axis, test)) {
                intersect(&mut all, cells);
            }
            all
        }
        Test::Any(tests) => {
            let each: Option<Vec<Vec<bool>>> = tests
                .iter()
                .map(|test| cells_of(shape, axis, test))
                .collect();
            let mut each = each?.into_iter();
            let mut any = each.next()?;
            for cells in each {
                any.iter_mut()
                    .zip(cells)
                    .for_each(|(any, cell)| *any |= cell);
            }
            Some(any)
        }
        _ => None,
    }
}

fn intersect(all: &mut Option<Vec<bool>>, cells: Vec<bool>) {
    match all {
        None => *all = Some(cells),
        Some(all) => all
            .iter_mut()
            .zip(cells)
            .for_each(|(all, cell)| *all &= cell),
    }
}

/// Puts the test to each coordinate.
fn tested(shape: &Shape, axis: usize, test: &Test) -> Option<Vec<bool>> {
    let axis = shape.axes.get(axis)?;
    let length = usize::try_from(axis.length)
        .ok()
        .filter(|&length| length <= 1 << 22)?;
    let mut seats = vec![None; shape.places.len()];
    *seats.get_mut(axis.column?)? = Some(Seat { lane: 0, offset: 0 });
    let bytes: Vec<u8> = (0..length as u64).flat_map(u64::to_le_bytes).collect();
    let lane = Lane {
        bytes: &bytes,
        stride: 8,
    };
    let block = Block {
        first_row: 0,
        rows: length,
        lanes: &[lane],
        columns: &shape.places,
        seats: &seats,
    };
    let mut passes = Vec::new();
    test.run(block, &mut passes);
    Some(passes)
}
