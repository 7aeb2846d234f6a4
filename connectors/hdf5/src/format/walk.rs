//! The walk over all links of a file: every dataset at every path, and every odd node with its reason.
//!
//! Groups that contain themselves are cut. External links are followed within the folder of the file that was
//! opened, and nowhere else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::file::File;
use super::folder::resolve;
use super::header::{ObjectHeader, ObjectKind};
use super::links::{Link, Target, links};
use crate::error::{Result, damaged, unsupported};
use crate::frame::is_frame;
use crate::grid::Grid;

/// Groups in groups.
const DEPTH_MAX: usize = 200;
/// Nodes of a file: hard links can make a small file have endlessly many.
const NODES_MAX: usize = 1_000_000;
/// Paths to one group: groups that hold each other twice have endlessly many, too.
const PATHS_MAX: usize = 64;
/// Files behind external links.
const FILES_MAX: usize = 64;

/// A dataset or a node that cannot be one, at one path.
pub struct Node {
    /// Without the leading slash.
    pub path: String,
    pub place: Place,
}

/// Where a node leads.
pub enum Place {
    /// The object header of a dataset.
    Dataset { file: Arc<File>, address: u64 },
    /// The object header of a group that pandas made a frame of.
    Frame { file: Arc<File>, address: u64 },
    /// Several datasets that share their dimensions.
    Grid(Arc<Grid>),
    /// Nothing that can be read, with the reason.
    Unreadable(String),
}

/// What a walk found.
pub struct Tree {
    /// Datasets and odd nodes, in the order of the file.
    pub nodes: Vec<Node>,
    /// The path, the file and the address of each group, the root first; a group with several paths has one of each.
    pub groups: Vec<(String, Arc<File>, u64)>,
    /// The groups in which `PyTables` keeps indexes, by the path of the table.
    pub indexes: HashMap<String, u64>,
    /// The path of each object of the file, for references to it: the first path found.
    pub paths: HashMap<u64, String>,
    /// The file that was walked.
    pub file: Arc<File>,
}

/// Walks the whole file.
pub fn walk(file: &Arc<File>) -> Result<Tree> {
    let tree = Tree {
        nodes: Vec::new(),
        groups: Vec::new(),
        indexes: HashMap::new(),
        paths: HashMap::new(),
        file: Arc::clone(file),
    };
    let mut walk = Walk {
        file: Arc::clone(file),
        tree,
        files: Vec::new(),
        visits: HashMap::new(),
        frames: Vec::new(),
    };
    if let Some(classic) = &file.classic {
        for (number, variable) in classic.variables.iter().enumerate() {
            walk.dataset(Arc::clone(file), number as u64, &variable.name);
        }
        let root = (String::new(), Arc::clone(file), 0);
        walk.tree.groups.push(root);
        return Ok(walk.tree);
    }
    walk.group(file.root_address, "", &mut Vec::new())?;
    Ok(walk.tree)
}

/// `PyTables` keeps the indexes of a table in a group beside it, whose name starts so.
const INDEXES: &str = "_i_";

/// The names of a group's objects that may have indexes beside them.
fn indexed(links: &[Link]) -> HashSet<String> {
    let names: HashSet<&str> = links.iter().map(|link| link.name.as_str()).collect();
    let tables = names.iter().filter_map(|name| name.strip_prefix(INDEXES));
    let there = tables.filter(|table| names.contains(table));
    there.map(str::to_owned).collect()
}

/// The path of what is called `name` in the group at `path`.
fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}

struct Walk {
    /// The file that the walk is in.
    file: Arc<File>,
    tree: Tree,
    /// The files behind external links, kept open until the end of the walk.
    files: Vec<Arc<File>>,
    /// How often each group was walked.
    visits: HashMap<Object, usize>,
    /// The paths of the frames that the walk is in.
    frames: Vec<String>,
}

/// Which file, and where in it. The files are kept until the end of the walk.
type Object = (*const File, u64);

impl Walk {
    fn here(&self, address: u64) -> Object {
        (Arc::as_ptr(&self.file), address)
    }

    /// Walks a group; `above` are the groups that it is in.
    fn group(&mut self, address: u64, path: &str, above: &mut Vec<Object>) -> Result<()> {
        let here = self.here(address);
        let visits = self.visits.entry(here).or_default();
        *visits += 1;
        if *visits > PATHS_MAX {
            return Err(unsupported(format!(
                "there are more than {PATHS_MAX} paths to this group"
            )));
        }
        let header = ObjectHeader::read(&self.file, address)?;
        let links = links(&self.file, &header)?;
        let file = Arc::clone(&self.file);
        self.tree.groups.push((path.to_owned(), file, address));
        self.found(address, path);
        if self.is_frame(&header, path) {
            self.tree.nodes.push(Node {
                path: path.to_owned(),
                place: Place::Frame {
                    file: Arc::clone(&self.file),
                    address,
                },
            });
            self.frames.push(path.to_owned());
        }
        above.push(here);
        let tables: HashSet<String> = indexed(&links);
        for link in links {
            if path.is_empty() && link.name.is_empty() {
                continue;
            }
            if let Some(table) = link.name.strip_prefix(INDEXES)
                && tables.contains(table)
                && let Target::Hard(group) = link.target
                && ObjectHeader::read(&self.file, group)
                    .map_or(true, |header| header.kind() == ObjectKind::Group)
            {
                let table = joined(path, table);
                self.tree.indexes.insert(table, group);
                continue;
            }
            if self.tree.nodes.len() >= NODES_MAX {
                return Err(unsupported(format!(
                    "it has more than {NODES_MAX} datasets"
                )));
            }
            let child = joined(path, &link.name);
            if let Err(error) = self.child(&link.target, &child, address, above) {
                self.tree.nodes.push(Node {
                    path: child,
                    place: Place::Unreadable(error.to_string()),
                });
            }
        }
        above.pop();
        if self.frames.last().is_some_and(|frame| frame == path) {
            self.frames.pop();
        }
        Ok(())
    }

    /// Whether the group is a frame of its own; the categories of a frame's columns are not.
    fn is_frame(&self, header: &ObjectHeader, path: &str) -> bool {
        let is_of = |frame: &String| {
            let rest = path.strip_prefix(frame.as_str());
            rest.is_some_and(|rest| rest.starts_with("/meta/"))
        };
        !path.is_empty() && !self.frames.iter().any(is_of) && is_frame(&self.file, header)
    }

    fn child(
        &mut self,
        target: &Target,
        path: &str,
        group: u64,
        above: &mut Vec<Object>,
    ) -> Result<()> {
        match target {
            Target::Hard(address) => self.object(*address, path, above),
            Target::Unreadable(reason) => Err(damaged(reason)),
            Target::Soft(_) | Target::External { .. } => {
                let (file, address) = resolve(self.file.clone(), target, group)?.required()?;
                self.keep(&file)?;
                if ObjectHeader::read(&file, address)?.kind() == ObjectKind::Dataset {
                    self.dataset(file, address, path);
                } else if !Arc::ptr_eq(&file, &self.file) {
                    let outside = std::mem::replace(&mut self.file, file);
                    let walked = self.object(address, path, above);
                    self.file = outside;
                    return walked;
                }
                // What a link to a group of its own file leads to is listed where it is.
                Ok(())
            }
        }
    }

    fn object(&mut self, address: u64, path: &str, above: &mut Vec<Object>) -> Result<()> {
        if above.contains(&self.here(address)) {
            return Ok(());
        }
        match ObjectHeader::read(&self.file, address)?.kind() {
            ObjectKind::Group if above.len() >= DEPTH_MAX => {
                Err(unsupported("its groups are nested too deeply"))
            }
            ObjectKind::Group => self.group(address, path, above),
            ObjectKind::NamedType => {
                self.found(address, path);
                Ok(())
            }
            ObjectKind::Dataset => {
                self.found(address, path);
                self.dataset(self.file.clone(), address, path);
                Ok(())
            }
        }
    }

    /// Keeps a file behind an external link open, so that the next link does not open it again.
    fn keep(&mut self, file: &Arc<File>) -> Result<()> {
        let is_known = |known: &Arc<File>| Arc::ptr_eq(known, file);
        if is_known(&self.tree.file) || self.files.iter().any(is_known) {
            return Ok(());
        }
        if self.files.len() >= FILES_MAX {
            return Err(unsupported(format!(
                "the links lead to more than {FILES_MAX} files"
            )));
        }
        self.files.push(Arc::clone(file));
        Ok(())
    }

    /// Keeps the path of an object, for references to it from its own file.
    fn found(&mut self, address: u64, path: &str) {
        if !Arc::ptr_eq(&self.file, &self.tree.file) {
            return;
        }
        let paths = &mut self.tree.paths;
        paths.entry(address).or_insert_with(|| format!("/{path}"));
    }

    fn dataset(&mut self, file: Arc<File>, address: u64, path: &str) {
        self.tree.nodes.push(Node {
            path: path.to_owned(),
            place: Place::Dataset { file, address },
        });
    }
}
