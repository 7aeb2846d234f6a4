//! Virtual datasets: which elements come from which dataset of which file.
//!
//! Mappings are kept as they stand in the file; sources are opened when rows of theirs are asked for, and never more
//! deeply nested or more often than the bounds here allow, whatever the mappings claim.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hdf5_reader::checksum::jenkins_lookup3;

use super::dataset::Dataset;
use super::file::File;
use super::folder::{Found, object};
use super::header::{ObjectHeader, ObjectKind, little_endian};
use super::heap::GlobalHeap;
use super::picked::{Axis, Picked};
use super::selection::{Selection, Slab};
use crate::error::{Error, Result, damaged, unsupported};

/// Mappings of a virtual dataset.
const MAPPINGS_MAX: usize = 1 << 17;
/// Virtual datasets that map virtual datasets.
const DEPTH_MAX: usize = 8;
/// Sources that are opened to find out how far a virtual dataset goes.
const OPENED_MAX: usize = 1 << 16;
/// Sources whose descriptions are kept.
const KEPT_MAX: usize = 256;

/// The mappings of a virtual dataset.
#[derive(Debug)]
pub struct Virtual {
    pub mappings: Vec<Mapping>,
    descent: Descent,
    /// The sources that were opened last, by file and path; `None` for one that is missing.
    sources: Mutex<HashMap<SourceKey, Option<Arc<Dataset>>>>,
}

/// The file of a source, if it is another one, and its path there.
type SourceKey = (Option<String>, String);

/// Some elements of a virtual dataset, and where they come from.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// `None` is the file of the virtual dataset itself.
    file: Option<Name>,
    dataset: Name,
    source: Selection,
    /// The elements of the virtual dataset.
    target: Selection,
}

/// A name in which the number of a block may stand at several places.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Name {
    parts: Vec<String>,
}

/// One piece of a mapping: elements of one source.
pub struct Piece {
    pub source: Arc<Dataset>,
    /// What is picked of the source.
    pub from: Picked,
    /// What is picked of the virtual dataset.
    pub to: Picked,
}

/// The virtual datasets on the way to this one, and how many more sources may be opened on it.
#[derive(Debug, Clone)]
pub struct Descent {
    above: Vec<(PathBuf, u64)>,
    left: Arc<AtomicUsize>,
}

impl Default for Descent {
    fn default() -> Self {
        Self {
            above: Vec::new(),
            left: Arc::new(AtomicUsize::new(OPENED_MAX)),
        }
    }
}

impl Descent {
    /// The way on from the dataset at this address.
    fn below(&self, file: &File, address: u64) -> Result<Self> {
        let here = (file.path.clone(), address);
        if self.above.contains(&here) {
            return Err(damaged("it is a virtual dataset that maps itself"));
        }
        if self.above.len() >= DEPTH_MAX {
            return Err(unsupported(format!(
                "virtual datasets map each other more than {DEPTH_MAX} deep"
            )));
        }
        let mut above = self.above.clone();
        above.push(here);
        Ok(Self {
            above,
            left: Arc::clone(&self.left),
        })
    }
}

impl Name {
    /// Parses a name as it is stored: `%b` is the number of a block, `%%` a percent sign.
    fn parse(stored: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut rest = stored.chars().peekable();
        while let Some(char) = rest.next() {
            match (char, rest.peek()) {
                ('%', Some('b')) => {
                    rest.next();
                    parts.push(String::new());
                    continue;
                }
                ('%', Some('%')) => {
                    rest.next();
                }
                _ => {}
            }
            if let Some(last) = parts.last_mut() {
                last.push(char);
            }
        }
        Self { parts }
    }

    fn is_numbered(&self) -> bool {
        self.parts.len() > 1
    }

    fn of_block(&self, number: u64) -> String {
        self.parts.join(&number.to_string())
    }
}

impl Virtual {
    /// Reads the mappings of the virtual dataset at `address`, whose layout message this is.
    pub fn read(file: &Arc<File>, address: u64, message: &[u8], descent: &Descent) -> Result<Self> {
        let place = message
            .get(2..)
            .ok_or_else(|| damaged("its layout ends too early"))?;
        let offset = usize::from(file.offset_size);
        let collection = little_endian(place.get(..offset).unwrap_or_default());
        let mappings = if file.is_undefined(collection) {
            Vec::new()
        } else {
            let mut heap = GlobalHeap::new(file);
            match heap.object(place)? {
                Some(stored) => parse(file, stored.as_ref())?,
                None => Vec::new(),
            }
        };
        Ok(Self {
            mappings,
            descent: descent.below(file, address)?,
            sources: Mutex::default(),
        })
    }

    /// Why the mappings can never be read, if so: a file outside of the served folder is not looked at.
    pub fn unreadable_reason(&self, file: &Arc<File>) -> Option<String> {
        let mut seen = std::collections::HashSet::new();
        let names = self
            .mappings
            .iter()
            .filter_map(|mapping| mapping.file.as_ref());
        names
            .filter(|name| seen.insert(*name))
            .find_map(|name| file.folder.path(file, &name.of_block(0)).err())
            .map(|error| error.to_string())
    }

    /// The dimensions, which those without end have from their sources.
    pub fn dims(&self, file: &Arc<File>, stored: &[u64]) -> Result<Vec<u64>> {
        let mut grown = vec![None; stored.len()];
        let mut least = vec![0; stored.len()];
        for mapping in &self.mappings {
            let Selection::Slabs(slabs) = &mapping.target else {
                continue;
            };
            let endless = mapping.endless();
            for (at, (slab, least)) in slabs.iter().zip(&mut least).enumerate() {
                if endless.is_none_or(|(endless, _)| endless != at) {
                    let axis = Axis::of(*slab, u64::MAX);
                    *least = (*least).max(axis.end_of(axis.length));
                }
            }
            if let Some((at, slab)) = endless.filter(|(at, _)| *at < stored.len()) {
                let end = self.end(file, mapping, slab)?;
                grown[at] = Some(grown[at].unwrap_or(0).max(end));
            }
        }
        let dims = stored.iter().zip(&grown).zip(&least);
        Ok(dims
            .map(|((&stored, grown), &least)| grown.map_or(stored, |grown: u64| grown.max(least)))
            .collect())
    }

    /// How far a mapping without end goes now.
    fn end(&self, file: &Arc<File>, mapping: &Mapping, slab: Slab) -> Result<u64> {
        if mapping.is_numbered() {
            let mut blocks = 0;
            while self.source(file, mapping, blocks)?.is_some() {
                blocks += 1;
            }
            let last = blocks.checked_sub(1);
            return Ok(last.map_or(0, |last| {
                let block = Axis::nth_block(slab, last);
                block.end_of(block.length)
            }));
        }
        let Some(source) = self.source(file, mapping, 0)? else {
            return Ok(0);
        };
        let length = mapping.endless_length(&source);
        Ok(Axis::of(slab, u64::MAX).end_of(length))
    }

    /// The pieces of a mapping that may lie between these rows; those whose source is missing are left out.
    pub fn pieces(
        &self,
        file: &Arc<File>,
        mapping: &Mapping,
        virtual_dims: &[u64],
        rows: (usize, u64, u64),
        take: &mut dyn FnMut(Piece) -> Result<()>,
    ) -> Result<()> {
        let (main, row, end) = rows;
        if !mapping.may_touch(main, row, end) {
            return Ok(());
        }
        if let (true, Some((at, slab))) = (mapping.is_numbered(), mapping.endless()) {
            let length = virtual_dims.get(at).copied().unwrap_or(0);
            let (low, high) = if at == main {
                (row, end.min(length))
            } else {
                (0, length)
            };
            let mut number = low
                .saturating_sub(slab.start)
                .checked_div(slab.stride)
                .unwrap_or(0);
            while slab
                .start
                .saturating_add(number.saturating_mul(slab.stride))
                < high
            {
                if let Some(source) = self.source(file, mapping, number)? {
                    let from = Picked::new(&mapping.source, source.dims())?;
                    let to = mapping.target_of_block(at, slab, number, virtual_dims)?;
                    take(Piece { source, from, to })?;
                }
                number += 1;
            }
            return Ok(());
        }
        let Some(source) = self.source(file, mapping, 0)? else {
            return Ok(());
        };
        let (mut from, mut to) = (
            Picked::new(&mapping.source, source.dims())?,
            Picked::new(&mapping.target, virtual_dims)?,
        );
        // Both go as far as the source does, in the dimension without end.
        if let (Some((to_at, _)), Some(from_at)) = (mapping.endless(), endless_at(&mapping.source))
            && let (Picked::Grid(from), Picked::Grid(to)) = (&mut from, &mut to)
            && let (Some(from), Some(to)) = (from.get_mut(from_at), to.get_mut(to_at))
        {
            let length = from.length.min(to.length);
            (from.length, to.length) = (length, length);
        }
        take(Piece { source, from, to })
    }

    /// The source of a mapping, of the block with this number; `None` if it is missing.
    fn source(
        &self,
        file: &Arc<File>,
        mapping: &Mapping,
        block: u64,
    ) -> Result<Option<Arc<Dataset>>> {
        let key = (
            mapping.file.as_ref().map(|name| name.of_block(block)),
            mapping.dataset.of_block(block),
        );
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = sources.get(&key) {
            return Ok(source.clone());
        }
        drop(sources);
        let source = self.open(file, key.0.as_deref(), &key.1).map_err(|error| {
            let place = key.0.as_deref().unwrap_or("this file");
            error.within(format!("its source {:?} in {place}", key.1))
        })?;
        sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if sources.len() >= KEPT_MAX {
            sources.clear();
        }
        sources.insert(key, source.clone());
        Ok(source)
    }

    fn open(
        &self,
        file: &Arc<File>,
        name: Option<&str>,
        path: &str,
    ) -> Result<Option<Arc<Dataset>>> {
        let holder = match name {
            None => Arc::clone(file),
            Some(name) => match file.folder.open(file, name)? {
                Found::There(holder) => holder,
                Found::Missing(_) => return Ok(None),
            },
        };
        let Found::There((holder, address)) = object(&holder, path)? else {
            return Ok(None);
        };
        if ObjectHeader::read(&holder, address)?.kind() != ObjectKind::Dataset {
            return Err(damaged("it is not a dataset"));
        }
        // Only sources that may open others need counting.
        if self.descent.above.len() > 1 {
            let spent =
                self.descent
                    .left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                        left.checked_sub(1)
                    });
            spent.map_err(|_| unsupported("virtual datasets map each other too often"))?;
        }
        let dataset = Dataset::read_within(&holder, address, &self.descent)?;
        if let Some(reason) = dataset.unreadable_reason() {
            return Err(damaged(reason));
        }
        Ok(Some(Arc::new(dataset)))
    }
}

impl Mapping {
    fn is_numbered(&self) -> bool {
        self.dataset.is_numbered() || self.file.as_ref().is_some_and(Name::is_numbered)
    }

    /// The dimension of the virtual dataset in which the mapping has no end.
    fn endless(&self) -> Option<(usize, Slab)> {
        let at = endless_at(&self.target)?;
        let Selection::Slabs(slabs) = &self.target else {
            return None;
        };
        slabs.get(at).map(|&slab| (at, slab))
    }

    /// How many steps the source has in the dimension without end.
    fn endless_length(&self, source: &Dataset) -> u64 {
        let Selection::Slabs(slabs) = &self.source else {
            return 0;
        };
        let slab =
            endless_at(&self.source).and_then(|at| Some((slabs.get(at)?, source.dims().get(at)?)));
        slab.map_or(0, |(&slab, &length)| Axis::of(slab, length).length)
    }

    /// Whether elements of these rows may be mapped.
    fn may_touch(&self, main: usize, row: u64, end: u64) -> bool {
        let Selection::Slabs(slabs) = &self.target else {
            return true;
        };
        slabs.get(main).is_none_or(|&slab| {
            let axis = Axis::of(slab, u64::MAX);
            slab.start < end && axis.end_of(axis.length) > row
        })
    }

    fn target_of_block(&self, at: usize, slab: Slab, number: u64, dims: &[u64]) -> Result<Picked> {
        let Picked::Grid(mut axes) = Picked::new(&self.target, dims)? else {
            return Err(damaged("a mapping without end is irregular"));
        };
        if let Some(axis) = axes.get_mut(at) {
            *axis = Axis::nth_block(slab, number);
        }
        Ok(Picked::Grid(axes))
    }
}

fn endless_at(selection: &Selection) -> Option<usize> {
    let Selection::Slabs(slabs) = selection else {
        return None;
    };
    slabs.iter().position(|slab| slab.is_unlimited())
}

/// The mappings as a heap object holds them, in either of the two versions.
fn parse(file: &File, stored: &[u8]) -> Result<Vec<Mapping>> {
    let wrong = || damaged("its mappings have a wrong checksum");
    let (body, sum) = stored.split_last_chunk::<4>().ok_or_else(wrong)?;
    if jenkins_lookup3(body) != u32::from_le_bytes(*sum) {
        return Err(wrong());
    }
    let mut input = Input {
        rest: body,
        length_size: usize::from(file.length_size),
    };
    let version = input.take(1)?[0];
    if version > 1 {
        return Err(unsupported(format!(
            "mappings of version {version} are not known"
        )));
    }
    let count = input.length()? as usize;
    if count > MAPPINGS_MAX {
        return Err(unsupported(format!("it has {count} mappings")));
    }
    let mut mappings: Vec<Mapping> = Vec::new();
    for _ in 0..count {
        let mapping = input.mapping(version, &mappings)?;
        mappings.push(mapping);
    }
    Ok(mappings)
}

/// From version 1 on, what an entry has in common with an earlier one is only named.
const FILE_IS_SHARED: u8 = 1;
const DATASET_IS_SHARED: u8 = 2;
const FILE_IS_OWN: u8 = 4;

/// What is left of the mappings' bytes.
struct Input<'a> {
    rest: &'a [u8],
    length_size: usize,
}

impl<'a> Input<'a> {
    fn mapping(&mut self, version: u8, earlier: &[Mapping]) -> Result<Mapping> {
        let flags = if version == 0 { 0 } else { self.take(1)?[0] };
        let no_entry = || damaged("a mapping shares a name with one that is not there");
        let file = if flags & FILE_IS_OWN != 0 {
            None
        } else if flags & FILE_IS_SHARED != 0 {
            let entry = self.length()? as usize;
            earlier.get(entry).ok_or_else(no_entry)?.file.clone()
        } else {
            Some(self.text()?)
                .filter(|name| name != ".")
                .map(|name| Name::parse(&name))
        };
        let dataset = if flags & DATASET_IS_SHARED != 0 {
            let entry = self.length()? as usize;
            earlier.get(entry).ok_or_else(no_entry)?.dataset.clone()
        } else {
            Name::parse(&self.text()?)
        };
        Ok(Mapping {
            file,
            dataset,
            source: self.selection()?,
            target: self.selection()?,
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(short)?;
        self.rest = rest;
        Ok(taken)
    }

    fn length(&mut self) -> Result<u64> {
        self.take(self.length_size).map(little_endian)
    }

    fn text(&mut self) -> Result<String> {
        let end = self
            .rest
            .iter()
            .position(|&byte| byte == 0)
            .ok_or_else(short)?;
        let text = String::from_utf8_lossy(self.take(end)?).into_owned();
        self.take(1)?;
        Ok(text)
    }

    fn selection(&mut self) -> Result<Selection> {
        let (selection, length) = Selection::parse(self.rest)?;
        self.take(length)?;
        Ok(selection)
    }
}

fn short() -> Error {
    damaged("its mappings end too early")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_number_of_its_block() {
        for (stored, name, is_numbered) in [
            ("a.h5", "a.h5", false),
            ("a-%b.h5", "a-7.h5", true),
            ("%b/%b", "7/7", true),
            ("100%%", "100%", false),
            ("%%b%", "%b%", false),
        ] {
            let parsed = Name::parse(stored);
            assert_eq!(
                (parsed.of_block(7).as_str(), parsed.is_numbered()),
                (name, is_numbered)
            );
        }
    }
}
