//! A process connector as a kind of container: what its program says that it recognizes, and how it opens.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tablecast_connector::{
    Blocking, BoxFuture, Connector, Details, Error, ErrorKind, Location, OpenOptions, Pool, Result,
    Source,
};

use crate::guest::Guest;
use crate::message::{Hello, cut};
use crate::pool::{Guests, THREADS};
use crate::program::Program;
use crate::source::ProcessSource;

/// A connector that is a program.
///
/// The seam wants names that live as long as the program does; each started connector's are leaked, which is a few
/// hundred bytes for each `--connector` of a command line.
#[derive(Debug)]
pub struct ProcessConnector {
    program: Program,
    hello: Hello,
    name: &'static str,
    opens: &'static str,
    magic: Vec<Vec<u8>>,
    /// The guest that said hello; the first container that is opened takes it.
    first: Mutex<Option<Guest>>,
}

impl ProcessConnector {
    /// Starts the program and hears what it is. Blocks.
    pub fn start(program: Program) -> Result<Self> {
        let guest = Guest::start(&program, HOST)?;
        let hello = guest.hello.clone();
        let recognizes = hello.recognizes.clone().unwrap_or_default();
        let magic = recognizes.magic.iter().map(|text| {
            STANDARD.decode(text).ok().filter(|magic| !magic.is_empty()).ok_or_else(|| {
                let shown = cut(text);
                Error::invalid(format!(
                    "The connector {} recognizes files by {shown:?}, which is no base64 of first bytes",
                    program.label
                ))
            })
        });
        let magic = magic.collect::<Result<_>>()?;
        let word: String = hello
            .name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
            .take(60)
            .collect();
        if word.is_empty() {
            return Err(Error::invalid(format!(
                "The connector {} has no name",
                program.label
            )));
        }
        let opens = hello
            .opens
            .clone()
            .unwrap_or_else(|| format!("What the connector {word} opens"));
        Ok(Self {
            program: Program {
                label: word.clone(),
                ..program
            },
            name: word.leak(),
            opens: cut(&opens).leak(),
            magic,
            first: Mutex::new(Some(guest)),
            hello,
        })
    }

    /// Whether it says which locations are its own, by its hello or by the ends of names that it was started for.
    fn is_choosy(&self) -> bool {
        let told = self.hello.recognizes.as_ref();
        !self.program.extensions.is_empty()
            || told.is_some_and(|told| {
                !(told.extensions.is_empty() && told.schemes.is_empty() && told.magic.is_empty())
            })
    }

    fn ends_with_one_of(location: &Location, extensions: &[String]) -> bool {
        let name = Path::new(&location.text).file_name().unwrap_or_default();
        let name = name.to_string_lossy().to_lowercase();
        extensions
            .iter()
            .any(|extension| name.ends_with(&extension.to_lowercase()))
    }
}

/// What hello says of us.
const HOST: &str = concat!("tablecast ", env!("CARGO_PKG_VERSION"));

impl Connector for ProcessConnector {
    fn name(&self) -> &'static str {
        self.name
    }

    fn opens(&self) -> &'static str {
        self.opens
    }

    fn recognizes(&self, location: &Location) -> bool {
        let is_file = location.scheme.is_none() && location.text != ":memory:";
        if !self.is_choosy() {
            return is_file;
        }
        if !self.program.extensions.is_empty() {
            return Self::ends_with_one_of(location, &self.program.extensions);
        }
        let told = self.hello.recognizes.clone().unwrap_or_default();
        match &location.scheme {
            Some(scheme) => told
                .schemes
                .iter()
                .any(|known| known.eq_ignore_ascii_case(scheme)),
            None => {
                is_file
                    && (Self::ends_with_one_of(location, &told.extensions)
                        || self
                            .magic
                            .iter()
                            .any(|magic| location.head.starts_with(magic)))
            }
        }
    }

    fn open<'a>(
        &'a self,
        location: &'a Location,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Arc<dyn Source>>> {
        let first = self
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (program, location, options) =
            (self.program.clone(), location.clone(), options.clone());
        let hello = self.hello.clone();
        Box::pin(async move {
            Pool::new("guest-open", 1)?
                .run(move || open(program, first, hello, &location, &options))
                .await
        })
    }
}

fn open(
    program: Program,
    first: Option<Guest>,
    hello: Hello,
    location: &Location,
    options: &OpenOptions,
) -> Result<Arc<dyn Source>> {
    let path = location.path().map(|path| {
        std::fs::canonicalize(&path).map_err(|cause| {
            Error::unreadable(format!("{} cannot be found", location.text)).caused_by(cause)
        })
    });
    let path = path.transpose()?;
    let size = path
        .as_ref()
        .and_then(|path| path.metadata().ok())
        .map(|metadata| metadata.len());
    let told = path.map_or_else(
        || location.text.clone(),
        |path| path.to_string_lossy().into_owned(),
    );
    let guest = match first {
        Some(guest) => guest,
        None => Guest::start(&program, HOST)?,
    };
    let guests = Arc::new(Guests::new(program, HOST, told, options));
    guests.adopt(guest).map_err(|error| {
        if error.kind() == ErrorKind::Unsupported {
            error
        } else {
            error.within(&location.text)
        }
    })?;
    let details = Details {
        connector: hello.name.clone(),
        path: Some(location.text.clone()),
        size,
        is_mutable: !options.immutable,
        is_memory: false,
        hash: None,
    };
    let source = ProcessSource::new(guests, hello, details);
    Ok(Arc::new(Blocking::new(source, THREADS)?))
}
