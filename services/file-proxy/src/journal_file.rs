//! The journal of a drive: one file in the state directory that holds the change that is being made to it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::path::PathBuf;

use cpy_fat::Journal;

/// Empty while no change is being made. What it held cannot be told from what it is to hold by its length alone, but
/// by the sum that a record ends with.
#[derive(Clone, Debug)]
pub(crate) struct JournalFile {
    path: PathBuf,
    /// Whether the last change could not be kept, which is said once.
    has_failed: bool,
}

impl JournalFile {
    /// The journal in this file, which is made when it is first needed.
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            has_failed: false,
        }
    }

    /// Where a record is set aside, one for each drive: no serial has a point in it.
    pub(crate) fn aside(&self) -> PathBuf {
        let mut path = self.path.clone();
        path.as_mut_os_string().push(".aside");
        path
    }

    /// The file, made if need be: its name is durable when this returns.
    fn open(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        if self.path.exists() {
            return options.open(&self.path);
        }
        let directory = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(directory)?;
        let file = options.open(&self.path)?;
        File::open(directory)?.sync_all()?;
        Ok(file)
    }

    fn try_keep(&self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut file = BufWriter::with_capacity(64 * 1024, self.open()?);
        write(&mut file)?;
        file.into_inner()?.sync_data()
    }
}

impl Journal for JournalFile {
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let kept = self.try_keep(write);
        if let Err(error) = &kept {
            if !self.has_failed {
                tracing::warn!(file = %self.path.display(), %error,
                    "a change cannot be kept in the journal: the drive is changed without");
            }
            // A full disk gets its room back.
            let _ = self.discard();
        }
        self.has_failed = kept.is_err();
        kept
    }

    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>> {
        match File::open(&self.path) {
            Ok(file) if file.metadata()?.len() == 0 => Ok(None),
            Ok(file) => Ok(Some(Box::new(io::BufReader::with_capacity(
                64 * 1024,
                file,
            )))),
            // There is none, and perhaps nowhere for one.
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().append(true).open(&self.path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn discard(&mut self) -> io::Result<()> {
        let file = match OpenOptions::new().write(true).open(&self.path) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        file.set_len(0)?;
        file.sync_data()
    }

    fn set_aside(&mut self) -> io::Result<()> {
        fs::rename(&self.path, self.aside())?;
        File::open(self.path.parent().unwrap_or(&self.path))?.sync_all()
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(journal: &mut JournalFile) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        journal.kept().unwrap()?.read_to_end(&mut bytes).unwrap();
        Some(bytes)
    }

    #[test]
    fn what_is_kept_is_there_for_the_next_one_until_it_is_discarded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal/A1");
        let mut journal = JournalFile::new(&path);
        assert_eq!(kept(&mut journal), None);
        journal.discard().unwrap();
        for record in ["a long record", "short"] {
            journal
                .keep(&mut |into| into.write_all(record.as_bytes()))
                .unwrap();
            let mut next = JournalFile::new(&path);
            assert_eq!(kept(&mut next).unwrap(), record.as_bytes());
        }
        journal.append(b"er").unwrap();
        assert_eq!(kept(&mut journal).unwrap(), b"shorter");
        journal.discard().unwrap();
        assert_eq!(kept(&mut JournalFile::new(&path)), None);
    }

    #[test]
    fn what_is_set_aside_stays_until_the_next_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = JournalFile::new(dir.path().join("A1"));
        for record in ["one", "two"] {
            journal
                .keep(&mut |into| into.write_all(record.as_bytes()))
                .unwrap();
            journal.set_aside().unwrap();
            assert_eq!(kept(&mut journal), None);
            let aside = dir.path().join("A1.aside");
            assert_eq!(journal.aside(), aside);
            assert_eq!(fs::read_to_string(aside).unwrap(), record);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_record_that_cannot_be_written_leaves_none() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = JournalFile::new(dir.path().join("A1"));
        let failure = journal.keep(&mut |into| {
            into.write_all(b"half")?;
            into.flush()?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failure.is_err());
        assert_eq!(kept(&mut journal), None);
        std::fs::write(dir.path().join("file"), "").unwrap();
        let mut nowhere = JournalFile::new(dir.path().join("file/A1"));
        assert!(nowhere.keep(&mut |_| Ok(())).is_err());
        assert_eq!(kept(&mut nowhere), None);
    }
}
