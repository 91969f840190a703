//! Moving a file or directory to another name or place.
//!
//! Where old and new entry fit one sector, that sector is all that is written. Otherwise the new name must come
//! first, or a cut would lose the content; and so that no cut leaves two owners of one chain, the new name of a
//! small file gets a copy. Directories and large files cannot be copied: a cut between the last steps leaves them
//! under both names, for a journal to finish. A directory's `..` leads to its new parent before the old name goes.

use std::io::{self, Read};

use crate::boot_sector::Place;
use crate::chain::Chain;
use crate::device::{SECTOR_SIZE, SectorDevice};
use crate::directory::Record;
use crate::entry::{Kind, RawEntry, SLOT};
use crate::error::Error;
use crate::new_entry::NameSlots;
use crate::numbers::{at_most, index, wide};
use crate::path::Path;
use crate::short_name::ShortName;
use crate::table::Cluster;
use crate::transaction::Transaction;
use crate::volume::Volume;

/// The largest file that is copied to be moved. It is held in memory for the while.
const MOST_COPIED: u32 = 1024 * 1024;

/// The most clusters by which a directory grows for one name: 21 slots of 32 bytes.
const MOST_GROWTH: u32 = 2;

/// A chain that takes another one's place.
struct Copy {
    old: Chain,
    new_clusters: u32,
    content: io::Cursor<Vec<u8>>,
}

impl<D: SectorDevice> Volume<D> {
    /// Moves what is at `from` to the name `to`, which must be free; a change of case is no other name. The
    /// time of modification stays.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<(), Error> {
        self.begin_change()?;
        let (mut source, record) = self.locate(from)?.ok_or(Error::Root)?;
        let (above, name) = to
            .split()
            .ok_or_else(|| Error::Exists { path: to.clone() })?;
        let moved = match record.raw.kind() {
            Kind::Directory => Some(self.place_of(&record.raw, from)?),
            Kind::File => None,
        };
        let into_itself = || Error::IntoItself {
            from: from.clone(),
            to: to.clone(),
        };
        if moved.is_some() && above.is_within(from) {
            return Err(into_itself());
        }
        let places = self.places(&above)?;
        // The path may lead there by other names.
        if moved.is_some_and(|moved| places.contains(&moved)) {
            return Err(into_itself());
        }
        let place = places.last().copied().unwrap_or(self.geometry.root);
        let target = self.load_directory(place, &above)?;
        let stays = place == source.place;
        if let Some(existing) = target.find(name) {
            if !stays || existing.slots != record.slots {
                return Err(Error::Exists { path: to.clone() });
            }
            if existing.name.as_ref() == Some(name) {
                return Ok(());
            }
        }

        if stays {
            let slots = NameSlots::new(name, |short| {
                let others = source
                    .records
                    .iter()
                    .filter(|other| other.slots != record.slots);
                others
                    .map(|other| other.raw.short_name())
                    .any(|other| other == short)
            });
            if let Some(place) = source.place_instead(&record.slots, slots.count()) {
                let mut transaction = self.transaction();
                source.clear(&record.slots);
                source.stage_set(&mut transaction, &place, &slots.fill(record.raw));
                return self.commit(transaction, &[], &[], to);
            }
        }

        let mut copy = self.copy_for_move(&record)?;
        let clusters = copy.as_ref().map_or(0, |copy| copy.new_clusters);
        let (home, mut left) = if stays {
            (source, None)
        } else {
            (target, Some(source))
        };
        let mut new = self.plan_entry(home, name, clusters, to)?;
        let chain = self.choose(clusters, &new.growth, to)?;
        let mut entry = record.raw.clone();
        let mut transaction = self.transaction();
        let mut old = Chain::default();
        if let Some(copy) = &mut copy {
            entry.set_first_cluster(chain.first().map_or(0, Cluster::number));
            let size = u64::from(entry.size());
            let content: &mut dyn Read = &mut copy.content;
            transaction.stream(content, size, chain.extents(&self.geometry));
            old = std::mem::take(&mut copy.old);
        }
        new.stage_clusters(self, &mut transaction);
        transaction.then();
        chain.stage(&self.geometry.table, &mut self.medium, &mut transaction)?;
        new.stage_links(self, &mut transaction)?;
        new.stage_entry(&mut transaction, entry);
        if let Some(Place::Chain(moved)) = moved.filter(|_| !stays) {
            self.stage_parent(&mut transaction, moved, place)?;
        }
        let origin = left.as_mut().unwrap_or(&mut new.directory);
        origin.stage_removal(&mut transaction, &record.slots);
        old.stage_release(&self.geometry.table, &mut self.medium, &mut transaction)?;
        self.commit(transaction, &[&new.growth, &chain], &[&old], to)
    }

    /// Reads a file that is small enough to be copied, if there is room for the copy and the file is sound.
    fn copy_for_move(&mut self, record: &Record) -> Result<Option<Copy>, Error> {
        let size = record.raw.size();
        let new_clusters = self.geometry.clusters_for(size);
        let is_small = record.raw.kind() == Kind::File && size > 0 && size <= MOST_COPIED;
        if !is_small || self.free_clusters()? < new_clusters + MOST_GROWTH {
            return Ok(None);
        }
        let table = self.geometry.table;
        let Some(first) = table.cluster(record.raw.first_cluster(table.kind())) else {
            return Ok(None);
        };
        let old = match Chain::load(&table, &mut self.medium, first) {
            Ok(chain) if chain.len() >= new_clusters => chain,
            Ok(_) => return Ok(None),
            Err(broken) => {
                broken.damage()?;
                return Ok(None);
            }
        };
        let mut content = vec![0; index(new_clusters * self.geometry.cluster_size())];
        let mut rest = content.as_mut_slice();
        for extent in old.extents(&self.geometry) {
            let bytes = at_most((extent.end - extent.start) * wide(SECTOR_SIZE), rest.len());
            let (part, behind) = rest.split_at_mut(bytes);
            self.medium.read(extent.start, part)?;
            rest = behind;
        }
        Ok(Some(Copy {
            old,
            new_clusters,
            content: io::Cursor::new(content),
        }))
    }

    /// Lets the `..` of the directory at `moved` lead to its new parent.
    fn stage_parent(
        &mut self,
        transaction: &mut Transaction<'_>,
        moved: Cluster,
        parent: Place,
    ) -> Result<(), Error> {
        let number = self.geometry.parent_number(parent);
        let extent = self.geometry.extent(moved, 1);
        let sector = transaction.edit(&mut self.medium, extent.start, &extent)?;
        let slot = &mut sector.bytes_mut()[SLOT..2 * SLOT];
        let mut entry = RawEntry::from_slice(slot);
        if entry.short_name() == ShortName::DOT_DOT {
            entry.set_first_cluster(number);
            slot.copy_from_slice(entry.bytes());
        }
        transaction.then();
        Ok(())
    }
}
