//! A FAT volume that somebody damages, before it is used and meanwhile. Whatever it says, every operation ends, with
//! an answer or an error, and writes nothing but the volume; on a volume that is sound, operations leave it sound and
//! what was saved is what is read.
//!
//! The input: the shape, how the volume is used, then steps: damage and operations.

#![no_main]

use std::io::Cursor;

use cpy_fat::{Caching, Error, Kind, Path, SECTOR_SIZE, SectorDevice, Timestamp, Volume};
use cpy_fuzz::drive::Drive;
use cpy_fuzz::formatted::{in_use, regions};
use cpy_fuzz::journal::MemoryJournal;
use cpy_fuzz::script::Script;
use libfuzzer_sys::fuzz_target;

/// Paths that are there, and some that are not, or no more.
const PATHS: [&str; 10] = [
    "/code.py",
    "/lib",
    "/lib/inner",
    "/lib/module number 3.mpy",
    "/boot_out.txt",
    "/new",
    "/a new file with a long name.txt",
    "/lib/inner/deeper",
    "/CODE.PY",
    "/settings.toml",
];
const NOON: u64 = 1_760_702_400;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let (shape, bytes) = in_use(script.byte());
    let uses = script.byte();
    let caching = if uses & 1 == 0 {
        Caching::Owned
    } else {
        Caching::Foreign
    };
    let drive = Drive::new(bytes);
    let mut volume = None;
    for _ in 0..64 {
        if script.is_over() {
            break;
        }
        let step = script.byte();
        if step % 4 == 0 {
            let region = regions(shape)[usize::from(step / 4 % 4)].clone();
            let at = region.start + script.u32() as usize % region.len();
            let length = usize::from(script.byte() % 32) + 1;
            drive.damage(at, script.bytes(length));
            // What changes beneath a volume that thinks it is alone is nothing that can be asked of it.
            if caching == Caching::Owned {
                volume = None;
            }
            continue;
        }
        if volume.is_none() {
            volume = open(&drive, caching, uses & 2 != 0);
        }
        let Some(volume) = &mut volume else {
            continue;
        };
        operate(volume, &drive, step, &mut script);
    }
});

fn open(drive: &Drive, caching: Caching, with_journal: bool) -> Option<Volume<Drive>> {
    drive.rest();
    drive.guard(0..0);
    let mut volume = Volume::open(drive.clone(), caching).ok()?;
    let boot = drive.sector(0).expect("a drive has one");
    let short = u64::from(u16::from_le_bytes([boot[19], boot[20]]));
    let long = u64::from(u32::from_le_bytes([boot[32], boot[33], boot[34], boot[35]]));
    let unit = u64::from(boot[12]) * 256 / SECTOR_SIZE as u64;
    let claimed = unit * if short > 0 { short } else { long };
    assert!(claimed <= drive.sectors());
    // The boot sector is nobody's to write.
    drive.guard(1..claimed);
    if with_journal {
        volume.keep_journal(Box::new(MemoryJournal::default()), 0);
    }
    Some(volume)
}

fn operate(volume: &mut Volume<Drive>, drive: &Drive, step: u8, script: &mut Script<'_>) {
    drive.rest();
    let was_sound = volume.check().is_ok_and(|report| report.damage().is_none());
    let written = drive.written();
    let mut path = || script.one_of(&PATHS).parse::<Path>().unwrap();
    let noon = Timestamp::from_unix_seconds(NOON);
    drive.rest();
    let result = match step / 4 % 8 {
        0 | 1 => {
            let path = path();
            let size = usize::from(script.u16());
            let content: Vec<u8> = (0..size).map(|at| (at / 7) as u8 ^ step).collect();
            let saved = volume.save(&path, size as u64, &mut Cursor::new(&content), noon);
            drive.rest();
            if saved.is_ok() && was_sound {
                assert!(read(volume, &path).expect("what was saved can be read") == content);
            }
            saved.map(drop)
        }
        2 => volume.make_directory(&path(), noon).map(drop),
        3 => volume.delete(&path()),
        4 => {
            let (from, to) = (path(), path());
            volume.rename(&from, &to)
        }
        5 => volume.free_unowned().map(drop),
        6 => volume
            .space()
            .map(|space| assert!(space.free_clusters <= space.total_clusters)),
        _ => {
            walk(volume, drive);
            let _ = volume.room_for(&path());
            Ok(())
        }
    };
    if matches!(result, Err(Error::ReadOnly)) {
        assert_eq!(
            drive.written(),
            written,
            "a drive that may only be read was written"
        );
    }
    if was_sound {
        drive.rest();
        if let Ok(report) = volume.check() {
            assert!(
                report.damage().is_none(),
                "{result:?} left {:?}",
                report.findings
            );
        }
    }
}

fn read(volume: &mut Volume<Drive>, path: &Path) -> Result<Vec<u8>, Error> {
    let mut file = volume.open_file(path)?;
    let mut content = Vec::new();
    let mut piece = [0; 3000];
    loop {
        let length = volume.read_at(&mut file, content.len() as u32, &mut piece)?;
        if length == 0 {
            return Ok(content);
        }
        content.extend_from_slice(&piece[..length]);
    }
}

/// Looks at everything, as far as that is a tree.
fn walk(volume: &mut Volume<Drive>, drive: &Drive) {
    let mut pending = vec![(Path::root(), 0)];
    let mut seen = 0;
    while let Some((directory, depth)) = pending.pop() {
        drive.rest();
        for entry in volume.list(&directory).unwrap_or_default() {
            drive.rest();
            seen += 1;
            let path = directory.join(entry.name);
            let again: Path = path
                .to_string()
                .parse()
                .expect("a path that is listed is one");
            assert_eq!(again, path);
            assert!(volume.stat(&path).is_ok(), "{path} is listed and not there");
            if let Ok(mut file) = volume.open_file(&path) {
                let _ = volume.read_at(&mut file, entry.metadata.size / 2, &mut [0; 3000]);
            }
            if entry.metadata.kind == Kind::Directory && depth < 4 && seen < 100 {
                pending.push((path, depth + 1));
            }
        }
    }
}
