//! What flash memory erases at once: [`EraseBlock`]. A cut may take neighbours of the sector that was being written.
//!
//! The flash of boards erases 4 KiB (sector erase, command 20h of serial NOR flash), and a board's volume begins where
//! that flash does: the partition table before it is made up (`PART1_START_BLOCK` in `CircuitPython`'s
//! `supervisor/shared/flash.c`). So blocks are counted from the volume's first sector.

use std::ops::Range;

/// Sectors of an erase block.
const SECTORS: u64 = 8;

/// A block, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EraseBlock(u64);

impl EraseBlock {
    /// The one that a sector lies in.
    pub(crate) fn of(sector: u64) -> Self {
        Self(sector / SECTORS)
    }

    /// Its sectors.
    pub(crate) fn sectors(self) -> Range<u64> {
        self.0 * SECTORS..(self.0 + 1) * SECTORS
    }
}

/// Ascending numbers as runs of at most `longest`.
pub(crate) fn runs(
    numbers: impl IntoIterator<Item = u64>,
    longest: usize,
) -> impl Iterator<Item = Range<u64>> {
    let mut numbers = numbers.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = numbers.next()?;
        let mut end = first + 1;
        while end - first < longest as u64 && numbers.next_if_eq(&end).is_some() {
            end += 1;
        }
        Some(first..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_as_long_as_they_may_be() {
        let runs: Vec<_> = runs([1, 2, 3, 4, 7, 9, 10], 3).collect();
        assert_eq!(runs, [1..4, 4..5, 7..8, 9..11]);
    }
}
