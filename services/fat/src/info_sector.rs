//! The free count that FAT32 keeps beside the table: [`FreeCount`] in the `FSInfo` sector (FAT specification,
//! section 5). It is a hint; the table is the truth.

use crate::medium::Sector;
use crate::numbers::{read_u32, write_u32};

const SIGNATURES: [(usize, u32); 3] = [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xAA55_0000)];
const FREE: usize = 488;
const NEXT: usize = 492;
const UNKNOWN: u32 = 0xFFFF_FFFF;

/// What the sector says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FreeCount {
    /// Free clusters.
    pub(crate) free: Option<u32>,
    /// Where to begin looking for one.
    pub(crate) next: Option<u32>,
}

impl FreeCount {
    /// `None` when this is no such sector.
    pub(crate) fn read(sector: &Sector) -> Option<Self> {
        let known = |at| Some(read_u32(sector.bytes(), at)).filter(|&value| value != UNKNOWN);
        let is_signed = SIGNATURES
            .iter()
            .all(|&(at, value)| read_u32(sector.bytes(), at) == value);
        is_signed.then(|| Self {
            free: known(FREE),
            next: known(NEXT),
        })
    }

    pub(crate) fn write(self, sector: &mut Sector) {
        write_u32(sector.bytes_mut(), FREE, self.free.unwrap_or(UNKNOWN));
        write_u32(sector.bytes_mut(), NEXT, self.next.unwrap_or(UNKNOWN));
    }
}
