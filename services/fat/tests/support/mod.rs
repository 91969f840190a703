//! Volumes to test on, and second opinions about them: mtools, fsck.vfat and the fatfs crate.

#![allow(dead_code, reason = "every test binary uses a part of this")]

pub(crate) mod image;
pub(crate) mod memory;
pub(crate) mod second_opinion;
pub(crate) mod tree;

use std::io::Cursor;

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

/// Saves a whole content.
pub(crate) fn save<D: SectorDevice>(
    volume: &mut Volume<D>,
    at: &str,
    content: &[u8],
) -> Result<Saved, Error> {
    let size = content.len().try_into().unwrap();
    volume.save(&path(at), size, &mut Cursor::new(content), noon())
}
