//! Where a change is written down before it begins: [`Journal`], and the format of what it keeps, a *record*.
//!
//! A record holds images of sectors. Those of phase 0 are what stands on the medium before the change; those of a
//! later phase are what that phase writes. [`recover`](crate::recover) needs no more than this to finish a change
//! that was cut, or to take it back. The volume's own words for things (tables, entries) are not known here.
//!
//! Layout, little-endian: [`Header`], then the path of what is changed, then each image as its phase (4 bytes), its
//! sector counted from the volume's first one (8) and its 512 bytes, ordered by phase; then the CRC-32 of all of that (4).
//! What is appended to that says that a recovery from it has begun, or that its change is to be taken back.

use std::io::{self, Read, Write};

use crc32fast::Hasher;

use crate::device::SECTOR_SIZE;
use crate::medium::Sector;
use crate::numbers::{read_u16, read_u32, read_u64};

/// A place off the volume that keeps one record, and still has it after a loss of power.
pub trait Journal: Send {
    /// Keeps what `write` writes in place of what was kept. When this returns it is durable.
    fn keep(&mut self, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()>;

    /// What is kept, from its beginning.
    fn kept(&mut self) -> io::Result<Option<Box<dyn Read + '_>>>;

    /// Keeps these bytes too, behind all that is kept. When this returns it is durable.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Keeps nothing any more. When this returns it is durable.
    fn discard(&mut self) -> io::Result<()>;

    /// Keeps nothing any more, and puts what was kept aside for a person, where there is a place for that, instead of what
    /// was put there before. When this returns it is durable.
    fn set_aside(&mut self) -> io::Result<()> {
        self.discard()
    }
}

/// What becomes of a change that was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// It is finished.
    Finish,
    /// It is taken back: all that it writes over is in phase 0.
    TakeBack,
}

/// What a record begins with: 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) direction: Direction,
    /// The volume's first sector on its device.
    pub(crate) first: u64,
    /// How many sectors the volume has.
    pub(crate) sectors: u64,
    /// How many phases the change has.
    pub(crate) phases: u32,
    /// How many images follow.
    pub(crate) images: u64,
}

/// A sector as it is before a change, or after one of its phases.
#[derive(Debug, Clone)]
pub(crate) struct Image {
    pub(crate) phase: u32,
    pub(crate) sector: u64,
    pub(crate) content: Sector,
}

const MAGIC: [u8; 8] = *b"cpy-fat1";
const HEADER: usize = 40;
/// Where the header has the length of the path, which is 0 in records of before there was one.
const PATH: usize = 29;
const IMAGE: usize = 12 + SECTOR_SIZE;

impl Header {
    fn to_bytes(self, path: u16) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sectors.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.phases.to_le_bytes());
        bytes[28] = match self.direction {
            Direction::Finish => 1,
            Direction::TakeBack => 2,
        };
        bytes[PATH..PATH + 2].copy_from_slice(&path.to_le_bytes());
        bytes[32..].copy_from_slice(&self.images.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; HEADER]) -> Option<Self> {
        let direction = match bytes[28] {
            1 => Direction::Finish,
            2 => Direction::TakeBack,
            _ => return None,
        };
        let header = Self {
            direction,
            first: read_u64(bytes, 8),
            sectors: read_u64(bytes, 16),
            phases: read_u32(bytes, 24),
            images: read_u64(bytes, 32),
        };
        // A phase writes at least one sector, but for that of an empty content.
        let may_be = u64::from(header.phases) <= header.images.saturating_add(1);
        (bytes[..8] == MAGIC && may_be).then_some(header)
    }
}

/// A record on its way into a journal.
pub(crate) struct RecordWriter<'w> {
    into: &'w mut dyn Write,
    sum: Hasher,
}

impl<'w> RecordWriter<'w> {
    /// Begins a record of a change to `path`, which a person is told.
    pub(crate) fn begin(into: &'w mut dyn Write, header: Header, path: &str) -> io::Result<Self> {
        let mut writer = Self {
            into,
            sum: Hasher::new(),
        };
        // One that is longer than any system takes is not told.
        let (path, length) = u16::try_from(path.len()).map_or(("", 0), |length| (path, length));
        writer.put(&header.to_bytes(length))?;
        writer.put(path.as_bytes())?;
        Ok(writer)
    }

    /// Adds the image of a sector: its 512 bytes.
    pub(crate) fn image(&mut self, phase: u32, sector: u64, content: &[u8]) -> io::Result<()> {
        debug_assert_eq!(content.len(), SECTOR_SIZE, "an image is a sector");
        self.put(&phase.to_le_bytes())?;
        self.put(&sector.to_le_bytes())?;
        self.put(content)
    }

    pub(crate) fn finish(self) -> io::Result<()> {
        let sum = self.sum.finalize();
        self.into.write_all(&sum.to_le_bytes())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.into.write_all(bytes)
    }
}

/// What a whole record is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Its change may have been cut.
    Changing,
    /// A recovery from it may have been cut.
    Recovering,
    /// What its change wrote did not hold, so it is taken back.
    Undoing,
}

/// What is appended to a record when it comes to a stage.
const RECOVERING: u8 = b'R';
const UNDOING: u8 = b'U';

/// A record on its way out of a journal. Before [`RecordReader::stage`] has said so, nothing of it is certain.
pub(crate) struct RecordReader<'r> {
    from: Box<dyn Read + 'r>,
    sum: Hasher,
    pub(crate) header: Header,
    /// What was to be changed; empty where that is not known.
    pub(crate) path: String,
    left: u64,
}

impl<'r> RecordReader<'r> {
    /// Reads the header; `None` where there is none.
    pub(crate) fn begin(mut from: Box<dyn Read + 'r>) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER];
        if !filled(&mut from, &mut bytes)? {
            return Ok(None);
        }
        let mut path = vec![0; usize::from(read_u16(&bytes, PATH))];
        if !filled(&mut from, &mut path)? {
            return Ok(None);
        }
        let mut sum = Hasher::new();
        sum.update(&bytes);
        sum.update(&path);
        Ok(Header::from_bytes(&bytes).map(|header| Self {
            from,
            sum,
            left: header.images,
            header,
            path: String::from_utf8_lossy(&path).into_owned(),
        }))
    }

    /// The next image; `None` behind the last one, and where the record breaks off.
    pub(crate) fn next(&mut self) -> io::Result<Option<Image>> {
        let mut bytes = [0; IMAGE];
        if self.left == 0 || !filled(&mut self.from, &mut bytes)? {
            return Ok(None);
        }
        self.left -= 1;
        self.sum.update(&bytes);
        Ok(Some(Image {
            phase: read_u32(&bytes, 0),
            sector: read_u64(&bytes, 4),
            content: Sector::from_slice(&bytes[12..]),
        }))
    }

    /// What it is good for, when all of it was read; `None` where that is not what was written.
    pub(crate) fn stage(mut self) -> io::Result<Option<Stage>> {
        let mut sum = [0; 4];
        if self.left > 0
            || !filled(&mut self.from, &mut sum)?
            || u32::from_le_bytes(sum) != self.sum.finalize()
        {
            return Ok(None);
        }
        let mut mark = [0];
        Ok(Some(match filled(&mut self.from, &mut mark)? {
            false => Stage::Changing,
            true if mark == [UNDOING] => Stage::Undoing,
            true => Stage::Recovering,
        }))
    }
}

/// Says in a journal that a recovery from its record begins.
pub(crate) fn begin_recovery(journal: &mut dyn Journal) -> io::Result<()> {
    journal.append(&[RECOVERING])
}

/// Says in a journal that its change is to be taken back, and that the medium need not look as a cut leaves it.
pub(crate) fn begin_undoing(journal: &mut dyn Journal) -> io::Result<()> {
    journal.append(&[UNDOING])
}

/// Fills `into`; false where there is less.
fn filled(from: &mut dyn Read, into: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> Vec<u8> {
        let header = Header {
            direction: Direction::TakeBack,
            first: 1,
            sectors: 2048,
            phases: 2,
            images: 3,
        };
        let mut bytes = Vec::new();
        let mut writer = RecordWriter::begin(&mut bytes, header, "/code.py").unwrap();
        for phase in 0..3 {
            writer.image(phase, 7, &[9; SECTOR_SIZE]).unwrap();
        }
        writer.finish().unwrap();
        bytes
    }

    /// How many images a record has, if it is one.
    fn images(bytes: &[u8]) -> Option<usize> {
        let mut reader = RecordReader::begin(Box::new(bytes)).unwrap()?;
        let mut count = 0;
        while reader.next().unwrap().is_some() {
            count += 1;
        }
        reader.stage().unwrap().map(|_| count)
    }

    #[test]
    fn a_record_reads_back() {
        let bytes = record();
        assert_eq!(images(&bytes), Some(3));
        let mut reader = RecordReader::begin(Box::new(&bytes[..])).unwrap().unwrap();
        assert_eq!(reader.header.direction, Direction::TakeBack);
        assert_eq!((reader.header.first, reader.header.sectors), (1, 2048));
        assert_eq!(reader.path, "/code.py");
        let image = reader.next().unwrap().unwrap();
        assert_eq!((image.phase, image.sector), (0, 7));
        assert_eq!(image.content.bytes(), &[9; SECTOR_SIZE]);
        while reader.next().unwrap().is_some() {}
        assert_eq!(reader.stage().unwrap(), Some(Stage::Changing));
    }

    #[test]
    fn a_record_of_more_phases_than_it_has_images_for_is_none() {
        for phases in [5, 1_000_000, u32::MAX] {
            let header = Header {
                direction: Direction::Finish,
                first: 0,
                sectors: 2048,
                phases,
                images: 3,
            };
            let mut bytes = Vec::new();
            let mut writer = RecordWriter::begin(&mut bytes, header, "").unwrap();
            for phase in [0, 1, phases] {
                writer.image(phase, 7, &[9; SECTOR_SIZE]).unwrap();
            }
            writer.finish().unwrap();
            assert_eq!(images(&bytes), None, "{phases}");
        }
    }

    proptest! {
        #[test]
        fn what_is_no_whole_record_is_none(at in 0..record().len(), bit in 0_u8..8, cut in 0..record().len()) {
            let mut changed = record();
            changed[at] ^= 1 << bit;
            prop_assert_eq!(images(&changed), None);
            prop_assert_eq!(images(&record()[..cut]), None);
        }
    }
}
