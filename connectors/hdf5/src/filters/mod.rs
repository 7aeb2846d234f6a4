//! The filter pipeline of chunks: what was done to the bytes when they were written, undone.
//!
//! Pure functions on bytes; it never reads a file. Kernels come from crates, all without C; what has none (zfp, jpeg)
//! is refused by its name before a row is read. Nothing decodes to more than a chunk holds.

mod kernel;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{Error, damaged};
use kernel::Kernel;

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

impl FilterSpec {
    /// The name by which the filter is known: the registered one, the one that the file gives, or its number.
    pub fn known_name(&self) -> String {
        match (kernel::registered_name(self.id), &self.name) {
            (Some(name), _) => name.to_owned(),
            (None, Some(name)) => name.clone(),
            (None, None) => format!("filter {}", self.id),
        }
    }
}

/// The filters of one dataset, ready to be undone.
#[derive(Debug, Clone)]
pub struct Pipeline {
    kernels: Vec<Kernel>,
    chunk_bytes: usize,
}

/// Buffers of one thread, used again for each chunk.
#[derive(Default)]
pub struct Scratch {
    spare: Vec<u8>,
    inflate: Option<libdeflater::Decompressor>,
}

impl Pipeline {
    /// The pipeline of these filters, or a refusal that names the one that is not read.
    pub fn new(
        specs: &[FilterSpec],
        element_bytes: usize,
        chunk_bytes: usize,
    ) -> Result<Self, Error> {
        let kernels = specs.iter().map(|spec| Kernel::new(spec, element_bytes));
        Ok(Self {
            kernels: kernels.collect::<Result<_, _>>()?,
            chunk_bytes,
        })
    }

    /// Whether chunks are stored as they are.
    pub fn is_empty(&self) -> bool {
        self.kernels.is_empty()
    }

    /// Replaces what `out` holds with the decoded chunk. A bit of `mask` says that a filter was not applied.
    pub fn decode(
        &self,
        stored: &[u8],
        mask: u32,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let mut is_first = true;
        for (at, kernel) in self.kernels.iter().enumerate().rev() {
            if mask
                .checked_shr(at as u32)
                .is_some_and(|mask| mask & 1 == 1)
            {
                continue;
            }
            // What stands before a compressor may have made a chunk a little longer.
            let room = self
                .chunk_bytes
                .saturating_add(4 * at)
                .saturating_add(if at > 0 { 32 } else { 0 });
            let input = if is_first { stored } else { out.as_slice() };
            let Scratch { spare, inflate } = scratch;
            spare.clear();
            // Kernels read bytes that anybody may have written: a panic in one is damage.
            catch_unwind(AssertUnwindSafe(|| {
                kernel.undo(input, room, inflate, spare)
            }))
            .unwrap_or_else(|_| Err(damaged("its compressed data are damaged")))?;
            std::mem::swap(spare, out);
            is_first = false;
        }
        if is_first {
            out.clear();
            out.extend_from_slice(stored);
        }
        Ok(())
    }
}
