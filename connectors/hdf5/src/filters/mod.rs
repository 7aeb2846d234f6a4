//! The filter pipeline of chunks: gzip, shuffle and checksums; every other filter is refused by its name.

use libdeflater::{DecompressionError, Decompressor};

use crate::error::{Error, damaged, unsupported};

/// One filter as the file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterSpec {
    /// The number under which the filter is registered.
    pub id: u16,
    /// Whether a chunk may go without it.
    pub optional: bool,
    /// The filter's parameters.
    pub client_data: Vec<u32>,
    /// The name that the file gives it.
    pub name: Option<String>,
}

/// The filters of one dataset, ready to be undone.
#[derive(Debug, Clone)]
pub struct Pipeline {
    kernels: Vec<Kernel>,
    element_bytes: usize,
    chunk_bytes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Kernel {
    Gzip,
    Shuffle,
    Fletcher32,
}

/// Buffers of one thread, used again for each chunk.
#[derive(Default)]
pub struct Scratch {
    spare: Vec<u8>,
    inflate: Option<Decompressor>,
}

impl Pipeline {
    /// The pipeline of these filters, or a refusal that names the one that is not read.
    pub fn new(
        specs: &[FilterSpec],
        element_bytes: usize,
        chunk_bytes: usize,
    ) -> Result<Self, Error> {
        let kernels = specs.iter().map(|spec| match spec.id {
            1 => Ok(Kernel::Gzip),
            2 => Ok(Kernel::Shuffle),
            3 => Ok(Kernel::Fletcher32),
            id => Err(unsupported(format!(
                "the filter {id} ({}) is not read yet",
                spec.name.as_deref().unwrap_or("unnamed")
            ))),
        });
        Ok(Self {
            kernels: kernels.collect::<Result<_, _>>()?,
            element_bytes,
            chunk_bytes,
        })
    }

    /// Whether chunks are stored as they are.
    pub fn is_empty(&self) -> bool {
        self.kernels.is_empty()
    }

    /// Undoes the filters of one chunk, the last one first. A bit of `mask` says that a filter was not applied.
    pub fn decode(
        &self,
        stored: &[u8],
        mask: u32,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        out.clear();
        out.extend_from_slice(stored);
        for (at, kernel) in self.kernels.iter().enumerate().rev() {
            if mask
                .checked_shr(at as u32)
                .is_some_and(|mask| mask & 1 == 1)
            {
                continue;
            }
            match kernel {
                Kernel::Gzip => self.inflate(scratch, out)?,
                Kernel::Shuffle => unshuffle(self.element_bytes, scratch, out),
                Kernel::Fletcher32 => check_fletcher32(out)?,
            }
        }
        Ok(())
    }

    fn inflate(&self, scratch: &mut Scratch, out: &mut Vec<u8>) -> Result<(), Error> {
        // A checksum that was added before compression makes it four bytes more.
        scratch.spare.resize(self.chunk_bytes + 4, 0);
        let inflate = scratch.inflate.get_or_insert_with(Decompressor::new);
        match inflate.zlib_decompress(out, &mut scratch.spare) {
            Ok(bytes) => scratch.spare.truncate(bytes),
            Err(DecompressionError::BadData) => return Err(damaged("its gzip data are damaged")),
            Err(DecompressionError::InsufficientSpace) => {
                return Err(damaged("its gzip data are longer than a chunk"));
            }
        }
        std::mem::swap(&mut scratch.spare, out);
        Ok(())
    }
}

fn unshuffle(element_bytes: usize, scratch: &mut Scratch, out: &mut [u8]) {
    if element_bytes < 2 {
        return;
    }
    let elements = out.len() / element_bytes;
    scratch.spare.clear();
    scratch.spare.extend_from_slice(out);
    for (byte, plane) in scratch
        .spare
        .chunks_exact(elements.max(1))
        .take(element_bytes)
        .enumerate()
    {
        for (element, value) in plane.iter().enumerate() {
            out[element * element_bytes + byte] = *value;
        }
    }
}

fn check_fletcher32(out: &mut Vec<u8>) -> Result<(), Error> {
    let wrong = || damaged("its checksum is wrong");
    let (data, sum) = out.split_last_chunk::<4>().ok_or_else(wrong)?;
    if hdf5_reader::checksum::fletcher32(data) != u32::from_le_bytes(*sum) {
        return Err(wrong());
    }
    out.truncate(out.len() - 4);
    Ok(())
}
