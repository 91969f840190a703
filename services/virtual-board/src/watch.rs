//! Waiting for something to happen to one file, through inotify: no thread, no polling.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use tokio::io::unix::AsyncFd;

use crate::readiness::readiness;

/// A watch on one file.
pub(crate) struct Watch {
    inotify: AsyncFd<Arc<OwnedFd>>,
}

impl Watch {
    /// Wakes when the file's contents change: not when it is read, nor at a change of its mode.
    pub(crate) fn for_writes(path: &Path) -> io::Result<Self> {
        Self::new(path, WatchFlags::MODIFY)
    }

    /// Wakes when somebody opens the file.
    pub(crate) fn for_opens(path: &Path) -> io::Result<Self> {
        Self::new(path, WatchFlags::OPEN)
    }

    fn new(path: &Path, flags: WatchFlags) -> io::Result<Self> {
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        add_watch(&inotify, path, flags)?;
        Ok(Self {
            inotify: readiness(&Arc::new(inotify))?,
        })
    }

    /// Waits until it happened at least once since the last call. What exactly is in the events
    /// does not matter, so they are thrown away unread.
    pub(crate) async fn next(&self) -> io::Result<()> {
        let mut events = [0; 4096];
        loop {
            let mut guard = self.inotify.readable().await?;
            let read = guard.try_io(|fd| Ok(rustix::io::read(fd, &mut events)?));
            if let Ok(read) = read {
                return read.map(drop);
            }
        }
    }
}
