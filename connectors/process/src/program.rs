//! What is started: a program with its arguments, and what it may have.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

/// A program that speaks the protocol on its standard input and output.
#[derive(Clone, Debug)]
pub struct Program {
    /// What it is called in messages, before it has told its own name.
    pub label: String,
    /// The file to start; one without a slash is looked for on the `PATH`.
    pub command: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables of the environment that it gets besides those that every program needs.
    pub environment: Vec<String>,
    /// The most bytes of memory it may take, where the system can bound that.
    pub memory_bytes: u64,
    /// How long it may take to say hello.
    pub hello_within: Duration,
    /// How long it may take to open a container, or to tell of its tables.
    pub answer_within: Duration,
    /// Ends of file names (with the dot) that are its own, whatever it says that it recognizes.
    pub extensions: Vec<String>,
    /// A folder that it needs, which stays as long as it may be started.
    pub folder: Option<Arc<TempDir>>,
}

impl Program {
    /// The memory of a program that nobody bounded.
    pub const MEMORY_BYTES: u64 = 4 << 30;

    /// A program with the usual limits.
    pub fn new(label: impl Into<String>, command: impl Into<OsString>) -> Self {
        Self {
            label: label.into(),
            command: command.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            memory_bytes: Self::MEMORY_BYTES,
            hello_within: Duration::from_secs(20),
            answer_within: Duration::from_mins(1),
            extensions: Vec::new(),
            folder: None,
        }
    }
}
