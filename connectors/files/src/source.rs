//! Opened files as a source. What is there is looked at anew at each request: files that changed are described anew,
//! those that came are tables from then on, those that went are none.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use futures::future::join_all;
use tablecast_connector::{
    BoxFuture, Capabilities, ContainerFile, Details, Error, ErrorKind, Identity, Pool, Result,
    Scan, ScanRequest, Source, Storage, TableInfo, Version,
};

use crate::chained::{Chained, Link};
use crate::listing::{Member, Part, Place, list};
use crate::table::{FileTable, tables_of};

/// Threads that read files.
const THREADS: usize = 4;

/// The source.
pub(crate) struct FilesSource {
    text: String,
    place: Place,
    is_immutable: bool,
    pool: Arc<Pool>,
    state: RwLock<Arc<Tables>>,
}

/// What is there.
#[derive(Default)]
struct Tables {
    members: Vec<Arc<Described>>,
}

/// Files with the tables in them.
struct Described {
    member: Member,
    tables: Vec<Arc<dyn FileTable>>,
}

impl Tables {
    fn table(&self, name: &str) -> Result<&Arc<dyn FileTable>> {
        let mut tables = self.members.iter().flat_map(|described| &described.tables);
        let found = tables.find(|table| table.info().name == name);
        found.ok_or_else(|| Error::not_found(format!("no such table: {name}")))
    }

    fn is_of(&self, members: &[Member]) -> bool {
        let known = self.members.iter().map(|described| &described.member);
        known.eq(members)
    }

    fn bytes(&self) -> u64 {
        let parts = self.members.iter().flat_map(|member| &member.member.parts);
        parts.map(|part| part.file.state.bytes).sum()
    }

    /// A number that differs where files do.
    fn version(&self) -> u128 {
        version(self.members.iter().map(|described| &described.member))
    }
}

fn version<'a>(members: impl Iterator<Item = &'a Member>) -> u128 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let (mut low, mut high) = (DefaultHasher::new(), DefaultHasher::new());
    high.write_u8(1);
    for member in members {
        member.hash(&mut low);
        member.hash(&mut high);
    }
    u128::from(high.finish()) << 64 | u128::from(low.finish())
}

/// The tables of files. Blocks.
fn described(member: &Member, place: &Place, pool: &Arc<Pool>) -> Result<Vec<Arc<dyn FileTable>>> {
    // The sheets of a workbook that is a database are its tables; beside others they tell whose they are.
    let prefix = match place {
        Place::File(_) => String::new(),
        _ => format!("{}/", member.name),
    };
    if let [Part { file, keys }] = member.parts.as_slice()
        && keys.is_empty()
    {
        return tables_of(file, &member.name, &prefix, pool);
    }
    let mut links = Vec::with_capacity(member.parts.len());
    for part in &member.parts {
        let mut tables = tables_of(&part.file, &member.name, &prefix, pool)?;
        let (Some(table), true) = (tables.pop(), tables.is_empty()) else {
            return Err(part
                .file
                .broken("it holds several tables, and cannot be part of one"));
        };
        links.push(Link {
            table,
            keys: part.keys.clone(),
        });
    }
    Ok(vec![Arc::new(Chained::new(&member.name, links))])
}

/// A table that is listed with the reason why it cannot be read.
struct Broken(Arc<TableInfo>);

impl FileTable for Broken {
    fn info(&self) -> &Arc<TableInfo> {
        &self.0
    }

    fn rows(&self) -> Option<u64> {
        None
    }

    fn scan(&self, _: &ScanRequest) -> Result<Scan> {
        let reason = self.0.unreadable.clone().unwrap_or_default();
        Err(Error::unreadable(reason))
    }
}

impl FilesSource {
    pub(crate) async fn open(text: &str, place: Place, is_immutable: bool) -> Result<Arc<Self>> {
        let source = Arc::new(Self {
            text: text.to_owned(),
            place,
            is_immutable,
            pool: Arc::new(Pool::new("files", THREADS)?),
            state: RwLock::default(),
        });
        let members = source.listed().await?;
        if members.is_empty() {
            return Err(Error::unreadable(format!(
                "{text} is a folder, and no file in it can be served"
            )));
        }
        source.read(members, &Tables::default()).await?;
        Ok(source)
    }

    /// What was last read.
    fn last(&self) -> Arc<Tables> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn listed(&self) -> Result<Vec<Member>> {
        let place = self.place.clone();
        self.pool.run(move || list(&place)).await
    }

    /// What is there now.
    async fn now(&self) -> Result<Arc<Tables>> {
        let last = self.last();
        if self.is_immutable {
            return Ok(last);
        }
        let members = self.listed().await?;
        if last.is_of(&members) {
            return Ok(last);
        }
        self.read(members, &last).await
    }

    /// Describes what is not among `last`, several at a time.
    async fn read(&self, members: Vec<Member>, last: &Tables) -> Result<Arc<Tables>> {
        let known: HashMap<&Member, &Arc<Described>> = last
            .members
            .iter()
            .map(|described| (&described.member, described))
            .collect();
        let read = members.into_iter().map(|member| {
            let known = known.get(&member).map(|known| Arc::clone(known));
            let pool = Arc::clone(&self.pool);
            let is_only = matches!(self.place, Place::File(_));
            async move {
                if let Some(known) = known {
                    return Ok(known);
                }
                let shared = Arc::clone(&pool);
                let (wanted, place) = (member.clone(), self.place.clone());
                let tables = pool.run(move || described(&wanted, &place, &shared)).await;
                let tables = match tables {
                    // Beside others, one that is broken is listed with its reason.
                    Err(error) if !is_only && error.kind() != ErrorKind::Unavailable => {
                        let mut info = TableInfo::new(&member.name, Vec::new(), Identity::None);
                        info.unreadable = Some(error.message().to_owned());
                        let broken: Arc<dyn FileTable> = Arc::new(Broken(Arc::new(info)));
                        vec![broken]
                    }
                    tables => tables?,
                };
                Ok(Arc::new(Described { member, tables }))
            }
        });
        let members = join_all(read).await.into_iter().collect::<Result<_>>()?;
        let tables = Arc::new(Tables { members });
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&tables);
        Ok(tables)
    }
}

impl Source for FilesSource {
    fn details(&self) -> Details {
        Details {
            connector: "files".to_owned(),
            path: Some(self.text.clone()),
            size: Some(self.last().bytes()),
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
        if self.is_immutable {
            return Some(Version(self.last().version()));
        }
        let now = list(&self.place);
        Some(Version(now.map_or(0, |members| version(members.iter()))))
    }

    fn file(&self) -> Option<ContainerFile> {
        let Place::File(path) = &self.place else {
            return None;
        };
        let extension = path.extension()?.to_string_lossy().to_lowercase();
        let path: PathBuf = path.clone();
        Some(ContainerFile { path, extension })
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move {
            let now = self.now().await?;
            let tables = now.members.iter().flat_map(|described| &described.tables);
            Ok(tables.map(|table| table.info().name.clone()).collect())
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
