//! Wake-ups when directories change, through inotify: what stands in them is read by whoever wakes up.
//!
//! An event is only a reason to look again, so none can be misread, and a burst of them is one
//! wake-up. Directories that do not exist yet are waited for by watching the nearest ancestor.

use std::collections::BTreeSet;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::EventKindMask;
use notify::{Config, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::trouble::Trouble;

/// Events this close together belong to one burst.
const QUIET: Duration = Duration::from_millis(20);
/// However long a burst goes on, somebody looks this often.
const LONGEST_BURST: Duration = Duration::from_millis(200);
/// How long to wait before a directory is tried again that cannot be watched, for instance because whoever makes it has
/// not given it to us yet.
const TRY_AGAIN: Duration = Duration::from_secs(1);

/// Directories cannot be watched: the system is out of inotify instances.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch directories")]
pub struct WatchError(#[from] notify::Error);

/// Watches a set of directories, each without what is below it, for names that come, go or change.
#[derive(Debug)]
pub struct DirWatch {
    inotify: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
    events: Arc<Events>,
    /// A burst has begun, and nobody was told of it yet.
    in_burst: bool,
    /// Why a directory cannot be watched.
    trouble: Trouble,
}

/// What the watcher's thread leaves for the task that waits.
#[derive(Debug, Default)]
struct Events {
    signal: Notify,
    /// Paths that were removed. If one of them was watched, the kernel's watch went with it, also
    /// where a new directory of the same name has come since.
    removed: Mutex<BTreeSet<PathBuf>>,
}

impl DirWatch {
    /// A watch over nothing.
    pub fn new() -> Result<Self, WatchError> {
        let events = Arc::new(Events::default());
        let handler = Arc::clone(&events);
        let kinds = EventKindMask::CREATE | EventKindMask::REMOVE | EventKindMask::MODIFY_NAME;
        let inotify = RecommendedWatcher::new(
            move |event| handler.take(event),
            Config::default().with_event_kinds(kinds),
        )?;
        Ok(Self {
            inotify,
            watched: BTreeSet::new(),
            events,
            in_burst: false,
            trouble: Trouble::default(),
        })
    }

    /// Watches these directories from now on, and no others. Of one that does not exist, the nearest
    /// existing ancestor is watched, so that its coming is seen.
    ///
    /// Returns true when a watch was added: what happened before in that directory was not seen, so
    /// the caller looks once more.
    pub fn set<'a>(&mut self, directories: impl IntoIterator<Item = &'a Path>) -> bool {
        for removed in self.events.take_removed() {
            self.watched.remove(&removed);
        }
        let wanted: BTreeSet<PathBuf> = directories.into_iter().filter_map(existing).collect();
        for unwanted in self.watched.difference(&wanted) {
            // It fails where the directory has just gone, and its watch with it.
            let _ = self.inotify.unwatch(unwanted);
        }
        self.watched.retain(|path| wanted.contains(path));
        let mut added = false;
        let mut failed = false;
        for path in wanted {
            if self.watched.contains(&path) {
                continue;
            }
            match self.inotify.watch(&path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path);
                    added = true;
                }
                // It went away between the look and the watch, so its parent is looked at again.
                Err(_) if !path.is_dir() => added = true,
                Err(error) => {
                    failed = true;
                    if self.trouble.is_news(&error) {
                        tracing::error!(path = %path.display(), %error,
                            "cannot watch a directory, trying again");
                    }
                }
            }
        }
        if !failed {
            self.trouble.is_over();
        }
        added
    }

    /// Waits until something changed, and then until it has been quiet for a moment. Where the future
    /// is dropped half-way, the next call gives the burst that this one waited for.
    pub async fn changed(&mut self) {
        if !self.in_burst {
            let event = self.events.signal.notified();
            if self.trouble.reason().is_some() {
                // Nobody tells when it is over.
                let _ = timeout(TRY_AGAIN, event).await;
            } else {
                event.await;
            }
            self.in_burst = true;
        }
        let end = Instant::now() + LONGEST_BURST;
        while Instant::now() < end && timeout(QUIET, self.events.signal.notified()).await.is_ok() {}
        self.in_burst = false;
    }
}

impl Events {
    /// Runs on the watcher's thread.
    fn take(&self, event: notify::Result<notify::Event>) {
        if let Ok(event) = event
            && event.kind.is_remove()
        {
            self.removed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(event.paths);
        }
        self.signal.notify_one();
    }

    fn take_removed(&self) -> BTreeSet<PathBuf> {
        mem::take(&mut self.removed.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn existing(path: &Path) -> Option<PathBuf> {
    path.ancestors()
        .find(|ancestor| ancestor.is_dir())
        .map(Path::to_owned)
}
