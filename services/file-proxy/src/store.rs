//! Contents of files in a directory of this gateway's: [`Store`]. What they are kept for, others know.
//!
//! Each is a file of its own, named by a number that grows. It begins with a line that says what it is, a [`Kept`] as
//! JSON, and goes on with the content. What is no whole one, as after a crash, is removed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use cpy_fat::same_name;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

/// One line is enough for a path of FAT's length, escaped.
const LONGEST_LINE: u64 = 16 * 1024;

/// File systems give out room in such blocks: a content of one byte takes as much.
const BLOCK: u64 = 4096;
/// Up to so many contents are made durable one by one.
const FEW: usize = 4;
/// What the line of a usual path takes, in bytes.
const USUAL_LINE: u64 = 256;

/// What is kept in one directory.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// What the directory holds, once it was read.
    known: Option<BTreeMap<u64, Kept>>,
}

/// What a content is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The file's path on the drive.
    pub(crate) path: String,
    /// When its content was changed, in seconds since 1970.
    pub(crate) modified: u64,
    /// When it was kept, likewise.
    pub(crate) since: u64,
    /// Which change it was kept for: one may go over many files.
    #[serde(default)]
    pub(crate) change: u64,
    /// Bytes of content.
    pub(crate) size: u64,
    /// Which content it is, as long as the file has it.
    pub(crate) version: String,
}

/// How much room a content of so many bytes takes in a store, in bytes.
pub(crate) fn room(size: u64) -> u64 {
    size.saturating_add(USUAL_LINE)
        .checked_next_multiple_of(BLOCK)
        .unwrap_or(u64::MAX)
}

impl Kept {
    /// Whether it is of the file at this path.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        same_name(&self.path, path)
    }

    /// Its path from this directory on, if it is of a file below it.
    pub(crate) fn path_below(&self, directory: &str) -> Option<&str> {
        let directory = directory.trim_end_matches('/');
        let mut parents = self.path.match_indices('/');
        let parent = parents.find(|(end, _)| same_name(&self.path[..*end], directory));
        parent.map(|(end, _)| &self.path[end + 1..])
    }
}

/// A content on its way into a store. Dropped, it is gone.
#[derive(Debug)]
pub(crate) struct Draft {
    kept: Kept,
    file: BufWriter<NamedTempFile>,
}

impl Draft {
    /// What it is to be.
    pub(crate) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The next piece of the content.
    pub(crate) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }
}

impl Store {
    /// The store in this directory, which is made when it is first needed.
    pub(crate) fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            known: None,
        }
    }

    /// All that is kept, by its number, the oldest first.
    pub(crate) fn known(&mut self) -> io::Result<&BTreeMap<u64, Kept>> {
        self.known_mut().map(|known| &*known)
    }

    /// How much room all that is kept takes, in bytes.
    pub(crate) fn bytes(&mut self) -> io::Result<u64> {
        Ok(self.known()?.values().map(|kept| room(kept.size)).sum())
    }

    /// Begins to take in a content.
    pub(crate) fn begin(&self, kept: Kept) -> io::Result<Draft> {
        fs::create_dir_all(&self.directory)?;
        let file = NamedTempFile::new_in(&self.directory).map_err(without_path)?;
        let mut file = BufWriter::new(file);
        serde_json::to_writer(&mut file, &kept)?;
        file.write_all(b"\n")?;
        Ok(Draft { kept, file })
    }

    /// Keeps a content that is whole, and gives its number. It is durable by [`Store::sync`], or when the system sees to it.
    pub(crate) fn finish(&mut self, draft: Draft) -> io::Result<u64> {
        let number = self.next()?;
        let file = draft.file.into_inner()?;
        file.persist(self.file(number))
            .map_err(|error| error.error)?;
        self.known_mut()?.insert(number, draft.kept);
        Ok(number)
    }

    /// Makes contents durable: a few by themselves, many together with what else their file system has to write.
    pub(crate) fn sync(&self, numbers: &[u64]) -> io::Result<()> {
        let Some(directory) = numbers.first().map(|_| File::open(&self.directory)) else {
            return Ok(());
        };
        let directory = directory?;
        if numbers.len() > FEW {
            return Ok(rustix::fs::syncfs(&directory)?);
        }
        for number in numbers {
            match File::open(self.file(*number)) {
                // It had to make room for another.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                file => file?.sync_data()?,
            }
        }
        // Their names, too.
        directory.sync_all()
    }

    /// Copies a content from another store, for this change, and gives its number here; none where there is no such.
    pub(crate) fn copy(
        &mut self,
        other: &mut Self,
        number: u64,
        change: u64,
    ) -> io::Result<Option<u64>> {
        let Some(kept) = other.known()?.get(&number).cloned() else {
            return Ok(None);
        };
        let Some(mut content) = other.open(number)? else {
            return Ok(None);
        };
        let since = now();
        let mut draft = self.begin(Kept {
            since,
            change,
            ..kept
        })?;
        io::copy(&mut content, &mut draft.file)?;
        self.finish(draft).map(Some)
    }

    /// Keeps a content no longer.
    pub(crate) fn remove(&mut self, number: u64) -> io::Result<()> {
        match fs::remove_file(self.file(number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.known_mut()?.remove(&number);
        Ok(())
    }

    /// A content from its start; none where there is none of this number.
    pub(crate) fn open(&mut self, number: u64) -> io::Result<Option<Content>> {
        let Some(kept) = self.known()?.get(&number) else {
            return Ok(None);
        };
        let size = kept.size;
        let mut file = File::open(self.file(number))?;
        let end = file.seek(SeekFrom::End(0))?;
        let start = end.saturating_sub(size);
        let mut content = Content { file, start };
        content.rewind()?;
        Ok(Some(content))
    }

    /// Reads the directory again when it is needed next: somebody else may have written to it.
    pub(crate) fn reread(&mut self) {
        self.known = None;
    }

    /// A number that nothing has had.
    fn next(&mut self) -> io::Result<u64> {
        let last = self.known()?.last_key_value();
        Ok(last.map_or(1, |(last, _)| last + 1))
    }

    fn file(&self, number: u64) -> PathBuf {
        self.directory.join(format!("{number:010}"))
    }

    fn known_mut(&mut self) -> io::Result<&mut BTreeMap<u64, Kept>> {
        if self.known.is_none() {
            self.known = Some(read_all(&self.directory)?);
        }
        Ok(self.known.get_or_insert_default())
    }
}

/// A content that is kept.
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

/// The error as the system has it: in a sentence for the board's owner no path of a temporary file helps.
fn without_path(error: io::Error) -> io::Error {
    error
        .raw_os_error()
        .map_or(error, io::Error::from_raw_os_error)
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

/// All that is kept in a directory. What is no content is removed, as far as that is possible.
fn read_all(directory: &Path) -> io::Result<BTreeMap<u64, Kept>> {
    let mut known = BTreeMap::new();
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(known),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        match number.zip(read_one(&path)?) {
            Some((number, kept)) => {
                known.insert(number, kept);
            }
            None => {
                let _ = fs::remove_file(&path);
            }
        }
    }
    Ok(known)
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
