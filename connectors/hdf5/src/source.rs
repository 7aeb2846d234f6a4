//! An open HDF5 file as a source: one table for each dataset at each path.
//!
//! The file is looked at again when its size or time has changed. What was parsed of a dataset is kept, for a bounded
//! number of them.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use tablecast_connector::{
    ArrayRequest, BlockingScan, BlockingSource, Capabilities, ContainerFile, Count, Details, Group,
    Limits, Reduction, ScanRequest, Storage, TableInfo, Version,
};

use crate::array::{NotText, array};
use crate::column::Element;
use crate::error::{Error, Result, io};
use crate::format::dataset::Dataset;
use crate::format::file::File;
use crate::format::folder::FileState;
use crate::format::value::ValueReader;
use crate::format::walk::{Node, Place, Tree, walk};
use crate::grid::find as find_grids;
use crate::grid::table::table as grid_table;
use crate::index::IndexedRows;
use crate::metadata::groups;
use crate::rows::Rows;
use crate::scan::{guarded, scan};
use crate::table::Table;

/// Tables whose description is kept.
const TABLES_MAX: usize = 1024;
/// Bytes of the coordinates and categories of all of them.
const TABLES_BYTES_MAX: usize = 128 << 20;
/// Rows looked at to see whether texts are texts.
const PROBE_ROWS: u64 = 1000;

/// A source over one HDF5 file.
pub struct Hdf5 {
    /// As the user gave it.
    text: String,
    path: PathBuf,
    is_immutable: bool,
    started: u64,
    opened: RwLock<Arc<Opened>>,
}

/// The file as it was when it was opened.
struct Opened {
    state: FileState,
    tree: Tree,
    paths: Arc<HashMap<u64, String>>,
    /// From a table's name to its node.
    names: HashMap<String, usize>,
    tables: Mutex<HashMap<String, Arc<Table>>>,
    /// How often texts turned out to be bytes.
    changes: AtomicU64,
}

impl Hdf5 {
    /// Opens the file, checks it and walks its links. Blocks. The error names the file as `text`.
    pub fn open(text: &str, is_immutable: bool) -> Result<Self> {
        let path = PathBuf::from(text);
        let opened = Opened::new(&path).map_err(|error| error.within(text))?;
        let started = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |time| time.as_nanos() as u64);
        Ok(Self {
            text: text.to_owned(),
            path,
            is_immutable,
            started,
            opened: RwLock::new(Arc::new(opened)),
        })
    }

    /// The file as it is now.
    fn current(&self) -> Result<Arc<Opened>> {
        let opened = Arc::clone(&self.opened.read().unwrap_or_else(PoisonError::into_inner));
        if self.is_immutable {
            return Ok(opened);
        }
        let metadata =
            std::fs::metadata(&self.path).map_err(|error| io(error).within(&self.text))?;
        if FileState::of(&metadata) == opened.state && opened.tree.file.folder.is_as_found() {
            return Ok(opened);
        }
        let opened = Arc::new(Opened::new(&self.path).map_err(|error| error.within(&self.text))?);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&opened);
        Ok(opened)
    }
}

impl Opened {
    fn new(path: &std::path::Path) -> Result<Self> {
        let state = FileState::of(&std::fs::metadata(path).map_err(io)?);
        let mut tree = guarded(|| walk(&Arc::new(File::open(path)?)))?;
        add_grids(&mut tree);
        let mut names = HashMap::new();
        for (at, node) in tree.nodes.iter().enumerate() {
            names.entry(node.path.clone()).or_insert(at);
        }
        let paths = Arc::new(std::mem::take(&mut tree.paths));
        Ok(Self {
            state,
            tree,
            paths,
            names,
            tables: Mutex::new(HashMap::new()),
            changes: AtomicU64::new(0),
        })
    }

    /// The table of that name, or of the name that the old system gave it (`%group%table`).
    fn table(&self, name: &str) -> Result<Arc<Table>> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = tables.get(name) {
            return Ok(Arc::clone(table));
        }
        drop(tables);
        let old = name.strip_prefix('%').map(|rest| rest.replace('%', "/"));
        let at = self
            .names
            .get(name)
            .or_else(|| self.names.get(old.as_deref()?));
        let node = at.and_then(|&at| self.tree.nodes.get(at));
        let node = node.ok_or_else(|| Error::not_found(format!("Table not found: {name}")))?;
        let table = Arc::new(self.read(&node.path, &node.place));
        tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = tables.values().map(|table| table.kept_bytes());
        let kept = kept.fold(table.kept_bytes(), usize::saturating_add);
        if tables.len() >= TABLES_MAX || kept > TABLES_BYTES_MAX {
            tables.clear();
        }
        tables.insert(node.path.clone(), Arc::clone(&table));
        Ok(table)
    }

    fn read(&self, name: &str, place: &Place) -> Table {
        let (file, address) = match place {
            Place::Unreadable(reason) => return Table::unreadable(name, reason.clone()),
            Place::Grid(_) => (&self.tree.file, 0),
            Place::Dataset { file, address } | Place::Frame { file, address } => (file, *address),
        };
        let read = guarded(|| {
            if let Place::Grid(grid) = place {
                return grid_table(grid, file, Arc::clone(&self.paths));
            }
            if let Place::Frame { .. } = place {
                return crate::frame::table(name, file, address, Arc::clone(&self.paths));
            }
            let dataset = Arc::new(Dataset::read(file, address)?);
            // References lead to objects of their own file, and only this file's are known.
            let is_own = Arc::ptr_eq(file, &self.tree.file);
            let paths = if is_own {
                Arc::clone(&self.paths)
            } else {
                Arc::default()
            };
            let mut table = Table::new(name, Arc::clone(&dataset), paths);
            if let Some(group) = self.tree.indexes.get(name).filter(|_| is_own) {
                let columns = table.columns.clone();
                table.rows = Some(Arc::new(IndexedRows::new(dataset, columns, *group)));
            }
            Ok(table)
        });
        match read {
            Ok(table) => not_texts(&table)
                .into_iter()
                .fold(table, |table, at| table.with_bytes(at)),
            Err(error) => Table::unreadable(name, error.to_string()),
        }
    }

    fn texts_are_bytes(&self, table: &Table, column: usize) {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        tables.insert(table.info.name.clone(), Arc::new(table.with_bytes(column)));
        self.changes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lists each grid before the first of its variables.
fn add_grids(tree: &mut Tree) {
    let found = guarded(|| Ok(find_grids(&tree.file, &tree.nodes, &tree.paths)));
    for (place, grid) in found.unwrap_or_default().into_iter().rev() {
        let node = Node {
            path: grid.name.clone(),
            place: Place::Grid(Arc::new(grid)),
        };
        tree.nodes.insert(place.min(tree.nodes.len()), node);
    }
}

/// The columns of texts whose first texts are not all UTF-8. What cannot be read is found out by who asks for it.
fn not_texts(table: &Table) -> Vec<usize> {
    let (Some(rows), None) = (&table.rows, &table.info.unreadable) else {
        return Vec::new();
    };
    let texts = || {
        let columns = table.columns.iter().enumerate();
        columns.filter(|(_, column)| {
            matches!(
                column.element,
                Element::Text(_) | Element::HeapText { unit: 1 } | Element::Marked(_)
            )
        })
    };
    if rows.count() == 0 || texts().next().is_none() {
        return Vec::new();
    }
    let probe = guarded(|| {
        let places: Vec<usize> = texts().map(|(at, _)| at).collect();
        let mut reader = rows.open(&places)?;
        let (read, bytes) = reader.read(0, rows.count().min(PROBE_ROWS))?;
        let stride = rows.row_bytes()?;
        let mut values = ValueReader::new(rows.file(), None);
        let mut is_wrong = |column| {
            let read = array(column, bytes, read as usize, stride, &mut values);
            read.is_err_and(|error| NotText::is(&error))
        };
        Ok(texts()
            .filter(|(_, column)| is_wrong(column))
            .map(|(at, _)| at)
            .collect())
    });
    probe.unwrap_or_default()
}

impl BlockingSource for Hdf5 {
    fn details(&self) -> Details {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        Details {
            connector: "hdf5".into(),
            path: Some(self.text.clone()),
            size: Some(opened.state.bytes),
            is_mutable: !self.is_immutable,
            is_memory: false,
            hash: None,
        }
    }

    fn file(&self) -> Option<ContainerFile> {
        let extension = Path::new(&self.text).extension()?.to_str()?;
        Some(ContainerFile {
            path: PathBuf::from(&self.text),
            extension: extension.to_ascii_lowercase(),
        })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            table_count: true,
            version: true,
            // Grids, frames, virtual datasets and links.
            shares_rows: true,
            ..Capabilities::default()
        }
    }

    fn table_names(&self) -> Result<Vec<String>> {
        let opened = self.current()?;
        let mut names: Vec<(usize, &String)> =
            opened.names.iter().map(|(name, &at)| (at, name)).collect();
        names.sort_unstable();
        Ok(names.into_iter().map(|(_, name)| name.clone()).collect())
    }

    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
        Ok(Arc::clone(&self.current()?.table(table)?.info))
    }

    fn table_exists(&self, table: &str) -> Result<bool> {
        Ok(self.current()?.names.contains_key(table))
    }

    fn table_count(&self, table: &str, at_most: Option<u64>, limits: &Limits) -> Result<Count> {
        limits.check()?;
        let table = self.current()?.table(table)?;
        let (rows, most) = (readable(&table)?.count(), at_most.unwrap_or(u64::MAX));
        Ok(Count {
            rows: rows.min(most),
            truncated: rows >= most,
        })
    }

    fn array(&self, table: &str, request: &ArrayRequest, limits: &Limits) -> Result<Reduction> {
        limits.check()?;
        let table = self.current()?.table(table)?;
        let Some(lattice) = readable(&table)?.lattice() else {
            let name = &table.info.name;
            return Err(Error::unsupported(format!("{name} is not an array")));
        };
        guarded(|| lattice.reduce(request, limits)).map_err(|error| error.within(&table.info.name))
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let opened = self.current()?;
        let table = opened.table(&request.table)?;
        let rows = readable(&table)?;
        let (told, wrong) = (Arc::clone(&opened), Arc::clone(&table));
        scan(
            &table,
            rows,
            request,
            Arc::new(move |column| told.texts_are_bytes(&wrong, column)),
        )
    }

    fn groups(&self) -> Result<Vec<Group>> {
        let opened = self.current()?;
        guarded(|| Ok(groups(&opened.tree, &opened.paths)))
    }

    fn storage(&self, table: &str) -> Result<Storage> {
        let table = self.current()?.table(table)?;
        let told = table.rows.as_ref().and_then(|rows| rows.storage());
        told.unwrap_or_else(|| Err(Error::unsupported("It is made of several datasets")))
    }

    fn version(&self) -> Option<Version> {
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let state = if self.is_immutable {
            opened.state
        } else {
            FileState::of(&std::fs::metadata(&self.path).ok()?)
        };
        let others = if self.is_immutable {
            Vec::new()
        } else {
            opened.tree.file.folder.states()
        };
        let mut hasher = DefaultHasher::new();
        (state, others, opened.changes.load(Ordering::Relaxed)).hash(&mut hasher);
        Some(Version(
            (u128::from(self.started) << 64) | u128::from(hasher.finish()),
        ))
    }
}

/// The rows of a table, or the reason why they cannot be read.
fn readable(table: &Table) -> Result<&Arc<dyn Rows>> {
    match (&table.info.unreadable, &table.rows) {
        (None, Some(rows)) => Ok(rows),
        (reason, _) => {
            let reason = reason.as_deref().unwrap_or("it cannot be read");
            Err(Error::unreadable(format!("{}: {reason}", table.info.name)))
        }
    }
}
