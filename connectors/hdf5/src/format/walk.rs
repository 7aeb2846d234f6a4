//! The walk over all links of a file: every dataset at every path, and every odd node with its reason.
//!
//! Groups that contain themselves are cut. External links are followed within the folder of the file that was
//! opened, and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;

use super::file::File;
use super::folder::resolve;
use super::header::{ObjectHeader, ObjectKind};
use super::links::{Target, links};
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
    /// The path and address of each group, the root first; a group with several paths has one of each.
    pub groups: Vec<(String, u64)>,
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
        file,
        tree,
        files: Vec::new(),
        visits: HashMap::new(),
        frames: Vec::new(),
    };
    if let Some(classic) = &file.classic {
        for (number, variable) in classic.variables.iter().enumerate() {
            walk.dataset(Arc::clone(file), number as u64, &variable.name);
        }
        walk.tree.groups.push((String::new(), 0));
        return Ok(walk.tree);
    }
    walk.group(file.root_address, "", &mut Vec::new())?;
    Ok(walk.tree)
}

/// The path of what is called `name` in the group at `path`.
fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}/{name}")
    }
}

struct Walk<'a> {
    file: &'a Arc<File>,
    tree: Tree,
    /// The files behind external links, kept open until the end of the walk.
    files: Vec<Arc<File>>,
    /// How often each group was walked.
    visits: HashMap<u64, usize>,
    /// The paths of the frames that the walk is in.
    frames: Vec<String>,
}

impl Walk<'_> {
    /// Walks a group; `above` are the groups that it is in.
    fn group(&mut self, address: u64, path: &str, above: &mut Vec<u64>) -> Result<()> {
        let visits = self.visits.entry(address).or_default();
        *visits += 1;
        if *visits > PATHS_MAX {
            return Err(unsupported(format!(
                "there are more than {PATHS_MAX} paths to this group"
            )));
        }
        let header = ObjectHeader::read(self.file, address)?;
        let links = links(self.file, &header)?;
        self.tree.groups.push((path.to_owned(), address));
        self.found(address, path);
        if self.is_frame(&header, path) {
            self.tree.nodes.push(Node {
                path: path.to_owned(),
                place: Place::Frame {
                    file: Arc::clone(self.file),
                    address,
                },
            });
            self.frames.push(path.to_owned());
        }
        above.push(address);
        for link in links {
            if path.is_empty() && link.name.is_empty() {
                continue;
            }
            // PyTables keeps the indexes of a table in a group beside it.
            if let Some(table) = link.name.strip_prefix("_i_") {
                if let Target::Hard(group) = link.target {
                    let table = joined(path, table);
                    self.tree.indexes.insert(table, group);
                }
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
        !path.is_empty() && !self.frames.iter().any(is_of) && is_frame(self.file, header)
    }

    fn child(
        &mut self,
        target: &Target,
        path: &str,
        group: u64,
        above: &mut Vec<u64>,
    ) -> Result<()> {
        match target {
            Target::Hard(address) => self.object(*address, path, above),
            Target::Unreadable(reason) => Err(damaged(reason)),
            Target::Soft(_) | Target::External { .. } => {
                let (file, address) = resolve(self.file.clone(), target, group)?.required()?;
                self.keep(&file)?;
                // What a soft link to a group leads to is listed where it is.
                if ObjectHeader::read(&file, address)?.kind() == ObjectKind::Dataset {
                    self.dataset(file, address, path);
                }
                Ok(())
            }
        }
    }

    fn object(&mut self, address: u64, path: &str, above: &mut Vec<u64>) -> Result<()> {
        if above.contains(&address) {
            return Ok(());
        }
        match ObjectHeader::read(self.file, address)?.kind() {
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
        if is_known(self.file) || self.files.iter().any(is_known) {
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

    /// Keeps the path of an object, for references to it.
    fn found(&mut self, address: u64, path: &str) {
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
