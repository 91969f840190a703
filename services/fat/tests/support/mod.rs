//! Volumes to test on, and second opinions about them: mtools, fsck.vfat and the fatfs crate.

#![allow(dead_code, reason = "every test binary uses a part of this")]

pub(crate) mod image;
pub(crate) mod journal;
pub(crate) mod memory;
pub(crate) mod model;
pub(crate) mod recording;
pub(crate) mod scenario;
pub(crate) mod second_opinion;
pub(crate) mod tree;
pub(crate) mod worn;

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use cpy_fat::{Error, Path, Saved, SectorDevice, Timestamp, Volume};

/// Some moment; even, so that it is stored as it is.
pub(crate) fn noon() -> Timestamp {
    Timestamp::from_unix_seconds(1_760_702_400)
}

pub(crate) fn path(text: &str) -> Path {
    text.parse().unwrap()
}

/// Bytes that differ from place to place and from `seed` to `seed`.
pub(crate) fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

/// One byte again and again.
pub(crate) struct Repeated(pub(crate) u8);

impl Read for Repeated {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        into.fill(self.0);
        Ok(into.len())
    }
}

impl Seek for Repeated {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Ok(0)
    }
}

/// Saves a whole content.
pub(crate) fn save<D: SectorDevice>(
    volume: &mut Volume<D>,
    at: &str,
    content: &[u8],
) -> Result<Saved, Error> {
    let size = content.len().try_into().unwrap();
    volume.save(&path(at), size, &mut Cursor::new(content), noon())
}
