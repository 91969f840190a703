//! Moving a file or directory to another name or place.
//!
//! Where old and new entry fit one sector, that sector is all that is written. Otherwise the new name must come
//! first, or a cut would lose the content; and so that no cut leaves two owners of one chain, the new name of a
//! small file gets a copy. Directories and large files cannot be copied: a cut between the last steps leaves them
//! under both names, for a journal to finish. A directory's `..` leads to its new parent before the old name goes.

use std::io;

use crate::boot_sector::Place;
use crate::chain::Chain;
use crate::device::{SECTOR_SIZE, SectorDevice};
use crate::directory::{Directory, Record};
use crate::entry::{Kind, RawEntry, SLOT};
use crate::error::Error;
use crate::name::Name;
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
        let into_itself = || Error::IntoItself {
            from: from.clone(),
            to: to.clone(),
        };
        if record.raw.kind() == Kind::Directory && above.is_within(from) {
            return Err(into_itself());
        }
        let places = self.places(&above)?;
        // The path may lead there by other names.
        if record.raw.kind() == Kind::Directory
            && places.contains(&self.place_of(&record.raw, from)?)
        {
            return Err(into_itself());
        }
        let place = places.last().copied().unwrap_or(self.geometry.root);
        if place != source.place {
            let target = self.load_directory(place, &above)?;
            if target.find(name).is_some() {
                return Err(Error::Exists { path: to.clone() });
            }
            return self.move_entry(target, Some(source), &record, name, to);
        }
        match source.find(name) {
            Some(other) if other.slots != record.slots => {
                return Err(Error::Exists { path: to.clone() });
            }
            Some(itself) if itself.name.as_ref() == Some(name) => return Ok(()),
            Some(_) | None => {}
        }
        if self.rename_within_sector(&mut source, &record, name, to)? {
            return Ok(());
        }
        self.move_entry(source, None, &record, name, to)
    }

    /// Puts the new name in the sector of the old one, if it fits there.
    fn rename_within_sector(
        &mut self,
        directory: &mut Directory,
        record: &Record,
        name: &Name,
        path: &Path,
    ) -> Result<bool, Error> {
        let name = NameSlots::new(name, |short| {
            let mut others = directory.records.iter();
            others.any(|other| other.slots != record.slots && other.raw.short_name() == short)
        });
        let Some(slots) = directory.place_instead(&record.slots, name.count()) else {
            return Ok(false);
        };
        let mut transaction = self.transaction();
        directory.clear(&record.slots);
        directory.stage_set(&mut transaction, &slots, &name.fill(record.raw.clone()));
        self.commit(transaction, &[], &[], path)?;
        Ok(true)
    }

    /// Gives what `record` is about a new name in `home` and takes away the old one, which is in `left`, or in
    /// `home` too.
    fn move_entry(
        &mut self,
        home: Directory,
        mut left: Option<Directory>,
        record: &Record,
        name: &Name,
        path: &Path,
    ) -> Result<(), Error> {
        let place = home.place;
        let mut copy = self.copy_for_move(record)?;
        let clusters = copy.as_ref().map_or(0, |copy| copy.new_clusters);
        let mut new = self.plan_entry(home, name, clusters, path)?;
        let chain = self.choose(clusters, &new.growth, path)?;
        let mut entry = record.raw.clone();
        let mut transaction = self.transaction();
        let mut old = Chain::default();
        if let Some(copy) = &mut copy {
            entry.set_first_cluster(chain.first().map_or(0, Cluster::number));
            let size = u64::from(entry.size());
            transaction.stream(&mut copy.content, size, chain.extents(&self.geometry));
            if !self.is_damaged {
                old = std::mem::take(&mut copy.old);
            }
        }
        new.stage(self, &mut transaction, std::slice::from_ref(&chain), entry)?;
        if left.is_some() && record.raw.kind() == Kind::Directory {
            self.stage_parent(&mut transaction, &record.raw, place)?;
        }
        let origin = left.as_mut().unwrap_or(&mut new.directory);
        origin.stage_removal(&mut transaction, &record.slots);
        old.stage_release(&self.geometry.table, &mut self.medium, &mut transaction)?;
        self.commit(transaction, &[&new.growth, &chain], &[&old], path)?;
        if copy.is_some() {
            self.ended(&record.raw);
        }
        Ok(())
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

    /// Lets the `..` of the directory that `entry` is about lead to its new parent.
    fn stage_parent(
        &mut self,
        transaction: &mut Transaction<'_>,
        entry: &RawEntry,
        parent: Place,
    ) -> Result<(), Error> {
        let number = self.geometry.parent_number(parent);
        let moved = self
            .geometry
            .table
            .cluster(entry.first_cluster(self.kind()));
        if let Some(extent) = moved.map(|moved| self.geometry.extent(moved, 1)) {
            let sector = transaction.edit(&mut self.medium, extent.start, &extent)?;
            let slot = &mut sector.bytes_mut()[SLOT..2 * SLOT];
            let mut dots = RawEntry::from_slice(slot);
            if dots.short_name() == ShortName::DOT_DOT {
                dots.set_first_cluster(number);
                slot.copy_from_slice(dots.bytes());
            }
            transaction.then();
        }
        Ok(())
    }
}
