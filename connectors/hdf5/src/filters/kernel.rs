//! The kernels: one filter undone on one chunk.

use blosc2_pure_rs::b2nd::B2ndArray;
use blosc2_pure_rs::schunk::Schunk;
use libdeflater::{DecompressionError, Decompressor};
use rust_hdf5::format::messages::filter::{
    Filter, FilterPipeline, reverse_filters_masked_bounded, reverse_filters_masked_into,
};

use super::FilterSpec;
use crate::error::{Error, damaged, unsupported};

/// How one filter is undone.
#[derive(Debug, Clone)]
pub enum Kernel {
    Gzip,
    /// By the bytes of an element.
    Shuffle(usize),
    Fletcher32,
    Lzo,
    Blosc(FilterPipeline),
    Blosc2,
    /// Bits shuffled, then compressed by zstd block by block; the pipeline undoes the shuffling.
    BitshuffleZstd(FilterPipeline),
    /// Nothing was done: nbit leaves alone what has no bits to spare.
    Nothing,
    /// Undone by `rust-hdf5` alone.
    Library(FilterPipeline),
}

/// Numbers of registered filters.
mod id {
    pub const GZIP: u16 = 1;
    pub const SHUFFLE: u16 = 2;
    pub const FLETCHER32: u16 = 3;
    pub const SZIP: u16 = 4;
    pub const NBIT: u16 = 5;
    pub const SCALE_OFFSET: u16 = 6;
    pub const LZO: u16 = 305;
    pub const BZIP2: u16 = 307;
    pub const LZF: u16 = 32_000;
    pub const BLOSC: u16 = 32_001;
    pub const LZ4: u16 = 32_004;
    pub const BITSHUFFLE: u16 = 32_008;
    pub const ZFP: u16 = 32_013;
    pub const ZSTD: u16 = 32_015;
    pub const BLOSC2: u16 = 32_026;
}

/// The names of registered filters.
pub fn registered_name(id: u16) -> Option<&'static str> {
    Some(match id {
        id::GZIP => "gzip",
        id::SHUFFLE => "shuffle",
        id::FLETCHER32 => "fletcher32",
        id::SZIP => "szip",
        id::NBIT => "nbit",
        id::SCALE_OFFSET => "scaleoffset",
        id::LZO => "lzo",
        id::BZIP2 => "bzip2",
        id::LZF => "lzf",
        id::BLOSC => "blosc",
        id::LZ4 => "lz4",
        id::BITSHUFFLE => "bitshuffle",
        id::ZFP => "zfp",
        id::ZSTD => "zstd",
        id::BLOSC2 => "blosc2",
        _ => return None,
    })
}

/// The fifth parameter of bitshuffle: which compression follows it.
const BITSHUFFLE_ZSTD: u32 = 3;

impl Kernel {
    /// The kernel for a filter; a refusal that names the filter if there is none.
    pub fn new(spec: &FilterSpec, element_bytes: usize) -> Result<Self, Error> {
        let library = |values: &[u32]| pipeline(spec.id, values);
        Ok(match spec.id {
            id::GZIP => Self::Gzip,
            id::SHUFFLE => Self::Shuffle(
                spec.client_data
                    .first()
                    .map_or(element_bytes, |&bytes| bytes as usize),
            ),
            id::FLETCHER32 => Self::Fletcher32,
            id::LZO => Self::Lzo,
            id::BLOSC => Self::Blosc(library(&spec.client_data)),
            id::BLOSC2 => Self::Blosc2,
            id::BITSHUFFLE if spec.client_data.get(4) == Some(&BITSHUFFLE_ZSTD) => {
                let mut values = spec.client_data.clone();
                values.truncate(4);
                Self::BitshuffleZstd(library(&values))
            }
            id::NBIT
                if spec
                    .client_data
                    .get(1)
                    .is_some_and(|&is_whole| is_whole != 0) =>
            {
                Self::Nothing
            }
            id::SZIP
            | id::NBIT
            | id::SCALE_OFFSET
            | id::BZIP2
            | id::LZF
            | id::LZ4
            | id::BITSHUFFLE
            | id::ZSTD => Self::Library(library(&spec.client_data)),
            other => {
                let name = spec.known_name();
                return Err(unsupported(format!(
                    "the filter {other} ({name}) is not read yet"
                )));
            }
        })
    }

    /// Undoes the filter; `out` is empty, and is to hold no more than `room` bytes.
    pub fn undo(
        &self,
        input: &[u8],
        room: usize,
        inflate: &mut Option<Decompressor>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        match self {
            Self::Gzip => gunzip(input, room, inflate, out),
            Self::Shuffle(bytes) => {
                unshuffle(input, *bytes, out);
                Ok(())
            }
            Self::Fletcher32 => check_fletcher32(input, out),
            Self::Lzo => unlzo(input, room, out),
            Self::Blosc(pipeline) => unblosc(input, room, pipeline, out),
            Self::Blosc2 => unblosc2(input, room, out),
            Self::BitshuffleZstd(pipeline) => unbitshuffle_zstd(input, room, pipeline, out),
            Self::Nothing => {
                out.extend_from_slice(input);
                Ok(())
            }
            Self::Library(pipeline) => by_library(pipeline, input, room, out),
        }
    }
}

fn pipeline(id: u16, values: &[u32]) -> FilterPipeline {
    FilterPipeline {
        filters: vec![Filter {
            id,
            flags: 0,
            cd_values: values.to_vec(),
        }],
    }
}

fn by_library(
    pipeline: &FilterPipeline,
    input: &[u8],
    room: usize,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let decoded = reverse_filters_masked_bounded(pipeline, input, 0, room);
    *out = decoded.map_err(|error| damaged(format!("its compressed data are damaged: {error}")))?;
    Ok(())
}

fn gunzip(
    input: &[u8],
    room: usize,
    inflate: &mut Option<Decompressor>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    out.resize(room, 0);
    match inflate
        .get_or_insert_with(Decompressor::new)
        .zlib_decompress(input, out)
    {
        Ok(bytes) => {
            out.truncate(bytes);
            Ok(())
        }
        Err(DecompressionError::BadData) => Err(damaged("its gzip data are damaged")),
        Err(DecompressionError::InsufficientSpace) => {
            Err(damaged("its gzip data are longer than a chunk"))
        }
    }
}

/// The first bytes of all elements, then the second ones, …; what makes no whole element stands behind, untouched.
fn unshuffle(input: &[u8], element_bytes: usize, out: &mut Vec<u8>) {
    let elements = input.len().checked_div(element_bytes).unwrap_or(0);
    if element_bytes < 2 || elements < 2 {
        out.extend_from_slice(input);
        return;
    }
    let (planes, rest) = input.split_at(elements * element_bytes);
    match element_bytes {
        2 => unshuffle_fixed::<2>(planes, elements, out),
        4 => unshuffle_fixed::<4>(planes, elements, out),
        8 => unshuffle_fixed::<8>(planes, elements, out),
        _ => {
            out.resize(planes.len(), 0);
            for (byte, plane) in planes.chunks_exact(elements).enumerate() {
                for (element, value) in out.chunks_exact_mut(element_bytes).zip(plane) {
                    element[byte] = *value;
                }
            }
        }
    }
    out.extend_from_slice(rest);
}

fn unshuffle_fixed<const N: usize>(planes: &[u8], elements: usize, out: &mut Vec<u8>) {
    let plane: [&[u8]; N] =
        std::array::from_fn(|byte| &planes[byte * elements..(byte + 1) * elements]);
    out.resize(planes.len(), 0);
    for (at, element) in out.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        *element = std::array::from_fn(|byte| plane[byte][at]);
    }
}

fn check_fletcher32(input: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    let wrong = || damaged("its checksum is wrong");
    let (data, sum) = input.split_last_chunk::<4>().ok_or_else(wrong)?;
    let sum = u32::from_le_bytes(*sum);
    let right = hdf5_reader::checksum::fletcher32(data);
    // Versions of HDF5 before 1.6.3 wrote the bytes of each half the other way round.
    let old = ((right & 0x00ff_00ff) << 8) | ((right >> 8) & 0x00ff_00ff);
    if sum != right && sum != old {
        return Err(wrong());
    }
    out.extend_from_slice(data);
    Ok(())
}

fn unlzo(input: &[u8], room: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    out.resize(room, 0);
    let bytes = lzokay::decompress::decompress(input, out)
        .map_err(|error| damaged(format!("its LZO data are damaged: {error:?}")))?;
    out.truncate(bytes);
    Ok(())
}

/// Blosc says in its header how many bytes it decodes to.
fn unblosc(
    input: &[u8],
    room: usize,
    pipeline: &FilterPipeline,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let head = input
        .first_chunk::<16>()
        .ok_or_else(|| damaged("its Blosc data are damaged"))?;
    let bytes = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if bytes > room {
        return Err(damaged("its Blosc data are longer than a chunk"));
    }
    out.resize(bytes, 0);
    reverse_filters_masked_into(pipeline, input, 0, out)
        .map_err(|error| damaged(format!("its Blosc data are damaged: {error}")))?;
    Ok(())
}

/// Blosc2 stores a chunk as a frame: of an array of its own blocks, or of plain pieces.
fn unblosc2(input: &[u8], room: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    let wrong = |error: &str| damaged(format!("its Blosc2 data are damaged: {error}"));
    let frame = Schunk::from_contiguous_frame(input).map_err(|error| wrong(&error))?;
    let bytes = usize::try_from(frame.nbytes).map_err(|_| wrong("their length is wrong"))?;
    if frame.metalayer("b2nd").is_some() {
        let array = B2ndArray::from_schunk(frame).map_err(wrong)?;
        let elements = array.meta.shape.iter().try_fold(1_usize, |all, &length| {
            all.checked_mul(usize::try_from(length).ok()?)
        });
        if elements.is_none_or(|elements| elements > room) {
            return Err(damaged("its Blosc2 data are longer than a chunk"));
        }
        *out = array.to_dense_buffer().map_err(wrong)?;
    } else {
        if bytes > room {
            return Err(damaged("its Blosc2 data are longer than a chunk"));
        }
        out.reserve(bytes);
        let mut piece = 0;
        while out.len() < bytes {
            let decoded = frame.decompress_chunk(piece).map_err(wrong)?;
            if decoded.is_empty() {
                return Err(wrong("a piece is empty"));
            }
            out.extend_from_slice(&decoded);
            piece += 1;
        }
    }
    if out.len() > room {
        return Err(damaged("its Blosc2 data are longer than a chunk"));
    }
    Ok(())
}

/// Length of all, length of a block, then each block with its length; a rest of less than eight elements stands behind
/// as it is. Lengths are big-endian.
fn unbitshuffle_zstd(
    input: &[u8],
    room: usize,
    shuffled: &FilterPipeline,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let wrong = || damaged("its bitshuffled data are damaged");
    let (head, mut rest) = input.split_at_checked(12).ok_or_else(wrong)?;
    let big = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_usize, |number, &byte| (number << 8) | usize::from(byte))
    };
    let (bytes, block_bytes) = (big(&head[..8]), big(&head[8..]));
    let filter = &shuffled.filters.first().ok_or_else(wrong)?.cd_values;
    let element_bytes = filter.get(2).copied().unwrap_or(1).max(1) as usize;
    if bytes > room || block_bytes == 0 {
        return Err(wrong());
    }
    let zstd = pipeline(id::ZSTD, &[]);
    let mut blocks = Vec::with_capacity(bytes);
    let whole = bytes / (8 * element_bytes) * 8 * element_bytes;
    while blocks.len() < whole {
        let (length, left) = rest.split_at_checked(4).ok_or_else(wrong)?;
        let (block, left) = left.split_at_checked(big(length)).ok_or_else(wrong)?;
        let mut decoded = Vec::new();
        by_library(&zstd, block, block_bytes, &mut decoded)?;
        if decoded.is_empty() {
            return Err(wrong());
        }
        blocks.extend_from_slice(&decoded);
        rest = left;
    }
    blocks.extend_from_slice(rest);
    if blocks.len() != bytes {
        return Err(wrong());
    }
    // What is left is bitshuffle without compression, in blocks of the same size.
    let mut values = filter.clone();
    values.resize(4, 0);
    values[3] = (block_bytes / element_bytes) as u32;
    by_library(&pipeline(id::BITSHUFFLE, &values), &blocks, room, out)
}
