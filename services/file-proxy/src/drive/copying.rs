//! Copies of what a drive holds, taken piece by piece between the operations that somebody waits for.

use std::collections::VecDeque;
use std::io;

use cpy_fat::{Entry, Error, FileHandle, Kind, Metadata, Path, same_name};

use super::{Drive, PIECE};
use crate::copies::By;
use crate::drive_path::DEEPEST;
use crate::opened::Opened;
use crate::store::{Draft, Kept, now};

/// How many places of a drive wait to be looked at. One that has more is no CircuitPython drive, or a directory of it leads
/// back to itself.
const MOST_PENDING: usize = 4096;

/// What is to be copied yet.
#[derive(Default)]
pub(super) struct Copying {
    /// Where something may have changed, and who has changed it.
    pending: VecDeque<(Path, By)>,
    begun: Option<Begun>,
}

/// A copy under way.
struct Begun {
    path: Path,
    by: By,
    file: FileHandle,
    draft: Draft,
    done: u32,
}

/// Why something could not be copied.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Drive(#[from] Error),
    #[error(transparent)]
    Store(#[from] io::Error),
}

impl Copying {
    /// All of a drive that was just opened.
    pub(super) fn all() -> Self {
        Self {
            pending: VecDeque::from([(Path::root(), By::Others)]),
            begun: None,
        }
    }

    /// Somebody has changed what is at this path, which is not there any more or not as it was.
    pub(super) fn changed(&mut self, path: &Path, by: By) {
        if self.begun.as_ref().is_some_and(|begun| begun.path == *path) {
            self.begun = None;
        }
        if let Some((_, before)) = self.pending.iter_mut().find(|(known, _)| known == path) {
            // What the file held before this gateway changed it is in the history now.
            if by == By::Gateway {
                *before = by;
            }
            return;
        }
        let has_room = self.pending.len() < MOST_PENDING && path.names().len() <= DEEPEST;
        if has_room {
            self.pending.push_back((path.clone(), by));
        }
    }
}

impl Drive {
    /// Whether there is something to be copied.
    pub(crate) fn is_behind(&self) -> bool {
        self.copying.begun.is_some() || !self.copying.pending.is_empty()
    }

    /// Copies a piece of what is to be copied. What fails is let be until something changes again.
    pub(crate) fn copy_some(&mut self) {
        if !self.opened.as_ref().is_some_and(Opened::may_be_copied) {
            self.copying = Copying::default();
            return;
        }
        let result = match self.copying.begun.take() {
            Some(begun) => self.go_on(begun),
            None => match self.copying.pending.pop_front() {
                Some((path, by)) => self.look_at(&path, by),
                None => return,
            },
        };
        match result {
            Err(CopyError::Drive(error @ Error::Device(_))) => {
                self.failed(error);
            }
            Err(CopyError::Store(error)) => {
                tracing::warn!(board = %self.serial, %error, "what the drive holds cannot be copied");
                self.copying = Copying::default();
            }
            // What is damaged, or was changed meanwhile.
            Err(CopyError::Drive(error)) => {
                tracing::debug!(board = %self.serial, %error, "a file is not copied");
            }
            Ok(()) => {}
        }
    }

    /// Finds out what has become of a path.
    fn look_at(&mut self, path: &Path, by: By) -> Result<(), CopyError> {
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        match opened.volume.stat(path) {
            Ok(found) if found.kind == Kind::Directory => {
                let entries = opened.volume.list(path)?;
                self.look_into(path, &entries, by)
            }
            Ok(_) => {
                let file = opened.volume.open_file(path)?;
                self.drop_gone(path, &[], by)?;
                self.begin(path, file, by)
            }
            Err(Error::NotFound { .. } | Error::NotADirectory { .. }) => {
                self.drop_gone_file(path, by)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Compares a directory with the copies of what is in it.
    fn look_into(&mut self, path: &Path, entries: &[Entry], by: By) -> Result<(), CopyError> {
        self.drop_copy(&path.to_string(), by)?;
        self.drop_gone(path, entries, by)?;
        for entry in entries {
            let path = path.join(entry.name.clone());
            let is_copied =
                entry.metadata.kind == Kind::File && self.is_copied(&path, entry.metadata)?;
            if !is_copied {
                self.copying.changed(&path, by);
            }
        }
        Ok(())
    }

    /// Whether there is a copy of a file with this metadata. Only of what others have changed is that enough to know.
    fn is_copied(&mut self, path: &Path, metadata: Metadata) -> io::Result<bool> {
        let copy = self.stores.copies.of(&path.to_string())?;
        Ok(copy.is_some_and(|(_, kept)| {
            kept.size == u64::from(metadata.size)
                && kept.modified == metadata.modified.unix_seconds()
        }))
    }

    /// The copies of what was at and below a path are there no longer, where this gateway has taken it away: a drive is not
    /// taken for a wiped one then, whatever happens next.
    pub(super) fn drop_copies(&mut self, path: &Path, by: By) {
        if by == By::Gateway
            && let Err(error) = self.drop_gone_file(path, by)
        {
            tracing::warn!(board = %self.serial, %error, "copies of what is no more cannot be dropped");
        }
    }

    fn drop_gone_file(&mut self, path: &Path, by: By) -> Result<(), CopyError> {
        self.drop_copy(&path.to_string(), by)?;
        self.drop_gone(path, &[], by)
    }

    /// Puts the copy of a file into the history that is about to be changed here, if it is one of what others have changed
    /// before: nothing else has that.
    pub(super) fn keep_copy(&mut self, path: &Path, now: Option<Metadata>) {
        let is_current = now.map_or(Ok(false), |now| self.is_copied(path, now));
        let kept = match is_current {
            Ok(true) => Ok(()),
            Ok(false) => self.drop_copy(&path.to_string(), By::Others),
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(board = %self.serial, %error, "the copy of a file cannot be kept");
        }
    }

    /// Drops the copies of what was below a directory that has no more than these entries.
    fn drop_gone(&mut self, path: &Path, entries: &[Entry], by: By) -> Result<(), CopyError> {
        let directory = path.to_string();
        for copy in self.stores.copies.below(&directory)? {
            let Some(below) = copy.path_below(&directory) else {
                continue;
            };
            let (name, kind) = match below.split_once('/') {
                Some((name, _)) => (name, Kind::Directory),
                None => (below, Kind::File),
            };
            let is_it =
                |entry: &Entry| entry.metadata.kind == kind && same_name(entry.name.as_str(), name);
            if !entries.iter().any(is_it) {
                self.drop_copy(&copy.path, by)?;
            }
        }
        Ok(())
    }

    fn drop_copy(&mut self, path: &str, by: By) -> io::Result<()> {
        let stores = &mut self.stores;
        stores.copies.drop_copy(path, by, &mut stores.history)
    }

    fn begin(&mut self, path: &Path, file: FileHandle, by: By) -> Result<(), CopyError> {
        let metadata = file.metadata();
        let draft = self.stores.copies.begin(Kept {
            path: path.to_string(),
            modified: metadata.modified.unix_seconds(),
            since: now(),
            change: 0,
            size: metadata.size.into(),
            version: file.version().to_string(),
        })?;
        let Some(draft) = draft else {
            // There is no room for it, and what was copied of it is not what it is.
            return Ok(self.drop_copy(&path.to_string(), by)?);
        };
        self.go_on(Begun {
            path: path.clone(),
            by,
            file,
            draft,
            done: 0,
        })
    }

    /// Copies the next piece of a file.
    fn go_on(&mut self, mut begun: Begun) -> Result<(), CopyError> {
        let Some(opened) = &mut self.opened else {
            return Ok(());
        };
        let size = begun.file.metadata().size;
        if begun.done < size {
            let mut piece = vec![0; PIECE.min((size - begun.done) as usize)];
            let volume = &mut opened.volume;
            let length = volume.read_at(&mut begun.file, begun.done, &mut piece)?;
            begun.draft.write(&piece[..length])?;
            begun.done += u32::try_from(length).unwrap_or(u32::MAX);
        }
        if begun.done < size {
            self.copying.begun = Some(begun);
            return Ok(());
        }
        let stores = &mut self.stores;
        let history = &mut stores.history;
        Ok(stores.copies.finish(begun.draft, begun.by, history)?)
    }
}
