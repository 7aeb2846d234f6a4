//! Tablecast with one more connector: lists of weather stations, as the Global Historical Climatology Network has them.

mod stations;

use std::sync::Arc;

fn main() -> std::process::ExitCode {
    let mut connectors = tablecast::connectors();
    connectors.push(Arc::new(stations::Stations));
    tablecast::main(connectors)
}
