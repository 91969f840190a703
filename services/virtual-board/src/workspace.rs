//! A fresh copy of the drive for one run of Python, gone with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::drive::{Drive, DriveError};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    #[error("cannot make a directory for the board's files")]
    Directory(#[source] io::Error),
    #[error(transparent)]
    Drive(#[from] DriveError),
}

/// The files that one run of Python works on.
#[derive(Debug)]
pub(crate) struct Workspace {
    files: PathBuf,
    // Dropping it removes the copy.
    directory: TempDir,
}

impl Workspace {
    /// Copies the drive; without one the board's Python finds no files.
    pub(crate) fn new(drive: Option<&Drive>) -> Result<Self, WorkspaceError> {
        let directory =
            TempDir::with_prefix("cpy-virtual-board-").map_err(WorkspaceError::Directory)?;
        let files = directory.path().join("files");
        fs::create_dir(&files).map_err(WorkspaceError::Directory)?;
        if let Some(drive) = drive {
            drive.copy_to(&files)?;
        }
        Ok(Self { files, directory })
    }

    /// The copy of the drive's root.
    pub(crate) fn files(&self) -> &Path {
        &self.files
    }

    /// A place beside the copy, out of the board's sight.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The first of these files that is on the drive, in the drive's own spelling.
    pub(crate) fn first_of(&self, names: &[&str]) -> io::Result<Option<String>> {
        let files: Vec<String> = fs::read_dir(&self.files)?
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let is_file = entry.file_type().ok()?.is_file();
                is_file.then(|| entry.file_name().into_string().ok())?
            })
            .collect();
        Ok(names.iter().find_map(|name| {
            files
                .iter()
                .find(|file| file.eq_ignore_ascii_case(name))
                .cloned()
        }))
    }
}
