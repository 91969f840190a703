//! A drive in memory that watches who uses it: nothing outside the volume is touched, and nothing goes on for ever.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use cpy_fat::{SECTOR_SIZE, SectorDevice};

/// A drive; clones are the same one.
#[derive(Clone)]
pub struct Drive(Arc<Mutex<State>>);

struct State {
    bytes: Vec<u8>,
    /// Transfers since the last [`Drive::rest`].
    transfers: u64,
    most: u64,
    /// What may be written, in sectors.
    writable: std::ops::Range<u64>,
    written: u64,
}

impl Drive {
    /// A drive that holds these bytes, all of which may be written.
    pub fn new(mut bytes: Vec<u8>) -> Self {
        bytes.resize(bytes.len().next_multiple_of(SECTOR_SIZE), 0);
        let sectors = sectors(bytes.len());
        Self(Arc::new(Mutex::new(State {
            bytes,
            transfers: 0,
            // Every operation walks what there is a few times at most. Where each step costs a transfer, because
            // nothing may be kept, that is some for each sector.
            most: 20_000 + 400 * sectors,
            writable: 0..sectors,
            written: 0,
        })))
    }

    /// From now on a write elsewhere is a failure of the test.
    pub fn guard(&self, writable: std::ops::Range<u64>) {
        self.lock().writable = writable;
    }

    /// An operation is over: the next one may take as long.
    pub fn rest(&self) {
        self.lock().transfers = 0;
    }

    /// Sectors that were written since the beginning.
    pub fn written(&self) -> u64 {
        self.lock().written
    }

    /// What is on it.
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// What is in one of its sectors, if it has that.
    pub fn sector(&self, number: usize) -> Option<[u8; SECTOR_SIZE]> {
        let state = self.lock();
        state.bytes.as_chunks().0.get(number).copied()
    }

    /// Damages it: somebody else writes these bytes.
    pub fn damage(&self, at: usize, with: &[u8]) {
        let bytes = &mut self.lock().bytes;
        let length = bytes.len();
        for (place, byte) in (at..).zip(with) {
            bytes[place % length] = *byte;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn place(&mut self, first: u64, length: usize) -> std::ops::Range<usize> {
        assert!(
            length.is_multiple_of(SECTOR_SIZE),
            "{length} bytes are no sectors"
        );
        self.transfers += 1;
        assert!(
            self.transfers <= self.most,
            "more than {} transfers",
            self.most
        );
        let end = first
            .checked_add(sectors(length))
            .expect("a sector that exists");
        assert!(
            end <= sectors(self.bytes.len()),
            "sector {end} is beyond the drive"
        );
        let at = usize::try_from(first).unwrap() * SECTOR_SIZE;
        at..at + length
    }
}

impl SectorDevice for Drive {
    fn sectors(&self) -> u64 {
        sectors(self.lock().bytes.len())
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.lock();
        let place = state.place(first, into.len());
        into.copy_from_slice(&state.bytes[place]);
        Ok(())
    }

    fn write(&mut self, first: u64, from: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        let place = state.place(first, from.len());
        let end = first + sectors(from.len());
        let (start, stop) = (state.writable.start, state.writable.end);
        assert!(
            start <= first && end <= stop,
            "sectors {first}..{end} are written, {start}..{stop} are the volume's"
        );
        state.written += sectors(from.len());
        state.bytes[place].copy_from_slice(from);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn sectors(bytes: usize) -> u64 {
    (bytes / SECTOR_SIZE) as u64
}
