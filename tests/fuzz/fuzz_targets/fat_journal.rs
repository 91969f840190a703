//! A journal that is damaged, or of another drive. What becomes of the drive is written within the volume that the
//! journal names, or not at all, and a journal that is not whole changes nothing.
//!
//! The input: the shape, how the sum is, then damage to the drive, then the record: its header, and its images in
//! short, a phase, a sector and a byte that fills it.

#![no_main]

use cpy_fat::{Recovery, SECTOR_SIZE, SectorDevice, recover};
use cpy_fuzz::drive::Drive;
use cpy_fuzz::formatted::in_use;
use cpy_fuzz::journal::MemoryJournal;
use cpy_fuzz::script::Script;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut script = Script::new(input);
    let (_, bytes) = in_use(script.byte());
    let state = script.byte();
    let drive = Drive::new(bytes);
    for _ in 0..script.byte() % 4 {
        let at = script.u32() as usize;
        drive.damage(at, script.bytes(4));
    }
    let is_whole = state & 1 == 0;
    let (record, range) = record(&mut script, &drive, state);
    drive.guard(range);
    let before = drive.bytes();
    let mut journal = MemoryJournal::with(record);
    let recovery = recover(&mut drive.clone(), &mut journal);
    match recovery {
        Ok(Recovery::Nothing | Recovery::ChangedElsewhere { .. }) => {
            assert!(drive.bytes() == before)
        }
        Ok(_) => assert!(is_whole),
        Err(_) => {}
    }
    // What was recovered is not recovered again.
    if let Ok(Recovery::Finished | Recovery::TakenBack | Recovery::ChangedElsewhere { .. }) =
        recovery
    {
        let after = drive.bytes();
        drive.rest();
        assert!(matches!(
            recover(&mut drive.clone(), &mut journal),
            Ok(Recovery::Nothing)
        ));
        assert!(drive.bytes() == after);
    }
});

/// A record, and the sectors that are its volume's.
fn record(script: &mut Script<'_>, drive: &Drive, state: u8) -> (Vec<u8>, std::ops::Range<u64>) {
    let first = u64::from(script.byte());
    let sectors = match state & 2 {
        0 => drive.sectors().saturating_sub(first),
        _ => u64::from(script.u32()) << (state & 0x20),
    };
    let phases = match state & 4 {
        0 => u32::from(script.byte() % 8),
        _ => script.u32(),
    };
    let direction = script.byte();
    let mut images = Vec::new();
    let mut count = 0_u64;
    while !script.is_over() && count < 40 {
        let phase = script.byte();
        let sector = script.u16();
        let fill = script.byte();
        images.extend_from_slice(&u32::from(phase).to_le_bytes());
        images.extend_from_slice(&u64::from(sector).to_le_bytes());
        // As it is, as it was, or something else.
        match drive.sector(first as usize + usize::from(sector)) {
            Some(now) if fill == 0 => images.extend_from_slice(&now),
            Some(now) if fill == 1 => images.extend(now.iter().map(|byte| byte & 0xF0)),
            _ => images.extend([fill; SECTOR_SIZE]),
        }
        count += 1;
    }
    let told = if state & 8 == 0 {
        count
    } else {
        u64::MAX - count
    };
    let mut record = b"cpy-fat1".to_vec();
    record.extend_from_slice(&first.to_le_bytes());
    record.extend_from_slice(&sectors.to_le_bytes());
    record.extend_from_slice(&phases.to_le_bytes());
    record.extend_from_slice(&[direction, 0, 0, 0]);
    record.extend_from_slice(&told.to_le_bytes());
    record.extend_from_slice(&images);
    let sum = crc32fast::hash(&record) ^ u32::from(state & 1);
    record.extend_from_slice(&sum.to_le_bytes());
    if state & 16 != 0 {
        record.push(1);
    }
    (
        record,
        first..first.saturating_add(sectors).min(drive.sectors()),
    )
}
