//! The power goes at every sector write of every operation, and takes with it what it may: writes that were not
//! flushed, in any order; the rest of the sector that was being written; the erase block around it. With the journal
//! the drive is then, byte for byte, what the finished operation would have left, or for one in place what was there
//! before it.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::fs;

use cpy_fat::{Caching, Error, Partition, Recovery, SectorDevice, Volume, recover};
use support::image::{Image, Shape, made};
use support::journal::MemoryJournal;
use support::memory::MemoryDevice;
use support::recording::{Beside, Medium, Recording, Step, steps};
use support::scenario::{Drive, SCENARIOS, Scenario};
use support::second_opinion::{Baseline, assert_all_agree};
use support::tree::{Tree, outline, read_tree};
use support::{bytes, save};

/// FAT12, FAT16 and FAT32, with clusters of 512 bytes to 4 KiB, one table and two.
const SHAPES: [Shape; 7] = [
    Shape::Board,
    made(12, 1, 1, 512, 128),
    made(12, 2, 8, 512, 1024),
    made(16, 2, 1, 512, 2300),
    made(16, 1, 8, 512, 17 * 1024),
    made(32, 2, 1, 512, 34 * 1024),
    TOO_SMALL,
];

/// FAT32 with clusters of 4 KiB. It would have to have 256 MiB for readers that tell FAT32 by the number of clusters.
const TOO_SMALL: Shape = made(32, 1, 8, 512, 1024);

/// How full a drive is besides what a scenario puts on it.
#[derive(Debug, Clone, Copy)]
enum Filling {
    Little,
    /// All but some KiB, in pieces that lie apart.
    Fragmented,
    /// All but a few clusters.
    NearlyAll,
}

const FILLINGS: [Filling; 3] = [Filling::Little, Filling::Fragmented, Filling::NearlyAll];

fn fill(drive: &mut Drive, filling: Filling) {
    let space = drive.space().unwrap();
    let free = u64::from(space.free_clusters) * u64::from(space.cluster_size);
    match filling {
        Filling::Little => {}
        Filling::Fragmented => {
            let piece = usize::try_from(space.cluster_size).unwrap() * 3;
            let pieces = (usize::try_from(free).unwrap() / piece).min(40);
            for number in 0..pieces {
                save(drive, &format!("/P{number}"), &bytes(1, piece)).unwrap();
            }
            for number in (0..pieces).step_by(2) {
                let path = format!("/P{number}").parse().unwrap();
                drive.delete(&path).unwrap();
            }
        }
        Filling::NearlyAll => {
            let left = 5 * u64::from(space.cluster_size);
            let size = usize::try_from(free.saturating_sub(left)).unwrap();
            save(drive, "/ALL", &bytes(2, size)).unwrap();
        }
    }
}

/// The volume on a device, as a drive with a partition table or without.
fn open(device: impl SectorDevice + Clone + 'static) -> (Drive, u64) {
    let mut whole: Box<dyn SectorDevice> = Box::new(device);
    let partition = Partition::find(&mut whole).unwrap();
    let slice: Box<dyn SectorDevice> = Box::new(partition.slice(whole).unwrap());
    (
        Volume::open(slice, Caching::Owned).unwrap(),
        partition.first_sector(),
    )
}

/// Counts what was seen.
#[derive(Debug, Default)]
struct Seen {
    finished: usize,
    taken_back: usize,
    no_room: usize,
    recoveries_cut: usize,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.finished += other.finished;
        self.taken_back += other.taken_back;
        self.no_room += other.no_room;
        self.recoveries_cut += other.recoveries_cut;
    }
}

/// Runs a scenario on a drive of this shape and filling, and every cut of it.
fn run(shape: Shape, filling: Filling, scenario: &Scenario, seen: &mut Seen) {
    let what = format!("{shape:?}, {filling:?}: {}", scenario.name);
    let image = Image::new(shape);
    let device = MemoryDevice::new(fs::read(image.file()).unwrap());
    let (mut drive, _) = open(device.clone());
    (scenario.prepare)(&mut drive);
    fill(&mut drive, filling);
    let old = read_tree(&mut drive).unwrap();
    fs::write(image.file(), device.bytes()).unwrap();
    let baseline = Baseline::of(&image.volume_file());

    let (_, first) = open(device.clone());
    let start = Medium::new(device.bytes(), first);
    let uncut = Recording::on(start.clone());
    let (mut drive, _) = open(uncut.clone());
    drive.keep_journal(Box::new(Beside(uncut.clone())), first);
    match (scenario.change)(&mut drive) {
        Ok(()) => {}
        Err(Error::NoSpace { .. }) => {
            seen.no_room += 1;
            return;
        }
        Err(error) => panic!("{what}: {error}"),
    }
    let new = read_tree(&mut drive).unwrap();
    assert_ne!(old, new, "{what}: nothing happened");
    fs::write(image.file(), uncut.medium().bytes()).unwrap();
    if shape == TOO_SMALL {
        baseline.assert_nothing_new(&image.volume_file(), &what);
    } else {
        assert_all_agree(&image, &new, &baseline, &what);
    }

    for step in steps(&start, uncut.log()) {
        for (number, (cut, state)) in step.aftermaths().into_iter().enumerate() {
            let cut = format!("{what}, cut {cut}");
            let journal = MemoryJournal::with(step.record.clone());
            let is_taken_back = survive(&step, journal, state.clone(), &old, &cut);
            *(if is_taken_back {
                &mut seen.taken_back
            } else {
                &mut seen.finished
            }) += 1;
            if number % 48 == 0 {
                seen.recoveries_cut += cut_recovery(&step, &state, &old, &cut);
            }
        }
    }
}

/// Recovers a drive from a state and looks at what comes of it. Whether the change was one in place.
fn survive(step: &Step, mut journal: MemoryJournal, state: Medium, old: &Tree, cut: &str) -> bool {
    let mut device = Recording::on(state);
    let recovery =
        recover(&mut device, &mut journal).unwrap_or_else(|error| panic!("{cut}: {error}"));
    assert!(journal.is_empty(), "{cut}: the record is still there");
    let after = device.medium();
    if after.difference(&step.end).is_empty() {
        return false;
    }
    assert_eq!(recovery, Recovery::TakenBack, "{cut}: neither old nor new");
    if after.difference(&step.start).is_empty() {
        return true;
    }
    // Clusters that were free hold something else.
    let (mut drive, _) = open(device);
    assert_eq!(
        outline(&read_tree(&mut drive).unwrap()),
        outline(old),
        "{cut}"
    );
    assert_eq!(read_tree(&mut drive).unwrap(), *old, "{cut}");
    let report = drive.check().unwrap();
    assert!(report.is_clean(), "{cut}: {:#?}", report.findings);
    true
}

/// Cuts the recovery from a state at each of its sector writes, and recovers again. How often.
fn cut_recovery(step: &Step, state: &Medium, old: &Tree, cut: &str) -> usize {
    for left in 0.. {
        let mut device = Recording::on(state.clone());
        let mut journal = MemoryJournal::with(step.record.clone());
        device.cut_after(left);
        if recover(&mut device, &mut journal).is_ok() {
            return left;
        }
        assert!(!journal.is_empty(), "{cut}: the record is gone");
        let again = format!("{cut}, recovery cut after {left} sectors");
        survive(step, journal, device.medium(), old, &again);
    }
    unreachable!("a recovery ends")
}

#[test]
fn with_the_journal_a_cut_leaves_the_new_state_or_for_a_change_in_place_the_old_one() {
    let on_shape = |shape| {
        let mut seen = Seen::default();
        for filling in FILLINGS {
            for scenario in SCENARIOS {
                run(shape, filling, scenario, &mut seen);
            }
        }
        println!("{shape:?}: {seen:?}");
        seen
    };
    let mut seen = Seen::default();
    std::thread::scope(|scope| {
        let shapes = SHAPES.map(|shape| scope.spawn(move || on_shape(shape)));
        for shape in shapes {
            seen.add(&shape.join().unwrap());
        }
    });
    let cuts = seen.finished + seen.taken_back + seen.recoveries_cut;
    println!("{cuts} cuts: {seen:?}");
    assert!(cuts >= 100_000, "{seen:?}");
    assert!(
        seen.taken_back > 1000 && seen.recoveries_cut > 1000,
        "{seen:?}"
    );
}
