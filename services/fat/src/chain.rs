//! The clusters of one file in their order: [`Chain`], and how it is followed on a medium that may lie.

use std::io;
use std::ops::Range;

use crate::boot_sector::Geometry;
use crate::device::SectorDevice;
use crate::error::{Damage, Error};
use crate::medium::Medium;
use crate::path::Path;
use crate::table::{Cluster, Link, Table};
use crate::transaction::Transaction;

/// Clusters that follow each other on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: Cluster,
    pub(crate) count: u32,
}

impl Run {
    /// Whether `cluster` is the one behind the run.
    pub(crate) fn is_followed_by(self, cluster: Cluster) -> bool {
        cluster.number() == self.first.number() + self.count
    }
}

/// The clusters of a file or directory, as runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Chain {
    runs: Vec<Run>,
}

/// What stops a walk along a chain.
#[derive(Debug)]
pub(crate) enum Broken {
    Damage(Damage),
    Device(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Device(error)
    }
}

impl Broken {
    /// The error for the person who asked for `path`.
    pub(crate) fn at(self, path: &Path) -> Error {
        match self {
            Self::Damage(what) => Error::Damaged {
                path: path.clone(),
                what,
            },
            Self::Device(error) => Error::Device(error),
        }
    }

    /// The damage; a failing device is an error of its own.
    pub(crate) fn damage(self) -> io::Result<Damage> {
        match self {
            Self::Damage(what) => Ok(what),
            Self::Device(error) => Err(error),
        }
    }
}

/// The cluster behind `cluster`; `None` at the end of the chain.
pub(crate) fn follow<D: SectorDevice>(
    table: &Table,
    medium: &mut Medium<D>,
    cluster: Cluster,
) -> Result<Option<Cluster>, Broken> {
    let number = cluster.number();
    match table.link(medium, cluster)? {
        Link::Next(next) => Ok(Some(next)),
        Link::End => Ok(None),
        Link::Free => Err(Broken::Damage(Damage::Free { cluster: number })),
        Link::Bad => Err(Broken::Damage(Damage::Bad { cluster: number })),
        Link::Invalid(value) => Err(Broken::Damage(Damage::OutOfRange {
            cluster: number,
            value,
        })),
    }
}

impl Chain {
    /// Follows a chain to its end. A loop is noticed (Brent's algorithm) before it was gone round three times.
    pub(crate) fn load<D: SectorDevice>(
        table: &Table,
        medium: &mut Medium<D>,
        first: Cluster,
    ) -> Result<Self, Broken> {
        let mut chain = Self::default();
        chain.push(first);
        let (mut landmark, mut steps, mut limit) = (first, 0_u32, 1_u32);
        let mut current = first;
        while let Some(next) = follow(table, medium, current)? {
            if next == landmark {
                return Err(Broken::Damage(Damage::Loop {
                    cluster: next.number(),
                }));
            }
            steps += 1;
            if steps == limit {
                (landmark, steps, limit) = (next, 0, limit.saturating_mul(2));
            }
            chain.push(next);
            current = next;
        }
        Ok(chain)
    }

    pub(crate) fn push(&mut self, cluster: Cluster) {
        match self.runs.last_mut() {
            Some(run) if run.is_followed_by(cluster) => run.count += 1,
            _ => self.runs.push(Run {
                first: cluster,
                count: 1,
            }),
        }
    }

    pub(crate) fn from_runs(runs: Vec<Run>) -> Self {
        Self { runs }
    }

    pub(crate) fn first(&self) -> Option<Cluster> {
        self.runs.first().map(|run| run.first)
    }

    /// Its first `count` clusters, or all, and the rest.
    pub(crate) fn split(&self, count: u32, table: &Table) -> (Self, Self) {
        let (mut front, mut rest) = (Self::default(), Self::default());
        for (number, cluster) in (0..).zip(self.clusters(table)) {
            let part = if number < count {
                &mut front
            } else {
                &mut rest
            };
            part.push(cluster);
        }
        (front, rest)
    }

    /// The number behind its last cluster.
    pub(crate) fn end(&self) -> Option<u32> {
        self.runs.last().map(|run| run.first.number() + run.count)
    }

    pub(crate) fn len(&self) -> u32 {
        self.runs.iter().map(|run| run.count).sum()
    }

    /// Its clusters in their order.
    pub(crate) fn clusters<'a>(&'a self, table: &'a Table) -> impl Iterator<Item = Cluster> + 'a {
        self.runs.iter().flat_map(|run| {
            let first = run.first.number();
            (first..first + run.count).filter_map(|number| table.cluster(number))
        })
    }

    /// Its sectors in their order.
    pub(crate) fn extents(&self, geometry: &Geometry) -> Vec<Range<u64>> {
        self.runs
            .iter()
            .map(|run| geometry.extent(run.first, run.count))
            .collect()
    }

    /// Writes the chain into the table, with its end.
    pub(crate) fn stage<D: SectorDevice>(
        &self,
        table: &Table,
        medium: &mut Medium<D>,
        transaction: &mut Transaction<'_>,
    ) -> io::Result<()> {
        let mut clusters = self.clusters(table).peekable();
        while let Some(cluster) = clusters.next() {
            let link = clusters.peek().map_or(Link::End, |&next| Link::Next(next));
            table.set(medium, transaction, cluster, link)?;
        }
        Ok(())
    }

    /// Frees all its clusters in the table.
    pub(crate) fn stage_release<D: SectorDevice>(
        &self,
        table: &Table,
        medium: &mut Medium<D>,
        transaction: &mut Transaction<'_>,
    ) -> io::Result<()> {
        self.clusters(table)
            .try_for_each(|cluster| table.set(medium, transaction, cluster, Link::Free))
    }
}
