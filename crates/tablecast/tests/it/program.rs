//! Starts the program, asks it over a socket, and ends it. Requests are sent byte by byte as they are written, so that
//! no client mends what is odd in them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, serving.
pub(crate) struct Program {
    child: Child,
    address: String,
    said: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

/// The program with these arguments, not started yet.
pub(crate) fn command<A: AsRef<OsStr>>(arguments: &[A]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tablecast"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end, which has to come: a program that serves although it should refuse is stopped, and
/// fails.
pub(crate) fn run<A: AsRef<OsStr>>(arguments: &[A]) -> Output {
    let mut command = command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program runs");
    let (id, ended) = (child.id().to_string(), Arc::new(AtomicBool::new(false)));
    let watched = Arc::clone(&ended);
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if !watched.load(Ordering::SeqCst) {
            let _ = Command::new("kill").args(["-9", &id]).status();
        }
    });
    let output = child.wait_with_output().expect("the program ends");
    ended.store(true, Ordering::SeqCst);
    output
}

impl Program {
    /// Serves with these arguments on a free port.
    pub(crate) fn serve<A: AsRef<OsStr>>(arguments: &[A]) -> Self {
        let mut serve = command(&["serve", "-p", "0"]);
        serve.args(arguments);
        Self::start(serve)
    }

    /// Starts the program and waits until it says where it serves.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let mut address = None;
        for line in lines.by_ref().map_while(Result::ok) {
            said.lock().unwrap().extend([line.as_str(), "\n"]);
            if let Some(rest) = line.strip_prefix("Serving on ") {
                let host = rest
                    .split_once("://")
                    .map(|(_, rest)| rest.split('/').next());
                address = host.flatten().map(str::to_owned);
                break;
            }
        }
        let Some(address) = address else {
            let _ = child.kill();
            panic!("The program did not serve: {}", said.lock().unwrap());
        };
        let heard = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.lock().unwrap().extend([line.as_str(), "\n"]);
            }
        });
        Self {
            child,
            address,
            said,
            listening: Some(listening),
        }
    }

    /// What the program has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until the program has said this.
    pub(crate) fn await_said(&self, part: &str) {
        let since = Instant::now();
        while !self.said().contains(part) {
            assert!(
                since.elapsed() < PATIENCE,
                "{part:?} is not said: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that the program had so far.
    pub(crate) fn peak_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("Linux says how much memory a process has");
        let line = status.lines().find(|line| line.starts_with("VmHWM"));
        let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
        let kilobytes = kilobytes.and_then(|text| text.parse::<u64>().ok());
        kilobytes.expect("a number") / 1024
    }

    /// Sends a request and leaves the answer to be read.
    pub(crate) fn send(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut socket = TcpStream::connect(&self.address).expect("a connection");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a time limit");
        let request = format!("{method} {path} HTTP/1.0\r\nHost: host.test\r\n{headers}\r\n");
        socket.write_all(request.as_bytes()).expect("sent");
        socket
    }

    /// The answer to a request with further headers, each with its line end.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        Answer::read(self.send(method, path, headers))
            .unwrap_or_else(|| panic!("no answer to {path}"))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "")
    }

    /// The JSON of an answer that must be a success.
    pub(crate) fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "signal {name}");
    }

    /// Waits until the program ends by itself: whether it ended well, and all that it said.
    pub(crate) fn end(mut self) -> (bool, String) {
        let since = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a state") {
                if let Some(listening) = self.listening.take() {
                    listening.join().expect("no panic");
                }
                return (status.success(), self.said());
            }
            assert!(since.elapsed() < PATIENCE, "the program does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // Whatever a test asked for, the program itself must not have failed.
        let said = self.said();
        if !std::thread::panicking() {
            assert!(!said.contains("panicked"), "{said}");
        }
    }
}

impl Answer {
    /// Reads an answer to its end; `None` if there is none.
    pub(crate) fn read(mut socket: impl Read) -> Option<Self> {
        let mut all = Vec::new();
        socket.read_to_end(&mut all).ok()?;
        let end = all.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(all.get(..end)?).into_owned();
        Some(Self {
            status: head.split(' ').nth(1)?.parse().ok()?,
            head,
            body: all.split_off(end + 4),
        })
    }

    pub(crate) fn head_bytes(&self) -> usize {
        self.head.len()
    }

    /// The value of a header; all of them, separated by line ends, if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect();
        (!values.is_empty()).then(|| values.join("\n"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The text of a page without HTML's escapes.
    pub(crate) fn page(&self) -> String {
        [
            ("&#x2f;", "/"),
            ("&quot;", "\""),
            ("&#x27;", "'"),
            ("&amp;", "&"),
        ]
        .iter()
        .fold(self.text(), |text, (escape, meant)| {
            text.replace(escape, meant)
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// A byte as it stands behind the mark of an encoding.
pub(crate) fn hexadecimal(mark: char, byte: u8) -> [char; 3] {
    let digit = |value| {
        char::from_digit(value, 16)
            .expect("a digit")
            .to_ascii_uppercase()
    };
    [
        mark,
        digit(u32::from(byte >> 4)),
        digit(u32::from(byte & 15)),
    ]
}

/// `text` as it stands in a query string.
pub(crate) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(hexadecimal('%', byte));
        }
        encoded
    })
}

/// `name` as it stands in a path.
pub(crate) fn tilde(name: &str) -> String {
    if name == "-" {
        return "~2D".to_owned();
    }
    name.bytes().fold(String::new(), |mut encoded, byte| {
        match byte {
            b' ' => encoded.push('+'),
            b'_' | b'-' => encoded.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => encoded.push(char::from(byte)),
            _ => encoded.extend(hexadecimal('~', byte)),
        }
        encoded
    })
}
