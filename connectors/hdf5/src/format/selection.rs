//! Selections: which elements of a dataset are meant, by region references and by the mappings of virtual datasets.
//!
//! They are stored in three versions of hyperslabs and two of points; here they are one type. What a selection claims
//! to hold is never listed: only what really stands in its bytes is kept.

use std::fmt::Write;

use super::header::little_endian;
use crate::error::{Result, damaged};

/// As many dimensions as HDF5 has.
const RANK_MAX: usize = 32;
/// Points or boxes that a text names one by one.
const NAMED_MAX: usize = 32;
/// A count or a block without an end.
pub const UNLIMITED: u64 = u64::MAX;

/// Some of the elements of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    Nothing,
    All,
    /// Positions one after the other, each of `rank` numbers, in the order in which they were chosen.
    Points {
        rank: usize,
        positions: Vec<u64>,
    },
    /// Blocks at equal distances, by dimension.
    Slabs(Vec<Slab>),
    /// First and last position of each box, each of `rank` numbers.
    Boxes {
        rank: usize,
        corners: Vec<u64>,
    },
}

/// What is chosen in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slab {
    pub start: u64,
    /// From the start of a block to that of the next.
    pub stride: u64,
    /// Blocks; may be [`UNLIMITED`].
    pub count: u64,
    /// Steps of a block; may be [`UNLIMITED`].
    pub block: u64,
}

impl Slab {
    /// Whether it has no end of its own.
    pub fn is_unlimited(self) -> bool {
        self.count == UNLIMITED || self.block == UNLIMITED
    }
}

impl Selection {
    /// The selection that `bytes` start with, and how many bytes it takes.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize)> {
        let mut input = Input(bytes);
        let (kind, version) = (input.number(4)?, input.number(4)?);
        let selection = match (kind, version) {
            (0, _) => {
                input.number(8)?;
                Self::Nothing
            }
            (3, _) => {
                input.number(8)?;
                Self::All
            }
            (1, 1) => {
                input.number(8)?;
                points(&mut input, 4)?
            }
            (1, 2) => {
                let width = input.width()?;
                points(&mut input, width)?
            }
            (2, 1) => {
                input.number(8)?;
                boxes(&mut input, 4)?
            }
            (2, 2) => {
                input.number(5)?;
                slabs(&mut input, 8)?
            }
            (2, 3) => {
                let is_regular = input.number(1)? & 1 == 1;
                let width = input.width()?;
                if is_regular {
                    slabs(&mut input, width)?
                } else {
                    boxes(&mut input, width)?
                }
            }
            _ => {
                return Err(damaged(format!(
                    "a selection of kind {kind} and version {version} is not known"
                )));
            }
        };
        Ok((selection, bytes.len() - input.0.len()))
    }

    /// The number of dimensions, where the selection says it.
    pub fn rank(&self) -> Option<usize> {
        match self {
            Self::Nothing | Self::All => None,
            Self::Points { rank, .. } | Self::Boxes { rank, .. } => Some(*rank),
            Self::Slabs(slabs) => Some(slabs.len()),
        }
    }

    /// First and last position and the distance between blocks, by dimension: `[0:2, 5:9:2]`. Several boxes have `+`
    /// between them; points are `[(0, 1), (3, 4)]`.
    pub fn text(&self) -> String {
        match self {
            Self::Nothing => "[]".into(),
            Self::All => "[...]".into(),
            Self::Points { rank, positions } => points_text(*rank, positions),
            Self::Boxes { rank, corners } => boxes_text(*rank, corners),
            Self::Slabs(slabs) => slabs_text(slabs),
        }
    }
}

fn points(input: &mut Input<'_>, width: usize) -> Result<Selection> {
    let rank = input.rank()?;
    let count = input.number(width)?;
    let positions = input.numbers(count, rank as u64, width)?;
    Ok(Selection::Points { rank, positions })
}

fn boxes(input: &mut Input<'_>, width: usize) -> Result<Selection> {
    let rank = input.rank()?;
    let count = input.number(width)?;
    let corners = input.numbers(count, 2 * rank as u64, width)?;
    let is_sound = corners.chunks_exact(2 * rank.max(1)).all(|corner| {
        let (first, last) = corner.split_at(rank);
        first.iter().zip(last).all(|(first, last)| first <= last)
    });
    if !is_sound {
        return Err(damaged("a selection has a box that ends before it starts"));
    }
    if count != 1 {
        return Ok(Selection::Boxes { rank, corners });
    }
    let (first, last) = corners.split_at(rank);
    let slab = |(&start, &last): (&u64, &u64)| Slab {
        start,
        stride: 1,
        count: 1,
        block: (last - start).saturating_add(1),
    };
    Ok(Selection::Slabs(first.iter().zip(last).map(slab).collect()))
}

fn slabs(input: &mut Input<'_>, width: usize) -> Result<Selection> {
    let rank = input.rank()?;
    let numbers = input.numbers(rank as u64, 4, width)?;
    let endless = if width == 8 {
        UNLIMITED
    } else {
        (1 << (8 * width)) - 1
    };
    let end = |number: u64| {
        if number == endless { UNLIMITED } else { number }
    };
    let slab = |slab: &[u64]| Slab {
        start: slab[0],
        stride: slab[1].max(1),
        count: end(slab[2]),
        block: end(slab[3]),
    };
    Ok(Selection::Slabs(
        numbers.chunks_exact(4).map(slab).collect(),
    ))
}

fn points_text(rank: usize, positions: &[u64]) -> String {
    let points = positions.chunks_exact(rank.max(1));
    let count = points.len();
    let named: Vec<String> = points
        .take(NAMED_MAX)
        .map(|point| {
            let numbers: Vec<_> = point.iter().map(u64::to_string).collect();
            match numbers.as_slice() {
                [only] => only.clone(),
                _ => format!("({})", numbers.join(", ")),
            }
        })
        .collect();
    let more = if count > NAMED_MAX {
        format!(", … of {count} points")
    } else {
        String::new()
    };
    format!("[{}{more}]", named.join(", "))
}

fn boxes_text(rank: usize, corners: &[u64]) -> String {
    let boxes = corners.chunks_exact(2 * rank.max(1));
    let count = boxes.len();
    let named: Vec<String> = boxes
        .take(NAMED_MAX)
        .map(|corner| {
            let (first, last) = corner.split_at(rank);
            let slice = |(first, last): (&u64, &u64)| format!("{first}:{last}");
            let slices: Vec<_> = first.iter().zip(last).map(slice).collect();
            format!("[{}]", slices.join(", "))
        })
        .collect();
    let more = if count > NAMED_MAX {
        format!(" + … of {count} boxes")
    } else {
        String::new()
    };
    format!("{}{more}", named.join(" + "))
}

fn slabs_text(slabs: &[Slab]) -> String {
    let slices: Vec<_> = slabs.iter().map(|slab| slab_text(*slab)).collect();
    format!("[{}]", slices.join(", "))
}

fn slab_text(slab: Slab) -> String {
    let Slab {
        start,
        stride,
        count,
        block,
    } = slab;
    if count == 0 || block == 0 {
        return "nothing".into();
    }
    let mut text = format!("{start}:");
    let is_dense = count == 1 || block == stride;
    let end = if is_dense {
        (count != UNLIMITED && block != UNLIMITED)
            .then(|| start.saturating_add(count.saturating_mul(block)))
    } else {
        let last = start.saturating_add(count.saturating_sub(1).saturating_mul(stride));
        (count != UNLIMITED).then(|| last.saturating_add(block))
    };
    // Nothing can go wrong in writing to a text.
    if let Some(end) = end {
        let _ = write!(text, "{}", end.saturating_sub(1));
    }
    if !is_dense {
        let _ = write!(text, ":{stride}");
        if block > 1 {
            let _ = write!(text, " in blocks of {block}");
        }
    }
    text
}

/// What is left of a selection's bytes.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn number(&mut self, bytes: usize) -> Result<u64> {
        let (taken, rest) = self
            .0
            .split_at_checked(bytes)
            .ok_or_else(|| damaged("a selection ends too early"))?;
        self.0 = rest;
        Ok(little_endian(taken))
    }

    /// How many bytes a number has.
    fn width(&mut self) -> Result<usize> {
        match self.number(1)? {
            width @ (2 | 4 | 8) => Ok(width as usize),
            other => Err(damaged(format!("a selection has numbers of {other} bytes"))),
        }
    }

    fn rank(&mut self) -> Result<usize> {
        match self.number(4)? as usize {
            rank @ 1..=RANK_MAX => Ok(rank),
            other => Err(damaged(format!("a selection has {other} dimensions"))),
        }
    }

    /// `count` times `each` numbers; that they are all there is checked before they are kept.
    fn numbers(&mut self, count: u64, each: u64, width: usize) -> Result<Vec<u64>> {
        let bytes = count
            .checked_mul(each)
            .and_then(|numbers| numbers.checked_mul(width as u64))
            .filter(|&bytes| bytes <= self.0.len() as u64)
            .ok_or_else(|| damaged("a selection ends too early"))?;
        let (taken, rest) = self.0.split_at(bytes as usize);
        self.0 = rest;
        Ok(taken.chunks_exact(width).map(little_endian).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slab(start: u64, stride: u64, count: u64, block: u64) -> Slab {
        Slab {
            start,
            stride,
            count,
            block,
        }
    }

    #[test]
    fn a_slab_is_shown_by_its_first_and_last_position() {
        for (slab, text) in [
            (slab(2, 1, 1, 3), "2:4"),
            (slab(0, 1, 4, 1), "0:3"),
            (slab(1, 3, 4, 1), "1:10:3"),
            (slab(0, 10, 2, 4), "0:13:10 in blocks of 4"),
            (slab(5, 1, UNLIMITED, 1), "5:"),
            (slab(5, 1, 0, 1), "nothing"),
        ] {
            assert_eq!(slab_text(slab), text);
        }
    }

    #[test]
    fn counts_beyond_the_bytes_are_refused() {
        for version in [1_u32, 2] {
            let mut bytes = Vec::new();
            bytes.extend([1_u32, version].map(u32::to_le_bytes).concat());
            bytes.extend([4, 2, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
            bytes.extend([255; 8]);
            assert!(Selection::parse(&bytes).is_err());
        }
    }
}
