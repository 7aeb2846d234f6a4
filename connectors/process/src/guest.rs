//! A running guest: hello, one request at a time, cancel, goodbye. Each wait has an end.
//!
//! A guest that breaks the protocol, ends or keeps silent is not spoken to again: [`Guest::is_sound`] says so, and
//! dropping it ends its group of processes.

use std::io::{BufReader, Write};
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tablecast_connector::{Error, ErrorKind, Limits, Result};

use crate::frame::{self, Frame};
use crate::log::Log;
use crate::message::{CREDIT, Hello, LINE_BYTES_MAX, PAYLOAD_BYTES_MAX, PROTOCOL, Reply, Said};
use crate::program::Program;
use crate::sandbox::Sandbox;

/// How often a wait looks whether anybody still waits for its answer.
const SLICE: Duration = Duration::from_millis(10);

/// How long a cancelled request may take to end.
const CANCEL_GRACE: Duration = Duration::from_secs(2);

/// How long a guest may take to end after goodbye.
const GOODBYE_GRACE: Duration = Duration::from_millis(500);

/// How long the output of a guest that has ended may still bring something.
const ENDED_GRACE: Duration = Duration::from_millis(200);

/// Frames that have been read and not looked at. Credit keeps an honest guest below it.
const FRAMES_WAITING: usize = 4;

/// A started program that said hello.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) hello: Hello,
    label: String,
    sandbox: Sandbox,
    log: Log,
    to: Option<SyncSender<Vec<u8>>>,
    from: Receiver<Result<Frame>>,
    answer_within: Duration,
    last_id: u64,
    /// Whether request `last_id` has not ended.
    is_asked: bool,
    is_sound: bool,
    /// How it broke off.
    pub(crate) problem: Option<String>,
}

/// The end of a request or what comes before it.
pub(crate) enum Event {
    Columns(Vec<String>),
    Rows(Vec<Vec<Json>>),
    Arrow(Vec<u8>),
    End(Json),
}

impl Guest {
    /// Starts a program and exchanges hellos. The error names the program and what it did instead.
    pub(crate) fn start(program: &Program, host: &str) -> Result<Self> {
        let mut sandbox = Sandbox::start(program)?;
        let log = Log::default();
        let pipes = (
            sandbox.child.stdin.take(),
            sandbox.child.stdout.take(),
            sandbox.child.stderr.take(),
        );
        let (Some(input), Some(output), Some(errors)) = pipes else {
            return Err(Error::internal("A guest was started without pipes"));
        };
        let (to, said) = sync_channel(FRAMES_WAITING);
        let (heard, from) = sync_channel(FRAMES_WAITING);
        spawn(&program.label, "write", move || write(&said, input))?;
        spawn(&program.label, "read", move || {
            let mut output = BufReader::with_capacity(256 << 10, output);
            loop {
                let frame = frame::read(&mut output).transpose();
                let is_last = !matches!(frame, Some(Ok(_)));
                let ended = || Err(Error::internal("it closed its output"));
                if heard.send(frame.unwrap_or_else(ended)).is_err() || is_last {
                    return;
                }
            }
        })?;
        let (label, followed) = (program.label.clone(), log.clone());
        spawn(&program.label, "log", move || {
            followed.follow(&label, errors);
        })?;
        let mut guest = Self {
            hello: Hello {
                protocol: PROTOCOL,
                name: program.label.clone(),
                opens: None,
                methods: Vec::new(),
                recognizes: None,
                sql: None,
                pushdown: crate::message::Pushdown::default(),
            },
            label: program.label.clone(),
            sandbox,
            log,
            to: Some(to),
            from,
            answer_within: program.answer_within,
            last_id: 0,
            is_asked: false,
            is_sound: true,
            problem: None,
        };
        guest.greet(host, program.hello_within)?;
        Ok(guest)
    }

    fn greet(&mut self, host: &str, within: Duration) -> Result<()> {
        self.say(&Said::Hello {
            protocol: PROTOCOL,
            host,
            features: &["arrow"],
            line_bytes_max: LINE_BYTES_MAX,
            payload_bytes_max: PAYLOAD_BYTES_MAX,
        })?;
        let limits = Limits::none().within(within);
        let hello = match self.frame(&limits) {
            Ok(Frame::Hello(hello)) => hello,
            Ok(Frame::Reply(reply, _)) => match reply.error {
                Some(failure) => return Err(self.named(failure.into_error())),
                None => {
                    return Err(self.broken(&Error::internal(format!(
                        "it sent {:?} before its hello",
                        reply.kind
                    ))));
                }
            },
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                let waited = within.as_secs_f32();
                return Err(self.broken(&Error::internal(format!(
                    "it did not say hello within {waited} s"
                ))));
            }
            Err(error) => return Err(error),
        };
        if hello.protocol != PROTOCOL {
            return Err(self.broken(&Error::internal(format!(
                "it speaks version {} of the protocol; version {PROTOCOL} is spoken here",
                hello.protocol
            ))));
        }
        self.hello = hello;
        Ok(())
    }

    /// Whether it may be asked again.
    pub(crate) fn is_sound(&mut self) -> bool {
        self.is_sound && self.sandbox.ended().is_none()
    }

    /// Asks for one answer within the usual time.
    pub(crate) fn answer(&mut self, method: &str, params: Json, limits: &Limits) -> Result<Json> {
        let limits = limits.clone().within(self.answer_within);
        let id = self.request(method, params, None)?;
        match self.event(id, &limits) {
            Ok(Event::End(result)) => Ok(result),
            Ok(_) => Err(self.broken(&Error::internal(format!("it answered {method} with rows")))),
            Err(error) => {
                if matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Cancelled) {
                    self.cancel(id);
                }
                Err(error)
            }
        }
    }

    /// Asks for rows, which come as events.
    pub(crate) fn stream(&mut self, method: &str, params: Json) -> Result<u64> {
        self.request(method, params, Some(CREDIT))
    }

    fn request(&mut self, method: &str, params: Json, credit: Option<u32>) -> Result<u64> {
        self.last_id += 1;
        let id = self.last_id;
        self.say(&Said::Request {
            id,
            method,
            params,
            credit,
        })?;
        self.is_asked = true;
        Ok(id)
    }

    /// What comes next for request `id`. A guest's own error leaves it sound; all others do not, but for a deadline or a
    /// cancel, after which [`Self::cancel`] is to be called.
    pub(crate) fn event(&mut self, id: u64, limits: &Limits) -> Result<Event> {
        let (reply, payload) = match self.frame(limits)? {
            Frame::Reply(reply, payload) => (reply, payload),
            Frame::Hello(_) => return Err(self.broken(&Error::internal("it said hello twice"))),
        };
        if reply.id != Some(id) {
            let told = reply
                .id
                .map_or_else(|| "no request".to_owned(), |id| format!("request {id}"));
            return Err(self.broken(&Error::internal(format!(
                "it answered {told} when request {id} was under way"
            ))));
        }
        self.is_asked = !matches!(reply.kind.as_str(), "result" | "error");
        self.event_of(reply, payload)
    }

    fn event_of(&mut self, reply: Reply, payload: Vec<u8>) -> Result<Event> {
        match reply.kind.as_str() {
            "result" => Ok(Event::End(reply.result)),
            "error" => Err(match reply.error {
                Some(failure) => self.named(failure.into_error()),
                None => self.broken(&Error::internal("it sent an error without saying which")),
            }),
            "columns" => match reply.columns {
                Some(columns) => Ok(Event::Columns(columns)),
                None => Err(self.broken(&Error::internal("its message `columns` has none"))),
            },
            "batch" => match reply.rows {
                Some(rows) if payload.is_empty() => Ok(Event::Rows(rows)),
                None if !payload.is_empty() => Ok(Event::Arrow(payload)),
                _ => Err(self.broken(&Error::internal(
                    "its message `batch` is to have either rows or bytes",
                ))),
            },
            other => {
                let what = format!("it sent a message of the unknown type {other:?}");
                Err(self.broken(&Error::internal(what)))
            }
        }
    }

    /// Lets the guest send another batch.
    pub(crate) fn grant(&mut self, id: u64) -> Result<()> {
        self.say(&Said::Credit { id, batches: 1 })
    }

    /// Ends a request that nobody wants any more, and waits until the guest has. One that has ended is left alone.
    pub(crate) fn cancel(&mut self, id: u64) {
        if !self.is_asked || !self.is_sound() || self.say(&Said::Cancel { id }).is_err() {
            return;
        }
        let limits = Limits::none().within(CANCEL_GRACE);
        loop {
            match self.frame(&limits) {
                Ok(Frame::Reply(reply, _)) if reply.id == Some(id) => {
                    if matches!(reply.kind.as_str(), "result" | "error") {
                        self.is_asked = false;
                        return;
                    }
                }
                Ok(_) | Err(_) => {
                    self.is_sound = false;
                    return;
                }
            }
        }
    }

    fn say(&mut self, said: &Said<'_>) -> Result<()> {
        let mut line = serde_json::to_vec(said)
            .map_err(|cause| Error::internal("A message cannot be written").caused_by(cause))?;
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            return Err(Error::too_large("The request is too long for a connector"));
        }
        // A guest that does not read leaves the channel full.
        let sent = self.to.as_ref().map(|to| to.try_send(line));
        if matches!(sent, Some(Ok(()))) {
            return Ok(());
        }
        Err(self.broken(&Error::internal("it does not read what it is sent")))
    }

    /// The next frame. `TimedOut` and `Cancelled` come from the limits; any other error is the guest's end.
    fn frame(&mut self, limits: &Limits) -> Result<Frame> {
        let mut ended_at = None;
        loop {
            let slice = limits.remaining().map_or(SLICE, |left| left.min(SLICE));
            match self.from.recv_timeout(slice) {
                Ok(Ok(frame)) => return Ok(frame),
                Ok(Err(error)) => return Err(self.broken(&error)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(self.broken(&Error::internal("it ended")));
                }
                Err(RecvTimeoutError::Timeout) => limits.check()?,
            }
            // What it started may keep its output open for ever.
            if self.sandbox.ended().is_some() {
                let since = *ended_at.get_or_insert_with(Instant::now);
                if since.elapsed() > ENDED_GRACE {
                    return Err(self.broken(&Error::internal("it ended")));
                }
            }
        }
    }

    /// A guest's own error under its name.
    fn named(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Internal {
            return error
                .within(format!("The connector {} failed", self.label))
                .caused_by(self.log.last());
        }
        error
    }

    /// The error about a guest that is not to be spoken to again.
    fn broken(&mut self, error: &Error) -> Error {
        self.is_sound = false;
        // The output closes a moment before the end is known.
        let until = Instant::now() + Duration::from_millis(200);
        let mut ended = self.sandbox.ended();
        while ended.is_none()
            && error.message().contains("closed its output")
            && Instant::now() < until
        {
            thread::sleep(Duration::from_millis(5));
            ended = self.sandbox.ended();
        }
        let how = ended.map_or_else(String::new, |status| format!(" ({status})"));
        let problem = format!(
            "The connector {} broke off: {}{how}",
            self.label,
            error.message()
        );
        self.problem = Some(problem.clone());
        Error::unavailable(problem).caused_by(self.log.last())
    }
}

impl Drop for Guest {
    /// Says goodbye to a sound guest; the group of processes ends in any case.
    fn drop(&mut self) {
        if self.is_sound() && self.say(&Said::Goodbye {}).is_ok() {
            self.to = None;
            let until = Instant::now() + GOODBYE_GRACE;
            while self.sandbox.ended().is_none() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn write(said: &Receiver<Vec<u8>>, mut input: ChildStdin) {
    for line in said {
        if input.write_all(&line).and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

fn spawn(label: &str, what: &str, job: impl FnOnce() + Send + 'static) -> Result<()> {
    thread::Builder::new()
        .name(format!("{label}-{what}"))
        .spawn(job)
        .map(drop)
        .map_err(|cause| Error::unavailable("No thread could be started").caused_by(cause))
}
