//! Image files with a FAT volume on them, in the shapes that boards and cards have.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;

use cpy_fat::{Caching, Partition, SECTOR_SIZE, SectorDevice, Slice, Volume};
use tempfile::TempDir;

/// How a volume is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// What a `CircuitPython` board shows: a partition at sector 1, one table, 512-byte clusters, no label in the
    /// boot sector.
    Board,
    /// What mkfs.vfat makes of these: bits of a table entry, tables, sectors per cluster, bytes per sector,
    /// KiB in all.
    Made {
        bits: u32,
        tables: u32,
        cluster: u32,
        sector: u32,
        kib: u32,
    },
}

pub(crate) const fn made(bits: u32, tables: u32, cluster: u32, sector: u32, kib: u32) -> Shape {
    Shape::Made {
        bits,
        tables,
        cluster,
        sector,
        kib,
    }
}

/// All shapes. The FAT32 ones have enough clusters for readers that tell FAT32 by their number.
pub(crate) const SHAPES: [Shape; 8] = [
    Shape::Board,
    made(12, 1, 1, 512, 1024),
    made(12, 2, 4, 512, 2048),
    made(12, 1, 1, 4096, 8192),
    made(16, 1, 1, 512, 4096),
    made(16, 2, 8, 512, 20480),
    made(32, 2, 1, 512, 34 * 1024),
    made(32, 1, 2, 512, 70 * 1024),
];

/// Small ones, for tests that use very many copies.
pub(crate) const SMALL_SHAPES: [Shape; 4] = [
    made(12, 1, 1, 512, 128),
    made(12, 2, 1, 512, 256),
    made(16, 2, 1, 512, 2300),
    made(32, 2, 1, 512, 256),
];

/// An image file.
pub(crate) struct Image {
    directory: TempDir,
    shape: Shape,
}

impl Image {
    pub(crate) fn new(shape: Shape) -> Self {
        let image = Self {
            directory: TempDir::new().unwrap(),
            shape,
        };
        match shape {
            Shape::Board => fs::write(image.file(), board()).unwrap(),
            Shape::Made {
                bits,
                tables,
                cluster,
                sector,
                kib,
            } => {
                let numbers = [bits, tables, cluster, sector].map(|number| number.to_string());
                let [bits, tables, cluster, sector] = &numbers;
                let mut mkfs = Command::new("mkfs.vfat");
                mkfs.args([
                    "-F",
                    bits,
                    "-f",
                    tables,
                    "-s",
                    cluster,
                    "-S",
                    sector,
                    "-n",
                    "CIRCUITPY",
                    "-a",
                    "-C",
                ]);
                run(mkfs.arg(image.file()).arg(kib.to_string()));
            }
        }
        image
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("image")
    }

    pub(crate) fn scratch(&self) -> PathBuf {
        self.directory.path().join("scratch")
    }

    /// Where the volume begins in the file.
    pub(crate) fn offset(&self) -> usize {
        if matches!(self.shape, Shape::Board) {
            SECTOR_SIZE
        } else {
            0
        }
    }

    /// A file with nothing but the volume.
    pub(crate) fn volume_file(&self) -> PathBuf {
        if self.offset() == 0 {
            return self.file();
        }
        let bare = self.directory.path().join("volume");
        fs::write(&bare, &fs::read(self.file()).unwrap()[self.offset()..]).unwrap();
        bare
    }

    pub(crate) fn open(&self) -> Volume<Slice<FileDevice>> {
        self.open_as(Caching::Owned)
    }

    pub(crate) fn open_as(&self, caching: Caching) -> Volume<Slice<FileDevice>> {
        let mut device = FileDevice::open(&self.file());
        let partition = Partition::find(&mut device).unwrap();
        Volume::open(partition.slice(device).unwrap(), caching).unwrap()
    }
}

/// A Pico's drive as `CircuitPython` formats it.
fn board() -> Vec<u8> {
    let mut image = vec![0; 2049 * SECTOR_SIZE];
    image[446..462].copy_from_slice(&[0x80, 0, 2, 0, 1, 8, 32, 0, 1, 0, 0, 0, 0, 8, 0, 0]);
    image[510..512].copy_from_slice(&[0x55, 0xAA]);
    let volume = &mut image[SECTOR_SIZE..];
    volume[..11].copy_from_slice(b"\xEB\xFE\x90MSDOS5.0");
    volume[11..24].copy_from_slice(&[0, 2, 1, 1, 0, 1, 0, 2, 0, 8, 0xF8, 6, 0]);
    volume[24..28].copy_from_slice(&[63, 0, 255, 0]);
    volume[28..32].copy_from_slice(&1_u32.to_le_bytes());
    volume[36..43].copy_from_slice(&[0x80, 0, 0x29, 0x78, 0x56, 0x34, 0x12]);
    volume[43..62].copy_from_slice(b"NO NAME    FAT     ");
    volume[510..512].copy_from_slice(&[0x55, 0xAA]);
    volume[SECTOR_SIZE..SECTOR_SIZE + 3].copy_from_slice(&[0xF8, 0xFF, 0xFF]);
    let root = 7 * SECTOR_SIZE;
    volume[root..root + 12].copy_from_slice(b"CIRCUITPY  \x08");
    image
}

/// Runs a tool that has to be there and to succeed; its output.
pub(crate) fn run(command: &mut Command) -> String {
    command
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8");
    let output = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be run ({error}): these tests need mtools and dosfstools")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{text}{errors}",
        output.status
    );
    text
}

/// An image file as a device.
pub(crate) struct FileDevice(File);

impl FileDevice {
    pub(crate) fn open(file: &std::path::Path) -> Self {
        Self(
            OpenOptions::new()
                .read(true)
                .write(true)
                .open(file)
                .unwrap(),
        )
    }
}

impl SectorDevice for FileDevice {
    fn sectors(&self) -> u64 {
        self.0.metadata().unwrap().len() / 512
    }
    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(into, first * 512)
    }
    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        self.0.write_all_at(from, first * 512)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
