//! A new name in a directory: [`NewEntry`], planned before anything is written, then staged phase by phase.
//!
//! A directory without room for it grows: its new clusters are zeros on the medium before the table knows them,
//! and chained to each other before the directory's last cluster leads to them.

use crate::chain::Chain;
use crate::device::SectorDevice;
use crate::directory::Directory;
use crate::entry::RawEntry;
use crate::error::Error;
use crate::long_name;
use crate::medium::Sector;
use crate::name::Name;
use crate::path::Path;
use crate::placement::Placement;
use crate::short_name::ShortName;
use crate::table::Link;
use crate::transaction::Transaction;
use crate::volume::Volume;

/// The slots that a name takes.
#[derive(Debug, Clone)]
pub(crate) struct NameSlots<'n> {
    pub(crate) short: ShortName,
    /// The name, where the short one does not say all of it.
    long: Option<&'n Name>,
}

impl<'n> NameSlots<'n> {
    /// The slots for `name`; `is_taken` knows the short names beside it. Only a plain upper-case 8.3 name
    /// does without long-name slots.
    pub(crate) fn new(name: &'n Name, is_taken: impl Fn(ShortName) -> bool) -> Self {
        match ShortName::plain(name).filter(|&short| !is_taken(short)) {
            Some(short) => Self { short, long: None },
            None => Self {
                short: ShortName::beside(name, is_taken),
                long: Some(name),
            },
        }
    }

    pub(crate) fn count(&self) -> usize {
        1 + self.long.map_or(0, long_name::parts)
    }

    /// The slots with `entry` as the short entry.
    pub(crate) fn fill(&self, mut entry: RawEntry) -> Vec<RawEntry> {
        entry.rename(self.short);
        let mut set = self
            .long
            .map_or_else(Vec::new, |name| long_name::slots(name, self.short));
        set.push(entry);
        set
    }
}

/// A name that a directory is going to get.
pub(crate) struct NewEntry<'n> {
    pub(crate) directory: Directory,
    pub(crate) name: NameSlots<'n>,
    placement: Placement,
    /// The clusters by which the directory grows.
    pub(crate) growth: Chain,
}

impl<D: SectorDevice> Volume<D> {
    /// Plans an entry called `name` in `directory`, with room beside it for `clusters` clusters of content.
    pub(crate) fn plan_entry<'n>(
        &mut self,
        directory: Directory,
        name: &'n Name,
        clusters: u32,
        path: &Path,
    ) -> Result<NewEntry<'n>, Error> {
        let name = NameSlots::new(name, |short| directory.has_short_name(short));
        let placement = directory
            .place(name.count(), self.geometry.slots_per_cluster())
            .ok_or_else(|| Error::DirectoryFull {
                path: path.split().map_or(Path::root(), |(parent, _)| parent),
            })?;
        let more = u32::try_from(placement.growth).expect("a directory has at most 65536 slots");
        self.ensure_room(clusters.saturating_add(more), path)?;
        let mut growth = Chain::default();
        let mut last = directory.last_cluster;
        for _ in 0..more {
            let Some(cluster) = self.choose_for_directory(last, &growth)? else {
                return Err(self.no_space(more, 0, path));
            };
            growth.push(cluster);
            // Only the step from the directory's present end changes a link that is in use.
            last = None;
        }
        Ok(NewEntry {
            directory,
            name,
            placement,
            growth,
        })
    }
}

impl NewEntry<'_> {
    /// Stages all of it behind what the transaction holds so far, which is the content of `chains`. `entry` is to
    /// own the first of them, and what lies in that the others; the transaction's phase is ended.
    pub(crate) fn stage<D: SectorDevice>(
        &mut self,
        volume: &mut Volume<D>,
        transaction: &mut Transaction<'_>,
        chains: &[Chain],
        entry: RawEntry,
    ) -> Result<(), Error> {
        let table = volume.geometry.table;
        // With the content: the directory's new clusters are zeros.
        for extent in self.growth.extents(&volume.geometry) {
            extent
                .clone()
                .for_each(|sector| transaction.put(sector, Sector::ZERO));
            self.directory.grow(extent);
        }
        transaction.then();
        // Then all are chains that nobody owns.
        for chain in chains {
            chain.stage(&table, &mut volume.medium, transaction)?;
        }
        self.growth.stage(&table, &mut volume.medium, transaction)?;
        transaction.then();
        // Then the directory's end leads to its new clusters.
        if let (Some(last), Some(first)) = (self.directory.last_cluster, self.growth.first()) {
            table.set(&mut volume.medium, transaction, last, Link::Next(first))?;
            transaction.then_one_by_one();
        }
        // Then the name is there.
        let set = self.name.fill(entry);
        self.directory
            .stage_set(transaction, &self.placement.slots, &set);
        transaction.then();
        Ok(())
    }
}
