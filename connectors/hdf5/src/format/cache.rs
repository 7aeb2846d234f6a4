//! Decoded chunks, and single columns of them, kept for whoever asks next: one bounded cache for all open files.
//!
//! A chunk that was used within the last second is never dropped for another one. So a pass over more data than there
//! is room for keeps the part that it met first, and the next pass finds it, where the usual order (least recently
//! used first) would find nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of all chunks that are kept.
pub const BYTES_MAX: usize = 512 << 20;
/// A larger chunk is not kept.
const CHUNK_BYTES_MAX: usize = 16 << 20;
/// How long a chunk is safe after it was used.
const SAFE: Duration = Duration::from_secs(1);

/// What is kept: the serial number of its dataset, its address in the file or its first row, and which bytes of each row;
/// 0 for all of them.
pub type Key = (u64, u64, u64);

/// The chunk, if it is kept.
pub fn find(key: Key) -> Option<Arc<Vec<u8>>> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let entry = kept.chunks.get_mut(&key)?;
    entry.used = Instant::now();
    Some(Arc::clone(&entry.bytes))
}

/// Keeps a chunk, if there is room for it or something older to be dropped.
pub fn keep(key: Key, bytes: &Arc<Vec<u8>>) {
    if bytes.capacity() > CHUNK_BYTES_MAX {
        return;
    }
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.keep(key, bytes, BYTES_MAX, Instant::now());
}

static KEPT: LazyLock<Mutex<Kept>> = LazyLock::new(Mutex::default);

#[derive(Default)]
struct Kept {
    chunks: HashMap<Key, Entry>,
    /// In the order in which they came or were last found to be in use.
    queue: VecDeque<Key>,
    bytes: usize,
}

struct Entry {
    bytes: Arc<Vec<u8>>,
    used: Instant,
}

impl Kept {
    fn keep(&mut self, key: Key, bytes: &Arc<Vec<u8>>, bytes_max: usize, now: Instant) {
        if self.chunks.contains_key(&key) {
            return;
        }
        // A few steps each time: whoever keeps a chunk does not look through all others.
        let mut steps = 8;
        while self.bytes + bytes.capacity() > bytes_max {
            if steps == 0 || !self.drop_one(now) {
                return;
            }
            steps -= 1;
        }
        self.bytes += bytes.capacity();
        self.queue.push_back(key);
        let bytes = Arc::clone(bytes);
        self.chunks.insert(key, Entry { bytes, used: now });
    }

    /// Drops the next chunk of the queue if it is out of use; whether the queue has changed.
    fn drop_one(&mut self, now: Instant) -> bool {
        let Some(key) = self.queue.pop_front() else {
            return false;
        };
        let is_in_use = |entry: &Entry| now.saturating_duration_since(entry.used) < SAFE;
        if self.chunks.get(&key).is_some_and(is_in_use) {
            self.queue.push_back(key);
        } else if let Some(entry) = self.chunks.remove(&key) {
            self.bytes -= entry.bytes.capacity();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_and_what_is_not_makes_room() {
        let mut kept = Kept::default();
        let (chunk, start) = (Arc::new(vec![0; 10]), Instant::now());
        for address in 0..5 {
            kept.keep((1, address, 0), &chunk, 30, start);
        }
        let mut held: Vec<u64> = kept.chunks.keys().map(|key| key.1).collect();
        held.sort_unstable();
        assert_eq!(held, [0, 1, 2], "the first ones stay");
        let later = start + SAFE;
        kept.chunks.get_mut(&(1, 1, 0)).unwrap().used = later;
        for address in 5..9 {
            kept.keep((1, address, 0), &chunk, 30, later);
        }
        let mut held: Vec<u64> = kept.chunks.keys().map(|key| key.1).collect();
        held.sort_unstable();
        assert_eq!(held, [1, 5, 6], "the old ones go, but the one in use");
        assert_eq!(kept.bytes, 30);
    }
}
