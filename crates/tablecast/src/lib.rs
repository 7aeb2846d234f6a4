//! The binary as a library: arguments, configuration, the registry of connectors, wiring. The only room that knows all
//! others. A binary with connectors of its own calls [`main`] with them.

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
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use tablecast_connector::Connector;

pub use registry::connectors;

/// Runs the command line with these connectors, in the order in which they are asked to recognize a file.
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
    tablecast_process::end_all();
    result.unwrap_or_else(|error| {
        eprintln!("Error: {error:#}");
        ExitCode::FAILURE
    })
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 8))
}
