//! The allocation table: [`Cluster`], [`Link`], and [`Table`], which reads and changes the links.
//!
//! It owns how entries of 12, 16 and 32 bits are packed. It does not know what chains mean, nor which
//! clusters to take; that is [`crate::chain`]'s and [`crate::free_space`]'s business.

use std::io;
use std::ops::{ControlFlow, Range};

use crate::device::{SECTOR_SIZE, SectorDevice};
use crate::medium::Medium;
use crate::numbers::{at_most, read_u16, read_u32, wide, write_u16, write_u32};
use crate::transaction::Transaction;

/// How a volume's table is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FatKind {
    /// Entries of 12 bits.
    Fat12,
    /// Entries of 16 bits.
    Fat16,
    /// Entries of 32 bits, of which 28 count.
    Fat32,
}

impl FatKind {
    /// The most clusters that the specification allows (section 3.5).
    pub(crate) fn most_clusters(self) -> u32 {
        match self {
            Self::Fat12 => 4084,
            Self::Fat16 => 65_524,
            Self::Fat32 => 0x0FFF_FFF5 - Table::FIRST,
        }
    }

    /// All the bits of an entry; also the usual mark for the end of a chain.
    fn mask(self) -> u32 {
        match self {
            Self::Fat12 => 0xFFF,
            Self::Fat16 => 0xFFFF,
            Self::Fat32 => 0x0FFF_FFFF,
        }
    }

    /// The byte of the table at which an entry begins.
    fn offset(self, number: u32) -> u64 {
        let number = u64::from(number);
        match self {
            Self::Fat12 => number + number / 2,
            Self::Fat16 => number * 2,
            Self::Fat32 => number * 4,
        }
    }

    /// How many bytes an entry touches.
    fn width(self) -> usize {
        if self == Self::Fat32 { 4 } else { 2 }
    }

    /// An entry out of the bytes that it touches.
    fn unpack(self, number: u32, bytes: &[u8]) -> u32 {
        match self {
            Self::Fat12 if number % 2 == 1 => u32::from(read_u16(bytes, 0) >> 4),
            Self::Fat12 => u32::from(read_u16(bytes, 0) & 0xFFF),
            Self::Fat16 => u32::from(read_u16(bytes, 0)),
            Self::Fat32 => read_u32(bytes, 0) & self.mask(),
        }
    }

    /// Puts an entry into the bytes that it touches, and leaves what else is in them.
    fn pack(self, number: u32, value: u32, bytes: &mut [u8]) {
        let word = u16::try_from(value & 0xFFFF).expect("the value was masked to 16 bits");
        match self {
            Self::Fat12 => {
                let old = read_u16(bytes, 0);
                let new = if number % 2 == 1 {
                    old & 0x000F | word << 4
                } else {
                    old & 0xF000 | word & 0xFFF
                };
                write_u16(bytes, 0, new);
            }
            Self::Fat16 => write_u16(bytes, 0, word),
            Self::Fat32 => {
                let kept = read_u32(bytes, 0) & !self.mask();
                write_u32(bytes, 0, kept | value);
            }
        }
    }
}

/// The number of a cluster that exists on its volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cluster(u32);

impl Cluster {
    pub(crate) fn number(self) -> u32 {
        self.0
    }
}

/// What a table entry says about its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Free,
    Next(Cluster),
    End,
    Bad,
    /// A number that means nothing.
    Invalid(u32),
}

/// Where the table lies and how many clusters it describes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table {
    kind: FatKind,
    first: u64,
    length: u64,
    clusters: u32,
}

impl Table {
    /// The lowest number that a cluster has.
    pub(crate) const FIRST: u32 = 2;

    /// One transfer of a scan: a multiple of three sectors, in which FAT12 entries come out even. A larger one
    /// would count faster, but most scans find what they look for at once.
    const SCAN: usize = 48 * SECTOR_SIZE;

    /// `None` when `length` sectors at `first` cannot describe so many clusters.
    pub(crate) fn new(kind: FatKind, first: u64, length: u64, clusters: u32) -> Option<Self> {
        let last = clusters + Self::FIRST - 1;
        let bytes = kind.offset(last) + wide(kind.width());
        (bytes <= length * wide(SECTOR_SIZE)).then_some(Self {
            kind,
            first,
            length,
            clusters,
        })
    }

    pub(crate) fn kind(&self) -> FatKind {
        self.kind
    }

    /// How many clusters the volume has.
    pub(crate) fn clusters(&self) -> u32 {
        self.clusters
    }

    pub(crate) fn sectors(&self) -> Range<u64> {
        self.first..self.first + self.length
    }

    /// The numbers of all clusters.
    pub(crate) fn numbers(&self) -> Range<u32> {
        Self::FIRST..Self::FIRST + self.clusters
    }

    pub(crate) fn cluster(&self, number: u32) -> Option<Cluster> {
        self.numbers().contains(&number).then_some(Cluster(number))
    }

    /// What the table says about a cluster.
    pub(crate) fn link<D: SectorDevice>(
        &self,
        medium: &mut Medium<D>,
        of: Cluster,
    ) -> io::Result<Link> {
        self.raw(medium, of.0).map(|value| self.decode(value))
    }

    /// Whether the volume's state bits in the second entry say that it was not put away properly or has
    /// shown errors. FAT12 has no such bits.
    pub(crate) fn is_dirty<D: SectorDevice>(&self, medium: &mut Medium<D>) -> io::Result<bool> {
        let good = match self.kind {
            FatKind::Fat12 => return Ok(false),
            FatKind::Fat16 => 0xC000,
            FatKind::Fat32 => 0x0C00_0000,
        };
        Ok(self.raw(medium, 1)? & good != good)
    }

    /// Shows `visit` the links of `numbers` in order, in large transfers, until it breaks off.
    pub(crate) fn scan<D: SectorDevice>(
        &self,
        medium: &mut Medium<D>,
        numbers: Range<u32>,
        mut visit: impl FnMut(Cluster, Link) -> ControlFlow<()>,
    ) -> io::Result<()> {
        let mut chunk = Vec::new();
        let mut loaded = None;
        for number in numbers {
            let offset = self.kind.offset(number);
            let part = offset / wide(Self::SCAN);
            if loaded != Some(part) {
                let first = part * wide(Self::SCAN / SECTOR_SIZE);
                let sectors = at_most(self.length - first, Self::SCAN / SECTOR_SIZE);
                chunk.resize(sectors * SECTOR_SIZE, 0);
                medium.read_metadata(self.first + first, &mut chunk)?;
                loaded = Some(part);
            }
            let at = at_most(offset % wide(Self::SCAN), Self::SCAN);
            let value = self.kind.unpack(number, &chunk[at..at + self.kind.width()]);
            if visit(Cluster(number), self.decode(value)).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Changes a link in the transaction's open phase.
    pub(crate) fn set<D: SectorDevice>(
        &self,
        medium: &mut Medium<D>,
        transaction: &mut Transaction<'_>,
        of: Cluster,
        link: Link,
    ) -> io::Result<()> {
        let value = self.encode(link);
        let places = self.places(of.0);
        let mut bytes = [0; 4];
        for (byte, (sector, at)) in bytes.iter_mut().zip(places.clone()) {
            *byte = transaction.edit(medium, sector, &self.sectors())?.bytes()[at];
        }
        self.kind.pack(of.0, value, &mut bytes);
        for (byte, (sector, at)) in bytes.iter().zip(places) {
            transaction
                .edit(medium, sector, &self.sectors())?
                .bytes_mut()[at] = *byte;
        }
        Ok(())
    }

    /// Whether a cluster's entry lies in two sectors, so that no single write changes it.
    pub(crate) fn is_split(&self, cluster: Cluster) -> bool {
        wide(SECTOR_SIZE) - self.kind.offset(cluster.0) % wide(SECTOR_SIZE)
            < wide(self.kind.width())
    }

    /// Whether the end mark of `last` can turn into a link to `next` without a moment in which it means a
    /// third thing. A split entry is written lower sector first: with only its low bits written it must still
    /// be an end mark, 0xFF8 or more.
    pub(crate) fn can_append(&self, last: Cluster, next: Cluster) -> bool {
        let low_bits = if last.0 % 2 == 1 { 0x00F } else { 0x0FF };
        !self.is_split(last) || (0xFFF & !low_bits) | (next.0 & low_bits) >= 0xFF8
    }

    fn raw<D: SectorDevice>(&self, medium: &mut Medium<D>, number: u32) -> io::Result<u32> {
        let mut bytes = [0; 4];
        for (byte, (sector, at)) in bytes.iter_mut().zip(self.places(number)) {
            *byte = medium.sector(sector, &self.sectors())?.bytes()[at];
        }
        Ok(self.kind.unpack(number, &bytes))
    }

    /// The sector and the byte in it, for each byte that an entry touches.
    fn places(&self, number: u32) -> impl Iterator<Item = (u64, usize)> + Clone + use<> {
        let start = self.kind.offset(number);
        let first = self.first;
        (start..start + wide(self.kind.width())).map(move |byte| {
            let sector = first + byte / wide(SECTOR_SIZE);
            (sector, at_most(byte % wide(SECTOR_SIZE), SECTOR_SIZE))
        })
    }

    fn encode(&self, link: Link) -> u32 {
        let mask = self.kind.mask();
        match link {
            Link::Free => 0,
            Link::Next(next) => next.0,
            Link::End => mask,
            Link::Bad => mask - 8,
            Link::Invalid(value) => value & mask,
        }
    }

    fn decode(&self, value: u32) -> Link {
        let mask = self.kind.mask();
        match value {
            0 => Link::Free,
            _ if value >= mask - 7 => Link::End,
            _ if value == mask - 8 => Link::Bad,
            _ => self.cluster(value).map_or(Link::Invalid(value), Link::Next),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Memory, Slice};
    use crate::path::Path;
    use proptest::prelude::*;

    fn table(kind: FatKind, clusters: u32) -> (Table, Medium<Memory>) {
        let bytes = kind.offset(clusters + Table::FIRST) + 4;
        let length = bytes.div_ceil(512);
        let sectors = usize::try_from(length).unwrap() + 1;
        let slice = Slice::new(Memory(vec![0; sectors * SECTOR_SIZE]), 0, wide(sectors)).unwrap();
        (
            Table::new(kind, 1, length, clusters).unwrap(),
            Medium::new(slice),
        )
    }

    proptest! {
        #[test]
        fn links_read_back_and_leave_their_neighbours_alone(
            kind in prop::sample::select(vec![FatKind::Fat12, FatKind::Fat16, FatKind::Fat32]),
            changes in prop::collection::vec((2_u32..1500, 2_u32..1500), 1..60),
        ) {
            let (table, mut medium) = table(kind, 1500);
            let mut expected = std::collections::HashMap::new();
            for (of, to) in changes {
                let (of, to) = (Cluster(of), Cluster(to));
                let mut transaction = Transaction::new(None);
                table.set(&mut medium, &mut transaction, of, Link::Next(to)).unwrap();
                transaction.commit(&mut medium, None, &Path::root()).unwrap();
                expected.insert(of, Link::Next(to));
            }
            for cluster in table.numbers().map(Cluster) {
                let link = expected.get(&cluster).copied().unwrap_or(Link::Free);
                prop_assert_eq!(table.link(&mut medium, cluster).unwrap(), link);
            }
            let mut scanned = Vec::new();
            table.scan(&mut medium, table.numbers(), |cluster, link| {
                scanned.push((cluster, link));
                ControlFlow::Continue(())
            }).unwrap();
            prop_assert_eq!(scanned.len(), 1500);
            for (cluster, link) in scanned {
                prop_assert_eq!(expected.get(&cluster).copied().unwrap_or(Link::Free), link);
            }
        }
    }

    #[test]
    fn end_marks_and_nonsense_are_told_apart() {
        let (table, _) = table(FatKind::Fat12, 100);
        assert_eq!(table.decode(0xFF8), Link::End);
        assert_eq!(table.decode(0xFF7), Link::Bad);
        assert_eq!(table.decode(1), Link::Invalid(1));
        assert_eq!(table.decode(102), Link::Invalid(102));
        assert_eq!(table.decode(101), Link::Next(Cluster(101)));
    }

    #[test]
    fn only_entries_of_12_bits_are_split() {
        let (small, _) = table(FatKind::Fat12, 1500);
        let split: Vec<_> = small
            .numbers()
            .filter(|&number| small.is_split(Cluster(number)))
            .collect();
        assert_eq!(split, [341, 682, 1365]);
        let (large, _) = table(FatKind::Fat32, 1500);
        assert!(
            !large
                .numbers()
                .any(|number| large.is_split(Cluster(number)))
        );
    }

    #[test]
    fn a_split_end_mark_stays_one_while_half_written() {
        let (table, _) = table(FatKind::Fat12, 4000);
        assert!(table.can_append(Cluster(341), Cluster(0x128)));
        assert!(!table.can_append(Cluster(341), Cluster(0x127)));
        assert!(table.can_append(Cluster(682), Cluster(0x1F8)));
        assert!(!table.can_append(Cluster(682), Cluster(0x128)));
    }
}
