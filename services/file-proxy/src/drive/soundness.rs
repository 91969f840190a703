//! Whether a drive is sound, and what was made of one that is not.

use cpy_board::Fingerprint;
use cpy_fat::{Report, SECTOR_SIZE, Source};

use super::{Drive, PIECE};
use crate::device::Protection;
use crate::opened::Volume;
use crate::refusal::Refusal;

/// How many sectors of an image are read at a time. Whether a request that has its turn in between has changed the drive
/// shows when a repaired one comes back.
pub(crate) const PIECE_SECTORS: usize = PIECE / SECTOR_SIZE;

impl Drive {
    /// Looks at all of it but the content of files.
    pub(crate) fn check(&mut self) -> Result<Report, Refusal> {
        self.read(Volume::check)
    }

    /// How many sectors the volume has.
    pub(crate) fn sectors(&mut self) -> Result<u64, Refusal> {
        self.read(|volume| Ok(volume.sectors()))
    }

    /// A piece of the volume from this sector on: [`PIECE_SECTORS`], or those up to its end.
    pub(crate) fn piece(&mut self, first: u64) -> Result<Vec<u8>, Refusal> {
        self.read(|volume| {
            let left = usize::try_from(volume.sectors().saturating_sub(first));
            let sectors = left.map_or(PIECE_SECTORS, |left| left.min(PIECE_SECTORS));
            let mut piece = vec![0; sectors * SECTOR_SIZE];
            volume.read_sectors(first, &mut piece)?;
            Ok(piece)
        })
    }

    /// Which state the volume's sectors are in.
    pub(crate) fn fingerprint(&mut self) -> Result<Fingerprint, Refusal> {
        let mut fingerprint = Fingerprint::default();
        for first in (0..self.sectors()?).step_by(PIECE_SECTORS) {
            fingerprint.add(&self.piece(first)?);
        }
        Ok(fingerprint)
    }

    /// Puts a repaired image of the volume in its place. The drive is opened anew by what comes next.
    pub(crate) fn replace(&mut self, image: &mut dyn Source) -> Result<u64, Refusal> {
        if self.open()?.protection == Protection::WriteProtected {
            return Err(Refusal::WriteProtected);
        }
        let opened = self.opened.take().ok_or(Refusal::Internal)?;
        let replaced = opened.volume.replace_sectors(image);
        let changed = replaced.map_err(|error| self.failed(error))?;
        tracing::warn!(board = %self.serial, sectors = changed, "the drive was repaired");
        self.write_record();
        Ok(changed)
    }
}
