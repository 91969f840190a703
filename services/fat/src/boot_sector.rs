//! The boot sector: [`Geometry`], where everything lies on a volume, or [`NotFat`], why that cannot be said.
//!
//! The layout is that of Microsoft's FAT specification, section 3. A volume may call 512 to 4096 bytes a
//! sector; from here on everything counts device sectors of 512. This is a parser of hostile input: what it
//! lets through lies within the volume, whatever the bytes say.

use std::ops::Range;

use crate::device::SECTOR_SIZE;
use crate::numbers::{index, read_u16, read_u32, wide};
use crate::table::{Cluster, FatKind, Table};
use crate::transaction::Mirror;

/// Why sectors hold no FAT volume that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFat {
    /// The mark at the end of the first sector is missing.
    #[error(
        "it holds neither a partition table nor a volume, for its first sector does not end with the mark 55 AA"
    )]
    NoSignature,
    /// A field of the boot sector is out of bounds.
    #[error("its boot sector says {value} {field}, which no FAT volume has")]
    Field {
        /// What is counted.
        field: &'static str,
        /// How many the boot sector says.
        value: u32,
    },
    /// The volume claims more than there is.
    #[error("its boot sector says {claimed} sectors, but there are only {present}")]
    LongerThanDevice {
        /// Sectors of 512 bytes that the boot sector claims.
        claimed: u64,
        /// Sectors of 512 bytes that are there.
        present: u64,
    },
    /// Tables and root directory leave no room for files.
    #[error("its boot sector leaves no room for files")]
    NoRoomForFiles,
    /// The table cannot describe every cluster.
    #[error("its allocation table is too small for {clusters} clusters")]
    TableTooSmall {
        /// Clusters of the volume.
        clusters: u64,
    },
    /// A partition leaves the device.
    #[error(
        "its partition table says that partition {number} ends at sector {end}, but there are only {present}"
    )]
    PartitionBeyondDevice {
        /// Counted from 1.
        number: usize,
        /// The sector behind its last one.
        end: u64,
        /// Sectors of the device.
        present: u64,
    },
    /// A GUID partition table.
    #[error("it has a GUID partition table, which boards do not use")]
    GuidTable,
    /// A partition table without a FAT volume.
    #[error("its partition table has no partition with a FAT volume")]
    NoPartition,
}

/// Where a directory's slots are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the fixed root of FAT12 and FAT16.
    FixedRoot,
    /// In the chain that begins here.
    Chain(Cluster),
}

/// Where everything lies, in device sectors from the boot sector.
#[derive(Debug, Clone)]
pub(crate) struct Geometry {
    pub(crate) sectors: u64,
    pub(crate) table: Table,
    /// Where the second table begins, if there is one that is kept alike.
    pub(crate) copy: Option<u64>,
    pub(crate) sectors_per_cluster: u32,
    pub(crate) fixed_root: Range<u64>,
    pub(crate) root: Place,
    /// The sector that keeps the free count of FAT32.
    pub(crate) info: Option<u64>,
    /// Whether the boot sector's own flag says that the volume was not put away properly.
    pub(crate) is_dirty: bool,
    first_data: u64,
}

impl Geometry {
    /// Reads a boot sector. `present` is how many device sectors there are for the volume.
    pub(crate) fn parse(boot: &[u8; SECTOR_SIZE], present: u64) -> Result<Self, NotFat> {
        if read_u16(boot, 510) != 0xAA55 {
            return Err(NotFat::NoSignature);
        }
        let checked = |field, value: u32, good: bool| {
            if good {
                Ok(value)
            } else {
                Err(NotFat::Field { field, value })
            }
        };
        let sector = u32::from(read_u16(boot, 11));
        checked(
            "bytes per sector",
            sector,
            matches!(sector, 512 | 1024 | 2048 | 4096),
        )?;
        let per_cluster = u32::from(boot[13]);
        checked(
            "sectors per cluster",
            per_cluster,
            per_cluster.is_power_of_two(),
        )?;
        let reserved = u32::from(read_u16(boot, 14));
        checked("reserved sectors", reserved, reserved > 0)?;
        let tables = u32::from(boot[16]);
        checked("allocation tables", tables, matches!(tables, 1 | 2))?;
        let root_entries = u32::from(read_u16(boot, 17));
        let short_table = u32::from(read_u16(boot, 22));
        let is_fat32 = short_table == 0;
        checked(
            "root entries",
            root_entries,
            (root_entries == 0) == is_fat32,
        )?;
        let table_sectors = if is_fat32 {
            read_u32(boot, 36)
        } else {
            short_table
        };
        checked(
            "sectors per allocation table",
            table_sectors,
            table_sectors > 0,
        )?;
        let total = match read_u16(boot, 19) {
            0 => read_u32(boot, 32),
            short => u32::from(short),
        };

        // Everything fits 64 bits: 32-bit counts of at most 8 device sectors each.
        let unit = u64::from(sector) / wide(SECTOR_SIZE);
        let sectors = u64::from(total) * unit;
        if sectors > present {
            return Err(NotFat::LongerThanDevice {
                claimed: sectors,
                present,
            });
        }
        let first_table = u64::from(reserved) * unit;
        let table_length = u64::from(table_sectors) * unit;
        let root_start = first_table + u64::from(tables) * table_length;
        let root_bytes = u64::from(root_entries) * 32;
        let first_data = root_start + root_bytes.div_ceil(u64::from(sector)) * unit;
        let sectors_per_cluster = per_cluster * (sector / 512);
        let clusters = sectors.saturating_sub(first_data) / u64::from(sectors_per_cluster);
        if clusters == 0 {
            return Err(NotFat::NoRoomForFiles);
        }

        let kind = match clusters {
            _ if is_fat32 => FatKind::Fat32,
            ..4085 => FatKind::Fat12,
            _ => FatKind::Fat16,
        };
        let too_small = NotFat::TableTooSmall { clusters };
        let clusters = u32::try_from(clusters)
            .ok()
            .filter(|&count| count <= kind.most_clusters());
        let clusters = clusters.ok_or(too_small.clone())?;

        let (active, mirrored) = if is_fat32 {
            active_table(boot, tables)?
        } else {
            (0, true)
        };
        let table_at = |number: u32| first_table + u64::from(number) * table_length;
        let table = Table::new(kind, table_at(active), table_length, clusters).ok_or(too_small)?;
        let root = if is_fat32 {
            let version = u32::from(read_u16(boot, 42));
            checked("as the version of FAT32", version, version == 0)?;
            let first = read_u32(boot, 44);
            let field = NotFat::Field {
                field: "as the root's first cluster",
                value: first,
            };
            Place::Chain(table.cluster(first).ok_or(field)?)
        } else {
            Place::FixedRoot
        };
        let info = u64::from(read_u16(boot, 48)) * unit;
        let state = boot[if is_fat32 { 65 } else { 37 }];
        Ok(Self {
            sectors,
            table,
            copy: (tables == 2 && mirrored).then(|| table_at(1)),
            sectors_per_cluster,
            fixed_root: root_start..first_data,
            root,
            info: (is_fat32 && info > 0 && info < first_table).then_some(info),
            is_dirty: state & 1 != 0,
            first_data,
        })
    }

    /// Bytes of a cluster; at most 512 KiB.
    pub(crate) fn cluster_size(&self) -> u32 {
        self.sectors_per_cluster * 512
    }

    /// The sectors of `count` clusters from `first` on.
    pub(crate) fn extent(&self, first: Cluster, count: u32) -> Range<u64> {
        let per_cluster = u64::from(self.sectors_per_cluster);
        let start = self.first_data + u64::from(first.number() - Table::FIRST) * per_cluster;
        start..start + u64::from(count) * per_cluster
    }

    /// How many clusters a file of `size` bytes has.
    pub(crate) fn clusters_for(&self, size: u32) -> u32 {
        size.div_ceil(self.cluster_size())
    }

    /// How many slots of 32 bytes a cluster of a directory has.
    pub(crate) fn slots_per_cluster(&self) -> usize {
        index(self.cluster_size()) / 32
    }

    pub(crate) fn mirror(&self) -> Option<Mirror> {
        self.copy.map(|copy| Mirror {
            table: self.table.sectors(),
            copy,
        })
    }

    /// The directory that an entry's first cluster means in a `..` entry.
    pub(crate) fn parent_number(&self, parent: Place) -> u32 {
        match parent {
            Place::Chain(first) if parent != self.root => first.number(),
            _ => 0,
        }
    }
}

/// Which table of FAT32 counts, and whether the others follow it (extended flags).
fn active_table(boot: &[u8; SECTOR_SIZE], tables: u32) -> Result<(u32, bool), NotFat> {
    let flags = u32::from(read_u16(boot, 40));
    if flags & 0x80 == 0 {
        return Ok((0, true));
    }
    let active = flags & 0x0F;
    if active < tables {
        Ok((active, false))
    } else {
        Err(NotFat::Field {
            field: "as the active allocation table",
            value: active,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::numbers::{write_u16, write_u32};
    use proptest::prelude::*;

    /// What `CircuitPython` 10 writes on a Pico: 2047 sectors, FAT12, one table, 512-byte clusters.
    pub(crate) fn pico() -> [u8; SECTOR_SIZE] {
        let mut boot = [0; SECTOR_SIZE];
        boot[..3].copy_from_slice(&[0xEB, 0xFE, 0x90]);
        write_u16(&mut boot, 11, 512);
        boot[13] = 1;
        write_u16(&mut boot, 14, 1);
        boot[16] = 1;
        write_u16(&mut boot, 17, 512);
        write_u16(&mut boot, 19, 2047);
        boot[21] = 0xF8;
        write_u16(&mut boot, 22, 6);
        write_u16(&mut boot, 510, 0xAA55);
        boot
    }

    #[test]
    fn a_pico_s_drive_is_fat12_with_2008_clusters() {
        let geometry = Geometry::parse(&pico(), 2047).unwrap();
        assert_eq!(geometry.table.kind(), FatKind::Fat12);
        assert_eq!(geometry.table.clusters(), 2008);
        assert_eq!(geometry.fixed_root, 7..39);
        assert_eq!(
            geometry.extent(geometry.table.cluster(2).unwrap(), 3),
            39..42
        );
        assert_eq!(geometry.root, Place::FixedRoot);
        assert!(geometry.mirror().is_none());
    }

    #[test]
    fn a_volume_longer_than_its_device_is_refused() {
        let error = Geometry::parse(&pico(), 2046).unwrap_err();
        assert_eq!(
            error,
            NotFat::LongerThanDevice {
                claimed: 2047,
                present: 2046
            }
        );
    }

    #[test]
    fn a_table_too_small_for_its_clusters_is_refused() {
        let mut boot = pico();
        write_u16(&mut boot, 22, 5);
        assert_eq!(
            Geometry::parse(&boot, 2047).unwrap_err(),
            NotFat::TableTooSmall { clusters: 2009 }
        );
    }

    #[test]
    fn the_active_table_of_fat32_counts() {
        let mut boot = pico();
        write_u16(&mut boot, 14, 32);
        write_u16(&mut boot, 17, 0);
        write_u16(&mut boot, 22, 0);
        boot[16] = 2;
        write_u32(&mut boot, 36, 16);
        write_u32(&mut boot, 44, 2);
        let both = Geometry::parse(&boot, 2047).unwrap();
        assert_eq!((both.table.sectors(), both.copy), (32..48, Some(48)));
        write_u16(&mut boot, 40, 0x81);
        let second = Geometry::parse(&boot, 2047).unwrap();
        assert_eq!((second.table.sectors(), second.copy), (48..64, None));
        write_u16(&mut boot, 40, 0x82);
        assert!(Geometry::parse(&boot, 2047).is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_lies_within_the_volume(
            patches in prop::collection::vec((0_usize..70, any::<u8>()), 0..12),
            present in 0_u64..10_000,
        ) {
            let mut boot = pico();
            for (at, byte) in patches {
                boot[at] = byte;
            }
            if let Ok(geometry) = Geometry::parse(&boot, present) {
                let table = geometry.table;
                prop_assert!(geometry.sectors <= present);
                prop_assert!(table.sectors().end <= geometry.fixed_root.start);
                let all = geometry.extent(table.cluster(2).unwrap(), table.clusters());
                prop_assert!(geometry.fixed_root.end <= all.start && all.end <= geometry.sectors);
                prop_assert!(geometry.copy.is_none_or(|copy| copy >= table.sectors().end));
            }
        }
    }
}
