//! Makes files for the tests.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::executor::block_on;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tablecast_connector::{
    Connector, Location, OpenOptions, Predicate, Result, ScanRequest, Source, Value,
};
use tablecast_files::FilesConnector;
use tablecast_testkit::dataset::Table;

/// Opens a file as the program does.
pub fn open(path: &Path) -> Result<Arc<dyn Source>> {
    open_text(path.to_str().unwrap())
}

/// Opens what a person writes.
pub fn open_text(text: &str) -> Result<Arc<dyn Source>> {
    let location = Location::look(text)?;
    assert!(FilesConnector.recognizes(&location), "{text}");
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

/// The rows of a table of the kit as delimited values.
pub fn delimited(table: &Table, delimiter: &str) -> String {
    let names: Vec<&str> = table
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    let mut text = names.join(delimiter) + "\n";
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| match cell {
                Value::Integer(integer) => integer.to_string(),
                Value::Real(real) if real.is_nan() => String::new(),
                Value::Real(real) => format!("{real:?}"),
                Value::Text(text) => format!("\"{text}\""),
                other => panic!("{other:?}"),
            })
            .collect();
        text += &cells.join(delimiter);
        text += "\n";
    }
    text
}

/// The rows of a table of the kit as JSON objects.
pub fn json(table: &Table) -> Vec<String> {
    let rows = table.rows.iter().map(|row| {
        let members = table.columns.iter().zip(row).map(|(column, cell)| {
            let cell = match cell {
                Value::Integer(integer) => integer.to_string(),
                Value::Real(real) if real.is_nan() => "null".to_owned(),
                Value::Real(real) => format!("{real:?}"),
                Value::Text(text) => serde_json::Value::from(text.clone()).to_string(),
                other => panic!("{other:?}"),
            };
            format!("\"{}\": {cell}", column.name)
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    });
    rows.collect()
}

/// A file with these bytes.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// `bytes` compressed as the extension says.
pub fn compressed(bytes: &[u8], extension: &str) -> Vec<u8> {
    let mut out = Vec::new();
    match extension {
        "gz" => {
            let mut encoder = flate2::write::GzEncoder::new(&mut out, flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "zst" => out = zstd::encode_all(bytes, 1).unwrap(),
        "bz2" => {
            let mut encoder = bzip2::write::BzEncoder::new(&mut out, bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        "xz" => {
            let mut encoder = liblzma::write::XzEncoder::new(&mut out, 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap();
        }
        other => panic!("{other}"),
    }
    out
}

/// A request for all rows that pass.
pub fn request(table: &str, columns: &[&str], filters: Vec<Predicate>) -> ScanRequest {
    ScanRequest {
        table: table.to_owned(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        filters,
        sort: Vec::new(),
        limit: None,
    }
}

/// An Arrow file, or a stream by its extension, in batches of 100 rows.
pub fn arrow(
    folder: &Path,
    name: &str,
    batch: &RecordBatch,
    compression: Option<CompressionType>,
) -> PathBuf {
    let path = folder.join(name);
    let options = IpcWriteOptions::default()
        .try_with_compression(compression)
        .unwrap();
    let file = std::fs::File::create(&path).unwrap();
    let parts = (0..batch.num_rows())
        .step_by(100)
        .map(|start| batch.slice(start, (batch.num_rows() - start).min(100)));
    if name.ends_with(".arrows") {
        let mut writer =
            StreamWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
        parts.for_each(|part| writer.write(&part).unwrap());
        writer.finish().unwrap();
    } else {
        let mut writer = FileWriter::try_new_with_options(file, &batch.schema(), options).unwrap();
        parts.for_each(|part| writer.write(&part).unwrap());
        writer.finish().unwrap();
    }
    path
}

/// An Avro file, in blocks of 100 rows.
pub fn avro(
    folder: &Path,
    name: &str,
    batch: &RecordBatch,
    compression: Option<CompressionCodec>,
) -> PathBuf {
    let path = folder.join(name);
    let file = std::fs::File::create(&path).unwrap();
    let schema = batch.schema().as_ref().clone();
    let mut writer = WriterBuilder::new(schema)
        .with_compression(compression)
        .build::<_, AvroOcfFormat>(file)
        .unwrap();
    for start in (0..batch.num_rows()).step_by(100) {
        let part = batch.slice(start, (batch.num_rows() - start).min(100));
        writer.write(&part).unwrap();
    }
    writer.finish().unwrap();
    path
}
