//! Any bytes as a file: everything in it is looked at, and its first rows are read. Nothing may panic, hang, or take
//! memory by what the file claims.
//!
//!     cargo install cargo-fuzz
//!     cd connectors/hdf5 && cargo +nightly fuzz run file fuzz/corpus tests/made -- -max_len=150000 -timeout=5 -rss_limit_mb=512
//!
//! What it finds becomes a file in `tests/made/` and a test in `tests/made.rs`.

#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;
use tablecast_connector::{ArrayRequest, BlockingSource, Limits, ScanRequest, Window};
use tablecast_hdf5::Hdf5;

/// Rows read of each table, and tables read of each file.
const ROWS: u64 = 200;
const TABLES: usize = 50;

fuzz_target!(|data: &[u8]| {
    let path = std::env::temp_dir().join(format!("tablecast-fuzz-{}.h5", std::process::id()));
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(data));
    written.expect("a file can be written");
    if let Ok(source) = Hdf5::open(&path.to_string_lossy(), true) {
        read(&source);
    }
});

fn read(source: &Hdf5) {
    let _ = source.groups();
    for table in source.table_names().unwrap_or_default().iter().take(TABLES) {
        let _ = source.storage(table);
        let Ok(info) = source.table_info(table) else {
            continue;
        };
        if let Some(array) = &info.array {
            let dimensions = array.dimensions.iter();
            let windows = dimensions.map(|dimension| Window::Range { start: 0, end: dimension.length, bins: 9 });
            let windows: Vec<Window> = windows.collect();
            for column in array.columns.iter().take(3).cloned() {
                let request = ArrayRequest { column, windows: windows.clone() };
                let _ = source.array(table, &request, &Limits::none());
            }
        }
        let request = ScanRequest {
            table: table.clone(),
            columns: info.columns.iter().map(|column| column.name.clone()).collect(),
            filters: Vec::new(),
            sort: Vec::new(),
            limit: Some(ROWS),
        };
        let Ok(scan) = source.scan(&request) else {
            continue;
        };
        for part in scan.partitions.iter().take(2) {
            let Ok(batches) = (scan.open)(part, &Limits::none()) else {
                continue;
            };
            batches.take(4).for_each(drop);
        }
    }
}
