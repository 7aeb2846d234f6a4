//! The command line, in Datasette's terms. Every option of `datasette serve` is known: done, or refused by name.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use tablecast_testkit::examine::Level;

/// Publishes tables from any data container as a website and a JSON API.
#[derive(Debug, Parser)]
#[command(name = "tablecast", version, about, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve files as a website and a JSON API (the default command)
    Serve(Box<ServeArguments>),
    /// Print what files hold: size, hash and row counts, as JSON
    Inspect(InspectArguments),
    /// Write and test connectors, and tell which are known
    #[command(subcommand)]
    Connector(ConnectorCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConnectorCommand {
    /// Ask a file or another location random questions, and compare the answers with a plain executor's
    Test(TestArguments),
    /// Tell which connectors this program knows, and what each opens
    List(ListArguments),
    /// Write a connector that works, with an example and its test, into a new folder
    New(NewArguments),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NewArguments {
    /// Its name, that of its folder, and the end of the names of its files: small letters, digits and _
    pub(crate) name: String,
    /// The language to write it in
    #[arg(long, value_enum)]
    pub(crate) language: Language,
    /// For Rust: where the crates of Tablecast lie
    #[arg(long, value_name = "PATH")]
    pub(crate) checkout: Option<PathBuf>,
}

/// A language that connectors are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// A class, with nothing to install
    Python,
    /// A module of JavaScript for Node
    Node,
    /// A program of its own, which is Tablecast with one more connector
    Rust,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct ListArguments {
    #[command(flatten)]
    pub(crate) guests: GuestArguments,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct TestArguments {
    /// What to test: whatever `serve` would take
    pub(crate) location: String,
    /// Only this level: read, filter, sort, page, facet, sql, stream or misbehave (repeatable)
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Vec<Level>,
    /// Only this table
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Another seed asks other questions
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How many questions each test asks of each table
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) questions: u32,
    /// The most rows of a table that are read for comparison
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) rows: u32,
    /// Write the result to this file, too, as the XML that services for continuous integration read
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) guests: GuestArguments,
}

#[derive(Clone, Debug, Args)]
#[command(disable_help_flag = true)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(crate) struct ServeArguments {
    /// Files to serve
    pub(crate) files: Vec<String>,
    /// A file that nobody changes while it is served (repeatable)
    #[arg(short = 'i', long = "immutable", value_name = "FILE")]
    pub(crate) immutable: Vec<String>,
    /// The address to listen on
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 picks a free one
    #[arg(
        short = 'p',
        long,
        default_value_t = 8001,
        allow_negative_numbers = true
    )]
    pub(crate) port: u16,
    /// Listen on a Unix socket instead
    #[arg(long, value_name = "PATH", conflicts_with_all = ["host", "port", "open"])]
    pub(crate) uds: Option<PathBuf>,
    /// The private key of the certificate, in PEM format
    #[arg(long, value_name = "FILE", env = "DATASETTE_SSL_KEYFILE")]
    pub(crate) ssl_keyfile: Option<PathBuf>,
    /// Serve with TLS, by this certificate and its chain in PEM format
    #[arg(long, value_name = "FILE", env = "DATASETTE_SSL_CERTFILE")]
    pub(crate) ssl_certfile: Option<PathBuf>,
    /// A configuration file, YAML or JSON
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// A metadata file, YAML or JSON
    #[arg(short = 'm', long = "metadata", value_name = "FILE")]
    pub(crate) metadata: Option<PathBuf>,
    /// A setting and its value (repeatable); see --help-settings
    #[arg(short = 's', long = "setting", num_args = 2, value_names = ["NAME", "VALUE"], allow_negative_numbers = true)]
    pub(crate) setting: Vec<String>,
    /// Counts of tables that `inspect` made, for the files named with --immutable
    #[arg(long, value_name = "FILE")]
    pub(crate) inspect_file: Option<PathBuf>,
    /// A folder of templates of your own for pages
    #[arg(long, value_name = "DIR")]
    pub(crate) template_dir: Option<PathBuf>,
    /// Serve the files of a folder under a path (repeatable)
    #[arg(long = "static", value_name = "MOUNT:DIR")]
    pub(crate) static_: Vec<String>,
    /// Let scripts of other sites read answers
    #[arg(long)]
    pub(crate) cors: bool,
    /// Print the answer to one request, instead of serving
    #[arg(long, value_name = "PATH")]
    pub(crate) get: Option<String>,
    /// With --get: print the status and headers, too
    #[arg(long)]
    pub(crate) headers: bool,
    /// Open the site in a browser
    #[arg(short = 'o', long)]
    pub(crate) open: bool,
    /// Serve anew when a served or configured file changes
    #[arg(long)]
    pub(crate) reload: bool,
    /// Serve an empty database in memory, `_memory`
    #[arg(long)]
    pub(crate) memory: bool,
    /// Serve `_memory`, whose SQL joins the tables of all databases as [database].table
    #[arg(long)]
    pub(crate) crossdb: bool,
    /// Read SQLite files that other programs keep locked
    #[arg(long)]
    pub(crate) nolock: bool,
    /// An SQLite extension to load (repeatable)
    #[arg(
        long,
        value_name = "PATH[:ENTRYPOINT]",
        env = "DATASETTE_LOAD_EXTENSION"
    )]
    pub(crate) load_extension: Vec<String>,
    #[command(flatten)]
    pub(crate) guests: GuestArguments,
    /// Show only what the configuration allows
    #[arg(long)]
    pub(crate) default_deny: bool,
    /// Accepted for compatibility: nothing is signed yet
    #[arg(long, env = "DATASETTE_SECRET", hide_env_values = true)]
    pub(crate) secret: Option<String>,
    /// A note for /-/versions
    #[arg(long)]
    pub(crate) version_note: Option<String>,
    /// List the settings
    #[arg(long)]
    pub(crate) help_settings: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
    #[command(flatten)]
    pub(crate) refused: Refused,
}

/// Options of Datasette that are not done yet. Each is refused by name.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Known from Datasette, not available yet")]
pub(crate) struct Refused {
    /// Plugins
    #[arg(long, value_name = "DIR")]
    plugins_dir: Option<String>,
    /// Create missing files
    #[arg(long)]
    create: bool,
    /// Print a link that signs in as root
    #[arg(long)]
    root: bool,
    /// A token for --get
    #[arg(long)]
    token: Option<String>,
    /// An actor for --get
    #[arg(long)]
    actor: Option<String>,
    /// Debug on errors
    #[arg(long)]
    pdb: bool,
    /// A file for the internal database
    #[arg(long, value_name = "FILE")]
    internal: Option<String>,
}

impl Refused {
    /// The first option given that is not available, and why.
    pub(crate) fn first(&self) -> Option<(&'static str, &'static str)> {
        let permissions =
            "permissions come with a later version, and ignoring it would show what it hides";
        let given: [(bool, &str, &str); 7] = [
            (self.root, "--root", permissions),
            (self.token.is_some(), "--token", permissions),
            (self.actor.is_some(), "--actor", permissions),
            (
                self.plugins_dir.is_some(),
                "--plugins-dir",
                "Datasette's plugins are Python programs; see connectors",
            ),
            (self.create, "--create", "this program only reads"),
            (self.pdb, "--pdb", "it belongs to Python"),
            (
                self.internal.is_some(),
                "--internal",
                "there is no internal database yet",
            ),
        ];
        given
            .into_iter()
            .find(|(given, ..)| *given)
            .map(|(_, name, reason)| (name, reason))
    }
}

/// Connectors in other languages.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connectors in other languages")]
pub(crate) struct GuestArguments {
    /// A connector: python:MODULE[:CLASS], a .py or .js file, or a program (repeatable); .EXT=… only for such files
    #[arg(long = "connector", value_name = "[.EXT=]CONNECTOR")]
    pub(crate) connector: Vec<String>,
    /// Use all connectors that are installed for a language: python
    #[arg(long = "connectors", value_name = "LANGUAGE")]
    pub(crate) connectors: Vec<String>,
    /// The Python interpreter for connectors
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub(crate) python: String,
    /// A variable of the environment that connectors get, too (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) connector_env: Vec<String>,
    /// The most memory of one connector's process
    #[arg(long, value_name = "MB", default_value_t = 4096)]
    pub(crate) connector_memory_mb: u64,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct InspectArguments {
    /// Files to look into
    #[arg(required = true)]
    pub(crate) files: Vec<String>,
    /// Write to this file instead of printing
    #[arg(long, value_name = "FILE")]
    pub(crate) inspect_file: Option<PathBuf>,
    /// An SQLite extension to load (repeatable)
    #[arg(long, value_name = "PATH[:ENTRYPOINT]")]
    pub(crate) load_extension: Vec<String>,
    #[command(flatten)]
    pub(crate) guests: GuestArguments,
}

/// The arguments with `serve` put first if no command is named: `tablecast x.db` serves.
pub(crate) fn with_default_command(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let first = arguments.get(1).and_then(|first| first.to_str());
    let is_command = matches!(
        first,
        None | Some("serve" | "inspect" | "connector" | "help" | "--help" | "--version" | "-V")
    );
    if !is_command {
        arguments.insert(1, "serve".into());
    }
    arguments
}
