//! Damaged and hostile volumes: an error that says so, never a panic, an endless loop or a write outside.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use cpy_fat::{Caching, Damage, Error, Finding, Partition, Path, SECTOR_SIZE, Volume};
use proptest::prelude::*;
use support::image::{FileDevice, Image, SMALL_SHAPES, Shape, made};
use support::memory::{Command, MemoryDevice};
use support::tree::read_tree;
use support::{bytes, noon, path, save};

/// A used volume of a shape, as bytes.
fn used(shape: Shape) -> Vec<u8> {
    let device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
    let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
    drive.make_directory(&path("/lib/inner"), noon()).unwrap();
    for number in 0..8 {
        save(
            &mut drive,
            &format!("/lib/module number {number}.mpy"),
            &bytes(number, 1600),
        )
        .unwrap();
    }
    save(&mut drive, "/code.py", &bytes(1, 3000)).unwrap();
    device.bytes()
}

/// A FAT12 volume of 512-byte clusters whose table entries can be set.
struct Forged {
    bytes: Vec<u8>,
}

const RESERVED: usize = 1;

impl Forged {
    fn new() -> Self {
        let bytes = used(SMALL_SHAPES[0]);
        assert_eq!(bytes[14], 1, "one reserved sector");
        Self { bytes }
    }

    fn link(&mut self, cluster: usize, value: u16) {
        let at = RESERVED * SECTOR_SIZE + cluster * 3 / 2;
        let old = u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]);
        let new = if cluster % 2 == 1 {
            old & 0xF | value << 4
        } else {
            old & 0xF000 | value
        };
        self.bytes[at..at + 2].copy_from_slice(&new.to_le_bytes());
    }

    /// The first cluster of the entry with this short name.
    fn first(&self, short: &[u8; 11]) -> usize {
        let at = self.entry(short);
        usize::from(u16::from_le_bytes([
            self.bytes[at + 26],
            self.bytes[at + 27],
        ]))
    }

    fn entry(&self, short: &[u8; 11]) -> usize {
        let slots = (0..self.bytes.len()).step_by(32);
        slots
            .into_iter()
            .find(|&at| self.bytes[at..at + 11] == *short)
            .expect("the entry is there")
    }

    fn open(self) -> Volume<MemoryDevice> {
        Volume::open(MemoryDevice::new(self.bytes), Caching::Owned).unwrap()
    }
}

const CODE: &[u8; 11] = b"CODE    PY ";
const MODULE: &[u8; 11] = b"MODULE~1MPY";
const LIB: &[u8; 11] = b"LIB        ";
const INNER: &[u8; 11] = b"INNER      ";

fn findings(drive: &mut Volume<MemoryDevice>) -> Vec<Finding> {
    drive.check().unwrap().findings
}

#[test]
fn a_loop_is_found_and_a_file_in_it_can_be_replaced() {
    let mut forged = Forged::new();
    let first = forged.first(CODE);
    forged.link(first + 1, first.try_into().unwrap());
    let mut drive = forged.open();
    let cluster = u32::try_from(first).unwrap();
    assert_eq!(
        findings(&mut drive)[0],
        Finding::Chain {
            path: path("/code.py"),
            damage: Damage::Loop { cluster }
        }
    );
    assert!(matches!(drive.free_unowned(), Err(Error::Unsound { .. })));
    save(&mut drive, "/code.py", b"new").unwrap();
    assert!(findings(&mut drive).iter().all(Finding::is_harmless));
    assert_eq!(drive.free_unowned().unwrap(), 6);
    assert!(drive.check().unwrap().is_clean());
}

#[test]
fn chains_that_leave_the_volume_or_run_into_free_clusters_are_found() {
    let cluster = u32::try_from(Forged::new().first(CODE) + 1).unwrap();
    for (value, damage) in [
        (
            0xFF0,
            Damage::OutOfRange {
                cluster,
                value: 0xFF0,
            },
        ),
        (0, Damage::Free { cluster }),
        (0xFF7, Damage::Bad { cluster }),
        (
            0xFFF,
            Damage::TooShort {
                needed: 6,
                found: 2,
            },
        ),
    ] {
        let mut forged = Forged::new();
        let second = forged.first(CODE) + 1;
        forged.link(second, value);
        let mut drive = forged.open();
        assert_eq!(
            findings(&mut drive)[0],
            Finding::Chain {
                path: path("/code.py"),
                damage
            }
        );
        match read_tree(&mut drive) {
            Err(Error::Damaged { path: at, what }) => {
                assert_eq!((at, what), (path("/code.py"), damage));
            }
            other => panic!("{other:?}"),
        }
        drive.delete(&path("/code.py")).unwrap();
        drive.free_unowned().unwrap();
        assert!(drive.check().unwrap().findings.is_empty());
    }
}

#[test]
fn a_size_that_lies_is_found() {
    for (size, damage) in [
        (
            u32::MAX,
            Damage::TooShort {
                needed: 8_388_608,
                found: 6,
            },
        ),
        (
            1,
            Damage::TooLong {
                needed: 1,
                found: 6,
            },
        ),
    ] {
        let mut forged = Forged::new();
        let at = forged.entry(CODE);
        forged.bytes[at + 28..at + 32].copy_from_slice(&size.to_le_bytes());
        let mut drive = forged.open();
        assert_eq!(
            findings(&mut drive),
            [Finding::Chain {
                path: path("/code.py"),
                damage
            }]
        );
        assert_eq!(read_tree(&mut drive).is_err(), size > 1);
    }
}

#[test]
fn two_files_on_one_chain_are_found() {
    let mut forged = Forged::new();
    let (at, other) = (forged.entry(CODE), forged.first(MODULE));
    forged.bytes[at + 26..at + 28].copy_from_slice(&u16::try_from(other).unwrap().to_le_bytes());
    let mut drive = forged.open();
    let shared = findings(&mut drive);
    assert!(
        shared
            .iter()
            .any(|finding| matches!(finding, Finding::CrossLinked { .. })),
        "{shared:?}"
    );
    assert!(matches!(drive.free_unowned(), Err(Error::Unsound { .. })));
}

#[test]
fn a_directory_within_itself_ends_every_walk_and_deleting_it_frees_nothing_else() {
    let mut forged = Forged::new();
    let (at, lib) = (forged.entry(INNER), forged.first(LIB));
    forged.bytes[at + 26..at + 28].copy_from_slice(&u16::try_from(lib).unwrap().to_le_bytes());
    let mut drive = forged.open();
    assert!(
        findings(&mut drive)
            .iter()
            .any(|finding| matches!(finding, Finding::CrossLinked { .. }))
    );
    drive.delete(&path("/lib/inner")).unwrap();
    assert_eq!(drive.list(&path("/lib")).unwrap().len(), 8);
    assert!(findings(&mut drive).iter().all(Finding::is_harmless));
    drive.delete(&path("/lib")).unwrap();
    drive.free_unowned().unwrap();
    assert!(drive.check().unwrap().is_clean());
    assert_eq!(read_tree(&mut drive).unwrap().len(), 1);
}

#[test]
fn the_state_marks_of_other_systems_are_seen() {
    for (shape, at) in [(SMALL_SHAPES[0], 37), (SMALL_SHAPES[3], 65)] {
        let mut bytes = used(shape);
        bytes[at] |= 1;
        let mut drive = Volume::open(MemoryDevice::new(bytes), Caching::Owned).unwrap();
        assert_eq!(findings(&mut drive), [Finding::Dirty]);
    }
}

#[test]
fn a_second_table_and_a_free_count_that_lag_behind_are_found_and_put_right() {
    for (shape, tables, reserved) in [(SMALL_SHAPES[1], 2, 1), (SMALL_SHAPES[3], 2, 32)] {
        let mut bytes = used(shape);
        assert_eq!((bytes[16], usize::from(bytes[14])), (tables, reserved));
        let long = u16::from_le_bytes([bytes[22], bytes[23]]);
        let length = if long > 0 {
            usize::from(long)
        } else {
            usize::from(bytes[36])
        };
        bytes[(reserved + length) * SECTOR_SIZE + 20] ^= 0xFF;
        let is_fat32 = long == 0;
        if is_fat32 {
            bytes[SECTOR_SIZE + 488] ^= 1;
        }
        let mut drive = Volume::open(MemoryDevice::new(bytes), Caching::Owned).unwrap();
        let found = findings(&mut drive);
        assert_eq!(found[0], Finding::TablesDiffer { sectors: 1 });
        assert_eq!(
            matches!(found.get(1), Some(Finding::FreeCount { .. })),
            is_fat32
        );
        assert_eq!(drive.free_unowned().unwrap(), 0);
        assert!(drive.check().unwrap().is_clean());
    }
}

#[test]
fn an_image_cut_short_is_refused() {
    let image = Image::new(Shape::Board);
    let mut device =
        MemoryDevice::new(std::fs::read(image.file()).unwrap()[..1000 * SECTOR_SIZE].to_vec());
    let error = Partition::find(&mut device).unwrap_err();
    assert!(matches!(error, Error::NotFat(_)), "{error}");
    let mut whole = FileDevice::open(&image.file());
    assert!(Partition::find(&mut whole).is_ok());
}

/// Does everything that can be done; errors are fine.
fn exercise(device: &MemoryDevice, caching: Caching) {
    let Ok(mut drive) = Volume::open(device.clone(), caching) else {
        return;
    };
    let mut pending = vec![(Path::root(), 0)];
    let mut seen = 0;
    while let Some((directory, depth)) = pending.pop() {
        for entry in drive.list(&directory).unwrap_or_default() {
            seen += 1;
            let path = directory.join(entry.name);
            if let Ok(mut handle) = drive.open_file(&path) {
                let _ = drive.read_at(&mut handle, entry.metadata.size / 2, &mut [0; 3000]);
            }
            // A damaged directory may lie within itself.
            if depth < 4 && seen < 200 {
                pending.push((path, depth + 1));
            }
        }
    }
    let _ = drive.space();
    let _ = drive.check();
    let _ = save(&mut drive, "/code.py", &bytes(5, 4000));
    let _ = save(
        &mut drive,
        "/lib/a new name that is long.txt",
        &bytes(6, 4000),
    );
    let _ = drive.make_directory(&path("/lib/inner/deeper/still"), noon());
    let _ = drive.rename(&path("/code.py"), &path("/lib/code.py"));
    let _ = drive.rename(&path("/lib/inner"), &path("/inner"));
    let _ = drive.delete(&path("/lib"));
    let _ = drive.free_unowned();
    let _ = drive.check();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_mutated_image_brings_it_down(
        shape in prop::sample::select(SMALL_SHAPES.to_vec()),
        // Most hits near the front, where boot sector, tables and root directory are.
        hits in prop::collection::vec((0_u32..1_000_000, 1_i32..6, any::<u8>()), 1..40),
    ) {
        use std::sync::{Mutex, PoisonError};
        static USED: Mutex<Vec<(String, Vec<u8>)>> = Mutex::new(Vec::new());
        let mut bytes = {
            let mut used_images = USED.lock().unwrap_or_else(PoisonError::into_inner);
            let key = format!("{shape:?}");
            if !used_images.iter().any(|(name, _)| *name == key) {
                used_images.push((key.clone(), used(shape)));
            }
            used_images.iter().find(|(name, _)| *name == key).unwrap().1.clone()
        };
        for (at, depth, byte) in hits {
            let share = (f64::from(at) / 1_000_000.0).powi(depth);
            let length = f64::from(u32::try_from(bytes.len()).unwrap());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
            let at = (share * length) as usize;
            bytes[at] = byte;
        }
        exercise(&MemoryDevice::new(bytes.clone()), Caching::Foreign);
        exercise(&MemoryDevice::new(bytes), Caching::Owned);
    }
}

#[test]
fn large_reads_and_writes_are_few_transfers() {
    let device = MemoryDevice::new(std::fs::read(Image::new(SMALL_SHAPES[2]).file()).unwrap());
    let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
    let content = bytes(1, 1024 * 1024);
    save(&mut drive, "/large", &content).unwrap();
    let commands = device.commands();
    let writes: Vec<_> = commands
        .iter()
        .filter(|command| matches!(command, Command::Write { .. }))
        .collect();
    assert_eq!(
        writes
            .iter()
            .filter(|c| matches!(c, Command::Write { sectors: 256, .. }))
            .count(),
        8
    );
    assert!(writes.len() <= 12, "{writes:?}");
    assert_eq!(
        commands
            .iter()
            .filter(|&&command| command == Command::Flush)
            .count(),
        3
    );

    let mut handle = drive.open_file(&path("/large")).unwrap();
    device.commands();
    let mut read = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    while let got @ 1.. = drive
        .read_at(&mut handle, read.len().try_into().unwrap(), &mut piece)
        .unwrap()
    {
        read.extend_from_slice(&piece[..got]);
    }
    assert!(read == content);
    assert!(device.commands().len() < 24);
}

#[test]
fn on_a_volume_that_is_known_to_be_damaged_no_change_harms_another_file() {
    type Change = fn(&mut Volume<MemoryDevice>);
    let changes: [Change; 4] = [
        |drive| {
            save(drive, "/code.py", &bytes(7, 3000)).unwrap();
        },
        |drive| drive.delete(&path("/code.py")).unwrap(),
        |drive| {
            let moved = drive.rename(&path("/code.py"), &path("/lib/inner/moved.py"));
            moved.unwrap();
        },
        |drive| drive.delete(&path("/lib")).unwrap(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut forged = Forged::new();
        let shared = u16::try_from(forged.first(b"CODE    PY ")).unwrap();
        // A module in /lib begins where code.py does.
        let module = forged.entry(b"MODULE~1MPY");
        forged.bytes[module + 26..module + 28].copy_from_slice(&shared.to_le_bytes());
        let mut drive = forged.open();
        assert!(drive.check().unwrap().damage().is_some());
        let free = drive.space().unwrap().free_clusters;
        change(&mut drive);
        assert!(
            drive.space().unwrap().free_clusters <= free,
            "{number}: something was freed"
        );
        // What comes next takes clusters of nobody.
        for file in 0..20 {
            save(&mut drive, &format!("/n{file}"), &bytes(file, 1000)).unwrap();
        }
        let (kept, size) = if number == 3 {
            ("/code.py", 3000)
        } else {
            ("/lib/module number 0.mpy", 1600)
        };
        let mut file = drive.open_file(&path(kept)).unwrap();
        let mut content = vec![0; size];
        drive.read_at(&mut file, 0, &mut content).unwrap();
        assert!(
            content == bytes(1, 3000)[..size],
            "{number}: {kept} has changed"
        );
    }
}

/// So a plug-in waits for a check no longer than its table's size says.
#[test]
fn a_check_of_a_full_volume_reads_its_tables_a_few_times_and_no_more() {
    let shape = made(32, 2, 1, 512, 34 * 1024);
    let device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
    let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
    // Every other file is deleted, and the next one lies in their places.
    for number in 0..200 {
        save(&mut drive, &format!("/F{number}"), &bytes(number, 60_000)).unwrap();
    }
    for number in (0..200).step_by(2) {
        drive.delete(&path(&format!("/F{number}"))).unwrap();
    }
    let space = drive.space().unwrap();
    let rest = space.free_clusters * space.cluster_size;
    save(&mut drive, "/rest", &vec![b'x'; rest as usize]).unwrap();
    let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
    device.commands();
    assert!(drive.check().unwrap().is_clean());
    let sectors = device.commands().into_iter().map(|command| match command {
        Command::Read { sectors, .. } => sectors,
        _ => 0,
    });
    let read: usize = sectors.sum();
    let table = usize::try_from(drive.table_size()).unwrap() / SECTOR_SIZE;
    assert!(read < 6 * table, "{read} sectors, with tables of {table}");
}
