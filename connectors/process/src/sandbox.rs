//! What a guest runs in: a working folder of its own that is removed with it, an environment of named variables, a group
//! of processes that ends as a whole, and limits on what it may take.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tablecast_connector::{Error, Result};
use tempfile::TempDir;

use crate::program::Program;

/// Variables that a guest inherits: where programs, libraries and time zones lie. Nothing else is handed on, so that no
/// password of the server's is; `Program::environment` names more.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TZDIR",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "NODE_PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
];

/// A file that a guest writes may not grow beyond.
#[cfg(target_os = "linux")]
const FILE_BYTES_MAX: u64 = 1 << 30;

/// The groups of processes that run, with their working folders.
static GROUPS: Mutex<BTreeMap<i32, PathBuf>> = Mutex::new(BTreeMap::new());

fn groups() -> MutexGuard<'static, BTreeMap<i32, PathBuf>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends all guests with all that they started, and removes their folders: to be called where the program ends.
pub fn end_all() {
    for (group, folder) in std::mem::take(&mut *groups()) {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        let _ = std::fs::remove_dir_all(folder);
    }
}

/// A started program in its surroundings. Dropping it ends the whole group.
#[derive(Debug)]
pub(crate) struct Sandbox {
    pub(crate) child: Child,
    group: Pid,
    _folder: TempDir,
}

impl Sandbox {
    /// Starts the program. `Unreadable` names what cannot be started.
    pub(crate) fn start(program: &Program) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tablecast-guest-")
            .tempdir()
            .map_err(|cause| {
                Error::unavailable("No working folder can be made").caused_by(cause)
            })?;
        let mut command = command(program, folder.path());
        let child = command.spawn().map_err(|cause| {
            Error::unreadable(format!(
                "The connector {} cannot be started: {} {cause}",
                program.label,
                program.command.to_string_lossy()
            ))
        })?;
        let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        groups().insert(group.as_raw(), folder.path().to_owned());
        let started = Self {
            child,
            group,
            _folder: folder,
        };
        started.limit(program.memory_bytes);
        Ok(started)
    }

    /// Bounds memory, core dumps and the size of files. Not every system can; where one cannot, the guest has the
    /// limits of the server.
    #[cfg(target_os = "linux")]
    fn limit(&self, memory_bytes: u64) {
        let limits = [
            (rlimit::Resource::DATA, memory_bytes),
            (rlimit::Resource::CORE, 0),
            (rlimit::Resource::FSIZE, FILE_BYTES_MAX),
        ];
        for (resource, most) in limits {
            // The guest may be gone already; then there is nothing to bound.
            let _ = rlimit::prlimit(self.group.as_raw(), resource, Some((most, most)), None);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn limit(&self, _memory_bytes: u64) {}

    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(status.to_string())
    }

    /// Ends the program and all that it started within its group.
    pub(crate) fn kill(&mut self) {
        if groups().remove(&self.group.as_raw()).is_none() {
            return;
        }
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(program: &Program, folder: &Path) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new(&program.command);
    command
        .args(&program.arguments)
        .current_dir(folder)
        .env_clear()
        .env("TMPDIR", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    let wanted = INHERITED
        .iter()
        .map(OsString::from)
        .chain(program.environment.iter().map(OsString::from));
    for name in wanted {
        if let Some(value) = std::env::var_os(&name) {
            command.env(name, value);
        }
    }
    command
}
