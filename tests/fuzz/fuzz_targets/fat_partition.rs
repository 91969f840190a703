//! The first sectors of a drive that may be anything: a partition table, a boot sector, neither. What is found lies
//! on the drive, and what is opened there within that.
//!
//! The input: how many sectors the drive has, where the second half of the input lies, and both halves.

#![no_main]

use cpy_fat::{Caching, Partition, SECTOR_SIZE, SectorDevice, Volume};
use cpy_fuzz::drive::Drive;
use cpy_fuzz::script::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let sectors = usize::from(script.u16() % 2100);
    let second = usize::from(script.byte());
    let mut bytes = vec![0; sectors * SECTOR_SIZE];
    let mark = [0x55, 0xAA];
    for sector in [0, second] {
        let content = script.bytes(SECTOR_SIZE);
        let Some(place) = bytes.get_mut(sector * SECTOR_SIZE..(sector + 1) * SECTOR_SIZE) else {
            break;
        };
        place[..content.len()].copy_from_slice(content);
        // Without it nothing is looked at; a few inputs go without.
        if input.len() % 16 > 0 {
            place[510..].copy_from_slice(&mark);
        }
    }
    let drive = Drive::new(bytes);
    drive.guard(0..0);
    let found = match Partition::find(&mut drive.clone()) {
        Ok(found) => found,
        Err(error) => {
            let sentence = error.to_string();
            assert!(!sentence.is_empty() && sentence.len() < 300, "{sentence}");
            return;
        }
    };
    assert!(found.first_sector() + found.sectors() <= drive.sectors());
    let slice = found
        .slice(drive.clone())
        .expect("what is found lies on the drive");
    let mut volume = Volume::open(slice, Caching::Foreign).expect("what is found can be opened");
    let _ = volume.list(&cpy_fat::Path::root());
    drive.rest();
    let _ = volume.check();
    drive.rest();
    if let Ok(space) = volume.space() {
        assert!(space.free_clusters <= space.total_clusters);
        let bytes = u64::from(space.total_clusters) * u64::from(space.cluster_size);
        assert!(bytes <= found.sectors() * SECTOR_SIZE as u64);
    }
});
