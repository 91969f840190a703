//! A directory as it lies on the medium: [`Directory`], its slots and the [`Record`]s in them.
//!
//! It is a snapshot, loaded for one operation. How it is changed is [`crate::placement`]'s business.

use std::ops::Range;

use crate::boot_sector::{Geometry, Place};
use crate::chain::{Broken, Chain};
use crate::device::{SECTOR_SIZE, SectorDevice};
use crate::entry::{DELETED, END, Entry, Kind, RawEntry, SLOT};
use crate::error::Damage;
use crate::long_name::LongNameReader;
use crate::medium::Medium;
use crate::name::{Name, same_name};
use crate::numbers::wide;
use crate::short_name::ShortName;
use crate::table::{Cluster, FatKind};
use crate::version::Version;

/// The most slots that a directory may have.
pub(crate) const MOST_SLOTS: usize = 65_536;

pub(crate) const SLOTS_PER_SECTOR: usize = SECTOR_SIZE / SLOT;

/// A short entry with the long name that belongs to it.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// The name under which it is listed; `None` when neither of its names is one.
    pub(crate) name: Option<Name>,
    pub(crate) raw: RawEntry,
    /// All its slots; the short entry is the last one.
    pub(crate) slots: Range<usize>,
}

impl Record {
    /// The slot of the short entry.
    pub(crate) fn short_slot(&self) -> usize {
        self.slots.end - 1
    }

    /// Whether either of its names is `name`.
    fn is_called(&self, name: &Name) -> bool {
        self.name.as_ref().is_some_and(|own| own.is_same_as(name))
            || same_name(&self.raw.short_text(), name.as_str())
    }

    /// What a person sees of it; none where it has no name that can be read.
    pub(crate) fn entry(&self, kind: FatKind) -> Option<Entry> {
        let name = self.name.clone()?;
        let is_file = self.raw.kind() == Kind::File;
        Some(Entry {
            name,
            metadata: self.raw.metadata(),
            version: is_file.then(|| Version::of(&self.raw, kind)),
        })
    }
}

/// A directory's slots.
#[derive(Debug)]
pub(crate) struct Directory {
    pub(crate) place: Place,
    /// Its sectors in their order.
    pub(crate) sectors: Vec<u64>,
    /// Its last cluster, which a further one is appended to.
    pub(crate) last_cluster: Option<Cluster>,
    /// The slots up to the end mark's sector; zeros from the end mark on.
    pub(crate) content: Vec<u8>,
    /// The slot with the end mark; behind the last slot when there is none.
    pub(crate) end: usize,
    /// Which slots before the end are in use. Stray parts of long names are not.
    pub(crate) in_use: Vec<bool>,
    /// Its entries, `.` and `..` and the volume's label not among them.
    pub(crate) records: Vec<Record>,
    /// What `.` and `..` say, in this order.
    pub(crate) dots: [Option<RawEntry>; 2],
    /// Parts of long names that belong to nothing.
    pub(crate) stray_parts: usize,
}

impl Directory {
    /// Reads a directory up to its end mark.
    pub(crate) fn load<D: SectorDevice>(
        geometry: &Geometry,
        medium: &mut Medium<D>,
        place: Place,
    ) -> Result<Self, Broken> {
        let (extents, last_cluster) = match place {
            Place::FixedRoot => (vec![geometry.fixed_root.clone()], None),
            Place::Chain(first) => {
                let chain = Chain::load(&geometry.table, medium, first)?;
                (
                    chain.extents(geometry),
                    chain.clusters(&geometry.table).last(),
                )
            }
        };
        let length: u64 = extents.iter().map(|extent| extent.end - extent.start).sum();
        if length > wide(MOST_SLOTS / SLOTS_PER_SECTOR) {
            return Err(Broken::Damage(Damage::EndlessDirectory));
        }
        let mut directory = Self {
            place,
            sectors: extents.iter().cloned().flatten().collect(),
            last_cluster,
            content: Vec::new(),
            end: 0,
            in_use: Vec::new(),
            records: Vec::new(),
            dots: [None, None],
            stray_parts: 0,
        };
        'reading: for extent in extents {
            for sector in extent.clone() {
                let bytes = medium.sector(sector, &extent)?.bytes();
                directory.content.extend_from_slice(bytes);
                if bytes.chunks_exact(SLOT).any(|slot| slot[0] == END) {
                    break 'reading;
                }
            }
        }
        directory.read_records();
        Ok(directory)
    }

    /// The record that is called `name`: by its long name, or by its short one.
    pub(crate) fn find(&self, name: &Name) -> Option<&Record> {
        self.records.iter().find(|record| record.is_called(name))
    }

    pub(crate) fn has_short_name(&self, name: ShortName) -> bool {
        self.records
            .iter()
            .any(|record| record.raw.short_name() == name)
    }

    /// Where a slot lies: its sector, and its first byte there.
    pub(crate) fn locate(&self, slot: usize) -> (u64, usize) {
        (
            self.sectors[slot / SLOTS_PER_SECTOR],
            slot % SLOTS_PER_SECTOR * SLOT,
        )
    }

    /// How many slots there are.
    pub(crate) fn capacity(&self) -> usize {
        self.sectors.len() * SLOTS_PER_SECTOR
    }

    fn read_records(&mut self) {
        let loaded = self.content.len() / SLOT;
        let mut long = LongNameReader::default();
        self.in_use = vec![false; loaded];
        self.end = loaded;
        let mut parts = 0;
        for slot in 0..loaded {
            let raw = RawEntry::from_slice(&self.content[slot * SLOT..][..SLOT]);
            match raw.first_byte() {
                END => {
                    self.end = slot;
                    break;
                }
                DELETED => long.reset(),
                _ if raw.is_long_name_part() => {
                    parts += 1;
                    long.push(slot, &raw);
                }
                _ if raw.is_volume_label() => {
                    long.reset();
                    self.in_use[slot] = true;
                }
                _ => {
                    let (slots, name) = long.finish(slot, raw.short_name());
                    self.in_use[slots.clone()].fill(true);
                    parts -= slots.len() - 1;
                    match raw.short_name() {
                        ShortName::DOT => self.dots[0] = Some(raw),
                        ShortName::DOT_DOT => self.dots[1] = Some(raw),
                        _ => {
                            let name = name.or_else(|| raw.short_text().parse().ok());
                            self.records.push(Record { name, raw, slots });
                        }
                    }
                }
            }
        }
        self.stray_parts = parts;
        self.in_use.truncate(self.end);
        self.content[self.end * SLOT..].fill(0);
    }

    /// Whether `.` and `..` are what a directory at `own` within `parent` must have. For a parent that is the
    /// root some systems write its first cluster instead of 0.
    pub(crate) fn has_sound_dots(&self, geometry: &Geometry, own: Cluster, parent: Place) -> bool {
        let target = |dot: &Option<RawEntry>| {
            let dot = dot.as_ref().filter(|dot| dot.kind() == Kind::Directory)?;
            match dot.first_cluster(geometry.table.kind()) {
                0 => Some(geometry.root),
                number => geometry.table.cluster(number).map(Place::Chain),
            }
        };
        let [here, above] = &self.dots;
        target(here) == Some(Place::Chain(own)) && target(above) == Some(parent)
    }
}
