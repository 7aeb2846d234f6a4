//! A deliberately stupid source: rows in memory, one scan that promises nothing. What an author writes in ten lines,
//! and what the engine must be able to complete.

use std::sync::Arc;

use tablecast_connector::{
    Batch, BlockingScan, BlockingSource, Cell, Details, Error, Identity, Limits, OutputColumn,
    Partition, Promises, ROWID, Result, ScanRequest, TableInfo,
};

use crate::dataset::Table;
use crate::plain::cell;

/// Rows of each batch, so that even small tables come in several.
const BATCH_ROWS: usize = 64;

/// Tables in memory, without any help for whoever asks.
#[derive(Clone, Debug)]
pub struct Stupid {
    tables: Vec<Arc<Table>>,
    identity: Identity,
}

impl Stupid {
    /// A source of `tables` whose rows have no identity.
    pub fn new(tables: Vec<Table>) -> Self {
        Self::with_identity(tables, Identity::None)
    }

    /// A source of `tables` with the row number, which does not help to seek, as identity.
    pub fn numbered(tables: Vec<Table>) -> Self {
        Self::with_identity(tables, Identity::RowNumber { seekable: false })
    }

    /// A source of `tables`, all with this identity.
    pub fn with_identity(tables: Vec<Table>, identity: Identity) -> Self {
        Self {
            tables: tables.into_iter().map(Arc::new).collect(),
            identity,
        }
    }

    fn table(&self, name: &str) -> Result<&Arc<Table>> {
        let found = self.tables.iter().find(|table| table.name == name);
        found.ok_or_else(|| Error::not_found(format!("Table not found: {name}")))
    }
}

impl BlockingSource for Stupid {
    fn details(&self) -> Details {
        Details {
            connector: "stupid".to_owned(),
            path: None,
            size: None,
            is_mutable: false,
            is_memory: true,
            hash: None,
        }
    }

    fn table_names(&self) -> Result<Vec<String>> {
        Ok(self.tables.iter().map(|table| table.name.clone()).collect())
    }

    fn table_info(&self, table: &str) -> Result<Arc<TableInfo>> {
        let table = self.table(table)?;
        let identity = self.identity.clone();
        Ok(Arc::new(TableInfo::new(
            &table.name,
            table.columns.clone(),
            identity,
        )))
    }

    fn scan(&self, request: &ScanRequest) -> Result<BlockingScan> {
        let table = Arc::clone(self.table(&request.table)?);
        let places: Vec<Place> = request
            .columns
            .iter()
            .map(|name| Place::of(name, &table))
            .collect::<Result<_>>()?;
        let columns = request
            .columns
            .iter()
            .zip(&places)
            .map(|(name, place)| OutputColumn {
                name: name.clone(),
                data_type: place.data_type(&table),
            });
        Ok(BlockingScan {
            columns: columns.collect(),
            promises: Promises::nothing(request),
            partitions: vec![Partition {
                start: 0,
                end: table.rows.len() as u64,
                note: String::new(),
            }],
            rows: None,
            open: Arc::new(move |partition, limits| {
                let rows = partition.start as usize..(partition.end as usize).min(table.rows.len());
                let starts = rows.clone().step_by(BATCH_ROWS);
                let (table, places, limits) = (Arc::clone(&table), places.clone(), limits.clone());
                Ok(Box::new(starts.map(move |start| {
                    batch(
                        &table,
                        &places,
                        start..(start + BATCH_ROWS).min(rows.end),
                        &limits,
                    )
                })))
            }),
        })
    }
}

/// Where a wanted column's cells come from.
#[derive(Clone, Copy, Debug)]
enum Place {
    RowNumber,
    Column(usize),
}

impl Place {
    fn of(name: &str, table: &Table) -> Result<Self> {
        let column = table.columns.iter().position(|column| column.name == name);
        match column {
            Some(position) => Ok(Self::Column(position)),
            None if name == ROWID => Ok(Self::RowNumber),
            None => Err(Error::not_found(format!(
                "{} has no column {name}",
                table.name
            ))),
        }
    }

    fn data_type(self, table: &Table) -> Option<arrow_schema::DataType> {
        match self {
            Self::RowNumber => Some(arrow_schema::DataType::Int64),
            Self::Column(position) => table.columns.get(position).map(|c| c.data_type.clone()),
        }
    }
}

fn batch(
    table: &Table,
    places: &[Place],
    rows: std::ops::Range<usize>,
    limits: &Limits,
) -> Result<Batch> {
    limits.check()?;
    let mut builder = Batch::builder(places.len());
    for row in rows {
        for place in places {
            builder.push(match place {
                Place::RowNumber => Cell::Integer(row as i64),
                Place::Column(column) => table
                    .rows
                    .get(row)
                    .and_then(|row| row.get(*column))
                    .map_or(Cell::Null, cell),
            })?;
        }
        builder.end_row();
    }
    builder.finish()
}
