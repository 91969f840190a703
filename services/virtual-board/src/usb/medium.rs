//! A medium in the drive: an image file, sector by sector, and nothing kept back.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(crate) const SECTOR: usize = 512;
const SECTOR_BYTES: u64 = SECTOR as u64;

/// An image that is open.
#[derive(Debug)]
pub(crate) struct Medium {
    image: File,
    sectors: u32,
    writable: bool,
    /// Below this there are only the partition table and the boot sector: a host that sets the
    /// volume's dirty bit changes no file.
    content: u32,
}

impl Medium {
    pub(crate) fn open(path: &Path, writable: bool) -> io::Result<Self> {
        let image = OpenOptions::new().read(true).write(writable).open(path)?;
        let sectors = u32::try_from(image.metadata()?.len() / SECTOR_BYTES)
            .map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        if sectors == 0 {
            return Err(io::Error::other("less than one sector"));
        }
        let content = first_content(&image)?;
        Ok(Self {
            image,
            sectors,
            writable,
            content,
        })
    }

    pub(crate) fn sectors(&self) -> u32 {
        self.sectors
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether all these sectors exist.
    pub(crate) fn has(&self, first: u32, count: u16) -> bool {
        first
            .checked_add(u32::from(count))
            .is_some_and(|end| end <= self.sectors)
    }

    /// Whether writing this sector may change a file.
    pub(crate) fn is_content(&self, sector: u32) -> bool {
        sector >= self.content
    }

    pub(crate) fn read(&self, first: u32, count: u16) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; usize::from(count) * SECTOR];
        self.image
            .read_exact_at(&mut bytes, u64::from(first) * SECTOR_BYTES)?;
        Ok(bytes)
    }

    /// Writes one sector: when the board is killed, everything up to here is there and nothing
    /// of what comes behind.
    pub(crate) fn write(&self, sector: u32, bytes: &[u8]) -> io::Result<()> {
        self.image
            .write_all_at(bytes, u64::from(sector) * SECTOR_BYTES)
    }
}

/// Where the allocation table begins, by the partition table and the boot sector; 0 where there
/// are none, as every sector counts then.
fn first_content(image: &File) -> io::Result<u32> {
    let mut table = [0; SECTOR];
    image.read_exact_at(&mut table, 0)?;
    let partition = if matches!(table[0], 0xeb | 0xe9) {
        0
    } else {
        u32::from_le_bytes([table[454], table[455], table[456], table[457]])
    };
    let mut boot = [0; SECTOR];
    let reserved = match image.read_exact_at(&mut boot, u64::from(partition) * SECTOR_BYTES) {
        Ok(()) if matches!(boot[0], 0xeb | 0xe9) => u16::from_le_bytes([boot[14], boot[15]]),
        _ => return Ok(0),
    };
    Ok(partition.saturating_add(u32::from(reserved)))
}
