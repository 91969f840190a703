//! What becomes of a change that was cut: [`recover`] finishes it, or takes it back, from the record that a
//! [`Journal`] has kept of it.
//!
//! A cut leaves a state that can be told: every phase before the one that was cut is on the medium, none behind it
//! is, and of that one some sectors are. Besides, flash memory erases more than a sector at a time, so the erase
//! block that was being written may be [lost](crate::block_loss). Where the medium is in no such state, somebody else
//! has written to it since; then nothing is done, for the order of the phases alone has kept the volume sound. The record
//! of a change in place is set aside then, for it has what no order keeps.

use std::collections::BTreeMap;
use std::io;

use crate::block_loss::{Story, is_loss};
use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice, Slice};
use crate::digest::digest;
use crate::erase_block::{EraseBlock, runs};
use crate::journal::{
    Direction, Header, Image, Journal, RecordReader, Stage, begin_recovery, begin_undoing,
};
use crate::medium::Sector;
use crate::numbers::{at_most, wide};
use crate::path::Path;

/// What a recovery did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// There was nothing to do.
    Nothing,
    /// A change that was cut is on the medium in full.
    Finished,
    /// A change that was cut is undone.
    TakenBack,
    /// A change was cut, and the medium was written to since by somebody else.
    ChangedElsewhere {
        /// What was to be changed; the root, where that is all of the volume, or not known.
        path: Path,
        /// It was to be changed in place: what was there before stands nowhere but in the record, which is set aside.
        is_set_aside: bool,
    },
}

impl Recovery {
    /// Whether the record of the change is set aside, for a person.
    pub fn is_set_aside(&self) -> bool {
        matches!(
            self,
            Self::ChangedElsewhere {
                is_set_aside: true,
                ..
            }
        )
    }
}

/// Why a recovery could not be done. The record is still kept.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The medium failed.
    #[error("the drive does not answer as it should: {0}")]
    Device(#[source] io::Error),
    /// What was written does not read back.
    #[error("the drive does not keep what is written: its memory may be worn out")]
    Unverified,
    /// The journal cannot be read, so that nobody knows what is to be done.
    #[error("the journal cannot be read: {0}")]
    Journal(#[source] io::Error),
    /// The journal does not take the note without which this recovery cannot be done again.
    #[error("the journal cannot be written: {0}")]
    Unwritable(#[source] io::Error),
    /// All is done, and the journal cannot be cleared.
    #[error("the journal cannot be cleared of it: {source}")]
    Undiscarded {
        /// What was done.
        done: Recovery,
        /// What the journal said.
        #[source]
        source: io::Error,
    },
}

/// Brings a device into a state that the change in the journal, if there is one, allows for: the one after it, or
/// for a change in place, and for one that did not hold, the one before it. What it writes is read back. May be cut
/// itself, and done again.
pub fn recover<D: SectorDevice>(
    device: &mut D,
    journal: &mut dyn Journal,
) -> Result<Recovery, RecoveryError> {
    let Some(record) = Record::read(journal)? else {
        return Ok(Recovery::Nothing);
    };
    let Header { first, sectors, .. } = record.header;
    let done = match Slice::new(device, first, sectors) {
        Some(mut volume) => record.restore(&mut volume, journal)?,
        // It has another size than it had.
        None => record.changed_elsewhere(),
    };
    end(done, journal)
}

/// Clears the journal after this was done. Until that can be, the record is found again, and must not be behind the times.
fn end(done: Recovery, journal: &mut dyn Journal) -> Result<Recovery, RecoveryError> {
    let cleared = if done.is_set_aside() {
        journal.set_aside()
    } else {
        journal.discard()
    };
    match cleared {
        Ok(()) => Ok(done),
        Err(source) => Err(RecoveryError::Undiscarded { done, source }),
    }
}

/// Writes back what the change in the journal has written over and what does not hold, on the volume's own sectors. The
/// record is still kept.
pub(crate) fn take_back<D: SectorDevice>(
    volume: &mut D,
    journal: &mut dyn Journal,
) -> Result<(), RecoveryError> {
    let Some(record) = Record::read(journal)? else {
        let gone = io::Error::from(io::ErrorKind::NotFound);
        return Err(RecoveryError::Journal(gone));
    };
    // Where that cannot be said, a recovery may take the drive for changed elsewhere.
    let _ = begin_undoing(journal);
    let mut medium = record.look(volume)?;
    record.take_back(record.header.phases, &mut medium, journal)
}

/// Does for an open volume, on its own sectors, what [`recover`] does for a device.
pub(crate) fn settle<D: SectorDevice>(
    volume: &mut D,
    journal: &mut dyn Journal,
) -> Result<(), RecoveryError> {
    let Some(record) = Record::read(journal)? else {
        return Ok(());
    };
    let done = record.restore(volume, journal)?;
    // Nobody else has written to it: more of it does not hold than one cut explains.
    if record.stage == Stage::Undoing && matches!(done, Recovery::ChangedElsewhere { .. }) {
        return Err(RecoveryError::Unverified);
    }
    end(done, journal).map(drop)
}

/// What a record says without its contents: of each sector the phases that have an image of it, in their order, and
/// that image's digest.
struct Record {
    header: Header,
    path: Path,
    stage: Stage,
    sectors: BTreeMap<u64, Vec<(u32, u64)>>,
}

/// Where a change was cut.
#[derive(Debug)]
struct Cut {
    phase: u32,
    /// The sectors that hold neither what was there nor what was to be there.
    lost: Vec<u64>,
}

/// A medium, and the digests of the sectors on it that a record knows.
struct Medium<'d, D> {
    volume: &'d mut D,
    now: BTreeMap<u64, u64>,
}

impl Record {
    /// Reads the record that the journal keeps, if it is whole: one that is not was not finished, so the change did
    /// not begin.
    fn read(journal: &mut dyn Journal) -> Result<Option<Self>, RecoveryError> {
        Self::try_read(journal).map_err(RecoveryError::Journal)
    }

    fn try_read(journal: &mut dyn Journal) -> io::Result<Option<Self>> {
        let Some(from) = journal.kept()? else {
            return Ok(None);
        };
        let Some(mut reader) = RecordReader::begin(from)? else {
            return Ok(None);
        };
        let header = reader.header;
        let path = reader.path.parse().unwrap_or_default();
        let mut sectors: BTreeMap<u64, Vec<(u32, u64)>> = BTreeMap::new();
        while let Some(image) = reader.next()? {
            if image.sector >= header.sectors {
                return Ok(None);
            }
            let digest = digest(image.content.bytes());
            sectors
                .entry(image.sector)
                .or_default()
                .push((image.phase, digest));
        }
        Ok(reader.stage()?.map(|stage| Self {
            header,
            path,
            stage,
            sectors,
        }))
    }

    fn changed_elsewhere(&self) -> Recovery {
        Recovery::ChangedElsewhere {
            path: self.path.clone(),
            is_set_aside: self.header.direction == Direction::TakeBack,
        }
    }

    fn restore<D: SectorDevice>(
        &self,
        volume: &mut D,
        journal: &mut dyn Journal,
    ) -> Result<Recovery, RecoveryError> {
        let done = self.try_restore(volume, journal);
        // What does not hold does not look as a cut leaves it.
        if matches!(done, Err(RecoveryError::Unverified)) && self.stage == Stage::Changing {
            begin_recovery(journal).map_err(RecoveryError::Unwritable)?;
        }
        done
    }

    fn try_restore<D: SectorDevice>(
        &self,
        volume: &mut D,
        journal: &mut dyn Journal,
    ) -> Result<Recovery, RecoveryError> {
        let mut medium = self.look(volume)?;
        let Some(cut) = self.find_cut(&mut medium, journal)? else {
            return Ok(self.changed_elsewhere());
        };
        let is_taken_back =
            self.header.direction == Direction::TakeBack || self.stage == Stage::Undoing;
        if cut.phase > self.header.phases && self.stage != Stage::Undoing {
            return Ok(Recovery::Nothing);
        }
        // On the whole way the medium is as a cut leaves it, so that a recovery that is cut can be done again.
        if !cut.lost.is_empty() {
            // What is half restored looks like no loss any more.
            if self.stage == Stage::Changing {
                begin_recovery(journal).map_err(RecoveryError::Unwritable)?;
            }
            let lost = |image: &Image| {
                cut.lost.contains(&image.sector) && self.stands_before(cut.phase, image)
            };
            medium.write(journal, lost)?;
        }
        if is_taken_back {
            self.take_back(cut.phase, &mut medium, journal)?;
            return Ok(Recovery::TakenBack);
        }
        for phase in cut.phase..=self.header.phases {
            medium.write(journal, |image| image.phase == phase)?;
        }
        Ok(Recovery::Finished)
    }

    /// Writes what stood there before each of the phases up to `last`, from that one down.
    fn take_back<D: SectorDevice>(
        &self,
        last: u32,
        medium: &mut Medium<'_, D>,
        journal: &mut dyn Journal,
    ) -> Result<(), RecoveryError> {
        for phase in (1..=last).rev() {
            let is_of_phase = |sector| self.images(sector).any(|image| image.0 == phase);
            let old = |image: &Image| is_of_phase(image.sector) && self.stands_before(phase, image);
            medium.write(journal, old)?;
        }
        Ok(())
    }

    /// Reads all sectors that the record knows.
    fn look<'d, D: SectorDevice>(&self, volume: &'d mut D) -> Result<Medium<'d, D>, RecoveryError> {
        let now = digests(volume, self.sectors.keys().copied()).map_err(RecoveryError::Device)?;
        Ok(Medium { volume, now })
    }

    /// The place at which a change can have been cut to leave the medium so; of several the one that has lost the
    /// least, and of those the last.
    fn find_cut<D: SectorDevice>(
        &self,
        medium: &mut Medium<'_, D>,
        journal: &mut dyn Journal,
    ) -> Result<Option<Cut>, RecoveryError> {
        let phases = (1..=self.header.phases + 1).rev();
        let mut cuts: Vec<Cut> = phases
            .filter_map(|phase| self.cut_in(phase, &medium.now))
            .collect();
        cuts.sort_by_key(|cut| cut.lost.len());
        for cut in cuts {
            let is_so = match cut.lost.first() {
                None => true,
                Some(_) if self.stage != Stage::Changing => true,
                Some(&lost) => {
                    self.lost_power(EraseBlock::of(lost), cut.phase, medium.volume, journal)?
                }
            };
            if is_so {
                return Ok(Some(cut));
            }
        }
        Ok(None)
    }

    /// Whether a block looks as if the power was lost while it was written in a phase.
    fn lost_power<D: SectorDevice>(
        &self,
        block: EraseBlock,
        phase: u32,
        volume: &mut D,
        journal: &mut dyn Journal,
    ) -> Result<bool, RecoveryError> {
        let mut images: BTreeMap<u64, Vec<Sector>> = BTreeMap::new();
        for_each_image(journal, |image| {
            let is_new = image.phase == phase;
            if EraseBlock::of(image.sector) == block
                && (is_new || self.stands_before(phase, &image))
            {
                images.entry(image.sector).or_default().push(image.content);
            }
            Ok(())
        })?;
        let mut now = Vec::new();
        for (&sector, images) in &images {
            // What has no image from before may hold anything.
            if self.before(sector, phase).is_some() {
                let mut bytes = [0; SECTOR_SIZE];
                volume
                    .read(sector, &mut bytes)
                    .map_err(RecoveryError::Device)?;
                now.push((Sector::from_slice(&bytes), images));
            }
        }
        let stories: Vec<Story<'_>> = now
            .iter()
            .map(|(now, images)| Story {
                now,
                may_be: images.iter().collect(),
            })
            .collect();
        Ok(is_loss(&stories))
    }

    /// Whether the medium is as a cut in this phase leaves it, and what of it is lost then.
    fn cut_in(&self, phase: u32, now: &BTreeMap<u64, u64>) -> Option<Cut> {
        let mut lost = Vec::new();
        let mut writing = Vec::new();
        for &sector in self.sectors.keys() {
            let during = self.images(sector).find(|image| image.0 == phase);
            if during.is_some() {
                writing.push(EraseBlock::of(sector));
            }
            let is_old = self
                .before(sector, phase)
                .is_none_or(|image| image.1 == now[&sector]);
            let is_new = during.is_some_and(|image| image.1 == now[&sector]);
            if !is_old && !is_new {
                lost.push(sector);
            }
        }
        let mut blocks = lost.iter().map(|&sector| EraseBlock::of(sector));
        let is_one_block = blocks
            .next()
            .is_none_or(|block| writing.contains(&block) && blocks.all(|other| other == block));
        is_one_block.then_some(Cut { phase, lost })
    }

    /// The phases that have an image of a sector, in their order, each with that image's digest.
    fn images(&self, sector: u64) -> impl DoubleEndedIterator<Item = (u32, u64)> + '_ {
        self.sectors.get(&sector).into_iter().flatten().copied()
    }

    /// The last image of a sector before a phase; none where it does not matter what the sector holds then.
    fn before(&self, sector: u64, phase: u32) -> Option<(u32, u64)> {
        self.images(sector).rev().find(|image| image.0 < phase)
    }

    /// Whether an image is what its sector holds before a phase.
    fn stands_before(&self, phase: u32, image: &Image) -> bool {
        let before = self.before(image.sector, phase);
        before.is_some_and(|before| before.0 == image.phase)
    }
}

impl<D: SectorDevice> Medium<'_, D> {
    /// Writes the wanted images that the medium does not hold already, of each sector one, and once more those that do
    /// not read back.
    fn write(
        &mut self,
        journal: &mut dyn Journal,
        wanted: impl Fn(&Image) -> bool,
    ) -> Result<(), RecoveryError> {
        for _ in 0..2 {
            let mut written = BTreeMap::new();
            let mut batch = Batch::default();
            for_each_image(journal, |image| {
                let digest = digest(image.content.bytes());
                if !wanted(&image) || self.now.get(&image.sector) == Some(&digest) {
                    return Ok(());
                }
                written.insert(image.sector, digest);
                batch.add(self.volume, image.sector, image.content.bytes())
            })?;
            let flushed = batch.write(self.volume).and_then(|()| self.volume.flush());
            let now = flushed.and_then(|()| digests(self.volume, written.keys().copied()));
            let now = now.map_err(RecoveryError::Device)?;
            let holds = now == written;
            self.now.extend(now);
            if holds {
                return Ok(());
            }
        }
        Err(RecoveryError::Unverified)
    }
}

/// What these sectors hold, by their ascending numbers.
fn digests<D: SectorDevice>(
    volume: &mut D,
    sectors: impl IntoIterator<Item = u64>,
) -> io::Result<BTreeMap<u64, u64>> {
    let mut now = BTreeMap::new();
    let mut buffer = Vec::new();
    for run in runs(sectors, MAX_TRANSFER / SECTOR_SIZE) {
        buffer.resize(
            at_most((run.end - run.start) * wide(SECTOR_SIZE), MAX_TRANSFER),
            0,
        );
        volume.read(run.start, &mut buffer)?;
        now.extend(run.zip(buffer.chunks_exact(SECTOR_SIZE).map(digest)));
    }
    Ok(now)
}

/// Shows every image in the journal to `visit`, whose errors are the medium's.
fn for_each_image(
    journal: &mut dyn Journal,
    mut visit: impl FnMut(Image) -> io::Result<()>,
) -> Result<(), RecoveryError> {
    let kept = journal.kept().map_err(RecoveryError::Journal)?;
    let reader = kept.map_or(Ok(None), RecordReader::begin);
    let Some(mut reader) = reader.map_err(RecoveryError::Journal)? else {
        return Err(RecoveryError::Journal(io::ErrorKind::NotFound.into()));
    };
    while let Some(image) = reader.next().map_err(RecoveryError::Journal)? {
        visit(image).map_err(RecoveryError::Device)?;
    }
    Ok(())
}

/// Sectors that follow each other, on their way to the medium in one transfer.
#[derive(Default)]
struct Batch {
    first: u64,
    bytes: Vec<u8>,
}

impl Batch {
    fn add<D: SectorDevice>(
        &mut self,
        volume: &mut D,
        sector: u64,
        content: &[u8],
    ) -> io::Result<()> {
        let follows = sector == self.first + wide(self.bytes.len() / SECTOR_SIZE);
        if !follows || self.bytes.len() >= MAX_TRANSFER {
            self.write(volume)?;
        }
        if self.bytes.is_empty() {
            self.first = sector;
        }
        self.bytes.extend_from_slice(content);
        Ok(())
    }

    fn write<D: SectorDevice>(&mut self, volume: &mut D) -> io::Result<()> {
        if !self.bytes.is_empty() {
            volume.write(self.first, &self.bytes)?;
            self.bytes.clear();
        }
        Ok(())
    }
}
