//! The real program on a port of its own: bad files, bad addresses, bad SQL, odd names, stopping, and the command line.
//!
//! Nothing is imitated: files are made as people make them, and every answer comes over a socket.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod assets;
mod command;
mod configuration;
mod connector;
mod crossdb;
mod damaged;
mod declared;
mod directory;
mod exports;
mod files;
mod hostile;
mod listen;
mod made;
mod names;
mod permissions;
mod pictures;
mod profiles;
mod program;
mod queries;
mod requests;
mod sampled;
mod sql;
mod stopping;
mod structure;
mod templates;
