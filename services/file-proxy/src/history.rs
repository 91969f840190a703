//! What the files of a drive held before they were changed or deleted: [`History`], in the state directory, within
//! bounds, the oldest going first.
//!
//! What one change takes away, as when a directory is deleted, counts as one version: it must not take the place of what all
//! other files held.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use cpy_board::config::History as Bounds;

use crate::store::{Content, Kept, Store, now, room};

/// The versions of one drive's files.
#[derive(Debug)]
pub(crate) struct History {
    versions: Store,
    bounds: Bounds,
    /// The change that is being made; none before the first one.
    change: Option<u64>,
    /// What was kept for it and may not be durable yet.
    unsettled: Vec<u64>,
}

/// Why a version could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError<E> {
    /// The content could not be read.
    #[error("the content cannot be read")]
    Content(E),
    /// It is larger than the history may be.
    #[error("{path} is larger than the history takes (history.bytes)")]
    TooLarge {
        /// The file.
        path: String,
    },
    /// The state directory does not take it.
    #[error("versions of files cannot be kept: {0}")]
    Store(#[from] io::Error),
}

impl History {
    /// The history in this directory, which is made when it is first needed.
    pub(crate) fn new(directory: impl Into<PathBuf>, bounds: Bounds) -> Self {
        Self {
            versions: Store::new(directory),
            bounds,
            change: None,
            unsettled: Vec::new(),
        }
    }

    /// What is kept from now on is kept for another change.
    pub(crate) fn begin_change(&mut self) {
        self.change = None;
        self.unsettled.clear();
    }

    /// Reads again what is kept when it is needed next.
    pub(crate) fn reread(&mut self) {
        self.versions.reread();
        self.begin_change();
    }

    /// Whether there is to be a history.
    pub(crate) fn is_wanted(&self) -> bool {
        self.bounds.versions > 0
    }

    /// How much room it has, in bytes as [`room`] counts them.
    pub(crate) fn bytes(&self) -> u64 {
        self.bounds.bytes
    }

    /// Whether a content of this size can be kept at all.
    fn takes(&self, size: u64) -> bool {
        self.is_wanted() && room(size) <= self.bounds.bytes
    }

    /// Keeps a content, which `read` gives in pieces from an offset on, if it is not the last one that was kept of that
    /// file. The oldest versions make room. It is durable by [`History::settle`].
    pub(crate) fn keep<E>(
        &mut self,
        path: &str,
        (version, modified, size): (String, u64, u64),
        mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), KeepError<E>> {
        if !self.is_wanted() || self.is_last(path, &version)? {
            return Ok(());
        }
        if !self.takes(size) {
            return Err(KeepError::TooLarge {
                path: path.to_owned(),
            });
        }
        self.make_room(size)?;
        let change = self.change()?;
        let mut draft = self.versions.begin(Kept {
            path: path.to_owned(),
            modified,
            since: now(),
            change,
            size,
            version,
        })?;
        let mut buffer = vec![0; 64 * 1024];
        let mut done = 0;
        while done < size {
            let length = read(done, &mut buffer).map_err(KeepError::Content)?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            draft.write(&buffer[..length])?;
            done += length as u64;
        }
        self.unsettled.push(self.versions.finish(draft)?);
        Ok(())
    }

    /// Makes durable what was kept for the change that is being made.
    pub(crate) fn settle(&mut self) -> io::Result<()> {
        self.versions.sync(&std::mem::take(&mut self.unsettled))
    }

    /// Takes over contents that are kept elsewhere, as [`History::keep`] would take them. They are durable when this
    /// returns, and not before are they gone there.
    pub(crate) fn adopt(&mut self, from: &mut Store, numbers: &[u64]) -> io::Result<()> {
        let mut adopted = Vec::new();
        for &number in numbers {
            let Some(kept) = from.known()?.get(&number).cloned() else {
                continue;
            };
            if self.takes(kept.size) && !self.is_last(&kept.path, &kept.version)? {
                self.make_room(kept.size)?;
                let change = self.change()?;
                adopted.extend(self.versions.copy(from, number, change)?);
            }
        }
        self.versions.sync(&adopted)?;
        numbers.iter().try_for_each(|number| from.remove(*number))
    }

    /// The versions of a file, or of all files below a directory, the newest first, each with its number.
    pub(crate) fn list(&mut self, path: &str) -> io::Result<Vec<(u64, Kept)>> {
        let is_meant = |kept: &Kept| kept.is_at(path) || kept.path_below(path).is_some();
        let all = self.versions.known()?.iter().rev();
        let meant = all.filter(|(_, kept)| is_meant(kept));
        Ok(meant
            .map(|(number, kept)| (*number, kept.clone()))
            .collect())
    }

    /// A version of a file by its number, and its content from its start; none where there is no such.
    pub(crate) fn open(&mut self, path: &str, number: u64) -> io::Result<Option<(Kept, Content)>> {
        let known = self.versions.known()?.get(&number).cloned();
        let Some(kept) = known.filter(|kept| kept.is_at(path)) else {
            return Ok(None);
        };
        let content = self.versions.open(number)?;
        Ok(content.map(|content| (kept, content)))
    }

    /// Whether this is the version of a file that was kept last.
    pub(crate) fn is_last(&mut self, path: &str, version: &str) -> io::Result<bool> {
        let known = self.versions.known()?.values().rev();
        let mut of_path = known.filter(|kept| kept.is_at(path));
        Ok(of_path.next().is_some_and(|last| last.version == version))
    }

    /// The number of the change that is being made.
    fn change(&mut self) -> io::Result<u64> {
        if let Some(change) = self.change {
            return Ok(change);
        }
        let known = self.versions.known()?.values();
        let change = known
            .map(|kept| kept.change)
            .max()
            .map_or(1, |last| last + 1);
        self.change = Some(change);
        Ok(change)
    }

    /// Lets the oldest go until there is room for one more of this size.
    fn make_room(&mut self, size: u64) -> io::Result<()> {
        let Bounds {
            versions, bytes, ..
        } = self.bounds;
        let change = self.change()?;
        loop {
            let total = self.versions.bytes()?;
            let known = self.versions.known()?;
            let changes: BTreeSet<u64> = known.values().map(|kept| kept.change).collect();
            let one_more = usize::from(!changes.contains(&change));
            if changes.len() + one_more <= versions && total + room(size) <= bytes {
                return Ok(());
            }
            let Some((&oldest, _)) = known.first_key_value() else {
                return Ok(());
            };
            self.versions.remove(oldest)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{Read as _, Seek as _};

    use super::*;

    /// What a content of one byte takes.
    const BLOCK: u64 = 4096;

    const BOUNDS: Bounds = Bounds {
        versions: 4,
        bytes: 10 * BLOCK,
        copies: 0,
    };

    fn keep(history: &mut History, path: &str, content: &[u8]) {
        try_keep(history, path, content).unwrap();
    }

    fn try_keep(
        history: &mut History,
        path: &str,
        content: &[u8],
    ) -> Result<(), KeepError<io::Error>> {
        let version = String::from_utf8_lossy(content).into_owned();
        let of = (version, 1, content.len() as u64);
        history.begin_change();
        history.keep(path, of, |offset, into| {
            // In pieces.
            let rest = &content[usize::try_from(offset).unwrap()..];
            let length = rest.len().min(into.len()).min(7);
            into[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        })?;
        Ok(history.settle()?)
    }

    fn content(history: &mut History, path: &str, number: u64) -> String {
        let (kept, mut content) = history.open(path, number).unwrap().unwrap();
        let mut text = String::new();
        content.read_to_string(&mut text).unwrap();
        assert_eq!(kept.size, text.len() as u64);
        content.rewind().unwrap();
        let mut again = String::new();
        content.read_to_string(&mut again).unwrap();
        assert_eq!(text, again);
        text
    }

    fn numbers(history: &mut History, path: &str) -> Vec<u64> {
        let listed = history.list(path).unwrap().into_iter();
        listed.map(|(number, _)| number).collect()
    }

    #[test]
    fn versions_are_kept_over_a_restart_and_told_by_their_files() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(dir.path().join("A1"), BOUNDS);
        keep(&mut history, "/code.py", b"first content");
        keep(&mut history, "/lib/a.py", b"");
        keep(&mut history, "/code.py", b"second");
        keep(&mut history, "/code.py", b"second");
        for mut history in [history, History::new(dir.path().join("A1"), BOUNDS)] {
            assert_eq!(numbers(&mut history, "/code.py"), [3, 1]);
            assert_eq!(numbers(&mut history, "/lib"), [2]);
            assert_eq!(numbers(&mut history, "/"), [3, 2, 1]);
            // As FAT compares names.
            assert_eq!(numbers(&mut history, "/LIB"), [2]);
            assert_eq!(numbers(&mut history, "/Code.py"), [3, 1]);
            assert!(numbers(&mut history, "/li").is_empty());
            assert_eq!(content(&mut history, "/code.py", 1), "first content");
            assert_eq!(content(&mut history, "/lib/a.py", 2), "");
            assert!(history.open("/other.py", 1).unwrap().is_none());
            assert!(history.open("/code.py", 9).unwrap().is_none());
        }
    }

    #[test]
    fn the_oldest_go_when_a_bound_is_reached() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(dir.path(), BOUNDS);
        for number in 0..6 {
            keep(
                &mut history,
                "/code.py",
                format!("content {number}").as_bytes(),
            );
        }
        assert_eq!(numbers(&mut history, "/"), [6, 5, 4, 3]);
        keep(&mut history, "/big", &b"blocks..".repeat(7 * 512));
        assert_eq!(numbers(&mut history, "/"), [7, 6, 5]);
        let huge = b"blocks..".repeat(10 * 512);
        let refused = try_keep(&mut history, "/huge", &huge);
        assert!(
            matches!(refused, Err(KeepError::TooLarge { .. })),
            "{refused:?}"
        );
        assert_eq!(numbers(&mut history, "/"), [7, 6, 5]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
        let mut none = History::new(
            dir.path().join("none"),
            Bounds {
                versions: 0,
                ..BOUNDS
            },
        );
        keep(&mut none, "/code.py", b"x");
        assert!(!dir.path().join("none").exists());
    }

    #[test]
    fn what_one_change_takes_away_is_one_version() {
        let dir = tempfile::tempdir().unwrap();
        let roomy = Bounds {
            bytes: 100 * BLOCK,
            ..BOUNDS
        };
        let mut history = History::new(dir.path(), roomy);
        keep(&mut history, "/code.py", b"first");
        history.begin_change();
        for number in 0..8 {
            let of = (String::new(), 1, 1);
            let path = format!("/lib/{number}");
            let kept = history.keep(&path, of, |_, into| {
                into[0] = b'x';
                Ok::<_, io::Error>(1)
            });
            kept.unwrap();
        }
        assert_eq!(numbers(&mut history, "/").len(), 9);
        for again in [b"2", b"3"] {
            keep(&mut history, "/code.py", again);
        }
        // After a restart changes go on being counted.
        let mut history = History::new(dir.path(), roomy);
        assert_eq!(numbers(&mut history, "/code.py").len(), 3);
        keep(&mut history, "/code.py", b"4");
        assert_eq!(numbers(&mut history, "/code.py").len(), 3);
        assert_eq!(numbers(&mut history, "/lib").len(), 8);
        keep(&mut history, "/code.py", b"5");
        assert_eq!(numbers(&mut history, "/lib").len(), 0);
    }

    #[test]
    fn what_is_no_whole_version_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(dir.path(), BOUNDS);
        keep(&mut history, "/code.py", b"content");
        keep(&mut history, "/code.py", b"another");
        let file = File::options()
            .write(true)
            .open(dir.path().join("0000000002"))
            .unwrap();
        file.set_len(20).unwrap();
        fs::write(dir.path().join(".tmp123"), "{").unwrap();
        let mut again = History::new(dir.path(), BOUNDS);
        assert_eq!(numbers(&mut again, "/"), [1]);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_nothing_can_be_kept_that_is_said_and_what_was_kept_stays() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let mut history = History::new(dir.path().join("file/A1"), BOUNDS);
        let kept = history.keep("/x", (String::new(), 1, 1), |_, _| Ok::<_, io::Error>(1));
        assert!(matches!(kept, Err(KeepError::Store(_))), "{kept:?}");
        let mut history = History::new(dir.path().join("A1"), BOUNDS);
        keep(&mut history, "/code.py", b"content");
        let broken = history.keep("/x", (String::new(), 1, 1), |_, _| Err("the drive is gone"));
        assert!(matches!(
            broken,
            Err(KeepError::Content("the drive is gone"))
        ));
        assert_eq!(numbers(&mut history, "/"), [1]);
        assert_eq!(fs::read_dir(dir.path().join("A1")).unwrap().count(), 1);
    }
}
