//! What the footer of a Parquet file tells: columns, rows, row groups, how they are stored.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData,
};
use tablecast_connector::{Metadata, Result, Storage};

use crate::file::LocalFile;

/// A footer is read whole: one that claims more than this is refused.
const FOOTER_BYTES_MAX: u64 = 256 << 20;

/// A file with its footer.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    pub(crate) file: LocalFile,
    pub(crate) metadata: Arc<ParquetMetaData>,
    pub(crate) schema: SchemaRef,
    pub(crate) rows: u64,
}

/// Reads the footer. Blocks.
pub(crate) fn describe(file: &LocalFile) -> Result<Described> {
    let opened = file.open()?;
    check_footer(file, &opened)?;
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = std::panic::catch_unwind(|| reader.parse_and_finish(&opened))
        .map_err(|_| file.broken("its footer is damaged"))?
        .map_err(|cause| broken(file, cause))?;
    let about = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(about.schema_descr(), about.key_value_metadata())
        .map_err(|cause| broken(file, cause))?;
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        let of_group = u64::try_from(group.num_rows());
        rows = of_group
            .ok()
            .and_then(|of_group| rows.checked_add(of_group))
            .ok_or_else(|| file.broken("its footer counts rows below zero or beyond 64 bits"))?;
    }
    Ok(Described {
        file: file.clone(),
        metadata: Arc::new(metadata),
        schema: Arc::new(schema),
        rows,
    })
}

/// The file ends with the footer's length and the letters it begins with.
fn check_footer(file: &LocalFile, opened: &std::fs::File) -> Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let mut tail = [0; 8];
    let mut opened = opened;
    let read = opened
        .seek(SeekFrom::End(-8))
        .and_then(|_| opened.read_exact(&mut tail));
    if read.is_err() || !tail.ends_with(b"PAR1") {
        return Err(file.broken(format!(
            "is cut off, or not a Parquet file: its {} bytes do not end with a footer",
            file.state.bytes
        )));
    }
    let [a, b, c, d, ..] = tail;
    let claimed = u64::from(u32::from_le_bytes([a, b, c, d]));
    if claimed + 8 > file.state.bytes || claimed > FOOTER_BYTES_MAX {
        return Err(file.broken(format!("its footer claims {claimed} bytes")));
    }
    Ok(())
}

fn broken(file: &LocalFile, cause: ParquetError) -> tablecast_connector::Error {
    file.broken(&cause).caused_by(cause)
}

/// What is said about the table: who wrote it.
pub(crate) fn said(described: &Described) -> Metadata {
    let mut metadata = Metadata::default();
    if let Some(writer) = described.metadata.file_metadata().created_by() {
        let writer = serde_json::Value::from(writer).to_string();
        metadata.attributes.insert("created_by".to_owned(), writer);
    }
    metadata
}

/// How the cells are stored, all columns together.
pub(crate) fn storage(described: &Described) -> Storage {
    let groups = described.metadata.row_groups();
    let columns = || groups.iter().flat_map(RowGroupMetaData::columns);
    let sum = |size: &dyn Fn(&ColumnChunkMetaData) -> i64| {
        columns()
            .map(|column| u64::try_from(size(column)).unwrap_or(0))
            .fold(0_u64, u64::saturating_add)
    };
    let first = columns().next().map(ColumnChunkMetaData::compression);
    Storage {
        shape: vec![described.rows],
        element: "row".to_owned(),
        chunks: groups
            .first()
            .map(|group| vec![u64::try_from(group.num_rows()).unwrap_or(0)]),
        filters: first
            .map(|codec| codec.to_string().to_lowercase())
            .filter(|codec| codec != "uncompressed")
            .into_iter()
            .collect(),
        bytes: Some(sum(&|column| column.uncompressed_size())),
        stored_bytes: Some(sum(&|column| column.compressed_size())),
    }
}
