//! What the board's own Python sees of the drive: read through fatfs, afresh each time, so that
//! what the gateway wrote is read by somebody else's code. Never writes to the image.

use std::fs;
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};

use fatfs::{Dir, FileSystem, FsOptions};

use crate::image::read_volume;

/// Why the drive could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the drive {image}")]
pub(crate) struct DriveError {
    image: PathBuf,
    #[source]
    source: io::Error,
}

type Snapshot = Cursor<Vec<u8>>;

/// The drive's image.
#[derive(Debug, Clone)]
pub(crate) struct Drive {
    image: PathBuf,
}

impl Drive {
    pub(crate) fn new(image: PathBuf) -> Self {
        Self { image }
    }

    /// Copies every file into the directory. The image is read into memory first, in one go: a
    /// change that comes meanwhile makes the board reload anyway.
    pub(crate) fn copy_to(&self, directory: &Path) -> Result<(), DriveError> {
        let copy = || {
            let volume = Cursor::new(read_volume(&self.image)?);
            let fs = FileSystem::new(volume, FsOptions::new())?;
            copy_directory(&fs.root_dir(), directory)
        };
        copy().map_err(|source| DriveError {
            image: self.image.clone(),
            source,
        })
    }
}

fn copy_directory(from: &Dir<'_, Snapshot>, to: &Path) -> io::Result<()> {
    for entry in from.iter() {
        let entry = entry?;
        let name = entry.file_name();
        // A broken directory may hold any name; none of them leads out of the copy.
        if name == "." || name == ".." || name.contains(['/', '\0']) {
            continue;
        }
        let target = to.join(name);
        if entry.is_dir() {
            fs::create_dir(&target)?;
            copy_directory(&entry.to_dir(), &target)?;
        } else {
            io::copy(&mut entry.to_file(), &mut fs::File::create(&target)?)?;
        }
    }
    Ok(())
}
