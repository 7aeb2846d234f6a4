//! One dataset: its type, shape, layout, filters and fill value, read once from its object header.
//!
//! A dataset whose rows cannot be read (an unknown filter, data outside of the served folder) is still a dataset, with
//! the reason; only one whose header makes no sense is an error.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use hdf5_reader::io::Cursor;
use hdf5_reader::messages::fill_value;
use hdf5_reader::messages::layout::{self, ChunkIndexing, DataLayout};

use super::attribute::{Attribute, Shape, attributes, shape};
use super::chunks::ChunkIndex;
use super::datatype::{Class, Datatype};
use super::external::{self, Segment};
use super::file::File;
use super::header::{ObjectHeader, kind, little_endian};
use super::mapping::{Descent, Virtual};
use crate::error::{Error, Result, damaged, unsupported};
use crate::filters::{FilterSpec, Pipeline};

/// A chunk is decoded whole; this bounds what one can make us allocate.
const CHUNK_BYTES_MAX: u64 = 256 << 20;
/// A row is shown whole; one of more bytes than this is refused.
const ROW_BYTES_MAX: u64 = 64 << 20;

/// How many datasets were read.
static DATASETS: AtomicU64 = AtomicU64::new(0);

/// A dataset of an open file.
#[derive(Debug)]
pub struct Dataset {
    /// Tells it from every other dataset that this program read, and from the same one read before.
    pub serial: u64,
    /// The file that holds it; another one than was opened, behind an external link.
    pub file: Arc<File>,
    pub datatype: Datatype,
    /// `None` for a null dataspace, empty for a scalar.
    pub shape: Option<Vec<u64>>,
    /// The dimension whose steps are the rows.
    pub main: usize,
    pub layout: Layout,
    /// In the order in which they were applied when it was written.
    pub filters: Vec<FilterSpec>,
    /// One element as it is where nothing was written.
    pub fill: Vec<u8>,
    /// Whether the file says what that is.
    pub has_fill: bool,
    pub attributes: Vec<Attribute>,
    index: OnceLock<Result<Arc<ChunkIndex>, String>>,
}

/// Where the elements are.
#[derive(Debug, Clone)]
pub enum Layout {
    /// In the object header.
    Compact(Vec<u8>),
    /// In one piece; `None` if nothing was ever written.
    Contiguous(Option<u64>),
    /// In one piece for each step of the first dimension, with so many bytes from one to the next.
    Records { address: u64, stride: u64 },
    /// In chunks of one size.
    Chunked(Chunking),
    /// In files of raw bytes.
    External(Vec<Segment>),
    /// In other datasets.
    Virtual(Arc<Virtual>),
}

/// How chunks are laid out and found.
#[derive(Debug, Clone)]
pub struct Chunking {
    /// Elements of a chunk by dimension.
    pub dims: Vec<u64>,
    /// The dimensions that the dataset may grow to.
    pub max_dims: Vec<u64>,
    /// Where the index of the chunks is.
    pub address: u64,
    /// `None` is the B-tree of version 1.
    pub indexing: Option<ChunkIndexing>,
    /// Whether chunks over the edge of the dataset are stored without filters.
    pub edges_are_plain: bool,
}

impl Dataset {
    /// Reads the description of the dataset whose header is at `address`; none of its elements.
    pub fn read(file: &Arc<File>, address: u64) -> Result<Self> {
        if let Some(classic) = &file.classic {
            return classic.dataset(file, address);
        }
        Self::read_within(file, address, &Descent::default())
    }

    /// The same for the source of a virtual dataset, which is on the way to it.
    pub fn read_within(file: &Arc<File>, address: u64, descent: &Descent) -> Result<Self> {
        let header = ObjectHeader::read(file, address)?;
        let find = |kind| header.find(file, kind);
        let datatype =
            Datatype::parse(&find(kind::DATATYPE)?.ok_or_else(|| damaged("it has no datatype"))?)?;
        let space = shape(
            file,
            &find(kind::DATASPACE)?.ok_or_else(|| damaged("it has no dataspace"))?,
        )?;
        let layout = if let Some(files) = find(kind::EXTERNAL_FILES)? {
            Layout::External(external::parse(file, &files)?)
        } else {
            let message = find(kind::LAYOUT)?.ok_or_else(|| damaged("it has no data layout"))?;
            if message.first().is_some_and(|&version| version >= 4) && message.get(1) == Some(&3) {
                Layout::Virtual(Arc::new(Virtual::read(file, address, &message, descent)?))
            } else {
                parse_layout(file, &message, space.as_ref(), &datatype)?
            }
        };
        let mut dims = space.as_ref().map(|space| space.dims.clone());
        if let (Layout::Virtual(mappings), Some(dims)) = (&layout, &mut dims) {
            *dims = mappings.dims(file, dims)?;
        }
        let attributes = attributes(file, &header);
        let main = main_dimension(&attributes, space.as_ref());
        let told = fill(file, &header, datatype.size)?;
        let filters = find(kind::FILTERS)?
            .map_or_else(|| Ok(Vec::new()), |message| parse_filters(&message))?;
        Ok(Self {
            serial: DATASETS.fetch_add(1, Ordering::Relaxed),
            file: Arc::clone(file),
            has_fill: told.is_some(),
            fill: told.unwrap_or_else(|| vec![0; datatype.size]),
            datatype,
            shape: dims,
            main,
            layout,
            filters,
            attributes,
            index: OnceLock::new(),
        })
    }

    /// A dataset without filters and chunks.
    pub fn plain(
        file: &Arc<File>,
        datatype: Datatype,
        shape: Vec<u64>,
        layout: Layout,
        attributes: Vec<Attribute>,
    ) -> Self {
        Self {
            serial: DATASETS.fetch_add(1, Ordering::Relaxed),
            file: Arc::clone(file),
            fill: vec![0; datatype.size],
            has_fill: true,
            datatype,
            shape: Some(shape),
            main: 0,
            layout,
            filters: Vec::new(),
            attributes,
            index: OnceLock::new(),
        }
    }

    /// How many rows there are: steps of the main dimension, one for a scalar.
    pub fn rows(&self) -> u64 {
        match &self.shape {
            None => 0,
            Some(dims) => dims.get(self.main).copied().unwrap_or(1),
        }
    }

    /// The dimensions; none of a scalar or a null dataspace.
    pub fn dims(&self) -> &[u64] {
        self.shape.as_deref().unwrap_or_default()
    }

    /// The dimensions of one row.
    pub fn row_shape(&self) -> Vec<u64> {
        let dims = self.shape.as_deref().unwrap_or_default();
        dims.iter()
            .enumerate()
            .filter(|(at, _)| *at != self.main)
            .map(|(_, &length)| length)
            .collect()
    }

    /// The bytes of one row; fails if they are more than can be shown.
    pub fn row_bytes(&self) -> Result<usize> {
        // A dimension of no length makes the others none the shorter to write down.
        let shape = self.row_shape();
        let start = self.datatype.size.max(1) as u64;
        let places = shape
            .iter()
            .try_fold(start, |bytes, &length| bytes.checked_mul(length.max(1)));
        if places.is_none_or(|places| places > ROW_BYTES_MAX) {
            let message = format!("its rows are larger than {} MB each", ROW_BYTES_MAX >> 20);
            return Err(unsupported(message));
        }
        Ok(shape.iter().product::<u64>() as usize * self.datatype.size)
    }

    /// Why no row can be read, if so.
    pub fn unreadable_reason(&self) -> Option<String> {
        let reason = match &self.layout {
            Layout::External(segments) => external::unreadable_reason(&self.file, segments),
            Layout::Virtual(mappings) => mappings.unreadable_reason(&self.file),
            _ => None,
        };
        reason
            .or_else(|| self.datatype.unreadable_reason())
            .or_else(|| self.row_bytes().err().map(|error| error.to_string()))
            .or_else(|| self.pipeline().err().map(|error| error.to_string()))
    }

    /// What turns stored chunks into elements; fails with the name of a filter that is not known.
    pub fn pipeline(&self) -> Result<Pipeline> {
        let Layout::Chunked(chunking) = &self.layout else {
            return Pipeline::new(&[], self.datatype.size, 0);
        };
        // Checked when the layout was read: it fits.
        let chunk_bytes = chunking.dims.iter().product::<u64>() as usize * self.datatype.size;
        Pipeline::new(&self.filters, self.datatype.size, chunk_bytes)
    }

    /// Where the chunks are; read on first use and kept. `None` if the dataset is not chunked.
    pub fn index(&self) -> Result<Option<Arc<ChunkIndex>>> {
        let Layout::Chunked(chunking) = &self.layout else {
            return Ok(None);
        };
        let index = self.index.get_or_init(|| {
            ChunkIndex::read(self, chunking)
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        index.clone().map(Some).map_err(damaged)
    }

    /// The attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }
}

/// `PyTables` names the dimension along which an `EArray` grows; everything else goes by the first.
fn main_dimension(attributes: &[Attribute], space: Option<&Shape>) -> usize {
    let rank = space.map_or(0, |space| space.dims.len());
    let dimension = attributes
        .iter()
        .find(|attribute| attribute.name == "EXTDIM")
        .filter(|attribute| matches!(attribute.datatype.class, Class::Integer { .. }))
        .map_or(0, |attribute| {
            little_endian(attribute.data.get(..4).unwrap_or_default()) as usize
        });
    if dimension < rank { dimension } else { 0 }
}

fn parse_layout(
    file: &File,
    message: &[u8],
    space: Option<&Shape>,
    datatype: &Datatype,
) -> Result<Layout> {
    let version = message.first().copied().unwrap_or(0);
    let parsed = layout::parse(
        &mut Cursor::new(message),
        file.offset_size,
        file.length_size,
        message.len(),
    )
    .map_err(crate::error::format)?;
    Ok(match parsed.layout {
        DataLayout::Compact { data } => Layout::Compact(data),
        DataLayout::Contiguous { address, .. } => {
            Layout::Contiguous(Some(address).filter(|&address| !file.is_undefined(address)))
        }
        DataLayout::Chunked {
            address,
            dims,
            chunk_indexing,
            ..
        } => {
            let space = space.ok_or_else(|| damaged("it has chunks, and no dimensions"))?;
            let edges_are_plain =
                version >= 4 && message.get(2).is_some_and(|flags| flags & 1 != 0);
            let chunking = Chunking {
                dims: dims
                    .iter()
                    .take(space.dims.len())
                    .map(|&length| u64::from(length))
                    .collect(),
                max_dims: space.max_dims.clone(),
                address,
                indexing: chunk_indexing,
                edges_are_plain,
            };
            check_chunking(&chunking, space.dims.len(), datatype.size)?;
            Layout::Chunked(chunking)
        }
    })
}

fn check_chunking(chunking: &Chunking, rank: usize, element_bytes: usize) -> Result<()> {
    if rank == 0 || chunking.dims.len() != rank || chunking.dims.contains(&0) {
        return Err(damaged("its chunks do not have its dimensions"));
    }
    let bytes = chunking
        .dims
        .iter()
        .try_fold(element_bytes as u64, |bytes, &length| {
            bytes.checked_mul(length)
        });
    match bytes {
        Some(bytes) if bytes <= CHUNK_BYTES_MAX => Ok(()),
        _ => Err(unsupported(format!(
            "its chunks are larger than {} MB each",
            CHUNK_BYTES_MAX >> 20
        ))),
    }
}

fn fill(file: &File, header: &ObjectHeader, size: usize) -> Result<Option<Vec<u8>>> {
    let (offset, length) = (file.offset_size, file.length_size);
    let message = if let Some(message) = header.find(file, kind::FILL_VALUE)? {
        fill_value::parse_new(&mut Cursor::new(&message), offset, length, message.len())
    } else if let Some(message) = header.find(file, kind::FILL_VALUE_OLD)? {
        fill_value::parse_old(&mut Cursor::new(&message), offset, length, message.len())
    } else {
        return Ok(None);
    };
    let value = message.map_err(crate::error::format)?.value;
    Ok(value.filter(|value| value.len() == size))
}

/// The filter message; parsed here, because whether a filter is optional decides how to read what it skipped.
fn parse_filters(message: &[u8]) -> Result<Vec<FilterSpec>> {
    let mut rest = message;
    let mut take = |length: usize| {
        let (taken, left) = rest
            .split_at_checked(length)
            .ok_or_else(|| damaged("its filter message ends too early"))?;
        rest = left;
        Ok::<&[u8], Error>(taken)
    };
    let head = take(2)?;
    let (version, count) = (head[0], head[1]);
    if version == 1 {
        take(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = little_endian(take(2)?) as u16;
        let name_bytes = if version == 1 || id >= 256 {
            little_endian(take(2)?) as usize
        } else {
            0
        };
        let flags = little_endian(take(2)?);
        let values = little_endian(take(2)?) as usize;
        let padded = if version == 1 {
            (name_bytes + 7) & !7
        } else {
            name_bytes
        };
        let name = take(padded)?
            .split(|&byte| byte == 0)
            .next()
            .unwrap_or_default();
        let name = (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned());
        let client_data = take(4 * values)?
            .chunks_exact(4)
            .map(|value| little_endian(value) as u32)
            .collect();
        if version == 1 && values % 2 == 1 {
            take(4)?;
        }
        filters.push(FilterSpec {
            id,
            optional: flags & 1 != 0,
            client_data,
            name,
        });
    }
    Ok(filters)
}
