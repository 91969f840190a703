//! What the files of a drive held before they were changed or deleted: [`History`], in the state directory, within
//! bounds, the oldest going first.
//!
//! A version is a file of its own, named by a number that grows. It begins with a line that says what it is, a [`Kept`]
//! as JSON, and goes on with the content. What is no whole version, as after a crash, is removed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cpy_board::config::History as Bounds;
use serde::{Deserialize, Serialize};

/// One line is enough for a path of FAT's length, escaped.
const LONGEST_LINE: u64 = 16 * 1024;

/// The versions of one drive's files.
#[derive(Debug)]
pub(crate) struct History {
    directory: PathBuf,
    bounds: Bounds,
    /// What the directory holds, once it was read.
    versions: Option<BTreeMap<u64, Kept>>,
}

/// A version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The file's path on the drive.
    pub(crate) path: String,
    /// When its content was changed, in seconds since 1970.
    pub(crate) modified: u64,
    /// When it was kept, likewise.
    pub(crate) since: u64,
    /// Bytes of content.
    pub(crate) size: u64,
    /// Which content it is, as long as the file has it.
    pub(crate) version: String,
}

/// Why a version could not be kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeepError<E> {
    /// The content could not be read.
    #[error("the content cannot be read")]
    Content(E),
    /// The state directory does not take it.
    #[error("versions of files cannot be kept: {0}")]
    Store(#[from] io::Error),
}

impl History {
    /// The history in this directory, which is made when it is first needed.
    pub(crate) fn new(directory: impl Into<PathBuf>, bounds: Bounds) -> Self {
        Self {
            directory: directory.into(),
            bounds,
            versions: None,
        }
    }

    /// Whether a content of this size can be kept at all.
    pub(crate) fn takes(&self, size: u64) -> bool {
        self.bounds.versions > 0 && size <= self.bounds.bytes
    }

    /// Keeps a content, which `read` gives in pieces from an offset on, if it is not the last one that was kept of that
    /// file. The oldest versions make room.
    pub(crate) fn keep<E>(
        &mut self,
        path: &str,
        (version, modified, size): (String, u64, u64),
        read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), KeepError<E>> {
        if !self.takes(size) {
            return Ok(());
        }
        let known = self.versions()?;
        let mut of_path = known.values().rev().filter(|kept| kept.path == path);
        if of_path.next().is_some_and(|last| last.version == version) {
            return Ok(());
        }
        let number = known.last_key_value().map_or(1, |(last, _)| last + 1);
        let kept = Kept {
            path: path.to_owned(),
            modified,
            since: UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
            size,
            version,
        };
        self.make_room(size)?;
        self.write(number, &kept, read)?;
        self.versions()?.insert(number, kept);
        Ok(())
    }

    /// The versions of a file, or of all files below a directory, the newest first, each with its number.
    pub(crate) fn list(&mut self, path: &str) -> io::Result<Vec<(u64, Kept)>> {
        let directory = format!("{}/", path.trim_end_matches('/'));
        let is_meant =
            |kept: &Kept| kept.path.eq_ignore_ascii_case(path) || kept.path.starts_with(&directory);
        let all = self.versions()?.iter().rev();
        let meant = all.filter(|(_, kept)| is_meant(kept));
        Ok(meant
            .map(|(number, kept)| (*number, kept.clone()))
            .collect())
    }

    /// A version of a file by its number, and its content from its start; none where there is no such.
    pub(crate) fn open(&mut self, path: &str, number: u64) -> io::Result<Option<(Kept, Content)>> {
        let known = self.versions()?.get(&number).cloned();
        let Some(kept) = known.filter(|kept| kept.path.eq_ignore_ascii_case(path)) else {
            return Ok(None);
        };
        let mut file = File::open(self.file(number))?;
        let end = file.seek(SeekFrom::End(0))?;
        let start = end.saturating_sub(kept.size);
        let mut content = Content { file, start };
        content.rewind()?;
        Ok(Some((kept, content)))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:010}"))
    }

    fn versions(&mut self) -> io::Result<&mut BTreeMap<u64, Kept>> {
        if self.versions.is_none() {
            self.versions = Some(read_all(&self.directory)?);
        }
        Ok(self.versions.get_or_insert_default())
    }

    /// Lets the oldest go until there is room for one more of this size.
    fn make_room(&mut self, size: u64) -> io::Result<()> {
        let Bounds { versions, bytes } = self.bounds;
        loop {
            let known = self.versions()?;
            let total: u64 = known.values().map(|kept| kept.size).sum();
            if known.len() < versions && total + size <= bytes {
                return Ok(());
            }
            let Some((oldest, _)) = known.pop_first() else {
                return Ok(());
            };
            fs::remove_file(self.file(oldest))?;
        }
    }

    fn write<E>(
        &self,
        number: u64,
        kept: &Kept,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<usize, E>,
    ) -> Result<(), KeepError<E>> {
        fs::create_dir_all(&self.directory)?;
        let mut file = BufWriter::new(tempfile::NamedTempFile::new_in(&self.directory)?);
        serde_json::to_writer(&mut file, kept).map_err(io::Error::from)?;
        file.write_all(b"\n")?;
        let mut buffer = vec![0; 64 * 1024];
        let mut done = 0;
        while done < kept.size {
            let length = read(done, &mut buffer).map_err(KeepError::Content)?;
            if length == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            file.write_all(&buffer[..length])?;
            done += length as u64;
        }
        let file = file.into_inner().map_err(io::Error::from)?;
        file.persist(self.file(number))
            .map_err(|error| error.error)?;
        Ok(())
    }
}

/// The content of a version.
#[derive(Debug)]
pub(crate) struct Content {
    file: File,
    start: u64,
}

impl Content {
    /// The file, at the content's start.
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

impl Read for Content {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.file.read(into)
    }
}

/// Positions count from the content's start.
impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(self.start + at),
            other => other,
        };
        Ok(self.file.seek(to)?.saturating_sub(self.start))
    }
}

/// All versions in a directory. What is none is removed, as far as that is possible.
fn read_all(directory: &Path) -> io::Result<BTreeMap<u64, Kept>> {
    let mut versions = BTreeMap::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(versions),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        match number.zip(read_one(&path)?) {
            Some((number, kept)) => {
                versions.insert(number, kept);
            }
            None => {
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(versions)
}

/// What a file says that it holds, if it holds it.
fn read_one(path: &Path) -> io::Result<Option<Kept>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut line = Vec::new();
    BufReader::new(file)
        .take(LONGEST_LINE)
        .read_until(b'\n', &mut line)?;
    let kept: Option<Kept> = serde_json::from_slice(&line).ok();
    Ok(kept.filter(|kept| line.len() as u64 + kept.size == length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        versions: 4,
        bytes: 100,
    };

    fn keep(history: &mut History, path: &str, content: &[u8]) {
        let version = String::from_utf8_lossy(content).into_owned();
        let of = (version, 1, content.len() as u64);
        history
            .keep(path, of, |offset, into| {
                // In pieces.
                let rest = &content[usize::try_from(offset).unwrap()..];
                let length = rest.len().min(into.len()).min(7);
                into[..length].copy_from_slice(&rest[..length]);
                Ok::<_, io::Error>(length)
            })
            .unwrap();
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
        keep(&mut history, "/big", &[b'x'; 80]);
        assert_eq!(numbers(&mut history, "/"), [7, 6, 5]);
        keep(&mut history, "/huge", &[b'x'; 101]);
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
    fn what_is_no_whole_version_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = History::new(dir.path(), BOUNDS);
        keep(&mut history, "/code.py", b"content");
        keep(&mut history, "/code.py", b"another");
        let file = File::options().write(true).open(history.file(2)).unwrap();
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
