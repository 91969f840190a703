//! Which content a file has: [`Version`], told by its entry, so that nothing has to be read for it.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use crate::entry::RawEntry;
use crate::table::FatKind;
use crate::timestamp::Timestamp;

/// How many versions that ended are remembered.
const REMEMBERED: usize = 4096;

/// Tells one content of a file from another, also when the volume is opened again. Two contents that a [`Volume`] saves
/// never have the same, unless their saver says that they are of the same two seconds, and the volume was opened anew in
/// between. What others write over a file without another size and time is not told from what it held before.
///
/// [`Volume`]: crate::Volume
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version {
    first_cluster: u32,
    size: u32,
    modified: u32,
}

impl Version {
    /// The version that an entry is about.
    pub(crate) fn of(entry: &RawEntry, kind: FatKind) -> Self {
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
        let Self {
            first_cluster,
            size,
            modified,
        } = self;
        write!(f, "{first_cluster:x}-{size:x}-{modified:x}")
    }
}

/// The versions that ended since the volume was opened.
#[derive(Debug, Default)]
pub(crate) struct EndedVersions {
    known: HashSet<Version>,
    /// In the order in which they ended.
    order: VecDeque<Version>,
}

impl EndedVersions {
    /// The content that an entry is about is no file's any more.
    pub(crate) fn add(&mut self, entry: &RawEntry, kind: FatKind) {
        let version = Version::of(entry, kind);
        if self.known.insert(version) {
            self.order.push_back(version);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Gives an entry with a new content the first time from this one on that makes it a version of its own.
    pub(crate) fn date(&self, entry: &mut RawEntry, kind: FatKind, modified: Timestamp) {
        entry.set_modified(modified);
        let mut time = modified;
        while self.known.contains(&Version::of(entry, kind))
            && let Some(next) = time.next()
        {
            time = next;
            entry.set_modified(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Kind;
    use crate::short_name::ShortName;

    fn entry(size: u32) -> RawEntry {
        let mut entry = RawEntry::new(Kind::File, ShortName::DOT, Timestamp::EARLIEST);
        entry.set_size(size);
        entry
    }

    fn of(entry: &RawEntry) -> String {
        Version::of(entry, FatKind::Fat12).to_string()
    }

    #[test]
    fn a_content_that_looks_like_one_that_ended_has_a_later_time() {
        let mut ended = EndedVersions::default();
        assert_ne!(of(&entry(5)), of(&entry(6)));
        let mut versions = HashSet::new();
        for n in 0..10 {
            let mut new = entry(5);
            ended.date(&mut new, FatKind::Fat12, Timestamp::EARLIEST);
            let later = Timestamp::EARLIEST.unix_seconds() + 2 * n;
            assert_eq!(new.modified().unix_seconds(), later);
            assert!(versions.insert(of(&new)), "{new:?}");
            ended.add(&new, FatKind::Fat12);
        }
        let mut other = entry(6);
        ended.date(&mut other, FatKind::Fat12, Timestamp::EARLIEST);
        assert_eq!(other.modified(), Timestamp::EARLIEST);
    }

    #[test]
    fn at_the_end_of_time_there_is_no_later_one() {
        let mut ended = EndedVersions::default();
        for _ in 0..2 {
            let mut last = entry(5);
            ended.date(&mut last, FatKind::Fat12, Timestamp::LATEST);
            assert_eq!(last.modified(), Timestamp::LATEST);
            ended.add(&last, FatKind::Fat12);
        }
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut ended = EndedVersions::default();
        for size in 0..=u32::try_from(REMEMBERED).unwrap() {
            ended.add(&entry(size), FatKind::Fat12);
            ended.add(&entry(size), FatKind::Fat12);
        }
        assert_eq!(ended.known.len(), REMEMBERED);
        assert_eq!(ended.order.len(), REMEMBERED);
    }
}
