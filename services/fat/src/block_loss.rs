//! Whether an erase block looks as a loss of power leaves it: [`is_loss`]. Somebody else's writes look otherwise.
//!
//! Flash memory erases a block to ones and then programs its pages in order, which turns ones into zeros. Cut short,
//! that leaves pages as they should be, then one that still has ones too many, then blank ones; or, in the middle of
//! the erasing, nothing as it should be. A cable that is pulled tears one sector at most. Who writes a file changes
//! some sectors here and there, each to something that makes sense.

use crate::medium::Sector;

/// What flash memory programs at once.
const PAGE: usize = 256;

/// A sector of the block: what it holds now, and what it may hold, which is one thing, or two while it is written.
pub(crate) struct Story<'s> {
    pub(crate) now: &'s Sector,
    pub(crate) may_be: Vec<&'s Sector>,
}

/// Whether these sectors of one block, in their order, with those left out that may hold anything, are lost as a whole,
/// or one of them is torn.
pub(crate) fn is_loss(sectors: &[Story<'_>]) -> bool {
    is_torn(sectors) || is_lost(sectors)
}

/// Whether one sector begins as one of the things that it may be and ends as another.
fn is_torn(sectors: &[Story<'_>]) -> bool {
    let mut wrong = sectors.iter().filter(|sector| !sector.is_right());
    let (Some(torn), None) = (wrong.next(), wrong.next()) else {
        return false;
    };
    let [old, new] = torn.may_be[..] else {
        return false;
    };
    let (now, old, new) = (torn.now.bytes(), old.bytes(), new.bytes());
    let written = now.iter().zip(new).take_while(|(now, new)| now == new);
    let at = written.count();
    now[at..] == old[at..]
}

/// Whether the block was being erased, or programmed anew.
fn is_lost(sectors: &[Story<'_>]) -> bool {
    let pages: Vec<Page> = sectors.iter().flat_map(Story::pages).collect();
    if !pages.contains(&Page::Right) {
        return true;
    }
    let programmed = pages.iter().take_while(|&&page| page != Page::Wrong);
    let programmed = programmed.take_while(|&&page| page == Page::Right).count();
    let mut rest = pages[programmed..].iter().peekable();
    rest.next_if(|&&page| page == Page::HalfProgrammed);
    rest.all(|&page| matches!(page, Page::Blank | Page::RightAndBlank))
}

/// What a page is compared with what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Page {
    Right,
    /// It should be blank.
    RightAndBlank,
    Blank,
    /// It has all the ones that it should have, and more.
    HalfProgrammed,
    Wrong,
}

impl Story<'_> {
    fn is_right(&self) -> bool {
        let mut right = self.may_be.iter();
        right.any(|sector| sector.bytes() == self.now.bytes())
    }

    fn pages(&self) -> impl Iterator<Item = Page> + '_ {
        let now = self.now.bytes().chunks(PAGE).enumerate();
        now.map(|(number, now)| {
            let right = self.may_be.iter();
            let mut right = right.map(|sector| &sector.bytes()[number * PAGE..][..PAGE]);
            let is_blank = now.iter().all(|&byte| byte == 0xFF);
            match (right.clone().any(|right| right == now), is_blank) {
                (true, true) => Page::RightAndBlank,
                (true, false) => Page::Right,
                (false, true) => Page::Blank,
                (false, false) => {
                    let has_ones = |right: &[u8]| {
                        let mut bytes = now.iter().zip(right);
                        bytes.all(|(now, right)| now & right == *right)
                    };
                    if right.any(has_ones) {
                        Page::HalfProgrammed
                    } else {
                        Page::Wrong
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sector(fill: impl Fn(usize) -> u8) -> Sector {
        let bytes: Vec<u8> = (0..512).map(fill).collect();
        Sector::from_slice(&bytes)
    }

    /// A block whose sectors should hold their number, but for the fourth, which is being written.
    fn is_loss_of(now: &[Sector]) -> bool {
        let right: Vec<Sector> = (0..8).map(|number| sector(|_| number)).collect();
        let new = sector(|_| 0x70);
        let stories: Vec<Story<'_>> = now
            .iter()
            .zip(&right)
            .enumerate()
            .map(|(number, (now, right))| Story {
                now,
                may_be: if number == 3 {
                    vec![right, &new]
                } else {
                    vec![right]
                },
            })
            .collect();
        is_loss(&stories)
    }

    fn block(change: impl Fn(usize, usize) -> u8) -> Vec<Sector> {
        (0..8)
            .map(|number| sector(|at| change(number, at)))
            .collect()
    }

    fn right(number: usize, _: usize) -> u8 {
        u8::try_from(number).unwrap()
    }

    #[test]
    fn what_a_loss_of_power_leaves_is_a_loss() {
        // Erased, or half erased.
        assert!(is_loss_of(&block(|_, _| 0xFF)));
        assert!(is_loss_of(&block(|number, at| {
            u8::try_from((number * 31 + at * 7) % 251).unwrap() | 0x80
        })));
        // Programmed as far as a page of the third sector.
        assert!(is_loss_of(&block(|number, at| match (number, at) {
            (0 | 1, _) | (2, ..256) => right(number, at),
            (2, 300..310) => right(number, at) | 0x30,
            _ => 0xFF,
        })));
        // Torn.
        assert!(is_loss_of(&block(|number, at| match (number, at) {
            (3, ..100) => 0x70,
            _ => right(number, at),
        })));
    }

    #[test]
    fn what_somebody_writes_is_none() {
        // An entry in a sector that nobody was writing to, the last one of the block included.
        for changed in [0, 2, 3, 4, 7] {
            assert!(!is_loss_of(&block(|number, at| {
                if number == changed && (400..432).contains(&at) {
                    b'A'
                } else {
                    right(number, at)
                }
            })));
        }
        // All but the first sector.
        assert!(!is_loss_of(&block(|number, at| {
            if number == 0 {
                0
            } else {
                b'A' ^ right(number, at)
            }
        })));
        // One sector that is blank now.
        assert!(!is_loss_of(&block(|number, at| {
            if number == 5 { 0xFF } else { right(number, at) }
        })));
    }
}
