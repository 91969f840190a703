//! What a check can find: [`Finding`], each one a sentence, and the [`Report`] of all of them.

use crate::error::Damage;
use crate::path::Path;

/// Something on a volume that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A chain of clusters cannot be followed, or is not as long as the size says.
    #[error("{path}: {damage}")]
    Chain {
        /// The file or directory that owns it.
        path: Path,
        /// What is wrong with it.
        damage: Damage,
    },
    /// A chain runs into one that something else owns.
    #[error("{path} shares cluster {cluster} with something else")]
    CrossLinked {
        /// The one that was found second.
        path: Path,
        /// The first cluster that they share.
        cluster: u32,
    },
    /// A directory's `.` or `..` leads elsewhere.
    #[error("{path}: its entries for itself and its parent are wrong")]
    Dots {
        /// The directory.
        path: Path,
    },
    /// An entry whose names no path can hold.
    #[error("{path} holds an entry whose name is not readable")]
    Nameless {
        /// The directory that holds it.
        path: Path,
    },
    /// Two entries that one name means.
    #[error("{path} exists twice")]
    Duplicate {
        /// Their path.
        path: Path,
    },
    /// A directory that lies deeper than anybody would put it.
    #[error("{path} lies too deep to be looked into")]
    TooDeep {
        /// The directory.
        path: Path,
    },
    /// Parts of long names without their entry. Readers skip them; new names use their room.
    #[error("{path} holds {parts} leftover parts of long names")]
    StrayLongName {
        /// The directory that holds them.
        path: Path,
        /// How many slots they take.
        parts: usize,
    },
    /// Clusters that are in use and that nothing owns, as an interrupted change leaves them.
    #[error("{chains} chains of {clusters} clusters in all belong to no file")]
    Unowned {
        /// How many chains they make up.
        chains: u32,
        /// How many clusters.
        clusters: u32,
    },
    /// The free count of FAT32 is wrong.
    #[error("the volume says that {stored} clusters are free, and {counted} are")]
    FreeCount {
        /// What is stored.
        stored: u32,
        /// What the table says.
        counted: u32,
    },
    /// The second allocation table is not like the first one.
    #[error("the two allocation tables differ in {sectors} sectors")]
    TablesDiffer {
        /// Sectors that are not alike.
        sectors: u64,
    },
    /// The volume says itself that it was not put away properly.
    #[error("the volume is marked as not properly closed")]
    Dirty,
}

impl Finding {
    /// Whether a change of this crate's that was cut off leaves this without a journal. No file is the worse for it.
    pub fn is_leftover(&self) -> bool {
        matches!(
            self,
            Self::Unowned { .. } | Self::StrayLongName { .. } | Self::FreeCount { .. }
        )
    }

    /// Whether all files and directories are whole in spite of it.
    pub fn is_harmless(&self) -> bool {
        match self {
            // A writer that was interrupted before it noted the size leaves a chain that is too long.
            Self::Chain {
                damage: Damage::TooLong { .. },
                ..
            }
            | Self::Duplicate { .. }
            | Self::StrayLongName { .. }
            | Self::Unowned { .. }
            | Self::FreeCount { .. }
            | Self::TablesDiffer { .. }
            | Self::Dirty => true,
            Self::Chain { .. }
            | Self::CrossLinked { .. }
            | Self::Dots { .. }
            | Self::Nameless { .. }
            | Self::TooDeep { .. } => false,
        }
    }
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What is not as it should be, at most [`Report::MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub omitted: u64,
    /// Files that were seen.
    pub files: u64,
    /// Directories that were seen, the root not counted.
    pub directories: u64,
}

impl Report {
    /// How many findings are kept. On a drive that has more, nobody reads them.
    pub const MOST_FINDINGS: usize = 100;

    /// Whether nothing at all was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// The first finding that means damage to a file or directory.
    pub fn damage(&self) -> Option<&Finding> {
        self.findings.iter().find(|finding| !finding.is_harmless())
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        // Damage must not go unmentioned because of harmless findings before it.
        if self.findings.len() < Self::MOST_FINDINGS {
            self.findings.push(finding);
            return;
        }
        self.omitted += 1;
        if !finding.is_harmless()
            && let Some(harmless) = self
                .findings
                .iter_mut()
                .rev()
                .find(|finding| finding.is_harmless())
        {
            *harmless = finding;
        }
    }
}
