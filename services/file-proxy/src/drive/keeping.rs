//! What the files of a drive held: into the history before they are changed, and out of it again.

use cpy_fat::{Entry, Error, Kind, Metadata, Path, Version};

use super::Drive;
use crate::copies::By;
use crate::device::Protection;
use crate::drive_path::DEEPEST;
use crate::history::KeepError;
use crate::opened::Opened;
use crate::refusal::Refusal;
use crate::store::{Content, Kept, room};

/// How much of a tree is looked at before it is changed.
const MOST_DIRECTORIES: usize = 1024;
const MOST_FILES: usize = 4096;

impl Drive {
    /// The versions that were kept of a file, or of all below a directory, the newest first.
    pub(crate) fn versions(&mut self, path: &Path) -> Result<Vec<(u64, Kept)>, Refusal> {
        let path = self.stored(path);
        let listed = self.stores.history.list(&path.to_string());
        listed.map_err(Refusal::History)
    }

    /// A version of a file, and its content.
    pub(crate) fn open_version(
        &mut self,
        path: &Path,
        number: u64,
    ) -> Result<(Kept, Content), Refusal> {
        let path = self.stored(path);
        let opened = self.stores.history.open(&path.to_string(), number);
        opened
            .map_err(Refusal::History)?
            .ok_or(Refusal::NoSuchVersion)
    }

    /// Whether this content of a file is the last one in its history.
    pub(crate) fn is_kept(&mut self, path: &Path, version: Version) -> Result<bool, Refusal> {
        let path = self.stored(path);
        let history = &mut self.stores.history;
        let is_last = history.is_last(&path.to_string(), &version.to_string());
        is_last.map_err(Refusal::History)
    }

    /// Puts what a file holds, or all files below a directory hold, into the history before it is changed, and says who is
    /// answerable for the copies of them then: where the history does not have it, a copy may be all there is. A history
    /// that fails keeps nobody from saving.
    pub(super) fn keep(&mut self, path: &Path) -> Result<By, Refusal> {
        if self.open()?.protection == Protection::WriteProtected {
            return Ok(By::Gateway);
        }
        self.stores.history.begin_change();
        let history = &self.stores.history;
        let (is_wanted, bytes) = (history.is_wanted(), history.bytes());
        let (files, is_all) = self.files_below(path, bytes);
        let mut trouble = (is_wanted && !is_all).then(|| {
            if self.is_damaged() {
                format!("the drive is damaged, so that nobody knows what is in {path}")
            } else {
                format!("there is more in {path} than the history takes (history.bytes)")
            }
        });
        for (path, metadata) in files {
            trouble = trouble.or(self.keep_file(&path, metadata)?);
        }
        let settled = self.stores.history.settle();
        trouble = settled.err().map(|error| error.to_string()).or(trouble);
        let by = match trouble {
            None => By::Gateway,
            Some(_) => By::Others,
        };
        if let Some(error) = trouble.as_ref().filter(|_| trouble != self.unkept) {
            tracing::warn!(board = %self.serial, error, "what files held cannot be kept");
        }
        self.unkept = trouble;
        Ok(by)
    }

    /// The path as it stands on the drive. Others may lead to the same file, and it has one history.
    pub(super) fn stored(&mut self, path: &Path) -> Path {
        let stored = self.read(|volume| volume.stored_path(path));
        stored.unwrap_or_else(|_| path.clone())
    }

    /// Puts what a file holds into the history, and says why it could not where that is the history's fault.
    fn keep_file(
        &mut self,
        path: &Path,
        metadata: Option<Metadata>,
    ) -> Result<Option<String>, Refusal> {
        self.keep_copy(path, metadata);
        self.open()?;
        let Some(Opened { volume, .. }) = &mut self.opened else {
            return Err(Refusal::Internal);
        };
        let mut file = match volume.open_file(path) {
            Ok(file) => file,
            Err(error @ Error::Device(_)) => return Err(self.failed(error)),
            // There is nothing, or nothing that could be read.
            Err(_) => return Ok(None),
        };
        let metadata = file.metadata();
        let of = (
            file.version().to_string(),
            metadata.modified.unix_seconds(),
            u64::from(metadata.size),
        );
        let history = &mut self.stores.history;
        let kept = history.keep(&path.to_string(), of, |offset, into| {
            let offset = u32::try_from(offset).expect("a file has at most 2^32 bytes");
            volume.read_at(&mut file, offset, into)
        });
        match kept {
            Ok(()) => Ok(None),
            Err(KeepError::Content(error @ Error::Device(_))) => Err(self.failed(error)),
            Err(KeepError::Content(error)) => {
                tracing::warn!(board = %self.serial, %path, %error, "a damaged file is changed, and not kept");
                Ok(None)
            }
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    /// The files at and below a path, so many bytes of them as [`room`] counts, and whether these are all.
    pub(super) fn files_below(
        &mut self,
        path: &Path,
        bytes: u64,
    ) -> (Vec<(Path, Option<Metadata>)>, bool) {
        let metadata = self.read(|volume| volume.stat(path)).ok();
        let is_directory = |metadata: &Metadata| metadata.kind == Kind::Directory;
        if !metadata.as_ref().is_some_and(is_directory) {
            return (vec![(path.clone(), metadata)], true);
        }
        let (mut files, mut left) = (Vec::new(), bytes);
        let is_all = self.walk(path, |path, entry| {
            let needed = room(entry.metadata.size.into());
            let is_taken = needed <= left && files.len() < MOST_FILES;
            if is_taken {
                left -= needed;
                files.push((path, Some(entry.metadata)));
            }
            is_taken
        });
        (files, is_all)
    }

    /// Shows all files below a directory to `visit`, and says whether it has seen and wanted all. Of a damaged drive, where a
    /// directory may lead back to itself, none is shown.
    pub(super) fn walk(
        &mut self,
        directory: &Path,
        mut visit: impl FnMut(Path, Entry) -> bool,
    ) -> bool {
        if self.is_damaged() {
            return false;
        }
        let mut pending = vec![directory.clone()];
        let mut is_all = true;
        for _ in 0..MOST_DIRECTORIES {
            let Some(path) = pending.pop() else { break };
            // What cannot be listed is no file of anybody's.
            for entry in self.list(&path).unwrap_or_default() {
                let path = path.join(entry.name.clone());
                match entry.metadata.kind {
                    Kind::Directory if path.names().len() > DEEPEST => is_all = false,
                    Kind::Directory => pending.push(path),
                    Kind::File => is_all &= visit(path, entry),
                }
            }
        }
        is_all && pending.is_empty()
    }

    fn is_damaged(&self) -> bool {
        let opened = self.opened.as_ref();
        opened.is_some_and(Opened::is_damaged)
    }
}
