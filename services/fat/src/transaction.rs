//! A change to a volume as a value: [`Transaction`], an ordered list of phases of sector writes.
//!
//! Between two phases stands a flush, so a phase begins only when the one before is on the medium. Within
//! a phase the order does not matter to the volume's soundness. [`Transaction::commit`] is the one place
//! that writes to a volume: tests cut it short at every sector, and a journal would record the phases there.
//!
//! It knows sectors and the copies of the allocation table, which follow the first one within each phase;
//! it does not know what a change means.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;

use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice};
use crate::medium::{Medium, Sector};
use crate::numbers::{at_most, wide};

/// Where the second allocation table repeats the first.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    /// The sectors of the table that is read.
    pub(crate) table: Range<u64>,
    /// The first sector of its copy.
    pub(crate) copy: u64,
}

/// A change that is being put together.
pub(crate) struct Transaction<'c> {
    phases: Vec<Phase<'c>>,
    open: Phase<'c>,
    mirror: Option<Mirror>,
}

/// Writes that may reach the medium in any order.
#[derive(Default)]
struct Phase<'c> {
    content: Option<Content<'c>>,
    sectors: BTreeMap<u64, Sector>,
}

/// File contents on their way to free clusters, never held whole.
struct Content<'c> {
    source: &'c mut dyn Read,
    size: u64,
    /// Runs of sectors, in the order of the file.
    extents: Vec<Range<u64>>,
}

/// What cut a commit short.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The content did not arrive in full. Only free clusters were written to.
    Content(io::Error),
    /// The device failed.
    Device(io::Error),
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(mirror: Option<Mirror>) -> Self {
        Self {
            phases: Vec::new(),
            open: Phase::default(),
            mirror,
        }
    }

    /// Writes `size` bytes of `source` to `extents` in this phase.
    pub(crate) fn stream(&mut self, source: &'c mut dyn Read, size: u64, extents: Vec<Range<u64>>) {
        self.open.content = Some(Content {
            source,
            size,
            extents,
        });
    }

    /// Writes a whole sector in this phase.
    pub(crate) fn put(&mut self, number: u64, sector: Sector) {
        self.open.sectors.insert(number, sector);
    }

    /// A sector as it will be, to be changed in this phase.
    pub(crate) fn edit<D: SectorDevice>(
        &mut self,
        medium: &mut Medium<D>,
        number: u64,
        within: &Range<u64>,
    ) -> io::Result<&mut Sector> {
        if !self.open.sectors.contains_key(&number) {
            let staged = self
                .phases
                .iter()
                .rev()
                .find_map(|phase| phase.sectors.get(&number));
            let sector = match staged {
                Some(sector) => sector.clone(),
                None => medium.sector(number, within)?.clone(),
            };
            self.open.sectors.insert(number, sector);
        }
        Ok(self
            .open
            .sectors
            .get_mut(&number)
            .expect("the sector was just put there"))
    }

    /// Ends the phase: what follows is written when all so far is on the medium.
    pub(crate) fn then(&mut self) {
        let mut phase = std::mem::take(&mut self.open);
        if phase.content.is_none() && phase.sectors.is_empty() {
            return;
        }
        if let Some(mirror) = &self.mirror {
            let copies: Vec<_> = phase
                .sectors
                .range(mirror.table.clone())
                .map(|(number, sector)| (number - mirror.table.start + mirror.copy, sector.clone()))
                .collect();
            phase.sectors.extend(copies);
        }
        self.phases.push(phase);
    }

    /// Ends the phase like [`Self::then`], with a flush after each of its sectors, in ascending order.
    pub(crate) fn then_one_by_one(&mut self) {
        let sectors = std::mem::take(&mut self.open.sectors);
        for (number, sector) in sectors {
            self.put(number, sector);
            self.then();
        }
    }

    /// Executes the phases in order, each followed by a flush.
    pub(crate) fn commit<D: SectorDevice>(
        mut self,
        medium: &mut Medium<D>,
    ) -> Result<(), Interrupted> {
        self.then();
        for phase in self.phases {
            if let Some(content) = phase.content {
                content.write(medium)?;
            }
            write_sectors(medium, &phase.sectors).map_err(Interrupted::Device)?;
            medium.flush().map_err(Interrupted::Device)?;
        }
        Ok(())
    }
}

impl Content<'_> {
    /// Moves the content in large transfers. Each is read in full before any of it is written.
    fn write<D: SectorDevice>(self, medium: &mut Medium<D>) -> Result<(), Interrupted> {
        let mut left = self.size;
        let mut buffer = vec![0; at_most(left.next_multiple_of(wide(SECTOR_SIZE)), MAX_TRANSFER)];
        for extent in self.extents {
            let mut next = extent.start;
            while next < extent.end && left > 0 {
                let room = at_most((extent.end - next) * wide(SECTOR_SIZE), MAX_TRANSFER);
                let bytes = at_most(left, room);
                let padded = bytes.next_multiple_of(SECTOR_SIZE);
                self.source
                    .read_exact(&mut buffer[..bytes])
                    .map_err(Interrupted::Content)?;
                buffer[bytes..padded].fill(0);
                medium
                    .write(next, &buffer[..padded])
                    .map_err(Interrupted::Device)?;
                next += wide(padded / SECTOR_SIZE);
                left -= wide(bytes);
            }
        }
        debug_assert_eq!(left, 0, "the extents hold the content");
        Ok(())
    }
}

/// Writes sectors in ascending order, neighbours in one transfer.
fn write_sectors<D: SectorDevice>(
    medium: &mut Medium<D>,
    sectors: &BTreeMap<u64, Sector>,
) -> io::Result<()> {
    let mut run: Vec<u8> = Vec::new();
    let mut first = 0;
    for (&number, sector) in sectors {
        let follows = number == first + wide(run.len() / SECTOR_SIZE);
        if !run.is_empty() && (!follows || run.len() >= MAX_TRANSFER) {
            medium.write(first, &run)?;
            run.clear();
        }
        if run.is_empty() {
            first = number;
        }
        run.extend_from_slice(sector.bytes());
    }
    if run.is_empty() {
        Ok(())
    } else {
        medium.write(first, &run)
    }
}
