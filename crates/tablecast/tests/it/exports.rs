//! Tables, views and queries as files: what the program writes is read back by other libraries, and what a format cannot
//! hold is refused.

use std::io::{Cursor, Read, Write};
use std::time::Duration;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::made::{Folder, climate};
use crate::program::{Answer, Program, percent};

/// References, columns whose cells do not fit what was declared, and more rows than one batch.
const SHOP: &str = "
    create table cities (id integer primary key, name text);
    insert into cities values (1, 'Bern'), (2, 'Oslo, N');
    create table sales (id integer primary key, city integer references cities(id), price real, note text);
    with recursive n(x) as (select 1 union all select x + 1 from n limit 5000)
        insert into sales select x, case when x % 3 then 1 + x % 2 end, x / 4.0, 'note ' || x from n;
    create view expensive as select id, price from sales where price > 1240;
    create table sloppy (id integer primary key, whole integer, number real, bytes blob, plain, price decimal(10, 2));
    insert into sloppy values (1, 7, 1.5, x'00ff', 1, 2), (2, 'seven', 2, 'text', 0.5, 2.5), (3, null, null, null, null, null);
    create table large (id integer primary key, number);
    insert into large values (1, 9007199254740993), (2, 0.5);
    create table [t.parquet] (a text);
    insert into [t.parquet] values ('dot');
    create table lone (a text);
    insert into lone values (null), ('x');";

fn shop(folder: &Folder) -> Program {
    Program::serve(&[folder.database("shop.db", SHOP)])
}

/// The rows of a Parquet file or an Arrow stream.
fn rows(answer: &Answer) -> RecordBatch {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let bytes = bytes::Bytes::from(answer.body.clone());
    let (schema, batches): (_, Vec<RecordBatch>) = if bytes.starts_with(b"PAR1") {
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("Parquet");
        let reader = reader.with_batch_size(1 << 20).build().expect("Parquet");
        (
            reader.schema(),
            reader.map(|batch| batch.expect("rows")).collect(),
        )
    } else {
        let reader = arrow_ipc::reader::StreamReader::try_new(Cursor::new(bytes), None);
        let reader = reader.expect("Arrow");
        (
            reader.schema(),
            reader.map(|batch| batch.expect("rows")).collect(),
        )
    };
    if batches.is_empty() {
        return RecordBatch::new_empty(schema);
    }
    let mut columns = Vec::new();
    for place in 0..schema.fields().len() {
        let parts: Vec<_> = batches
            .iter()
            .map(|batch| batch.column(place).to_data())
            .collect();
        let parts: Vec<_> = parts.iter().collect();
        let length = parts.iter().map(|part| part.len()).sum();
        let mut whole = arrow_data::transform::MutableArrayData::new(parts.clone(), true, length);
        for (at, part) in parts.iter().enumerate() {
            whole.try_extend(at, 0, part.len()).expect("room");
        }
        columns.push(arrow_array::make_array(whole.freeze()));
    }
    RecordBatch::try_new(schema, columns).expect("columns of one length")
}

fn types(batch: &RecordBatch) -> Vec<(String, DataType)> {
    let schema = batch.schema();
    let fields = schema.fields().iter();
    fields
        .map(|field| (field.name().clone(), field.data_type().clone()))
        .collect()
}

/// The cells of a workbook's sheet as they are stored: each with its type, which is empty for numbers.
fn sheet(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut book = zip::ZipArchive::new(Cursor::new(answer.body.clone())).expect("a workbook");
    let mut xml = String::new();
    let mut part = book.by_name("xl/worksheets/sheet1.xml").expect("a sheet");
    part.read_to_string(&mut xml).expect("XML");
    let between = |text: &str, start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        rest.split_once(end).map(|(found, _)| found.to_owned())
    };
    let cell = |text: &str| {
        let kind = between(text, " t=\"", "\"").unwrap_or_default();
        let value = between(text, "<v>", "</v>").or_else(|| between(text, "<t>", "</t>"));
        format!("{kind}:{}", value.unwrap_or_default())
    };
    let rows = xml.split("<row ").skip(1);
    rows.map(|row| row.split("<c ").skip(1).map(cell).collect())
        .collect()
}

#[test]
fn every_format_holds_the_whole_table_with_its_types() {
    let folder = Folder::new();
    let program = shop(&folder);
    for format in ["parquet", "arrow"] {
        let batch = rows(&program.get(&format!("/shop/sales.{format}")));
        let wanted = [
            ("id", DataType::Int64),
            ("city", DataType::Int64),
            ("price", DataType::Float64),
            ("note", DataType::Utf8),
        ];
        assert_eq!(
            types(&batch),
            wanted.map(|(name, kind)| (name.to_owned(), kind))
        );
        assert_eq!(batch.num_rows(), 5000);
        assert_eq!(
            batch.column(0).as_primitive::<Int64Type>().value(4999),
            5000
        );
        assert!(batch.column(1).is_null(2));
        let prices: f64 = batch
            .column(2)
            .as_primitive::<Float64Type>()
            .values()
            .iter()
            .sum();
        assert!((prices - 3_125_625.0).abs() < 0.5, "{prices}");
        assert_eq!(batch.column(3).as_string::<i32>().value(9), "note 10");
    }
    let lines = program.get("/shop/sales.ndjson").text();
    assert_eq!(lines.lines().count(), 5000);
    let third: serde_json::Value =
        serde_json::from_str(lines.lines().nth(2).expect("a third line")).expect("JSON");
    assert_eq!(
        third,
        serde_json::json!({"id": 3, "city": null, "price": 0.75, "note": "note 3"})
    );
    let cells = sheet(&program.get("/shop/sales.xlsx"));
    assert_eq!(cells.len(), 5001);
    assert_eq!(cells[0][3], "inlineStr:note");
    assert_eq!(cells[3], [":3", ":0.75", "inlineStr:note 3"]);
}

#[test]
fn filters_sort_columns_labels_and_pages_apply_to_every_format() {
    let folder = Folder::new();
    let program = shop(&folder);
    let query = "?id__gt=4000&_sort_desc=price&_nocol=note&_labels=on";
    for format in ["parquet", "arrow"] {
        let batch = rows(&program.get(&format!("/shop/sales.{format}{query}")));
        let names: Vec<String> = types(&batch).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["id", "city", "city_label", "price"]);
        assert_eq!(batch.num_rows(), 1000);
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 5000);
        assert_eq!(batch.column(2).as_string::<i32>().value(0), "Bern");
        let page = rows(&program.get(&format!("/shop/sales.{format}?_size=2&_next=7")));
        assert_eq!(page.num_rows(), 2);
        assert_eq!(page.column(0).as_primitive::<Int64Type>().value(0), 8);
    }
    let csv = program
        .get(&format!("/shop/sales.csv{query}&_stream=on&_header=off"))
        .text();
    assert_eq!(csv.lines().count(), 1000);
    assert_eq!(csv.lines().nth(1), Some("4999,2,\"Oslo, N\",1249.75"));
    let line = program.get(&format!("/shop/sales.ndjson{query}")).text();
    let wanted = "{\"id\":5000,\"city\":{\"value\":1,\"label\":\"Bern\"},\"price\":1250.0}";
    assert_eq!(line.lines().next(), Some(wanted));
    let cells = sheet(&program.get(&format!("/shop/sales.xlsx{query}")));
    assert_eq!(cells[2], [":4999", ":2", "inlineStr:Oslo, N", ":1249.75"]);
    let view = rows(&program.get("/shop/expensive.parquet"));
    assert_eq!(view.num_rows(), 40);
    let row = rows(&program.get("/shop/sales/17.arrow"));
    assert_eq!(
        (
            row.num_rows(),
            row.column(0).as_primitive::<Int64Type>().value(0)
        ),
        (1, 17)
    );
}

#[test]
fn a_cell_that_does_not_fit_its_column_widens_it_and_is_never_lost() {
    let folder = Folder::new();
    let program = shop(&folder);
    let answer = program.get("/shop/sloppy.parquet");
    let batch = rows(&answer);
    let wanted = [
        ("id", DataType::Int64),
        ("whole", DataType::Utf8),
        ("number", DataType::Float64),
        ("bytes", DataType::Binary),
        ("plain", DataType::Float64),
        ("price", DataType::Float64),
    ];
    assert_eq!(
        types(&batch),
        wanted.map(|(name, kind)| (name.to_owned(), kind))
    );
    let texts = batch.column(1).as_string::<i32>();
    assert_eq!((texts.value(0), texts.value(1)), ("7", "seven"));
    let bytes = batch.column(3).as_binary::<i32>();
    assert_eq!(
        (bytes.value(0), bytes.value(1)),
        (&[0, 255][..], &b"text"[..])
    );
    for place in 1..6 {
        assert_eq!(batch.column(place).null_count(), 1, "column {place}");
    }
    let warnings = answer.header("tablecast-warning").unwrap_or_default();
    for warning in [
        "whole holds integers and texts: it is written as Utf8",
        "bytes holds texts and bytes: it is written as Binary",
    ] {
        assert!(warnings.contains(warning), "{warnings}");
    }
    // A real would not hold this integer.
    let large = rows(&program.get("/shop/large.arrow"));
    let texts = large.column(1).as_string::<i32>();
    assert_eq!(
        (texts.value(0), texts.value(1)),
        ("9007199254740993", "0.5")
    );
}

#[test]
fn a_query_goes_on_past_the_most_rows_of_a_page() {
    let folder = Folder::new();
    let program = shop(&folder);
    let sql = percent("select id, price * 2 as twice, id from sales where id > :least");
    let path = |format: &str| format!("/shop/-/query.{format}?sql={sql}&least=1000");
    assert_eq!(program.get(&path("csv")).text().lines().count(), 1001);
    assert_eq!(
        program
            .get(&(path("csv") + "&_stream=on"))
            .text()
            .lines()
            .count(),
        4001
    );
    assert_eq!(program.get(&path("ndjson")).text().lines().count(), 4000);
    let batch = rows(&program.get(&path("parquet")));
    let names: Vec<String> = types(&batch).into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        (names, batch.num_rows()),
        (["id", "twice", "id_2"].map(str::to_owned).to_vec(), 4000)
    );
    assert_eq!(sheet(&program.get(&path("xlsx"))).len(), 4001);
    let none = rows(&program.get(&path("arrow").replace("least=1000", "least=9999")));
    assert_eq!(none.num_rows(), 0);
}

#[test]
fn a_configured_query_can_be_exported_under_its_name() {
    let folder = Folder::new();
    let configuration = folder.write(
        "datasette.yaml",
        b"databases:\n  shop:\n    queries:\n      dear: select * from sales where price > :least\n",
    );
    let file = folder.database("shop.db", SHOP);
    let program = Program::serve(&[file.as_str(), "-c", &configuration]);
    let answer = program.get("/shop/dear.parquet?least=1000");
    let name = answer.header("content-disposition").unwrap_or_default();
    assert_eq!(name, "attachment; filename=\"dear.parquet\"");
    assert_eq!(rows(&answer).num_rows(), 1000);
    let csv = program.get("/shop/dear.csv?least=10&_stream=on");
    assert_eq!(csv.text().lines().count(), 4961);
}

#[test]
fn the_accept_header_chooses_where_the_address_does_not() {
    let folder = Folder::new();
    let program = shop(&folder);
    for (accept, content_type) in [
        ("text/csv", "text/plain; charset=utf-8"),
        ("application/x-ndjson", "application/x-ndjson"),
        (
            "application/vnd.apache.parquet",
            "application/vnd.apache.parquet",
        ),
        (
            "application/vnd.apache.arrow.stream;q=0.9, text/html;q=0.1",
            "application/vnd.apache.arrow.stream",
        ),
        (
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/html; charset=utf-8",
        ),
    ] {
        for path in ["/shop/cities", "/shop/-/query?sql=select+1"] {
            let answer = program.ask("GET", path, &format!("Accept: {accept}\r\n"));
            assert_eq!(
                answer.header("content-type").as_deref(),
                Some(content_type),
                "{path} {accept}"
            );
            let vary = answer.header("vary").unwrap_or_default();
            assert!(vary.contains("accept"), "{path} {accept}: {vary}");
        }
    }
    // An extension comes first, a dot in a name is no extension, and other pages stay pages.
    let json = program.ask("GET", "/shop/cities.json", "Accept: text/csv\r\n");
    assert_eq!(
        json.header("content-type").as_deref(),
        Some("application/json; charset=utf-8")
    );
    assert_eq!(
        program.get("/shop/t~2Eparquet.csv").text(),
        "rowid,a\r\n1,dot\r\n"
    );
    assert_eq!(
        rows(&program.get("/shop/t~2Eparquet.parquet")).num_rows(),
        1
    );
    let home = program.ask("GET", "/", "Accept: text/csv\r\n");
    assert_eq!(
        home.header("content-type").as_deref(),
        Some("text/html; charset=utf-8")
    );
}

#[test]
fn hdf5_tables_keep_their_types() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.write("climate.h5", &climate())]);
    let batch = rows(&program.get("/climate/pacific~2Fsea_surface.parquet"));
    let count = program.json("/climate/pacific~2Fsea_surface.json?_extra=count&_size=1");
    assert_eq!(serde_json::json!(batch.num_rows()), count["count"]);
    let floats = types(&batch)
        .into_iter()
        .filter(|(_, kind)| kind.is_floating())
        .count();
    assert!(floats > 0, "{:?}", types(&batch));
    let sql = percent("select * from [pacific/sea_surface] limit 1500");
    let query = rows(&program.get(&format!("/climate/-/query.arrow?sql={sql}")));
    assert_eq!(query.num_rows(), batch.num_rows().min(1500));
}

#[test]
fn what_a_file_is_named_and_what_it_is_follow_its_format() {
    let folder = Folder::new();
    let program = shop(&folder);
    for (path, content_type, name) in [
        ("/shop/cities.csv", "text/plain; charset=utf-8", None),
        (
            "/shop/cities.csv?_dl=1",
            "text/csv; charset=utf-8",
            Some("cities.csv"),
        ),
        (
            "/shop/-/query.csv?sql=select+1&_dl=1",
            "text/csv; charset=utf-8",
            Some("shop.csv"),
        ),
        (
            "/shop/cities.ndjson?_dl=1",
            "application/x-ndjson",
            Some("cities.ndjson"),
        ),
        (
            "/shop/cities.parquet",
            "application/vnd.apache.parquet",
            Some("cities.parquet"),
        ),
        (
            "/shop/cities.arrow",
            "application/vnd.apache.arrow.stream",
            Some("cities.arrow"),
        ),
        (
            "/shop/cities.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Some("cities.xlsx"),
        ),
    ] {
        let answer = program.get(path);
        assert_eq!(
            answer.header("content-type").as_deref(),
            Some(content_type),
            "{path}"
        );
        let name = name.map(|name| format!("attachment; filename=\"{name}\""));
        assert_eq!(answer.header("content-disposition"), name, "{path}");
    }
    assert_eq!(
        program.get("/shop/lone.csv?_col=a&_nocol=rowid").status,
        400
    );
    let sql = percent("select a from lone");
    assert_eq!(
        program.get(&format!("/shop/-/query.csv?sql={sql}")).text(),
        "a\r\n\"\"\r\nx\r\n"
    );
}

#[test]
fn what_cannot_be_exported_is_refused_before_anything_is_sent() {
    let folder = Folder::new();
    let file = folder.database(
        "shop.db",
        "create table long (id integer primary key, text text);
         insert into long values (1, 'short'), (2, printf('%.*c', 32768, 'x'));
         create table many as with recursive n(x) as (select 1 union all select x + 1 from n limit 1048576) select x from n;",
    );
    let program = Program::serve(&[file.as_str(), "--setting", "sql_time_limit_ms", "300"]);
    let endless = percent(
        "with recursive n(x) as (select 1 union all select x + 1 from n) select max(x) from n",
    );
    for (path, part) in [
        (
            "/shop/long.xlsx".to_owned(),
            "long.text, row 2: a cell of an Excel sheet holds at most 32767",
        ),
        (
            "/shop/many.xlsx".to_owned(),
            "many has more rows than an Excel sheet holds, which are 1048575",
        ),
        ("/shop/-/query.parquet".to_owned(), "?sql= is required"),
        (
            "/shop/-/query.ndjson?sql=delete+from+long".to_owned(),
            "Statement must be a SELECT",
        ),
        (
            "/shop/-/query.arrow?sql=select+nope+from+long".to_owned(),
            "no such column: nope",
        ),
        ("/shop/long.parquet?_stream=on&_next=1".to_owned(), ""),
        (
            "/shop/long.parquet?_sort=nope".to_owned(),
            "Cannot sort table by nope",
        ),
        (
            format!("/shop/-/query.parquet?sql={endless}"),
            "SQL query took too long",
        ),
        (
            format!("/shop/-/query.csv?_stream=on&sql={endless}"),
            "SQL query took too long",
        ),
    ] {
        let answer = program.get(&path);
        if part.is_empty() {
            assert_eq!(rows(&answer).num_rows(), 1, "{path}");
            continue;
        }
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
}

#[test]
fn streams_can_be_switched_off_and_bounded() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table many as with recursive n(x) as
         (select 1 union all select x + 1 from n limit 60000) select x, hex(zeroblob(20)) as text from n;",
    );
    let settings = [
        "--setting",
        "allow_csv_stream",
        "off",
        "--setting",
        "max_csv_mb",
        "1",
    ];
    let off = Program::serve(&[&[file.as_str()], &settings[..]].concat());
    for (path, error) in [
        ("/d/many.csv?_stream=on", "CSV streaming is disabled"),
        ("/d/many.parquet", "Streaming is disabled"),
        ("/d/-/query.ndjson?sql=select+1", "Streaming is disabled"),
    ] {
        let answer = off.get(path);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains(error), "{path}: {}", answer.text());
    }
    assert_eq!(rows(&off.get("/d/many.parquet?_size=max")).num_rows(), 1000);
    assert_eq!(
        off.get("/d/many.csv?_stream=off").text().lines().count(),
        101
    );
    let bounded = Program::serve(&[&[file.as_str()], &settings[2..]].concat());
    let text = bounded.get("/d/many.csv?_stream=on").text();
    let last = "CSV contains more than 1048576 bytes";
    assert_eq!(text.lines().last(), Some(last));
    let rows_bytes = text.len() - last.len() - 2;
    assert!(
        (1_048_400..=1_048_576).contains(&rows_bytes),
        "{rows_bytes}"
    );
}

/// The program holds no more of a table than its reader has taken, however slow the reader is.
#[test]
fn a_slow_reader_holds_the_rows_back() {
    let folder = Folder::new();
    let file = folder.database(
        "d.db",
        "create table many as with recursive n(x) as
         (select 1 union all select x + 1 from n limit 400000) select x, hex(zeroblob(150)) as text from n;",
    );
    let program = Program::serve(&[file.as_str(), "--setting", "max_csv_mb", "0"]);
    assert_eq!(program.get("/d/many.csv").status, 200);
    let idle = program.peak_megabytes();
    for format in ["csv?_stream=on", "ndjson", "parquet", "arrow"] {
        let mut socket = program.send("GET", &format!("/d/many.{format}"), "");
        let mut some = [0; 4096];
        for _ in 0..10 {
            assert!(socket.read(&mut some).expect("bytes") > 0);
            std::thread::sleep(Duration::from_millis(60));
        }
        let grown = program.peak_megabytes() - idle;
        assert!(grown < 64, "{format}: {grown} MB while the reader waits");
        std::io::copy(&mut socket, &mut std::io::sink()).expect("the rest");
        let grown = program.peak_megabytes() - idle;
        assert!(grown < 64, "{format}: {grown} MB in the end");
    }
    // Other requests are answered while a reader sleeps.
    let mut sleeper = program.send("GET", "/d/many.csv?_stream=on", "");
    sleeper.flush().expect("sent");
    assert_eq!(program.get("/d/many.json?_size=1").status, 200);
}

#[test]
fn only_an_immutable_file_is_given_away() {
    let folder = Folder::new();
    let file = folder.notes("d.db");
    let bytes = std::fs::read(&file).expect("bytes");
    let immutable = Program::serve(&["-i", &file]);
    let answer = immutable.get("/d.db");
    assert_eq!((answer.status, answer.body == bytes), (200, true));
    let header = |name: &str| answer.header(name).unwrap_or_default();
    assert_eq!(header("content-type"), "application/octet-stream");
    assert_eq!(
        header("content-disposition"),
        "attachment; filename=\"d.db\""
    );
    assert_eq!(header("content-length"), bytes.len().to_string());
    let tag = header("etag");
    let again = immutable.ask("GET", "/d.db", &format!("If-None-Match: {tag}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = immutable.ask("GET", "/d.db", "If-None-Match: \"other\"\r\n");
    assert_eq!(other.status, 200);
    for (path, status) in [("/d.sqlite", 404), ("/nope.db", 404), ("/d.exe", 404)] {
        assert_eq!(immutable.get(path).status, status, "{path}");
    }
    let off = Program::serve(&["-i", &file, "--setting", "allow_download", "off"]);
    let climate = folder.write("climate.h5", &climate());
    let mutable = Program::serve(&[file.as_str(), &climate]);
    for (program, path) in [
        (&off, "/d.db"),
        (&mutable, "/d.db"),
        (&mutable, "/climate.h5"),
    ] {
        let answer = program.get(path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(
            answer.page().contains("Database download is forbidden"),
            "{path}"
        );
    }
    let hdf5 = Program::serve(&["-i", &climate]);
    let wanted = std::fs::read(&climate).expect("bytes");
    assert_eq!(hdf5.get("/climate.h5").body, wanted);
    assert_eq!(hdf5.get("/climate.db").status, 404);
}

/// An answer to HTTP/1.0 ends with its connection, which the server must not forget to close: of a few hundred answers,
/// it once forgot one.
#[test]
fn every_stream_ends_for_clients_of_http_1_0() {
    let folder = Folder::new();
    let program = Program::serve(&[folder.notes("d.db")]);
    for _ in 0..1000 {
        let answer = program.get("/d/notes.ndjson");
        assert_eq!(answer.text().lines().count(), 3);
    }
}
