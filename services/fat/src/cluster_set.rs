//! A set of a volume's clusters, one bit each: [`ClusterSet`].

use crate::numbers::index;
use crate::table::{Cluster, Table};

#[derive(Debug)]
pub(crate) struct ClusterSet {
    words: Vec<u64>,
}

impl ClusterSet {
    pub(crate) fn new(table: &Table) -> Self {
        Self {
            words: vec![0; index(table.numbers().end).div_ceil(64)],
        }
    }

    pub(crate) fn contains(&self, cluster: Cluster) -> bool {
        let (word, bit) = Self::locate(cluster);
        self.words[word] & bit != 0
    }

    /// Whether it was new.
    pub(crate) fn insert(&mut self, cluster: Cluster) -> bool {
        let (word, bit) = Self::locate(cluster);
        let is_new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        is_new
    }

    fn locate(cluster: Cluster) -> (usize, u64) {
        (index(cluster.number() / 64), 1 << (cluster.number() % 64))
    }
}
