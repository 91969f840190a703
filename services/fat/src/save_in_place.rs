//! Saving where the old content stands, on a drive without room beside it. The journal has the old content for the
//! while: a cut takes the change back.

use crate::chain::Chain;
use crate::device::SectorDevice;
use crate::directory::{Directory, Record};
use crate::error::Error;
use crate::path::Path;
use crate::save::Saved;
use crate::table::Link;
use crate::timestamp::Timestamp;
use crate::transaction::Source;
use crate::volume::Volume;

/// Room for a file's new content, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// What fits beside the old content.
    pub beside: u64,
    /// What fits when it takes the old content's place as well.
    pub in_place: u64,
}

impl<D: SectorDevice> Volume<D> {
    /// How large a content of the file `path`, which need not exist yet, can be. An error where none could be saved.
    pub fn room_for(&mut self, path: &Path) -> Result<Room, Error> {
        self.settle()?;
        let free = self.free_clusters()?;
        let old = match self.locate(path) {
            Ok(Some((_, record))) => self.chain_to_write_over(&record)?,
            Ok(None) | Err(Error::NotFound { .. }) => None,
            Err(error) => return Err(error),
        };
        let bytes = |clusters: u32| u64::from(clusters) * u64::from(self.geometry.cluster_size());
        Ok(Room {
            beside: bytes(free),
            in_place: bytes(free.saturating_add(old.map_or(0, |chain| chain.len()))),
        })
    }

    /// The chain that a new content may be written over: that of a sound file on a sound volume, where
    /// there is a journal.
    pub(crate) fn chain_to_write_over(&mut self, record: &Record) -> Result<Option<Chain>, Error> {
        let table = self.geometry.table;
        let first = table.cluster(record.raw.first_cluster(table.kind()));
        let Some(first) = first.filter(|_| self.has_journal() && !self.is_damaged) else {
            return Ok(None);
        };
        match Chain::load(&table, &mut self.medium, first) {
            Ok(chain) => {
                let needed = self.geometry.clusters_for(record.raw.size());
                Ok(Some(chain).filter(|chain| chain.len() == needed))
            }
            Err(broken) => broken.damage().map(|_| None).map_err(Error::from),
        }
    }

    /// Saves `size` bytes of `content` over `old`, the chain of `record`.
    pub(crate) fn save_in_place(
        &mut self,
        mut directory: Directory,
        record: &Record,
        old: &Chain,
        (size, content): (u32, &mut dyn Source),
        modified: Timestamp,
        path: &Path,
    ) -> Result<Saved, Error> {
        let table = self.geometry.table;
        let clusters = self.geometry.clusters_for(size);
        let (mut chain, rest) = old.split(clusters, &table);
        let more = self.choose(clusters - chain.len(), &Chain::default(), path)?;
        let last = chain.clusters(&table).last();
        more.clusters(&table)
            .for_each(|cluster| chain.push(cluster));
        let mut entry = record.raw.clone();
        // What stands in the same place is told by its time.
        self.ended(&record.raw);
        let before = record.raw.modified();
        self.own(&mut entry, &chain, size, (modified, Some(before)));

        let mut transaction = self.transaction();
        transaction.is_in_place = true;
        transaction.stream(content, u64::from(size), chain.extents(&self.geometry));
        transaction.then();
        more.stage(&table, &mut self.medium, &mut transaction)?;
        transaction.then();
        if let (Some(last), Some(next)) = (last, more.first()) {
            table.set(&mut self.medium, &mut transaction, last, Link::Next(next))?;
        }
        transaction.then();
        directory.stage_entry(&mut transaction, record.short_slot(), &entry);
        transaction.then();
        if let Some(last) = last.filter(|_| more.first().is_none()) {
            table.set(&mut self.medium, &mut transaction, last, Link::End)?;
        }
        rest.stage_release(&table, &mut self.medium, &mut transaction)?;
        self.commit(transaction, &[&more], &[&rest], path)?;
        // Whoever still reads the old content has to be told.
        if let Some(first) = old.first() {
            self.readers.released(first);
        }
        Ok(Saved::ReplacedInPlace)
    }
}
