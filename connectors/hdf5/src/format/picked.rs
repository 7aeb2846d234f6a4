//! Elements that a mapping of a virtual dataset picks out of a dataset of known dimensions, numbered in the order in
//! which they are mapped.
//!
//! Regular selections stay numbers, however much they claim; only irregular ones become lists, of bounded length.

use super::selection::{Selection, Slab, UNLIMITED};
use crate::error::{Result, damaged, unsupported};

/// Pieces that an irregular selection may fall into.
const RUNS_MAX: u64 = 1 << 20;

/// Picked elements, which are runs along the last dimension.
#[derive(Debug, Clone)]
pub enum Picked {
    /// Every combination of what the axes pick.
    Grid(Vec<Axis>),
    /// One run after the other.
    Runs(Runs),
}

/// What is picked in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    start: u64,
    stride: u64,
    block: u64,
    /// How many positions are picked.
    pub length: u64,
}

/// Runs in the order in which they are mapped.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    rank: usize,
    /// `rank` numbers for each.
    starts: Vec<u64>,
    lengths: Vec<u64>,
    /// The number of the first element of each.
    firsts: Vec<u64>,
    total: u64,
}

impl Axis {
    /// Everything.
    pub fn whole(length: u64) -> Self {
        Self {
            start: 0,
            stride: length.max(1),
            block: length.max(1),
            length,
        }
    }

    /// What a slab picks; of one without end, what lies before `end`.
    pub fn of(slab: Slab, end: u64) -> Self {
        let Slab {
            start,
            stride,
            count,
            block,
        } = slab;
        if block == 0 || count == 0 {
            return Self {
                start,
                stride: 1,
                block: 1,
                length: 0,
            };
        }
        let mut axis = Self {
            start,
            stride: stride.max(1),
            block,
            length: count.saturating_mul(block),
        };
        if count == 1 || block >= axis.stride {
            // One piece: a block without end, or blocks that touch.
            axis.block = u64::MAX;
            axis.stride = u64::MAX;
        }
        if count == UNLIMITED || block == UNLIMITED {
            axis.length = u64::MAX;
            axis.length = axis.before(end);
        }
        axis
    }

    /// The `n`th block alone of blocks without end.
    pub fn nth_block(slab: Slab, n: u64) -> Self {
        let start = slab.start.saturating_add(n.saturating_mul(slab.stride));
        Self {
            start,
            ..Self::whole(slab.block)
        }
    }

    /// The position of the picked element number `n`.
    fn at(self, n: u64) -> u64 {
        let blocks = (n / self.block).saturating_mul(self.stride);
        self.start
            .saturating_add(blocks)
            .saturating_add(n % self.block)
    }

    /// How many are picked before this position.
    pub fn before(self, position: u64) -> u64 {
        let Some(distance) = position.checked_sub(self.start) else {
            return 0;
        };
        let whole = (distance / self.stride).saturating_mul(self.block);
        whole
            .saturating_add((distance % self.stride).min(self.block))
            .min(self.length)
    }

    /// The first position behind everything that the first `n` picked elements take.
    pub fn end_of(self, n: u64) -> u64 {
        n.checked_sub(1)
            .map_or(0, |last| self.at(last).saturating_add(1))
    }

    /// How many follow each other from number `n` on.
    fn run(self, n: u64) -> u64 {
        (self.block - n % self.block).min(self.length - n)
    }
}

/// The rows of a dataset that are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub dims: &'a [u64],
    pub main: usize,
    pub row: u64,
    pub end: u64,
}

impl Picked {
    /// What a selection without unlimited dimensions picks of a dataset of these dimensions.
    pub fn new(selection: &Selection, dims: &[u64]) -> Result<Self> {
        if selection.rank().is_some_and(|rank| rank != dims.len()) {
            return Err(damaged("a mapping has other dimensions than its dataset"));
        }
        match selection {
            Selection::Nothing => Ok(Self::Runs(Runs::default())),
            Selection::All => Ok(Self::Grid(
                dims.iter().map(|&length| Axis::whole(length)).collect(),
            )),
            Selection::Slabs(slabs) => Ok(Self::Grid(
                slabs
                    .iter()
                    .zip(dims)
                    .map(|(&slab, &length)| Axis::of(slab, length))
                    .collect(),
            )),
            Selection::Points { rank, positions } => {
                let mut runs = Runs {
                    rank: *rank,
                    ..Runs::default()
                };
                for point in positions.chunks_exact(*rank) {
                    runs.push(point, 1);
                }
                Ok(Self::Runs(runs))
            }
            Selection::Boxes { rank, corners } => Runs::of_boxes(*rank, corners).map(Self::Runs),
        }
    }

    /// How many elements are picked.
    pub fn total(&self) -> u64 {
        match self {
            Self::Grid(axes) => axes
                .iter()
                .fold(1, |all, axis| all.saturating_mul(axis.length)),
            Self::Runs(runs) => runs.total,
        }
    }

    /// Where the element of this number is, into `position`, and how many follow it along the last dimension.
    /// There must be such an element.
    pub fn locate(&self, mut number: u64, position: &mut Vec<u64>) -> u64 {
        position.clear();
        match self {
            Self::Grid(axes) => {
                position.resize(axes.len(), 0);
                let mut run = 1;
                for (at, axis) in axes.iter().enumerate().rev() {
                    let n = number % axis.length.max(1);
                    number /= axis.length.max(1);
                    position[at] = axis.at(n);
                    if at + 1 == axes.len() {
                        run = axis.run(n);
                    }
                }
                run
            }
            Self::Runs(runs) => {
                let at = runs
                    .firsts
                    .partition_point(|&first| first <= number)
                    .saturating_sub(1);
                let into = number - runs.firsts[at];
                position.extend_from_slice(&runs.starts[at * runs.rank..(at + 1) * runs.rank]);
                if let Some(last) = position.last_mut() {
                    *last = last.saturating_add(into);
                }
                runs.lengths[at] - into
            }
        }
    }

    /// Calls `take` with each run in the window: the number of its first element, its position, its length.
    pub fn in_window(
        &self,
        window: Window<'_>,
        mut take: impl FnMut(u64, &[u64], u64) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Grid(axes) => grid_in_window(axes, window, &mut take),
            Self::Runs(runs) => runs.in_window(window, &mut take),
        }
    }
}

type Take<'a> = dyn FnMut(u64, &[u64], u64) -> Result<()> + 'a;

fn grid_in_window(axes: &[Axis], window: Window<'_>, take: &mut Take<'_>) -> Result<()> {
    let ranges: Vec<(u64, u64)> = axes
        .iter()
        .zip(window.dims)
        .enumerate()
        .map(|(at, (axis, &length))| {
            if at == window.main {
                (axis.before(window.row), axis.before(window.end.min(length)))
            } else {
                (0, axis.before(length))
            }
        })
        .collect();
    if ranges.iter().any(|(first, end)| first >= end) {
        return Ok(());
    }
    let Some((last, last_range)) = axes.last().zip(ranges.last().copied()) else {
        // A scalar has no axes.
        return take(0, &[], 1);
    };
    let mut numbers: Vec<u64> = ranges.iter().map(|range| range.0).collect();
    let mut position: Vec<u64> = axes
        .iter()
        .zip(&numbers)
        .map(|(axis, &n)| axis.at(n))
        .collect();
    let outer = axes.len() - 1;
    loop {
        let before = numbers[..outer]
            .iter()
            .zip(axes)
            .fold(0_u64, |all, (&n, axis)| {
                all.saturating_mul(axis.length).saturating_add(n)
            })
            .saturating_mul(last.length);
        let mut n = last_range.0;
        while n < last_range.1 {
            let run = last.run(n).min(last_range.1 - n);
            position[outer] = last.at(n);
            take(before.saturating_add(n), &position, run)?;
            n += run;
        }
        // The next combination of the other axes.
        let mut at = outer;
        loop {
            let Some(next) = at.checked_sub(1) else {
                return Ok(());
            };
            at = next;
            numbers[at] += 1;
            if numbers[at] < ranges[at].1 {
                break;
            }
            numbers[at] = ranges[at].0;
            position[at] = axes[at].at(numbers[at]);
        }
        position[at] = axes[at].at(numbers[at]);
    }
}

impl Runs {
    fn push(&mut self, start: &[u64], length: u64) {
        self.starts.extend_from_slice(start);
        self.lengths.push(length);
        self.firsts.push(self.total);
        self.total = self.total.saturating_add(length);
    }

    /// The boxes cut into runs, in the order of their positions, as they are mapped.
    fn of_boxes(rank: usize, corners: &[u64]) -> Result<Self> {
        let mut pieces: Vec<(Vec<u64>, u64)> = Vec::new();
        for corner in corners.chunks_exact(2 * rank.max(1)) {
            let (first, last) = corner.split_at(rank);
            let lengths: Vec<u64> = first
                .iter()
                .zip(last)
                .map(|(first, last)| (last - first).saturating_add(1))
                .collect();
            let (&run, outer) = lengths
                .split_last()
                .ok_or_else(|| damaged("a mapping has no dimensions"))?;
            let rows = outer
                .iter()
                .try_fold(1_u64, |all, &length| all.checked_mul(length));
            let rows = rows.filter(|rows| pieces.len() as u64 + rows <= RUNS_MAX);
            let rows = rows.ok_or_else(|| unsupported("a mapping is too finely cut"))?;
            for row in 0..rows {
                let (mut start, mut rest) = (first.to_vec(), row);
                for (at, &length) in outer.iter().enumerate().rev() {
                    start[at] += rest % length;
                    rest /= length;
                }
                pieces.push((start, run));
            }
        }
        pieces.sort_unstable();
        let mut runs = Self {
            rank,
            ..Self::default()
        };
        for (start, length) in pieces {
            runs.push(&start, length);
        }
        Ok(runs)
    }

    fn in_window(&self, window: Window<'_>, take: &mut Take<'_>) -> Result<()> {
        let mut position = Vec::new();
        for (at, start) in self.starts.chunks_exact(self.rank.max(1)).enumerate() {
            let (mut skip, mut length) = (0, self.lengths[at]);
            let mut is_inside = true;
            for (dimension, (&place, &end)) in start.iter().zip(window.dims).enumerate() {
                let (low, high) = if dimension == window.main {
                    (window.row, window.end.min(end))
                } else {
                    (0, end)
                };
                if dimension + 1 == self.rank {
                    skip = low.saturating_sub(place);
                    let end = place.saturating_add(length).min(high);
                    length = end.saturating_sub(place.saturating_add(skip));
                } else {
                    is_inside &= (low..high).contains(&place);
                }
            }
            if is_inside && length > 0 {
                position.clear();
                position.extend_from_slice(start);
                if let Some(last) = position.last_mut() {
                    *last += skip;
                }
                take(self.firsts[at] + skip, &position, length)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(picked: &Picked, window: Window<'_>) -> Vec<(u64, Vec<u64>, u64)> {
        let mut found = Vec::new();
        let taken = picked.in_window(window, |number, position, length| {
            found.push((number, position.to_vec(), length));
            Ok(())
        });
        assert!(taken.is_ok());
        found
    }

    #[test]
    fn blocks_at_distances_are_numbered_in_row_major_order() {
        let slab = |start, stride, count, block| Slab {
            start,
            stride,
            count,
            block,
        };
        let selection = Selection::Slabs(vec![slab(1, 2, 2, 1), slab(0, 4, 2, 2)]);
        let Ok(picked) = Picked::new(&selection, &[4, 8]) else {
            panic!("the selection is sound");
        };
        assert_eq!(picked.total(), 8);
        let window = Window {
            dims: &[4, 8],
            main: 0,
            row: 2,
            end: 4,
        };
        let found = runs(&picked, window);
        assert_eq!(found, [(4, vec![3, 0], 2), (6, vec![3, 4], 2)]);
        let mut position = Vec::new();
        assert_eq!((picked.locate(5, &mut position), position), (1, vec![3, 1]));
    }

    #[test]
    fn a_block_that_is_cut_short_counts_as_far_as_it_goes() {
        let slab = Slab {
            start: 2,
            stride: 10,
            count: UNLIMITED,
            block: 4,
        };
        for (end, length) in [(0, 0), (2, 0), (3, 1), (6, 4), (12, 4), (14, 6), (22, 8)] {
            assert_eq!(Axis::of(slab, end).length, length, "before {end}");
        }
    }

    #[test]
    fn irregular_boxes_are_mapped_by_position() {
        let corners = vec![2, 0, 2, 1, 0, 3, 1, 4];
        let Ok(picked) = Picked::new(&Selection::Boxes { rank: 2, corners }, &[3, 5]) else {
            panic!("the selection is sound");
        };
        let window = Window {
            dims: &[3, 5],
            main: 0,
            row: 0,
            end: 3,
        };
        let found = runs(&picked, window);
        assert_eq!(
            found,
            [(0, vec![0, 3], 2), (2, vec![1, 3], 2), (4, vec![2, 0], 2)]
        );
    }
}
