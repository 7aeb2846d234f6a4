//! Memory for DataFusion's plans: a bounded amount for all, a smaller one for each request, and a folder for what
//! does not fit.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use datafusion::common::Result as DataFusionResult;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::DiskManager;
use datafusion::execution::memory_pool::{
    GreedyMemoryPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use tablecast_connector::Result;

use crate::selection::unexpected;

/// For all requests together.
const SHARED_BYTES_MAX: usize = 1 << 30;

/// For one request; what is more goes to disk or fails.
const REQUEST_BYTES_MAX: usize = 256 << 20;

static SHARED: OnceLock<Arc<dyn MemoryPool>> = OnceLock::new();
static DISK: OnceLock<Arc<RuntimeEnv>> = OnceLock::new();

/// The surroundings of one request's plans.
pub(crate) fn environment() -> Result<Arc<RuntimeEnv>> {
    let shared = SHARED.get_or_init(|| Arc::new(GreedyMemoryPool::new(SHARED_BYTES_MAX)));
    let base = if let Some(base) = DISK.get() {
        Arc::clone(base)
    } else {
        let built = RuntimeEnvBuilder::new().build_arc().map_err(unexpected)?;
        Arc::clone(DISK.get_or_init(|| built))
    };
    let disk: &Arc<DiskManager> = &base.disk_manager;
    let pool = RequestPool {
        shared: Arc::clone(shared),
        taken: AtomicUsize::new(0),
    };
    let mut environment = RuntimeEnv::clone(&base);
    environment.memory_pool = Arc::new(pool);
    environment.disk_manager = Arc::clone(disk);
    Ok(Arc::new(environment))
}

/// A part of the shared pool.
#[derive(Debug)]
struct RequestPool {
    shared: Arc<dyn MemoryPool>,
    taken: AtomicUsize,
}

impl fmt::Display for RequestPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("request")
    }
}

impl Drop for RequestPool {
    fn drop(&mut self) {
        debug_assert_eq!(self.taken.load(Ordering::Relaxed), 0);
    }
}

impl MemoryPool for RequestPool {
    fn name(&self) -> &'static str {
        "request"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.shared.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.shared.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.taken.fetch_add(additional, Ordering::Relaxed);
        self.shared.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.taken.fetch_sub(shrink, Ordering::Relaxed);
        self.shared.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> DataFusionResult<()> {
        let taken = self.taken.fetch_add(additional, Ordering::Relaxed) + additional;
        let grown = if taken > REQUEST_BYTES_MAX {
            Err(DataFusionError::ResourcesExhausted(format!(
                "The query needs more than {REQUEST_BYTES_MAX} bytes of memory"
            )))
        } else {
            self.shared.try_grow(reservation, additional)
        };
        if grown.is_err() {
            self.taken.fetch_sub(additional, Ordering::Relaxed);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(REQUEST_BYTES_MAX)
    }
}
