//! Which content a file has: [`Version`], told by its entry, so that nothing has to be read for it.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use crate::entry::RawEntry;
use crate::table::FatKind;
use crate::timestamp::Timestamp;

/// Times of two contents are told apart by the other time where the earlier one is so many seconds ahead at most. A client
/// that gives a file an older time on purpose has it.
const CLOSE: u64 = 60;

/// How many versions that ended are remembered.
const REMEMBERED: usize = 4096;

/// Tells one content of a file from another, also when the volume is opened again. Two contents that a [`Volume`] saves
/// over one another never have the same. Those of a file that was deleted and of one that is made later may, if their saver
/// says that they are of the same two seconds, and the volume was opened anew in between. What others write over a file
/// without another size and time is not told from what it held before.
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

    /// Gives an entry with a new content the first time from this one on that makes it a version of its own. A content
    /// that takes the place of one of the same time, as that was told, or of one that was given a later time for its sake,
    /// is later than it: whoever opens the volume next does not know which versions ended.
    pub(crate) fn date(
        &self,
        entry: &mut RawEntry,
        kind: FatKind,
        modified: Timestamp,
        before: Option<Timestamp>,
    ) {
        let is_close = |before: &Timestamp| {
            let ahead = before.unix_seconds().checked_sub(modified.unix_seconds());
            ahead.is_some_and(|ahead| ahead <= CLOSE)
        };
        let after = before.filter(is_close).and_then(Timestamp::next);
        let mut time = after.unwrap_or(modified);
        entry.set_modified(time);
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
            ended.date(&mut new, FatKind::Fat12, Timestamp::EARLIEST, None);
            let later = Timestamp::EARLIEST.unix_seconds() + 2 * n;
            assert_eq!(new.modified().unix_seconds(), later);
            assert!(versions.insert(of(&new)), "{new:?}");
            ended.add(&new, FatKind::Fat12);
        }
        let mut other = entry(6);
        ended.date(&mut other, FatKind::Fat12, Timestamp::EARLIEST, None);
        assert_eq!(other.modified(), Timestamp::EARLIEST);
    }

    #[test]
    fn a_content_is_later_than_the_one_whose_place_it_takes() {
        let ended = EndedVersions::default();
        let dated = |modified, before| {
            let mut new = entry(5);
            let [modified, before] = [modified, before].map(Timestamp::from_unix_seconds);
            ended.date(&mut new, FatKind::Fat12, modified, Some(before));
            new.modified().unix_seconds()
        };
        let now = 1_700_000_000;
        assert_eq!(dated(now, now), now + 2);
        assert_eq!(dated(now, now + 2), now + 4);
        assert_eq!(dated(now, now - 2), now);
        assert_eq!(dated(now, now + 3600), now, "on purpose");
    }

    #[test]
    fn at_the_end_of_time_there_is_no_later_one() {
        let mut ended = EndedVersions::default();
        for _ in 0..2 {
            let mut last = entry(5);
            ended.date(&mut last, FatKind::Fat12, Timestamp::LATEST, None);
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
