//! The device that a drive lies on: a block device or an image file, opened for this daemon alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cpy_fat::{SECTOR_SIZE, SectorDevice};
use rustix::fs::{FlockOperation, OFlags, flock, major, minor};
use rustix::io::Errno;

use crate::aligned::Aligned;

/// An opened device of whole sectors.
///
/// A block device is read and written past the kernel's cache (`O_DIRECT`). The cache has pages: where the number of
/// sectors allows it, the kernel would turn the write of one sector into one of eight, so that every change of an
/// allocation table would write the partition table and the boot sector anew as well, and a cut could take them.
/// Nor could a board that writes to its own drive be read behind a cache.
#[derive(Debug)]
pub(crate) struct Device {
    file: File,
    sectors: u64,
    protection: Protection,
    /// Where transfers that pass the cache by must be; none for an image.
    transfers: Option<Aligned>,
}

/// Whether sectors can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// They can: this gateway owns the drive.
    None,
    /// The board has the drive to itself, and may write to it at any time.
    WriteProtected,
}

/// Why a device cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Somebody else has it open for themselves, or has mounted it.
    #[error("another program uses the drive, for example because it is mounted")]
    Busy,
    /// The system refuses.
    #[error("the drive {path} cannot be opened")]
    Refused {
        /// The link in the board's directory.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

impl Device {
    /// Opens the device exclusively: the kernel then refuses to mount it (open(2), `O_EXCL`), and a
    /// second file-proxy on an image is kept away by a lock.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        Self::try_open(path).map_err(|source| match Errno::from_io_error(&source) {
            Some(Errno::BUSY | Errno::AGAIN) => OpenError::Busy,
            _ => OpenError::Refused {
                path: path.to_owned(),
                source,
            },
        })
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let is_block = metadata.file_type().is_block_device();
        let protection = if is_block {
            block_protection(metadata.rdev())
        } else {
            image_protection(&metadata)
        };
        let of_block_devices = if is_block {
            OFlags::EXCL | OFlags::DIRECT
        } else {
            OFlags::empty()
        };
        let flags = (of_block_devices | OFlags::CLOEXEC).bits();
        let mut file = OpenOptions::new()
            .read(true)
            .write(protection == Protection::None)
            .custom_flags(flags.cast_signed())
            .open(path)?;
        if !is_block {
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        }
        let sectors = file.seek(SeekFrom::End(0))? / SECTOR_SIZE as u64;
        Ok(Self {
            file,
            sectors,
            protection,
            transfers: is_block.then(Aligned::default),
        })
    }

    /// Whether it can be written.
    pub(crate) fn protection(&self) -> Protection {
        self.protection
    }

    /// Takes the device for write-protected, whatever its driver says.
    pub(crate) fn assume_write_protected(&mut self) {
        self.protection = Protection::WriteProtected;
    }
}

impl SectorDevice for Device {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let at = first * SECTOR_SIZE as u64;
        let Some(transfers) = &mut self.transfers else {
            return self.file.read_exact_at(into, at);
        };
        let bytes = transfers.of(into.len());
        self.file.read_exact_at(bytes, at)?;
        into.copy_from_slice(bytes);
        Ok(())
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let at = first * SECTOR_SIZE as u64;
        let Some(transfers) = &mut self.transfers else {
            return self.file.write_all_at(from, at);
        };
        let bytes = transfers.of(from.len());
        bytes.copy_from_slice(from);
        self.file.write_all_at(bytes, at)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// What the device's driver says: `/sys/dev/block/8:0/ro`, of a partition its own.
fn block_protection(device: u64) -> Protection {
    let attribute = format!("/sys/dev/block/{}:{}/ro", major(device), minor(device));
    match fs::read_to_string(attribute) {
        Ok(text) if text.trim() == "1" => Protection::WriteProtected,
        _ => Protection::None,
    }
}

/// An image is write-protected when nobody may write it, whoever this daemon runs as.
fn image_protection(metadata: &fs::Metadata) -> Protection {
    if metadata.mode() & 0o222 == 0 {
        Protection::WriteProtected
    } else {
        Protection::None
    }
}

/// Whether an error on a write means that the drive has become write-protected while it was in use:
/// the kernel reports a refused SCSI write as EREMOTEIO.
pub(crate) fn says_write_protected(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ROFS | Errno::REMOTEIO | Errno::PERM)
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn image(sectors: usize) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), vec![0; sectors * SECTOR_SIZE + 100]).unwrap();
        file
    }

    #[test]
    fn an_image_belongs_to_one_only() {
        let image = image(4);
        let device = Device::open(image.path()).unwrap();
        assert_eq!(device.sectors(), 4);
        assert!(matches!(Device::open(image.path()), Err(OpenError::Busy)));
        drop(device);
        assert!(Device::open(image.path()).is_ok());
    }

    #[test]
    fn an_image_that_nobody_may_write_is_write_protected() {
        let image = image(1);
        fs::set_permissions(image.path(), fs::Permissions::from_mode(0o444)).unwrap();
        let mut device = Device::open(image.path()).unwrap();
        assert_eq!(device.protection(), Protection::WriteProtected);
        assert!(device.write(0, &[1; SECTOR_SIZE]).is_err());
        device.read(0, &mut [0; SECTOR_SIZE]).unwrap();
    }

    #[test]
    fn reading_past_the_end_is_an_error() {
        let image = image(2);
        let mut device = Device::open(image.path()).unwrap();
        assert!(device.read(2, &mut [0; SECTOR_SIZE]).is_err());
    }
}
