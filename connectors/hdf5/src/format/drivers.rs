//! Files that are several files on disk, as drivers of the HDF5 library write them: families of pieces of one length, and
//! metadata and data apart (split, multi).
//!
//! The file that is served is the first one, with the superblock. Its name tells those of the others, which are read
//! only in its own folder; if one is missing, nothing is read, because what it held cannot be known.

use std::path::{Path, PathBuf};

use hdf5_reader::superblock::Superblock;

use super::folder::Folder;
use super::header::little_endian;
use super::storage::FileBytes;
use crate::error::{Result, damaged, unsupported};

/// Members of a family.
const MEMBERS_MAX: u64 = 1 << 12;

/// Where the files start that are one file together, each with its address; `None` for a file by itself.
pub fn parts(
    path: &Path,
    folder: &Folder,
    bytes: &FileBytes,
    superblock: &Superblock,
) -> Result<Option<Vec<(u64, PathBuf)>>> {
    // Newer superblocks of such files keep the same in their extension, after the name of the driver.
    let address = superblock.driver_info_address;
    let undefined = super::file::undefined_address(superblock.offset_size);
    let block = if superblock.version < 2 {
        if address == undefined {
            return Ok(None);
        }
        let head = bytes.read(address, 16)?;
        let length = little_endian(&head[4..8]);
        let mut block = head[8..].to_vec();
        block.extend(bytes.read(address.saturating_add(16), length)?);
        block
    } else {
        match superblock.extension_address {
            Some(address) if address != undefined => in_extension(bytes, address)?,
            _ => return Ok(None),
        }
    };
    match block.split_at_checked(8) {
        Some((b"NCSAfami", data)) => family(path, folder, data, superblock.eof_address).map(Some),
        Some((b"NCSAmult", data)) => multi(path, folder, data).map(Some),
        _ => Ok(None),
    }
}

/// The message is looked for by the driver's name: the extension can only be parsed once the file is put together.
fn in_extension(bytes: &FileBytes, address: u64) -> Result<Vec<u8>> {
    let length = bytes.length().saturating_sub(address).min(4 << 10);
    let extension = bytes.read(address, length)?;
    if !extension.starts_with(b"OHDR") {
        return Ok(Vec::new());
    }
    let names: [&[u8]; 2] = [b"NCSAfami", b"NCSAmult"];
    let at = extension
        .windows(8)
        .position(|bytes| names.contains(&bytes));
    let Some((name, rest)) = at.and_then(|at| extension[at..].split_at_checked(8)) else {
        return Ok(Vec::new());
    };
    let Some((length, rest)) = rest.split_at_checked(2) else {
        return Ok(Vec::new());
    };
    let data = rest.get(..little_endian(length) as usize);
    Ok([name, data.unwrap_or_default()].concat())
}

fn family(path: &Path, folder: &Folder, data: &[u8], end: u64) -> Result<Vec<(u64, PathBuf)>> {
    let alone = |why: String| {
        unsupported(format!(
            "it is a member of a family of files, which are one file only together: {why}"
        ))
    };
    let length = data
        .get(..8)
        .map(little_endian)
        .filter(|&length| length > 0);
    let length = length.ok_or_else(|| damaged("a family of files has members of no length"))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (before, number, after) =
        numbered(&name).ok_or_else(|| alone(format!("there is no number in the name {name:?}")))?;
    if number.chars().any(|char| char != '0') {
        return Err(alone(format!("the first is not {name:?}")));
    }
    let count = end.div_ceil(length);
    if count > MEMBERS_MAX {
        return Err(alone(format!("there are {count} of them")));
    }
    let member = |n: u64| {
        let name = format!("{before}{n:0width$}{after}", width = number.len());
        let path = folder.beside(path, &name)?.required();
        let path = path.map_err(|_| alone(format!("{name:?} is not there")))?;
        Ok((n * length, path))
    };
    (0..count).map(member).collect()
}

/// The number in a name, with what is before and after it: the last one that is not in the ending, as in `.h5`.
fn numbered(name: &str) -> Option<(&str, &str, &str)> {
    let (stem, _) = name.rsplit_once('.').unwrap_or((name, ""));
    let before_last = stem.trim_end_matches(|char: char| !char.is_ascii_digit());
    let before = before_last.trim_end_matches(|char: char| char.is_ascii_digit());
    let number = before_last.strip_prefix(before)?;
    let after = name.strip_prefix(before_last)?;
    (!number.is_empty()).then_some((before, number, after))
}

fn multi(path: &Path, folder: &Folder, data: &[u8]) -> Result<Vec<(u64, PathBuf)>> {
    let wrong = || damaged("its list of files is damaged");
    let (map, rest) = data.split_at_checked(8).ok_or_else(wrong)?;
    let mut members: Vec<u8> = Vec::new();
    for (kind, &member) in (1..).zip(&map[..6]) {
        let member = if member == 0 { kind } else { member };
        if !members.contains(&member) {
            members.push(member);
        }
    }
    let (places, mut names) = rest
        .split_at_checked(16 * members.len())
        .ok_or_else(wrong)?;
    let (mut parts, mut base) = (Vec::new(), None);
    for place in places.chunks_exact(16) {
        let end = names.iter().position(|&byte| byte == 0).ok_or_else(wrong)?;
        let pattern = String::from_utf8_lossy(&names[..end]).into_owned();
        // Names are padded to eight bytes.
        names = names.get((end + 8) & !7..).unwrap_or_default();
        // The first file is the one that is open; what stands for `%s` in its name does so in the others.
        let base = base.get_or_insert_with(|| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let (before, after) = pattern.split_once("%s")?;
            let base = name.strip_prefix(before)?.strip_suffix(after)?;
            Some(base.to_owned())
        });
        let name = match base {
            Some(base) => pattern.replace("%s", base),
            None => pattern,
        };
        let file = folder.beside(path, &name)?.required();
        let file = file.map_err(|_| {
            unsupported(format!(
                "it is one part of a file in several, of which {name:?} is not there"
            ))
        })?;
        parts.push((little_endian(&place[..8]), file));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_member_is_the_last_one_before_the_ending() {
        for (name, parts) in [
            ("family_00.h5", Some(("family_", "00", ".h5"))),
            ("2020-0-x.h5", Some(("2020-", "0", "-x.h5"))),
            ("a.h5", None),
            ("0", Some(("", "0", ""))),
        ] {
            assert_eq!(numbered(name), parts);
        }
    }
}
