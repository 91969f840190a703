//! A transaction's way onto the medium: into the journal, then phase by phase, each read back.
//!
//! This is the one place that writes to a volume. It knows what a cut may take besides what is being written (the
//! [`EraseBlock`] around it); it does not know what a change means.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, SeekFrom, Write};

use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice};
use crate::digest::digest;
use crate::erase_block::{EraseBlock, runs};
use crate::journal::{Direction, Header, RecordWriter};
use crate::keeper::Keeper;
use crate::medium::{Medium, Sector};
use crate::numbers::{at_most, wide};
use crate::path::Path;
use crate::recovery::{RecoveryError, take_back};
use crate::transaction::{Content, Phase, Transaction};

/// What cut a commit short.
#[derive(Debug)]
pub(crate) enum Interrupted {
    /// The content did not arrive in full. What is in use was not written to.
    Content(io::Error),
    /// The device failed.
    Device(io::Error),
    /// What was written does not read back. What was there before was put back.
    Unverified,
    /// Neither what was written nor what was there before reads back.
    Unrestored {
        /// Whether the journal keeps what was there before.
        is_kept: bool,
    },
    /// The journal, without which nothing was to be written, failed.
    Journal(io::Error),
}

/// Why there is no record of a change.
enum Unrecorded {
    Content(io::Error),
    Device(io::Error),
    Journal(io::Error),
}

impl Transaction<'_> {
    /// Executes the phases in order, each flushed and read back before the next. A change that is not in place goes
    /// on where the journal fails: the order of its phases protects it from all but the loss of an erase block.
    pub(crate) fn commit<D: SectorDevice>(
        mut self,
        medium: &mut Medium<D>,
        keeper: Option<&mut Keeper>,
        path: &Path,
    ) -> Result<(), Interrupted> {
        self.then();
        let before = self.before(medium).map_err(Interrupted::Device)?;
        let mut kept = None;
        if let Some(keeper) = keeper {
            let recorded = self.record(medium, keeper, &before, path);
            if recorded.is_err() {
                // It may have failed behind its end.
                keeper.look();
            }
            match recorded {
                Ok(()) => kept = Some(keeper),
                Err(Unrecorded::Content(error)) => return Err(Interrupted::Content(error)),
                Err(Unrecorded::Device(error)) => return Err(Interrupted::Device(error)),
                Err(Unrecorded::Journal(error)) if self.is_in_place => {
                    return Err(Interrupted::Journal(error));
                }
                Err(Unrecorded::Journal(_)) => {}
            }
        } else if self.is_in_place {
            return Err(Interrupted::Journal(io::ErrorKind::NotFound.into()));
        }
        let mut result = Ok(());
        for (number, phase) in self.phases.iter_mut().enumerate() {
            result = phase.write(medium);
            match &result {
                Ok(()) => continue,
                // The journal knows what is to be done when the device is back. Where it is there, and nothing of the
                // change stands on it, as on one that turns out to be write-protected, that is nothing.
                Err(Interrupted::Device(_)) => {
                    medium.forget();
                    let is_untouched = self.before(medium).is_ok_and(|now| now == before);
                    match kept {
                        Some(keeper) if is_untouched && !self.is_in_place => keeper.discard(),
                        Some(keeper) => keeper.is_owed = true,
                        None => {}
                    }
                    return result;
                }
                Err(_) => {}
            }
            if let Err(interrupted) = self.undo(number, &before, medium, kept.as_deref_mut()) {
                if let Some(keeper) = kept {
                    keeper.is_owed = true;
                }
                return Err(interrupted);
            }
            break;
        }
        if let Some(keeper) = kept {
            keeper.discard();
        }
        result
    }

    /// What stands where sectors of metadata go, and beside all that is written within its erase blocks.
    fn before<D: SectorDevice>(&self, medium: &mut Medium<D>) -> io::Result<BTreeMap<u64, Sector>> {
        let mut content = BTreeSet::new();
        let mut touched = BTreeSet::new();
        // The boot sector tells one volume from another.
        let mut around = BTreeSet::from([0]);
        for phase in &self.phases {
            for run in phase.content.iter().flat_map(Content::transfers) {
                // There are neighbours at its ends only.
                touched.extend([run.start, run.end - 1].map(EraseBlock::of));
                content.insert((run.start, run.end));
            }
            touched.extend(phase.sectors.keys().copied().map(EraseBlock::of));
            around.extend(phase.sectors.keys());
        }
        let is_content = |sector: u64| {
            let before = content.range(..(sector + 1, 0)).next_back();
            before.is_some_and(|&(_, end)| sector < end)
        };
        let neighbours = touched.iter().flat_map(|block| block.sectors());
        around.extend(neighbours.filter(|&sector| sector < medium.sectors()));
        medium.read_sectors(around.into_iter().filter(|&sector| !is_content(sector)))
    }

    /// Puts back what the phases up to `last` have written over: from the journal where there is one, else what `before`
    /// knows, the last phase first. The journal keeps its record.
    fn undo<D: SectorDevice>(
        &self,
        last: usize,
        before: &BTreeMap<u64, Sector>,
        medium: &mut Medium<D>,
        kept: Option<&mut Keeper>,
    ) -> Result<(), Interrupted> {
        let is_kept = kept.is_some();
        if let Some(keeper) = kept {
            match take_back(medium.device(), keeper.journal.as_mut()) {
                Ok(()) => return Ok(()),
                Err(RecoveryError::Device(error)) => return Err(Interrupted::Device(error)),
                // What went beside the old content can be undone without.
                Err(RecoveryError::Journal(_)) if !self.is_in_place => {}
                Err(_) => return Err(Interrupted::Unrestored { is_kept }),
            }
        }
        for phase in self.phases[..=last].iter().rev() {
            let sectors = phase.sectors.keys();
            let old = sectors.filter_map(|sector| Some((*sector, before.get(sector)?.clone())));
            let mut old = Phase {
                content: None,
                sectors: old.collect(),
            };
            old.write(medium).map_err(|interrupted| match interrupted {
                Interrupted::Unverified => Interrupted::Unrestored { is_kept },
                other => other,
            })?;
        }
        Ok(())
    }

    /// Writes the change into the journal.
    fn record<D: SectorDevice>(
        &mut self,
        medium: &mut Medium<D>,
        keeper: &mut Keeper,
        before: &BTreeMap<u64, Sector>,
        path: &Path,
    ) -> Result<(), Unrecorded> {
        let in_place = self.is_in_place;
        let contents = self
            .phases
            .iter()
            .filter_map(|phase| phase.content.as_ref());
        let contents: u64 = contents.map(Content::sectors).sum();
        let metadata: usize = self.phases.iter().map(|phase| phase.sectors.len()).sum();
        let header = Header {
            direction: if in_place {
                Direction::TakeBack
            } else {
                Direction::Finish
            },
            first: keeper.first,
            sectors: medium.sectors(),
            phases: u32::try_from(self.phases.len()).expect("a change has few phases"),
            images: wide(before.len() + metadata) + contents * if in_place { 2 } else { 1 },
        };
        let mut failure = None;
        let phases = &mut self.phases;
        let path = path.to_string();
        let kept = keeper.journal.keep(&mut |into| {
            let result = write_record(into, (header, &path), before, phases, medium);
            result.map_err(|unrecorded| match unrecorded {
                Unrecorded::Journal(error) => error,
                other => {
                    failure = Some(other);
                    io::Error::other("the record cannot be made")
                }
            })
        });
        kept.map_err(|error| failure.unwrap_or(Unrecorded::Journal(error)))
    }
}

fn write_record<D: SectorDevice>(
    into: &mut dyn Write,
    (header, path): (Header, &str),
    before: &BTreeMap<u64, Sector>,
    phases: &mut [Phase<'_>],
    medium: &mut Medium<D>,
) -> Result<(), Unrecorded> {
    let mut record = RecordWriter::begin(into, header, path).map_err(Unrecorded::Journal)?;
    for (&sector, content) in before {
        record
            .image(0, sector, content.bytes())
            .map_err(Unrecorded::Journal)?;
    }
    if header.direction == Direction::TakeBack {
        for content in phases.iter().filter_map(|phase| phase.content.as_ref()) {
            for run in content.transfers() {
                let mut bytes =
                    vec![0; at_most((run.end - run.start) * wide(SECTOR_SIZE), MAX_TRANSFER)];
                medium
                    .read(run.start, &mut bytes)
                    .map_err(Unrecorded::Device)?;
                images(&mut record, 0, run.start, &bytes)?;
            }
        }
    }
    for (number, phase) in (1..).zip(phases) {
        if let Some(content) = &mut phase.content {
            content.for_each(Unrecorded::Content, |first, bytes| {
                images(&mut record, number, first, bytes)
            })?;
        }
        for (&sector, content) in &phase.sectors {
            record
                .image(number, sector, content.bytes())
                .map_err(Unrecorded::Journal)?;
        }
    }
    record.finish().map_err(Unrecorded::Journal)
}

fn images(
    record: &mut RecordWriter<'_>,
    phase: u32,
    first: u64,
    bytes: &[u8],
) -> Result<(), Unrecorded> {
    for (sector, content) in (first..).zip(bytes.chunks_exact(SECTOR_SIZE)) {
        record
            .image(phase, sector, content)
            .map_err(Unrecorded::Journal)?;
    }
    Ok(())
}

impl Phase<'_> {
    /// Writes the phase, and once more if it does not read back.
    fn write<D: SectorDevice>(&mut self, medium: &mut Medium<D>) -> Result<(), Interrupted> {
        for _ in 0..2 {
            let mut written = Vec::new();
            if let Some(content) = &mut self.content {
                content.for_each(Interrupted::Content, |first, bytes| {
                    written.push((first, bytes.len(), digest(bytes)));
                    medium.write(first, bytes).map_err(Interrupted::Device)
                })?;
            }
            write_sectors(medium, &self.sectors).map_err(Interrupted::Device)?;
            medium.flush().map_err(Interrupted::Device)?;
            if self
                .reads_back(&written, medium)
                .map_err(Interrupted::Device)?
            {
                return Ok(());
            }
        }
        Err(Interrupted::Unverified)
    }

    /// Whether the medium holds what was written, `written` being the transfers of content with their digests.
    fn reads_back<D: SectorDevice>(
        &self,
        written: &[(u64, usize, u64)],
        medium: &mut Medium<D>,
    ) -> io::Result<bool> {
        let mut buffer = Vec::new();
        for &(first, length, expected) in written {
            buffer.resize(length, 0);
            medium.read(first, &mut buffer)?;
            if digest(&buffer) != expected {
                return Ok(false);
            }
        }
        for run in runs(self.sectors.keys().copied(), MAX_TRANSFER / SECTOR_SIZE) {
            let first = run.start;
            buffer.resize(
                at_most((run.end - first) * wide(SECTOR_SIZE), MAX_TRANSFER),
                0,
            );
            medium.read(first, &mut buffer)?;
            let expected = self.sectors.range(run).map(|(_, sector)| sector.bytes());
            if !buffer.chunks_exact(SECTOR_SIZE).eq(expected) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Content<'_> {
    /// How many sectors it takes.
    fn sectors(&self) -> u64 {
        self.size.div_ceil(wide(SECTOR_SIZE))
    }

    /// Where it goes, a transfer at a time.
    fn transfers(&self) -> impl Iterator<Item = std::ops::Range<u64>> + use<> {
        let mut left = self.sectors();
        let mut transfers = Vec::new();
        for extent in &self.extents {
            let mut next = extent.start;
            while next < extent.end && left > 0 {
                let sectors = (extent.end - next)
                    .min(left)
                    .min(wide(MAX_TRANSFER / SECTOR_SIZE));
                transfers.push(next..next + sectors);
                next += sectors;
                left -= sectors;
            }
        }
        debug_assert_eq!(left, 0, "the extents hold the content");
        transfers.into_iter()
    }

    /// Shows `each` the content in large transfers of whole sectors, with the first sector of each. A transfer is
    /// read in full before it is shown.
    fn for_each<E>(
        &mut self,
        failed: impl Fn(io::Error) -> E,
        mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.source.seek(SeekFrom::Start(0)).map_err(&failed)?;
        let mut left = self.size;
        let mut buffer = vec![0; at_most(left.next_multiple_of(wide(SECTOR_SIZE)), MAX_TRANSFER)];
        for run in self.transfers() {
            let room = at_most((run.end - run.start) * wide(SECTOR_SIZE), MAX_TRANSFER);
            let bytes = at_most(left, room);
            self.source
                .read_exact(&mut buffer[..bytes])
                .map_err(&failed)?;
            buffer[bytes..room].fill(0);
            each(run.start, &buffer[..room])?;
            left -= wide(bytes);
        }
        Ok(())
    }
}

/// Writes sectors in ascending order, neighbours in one transfer.
fn write_sectors<D: SectorDevice>(
    medium: &mut Medium<D>,
    sectors: &BTreeMap<u64, Sector>,
) -> io::Result<()> {
    let mut bytes = Vec::new();
    for run in runs(sectors.keys().copied(), MAX_TRANSFER / SECTOR_SIZE) {
        let first = run.start;
        bytes.clear();
        sectors
            .range(run)
            .for_each(|(_, sector)| bytes.extend_from_slice(sector.bytes()));
        medium.write(first, &bytes)?;
    }
    Ok(())
}
