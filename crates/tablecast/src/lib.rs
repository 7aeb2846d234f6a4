//! The binary as a library: arguments, configuration, the registry of connectors, wiring. The only room that knows all
//! others.
//!
//! A program with connectors of its own is a crate that depends on this one and on the seam, `tablecast-connector`. Its
//! `main` says which connectors there are; everything else, commands, options, site and API, is as in `tablecast`:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     let mut connectors = tablecast::connectors();
//!     # fn stations() -> std::sync::Arc<dyn tablecast_connector::Connector> { unimplemented!() }
//!     connectors.push(stations());
//!     tablecast::main(connectors)
//! }
//! ```
//!
//! A complete crate is in `examples/rust-connector`: it opens lists of weather stations, and its program is put to the
//! test by its own command, `connector test`. How a connector is written is told by the seam's documentation and by the
//! guide, `docs/connectors.md`.

mod arguments;
mod configuration;
mod connector;
mod counts;
mod crossdb;
mod declared;
mod directory;
mod guests;
mod inspect;
mod listen;
mod open;
mod registry;
mod scaffold;
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tablecast_connector::Connector;

pub use registry::connectors;

/// Runs the command line of this process with these connectors, and gives the code with which it is to end.
///
/// Connectors are asked in their order whether they recognize a location, and the first that does opens it: put one in
/// front of [`connectors`] to take what they would take, behind them to leave it to them. Two of one name are allowed, and
/// told apart by nobody. What goes wrong is written to standard error, and the code is not 0.
///
/// Call it once, from the thread that the process starts with and outside of any asynchronous runtime: it starts one of
/// its own, with a thread for each core, at most 8. `--help` and wrong arguments end the process at once.
pub fn main(connectors: Vec<Arc<dyn Connector>>) -> ExitCode {
    let arguments = arguments::with_default_command(std::env::args_os());
    let command = arguments::Cli::parse_from(arguments).command;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers())
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("Error: the program cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match command {
            arguments::Command::Serve(options) => {
                let connectors = guests::before(connectors, &options.guests)?;
                serve::serve(connectors, *options).await
            }
            arguments::Command::Inspect(options) => {
                let connectors = guests::before(connectors, &options.guests)?;
                inspect::inspect(&connectors, &options).await
            }
            arguments::Command::Connector(command) => connector::run(connectors, command).await,
        }
    });
    // Whatever still runs on behalf of nobody does not hold up the end.
    runtime.shutdown_background();
    guests::end_all();
    result.unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
}
