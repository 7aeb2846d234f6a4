//! Answers that are kept, as bytes, while the data they come from stands still.
//!
//! An answer is found by one look-up and trusted after one reading of the database's version. Memory is bounded: when
//! it is full, the older half is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::HeaderMap;
use tablecast_connector::Version;

/// An answer that can be given again.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) version: Version,
    /// The place of its database among those published.
    pub(crate) database: usize,
}

/// Kept answers by their whole address.
#[derive(Debug)]
pub(crate) struct Kept {
    bytes_max: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    young: HashMap<String, Answer>,
    old: HashMap<String, Answer>,
    young_bytes: usize,
}

impl Kept {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            state: Mutex::default(),
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.bytes_max == 0
    }

    pub(crate) fn find(&self, address: &str) -> Option<Answer> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = state.young.get(address) {
            return Some(answer.clone());
        }
        let (address, answer) = state.old.remove_entry(address)?;
        self.put(&mut state, address, answer.clone());
        Some(answer)
    }

    pub(crate) fn keep(&self, address: String, answer: Answer) {
        // One answer may take a sixteenth of the room, so that a few large ones do not drive out all others.
        if answer.body.len() <= self.bytes_max / 16 {
            self.put(
                &mut self.state.lock().unwrap_or_else(PoisonError::into_inner),
                address,
                answer,
            );
        }
    }

    fn put(&self, state: &mut State, address: String, answer: Answer) {
        // What an entry takes beside its body: keys, headers, the map's own room.
        let bytes = answer.body.len() + address.len() + 512;
        if state.young_bytes + bytes > self.bytes_max / 2 {
            state.old = std::mem::take(&mut state.young);
            state.young_bytes = 0;
        }
        state.young_bytes += bytes;
        state.young.insert(address, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let kept = Kept::new(64 * 1024);
        let answer = Answer {
            headers: HeaderMap::new(),
            body: Bytes::from(vec![0; 2048]),
            version: Version(1),
            database: 0,
        };
        for number in 0..100 {
            kept.keep(number.to_string(), answer.clone());
            assert!(
                number == 0 || kept.find("0").is_some(),
                "forgotten after {number}"
            );
        }
        assert!(kept.find("50").is_none());
        let state = kept.state.lock().expect("no panic");
        assert!((state.young.len() + state.old.len()) * 2048 <= 64 * 1024);
    }
}
