//! The `tablecast` binary with the connectors that come with it.

fn main() -> std::process::ExitCode {
    tablecast::main(tablecast::connectors())
}
