//! What the journal does besides: it fails, its record is of another time, and what is written does not hold.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::io::{self, Read, Write};

use cpy_fat::{
    Caching, Error, Journal, Recovery, RecoveryError, Room, Saved, SectorDevice, Volume, recover,
};
use support::image::{Image, SMALL_SHAPES};
use support::journal::MemoryJournal;
use support::memory::MemoryDevice;
use support::scenario::{Drive, SCENARIOS, scatter};
use support::tree::{read_file, read_tree};
use support::worn::Worn;
use support::{bytes, path, save};

fn open(device: impl SectorDevice + 'static) -> Drive {
    let device: Box<dyn SectorDevice> = Box::new(device);
    Volume::open(device, Caching::Owned).unwrap()
}

/// A drive with files, and the device that it is on.
fn drive() -> (MemoryDevice, Drive) {
    let image = std::fs::read(Image::new(SMALL_SHAPES[1]).file()).unwrap();
    let device = MemoryDevice::new(image);
    let mut drive = open(device.clone());
    scatter(&mut drive);
    (device, drive)
}

/// A save over `/code.py` that was cut after so many sectors, and the journal with it.
fn cut_save(sectors: usize) -> (MemoryDevice, MemoryJournal) {
    let (device, mut drive) = drive();
    let journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    device.cut_after(sectors);
    save(&mut drive, "/code.py", &bytes(9, 2000)).unwrap_err();
    device.mend();
    assert!(!journal.is_empty());
    (device, journal)
}

/// Fills a drive until only a few clusters are free.
fn fill(drive: &mut Drive) {
    let space = drive.space().unwrap();
    let left = space.cluster_size * (space.free_clusters - 2);
    save(drive, "/filler", &bytes(3, left.try_into().unwrap())).unwrap();
}

#[test]
fn a_drive_that_was_changed_elsewhere_since_the_cut_is_left_as_it_is() {
    // The first four hold the content.
    for sectors in 5..9 {
        let (mut device, mut journal) = cut_save(sectors);
        let mut elsewhere = open(device.clone());
        elsewhere.delete(&path("/lib")).unwrap();
        save(&mut elsewhere, "/main.py", &bytes(1, 5000)).unwrap();
        save(&mut elsewhere, "/code.py", b"# by hand\n").unwrap();
        let expected = read_tree(&mut elsewhere).unwrap();
        let recovery = recover(&mut device, &mut journal).unwrap();
        let expected_of = Recovery::ChangedElsewhere {
            path: path("/code.py"),
            is_set_aside: false,
        };
        assert_eq!(recovery, expected_of, "{sectors}");
        assert_eq!(journal.aside(), None, "the old content is on the drive");
        assert!(journal.is_empty());
        assert_eq!(read_tree(&mut open(device)).unwrap(), expected);
    }
}

#[test]
fn a_change_of_which_nothing_came_to_a_drive_that_is_still_there_is_not_done_later() {
    let (device, mut drive) = drive();
    let journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    for sectors in [0, 3] {
        device.cut_after(sectors);
        save(&mut drive, "/code.py", &bytes(9, 2000)).unwrap_err();
        device.mend();
        assert!(journal.is_empty(), "{sectors}");
    }
    assert_eq!(journal.records().len(), 2);
}

#[test]
fn another_drive_is_left_as_it_is() {
    let (_, journal) = cut_save(5);
    let record = journal.records().pop().unwrap();
    for shape in SMALL_SHAPES {
        let mut device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
        let before = device.bytes();
        let mut journal = MemoryJournal::with(record.clone());
        let recovery = recover(&mut device, &mut journal).unwrap();
        assert!(
            matches!(
                recovery,
                Recovery::ChangedElsewhere { .. } | Recovery::Nothing
            ),
            "{recovery:?}"
        );
        assert!(device.bytes() == before, "{shape:?}: it was written to");
    }
}

#[test]
fn a_change_that_was_finished_is_not_done_again() {
    let (mut device, mut drive) = drive();
    let mut journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    save(&mut drive, "/code.py", &bytes(9, 2000)).unwrap();
    assert!(journal.is_empty());
    // The record comes back, as when the power goes before its end is durable.
    journal = MemoryJournal::with(journal.records().pop().unwrap());
    let written = device.written();
    let recovery = recover(&mut device, &mut journal).unwrap();
    assert_eq!(recovery, Recovery::Nothing);
    assert_eq!(device.written(), written);
}

#[test]
fn where_the_journal_has_no_room_saves_go_on_and_those_in_place_are_refused() {
    let (_, mut drive) = drive();
    let journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    fill(&mut drive);
    journal.limit(100);
    assert_eq!(
        save(&mut drive, "/code.py", b"short").unwrap(),
        Saved::Replaced
    );
    save(&mut drive, "/code.py", &bytes(1, 900)).unwrap();
    let old = read_tree(&mut drive).unwrap();
    let filler = read_file(&mut drive, &path("/filler")).unwrap();
    let error = save(&mut drive, "/filler", &bytes(1, filler.len())).unwrap_err();
    assert!(matches!(error, Error::NoJournal { .. }), "{error}");
    assert_eq!(read_tree(&mut drive).unwrap(), old);
    journal.limit(usize::MAX);
    let saved = save(&mut drive, "/filler", &bytes(1, filler.len())).unwrap();
    assert_eq!(saved, Saved::ReplacedInPlace);
}

#[test]
fn how_much_room_there_is_says_what_can_be_saved() {
    let (_, mut drive) = drive();
    fill(&mut drive);
    let filler = read_file(&mut drive, &path("/filler")).unwrap().len();
    let free = 2 * drive.space().unwrap().cluster_size as usize;
    let room = drive.room_for(&path("/filler")).unwrap();
    let beside = u64::try_from(free).unwrap();
    assert_eq!(
        room,
        Room {
            beside,
            in_place: beside
        },
        "there is no journal"
    );
    drive.keep_journal(Box::new(MemoryJournal::default()), 0);
    let room = drive.room_for(&path("/filler")).unwrap();
    assert_eq!(room.in_place, u64::try_from(free + filler).unwrap());
    let new = drive.room_for(&path("/new")).unwrap();
    assert_eq!(new.in_place, beside);
    save(&mut drive, "/filler", &bytes(5, free + filler)).unwrap();
    assert_eq!(
        read_file(&mut drive, &path("/filler")).unwrap(),
        bytes(5, free + filler)
    );
    let full = save(&mut drive, "/filler", &bytes(5, free + filler + 1)).unwrap_err();
    assert!(matches!(full, Error::NoSpace { .. }), "{full}");
    assert!(drive.check().unwrap().is_clean());
}

#[test]
fn a_reader_of_a_content_that_is_written_over_is_told() {
    let (_, mut drive) = drive();
    drive.keep_journal(Box::new(MemoryJournal::default()), 0);
    fill(&mut drive);
    let filler = read_file(&mut drive, &path("/filler")).unwrap().len();
    let mut handle = drive.open_file(&path("/filler")).unwrap();
    let saved = save(&mut drive, "/filler", &bytes(5, filler)).unwrap();
    assert_eq!(saved, Saved::ReplacedInPlace);
    let read = drive.read_at(&mut handle, 0, &mut [0; 100]);
    assert!(matches!(read, Err(Error::Changed { .. })), "{read:?}");
}

#[test]
fn what_does_not_read_back_is_written_again_and_then_taken_back() {
    for with_journal in [true, false] {
        for scenario in SCENARIOS {
            for good in 0.. {
                let image = std::fs::read(Image::new(SMALL_SHAPES[1]).file()).unwrap();
                let device = MemoryDevice::new(image);
                (scenario.prepare)(&mut open(device.clone()));
                let old = read_tree(&mut open(device.clone())).unwrap();
                let at = format!("{}, sector {good}, journal: {with_journal}", scenario.name);
                let start = device.bytes();
                let run = |times| {
                    let device = MemoryDevice::new(start.clone());
                    let worn = Worn::new(device.clone(), good, times);
                    let mut drive = open(worn.clone());
                    let journal = MemoryJournal::default();
                    if with_journal {
                        drive.keep_journal(Box::new(journal.clone()), 0);
                    }
                    let result = (scenario.change)(&mut drive);
                    assert!(journal.is_empty(), "{at}: the record is still there");
                    (worn.was_met(), result, read_tree(&mut open(device)))
                };
                let (was_met, once, new) = run(1);
                once.unwrap_or_else(|error| panic!("{at}: {error}"));
                if !was_met {
                    break;
                }
                assert_ne!(new.unwrap(), old, "{at}");
                // Twice is once too often; the third write puts back what was there.
                let (_, twice, tree) = run(2);
                let error = twice.unwrap_err();
                assert!(matches!(error, Error::Unverified { .. }), "{at}: {error}");
                let tree = tree.unwrap();
                let is_between = (scenario.between)(&tree, &old, &tree);
                assert!(tree == old || is_between, "{at}: the old state is gone");
            }
        }
    }
}

/// A full drive whose memory fails, with the file that fills it: `times` writes of the sector that is written after
/// `good` others do not hold.
fn failing(good: usize, times: usize) -> (MemoryDevice, Worn, Drive, MemoryJournal, Vec<u8>) {
    let (device, mut drive) = drive();
    fill(&mut drive);
    let filler = read_file(&mut drive, &path("/filler")).unwrap();
    let worn = Worn::new(device.clone(), good, times);
    let mut drive = open(worn.clone());
    let journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    (device, worn, drive, journal, filler)
}

fn filler_on(device: &MemoryDevice) -> Vec<u8> {
    read_file(&mut open(device.clone()), &path("/filler")).unwrap()
}

#[test]
fn what_is_put_back_and_does_not_hold_either_stays_in_the_journal_until_it_does() {
    // In the content, and in the last sector of the directory, which is written after it.
    let (_, _, _, _, filler) = failing(0, 0);
    let content = filler.len() / 512;
    for good in [0, 3, content - 1, content] {
        for times in [2, 3, 4, 5, 100] {
            let at = format!("sector {good}, {times} times");
            let (device, mut worn, mut drive, mut journal, filler) = failing(good, times);
            let error = save(&mut drive, "/filler", &bytes(1, filler.len())).unwrap_err();
            // The change is written twice, and what it has taken the place of twice.
            if times < 4 {
                assert!(matches!(error, Error::Unverified { .. }), "{at}: {error}");
                assert!(journal.is_empty(), "{at}");
                assert!(
                    filler_on(&device) == filler,
                    "{at}: the old content is gone"
                );
                continue;
            }
            let Error::Unrestored { is_kept: true, .. } = error else {
                panic!("{at}: {error}");
            };
            assert!(!journal.is_empty(), "{at}: the old content is nowhere");
            journal.records();
            // Nothing takes its place, and neither that nor another try makes it worse.
            if times == 100 {
                for _ in 0..2 {
                    let refused = save(&mut drive, "/filler", b"short").unwrap_err();
                    assert!(matches!(refused, Error::Unsettled(_)), "{at}: {refused}");
                    let refused = drive.room_for(&path("/new")).unwrap_err();
                    assert!(matches!(refused, Error::Unsettled(_)), "{at}: {refused}");
                    let failed = recover(&mut worn, &mut journal).unwrap_err();
                    assert!(
                        matches!(failed, RecoveryError::Unverified),
                        "{at}: {failed}"
                    );
                }
                assert!(journal.records().is_empty(), "{at}: it is written over");
                assert!(!journal.is_empty(), "{at}: the old content is nowhere");
                worn.mend();
            }
            let recovery = recover(&mut worn, &mut journal).unwrap();
            assert_eq!(recovery, Recovery::TakenBack, "{at}");
            assert!(journal.is_empty());
            assert!(
                filler_on(&device) == filler,
                "{at}: the old content is gone"
            );
        }
    }
}

#[test]
fn a_change_that_is_owed_is_brought_to_its_end_before_the_next_one() {
    let (device, _, mut drive, journal, filler) = failing(3, 4);
    save(&mut drive, "/filler", &bytes(1, filler.len())).unwrap_err();
    drive.delete(&path("/code.py")).unwrap();
    assert!(journal.is_empty());
    assert!(filler_on(&device) == filler);
    assert!(open(device).check().unwrap().is_clean());
}

#[test]
fn a_change_that_was_said_to_have_failed_is_not_finished_later() {
    for good in 0.. {
        let (device, mut drive) = drive();
        let old = read_tree(&mut drive).unwrap();
        let mut worn = Worn::new(device.clone(), good, 100);
        let mut drive = open(worn.clone());
        let mut journal = MemoryJournal::default();
        drive.keep_journal(Box::new(journal.clone()), 0);
        let result = save(&mut drive, "/code.py", &bytes(9, 2000));
        if !worn.was_met() {
            break;
        }
        result.unwrap_err();
        worn.mend();
        recover(&mut worn, &mut journal).unwrap();
        assert!(journal.is_empty(), "sector {good}");
        assert_eq!(read_tree(&mut open(device)).unwrap(), old, "sector {good}");
    }
}

#[test]
fn a_recovery_that_does_not_hold_is_done_again_until_it_does() {
    for sectors in 5..9 {
        for good in 0.. {
            let (device, mut journal) = cut_save(sectors);
            let mut worn = Worn::new(device.clone(), good, 100);
            let at = format!("cut after {sectors}, sector {good}");
            let first = recover(&mut worn, &mut journal);
            if !worn.was_met() {
                break;
            }
            for failed in [first, recover(&mut worn, &mut journal)] {
                assert!(
                    matches!(failed, Err(RecoveryError::Unverified)),
                    "{at}: {failed:?}"
                );
            }
            assert!(!journal.is_empty(), "{at}");
            worn.mend();
            assert_eq!(
                recover(&mut worn, &mut journal).unwrap(),
                Recovery::Finished,
                "{at}"
            );
            let content = read_file(&mut open(device), &path("/code.py")).unwrap();
            assert!(content == bytes(9, 2000), "{at}");
        }
    }
}

#[test]
fn what_does_not_hold_without_a_journal_is_not_said_to_be_kept() {
    let (device, mut old) = drive();
    let tree = read_tree(&mut old).unwrap();
    // The table, behind the content.
    let mut drive = open(Worn::new(device.clone(), 4, 100));
    let error = save(&mut drive, "/code.py", &bytes(9, 2000)).unwrap_err();
    let sentence = error.to_string();
    assert!(
        matches!(error, Error::Unrestored { is_kept: false, .. }) && !sentence.contains("kept"),
        "{sentence}"
    );
    assert_eq!(read_tree(&mut open(device)).unwrap(), tree);
}

#[test]
fn a_drive_can_be_read_and_not_changed_until_the_journal_can_be_cleared() {
    for sectors in [5, 6, 7, 8] {
        let (mut device, mut journal) = cut_save(sectors);
        journal.set_read_only(true);
        let mut expected = Recovery::Finished;
        for _ in 0..2 {
            let error = recover(&mut device, &mut journal).unwrap_err();
            let RecoveryError::Undiscarded { done, .. } = error else {
                panic!("{sectors}: {error}");
            };
            // It is done once.
            assert_eq!(done, expected, "{sectors}");
            expected = Recovery::Nothing;
        }
        let mut drive = open(device.clone());
        drive.keep_journal(Box::new(journal.clone()), 0);
        assert_eq!(
            read_file(&mut drive, &path("/code.py")).unwrap(),
            bytes(9, 2000)
        );
        let written = device.written();
        let refused = save(&mut drive, "/code.py", b"# next\n").unwrap_err();
        assert!(matches!(refused, Error::Unsettled(_)), "{refused}");
        assert_eq!(device.written(), written);
        journal.set_read_only(false);
        save(&mut drive, "/code.py", b"# next\n").unwrap();
        assert!(journal.is_empty());
        assert_eq!(
            recover(&mut device, &mut journal).unwrap(),
            Recovery::Nothing
        );
        assert_eq!(
            read_file(&mut open(device), &path("/code.py")).unwrap(),
            b"# next\n"
        );
    }
}

#[test]
fn a_record_that_stays_behind_its_change_is_not_repeated_over_a_newer_one() {
    let (mut device, mut drive) = drive();
    let mut journal = MemoryJournal::default();
    drive.keep_journal(Box::new(Sticking(journal.clone())), 0);
    drive.rename(&path("/code.py"), &path("/main.py")).unwrap();
    assert!(!journal.is_empty());
    // Undone, it looks as if it had been cut before it began.
    let refused = drive.rename(&path("/main.py"), &path("/code.py"));
    assert!(matches!(refused, Err(Error::Unsettled(_))), "{refused:?}");
    drive.keep_journal(Box::new(journal.clone()), 0);
    drive.rename(&path("/main.py"), &path("/code.py")).unwrap();
    assert!(journal.is_empty());
    assert_eq!(
        recover(&mut device, &mut journal).unwrap(),
        Recovery::Nothing
    );
    open(device).stat(&path("/code.py")).unwrap();
}

#[test]
fn what_a_cut_in_place_has_taken_from_a_drive_that_was_changed_elsewhere_is_set_aside() {
    let (mut device, mut drive) = drive();
    fill(&mut drive);
    let filler = read_file(&mut drive, &path("/filler")).unwrap();
    let mut journal = MemoryJournal::default();
    drive.keep_journal(Box::new(journal.clone()), 0);
    device.cut_after(9);
    save(&mut drive, "/filler", &bytes(1, filler.len())).unwrap_err();
    device.mend();
    let record = journal.records().pop().unwrap();
    let mut elsewhere = open(device.clone());
    elsewhere.delete(&path("/lib")).unwrap();
    save(&mut elsewhere, "/main.py", b"# by hand\n").unwrap();
    let expected = device.bytes();
    let changed = || Recovery::ChangedElsewhere {
        path: path("/filler"),
        is_set_aside: true,
    };
    // What cannot be put aside stays where it is, and nothing takes its place.
    journal.set_read_only(true);
    let failed = recover(&mut device, &mut journal).unwrap_err();
    assert!(
        matches!(&failed, RecoveryError::Undiscarded { done, .. } if *done == changed()),
        "{failed}"
    );
    assert!(!journal.is_empty() && journal.aside().is_none());
    journal.set_read_only(false);
    assert_eq!(recover(&mut device, &mut journal).unwrap(), changed());
    assert!(journal.is_empty());
    assert_eq!(journal.aside(), Some(record));
    assert!(device.bytes() == expected, "it was written to");
}

/// A journal that keeps a record for good.
struct Sticking(MemoryJournal);

impl Journal for Sticking {
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        self.0.keep(write)
    }

    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>> {
        self.0.kept()
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn discard(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}
