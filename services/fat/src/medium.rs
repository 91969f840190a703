//! The sectors of one volume: [`Medium`], the device within the volume's bounds and a small cache of its metadata.
//!
//! The cache is bounded and written through: what it holds is always what the medium holds. File contents
//! do not go through it. It knows nothing of what a sector means.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::ops::Range;

use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice, Slice};
use crate::erase_block::runs;
use crate::numbers::{at_most, wide};

/// How many sectors are kept: 28 KiB, enough for a small drive's table and the directories of an operation.
const CACHED_SECTORS: usize = 56;

/// How many sectors a miss reads at once.
const READ_AHEAD: usize = 8;

/// The contents of one device sector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sector([u8; SECTOR_SIZE]);

impl Sector {
    pub(crate) const ZERO: Self = Self([0; SECTOR_SIZE]);

    /// From exactly one sector's bytes.
    pub(crate) fn from_slice(bytes: &[u8]) -> Self {
        let mut sector = Self::ZERO;
        sector.0.copy_from_slice(bytes);
        sector
    }

    pub(crate) fn bytes(&self) -> &[u8; SECTOR_SIZE] {
        &self.0
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; SECTOR_SIZE] {
        &mut self.0
    }
}

/// A volume's sectors, numbered from its boot sector.
pub(crate) struct Medium<D> {
    device: Slice<D>,
    cache: HashMap<u64, Cached>,
    /// Counts uses, so that the sector that was used longest ago goes first.
    clock: u64,
}

struct Cached {
    used: u64,
    sector: Sector,
}

impl<D: SectorDevice> Medium<D> {
    pub(crate) fn new(device: Slice<D>) -> Self {
        Self {
            device,
            cache: HashMap::new(),
            clock: 0,
        }
    }

    /// How many sectors the volume has.
    pub(crate) fn sectors(&self) -> u64 {
        self.device.sectors()
    }

    /// The volume's sectors without what is known of them, which is forgotten.
    pub(crate) fn device(&mut self) -> &mut Slice<D> {
        self.forget();
        &mut self.device
    }

    pub(crate) fn into_device(self) -> D {
        self.device.into_inner()
    }

    /// Drops all that is cached.
    pub(crate) fn forget(&mut self) {
        self.cache.clear();
    }

    /// One sector of metadata. A miss reads its neighbours too, as far as they lie `within`.
    pub(crate) fn sector(&mut self, number: u64, within: &Range<u64>) -> io::Result<&Sector> {
        if !self.cache.contains_key(&number) {
            let block = number - number % wide(READ_AHEAD);
            let first = block.max(within.start).min(number);
            let end = (block + wide(READ_AHEAD)).min(within.end).max(number + 1);
            let mut bytes = [0; SECTOR_SIZE * READ_AHEAD];
            let bytes = &mut bytes[..SECTOR_SIZE * at_most(end - first, READ_AHEAD)];
            self.device.read(first, bytes)?;
            for (neighbour, sector) in (first..).zip(bytes.chunks_exact(SECTOR_SIZE)) {
                self.remember(neighbour, sector);
            }
        }
        self.clock += 1;
        let cached = self
            .cache
            .get_mut(&number)
            .expect("the sector was just remembered");
        cached.used = self.clock;
        Ok(&cached.sector)
    }

    /// Sectors by their ascending numbers; what is not cached is read in runs, and not cached for this.
    pub(crate) fn read_sectors(
        &mut self,
        numbers: impl IntoIterator<Item = u64>,
    ) -> io::Result<BTreeMap<u64, Sector>> {
        let mut found = BTreeMap::new();
        let mut missing = Vec::new();
        for number in numbers {
            match self.cache.get(&number) {
                Some(cached) => {
                    found.insert(number, cached.sector.clone());
                }
                None => missing.push(number),
            }
        }
        let mut buffer = Vec::new();
        for run in runs(missing, MAX_TRANSFER / SECTOR_SIZE) {
            buffer.resize(
                at_most((run.end - run.start) * wide(SECTOR_SIZE), MAX_TRANSFER),
                0,
            );
            self.device.read(run.start, &mut buffer)?;
            let sectors = buffer.chunks_exact(SECTOR_SIZE).map(Sector::from_slice);
            found.extend(run.zip(sectors));
        }
        Ok(found)
    }

    /// Reads content straight into `into`, in large transfers.
    pub(crate) fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let firsts = (first..).step_by(MAX_TRANSFER / SECTOR_SIZE);
        firsts
            .zip(into.chunks_mut(MAX_TRANSFER))
            .try_for_each(|(first, part)| self.device.read(first, part))
    }

    /// Reads a run of metadata: from the cache when it is all there, in one transfer when not.
    pub(crate) fn read_metadata(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let sectors = into.len() / SECTOR_SIZE;
        if sectors > CACHED_SECTORS / 2 {
            return self.device.read(first, into);
        }
        if !(first..)
            .take(sectors)
            .all(|number| self.cache.contains_key(&number))
        {
            self.device.read(first, into)?;
            for (number, sector) in (first..).zip(into.chunks_exact(SECTOR_SIZE)) {
                self.remember(number, sector);
            }
            return Ok(());
        }
        for (number, sector) in (first..).zip(into.chunks_exact_mut(SECTOR_SIZE)) {
            sector.copy_from_slice(self.cache[&number].sector.bytes());
        }
        Ok(())
    }

    /// Writes to the medium, and to what is cached of it.
    pub(crate) fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        self.device.write(first, from)?;
        for (number, sector) in (first..).zip(from.chunks_exact(SECTOR_SIZE)) {
            if let Some(cached) = self.cache.get_mut(&number) {
                cached.sector = Sector::from_slice(sector);
            }
        }
        Ok(())
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.device.flush()
    }

    fn remember(&mut self, number: u64, bytes: &[u8]) {
        self.clock += 1;
        if self.cache.len() >= CACHED_SECTORS
            && !self.cache.contains_key(&number)
            && let Some(oldest) = self
                .cache
                .iter()
                .min_by_key(|(_, cached)| cached.used)
                .map(|(&number, _)| number)
        {
            self.cache.remove(&oldest);
        }
        self.cache.insert(
            number,
            Cached {
                used: self.clock,
                sector: Sector::from_slice(bytes),
            },
        );
    }
}
