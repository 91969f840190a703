//! The boards directory as it changes: which boards came, changed or left.

use std::path::{Path, PathBuf};
use std::{io, iter};

use crate::attached::{self, Attached, AttachedBoards};
use crate::{DirWatch, Serial, WatchError};

/// One difference between two looks at the boards directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A board was plugged in.
    Came(Attached),
    /// An endpoint of the board came, went, or leads to another device than before.
    Changed(Attached),
    /// The board was unplugged.
    Left(Serial),
}

/// Follows the boards directory. The first call of [`Watcher::changes`] gives what is there already.
#[derive(Debug)]
pub struct Watcher {
    boards_dir: PathBuf,
    watch: DirWatch,
    known: AttachedBoards,
    started: bool,
}

impl Watcher {
    /// Follows `boards_dir`, which need not exist yet.
    pub fn new(boards_dir: impl Into<PathBuf>) -> Result<Self, WatchError> {
        Ok(Self {
            boards_dir: boards_dir.into(),
            watch: DirWatch::new()?,
            known: AttachedBoards::new(),
            started: false,
        })
    }

    /// Waits for the next burst of changes and gives what it amounts to, never an empty list. The
    /// first call does not wait if boards are attached. It is safe to drop the future half-way.
    pub async fn changes(&mut self) -> Vec<Change> {
        loop {
            if self.started {
                self.watch.changed().await;
            }
            self.started = true;
            let now = self.look();
            let changes = differences(&self.known, &now);
            self.known = now;
            if !changes.is_empty() {
                return changes;
            }
        }
    }

    /// Every board as of the last change.
    pub fn attached(&self) -> &AttachedBoards {
        &self.known
    }

    /// Reads the directory until the watches cover all that was read.
    fn look(&mut self) -> AttachedBoards {
        loop {
            let now = attached::scan(&self.boards_dir).unwrap_or_else(|error| {
                report(&self.boards_dir, &error);
                AttachedBoards::new()
            });
            // Also directories that hold no usable link yet: they are where the next one appears.
            let below = board_directories(&self.boards_dir);
            let all =
                iter::once(self.boards_dir.as_path()).chain(below.iter().map(PathBuf::as_path));
            if !self.watch.set(all) {
                return now;
            }
        }
    }
}

fn board_directories(boards_dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(boards_dir)
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|n| n.parse::<Serial>().is_ok())
        })
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect()
}

fn report(boards_dir: &Path, error: &io::Error) {
    tracing::error!(path = %boards_dir.display(), %error, "cannot read the boards directory");
}

fn differences(before: &AttachedBoards, now: &AttachedBoards) -> Vec<Change> {
    let left = before.keys().filter(|serial| !now.contains_key(*serial));
    let here = now
        .iter()
        .filter_map(|(serial, board)| match before.get(serial) {
            None => Some(Change::Came(board.clone())),
            Some(old) if old != board => Some(Change::Changed(board.clone())),
            Some(_) => None,
        });
    left.cloned().map(Change::Left).chain(here).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    struct Bench {
        root: tempfile::TempDir,
        watcher: Watcher,
    }

    impl Bench {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let watcher = Watcher::new(root.path().join("dev/boards")).unwrap();
            Self { root, watcher }
        }

        fn link(&self, serial: &str, name: &str) -> PathBuf {
            self.root.path().join("dev/boards").join(serial).join(name)
        }

        fn plug(&self, serial: &str, name: &str, target: &str) {
            let link = self.link(serial, name);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(target, link).unwrap();
        }

        fn unplug(&self, serial: &str) {
            fs::remove_dir_all(self.link(serial, "").parent().unwrap()).unwrap();
        }

        async fn next(&mut self) -> Vec<Change> {
            timeout(Duration::from_secs(10), self.watcher.changes())
                .await
                .expect("no change seen")
        }

        async fn only_next(&mut self) -> Change {
            let mut changes = self.next().await;
            assert_eq!(changes.len(), 1, "{changes:?}");
            changes.remove(0)
        }

        /// The next changes until one satisfies the condition.
        async fn until(&mut self, done: impl Fn(&AttachedBoards) -> bool) {
            while !done(self.watcher.attached()) {
                self.next().await;
            }
        }
    }

    #[tokio::test]
    async fn a_board_comes_changes_and_leaves() {
        let mut bench = Bench::new();
        bench.plug("A1", "console", "/dev/null");
        assert!(matches!(bench.only_next().await, Change::Came(b) if b.drive.is_none()));
        bench.plug("A1", "drive", "/proc/version");
        assert!(matches!(bench.only_next().await, Change::Changed(b) if b.drive.is_some()));
        bench.unplug("A1");
        assert_eq!(bench.only_next().await, Change::Left("A1".parse().unwrap()));
    }

    #[tokio::test]
    async fn the_directory_may_come_after_the_watcher_and_go_again() {
        let mut bench = Bench::new();
        for _ in 0..3 {
            let (came, ()) = tokio::join!(bench.watcher.changes(), async {
                tokio::task::yield_now().await;
                let board = bench.root.path().join("dev/boards/A1");
                fs::create_dir_all(&board).unwrap();
                symlink("/dev/null", board.join("console")).unwrap();
            });
            assert!(matches!(came[..], [Change::Came(_)]), "{came:?}");
            fs::remove_dir_all(bench.root.path().join("dev")).unwrap();
            assert!(matches!(bench.only_next().await, Change::Left(_)));
        }
    }

    #[tokio::test]
    async fn a_burst_of_events_is_one_change() {
        let mut bench = Bench::new();
        bench.plug("A1", "console", "/dev/null");
        bench.next().await;
        for n in 0..50 {
            bench.plug("B2", &format!("other{n}"), "/dev/null");
        }
        bench.plug("B2", "console", "/dev/null");
        bench.plug("B2", "drive", "/proc/version");
        assert!(
            matches!(bench.only_next().await, Change::Came(b) if b.console.is_some() && b.drive.is_some())
        );
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_in_mid_burst_loses_nothing() {
        let mut bench = Bench::new();
        bench.plug("A1", "console", "/dev/null");
        bench.next().await;
        for serial in ["B2", "C3", "D4"] {
            bench.plug(serial, "console", "/dev/null");
            for patience in [0, 1, 5] {
                let given_up = timeout(Duration::from_millis(patience), bench.watcher.changes());
                if given_up.await.is_ok() {
                    break;
                }
            }
            let serial = serial.parse().unwrap();
            bench.until(|boards| boards.contains_key(&serial)).await;
        }
    }

    #[tokio::test]
    async fn a_replug_within_one_burst_is_a_change() {
        let mut bench = Bench::new();
        bench.plug("A1", "console", "/dev/null");
        bench.next().await;
        bench.unplug("A1");
        bench.plug("A1", "console", "/dev/null");
        assert!(matches!(bench.only_next().await, Change::Changed(_)));
        bench.unplug("A1");
        assert!(matches!(bench.only_next().await, Change::Left(_)));
    }

    #[tokio::test]
    async fn a_thousand_plugs_and_unplugs_end_in_the_truth() {
        let mut bench = Bench::new();
        for round in 0..1000 {
            let serial = format!("B{}", round % 7);
            bench.plug(&serial, "console", "/dev/null");
            if round % 3 != 0 {
                bench.unplug(&serial);
            } else {
                fs::remove_file(bench.link(&serial, "console")).unwrap();
            }
        }
        bench.plug("LAST", "console", "/dev/null");
        bench
            .until(|boards| boards.len() == 1 && boards.contains_key(&"LAST".parse().unwrap()))
            .await;
    }
}
