//! Which blocks of an array are read for which bins: arithmetic alone.
//!
//! What is too much work is made less first by reading fewer blocks for each bin, then by fewer bins; either way what is
//! read is evenly spread.

use tablecast_connector::Window;

/// What a block costs beside its bytes: a request to the disk, a look-up.
const BLOCK_COST: u64 = 4096;

/// One level of a reduction.
pub struct Plan {
    dims: Vec<Steps>,
    /// The work of one block.
    block_work: u64,
}

/// What is read along one dimension.
#[derive(Debug, Clone)]
pub struct Steps {
    pub start: u64,
    pub end: u64,
    /// Elements of a block.
    block: u64,
    bins: u64,
    /// Blocks that are read for each bin; all if that is `None`.
    per_bin: Option<u64>,
}

impl Plan {
    /// The finest reduction to these windows whose work is `budget` bytes at most; the work of one block, of which
    /// `block_bytes` are read, is not refused.
    pub fn new(windows: &[Window], block: &[u64], block_bytes: u64, budget: u64) -> Self {
        let dims = windows.iter().zip(block);
        let mut plan = Self {
            dims: dims
                .map(|(&window, &block)| Steps::new(window, block))
                .collect(),
            block_work: block_bytes.saturating_add(BLOCK_COST),
        };
        while plan.work() > budget && plan.coarsen(budget) {}
        plan
    }

    pub fn dims(&self) -> &[Steps] {
        &self.dims
    }

    /// The work in bytes.
    pub fn work(&self) -> u64 {
        let blocks = self.dims.iter().map(Steps::count);
        blocks.fold(self.block_work, u64::saturating_mul)
    }

    /// Whether every element is read.
    pub fn is_whole(&self) -> bool {
        self.dims.iter().all(|steps| steps.per_bin.is_none())
    }

    /// The elements of the windows.
    pub fn elements(&self) -> u64 {
        let lengths = self.dims.iter().map(|steps| steps.end - steps.start);
        lengths.fold(1, u64::saturating_mul)
    }

    /// How many bins there are in all.
    pub fn bins(&self) -> usize {
        self.dims.iter().map(|steps| steps.bins as usize).product()
    }

    /// The bins of each dimension.
    pub fn edges(&self) -> impl Iterator<Item = Vec<u64>> {
        self.dims.iter().map(Steps::edges)
    }

    /// Makes the work half of what it is, or as much as fits; `false` if it cannot be less.
    fn coarsen(&mut self, budget: u64) -> bool {
        let work = self.work();
        let spare = |steps: &&mut Steps| steps.count() / steps.least();
        let most = self.dims.iter_mut().max_by_key(spare);
        if let Some(steps) = most.filter(|steps| steps.count() > steps.least()) {
            let count = steps.fitting(work, budget) / steps.bins;
            steps.per_bin = Some(count.max(1));
            return true;
        }
        let most = self.dims.iter_mut().max_by_key(|steps| steps.count());
        match most.filter(|steps| steps.count() > 1) {
            Some(steps) => {
                steps.bins = steps.fitting(work, budget);
                steps.per_bin = Some(1);
                true
            }
            None => false,
        }
    }
}

impl Steps {
    fn new(window: Window, block: u64) -> Self {
        let (start, end, bins) = match window {
            Window::At(index) => (index, index + 1, 1),
            Window::Range { start, end, bins } => (start, end, bins.min(end - start)),
        };
        Self {
            start,
            end,
            block: block.max(1),
            bins,
            per_bin: None,
        }
    }

    /// How many blocks the window touches.
    fn touched(&self) -> u64 {
        (self.end - 1) / self.block - self.start / self.block + 1
    }

    /// How many blocks are read, at most.
    fn count(&self) -> u64 {
        let all = self.touched();
        self.per_bin
            .map_or(all, |blocks| self.bins.saturating_mul(blocks).min(all))
    }

    /// Fewer blocks than are read: half of them, or more if that makes the work fit.
    fn fitting(&self, work: u64, budget: u64) -> u64 {
        let count = self.count();
        let fitting = u128::from(count) * u128::from(budget) / u128::from(work.max(1));
        (fitting as u64)
            .max(count / 2)
            .clamp(1, count.saturating_sub(1).max(1))
    }

    /// How many blocks are read if each bin is to have one.
    fn least(&self) -> u64 {
        self.bins.min(self.touched())
    }

    /// The place that is `part` of `parts` into the window.
    fn place(&self, part: u64, parts: u64) -> u64 {
        let length = u128::from(self.end - self.start);
        let into = length * u128::from(part) / u128::from(parts.max(1));
        self.start + into as u64
    }

    /// Where each bin starts, and where the last one ends.
    fn edges(&self) -> Vec<u64> {
        (0..=self.bins)
            .map(|bin| self.place(bin, self.bins))
            .collect()
    }

    /// The blocks that are read, ascending.
    pub fn blocks(&self) -> Vec<u64> {
        let Some(per_bin) = self.per_bin else {
            return (self.start / self.block..=(self.end - 1) / self.block).collect();
        };
        let mut blocks = Vec::new();
        for edges in self.edges().windows(2) {
            let (from, to) = (edges.first().copied(), edges.last().copied());
            let (Some(from), Some(to)) = (from, to) else {
                continue;
            };
            let samples = per_bin.min(to - from);
            for sample in 0..samples {
                // Somewhere in each of so many parts: at equal distances, what repeats itself would be met always at
                // the same place.
                let part = u128::from(to - from) * u128::from(sample) / u128::from(samples);
                let next = u128::from(to - from) * u128::from(sample + 1) / u128::from(samples);
                let first = from + part as u64;
                blocks
                    .push((first + scattered(first) % ((next - part) as u64).max(1)) / self.block);
            }
        }
        blocks.dedup();
        blocks
    }

    /// The elements of a block that are in the window.
    pub fn within(&self, block: u64) -> (u64, u64) {
        let first = block * self.block;
        (
            first.max(self.start),
            (first.saturating_add(self.block)).min(self.end),
        )
    }
}

/// A number that looks like any other, always the same for the same place.
fn scattered(place: u64) -> u64 {
    let mixed = (place ^ (place >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u64, end: u64, bins: u64) -> Window {
        Window::Range { start, end, bins }
    }

    #[test]
    fn what_fits_is_read_whole_and_what_does_not_is_evenly_spread() {
        let windows = [range(10, 1000, 5), Window::At(7)];
        let plan = Plan::new(&windows, &[10, 10], 800, 1 << 20);
        assert!(plan.is_whole());
        assert_eq!(plan.bins(), 5);
        let edges: Vec<_> = plan.edges().collect();
        assert_eq!(edges, [vec![10, 208, 406, 604, 802, 1000], vec![7, 8]]);
        // Half of the blocks.
        let plan = Plan::new(&windows, &[10, 10], 800, plan.work() / 2);
        assert!(!plan.is_whole());
        let blocks = plan.dims()[0].blocks();
        assert!(blocks.len() > 20 && blocks.len() <= 50, "{blocks:?}");
        // Fewer blocks than bins: fewer bins.
        let plan = Plan::new(&windows, &[10, 10], 800, 3 * (800 + BLOCK_COST));
        assert!(plan.bins() <= 3 && plan.bins() >= 1, "{}", plan.bins());
        assert_eq!(plan.dims()[0].blocks().len(), plan.bins());
    }

    #[test]
    fn whatever_a_shape_claims_the_work_stays_within_its_budget() {
        let large = u64::MAX / 2;
        for block in [1, 7, 1 << 20] {
            let windows = [range(0, large, 1000), range(3, large, 1000)];
            let plan = Plan::new(&windows, &[block, 1], block, 64 << 20);
            assert!(plan.work() <= 64 << 20);
            let blocks: usize = plan
                .dims()
                .iter()
                .map(|steps| steps.blocks().len())
                .product();
            assert!(blocks as u64 <= plan.work(), "{blocks}");
        }
    }

    #[test]
    fn each_bin_has_something_read_for_it() {
        for (length, block, bins, budget) in [(1000, 3, 100, 60), (50, 16, 50, 2), (9, 4, 4, 1)] {
            let windows = [range(0, length, bins)];
            let plan = Plan::new(&windows, &[block], block, budget * (block + BLOCK_COST));
            let (steps, edges) = (&plan.dims()[0], plan.edges().next().expect("edges"));
            for edge in edges.windows(2) {
                let is_read = steps.blocks().into_iter().any(|block| {
                    let (from, to) = steps.within(block);
                    from < edge[1] && to > edge[0]
                });
                assert!(is_read, "{edge:?} of {steps:?}");
            }
        }
    }
}
