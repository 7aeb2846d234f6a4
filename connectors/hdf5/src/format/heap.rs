//! The heaps: where link names, dense attributes and values of variable length are kept.

use std::collections::HashMap;
use std::sync::Arc;

use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};
use hdf5_reader::global_heap::GlobalHeapCollection;

use super::file::File;
use super::header::little_endian;
use crate::error::{Result, damaged};

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
        let (BTreeV2Record::LinkNameHash { heap_id, .. }
        | BTreeV2Record::AttributeNameHash { heap_id, .. }) = record
        else {
            continue;
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
    collections: HashMap<u64, Arc<GlobalHeapCollection>>,
    bytes: usize,
}

/// What is kept of global heaps while a scan goes on.
const KEPT_BYTES_MAX: usize = 16 << 20;

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
        let position = collection
            .objects
            .iter()
            .position(|object| object.index == index)
            .ok_or_else(|| {
                damaged(format!(
                    "object {index} is not in the global heap at address {address}"
                ))
            })?;
        Ok(Some(HeapBytes {
            collection,
            position,
        }))
    }

    fn collection(&mut self, address: u64) -> Result<Arc<GlobalHeapCollection>> {
        if let Some(collection) = self.collections.get(&address) {
            return Ok(Arc::clone(collection));
        }
        let (offset, length) = (self.file.offset_size, self.file.length_size);
        let collection =
            GlobalHeapCollection::parse_at_storage(&self.file.bytes, address, offset, length)
                .map_err(crate::error::format)?;
        let collection = Arc::new(collection);
        if self.bytes > KEPT_BYTES_MAX {
            self.collections.clear();
            self.bytes = 0;
        }
        self.bytes += collection
            .objects
            .iter()
            .map(|object| object.data.len() + 32)
            .sum::<usize>();
        self.collections.insert(address, Arc::clone(&collection));
        Ok(collection)
    }
}

/// The bytes of one heap object.
pub struct HeapBytes {
    collection: Arc<GlobalHeapCollection>,
    position: usize,
}

impl AsRef<[u8]> for HeapBytes {
    fn as_ref(&self) -> &[u8] {
        &self.collection.objects[self.position].data
    }
}
