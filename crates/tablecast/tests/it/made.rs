//! Folders with files to serve, good and bad ones.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

/// A folder that is gone after its test.
pub(crate) struct Folder(TempDir);

/// A few tables with references, a key of two columns, texts that are not JSON, and no search index.
const NOTES: &str = "
    create table authors (id integer primary key, name text);
    insert into authors values (1, 'Ada'), (2, 'Grace');
    create table notes (id integer primary key, text text, author integer references authors(id), tags text, data blob);
    insert into notes values (1, 'first', 1, '[\"a\", \"b\"]', x'00ff'), (2, 'second', 2, 'none', null), (3, 'third', 1, '[]', null);
    create table pairs (a text, b text, value integer, primary key (a, b));
    insert into pairs values ('x,y', 'p/q', 1), ('.', '', 2);
    create table bare (text text);
    insert into bare values ('only');
    create view seen as select text from notes;";

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The path as text.
    pub(crate) fn text(&self, name: &str) -> String {
        self.at(name).display().to_string()
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file with these bytes; its path.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.at(name), bytes).expect("written");
        self.text(name)
    }

    /// A database made by this SQL; its path.
    pub(crate) fn database(&self, name: &str, sql: &str) -> String {
        let connection = Connection::open(self.at(name)).expect("a database");
        connection.execute_batch(sql).expect(sql);
        self.text(name)
    }

    /// A database with a few tables; its path.
    pub(crate) fn notes(&self, name: &str) -> String {
        self.database(name, NOTES)
    }
}

/// An HDF5 file that comes with the program.
pub(crate) fn climate() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/climate.h5");
    std::fs::read(path).expect("the example")
}
