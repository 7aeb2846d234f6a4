//! The links of one group, old style and new, each with where it leads.
//!
//! Links are read, never followed: a link that leads nowhere does not hide its neighbours.

use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::{link_info, symbol_table_msg};

use super::file::File;
use super::header::{ObjectHeader, kind, little_endian};
use super::heap::dense_objects;
use crate::error::{Error, Result, damaged};

/// One name in a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub name: String,
    pub target: Target,
    /// When it was made, among the links of its group, where the file keeps that.
    created: Option<u64>,
}

/// Where a link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The object header at this address.
    Hard(u64),
    /// A path, absolute or from the group on.
    Soft(String),
    /// A path in another file.
    External { file: String, path: String },
    /// Nowhere that could be read, with the reason.
    Unreadable(String),
}

/// The links of the group with this header: in the order of their making where the file keeps it, else by name.
pub fn links(file: &File, header: &ObjectHeader) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    if let Some(message) = header.find(file, kind::SYMBOL_TABLE)? {
        old_style(file, &message, &mut links)?;
    }
    for message in header
        .messages
        .iter()
        .filter(|message| message.kind == kind::LINK)
    {
        links.push(parsed(file, &message.data, links.len()));
    }
    if let Some(message) = header.find(file, kind::LINK_INFO)? {
        let mut cursor = Cursor::new(&message);
        let info = link_info::parse(
            &mut cursor,
            file.offset_size,
            file.length_size,
            message.len(),
        )
        .map_err(crate::error::format)?;
        if !file.is_undefined(info.fractal_heap_address) {
            for object in dense_objects(
                file,
                info.fractal_heap_address,
                info.btree_name_index_address,
            )? {
                let position = links.len();
                links.push(object.map_or_else(
                    |error| unreadable(position, &error),
                    |data| parsed(file, &data, position),
                ));
            }
        }
    }
    if links.iter().all(|link| link.created.is_some()) {
        links.sort_by_key(|link| link.created);
    } else {
        links.sort_by(|a, b| a.name.cmp(&b.name));
    }
    Ok(links)
}

fn parsed(file: &File, data: &[u8], position: usize) -> Link {
    link(file, data)
        .unwrap_or_else(|| unreadable(position, &damaged("the link message ends too early")))
}

fn unreadable(position: usize, error: &Error) -> Link {
    let target = Target::Unreadable(format!("the link cannot be read: {error}"));
    Link {
        name: format!("unreadable link {position}"),
        target,
        created: None,
    }
}

/// A link message. `None` if it is too short for what it says.
fn link(file: &File, data: &[u8]) -> Option<Link> {
    let mut rest = data;
    let mut take = |length: usize| -> Option<&[u8]> {
        let (taken, left) = rest.split_at_checked(length)?;
        rest = left;
        Some(taken)
    };
    let flags = take(2)?[1];
    let link_type = if flags & 8 == 0 { 0 } else { take(1)?[0] };
    let created = if flags & 4 == 0 {
        None
    } else {
        Some(little_endian(take(8)?))
    };
    if flags & 16 != 0 {
        take(1)?;
    }
    let length = little_endian(take(1 << (flags & 3))?) as usize;
    let name = String::from_utf8_lossy(take(length)?).into_owned();
    let target = match link_type {
        0 => Target::Hard(little_endian(take(usize::from(file.offset_size))?)),
        1 => {
            let length = little_endian(take(2)?) as usize;
            Target::Soft(until_null(take(length)?))
        }
        64 => {
            let length = little_endian(take(2)?) as usize;
            let value = take(length)?.get(1..)?;
            let (file, path) = value.split_at(value.iter().position(|&byte| byte == 0)?);
            Target::External {
                file: until_null(file),
                path: until_null(&path[1..]),
            }
        }
        other => Target::Unreadable(format!("links of type {other} are not known")),
    };
    Some(Link {
        name,
        target,
        created,
    })
}

/// An old-style group: a B-tree of symbol table nodes, with the names in a local heap.
fn old_style(file: &File, message: &[u8], links: &mut Vec<Link>) -> Result<()> {
    let (offset, length) = (file.offset_size, file.length_size);
    let table = symbol_table_msg::parse(&mut Cursor::new(message), offset, length, message.len())
        .map_err(crate::error::format)?;
    let heap = LocalHeap::parse_at_storage(&file.bytes, table.heap_address, offset, length)
        .map_err(crate::error::format)?;
    let names = file
        .bytes
        .read(heap.data_segment_address, heap.data_segment_size)?;
    let name_at = |offset: u64| names.get(offset as usize..).map(until_null);
    let nodes = collect_btree_v1_leaves_storage(
        &file.bytes,
        table.btree_address,
        offset,
        length,
        None,
        &[],
        None,
    )
    .map_err(crate::error::format)?;
    // The name is counted in lengths, the object in offsets.
    let (offset, length) = (usize::from(offset), usize::from(length));
    for (_, address) in nodes {
        let start = file.bytes.read(address, 8)?;
        if !start.starts_with(b"SNOD") {
            return Err(damaged(format!(
                "there is no symbol table node at address {address}"
            )));
        }
        let entry_bytes = length + offset + 24;
        let count = u64::from(u16::from_le_bytes([start[6], start[7]]));
        let entries = file.bytes.read(address + 8, count * entry_bytes as u64)?;
        for entry in entries.chunks_exact(entry_bytes) {
            let target_of = |at: usize, bytes: usize| little_endian(&entry[at..at + bytes]);
            let Some(name) = name_at(target_of(0, length)) else {
                links.push(unreadable(
                    links.len(),
                    &damaged("its name is not in the heap"),
                ));
                continue;
            };
            // A soft link is told by the cache type; its scratch pad says where the path is.
            let target = if target_of(length + offset, 4) == 2 {
                name_at(target_of(length + offset + 8, 4)).map_or_else(
                    || Target::Unreadable("its path is not in the heap".into()),
                    Target::Soft,
                )
            } else {
                Target::Hard(target_of(length, offset))
            };
            links.push(Link {
                name,
                target,
                created: None,
            });
        }
    }
    Ok(())
}

fn until_null(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
