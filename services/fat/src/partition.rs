//! Where a device has its volume: [`Partition`], found in a master boot record or on the bare device.
//!
//! `CircuitPython` boards show a record with one partition of type 01 at sector 1; SD cards and images may have
//! neither. The type byte is not believed: a partition counts when a FAT boot sector is at its start.

use std::ops::Range;

use crate::boot_sector::{Geometry, NotFat};
use crate::device::{SECTOR_SIZE, SectorDevice, Slice};
use crate::error::Error;
use crate::numbers::{read_u16, read_u32};

const TABLE: usize = 446;
const ENTRY: usize = 16;
const EXTENDED: [u8; 3] = [0x05, 0x0F, 0x85];
const GUID_PROTECTIVE: u8 = 0xEE;

/// The sectors of a device that hold a FAT volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    first: u64,
    sectors: u64,
}

impl Partition {
    /// Finds the first partition with a FAT volume, or the volume that fills the bare device.
    pub fn find<D: SectorDevice>(device: &mut D) -> Result<Self, Error> {
        let present = device.sectors();
        let first = read(device, 0)?;
        let bare = match Geometry::parse(&first, present) {
            Ok(_) => {
                return Ok(Self {
                    first: 0,
                    sectors: present,
                });
            }
            Err(NotFat::NoSignature) => return Err(NotFat::NoSignature.into()),
            Err(reason) => reason,
        };
        let mut refused = None;
        for number in 1..=4 {
            match partition(&first, number, present) {
                Ok(None) => {}
                Ok(Some(sectors)) => {
                    let partition = Self {
                        first: sectors.start,
                        sectors: sectors.end - sectors.start,
                    };
                    match Geometry::parse(&read(device, sectors.start)?, partition.sectors) {
                        Ok(_) => return Ok(partition),
                        // What that says is true of a bare device only.
                        Err(NotFat::NoSignature) => {}
                        Err(reason) => refused = refused.or(Some(reason)),
                    }
                }
                Err(reason) => refused = refused.or(Some(reason)),
            }
        }
        // A jump instruction is how a boot sector begins; then its own trouble says more than the table's.
        let is_boot_sector = matches!(first[0], 0xEB | 0xE9);
        Err(if is_boot_sector {
            bare
        } else {
            refused.unwrap_or(NotFat::NoPartition)
        }
        .into())
    }

    /// Where it begins on the device.
    pub fn first_sector(&self) -> u64 {
        self.first
    }

    /// How many sectors it has.
    pub fn sectors(&self) -> u64 {
        self.sectors
    }

    /// The partition as a device of its own; `None` when `device` is too short for it.
    pub fn slice<D: SectorDevice>(&self, device: D) -> Option<Slice<D>> {
        Slice::new(device, self.first, self.sectors)
    }
}

fn read<D: SectorDevice>(device: &mut D, sector: u64) -> Result<[u8; SECTOR_SIZE], Error> {
    let mut bytes = [0; SECTOR_SIZE];
    if sector >= device.sectors() {
        return Err(NotFat::NoPartition.into());
    }
    device.read(sector, &mut bytes)?;
    Ok(bytes)
}

/// The sectors of primary partition `number` (from 1); `None` when the table has none there.
fn partition(
    record: &[u8; SECTOR_SIZE],
    number: usize,
    present: u64,
) -> Result<Option<Range<u64>>, NotFat> {
    debug_assert_eq!(
        read_u16(record, 510),
        0xAA55,
        "the caller saw the signature"
    );
    let entry = &record[TABLE + (number - 1) * ENTRY..][..ENTRY];
    let first = u64::from(read_u32(entry, 8));
    let end = first + u64::from(read_u32(entry, 12));
    match entry[4] {
        GUID_PROTECTIVE => Err(NotFat::GuidTable),
        0 => Ok(None),
        kind if EXTENDED.contains(&kind) || first == 0 || end == first => Ok(None),
        _ if end > present => Err(NotFat::PartitionBeyondDevice {
            number,
            end,
            present,
        }),
        _ => Ok(Some(first..end)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_sector::tests::pico;
    use crate::device::Memory;
    use crate::numbers::{index, write_u16, write_u32};
    use proptest::prelude::*;

    /// A device of 2049 sectors as a Pico shows it, with its volume behind `entries` of (type, first, sectors).
    fn device(entries: &[(u8, u32, u32)]) -> Memory {
        let mut bytes = vec![0; 2049 * SECTOR_SIZE];
        for (slot, &(kind, first, sectors)) in entries.iter().enumerate() {
            let entry = &mut bytes[TABLE + slot * ENTRY..][..ENTRY];
            entry[4] = kind;
            write_u32(entry, 8, first);
            write_u32(entry, 12, sectors);
        }
        write_u16(&mut bytes, 510, 0xAA55);
        bytes[SECTOR_SIZE..2 * SECTOR_SIZE].copy_from_slice(&pico());
        Memory(bytes)
    }

    fn refusal(mut device: Memory) -> NotFat {
        match Partition::find(&mut device) {
            Err(Error::NotFat(reason)) => reason,
            other => panic!("expected a refusal, got {other:?}"),
        }
    }

    #[test]
    fn a_board_s_partition_is_found() {
        let found = Partition::find(&mut device(&[(1, 1, 2048)])).unwrap();
        assert_eq!((found.first_sector(), found.sectors()), (1, 2048));
    }

    #[test]
    fn a_partition_may_begin_anywhere() {
        for first in [2_u32, 8, 63, 2048] {
            let mut bytes = device(&[(6, first, 2047)]).0;
            let gap = SECTOR_SIZE * (index(first) - 1);
            bytes.splice(SECTOR_SIZE..SECTOR_SIZE, std::iter::repeat_n(0, gap));
            let found = Partition::find(&mut Memory(bytes)).unwrap();
            assert_eq!(found.first_sector(), u64::from(first));
        }
    }

    #[test]
    fn the_first_partition_with_a_fat_volume_is_taken() {
        let found =
            Partition::find(&mut device(&[(0x83, 40, 9), (0, 0, 0), (0x0C, 1, 2048)])).unwrap();
        assert_eq!(found.first_sector(), 1);
    }

    #[test]
    fn a_bare_volume_is_found() {
        let mut bytes = device(&[]).0;
        bytes.drain(..SECTOR_SIZE);
        let found = Partition::find(&mut Memory(bytes)).unwrap();
        assert_eq!((found.first_sector(), found.sectors()), (0, 2048));
    }

    #[test]
    fn broken_tables_are_refused_in_words() {
        assert_eq!(refusal(device(&[])), NotFat::NoPartition);
        assert_eq!(refusal(device(&[(0xEE, 1, 2048)])), NotFat::GuidTable);
        let beyond = refusal(device(&[(1, 1, 2049)]));
        assert_eq!(
            beyond,
            NotFat::PartitionBeyondDevice {
                number: 1,
                end: 2050,
                present: 2049
            }
        );
        let short = refusal(device(&[(1, 1, 2046)]));
        assert_eq!(
            short,
            NotFat::LongerThanDevice {
                claimed: 2047,
                present: 2046
            }
        );
        assert_eq!(refusal(Memory(vec![0; 4096])), NotFat::NoSignature);
        assert!(Partition::find(&mut Memory(Vec::new())).is_err());
    }

    proptest! {
        #[test]
        fn what_is_found_lies_on_the_device(table: [u8; 64], boot in any::<[u8; 40]>()) {
            let mut device = device(&[]);
            device.0[TABLE..TABLE + 64].copy_from_slice(&table);
            device.0[..40].copy_from_slice(&boot);
            if let Ok(found) = Partition::find(&mut device) {
                prop_assert!(found.slice(&mut device).is_some());
            }
        }
    }
}
