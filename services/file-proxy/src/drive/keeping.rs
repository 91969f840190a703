//! What the files of a drive held: into the history before they are changed, and out of it again.

use cpy_board::status::DriveHealth;
use cpy_fat::{Error, Kind, Path};

use super::{Drive, MOST_LEVELS};
use crate::device::Protection;
use crate::history::KeepError;
use crate::opened::Opened;
use crate::refusal::Refusal;
use crate::store::{Content, Kept};

/// How much of a tree is looked at before it is deleted, beside what the history takes.
const MOST_DIRECTORIES: usize = 1024;
const MOST_FILES: usize = 4096;

impl Drive {
    /// The versions that were kept of a file, or of all below a directory, the newest first.
    pub(crate) fn versions(&mut self, path: &Path) -> Result<Vec<(u64, Kept)>, Refusal> {
        let listed = self.stores.history.list(&path.to_string());
        listed.map_err(Refusal::History)
    }

    /// A version of a file, and its content.
    pub(crate) fn open_version(
        &mut self,
        path: &Path,
        number: u64,
    ) -> Result<(Kept, Content), Refusal> {
        let opened = self.stores.history.open(&path.to_string(), number);
        opened
            .map_err(Refusal::History)?
            .ok_or(Refusal::NoSuchVersion)
    }

    /// Puts what a file holds into the history, before it is changed. A history that fails keeps nobody from saving.
    pub(super) fn keep(&mut self, path: &Path) -> Result<(), Refusal> {
        let opened = self.open()?;
        if opened.protection == Protection::WriteProtected {
            return Ok(());
        }
        let mut file = match opened.volume.open_file(path) {
            Ok(file) => file,
            Err(error @ Error::Device(_)) => return Err(self.failed(error)),
            // There is nothing, or nothing that could be read: there may be a copy of what was there.
            Err(_) => {
                self.keep_copy(path, None);
                return Ok(());
            }
        };
        let (metadata, version) = (file.metadata(), file.version().to_string());
        self.keep_copy(path, Some(metadata));
        let Some(Opened { volume, .. }) = &mut self.opened else {
            return Err(Refusal::Internal);
        };
        let of = (
            version,
            metadata.modified.unix_seconds(),
            u64::from(metadata.size),
        );
        let kept = self
            .stores
            .history
            .keep(&path.to_string(), of, |offset, into| {
                let offset = u32::try_from(offset).expect("a file has at most 2^32 bytes");
                volume.read_at(&mut file, offset, into)
            });
        match kept {
            Ok(()) => self.unkept = None,
            Err(KeepError::Content(error @ Error::Device(_))) => return Err(self.failed(error)),
            Err(KeepError::Content(error)) => {
                tracing::warn!(board = %self.serial, %path, %error, "a damaged file is changed, and not kept");
            }
            Err(KeepError::Store(error)) => {
                let error = error.to_string();
                if self.unkept.as_ref() != Some(&error) {
                    tracing::warn!(board = %self.serial, error, "versions of files cannot be kept");
                    self.unkept = Some(error);
                }
            }
        }
        Ok(())
    }

    /// The files at and below a path, as far as the history could take them all. Of a damaged drive, where a directory may
    /// lead back to itself, what is below a directory is not looked at.
    pub(super) fn files_below(&mut self, path: &Path) -> Vec<Path> {
        let is_damaged = |opened: &Opened| opened.health == DriveHealth::Damaged;
        if self.opened.as_ref().is_some_and(is_damaged) {
            return vec![path.clone()];
        }
        let mut pending = vec![path.clone()];
        let (mut files, mut bytes) = (Vec::new(), 0);
        for _ in 0..MOST_DIRECTORIES {
            let Some(path) = pending.pop() else { break };
            let Ok(entries) = self.list(&path) else {
                // A file, or what delete will have its own words for.
                files.push(path);
                continue;
            };
            for entry in entries {
                let path = path.join(entry.name);
                match entry.metadata.kind {
                    Kind::Directory if path.names().len() > MOST_LEVELS => {}
                    Kind::Directory => pending.push(path),
                    Kind::File => {
                        bytes += u64::from(entry.metadata.size);
                        if !self.stores.history.takes(bytes) || files.len() >= MOST_FILES {
                            return files;
                        }
                        files.push(path);
                    }
                }
            }
        }
        files
    }
}
