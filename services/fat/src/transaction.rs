//! A change to a volume as a value: [`Transaction`], an ordered list of phases of sector writes.
//!
//! Between two phases stands a flush, so a phase begins only when the one before is on the medium. Within
//! a phase the order does not matter to the volume's soundness. How it gets there is [`commit`](crate::commit)'s.
//!
//! It knows sectors and the copies of the allocation table, which follow the first one within each phase;
//! it does not know what a change means.

use std::collections::BTreeMap;
use std::io::{self, Read, Seek};
use std::ops::Range;

use crate::device::SectorDevice;
use crate::medium::{Medium, Sector};

/// Where the second allocation table repeats the first.
#[derive(Debug, Clone)]
pub(crate) struct Mirror {
    /// The sectors of the table that is read.
    pub(crate) table: Range<u64>,
    /// The first sector of its copy.
    pub(crate) copy: u64,
}

/// Where a file's new content comes from. It is read more than once, from its beginning.
pub trait Source: Read + Seek {}

impl<T: Read + Seek + ?Sized> Source for T {}

/// A change that is being put together.
pub(crate) struct Transaction<'c> {
    pub(crate) phases: Vec<Phase<'c>>,
    open: Phase<'c>,
    mirror: Option<Mirror>,
    /// Whether the content goes where the old one stands.
    pub(crate) is_in_place: bool,
}

/// Writes that may reach the medium in any order.
#[derive(Default)]
pub(crate) struct Phase<'c> {
    pub(crate) content: Option<Content<'c>>,
    pub(crate) sectors: BTreeMap<u64, Sector>,
}

/// File contents on their way to their clusters, never held whole.
pub(crate) struct Content<'c> {
    pub(crate) source: &'c mut dyn Source,
    pub(crate) size: u64,
    /// Runs of sectors, in the order of the file.
    pub(crate) extents: Vec<Range<u64>>,
}

impl<'c> Transaction<'c> {
    pub(crate) fn new(mirror: Option<Mirror>) -> Self {
        Self {
            phases: Vec::new(),
            open: Phase::default(),
            mirror,
            is_in_place: false,
        }
    }

    /// Writes `size` bytes of `source` to `extents` in this phase.
    pub(crate) fn stream(
        &mut self,
        source: &'c mut dyn Source,
        size: u64,
        extents: Vec<Range<u64>>,
    ) {
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
}
