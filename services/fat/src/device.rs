//! What a volume lies on: [`SectorDevice`], and [`Slice`], the window that nothing can leave.
//!
//! This module owns the unit of transfer (a sector of 512 bytes) and the bounds of a volume. It does
//! not know what the sectors hold.

use std::io;

use crate::numbers::wide;

/// Bytes of a device sector, whatever a volume calls a sector.
pub const SECTOR_SIZE: usize = 512;

/// The most bytes that one read or write of file contents moves. USB pays per command, so it is large;
/// a sector count of 256 fits every transport.
pub const MAX_TRANSFER: usize = 128 * 1024;

/// Sectors of 512 bytes, numbered from 0. Buffers are whole sectors, one call is one transfer.
///
/// `write` may be cut short by an unplug after any number of its sectors; `flush` returns when everything
/// that was written is on the medium.
pub trait SectorDevice: Send {
    /// How many sectors there are.
    fn sectors(&self) -> u64;
    /// Fills `into` from the sectors that begin at `first`.
    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()>;
    /// Writes `from` to the sectors that begin at `first`.
    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()>;
    /// Waits until all that was written is on the medium.
    fn flush(&mut self) -> io::Result<()>;
}

impl<D: SectorDevice + ?Sized> SectorDevice for &mut D {
    fn sectors(&self) -> u64 {
        (**self).sectors()
    }
    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read(first, into)
    }
    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        (**self).write(first, from)
    }
    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }
}

impl<D: SectorDevice + ?Sized> SectorDevice for Box<D> {
    fn sectors(&self) -> u64 {
        (**self).sectors()
    }
    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        (**self).read(first, into)
    }
    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        (**self).write(first, from)
    }
    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }
}

/// A part of a device as a device of its own. A transfer that would leave it fails before it begins.
#[derive(Debug)]
pub struct Slice<D> {
    device: D,
    first: u64,
    sectors: u64,
}

impl<D: SectorDevice> Slice<D> {
    /// The `sectors` sectors from `first` on; `None` when the device does not have them all.
    pub fn new(device: D, first: u64, sectors: u64) -> Option<Self> {
        let end = first.checked_add(sectors)?;
        (end <= device.sectors()).then_some(Self {
            device,
            first,
            sectors,
        })
    }

    /// The whole device below.
    pub fn into_inner(self) -> D {
        self.device
    }

    /// Where a transfer of `bytes` bytes at `first` lies on the device below.
    fn locate(&self, first: u64, bytes: usize) -> io::Result<u64> {
        let whole = bytes.is_multiple_of(SECTOR_SIZE);
        let end = first.checked_add(wide(bytes / SECTOR_SIZE));
        match end {
            Some(end) if whole && end <= self.sectors => Ok(self.first + first),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "{bytes} bytes at sector {first} are not within the volume's {} sectors",
                    self.sectors
                ),
            )),
        }
    }
}

impl<D: SectorDevice> SectorDevice for Slice<D> {
    fn sectors(&self) -> u64 {
        self.sectors
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let first = self.locate(first, into.len())?;
        self.device.read(first, into)
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let first = self.locate(first, from.len())?;
        self.device.write(first, from)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.device.flush()
    }
}

/// A device in memory, for unit tests.
#[cfg(test)]
pub(crate) struct Memory(pub(crate) Vec<u8>);

#[cfg(test)]
impl SectorDevice for Memory {
    fn sectors(&self) -> u64 {
        wide(self.0.len() / SECTOR_SIZE)
    }
    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let at = usize::try_from(first).expect("a small device") * SECTOR_SIZE;
        into.copy_from_slice(&self.0[at..at + into.len()]);
        Ok(())
    }
    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let at = usize::try_from(first).expect("a small device") * SECTOR_SIZE;
        self.0[at..at + from.len()].copy_from_slice(from);
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_cannot_be_left() {
        let mut slice = Slice::new(Memory(vec![7; 10 * SECTOR_SIZE]), 4, 3).unwrap();
        let mut buffer = vec![0; 2 * SECTOR_SIZE];
        assert!(slice.read(1, &mut buffer).is_ok());
        assert!(slice.read(2, &mut buffer).is_err());
        assert!(slice.write(2, &buffer).is_err());
        assert!(slice.write(u64::MAX, &buffer).is_err());
        assert!(slice.write(0, &buffer[..100]).is_err());
    }

    #[test]
    fn a_slice_beyond_the_device_is_refused() {
        assert!(Slice::new(Memory(vec![0; 4 * SECTOR_SIZE]), 2, 3).is_none());
        assert!(Slice::new(Memory(vec![0; 4 * SECTOR_SIZE]), u64::MAX, 2).is_none());
    }
}
