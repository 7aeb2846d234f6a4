//! Runs a command and gives what it prints: without a shell, in a working folder of its own, with an environment of named
//! variables, bounded in time and output. It ends with all that it started.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tablecast_connector::{Error, Result};
use tempfile::TempDir;

use crate::secret::Secret;

/// So much of what a command writes to standard error is kept for the log.
const ERRORS_BYTES: usize = 4096;
/// How often a command that has closed its output is looked at.
const SLICE: Duration = Duration::from_millis(5);
/// The most memory of a process, where the system can bound that.
#[cfg(target_os = "linux")]
const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// The largest file that a process may write.
#[cfg(target_os = "linux")]
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The groups of processes that run, with their working folders.
static GROUPS: Mutex<BTreeMap<i32, PathBuf>> = Mutex::new(BTreeMap::new());

fn groups() -> MutexGuard<'static, BTreeMap<i32, PathBuf>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all commands with all that they started, and removes their folders: to be called where the program ends.
pub fn end_all() {
    for (group, folder) in std::mem::take(&mut *groups()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// A command as a manifest has it.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// The program and its arguments. Never empty.
    pub(crate) words: Vec<String>,
    /// What it gets of the environment besides `PATH`.
    pub(crate) environment: Vec<(String, Secret)>,
}

impl Program {
    /// What the command prints, at most `bytes_max` bytes, until `deadline`.
    pub(crate) fn output(&self, bytes_max: usize, deadline: Instant) -> Result<Vec<u8>> {
        let mut running = Running::start(self)?;
        let output = first_bytes(running.child.stdout.take(), bytes_max + 1, Rest::Left)?;
        let errors = first_bytes(running.child.stderr.take(), ERRORS_BYTES, Rest::Drained)?;
        let bytes = within(&output, deadline)?;
        if bytes.len() > bytes_max {
            return Err(Error::too_large(format!(
                "the command printed more than {bytes_max} bytes"
            )));
        }
        let status = loop {
            let status = running.child.try_wait().map_err(|cause| {
                Error::internal("A command cannot be waited for").caused_by(cause)
            })?;
            match status {
                Some(status) => break status,
                None if Instant::now() >= deadline => return Err(too_slow()),
                None => thread::sleep(SLICE),
            }
        };
        if !status.success() {
            // What was started besides may hold the pipe open still.
            running.kill();
            let errors = errors
                .recv_timeout(Duration::from_secs(1))
                .unwrap_or_default();
            let said = self.without_secrets(&String::from_utf8_lossy(&errors));
            return Err(
                Error::unreadable(format!("the command ended with {status}")).caused_by(said),
            );
        }
        Ok(bytes)
    }

    fn without_secrets(&self, text: &str) -> String {
        let mut text = text.trim().to_owned();
        for (name, secret) in &self.environment {
            if !secret.reveal().is_empty() {
                text = text.replace(secret.reveal(), &format!("${{{name}}}"));
            }
        }
        text
    }

    fn command(&self, folder: &Path) -> Command {
        let (program, arguments) = self
            .words
            .split_first()
            .map_or((OsString::new(), &[][..]), |(first, rest)| {
                (OsString::from(first), rest)
            });
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(folder)
            .env_clear()
            .env("TMPDIR", folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        for (name, value) in &self.environment {
            command.env(name, value.reveal());
        }
        command
    }
}

/// A started command. Dropping it ends the whole group.
struct Running {
    child: Child,
    group: Pid,
    _folder: TempDir,
}

impl Running {
    fn start(program: &Program) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tablecast-command-")
            .tempdir()
            .map_err(|cause| {
                Error::unavailable("No working folder can be made").caused_by(cause)
            })?;
        let child = program.command(folder.path()).spawn().map_err(|cause| {
            let name = program.words.first().map_or("", String::as_str);
            Error::unreadable(format!("the command {name:?} cannot be started: {cause}"))
        })?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        groups().insert(group.as_raw(), folder.path().to_owned());
        let running = Self {
            child,
            group,
            _folder: folder,
        };
        running.limit();
        Ok(running)
    }

    /// Not every system can bound another process; where one cannot, the command has the limits of the server.
    #[cfg(target_os = "linux")]
    fn limit(&self) {
        let limits = [
            (rlimit::Resource::DATA, MEMORY_BYTES_MAX),
            (rlimit::Resource::CORE, 0),
            (rlimit::Resource::FSIZE, FILE_BYTES_MAX),
        ];
        for (resource, most) in limits {
            // The command may have ended already; then there is nothing to bound.
            let _ = rlimit::prlimit(self.group.as_raw(), resource, Some((most, most)), None);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn limit(&self) {}

    fn kill(&mut self) {
        if groups().remove(&self.group.as_raw()).is_none() {
            return;
        }
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What becomes of output behind the bytes that are wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Left,
    Drained,
}

/// The first bytes of a pipe, at most `most`, as soon as it has ended or they are there.
fn first_bytes(
    pipe: Option<impl Read + Send + 'static>,
    most: usize,
    rest: Rest,
) -> Result<Receiver<Vec<u8>>> {
    let mut pipe = pipe.ok_or_else(|| Error::internal("A command was started without pipes"))?;
    let (send, receive) = channel();
    let read = move || {
        let mut bytes = Vec::new();
        let _ = pipe.by_ref().take(most as u64).read_to_end(&mut bytes);
        let _ = send.send(bytes);
        if rest == Rest::Drained {
            let _ = std::io::copy(&mut pipe, &mut std::io::sink());
        }
    };
    thread::Builder::new()
        .name("manifest-read".to_owned())
        .spawn(read)
        .map_err(|cause| Error::unavailable("No thread could be started").caused_by(cause))?;
    Ok(receive)
}

fn within(output: &Receiver<Vec<u8>>, deadline: Instant) -> Result<Vec<u8>> {
    let left = deadline.saturating_duration_since(Instant::now());
    output.recv_timeout(left).map_err(|problem| match problem {
        RecvTimeoutError::Timeout => too_slow(),
        RecvTimeoutError::Disconnected => Error::internal("A command's output was lost"),
    })
}

fn too_slow() -> Error {
    Error::unavailable("the command did not end in time").hint("`seconds` allows more time")
}
