//! Which content a file has: [`Version`], told by its entry, so that nothing has to be read for it.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use crate::entry::RawEntry;
use crate::table::FatKind;

/// How many versions that ended are remembered.
const REMEMBERED: usize = 4096;

/// Tells one content of a file from another: two are the same as long as nobody has written the file. It stays what it is
/// when the volume is opened again; only of contents that began at the same cluster, with the same size and the same two
/// seconds, it does not know then that they are two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    identity: Identity,
    /// How many others there were that looked the same.
    before: u32,
}

/// What an entry says of its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Identity {
    first_cluster: u32,
    size: u32,
    modified: u32,
}

impl Identity {
    fn of(entry: &RawEntry, kind: FatKind) -> Self {
        Self {
            first_cluster: entry.first_cluster(kind),
            size: entry.size(),
            modified: entry.modified_words(),
        }
    }
}

/// A word of letters, digits and dashes.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Identity {
            first_cluster,
            size,
            modified,
        } = self.identity;
        write!(
            f,
            "{first_cluster:x}-{size:x}-{modified:x}-{:x}",
            self.before
        )
    }
}

/// The versions that ended since the volume was opened.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    ended: HashMap<Identity, u32>,
    /// In the order in which they ended first.
    order: VecDeque<Identity>,
}

impl Versions {
    /// The version that an entry is about.
    pub(crate) fn of(&self, entry: &RawEntry, kind: FatKind) -> Version {
        let identity = Identity::of(entry, kind);
        Version {
            identity,
            before: self.ended.get(&identity).copied().unwrap_or(0),
        }
    }

    /// The content that an entry is about is no file's any more.
    pub(crate) fn end(&mut self, entry: &RawEntry, kind: FatKind) {
        let identity = Identity::of(entry, kind);
        let count = self.ended.entry(identity).or_insert_with(|| {
            self.order.push_back(identity);
            0
        });
        *count += 1;
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Kind;
    use crate::short_name::ShortName;
    use crate::timestamp::Timestamp;

    #[test]
    fn a_content_that_looks_like_one_that_ended_is_another_version() {
        let mut versions = Versions::default();
        let entry = |size| {
            let mut entry = RawEntry::new(Kind::File, ShortName::DOT, Timestamp::EARLIEST);
            entry.set_size(size);
            entry
        };
        let of = |versions: &Versions, size| versions.of(&entry(size), FatKind::Fat12).to_string();
        let first = of(&versions, 5);
        assert_ne!(first, of(&versions, 6));
        assert_eq!(first, of(&versions, 5));
        versions.end(&entry(5), FatKind::Fat12);
        let second = of(&versions, 5);
        assert_ne!(first, second);
        // What is remembered is bounded.
        for size in 10..10 + u32::try_from(REMEMBERED).unwrap() {
            versions.end(&entry(size), FatKind::Fat12);
        }
        assert_eq!(versions.ended.len(), REMEMBERED);
        assert_eq!(versions.order.len(), REMEMBERED);
    }
}
