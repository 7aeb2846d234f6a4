//! Makes files for the tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tablecast_connector::{Connector, Location, OpenOptions, Result, Source, Value};
use tablecast_files::FilesConnector;
use tablecast_testkit::dataset::Table;

/// Opens a file as the program does.
pub fn open(path: &Path) -> Result<Arc<dyn Source>> {
    let location = Location::look(path.to_str().unwrap())?;
    assert!(FilesConnector.recognizes(&location), "{}", path.display());
    block_on(FilesConnector.open(&location, &OpenOptions::default()))
}

/// The columns of a table of the kit.
pub fn schema(table: &Table) -> SchemaRef {
    let fields = table.columns.iter();
    let fields = fields.map(|column| Field::new(&column.name, column.data_type.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows of a table of the kit.
pub fn batch(table: &Table) -> RecordBatch {
    let columns = table.columns.iter().enumerate().map(|(at, column)| {
        let cells = table.rows.iter().map(|row| &row[at]);
        match column.data_type {
            DataType::Int64 => Arc::new(
                cells
                    .map(|cell| match cell {
                        Value::Integer(integer) => i64::try_from(*integer).ok(),
                        _ => None,
                    })
                    .collect::<Int64Array>(),
            ) as ArrayRef,
            DataType::Float64 => Arc::new(
                cells
                    .map(|cell| match cell {
                        Value::Real(real) => Some(*real),
                        _ => None,
                    })
                    .collect::<Float64Array>(),
            ),
            _ => Arc::new(
                cells
                    .map(|cell| match cell {
                        Value::Text(text) => Some(text.clone()),
                        _ => None,
                    })
                    .collect::<StringArray>(),
            ),
        }
    });
    RecordBatch::try_new(schema(table), columns.collect()).unwrap()
}

/// A Parquet file with small row groups, so that there are several.
pub fn parquet(folder: &Path, name: &str, batch: &RecordBatch, group_rows: usize) -> PathBuf {
    let path = folder.join(name);
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(group_rows))
        .build();
    let file = std::fs::File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    path
}
