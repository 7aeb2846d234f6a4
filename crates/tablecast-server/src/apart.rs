//! Work that takes a while without waiting for anything: drawing by people's templates, hashing a file. It is done where
//! it stands, but other requests are taken from its thread first.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// What `work` gives.
pub(crate) fn apart<T>(work: impl FnOnce() -> T) -> T {
    let flavor = Handle::try_current().map(|handle| handle.runtime_flavor());
    match flavor {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        // There is no other thread that could take the requests.
        _ => work(),
    }
}
