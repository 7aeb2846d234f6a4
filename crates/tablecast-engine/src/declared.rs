//! A source seen with keys that people declare, because its container has none by itself: rows are then told apart, and
//! paged, by the declared key, and references lead to other tables.
//!
//! A key is believed only after it was looked at: two rows with the same key would hide one of them from a page. It is
//! looked at again whenever the source's version changes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tablecast_connector::{
    ArrayRequest, BoxFuture, Capabilities, Count, Details, Error, ErrorKind, ForeignKey, Group,
    Identity, Limits, Reduction, Result, Scan, ScanRequest, Source, Statement, Storage, TableInfo,
    Value, Version, did_you_mean, real_text,
};
use tablecast_sql::quote_always;

use crate::sql;

/// What people declare of one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The columns whose values identify a row; empty if nothing is said.
    pub primary_key: Vec<String>,
    /// References to other tables.
    pub foreign_keys: Vec<ForeignKey>,
}

/// `source` with the keys declared of its tables.
///
/// `InvalidRequest` names a declaration that cannot hold: a table or column that is not there, a table with a key of its
/// own, a source that keeps its own keys, or a key that two rows share.
pub async fn declare(
    source: Arc<dyn Source>,
    declarations: BTreeMap<String, Declaration>,
) -> Result<Arc<dyn Source>> {
    if declarations.is_empty() {
        return Ok(source);
    }
    if source.capabilities().dialect.is_some() {
        return Err(Error::invalid(
            "Keys are declared for containers that have none; this one keeps its own",
        ));
    }
    let mut tables = BTreeMap::new();
    for (name, declaration) in declarations {
        let info = source.table_info(&name).await?;
        let place = |error: Error| error.within(&name);
        let declaration = spelled(&source, &info, declaration).await.map_err(place)?;
        tables.insert(info.name.clone(), declaration);
    }
    let declared = Declared {
        inner: source,
        tables,
        looked_at: Mutex::default(),
    };
    for name in declared.tables.keys() {
        declared.table_info(name).await?;
    }
    Ok(Arc::new(declared))
}

/// The declaration in the spelling of the source, if all that it names is there.
async fn spelled(
    source: &Arc<dyn Source>,
    table: &TableInfo,
    declaration: Declaration,
) -> Result<Declaration> {
    if !declaration.primary_key.is_empty() && matches!(table.identity, Identity::Key(_)) {
        return Err(Error::invalid("The table has a key of its own"));
    }
    let mut foreign_keys = Vec::new();
    for key in declaration.foreign_keys {
        let other = source.table_info(&key.other_table).await?;
        foreign_keys.push(ForeignKey {
            columns: columns(table, &key.columns)?,
            other_columns: columns(&other, &key.other_columns)?,
            other_table: other.name.clone(),
        });
    }
    Ok(Declaration {
        primary_key: columns(table, &declaration.primary_key)?,
        foreign_keys,
    })
}

fn columns(table: &TableInfo, names: &[String]) -> Result<Vec<String>> {
    let known = || table.columns.iter().map(|column| column.name.as_str());
    let spelled = names.iter().map(|name| {
        let found = table.column(name).map(|column| column.name.clone());
        found.ok_or_else(|| {
            let error = Error::invalid(format!("no such column: {name}")).within(&table.name);
            match did_you_mean(name, known()) {
                Some(near) => error.hint(format!("Did you mean {near}?")),
                None => error,
            }
        })
    });
    spelled.collect()
}

struct Declared {
    inner: Arc<dyn Source>,
    tables: BTreeMap<String, Declaration>,
    /// The version at which each key was last found to be one.
    looked_at: Mutex<BTreeMap<String, Option<Version>>>,
}

impl Declared {
    /// The declaration of a table, by any spelling the source knows.
    async fn declaration(&self, table: &str) -> Result<Option<&Declaration>> {
        match self.tables.get(table) {
            Some(declaration) => Ok(Some(declaration)),
            None => Ok(self.tables.get(&self.inner.table_info(table).await?.name)),
        }
    }

    async fn check_key(&self, table: &TableInfo, key: &[String]) -> Result<()> {
        let version = self.inner.version();
        let known = {
            let looked_at = self
                .looked_at
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            looked_at.get(&table.name).copied()
        };
        if known == Some(version) {
            return Ok(());
        }
        if let Some(twice) = self.twice(table, key).await? {
            let declared = key.join(", ");
            return Err(
                Error::invalid(format!("{declared} is declared as its key, but {twice}"))
                    .within(&table.name),
            );
        }
        let mut looked_at = self
            .looked_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        looked_at.insert(table.name.clone(), version);
        Ok(())
    }

    /// What speaks against a key: a null in it, or values that two rows share.
    async fn twice(&self, table: &TableInfo, key: &[String]) -> Result<Option<String>> {
        let names: Vec<String> = key.iter().map(|name| quote_always(name)).collect();
        let nulls: Vec<String> = names.iter().map(|name| format!("{name} is null")).collect();
        let list = names.join(", ");
        let from = quote_always(&table.name);
        let has_null = format!("select 1 from {from} where {} limit 1", nulls.join(" or "));
        if self.first(&has_null).await?.is_some() {
            return Ok(Some("a row has no value there".to_owned()));
        }
        let doubled =
            format!("select {list} from {from} group by {list} having count(*) > 1 limit 1");
        let row = self.first(&doubled).await?;
        Ok(row.map(|values| format!("two rows have {}", values.join(", "))))
    }

    /// The first row that a statement gives, as texts.
    async fn first(&self, statement: &str) -> Result<Option<Vec<String>>> {
        let statement = Statement {
            sql: statement.to_owned(),
            parameters: Vec::new(),
        };
        let limits = Limits::none();
        let mut rows = sql::execute(sql::only(Arc::clone(&self.inner)), statement, &limits).await?;
        while let Some(batch) = rows.batches.next().await {
            let batch = batch?;
            if batch.rows() > 0 {
                let columns = batch.columns()?;
                let cells = columns
                    .iter()
                    .map(|column| shown(&column.cell(0).to_value()));
                return Ok(Some(cells.collect()));
            }
        }
        Ok(None)
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => real_text(*real),
        Value::Text(text) => format!("'{text}'"),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

impl Source for Declared {
    fn details(&self) -> Details {
        self.inner.details()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            foreign_keys: true,
            // An ask of pages must go by the declared key.
            ask: false,
            ..self.inner.capabilities()
        }
    }

    fn table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.table_names()
    }

    fn table_info<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Arc<TableInfo>>> {
        Box::pin(async move {
            let info = self.inner.table_info(table).await?;
            let key = match self.tables.get(&info.name) {
                Some(declaration) if !declaration.primary_key.is_empty() => {
                    &declaration.primary_key
                }
                _ => return Ok(info),
            };
            columns(&info, key)?;
            self.check_key(&info, key).await?;
            let mut info = (*info).clone();
            for column in &mut info.columns {
                let place = key.iter().position(|name| *name == column.name);
                column.key_position = place.map_or(0, |place| place as u32 + 1);
            }
            info.identity = Identity::Key(key.clone());
            Ok(Arc::new(info))
        })
    }

    fn scan(&self, request: &ScanRequest) -> Result<Scan> {
        self.inner.scan(request)
    }

    fn hidden_table_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.hidden_table_names()
    }

    fn view_names(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        self.inner.view_names()
    }

    fn detect_spatialite(&self) -> BoxFuture<'_, Result<bool>> {
        self.inner.detect_spatialite()
    }

    fn table_count<'a>(
        &'a self,
        table: &'a str,
        at_most: Option<u64>,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Count>> {
        self.inner.table_count(table, at_most, limits)
    }

    fn detect_fts<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        self.inner.detect_fts(table)
    }

    fn array<'a>(
        &'a self,
        table: &'a str,
        request: &'a ArrayRequest,
        limits: &'a Limits,
    ) -> BoxFuture<'a, Result<Reduction>> {
        self.inner.array(table, request, limits)
    }

    fn foreign_keys<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<ForeignKey>>> {
        Box::pin(async move {
            let own = match self.inner.foreign_keys(table).await {
                Err(error) if error.kind() == ErrorKind::Unsupported => Vec::new(),
                own => own?,
            };
            let declared = self.declaration(table).await?;
            let declared = declared.map_or_else(Vec::new, |table| table.foreign_keys.clone());
            Ok(own.into_iter().chain(declared).collect())
        })
    }

    fn table_exists<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<bool>> {
        self.inner.table_exists(table)
    }

    fn indices_definition<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Vec<String>>> {
        self.inner.indices_definition(table)
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<Group>>> {
        self.inner.groups()
    }

    fn storage<'a>(&'a self, table: &'a str) -> BoxFuture<'a, Result<Storage>> {
        self.inner.storage(table)
    }

    fn version(&self) -> Option<Version> {
        self.inner.version()
    }
}
