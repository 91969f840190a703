//! Checking a volume: every directory is walked, every chain followed, every cluster accounted for.
//!
//! It ends on any volume, however damaged: a cluster is claimed once, and a directory is entered only when its
//! chain was claimed. Its memory is a few bits for each cluster, and the names of the directories.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::boot_sector::Place;
use crate::chain::{Chain, follow};
use crate::cluster_set::ClusterSet;
use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice};
use crate::directory::{Directory, Record};
use crate::entry::Kind;
use crate::error::{Damage, Error};
use crate::finding::{Finding, Report};
use crate::name::Name;
use crate::numbers::{at_most, wide};
use crate::path::Path;
use crate::table::{Cluster, Link};
use crate::volume::Volume;

/// How deep directories may lie. A path this long does not fit any other system.
const MOST_LEVELS: usize = 128;

/// A directory that was found: its name, and which one it is in.
struct Node {
    place: Place,
    name: Option<Name>,
    parent: Option<usize>,
    level: usize,
}

/// A check under way.
struct Survey<'v, D> {
    volume: &'v mut Volume<D>,
    report: Report,
    owned: ClusterSet,
    nodes: Vec<Node>,
}

impl<D: SectorDevice> Volume<D> {
    /// Looks at everything on the volume but the content of files. Changes nothing.
    pub fn check(&mut self) -> Result<Report, Error> {
        self.begin();
        self.survey().map(|(report, _)| report)
    }

    /// Frees the clusters that are in use and that nothing owns; how many they were. The second allocation table
    /// and the free count of FAT32 become right again by the way. Refused when there is damage: the clusters
    /// may then be all that is left of something.
    pub fn free_unowned(&mut self) -> Result<u32, Error> {
        self.begin_change()?;
        let (report, unowned) = self.survey()?;
        if let Some(first) = report.damage() {
            return Err(Error::Unsound {
                first: Box::new(first.clone()),
            });
        }
        let mut transaction = self.transaction();
        unowned.stage_release(&self.geometry.table, &mut self.medium, &mut transaction)?;
        for sector in self.differing_sectors()? {
            // Whatever is written to the first table goes to its copy too.
            transaction.edit(&mut self.medium, sector, &self.geometry.table.sectors())?;
        }
        self.commit(transaction, &[], &[&unowned], &Path::root())?;
        Ok(unowned.len())
    }

    /// Whether the volume says itself that it was not put away properly ([`Finding::Dirty`]), which takes no look at
    /// all of it.
    pub fn is_dirty(&mut self) -> Result<bool, Error> {
        self.begin();
        let table = self.geometry.table;
        Ok(self.geometry.is_dirty || table.is_dirty(&mut self.medium)?)
    }

    /// Checks the volume; also the clusters that nothing owns.
    fn survey(&mut self) -> Result<(Report, Chain), Error> {
        let owned = ClusterSet::new(&self.geometry.table);
        let root = Node {
            place: self.geometry.root,
            name: None,
            parent: None,
            level: 0,
        };
        let mut survey = Survey {
            volume: self,
            report: Report::default(),
            owned,
            nodes: vec![root],
        };
        survey.walk()?;
        let unowned = survey.account()?;
        survey.compare()?;
        let report = survey.report;
        self.is_damaged = report.damage().is_some();
        Ok((report, unowned))
    }

    /// The sectors of the first table that are not alike in the second.
    fn differing_sectors(&mut self) -> Result<Vec<u64>, Error> {
        let Some(copy) = self.geometry.copy else {
            return Ok(Vec::new());
        };
        let sectors = self.geometry.table.sectors();
        let mut differing = Vec::new();
        for first in sectors.clone().step_by(MAX_TRANSFER / SECTOR_SIZE) {
            let bytes = at_most((sectors.end - first) * wide(SECTOR_SIZE), MAX_TRANSFER);
            let (mut left, mut right) = (vec![0; bytes], vec![0; bytes]);
            self.medium.read(first, &mut left)?;
            self.medium.read(first - sectors.start + copy, &mut right)?;
            let pairs = left.chunks(SECTOR_SIZE).zip(right.chunks(SECTOR_SIZE));
            differing.extend(
                (first..)
                    .zip(pairs)
                    .filter(|(_, (a, b))| a != b)
                    .map(|(sector, _)| sector),
            );
        }
        Ok(differing)
    }
}

impl<D: SectorDevice> Survey<'_, D> {
    /// Visits every directory, the root first.
    fn walk(&mut self) -> Result<(), Error> {
        if let Place::Chain(first) = self.volume.geometry.root
            && self.claim(first.number(), &Path::root())?.is_none()
        {
            return Ok(());
        }
        let mut pending = vec![0];
        while let Some(number) = pending.pop() {
            let place = self.nodes[number].place;
            let directory =
                match Directory::load(&self.volume.geometry, &mut self.volume.medium, place) {
                    Ok(directory) => directory,
                    Err(broken) => {
                        let damage = broken.damage()?;
                        let path = self.path(number);
                        self.report.add(Finding::Chain { path, damage });
                        continue;
                    }
                };
            self.look_at(number, &directory);
            for record in &directory.records {
                match record.raw.kind() {
                    Kind::File => self.visit_file(number, record)?,
                    Kind::Directory => pending.extend(self.visit_directory(number, record)?),
                }
            }
        }
        Ok(())
    }

    /// What can be said of a directory without following its entries.
    fn look_at(&mut self, number: usize, directory: &Directory) {
        let node = &self.nodes[number];
        if let (Place::Chain(own), Some(parent)) = (node.place, node.parent) {
            let above = self.nodes[parent].place;
            if !directory.has_sound_dots(&self.volume.geometry, own, above) {
                let path = self.path(number);
                self.report.add(Finding::Dots { path });
            }
        }
        if directory.stray_parts > 0 {
            let path = self.path(number);
            self.report.add(Finding::StrayLongName {
                path,
                parts: directory.stray_parts,
            });
        }
        let mut names = HashSet::new();
        for name in directory
            .records
            .iter()
            .filter_map(|record| record.name.as_ref())
        {
            if !names.insert(name.folded()) {
                let path = self.path(number).join(name.clone());
                self.report.add(Finding::Duplicate { path });
            }
        }
    }

    fn visit_file(&mut self, parent: usize, record: &Record) -> Result<(), Error> {
        self.report.files += 1;
        let path = self.path_of(parent, record);
        let first = record.raw.first_cluster(self.volume.kind());
        let needed = self.volume.geometry.clusters_for(record.raw.size());
        let found = if first == 0 {
            Some(0)
        } else {
            self.claim(first, &path)?
        };
        if let Some(found) = found
            && found != needed
        {
            let damage = if found < needed {
                Damage::TooShort { needed, found }
            } else {
                Damage::TooLong { needed, found }
            };
            self.report.add(Finding::Chain { path, damage });
        }
        Ok(())
    }

    /// Claims a directory's chain; its node, if it can be entered.
    fn visit_directory(&mut self, parent: usize, record: &Record) -> Result<Option<usize>, Error> {
        self.report.directories += 1;
        let path = self.path_of(parent, record);
        let first = record.raw.first_cluster(self.volume.kind());
        let (Some(_), Some(cluster)) = (
            self.claim(first, &path)?,
            self.volume.geometry.table.cluster(first),
        ) else {
            return Ok(None);
        };
        let level = self.nodes[parent].level + 1;
        if level > MOST_LEVELS {
            self.report.add(Finding::TooDeep { path });
            return Ok(None);
        }
        let place = Place::Chain(cluster);
        self.nodes.push(Node {
            place,
            name: record.name.clone(),
            parent: Some(parent),
            level,
        });
        Ok(Some(self.nodes.len() - 1))
    }

    /// Follows a chain and claims its clusters; how many they are, or `None` when that ends in a finding.
    fn claim(&mut self, first: u32, path: &Path) -> Result<Option<u32>, Error> {
        let table = self.volume.geometry.table;
        let found = |damage| Finding::Chain {
            path: path.clone(),
            damage,
        };
        let Some(first) = table.cluster(first) else {
            self.report.add(found(Damage::First { value: first }));
            return Ok(None);
        };
        let mut count = 0;
        let mut current = Some(first);
        while let Some(cluster) = current {
            if !self.owned.insert(cluster) {
                let number = cluster.number();
                let finding = if self.is_among(first, count, cluster)? {
                    found(Damage::Loop { cluster: number })
                } else {
                    Finding::CrossLinked {
                        path: path.clone(),
                        cluster: number,
                    }
                };
                self.report.add(finding);
                return Ok(None);
            }
            count += 1;
            current = match follow(&table, &mut self.volume.medium, cluster) {
                Ok(next) => next,
                Err(broken) => {
                    self.report.add(found(broken.damage()?));
                    return Ok(None);
                }
            };
        }
        Ok(Some(count))
    }

    /// Whether `wanted` is one of the `count` clusters from `first` on.
    fn is_among(&mut self, first: Cluster, count: u32, wanted: Cluster) -> Result<bool, Error> {
        let mut current = Some(first);
        for _ in 0..count {
            match current {
                Some(cluster) if cluster == wanted => return Ok(true),
                Some(cluster) => {
                    let next = follow(
                        &self.volume.geometry.table,
                        &mut self.volume.medium,
                        cluster,
                    );
                    current = next.or_else(|broken| broken.damage().map(|_| None))?;
                }
                None => break,
            }
        }
        Ok(false)
    }

    /// Finds the clusters in use that no chain has claimed.
    fn account(&mut self) -> Result<Chain, Error> {
        let table = self.volume.geometry.table;
        let mut unowned = Chain::default();
        let mut followers = ClusterSet::new(&table);
        let mut free = 0;
        let owned = &self.owned;
        table.scan(&mut self.volume.medium, table.numbers(), |cluster, link| {
            free += u32::from(link == Link::Free);
            if !matches!(link, Link::Free | Link::Bad) && !owned.contains(cluster) {
                unowned.push(cluster);
                if let Link::Next(next) = link {
                    followers.insert(next);
                }
            }
            ControlFlow::Continue(())
        })?;
        self.volume.space.count(free);
        let clusters = unowned.len();
        if clusters > 0 {
            let heads = unowned
                .clusters(&table)
                .filter(|&cluster| !followers.contains(cluster))
                .count();
            // A ring has no head.
            let chains = u32::try_from(heads).unwrap_or(clusters).max(1);
            self.report.add(Finding::Unowned { chains, clusters });
        }
        Ok(unowned)
    }

    /// Compares what the volume stores twice.
    fn compare(&mut self) -> Result<(), Error> {
        let sectors = wide(self.volume.differing_sectors()?.len());
        if sectors > 0 {
            self.report.add(Finding::TablesDiffer { sectors });
        }
        if let Some(stored) = self
            .volume
            .stored_free_count()?
            .and_then(|count| count.free)
        {
            let counted = self.volume.free_clusters()?;
            if stored != counted {
                self.report.add(Finding::FreeCount { stored, counted });
            }
        }
        if self.volume.is_dirty()? {
            self.report.add(Finding::Dirty);
        }
        Ok(())
    }

    fn path_of(&mut self, parent: usize, record: &Record) -> Path {
        let path = self.path(parent);
        let Some(name) = &record.name else {
            self.report.add(Finding::Nameless { path: path.clone() });
            return path;
        };
        path.join(name.clone())
    }

    fn path(&self, number: usize) -> Path {
        let mut names = Vec::new();
        let mut node = &self.nodes[number];
        while let Some(parent) = node.parent {
            names.extend(node.name.clone());
            node = &self.nodes[parent];
        }
        names.into_iter().rev().collect()
    }
}
