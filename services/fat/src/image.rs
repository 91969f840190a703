//! A volume as its sectors: to be kept as they stand, and to be replaced by what a repair elsewhere made of them.

use std::io::SeekFrom;

use crate::boot_sector::Geometry;
use crate::device::{MAX_TRANSFER, SECTOR_SIZE, SectorDevice};
use crate::error::Error;
use crate::medium::Sector;
use crate::numbers::{at_most, wide};
use crate::path::Path;
use crate::transaction::{Source, Transaction};
use crate::volume::Volume;

/// How many sectors a replacement may change: 8 MiB, which are held in memory. A repair changes a few.
const MOST_CHANGED: usize = 16 * 1024;

impl<D: SectorDevice> Volume<D> {
    /// How many sectors the volume has, its boot sector the first.
    pub fn sectors(&self) -> u64 {
        self.medium.sectors()
    }

    /// Reads whole sectors from `first` on, as they stand on the medium.
    pub fn read_sectors(&mut self, first: u64, into: &mut [u8]) -> Result<(), Error> {
        Ok(self.medium.read(first, into)?)
    }

    /// Makes the volume's sectors those of an image of it, which has as many; how many were not like that. No order of
    /// writing them is safe, so it takes a journal, which puts back the old ones if it is cut.
    pub fn replace_sectors(mut self, image: &mut dyn Source) -> Result<u64, Error> {
        self.begin_change()?;
        self.medium.forget();
        let path = Path::root();
        let sectors = self.sectors();
        // What is to be written must be what was read here, whatever the copies of the table are.
        let mut transaction = Transaction::new(None);
        transaction.is_in_place = true;
        let mut changed = 0;
        let failed = |source| Error::Content {
            path: path.clone(),
            source,
        };
        image.seek(SeekFrom::Start(0)).map_err(failed)?;
        for first in (0..sectors).step_by(MAX_TRANSFER / SECTOR_SIZE) {
            let bytes = at_most((sectors - first) * wide(SECTOR_SIZE), MAX_TRANSFER);
            let (mut old, mut new) = (vec![0; bytes], vec![0; bytes]);
            image.read_exact(&mut new).map_err(failed)?;
            if first == 0 {
                let boot = Sector::from_slice(&new[..SECTOR_SIZE]);
                Geometry::parse(boot.bytes(), sectors)?;
            }
            self.medium.read(first, &mut old)?;
            let pairs = old
                .chunks_exact(SECTOR_SIZE)
                .zip(new.chunks_exact(SECTOR_SIZE));
            for (number, (_, new)) in (first..).zip(pairs).filter(|(_, (old, new))| old != new) {
                changed += 1;
                if changed > MOST_CHANGED {
                    return Err(Error::OtherVolume);
                }
                transaction.put(number, Sector::from_slice(new));
            }
        }
        if changed > 0 {
            self.write(transaction, &path)?;
        }
        Ok(wide(changed))
    }
}
