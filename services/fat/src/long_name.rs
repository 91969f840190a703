//! Long names on the medium: slots of 13 UTF-16 units that stand before their short entry, last part first
//! (FAT specification, section 7).
//!
//! [`slots`] makes them, [`LongNameReader`] puts them together again. Parts that belong to no short entry are
//! not believed: number, order and checksum must fit.

use std::ops::Range;

use crate::entry::{LONG_NAME, RawEntry, SLOT};
use crate::name::Name;
use crate::numbers::{read_u16, write_u16};
use crate::short_name::ShortName;

const UNITS: usize = 13;
const MOST_PARTS: u8 = 20;
const LAST_PART: u8 = 0x40;

/// Where the units of a part are in its slot.
const PLACES: [usize; UNITS] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];

/// How many slots a long name takes, its short entry not counted.
pub(crate) fn parts(name: &Name) -> usize {
    name.as_str().encode_utf16().count().div_ceil(UNITS)
}

/// The slots of a long name in the order in which they lie on the medium.
pub(crate) fn slots(name: &Name, short: ShortName) -> Vec<RawEntry> {
    let mut units: Vec<u16> = name.as_str().encode_utf16().collect();
    let count = units.len().div_ceil(UNITS);
    if !units.len().is_multiple_of(UNITS) {
        units.push(0);
        units.resize(count * UNITS, 0xFFFF);
    }
    let part = |(ordinal, units): (u8, &[u16])| {
        let mut slot = [0; SLOT];
        slot[0] = ordinal
            | if usize::from(ordinal) == count {
                LAST_PART
            } else {
                0
            };
        slot[11] = LONG_NAME;
        slot[13] = short.checksum();
        for (&place, &unit) in PLACES.iter().zip(units) {
            write_u16(&mut slot, place, unit);
        }
        RawEntry::from_slice(&slot)
    };
    let mut slots: Vec<_> = (1..).zip(units.chunks(UNITS)).map(part).collect();
    slots.reverse();
    slots
}

/// Collects the parts that stand before a short entry.
#[derive(Debug, Default)]
pub(crate) struct LongNameReader {
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    first_slot: usize,
    checksum: u8,
    /// The ordinal of the part that came last; 1 completes the name.
    ordinal: u8,
    /// The parts so far, in the order in which they came.
    parts: Vec<[u16; UNITS]>,
}

impl LongNameReader {
    /// Takes a part.
    pub(crate) fn push(&mut self, slot: usize, entry: &RawEntry) {
        let bytes = entry.bytes();
        let ordinal = bytes[0] & !LAST_PART;
        let units = PLACES.map(|place| read_u16(bytes, place));
        if bytes[0] & LAST_PART != 0 {
            self.pending = (1..=MOST_PARTS).contains(&ordinal).then(|| Pending {
                first_slot: slot,
                checksum: bytes[13],
                ordinal,
                parts: vec![units],
            });
            return;
        }
        match &mut self.pending {
            Some(pending)
                if pending.checksum == bytes[13]
                    && ordinal > 0
                    && pending.ordinal == ordinal + 1 =>
            {
                pending.ordinal = ordinal;
                pending.parts.push(units);
            }
            _ => self.pending = None,
        }
    }

    /// Drops what came so far: it belongs to nothing.
    pub(crate) fn reset(&mut self) {
        self.pending = None;
    }

    /// The slots of the name that belongs to the short entry in slot `short_slot`, with the short one; and the
    /// name itself, if it is one.
    pub(crate) fn finish(
        &mut self,
        short_slot: usize,
        short: ShortName,
    ) -> (Range<usize>, Option<Name>) {
        let complete =
            |pending: &Pending| pending.ordinal == 1 && pending.checksum == short.checksum();
        match self.pending.take().filter(complete) {
            None => (short_slot..short_slot + 1, None),
            Some(pending) => {
                let units: Vec<u16> = pending
                    .parts
                    .iter()
                    .rev()
                    .flatten()
                    .copied()
                    .take_while(|&unit| unit != 0)
                    .collect();
                let name = String::from_utf16(&units)
                    .ok()
                    .and_then(|name| name.parse().ok());
                (pending.first_slot..short_slot + 1, name)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(slots: &[RawEntry], short: ShortName) -> (Range<usize>, Option<Name>) {
        let mut reader = LongNameReader::default();
        for (slot, entry) in slots.iter().enumerate() {
            reader.push(slot, entry);
        }
        reader.finish(slots.len(), short)
    }

    #[test]
    fn parts_of_another_entry_are_not_believed() {
        let name: Name = "a rather long name.txt".parse().unwrap();
        let short = ShortName::from_bytes(*b"ARATHE~1TXT");
        let whole = slots(&name, short);
        assert_eq!(read(&whole, short), (0..3, Some(name)));
        assert_eq!(read(&whole, ShortName::from_bytes(*b"OTHER   TXT")).1, None);
        assert_eq!(read(&whole[..1], short), (1..2, None));
        assert_eq!(read(&whole[1..], short), (1..2, None));
    }

    proptest! {
        #[test]
        fn names_read_back(text in "\\PC{1,120}") {
            if let Ok(name) = text.parse::<Name>() {
                let short = ShortName::beside(&name, |_| false);
                let slots = slots(&name, short);
                prop_assert_eq!(slots.len(), parts(&name));
                prop_assert_eq!(read(&slots, short), (0..slots.len() + 1, Some(name)));
            }
        }

        #[test]
        fn any_slots_can_be_read(slots in prop::collection::vec(any::<[u8; SLOT]>(), 0..30)) {
            let slots: Vec<_> = slots.iter().map(|slot| RawEntry::from_slice(slot)).collect();
            let (range, _) = read(&slots, ShortName::DOT);
            prop_assert!(range.end == slots.len() + 1 && range.start < range.end);
        }
    }
}
