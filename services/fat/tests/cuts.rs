//! The cable is pulled after every single sector write of every operation. Whatever is on the medium then must be
//! the old state or the new one, and nothing worse than an unowned chain.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use cpy_fat::{Caching, Error, Finding, SectorDevice, Volume};
use support::image::{Image, SMALL_SHAPES, run};
use support::memory::MemoryDevice;
use support::scenario::{Drive, SCENARIOS, Scenario, never, scatter};
use support::second_opinion::Baseline;
use support::tree::{Tree, outline, read_tree};
use support::{bytes, noon, path, save};

fn open(bytes: Vec<u8>) -> (MemoryDevice, Drive) {
    let device = MemoryDevice::new(bytes);
    let drive = Volume::open(
        Box::new(device.clone()) as Box<dyn SectorDevice>,
        Caching::Owned,
    )
    .unwrap();
    (device, drive)
}

fn assert_survived(drive: &mut Drive, scenario: &Scenario, old: &Tree, new: &Tree, cut: &str) {
    let tree = read_tree(drive).unwrap_or_else(|error| panic!("{cut}: {error}"));
    let is_expected = tree == *old || tree == *new || (scenario.between)(&tree, old, new);
    assert!(
        is_expected,
        "{cut}: neither old nor new:
{}",
        outline(&tree)
    );
    let report = drive.check().unwrap();
    let expected = |finding: &Finding| {
        matches!(
            finding,
            Finding::Unowned { .. }
                | Finding::StrayLongName { .. }
                | Finding::FreeCount { .. }
                | Finding::TablesDiffer { .. }
        )
    };
    assert!(
        report.findings.iter().all(expected),
        "{cut}: {:#?}",
        report.findings
    );
    drive.free_unowned().unwrap();
    let left: Vec<_> = drive.check().unwrap().findings;
    let is_stray = |finding: &Finding| matches!(finding, Finding::StrayLongName { .. });
    assert!(
        left.iter().all(is_stray),
        "{cut}: free_unowned left {left:#?}"
    );
    assert_eq!(
        read_tree(drive).unwrap(),
        tree,
        "{cut}: free_unowned changed something"
    );
}

#[test]
fn a_cut_at_any_sector_write_leaves_the_old_state_or_the_new_one() {
    for shape in SMALL_SHAPES {
        let image = Image::new(shape);
        let baseline = Baseline::of(&image.file());
        for scenario in SCENARIOS {
            let (device, mut drive) = open(std::fs::read(image.file()).unwrap());
            (scenario.prepare)(&mut drive);
            let old = read_tree(&mut drive).unwrap();
            let start = device.bytes();
            let (device, mut drive) = open(start.clone());
            (scenario.change)(&mut drive).unwrap();
            let new = read_tree(&mut drive).unwrap();
            assert_ne!(old, new, "{}: nothing happened", scenario.name);
            let writes = device.written();

            for left in 0..=writes {
                let (device, mut drive) = open(start.clone());
                device.cut_after(left);
                let error = (scenario.change)(&mut drive).unwrap_err();
                assert!(matches!(error, Error::Device(_)), "{error}");
                for (number, bytes) in device.aftermaths().into_iter().enumerate() {
                    let cut = format!(
                        "{shape:?}: {}, cut after {left} of {writes} sectors, aftermath {number}",
                        scenario.name
                    );
                    let (mended, mut drive) = open(bytes);
                    assert_survived(&mut drive, scenario, &old, &new, &cut);
                    if number == 0 && drive.check().unwrap().is_clean() {
                        std::fs::write(image.scratch(), mended.bytes()).unwrap();
                        baseline.assert_nothing_new(&image.scratch(), &cut);
                    }
                }
            }
        }
    }
}

/// The directory's only cluster is 341, whose table entry of 12 bits lies in two sectors.
fn directory_on_a_split_entry() -> Vec<u8> {
    const CLUSTER: usize = 341;
    let image = Image::new(SMALL_SHAPES[1]);
    let mtools = |tool: &str| {
        let mut command = std::process::Command::new(tool);
        command.arg("-i").arg(image.file());
        command
    };
    std::fs::write(image.scratch(), bytes(1, (CLUSTER - 2) * 512)).unwrap();
    run(mtools("mcopy").arg(image.scratch()).arg("::filler"));
    run(mtools("mmd").arg("::DIR"));
    let bytes = std::fs::read(image.file()).unwrap();
    let entry = bytes
        .chunks(32)
        .find(|slot| slot.starts_with(b"DIR        "))
        .unwrap();
    assert_eq!(
        usize::from(u16::from_le_bytes([entry[26], entry[27]])),
        CLUSTER
    );
    bytes
}

#[test]
fn a_directory_that_ends_on_a_split_table_entry_grows_safely() {
    let (device, mut drive) = open(directory_on_a_split_entry());
    for number in 0..14 {
        save(&mut drive, &format!("/DIR/F{number}"), b"").unwrap();
    }
    let scenario = Scenario {
        name: "grow a directory on a split entry",
        prepare: |_| {},
        change: |drive| save(drive, "/DIR/LAST", b"x").map(|_| ()),
        between: never,
    };
    let old = read_tree(&mut drive).unwrap();
    let start = device.bytes();
    let (device, mut drive) = open(start.clone());
    (scenario.change)(&mut drive).unwrap();
    let new = read_tree(&mut drive).unwrap();
    for left in 0..=device.written() {
        let (device, mut drive) = open(start.clone());
        device.cut_after(left);
        (scenario.change)(&mut drive).unwrap_err();
        for bytes in device.aftermaths() {
            let (_, mut drive) = open(bytes);
            let cut = format!("cut after {left} sectors");
            assert_survived(&mut drive, &scenario, &old, &new, &cut);
        }
    }
}

#[test]
fn a_cut_while_a_directory_moves_leaves_it_under_one_of_its_names_or_both() {
    for shape in SMALL_SHAPES {
        let (device, mut drive) = open(std::fs::read(Image::new(shape).file()).unwrap());
        scatter(&mut drive);
        drive.make_directory(&path("/target"), noon()).unwrap();
        let start = device.bytes();
        let (device, mut drive) = open(start.clone());
        drive.rename(&path("/lib"), &path("/target/lib")).unwrap();
        for left in 0..=device.written() {
            let (device, mut drive) = open(start.clone());
            device.cut_after(left);
            drive
                .rename(&path("/lib"), &path("/target/lib"))
                .unwrap_err();
            let (_, mut drive) = open(device.bytes());
            let tree = read_tree(&mut drive).unwrap();
            let modules = |lib: &str| {
                tree.keys()
                    .filter(|path| path.starts_with(&format!("{lib}/")))
                    .count()
            };
            assert!(
                [modules("/lib"), modules("/target/lib")].contains(&6),
                "{}",
                outline(&tree)
            );
            assert!(tree.contains_key("/code.py"));
        }
    }
}

#[test]
fn a_new_name_within_the_sector_of_the_old_one_is_one_sector_write() {
    for shape in SMALL_SHAPES {
        let (device, mut drive) = open(std::fs::read(Image::new(shape).file()).unwrap());
        save(&mut drive, "/code.py", b"x").unwrap();
        let written = device.written();
        drive
            .rename(&path("/code.py"), &path("/a longer name.py"))
            .unwrap();
        assert_eq!(device.written(), written + 1);
    }
}

#[test]
fn an_operation_after_a_failed_one_sees_what_is_on_the_medium() {
    for shape in SMALL_SHAPES {
        let (device, mut drive) = open(std::fs::read(Image::new(shape).file()).unwrap());
        scatter(&mut drive);
        let old = read_tree(&mut drive).unwrap();
        device.cut_after(10);
        save(&mut drive, "/code.py", &bytes(8, 8000)).unwrap_err();
        assert_eq!(read_tree(&mut drive).unwrap(), old);
    }
}
