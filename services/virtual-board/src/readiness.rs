//! Readiness of a descriptor that tokio has no type for.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::io::unix::AsyncFd;

/// Registers the descriptor with the runtime.
#[expect(
    deprecated,
    reason = "its successor is unsafe because a foreign AsRawFd may lie; an OwnedFd does not"
)]
pub(crate) fn readiness(fd: &Arc<OwnedFd>) -> io::Result<AsyncFd<Arc<OwnedFd>>> {
    AsyncFd::new(Arc::clone(fd))
}
