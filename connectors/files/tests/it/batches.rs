//! Arrow and Avro files: every type, every compression, and files that are not right.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, DurationSecondArray, Float16Array, Int64Array,
    LargeStringArray, NullArray, RecordBatch, StringArray, StringViewArray, Time64NanosecondArray,
    TimestampMicrosecondArray, UInt64Array,
};
use arrow_avro::compression::CompressionCodec;
use arrow_ipc::CompressionType;
use futures::executor::block_on;
use tablecast_connector::{Column, Comparison, ErrorKind, Predicate, ROWID, Value};
use tablecast_testkit::read_all;

use crate::made::{arrow, avro, open, parquet, request};

fn numbers(rows: i64) -> RecordBatch {
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let text = (0..rows).map(|number| format!("text {}", number % 7));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(text));
    RecordBatch::try_from_iter([("number", number), ("text", text)]).unwrap()
}

/// One row of each type that Arrow files have, and what is shown of it.
fn of_all_types() -> (RecordBatch, Vec<Value>) {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("a"), None]);
    let mut dictionary = StringDictionaryBuilder::<Int32Type>::new();
    dictionary.append_value("kind");
    let half: Float16Array = arrow_array::cast::AsArray::as_primitive(&arrow_select_half()).clone();
    let columns: Vec<(&str, ArrayRef, Value)> = vec![
        (
            "unsigned",
            Arc::new(UInt64Array::from(vec![u64::MAX])),
            Value::Integer(i128::from(u64::MAX)),
        ),
        ("half", Arc::new(half), Value::Real(0.5)),
        (
            "large",
            Arc::new(LargeStringArray::from(vec!["l"])),
            "l".into(),
        ),
        (
            "view",
            Arc::new(StringViewArray::from(vec![
                "a view of more than twelve bytes",
            ])),
            "a view of more than twelve bytes".into(),
        ),
        ("dictionary", Arc::new(dictionary.finish()), "kind".into()),
        ("list", Arc::new(lists.finish()), "[\"a\",null]".into()),
        (
            "date",
            Arc::new(Date32Array::from(vec![18_262])),
            "2020-01-01".into(),
        ),
        (
            "time",
            Arc::new(Time64NanosecondArray::from(vec![3_600_000_000_001])),
            "01:00:00.000000001".into(),
        ),
        (
            "moment",
            Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")),
            "1970-01-01T00:00:00.000001+00:00".into(),
        ),
        (
            "decimal",
            Arc::new(
                Decimal128Array::from(vec![-5])
                    .with_precision_and_scale(10, 2)
                    .unwrap(),
            ),
            "-0.05".into(),
        ),
        (
            "duration",
            Arc::new(DurationSecondArray::from(vec![61])),
            "PT61S".into(),
        ),
        ("nothing", Arc::new(NullArray::new(1)), Value::Null),
    ];
    let row = columns.iter().map(|(_, _, value)| value.clone()).collect();
    let columns = columns.into_iter().map(|(name, array, _)| (name, array));
    (RecordBatch::try_from_iter(columns).unwrap(), row)
}

/// An array of the half 0.5, without a crate for halves.
fn arrow_select_half() -> ArrayRef {
    let bits = arrow_buffer::Buffer::from_slice_ref([0x3800_u16]);
    let data = arrow_data::ArrayData::builder(arrow_schema::DataType::Float16)
        .len(1)
        .add_buffer(bits);
    arrow_array::make_array(data.build().unwrap())
}

#[test]
fn every_type_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (batch, row) = of_all_types();
    let schema = batch.schema();
    let names: Vec<&str> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    let make: [fn(&Path, &RecordBatch) -> PathBuf; 2] = [
        |folder, batch| arrow(folder, "all.arrow", batch, None),
        |folder, batch| arrow(folder, "all.arrows", batch, None),
    ];
    for make in make {
        let source = open(&make(folder.path(), &batch)).unwrap();
        let rows = read_all(source.as_ref(), &request("all", &names, Vec::new())).unwrap();
        assert_eq!(rows, std::slice::from_ref(&row));
    }
    // Parquet has no durations, and half floats only of late.
    let kept: Vec<usize> = (0..row.len())
        .filter(|at| names[*at] != "duration")
        .collect();
    let path = parquet(
        folder.path(),
        "all.parquet",
        &batch.project(&kept).unwrap(),
        10,
    );
    let source = open(&path).unwrap();
    let names: Vec<&str> = kept.iter().map(|at| names[*at]).collect();
    let rows = read_all(source.as_ref(), &request("all", &names, Vec::new())).unwrap();
    let row: Vec<Value> = kept.iter().map(|at| row[*at].clone()).collect();
    assert_eq!(rows, [row]);
}

#[test]
fn every_compression_is_read_from_any_row_on() {
    let folder = tempfile::tempdir().unwrap();
    let batch = numbers(1000);
    let mut paths = vec![arrow(folder.path(), "plain.arrow", &batch, None)];
    for compression in [CompressionType::LZ4_FRAME, CompressionType::ZSTD] {
        let name = format!("{compression:?}.arrow");
        paths.push(arrow(folder.path(), &name, &batch, Some(compression)));
    }
    for (name, compression) in [
        ("none", None),
        ("deflate", Some(CompressionCodec::Deflate)),
        ("snappy", Some(CompressionCodec::Snappy)),
        ("zstd", Some(CompressionCodec::ZStandard)),
        ("bzip2", Some(CompressionCodec::Bzip2)),
        ("xz", Some(CompressionCodec::Xz)),
    ] {
        paths.push(avro(
            folder.path(),
            &format!("{name}.avro"),
            &batch,
            compression,
        ));
    }
    let number = Column::new(ROWID, arrow_schema::DataType::Int64);
    for path in paths {
        let source = open(&path).unwrap();
        let table = block_on(source.table_names()).unwrap().remove(0);
        let behind = Predicate::compare(&number, Comparison::Greater, Value::from(850_i64));
        let asked = request(&table, &["text", ROWID, "number"], vec![behind]);
        let scan = source.scan(&asked).unwrap();
        assert_eq!(scan.rows, Some(149), "{}", path.display());
        assert_eq!(scan.partitions[0].start, 8, "{}", path.display());
        let rows = read_all(source.as_ref(), &asked).unwrap();
        let first = [
            Value::from("text 4"),
            Value::from(851_i64),
            Value::from(851_i64),
        ];
        assert_eq!(
            (rows.len(), &rows[0][..]),
            (149, &first[..]),
            "{}",
            path.display()
        );
    }
}

#[test]
fn files_that_are_not_right_are_errors_that_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let batch = numbers(1000);
    let zstd = Some(CompressionType::ZSTD);
    let made = [
        arrow(folder.path(), "n.arrow", &batch, None),
        arrow(folder.path(), "n.feather", &batch, zstd),
        arrow(folder.path(), "n.arrows", &batch, None),
        avro(
            folder.path(),
            "n.avro",
            &batch,
            Some(CompressionCodec::Deflate),
        ),
    ];
    for path in made {
        let good = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for bytes in [
            &good[..good.len() / 2],
            &good[..good.len() - 12],
            &good[..9],
        ] {
            std::fs::write(&path, bytes).unwrap();
            // A stream may end without its last mark, but not within a batch.
            let Err(error) = open(&path) else {
                assert_eq!(bytes.len(), good.len() - 12, "{name}");
                continue;
            };
            assert_eq!(error.kind(), ErrorKind::Unreadable);
            assert!(error.message().starts_with(&name), "{error}");
        }
        // Whatever byte is wrong: an answer or an error, never a panic, and soon.
        for at in (8..good.len()).step_by(good.len() / 150) {
            let mut bytes = good.clone();
            bytes[at] ^= 0xff;
            std::fs::write(&path, &bytes).unwrap();
            let Ok(source) = open(&path) else { continue };
            let read = read_all(
                source.as_ref(),
                &request("n", &["number", "text"], Vec::new()),
            );
            if let Err(error) = read {
                assert_ne!(
                    error.kind(),
                    ErrorKind::Internal,
                    "{name} byte {at}: {error}"
                );
            }
        }
    }
}
