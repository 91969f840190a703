//! Thousands of random operations, beside a model that is nothing but a map.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

mod support;

use std::io::Cursor;

use cpy_fat::{Caching, Volume, recover};
use support::image::{Image, SHAPES, SMALL_SHAPES, Shape};
use support::journal::MemoryJournal;
use support::memory::MemoryDevice;
use support::model::{Dice, Model, step};
use support::second_opinion::{Baseline, assert_all_agree, fatfs_tree};
use support::tree::{outline, read_tree};

const STEPS: u64 = 700;

/// How many operations a drive lives through in all shapes together, unless this says how many:
/// `MODEL_STEPS=1000000 cargo test -p cpy-fat --test model -- --nocapture`.
const LIFE: u64 = 4000;
const LIFE_VARIABLE: &str = "MODEL_STEPS";

/// FAT12, FAT16 and FAT32, of a size that very many operations can fill, empty and fragment. FAT32 of a size that all
/// readers tell by is too large for that.
const LIVED: [Shape; 3] = [SMALL_SHAPES[0], SMALL_SHAPES[1], SMALL_SHAPES[2]];

#[test]
fn random_operations_do_what_a_map_does() {
    for (seed, shape) in (1..).zip(SMALL_SHAPES) {
        let (mut dice, mut model) = (Dice(seed), Model::default());
        let device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
        let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
        for number in 0..STEPS {
            let (what, _) = step(&mut dice, &mut drive, &mut model, 12_000);
            if number % 97 == 0 {
                drive = Volume::open(device.clone(), Caching::Owned).unwrap();
            }
            if number % 7 == 0 {
                let tree = read_tree(&mut drive).unwrap();
                assert!(
                    tree == model.tree,
                    "{shape:?}, step {number}, {what}:\n{}",
                    outline(&tree)
                );
                let report = drive.check().unwrap();
                assert!(
                    report.is_clean(),
                    "{shape:?}, step {number}, {what}: {:#?}",
                    report.findings
                );
                let mut fresh = Volume::open(device.clone(), Caching::Owned).unwrap();
                assert_eq!(
                    drive.space().unwrap(),
                    fresh.space().unwrap(),
                    "{shape:?}, step {number}, {what}"
                );
            }
        }
    }
}

#[test]
fn other_readers_agree_after_random_operations() {
    for (seed, shape) in (100..).zip(SHAPES) {
        let (mut dice, mut model) = (Dice(seed), Model::default());
        let image = Image::new(shape);
        let baseline = Baseline::of(&image.volume_file());
        let mut drive = image.open();
        let steps = if matches!(shape, Shape::Made { bits: 32, .. }) {
            60
        } else {
            160
        };
        for number in 0..steps {
            let (what, _) = step(&mut dice, &mut drive, &mut model, 60_000);
            if number % 20 == 19 {
                assert_all_agree(
                    &image,
                    &model.tree,
                    &baseline,
                    &format!("step {number}, {what}"),
                );
            }
        }
    }
}

/// Whatever is done to a drive, and however often it is pulled out meanwhile: it holds what the model holds, and for an
/// operation that was cut what the model holds with it or without it.
#[test]
fn a_drive_that_is_used_and_pulled_out_again_and_again_does_what_a_map_does() {
    let steps = std::env::var(LIFE_VARIABLE).map_or(LIFE, |steps| steps.parse().unwrap());
    let (mut cuts, mut finished) = (0, 0);
    for (seed, shape) in (7..).zip(LIVED) {
        let (mut dice, mut model) = (Dice(seed), Model::default());
        let mut device = MemoryDevice::new(std::fs::read(Image::new(shape).file()).unwrap());
        let mut journal = MemoryJournal::default();
        let plug = |device: &MemoryDevice, journal: &MemoryJournal| {
            let mut drive = Volume::open(device.clone(), Caching::Owned).unwrap();
            drive.keep_journal(Box::new(journal.clone()), 0);
            drive
        };
        let mut drive = plug(&device, &journal);
        for number in 0..steps / LIVED.len() as u64 {
            if dice.below(2) == 0 {
                device.cut_after(dice.below(30));
            }
            let before = model.tree.clone();
            let (what, is_cut) = step(&mut dice, &mut drive, &mut model, 12_000);
            let at = format!("{shape:?}, step {number}, {what}");
            device.mend();
            if is_cut {
                cuts += 1;
                recover(&mut device, &mut journal).unwrap();
                assert!(journal.is_empty(), "{at}: the record is still there");
                drive = plug(&device, &journal);
                let tree = read_tree(&mut drive).unwrap();
                if tree == model.tree {
                    finished += 1;
                } else {
                    assert!(tree == before, "{at}: cut\n{}", outline(&tree));
                    model.tree = before;
                }
            }
            if number % 50 == 0 {
                let tree = read_tree(&mut drive).unwrap();
                assert!(tree == model.tree, "{at}:\n{}", outline(&tree));
                let seen = fatfs_tree(Cursor::new(device.bytes()));
                assert!(seen == model.tree, "{at}: fatfs\n{}", outline(&seen));
                let report = drive.check().unwrap();
                assert!(report.is_clean(), "{at}: {:#?}", report.findings);
            }
        }
    }
    println!("{steps} operations, {cuts} of them cut, {finished} of those finished later");
    assert!(cuts > steps / 100 && finished > cuts / 10);
}
