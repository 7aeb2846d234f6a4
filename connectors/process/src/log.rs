//! What a guest writes on its standard error is the log: each line goes to the server's, under the connector's name.
//!
//! A guest that floods it is cut short, and the last lines are kept to explain its end.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A line is shown in no more bytes.
const LINE_BYTES_MAX: u64 = 4096;

/// No more lines are shown in one [`PERIOD`].
const LINES_MAX: u32 = 200;
const PERIOD: Duration = Duration::from_secs(10);

/// How many of the last lines explain an end.
const KEPT: usize = 5;

/// The last lines of a guest's standard error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    /// The last lines, for the cause of an error.
    pub(crate) fn last(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().cloned().collect::<Vec<_>>().join("\n")
    }

    /// Passes on what comes until the guest closes its standard error.
    pub(crate) fn follow(&self, label: &str, input: impl Read) {
        let mut input = BufReader::new(input);
        let mut period = Instant::now();
        let mut shown = 0;
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut input)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut line)
            {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            self.keep(&text);
            if period.elapsed() > PERIOD {
                (period, shown) = (Instant::now(), 0);
            }
            shown += 1;
            match shown {
                ..LINES_MAX => eprintln!("[{label}] {text}"),
                LINES_MAX => eprintln!("[{label}] (more is not shown for a while)"),
                _ => {}
            }
        }
    }

    fn keep(&self, text: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(text.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_however_many_come() {
        let log = Log::default();
        log.follow("test", b"a\nb\nc\nd\ne\nf\ng without an end".as_slice());
        assert_eq!(log.last(), "c\nd\ne\nf\ng without an end");
    }
}
