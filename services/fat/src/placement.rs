//! Changes to a directory's slots: where a new set of entries goes, and in which order its sectors are written.
//!
//! A new name appears with the sector of its short entry, which is written last; a name goes with the sector of
//! its short entry, which is written first. Sectors behind the end mark may hold anything: they are cleared
//! before the end mark moves in front of them.

use std::ops::Range;

use crate::device::SECTOR_SIZE;
use crate::directory::{Directory, MOST_SLOTS, SLOTS_PER_SECTOR};
use crate::entry::{DELETED, RawEntry, SLOT};
use crate::medium::Sector;
use crate::transaction::Transaction;

/// Where a set of entries goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) slots: Range<usize>,
    /// How many clusters the directory must grow by first.
    pub(crate) growth: usize,
}

impl Directory {
    /// A place for `count` slots: within one sector if there is one, then across sectors, then behind the end
    /// of a directory that grows by clusters of `slots_per_cluster`. `None` when it can hold no more.
    pub(crate) fn place(&self, count: usize, slots_per_cluster: usize) -> Option<Placement> {
        let free = self.free_runs();
        let within_sector = free
            .iter()
            .find_map(|run| fit_in_sector(run, count, self.end));
        let across = || {
            free.iter()
                .find(|run| run.len() >= count)
                .map(|run| run.start)
        };
        if let Some(start) = within_sector.or_else(across) {
            return Some(Placement {
                slots: start..start + count,
                growth: 0,
            });
        }
        self.last_cluster?;
        let capacity = self.capacity();
        let start = free
            .last()
            .filter(|run| run.end == capacity)
            .map_or(capacity, |run| run.start);
        let slots = start..start + count;
        let growth = (slots.end - capacity).div_ceil(slots_per_cluster);
        (capacity + growth * slots_per_cluster <= MOST_SLOTS).then_some(Placement { slots, growth })
    }

    /// A place for `count` slots in the one sector that holds all of `old`, whose slots become free.
    pub(crate) fn place_instead(&self, old: &Range<usize>, count: usize) -> Option<Range<usize>> {
        let sector = old.start / SLOTS_PER_SECTOR;
        if sector != (old.end - 1) / SLOTS_PER_SECTOR {
            return None;
        }
        let bounds = sector * SLOTS_PER_SECTOR..(sector + 1) * SLOTS_PER_SECTOR;
        let is_free = |slot: usize| slot >= self.end || old.contains(&slot) || !self.in_use[slot];
        let start = bounds
            .clone()
            .find(|&start| start + count <= bounds.end && (start..start + count).all(is_free))?;
        (start <= self.end).then_some(start..start + count)
    }

    /// Takes in new sectors at its end, which are zeros on the medium when the entries are written.
    pub(crate) fn grow(&mut self, sectors: Range<u64>) {
        // With the end mark missing, the first new slot is it.
        self.sectors.extend(sectors);
    }

    /// Stages a set of entries, `set` as long as `slots`, a phase for each of its sectors; the short entry's is left
    /// open.
    pub(crate) fn stage_set(
        &mut self,
        transaction: &mut Transaction<'_>,
        slots: &Range<usize>,
        set: &[RawEntry],
    ) {
        debug_assert_eq!(slots.len(), set.len(), "a set fills its slots");
        let (first, last) = (
            slots.start / SLOTS_PER_SECTOR,
            (slots.end - 1) / SLOTS_PER_SECTOR,
        );
        if slots.end > self.end {
            let behind_mark = first.max(self.end / SLOTS_PER_SECTOR) + 1;
            let touched = slots.end / SLOTS_PER_SECTOR + 1;
            for &sector in self.sectors.iter().take(touched).skip(behind_mark) {
                transaction.put(sector, Sector::ZERO);
            }
            transaction.then();
            self.end = slots.end;
            self.in_use.resize(self.end, false);
        }
        self.in_use[slots.clone()].fill(true);
        let loaded = (last + 1) * SECTOR_SIZE;
        if self.content.len() < loaded {
            self.content.resize(loaded, 0);
        }
        for (slot, entry) in slots.clone().zip(set) {
            self.content[slot * SLOT..][..SLOT].copy_from_slice(entry.bytes());
        }
        for sector in first..last {
            self.stage_sector(transaction, sector);
            transaction.then();
        }
        self.stage_sector(transaction, last);
    }

    /// Marks slots as deleted without staging them.
    pub(crate) fn clear(&mut self, slots: &Range<usize>) {
        for slot in slots.clone() {
            self.content[slot * SLOT] = DELETED;
            self.in_use[slot] = false;
        }
    }

    /// Stages the removal of a set of entries: the sector of the short entry first.
    pub(crate) fn stage_removal(
        &mut self,
        transaction: &mut Transaction<'_>,
        slots: &Range<usize>,
    ) {
        self.clear(slots);
        let (first, last) = (
            slots.start / SLOTS_PER_SECTOR,
            (slots.end - 1) / SLOTS_PER_SECTOR,
        );
        self.stage_sector(transaction, last);
        transaction.then();
        (first..last).for_each(|sector| self.stage_sector(transaction, sector));
        transaction.then();
    }

    /// Stages a changed entry in its own slot: one sector.
    pub(crate) fn stage_entry(
        &mut self,
        transaction: &mut Transaction<'_>,
        slot: usize,
        entry: &RawEntry,
    ) {
        self.content[slot * SLOT..][..SLOT].copy_from_slice(entry.bytes());
        self.stage_sector(transaction, slot / SLOTS_PER_SECTOR);
    }

    fn stage_sector(&self, transaction: &mut Transaction<'_>, sector: usize) {
        let content = &self.content[sector * SECTOR_SIZE..][..SECTOR_SIZE];
        transaction.put(self.sectors[sector], Sector::from_slice(content));
    }

    /// Runs of free slots; the last one takes in all behind the end mark.
    fn free_runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        let free = (0..self.end)
            .filter(|&slot| !self.in_use[slot])
            .chain(self.end..self.capacity());
        for slot in free {
            match runs.last_mut() {
                Some(run) if run.end == slot => run.end += 1,
                _ => runs.push(slot..slot + 1),
            }
        }
        runs
    }
}

/// The first place in a free run for `count` slots of one sector that does not begin behind the end mark.
fn fit_in_sector(run: &Range<usize>, count: usize, end: usize) -> Option<usize> {
    let mut start = run.start;
    while start + count <= run.end && start <= end {
        let sector_end = (start / SLOTS_PER_SECTOR + 1) * SLOTS_PER_SECTOR;
        if start + count <= sector_end {
            return Some(start);
        }
        start = sector_end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boot_sector::Geometry;
    use crate::boot_sector::Place;
    use crate::boot_sector::tests::pico;

    /// A directory of `sectors` sectors in whose slots `X` is in use, `.` deleted, and the end mark behind them.
    fn directory(sectors: u64, slots: &str) -> Directory {
        let table = Geometry::parse(&pico(), 2047).unwrap().table;
        let first = table.cluster(2).unwrap();
        Directory {
            place: Place::Chain(first),
            sectors: (100..100 + sectors).collect(),
            last_cluster: Some(first),
            content: vec![0; slots.len().next_multiple_of(SLOTS_PER_SECTOR) * SLOT],
            end: slots.len(),
            in_use: slots.chars().map(|slot| slot == 'X').collect(),
            records: Vec::new(),
            dots: [None, None],
            stray_parts: 0,
        }
    }

    fn placed(directory: &Directory, count: usize) -> (Range<usize>, usize) {
        let placement = directory.place(count, 16).unwrap();
        (placement.slots, placement.growth)
    }

    #[test]
    fn deleted_slots_are_used_again() {
        let directory = directory(1, "XX.X..XX...X");
        assert_eq!(placed(&directory, 1), (2..3, 0));
        assert_eq!(placed(&directory, 2), (4..6, 0));
        assert_eq!(placed(&directory, 3), (8..11, 0));
        assert_eq!(placed(&directory, 4), (12..16, 0));
    }

    #[test]
    fn a_run_within_one_sector_goes_before_one_across_two() {
        let slots = format!("{}..{}XX...X", "X".repeat(14), "..XXXX");
        assert_eq!(placed(&directory(2, &slots), 3), (24..27, 0));
        assert_eq!(placed(&directory(2, &slots), 4), (28..32, 0));
        assert_eq!(placed(&directory(2, &slots[..26]), 6), (24..30, 0));
    }

    #[test]
    fn nothing_is_placed_behind_a_gap_after_the_end_mark() {
        // Slots 14 and 15 are behind the end mark; a set in the next sector alone would not be seen.
        assert_eq!(placed(&directory(2, &"X".repeat(14)), 3), (14..17, 0));
        assert_eq!(placed(&directory(2, &"X".repeat(16)), 3), (16..19, 0));
    }

    #[test]
    fn a_full_directory_grows_unless_it_is_the_fixed_root() {
        assert_eq!(placed(&directory(1, &"X".repeat(16)), 3), (16..19, 1));
        assert_eq!(placed(&directory(1, &"X".repeat(14)), 21), (14..35, 2));
        let mut root = directory(1, &"X".repeat(16));
        root.last_cluster = None;
        assert_eq!(root.place(1, 16), None);
        assert_eq!(directory(4096, &"X".repeat(MOST_SLOTS)).place(1, 16), None);
    }

    #[test]
    fn a_new_name_takes_the_place_of_the_old_one_in_its_sector() {
        let full = directory(2, &"X".repeat(32));
        assert_eq!(full.place_instead(&(4..7), 3), Some(4..7));
        assert_eq!(full.place_instead(&(4..7), 2), Some(4..6));
        assert_eq!(full.place_instead(&(4..7), 4), None);
        assert_eq!(full.place_instead(&(14..18), 2), None);
        assert_eq!(directory(1, "XXXXX").place_instead(&(2..5), 9), Some(2..11));
    }
}
