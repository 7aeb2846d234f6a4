//! The `tablecast` binary.
fn main() {}
