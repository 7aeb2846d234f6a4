//! The heaps: where link names, dense attributes and values of variable length are kept.

use std::collections::HashMap;
use std::sync::Arc;

use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};

use super::file::File;
use super::header::{kind, little_endian};
use super::shared::in_heap;
use crate::error::{Result, damaged};

/// The flag of a message that is kept in the file's table of shared messages.
const IS_SHARED: u8 = 2;

/// The objects of a fractal heap, in the order of the B-tree at `index`. One that cannot be read is an error of
/// its own, so that the others are still there.
pub fn dense_objects(file: &File, heap: u64, index: u64) -> Result<Vec<Result<Vec<u8>>>> {
    let (offset, length) = (file.offset_size, file.length_size);
    let heap = FractalHeap::parse_at_storage(&file.bytes, heap, offset, length)
        .map_err(crate::error::format)?;
    let header = BTreeV2Header::parse_at_storage(&file.bytes, index, offset, length)
        .map_err(crate::error::format)?;
    let records =
        collect_btree_v2_records_storage(&file.bytes, &header, offset, length, None, &[], None)
            .map_err(crate::error::format)?;
    let mut blocks = FractalHeapDirectBlockCache::default();
    let mut objects = Vec::with_capacity(records.len());
    for record in &records {
        let heap_id = match record {
            BTreeV2Record::AttributeNameHash { heap_id, flags, .. } if flags & IS_SHARED != 0 => {
                objects.push(in_heap(file, kind::ATTRIBUTE, heap_id));
                continue;
            }
            BTreeV2Record::LinkNameHash { heap_id, .. }
            | BTreeV2Record::AttributeNameHash { heap_id, .. } => heap_id,
            _ => continue,
        };
        let object =
            heap.get_object_storage_cached(heap_id, &file.bytes, offset, length, &mut blocks);
        objects.push(object.map_err(crate::error::format));
    }
    Ok(objects)
}

/// Reads values of variable length, keeping the last few heap collections: neighbours lie in the same one.
pub struct GlobalHeap<'a> {
    file: &'a File,
    collections: HashMap<u64, Arc<Collection>>,
    bytes: usize,
}

/// What is kept of global heaps while a scan goes on.
const KEPT_BYTES_MAX: usize = 16 << 20;
/// A collection is read whole; those of real files have a few kB, or one large object.
const COLLECTION_BYTES_MAX: u64 = 256 << 20;

impl<'a> GlobalHeap<'a> {
    /// A reader that has read nothing yet.
    pub fn new(file: &'a File) -> Self {
        Self {
            file,
            collections: HashMap::new(),
            bytes: 0,
        }
    }

    /// The bytes that one stored value of variable length leads to, and how many elements it says they are.
    /// `None` if it leads nowhere, which is an empty value.
    pub fn value(&mut self, stored: &[u8]) -> Result<Option<(usize, HeapBytes)>> {
        let offset = usize::from(self.file.offset_size);
        let too_short = || damaged("a value of variable length has too few bytes");
        let (count, rest) = stored.split_at_checked(4).ok_or_else(too_short)?;
        let count = little_endian(count) as usize;
        let bytes = self.object(rest.get(..offset + 4).ok_or_else(too_short)?)?;
        Ok(bytes.map(|bytes| (count, bytes)))
    }

    /// The object that a heap address and an index lead to.
    pub fn object(&mut self, stored: &[u8]) -> Result<Option<HeapBytes>> {
        let offset = usize::from(self.file.offset_size);
        let (address, index) = stored
            .split_at_checked(offset)
            .ok_or_else(|| damaged("a heap reference is too short"))?;
        let (address, index) = (little_endian(address), little_endian(index) as u16);
        if address == 0 || self.file.is_undefined(address) {
            return Ok(None);
        }
        let collection = self.collection(address)?;
        let place = collection
            .objects
            .binary_search_by_key(&index, |object| object.0);
        let (_, start, length) = place
            .ok()
            .and_then(|at| collection.objects.get(at).copied())
            .ok_or_else(|| {
                damaged(format!(
                    "object {index} is not in the global heap at address {address}"
                ))
            })?;
        Ok(Some(HeapBytes {
            collection,
            start,
            length,
        }))
    }

    fn collection(&mut self, address: u64) -> Result<Arc<Collection>> {
        if let Some(collection) = self.collections.get(&address) {
            return Ok(Arc::clone(collection));
        }
        let foreign = self.file.foreign(address);
        let collection = match &foreign {
            Some((file, address)) => Collection::read(file, *address)?,
            None => Collection::read(self.file, address)?,
        };
        let collection = Arc::new(collection);
        if self.bytes > KEPT_BYTES_MAX {
            self.collections.clear();
            self.bytes = 0;
        }
        self.bytes += collection.bytes.len() + 24 * collection.objects.len();
        self.collections.insert(address, Arc::clone(&collection));
        Ok(collection)
    }
}

/// A global heap collection: a piece of the file with objects in it.
struct Collection {
    bytes: Vec<u8>,
    /// Index, first byte and length of each object, sorted by index.
    objects: Vec<(u16, usize, usize)>,
}

impl Collection {
    fn read(file: &File, address: u64) -> Result<Self> {
        let wrong = |what: &str| damaged(format!("the global heap at address {address} {what}"));
        let length_size = usize::from(file.length_size);
        let head = file.bytes.read(address, 8 + length_size as u64)?;
        if !head.starts_with(b"GCOL\x01") {
            return Err(wrong("is not there"));
        }
        let length = little_endian(&head[8..]);
        if length > COLLECTION_BYTES_MAX {
            return Err(wrong("is larger than 256 MB"));
        }
        let bytes = file.bytes.read(address, length)?;
        // Heads and objects start at multiples of eight bytes.
        let head_bytes = (8 + length_size).next_multiple_of(8);
        let (mut objects, mut at) = (Vec::new(), head_bytes);
        while let Some(head) = bytes.get(at..at.saturating_add(head_bytes)) {
            let index = little_endian(&head[..2]) as u16;
            if index == 0 {
                break;
            }
            let length = little_endian(&head[8..8 + length_size]) as usize;
            let start = at + head_bytes;
            let end = start
                .checked_add(length)
                .filter(|&end| end <= bytes.len())
                .ok_or_else(|| wrong("has an object that it does not hold"))?;
            objects.push((index, start, length));
            at = end.next_multiple_of(8);
        }
        objects.sort_by_key(|object| object.0);
        Ok(Self { bytes, objects })
    }
}

/// The bytes of one heap object.
pub struct HeapBytes {
    collection: Arc<Collection>,
    start: usize,
    length: usize,
}

impl AsRef<[u8]> for HeapBytes {
    fn as_ref(&self) -> &[u8] {
        &self.collection.bytes[self.start..self.start + self.length]
    }
}
