//! Free clusters: [`FreeSpace`], how many there are and where to look for them, and the choice of new ones.

use std::collections::HashSet;
use std::ops::ControlFlow;

use crate::chain::{Chain, Run};
use crate::device::SectorDevice;
use crate::error::Error;
use crate::path::Path;
use crate::table::{Cluster, Link, Table};
use crate::volume::Volume;

/// What is known of a volume's free clusters.
#[derive(Debug, Clone)]
pub(crate) struct FreeSpace {
    /// How many there are, once they were counted.
    free: Option<u32>,
    /// Where to begin looking: behind what was taken last, so that the flash wears evenly.
    next: u32,
}

impl FreeSpace {
    pub(crate) fn new() -> Self {
        Self {
            free: None,
            next: Table::FIRST,
        }
    }

    pub(crate) fn begin_at(&mut self, next: u32) {
        self.next = next;
    }

    pub(crate) fn forget(&mut self) {
        self.free = None;
    }

    /// Notes how many were counted.
    pub(crate) fn count(&mut self, free: u32) {
        self.free = Some(free);
    }

    pub(crate) fn free(&self) -> Option<u32> {
        self.free
    }

    pub(crate) fn next(&self) -> u32 {
        self.next
    }

    /// What will be known when `taken` are in use and `released` are free.
    pub(crate) fn after(&self, taken: &[&Chain], released: &[&Chain]) -> Self {
        let count = |chains: &[&Chain]| chains.iter().map(|chain| chain.len()).sum::<u32>();
        let free = self
            .free
            .map(|free| (free + count(released)).saturating_sub(count(taken)));
        let next = taken
            .iter()
            .rev()
            .find_map(|chain| chain.end())
            .unwrap_or(self.next);
        Self { free, next }
    }
}

impl<D: SectorDevice> Volume<D> {
    /// How many clusters are free. Reads the whole table the first time.
    pub(crate) fn free_clusters(&mut self) -> Result<u32, Error> {
        if let Some(free) = self.space.free {
            return Ok(free);
        }
        let mut free = 0;
        let table = self.geometry.table;
        table.scan(&mut self.medium, table.numbers(), |_, link| {
            free += u32::from(link == Link::Free);
            ControlFlow::Continue(())
        })?;
        self.space.count(free);
        Ok(free)
    }

    /// Chooses `count` free clusters: one run if there is one, as few as possible otherwise. `except` are
    /// spoken for.
    pub(crate) fn choose(
        &mut self,
        count: u32,
        except: &Chain,
        path: &Path,
    ) -> Result<Chain, Error> {
        if count == 0 {
            return Ok(Chain::default());
        }
        let table = self.geometry.table;
        let except: HashSet<_> = except.clusters(&table).collect();
        let mut runs: Vec<Run> = Vec::new();
        self.scan_from_next(|cluster, link| {
            if link != Link::Free || except.contains(&cluster) {
                return ControlFlow::Continue(());
            }
            match runs.last_mut() {
                Some(run) if run.is_followed_by(cluster) => run.count += 1,
                _ => runs.push(Run {
                    first: cluster,
                    count: 1,
                }),
            }
            match runs.last() {
                Some(run) if run.count == count => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        })?;
        if let Some(&run) = runs.last().filter(|run| run.count == count) {
            return Ok(Chain::from_runs(vec![run]));
        }
        let free = runs.iter().map(|run| run.count).sum();
        if free < count {
            return Err(self.no_space(count, free, path));
        }
        Ok(Chain::from_runs(fewest(runs, count)))
    }

    /// Chooses a cluster to be appended to a directory whose last one is `last`, or to begin one. A cluster whose
    /// table entry lies in two sectors is avoided: a directory that ends there could not grow in one write.
    pub(crate) fn choose_for_directory(
        &mut self,
        last: Option<Cluster>,
        except: &Chain,
    ) -> Result<Option<Cluster>, Error> {
        let table = self.geometry.table;
        let except: HashSet<_> = except.clusters(&table).collect();
        let (mut any, mut best) = (None, None);
        self.scan_from_next(|cluster, link| {
            if link != Link::Free || except.contains(&cluster) {
                return ControlFlow::Continue(());
            }
            any = any.or(Some(cluster));
            if last.is_none_or(|last| table.can_append(last, cluster)) {
                best = best.or(Some(cluster));
                if !table.is_split(cluster) {
                    best = Some(cluster);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(best.or(any))
    }

    /// Scans the table from where the last cluster was taken, and round.
    fn scan_from_next(
        &mut self,
        mut visit: impl FnMut(Cluster, Link) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let table = self.geometry.table;
        let all = table.numbers();
        let next = if all.contains(&self.space.next) {
            self.space.next
        } else {
            all.start
        };
        let mut found = false;
        for part in [next..all.end, all.start..next] {
            if !found {
                table.scan(&mut self.medium, part, |cluster, link| {
                    let flow = visit(cluster, link);
                    found = flow.is_break();
                    flow
                })?;
            }
        }
        Ok(())
    }
}

/// The longest runs that make up `count` clusters, in the order in which they lie.
fn fewest(mut runs: Vec<Run>, count: u32) -> Vec<Run> {
    runs.sort_by_key(|run| std::cmp::Reverse(run.count));
    let mut left = count;
    let mut chosen = Vec::new();
    for mut run in runs {
        if left == 0 {
            break;
        }
        run.count = run.count.min(left);
        left -= run.count;
        chosen.push(run);
    }
    chosen.sort_by_key(|run| run.first);
    chosen
}
