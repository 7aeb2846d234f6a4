//! An opened file as a source. A file that changes is described anew when it is next asked about.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tablecast_connector::{
    BoxFuture, Capabilities, ContainerFile, Details, Error, Pool, Result, Scan, ScanRequest,
    Source, Storage, TableInfo, Version,
};

use crate::file::LocalFile;
use crate::kind::stem;
use crate::table::{FileTable, tables_of};

/// Threads that read files.
const THREADS: usize = 4;

/// The source.
pub(crate) struct FilesSource {
    text: String,
    path: PathBuf,
    is_immutable: bool,
    pool: Arc<Pool>,
    state: RwLock<Arc<Tables>>,
}

/// What a file holds.
struct Tables {
    file: LocalFile,
    tables: Vec<Arc<dyn FileTable>>,
}

impl Tables {
    fn read(path: &Path, pool: &Arc<Pool>) -> Result<Self> {
        let file = LocalFile::look(path)?;
        let tables = tables_of(&file, &stem(&file.name()), pool)?;
        Ok(Self { file, tables })
    }

    fn table(&self, name: &str) -> Result<&Arc<dyn FileTable>> {
        let found = self.tables.iter().find(|table| table.info().name == name);
        found.ok_or_else(|| Error::not_found(format!("no such table: {name}")))
    }
}

impl FilesSource {
    pub(crate) async fn open(text: &str, path: PathBuf, is_immutable: bool) -> Result<Arc<Self>> {
        let pool = Arc::new(Pool::new("files", THREADS)?);
        let looked_at = path.clone();
        let shared = Arc::clone(&pool);
        let tables = pool.run(move || Tables::read(&looked_at, &shared)).await?;
        Ok(Arc::new(Self {
            text: text.to_owned(),
            path,
            is_immutable,
            pool,
            state: RwLock::new(Arc::new(tables)),
        }))
    }

    /// What was last read.
    fn last(&self) -> Arc<Tables> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What the file holds now.
    async fn now(&self) -> Result<Arc<Tables>> {
        let last = self.last();
        if self.is_immutable || LocalFile::look(&self.path)? == last.file {
            return Ok(last);
        }
        let (path, shared) = (self.path.clone(), Arc::clone(&self.pool));
        let read = self.pool.run(move || Tables::read(&path, &shared));
        let tables = Arc::new(read.await?);
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&tables);
        Ok(tables)
    }
}

impl Source for FilesSource {
    fn details(&self) -> Details {
        Details {
            connector: "files".to_owned(),
            path: Some(self.text.clone()),
            size: Some(self.last().file.state.bytes),
            is_mutable: !self.is_immutable,
            is_memory: false,
            hash: None,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            version: true,
            ..Capabilities::default()
        }
    }

    fn version(&self) -> Option<Version> {
        let state = if self.is_immutable {
            Some(self.last().file.state)
        } else {
            LocalFile::look(&self.path).ok().map(|file| file.state)
        };
        Some(Version(state.map_or(0, crate::file::FileState::number)))
    }

    fn file(&self) -> Option<ContainerFile> {
        let extension = self.path.extension()?.to_string_lossy().to_lowercase();
        Some(ContainerFile {
            path: self.path.clone(),
            extension,
        })
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move {
            let now = self.now().await?;
            let names = now.tables.iter().map(|table| table.info().name.clone());
            Ok(names.collect())
        })
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        Box::pin(async move { Ok(Arc::clone(self.now().await?.table(table)?.info())) })
    }

    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Storage>> {
        Box::pin(async move {
            let now = self.now().await?;
            let storage = now.table(table)?.storage();
            storage.ok_or_else(|| Error::unsupported("How the cells are stored is not known"))
        })
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        self.last().table(&request.table)?.scan(request)
    }
}
