//! A volume as an image: what a repair elsewhere made of it comes back to the drive, whole or not at all.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::io::Cursor;

use cpy_fat::{Caching, Error, NotFat, SECTOR_SIZE, SectorDevice, Volume, recover};
use support::image::{Image, SMALL_SHAPES, Shape};
use support::journal::MemoryJournal;
use support::memory::MemoryDevice;
use support::scenario::{Drive, scatter};
use support::{bytes, save};

fn open(device: &MemoryDevice) -> Drive {
    let device: Box<dyn SectorDevice> = Box::new(device.clone());
    Volume::open(device, Caching::Owned).unwrap()
}

fn open_with_journal(device: &MemoryDevice) -> (Drive, MemoryJournal) {
    let mut drive = open(device);
    let journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    (drive, journal)
}

/// A used drive of this shape, and what another state of it is.
fn states(shape: Shape) -> (Vec<u8>, Vec<u8>) {
    let device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
    scatter(&mut open(&device));
    let old = device.bytes();
    save(&mut open(&device), "/code.py", &bytes(9, 2000)).unwrap();
    save(&mut open(&device), "/lib/new name.mpy", &bytes(8, 100)).unwrap();
    (old, device.bytes())
}

fn differing(old: &[u8], new: &[u8]) -> u64 {
    let sectors = old.chunks(SECTOR_SIZE).zip(new.chunks(SECTOR_SIZE));
    sectors.filter(|(old, new)| old != new).count() as u64
}

fn image_of(drive: &mut Drive) -> Vec<u8> {
    let mut image = vec![0; usize::try_from(drive.sectors()).unwrap() * SECTOR_SIZE];
    for (first, sectors) in (0..).step_by(7).zip(image.chunks_mut(7 * SECTOR_SIZE)) {
        drive.read_sectors(first, sectors).unwrap();
    }
    image
}

#[test]
fn an_image_is_what_stands_on_the_medium_and_replaces_it() {
    for shape in SMALL_SHAPES {
        let (old, new) = states(shape);
        let device = MemoryDevice::new(old.clone());
        let (mut drive, journal) = open_with_journal(&device);
        assert!(image_of(&mut drive) == old, "{shape:?}");
        let changed = drive.replace_sectors(&mut Cursor::new(&new)).unwrap();
        assert_eq!(changed, differing(&old, &new), "{shape:?}");
        assert!(device.bytes() == new, "{shape:?}");
        assert!(journal.is_empty());
        let written = device.written();
        assert_eq!(written as u64, changed, "{shape:?}");
        let (drive, journal) = open_with_journal(&device);
        assert_eq!(drive.replace_sectors(&mut Cursor::new(&new)).unwrap(), 0);
        assert_eq!(device.written(), written);
        assert!(journal.records().is_empty());
    }
}

#[test]
fn a_replacement_that_is_cut_leaves_the_old_sectors() {
    for shape in SMALL_SHAPES {
        let (old, new) = states(shape);
        for sectors in 0..usize::try_from(differing(&old, &new)).unwrap() {
            let mut device = MemoryDevice::new(old.clone());
            let (drive, mut journal) = open_with_journal(&device);
            device.cut_after(sectors);
            drive.replace_sectors(&mut Cursor::new(&new)).unwrap_err();
            device.mend();
            recover(&mut device, &mut journal).unwrap();
            assert!(device.bytes() == old, "{shape:?}, cut after {sectors}");
            assert!(journal.is_empty());
        }
    }
}

#[test]
fn what_is_no_image_of_the_drive_is_refused_and_so_is_one_without_a_journal() {
    let (old, new) = states(SMALL_SHAPES[2]);
    let replace = |with_journal: bool, image: &[u8]| {
        let device = MemoryDevice::new(old.clone());
        let drive = if with_journal {
            open_with_journal(&device).0
        } else {
            open(&device)
        };
        let error = drive.replace_sectors(&mut Cursor::new(image)).unwrap_err();
        assert_eq!(device.written(), 0, "{error}");
        error
    };
    assert!(matches!(replace(false, &new), Error::NoJournal { .. }));
    let short = replace(true, &new[..new.len() - 1]);
    assert!(matches!(short, Error::Content { .. }), "{short}");
    let nothing = replace(true, &vec![0; new.len()]);
    assert!(
        matches!(nothing, Error::NotFat(NotFat::NoSignature)),
        "{nothing}"
    );
}

#[test]
fn an_image_of_which_too_much_is_different_is_refused() {
    let shape = support::image::made(16, 1, 8, 512, 17 * 1024);
    let (old, new) = states(shape);
    let device = MemoryDevice::new(old);
    let (drive, _) = open_with_journal(&device);
    let mut other = bytes(1, new.len());
    other[..SECTOR_SIZE].copy_from_slice(&new[..SECTOR_SIZE]);
    let error = drive.replace_sectors(&mut Cursor::new(other)).unwrap_err();
    assert!(matches!(error, Error::OtherVolume), "{error}");
    assert_eq!(device.written(), 0);
}
