//! Saving a file: the content goes to free clusters, then one sector of the directory switches to it.

use crate::chain::Chain;
use crate::device::SectorDevice;
use crate::entry::{Kind, RawEntry};
use crate::error::Error;
use crate::path::Path;
use crate::table::Cluster;
use crate::timestamp::Timestamp;
use crate::transaction::Source;
use crate::volume::Volume;

/// What a save did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The file is new.
    Created,
    /// The file has a new content.
    Replaced,
    /// The file has a new content, for which there was no room but the old one's place.
    ReplacedInPlace,
}

impl<D: SectorDevice> Volume<D> {
    /// Saves the first `size` bytes of `content` as the file `path`. Until this returns, and whenever it
    /// fails, the old content is whole; when it has returned, the new one is on the medium. Where there is no room
    /// for both, the old content is in the journal meanwhile, and comes back with [`recover`](crate::recover).
    pub fn save(
        &mut self,
        path: &Path,
        size: u64,
        content: &mut dyn Source,
        modified: Timestamp,
    ) -> Result<Saved, Error> {
        self.begin_change()?;
        let (parent, name) = path
            .split()
            .ok_or_else(|| Error::IsADirectory { path: path.clone() })?;
        let bytes = u32::try_from(size).map_err(|_| Error::TooLarge {
            path: path.clone(),
            size,
        })?;
        let clusters = self.geometry.clusters_for(bytes);
        let mut directory = self.open_directory(&parent)?;
        let existing = directory.find(name).cloned();
        let mut transaction = self.transaction();

        let Some(record) = existing else {
            let mut new = self.plan_entry(directory, name, clusters, path)?;
            let chain = self.choose(clusters, &new.growth, path)?;
            let mut entry = RawEntry::new(Kind::File, new.name.short, modified);
            self.own(&mut entry, &chain, bytes, (modified, None));

            transaction.stream(content, size, chain.extents(&self.geometry));
            new.stage(self, &mut transaction, std::slice::from_ref(&chain), entry)?;
            self.commit(transaction, &[&new.growth, &chain], &[], path)?;
            return Ok(Saved::Created);
        };

        let mut entry = record.raw.clone();
        if entry.kind() == Kind::Directory {
            return Err(Error::IsADirectory { path: path.clone() });
        }
        if entry.is_protected() {
            return Err(Error::Protected { path: path.clone() });
        }
        let free = self.free_clusters()?;
        if clusters > free {
            let old = self.chain_to_write_over(&record)?;
            return match old.filter(|old| clusters <= free.saturating_add(old.len())) {
                Some(old) => {
                    let content = (bytes, content);
                    self.save_in_place(directory, &record, &old, content, modified, path)
                }
                None => Err(self.no_space(clusters, free, path)),
            };
        }
        let old = self.disposable_chain(&entry)?;
        let chain = self.choose(clusters, &Chain::default(), path)?;
        let before = record.raw.modified();
        self.own(&mut entry, &chain, bytes, (modified, Some(before)));

        transaction.stream(content, size, chain.extents(&self.geometry));
        transaction.then();
        chain.stage(&self.geometry.table, &mut self.medium, &mut transaction)?;
        transaction.then();
        directory.stage_entry(&mut transaction, record.short_slot(), &entry);
        transaction.then();
        old.stage_release(&self.geometry.table, &mut self.medium, &mut transaction)?;
        self.commit(transaction, &[&chain], &[&old], path)?;
        self.ended(&record.raw);
        Ok(Saved::Replaced)
    }

    /// Makes an entry the owner of a chain with `size` bytes of a content that no file has had. It is dated `modified`, or
    /// somewhat later where it could be taken for another one then, or for that of the time `before` whose place it takes.
    pub(crate) fn own(
        &self,
        entry: &mut RawEntry,
        chain: &Chain,
        size: u32,
        (modified, before): (Timestamp, Option<Timestamp>),
    ) {
        entry.set_first_cluster(chain.first().map_or(0, Cluster::number));
        entry.set_size(size);
        self.ended.date(entry, self.kind(), modified, before);
    }
}
