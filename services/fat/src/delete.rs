//! Deleting: the name goes first, then the clusters, those of everything below included.

use crate::boot_sector::Place;
use crate::chain::Chain;
use crate::cluster_set::ClusterSet;
use crate::device::SectorDevice;
use crate::directory::Directory;
use crate::entry::Kind;
use crate::error::Error;
use crate::path::Path;
use crate::table::Cluster;
use crate::volume::Volume;

impl<D: SectorDevice> Volume<D> {
    /// Deletes a file, or a directory with all that is in it.
    ///
    /// What is damaged below a directory goes too; clusters of which it is not certain that only the deleted
    /// tree owns them stay in the table, for [`Volume::free_unowned`].
    pub fn delete(&mut self, path: &Path) -> Result<(), Error> {
        self.begin_change()?;
        let (mut directory, record) = self.locate(path)?.ok_or(Error::Root)?;
        if record.raw.is_protected() {
            return Err(Error::Protected { path: path.clone() });
        }
        let chains = match record.raw.kind() {
            Kind::File => vec![self.disposable_chain(&record.raw)?],
            Kind::Directory if self.is_damaged => Vec::new(),
            Kind::Directory => {
                let first = self
                    .geometry
                    .table
                    .cluster(record.raw.first_cluster(self.kind()));
                let (above, _) = path.split().ok_or(Error::Root)?;
                let above = self.places(&above)?;
                first.map_or(Ok(Vec::new()), |first| self.tree(first, &above))?
            }
        };
        let mut transaction = self.transaction();
        directory.stage_removal(&mut transaction, &record.slots);
        for chain in &chains {
            chain.stage_release(&self.geometry.table, &mut self.medium, &mut transaction)?;
        }
        let released: Vec<_> = chains.iter().collect();
        self.commit(transaction, &[], &released, path)?;
        self.ended(&record.raw);
        Ok(())
    }

    /// The chains of the directory at `first` and of everything below it, each cluster once. `above` are the
    /// directories that it lies in; a damaged tree may lead back to them.
    fn tree(&mut self, first: Cluster, above: &[Place]) -> Result<Vec<Chain>, Error> {
        let mut seen = ClusterSet::new(&self.geometry.table);
        for &place in above {
            if let Place::Chain(first) = place
                && let Ok(chain) = Chain::load(&self.geometry.table, &mut self.medium, first)
            {
                chain.clusters(&self.geometry.table).for_each(|cluster| {
                    seen.insert(cluster);
                });
            }
        }
        let mut tried = ClusterSet::new(&self.geometry.table);
        let mut chains = Vec::new();
        let parent = above.last().copied().unwrap_or(self.geometry.root);
        let mut pending = vec![(first, parent)];
        while let Some((first, parent)) = pending.pop() {
            if !tried.insert(first) {
                continue;
            }
            let directory =
                match Directory::load(&self.geometry, &mut self.medium, Place::Chain(first)) {
                    Ok(directory) => directory,
                    Err(broken) => {
                        broken.damage()?;
                        continue;
                    }
                };
            // An entry that leads to somebody else's directory shows in the way that this one leads up.
            if !directory.has_sound_dots(&self.geometry, first, parent) {
                continue;
            }
            if !self.take(first, &mut seen, &mut chains)? {
                continue;
            }
            for record in &directory.records {
                let number = record.raw.first_cluster(self.kind());
                let Some(below) = self.geometry.table.cluster(number) else {
                    continue;
                };
                match record.raw.kind() {
                    Kind::Directory => pending.push((below, Place::Chain(first))),
                    Kind::File => {
                        self.take(below, &mut seen, &mut chains)?;
                        self.ended(&record.raw);
                    }
                }
            }
        }
        Ok(chains)
    }

    /// Adds the chain at `first` to `chains` if it is sound and none of it was seen.
    fn take(
        &mut self,
        first: Cluster,
        seen: &mut ClusterSet,
        chains: &mut Vec<Chain>,
    ) -> Result<bool, Error> {
        let table = self.geometry.table;
        let chain = match Chain::load(&table, &mut self.medium, first) {
            Ok(chain) => chain,
            Err(broken) => {
                broken.damage()?;
                return Ok(false);
            }
        };
        if chain.clusters(&table).any(|cluster| seen.contains(cluster)) {
            return Ok(false);
        }
        chain.clusters(&table).for_each(|cluster| {
            seen.insert(cluster);
        });
        chains.push(chain);
        Ok(true)
    }
}
