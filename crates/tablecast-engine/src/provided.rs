//! Any DataFusion [`TableProvider`]s as a connector, by one call: [`provided`].

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use tablecast_connector::{
    BoxFuture, Connector, Details, Error, Location, OpenOptions, Result, Source,
};

use crate::{ProvidedTable, TableSource};

/// Tables by name.
pub type Providers = Vec<(String, Arc<dyn TableProvider>)>;

/// A connector that opens locations `name://address` as the tables which `tables` gives for the address.
///
/// `name` is one lower-case word, `opens` says for people what is opened. `tables` may block, is called once for each
/// location that is opened, and its errors are those of opening: `NotFound` where there is nothing of that address. Two
/// tables of one name are an error of kind `InvalidRequest`.
///
/// Each table's scan is handed its columns, its filters in a form that lets no fewer rows pass, and its limit; exact
/// statistics of the provider are its count. Rows have no identity, so pages go by offset: a table whose rows are numbered
/// is a [`ProvidedTable`] in a [`TableSource`] of one's own. The tables are not watched, and no answer is kept.
///
/// ```
/// use std::sync::Arc;
/// use tablecast_engine::datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
/// use tablecast_engine::datafusion::catalog::TableProvider;
/// use tablecast_engine::datafusion::datasource::MemTable;
/// use tablecast_engine::provided;
/// use tablecast_connector::Error;
///
/// let connector = provided("squares", "Squares of numbers (squares://10)", |address| {
///     let end: i64 = address.parse().map_err(|_| Error::not_found(format!("{address} is no number")))?;
///     let squares: ArrayRef = Arc::new(Int64Array::from_iter_values((0..end).map(|n| n * n)));
///     let batch = RecordBatch::try_from_iter([("square", squares)])
///         .map_err(|cause| Error::internal("no squares").caused_by(cause))?;
///     let table = MemTable::try_new(batch.schema(), vec![vec![batch]])
///         .map_err(|cause| Error::internal("no table of squares").caused_by(cause))?;
///     let table: Arc<dyn TableProvider> = Arc::new(table);
///     Ok(vec![("squares".to_owned(), table)])
/// });
/// // tablecast::main(vec![connector]), and then: program squares://10
/// assert_eq!(connector.name(), "squares");
/// ```
pub fn provided(
    name: &'static str,
    opens: &'static str,
    tables: impl Fn(&str) -> Result<Providers> + Send + Sync + 'static,
) -> Arc<dyn Connector> {
    Arc::new(Provided {
        name,
        opens,
        tables: Arc::new(tables),
    })
}

/// Gives the tables of an address.
type Give = dyn Fn(&str) -> Result<Providers> + Send + Sync;

struct Provided {
    name: &'static str,
    opens: &'static str,
    tables: Arc<Give>,
}

impl Connector for Provided {
    fn name(&self) -> &'static str {
        self.name
    }

    fn opens(&self) -> &'static str {
        self.opens
    }

    fn recognizes(&self, location: &Location) -> bool {
        location.scheme.as_deref() == Some(self.name) && location.text.contains("://")
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        Box::pin(async move {
            let text = location.text.clone();
            if let Some(option) = options.own.keys().next() {
                return Err(Error::invalid(format!("there is no option {option:?}")).within(text));
            }
            let given = Arc::clone(&self.tables);
            let address = text.split_once("://").map_or("", |(_, address)| address);
            let address = address.to_owned();
            let tables = tokio::task::spawn_blocking(move || given(&address))
                .await
                .map_err(|cause| Error::internal("it cannot be opened").caused_by(cause))
                .flatten()
                .map_err(|error| error.within(&text))?;
            let mut names = BTreeSet::new();
            if let Some((name, _)) = tables.iter().find(|(name, _)| !names.insert(name)) {
                return Err(Error::invalid(format!("two tables are called {name}")).within(text));
            }
            let details = Details {
                connector: self.name.to_owned(),
                path: Some(text),
                size: None,
                is_mutable: true,
                is_memory: false,
                hash: None,
            };
            let tables = tables.into_iter();
            let tables = tables.map(|(name, provider)| ProvidedTable::new(&name, provider));
            let source: Arc<dyn Source> = Arc::new(TableSource::new(details, tables.collect()));
            Ok(source)
        })
    }
}
