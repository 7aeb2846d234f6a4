//! The catalog as tables: `sqlite_master`, `pragma_table_info` and the like.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use datafusion::catalog::{MemTable, TableProvider};
use tablecast_connector::{Error, Result, Source, TableInfo};

use crate::definition::create_table;
use crate::sql::wording;

/// The table of that name (in lower case), if it is one about the catalog.
pub(super) async fn table(
    source: &Arc<dyn Source>,
    name: &str,
    argument: Option<&str>,
) -> Result<Option<Arc<dyn TableProvider>>> {
    match name {
        "sqlite_master" | "sqlite_schema" => master(source).await.map(Some),
        "pragma_table_info" | "pragma_table_xinfo" => {
            table_info(source, argument.unwrap_or_default())
                .await
                .map(Some)
        }
        "pragma_table_list" => table_list(source).await.map(Some),
        "pragma_foreign_key_list" => foreign_keys(source, argument.unwrap_or_default())
            .await
            .map(Some),
        _ if name.starts_with("pragma_") => Err(Error::unsupported(format!(
            "{name} is not there for this source"
        ))),
        _ => Ok(None),
    }
}

async fn master(source: &Arc<dyn Source>) -> Result<Arc<dyn TableProvider>> {
    let names = source.table_names().await?;
    let mut definitions = Vec::with_capacity(names.len());
    for name in &names {
        definitions.push(create_table(&*source.table_info(name).await?));
    }
    let count = names.len();
    made(vec![
        ("type", texts(vec!["table".to_owned(); count])),
        ("name", texts(names.clone())),
        ("tbl_name", texts(names)),
        ("rootpage", numbers(vec![0; count])),
        ("sql", texts(definitions)),
    ])
}

/// What is not there has no columns, as in SQLite.
async fn table_info(source: &Arc<dyn Source>, table: &str) -> Result<Arc<dyn TableProvider>> {
    let info = source.table_info(table).await.ok();
    let columns = info
        .as_ref()
        .map(|info: &Arc<TableInfo>| info.columns.as_slice())
        .unwrap_or_default();
    let defaults: StringArray = columns
        .iter()
        .map(|column| column.default.clone())
        .collect();
    made(vec![
        ("cid", numbers((0..columns.len() as i64).collect())),
        (
            "name",
            texts(columns.iter().map(|column| column.name.clone()).collect()),
        ),
        (
            "type",
            texts(
                columns
                    .iter()
                    .map(|column| column.declared_type.clone())
                    .collect(),
            ),
        ),
        (
            "notnull",
            numbers(
                columns
                    .iter()
                    .map(|column| i64::from(column.not_null))
                    .collect(),
            ),
        ),
        ("dflt_value", Arc::new(defaults)),
        (
            "pk",
            numbers(
                columns
                    .iter()
                    .map(|column| i64::from(column.key_position))
                    .collect(),
            ),
        ),
    ])
}

async fn table_list(source: &Arc<dyn Source>) -> Result<Arc<dyn TableProvider>> {
    let names = source.table_names().await?;
    let mut widths = Vec::with_capacity(names.len());
    for name in &names {
        widths.push(source.table_info(name).await?.columns.len() as i64);
    }
    let count = names.len();
    made(vec![
        ("schema", texts(vec!["main".to_owned(); count])),
        ("name", texts(names)),
        ("type", texts(vec!["table".to_owned(); count])),
        ("ncol", numbers(widths)),
    ])
}

async fn foreign_keys(source: &Arc<dyn Source>, table: &str) -> Result<Arc<dyn TableProvider>> {
    // A source that knows no references has none.
    let keys = source.foreign_keys(table).await.unwrap_or_default();
    let pairs: Vec<(i64, String, String, String)> = keys
        .into_iter()
        .enumerate()
        .flat_map(|(id, key)| {
            let other = key.other_table;
            let pairs = key.columns.into_iter().zip(key.other_columns);
            pairs.map(move |(from, to)| (id as i64, other.clone(), from, to))
        })
        .collect();
    made(vec![
        ("id", numbers(pairs.iter().map(|pair| pair.0).collect())),
        (
            "table",
            texts(pairs.iter().map(|pair| pair.1.clone()).collect()),
        ),
        (
            "from",
            texts(pairs.iter().map(|pair| pair.2.clone()).collect()),
        ),
        (
            "to",
            texts(pairs.iter().map(|pair| pair.3.clone()).collect()),
        ),
    ])
}

fn texts(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

fn numbers(values: Vec<i64>) -> ArrayRef {
    Arc::new(Int64Array::from(values))
}

fn made(columns: Vec<(&str, ArrayRef)>) -> Result<Arc<dyn TableProvider>> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| {
            let data_type: &DataType = array.data_type();
            Field::new(*name, data_type.clone(), true)
        })
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|error| wording::error(error.into()))?;
    Ok(Arc::new(
        MemTable::try_new(schema, vec![vec![batch]]).map_err(wording::error)?,
    ))
}
